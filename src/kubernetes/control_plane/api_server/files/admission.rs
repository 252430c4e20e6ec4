//! `--admission-control-config-file`, and the configuration of each plugin.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/config.go`; pod security:
//! `k8s.io/pod-security-admission/admission/api`; the others: `plugin/pkg/admission/*/config.go` and
//! `k8s.io/apiserver/pkg/admission/plugin/*/config`.

use super::super::super::errors::{FieldErrors, joined};
use super::super::super::options::Options;
use super::super::super::state::{FileState, Files};
use super::super::admission::enabled;
use super::document::{self, Document, int, list, set, text, texts};
use super::names::{label_errors, subdomain_errors};
use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::{Cause, Failure};

/// Since which minor fields that are not known are refused.
const STRICT: u32 = 32;
/// Since which minor the plugins are set up after everything else.
const APPLIED: u32 = 28;

/// Since which minor the first version of the webhooks' configuration is gone.
const OLD_WEBHOOK: u32 = 36;

const FLAG: &str = "admission-control-config-file";

/// Where the configuration of a plugin comes from.
struct Source<'a> {
    /// The file that holds it.
    path: &'a str,
    content: Vec<u8>,
}

/// The failure of the file, and of the plugins in their order.
pub(in super::super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let path = options.text(FLAG, "");
    if path.is_empty() {
        return enabled(options)
            .into_iter()
            .find_map(|name| plugin(options, files, name, None));
    }
    let content = match files(path) {
        FileState::Content(content) => content,
        FileState::Missing => {
            return Some(super::super::super::state::missing(path, |error| {
                read(
                    options,
                    &format!(
                        "unable to read admission control configuration from {} [{error}]",
                        super::super::super::errors::quote(path)
                    ),
                )
            }));
        }
        FileState::Unknown => return None,
    };
    let strict = options.since(STRICT);
    let document =
        match document::decode(options, &content, &document::kinds(options, false), strict)? {
            Ok(document) => document,
            // An old form without a kind is still read.
            Err(_) if is_legacy(&content) => return None,
            Err(refusal) => return Some(refusal.failure(path, |error| read(options, error))),
        };
    if document.kind != "AdmissionConfiguration" {
        let error = format!("unexpected type: *apiserver.{}", document.kind);
        return Some(document::invalid(path, read(options, &error)));
    }
    plugins(options, files, path, &document)
}

/// The error of the file, in the words around it.
fn read(options: &Options, error: &str) -> String {
    apply(options, &format!("failed to read plugin config: {error}"))
}

fn apply(options: &Options, error: &str) -> String {
    if options.since(APPLIED) {
        format!("failed to apply admission: {error}")
    } else {
        format!("failed to initialize admission: {error}")
    }
}

fn is_legacy(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    text.contains("imagePolicy") || text.contains("podNodeSelectorPluginConfig")
}

fn plugins(
    options: &Options,
    files: &Files<'_>,
    path: &str,
    document: &Document,
) -> Option<Failure> {
    for name in enabled(options) {
        let entry = list(&document.root, "plugins")
            .iter()
            .find(|entry| text(entry, "name") == name);
        let Some(entry) = entry else {
            if let Some(failure) = plugin(options, files, name, None) {
                return Some(failure);
            }
            continue;
        };
        if let Some(configuration) = set(entry, "configuration") {
            let content = configuration.to_json().to_string().into_bytes();
            let source = Source { path, content };
            if let Some(failure) = plugin(options, files, name, Some(&source)) {
                return Some(failure);
            }
            continue;
        }
        let file = text(entry, "path");
        if file.is_empty() {
            if let Some(failure) = plugin(options, files, name, None) {
                return Some(failure);
            }
            continue;
        }
        let file = absolute(file, path)?;
        match files(&file) {
            FileState::Content(content) => {
                let source = Source {
                    path: &file,
                    content,
                };
                if let Some(failure) = plugin(options, files, name, Some(&source)) {
                    return Some(failure);
                }
            }
            FileState::Missing => {
                return Some(document::invalid(
                    &file,
                    format!(
                        "Couldn't open admission plugin configuration {file}: &fs.PathError{{Op:\"open\", Path:\"{file}\", Err:0x2}}"
                    ),
                ));
            }
            FileState::Unknown => {}
        }
    }
    None
}

/// A path that is relative to the directory of the file that names it.
fn absolute(file: &str, beside: &str) -> Option<String> {
    if file.starts_with('/') {
        return Some(file.to_owned());
    }
    let (directory, _) = beside.rsplit_once('/')?;
    Some(format!("{directory}/{}", file.trim_start_matches("./")))
}

/// The failure of one plugin that is set up, without or with a configuration.
fn plugin(
    options: &Options,
    files: &Files<'_>,
    name: &str,
    source: Option<&Source<'_>>,
) -> Option<Failure> {
    match name {
        "PodSecurity" => pod_security(options, source?),
        "EventRateLimit" => event_rate_limit(options, source),
        "ImagePolicyWebhook" => image_policy(options, files, source),
        "ResourceQuota" => resource_quota(options, source?),
        "PodTolerationRestriction" => tolerations(options, source?),
        "MutatingAdmissionWebhook" | "ValidatingAdmissionWebhook" => {
            webhook(options, files, name, source?)
        }
        _ => None,
    }
}

/// `couldn't init admission plugin`.
fn init(options: &Options, plugin: &str, error: &str) -> String {
    apply(
        options,
        &format!("couldn't init admission plugin \"{plugin}\": {error}"),
    )
}

/// The failure that a plugin's configuration is, or of the options where there is none.
fn refused(options: &Options, source: Option<&Source<'_>>, message: String) -> Failure {
    match source {
        Some(source) => document::invalid(source.path, message),
        None => Failure {
            message,
            cause: Cause::Arguments(options.at(&["enable-admission-plugins", FLAG])),
            rests_on_names: false,
        },
    }
}

const POD_SECURITY: &[(&str, &str)] = &[
    (
        "pod-security.admission.config.k8s.io/v1",
        "PodSecurityConfiguration",
    ),
    (
        "pod-security.admission.config.k8s.io/v1beta1",
        "PodSecurityConfiguration",
    ),
    (
        "pod-security.admission.config.k8s.io/v1alpha1",
        "PodSecurityConfiguration",
    ),
];

/// Pod security: decoded strictly in every release; an empty file is the default.
fn pod_security(options: &Options, source: &Source<'_>) -> Option<Failure> {
    if source.content.is_empty() {
        return None;
    }
    let name = "PodSecurity";
    let document = match document::decode(options, &source.content, POD_SECURITY, true)? {
        Ok(document) => document,
        Err(refusal) => {
            return Some(refusal.failure(source.path, |error| init(options, name, error)));
        }
    };
    let around = |error: &str| {
        apply(
            options,
            &format!("failed to initialize admission plugin \"{name}\": {error}"),
        )
    };
    let empty = Node::default(Value::Map(Vec::new()));
    let defaults = set(&document.root, "defaults").unwrap_or(&empty);
    if let Some(error) = policy_error(defaults) {
        let message = around(&format!("{name} configuration error: {error}"));
        return Some(document::invalid(source.path, message));
    }
    let exemptions = set(&document.root, "exemptions").unwrap_or(&empty);
    let error = exemptions_error(exemptions)?;
    Some(document::invalid(
        source.path,
        around(&format!("{name} invalid: {error}")),
    ))
}

/// `ToPolicy`. A field that is empty has its default.
fn policy_error(defaults: &Node) -> Option<String> {
    let mut errors = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        if !matches!(
            text(defaults, mode),
            "" | "privileged" | "baseline" | "restricted"
        ) {
            errors.push(format!(
                "{mode}: must be one of privileged, baseline, restricted"
            ));
        }
        let field = format!("{mode}-version");
        let version = text(defaults, &field);
        if !version.is_empty() && !is_version(version) {
            errors.push(format!("{field}: must be \"latest\" or \"v1.x\""));
        }
    }
    (!errors.is_empty()).then(|| joined(&errors))
}

/// `latest`, or `v1.` and a number.
fn is_version(text: &str) -> bool {
    let Some(minor) = text.strip_prefix("v1.") else {
        return text == "latest";
    };
    let is_number = !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit());
    is_number && (minor == "0" || !minor.starts_with('0')) && minor.parse::<i64>().is_ok()
}

/// `ValidatePodSecurityConfiguration`, after levels and versions.
fn exemptions_error(exemptions: &Node) -> Option<String> {
    let mut errors = FieldErrors::default();
    let empty_user = |text: &str| {
        if text.is_empty() {
            vec!["username must not be empty".to_owned()]
        } else {
            Vec::new()
        }
    };
    exempt(exemptions, "namespaces", label_errors, &mut errors);
    exempt(exemptions, "runtimeClasses", subdomain_errors, &mut errors);
    exempt(exemptions, "usernames", empty_user, &mut errors);
    errors.message()
}

fn exempt(
    exemptions: &Node,
    field: &str,
    check: impl Fn(&str) -> Vec<String>,
    errors: &mut FieldErrors,
) {
    let mut seen: Vec<&str> = Vec::new();
    for (index, name) in texts(exemptions, field).into_iter().enumerate() {
        let path = format!("exemptions.{field}[{index}]");
        let found = check(name);
        if !found.is_empty() {
            errors.invalid_text(&path, name, &found.join(", "));
        } else if seen.contains(&name) {
            errors.duplicate(&path, name);
        } else {
            seen.push(name);
        }
    }
}

/// `EventRateLimit`: it has no default that is valid.
fn event_rate_limit(options: &Options, source: Option<&Source<'_>>) -> Option<Failure> {
    let name = "EventRateLimit";
    let kinds = &[("eventratelimit.admission.k8s.io/v1alpha1", "Configuration")];
    let empty = Node::default(Value::Map(Vec::new()));
    let root = match source {
        None => empty,
        Some(source) => match document::decode(options, &source.content, kinds, false)? {
            Ok(document) => document.root,
            Err(refusal) => {
                return Some(refusal.failure(source.path, |error| init(options, name, error)));
            }
        },
    };
    let mut errors = FieldErrors::default();
    let limits = list(&root, "limits");
    if limits.is_empty() {
        let is_null = set(&root, "limits").is_none();
        let value = match (options.since(34), is_null) {
            (true, true) => "null",
            (true, false) => "[]",
            (false, true) => "[]eventratelimit.Limit(nil)",
            (false, false) => "[]eventratelimit.Limit{}",
        };
        errors.invalid("limits", value, "must not be empty");
    }
    for (index, limit) in limits.iter().enumerate() {
        validate_limit(limit, &format!("limits[{index}]"), &mut errors);
    }
    let message = init(options, name, &errors.message()?);
    Some(refused(options, source, message))
}

fn validate_limit(limit: &Node, path: &str, errors: &mut FieldErrors) {
    let kinds = ["Server", "Namespace", "User", "SourceAndObject"];
    let kind = text(limit, "type");
    if !kinds.contains(&kind) {
        errors.not_supported(&format!("{path}.type"), kind, &kinds);
    }
    for field in ["burst", "qps"] {
        let value = int(limit, field).unwrap_or(0);
        if value <= 0 {
            errors.invalid(
                &format!("{path}.{field}"),
                &value.to_string(),
                "must be positive",
            );
        }
    }
    let size = int(limit, "cacheSize").unwrap_or(0);
    if kind != "Server" && size < 0 {
        let path = format!("{path}.cacheSize");
        errors.invalid(&path, &size.to_string(), "must not be negative");
    }
}

/// `ImagePolicyWebhook`: it needs a configuration, whose durations are numbers in a unit of their own.
fn image_policy(
    options: &Options,
    files: &Files<'_>,
    source: Option<&Source<'_>>,
) -> Option<Failure> {
    let name = "ImagePolicyWebhook";
    let Some(source) = source else {
        let message = init(options, name, "no config specified");
        return Some(refused(options, None, message));
    };
    let json: serde_json::Value = serde_json::from_slice(&source.content).ok()?;
    let policy = json.get("imagePolicy")?;
    let millisecond = 1_000_000_i64;
    let second = 1_000_000_000_i64;
    let minute = 60 * second;
    for (field, unit, least, most) in [
        ("retryBackoff", millisecond, 1, 5 * minute),
        ("allowTTL", second, second, 30 * minute),
        ("denyTTL", second, second, 30 * minute),
    ] {
        let value = match policy.get(field) {
            None => 0,
            Some(value) => value.as_i64()?,
        };
        if matches!(value, 0 | -1) {
            continue;
        }
        let value = value.saturating_mul(unit);
        if !(least..=most).contains(&value) {
            let error = format!(
                "valid value is between {} and {}, got {}",
                duration::format(least),
                duration::format(most),
                duration::format(value)
            );
            return Some(refused(options, Some(source), init(options, name, &error)));
        }
    }
    let path = policy.get("kubeConfigFile")?.as_str()?;
    kubeconfig(options, files, name, path)
}

/// `clientcmd` asks for the file before it reads it.
fn kubeconfig(options: &Options, files: &Files<'_>, name: &str, path: &str) -> Option<Failure> {
    (!path.is_empty() && files(path) == FileState::Missing).then(|| {
        let error = format!("stat {path}: no such file or directory");
        document::invalid(path, init(options, name, &error))
    })
}

/// The webhooks' own configuration.
fn webhook(
    options: &Options,
    files: &Files<'_>,
    name: &str,
    source: &Source<'_>,
) -> Option<Failure> {
    let kinds = &[
        (
            "apiserver.config.k8s.io/v1",
            "WebhookAdmissionConfiguration",
        ),
        ("apiserver.config.k8s.io/v1alpha1", "WebhookAdmission"),
    ];
    let strict = options.since(34);
    let document = match document::decode(options, &source.content, kinds, strict)? {
        Ok(document) => document,
        // The first version is read still in older releases; its fields are not in the tables.
        Err(refusal) if !options.since(OLD_WEBHOOK) && refusal.message.contains("v1alpha1") => {
            return None;
        }
        Err(refusal) => {
            return Some(refusal.failure(source.path, |error| init(options, name, error)));
        }
    };
    let path = text(&document.root, "kubeConfigFile");
    if !path.is_empty() && !path.starts_with('/') {
        let mut errors = FieldErrors::default();
        errors.invalid_text("kubeConfigFile", path, "must be an absolute file path");
        let message = init(options, name, &errors.message()?);
        return Some(refused(options, Some(source), message));
    }
    kubeconfig(options, files, name, path)
}

/// `ResourceQuota`: each limit names a resource.
fn resource_quota(options: &Options, source: &Source<'_>) -> Option<Failure> {
    let name = "ResourceQuota";
    let kinds = &[
        ("apiserver.config.k8s.io/v1", "ResourceQuotaConfiguration"),
        ("resourcequota.admission.k8s.io/v1beta1", "Configuration"),
        ("resourcequota.admission.k8s.io/v1alpha1", "Configuration"),
    ];
    let document = match document::decode(options, &source.content, kinds, options.since(STRICT))? {
        Ok(document) => document,
        Err(refusal) => {
            return Some(refusal.failure(source.path, |error| init(options, name, error)));
        }
    };
    let mut errors = FieldErrors::default();
    for (index, limit) in list(&document.root, "limitedResources").iter().enumerate() {
        if text(limit, "resource").is_empty() {
            errors.required(&format!("limitedResources[{index}].resource"), "");
        }
    }
    let message = init(options, name, &errors.message()?);
    Some(refused(options, Some(source), message))
}

/// `PodTolerationRestriction`: the operators of its tolerations.
fn tolerations(options: &Options, source: &Source<'_>) -> Option<Failure> {
    let name = "PodTolerationRestriction";
    let kinds = &[(
        "podtolerationrestriction.admission.k8s.io/v1alpha1",
        "Configuration",
    )];
    let document = match document::decode(options, &source.content, kinds, false)? {
        Ok(document) => document,
        Err(refusal) => {
            return Some(refusal.failure(source.path, |error| init(options, name, error)));
        }
    };
    let mut errors = FieldErrors::default();
    for field in ["default", "whitelist"] {
        for (index, toleration) in list(&document.root, field).iter().enumerate() {
            let operator = text(toleration, "operator");
            // Two more depend on a gate.
            if !matches!(operator, "" | "Equal" | "Exists" | "Lt" | "Gt") {
                let path = format!("podtolerationrestriction.{field}[{index}].operator");
                errors.not_supported(&path, operator, &["Equal", "Exists"]);
            }
        }
    }
    let error = errors.message()?;
    let message = init(options, name, &format!("invalid config: [{error}]"));
    Some(refused(options, Some(source), message))
}
