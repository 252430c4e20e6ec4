//! Options of metrics, which all components have.
//!
//! Upstream: `k8s.io/component-base/metrics/options.go`, since 1.36 `metrics/api/v1/config.go`.

use super::errors::{Errors, quote};
use super::options::Options;
use super::state::{FileState, Files};

/// Since which minor errors name fields of a configuration.
const FIELDS: u32 = 36;

/// `Options.Validate`.
pub(super) fn validate(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    let flag = "show-hidden-metrics-for-version";
    let version = options.text(flag, "");
    if let Some(error) = version_error(options, version) {
        let message = if options.since(FIELDS) {
            let version = quote(version);
            format!("metrics.showHiddenMetricsForVersion: Invalid value: {version}: {error}")
        } else {
            error
        };
        errors.push(message, options.at(&[flag]));
    }
    validate_labels(options, errors);
    validate_manifest(options, files, errors);
}

/// `ValidateShowHiddenMetricsVersion`.
pub(super) fn version_error(options: &Options, version: &str) -> Option<String> {
    let previous = format!("1.{}", options.minor().0.saturating_sub(1));
    if version.is_empty() || version == previous {
        return None;
    }
    Some(if options.since(FIELDS) {
        format!(
            "must be omitted or have the value '{previous}'; only the previous minor version is allowed"
        )
    } else {
        format!(
            "--show-hidden-metrics-for-version must be omitted or have the value '{previous}'. Only the previous minor version is allowed"
        )
    })
}

fn validate_labels(options: &Options, errors: &mut Errors) {
    let labels = options.map("allow-metric-labels");
    if labels.keys().all(|key| is_metric_label(key)) {
        return;
    }
    let at = options.at(&["allow-metric-labels"]);
    let message = match options.minor().0 {
        ..=28 => "--allow-metric-labels must has a list of kv pair with format `metricName:labelName=labelValue, labelValue,...`".to_owned(),
        29..=31 => "--allow-metric-labels must have a list of kv pair with format `metricName:labelName=labelValue, labelValue,...`".to_owned(),
        32..FIELDS => "--allow-metric-labels must have a list of kv pair with format `metricName,labelName=labelValue, labelValue,...`".to_owned(),
        FIELDS.. => {
            let pairs: Vec<String> =
                labels.iter().map(|(key, value)| format!("{}:{}", quote(key), quote(value))).collect();
            format!(
                "metrics.allowListMapping: Invalid value: {{{}}}: must have keys with format `metricName,labelName` where metricName matches \"[a-zA-Z_:][a-zA-Z0-9_:]*\" and labelName matches \"[a-zA-Z_][a-zA-Z0-9_]*\"",
                pairs.join(",")
            )
        }
    };
    errors.push(message, at);
}

/// `metric,label`.
fn is_metric_label(text: &str) -> bool {
    let Some((metric, label)) = text.split_once(',') else {
        return false;
    };
    let is_name = |name: &str, colon: bool| {
        let is_letter =
            |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || colon && byte == b':';
        let mut bytes = name.bytes();
        bytes.next().is_some_and(is_letter)
            && bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit())
    };
    is_name(metric, true) && is_name(label, false)
}

fn validate_manifest(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    let path = options.text("allow-metric-labels-manifest", "");
    if !options.since(FIELDS) || path.is_empty() || files(path) != FileState::Missing {
        return;
    }
    let at = options.at(&["allow-metric-labels-manifest"]);
    errors.push(
        format!(
            "metrics.allowListMappingManifest: Invalid value: {}: failed to read allow list manifest: open {path}: no such file or directory",
            quote(path)
        ),
        at,
    );
}
