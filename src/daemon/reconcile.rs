//! One evaluation of all units, and the actions and reports that follow from it.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::blame::{self, DetectedBy};
use super::bus::QueryResult;
use super::service;
use super::{Daemon, persist};
use crate::assessment::LastRun;
use crate::configuration::Mode;
use crate::examine::{self, Target};
use crate::facts::proc_sys;
use crate::finding::Finding;
use crate::gate::plan::{self, Decision, GatePlan, Override};
use crate::host::systemd_bus::{BusError, manage};
use crate::host::textfile::Textfile;
use crate::host::{configuration, state, units};
use crate::journal::Record;
use crate::monitor::{
    self, Hold, JobEvent, MonitorAction, MonitorStatus, NodeStatus, PersistedState, Phase,
    StepInput, StopContext, UnitStatus,
};
use crate::report::conditions;
use crate::report::metrics::{self, Snapshot};
use crate::report::monitor as records;
use crate::unit::{Load, UnitDefinition};

/// The name of the metrics file.
const METRICS: &str = "preflight-rke2.prom";
/// How old it may become while nothing changes, in microseconds.
const METRICS_AGE: u64 = 30_000_000;

/// The delay until the next evaluation while a gate still runs.
const SETTLING: Duration = Duration::from_millis(500);

/// The result of evaluating one unit.
struct Observation {
    status: UnitStatus,
    /// The unit in the text that `systemctl status preflight-rke2` shows; empty for a unit that is not
    /// enabled while the other is.
    line: String,
    /// Whether the state will change in a moment, so that the next evaluation is soon.
    is_settling: bool,
    /// When the next evaluation is to be, if that is sooner than usual.
    recheck: Option<Duration>,
}

impl Daemon {
    /// Evaluates all units, acts, and publishes the result.
    pub(super) async fn reconcile(&mut self) {
        let revision = self.shared.revision();
        while let Some(signal) = self.bus.try_next() {
            self.handle_signal(signal, false).await;
        }
        for pending in &mut self.job_events {
            pending.is_late = false;
        }
        self.debounce_since = None;
        self.notify_watchdog();
        self.read_configuration();
        let kernel = self
            .root
            .read("/proc/cmdline")
            .map_or(Override::None, |line| plan::kernel_override(&line));
        let targets = examine::targets(&self.root);
        let mut results = Vec::with_capacity(targets.len());
        for target in &targets {
            let unit = target.role.unit();
            results.push(self.bus.query(unit, Instant::now()).await);
            self.notify_watchdog();
        }
        // Signals that systemd sent before an answer precede it, a manual stop above all. Those sent after one
        // of the answers are newer than it, and lead to another evaluation.
        while let Some(signal) = self.bus.try_next() {
            self.handle_signal(signal, true).await;
        }
        let phases: Vec<Phase> = results.iter().map(phase).collect();
        let mut observations = Vec::with_capacity(targets.len());
        for (at, (target, result)) in targets.iter().zip(&results).enumerate() {
            let mut others = phases.iter().enumerate().filter(|(other, _)| *other != at);
            let rival = others.any(|(_, phase)| is_up(*phase));
            let target = Target {
                // An RKE2 that runs holds its ports itself.
                sockets: phase(result) != Phase::Running,
                ..target.clone()
            };
            observations.push(self.unit(&target, result, rival, kernel).await);
            self.notify_watchdog();
        }
        for (unit, reply) in self.resumes.drain(..) {
            // The caller may be gone.
            let _ = reply.send(Err(format!("{unit} is not installed")));
        }
        self.changed.clear();
        self.watch_read_files();
        // A unit that the monitor does not start is not waited for.
        let may_start = |unit: &Observation| {
            unit.status.is_blocked() && matches!(unit.status.held, None | Some(Hold::SameCause))
        };
        self.watch_mounts(observations.iter().any(may_start));
        let is_settling = observations.iter().any(|unit| unit.is_settling);
        let recheck = observations.iter().filter_map(|unit| unit.recheck).min();
        self.report(observations).await;
        self.shared.set_evaluated(revision);
        for reply in self.waiting.drain(..) {
            let _ = reply.send(());
        }
        if self.debounce_since.is_none() {
            let usual = self.configuration.resync;
            let next = if is_settling {
                SETTLING
            } else {
                recheck.map_or(usual, |recheck| recheck.min(usual))
            };
            self.due = Instant::now() + next;
        }
    }

    /// The job events of a unit, once it is known what the unit does. Events that may be newer than that wait
    /// for the next evaluation where the unit is up: it may have been stopped since.
    fn take_job_events(&mut self, target: &Target, phase: Phase) -> Vec<JobEvent> {
        if phase == Phase::Unknown {
            return Vec::new();
        }
        let (mine, rest): (VecDeque<_>, _) = std::mem::take(&mut self.job_events)
            .into_iter()
            .partition(|pending| {
                pending.role == target.role && (phase.is_ending() || !pending.is_late)
            });
        self.job_events = rest;
        mine.into_iter().map(|pending| pending.event).collect()
    }

    /// Applies job events to the persisted state of their unit.
    fn apply_job_events(
        &mut self,
        persisted: &mut PersistedState,
        events: Vec<JobEvent>,
        context: &StopContext<'_>,
    ) {
        let removed = |event: &JobEvent| match event {
            JobEvent::Removed { job, .. } => Some(job.clone()),
            JobEvent::New { .. } => None,
        };
        let ended: Vec<String> = events.iter().filter_map(removed).collect();
        persisted.apply_job_events(events, |job| self.own_jobs.contains(job), context);
        for job in ended {
            self.own_jobs.remove(&job);
        }
    }

    /// Reads the configuration. If it is invalid, the previous one stays in force.
    fn read_configuration(&mut self) {
        let trouble = match configuration::read(&self.root) {
            Ok(configuration) => {
                self.configuration = configuration;
                None
            }
            Err(error) => Some(format!(
                "{error}; the previous configuration stays in force"
            )),
        };
        self.notifier.set_trouble("configuration", trouble);
    }

    async fn unit(
        &mut self,
        target: &Target,
        result: &QueryResult,
        rival: bool,
        kernel: Override,
    ) -> Observation {
        let unit = target.role.unit();
        let offline = target.definition.as_ref();
        let definition = match (result, offline) {
            (QueryResult::Live(live), Some(offline)) => {
                Some(units::complete(&self.root, live, offline))
            }
            (_, offline) => offline.cloned(),
        };
        let enabled = definition
            .as_ref()
            .is_some_and(|unit| unit.enabled.at_boot());
        let is_loaded = |unit: &UnitDefinition| unit.load == Load::Loaded;
        let loadable = definition.as_ref().is_some_and(is_loaded);
        let mut examination = examine::assess_definition(&self.root, target, definition);
        if let QueryResult::Live(live) = result {
            examination.last_run = LastRun::of(live);
        }
        examine::exits::add(&self.root, &mut examination);
        let measured = examine::measure::measure(&self.root, &examination);
        let report = examination.report;
        let configuration = self.configuration.clone();
        let plan = plan::decide(&report, &configuration, kernel);
        let phase = phase(result);
        let known = self.persisted.remove(&target.role);
        let before = known.unwrap_or_else(|| self.state.read_persisted(unit));
        let mut persisted = before.clone();
        let events = self.take_job_events(target, phase);
        let matters = enabled || !events.is_empty() || !persisted.unclear.is_empty();
        let mut block = self.state.read_stamped_block(unit);
        let last = if phase.is_down() && (matters || block.is_some()) {
            let last = self.bus.last_start(unit, Instant::now()).await;
            // If the gate has ended since the file was read, the file is complete now.
            block = self.state.read_stamped_block(unit);
            last
        } else {
            None
        };
        if phase != Phase::Unknown {
            let context = StopContext {
                block: block.as_ref(),
                last,
                is_ending: phase.is_ending(),
            };
            self.apply_job_events(&mut persisted, events, &context);
        }
        let (restarts, entered, started) = starts(result);
        let input = StepInput {
            now: state::now(),
            report: &report,
            plan: &plan,
            measured: measured.as_ref(),
            configuration: &configuration,
            phase,
            restarts,
            entered,
            started,
            block: block.as_ref(),
            last,
            enabled,
            loadable,
            rival,
        };
        for action in monitor::step(&mut persisted, &input) {
            self.act(action, &input, &mut persisted).await;
        }
        self.resume_on_request(&input, &mut persisted).await;
        if persisted != before {
            self.notifier.flush().await;
            persist(&self.state, &mut self.notifier, unit, &persisted);
        }
        self.persisted.insert(target.role, persisted.clone());
        // A restart loop that the monitor ended counts as a block by the gate.
        let written = block.as_ref().map(|block| &block.value);
        let blocked = written.or(persisted.halted.as_ref());
        let blocked = blocked.filter(|_| phase.is_down());
        let would_start = !matches!(plan.decision, Decision::Block | Decision::StartUnchecked);
        let held = monitor::down_for(&persisted, &input)
            .filter(|_| would_start)
            .and_then(|block| monitor::hold(&persisted, &input, &block));
        let mut status = UnitStatus {
            phase,
            enabled,
            blocked_since: blocked.map(|block| block.since),
            held,
            ..UnitStatus::new(&report)
        };
        status.measured = measured.clone().unwrap_or_default();
        status.set_persisted(&persisted);
        let drift = monitor::drift(&report, &configuration);
        let line = if report.idle {
            String::new()
        } else {
            records::status_line(&status, blocked, &drift)
        };
        Observation {
            status,
            line,
            is_settling: monitor::is_settling(&persisted, &input),
            recheck: monitor::recheck(&persisted, &input).map(Duration::from_micros),
        }
    }

    async fn act(
        &mut self,
        action: MonitorAction,
        input: &StepInput<'_>,
        persisted: &mut PersistedState,
    ) {
        let unit = input.report.unit.as_str();
        match action {
            MonitorAction::Resume(block) => {
                let record = records::resumed(&block);
                self.log_before_acting(unit, vec![record], persisted).await;
                if let Err(error) = self.start(unit).await {
                    if is_passing(&error) {
                        persisted.revoke_resume();
                    }
                    self.notifier
                        .log(vec![records::not_started(&block, &error.to_string())]);
                }
                persisted.set_asked();
            }
            MonitorAction::Hold(block, hold) => {
                self.notifier.log(vec![records::held(&block, hold)]);
            }
            MonitorAction::Halt(_) => {
                let records = records::looping(input.report, input.plan, input.restarts, true);
                self.log_before_acting(unit, records, persisted).await;
                if let Err(error) = self.stop(unit).await {
                    persisted.revoke_halt();
                    self.notifier
                        .log(vec![records::not_stopped(unit, &error.to_string())]);
                }
            }
            MonitorAction::Loop => {
                let records = records::looping(input.report, input.plan, input.restarts, false);
                self.notifier.log(records);
            }
            MonitorAction::Drifted(new) => {
                self.collect_changes().await;
                let all = monitor::drift(input.report, input.configuration);
                let new: Vec<(&Finding, Option<String>)> = all
                    .iter()
                    .filter(|finding| new.contains(finding.id().as_str()))
                    .map(|finding| (*finding, self.blame(finding)))
                    .collect();
                let record = records::drifted(unit, input.phase, &new, &all);
                self.notifier.log(vec![record]);
            }
            MonitorAction::DriftResolved(checks) => {
                let checks: Vec<&str> = checks.iter().map(String::as_str).collect();
                self.notifier
                    .log(vec![records::drift_resolved(unit, input.phase, &checks)]);
            }
            MonitorAction::Exited(exits) => {
                let records = exits.iter().map(|exit| records::exited(unit, exit));
                self.notifier.log(records.collect());
            }
            MonitorAction::Conditions(changes) => {
                let is_new = |finding: &&Finding| changes.new.contains(&monitor::key(finding));
                let findings = input.report.problems().filter(is_new);
                let mut records: Vec<Record> = findings
                    .map(|finding| conditions::appeared(unit, finding))
                    .collect();
                let over = changes.over.iter();
                records.extend(over.map(|what| conditions::over(unit, what)));
                let time_sync = changes.time_sync;
                records.extend(time_sync.map(|has| conditions::time_sync(unit, has)));
                self.notifier.log(records);
            }
            MonitorAction::Expiring(expiring) => {
                let records = conditions::expiring(unit, input.now / 1_000_000, &expiring);
                self.notifier.log(records);
            }
            MonitorAction::ForgetBlock => {
                let forgotten = self.state.forget_block(unit);
                self.notifier
                    .set_trouble("state", forgotten.err().map(|error| error.to_string()));
            }
        }
    }

    /// Logs and persists what systemd is asked to do next. If the monitor is killed after that, the restarted
    /// monitor repeats the action instead of losing it.
    async fn log_before_acting(
        &mut self,
        unit: &str,
        records: Vec<Record>,
        persisted: &PersistedState,
    ) {
        // Without a bus the action fails, and that is logged instead.
        if self.bus.connection().is_some() {
            self.notifier.log(records);
            self.notifier.flush().await;
            persist(&self.state, &mut self.notifier, unit, persisted);
        }
    }

    /// Collects what the kernel has reported during this evaluation, which shows how a change was made.
    async fn collect_changes(&mut self) {
        const MOMENT: Duration = Duration::from_millis(2);
        /// Further events wait for the next evaluation.
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
            self.schedule();
        }
    }

    fn blame(&self, finding: &Finding) -> Option<String> {
        let path = proc_sys(finding.subject());
        let detected_by = if self.changed.contains(std::path::Path::new(&path)) {
            DetectedBy::Notification
        } else {
            DetectedBy::Evaluation
        };
        blame::of(&self.root, finding, detected_by)
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
                self.own_jobs.insert(job);
                Ok(())
            }
            Err(error) => {
                self.bus.record_error(&error, Instant::now());
                Err(error)
            }
        }
    }

    /// Answers D-Bus requests to start this unit.
    async fn resume_on_request(&mut self, input: &StepInput<'_>, persisted: &mut PersistedState) {
        let unit = input.report.unit.as_str();
        let (mine, rest) = std::mem::take(&mut self.resumes)
            .into_iter()
            .partition(|(requested, _)| requested == unit);
        self.resumes = rest;
        let mine: Vec<_> = mine;
        if mine.is_empty() {
            return;
        }
        let answer = match (&input.plan.decision, input.phase.is_down()) {
            (_, false) => Ok(()),
            (Decision::Block, true) => Err(refusal(unit, input.plan)),
            (_, true) => {
                persisted.clear_manual_stop();
                persisted.resumes = persisted.resumes.saturating_add(1);
                self.start(unit).await.map_err(|error| error.to_string())
            }
        };
        for (_, reply) in mine {
            let _ = reply.send(answer.clone());
        }
    }

    /// Publishes the result of an evaluation: metrics, D-Bus, and the text for `systemctl status`.
    async fn report(&mut self, observations: Vec<Observation>) {
        let mut lines = Vec::new();
        let mut units = Vec::new();
        for observation in observations {
            if !observation.line.is_empty() {
                lines.push(observation.line);
            }
            units.push(observation.status);
        }
        let evaluated = state::now();
        self.write_metrics(&units, evaluated);
        self.publish(units, evaluated).await;
        self.notifier.set_trouble("D-Bus", self.bus.trouble.clone());
        self.notifier
            .set_trouble("D-Bus name", self.bus.name_trouble.clone());
        self.notifier.set_status(if lines.is_empty() {
            "no RKE2 unit is installed".to_owned()
        } else {
            lines.join("; ")
        });
    }

    async fn publish(&mut self, units: Vec<UnitStatus>, evaluated: u64) {
        let status = NodeStatus {
            schema: monitor::status::SCHEMA.to_owned(),
            monitor: self.monitor_status(evaluated),
            units,
        };
        let Some(connection) = self.bus.connection().cloned() else {
            self.shared.replace(status);
            return;
        };
        if let Err(error) = service::publish(&connection, &self.shared, status).await {
            let reason = error.to_string();
            self.bus
                .record_error(&BusError::Other { reason }, Instant::now());
        }
        self.bus.request_name().await;
    }

    fn monitor_status(&self, evaluated: u64) -> MonitorStatus {
        let mode = match self.configuration.mode {
            Mode::Enforce => "enforce",
            Mode::Report => "report",
        };
        MonitorStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            evaluated,
            mode: mode.to_owned(),
            resume: self.configuration.resume,
            troubles: self.notifier.troubles(),
        }
    }

    /// Writes the metrics file if something has changed or the file is old.
    fn write_metrics(&mut self, units: &[UnitStatus], evaluated: u64) {
        let Some(directory) = &self.configuration.textfile else {
            self.notifier.set_trouble("metrics", None);
            return;
        };
        let mut snapshot = Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            rules: crate::rke2::releases::newest().to_string(),
            evaluated: 0,
            units,
        };
        let timeless = metrics::render(&snapshot);
        // A clock that was set back also leaves a large difference.
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
        self.notifier.set_trouble("metrics", trouble);
    }
}

/// `NRestarts`, when the unit last became active, and when its program was last started.
fn starts(result: &QueryResult) -> (u32, u64, u64) {
    match result {
        QueryResult::Live(live) => (live.restarts, live.entered_active, live.main_started_at),
        QueryResult::NotFound | QueryResult::Unavailable => (0, 0, 0),
    }
}

fn phase(result: &QueryResult) -> Phase {
    match result {
        QueryResult::Live(live) => Phase::of(live),
        QueryResult::NotFound => Phase::Down,
        QueryResult::Unavailable => Phase::Unknown,
    }
}

fn is_up(phase: Phase) -> bool {
    !phase.is_down() && phase != Phase::Unknown
}

/// Whether the same call may succeed later.
fn is_passing(error: &BusError) -> bool {
    matches!(
        error,
        BusError::NoBus { .. }
            | BusError::NoSystemd { .. }
            | BusError::Disconnected { .. }
            | BusError::TimedOut { .. }
    )
}

fn refusal(unit: &str, plan: &GatePlan<'_>) -> String {
    let summaries: Vec<&str> = plan.reasons.iter().map(|f| f.summary()).collect();
    format!(
        "{unit} would refuse to run: {}",
        crate::text::printable(&summaries.join("; "))
    )
}
