//! The monitor's records for the journal: what it did, and what became of a unit while it ran.

use super::journal::{dash, record, subjects, summary_fields};
use crate::assessment::UnitReport;
use crate::finding::{Finding, Outcome};
use crate::gate::block::{Block, Reason};
use crate::gate::plan::GatePlan;
use crate::journal::{Priority, Record, SummaryFields, id};
use crate::monitor::{Hold, Phase};
use crate::text::{count, printable};

/// Our own unit.
pub(crate) const UNIT: &str = "preflight-rke2.service";

/// A drifted finding, and who made it so, where that can be known.
pub(crate) type Drift<'a> = (&'a Finding, Option<String>);

fn of_block(reasons: &[Reason]) -> String {
    subjects(reasons.iter().map(|reason| reason.subject.as_str()))
}

fn summary(message_id: &'static str, priority: Priority, unit: &str, message: String) -> Record {
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
        // See `down_for`: a start that came to nothing though no gate decided so.
        [] => format!(
            "{unit} is being started: a start of it came to nothing, nobody stopped it, and nothing on \
             this host keeps it down"
        ),
        reasons => format!(
            "{unit} is being started: what kept it down is put right ({})",
            of_block(reasons)
        ),
    };
    with_reasons(summary(id::RESUMED, Priority::Notice, unit, message), block)
}

/// systemd would not be told to.
pub(crate) fn not_started(block: &Block, error: &str) -> Record {
    let unit = &block.unit;
    let message = format!(
        "{unit} would run now, and could not be started: {}. Start it: systemctl start {unit}",
        printable(error)
    );
    with_reasons(summary(id::HELD, Priority::Warning, unit, message), block)
}

/// Why a unit that would run is not started by itself, in half a sentence.
pub(crate) const fn why(hold: Hold) -> &'static str {
    match hold {
        Hold::ResumeOff => "the configuration says resume = false",
        Hold::Stopped => "it was stopped by hand while it was blocked",
        Hold::Disabled => "it was disabled while it was blocked",
        Hold::NotLoadable => "it is masked, or its unit file is gone",
        Hold::Rival => "the other RKE2 unit of this node is up",
        Hold::SameCause => "it was started for these reasons before, and did not come to run",
    }
}

/// The host is right, and the unit is not started.
pub(crate) fn held(block: &Block, hold: Hold) -> Record {
    let unit = &block.unit;
    let priority = match hold {
        Hold::SameCause | Hold::NotLoadable => Priority::Warning,
        _ => Priority::Notice,
    };
    let message = format!(
        "{unit} would run now, and is not started by itself: {}. To start it: systemctl start {unit}",
        why(hold)
    );
    with_reasons(summary(id::HELD, priority, unit, message), block)
}

/// A unit that failed again and again and cannot but fail, and is stopped (`halted`) or not.
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
    let times = format!("it was restarted {restarts} times and cannot run on this host, {why}");
    let message = if halted {
        format!(
            "{unit} is stopped: {times}. It is started again once that is right; `preflight-rke2 \
             fix` tells how. To let it try all the same: mode = \"report\" in \
             /etc/preflight-rke2/config.toml"
        )
    } else {
        format!("{unit} fails again and again: {times}. It is left alone, as the settings say")
    };
    let mut last = summary(id::LOOP, priority, unit, message);
    last.summary = Some(summary_fields(&plan.reasons));
    records.push(last);
    records
}

/// systemd would not be told to stop it.
pub(crate) fn not_stopped(unit: &str, error: &str) -> Record {
    let message = format!("{unit} could not be stopped: {}", printable(error));
    summary(id::MONITOR, Priority::Warning, unit, message)
}

/// The unit runs, and would not start again: `new` since it was last told, `all` there is.
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

/// The unit would start again; `subjects` were not as they should be.
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

/// Something the monitor cannot do, or can again.
pub(crate) fn about_monitor(priority: Priority, message: &str) -> Record {
    summary(id::MONITOR, priority, UNIT, printable(message))
}

/// What `systemctl status preflight-rke2` shows of a unit: its name and a few words.
pub(crate) fn status_line(
    report: &UnitReport,
    phase: Phase,
    block: Option<&Block>,
    drift: &[&Finding],
) -> String {
    let unit = report.unit.trim_end_matches(".service");
    let reasons = |findings: &mut dyn Iterator<Item = &str>| {
        let all: Vec<&str> = findings.collect();
        format!(
            "{} ({})",
            count(all.len(), "reason"),
            subjects(all.into_iter())
        )
    };
    let of_drift = || reasons(&mut drift.iter().map(|f| f.subject()));
    match (phase, block) {
        (Phase::Down | Phase::Stranded, Some(block)) => format!(
            "{unit} is blocked: {}",
            reasons(&mut block.reasons.iter().map(|r| r.subject.as_str()))
        ),
        (Phase::Running, _) if drift.is_empty() => format!("{unit} runs, would start again"),
        (Phase::Running, _) => format!("{unit} runs, would NOT start again: {}", of_drift()),
        (_, _) if drift.is_empty() => format!("{unit} is {}, would start", word(phase)),
        (_, _) => format!("{unit} is {}, would NOT start: {}", word(phase), of_drift()),
    }
}

/// A phase as a person says it.
pub(crate) const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Running => "running",
        Phase::Starting => "being started",
        Phase::Retrying => "between two tries",
        Phase::Stranded | Phase::Down => "down",
        Phase::Stopping => "being stopped",
        Phase::Unknown => "in a state that is not known",
    }
}
