//! The report of `check` as data: one unit of `org.rke2.preflight.report/1`. Fields are only ever added.
//!
//! The same types are written and read. What reads may be older or newer than what wrote: a field that is
//! missing has a default, one that is unknown is ignored, and an unknown value of an enum is read as the
//! variant that decides nothing.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::assessment::{UnitReport, Upgrade};
use crate::facts::{ComponentExit, Evidence, Part};
use crate::finding::edit::EditDocument;
use crate::finding::{Component, Effect, Finding, Outcome, Remedy};
use crate::text::printable;
use crate::verdict::Verdict;

/// One unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitDocument {
    /// `rke2-server.service`.
    pub unit: String,
    /// `server` or `agent`.
    pub role: String,
    /// The release that would run.
    pub rke2_version: String,
    /// How that is known: `option`, `binary`, `command`, `package`, `data-dir` or `assumed`.
    pub rke2_version_source: String,
    /// The release whose rules were used, where those of `rke2_version` are extrapolated from it; else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rke2_rules_of: Option<String>,
    /// With `check --upgrade-to`: what runs today, where all else is about the release that comes. Else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_from: Option<UpgradeFromDocument>,
    /// Would it start now?
    pub verdict: Verdict,
    /// The first component that would refuse now.
    #[serde(deserialize_with = "known")]
    pub refused_by: Option<Component>,
    /// The lines with which it would exit.
    pub predicted: Vec<String>,
    /// Would it start after the next boot?
    pub next_boot_verdict: Verdict,
    /// What was found, the findings that block first.
    pub findings: Vec<FindingDocument>,
    /// Components that exited in the start that is in progress, or in the last one. Absent if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exits: Vec<ExitDocument>,
}

/// What runs before an upgrade.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpgradeFromDocument {
    /// The installed release.
    pub rke2_version: String,
    /// How that is known.
    pub rke2_version_source: String,
    /// Would it start now?
    pub verdict: Verdict,
    /// Would it start after the next boot?
    pub next_boot_verdict: Verdict,
}

/// An exit of the kubelet, or of the program of a static pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExitDocument {
    /// `kubelet`, or the name of the static pod.
    pub component: String,
    /// The reason, in the component's words.
    pub reason: String,
    /// When it exited, in microseconds since 1970.
    pub at: u64,
    /// How often the container was restarted before; `None` for the kubelet.
    pub restarts: Option<u32>,
    /// The log.
    pub path: String,
    /// Whether it is started again and again.
    pub retried: bool,
}

/// One finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindingDocument {
    /// The check's id.
    pub id: String,
    /// Whether the requirement holds.
    pub outcome: Outcome,
    /// What a violation brings about.
    pub effect: Effect,
    /// The components that require it.
    #[serde(deserialize_with = "all_known")]
    pub required_by: Vec<Component>,
    /// A kernel parameter, an account, a setting.
    pub subject: String,
    /// The required value.
    pub required: Option<String>,
    /// The present value.
    pub actual: Option<String>,
    /// The value after the next boot, where it is known and can differ.
    pub next_boot: Option<String>,
    /// One sentence.
    pub summary: String,
    /// Further sentences.
    pub notes: Vec<String>,
    /// The files concerned.
    pub sources: Vec<SourceDocument>,
    /// Ways to fix it.
    pub remedies: Vec<RemedyDocument>,
    /// With `check --upgrade-to`: whether the upgrade brings it. Else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
}

/// A file that a finding names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceDocument {
    /// The absolute path, as the host names it.
    pub path: String,
    /// Counted from 1; `None` for a whole file.
    pub line: Option<u32>,
    /// What the file has to do with the finding.
    pub role: Part,
}

/// A way to fix a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemedyDocument {
    /// What it does.
    pub summary: String,
    /// Commands to run as root, in this order; empty where only an administrator can decide.
    pub commands: Vec<String>,
    /// The first of the changes that it consists of, where these are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edit: Option<EditDocument>,
    /// The others, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub further_edits: Vec<EditDocument>,
}

/// Reads a value of an enum; `None` for one that this version does not know.
fn known<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// Reads the values of an enum, without those that this version does not know.
fn all_known<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let values = Vec::<Value>::deserialize(deserializer)?;
    let known = |value| serde_json::from_value(value).ok();
    Ok(values.into_iter().filter_map(known).collect())
}

impl UnitDocument {
    /// The document of a report. With `all`, satisfied and inapplicable findings too.
    pub fn new(report: &UnitReport, all: bool) -> Self {
        Self {
            unit: report.unit.clone(),
            role: report.role.as_str().to_owned(),
            rke2_version: report.version.to_string(),
            rke2_version_source: report.version_source.to_string(),
            rke2_rules_of: report.rules_of().map(|version| version.to_string()),
            upgrade_from: None,
            verdict: report.verdict.now,
            refused_by: report.verdict.refused_by,
            predicted: report.verdict.predicted.clone(),
            next_boot_verdict: report.verdict.next_boot,
            findings: if all {
                report.findings.iter().map(FindingDocument::from).collect()
            } else {
                report.problems().map(FindingDocument::from).collect()
            },
            exits: report.exits.iter().map(ExitDocument::from).collect(),
        }
    }

    /// The document of an upgrade: of the release that comes, with what runs today.
    pub fn of_upgrade(upgrade: &Upgrade, all: bool) -> Self {
        let then = &upgrade.then;
        let document = |finding| FindingDocument {
            new: Some(upgrade.is_new(finding)),
            ..FindingDocument::from(finding)
        };
        let today = &upgrade.today;
        Self {
            upgrade_from: Some(UpgradeFromDocument {
                rke2_version: today.version.to_string(),
                rke2_version_source: today.version_source.to_string(),
                verdict: today.verdict.now,
                next_boot_verdict: today.verdict.next_boot,
            }),
            findings: if all {
                then.findings.iter().map(document).collect()
            } else {
                then.problems().map(document).collect()
            },
            ..Self::new(then, all)
        }
    }

    /// The findings that decide whether the unit starts, now or after the next boot.
    pub fn deciding(&self) -> impl Iterator<Item = &FindingDocument> {
        self.findings
            .iter()
            .filter(|finding| finding.effect.blocks())
    }
}

impl From<&ComponentExit> for ExitDocument {
    fn from(exit: &ComponentExit) -> Self {
        Self {
            component: exit.component.clone(),
            reason: printable(&exit.reason),
            at: exit.at,
            restarts: exit.restarts,
            path: exit.path.clone(),
            retried: exit.is_retried,
        }
    }
}

impl From<&Finding> for FindingDocument {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id().to_string(),
            outcome: finding.outcome(),
            effect: finding.effect(),
            required_by: finding.required_by().to_vec(),
            subject: finding.subject().to_owned(),
            required: finding.required().map(str::to_owned),
            actual: finding.actual().map(str::to_owned),
            next_boot: finding.next_boot().map(str::to_owned),
            summary: finding.summary().to_owned(),
            notes: finding.notes().to_vec(),
            sources: finding
                .evidence()
                .iter()
                .map(SourceDocument::from)
                .collect(),
            remedies: finding
                .remedies()
                .iter()
                .map(RemedyDocument::from)
                .collect(),
            new: None,
        }
    }
}

impl From<&Evidence> for SourceDocument {
    fn from(evidence: &Evidence) -> Self {
        Self {
            path: evidence.source.path.clone(),
            line: evidence.source.line,
            role: evidence.part,
        }
    }
}

impl From<&Remedy> for RemedyDocument {
    fn from(remedy: &Remedy) -> Self {
        let (edit, further_edits) = remedy.documents();
        Self {
            summary: remedy.summary(),
            commands: remedy.commands(),
            edit,
            further_edits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_of_another_version_is_read() {
        let newer = json!({
            "unit": "rke2-server.service", "verdict": "would-wait", "refused_by": "cni",
            "next_boot_verdict": "would-refuse", "colour": "red",
            "findings": [{
                "id": "a.b", "effect": "blocks-login", "outcome": "postponed",
                "required_by": ["rke2", "cni"], "sources": [{"path": "/a", "role": "mirrors"}],
            }, {"effect": "blocks-start", "outcome": "violated"}],
        });
        let read: UnitDocument = serde_json::from_value(newer).unwrap();
        assert_eq!(read.verdict, Verdict::Undetermined);
        assert_eq!(read.next_boot_verdict, Verdict::WouldRefuse);
        assert_eq!(read.refused_by, None);
        assert_eq!(read.findings[0].required_by, [Component::Rke2]);
        assert_eq!(read.findings[0].outcome, Outcome::Indeterminate);
        assert_eq!(read.deciding().count(), 1);
        let older: UnitDocument = serde_json::from_value(json!({})).unwrap();
        assert_eq!(older, UnitDocument::default());
    }
}
