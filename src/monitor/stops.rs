//! Which component stopped a unit: the gate, to end an automatic restart, or an administrator.

use super::input::StepInput;
use super::last_start::{GateEnd, LastStart};
use super::persisted::{PersistedState, Stop};
use crate::gate::block::Block;
use crate::gate::stamp::Stamped;

/// A change of a unit's job that systemd has reported.
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
        /// When that was reported, in microseconds of the monotonic clock.
        at: u64,
    },
}

/// What is known when a stop is attributed.
#[derive(Debug, Clone, Copy)]
pub struct StopContext<'a> {
    /// The block that the gate has written.
    pub block: Option<&'a Stamped<Block>>,
    /// systemd's record of the last start; `None` where systemd was not asked or did not answer.
    pub last: Option<LastStart>,
    /// Whether the unit is down now, or about to be.
    pub is_ending: bool,
}

/// The component that made a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoppedBy {
    Gate,
    Administrator,
    Unclear,
}

/// Most stops that wait to be attributed, and most jobs with a manual stop before them.
const MOST_UNCLEAR: usize = 16;

impl PersistedState {
    /// Applies what systemd has reported of the unit's jobs, in that order. `is_own` holds for the jobs
    /// that the monitor requested.
    pub fn apply_job_events(
        &mut self,
        events: Vec<JobEvent>,
        is_own: impl Fn(&str) -> bool,
        context: &StopContext<'_>,
    ) {
        let mut stops = std::mem::take(&mut self.unclear);
        for event in events {
            match event {
                JobEvent::New { job } if !is_own(&job) => {
                    // A start was requested, unless this turns out to be the gate's stop.
                    let before = self.manual_stop();
                    if before != (None, None) {
                        self.before.insert(job.clone(), before);
                    }
                    self.clear_manual_stop();
                    for stop in &mut stops {
                        stop.later.push(job.clone());
                    }
                }
                JobEvent::Removed { job, result, at } => {
                    let before = self.before.remove(&job);
                    if !is_own(&job) && result == "done" {
                        let before = before.unwrap_or_else(|| self.manual_stop());
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
        let attributed: Vec<StoppedBy> = stops
            .iter()
            .map(|stop| self.attribute(stop, context))
            .collect();
        // The gate makes one stop. If it could not record which, and there was more than one, one of them
        // was manual.
        let unknown = context
            .block
            .is_some_and(|block| block.value.stop_job.as_deref() == Some(""));
        let several = unknown
            && attributed
                .iter()
                .filter(|by| **by == StoppedBy::Gate)
                .count()
                > 1;
        for (stop, by) in stops.into_iter().zip(attributed) {
            match by {
                StoppedBy::Unclear => {
                    if self.unclear.len() < MOST_UNCLEAR {
                        self.unclear.push(stop);
                    }
                }
                StoppedBy::Gate if !several => {
                    if let Some(block) = context.block {
                        self.gate_stop = Some((block.value.since, stop.job.clone()));
                    }
                    if stop.later.is_empty() && stop.before != (None, None) {
                        self.set_manual_stop(stop.before);
                    }
                }
                StoppedBy::Gate | StoppedBy::Administrator => self.stopped_manually(&stop, context),
            }
        }
    }

    fn stopped_manually(&mut self, stop: &Stop, context: &StopContext<'_>) {
        let gate_stop = context
            .block
            .and_then(|block| block.value.stop_job.as_deref());
        let is_gate_stop = |job: &String| gate_stop.is_some_and(|stop| stop == job);
        // A later request replaces it, except for the gate's own stop.
        if context.is_ending && stop.later.iter().all(is_gate_stop) {
            self.stopped = context.block.map(|block| block.value.since);
            self.stopped_at = Some(stop.at);
        }
    }

    fn attribute(&self, stop: &Stop, context: &StopContext<'_>) -> StoppedBy {
        let Some(block) = context.block else {
            return StoppedBy::Administrator;
        };
        match block.value.stop_job.as_deref() {
            Some("") => match context.last {
                None => StoppedBy::Unclear,
                // It is about to record which.
                Some(last) if last.gate == GateEnd::Running => StoppedBy::Unclear,
                // The gate was killed before it asked, which let RKE2 start.
                Some(last) if last.main_started > block.stamp.monotonic => StoppedBy::Administrator,
                Some(_) => match &self.gate_stop {
                    Some((since, job)) if *since == block.value.since && *job != stop.job => {
                        StoppedBy::Administrator
                    }
                    _ => StoppedBy::Gate,
                },
            },
            Some(job) if job == stop.job => StoppedBy::Gate,
            Some(_) | None => StoppedBy::Administrator,
        }
    }

    /// Whether the unit was stopped manually since its start was last requested. A block that was written
    /// after the stop, by a gate that was started after it, means that a start was requested after it.
    pub(super) fn is_stopped(&self, input: &StepInput<'_>, block: &Block) -> bool {
        if self.stopped == Some(block.since) {
            return true;
        }
        let Some(at) = self.stopped_at else {
            return false;
        };
        let is_later = input
            .block
            .is_some_and(|written| written.stamp.monotonic > at);
        let requested = input.last.is_some_and(|last| last.gate_began > at);
        !(is_later && requested)
    }
}
