//! `gate UNIT`: the start gate. It prints nothing where all checks pass. To block, it cancels the unit's start
//! job, and only that keeps the unit down: a gate that fails in any other way lets the job run.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use sd_notify::NotifyState;

use super::arguments::{Common, Gate};
use super::{Status, select, stderr};
use crate::assessment::{Examination, LastRun};
use crate::configuration::BlockOn;
use crate::examine::{self, OtherUnit, Target};
use crate::gate::block::Block;
use crate::gate::job_queue::{self, JobAction};
use crate::gate::plan::{self, Decision, GatePlan, Override};
use crate::host::state::{self, State};
use crate::host::systemd_bus::jobs::Access;
use crate::host::systemd_bus::{BusError, PendingQuery};
use crate::host::{self, HostRoot, journal};
use crate::journal::{Priority, Record};
use crate::report::journal::{failure, records};

/// How long a decision to block waits for the journal to accept its reasons.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// The time between two queries of the jobs that the gate waits for.
const POLL: Duration = Duration::from_millis(100);
/// The extension of the gate's `TimeoutStartSec=` with each query of the jobs that it waits for, in
/// microseconds. RKE2 waits for the same jobs.
const EXTENSION: u32 = 20_000_000;
/// Start jobs that may be queued again while one is canceled.
const MOST_JOBS: u32 = 5;

pub(super) fn run(common: &Common, gate: &Gate) -> Status {
    let unit = gate.unit.unit();
    let Some(root) = select::root(common) else {
        return Status::Failed;
    };
    let kernel = match root.read("/proc/cmdline") {
        Ok(line) => plan::kernel_override(&line),
        Err(error) if error.is_absent() => Override::None,
        // `preflight_rke2=off` may be in there.
        Err(error) => {
            log(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    if kernel == Override::Off {
        return Status::Good;
    }
    let mut asking = examine::ask_systemd(&root, gate.unit);
    let configuration = match host::configuration::read(&root) {
        Ok(configuration) => configuration,
        Err(error) => {
            log(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    let mut systemd = Systemd {
        jobs: Access::default(),
        unit,
        gate: format!("preflight-rke2-gate@{unit}"),
    };
    let mut settled = false;
    // A port that something else holds can pass: it blocks only where that is configured.
    let mut sockets = configuration.block_on.contains(&BlockOn::Transient);
    loop {
        let examination = examination(&root, common, gate, asking.take(), sockets);
        if !sockets && fails(examination.last_run) {
            // It may be the reason. A moment more or less does not matter any longer.
            sockets = true;
            asking = examine::ask_systemd(&root, gate.unit);
            continue;
        }
        let plan = plan::decide(&examination.report, &configuration, kernel);
        if plan.decision == Decision::Block && root.is_live() {
            let next = if settled {
                block(&root, &mut systemd, &examination, &plan)
            } else {
                settle(&root, &mut systemd, &plan)
            };
            match next {
                Next::End(status) => return status,
                Next::Again => {
                    // The host is read again after the last of these jobs.
                    settled = !settled;
                    if systemd.jobs.has_bus() {
                        asking = examine::ask_systemd(&root, gate.unit);
                    }
                    continue;
                }
            }
        }
        if root.is_live() {
            // A failure to write changes no decision.
            let _ = State::default().forget_block(unit);
        }
        log(&root, records(unit, &plan));
        let status = match plan.decision {
            Decision::Block => Status::Refused,
            Decision::StartUnchecked => Status::Failed,
            Decision::Start | Decision::StartAnyway { .. } => Status::Good,
        };
        // The process ends: freeing its memory would cost one instruction in twenty.
        std::mem::forget(plan);
        std::mem::forget(examination);
        return status;
    }
}

fn examination(
    root: &HostRoot,
    common: &Common,
    gate: &Gate,
    asking: Option<PendingQuery>,
    sockets: bool,
) -> Examination {
    examine::assess_asking(
        root,
        &Target {
            role: gate.unit,
            definition: examine::installed_unit(root, gate.unit),
            version: common.rke2_version.clone(),
            // Not a matter of this start.
            other: OtherUnit::Irrelevant,
            advise: false,
            advise_on_node: false,
            sockets,
        },
        asking,
    )
}

/// Whether systemd starts the unit again because RKE2 ended by itself.
const fn fails(last_run: LastRun) -> bool {
    matches!(last_run, LastRun::Known { restarts: 1.., .. })
}

/// What follows a step towards blocking.
enum Next {
    /// The gate exits with this status.
    End(Status),
    /// The host is to be evaluated again.
    Again,
}

/// Waits until every unit that RKE2 starts after has run, because such a unit may fix the host. RKE2's own
/// start job waits for the same units, so that nothing is delayed.
fn settle(root: &HostRoot, systemd: &mut Systemd<'_>, plan: &GatePlan<'_>) -> Next {
    let unit = systemd.unit;
    let mut logged = false;
    loop {
        let step = match systemd.next_action() {
            Ok(step) => step,
            Err(error) => return Next::End(not_blocked(root, unit, plan, &error.to_string())),
        };
        match step {
            JobAction::Cancel(_) | JobAction::Stop => return Next::Again,
            JobAction::Wait(units) => {
                if !logged {
                    stderr::line(&format!(
                        "{unit} would refuse to run; waiting for {}, which may change that",
                        units.join(", ")
                    ));
                    logged = true;
                }
                // Fails where systemd did not start this process.
                let _ = sd_notify::notify(&[NotifyState::ExtendTimeoutUsec(EXTENSION)]);
                std::thread::sleep(POLL);
            }
            JobAction::Late(units) => {
                let why = format!(
                    "{} runs after this check and before {unit}, and may change what was found",
                    units.join(", ")
                );
                return Next::End(not_blocked(root, unit, plan, &why));
            }
            JobAction::Nothing => {
                stderr::line(&format!(
                    "{unit} has no pending start job, so there is nothing to block; it would refuse to \
                     run: see `preflight-rke2 check --unit {unit}`"
                ));
                return Next::End(Status::Refused);
            }
        }
    }
}

/// Blocks the unit: writes the block file, logs the reasons, cancels the start job.
fn block(
    root: &HostRoot,
    systemd: &mut Systemd<'_>,
    examination: &Examination,
    plan: &GatePlan<'_>,
) -> Next {
    let unit = systemd.unit;
    let first = match systemd.next_action() {
        Ok(action @ (JobAction::Cancel(_) | JobAction::Stop)) => action,
        Ok(_) => return Next::Again,
        Err(error) => return Next::End(not_blocked(root, unit, plan, &error.to_string())),
    };
    let state = State::default();
    let definition = examination.definition.as_ref();
    let enabled = definition.is_some_and(|unit| unit.enabled.at_boot());
    let mut note = Block::new(unit, state::now(), enabled, &plan.reasons);
    if first == JobAction::Stop {
        note.stop_job = Some(String::new());
    }
    // A failure to write changes no decision, here and below.
    let _ = state.write_block(&note);
    // The reasons come first: `systemctl start` returns when the job is gone, and its user reads the journal then.
    log(root, records(unit, plan));
    let canceled = systemd.cancel(|job| {
        note.stop_job = Some(job);
        let _ = state.write_block(&note);
    });
    match canceled {
        Ok(true) => Next::End(Status::Refused),
        Ok(false) => Next::Again,
        Err(error) => {
            let _ = state.forget_block(unit);
            Next::End(not_blocked(root, unit, plan, &error.to_string()))
        }
    }
}

/// The jobs of one unit and its gate in systemd's queue.
struct Systemd<'a> {
    jobs: Access,
    unit: &'a str,
    gate: String,
}

impl Systemd<'_> {
    /// The next action, from the present queue.
    fn next_action(&mut self) -> Result<JobAction, BusError> {
        let queue = self.jobs.queue(self.unit, &self.gate)?;
        Ok(job_queue::next_action(
            self.unit,
            &self.gate,
            &queue.state,
            &queue.jobs,
            &queue.after,
        ))
    }

    /// Cancels every start job of the unit: another `systemctl start` may queue one meanwhile. Returns false
    /// where a unit that RKE2 starts after was queued with it, so that the host has to be evaluated again.
    fn cancel(&mut self, mut stopped_by: impl FnMut(String)) -> Result<bool, BusError> {
        for _ in 0..MOST_JOBS {
            match self.next_action()? {
                JobAction::Cancel(id) => match self.jobs.cancel(id) {
                    Ok(()) | Err(BusError::NoSuchJob { .. }) => {}
                    Err(error) => return Err(error),
                },
                JobAction::Stop => {
                    if let Some(job) = self.jobs.stop(self.unit)? {
                        stopped_by(job);
                    }
                }
                JobAction::Nothing => return Ok(true),
                JobAction::Wait(_) | JobAction::Late(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// Logs that the unit starts although it would be refused, because it cannot be blocked.
fn not_blocked(root: &HostRoot, unit: &str, plan: &GatePlan<'_>, why: &str) -> Status {
    let mut all = records(unit, plan);
    // The summary says that the unit is not started.
    all.retain(|record| record.finding.is_some());
    for record in &mut all {
        record.priority = Priority::Warning;
    }
    all.push(failure(unit, why));
    log(root, all);
    Status::Failed
}

/// Sends records, and waits for a stalled journal only for a bounded time: the decision does not depend on
/// whether it can be logged.
#[expect(
    clippy::disallowed_methods,
    reason = "a stalled journal blocks its sender"
)]
fn log(root: &HostRoot, records: Vec<Record>) {
    if records.is_empty() {
        return;
    }
    // The findings of an image do not belong in this machine's journal.
    if !root.is_live() {
        for record in &records {
            stderr::line(&record.message);
        }
        return;
    }
    let records = Arc::new(records);
    let (done, wait) = mpsc::channel();
    let theirs = Arc::clone(&records);
    let sent = std::thread::Builder::new().spawn(move || {
        journal::send(&theirs);
        let _ = done.send(());
    });
    if sent.is_ok() {
        let _ = wait.recv_timeout(LOG_PATIENCE);
    } else {
        // Without a thread the reasons are logged all the same, and systemd limits the time.
        journal::send(&records);
    }
}
