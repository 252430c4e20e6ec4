//! `gate UNIT`: the start gate. It prints nothing where all is well. To block, it takes the start job of
//! the unit away from systemd, and that alone keeps the unit down: a gate that ends in any other way
//! releases the job.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use sd_notify::NotifyState;

use super::arguments::{Common, Gate};
use super::{Status, select, stderr};
use crate::assessment::Examination;
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

/// How long a decision to block waits for the journal to take its reasons.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
/// Time between two looks at the jobs that are waited for.
const POLL: Duration = Duration::from_millis(100);
/// How much longer than until now systemd is to let the gate run (`TimeoutStartSec=`), in microseconds,
/// each time that jobs are waited for: RKE2 waits for the same jobs.
const EXTENSION: u32 = 20_000_000;
/// Start jobs that may be queued anew while one is taken away.
const MOST_JOBS: u32 = 5;

pub(super) fn run(common: &Common, gate: &Gate) -> Status {
    let unit = gate.unit.unit();
    let Some(root) = select::root(common) else {
        return Status::Failed;
    };
    let asked = match root.read("/proc/cmdline") {
        Ok(line) => plan::kernel_override(&line),
        Err(error) if error.is_absent() => Override::None,
        // `preflight_rke2=off` may be in there.
        Err(error) => {
            say(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    if asked == Override::Off {
        return Status::Good;
    }
    let mut asking = examine::ask_systemd(&root, gate.unit);
    let configuration = match host::configuration::read(&root) {
        Ok(configuration) => configuration,
        Err(error) => {
            say(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    let mut systemd = Systemd {
        jobs: Access::default(),
        unit,
        gate: format!("preflight-rke2-gate@{unit}"),
    };
    let mut settled = false;
    loop {
        let examination = examination(&root, common, gate, asking.take());
        let plan = plan::decide(&examination.report, &configuration, asked);
        if plan.decision == Decision::Block && root.is_live() {
            let next = if settled {
                block(&root, &mut systemd, &examination, &plan)
            } else {
                settle(&root, &mut systemd, &plan)
            };
            match next {
                Next::End(status) => return status,
                Next::Again => {
                    // What was read before the last of these jobs ended does not count.
                    settled = !settled;
                    if systemd.jobs.has_bus() {
                        asking = examine::ask_systemd(&root, gate.unit);
                    }
                    continue;
                }
            }
        }
        if root.is_live() {
            // That nothing can be written changes no decision.
            let _ = State::default().forget_block(unit);
        }
        say(&root, records(unit, &plan));
        let status = match plan.decision {
            Decision::Block => Status::Refused,
            Decision::StartUnchecked => Status::Failed,
            Decision::Start | Decision::StartAnyway { .. } => Status::Good,
        };
        // The process ends: to give back piece by piece what it holds would cost one instruction in twenty.
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
        },
        asking,
    )
}

/// What comes after a step towards blocking.
enum Next {
    /// The gate ends so.
    End(Status),
    /// The host is to be evaluated again.
    Again,
}

/// Waits until every unit that RKE2 starts after has run: what such a unit changes is not to be held
/// against the host. RKE2's own start job waits for the same units, so that nothing is delayed.
fn settle(root: &HostRoot, systemd: &mut Systemd<'_>, plan: &GatePlan<'_>) -> Next {
    let unit = systemd.unit;
    let mut logged = false;
    loop {
        let step = match systemd.step() {
            Ok(step) => step,
            Err(error) => return Next::End(not_held(root, unit, plan, &error.to_string())),
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
                return Next::End(not_held(root, unit, plan, &why));
            }
            JobAction::Nothing => {
                stderr::line(&format!(
                    "{unit} has no start job that waits, so there is nothing to block; it would refuse \
                     to run: see `preflight-rke2 check --unit {unit}`"
                ));
                return Next::End(Status::Refused);
            }
        }
    }
}

/// Keeps the unit from starting: notes it for the monitor, logs the reasons, takes the start job away.
fn block(
    root: &HostRoot,
    systemd: &mut Systemd<'_>,
    examination: &Examination,
    plan: &GatePlan<'_>,
) -> Next {
    let unit = systemd.unit;
    let first = match systemd.step() {
        Ok(step @ (JobAction::Cancel(_) | JobAction::Stop)) => step,
        Ok(_) => return Next::Again,
        Err(error) => return Next::End(not_held(root, unit, plan, &error.to_string())),
    };
    let state = State::default();
    let definition = examination.definition.as_ref();
    let enabled = definition.is_some_and(|unit| unit.enabled.at_boot());
    let mut note = Block::new(unit, state::now(), enabled, &plan.reasons);
    if first == JobAction::Stop {
        note.stop_job = Some(String::new());
    }
    // That nothing can be written changes no decision, here and below.
    let _ = state.write_block(&note);
    // First the reasons: `systemctl start` returns when the job is gone, and its user looks at once.
    say(root, records(unit, plan));
    let taken = systemd.take(|job| {
        note.stop_job = Some(job);
        let _ = state.write_block(&note);
    });
    match taken {
        Ok(true) => Next::End(Status::Refused),
        Ok(false) => Next::Again,
        Err(error) => {
            let _ = state.forget_block(unit);
            Next::End(not_held(root, unit, plan, &error.to_string()))
        }
    }
}

/// systemd's job queue, as far as it concerns one unit and its gate.
struct Systemd<'a> {
    jobs: Access,
    unit: &'a str,
    gate: String,
}

impl Systemd<'_> {
    /// What the queue asks for now.
    fn step(&mut self) -> Result<JobAction, BusError> {
        let queue = self.jobs.queue(self.unit, &self.gate)?;
        Ok(job_queue::next_action(
            self.unit,
            &self.gate,
            &queue.state,
            &queue.jobs,
            &queue.after,
        ))
    }

    /// Takes every start job of the unit away: another `systemctl start` may queue one meanwhile. False
    /// where a unit that comes before RKE2 was queued with it, so that the host is to be evaluated again.
    fn take(&mut self, mut stopped_by: impl FnMut(String)) -> Result<bool, BusError> {
        for _ in 0..MOST_JOBS {
            match self.step()? {
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

/// Logs that the unit starts although it would be refused, because it cannot be held.
fn not_held(root: &HostRoot, unit: &str, plan: &GatePlan<'_>, why: &str) -> Status {
    let mut all = records(unit, plan);
    // The summary says that the unit is not started.
    all.retain(|record| record.finding.is_some());
    for record in &mut all {
        record.priority = Priority::Warning;
    }
    all.push(failure(unit, why));
    say(root, all);
    Status::Failed
}

/// Sends records, and waits for a stalled journal no longer than it is worth: the decision stands
/// whether it can be logged or not.
fn say(root: &HostRoot, records: Vec<Record>) {
    if records.is_empty() {
        return;
    }
    // What is found in an image is no matter of this machine's journal.
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
        // No thread can be had: the reasons are logged all the same, and systemd bounds the time.
        journal::send(&records);
    }
}
