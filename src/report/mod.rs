//! Reports: the result of an assessment for terminals, programs, the journal and monitoring systems.
//!
//! An output format is a variant of [`Format`], [`CheckFormat`] or [`audit::AuditFormat`], whose comment is its
//! `--help` text, and an arm of the function that renders by it.

pub(crate) mod audit;
pub(crate) mod conditions;
pub(crate) mod disk;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod metrics;
pub(crate) mod monitor;
pub(crate) mod npd;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod sysctl;
pub(crate) mod text;
pub(crate) mod upgrade;

use clap::ValueEnum;

use crate::assessment::UnitReport;
use crate::facts::Machine;
use crate::facts::disk::DiskLatency;

/// Formats of `config`, `sysctl` and `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Plain text
    Text,
    /// One JSON object, for programs
    Json,
}

/// Formats of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// Plain text
    Text,
    /// One JSON object, for programs
    Json,
    /// One short line for node-problem-detector, with its exit statuses (0 ok, 1 problem, 2 unknown)
    Npd,
}

/// What `check` prints. `machine` is only called where the format shows it.
pub(crate) fn check(
    format: CheckFormat,
    reports: &[UnitReport],
    disk: Option<&DiskLatency>,
    all: bool,
    style: text::Style,
    machine: impl FnOnce() -> Machine,
) -> String {
    match format {
        CheckFormat::Text => {
            let mut out = text::render(reports, style, machine);
            out.extend(disk.map(|disk| disk::in_words(disk, style)));
            out
        }
        CheckFormat::Json => json::with_disk(reports, disk, all),
        CheckFormat::Npd => npd::result(reports).line,
    }
}
