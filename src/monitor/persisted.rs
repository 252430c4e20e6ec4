//! What the monitor keeps across its own restarts: a file for each unit below
//! `/run/preflight-rke2/monitor`, until the next boot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::gate::block::Block;

/// The format of the file. Fields are only ever added.
pub(crate) const SCHEMA: &str = "org.rke2.preflight.monitor/1";

/// The persisted state of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PersistedState {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether it ran when systemd was last asked.
    pub running: Option<bool>,
    /// Checks for which it runs now and would not start again, as last logged; and whether it would not
    /// even start now, rather than after the next boot only.
    pub drift: BTreeMap<String, bool>,
    /// How often a drift, or its end, was logged.
    pub drift_transitions: u64,
    /// How often the monitor started it after a block.
    pub resumes: u64,
    /// The last of these starts.
    pub resumed: Option<Resume>,
    /// The block during which it was stopped manually, by its `since`.
    pub stopped: Option<u64>,
    /// When it was stopped manually, in microseconds of the monotonic clock.
    pub stopped_at: Option<u64>,
    /// The manual stop to restore if a job turns out to be the gate's stop, by the job's object path.
    pub before: BTreeMap<String, ManualStop>,
    /// Stops for which it is not known yet whether they were the gate's.
    pub unclear: Vec<Stop>,
    /// The stop that was attributed to the gate, by the block's `since`.
    pub gate_stop: Option<(u64, String)>,
    /// The restart loop that the monitor ended. It counts as a block by the gate.
    pub halted: Option<Block>,
    /// Whether a restart loop was logged and not ended.
    #[serde(rename = "loop_told")]
    pub loop_logged: bool,
    /// `NRestarts` when it was first observed to fail on a host that would refuse it.
    pub failing_from: Option<u32>,
    /// The hold last logged for a block, by the block's `since`, so that it is logged once.
    pub held: Option<(u64, Hold)>,
    /// Exits of components that were logged.
    pub exits: LoggedExits,
    /// What is wrong and can pass, by check and subject.
    pub conditions: BTreeMap<String, Condition>,
    /// Certificates whose end was logged, by their path.
    pub certificates: BTreeMap<String, LoggedExpiry>,
    /// Whether a unit that sets the clock was enabled.
    pub time_sync: Option<bool>,
}

/// Something that is wrong and can pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// When it was first observed, in microseconds since 1970.
    pub since: u64,
    /// What was logged of it.
    pub summary: String,
    /// Whether it was logged.
    pub logged: bool,
    /// Since when it is over, where that has to last before it is logged.
    #[serde(default)]
    pub over_since: Option<u64>,
}

/// What was last logged of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedExpiry {
    /// When its validity ends, in seconds since 1970.
    pub not_after: u64,
    /// The number of days that had been reached.
    pub within: u64,
}

/// The exits of components that were logged in one start of the unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedExits {
    /// When the unit's program was started, in microseconds since 1970.
    pub started: u64,
    /// Component and reason of each, in a form that is the same for each repetition.
    pub reasons: Vec<String>,
}

/// A start that the monitor requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// When, in microseconds since 1970.
    pub at: u64,
    /// The block that it ended, by its `since`.
    pub since: u64,
    /// The checks behind that block.
    pub cause: Vec<String>,
    /// When the unit had last become active before, by systemd's monotonic clock; 0 if that is not known.
    #[serde(default)]
    pub entered: u64,
    /// Whether the unit came to run.
    pub lasted: bool,
    /// Whether systemd is known to have been asked. It is not if the monitor was killed before it asked.
    #[serde(default = "asked")]
    pub asked: bool,
}

/// Files of versions that did not write the field were written after systemd had been asked.
const fn asked() -> bool {
    true
}

/// Why the monitor does not start a unit although the unit would start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// The configuration sets `resume = false`.
    #[serde(rename = "switched-off")]
    ResumeOff,
    /// It was stopped manually since it was blocked.
    Stopped,
    /// It was enabled when it was blocked, and no longer is.
    Disabled,
    /// It is masked, or its unit file is gone.
    NotLoadable,
    /// The other RKE2 unit runs.
    Rival,
    /// The monitor has started it for this cause already, and it did not come to run.
    SameCause,
    /// A reason of another version of preflight-rke2. Read, never written.
    #[serde(other)]
    Other,
}

impl Hold {
    /// The string in JSON and on D-Bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResumeOff => "switched-off",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::NotLoadable => "not-loadable",
            Self::Rival => "rival",
            Self::SameCause => "same-cause",
            Self::Other => "other",
        }
    }
}

/// The stop of a unit by an administrator: the block during which it happened, by the block's `since`, and
/// when, in microseconds of the monotonic clock.
pub(crate) type ManualStop = (Option<u64>, Option<u64>);

/// A stop for which it is not known yet whether it was the gate's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Its job's object path.
    pub job: String,
    /// When systemd reported its end, in microseconds of the monotonic clock.
    pub at: u64,
    /// Jobs that were requested after it.
    pub later: Vec<String>,
    /// The manual stop that was known before it.
    pub before: ManualStop,
}

impl Default for PersistedState {
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            running: None,
            drift: BTreeMap::new(),
            drift_transitions: 0,
            resumes: 0,
            resumed: None,
            stopped: None,
            stopped_at: None,
            before: BTreeMap::new(),
            unclear: Vec::new(),
            gate_stop: None,
            halted: None,
            loop_logged: false,
            failing_from: None,
            held: None,
            exits: LoggedExits::default(),
            conditions: BTreeMap::new(),
            certificates: BTreeMap::new(),
            time_sync: None,
        }
    }
}

impl PersistedState {
    /// Records that systemd was asked to start the unit, and accepted or refused.
    pub const fn set_asked(&mut self) {
        if let Some(resumed) = &mut self.resumed {
            resumed.asked = true;
        }
    }

    /// Records that systemd could not be asked to start the unit, so that it is tried again.
    pub fn revoke_resume(&mut self) {
        self.resumed = None;
        self.resumes = self.resumes.saturating_sub(1);
    }

    /// Records that systemd could not be asked to stop the unit.
    pub fn revoke_halt(&mut self) {
        self.halted = None;
    }

    /// The manual stop in force.
    pub(super) const fn manual_stop(&self) -> ManualStop {
        (self.stopped, self.stopped_at)
    }

    /// Replaces the manual stop in force.
    pub(super) const fn set_manual_stop(&mut self, stop: ManualStop) {
        (self.stopped, self.stopped_at) = stop;
    }

    /// Forgets the manual stop: a start was requested.
    pub const fn clear_manual_stop(&mut self) {
        self.set_manual_stop((None, None));
    }
}
