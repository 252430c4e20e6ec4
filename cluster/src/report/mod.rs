//! The result of an audit: for a terminal, for programs, and as kube-bench writes it.

mod json;
mod kube_bench;
mod text;

use clap::ValueEnum;
use preflight_rke2::shared::{Choice, Style, Version};

use crate::evaluate::Judged;

/// Formats of `audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Plain text
    Text,
    /// One JSON object, for programs
    Json,
    /// The JSON of kube-bench
    KubeBench,
}

/// An audit of a cluster.
pub(crate) struct Audit {
    /// Where the objects are from: an address, or a directory of dumps.
    pub(crate) cluster: String,
    /// The release of the API server.
    pub(crate) version: Version,
    /// The benchmark, and who sees that otherwise.
    pub(crate) choice: Choice,
    /// Whether the benchmark was requested, not chosen by the release.
    pub(crate) asked: bool,
    /// Every control, by number, the guide's questions last.
    pub(crate) controls: Vec<Judged>,
}

/// What `audit` prints. `all` are counted, `shown` listed.
pub(crate) fn render(
    format: Format,
    audit: &Audit,
    all: &[&Judged],
    shown: &[&Judged],
    style: Style,
) -> String {
    match format {
        Format::Text => text::render(audit, all, shown, style),
        Format::Json => json::render(audit, all, shown),
        Format::KubeBench => kube_bench::render(audit, shown),
    }
}

/// The objects that a control objects to, and how many more there are.
fn objects(judged: &Judged) -> Vec<String> {
    let answer = &judged.answer;
    let more = answer.count.saturating_sub(answer.objects.len());
    let mut all = answer.objects.clone();
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all
}

/// Why a waived control does not count.
fn waived(judged: &Judged) -> Option<String> {
    judged.waiver.as_ref()?.accepted(judged.outcome)
}
