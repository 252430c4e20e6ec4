//! One step: from the persisted state and an observation to the actions to take.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::{self, ConditionChanges};
use super::exits;
use super::expiry::{self, Expiring};
use super::input::StepInput;
use super::last_start::GateEnd;
use super::left_down::left_down;
use super::persisted::{Hold, PersistedState, Resume};
use super::phase::Phase;
use crate::assessment::UnitReport;
use crate::configuration::{Configuration, Mode};
use crate::facts::ComponentExit;
use crate::finding::{Finding, Outcome};
use crate::gate::block::Block;
use crate::gate::plan::Decision;
use crate::verdict::Verdict;

/// Restarts in a row, on a host that RKE2 would refuse, that count as a restart loop. RKE2's unit waits
/// five seconds between two.
const LOOP: u32 = 2;

/// How long the monitor waits before it repeats a start that failed without a cause, in microseconds.
const RETRY: u64 = 5 * 60 * 1_000_000;

/// What the monitor has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MonitorAction {
    /// Start the unit: what blocked it is fixed.
    Resume(Block),
    /// Log that it is not started, and why.
    Hold(Block, Hold),
    /// Stop the unit: it fails repeatedly, and the host would refuse every start.
    Halt(Block),
    /// Log that it fails repeatedly, without stopping it.
    Loop,
    /// Log that it would not start again. The checks are those that are new.
    Drifted(BTreeSet<String>),
    /// Log that it would start again. The checks are those that had failed.
    DriftResolved(BTreeSet<String>),
    /// Remove the gate's block file: the unit runs.
    ForgetBlock,
    /// Log that these components exited, which are started again and again.
    Exited(Vec<ComponentExit>),
    /// Log what has become wrong, and what is over.
    Conditions(ConditionChanges),
    /// Log that these certificates end soon.
    Expiring(Vec<Expiring>),
}

/// Returns the actions to take, and updates the persisted state.
pub(crate) fn step(persisted: &mut PersistedState, input: &StepInput<'_>) -> Vec<MonitorAction> {
    let mut actions = Vec::new();
    // It may have run and ended again between two evaluations.
    if let Some(resumed) = &mut persisted.resumed
        && input.entered != 0
    {
        resumed.lasted |= input.entered != resumed.entered;
    }
    if input.phase != Phase::Unknown {
        persisted.running = Some(input.phase == Phase::Running);
    }
    if input.phase == Phase::Running {
        running(persisted, input, &mut actions);
    }
    detect_drift(persisted, input, &mut actions);
    detect_loop(persisted, input, &mut actions);
    let exited = exits::detect(persisted, input);
    if !exited.is_empty() {
        actions.push(MonitorAction::Exited(exited));
    }
    detect_changes_by_time(persisted, input, &mut actions);
    if !is_settling(persisted, input)
        && let Some(block) = down_for(persisted, input)
    {
        blocked(persisted, input, block, &mut actions);
    }
    actions
}

/// What becomes wrong by time, of a unit that runs or that a boot starts: the other one is not wanted.
fn detect_changes_by_time(
    persisted: &mut PersistedState,
    input: &StepInput<'_>,
    actions: &mut Vec<MonitorAction>,
) {
    if input.phase.is_down() && !input.enabled {
        persisted.conditions.clear();
        return;
    }
    let conditions = conditions::detect(persisted, input);
    if conditions != ConditionChanges::default() {
        actions.push(MonitorAction::Conditions(conditions));
    }
    let expiring = expiry::detect(persisted, input);
    if !expiring.is_empty() {
        actions.push(MonitorAction::Expiring(expiring));
    }
}

/// Whether the state will change in a moment: the gate still runs, or a stop is not attributed yet. A start
/// that is requested now would wait for a gate that has decided already.
pub(crate) fn is_settling(persisted: &PersistedState, input: &StepInput<'_>) -> bool {
    let gate_runs = input.last.is_some_and(|last| last.gate == GateEnd::Running);
    input.phase.is_down() && (gate_runs || !persisted.unclear.is_empty())
}

/// The block for which a unit is down, if the monitor may end it: one of the gate, an ended restart loop, or
/// a start that failed although no gate blocked it.
pub(crate) fn down_for(persisted: &PersistedState, input: &StepInput<'_>) -> Option<Block> {
    if !input.phase.is_down() {
        return None;
    }
    let block = input.block.map(|block| &block.value);
    let known = block.or(persisted.halted.as_ref()).cloned();
    known.or_else(|| left_down(persisted, input))
}

/// The unit runs: clears what was recorded while it was down.
fn running(
    persisted: &mut PersistedState,
    input: &StepInput<'_>,
    actions: &mut Vec<MonitorAction>,
) {
    persisted.halted = None;
    persisted.stopped = None;
    persisted.stopped_at = None;
    persisted.before.clear();
    persisted.unclear.clear();
    persisted.held = None;
    persisted.failing_from = None;
    persisted.loop_logged = false;
    if let Some(resumed) = &mut persisted.resumed {
        resumed.lasted = true;
    }
    if input.block.is_some() {
        actions.push(MonitorAction::ForgetBlock);
    }
}

/// The findings for which the unit would not start, now or after the next boot, without those that the
/// configuration skips.
pub(crate) fn drift<'a>(report: &'a UnitReport, configuration: &Configuration) -> Vec<&'a Finding> {
    report
        .problems()
        .filter(|finding| finding.blocks() && !configuration.skips(finding.id()))
        .collect()
}

fn detect_drift(
    persisted: &mut PersistedState,
    input: &StepInput<'_>,
    actions: &mut Vec<MonitorAction>,
) {
    match input.phase {
        Phase::Running => {}
        // Where systemd cannot be asked, the unit is assumed to run unless something contradicts that.
        Phase::Unknown if may_run(persisted, input) => {}
        Phase::Down | Phase::Stranded | Phase::Unknown => {
            // The gate checks its next start.
            persisted.drift.clear();
            return;
        }
        Phase::Starting | Phase::Retrying | Phase::Stopping => return,
    }
    let drift: BTreeMap<String, bool> = drift(input.report, input.configuration)
        .iter()
        .map(|finding| (finding.id().to_string(), finding.now() == Outcome::Violated))
        .collect();
    let is_new = |(id, now): &(&String, &bool)| match persisted.drift.get(*id) {
        Some(logged) => **now && !logged,
        None => true,
    };
    let new: BTreeSet<String> = drift
        .iter()
        .filter(is_new)
        .map(|(id, _)| id.clone())
        .collect();
    if !new.is_empty() {
        actions.push(MonitorAction::Drifted(new));
        persisted.drift_transitions = persisted.drift_transitions.saturating_add(1);
    } else if drift.is_empty() && !persisted.drift.is_empty() {
        actions.push(MonitorAction::DriftResolved(
            persisted.drift.keys().cloned().collect(),
        ));
        persisted.drift_transitions = persisted.drift_transitions.saturating_add(1);
    }
    persisted.drift = drift;
}

/// Whether a unit may be running while systemd cannot be asked.
fn may_run(persisted: &PersistedState, input: &StepInput<'_>) -> bool {
    match persisted.running {
        Some(running) => running,
        None => input.enabled && !input.report.idle && input.block.is_none(),
    }
}

/// Detects a unit that is started without the gate and fails repeatedly. It is stopped only if it was
/// observed to fail and would be refused: a wrong verdict never stops a unit that runs.
fn detect_loop(
    persisted: &mut PersistedState,
    input: &StepInput<'_>,
    actions: &mut Vec<MonitorAction>,
) {
    let refuses =
        input.report.verdict.now == Verdict::WouldRefuse && !input.plan.reasons.is_empty();
    if !refuses || input.phase == Phase::Down {
        persisted.failing_from = None;
        persisted.loop_logged &= refuses && input.phase != Phase::Down;
        return;
    }
    if input.phase != Phase::Retrying {
        return;
    }
    let from = *persisted.failing_from.get_or_insert(input.restarts);
    // systemd resets the count when the unit is started manually.
    let from = from.min(input.restarts);
    persisted.failing_from = Some(from);
    if input.restarts.saturating_sub(from) < LOOP {
        return;
    }
    let enforced =
        input.plan.decision == Decision::Block && input.configuration.mode == Mode::Enforce;
    if enforced {
        let unit = &input.report.unit;
        let block = Block::new(unit, input.now, input.enabled, &input.plan.reasons);
        persisted.halted = Some(block.clone());
        persisted.failing_from = None;
        actions.push(MonitorAction::Halt(block));
    } else if !persisted.loop_logged {
        persisted.loop_logged = true;
        actions.push(MonitorAction::Loop);
    }
}

/// The unit is down because it was blocked: starts it, or logs why not.
fn blocked(
    persisted: &mut PersistedState,
    input: &StepInput<'_>,
    block: Block,
    actions: &mut Vec<MonitorAction>,
) {
    let is_fixed = match input.plan.decision {
        Decision::Start | Decision::StartAnyway { .. } => true,
        // The gate would let an undetermined unit start, but nothing shows that the reasons are gone. A gate
        // that failed has found no reason.
        Decision::StartUnchecked => {
            block.reasons.is_empty() && input.last.is_some_and(|last| last.gate == GateEnd::Failed)
        }
        Decision::Block => false,
    };
    if !is_fixed {
        persisted.held = None;
        return;
    }
    if let Some(hold) = hold(persisted, input, &block) {
        let held = Some((block.since, hold));
        if persisted.held != held {
            persisted.held = held;
            actions.push(MonitorAction::Hold(block, hold));
        }
        return;
    }
    persisted.held = None;
    // A resume that was persisted before systemd was asked is counted already.
    let counted = |resumed: &Resume| !resumed.asked && resumed.since == block.since;
    if !persisted.resumed.as_ref().is_some_and(counted) {
        persisted.resumes = persisted.resumes.saturating_add(1);
    }
    persisted.resumed = Some(Resume {
        at: input.now,
        since: block.since,
        cause: block.cause(),
        entered: input.entered,
        lasted: false,
        asked: false,
    });
    actions.push(MonitorAction::Resume(block));
}

/// Why a blocked unit is not to be started although it would start.
pub(crate) fn hold(
    persisted: &PersistedState,
    input: &StepInput<'_>,
    block: &Block,
) -> Option<Hold> {
    let same_cause = persisted.resumed.as_ref().is_some_and(|resumed| {
        // A start that failed without a cause on the host has no cause to compare, so it is repeated after
        // a while.
        let is_recent = input.now.abs_diff(resumed.at) < RETRY;
        let is_same = resumed.cause == block.cause() && (!resumed.cause.is_empty() || is_recent);
        resumed.asked && !resumed.lasted && is_same
    });
    [
        (!input.configuration.resume, Hold::ResumeOff),
        (persisted.is_stopped(input, block), Hold::Stopped),
        (!input.loadable, Hold::NotLoadable),
        (block.enabled && !input.enabled, Hold::Disabled),
        (input.rival, Hold::Rival),
        (same_cause, Hold::SameCause),
    ]
    .into_iter()
    .find_map(|(holds, hold)| holds.then_some(hold))
}
