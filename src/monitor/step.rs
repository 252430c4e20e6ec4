//! One step: from what is remembered and what is seen to what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{GateEnd, LastStart, left_down};
use super::memory::{Hold, Memory, Resume};
use super::phase::Phase;
use crate::assessment::UnitReport;
use crate::configuration::{Configuration, Mode};
use crate::finding::{Finding, Outcome};
use crate::gate::block::Block;
use crate::gate::plan::{Decision, Plan};
use crate::gate::stamp::Stamped;
use crate::verdict::Verdict;

/// Restarts in a row, while the host cannot satisfy RKE2, before it is called a loop. RKE2's unit
/// waits five seconds between two.
const LOOP: u32 = 2;

/// How long after a start that came to nothing, for no cause, the next is tried, in microseconds.
const RETRY: u64 = 5 * 60 * 1_000_000;

/// What is seen of a unit.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    /// Microseconds since 1970.
    pub now: u64,
    /// The report.
    pub report: &'a UnitReport,
    /// What the gate would do.
    pub plan: &'a Plan<'a>,
    /// Our settings.
    pub configuration: &'a Configuration,
    /// What it does.
    pub phase: Phase,
    /// `NRestarts`.
    pub restarts: u32,
    /// When it last became active, by systemd's monotonic clock; 0 if that is not known.
    pub entered: u64,
    /// What the gate left, if it kept the unit from starting.
    pub block: Option<&'a Stamped<Block>>,
    /// What systemd remembers of the last start, where the unit is down; `None` where that is not known.
    pub last: Option<LastStart>,
    /// Whether the next boot would start it.
    pub enabled: bool,
    /// Whether it can be started at all: it is there, and not masked.
    pub loadable: bool,
    /// Whether the unit of the other role is up or on its way: to start this one would stop that.
    pub rival: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start the unit; what kept it down is put right.
    Resume(Block),
    /// Tell that it is not started, and why.
    Hold(Block, Hold),
    /// Stop the unit: it fails again and again, and cannot but fail.
    Halt(Block),
    /// Tell that it fails again and again, and leave it at that.
    Loop,
    /// Tell for which checks it would not start again; those that are new.
    Drifted(BTreeSet<String>),
    /// Tell that it would start again; after which checks.
    Cured(BTreeSet<String>),
    /// The gate's file is out of date: the unit runs.
    ForgetBlock,
}

/// What to do, and what to remember from now on.
pub(crate) fn step(memory: &mut Memory, seen: &Seen<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    // It may have come to run, and have ended again, while nobody looked.
    if let Some(resumed) = &mut memory.resumed
        && seen.entered != 0
    {
        resumed.lasted |= seen.entered != resumed.entered;
    }
    if seen.phase != Phase::Unknown {
        memory.running = Some(seen.phase == Phase::Running);
    }
    if seen.phase == Phase::Running {
        up(memory, seen, &mut actions);
    }
    look_for_drift(memory, seen, &mut actions);
    look_for_loop(memory, seen, &mut actions);
    if !is_settling(memory, seen)
        && let Some(block) = down_for(memory, seen)
    {
        blocked(memory, seen, block, &mut actions);
    }
    actions
}

/// Whether more will be known in a moment: the gate is still at work, or it is not clear yet whose stop a
/// stop was. A start that is requested now would wait for a gate that has decided already.
pub(crate) fn is_settling(memory: &Memory, seen: &Seen<'_>) -> bool {
    let gate_runs = seen.last.is_some_and(|last| last.gate == GateEnd::Running);
    seen.phase.is_down() && (gate_runs || !memory.unclear.is_empty())
}

/// What a unit is down for, if that is for us to end: a block of the gate's, a loop that was ended, or a
/// start that came to nothing though no gate decided so.
pub(crate) fn down_for(memory: &Memory, seen: &Seen<'_>) -> Option<Block> {
    if !seen.phase.is_down() {
        return None;
    }
    let block = seen.block.map(|block| &block.value);
    let known = block.or(memory.halted.as_ref()).cloned();
    known.or_else(|| left_down(memory, seen))
}

/// It runs: whatever kept it down is history.
fn up(memory: &mut Memory, seen: &Seen<'_>, actions: &mut Vec<Action>) {
    memory.halted = None;
    memory.stopped = None;
    memory.stopped_at = None;
    memory.before.clear();
    memory.unclear.clear();
    memory.held = None;
    memory.failing_from = None;
    memory.loop_told = false;
    if let Some(resumed) = &mut memory.resumed {
        resumed.lasted = true;
    }
    if seen.block.is_some() {
        actions.push(Action::ForgetBlock);
    }
}

/// The findings for which the unit would not start, now or after the next boot, but for those that
/// the operator leaves out.
pub(crate) fn drift<'a>(report: &'a UnitReport, configuration: &Configuration) -> Vec<&'a Finding> {
    report
        .problems()
        .filter(|finding| finding.blocks() && !configuration.skips(finding.id()))
        .collect()
}

fn look_for_drift(memory: &mut Memory, seen: &Seen<'_>, actions: &mut Vec<Action>) {
    match seen.phase {
        Phase::Running => {}
        // Where systemd cannot be asked it is taken for running, unless something speaks against it.
        Phase::Unknown if may_run(memory, seen) => {}
        Phase::Down | Phase::Stranded | Phase::Unknown => {
            // It is the gate's matter from here on.
            memory.drift.clear();
            return;
        }
        Phase::Starting | Phase::Retrying | Phase::Stopping => return,
    }
    let drift: BTreeMap<String, bool> = drift(seen.report, seen.configuration)
        .iter()
        .map(|finding| (finding.id().to_string(), finding.now() == Outcome::Violated))
        .collect();
    let is_new = |(id, now): &(&String, &bool)| match memory.drift.get(*id) {
        Some(told) => **now && !told,
        None => true,
    };
    let new: BTreeSet<String> = drift
        .iter()
        .filter(is_new)
        .map(|(id, _)| id.clone())
        .collect();
    if !new.is_empty() {
        actions.push(Action::Drifted(new));
        memory.drift_transitions = memory.drift_transitions.saturating_add(1);
    } else if drift.is_empty() && !memory.drift.is_empty() {
        actions.push(Action::Cured(memory.drift.keys().cloned().collect()));
        memory.drift_transitions = memory.drift_transitions.saturating_add(1);
    }
    memory.drift = drift;
}

/// Whether a unit that systemd cannot be asked of may be running.
fn may_run(memory: &Memory, seen: &Seen<'_>) -> bool {
    match memory.running {
        Some(running) => running,
        None => seen.enabled && !seen.report.idle && seen.block.is_none(),
    }
}

/// A unit that nobody gates ends again and again. It is stopped only where it has been seen to end,
/// and by our own rules cannot but end: a verdict that is wrong stops nothing that runs.
fn look_for_loop(memory: &mut Memory, seen: &Seen<'_>, actions: &mut Vec<Action>) {
    let refuses = seen.report.verdict.now == Verdict::WouldRefuse && !seen.plan.reasons.is_empty();
    if !refuses || seen.phase == Phase::Down {
        memory.failing_from = None;
        memory.loop_told &= refuses && seen.phase != Phase::Down;
        return;
    }
    if seen.phase != Phase::Retrying {
        return;
    }
    let from = *memory.failing_from.get_or_insert(seen.restarts);
    // systemd counts anew when somebody starts the unit.
    let from = from.min(seen.restarts);
    memory.failing_from = Some(from);
    if seen.restarts.saturating_sub(from) < LOOP {
        return;
    }
    let enforced =
        seen.plan.decision == Decision::Block && seen.configuration.mode == Mode::Enforce;
    if enforced {
        let unit = &seen.report.unit;
        let block = Block::new(unit, seen.now, seen.enabled, &seen.plan.reasons);
        memory.halted = Some(block.clone());
        memory.failing_from = None;
        actions.push(Action::Halt(block));
    } else if !memory.loop_told {
        memory.loop_told = true;
        actions.push(Action::Loop);
    }
}

/// It is down because of us.
fn blocked(memory: &mut Memory, seen: &Seen<'_>, block: Block, actions: &mut Vec<Action>) {
    let right = match seen.plan.decision {
        Decision::Start | Decision::StartAnyway { .. } => true,
        // Undetermined is not right: the gate would let it go, but nothing is better than it was. A gate
        // that failed has not found anything wrong.
        Decision::StartUnchecked => {
            block.reasons.is_empty() && seen.last.is_some_and(|last| last.gate == GateEnd::Failed)
        }
        Decision::Block => false,
    };
    if !right {
        memory.held = None;
        return;
    }
    if let Some(hold) = hold(memory, seen, &block) {
        let told = Some((block.since, hold));
        if memory.held != told {
            memory.held = told;
            actions.push(Action::Hold(block, hold));
        }
        return;
    }
    memory.held = None;
    // One that was about to ask is counted already.
    let counted = |resumed: &Resume| !resumed.asked && resumed.since == block.since;
    if !memory.resumed.as_ref().is_some_and(counted) {
        memory.resumes = memory.resumes.saturating_add(1);
    }
    memory.resumed = Some(Resume {
        at: seen.now,
        since: block.since,
        cause: block.cause(),
        entered: seen.entered,
        lasted: false,
        asked: false,
    });
    actions.push(Action::Resume(block));
}

/// Why a unit that was blocked is not to be started, though it could.
pub(crate) fn hold(memory: &Memory, seen: &Seen<'_>, block: &Block) -> Option<Hold> {
    let same_cause = memory.resumed.as_ref().is_some_and(|resumed| {
        // A start that came to nothing though nothing was wrong with the host has no cause to compare:
        // what kept it down may be gone the next time.
        let is_recent = seen.now.abs_diff(resumed.at) < RETRY;
        let is_same = resumed.cause == block.cause() && (!resumed.cause.is_empty() || is_recent);
        resumed.asked && !resumed.lasted && is_same
    });
    [
        (!seen.configuration.resume, Hold::SwitchedOff),
        (memory.is_stopped(seen, block), Hold::Stopped),
        (!seen.loadable, Hold::NotLoadable),
        (block.enabled && !seen.enabled, Hold::Disabled),
        (seen.rival, Hold::Rival),
        (same_cause, Hold::SameCause),
    ]
    .into_iter()
    .find_map(|(holds, hold)| holds.then_some(hold))
}

impl Memory {
    /// systemd has been told to start the unit, or refuses to.
    pub const fn was_asked(&mut self) {
        if let Some(resumed) = &mut self.resumed {
            resumed.asked = true;
        }
    }

    /// systemd could not be told to start the unit: it is to be tried again.
    pub fn not_resumed(&mut self) {
        self.resumed = None;
        self.resumes = self.resumes.saturating_sub(1);
    }

    /// systemd could not be told to stop the unit.
    pub fn not_halted(&mut self) {
        self.halted = None;
    }
}
