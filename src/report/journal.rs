//! The report for the journal: one record per finding, a summary last.
//!
//! Names of fields, and the ids of the kinds of record, are public: `docs/reference.md` lists them,
//! `systemd/preflight-rke2.catalog` explains them to `journalctl -x`.

use std::collections::HashSet;

use crate::facts::Part;
use crate::finding::{Finding, Outcome, Remedy};
use crate::gate::plan::{Decision, GatePlan};
use crate::journal::{FindingFields, Priority, Record, SummaryFields, id};
use crate::text::{count, printable, visible};

/// The records of a plan for `unit`. None where all is well.
pub fn records(unit: &str, plan: &GatePlan<'_>) -> Vec<Record> {
    let mut records: Vec<Record> = plan
        .advice
        .iter()
        .map(|f| record(unit, f, id::ADVICE, Priority::Warning))
        .collect();
    let grave = match plan.decision {
        Decision::Block => Priority::Error,
        _ => Priority::Warning,
    };
    records.extend(
        plan.reasons
            .iter()
            .map(|f| record(unit, f, id::FINDING, grave)),
    );
    records.extend(summary(unit, plan));
    records
}

/// The record for an evaluation that could not be made at all.
pub(crate) fn failure(unit: &str, error: &str) -> Record {
    Record {
        message_id: id::ALLOWED_ON_ERROR,
        priority: Priority::Warning,
        message: format!("{unit} starts unchecked: {}", printable(error)),
        unit: unit.to_owned(),
        finding: None,
        summary: Some(SummaryFields {
            reasons: printable(error),
            remedy: "-".to_owned(),
            changed_by: "-".to_owned(),
        }),
    }
}

pub(super) fn record(
    unit: &str,
    finding: &Finding,
    message_id: &'static str,
    priority: Priority,
) -> Record {
    // What sets it is to blame; lines that do not count stand behind it.
    let sets = finding.evidence().iter().find(|e| e.part == Part::Sets);
    let place = sets.or(finding.evidence().last()).map(|e| &e.source);
    let next_boot = match (finding.next_boot(), sets) {
        (Some(text), Some(sets)) => format!(
            "; next boot: {} ({})",
            printable(text),
            printable(&sets.source.to_string())
        ),
        _ => String::new(),
    };
    let remedy = remedy_lines(finding).join("\n");
    let or_dash = |text: &str| {
        if text.is_empty() {
            "-".to_owned()
        } else {
            printable(text)
        }
    };
    let commands: Vec<String> = finding
        .remedies()
        .iter()
        .flat_map(Remedy::commands)
        .collect();
    let fix = match (commands.is_empty(), finding.remedies().first()) {
        (false, _) => format!("; fix: {}", visible(&commands.join(" && "))),
        (true, Some(remedy)) => format!("; fix: {}", printable(&remedy.summary())),
        (true, None) => String::new(),
    };
    Record {
        message_id,
        priority,
        message: format!("{}{next_boot}{fix}", printable(finding.summary())),
        unit: unit.to_owned(),
        finding: Some(FindingFields {
            check: finding.id(),
            effect: finding.effect(),
            subject: or_dash(finding.subject()),
            required: or_dash(finding.required().unwrap_or_default()),
            required_by: or_dash(&crate::evaluate::names(finding.required_by())),
            actual: or_dash(finding.actual().unwrap_or_default()),
            next_boot: or_dash(finding.next_boot().unwrap_or_default()),
            file: or_dash(&place.map(|p| p.path.clone()).unwrap_or_default()),
            line: place
                .and_then(|p| p.line)
                .map_or_else(|| "-".to_owned(), |line| line.to_string()),
            predicted: or_dash(
                &finding
                    .predictions()
                    .iter()
                    .min_by_key(|p| p.stage)
                    .map(|p| p.line.clone())
                    .unwrap_or_default(),
            ),
            remedy: if remedy.is_empty() {
                "-".to_owned()
            } else {
                remedy
            },
        }),
        summary: None,
    }
}

/// What to do about a finding, a line each.
fn remedy_lines(finding: &Finding) -> Vec<String> {
    finding
        .remedies()
        .iter()
        .flat_map(|remedy| {
            let commands = remedy.commands();
            if commands.is_empty() {
                vec![printable(&remedy.summary())]
            } else {
                commands.iter().map(|line| visible(line)).collect()
            }
        })
        .collect()
}

/// What the reasons are about, each once: `systemctl status` shows ten lines, and may have shown the
/// reasons in others.
pub(super) fn subjects<'a>(reasons: impl Iterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let subjects: Vec<&str> = reasons.filter(|subject| seen.insert(*subject)).collect();
    printable(&subjects.join(", "))
}

fn summary(unit: &str, plan: &GatePlan<'_>) -> Option<Record> {
    let reasons = format!(
        "{} above ({})",
        count(plan.reasons.len(), "reason"),
        subjects(plan.reasons.iter().map(|reason| reason.subject()))
    );
    let (message_id, priority, message) = match &plan.decision {
        Decision::Start => return None,
        Decision::Block if plan.reasons.is_empty() => (
            id::BLOCKED,
            Priority::Error,
            format!(
                "{unit} is not started: cannot determine whether it would start, and on-error = \
                 \"block\". To start it anyway: preflight_rke2=off on the kernel command line, or \
                 on-error = \"allow\" in /etc/preflight-rke2/config.toml"
            ),
        ),
        Decision::Block => (
            id::BLOCKED,
            Priority::Error,
            format!(
                "{unit} is not started: it would refuse to run, {reasons}. Run `preflight-rke2 \
                 fix` for the fixes, then `systemctl start {unit}`. To start it anyway: preflight_rke2=off on the \
                 kernel command line, or mode = \"report\" in /etc/preflight-rke2/config.toml"
            ),
        ),
        Decision::StartAnyway { because } => (
            id::ALLOWED_ANYWAY,
            Priority::Warning,
            format!("{unit} would refuse to run, {reasons}; it starts because {because}"),
        ),
        Decision::StartUnchecked => (
            id::ALLOWED_ON_ERROR,
            Priority::Warning,
            format!("{unit} starts unchecked: {}", unknown(&plan.advice)),
        ),
    };
    let told = if plan.reasons.is_empty() {
        &plan.advice
    } else {
        &plan.reasons
    };
    let fields = SummaryFields {
        remedy: remedies(&plan.reasons),
        ..summary_fields(told)
    };
    Some(Record {
        message_id,
        priority,
        message,
        unit: unit.to_owned(),
        finding: None,
        summary: Some(fields),
    })
}

/// What is not known, the first of it in words.
fn unknown(findings: &[&Finding]) -> String {
    let mut open = findings
        .iter()
        .filter(|finding| finding.now() == Outcome::Indeterminate);
    let Some(first) = open.next() else {
        return "what decides is not known".to_owned();
    };
    let more = match open.count() {
        0 => String::new(),
        more => format!(" ({more} more above)"),
    };
    format!("{}{more}", printable(first.summary()))
}

/// Text, or `-` where there is none.
pub(super) fn dash(text: String) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text
    }
}

/// The fields of a summary about these findings.
pub(super) fn summary_fields(findings: &[&Finding]) -> SummaryFields {
    let summaries: Vec<String> = findings.iter().map(|f| printable(f.summary())).collect();
    SummaryFields {
        reasons: dash(summaries.join("\n")),
        remedy: remedies(findings),
        changed_by: "-".to_owned(),
    }
}

/// What to do about all of them, each thing once.
fn remedies(findings: &[&Finding]) -> String {
    let mut seen = HashSet::new();
    let lines = findings.iter().flat_map(|finding| remedy_lines(finding));
    let lines: Vec<String> = lines.filter(|line| seen.insert(line.clone())).collect();
    dash(lines.join("\n"))
}
