//! `--authorization-config`.
//!
//! Upstream: `pkg/kubeapiserver/authorizer/reload.go` (in 1.29 `pkg/kubeapiserver/options/authorization.go`) and
//! `k8s.io/apiserver/pkg/apis/apiserver/validation/validation.go`. CEL expressions are not compiled.

use super::super::super::errors::{FieldErrors, joined};
use super::super::super::options::Options;
use super::super::super::state::{FileState, Files};
use super::document::{self, list, nanoseconds, set, text};
use super::names::subdomain_errors;
use crate::kubernetes::Failure;
use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::Node;

const TYPES: [&str; 6] = [
    "ABAC",
    "AlwaysAllow",
    "AlwaysDeny",
    "Node",
    "RBAC",
    "Webhook",
];
const LOAD: &str = "failed to load AuthorizationConfiguration from file: ";

/// The failure over the file.
pub(in super::super) fn failure(
    options: &Options,
    files: &Files<'_>,
    path: &str,
) -> Option<Failure> {
    let content = match files(path) {
        FileState::Content(content) => content,
        FileState::Missing => {
            return Some(super::super::super::state::missing(path, |error| {
                // In 1.29 reading is part of loading.
                if options.since(30) {
                    error.to_owned()
                } else {
                    format!("{LOAD}{error}")
                }
            }));
        }
        FileState::Unknown => return None,
    };
    if content.is_empty() {
        let mut errors = FieldErrors::default();
        none(&mut errors);
        return Some(document::invalid(path, errors.message()?));
    }
    let document =
        match document::decode(options, &content, &document::kinds(options, false), true)? {
            Ok(document) => document,
            Err(refusal) => return Some(refusal.failure(path, |error| format!("{LOAD}{error}"))),
        };
    if document.kind != "AuthorizationConfiguration" {
        let message = format!(
            "{LOAD}expected AuthorizationConfiguration, got *apiserver.{}",
            document.kind
        );
        return Some(document::invalid(path, message));
    }
    let mut errors = FieldErrors::default();
    let authorizers = list(&document.root, "authorizers");
    validate(files, authorizers, &mut errors);
    let message = errors.message().or_else(|| names_error(authorizers))?;
    Some(document::invalid(path, message))
}

/// Whether a file that is valid has an authorizer by attributes.
pub(in super::super) fn has_attributes(options: &Options, files: &Files<'_>, path: &str) -> bool {
    let FileState::Content(content) = files(path) else {
        return false;
    };
    let Some(Ok(document)) =
        document::decode(options, &content, &document::kinds(options, false), true)
    else {
        return false;
    };
    list(&document.root, "authorizers")
        .iter()
        .any(|authorizer| text(authorizer, "type") == "ABAC")
}

fn none(errors: &mut FieldErrors) {
    errors.required(
        "authorizers",
        "at least one authorization mode must be defined",
    );
}

/// An authorizer that is no webhook has the name of its type.
fn names_error(authorizers: &[Node]) -> Option<String> {
    let mut errors = Vec::new();
    for authorizer in authorizers {
        let kind = text(authorizer, "type");
        let (name, expected) = (text(authorizer, "name"), kind.to_lowercase());
        if kind != "Webhook" && name != expected {
            errors.push(format!(
                "expected name {expected} for authorizer {kind} instead of {name}"
            ));
        }
    }
    (!errors.is_empty()).then(|| joined(&errors))
}

/// `ValidateAuthorizationConfiguration`.
fn validate(files: &Files<'_>, authorizers: &[Node], errors: &mut FieldErrors) {
    if authorizers.is_empty() {
        none(errors);
    }
    let mut kinds: Vec<&str> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (index, authorizer) in authorizers.iter().enumerate() {
        let path = format!("authorizers[{index}]");
        let kind = text(authorizer, "type");
        let kind_path = format!("{path}.type");
        if kind.is_empty() {
            errors.required(&kind_path, "");
            continue;
        }
        if !TYPES.contains(&kind) {
            errors.not_supported(&kind_path, kind, &TYPES);
            continue;
        }
        if kinds.contains(&kind) && kind != "Webhook" {
            errors.duplicate(&kind_path, kind);
            continue;
        }
        kinds.push(kind);
        let name = text(authorizer, "name");
        validate_name(name, &names, &format!("{path}.name"), errors);
        names.push(name);
        let webhook = set(authorizer, "webhook");
        match (kind, webhook) {
            ("Webhook", None) => {
                errors.required(&format!("{path}.webhook"), "required when type=Webhook");
            }
            ("Webhook", Some(webhook)) => validate_webhook(files, webhook, &path, errors),
            (_, Some(_)) => {
                let detail = "may only be specified when type=Webhook";
                errors.invalid_text(&format!("{path}.webhook"), "non-null", detail);
            }
            (_, None) => {}
        }
    }
}

fn validate_name(name: &str, names: &[&str], path: &str, errors: &mut FieldErrors) {
    if name.is_empty() {
        errors.required(path, "");
    } else if names.contains(&name) {
        errors.duplicate(path, name);
    } else {
        let found = subdomain_errors(name);
        if !found.is_empty() {
            let detail = format!("authorizer name is invalid: {}", found.join(", "));
            errors.invalid_text(path, name, &detail);
        }
    }
}

/// `ValidateWebhookConfiguration`, after the defaults of the times.
fn validate_webhook(files: &Files<'_>, webhook: &Node, path: &str, errors: &mut FieldErrors) {
    let second = 1_000_000_000;
    let timeout = nanoseconds(webhook, "timeout").unwrap_or(0);
    if timeout == 0 {
        errors.required(&format!("{path}.timeout"), "");
    } else if timeout > 30 * second || timeout < 0 {
        let value = duration::format(timeout);
        errors.invalid_text(
            &format!("{path}.timeout"),
            &value,
            "must be > 0s and <= 30s",
        );
    }
    for field in ["authorizedTTL", "unauthorizedTTL"] {
        let life = nanoseconds(webhook, field).unwrap_or(second);
        if life < 0 {
            let value = duration::format(life);
            errors.invalid_text(&format!("{path}.{field}"), &value, "must be > 0s");
        }
    }
    one_of(
        webhook,
        path,
        "subjectAccessReviewVersion",
        &["v1", "v1beta1"],
        errors,
    );
    let field = "matchConditionSubjectAccessReviewVersion";
    let conditions = list(webhook, "matchConditions");
    match text(webhook, field) {
        "" if !conditions.is_empty() => {
            let detail = "required if match conditions are specified";
            errors.required(&format!("{path}.{field}"), detail);
        }
        "" | "v1" => {}
        other => errors.not_supported(&format!("{path}.{field}"), other, &["v1"]),
    }
    one_of(
        webhook,
        path,
        "failurePolicy",
        &["NoOpinion", "Deny"],
        errors,
    );
    validate_connection(files, webhook, path, errors);
    validate_conditions(conditions, path, errors);
}

fn one_of(node: &Node, path: &str, field: &str, known: &[&str], errors: &mut FieldErrors) {
    let value = text(node, field);
    let path = format!("{path}.{field}");
    if value.is_empty() {
        errors.required(&path, "");
    } else if !known.contains(&value) {
        errors.not_supported(&path, value, known);
    }
}

fn validate_connection(files: &Files<'_>, webhook: &Node, path: &str, errors: &mut FieldErrors) {
    let path = format!("{path}.connectionInfo");
    let connection = set(webhook, "connectionInfo");
    let of = |field: &str| connection.map_or("", |connection| text(connection, field));
    let file = of("kubeConfigFile");
    let file_path = format!("{path}.kubeConfigFile");
    let is_set = connection
        .and_then(|connection| set(connection, "kubeConfigFile"))
        .is_some();
    match of("type") {
        "" => errors.required(&format!("{path}.type"), ""),
        "InClusterConfig" => {
            if is_set {
                errors.invalid_text(&file_path, file, "can only be set when type=KubeConfigFile");
            }
        }
        "KubeConfigFile" => {
            if file.is_empty() {
                errors.required(&file_path, "");
            } else if !file.starts_with('/') {
                errors.invalid_text(&file_path, file, "must be an absolute path");
            } else if files(file) == FileState::Missing {
                let detail =
                    format!("error loading file: stat {file}: no such file or directory");
                errors.invalid_text(&file_path, file, &detail);
            }
        }
        // The value is printed as Go's struct or as JSON.
        _ => errors.messages.push(format!(
            "{path}.type: Unsupported value: …: supported values: \"InClusterConfig\", \"KubeConfigFile\""
        )),
    }
}

fn validate_conditions(conditions: &[Node], path: &str, errors: &mut FieldErrors) {
    let path = format!("{path}.matchConditions");
    if conditions.len() > 64 {
        errors.too_many(&path, conditions.len(), 64);
        return;
    }
    let mut seen: Vec<&str> = Vec::new();
    for (index, condition) in conditions.iter().enumerate() {
        let path = format!("{path}[{index}].expression");
        let expression = text(condition, "expression");
        if expression.trim().is_empty() {
            errors.required(&path, "");
        } else if seen.contains(&expression) {
            errors.duplicate(&path, expression);
        }
        seen.push(expression);
    }
}
