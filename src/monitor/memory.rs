//! What the monitor must not forget when it is restarted: a file for each unit below
//! `/run/preflight-rke2/monitor`, until the next boot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::{Stop, Stopped};
use crate::gate::block::Block;

/// The format of the file. Fields are only ever added.
pub(crate) const SCHEMA: &str = "org.rke2.preflight.monitor/1";

/// What is remembered of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// [`SCHEMA`].
    pub schema: String,
    /// Whether it ran when systemd was last asked.
    pub running: Option<bool>,
    /// Checks for which it runs now and would not start again, as they were last told; and whether
    /// it would not even now, not only after the next boot.
    pub drift: BTreeMap<String, bool>,
    /// How often a drift, or its end, was told.
    pub drift_transitions: u64,
    /// How often it was started because the host had become right.
    pub resumes: u64,
    /// The last of these.
    pub resumed: Option<Resume>,
    /// The block during which somebody stopped it, by its `since`.
    pub stopped: Option<u64>,
    /// When somebody stopped it, in microseconds of the monotonic clock.
    pub stopped_at: Option<u64>,
    /// What of that to restore if a job turns out to be the gate's stop.
    pub before: BTreeMap<String, Stopped>,
    /// Stops of which it is not clear yet whether they were the gate's.
    pub unclear: Vec<Stop>,
    /// The stop that was taken for the gate's, by the block's `since`.
    pub gate_stop: Option<(u64, String)>,
    /// The loop that was ended: as good as a block by the gate.
    pub halted: Option<Block>,
    /// The loop that was told of and left alone, by its restarts.
    pub loop_told: bool,
    /// `NRestarts` when it was first seen to end though it cannot run.
    pub failing_from: Option<u32>,
    /// What was told of the present block, so that it is told once.
    pub held: Option<(u64, Hold)>,
}

/// A start that the monitor asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// When, in microseconds since 1970.
    pub at: u64,
    /// The block that it ended, by its `since`.
    pub since: u64,
    /// The checks behind that block.
    pub cause: Vec<String>,
    /// When the unit had last become active before, as systemd counts; 0 if that is not known.
    #[serde(default)]
    pub entered: u64,
    /// Whether the unit came to run.
    pub lasted: bool,
    /// Whether systemd is known to have been asked: it is not where the monitor ended in between.
    #[serde(default = "known")]
    pub asked: bool,
}

/// What is not written was asked.
const fn known() -> bool {
    true
}

/// Why a unit is not started though the host is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// `resume = false`.
    SwitchedOff,
    /// Somebody stopped it since.
    Stopped,
    /// It was enabled, and is no longer.
    Disabled,
    /// It is masked, or gone.
    NotLoadable,
    /// The other RKE2 unit runs.
    Rival,
    /// It was started for this cause already, and did not come to run.
    SameCause,
}

impl Default for Memory {
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
            loop_told: false,
            failing_from: None,
            held: None,
        }
    }
}
