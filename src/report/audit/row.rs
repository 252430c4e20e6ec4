//! A control as the formats of other tools show it: of the audit of a node, or of a cluster.

use super::{Section, remedy, section, waived};
use crate::audit::control::Scoring;
use crate::audit::{Audited, ControlOutcome};
use crate::facts::Source;

/// A control, and what became of it.
pub struct Row {
    /// Its number.
    pub id: &'static str,
    /// Its name here.
    pub key: &'static str,
    /// What is true where it is met.
    pub title: &'static str,
    /// Its section of the benchmark.
    pub section: Section,
    /// Of which kind of node it is: `master`, `policies`.
    pub node_type: &'static str,
    /// How it counts.
    pub scoring: Scoring,
    /// What became of it.
    pub outcome: ControlOutcome,
    /// Why it does not count, where it is waived.
    pub waived: Option<String>,
    /// The command that evaluates it alone.
    pub command: String,
    /// What was found.
    pub actual: String,
    /// What is required.
    pub expected: String,
    /// What is wrong, in a sentence.
    pub summary: String,
    /// The files and lines that it was found in.
    pub sources: Vec<Source>,
    /// The objects of a cluster that it was found in, the first few.
    pub objects: Vec<String>,
    /// Its remedies in one line.
    pub remedy: String,
}

impl Row {
    /// Whether it fails without a valid waiver.
    pub(super) fn fails(&self) -> bool {
        self.outcome == ControlOutcome::Fail && self.waived.is_none()
    }
}

/// What was audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The node of a unit: `rke2-server.service`.
    Unit(&'a str),
    /// A cluster: the address of its API server, or where its dumps are.
    Cluster(&'a str),
}

impl<'a> Subject<'a> {
    /// Its name.
    pub(super) const fn name(self) -> &'a str {
        match self {
            Self::Unit(name) | Self::Cluster(name) => name,
        }
    }

    /// The program that audits it.
    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Unit(_) => "preflight-rke2",
            Self::Cluster(_) => "preflight-rke2-cluster",
        }
    }
}

impl From<&Audited> for Row {
    fn from(audited: &Audited) -> Self {
        let (control, edition, result) = (audited.control, audited.edition, &audited.result);
        Self {
            id: edition.id,
            key: control.key,
            title: control.title,
            section: section(audited),
            node_type: control.node.as_str(),
            scoring: edition.scoring,
            outcome: audited.outcome,
            waived: waived(audited),
            command: format!("preflight-rke2 audit --control {}", control.key),
            actual: result.actual.clone().unwrap_or_default(),
            expected: result.expected.clone(),
            summary: result.summary.clone(),
            sources: result.sources.clone(),
            objects: Vec::new(),
            remedy: remedy(audited),
        }
    }
}

/// Controls of a node as rows.
pub(super) fn rows(controls: &[&Audited]) -> Vec<Row> {
    controls.iter().map(|audited| Row::from(*audited)).collect()
}
