//! `gate UNIT`: the start gate. Says nothing where all is well; whatever goes wrong with itself, it
//! lets RKE2 start.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::arguments::{Common, Gate};
use super::{Status, complain, select};
use crate::examine::{self, Examination, Other, Question};
use crate::gate::block::Block;
use crate::gate::plan::{self, Decision, Override, Plan};
use crate::host::state::{self, State};
use crate::host::{self, HostRoot, journal};
use crate::report::journal::{Record, failure, records};

/// Seconds after which the kernel ends this process by SIGALRM, which the gate's unit counts as
/// success: a gate that hangs must not hold RKE2.
const DEADLINE: u32 = 20;
/// How long a decision to block waits for the journal to take its reasons.
const LOG_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(common: &Common, gate: &Gate) -> Status {
    nix::unistd::alarm::set(DEADLINE);
    let unit = gate.unit.unit();
    let Some(root) = select::root(common) else {
        return Status::Failed;
    };
    let asked = match root.read("/proc/cmdline") {
        Ok(line) => plan::kernel_override(&line),
        Err(error) if error.is_absent() => Override::None,
        // Whoever is not to be kept from starting may be named there.
        Err(error) => {
            say(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    if asked == Override::Off {
        return Status::Good;
    }
    let asking = examine::ask(&root, gate.unit);
    let configuration = match host::configuration::read(&root) {
        Ok(configuration) => configuration,
        Err(error) => {
            say(&root, vec![failure(unit, &error.to_string())]);
            return Status::Failed;
        }
    };
    let examination = examine::asked(
        &root,
        &Question {
            role: gate.unit,
            definition: examine::installed_unit(&root, gate.unit),
            version: common.rke2_version.clone(),
            // Not a matter of this start.
            other: Other::Irrelevant,
            advise: false,
        },
        asking,
    );
    let plan = plan::decide(&examination.report, &configuration, asked);
    remember(&root, &examination, &plan);
    say(&root, records(unit, &plan));
    match plan.decision {
        Decision::Block => Status::Refused,
        Decision::StartUnchecked => Status::Failed,
        Decision::Start | Decision::StartAnyway { .. } => Status::Good,
    }
}

/// Leaves word for the monitor, which starts the unit once it would run. That nothing can be written
/// changes no decision.
fn remember(root: &HostRoot, examination: &Examination, plan: &Plan<'_>) {
    if !root.is_live() {
        return;
    }
    let unit = &examination.report.unit;
    let state = State::default();
    let _ = match plan.decision {
        Decision::Block => {
            let definition = examination.definition.as_ref();
            let enabled = definition.is_some_and(|unit| unit.enabled.at_boot());
            state.write_block(&Block::new(unit, state::now(), enabled, &plan.reasons))
        }
        _ => state.forget_block(unit),
    };
}

/// Sends records, and waits for a stalled journal no longer than it is worth: the decision stands
/// whether it can be told or not.
fn say(root: &HostRoot, records: Vec<Record>) {
    if records.is_empty() {
        return;
    }
    // What is found in an image is no matter of this machine's journal.
    if !root.is_live() {
        for record in &records {
            complain::line(&record.message);
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
        // No thread can be had: who is blocked is told why all the same, and the alarm bounds it.
        journal::send(&records);
    }
}
