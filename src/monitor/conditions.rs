//! What becomes wrong and right again by itself: logged once when it has lasted for a moment, and once when it is over.

use super::input::StepInput;
use super::persisted::{Condition, PersistedState};
use super::phase::Phase;
use crate::finding::{CheckId, Effect, Finding, Outcome};

/// How long something must last to be logged, in microseconds. A network that comes up at a boot takes less.
const LASTS: u64 = 10_000_000;
/// Conditions that are remembered.
const MOST: usize = 64;
/// How long advice must be over to be logged so, in microseconds: space comes and goes about its limit.
const OVER: u64 = 600_000_000;
/// Advice that comes and goes by time.
const ADVICE: [CheckId; 2] = [CheckId::HostEtcdQuota, CheckId::HostSpaceLow];

/// What is to be logged about conditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConditionChanges {
    /// The findings that have lasted, by [`key`].
    pub(crate) new: Vec<String>,
    /// The summaries of those that are over.
    pub(crate) over: Vec<String>,
    /// Whether a unit that sets the clock is enabled, where that has changed.
    pub(crate) time_sync: Option<bool>,
}

/// What a condition is remembered by: its check, and what it is about.
pub(crate) fn key(finding: &Finding) -> String {
    format!("{} {}", finding.id(), finding.subject())
}

/// Returns what is to be logged, and records it.
pub(super) fn detect(persisted: &mut PersistedState, input: &StepInput<'_>) -> ConditionChanges {
    let mut changes = ConditionChanges {
        time_sync: time_sync(persisted, input),
        ..ConditionChanges::default()
    };
    // Whether RKE2 itself holds its ports is not known, or nothing of the node is.
    if input.phase == Phase::Unknown || input.measured.is_none() {
        return changes;
    }
    let findings: Vec<&Finding> = input.report.problems().collect();
    let is_over = |known: &String| {
        !findings.iter().any(|finding| {
            key(finding) == *known
                // What was low is empty.
                || (finding.id() == CheckId::HostSpace
                    && format!("{} {}", CheckId::HostSpaceLow, finding.subject()) == *known)
        })
    };
    // Whose a port is, is known of a unit that is down. While RKE2 lives, every holder may be RKE2's own.
    let are_ports_known = matches!(input.phase, Phase::Down | Phase::Stranded | Phase::Retrying);
    let mut over = Vec::new();
    for (key, condition) in &mut persisted.conditions {
        let id = key.split(' ').next().unwrap_or_default();
        let is_port = id == CheckId::HostPort.as_str();
        if is_port && !are_ports_known && input.phase != Phase::Running {
            continue;
        }
        if !is_over(key) {
            condition.over_since = None;
            continue;
        }
        let since = *condition.over_since.get_or_insert(input.now);
        let lasts = ADVICE.iter().any(|advice| advice.as_str() == id) && condition.logged;
        if !lasts || input.now.abs_diff(since) >= OVER {
            over.push((key.clone(), is_port));
        }
    }
    for (key, is_port) in over {
        let ended = persisted.conditions.remove(&key);
        let logged = ended.filter(|ended| ended.logged && (are_ports_known || !is_port));
        changes.over.extend(logged.map(|ended| ended.summary));
    }
    for finding in findings {
        let key = key(finding);
        let is_known = persisted.conditions.contains_key(&key);
        let is_told = finding.id() != CheckId::HostPort || are_ports_known;
        let matters = is_told && counts(finding, input) && persisted.conditions.len() < MOST;
        if !is_known && !matters {
            continue;
        }
        let condition = persisted
            .conditions
            .entry(key.clone())
            .or_insert(Condition {
                since: input.now,
                summary: String::new(),
                logged: false,
                over_since: None,
            });
        // A clock that was set back ends no wait.
        if !condition.logged && input.now.abs_diff(condition.since) >= LASTS {
            condition.logged = true;
            finding.summary().clone_into(&mut condition.summary);
            changes.new.push(key);
        }
    }
    changes
}

/// Whether a finding is a condition: it can pass, and neither drift nor the gate's block has told of it.
fn counts(finding: &Finding, input: &StepInput<'_>) -> bool {
    if finding.now() != Outcome::Violated || input.configuration.skips(finding.id()) {
        return false;
    }
    let id = finding.id();
    match finding.effect() {
        Effect::Advice => ADVICE.contains(&id),
        Effect::Transient if input.phase == Phase::Running => false,
        Effect::Transient => {
            let blocked = input.block.iter().flat_map(|block| &block.value.reasons);
            let mut blocked = blocked.map(|reason| reason.check.as_str());
            !blocked.any(|check| check == id.as_str())
        }
        _ => false,
    }
}

/// Whether a unit that sets the clock is enabled, where it no longer is, or is again.
fn time_sync(persisted: &mut PersistedState, input: &StepInput<'_>) -> Option<bool> {
    let has = input.measured?.has_time_sync?;
    let had = persisted.time_sync.replace(has)?;
    (had != has).then_some(has)
}

/// How long until a condition has lasted long enough to be logged, in microseconds; `None` where there is none.
pub(super) fn recheck(persisted: &PersistedState, input: &StepInput<'_>) -> Option<u64> {
    let waiting = persisted
        .conditions
        .values()
        .filter(|condition| !condition.logged);
    let left = |condition: &Condition| LASTS.checked_sub(input.now.abs_diff(condition.since));
    // What has lasted and is not logged is not known at present.
    waiting.filter_map(left).filter(|left| *left > 0).min()
}
