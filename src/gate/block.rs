//! The block file of a unit, kept until the unit starts: below `/run/preflight-rke2/gate`, written by the
//! gate, read by the monitor, and readable by any user.

use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// The format of the file. Fields are only ever added.
pub const SCHEMA: &str = "org.rke2.preflight.block/1";

/// Why a unit is down, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// [`SCHEMA`].
    pub schema: String,
    /// `rke2-server.service`.
    pub unit: String,
    /// When it was last blocked, in microseconds since 1970.
    pub since: u64,
    /// Whether the next boot would have started it then.
    pub enabled: bool,
    /// The stop job by which the gate ended an automatic restart, as a D-Bus object path; empty
    /// while systemd is being asked for it. Absent where the pending start job was canceled
    /// instead. The monitor must not take that stop job for a manual stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_job: Option<String>,
    /// The findings that block it.
    pub reasons: Vec<Reason>,
}

/// A finding that blocks a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The check's id.
    pub check: String,
    /// What it is about.
    pub subject: String,
    /// In one sentence.
    pub summary: String,
}

impl From<&Finding> for Reason {
    fn from(finding: &Finding) -> Self {
        Self {
            check: finding.id().to_string(),
            subject: finding.subject().to_owned(),
            summary: finding.summary().to_owned(),
        }
    }
}

impl Block {
    /// A block of `unit`, for these reasons.
    pub fn new(unit: &str, since: u64, enabled: bool, reasons: &[&Finding]) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            unit: unit.to_owned(),
            since,
            enabled,
            stop_job: None,
            reasons: reasons.iter().map(|finding| (*finding).into()).collect(),
        }
    }

    /// The checks behind it, each once, in order. Two blocks with the same checks have the same cause.
    pub fn cause(&self) -> Vec<String> {
        let mut checks: Vec<String> = self.reasons.iter().map(|r| r.check.clone()).collect();
        checks.sort();
        checks.dedup();
        checks
    }
}
