//! For programs: `org.rke2.preflight.cluster-audit/1`. Fields are only ever added.

use preflight_rke2::shared::{ControlOutcome, Counts, Scoring, json};
use serde::Serialize;

use super::Audit;
use crate::answer::Remedy;
use crate::control::section;
use crate::evaluate::{Judged, counts};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    cluster: &'a str,
    kubernetes_version: String,
    benchmark: &'static str,
    benchmark_source: &'static str,
    benchmark_note: Option<&'static str>,
    summary: Counts,
    controls: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'static str,
    key: &'static str,
    title: &'static str,
    section: &'static str,
    node_type: &'static str,
    kind: Scoring,
    outcome: ControlOutcome,
    summary: &'a str,
    /// The first few.
    objects: &'a [String],
    /// How many there are.
    object_count: usize,
    remedies: &'a [Remedy],
    waiver: Option<Waiver<'a>>,
}

#[derive(Serialize)]
struct Waiver<'a> {
    reason: &'a str,
    expires: String,
    expired: bool,
}

impl<'a> From<&'a Judged> for Entry<'a> {
    fn from(judged: &'a Judged) -> Self {
        let answer = &judged.answer;
        Self {
            id: judged.edition.id,
            key: judged.control.key,
            title: judged.control.title,
            section: section(judged.control, judged.edition).0,
            node_type: "policies",
            kind: judged.edition.scoring,
            outcome: judged.outcome,
            summary: &answer.summary,
            objects: &answer.objects,
            object_count: answer.count,
            remedies: &answer.remedies,
            waiver: judged.waiver.as_ref().map(|applied| Waiver {
                reason: &applied.waiver.reason,
                expires: applied.waiver.expires.to_string(),
                expired: applied.expired,
            }),
        }
    }
}

/// The document, one line feed at its end.
pub(super) fn render(audit: &Audit, all: &[&Judged], shown: &[&Judged]) -> String {
    json(&Document {
        schema: "org.rke2.preflight.cluster-audit/1",
        cluster: &audit.cluster,
        kubernetes_version: audit.version.to_string(),
        benchmark: audit.choice.benchmark.name(),
        benchmark_source: if audit.asked { "option" } else { "release" },
        benchmark_note: audit.choice.note,
        summary: counts(all.iter().copied()),
        controls: shown.iter().map(|judged| Entry::from(*judged)).collect(),
    })
}
