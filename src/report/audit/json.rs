//! For programs: `org.rke2.preflight.audit/1`. Fields are only ever added.

use serde::Serialize;

use super::section;
use crate::audit::control::{NodeType, Scoring};
use crate::audit::{Audit, Audited, ControlOutcome, Counts, counts};
use crate::facts::Source;
use crate::finding::Remedy;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    unit: &'a str,
    role: &'static str,
    rke2_version: String,
    rke2_version_source: &'static str,
    profile: &'a str,
    data_dir: &'a str,
    benchmark: &'static str,
    benchmark_source: &'static str,
    benchmark_note: Option<&'static str>,
    unknown: &'a [String],
    summary: Counts,
    controls: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'static str,
    key: &'static str,
    title: &'static str,
    section: &'static str,
    node_type: NodeType,
    kind: Scoring,
    outcome: ControlOutcome,
    expected: Option<&'a str>,
    actual: Option<&'a str>,
    summary: &'a str,
    sources: &'a [Source],
    remedies: &'a [Remedy],
    waiver: Option<Waiver<'a>>,
}

#[derive(Serialize)]
struct Waiver<'a> {
    reason: &'a str,
    expires: String,
    expired: bool,
}

impl<'a> From<&'a Audited> for Entry<'a> {
    fn from(audited: &'a Audited) -> Self {
        let result = &audited.result;
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            id: audited.edition.id,
            key: audited.control.key,
            title: audited.control.title,
            section: section(audited).0,
            node_type: audited.control.node,
            kind: audited.edition.scoring,
            outcome: audited.outcome,
            expected: some(&result.expected),
            actual: result.actual.as_deref(),
            summary: &result.summary,
            sources: &result.sources,
            remedies: &result.remedies,
            waiver: audited.waiver.as_ref().map(|applied| Waiver {
                reason: &applied.waiver.reason,
                expires: applied.waiver.expires.to_string(),
                expired: applied.expired,
            }),
        }
    }
}

/// The document, one line feed at its end. `all` are counted, `shown` listed.
pub fn render(audit: &Audit, all: &[&Audited], shown: &[&Audited]) -> String {
    let document = Document {
        schema: "org.rke2.preflight.audit/1",
        unit: audit.unit,
        role: audit.role.as_str(),
        rke2_version: audit.version.to_string(),
        rke2_version_source: audit.version_source.as_str(),
        profile: &audit.profile.value,
        data_dir: &audit.data_dir,
        benchmark: audit.benchmark().name(),
        benchmark_source: if audit.asked { "option" } else { "release" },
        benchmark_note: audit.choice.note,
        unknown: &audit.unknown,
        summary: counts(all.iter().copied()),
        controls: shown.iter().map(|audited| Entry::from(*audited)).collect(),
    };
    crate::text::json(&document)
}
