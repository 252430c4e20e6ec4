//! How the gate keeps a unit down: which of systemd's jobs to cancel, or why none.
//!
//! A pure function of systemd's job queue. [`crate::cli`] carries out the action.

use std::collections::{BTreeMap, BTreeSet};

use crate::unit::job::{Job, UnitState};

/// What to do about the jobs of a unit that would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JobAction {
    /// Cancel this job: the unit is down, and the job is all that would start it.
    Cancel(u32),
    /// Stop the unit: it waits for an automatic restart. If only the job were canceled, systemd 254 and
    /// newer would leave it in `auto-restart-queued`.
    Stop,
    /// Evaluate again once these units' jobs have ended: the unit starts after them, and they may
    /// change the host.
    Wait(Vec<String>),
    /// These units' jobs run after this gate and before the unit, and may change the host, so that its
    /// state at the unit's start is not known.
    Late(Vec<String>),
    /// The unit is not being started: there is no job to cancel.
    Nothing,
}

/// Decides what to do next about `unit`, whose gate is `gate`. `after` holds `After=` of every unit in `jobs` that
/// `unit` is ordered after, directly or through others in `jobs`.
pub(crate) fn next_action(
    unit: &str,
    gate: &str,
    state: &UnitState,
    jobs: &[Job],
    after: &BTreeMap<String, Vec<String>>,
) -> JobAction {
    let Some(job) = jobs.iter().find(|job| job.unit == unit && job.starts()) else {
        return JobAction::Nothing;
    };
    if !state.is_down() && !state.is_restarting() {
        return JobAction::Nothing;
    }
    let (late, wait): (Vec<String>, Vec<String>) = preceding(unit, gate, &state.after, jobs, after)
        .into_iter()
        .filter(|name| may_change_host(name))
        .partition(|name| waits_for(name, gate, jobs, after));
    if !wait.is_empty() {
        return JobAction::Wait(wait);
    }
    if !late.is_empty() {
        return JobAction::Late(late);
    }
    if state.is_restarting() {
        JobAction::Stop
    } else {
        JobAction::Cancel(job.id)
    }
}

/// The units with a job that `unit`, ordered after `first`, has to wait for; not its gate.
pub(crate) fn preceding(
    unit: &str,
    gate: &str,
    first: &[String],
    jobs: &[Job],
    after: &BTreeMap<String, Vec<String>>,
) -> BTreeSet<String> {
    let queued: BTreeSet<&str> = jobs.iter().map(|job| job.unit.as_str()).collect();
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = first.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if name == unit || name == gate || !queued.contains(name) || found.contains(name) {
            continue;
        }
        found.insert(name.to_owned());
        open.extend(after.get(name).into_iter().flatten().map(String::as_str));
    }
    found
}

/// Whether the job of `name` cannot run before the gate has ended.
fn waits_for(name: &str, gate: &str, jobs: &[Job], after: &BTreeMap<String, Vec<String>>) -> bool {
    let direct = |name: &str| after.get(name).is_some_and(|a| a.iter().any(|u| u == gate));
    let first = after.get(name).map_or(&[][..], Vec::as_slice);
    direct(name)
        || preceding(name, gate, first, jobs, after)
            .iter()
            .any(|before| direct(before))
}

/// Whether running a unit of this kind does anything by itself.
fn may_change_host(unit: &str) -> bool {
    let suffix = unit.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    matches!(suffix, "service" | "mount" | "automount" | "swap")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "rke2-server.service";
    const GATE: &str = "preflight-rke2-gate@rke2-server.service";

    fn job(id: u32, unit: &str, kind: &str) -> Job {
        Job {
            id,
            unit: unit.to_owned(),
            kind: kind.to_owned(),
        }
    }

    fn state(active: &str, sub: &str, after: &[&str]) -> UnitState {
        UnitState {
            active: active.to_owned(),
            sub: sub.to_owned(),
            after: after.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn decide(state: &UnitState, jobs: &[Job], after: &[(&str, &[&str])]) -> JobAction {
        let after = after
            .iter()
            .map(|(name, list)| {
                let list = list.iter().map(|&name| name.to_owned()).collect();
                ((*name).to_owned(), list)
            })
            .collect();
        next_action(UNIT, GATE, state, jobs, &after)
    }

    #[test]
    fn only_a_pending_start_of_a_unit_that_is_down_is_ended() {
        let start = [job(7, UNIT, "start"), job(8, GATE, "start")];
        let down = state("inactive", "dead", &[GATE]);
        assert_eq!(decide(&down, &start, &[]), JobAction::Cancel(7));
        let failed = state("failed", "failed", &[GATE]);
        assert_eq!(decide(&failed, &start, &[]), JobAction::Cancel(7));
        for sub in ["auto-restart", "auto-restart-queued"] {
            let restarting = state("activating", sub, &[GATE]);
            let jobs = [job(7, UNIT, "restart")];
            assert_eq!(decide(&restarting, &jobs, &[]), JobAction::Stop);
            assert_eq!(decide(&restarting, &[], &[]), JobAction::Nothing);
        }
        for active in [
            "active",
            "reloading",
            "refreshing",
            "deactivating",
            "activating",
        ] {
            let up = state(active, "running", &[GATE]);
            assert_eq!(decide(&up, &start, &[]), JobAction::Nothing, "{active}");
        }
        for kind in ["stop", "verify-active", "reload", "nop"] {
            let jobs = [job(7, UNIT, kind)];
            assert_eq!(decide(&down, &jobs, &[]), JobAction::Nothing, "{kind}");
        }
        assert_eq!(decide(&down, &[], &[]), JobAction::Nothing);
        let other = [job(7, "rke2-agent.service", "start")];
        assert_eq!(decide(&down, &other, &[]), JobAction::Nothing);
    }

    #[test]
    fn units_that_come_before_are_waited_for() {
        let down = state(
            "inactive",
            "dead",
            &[GATE, "prep.service", "network.target"],
        );
        let with = |more: &[&str]| {
            let mut jobs = vec![job(1, UNIT, "start"), job(2, GATE, "start")];
            for (id, name) in (3..).zip(more) {
                jobs.push(job(id, name, "start"));
            }
            jobs
        };
        let wait = |names: &[&str]| JobAction::Wait(names.iter().map(|&n| n.to_owned()).collect());
        let jobs = with(&["prep.service"]);
        assert_eq!(decide(&down, &jobs, &[]), wait(&["prep.service"]));
        // A target does nothing, but what it waits for may.
        let jobs = with(&["network.target"]);
        assert_eq!(decide(&down, &jobs, &[]), JobAction::Cancel(1));
        let jobs = with(&["network.target", "data.mount"]);
        let through: &[(&str, &[&str])] = &[("network.target", &["data.mount"])];
        assert_eq!(decide(&down, &jobs, through), wait(&["data.mount"]));
        // A job that the unit does not wait for.
        let jobs = with(&["other.service"]);
        assert_eq!(decide(&down, &jobs, &[]), JobAction::Cancel(1));
    }

    #[test]
    fn a_unit_that_waits_for_the_gate_is_not_waited_for() {
        let down = state("inactive", "dead", &[GATE, "prep.service", "first.service"]);
        let jobs = [
            job(1, UNIT, "start"),
            job(2, GATE, "start"),
            job(3, "prep.service", "start"),
            job(4, "middle.service", "start"),
        ];
        let late = JobAction::Late(vec!["prep.service".to_owned()]);
        assert_eq!(decide(&down, &jobs, &[("prep.service", &[GATE])]), late);
        let chain: &[(&str, &[&str])] = &[
            ("prep.service", &["middle.service"]),
            ("middle.service", &[GATE]),
        ];
        let both = JobAction::Late(vec!["middle.service".to_owned(), "prep.service".to_owned()]);
        assert_eq!(decide(&down, &jobs, chain), both);
        // What can still run is waited for before that.
        let mut more = jobs.to_vec();
        more.push(job(5, "first.service", "start"));
        assert_eq!(
            decide(&down, &more, chain),
            JobAction::Wait(vec!["first.service".to_owned()])
        );
    }
}
