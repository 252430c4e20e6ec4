//! Options of audit logs.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/audit.go`.

use super::super::errors::Errors;
use super::super::options::Options;

/// `AuditOptions.Validate`: a log or webhook that is not used is not checked.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    if !options.text("audit-log-path", "").is_empty() {
        validate_log(options, errors);
    }
    if !options.text("audit-webhook-config-file", "").is_empty() {
        validate_backend(options, "webhook", errors);
    }
}

fn validate_log(options: &Options, errors: &mut Errors) {
    validate_backend(options, "log", errors);
    let format = options.text("audit-log-format", "json");
    if !matches!(format, "legacy" | "json") {
        errors.push(
            format!("invalid audit log format {format}, allowed formats are \"legacy,json\""),
            options.at(&["audit-log-format"]),
        );
    }
    for flag in [
        "audit-log-maxage",
        "audit-log-maxbackup",
        "audit-log-maxsize",
    ] {
        let value = options.int(flag, 0);
        if value < 0 {
            errors.push(
                format!("--{flag} {value} can't be a negative number"),
                options.at(&[flag]),
            );
        }
    }
}

/// What a log and a webhook have in common.
fn validate_backend(options: &Options, plugin: &str, errors: &mut Errors) {
    let used = if plugin == "log" {
        "audit-log-path"
    } else {
        "audit-webhook-config-file"
    };
    if let Some((message, flag)) = batch_error(options, plugin) {
        errors.push(message, options.at(&[used, &flag]));
    }
    let (event, batch) = (
        format!("audit-{plugin}-truncate-max-event-size"),
        format!("audit-{plugin}-truncate-max-batch-size"),
    );
    let event_size = options.int(&event, 100 * 1024);
    let batch_size = options.int(&batch, 10 * 1024 * 1024);
    if event_size <= 0 {
        errors.push(
            format!(
                "invalid audit truncate {plugin} max event size {event_size}, must be a positive number"
            ),
            options.at(&[used, &event]),
        );
    } else if batch_size < event_size {
        errors.push(
            format!(
                "invalid audit truncate {plugin} max batch size {batch_size}, must be greater than max event size ({event_size})"
            ),
            options.at(&[used, &event, &batch]),
        );
    }
    let version = format!("audit-{plugin}-version");
    if let Some(message) = version_error(options.text(&version, "audit.k8s.io/v1")) {
        errors.push(message, options.at(&[used, &version]));
    }
}

/// `validateBackendBatchOptions`: the error and its flag.
fn batch_error(options: &Options, plugin: &str) -> Option<(String, String)> {
    let flag = |name: &str| format!("audit-{plugin}-{name}");
    let default = if plugin == "log" { "blocking" } else { "batch" };
    let name = flag("mode");
    let mode = options.text(&name, default);
    if !matches!(mode, "batch" | "blocking" | "blocking-strict") {
        let message = format!(
            "invalid audit {plugin} mode {mode}, allowed modes are \"batch,blocking,blocking-strict\""
        );
        return Some((message, name));
    }
    if mode != "batch" {
        return None;
    }
    let most = if plugin == "log" { 1 } else { 400 };
    for (name, what, default) in [
        ("batch-buffer-size", "buffer size", 10_000),
        ("batch-max-size", "max batch size", most),
    ] {
        let size = options.int(&flag(name), default);
        if size <= 0 {
            let message =
                format!("invalid audit batch {plugin} {what} {size}, must be a positive number");
            return Some((message, flag(name)));
        }
    }
    if !options.bool(&flag("batch-throttle-enable"), plugin == "webhook") {
        return None;
    }
    let (rate, burst) = if plugin == "log" {
        (0.0, 0)
    } else {
        (10.0, 15)
    };
    let name = flag("batch-throttle-qps");
    let rate = options.float(&name, rate);
    if rate <= 0.0 {
        let message =
            format!("invalid audit batch {plugin} throttle QPS {rate}, must be a positive number");
        return Some((message, name));
    }
    let name = flag("batch-throttle-burst");
    let burst = options.int(&name, burst);
    (burst <= 0).then(|| {
        let message = format!(
            "invalid audit batch {plugin} throttle burst {burst}, must be a positive number"
        );
        (message, name)
    })
}

/// `validateGroupVersionString`. Only one version is left since 1.24.
fn version_error(text: &str) -> Option<String> {
    match text {
        "audit.k8s.io/v1" => None,
        _ if text.matches('/').count() > 1 => {
            Some(format!("unexpected GroupVersion string: {text}"))
        }
        _ => Some("invalid group version, allowed versions are [\"audit.k8s.io/v1\"]".to_owned()),
    }
}
