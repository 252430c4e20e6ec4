//! A journal record: what [`crate::report::journal`] makes and [`crate::host::journal`] sends.

use crate::finding::{CheckId, Effect};

/// Kinds of record, by their `MESSAGE_ID`.
pub mod id {
    /// One reason.
    pub const FINDING: &str = "130218ea33e04235a4cb6d3bc7aaa99e";
    /// The unit is not started.
    pub const BLOCKED: &str = "07455aa26e824d2c8191fbfd5f8b41ec";
    /// It would be refused, and is started all the same.
    pub const ALLOWED_ANYWAY: &str = "3ec60a13d0d9478c9b15834262f59a45";
    /// It is started unchecked.
    pub const ALLOWED_ON_ERROR: &str = "a7e6cdb13b184695b6d208fc1bf0fd7d";
    /// Something deserves attention.
    pub const ADVICE: &str = "f773c8381c5a496eb26e6364228ea5c1";
    /// The unit is started: what kept it down is put right.
    pub const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
    /// It would run, and is not started by itself.
    pub const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";
    /// It failed again and again and cannot run: it is stopped, or left alone.
    pub const LOOP: &str = "efdb6b87a45147a8b5530feed1f7d038";
    /// It runs, and would not start again.
    pub const DRIFTED: &str = "6a0aafc776df442b90b1be0f1b0ce2fd";
    /// It runs, and would start again.
    pub const DRIFT_RESOLVED: &str = "14ee33e3e81446d886c197919c6c7f95";
    /// The monitor cannot do part of its work.
    pub const MONITOR: &str = "c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31";
    /// Every one.
    pub const ALL: [&str; 11] = [
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
    ];
}

/// How grave a record is, in the journal's terms.
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
    /// How grave it is.
    pub priority: Priority,
    /// What is read in `systemctl status`: one line.
    pub message: String,
    /// `OBJECT_SYSTEMD_UNIT`: what makes it show in `journalctl -u`.
    pub unit: String,
    /// The fields of a finding; `None` in a summary.
    pub finding: Option<FindingFields>,
    /// The fields of a summary.
    pub summary: Option<SummaryFields>,
}

/// Every one is sent with every finding, so that the catalog's placeholders are always filled.
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
    /// `PREFLIGHT_PREDICTED`: the line the component would end with, as it words it.
    pub predicted: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
}

/// What a summary carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryFields {
    /// `PREFLIGHT_REASONS`: one a line.
    pub reasons: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
    /// `PREFLIGHT_SETTER`: who made it so, where that can be known; one a line.
    pub changed_by: String,
}
