//! kube-bench's JSON, for what reads that: Rancher's summarizer, dashboards, importers. Its mixed
//! spelling of names is kept. Upstream: aquasecurity/kube-bench check/data.go (a73ce37).
//!
//! The guide's own questions have no number there and are left out.

use serde::Serialize;

use super::{profile, remedy, sections, waived};
use crate::audit::control::{NodeType, Scoring};
use crate::audit::{Audit, Audited, ControlOutcome};

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
    id: String,
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
    expected_result: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// kube-bench has four results; unknown and manual ones are warnings there.
fn status(audited: &Audited) -> &'static str {
    match audited.outcome {
        _ if audited.is_waived() => "INFO",
        ControlOutcome::Pass => "PASS",
        ControlOutcome::Fail => "FAIL",
        ControlOutcome::Warn | ControlOutcome::Manual | ControlOutcome::Error => "WARN",
        ControlOutcome::NotApplicable => "INFO",
    }
}

fn check(audited: &Audited) -> Check {
    let (control, edition, result) = (audited.control, audited.edition, &audited.result);
    let status = status(audited);
    let remedy = remedy(audited);
    Check {
        test_number: edition.id,
        test_desc: control.title,
        audit: format!("preflight-rke2 audit --control {}", control.key),
        audit_env: "",
        audit_config: "",
        kind: match (edition.scoring, status) {
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
        actual_value: result.actual.clone().unwrap_or_default(),
        scored: edition.scoring == Scoring::Scored,
        is_multiple: false,
        expected_result: result.expected.clone(),
        reason: waived(audited)
            .or_else(|| (status != "PASS").then(|| result.summary.clone()))
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

const fn text(node: NodeType) -> &'static str {
    match node {
        NodeType::Master => "Control plane",
        NodeType::Etcd => "etcd",
        NodeType::ControlPlane => "Control plane configuration",
        NodeType::Node => "Worker node",
    }
}

/// The document, one line feed at its end; of one kind of node alone where that is given.
pub fn render(audit: &Audit, shown: &[&Audited], node: Option<NodeType>) -> String {
    let kinds = NodeType::ALL
        .into_iter()
        .filter(|kind| node.is_none_or(|node| node == *kind));
    let controls: Vec<Controls> = kinds
        .filter_map(|kind| {
            let members: Vec<&Audited> = shown
                .iter()
                .copied()
                .filter(|audited| audited.control.node == kind && !audited.control.is_beyond())
                .collect();
            let first = members.first()?;
            let id = first
                .edition
                .id
                .split('.')
                .next()
                .unwrap_or_default()
                .to_owned();
            let tests: Vec<Group> = sections(&members)
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
            Some(Controls {
                id,
                version: profile(audit),
                detected_version: format!("1.{}", audit.version.minor),
                text: text(kind),
                node_type: kind.as_str(),
                totals: totals(tests.iter().flat_map(|group| &group.results)),
                tests,
            })
        })
        .collect();
    let all = controls.iter().flat_map(|controls| &controls.tests);
    let document = Document {
        totals: totals(all.flat_map(|group| &group.results)),
        controls,
    };
    crate::text::json(&document)
}
