//! `--audit-policy-file`.
//!
//! Upstream: `k8s.io/apiserver/pkg/audit/policy/reader.go` and `.../pkg/apis/audit/validation/validation.go`.

use super::super::super::errors::FieldErrors;
use super::super::super::options::Options;
use super::document::{self, Document, Refusal, list, set, shown, text, texts};
use super::names::subdomain_errors;
use crate::go;
use crate::kubernetes::Failure;
use crate::kubernetes::codec::tree::Node;

const VERSION: &str = "audit.k8s.io/v1";
const KINDS: &[(&str, &str)] = &[
    (VERSION, "Policy"),
    (VERSION, "PolicyList"),
    (VERSION, "Event"),
    (VERSION, "EventList"),
];
/// Since which minor a rule may be for any group.
const ANY_GROUP: u32 = 36;
const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];
const STAGES: [&str; 4] = [
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];

/// The failure over the content of a policy.
pub(in super::super) fn failure(options: &Options, path: &str, content: &[u8]) -> Option<Failure> {
    let around = |error: &str| format!("loading audit policy file: {error}: from file {path}");
    let policy = match decode(options, content)? {
        Ok(policy) => policy,
        Err(refusal) => {
            return Some(refusal.failure(path, |error| {
                if error.starts_with("Object 'Kind'") || error.starts_with("Object 'apiVersion'") {
                    around(
                        "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy",
                    )
                } else {
                    around(&format!("failed decoding: {error}"))
                }
            }));
        }
    };
    if policy.kind != "Policy" {
        let error = format!(
            "failed decoding: converting (v1.{}) to (audit.Policy): unknown conversion",
            policy.kind
        );
        return Some(document::invalid(path, around(&error)));
    }
    let mut errors = FieldErrors::default();
    validate(options, &policy.root, &mut errors);
    let error = errors.message().or_else(|| {
        list(&policy.root, "rules")
            .is_empty()
            .then(|| "loaded illegal policy with 0 rules".to_owned())
    })?;
    Some(document::invalid(path, around(&error)))
}

/// Decodes a policy. One that has no kind is a policy.
fn decode(options: &Options, content: &[u8]) -> Option<Result<Document, Refusal>> {
    let decoded = document::decode(options, content, KINDS, false)?;
    let Err(refusal) = &decoded else {
        return Some(decoded);
    };
    let is_json = go::trim_space(content).first() == Some(&b'{');
    if !refusal.message.starts_with("Object 'Kind'") || is_json || content.is_empty() {
        return Some(decoded);
    }
    let mut named = content.to_vec();
    named.extend_from_slice(b"\nkind: Policy\n");
    match document::decode(options, &named, KINDS, false)? {
        Err(second) if !second.message.starts_with("Object 'apiVersion'") => None,
        Err(_) => Some(decoded),
        Ok(policy) => Some(Ok(policy)),
    }
}

/// `ValidatePolicy`.
fn validate(options: &Options, policy: &Node, errors: &mut FieldErrors) {
    validate_stages(policy, "omitStages", errors);
    for (index, rule) in list(policy, "rules").iter().enumerate() {
        let path = format!("rules[{index}]");
        validate_level(text(rule, "level"), &format!("{path}.level"), errors);
        let urls = texts(rule, "nonResourceURLs");
        let urls_path = format!("{path}.nonResourceURLs");
        validate_urls(&urls, &urls_path, errors);
        let resources = list(rule, "resources");
        validate_resources(options, resources, &format!("{path}.resources"), errors);
        validate_stages(rule, &format!("{path}.omitStages"), errors);
        let has_resources = !resources.is_empty() || !list(rule, "namespaces").is_empty();
        if !urls.is_empty() && has_resources {
            errors.invalid(
                &urls_path,
                &shown(options, &urls),
                "rules cannot apply to both regular resources and non-resource URLs",
            );
        }
    }
}

fn validate_level(level: &str, path: &str, errors: &mut FieldErrors) {
    if level.is_empty() {
        errors.required(path, "");
    } else if !LEVELS.contains(&level) {
        errors.not_supported(path, level, &LEVELS);
    }
}

fn validate_urls(urls: &[&str], path: &str, errors: &mut FieldErrors) {
    for (index, &url) in urls.iter().enumerate() {
        if url == "*" {
            continue;
        }
        let path = format!("{path}[{index}]");
        if !url.starts_with('/') {
            let detail = "non-resource URL rules must begin with a '/' character";
            errors.invalid_text(&path, url, detail);
        }
        let mut letters = url.chars();
        letters.next_back();
        if letters.as_str().contains('*') {
            let detail = "non-resource URL wildcards '*' must be the final character of the rule";
            errors.invalid_text(&path, url, detail);
        }
    }
}

fn validate_resources(options: &Options, resources: &[Node], path: &str, errors: &mut FieldErrors) {
    for resource in resources {
        let group = text(resource, "group");
        let is_any = group == "*" && options.since(ANY_GROUP);
        if !group.is_empty() && !is_any {
            let found = subdomain_errors(group);
            if !found.is_empty() {
                errors.invalid_text(&format!("{path}.group"), group, &found.join(","));
            }
        }
        let names = texts(resource, "resourceNames");
        if !names.is_empty()
            && set(resource, "resources").is_none_or(|_| list(resource, "resources").is_empty())
        {
            errors.invalid(
                &format!("{path}.resourceNames"),
                &shown(options, &names),
                "using resourceNames requires at least one resource",
            );
        }
    }
}

/// `path` ends with the name of the field.
fn validate_stages(node: &Node, path: &str, errors: &mut FieldErrors) {
    for (index, stage) in texts(node, "omitStages").into_iter().enumerate() {
        if !STAGES.contains(&stage) {
            errors.invalid_text(
                &format!("{path}[{index}]"),
                stage,
                &format!("allowed stages are {}", STAGES.join(",")),
            );
        }
    }
}
