//! Options of logs, which all components have.
//!
//! Upstream: `k8s.io/component-base/logs/api/v1/options.go`.

use super::errors::{FieldErrors, failed};
use super::options::Options;
use crate::kubernetes::Failure;
use crate::kubernetes::codec::{duration, quantity};

/// Since which minor the frequency of flushes must be positive.
const POSITIVE_FREQUENCY: u32 = 35;
/// Since which minor an alpha option needs its gate.
const ALPHA_NEEDS_GATE: u32 = 25;

/// The flags.
pub(super) const FLAGS: &[&str] = &[
    "log-flush-frequency",
    "logging-format",
    "vmodule",
    "v",
    "log-json-split-stream",
    "log-json-info-buffer-size",
    "log-text-split-stream",
    "log-text-info-buffer-size",
];

/// What is set of them, by flags or in a file.
#[derive(Debug, Clone)]
pub(super) struct Logging {
    /// Nanoseconds.
    pub(super) frequency: i64,
    pub(super) format: String,
    pub(super) has_patterns: bool,
    pub(super) forms: [Form; 2],
}

/// What is set of one format.
#[derive(Debug, Clone)]
pub(super) struct Form {
    name: &'static str,
    pub(super) splits: bool,
    /// A quantity.
    pub(super) size: String,
}

impl Logging {
    pub(super) fn of_flags(options: &Options) -> Self {
        let form = |name| Form {
            name,
            splits: options.bool(&format!("log-{name}-split-stream"), false),
            size: options
                .text(&format!("log-{name}-info-buffer-size"), "0")
                .to_owned(),
        };
        Self {
            frequency: options.duration("log-flush-frequency", 5_000_000_000),
            format: options.text("logging-format", "text").to_owned(),
            has_patterns: !options.verbosities("vmodule").is_empty(),
            forms: [form("text"), form("json")],
        }
    }

    /// `ValidateAsField`, below the field that `at` names: nothing, or `logging.`.
    pub(super) fn validate(
        &self,
        options: &Options,
        gate: impl Fn(&str) -> bool,
        at: &str,
    ) -> FieldErrors {
        let mut found = FieldErrors::default();
        if self.frequency <= 0 && options.since(POSITIVE_FREQUENCY) {
            let shown = duration::format(self.frequency);
            let path = format!("{at}flushFrequency");
            found.invalid_text(&path, &shown, "Must be greater than zero");
        }
        // An empty format is one that no component registers.
        let format = self.format.as_str();
        if !matches!(format, "text" | "json") {
            let path = format!("{at}format");
            found.invalid_text(&path, format, "Unsupported log format");
        }
        if self.has_patterns && !format.is_empty() && format != "text" {
            found.forbidden(
                &format!("{at}vmodule"),
                "Only supported for text log format",
            );
        }
        if options.since(ALPHA_NEEDS_GATE) && !gate("LoggingAlphaOptions") {
            for form in &self.forms {
                form.validate(at, &mut found);
            }
        }
        found
    }

    /// What older releases do with a frequency that is not positive: they start a clock with it.
    pub(super) fn panic(&self) -> Option<String> {
        (self.frequency <= 0).then(|| "panic: non-positive interval for NewTicker".to_owned())
    }
}

impl Form {
    /// `text` or `json`.
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    fn validate(&self, at: &str, found: &mut FieldErrors) {
        let disabled = "Feature LoggingAlphaOptions is disabled";
        let path = format!("{at}options.{}", self.name);
        if self.splits {
            found.forbidden(&format!("{path}.splitStream"), disabled);
        }
        if quantity::parse(&self.size).is_ok_and(|size| !size.is_zero) {
            found.forbidden(&format!("{path}.infoBufferSize"), disabled);
        }
    }
}

/// `ValidateAndApply`.
pub(super) fn failure(options: &Options) -> Option<Failure> {
    let logging = Logging::of_flags(options);
    let found = logging.validate(options, |gate| options.gate(gate), "");
    let message = found.message().or_else(|| logging.panic())?;
    failed(message, options, FLAGS)
}
