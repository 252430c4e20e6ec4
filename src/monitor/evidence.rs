//! What systemd remembers of the last start of a unit that is down: whether a start was requested that
//! came to nothing, and whose stop a stop was.

use serde::{Deserialize, Serialize};

use super::memory::Memory;
use super::phase::Phase;
use super::step::Seen;
use crate::gate::block::Block;
use crate::gate::stamp::Stamped;

/// What became of the last run of a unit's gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateEnd {
    /// It has not run in this userspace, or has ended well: RKE2's job went on.
    #[default]
    Passed,
    /// It runs.
    Running,
    /// It ended with status 3: it blocks.
    Blocked,
    /// It failed in any other way: killed, crashed, not started at all.
    Failed,
}

/// What a gate's unit came to, from its `ActiveState`, `ExecMainCode` and `ExecMainStatus`.
pub(crate) fn gate_end(active_state: &str, code: i32, status: i32) -> GateEnd {
    /// `CLD_EXITED`.
    const EXITED: i32 = 1;
    match active_state {
        "activating" | "deactivating" | "active" => GateEnd::Running,
        "failed" if (code, status) == (EXITED, 3) => GateEnd::Blocked,
        "failed" => GateEnd::Failed,
        _ => GateEnd::Passed,
    }
}

/// What systemd remembers of the last run of the gate before a unit, and of the unit. Times are in
/// microseconds of the monotonic clock; 0 where it did not happen in this userspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastStart {
    /// When the gate was last started. A start of the unit does that.
    pub gate_began: u64,
    /// The same in microseconds since 1970.
    pub gate_began_at: u64,
    /// When the gate last ended.
    pub gate_ended: u64,
    /// How.
    pub gate: GateEnd,
    /// Since when the unit is inactive or failed.
    pub down_since: u64,
    /// When the unit's program was last started.
    pub main_started: u64,
}

/// What stands for a block where a unit is down, a start of it was requested, and the gate left no
/// word that it blocks. The conditions are those of docs/operating.md:
///
/// - the unit is loaded, enabled, down, without a job, and nobody is known to have stopped it;
/// - systemd left it in `auto-restart-queued`, or its gate was started since the unit went down, and
///   failed, or blocked without being able to say so.
pub(super) fn left_down(memory: &Memory, seen: &Seen<'_>) -> Option<Block> {
    let last = seen.last?;
    let is_candidate = seen.block.is_none()
        && memory.halted.is_none()
        && memory.stopped_at.is_none()
        && seen.loadable
        && seen.enabled;
    if !is_candidate {
        return None;
    }
    let requested = match (seen.phase, last.gate) {
        // systemd itself was about to start it.
        (Phase::Stranded, _) => true,
        (Phase::Down, GateEnd::Failed) => last.gate_began > last.down_since,
        // To end an automatic restart the gate stops the unit.
        (Phase::Down, GateEnd::Blocked) => {
            last.gate_began > 0 && last.gate_ended >= last.down_since
        }
        _ => false,
    };
    requested.then(|| Block::new(&seen.report.unit, last.gate_began_at, true, &[]))
}

/// Something heard of a job of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEvent {
    /// It was requested.
    New {
        /// Its object path.
        job: String,
    },
    /// It has ended.
    Removed {
        /// Its object path.
        job: String,
        /// `done`, `canceled` and the like.
        result: String,
        /// When that was heard, in microseconds of the monotonic clock.
        at: u64,
    },
}

/// A stop of which it is not known yet whether it was the gate's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Its job.
    pub job: String,
    /// When it was heard of, in microseconds of the monotonic clock.
    pub at: u64,
    /// Jobs that were requested after it.
    pub later: Vec<String>,
    /// What was remembered of a person's stop before it.
    pub before: Stopped,
}

/// What is remembered of a person's stop: the block that it came upon, and when.
pub(crate) type Stopped = (Option<u64>, Option<u64>);

/// What is known when a stop is judged.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The gate's block.
    pub block: Option<&'a Stamped<Block>>,
    /// What systemd remembers; `None` where it was not asked or did not answer.
    pub last: Option<LastStart>,
    /// Whether the unit is down now, or about to be.
    pub is_ending: bool,
}

/// Whose stop a stop was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Gate,
    Person,
    Unclear,
}

/// More is not kept of what is not clear yet.
const MOST_UNCLEAR: usize = 16;

impl Memory {
    /// Takes up what was heard of the unit's jobs, in that order. `is_ours` tells the monitor's own.
    pub fn hear(
        &mut self,
        events: Vec<JobEvent>,
        is_ours: impl Fn(&str) -> bool,
        scene: &Scene<'_>,
    ) {
        let mut stops = std::mem::take(&mut self.unclear);
        let now_stopped = |memory: &Self| (memory.stopped, memory.stopped_at);
        for event in events {
            match event {
                JobEvent::New { job } if !is_ours(&job) => {
                    // A start was requested, unless this turns out to be the gate's stop.
                    let before = now_stopped(self);
                    if before != (None, None) {
                        self.before.insert(job.clone(), before);
                    }
                    (self.stopped, self.stopped_at) = (None, None);
                    for stop in &mut stops {
                        stop.later.push(job.clone());
                    }
                }
                JobEvent::Removed { job, result, at } => {
                    let before = self.before.remove(&job);
                    if !is_ours(&job) && result == "done" {
                        let before = before.unwrap_or_else(|| now_stopped(self));
                        stops.push(Stop {
                            job,
                            at,
                            later: Vec::new(),
                            before,
                        });
                    }
                }
                JobEvent::New { .. } => {}
            }
        }
        while self.before.len() > MOST_UNCLEAR {
            self.before.pop_first();
        }
        let judged: Vec<Whose> = stops.iter().map(|stop| self.whose(stop, scene)).collect();
        // The gate makes one stop. Where it could not say which, and more than one was made, one of them
        // was a person's.
        let unknown = scene
            .block
            .is_some_and(|block| block.value.stop_job.as_deref() == Some(""));
        let several = unknown && judged.iter().filter(|whose| **whose == Whose::Gate).count() > 1;
        for (stop, whose) in stops.into_iter().zip(judged) {
            match whose {
                Whose::Unclear => {
                    if self.unclear.len() < MOST_UNCLEAR {
                        self.unclear.push(stop);
                    }
                }
                Whose::Gate if !several => {
                    if let Some(block) = scene.block {
                        self.gate_stop = Some((block.value.since, stop.job.clone()));
                    }
                    if stop.later.is_empty() && stop.before != (None, None) {
                        (self.stopped, self.stopped_at) = stop.before;
                    }
                }
                Whose::Gate | Whose::Person => self.stopped_by_person(&stop, scene),
            }
        }
    }

    fn stopped_by_person(&mut self, stop: &Stop, scene: &Scene<'_>) {
        let gates = scene
            .block
            .and_then(|block| block.value.stop_job.as_deref());
        let is_gates = |job: &String| gates.is_some_and(|gates| gates == job);
        // What was requested after it counts more than it, but for the gate's own stop.
        if scene.is_ending && stop.later.iter().all(is_gates) {
            self.stopped = scene.block.map(|block| block.value.since);
            self.stopped_at = Some(stop.at);
        }
    }

    fn whose(&self, stop: &Stop, scene: &Scene<'_>) -> Whose {
        let Some(block) = scene.block else {
            return Whose::Person;
        };
        match block.value.stop_job.as_deref() {
            Some("") => match scene.last {
                None => Whose::Unclear,
                // It is about to say which.
                Some(last) if last.gate == GateEnd::Running => Whose::Unclear,
                // It was killed before it asked, and RKE2 was started for that.
                Some(last) if last.main_started > block.stamp.monotonic => Whose::Person,
                Some(_) => match &self.gate_stop {
                    Some((since, job)) if *since == block.value.since && *job != stop.job => {
                        Whose::Person
                    }
                    _ => Whose::Gate,
                },
            },
            Some(job) if job == stop.job => Whose::Gate,
            Some(_) | None => Whose::Person,
        }
    }

    /// Whether a person stopped the unit since it was last requested to start. Of a block that was
    /// written later than the stop, by a gate that was started later, the start was requested after it.
    pub(super) fn is_stopped(&self, seen: &Seen<'_>, block: &Block) -> bool {
        if self.stopped == Some(block.since) {
            return true;
        }
        let Some(at) = self.stopped_at else {
            return false;
        };
        let is_later = seen
            .block
            .is_some_and(|written| written.stamp.monotonic > at);
        let requested = seen.last.is_some_and(|last| last.gate_began > at);
        !(is_later && requested)
    }
}
