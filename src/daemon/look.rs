//! One look at everything, and what follows from it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::bus::Answer;
use super::service::{self, UnitView, View};
use super::setter::{self, Noticed};
use super::{Daemon, remember};
use crate::assessment::UnitReport;
use crate::configuration::Mode;
use crate::examine::{self, Question};
use crate::finding::Finding;
use crate::gate::block::Block;
use crate::gate::plan::{self, Decision, Override, Plan};
use crate::host::systemd_bus::{BusError, manage};
use crate::host::textfile::Textfile;
use crate::host::{configuration, state, units};
use crate::journal::Record;
use crate::monitor::{self, Action, JobEvent, Memory, Phase, Scene, Seen};
use crate::report::metrics::{self, Snapshot, UnitState};
use crate::report::status::{self, Status};
use crate::report::{json, monitor as say};
use crate::unit::{Load, UnitDefinition};

/// The file of metrics.
const METRICS: &str = "preflight-rke2.prom";
/// How old it may be though nothing has changed, in microseconds.
const METRICS_AGE: u64 = 30_000_000;

/// When it is looked again where the gate is still at work.
const SETTLING: Duration = Duration::from_millis(500);

/// What was seen of a unit.
struct Sight {
    report: UnitReport,
    phase: Phase,
    enabled: bool,
    block: Option<Block>,
    held: Option<monitor::Hold>,
    is_settling: bool,
    memory: Memory,
}

impl Daemon {
    /// Looks at all units, acts, and tells everybody.
    pub(super) async fn look(&mut self) {
        let knowable = self.shared.knowable();
        while let Some(told) = self.bus.ready() {
            self.told(told, false).await;
        }
        for heard in &mut self.heard {
            heard.is_late = false;
        }
        self.restless = None;
        self.alive();
        self.read_configuration();
        let asked = self
            .root
            .read("/proc/cmdline")
            .map_or(Override::None, |line| plan::kernel_override(&line));
        let questions = examine::questions(&self.root);
        let mut answers = Vec::with_capacity(questions.len());
        for question in &questions {
            let unit = question.role.unit();
            answers.push(self.bus.query(unit, Instant::now()).await);
            self.alive();
        }
        // What systemd told before it answered counts before the answer: a stop by a person above all. What
        // it told after one of the answers is newer than that, and makes another look.
        while let Some(told) = self.bus.ready() {
            self.told(told, true).await;
        }
        let phases: Vec<Phase> = answers.iter().map(phase).collect();
        let mut sights = Vec::with_capacity(questions.len());
        for (at, (question, answer)) in questions.iter().zip(&answers).enumerate() {
            let mut others = phases.iter().enumerate().filter(|(other, _)| *other != at);
            let rival = others.any(|(_, phase)| is_up(*phase));
            sights.push(self.unit(question, answer, rival, asked).await);
            self.alive();
        }
        for (unit, reply) in self.resumes.drain(..) {
            // Who asked may be gone.
            let _ = reply.send(Err(format!("{unit} is not installed")));
        }
        self.changed.clear();
        self.follow();
        self.tell(&sights).await;
        self.shared.knows(knowable);
        for reply in self.waiting.drain(..) {
            let _ = reply.send(());
        }
        if self.restless.is_none() {
            let settling = sights.iter().any(|sight| sight.is_settling);
            let next = if settling {
                SETTLING
            } else {
                self.configuration.resync
            };
            self.due = Instant::now() + next;
        }
    }

    /// What was heard of a unit's jobs, once it is known what the unit does. What may be newer than that
    /// waits for the next look where the unit is up: it may have been stopped since.
    fn jobs_of(&mut self, question: &Question, phase: Phase) -> Vec<JobEvent> {
        if phase == Phase::Unknown {
            return Vec::new();
        }
        let (mine, rest): (VecDeque<_>, _) =
            std::mem::take(&mut self.heard)
                .into_iter()
                .partition(|heard| {
                    heard.role == question.role && (phase.is_ending() || !heard.is_late)
                });
        self.heard = rest;
        mine.into_iter().map(|heard| heard.event).collect()
    }

    /// Takes up what was heard of a unit's jobs: whose stop a stop was.
    fn hear(&mut self, memory: &mut Memory, events: Vec<JobEvent>, scene: &Scene<'_>) {
        let removed = |event: &JobEvent| match event {
            JobEvent::Removed { job, .. } => Some(job.clone()),
            JobEvent::New { .. } => None,
        };
        let ended: Vec<String> = events.iter().filter_map(removed).collect();
        memory.hear(events, |job| self.jobs.contains(job), scene);
        for job in ended {
            self.jobs.remove(&job);
        }
    }

    /// A configuration that is broken leaves the one before in force.
    fn read_configuration(&mut self) {
        let trouble = match configuration::read(&self.root) {
            Ok(configuration) => {
                self.configuration = configuration;
                None
            }
            Err(error) => Some(format!("{error}; what was in force before stays so")),
        };
        self.teller.trouble("configuration", trouble);
    }

    async fn unit(
        &mut self,
        question: &Question,
        answer: &Answer,
        rival: bool,
        asked: Override,
    ) -> Sight {
        let unit = question.role.unit();
        let offline = question.definition.as_ref();
        let definition = match (answer, offline) {
            (Answer::Live(live), Some(offline)) => Some(units::complete(&self.root, live, offline)),
            (_, offline) => offline.cloned(),
        };
        let enabled = definition
            .as_ref()
            .is_some_and(|unit| unit.enabled.at_boot());
        let is_loaded = |unit: &UnitDefinition| unit.load == Load::Loaded;
        let loadable = definition.as_ref().is_some_and(is_loaded);
        let report = examine::defined(&self.root, question, definition).report;
        let configuration = self.configuration.clone();
        let plan = plan::decide(&report, &configuration, asked);
        let phase = phase(answer);
        let known = self.memories.remove(&question.role);
        let before = known.unwrap_or_else(|| self.state.read_memory(unit));
        let mut memory = before.clone();
        let events = self.jobs_of(question, phase);
        let matters = enabled || !events.is_empty() || !memory.unclear.is_empty();
        let mut block = self.state.read_stamped_block(unit);
        let last = if phase.is_down() && (matters || block.is_some()) {
            let last = self.bus.last_start(unit, Instant::now()).await;
            // A gate that has ended since it was read has written all that it writes.
            block = self.state.read_stamped_block(unit);
            last
        } else {
            None
        };
        if phase != Phase::Unknown {
            let scene = Scene {
                block: block.as_ref(),
                last,
                is_ending: phase.is_ending(),
            };
            self.hear(&mut memory, events, &scene);
        }
        let (restarts, entered) = match answer {
            Answer::Live(live) => (live.restarts, live.entered_active),
            _ => (0, 0),
        };
        let seen = Seen {
            now: state::now(),
            report: &report,
            plan: &plan,
            configuration: &configuration,
            phase,
            restarts,
            entered,
            block: block.as_ref(),
            last,
            enabled,
            loadable,
            rival,
        };
        for action in monitor::step(&mut memory, &seen) {
            self.act(action, &seen, &mut memory).await;
        }
        self.resume_on_request(&seen, &mut memory).await;
        if memory != before {
            self.teller.told().await;
            remember(&self.state, &mut self.teller, unit, &memory);
        }
        self.memories.insert(question.role, memory.clone());
        // What was ended by us is as good as blocked by the gate.
        let written = block.as_ref().map(|block| &block.value);
        let blocked = written.or(memory.halted.as_ref());
        let blocked = blocked.filter(|_| phase.is_down()).cloned();
        let would_run = !matches!(plan.decision, Decision::Block | Decision::StartUnchecked);
        let held = monitor::down_for(&memory, &seen)
            .filter(|_| would_run)
            .and_then(|block| monitor::hold(&memory, &seen, &block));
        let is_settling = monitor::is_settling(&memory, &seen);
        Sight {
            report,
            phase,
            enabled,
            block: blocked,
            held,
            is_settling,
            memory,
        }
    }

    async fn act(&mut self, action: Action, seen: &Seen<'_>, memory: &mut Memory) {
        let unit = seen.report.unit.as_str();
        match action {
            Action::Resume(block) => {
                let record = say::resumed(&block);
                self.announce(unit, vec![record], memory).await;
                if let Err(error) = self.start(unit).await {
                    if is_passing(&error) {
                        memory.not_resumed();
                    }
                    self.teller
                        .say(vec![say::not_started(&block, &error.to_string())]);
                }
                memory.was_asked();
            }
            Action::Hold(block, hold) => self.teller.say(vec![say::held(&block, hold)]),
            Action::Halt(_) => {
                let records = say::looping(seen.report, seen.plan, seen.restarts, true);
                self.announce(unit, records, memory).await;
                if let Err(error) = self.stop(unit).await {
                    memory.not_halted();
                    self.teller
                        .say(vec![say::not_stopped(unit, &error.to_string())]);
                }
            }
            Action::Loop => {
                let records = say::looping(seen.report, seen.plan, seen.restarts, false);
                self.teller.say(records);
            }
            Action::Drifted(new) => {
                self.hear_more().await;
                let all = monitor::drift(seen.report, seen.configuration);
                let new: Vec<(&Finding, Option<String>)> = all
                    .iter()
                    .filter(|finding| new.contains(&finding.id))
                    .map(|finding| (*finding, self.setter(finding)))
                    .collect();
                let record = say::drifted(unit, seen.phase, &new, &all);
                self.teller.say(vec![record]);
            }
            Action::Cured(checks) => {
                let checks: Vec<&str> = checks.iter().map(String::as_str).collect();
                self.teller.say(vec![say::cured(unit, seen.phase, &checks)]);
            }
            Action::ForgetBlock => {
                let forgotten = self.state.forget_block(unit);
                self.teller
                    .trouble("state", forgotten.err().map(|error| error.to_string()));
            }
        }
    }

    /// Tells and remembers what is to be asked of systemd next: whoever comes after a monitor that is killed
    /// now must know of it, and a unit that is stopped must not be forgotten.
    async fn announce(&mut self, unit: &str, records: Vec<Record>, memory: &Memory) {
        // Without a bus nothing can be asked, which is told then.
        if self.bus.connection().is_some() {
            self.teller.say(records);
            self.teller.told().await;
            remember(&self.state, &mut self.teller, unit, memory);
        }
    }

    /// Takes up what the kernel told of while it was looked, which says how a change came about.
    async fn hear_more(&mut self) {
        const MOMENT: Duration = Duration::from_millis(2);
        /// What comes faster and for longer than that waits for the next look.
        const MOST: usize = 64;
        let mut more = false;
        if let Some(watch) = &mut self.watch {
            for _ in 0..MOST {
                let Ok(Ok(changes)) = timeout(MOMENT, watch.changed()).await else {
                    break;
                };
                self.changed.extend(changes.paths);
                more = true;
            }
        }
        if more {
            self.soon();
        }
    }

    fn setter(&self, finding: &Finding) -> Option<String> {
        let path = format!("/proc/sys/{}", finding.subject.replace('.', "/"));
        let noticed = if self.changed.contains(std::path::Path::new(&path)) {
            Noticed::Told
        } else {
            Noticed::Looked
        };
        setter::of(&self.root, finding, noticed)
    }

    async fn start(&mut self, unit: &str) -> Result<(), BusError> {
        let job = manage::start(self.connection()?, unit).await;
        self.job(job)
    }

    async fn stop(&mut self, unit: &str) -> Result<(), BusError> {
        let job = manage::stop(self.connection()?, unit).await;
        self.job(job)
    }

    fn connection(&self) -> Result<&zbus::Connection, BusError> {
        self.bus.connection().ok_or_else(|| BusError::NoBus {
            reason: "not connected".to_owned(),
        })
    }

    fn job(&mut self, job: Result<String, BusError>) -> Result<(), BusError> {
        match job {
            Ok(job) => {
                self.jobs.insert(job);
                Ok(())
            }
            Err(error) => {
                self.bus.failed(&error, Instant::now());
                Err(error)
            }
        }
    }

    /// Somebody asked over D-Bus for this unit to be started.
    async fn resume_on_request(&mut self, seen: &Seen<'_>, memory: &mut Memory) {
        let unit = seen.report.unit.as_str();
        let (mine, rest) = std::mem::take(&mut self.resumes)
            .into_iter()
            .partition(|(asked, _)| asked == unit);
        self.resumes = rest;
        let mine: Vec<_> = mine;
        if mine.is_empty() {
            return;
        }
        let answer = match (&seen.plan.decision, seen.phase.is_down()) {
            (_, false) => Ok(()),
            (Decision::Block, true) => Err(refusal(unit, seen.plan)),
            (_, true) => {
                (memory.stopped, memory.stopped_at) = (None, None);
                memory.resumes = memory.resumes.saturating_add(1);
                self.start(unit).await.map_err(|error| error.to_string())
            }
        };
        for (_, reply) in mine {
            let _ = reply.send(answer.clone());
        }
    }

    async fn tell(&mut self, sights: &[Sight]) {
        let evaluated = state::now();
        self.write_metrics(sights, evaluated);
        self.publish(sights, evaluated).await;
        self.teller.trouble("D-Bus", self.bus.trouble.clone());
        self.teller.trouble("D-Bus name", self.bus.unnamed.clone());
        let lines: Vec<String> = sights
            .iter()
            .filter(|sight| !sight.report.idle)
            .map(|sight| {
                let drift = monitor::drift(&sight.report, &self.configuration);
                say::status_line(&sight.report, sight.phase, sight.block.as_ref(), &drift)
            })
            .collect();
        self.teller.status(if lines.is_empty() {
            "no RKE2 unit is installed".to_owned()
        } else {
            lines.join("; ")
        });
    }

    async fn publish(&mut self, sights: &[Sight], evaluated: u64) {
        let view = View {
            evaluated,
            units: sights
                .iter()
                .map(|sight| (sight.report.unit.clone(), view_of(sight)))
                .collect(),
            report: json::render(sights.iter().map(|sight| &sight.report), false),
            status: self.status(sights, evaluated).json(),
        };
        let Some(connection) = self.bus.connection().cloned() else {
            self.shared.replace(view);
            return;
        };
        if let Err(error) = service::publish(&connection, &self.shared, view).await {
            let reason = error.to_string();
            self.bus.failed(&BusError::Other { reason }, Instant::now());
        }
        self.bus.own().await;
    }

    fn status(&self, sights: &[Sight], evaluated: u64) -> Status {
        Status {
            schema: status::SCHEMA.to_owned(),
            monitor: status::Monitor {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                since: self.since,
                evaluated,
                mode: match self.configuration.mode {
                    Mode::Enforce => "enforce".to_owned(),
                    Mode::Report => "report".to_owned(),
                },
                resume: self.configuration.resume,
                troubles: self.teller.troubles(),
            },
            units: sights.iter().map(status_of).collect(),
        }
    }

    /// Writes the file of metrics where something has changed, or it is a while old.
    fn write_metrics(&mut self, sights: &[Sight], evaluated: u64) {
        let Some(directory) = &self.configuration.textfile else {
            self.teller.trouble("metrics", None);
            return;
        };
        let mut snapshot = Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            rules: crate::rke2::releases::newest().to_string(),
            evaluated: 0,
            units: sights.iter().map(state_of).collect(),
        };
        let timeless = metrics::render(&snapshot);
        // A clock that is set back leaves a time that is far off, too.
        let age = evaluated.abs_diff(self.metrics.1);
        if timeless == self.metrics.0 && age < METRICS_AGE {
            return;
        }
        snapshot.evaluated = evaluated;
        let text = metrics::render(&snapshot);
        let written = Textfile::default().replace(directory, METRICS, text.as_bytes());
        let trouble = written.err().map(|error| error.to_string());
        if trouble.is_none() {
            self.metrics = (timeless, evaluated);
        }
        self.teller.trouble("metrics", trouble);
    }
}

fn state_of(sight: &Sight) -> UnitState<'_> {
    UnitState {
        report: &sight.report,
        active: sight.phase == Phase::Running,
        blocked_since: sight.block.as_ref().map(|block| block.since),
        drifted: sight.phase == Phase::Running && !sight.memory.drift.is_empty(),
        resumes: sight.memory.resumes,
        drift_transitions: sight.memory.drift_transitions,
    }
}

fn phase(answer: &Answer) -> Phase {
    match answer {
        Answer::Live(live) => Phase::of(live),
        Answer::NotThere => Phase::Down,
        Answer::None => Phase::Unknown,
    }
}

fn is_up(phase: Phase) -> bool {
    !phase.is_down() && phase != Phase::Unknown
}

/// Whether a call may succeed when it is made again.
fn is_passing(error: &BusError) -> bool {
    matches!(
        error,
        BusError::NoBus { .. }
            | BusError::NoSystemd { .. }
            | BusError::Disconnected { .. }
            | BusError::TimedOut { .. }
    )
}

fn refusal(unit: &str, plan: &Plan<'_>) -> String {
    let summaries: Vec<&str> = plan.reasons.iter().map(|f| f.summary.as_str()).collect();
    format!(
        "{unit} would refuse to run: {}",
        crate::text::printable(&summaries.join("; "))
    )
}

/// A value's word, as JSON has it.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn status_of(sight: &Sight) -> status::Unit {
    status::Unit {
        unit: sight.report.unit.clone(),
        phase: sight.phase,
        enabled: sight.enabled,
        idle: sight.report.idle,
        blocked_since: sight.block.as_ref().map(|block| block.since),
        held: sight.held,
        drift: sight.memory.drift.keys().cloned().collect(),
        drift_transitions: sight.memory.drift_transitions,
        resumes: sight.memory.resumes,
        resumed_at: sight.memory.resumed.as_ref().map(|resumed| resumed.at),
        report: json::value(&sight.report),
    }
}

fn view_of(sight: &Sight) -> UnitView {
    let report = &sight.report;
    UnitView {
        name: report.unit.clone(),
        role: report.role.as_str().to_owned(),
        rke2_version: report.version.to_string(),
        rke2_version_source: report.version_source.to_owned(),
        phase: word(sight.phase),
        verdict: word(report.verdict.now),
        next_boot_verdict: word(report.verdict.next_boot),
        refused_by: report.verdict.refused_by.map(word).unwrap_or_default(),
        predicted: report.verdict.predicted.clone(),
        blocked: sight.block.is_some(),
        blocked_since: sight.block.as_ref().map_or(0, |block| block.since),
        held: sight.held.map(word).unwrap_or_default(),
        drifted: !sight.memory.drift.is_empty(),
        resumes: sight.memory.resumes,
        drift_transitions: sight.memory.drift_transitions,
        findings: report
            .problems()
            .map(|finding| {
                (
                    finding.id.clone(),
                    word(finding.outcome),
                    word(finding.effect),
                    crate::text::printable(&finding.subject),
                    crate::text::printable(&finding.summary),
                )
            })
            .collect(),
        report: json::render([report], false),
    }
}
