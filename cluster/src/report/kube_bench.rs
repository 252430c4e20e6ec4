//! kube-bench's JSON of its part `policies`, for what reads that: Rancher's summarizer, dashboards, importers. Its mixed
//! spelling of names is kept. Upstream: aquasecurity/kube-bench check/data.go (a73ce37).
//!
//! The guide's own questions have no number there and are left out.

use preflight_rke2::shared::{ControlOutcome, Scoring, json};
use serde::Serialize;

use super::{Audit, objects, remedy, sections, waived};
use crate::evaluate::Judged;

#[derive(Serialize)]
struct Document {
    #[serde(rename = "Controls")]
    controls: Vec<Controls>,
    #[serde(rename = "Totals")]
    totals: Totals,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Totals {
    #[serde(rename = "total_pass")]
    pass: usize,
    #[serde(rename = "total_fail")]
    fail: usize,
    #[serde(rename = "total_warn")]
    warn: usize,
    #[serde(rename = "total_info")]
    info: usize,
}

#[derive(Serialize)]
struct Controls {
    id: &'static str,
    version: String,
    detected_version: String,
    text: &'static str,
    node_type: &'static str,
    tests: Vec<Group>,
    #[serde(flatten)]
    totals: Totals,
}

#[derive(Serialize)]
struct Group {
    section: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    pass: usize,
    fail: usize,
    warn: usize,
    info: usize,
    desc: &'static str,
    results: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    test_number: &'static str,
    test_desc: &'static str,
    audit: String,
    #[serde(rename = "AuditEnv")]
    audit_env: &'static str,
    #[serde(rename = "AuditConfig")]
    audit_config: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    remediation: String,
    test_info: Vec<String>,
    status: &'static str,
    actual_value: String,
    scored: bool,
    #[serde(rename = "IsMultiple")]
    is_multiple: bool,
    expected_result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// kube-bench has four results; unknown and manual ones are warnings there.
fn status(judged: &Judged) -> &'static str {
    match judged.outcome {
        _ if judged.is_waived() => "INFO",
        ControlOutcome::Pass => "PASS",
        ControlOutcome::Fail => "FAIL",
        ControlOutcome::Warn | ControlOutcome::Manual | ControlOutcome::Error => "WARN",
        ControlOutcome::NotApplicable => "INFO",
    }
}

fn check(judged: &Judged) -> Check {
    let status = status(judged);
    let remedy = remedy(judged);
    Check {
        test_number: judged.edition.id,
        test_desc: judged.control.title,
        audit: format!(
            "preflight-rke2-cluster audit --control {}",
            judged.control.key
        ),
        audit_env: "",
        audit_config: "",
        kind: match (judged.edition.scoring, status) {
            (_, "INFO") => "skip",
            (Scoring::Manual, _) => "manual",
            _ => "",
        },
        test_info: Some(remedy.clone())
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect(),
        remediation: remedy,
        status,
        actual_value: objects(judged).join("\n"),
        scored: judged.edition.scoring == Scoring::Scored,
        is_multiple: false,
        expected_result: judged.control.title,
        reason: waived(judged)
            .or_else(|| (status != "PASS").then(|| judged.answer.summary.clone()))
            .filter(|text| !text.is_empty()),
    }
}

fn totals<'a>(results: impl IntoIterator<Item = &'a Check>) -> Totals {
    let mut totals = Totals::default();
    for check in results {
        let count = match check.status {
            "PASS" => &mut totals.pass,
            "FAIL" => &mut totals.fail,
            "WARN" => &mut totals.warn,
            _ => &mut totals.info,
        };
        *count = count.saturating_add(1);
    }
    totals
}

/// The document, one line feed at its end.
pub(super) fn render(audit: &Audit, shown: &[&Judged]) -> String {
    let numbered: Vec<&Judged> = shown
        .iter()
        .copied()
        .filter(|judged| !judged.control.is_beyond())
        .collect();
    let tests: Vec<Group> = sections(&numbered)
        .into_iter()
        .map(|((section, desc), members)| {
            let results: Vec<Check> = members.into_iter().map(check).collect();
            let counted = totals(&results);
            Group {
                section,
                kind: "",
                pass: counted.pass,
                fail: counted.fail,
                warn: counted.warn,
                info: counted.info,
                desc,
                results,
            }
        })
        .collect();
    let totals = totals(tests.iter().flat_map(|group| &group.results));
    json(&Document {
        totals,
        controls: vec![Controls {
            id: "5",
            version: format!("rke2-cis-{}", audit.choice.benchmark),
            detected_version: format!("1.{}", audit.version.minor),
            text: "Kubernetes policies",
            node_type: "policies",
            tests,
            totals,
        }],
    })
}
