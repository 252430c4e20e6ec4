//! A journal record: what [`crate::report::journal`] makes and [`crate::host::journal`] sends.

use crate::finding::{CheckId, Effect};

/// Kinds of record, by their `MESSAGE_ID`.
pub mod id {
    /// A finding that blocks the unit, or would.
    pub const FINDING: &str = "130218ea33e04235a4cb6d3bc7aaa99e";
    /// The unit is blocked.
    pub const BLOCKED: &str = "07455aa26e824d2c8191fbfd5f8b41ec";
    /// The unit would be refused, and starts anyway.
    pub const ALLOWED_ANYWAY: &str = "3ec60a13d0d9478c9b15834262f59a45";
    /// The unit starts unchecked.
    pub const ALLOWED_ON_ERROR: &str = "a7e6cdb13b184695b6d208fc1bf0fd7d";
    /// Advice.
    pub const ADVICE: &str = "f773c8381c5a496eb26e6364228ea5c1";
    /// The unit is being started: what blocked it is fixed.
    pub const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
    /// The unit would start, and is not started automatically.
    pub const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";
    /// The unit failed repeatedly and would be refused at every start: it is stopped, or not.
    pub const LOOP: &str = "efdb6b87a45147a8b5530feed1f7d038";
    /// The unit runs, and would not start again.
    pub const DRIFTED: &str = "6a0aafc776df442b90b1be0f1b0ce2fd";
    /// The unit runs, and would start again.
    pub const DRIFT_RESOLVED: &str = "14ee33e3e81446d886c197919c6c7f95";
    /// Something does not work in the monitor, or works again.
    pub const MONITOR: &str = "c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31";
    /// The kubelet, or the program of a static pod, exits again and again.
    pub const EXITED: &str = "5b2d7e90c4a14f6d8e13a97f20b6c8d5";
    /// Something of the node is wrong that can pass.
    pub const CONDITION: &str = "8d1c5f0e6b7a4c2f9e03b1d4a6c7e812";
    /// It is over.
    pub const CONDITION_OVER: &str = "2f6e9b13c8d04a57b1e0f7c93a5d6e24";
    /// Certificates end soon.
    pub const EXPIRING: &str = "b7a30c5e94d14f86a2c8e51f0d3b9764";
    /// All of them.
    pub const ALL: [&str; 15] = [
        FINDING,
        BLOCKED,
        ALLOWED_ANYWAY,
        ALLOWED_ON_ERROR,
        ADVICE,
        RESUMED,
        HELD,
        LOOP,
        DRIFTED,
        DRIFT_RESOLVED,
        MONITOR,
        EXITED,
        CONDITION,
        CONDITION_OVER,
        EXPIRING,
    ];
}

/// The priority of a record, as in syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// `err`
    Error,
    /// `warning`
    Warning,
    /// `notice`
    Notice,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its kind, one of [`id`].
    pub message_id: &'static str,
    /// Its priority.
    pub priority: Priority,
    /// The text that `systemctl status` shows: one line.
    pub message: String,
    /// `OBJECT_SYSTEMD_UNIT`: what makes it show in `journalctl -u`.
    pub unit: String,
    /// The fields of a finding; `None` in a summary.
    pub finding: Option<FindingFields>,
    /// The fields of a summary.
    pub summary: Option<SummaryFields>,
}

/// The fields of a finding. All are always sent, so that the catalog's placeholders have values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingFields {
    /// `PREFLIGHT_CHECK`: the finding's id.
    pub check: CheckId,
    /// `PREFLIGHT_EFFECT`
    pub effect: Effect,
    /// `PREFLIGHT_SUBJECT`
    pub subject: String,
    /// `PREFLIGHT_REQUIRED`
    pub required: String,
    /// `PREFLIGHT_REQUIRED_BY`
    pub required_by: String,
    /// `PREFLIGHT_ACTUAL`
    pub actual: String,
    /// `PREFLIGHT_NEXT_BOOT`
    pub next_boot: String,
    /// `PREFLIGHT_FILE`
    pub file: String,
    /// `PREFLIGHT_LINE`
    pub line: String,
    /// `PREFLIGHT_PREDICTED`: the line with which the component would exit.
    pub predicted: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
}

/// The fields of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryFields {
    /// `PREFLIGHT_REASONS`: one a line.
    pub reasons: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
    /// `PREFLIGHT_SETTER`: the cause of each change where it is known, one a line.
    pub changed_by: String,
}
