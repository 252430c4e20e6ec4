//! The result of an audit: for a terminal, for programs, and in the formats of other tools.

mod json;
mod kube_bench;
mod text;

use clap::ValueEnum;
use preflight_rke2::shared::{
    Choice, Row, Style, Subject, Version, in_one_line, junit, metrics, sarif,
};

use crate::control::section;
use crate::evaluate::{Judged, counts};

/// Formats of `audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Plain text
    Text,
    /// One JSON object, for programs
    Json,
    /// The JSON of kube-bench
    KubeBench,
    /// JUnit XML
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// Metrics for a textfile collector
    Metrics,
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
    let (subject, benchmark) = (Subject::Cluster(&audit.cluster), audit.choice.benchmark);
    match format {
        Format::Text => text::render(audit, all, shown, style),
        Format::Json => json::render(audit, all, shown),
        Format::KubeBench => kube_bench::render(audit, shown),
        Format::Junit => junit::document(subject, benchmark, &rows(shown)),
        Format::Sarif => sarif::document(subject, benchmark, &rows(shown)),
        Format::Metrics => {
            let counts = counts(all.iter().copied());
            metrics::document(subject, benchmark, &counts, &rows(shown))
        }
    }
}

/// A control as the formats of other tools show it.
fn row(judged: &Judged) -> Row {
    let (control, edition, answer) = (judged.control, judged.edition, &judged.answer);
    let remedies = answer.remedies.iter();
    let remedies = remedies.map(|remedy| (remedy.summary.clone(), remedy.commands.clone()));
    Row {
        id: edition.id,
        key: control.key,
        title: control.title,
        section: section(control, edition),
        node_type: "policies",
        scoring: edition.scoring,
        outcome: judged.outcome,
        waived: waived(judged),
        command: format!("preflight-rke2-cluster audit --control {}", control.key),
        actual: objects(judged).join("\n"),
        expected: control.title.to_owned(),
        summary: answer.summary.clone(),
        sources: Vec::new(),
        objects: answer.objects.clone(),
        remedy: in_one_line(remedies),
    }
}

fn rows(shown: &[&Judged]) -> Vec<Row> {
    shown.iter().map(|judged| row(judged)).collect()
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
