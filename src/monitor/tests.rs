//! The actions of the monitor on sequences of observations.

use super::*;
use crate::assessment::UnitReport;
use crate::configuration::{BlockOn, Configuration, Mode};
use crate::facts::{Certificate, CertificateKind, ComponentExit, Measurements};
use crate::finding::{CheckId, Finding, Outcome};
use crate::gate::block::Block;
use crate::gate::plan::{self, Override};
use crate::gate::stamp::{Stamp, Stamped};
use crate::monitor::last_start::GateEnd;
use crate::rke2::role::Role;
use crate::rke2::start::Sourced;
use crate::rke2::version::Version;
use crate::unit::LiveUnit;
use crate::verdict;
use Outcome::{Indeterminate, Satisfied, Violated};
use proptest::prelude::*;

const UNIT: &str = "rke2-server.service";

/// The checks that these tests name by a letter.
fn check(letter: &str) -> CheckId {
    match letter {
        "a" => CheckId::SysctlPanic,
        "b" => CheckId::SysctlPanicOnOom,
        "c" => CheckId::CgroupV1,
        other => panic!("{other}"),
    }
}

fn finding(check: CheckId, now: Outcome, next_boot: Outcome) -> Finding {
    Finding::new(check, check.as_str(), Vec::new(), now, next_boot)
        .with_summary(format!("{check} is wrong"))
}

fn wrong(id: &str) -> Finding {
    finding(check(id), Violated, Violated)
}

fn later(id: &str) -> Finding {
    finding(check(id), Satisfied, Violated)
}

/// A unit, its persisted state, and the block of the gate.
struct Node {
    persisted: PersistedState,
    configuration: Configuration,
    block: Option<Stamped<Block>>,
    last: Option<LastStart>,
    phase: Phase,
    restarts: u32,
    entered: u64,
    started: u64,
    exits: Vec<ComponentExit>,
    measured: Option<Measurements>,
    /// When logs are to be read again, by the last observation.
    recheck: Option<u64>,
    enabled: bool,
    loadable: bool,
    rival: bool,
    now: u64,
}

impl Node {
    fn new(phase: Phase) -> Self {
        Self {
            persisted: PersistedState::default(),
            configuration: Configuration::default(),
            block: None,
            last: None,
            phase,
            restarts: 0,
            entered: 0,
            started: 0,
            exits: Vec::new(),
            measured: Some(Measurements::default()),
            recheck: None,
            enabled: true,
            loadable: true,
            rival: false,
            now: 0,
        }
    }

    /// One that the gate has just kept from starting.
    fn blocked(ids: &[&str]) -> Self {
        let mut node = Self::new(Phase::Down);
        node.block(ids);
        node
    }

    fn block(&mut self, ids: &[&str]) {
        self.start(GateEnd::Blocked);
        let reasons: Vec<Finding> = ids.iter().map(|id| wrong(id)).collect();
        let reasons: Vec<&Finding> = reasons.iter().collect();
        self.block = Some(Stamped {
            value: Block::new(UNIT, self.now, self.enabled, &reasons),
            stamp: self.stamp(),
        });
        self.phase = Phase::Down;
    }

    /// Times of day and of the monotonic clock are the same here.
    fn stamp(&self) -> Stamp {
        Stamp {
            boot: String::new(),
            monotonic: self.now,
        }
    }

    /// The unit is down, and its gate runs because a start is requested.
    fn start(&mut self, gate: GateEnd) {
        self.now += 10;
        self.last = Some(LastStart {
            gate_began: self.now - 5,
            gate_began_at: self.now - 5,
            gate_ended: if gate == GateEnd::Running {
                0
            } else {
                self.now
            },
            gate,
            down_since: self.now - 8,
            main_started: self.now - 9,
        });
    }

    /// Job events of the unit. The monitor's own jobs are named "ours".
    fn job_events(&mut self, events: &[JobEvent]) {
        let context = StopContext {
            block: self.block.as_ref(),
            last: self.last,
            is_ending: self.phase.is_ending(),
        };
        let is_own = |job: &str| job.starts_with("ours");
        self.persisted
            .apply_job_events(events.to_vec(), is_own, &context);
    }

    /// It is stopped manually.
    fn stop(&mut self) {
        self.now += 1;
        self.job_events(&[requested("stop"), removed("stop", self.now)]);
    }

    fn observe(&mut self, findings: Vec<Finding>) -> Vec<MonitorAction> {
        self.now += 1;
        let report = UnitReport {
            unit: UNIT.to_owned(),
            role: Role::Server,
            version: Version::new(36, 3, 1),
            version_source: crate::rke2::installed::VersionSource::Assumed,
            profile: Sourced::default_value(String::new()),
            verdict: verdict::fold(&findings),
            findings,
            exits: self.exits.clone(),
            image: false,
            idle: false,
        };
        let plan = plan::decide(&report, &self.configuration, Override::None);
        let input = StepInput {
            now: self.now,
            report: &report,
            plan: &plan,
            measured: self.measured.as_ref(),
            configuration: &self.configuration,
            phase: self.phase,
            restarts: self.restarts,
            entered: self.entered,
            started: self.started,
            block: self.block.as_ref(),
            last: self.last,
            enabled: self.enabled,
            loadable: self.loadable,
            rival: self.rival,
        };
        let actions = step(&mut self.persisted, &input);
        self.recheck = recheck(&self.persisted, &input);
        for action in &actions {
            match action {
                MonitorAction::ForgetBlock => self.block = None,
                MonitorAction::Halt(_) => self.phase = Phase::Down,
                // The gate lets it go, and it is on its way.
                MonitorAction::Resume(_) => {
                    self.persisted.set_asked();
                    self.block = None;
                    self.phase = Phase::Starting;
                }
                _ => {}
            }
        }
        actions
    }
}

fn requested(job: &str) -> JobEvent {
    let job = job.to_owned();
    JobEvent::New { job }
}

fn ended(job: &str, at: u64, result: &str) -> JobEvent {
    let (job, result) = (job.to_owned(), result.to_owned());
    JobEvent::Removed { job, result, at }
}

fn removed(job: &str, at: u64) -> JobEvent {
    ended(job, at, "done")
}

fn resumes(actions: &[MonitorAction]) -> bool {
    actions
        .iter()
        .any(|a| matches!(a, MonitorAction::Resume(_)))
}

fn holds(actions: &[MonitorAction]) -> Option<Hold> {
    actions.iter().find_map(|action| match action {
        MonitorAction::Hold(_, hold) => Some(*hold),
        _ => None,
    })
}

#[test]
fn a_blocked_unit_is_started_once_it_would_start() {
    let mut node = Node::blocked(&["a", "b"]);
    assert_eq!(node.observe(vec![wrong("a"), wrong("b")]), []);
    assert_eq!(node.observe(vec![wrong("b")]), []);
    assert!(resumes(&node.observe(vec![])));
    assert_eq!(node.observe(vec![]), [], "on its way");
    node.phase = Phase::Running;
    assert_eq!(node.observe(vec![]), []);
    assert_eq!(node.persisted.resumes, 1);
    assert!(node.persisted.resumed.unwrap().lasted);
}

/// The monitor did not run, or did not evaluate, while the unit ran.
#[test]
fn a_unit_that_ran_between_two_evaluations_is_started_for_the_same_cause_again() {
    for (before, after, held) in [(0, 5, false), (5, 9, false), (5, 5, true), (5, 0, true)] {
        let mut node = Node::blocked(&["a"]);
        node.entered = before;
        assert!(resumes(&node.observe(vec![])));
        node.block(&["a"]);
        node.entered = after;
        let actions = node.observe(vec![]);
        assert_eq!(
            holds(&actions) == Some(Hold::SameCause),
            held,
            "{before} {after}"
        );
        assert_eq!(resumes(&actions), !held, "{before} {after}");
    }
}

#[test]
fn a_unit_that_is_not_blocked_is_not_started() {
    for phase in [Phase::Down, Phase::Retrying] {
        assert_eq!(Node::new(phase).observe(vec![]), [], "{phase:?}");
        let mut node = Node::new(phase);
        node.start(GateEnd::Passed);
        assert_eq!(node.observe(vec![]), [], "{phase:?}, after a start");
    }
    for phase in [
        Phase::Starting,
        Phase::Stopping,
        Phase::Retrying,
        Phase::Unknown,
    ] {
        let mut node = Node::blocked(&["a"]);
        node.phase = phase;
        assert_eq!(node.observe(vec![]), [], "{phase:?}");
    }
}

#[test]
fn a_stranded_unit_is_started() {
    let mut node = Node::blocked(&["a"]);
    node.phase = Phase::Stranded;
    assert_eq!(node.observe(vec![wrong("a")]), []);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn an_undetermined_unit_is_not_started() {
    let unknown = || finding(CheckId::SysctlPanic, Indeterminate, Indeterminate);
    let mut node = Node::blocked(&["a"]);
    assert_eq!(node.observe(vec![unknown()]), []);
    assert!(
        resumes(&node.observe(vec![later("a")])),
        "it would start now"
    );
}

#[test]
fn every_hold_is_logged_once() {
    type Change = fn(&mut Node);
    let cases: [(Change, Hold); 5] = [
        (|node| node.configuration.resume = false, Hold::ResumeOff),
        (Node::stop, Hold::Stopped),
        (|node| node.enabled = false, Hold::Disabled),
        (|node| node.loadable = false, Hold::NotLoadable),
        (|node| node.rival = true, Hold::Rival),
    ];
    for (change, hold) in cases {
        let mut node = Node::blocked(&["a"]);
        change(&mut node);
        assert_eq!(node.observe(vec![wrong("a")]), [], "{hold:?}");
        assert_eq!(holds(&node.observe(vec![])), Some(hold));
        assert_eq!(node.observe(vec![]), [], "{hold:?}: logged already");
        assert_eq!(node.persisted.resumes, 0);
    }
    // A unit that was never enabled was started manually, and is wanted.
    let mut node = Node::new(Phase::Down);
    node.enabled = false;
    node.block(&["a"]);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn a_stop_counts_for_its_block_only() {
    let mut node = Node::blocked(&["a"]);
    node.stop();
    assert_eq!(holds(&node.observe(vec![])), Some(Hold::Stopped));
    // It is started manually, and the gate blocks once more.
    node.block(&["a"]);
    assert_eq!(node.observe(vec![wrong("a")]), []);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn it_is_not_started_twice_for_one_cause_unless_it_ran() {
    let mut node = Node::blocked(&["a", "b"]);
    assert!(resumes(&node.observe(vec![])));
    // It fails for a reason of its own; meanwhile the host goes wrong in the same way.
    node.phase = Phase::Retrying;
    assert_eq!(node.observe(vec![]), []);
    node.block(&["b", "a"]);
    assert_eq!(node.observe(vec![wrong("a"), wrong("b")]), []);
    assert_eq!(holds(&node.observe(vec![])), Some(Hold::SameCause));
    assert_eq!(node.observe(vec![]), []);
    // For another cause it is.
    node.block(&["c"]);
    assert!(resumes(&node.observe(vec![])));
    // And for the same one, once it has run.
    node.phase = Phase::Running;
    node.observe(vec![]);
    node.block(&["c"]);
    assert!(resumes(&node.observe(vec![])));
    assert_eq!(node.persisted.resumes, 3);
}

#[test]
fn a_unit_that_fails_for_another_cause_is_started_once() {
    let mut node = Node::blocked(&["a"]);
    assert!(resumes(&node.observe(vec![])));
    for restarts in 0..20 {
        node.restarts = restarts;
        node.phase = if restarts % 2 == 0 {
            Phase::Retrying
        } else {
            Phase::Starting
        };
        assert_eq!(node.observe(vec![]), []);
    }
    assert_eq!(node.persisted.resumes, 1);
}

#[test]
fn a_start_that_was_not_requested_is_tried_again() {
    let mut node = Node::blocked(&["a"]);
    let block = node.block.clone();
    assert!(resumes(&node.observe(vec![])));
    node.persisted.revoke_resume();
    (node.phase, node.block) = (Phase::Down, block);
    assert!(resumes(&node.observe(vec![])));
    assert_eq!(node.persisted.resumes, 1);
}

/// The monitor was killed just before or just after it asked.
#[test]
fn a_start_that_may_not_have_been_requested_is_repeated_and_counted_once() {
    let mut node = Node::blocked(&["a"]);
    let block = node.block.clone();
    assert!(resumes(&node.observe(vec![])));
    let written = |persisted: &mut PersistedState| {
        if let Some(resumed) = &mut persisted.resumed {
            resumed.asked = false;
        }
    };
    written(&mut node.persisted);
    (node.phase, node.block) = (Phase::Down, block);
    assert!(resumes(&node.observe(vec![])));
    assert_eq!(node.persisted.resumes, 1);
    written(&mut node.persisted);
    // The gate kept it down again in between: that is another start.
    node.block(&["a"]);
    assert!(resumes(&node.observe(vec![])));
    assert_eq!(node.persisted.resumes, 2);

    // A file of before there was this field.
    let mut old = serde_json::to_value(&node.persisted).unwrap();
    old["resumed"].as_object_mut().unwrap().remove("asked");
    let old: PersistedState = serde_json::from_value(old).unwrap();
    assert!(old.resumed.unwrap().asked);
}

#[test]
fn the_block_file_is_removed_when_the_unit_runs() {
    let mut node = Node::blocked(&["a"]);
    node.phase = Phase::Running;
    assert_eq!(node.observe(vec![]), [MonitorAction::ForgetBlock]);
    assert_eq!(node.observe(vec![]), []);
}

/// One failure after another, as systemd reports them.
fn fail(node: &mut Node, findings: impl Fn() -> Vec<Finding>, times: u32) -> Vec<MonitorAction> {
    let mut actions = Vec::new();
    for _ in 0..times {
        node.phase = Phase::Starting;
        actions.extend(node.observe(findings()));
        if node.phase == Phase::Down {
            break;
        }
        node.phase = Phase::Retrying;
        actions.extend(node.observe(findings()));
        if node.phase == Phase::Down {
            break;
        }
        node.restarts += 1;
    }
    actions
}

#[test]
fn a_loop_on_a_refused_host_is_ended_and_the_unit_started_once_fixed() {
    let mut node = Node::new(Phase::Starting);
    node.restarts = 40;
    let actions = fail(&mut node, || vec![wrong("a")], 10);
    assert!(
        matches!(actions.as_slice(), [MonitorAction::Halt(_)]),
        "{actions:?}"
    );
    assert_eq!(node.restarts, 42, "not the first failures");
    assert_eq!(node.observe(vec![wrong("a")]), []);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn a_loop_of_another_cause_is_not_ended() {
    let mut node = Node::new(Phase::Starting);
    assert_eq!(fail(&mut node, Vec::new, 10), []);
    assert_eq!(fail(&mut node, || vec![later("a")], 10), []);
    let unknown = || vec![finding(CheckId::SysctlPanic, Indeterminate, Satisfied)];
    assert_eq!(fail(&mut node, unknown, 10), []);
}

#[test]
fn a_loop_that_is_not_enforced_is_logged_once() {
    type Change = fn(&mut Configuration);
    let report: Change = |c| c.mode = Mode::Report;
    let skip: Change = |c| c.skip = vec![check("a").to_string()];
    for change in [report, skip] {
        let mut node = Node::new(Phase::Starting);
        change(&mut node.configuration);
        assert_eq!(
            fail(&mut node, || vec![wrong("a")], 10),
            [MonitorAction::Loop]
        );
        node.phase = Phase::Running;
        node.observe(vec![]);
        let again = fail(&mut node, || vec![wrong("a")], 10);
        assert_eq!(again, [MonitorAction::Loop], "another one");
    }
}

#[test]
fn restarts_count_from_when_the_host_would_refuse() {
    let mut node = Node::new(Phase::Starting);
    assert_eq!(fail(&mut node, Vec::new, 5), []);
    assert_eq!(fail(&mut node, || vec![wrong("a")], 2), []);
    assert_eq!(fail(&mut node, Vec::new, 5), [], "right again");
    assert_eq!(fail(&mut node, || vec![wrong("a")], 2), []);
}

fn ids(of: &[&str]) -> std::collections::BTreeSet<String> {
    of.iter().map(|id| check(id).to_string()).collect()
}

#[test]
fn drift_and_its_end_are_logged() {
    let mut node = Node::new(Phase::Running);
    assert_eq!(node.observe(vec![]), []);
    assert_eq!(
        node.observe(vec![later("a")]),
        [MonitorAction::Drifted(ids(&["a"]))]
    );
    assert_eq!(node.observe(vec![later("a")]), []);
    let worse = node.observe(vec![wrong("a"), later("b")]);
    assert_eq!(worse, [MonitorAction::Drifted(ids(&["a", "b"]))]);
    assert_eq!(node.observe(vec![later("a"), later("b")]), []);
    assert_eq!(node.observe(vec![later("b")]), [], "better is no news");
    assert_eq!(
        node.observe(vec![]),
        [MonitorAction::DriftResolved(ids(&["b"]))]
    );
    assert_eq!(node.persisted.drift_transitions, 3);
}

#[test]
fn drift_that_an_earlier_monitor_logged_is_not_logged_again() {
    let mut node = Node::new(Phase::Running);
    node.observe(vec![wrong("a")]);
    let text = serde_json::to_string(&node.persisted).unwrap();
    node.persisted = serde_json::from_str(&text).unwrap();
    assert_eq!(node.observe(vec![wrong("a")]), []);
    assert_eq!(
        node.observe(vec![]),
        [MonitorAction::DriftResolved(ids(&["a"]))]
    );
}

#[test]
fn a_unit_that_is_down_and_a_skipped_check_are_no_drift() {
    let mut node = Node::new(Phase::Down);
    assert_eq!(node.observe(vec![wrong("a")]), []);
    node.phase = Phase::Running;
    node.configuration.skip = vec![check("a").to_string()];
    assert_eq!(node.observe(vec![wrong("a")]), []);
    let advice = finding(CheckId::UnitProblem, Violated, Violated);
    let control = finding(CheckId::ControlArgument, Violated, Violated);
    assert_eq!(node.observe(vec![advice, control]), []);
}

#[test]
fn without_systemd_the_host_is_still_evaluated() {
    let mut node = Node::new(Phase::Unknown);
    assert_eq!(
        node.observe(vec![wrong("a")]),
        [MonitorAction::Drifted(ids(&["a"]))]
    );
    assert_eq!(
        node.observe(vec![]),
        [MonitorAction::DriftResolved(ids(&["a"]))]
    );
    node.enabled = false;
    assert_eq!(node.observe(vec![wrong("a")]), [], "it is not wanted");
    // The bus goes while it runs, or while it is down.
    for (phase, logged) in [(Phase::Running, true), (Phase::Down, false)] {
        let mut node = Node::new(phase);
        node.observe(vec![]);
        node.phase = Phase::Unknown;
        assert_eq!(!node.observe(vec![wrong("a")]).is_empty(), logged);
    }
    let mut node = Node::blocked(&["a"]);
    node.phase = Phase::Unknown;
    assert_eq!(node.observe(vec![wrong("a")]), [], "the gate has logged it");
}

#[test]
fn phases_follow_from_systemds_states() {
    for (active, sub, job, phase) in [
        ("active", "running", 0, Phase::Running),
        ("reloading", "reload", 0, Phase::Running),
        ("inactive", "dead", 0, Phase::Down),
        ("failed", "failed", 0, Phase::Down),
        ("inactive", "dead", 7, Phase::Starting),
        ("activating", "start", 7, Phase::Starting),
        ("activating", "auto-restart", 0, Phase::Retrying),
        ("activating", "auto-restart-queued", 7, Phase::Starting),
        ("activating", "auto-restart-queued", 0, Phase::Stranded),
        ("deactivating", "stop-sigterm", 7, Phase::Stopping),
        ("maintenance", "cleaning", 0, Phase::Down),
    ] {
        let unit = LiveUnit {
            active_state: active.to_owned(),
            sub_state: sub.to_owned(),
            job,
            ..LiveUnit::default()
        };
        assert_eq!(Phase::of(&unit), phase, "{active} {sub} {job}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Observed {
    Right,
    Wrong,
    Later,
    Blocked,
    Phase(Phase),
    Stopped,
    Requested(GateEnd),
}

fn observations() -> impl Strategy<Value = Vec<Observed>> {
    let phase = prop_oneof![
        Just(Phase::Running),
        Just(Phase::Starting),
        Just(Phase::Retrying),
        Just(Phase::Stranded),
        Just(Phase::Stopping),
        Just(Phase::Down),
        Just(Phase::Unknown),
    ];
    let gate = prop_oneof![
        Just(GateEnd::Passed),
        Just(GateEnd::Running),
        Just(GateEnd::Blocked),
        Just(GateEnd::Failed),
    ];
    let observed = prop_oneof![
        3 => Just(Observed::Right),
        3 => Just(Observed::Wrong),
        1 => Just(Observed::Later),
        2 => Just(Observed::Blocked),
        3 => phase.prop_map(Observed::Phase),
        1 => Just(Observed::Stopped),
        1 => gate.prop_map(Observed::Requested),
    ];
    proptest::collection::vec(observed, 1..60)
}

/// A start was requested, and came to nothing though the gate did not say that it blocks.
#[test]
fn a_unit_left_down_without_a_block_is_started() {
    for (gate, requested) in [
        (GateEnd::Failed, true),
        (GateEnd::Blocked, true),
        (GateEnd::Passed, false),
        (GateEnd::Running, false),
    ] {
        let mut node = Node::new(Phase::Down);
        node.start(gate);
        assert_eq!(resumes(&node.observe(vec![])), requested, "{gate:?}");
    }
    // systemd was about to start it by itself.
    let mut node = Node::new(Phase::Stranded);
    assert_eq!(node.observe(vec![]), [], "nothing is known of the gate");
    node.last = Some(LastStart::default());
    assert!(resumes(&node.observe(vec![])));

    // A gate that failed has found nothing wrong; one that blocked has.
    let unknown = || finding(CheckId::SysctlPanic, Indeterminate, Indeterminate);
    for (gate, started) in [(GateEnd::Failed, true), (GateEnd::Blocked, false)] {
        let mut node = Node::new(Phase::Down);
        node.start(gate);
        assert_eq!(resumes(&node.observe(vec![unknown()])), started, "{gate:?}");
        let mut node = Node::new(Phase::Down);
        node.start(gate);
        assert_eq!(node.observe(vec![wrong("a")]), [], "{gate:?}");
    }
}

#[test]
fn a_unit_left_down_without_a_block_is_not_started_without_evidence() {
    type Change = fn(&mut Node);
    let changes: [(&str, Change); 6] = [
        ("it is not enabled", |node| node.enabled = false),
        ("it is masked", |node| node.loadable = false),
        ("a person stopped it", Node::stop),
        ("systemd does not answer", |node| node.last = None),
        ("it went down after the gate had run", |node| {
            node.last.as_mut().unwrap().down_since = node.now + 1;
        }),
        ("no gate has run in this userspace", |node| {
            node.last.as_mut().unwrap().gate_began = 0;
            node.last.as_mut().unwrap().down_since = 0;
        }),
    ];
    for gate in [GateEnd::Failed, GateEnd::Blocked] {
        for (what, change) in changes {
            let mut node = Node::new(Phase::Down);
            node.start(gate);
            change(&mut node);
            assert_eq!(node.observe(vec![]), [], "{gate:?}: {what}");
        }
    }
    // A manual stop stays in force when the gate is run manually.
    let mut node = Node::new(Phase::Down);
    node.stop();
    node.start(GateEnd::Failed);
    assert_eq!(node.observe(vec![]), []);
    // It does with a start.
    node.job_events(&[requested("start")]);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn a_unit_left_down_without_a_block_is_started_once() {
    let mut node = Node::new(Phase::Down);
    for attempt in 0..3 {
        node.start(GateEnd::Failed);
        node.phase = Phase::Down;
        let actions = node.observe(vec![]);
        assert_eq!(resumes(&actions), attempt == 0, "{attempt}");
        assert_eq!(
            holds(&actions),
            (attempt > 0).then_some(Hold::SameCause),
            "{attempt}"
        );
    }
    // And again after a while: what broke the gate may be gone.
    node.now += 300_000_000;
    node.start(GateEnd::Failed);
    assert!(resumes(&node.observe(vec![])));
}

/// A gate that has ended an automatic restart by a stop, which it names as `job`.
fn blocked_by_a_stop(job: &str) -> Node {
    let mut node = Node::blocked(&["a"]);
    let block = node.block.as_mut().unwrap();
    block.value.stop_job = Some(job.to_owned());
    let last = node.last.as_mut().unwrap();
    last.down_since = node.now;
    node
}

#[test]
fn the_gates_own_stop_is_not_manual() {
    // systemd reports the stop before or after the gate has written which it was.
    for named_first in [true, false] {
        let mut node = blocked_by_a_stop(if named_first { "7" } else { "" });
        node.last.as_mut().unwrap().gate = GateEnd::Running;
        node.job_events(&[requested("5"), requested("7"), ended("5", 20, "canceled")]);
        node.job_events(&[removed("7", 20)]);
        if !named_first {
            assert_eq!(node.observe(vec![]), [], "not before it is clear");
            node.block.as_mut().unwrap().value.stop_job = Some("7".to_owned());
        }
        node.last.as_mut().unwrap().gate = GateEnd::Blocked;
        node.job_events(&[]);
        assert!(resumes(&node.observe(vec![])), "named first: {named_first}");
    }
}

#[test]
fn a_manual_stop_beside_the_gates_is_kept() {
    // The person's comes before the gate's, or after; it is named in time, or never.
    for named in [Some("7"), None] {
        for person_first in [true, false] {
            for at_once in [true, false] {
                let mut node = blocked_by_a_stop(named.unwrap_or_default());
                let mut events = [["9", "7"], ["7", "9"]][usize::from(!person_first)]
                    .iter()
                    .flat_map(|job| [requested(job), removed(job, 20)]);
                while let Some(event) = events.next() {
                    if at_once {
                        let rest: Vec<JobEvent> = events.by_ref().collect();
                        node.job_events(&[vec![event], rest].concat());
                    } else {
                        node.job_events(&[event]);
                    }
                }
                assert_eq!(
                    holds(&node.observe(vec![])),
                    Some(Hold::Stopped),
                    "{named:?}, person first: {person_first}, in one evaluation: {at_once}"
                );
            }
        }
    }
}

#[test]
fn a_gate_that_is_killed_before_it_records_its_stop_does_not_keep_the_unit_down() {
    let mut node = blocked_by_a_stop("");
    node.last.as_mut().unwrap().gate = GateEnd::Failed;
    node.job_events(&[requested("7"), removed("7", 20)]);
    assert!(resumes(&node.observe(vec![])));

    // It was killed before it asked systemd: RKE2 was started, and then stopped manually.
    let mut node = blocked_by_a_stop("");
    let last = node.last.as_mut().unwrap();
    last.gate = GateEnd::Failed;
    last.main_started = node.now + 5;
    node.job_events(&[requested("7"), removed("7", 20)]);
    assert_eq!(holds(&node.observe(vec![])), Some(Hold::Stopped));
}

#[test]
fn a_start_that_is_requested_after_a_stop_replaces_it() {
    // Both are heard of at once, by a monitor that was busy.
    let mut node = Node::blocked(&["a"]);
    node.job_events(&[
        requested("8"),
        removed("8", 30),
        requested("9"),
        ended("9", 31, "canceled"),
    ]);
    assert!(resumes(&node.observe(vec![])));
    // Or the start was not heard of at all, and its gate blocked.
    let mut node = Node::blocked(&["a"]);
    node.stop();
    node.block(&["a"]);
    assert!(resumes(&node.observe(vec![])));
    // A start that the stop canceled, while the gate was at work and blocked nevertheless.
    let mut node = Node::new(Phase::Starting);
    node.start(GateEnd::Running);
    node.job_events(&[requested("8")]);
    node.phase = Phase::Down;
    let began = node.now;
    node.job_events(&[
        requested("9"),
        ended("8", began, "canceled"),
        removed("9", began),
    ]);
    node.block(&["a"]);
    node.last.as_mut().unwrap().gate_began = began - 5;
    assert_eq!(holds(&node.observe(vec![])), Some(Hold::Stopped));
}

#[test]
fn the_monitors_own_jobs_are_not_manual() {
    let mut node = Node::blocked(&["a"]);
    node.job_events(&[requested("ours1"), removed("ours1", 20)]);
    assert!(resumes(&node.observe(vec![])));
}

#[test]
fn unattributed_stops_are_persisted() {
    let mut node = blocked_by_a_stop("");
    node.last.as_mut().unwrap().gate = GateEnd::Running;
    node.job_events(&[removed("9", 20)]);
    let text = serde_json::to_string(&node.persisted).unwrap();
    node.persisted = serde_json::from_str(&text).unwrap();
    node.block.as_mut().unwrap().value.stop_job = Some("7".to_owned());
    node.last.as_mut().unwrap().gate = GateEnd::Blocked;
    node.job_events(&[]);
    assert_eq!(holds(&node.observe(vec![])), Some(Hold::Stopped));
}

#[test]
fn a_gates_end_follows_from_systemds_states() {
    for (state, code, status, end) in [
        ("inactive", 0, 0, GateEnd::Passed),
        ("inactive", 1, 1, GateEnd::Passed),
        ("activating", 0, 0, GateEnd::Running),
        ("deactivating", 2, 9, GateEnd::Running),
        ("failed", 1, 3, GateEnd::Blocked),
        ("failed", 1, 203, GateEnd::Failed),
        ("failed", 2, 9, GateEnd::Failed),
        ("failed", 3, 3, GateEnd::Failed),
        ("failed", 0, 0, GateEnd::Failed),
    ] {
        assert_eq!(
            gate_end(state, code, status),
            end,
            "{state} {code} {status}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever happens, in whatever order: a unit is started only where it is down because of us, would
    /// run, and was not stopped manually; each drift and each end of one is logged once; seeing the same twice
    /// changes nothing.
    #[test]
    fn in_any_order_of_things(observations in observations()) {
        let mut node = Node::new(Phase::Down);
        let mut right = true;
        let mut drifted = false;
        let mut stopped = false;
        for observed in observations {
            match observed {
                Observed::Right | Observed::Later => right = true,
                Observed::Wrong => right = false,
                Observed::Blocked => {
                    node.block(&["a"]);
                    stopped = false;
                }
                Observed::Phase(phase) => node.phase = phase,
                // Job events are kept while systemd cannot be asked.
                Observed::Stopped if node.phase == Phase::Unknown => {}
                // A unit that is on its way all the same was requested to start since.
                Observed::Stopped => {
                    node.stop();
                    stopped = node.phase.is_ending();
                }
                // The gate forgets a block where it lets the unit go.
                Observed::Requested(gate) => {
                    node.start(gate);
                    node.block = None;
                    node.job_events(&[requested("start")]);
                    stopped = false;
                }
            }
            if node.phase == Phase::Running {
                stopped = false;
            }
            let findings = || match observed {
                Observed::Later => vec![later("a")],
                _ if right => vec![],
                _ => vec![wrong("a")],
            };
            let phase = node.phase;
            let (block, halted) = (node.block.is_some(), node.persisted.halted.is_some());
            let is_left = phase == Phase::Stranded
                || node.last.is_some_and(|last| {
                    matches!(last.gate, GateEnd::Failed | GateEnd::Blocked)
                });
            let transitions = node.persisted.drift_transitions;
            let actions = node.observe(findings());
            if resumes(&actions) {
                prop_assert!(phase.is_down() && right && !stopped);
                prop_assert!(block || halted || is_left);
            }
            for action in &actions {
                match action {
                    MonitorAction::Drifted(_) => drifted = true,
                    MonitorAction::DriftResolved(_) => {
                        prop_assert!(drifted, "the end of no drift");
                        drifted = false;
                    }
                    MonitorAction::Halt(_) => prop_assert!(!right),
                    _ => {}
                }
            }
            let logged = actions.iter().filter(|a| matches!(a, MonitorAction::Drifted(_) | MonitorAction::DriftResolved(_)));
            let logged = u64::try_from(logged.count()).unwrap();
            prop_assert_eq!(node.persisted.drift_transitions - transitions, logged);
            if !node.phase.is_down() || !resumes(&actions) {
                let before = node.persisted.clone();
                prop_assert_eq!(node.observe(findings()), vec![]);
                prop_assert_eq!(&node.persisted, &before);
            }
        }
    }
}

fn exit(component: &str, reason: &str) -> ComponentExit {
    ComponentExit {
        component: component.to_owned(),
        reason: reason.to_owned(),
        at: 1,
        restarts: None,
        path: "/log".to_owned(),
        is_retried: true,
    }
}

#[test]
fn each_reason_of_an_exit_is_logged_once_in_a_start() {
    let mut node = Node::new(Phase::Starting);
    node.started = 100;
    let logged = |node: &mut Node, started: u64, exits: &[(&str, &str)]| {
        node.started = started;
        node.exits = exits.iter().map(|(who, why)| exit(who, why)).collect();
        let actions = node.observe(Vec::new());
        let mut all = Vec::new();
        for action in actions {
            match action {
                MonitorAction::Exited(exits) => {
                    all.extend(exits.into_iter().map(|exit| exit.reason));
                }
                other => panic!("{other:?}"),
            }
        }
        all
    };
    let first = "[invalid kernel flag: a, actual value: 1, invalid kernel flag: b, port 1234]";
    assert_eq!(logged(&mut node, 100, &[("kubelet", first)]), [first]);
    assert_eq!(logged(&mut node, 100, &[("kubelet", first)]), [""; 0]);
    assert_eq!(logged(&mut node, 100, &[]), [""; 0]);
    // In Go's order of a map, and with another number.
    let again = "[invalid kernel flag: b, port 45, invalid kernel flag: a, actual value: 1]";
    assert_eq!(logged(&mut node, 100, &[("kubelet", again)]), [""; 0]);
    let both = [("kubelet", again), ("etcd", again)];
    assert_eq!(logged(&mut node, 100, &both), [again]);
    assert_eq!(logged(&mut node, 100, &[("kubelet", "other")]), ["other"]);
    assert_eq!(
        logged(&mut node, 200, &[("kubelet", first)]),
        [first],
        "another start"
    );
    // Words that differ each time do not fill the journal.
    let mut count = 0;
    for number in 0..100_u8 {
        let word = char::from(b'a' + number % 26)
            .to_string()
            .repeat(usize::from(number));
        count += logged(&mut node, 300, &[("kubelet", &word)]).len();
    }
    assert_eq!(count, 16);
}

#[test]
fn an_exit_that_is_over_is_not_logged() {
    let mut node = Node::new(Phase::Down);
    node.started = 100;
    node.exits = vec![ComponentExit {
        is_retried: false,
        ..exit("kubelet", "x")
    }];
    assert_eq!(node.observe(Vec::new()), []);
    assert_eq!(node.recheck, None);
}

#[test]
fn logs_are_read_again_while_a_unit_starts_and_while_a_component_exits() {
    const SECOND: u64 = 1_000_000;
    let mut node = Node::new(Phase::Starting);
    let recheck = |node: &mut Node, now: u64| {
        node.now = now * SECOND;
        node.observe(Vec::new());
        node.recheck.map(|after| after / SECOND)
    };
    assert_eq!(recheck(&mut node, 1000), None, "not known");
    node.started = 1000 * SECOND;
    assert_eq!(recheck(&mut node, 1000), Some(20));
    assert_eq!(recheck(&mut node, 1100), Some(50));
    node.phase = Phase::Running;
    assert_eq!(recheck(&mut node, 4600), Some(1800));
    node.exits = vec![exit("kubelet", "x")];
    assert_eq!(recheck(&mut node, 4601), Some(30));
    node.exits.clear();
    assert_eq!(recheck(&mut node, 4602), None, "it was logged");
    node.phase = Phase::Down;
    assert_eq!(recheck(&mut node, 4603), None);
}

#[test]
fn a_unit_that_is_blocked_until_something_passes_is_evaluated_again_soon() {
    let port = || {
        let violated = Outcome::Violated;
        let finding = Finding::new(
            CheckId::HostPort,
            "port 10250",
            vec![],
            violated,
            Outcome::Satisfied,
        );
        finding.transient(true)
    };
    let mut node = Node::blocked(&["a"]);
    node.configuration.block_on.push(BlockOn::Transient);
    assert_eq!(node.observe(vec![wrong("a")]), []);
    assert_eq!(node.recheck, None, "a person has to fix it");
    assert_eq!(node.observe(vec![port()]), []);
    assert_eq!(node.recheck, Some(5_000_000));
    assert!(resumes(&node.observe(vec![])));
    node.phase = Phase::Running;
    node.observe(vec![port()]);
    assert_eq!(node.recheck, None, "it runs");
}

/// A condition about which the gate and drift say nothing.
fn condition(id: CheckId, subject: &str) -> Finding {
    let transient = id != CheckId::HostSpaceLow;
    let later = if transient { Satisfied } else { Violated };
    Finding::new(id, subject, Vec::new(), Violated, later)
        .transient(transient)
        .with_summary(format!("{subject} is wrong"))
}

/// What is logged of conditions: what is new, and what is over.
fn conditions(actions: &[MonitorAction]) -> (Vec<&str>, Vec<&str>) {
    let mut found = (Vec::new(), Vec::new());
    for action in actions {
        if let MonitorAction::Conditions(changes) = action {
            found.0.extend(changes.new.iter().map(String::as_str));
            found.1.extend(changes.over.iter().map(String::as_str));
        }
    }
    found
}

const NOTHING: (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());

#[test]
fn what_lasts_is_logged_once_and_once_when_it_is_over() {
    let port = || condition(CheckId::HostPort, "port 10250");
    for phase in [Phase::Down, Phase::Retrying] {
        let mut node = Node::new(phase);
        assert_eq!(conditions(&node.observe(vec![port()])), NOTHING);
        assert_eq!(node.recheck, Some(10_000_000));
        node.now += 10_000_000;
        let new = (vec!["host.port port 10250"], vec![]);
        assert_eq!(conditions(&node.observe(vec![port()])), new);
        assert_eq!(node.recheck, None);
        // A monitor that is started again knows of it.
        let state = serde_json::to_string(&node.persisted).unwrap();
        node.persisted = serde_json::from_str(&state).unwrap();
        assert_eq!(conditions(&node.observe(vec![port()])), NOTHING);
        // Nothing is known of the node for a while.
        let measured = node.measured.take();
        assert_eq!(conditions(&node.observe(vec![])), NOTHING);
        node.measured = measured;
        let over = (vec![], vec!["port 10250 is wrong"]);
        assert_eq!(conditions(&node.observe(vec![])), over);
        assert_eq!(conditions(&node.observe(vec![])), NOTHING);
    }
}

#[test]
fn what_passes_at_once_is_not_logged() {
    let mut node = Node::new(Phase::Down);
    node.observe(vec![condition(CheckId::HostRoute, "default route")]);
    node.now += 9_000_000;
    assert_eq!(conditions(&node.observe(vec![])), NOTHING);
    assert_eq!(node.persisted.conditions.len(), 0);
}

#[test]
fn nothing_is_logged_twice() {
    let lasting = |node: &mut Node, finding: Finding| {
        node.observe(vec![finding.clone()]);
        node.now += 60_000_000;
        let actions = node.observe(vec![finding]);
        conditions(&actions).0.len()
    };
    let port = || condition(CheckId::HostPort, "port 10250");
    // Drift tells of it.
    let mut node = Node::new(Phase::Running);
    assert_eq!(lasting(&mut node, condition(CheckId::HostRoute, "x")), 0);
    // The gate has told of it.
    let mut node = Node::new(Phase::Down);
    node.configuration.block_on.push(BlockOn::Transient);
    node.start(GateEnd::Blocked);
    node.block = Some(Stamped {
        value: Block::new(UNIT, node.now, true, &[&port()]),
        stamp: node.stamp(),
    });
    assert_eq!(lasting(&mut node, port()), 0);
    let mut node = Node::new(Phase::Down);
    node.configuration.skip.push("host.port".to_owned());
    assert_eq!(lasting(&mut node, port()), 0);
    let mut node = Node::new(Phase::Unknown);
    assert_eq!(lasting(&mut node, port()), 0, "RKE2 may run");
    let mut node = Node::new(Phase::Down);
    assert_eq!(lasting(&mut node, wrong("a")), 0, "it does not pass");
    let mut node = Node::new(Phase::Down);
    node.enabled = false;
    assert_eq!(lasting(&mut node, port()), 0, "it is not wanted");
}

#[test]
fn ports_of_a_unit_that_runs_are_not_known_to_be_free() {
    let mut node = Node::new(Phase::Down);
    let port = || condition(CheckId::HostPort, "port 10250");
    let route = || condition(CheckId::HostRoute, "default route");
    node.observe(vec![port(), route()]);
    node.now += 10_000_000;
    assert_eq!(conditions(&node.observe(vec![port(), route()])).0.len(), 2);
    node.phase = Phase::Running;
    let over = (vec![], vec!["default route is wrong"]);
    assert_eq!(conditions(&node.observe(vec![])), over);
    assert_eq!(node.persisted.conditions.len(), 0);
}

#[test]
fn space_that_is_low_is_not_over_when_none_is_left() {
    let low = || condition(CheckId::HostSpaceLow, "/data");
    let mut node = Node::new(Phase::Running);
    node.observe(vec![low()]);
    node.now += 10_000_000;
    assert_eq!(conditions(&node.observe(vec![low()])).0.len(), 1);
    let full = Finding::new(CheckId::HostSpace, "/data", vec![], Violated, Violated);
    assert_eq!(conditions(&node.observe(vec![full])), NOTHING);
    assert_eq!(conditions(&node.observe(vec![low()])), NOTHING);
    // It comes and goes about the limit.
    for _ in 0..3 {
        assert_eq!(conditions(&node.observe(vec![])), NOTHING);
        node.now += 300_000_000;
        assert_eq!(conditions(&node.observe(vec![low()])), NOTHING);
    }
    assert_eq!(conditions(&node.observe(vec![])), NOTHING);
    node.now += 600_000_000;
    let over = (vec![], vec!["/data is wrong"]);
    assert_eq!(conditions(&node.observe(vec![])), over);
}

#[test]
fn while_rke2_starts_a_port_may_be_its_own() {
    let port = || condition(CheckId::HostPort, "port 6443");
    let mut node = Node::new(Phase::Down);
    node.observe(vec![port()]);
    node.now += 10_000_000;
    assert_eq!(conditions(&node.observe(vec![port()])).0.len(), 1);
    for phase in [Phase::Starting, Phase::Stopping] {
        node.phase = phase;
        assert_eq!(conditions(&node.observe(vec![])), NOTHING);
    }
    node.phase = Phase::Retrying;
    assert_eq!(conditions(&node.observe(vec![port()])), NOTHING);
    let over = (vec![], vec!["port 6443 is wrong"]);
    assert_eq!(conditions(&node.observe(vec![])), over);
}

#[test]
fn a_change_of_what_sets_the_clock_is_logged() {
    let mut node = Node::new(Phase::Running);
    let mut time_sync = |has| {
        node.measured = Some(Measurements {
            has_time_sync: has,
            ..Measurements::default()
        });
        let actions = node.observe(vec![]);
        actions.iter().find_map(|action| match action {
            MonitorAction::Conditions(changes) => changes.time_sync,
            _ => None,
        })
    };
    for (has, logged) in [
        (Some(false), None),
        (None, None),
        (Some(true), Some(true)),
        (Some(true), None),
        (Some(false), Some(false)),
        (Some(false), None),
    ] {
        assert_eq!(time_sync(has), logged);
    }
}

const DAY: u64 = 86_400;
const NOW: u64 = 1_800_000_000;

fn certificate(kind: CertificateKind, seconds_left: i64) -> Certificate {
    let renewal = (kind == CertificateKind::Leaf).then_some(120);
    Certificate {
        path: "/d/a.crt".to_owned(),
        file: "a.crt".to_owned(),
        kind,
        not_after: NOW.checked_add_signed(seconds_left).unwrap(),
        renewal,
    }
}

impl Node {
    /// Observes a certificate, and returns the days for which it is logged and whether RKE2 renews it.
    fn certificate(&mut self, certificate: Certificate) -> Option<(u64, bool)> {
        self.measured = Some(Measurements {
            certificates: vec![certificate],
            ..Measurements::default()
        });
        self.now = NOW * 1_000_000;
        let actions = self.observe(vec![]);
        actions.iter().find_map(|action| match action {
            MonitorAction::Expiring(all) => Some((all[0].within, all[0].is_renewed)),
            _ => None,
        })
    }
}

#[test]
fn a_certificate_is_logged_once_for_each_number_of_days() {
    const D: i64 = 86_400;
    for (kind, steps) in [
        (
            CertificateKind::Leaf,
            [
                (31 * D, None),
                (30 * D, Some(30)),
                (8 * D, None),
                (7 * D, Some(7)),
                (D + 1, None),
                (D, Some(1)),
                (-D, None),
            ],
        ),
        (
            CertificateKind::Authority,
            [
                (366 * D, None),
                (365 * D, Some(365)),
                (91 * D, None),
                (90 * D, Some(90)),
                (D, None),
                (0, None),
                (-D, None),
            ],
        ),
    ] {
        let mut node = Node::new(Phase::Running);
        let end = certificate(kind, 0).not_after;
        for (left, logged) in steps {
            // The certificate stays the same: time passes.
            node.measured = Some(Measurements {
                certificates: vec![certificate(kind, 0)],
                ..Measurements::default()
            });
            node.now = end.checked_add_signed(-left).unwrap() * 1_000_000 - 1;
            let actions = node.observe(vec![]);
            let within = actions.iter().find_map(|action| match action {
                MonitorAction::Expiring(all) => Some(all[0].within),
                _ => None,
            });
            assert_eq!(within, logged, "{kind:?} {left}");
            let state = serde_json::to_string(&node.persisted).unwrap();
            node.persisted = serde_json::from_str(&state).unwrap();
        }
    }
}

#[test]
fn a_renewed_certificate_is_logged_anew() {
    let mut node = Node::new(Phase::Running);
    let leaf = |days: u64| certificate(CertificateKind::Leaf, i64::try_from(days * DAY).unwrap());
    assert_eq!(node.certificate(leaf(0)), Some((1, true)));
    assert_eq!(node.certificate(leaf(365)), None);
    assert_eq!(node.persisted.certificates.len(), 0);
    assert_eq!(node.certificate(leaf(29)), Some((30, true)));
    assert_eq!(node.certificate(leaf(28)), Some((30, true)), "another one");
}

#[test]
fn a_leaf_matters_to_an_rke2_that_runs() {
    let leaf = |days: i64| certificate(CertificateKind::Leaf, days * 86_400);
    for phase in [Phase::Down, Phase::Starting, Phase::Retrying] {
        let mut node = Node::new(phase);
        assert_eq!(node.certificate(leaf(5)), None, "the start renews it");
        let authority = certificate(CertificateKind::Authority, 0);
        assert_eq!(node.certificate(authority), Some((90, false)));
    }
    let started = |days_ago: u64| {
        let mut node = Node::new(Phase::Running);
        node.started = (NOW - days_ago * DAY) * 1_000_000;
        node
    };
    // It had 120 days left 115 days ago, when it was not renewed.
    assert_eq!(started(115).certificate(leaf(5)), Some((7, false)));
    assert_eq!(started(116).certificate(leaf(5)), Some((7, true)));
    // RKE2 was started with an expired one.
    assert_eq!(started(1).certificate(leaf(-2)), None);
    assert_eq!(started(3).certificate(leaf(-2)), Some((1, false)));
}

#[test]
fn a_block_whose_end_is_not_reported_is_looked_at() {
    for (id, transient, after) in [
        (CheckId::HostSpace, false, Some(5)),
        (CheckId::HostRoute, true, Some(5)),
        (CheckId::HostMountReadOnly, false, Some(30)),
        (CheckId::HostRegistries, false, None),
    ] {
        let later = if transient { Satisfied } else { Violated };
        let reason = || Finding::new(id, "x", vec![], Violated, later).transient(transient);
        let blocked = |block: bool| {
            let mut node = Node::new(Phase::Down);
            node.configuration.block_on.push(BlockOn::Transient);
            node.start(GateEnd::Blocked);
            node.block = block.then(|| Stamped {
                value: Block::new(UNIT, node.now, true, &[&reason()]),
                stamp: node.stamp(),
            });
            node.enabled = block;
            node.observe(vec![reason()]);
            node
        };
        let found = blocked(true).recheck.map(|after| after / 1_000_000);
        assert_eq!(found, after, "{id}");
        let mut free = blocked(false);
        free.now += 60_000_000;
        free.observe(vec![reason()]);
        assert_eq!(free.recheck, None, "{id}: nothing waits for it");
    }
}
