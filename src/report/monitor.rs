//! The monitor's records for the journal: what it did, and whether a running unit would start again.

use super::journal::{dash, record, subjects, summary_fields};
use crate::assessment::UnitReport;
use crate::evaluate::exits;
use crate::facts::ComponentExit;
use crate::finding::{Finding, Outcome};
use crate::gate::block::{Block, Reason};
use crate::gate::plan::GatePlan;
use crate::journal::{Priority, Record, SummaryFields, id};
use crate::monitor::{Hold, Phase, UnitStatus};
use crate::text::{count, printable};

/// The monitor's unit.
pub(crate) const UNIT: &str = "preflight-rke2.service";

/// A finding for which a unit has drifted, and the cause of the change where it is known.
pub(crate) type Drift<'a> = (&'a Finding, Option<String>);

fn of_block(reasons: &[Reason]) -> String {
    subjects(reasons.iter().map(|reason| reason.subject.as_str()))
}

pub(super) fn summary(
    message_id: &'static str,
    priority: Priority,
    unit: &str,
    message: String,
) -> Record {
    Record {
        message_id,
        priority,
        message,
        unit: unit.to_owned(),
        finding: None,
        summary: Some(SummaryFields {
            reasons: "-".to_owned(),
            remedy: "-".to_owned(),
            changed_by: "-".to_owned(),
        }),
    }
}

fn with_reasons(mut record: Record, block: &Block) -> Record {
    let reasons: Vec<String> = block
        .reasons
        .iter()
        .map(|r| printable(&r.summary))
        .collect();
    if let Some(fields) = &mut record.summary {
        fields.reasons = dash(reasons.join("\n"));
    }
    record
}

/// The unit is being started.
pub(crate) fn resumed(block: &Block) -> Record {
    let unit = &block.unit;
    let message = match block.reasons.as_slice() {
        // A start that failed although the gate has not blocked it: see `left_down`.
        [] => format!(
            "{unit} is being started: a requested start of it was not carried out, it was not stopped \
             manually, and nothing on this host blocks it"
        ),
        reasons => format!(
            "{unit} is being started: what blocked it is fixed ({})",
            of_block(reasons)
        ),
    };
    with_reasons(summary(id::RESUMED, Priority::Notice, unit, message), block)
}

/// systemd could not be asked to start the unit, or refused.
pub(crate) fn not_started(block: &Block, error: &str) -> Record {
    let unit = &block.unit;
    let message = format!(
        "{unit} would start now, but could not be started: {}. To start it: systemctl start {unit}",
        printable(error)
    );
    with_reasons(summary(id::HELD, Priority::Warning, unit, message), block)
}

/// Why a unit that would start is not started automatically, in half a sentence.
pub(crate) const fn reason_text(hold: Hold) -> &'static str {
    match hold {
        Hold::ResumeOff => "the configuration sets resume = false",
        Hold::Stopped => "it was stopped manually while it was blocked",
        Hold::Disabled => "it was disabled while it was blocked",
        Hold::NotLoadable => "it is masked, or its unit file is gone",
        Hold::Rival => "the other RKE2 unit of this node is up",
        Hold::SameCause => "it was already started after these reasons were fixed, and did not run",
        Hold::Other => "for a reason that this version does not know",
    }
}

/// The unit would start, and is not started automatically.
pub(crate) fn held(block: &Block, hold: Hold) -> Record {
    let unit = &block.unit;
    let priority = match hold {
        Hold::SameCause | Hold::NotLoadable => Priority::Warning,
        _ => Priority::Notice,
    };
    let message = format!(
        "{unit} would start now, but is not started automatically: {}. To start it: systemctl start {unit}",
        reason_text(hold)
    );
    with_reasons(summary(id::HELD, priority, unit, message), block)
}

/// A unit that failed repeatedly and would be refused at every start, and is stopped (`halted`) or not.
pub(crate) fn looping(
    report: &UnitReport,
    plan: &GatePlan<'_>,
    restarts: u32,
    halted: bool,
) -> Vec<Record> {
    let unit = &report.unit;
    let priority = if halted {
        Priority::Error
    } else {
        Priority::Warning
    };
    let mut records: Vec<Record> = plan
        .reasons
        .iter()
        .map(|finding| record(unit, finding, id::FINDING, priority))
        .collect();
    let why = format!(
        "{} above ({})",
        count(plan.reasons.len(), "reason"),
        subjects(plan.reasons.iter().map(|finding| finding.subject()))
    );
    let times =
        format!("it was restarted {restarts} times and would refuse to run on this host, {why}");
    let message = if halted {
        format!(
            "{unit} is stopped: {times}. It starts automatically once this is fixed; run `preflight-rke2 \
             fix` for the fixes. To start it anyway: mode = \"report\" in \
             /etc/preflight-rke2/config.toml"
        )
    } else {
        format!("{unit} fails repeatedly: {times}. It is not stopped, as configured")
    };
    let mut last = summary(id::LOOP, priority, unit, message);
    last.summary = Some(summary_fields(&plan.reasons));
    records.push(last);
    records
}

/// systemd could not be asked to stop the unit, or refused.
pub(crate) fn not_stopped(unit: &str, error: &str) -> Record {
    let message = format!("{unit} could not be stopped: {}", printable(error));
    summary(id::MONITOR, Priority::Warning, unit, message)
}

/// The unit runs, and would not start again. `new` are the findings since the last such record.
pub(crate) fn drifted(unit: &str, phase: Phase, new: &[Drift<'_>], all: &[&Finding]) -> Record {
    let now = all.iter().any(|finding| finding.now() == Outcome::Violated);
    let what = match (phase, now) {
        (Phase::Running, true) => "runs, and would not start again",
        (Phase::Running, false) => "runs, and would not start again after a reboot",
        (_, true) => "would not start",
        (_, false) => "would not start after a reboot",
    };
    let reasons = match (new, all.len()) {
        ([one], 1) => with_cause(one),
        _ => format!(
            "{} ({}); new: {}",
            count(all.len(), "reason"),
            subjects(all.iter().map(|finding| finding.subject())),
            new.iter().map(with_cause).collect::<Vec<_>>().join("; ")
        ),
    };
    let mut record = summary(
        id::DRIFTED,
        Priority::Warning,
        unit,
        format!("{unit} {what}: {reasons}"),
    );
    let causes: Vec<String> = new
        .iter()
        .filter_map(|(finding, by)| Some(format!("{}: {}", finding.subject(), by.as_ref()?)))
        .map(|line| printable(&line))
        .collect();
    record.summary = Some(SummaryFields {
        changed_by: dash(causes.join("\n")),
        ..summary_fields(all)
    });
    record
}

/// What was found, and the cause of the change where it is known.
fn with_cause((finding, changed_by): &Drift<'_>) -> String {
    let summary = printable(finding.summary());
    match changed_by {
        Some(changed_by) => format!("{summary} ({})", printable(changed_by)),
        None => summary,
    }
}

/// The unit would start again: these checks had failed.
pub(crate) fn drift_resolved(unit: &str, phase: Phase, checks: &[&str]) -> Record {
    let again = if phase == Phase::Running {
        "would start again"
    } else {
        "would start"
    };
    let message = format!(
        "{unit} {again}, now and after a reboot ({})",
        checks.join(", ")
    );
    summary(id::DRIFT_RESOLVED, Priority::Notice, unit, message)
}

/// A component that RKE2 runs exited, and is started again and again.
pub(crate) fn exited(unit: &str, exit: &ComponentExit) -> Record {
    // RKE2 itself logs only that the kubelet exited, at this priority.
    let priority = match exit.restarts {
        None => Priority::Error,
        Some(_) => Priority::Warning,
    };
    let mut record = record(unit, &exits::finding(exit), id::EXITED, priority);
    record.message = format!("{} ({})", record.message, printable(&exit.path));
    record
}

/// What does not work in the monitor, or works again.
pub(crate) fn about_monitor(priority: Priority, message: &str) -> Record {
    summary(id::MONITOR, priority, UNIT, printable(message))
}

/// A unit in the text that `systemctl status preflight-rke2` shows. `drift` is what it would not start for.
pub(crate) fn status_line(
    status: &UnitStatus,
    block: Option<&Block>,
    drift: &[&Finding],
) -> String {
    let unit = status.unit.trim_end_matches(".service");
    let phase = phase_text(status.phase);
    if let Some(block) = block {
        let subjects = block.reasons.iter().map(|reason| reason.subject.as_str());
        return format!("{unit} is blocked: {}", reasons(subjects));
    }
    let of_drift = || reasons(drift.iter().map(|finding| finding.subject()));
    match (status.is_running(), drift.is_empty()) {
        (true, true) => format!("{unit} runs, would start again"),
        (true, false) => format!("{unit} runs, would NOT start again: {}", of_drift()),
        (false, true) => format!("{unit} is {phase}, would start"),
        (false, false) => format!("{unit} is {phase}, would NOT start: {}", of_drift()),
    }
}

/// The number of reasons, and what they are about.
fn reasons<'a>(of: impl ExactSizeIterator<Item = &'a str>) -> String {
    let number = count(of.len(), "reason");
    format!("{number} ({})", subjects(of))
}

/// A phase in a sentence: "is ...".
pub(crate) const fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Starting => "starting",
        Phase::Retrying => "waiting to be restarted",
        Phase::Stranded | Phase::Down => "down",
        Phase::Stopping => "stopping",
        Phase::Unknown => "in an unknown state",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_logged_for_the_unit_with_its_log() {
        let exit = |restarts| ComponentExit {
            component: "kubelet".to_owned(),
            reason: "unknown flag: --x\u{1b}".to_owned(),
            at: 61_000_000,
            restarts,
            path: "/k.log".to_owned(),
            is_retried: true,
        };
        let kubelet = exited("rke2-server.service", &exit(None));
        assert_eq!(
            kubelet.message,
            "the kubelet exited at 1970-01-01T00:01:01Z: unknown flag: --x\\u{1b} (/k.log)"
        );
        assert_eq!(kubelet.unit, "rke2-server.service");
        assert_eq!(kubelet.message_id, id::EXITED);
        assert_eq!(kubelet.priority, Priority::Error);
        let fields = kubelet.finding.unwrap();
        assert_eq!(fields.actual, "unknown flag: --x\\u{1b}");
        assert_eq!(
            (fields.file.as_str(), fields.line.as_str()),
            ("/k.log", "-")
        );
        let pod = exited("rke2-server.service", &exit(Some(2)));
        assert_eq!(pod.priority, Priority::Warning);
    }
}
