//! Errors that a component collects, and errors about fields of a configuration.

use super::options::Options;
use crate::go;
use crate::kubernetes::codec::duration;
use crate::kubernetes::{Cause, Failure};

/// Since which minor bad values are printed as JSON.
pub(super) const AS_JSON: u32 = 34;

/// Errors about options, as `k8s.io/apimachinery/pkg/util/errors` prints several.
#[derive(Debug, Default)]
pub(super) struct Errors {
    messages: Vec<String>,
    positions: Vec<usize>,
    file: Option<String>,
    rests_on_names: bool,
}

impl Errors {
    /// An error about these arguments.
    pub(super) fn push(&mut self, message: impl Into<String>, positions: Vec<usize>) {
        self.messages.push(message.into());
        self.positions.extend(positions);
    }

    /// An error that a name is not known.
    pub(super) fn push_unknown(&mut self, message: impl Into<String>, positions: Vec<usize>) {
        self.rests_on_names = true;
        self.push(message, positions);
    }

    /// What another check found, whose errors count as so many.
    pub(super) fn push_failure(&mut self, failure: Failure) {
        self.rests_on_names |= failure.rests_on_names;
        self.messages.push(failure.message);
        match failure.cause {
            Cause::Arguments(positions) => self.positions.extend(positions),
            Cause::File { path, .. } => self.file = Some(path),
        }
    }

    pub(super) fn into_failure(mut self) -> Option<Failure> {
        if self.messages.is_empty() {
            return None;
        }
        self.positions.sort_unstable();
        self.positions.dedup();
        let cause = match self.file {
            Some(path) if self.positions.is_empty() => Cause::File { path, line: None },
            _ => Cause::Arguments(self.positions),
        };
        Some(Failure {
            message: joined(&self.messages),
            cause,
            rests_on_names: self.rests_on_names,
        })
    }
}

/// The failure of these flags.
pub(super) fn failed(message: String, options: &Options, flags: &[&str]) -> Option<Failure> {
    let mut errors = Errors::default();
    errors.push(message, options.at(flags));
    errors.into_failure()
}

/// `Aggregate.Error`: each message once, in brackets where there are several.
pub(super) fn joined(messages: &[String]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for message in messages {
        if !seen.contains(&message.as_str()) {
            seen.push(message);
        }
    }
    match seen[..] {
        [only] => only.to_owned(),
        _ => format!("[{}]", seen.join(", ")),
    }
}

/// `%q`.
pub(super) fn quote(text: &str) -> String {
    go::quote(text.as_bytes())
}

/// `%q` of a slice of strings: `["a" "b"]`.
pub(super) fn quote_all<T: AsRef<str>>(list: &[T]) -> String {
    let quoted: Vec<String> = list.iter().map(|text| quote(text.as_ref())).collect();
    format!("[{}]", quoted.join(" "))
}

/// Errors about the fields of a file, `field.ErrorList` of apimachinery.
#[derive(Debug, Default)]
pub(super) struct FieldErrors {
    pub(super) messages: Vec<String>,
}

impl FieldErrors {
    /// `field.Invalid`, with a value that is printed already.
    pub(super) fn invalid(&mut self, path: &str, value: &str, detail: &str) {
        self.messages
            .push(format!("{path}: Invalid value: {value}: {detail}"));
    }

    /// `field.Invalid` of a string.
    pub(super) fn invalid_text(&mut self, path: &str, value: &str, detail: &str) {
        self.invalid(path, &quote(value), detail);
    }

    /// `field.Invalid` of a duration in nanoseconds: older releases print it as Go does.
    pub(super) fn invalid_time(&mut self, options: &Options, path: &str, time: i64, detail: &str) {
        if options.since(AS_JSON) {
            self.invalid_text(path, &duration::format(time), detail);
        } else {
            self.invalid(path, &format!("v1.Duration{{Duration:{time}}}"), detail);
        }
    }

    /// `field.Required`.
    pub(super) fn required(&mut self, path: &str, detail: &str) {
        self.messages.push(if detail.is_empty() {
            format!("{path}: Required value")
        } else {
            format!("{path}: Required value: {detail}")
        });
    }

    /// `field.Forbidden`.
    pub(super) fn forbidden(&mut self, path: &str, detail: &str) {
        self.messages.push(format!("{path}: Forbidden: {detail}"));
    }

    /// `field.Duplicate` of a string.
    pub(super) fn duplicate(&mut self, path: &str, value: &str) {
        self.messages
            .push(format!("{path}: Duplicate value: {}", quote(value)));
    }

    /// `field.NotSupported`.
    pub(super) fn not_supported(&mut self, path: &str, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|text| quote(text)).collect();
        self.messages.push(format!(
            "{path}: Unsupported value: {}: supported values: {}",
            quote(value),
            supported.join(", ")
        ));
    }

    /// `field.TooMany`.
    pub(super) fn too_many(&mut self, path: &str, actual: usize, most: usize) {
        self.messages.push(format!(
            "{path}: Too many: {actual}: must have at most {most} items"
        ));
    }

    /// The text of `ToAggregate`.
    pub(super) fn message(&self) -> Option<String> {
        (!self.messages.is_empty()).then(|| joined(&self.messages))
    }
}
