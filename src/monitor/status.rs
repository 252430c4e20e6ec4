//! The status that the monitor publishes: `org.rke2.preflight.status/1`. Fields are only ever added.
//!
//! Made once per evaluation. The D-Bus properties, the metrics, the JSON document and the text of
//! `preflight-rke2 status` are all derived from it. The document is read by the same types, also where the
//! monitor that wrote it is older or newer (see [`crate::document`]).

use serde::{Deserialize, Serialize};

use super::persisted::{Hold, PersistedState};
use super::phase::Phase;
use crate::assessment::UnitReport;
use crate::document::UnitDocument;
use crate::facts::Measurements;
use crate::verdict::Verdict;

/// The format.
pub const SCHEMA: &str = "org.rke2.preflight.status/1";

/// The document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// [`SCHEMA`].
    pub schema: String,
    /// The monitor itself.
    pub monitor: MonitorStatus,
    /// Every installed RKE2 unit.
    pub units: Vec<UnitStatus>,
}

/// The monitor itself. Times are microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MonitorStatus {
    /// The version of preflight-rke2.
    pub version: String,
    /// Since when it runs.
    pub since: u64,
    /// When the last evaluation ended.
    pub evaluated: u64,
    /// `enforce` or `report`.
    pub mode: String,
    /// Whether it starts units that were blocked.
    pub resume: bool,
    /// What does not work, a sentence each.
    pub troubles: Vec<String>,
}

/// One unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitStatus {
    /// `rke2-server.service`.
    pub unit: String,
    /// What it does, according to systemd.
    pub phase: Phase,
    /// Whether the next boot starts it.
    pub enabled: bool,
    /// Whether it is not enabled while the other RKE2 unit is.
    pub idle: bool,
    /// Since when it is blocked, in microseconds since 1970; `null` if it is not.
    pub blocked_since: Option<u64>,
    /// Why it is not started although it would start; `null` if it is started, or would not start.
    pub held: Option<Hold>,
    /// Checks for which it runs and would not start again.
    pub drift: Vec<String>,
    /// How often drift, or its end, was logged since boot.
    pub drift_transitions: u64,
    /// How often the monitor started it after a block, since boot.
    pub resumes: u64,
    /// When that last happened, in microseconds since 1970.
    pub resumed_at: Option<u64>,
    /// The unit in the report of `check`: `org.rke2.preflight.report/1`.
    pub report: UnitDocument,
    /// The CIS profile. Not in the document, which never had it: a label in the metrics.
    #[serde(skip)]
    pub profile: String,
    /// What was measured of the node: metrics, not in the document either.
    #[serde(skip)]
    pub measured: Measurements,
}

impl NodeStatus {
    /// One JSON object, a line feed at its end.
    pub fn json(&self) -> String {
        crate::text::json(self)
    }

    /// Whether a unit would be refused now, units that are not enabled aside.
    pub fn is_refused(&self) -> bool {
        self.has_verdict(Verdict::WouldRefuse)
    }

    /// Whether the verdict of a unit is undetermined, units that are not enabled aside.
    pub fn is_undetermined(&self) -> bool {
        self.has_verdict(Verdict::Undetermined)
    }

    fn has_verdict(&self, verdict: Verdict) -> bool {
        self.units
            .iter()
            .any(|unit| !unit.idle && unit.report.verdict == verdict)
    }
}

impl UnitStatus {
    /// The status of a unit of which only the report is known.
    pub fn new(report: &UnitReport) -> Self {
        Self {
            unit: report.unit.clone(),
            idle: report.idle,
            report: UnitDocument::new(report, false),
            profile: report.profile.value.clone(),
            ..Self::default()
        }
    }

    /// Takes over what the persisted state says.
    pub(crate) fn set_persisted(&mut self, persisted: &PersistedState) {
        self.drift = persisted.drift.keys().cloned().collect();
        self.drift_transitions = persisted.drift_transitions;
        self.resumes = persisted.resumes;
        self.resumed_at = persisted.resumed.as_ref().map(|resumed| resumed.at);
    }

    /// Whether the gate, or the monitor after a restart loop, keeps it from starting.
    pub const fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }

    /// Whether it would not start again although it runs, or did when systemd was last asked.
    pub const fn is_drifted(&self) -> bool {
        !self.drift.is_empty()
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_read_back_unchanged() {
        let status = NodeStatus {
            schema: SCHEMA.to_owned(),
            monitor: MonitorStatus {
                version: "1.2.3".to_owned(),
                evaluated: 7,
                ..MonitorStatus::default()
            },
            units: vec![UnitStatus {
                phase: Phase::Stranded,
                held: Some(Hold::ResumeOff),
                blocked_since: Some(3),
                ..UnitStatus::default()
            }],
        };
        let read: NodeStatus = serde_json::from_str(&status.json()).unwrap();
        assert_eq!(read, status);
    }

    #[test]
    fn a_document_of_another_version_is_read() {
        let newer = json!({
            "monitor": {"version": "9.0.0", "moon": "full"},
            "units": [{"phase": "hibernating", "held": "frozen", "blocked_since": null}],
        });
        let read: NodeStatus = serde_json::from_value(newer).unwrap();
        assert_eq!(read.units[0].phase, Phase::Unknown);
        assert_eq!(read.units[0].held, Some(Hold::Other));
        assert!(!read.units[0].is_blocked());
        assert!(read.is_undetermined() && !read.is_refused());
    }
}
