//! For programs: `org.rke2.preflight.audit/1`. Fields are only ever added.

use serde::Serialize;

use super::section;
use crate::audit::control::{NodeType, Scoring};
use crate::audit::cure::Group;
use crate::audit::result::{Evidence, Seen};
use crate::audit::{Audit, Audited, ControlOutcome, Counts, counts};
use crate::facts::Source;
use crate::finding::Remedy;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    node: &'a str,
    time: String,
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
    groups: Vec<Cured<'a>>,
    controls: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Cured<'a> {
    id: &'a str,
    summary: &'a str,
    lasts: bool,
    remedies: &'a [Remedy],
    controls: Vec<&'static str>,
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
    evidence: Option<Evidence>,
    running: Option<&'a Seen>,
    next_start: Option<&'a Seen>,
    sources: &'a [Source],
    group: Option<&'a str>,
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
            evidence: result.evidence(),
            running: result.running.as_ref(),
            next_start: result.next_start.as_ref(),
            sources: &result.sources,
            group: audited.group.as_deref(),
            remedies: &result.remedies,
            waiver: audited.waiver.as_ref().map(|applied| Waiver {
                reason: &applied.waiver.reason,
                expires: applied.waiver.expires.to_string(),
                expired: applied.expired,
            }),
        }
    }
}

/// The groups that cure one of `all`.
fn groups<'a>(audit: &'a Audit, all: &[&Audited]) -> Vec<Cured<'a>> {
    let is_asked = |key: &&'static str| all.iter().any(|audited| audited.control.key == *key);
    let of = |group: &'a Group| Cured {
        id: &group.name,
        summary: &group.summary,
        lasts: group.lasts,
        remedies: &group.remedies,
        controls: group.controls.iter().copied().filter(is_asked).collect(),
    };
    let groups = audit.groups.iter().map(of);
    groups.filter(|group| !group.controls.is_empty()).collect()
}

/// The document, one line feed at its end. `all` are counted, `shown` listed.
pub fn render(audit: &Audit, all: &[&Audited], shown: &[&Audited]) -> String {
    let document = Document {
        schema: "org.rke2.preflight.audit/1",
        node: &audit.node,
        time: crate::text::time(audit.at.saturating_mul(1_000_000)),
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
        groups: groups(audit, all),
        controls: shown.iter().map(|audited| Entry::from(*audited)).collect(),
    };
    crate::text::json(&document)
}
