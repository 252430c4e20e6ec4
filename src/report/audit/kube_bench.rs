//! kube-bench's JSON, for what reads that: Rancher's summarizer, dashboards, importers. Its mixed
//! spelling of names is kept. Upstream: aquasecurity/kube-bench check/data.go (a73ce37).
//!
//! The guide's own questions have no number there and are left out.

use serde::Serialize;

use super::row::{Row, rows};
use super::{Section, by_section, profile};
use crate::audit::benchmark::Benchmark;
use crate::audit::control::{NodeType, Scoring};
use crate::audit::{Audit, Audited, ControlOutcome};

/// A part of the benchmark.
pub struct Part {
    /// Its number.
    pub id: String,
    /// Its title.
    pub text: &'static str,
    /// Of which kind of node it is: `master`, `policies`.
    pub node_type: &'static str,
    /// Its controls, in their order.
    pub controls: Vec<Row>,
}

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
fn status(control: &Row) -> &'static str {
    match control.outcome {
        _ if control.waived.is_some() => "INFO",
        ControlOutcome::Pass => "PASS",
        ControlOutcome::Fail => "FAIL",
        ControlOutcome::Warn | ControlOutcome::Manual | ControlOutcome::Error => "WARN",
        ControlOutcome::NotApplicable => "INFO",
    }
}

fn check(control: &Row) -> Check {
    let status = status(control);
    let remedy = &control.remedy;
    Check {
        test_number: control.id,
        test_desc: control.title,
        audit: control.command.clone(),
        audit_env: "",
        audit_config: "",
        kind: match (control.scoring, status) {
            (_, "INFO") => "skip",
            (Scoring::Manual, _) => "manual",
            _ => "",
        },
        test_info: Some(remedy.clone())
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect(),
        remediation: remedy.clone(),
        status,
        actual_value: control.actual.clone(),
        scored: control.scoring == Scoring::Scored,
        is_multiple: false,
        expected_result: control.expected.clone(),
        reason: control
            .waived
            .clone()
            .or_else(|| (status != "PASS").then(|| control.summary.clone()))
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

fn group((section, desc): Section, members: Vec<&Row>) -> Group {
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
}

/// The document, one line feed at its end, of the parts of a benchmark and the minor version of Kubernetes.
pub fn document(benchmark: Benchmark, minor: u32, parts: Vec<Part>) -> String {
    let controls: Vec<Controls> = parts
        .into_iter()
        .map(|part| {
            let members: Vec<&Row> = part.controls.iter().collect();
            let tests: Vec<Group> = by_section(&members, |control| control.section)
                .into_iter()
                .map(|(section, members)| group(section, members))
                .collect();
            Controls {
                id: part.id,
                version: profile(benchmark),
                detected_version: format!("1.{minor}"),
                text: part.text,
                node_type: part.node_type,
                totals: totals(tests.iter().flat_map(|group| &group.results)),
                tests,
            }
        })
        .collect();
    let all = controls.iter().flat_map(|controls| &controls.tests);
    let document = Document {
        totals: totals(all.flat_map(|group| &group.results)),
        controls,
    };
    crate::text::json(&document)
}

/// The document of a node; of one kind of node alone where that is given.
pub fn render(audit: &Audit, shown: &[&Audited], node: Option<NodeType>) -> String {
    let kinds = NodeType::ALL
        .into_iter()
        .filter(|kind| node.is_none_or(|node| node == *kind));
    let part = |kind: NodeType| {
        let is_member =
            |audited: &&&Audited| audited.control.node == kind && !audited.control.is_beyond();
        let members: Vec<&Audited> = shown.iter().filter(is_member).copied().collect();
        let controls = rows(&members);
        let number = controls.first()?.id.split('.').next().unwrap_or_default();
        Some(Part {
            id: number.to_owned(),
            text: text(kind),
            node_type: kind.as_str(),
            controls,
        })
    };
    let parts = kinds.filter_map(part).collect();
    document(audit.benchmark(), audit.version.minor, parts)
}
