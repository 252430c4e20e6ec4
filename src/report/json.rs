//! The report for programs: `org.rke2.preflight.report/1`. Fields are only ever added.

use serde::Serialize;

use crate::assessment::UnitReport;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Effect, Finding, Outcome, Remedy};
use crate::verdict::Verdict;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    units: Vec<Unit<'a>>,
}

#[derive(Serialize)]
struct Unit<'a> {
    #[serde(rename = "unit")]
    name: &'a str,
    role: &'static str,
    rke2_version: String,
    rke2_version_source: &'static str,
    verdict: Verdict,
    refused_by: Option<Component>,
    predicted: &'a [String],
    next_boot_verdict: Verdict,
    findings: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: CheckId,
    outcome: Outcome,
    effect: Effect,
    required_by: &'a [Component],
    subject: &'a str,
    required: Option<&'a str>,
    actual: Option<&'a str>,
    next_boot: Option<&'a str>,
    summary: &'a str,
    notes: &'a [String],
    sources: Vec<Place<'a>>,
    remedies: &'a [Remedy],
}

#[derive(Serialize)]
struct Place<'a> {
    #[serde(flatten)]
    source: &'a Source,
    role: Part,
}

impl<'a> From<&'a Evidence> for Place<'a> {
    fn from(evidence: &'a Evidence) -> Self {
        Self {
            source: &evidence.source,
            role: evidence.part,
        }
    }
}

impl<'a> From<&'a Finding> for Entry<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            id: finding.id(),
            outcome: finding.outcome(),
            effect: finding.effect(),
            required_by: finding.required_by(),
            subject: finding.subject(),
            required: finding.required(),
            actual: finding.actual(),
            next_boot: finding.next_boot(),
            summary: finding.summary(),
            notes: finding.notes(),
            sources: finding.evidence().iter().map(Place::from).collect(),
            remedies: finding.remedies(),
        }
    }
}

fn unit(report: &UnitReport, all: bool) -> Unit<'_> {
    Unit {
        name: &report.unit,
        role: report.role.as_str(),
        rke2_version: report.version.to_string(),
        rke2_version_source: report.version_source.as_str(),
        verdict: report.verdict.now,
        refused_by: report.verdict.refused_by,
        predicted: &report.verdict.predicted,
        next_boot_verdict: report.verdict.next_boot,
        findings: if all {
            report.findings.iter().map(Entry::from).collect()
        } else {
            report.problems().map(Entry::from).collect()
        },
    }
}

/// One unit of the document, without satisfied and inapplicable findings.
pub(crate) fn value(report: &UnitReport) -> serde_json::Value {
    // Strings, numbers and lists alone: this cannot fail.
    serde_json::to_value(unit(report, false)).unwrap_or_default()
}

/// The document, one line feed at its end. With `all`, satisfied and inapplicable findings too.
pub fn render<'a>(reports: impl IntoIterator<Item = &'a UnitReport>, all: bool) -> String {
    let document = Document {
        schema: "org.rke2.preflight.report/1",
        units: reports
            .into_iter()
            .map(|report| unit(report, all))
            .collect(),
    };
    crate::text::json(&document)
}
