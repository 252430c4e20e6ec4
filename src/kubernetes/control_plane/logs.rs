//! Options of logs, which all components have.
//!
//! Upstream: `k8s.io/component-base/logs/api/v1/options.go`.

use super::errors::{Errors, FieldErrors};
use super::options::Options;
use crate::kubernetes::Failure;
use crate::kubernetes::codec::{duration, quantity};

/// Since which minor the frequency of flushes must be positive.
const POSITIVE_FREQUENCY: u32 = 35;
/// Since which minor an alpha option needs its gate.
const ALPHA_NEEDS_GATE: u32 = 25;

const FLAGS: &[&str] = &[
    "log-flush-frequency",
    "logging-format",
    "vmodule",
    "v",
    "log-json-split-stream",
    "log-json-info-buffer-size",
    "log-text-split-stream",
    "log-text-info-buffer-size",
];

/// `ValidateAndApply`.
pub(super) fn failure(options: &Options) -> Option<Failure> {
    let mut found = FieldErrors::default();
    let frequency = options.duration("log-flush-frequency", 5_000_000_000);
    if frequency <= 0 && options.since(POSITIVE_FREQUENCY) {
        let shown = duration::format(frequency);
        found.invalid_text("flushFrequency", &shown, "Must be greater than zero");
    }
    let format = options.text("logging-format", "text");
    // An empty format is one that no component registers.
    if !matches!(format, "text" | "json") {
        found.invalid_text("format", format, "Unsupported log format");
    }
    let patterns = options.verbosities("vmodule");
    if !patterns.is_empty() && !format.is_empty() && format != "text" {
        found.forbidden("vmodule", "Only supported for text log format");
    }
    if options.since(ALPHA_NEEDS_GATE) && !options.gate("LoggingAlphaOptions") {
        for form in ["text", "json"] {
            alpha(options, form, &mut found);
        }
    }
    let message = found.message().or_else(|| {
        // Older releases start a clock with it.
        (frequency <= 0).then(|| "panic: non-positive interval for NewTicker".to_owned())
    })?;
    let mut errors = Errors::default();
    errors.push(message, options.at(FLAGS));
    errors.into_failure()
}

fn alpha(options: &Options, form: &str, found: &mut FieldErrors) {
    let disabled = "Feature LoggingAlphaOptions is disabled";
    if options.bool(&format!("log-{form}-split-stream"), false) {
        found.forbidden(&format!("options.{form}.splitStream"), disabled);
    }
    let size = options
        .text(&format!("log-{form}-info-buffer-size"), "0")
        .to_owned();
    if quantity::parse(&size).is_ok_and(|size| !size.is_zero) {
        found.forbidden(&format!("options.{form}.infoBufferSize"), disabled);
    }
}
