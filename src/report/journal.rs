//! The report for the journal: one record per finding, a summary last.
//!
//! Names of fields, and the ids of the kinds of record, are public: `docs/reference.md` lists them,
//! `systemd/preflight-rke2.catalog` explains them to `journalctl -x`.

use std::collections::HashSet;

use crate::finding::{Effect, Finding, Outcome, Part};
use crate::gate::plan::{Decision, Plan};
use crate::text::{count, printable};

/// Kinds of record, by their `MESSAGE_ID`.
pub mod id {
    /// One reason.
    pub const FINDING: &str = "130218ea33e04235a4cb6d3bc7aaa99e";
    /// The unit is not started.
    pub const BLOCKED: &str = "07455aa26e824d2c8191fbfd5f8b41ec";
    /// It would be refused, and is started all the same.
    pub const ALLOWED_ANYWAY: &str = "3ec60a13d0d9478c9b15834262f59a45";
    /// It is started unchecked.
    pub const ALLOWED_ON_ERROR: &str = "a7e6cdb13b184695b6d208fc1bf0fd7d";
    /// Something deserves attention.
    pub const ADVICE: &str = "f773c8381c5a496eb26e6364228ea5c1";
    /// The unit is started: what kept it down is put right.
    pub const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
    /// It would run, and is not started by itself.
    pub const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";
    /// It failed again and again and cannot run: it is stopped, or left alone.
    pub const LOOP: &str = "efdb6b87a45147a8b5530feed1f7d038";
    /// It runs, and would not start again.
    pub const DRIFTED: &str = "6a0aafc776df442b90b1be0f1b0ce2fd";
    /// It runs, and would start again.
    pub const CURED: &str = "14ee33e3e81446d886c197919c6c7f95";
    /// The monitor cannot do part of its work.
    pub const MONITOR: &str = "c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31";
    /// Every one.
    pub const ALL: [&str; 11] = [
        FINDING,
        BLOCKED,
        ALLOWED_ANYWAY,
        ALLOWED_ON_ERROR,
        ADVICE,
        RESUMED,
        HELD,
        LOOP,
        DRIFTED,
        CURED,
        MONITOR,
    ];
}

/// How grave a record is, in the journal's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// `err`
    Error,
    /// `warning`
    Warning,
    /// `notice`
    Notice,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its kind, one of [`id`].
    pub message_id: &'static str,
    /// How grave it is.
    pub priority: Priority,
    /// What is read in `systemctl status`: one line.
    pub message: String,
    /// `OBJECT_SYSTEMD_UNIT`: what makes it show in `journalctl -u`.
    pub unit: String,
    /// The fields of a finding; `None` in a summary.
    pub finding: Option<FindingFields>,
    /// The fields of a summary.
    pub summary: Option<SummaryFields>,
}

/// Every one is sent with every finding, so that the catalog's placeholders are always filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingFields {
    /// `PREFLIGHT_CHECK`: the finding's id.
    pub check: String,
    /// `PREFLIGHT_EFFECT`
    pub effect: &'static str,
    /// `PREFLIGHT_SUBJECT`
    pub subject: String,
    /// `PREFLIGHT_REQUIRED`
    pub required: String,
    /// `PREFLIGHT_REQUIRED_BY`
    pub required_by: String,
    /// `PREFLIGHT_ACTUAL`
    pub actual: String,
    /// `PREFLIGHT_NEXT_BOOT`
    pub next_boot: String,
    /// `PREFLIGHT_FILE`
    pub file: String,
    /// `PREFLIGHT_LINE`
    pub line: String,
    /// `PREFLIGHT_PREDICTED`: the line the component would end with, as it words it.
    pub predicted: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
}

/// What a summary carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryFields {
    /// `PREFLIGHT_REASONS`: one a line.
    pub reasons: String,
    /// `PREFLIGHT_REMEDY`: one command or sentence a line.
    pub remedy: String,
    /// `PREFLIGHT_SETTER`: who made it so, where that can be known; one a line.
    pub setter: String,
}

/// The records of a plan for `unit`. None where all is well.
pub fn records(unit: &str, plan: &Plan<'_>) -> Vec<Record> {
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
pub fn failure(unit: &str, error: &str) -> Record {
    Record {
        message_id: id::ALLOWED_ON_ERROR,
        priority: Priority::Warning,
        message: format!("{unit} starts unchecked: {}", printable(error)),
        unit: unit.to_owned(),
        finding: None,
        summary: Some(SummaryFields {
            reasons: printable(error),
            remedy: "-".to_owned(),
            setter: "-".to_owned(),
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
    let sets = finding.evidence.iter().find(|e| e.part == Part::Sets);
    let place = sets.or(finding.evidence.last()).map(|e| &e.source);
    let then = match (&finding.next_boot, sets) {
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
    let commands: Vec<&str> = finding
        .remedies
        .iter()
        .flat_map(|r| &r.commands)
        .map(String::as_str)
        .collect();
    let cure = match (commands.is_empty(), finding.remedies.first()) {
        (false, _) => format!("; fix: {}", commands.join(" && ")),
        (true, Some(remedy)) => format!("; fix: {}", printable(&remedy.summary)),
        (true, None) => String::new(),
    };
    Record {
        message_id,
        priority,
        message: format!("{}{then}{cure}", printable(&finding.summary)),
        unit: unit.to_owned(),
        finding: Some(FindingFields {
            check: finding.id.clone(),
            effect: effect(finding.effect),
            subject: or_dash(&finding.subject),
            required: or_dash(finding.required.as_deref().unwrap_or_default()),
            required_by: or_dash(&crate::evaluate::names(&finding.required_by)),
            actual: or_dash(finding.actual.as_deref().unwrap_or_default()),
            next_boot: or_dash(finding.next_boot.as_deref().unwrap_or_default()),
            file: or_dash(&place.map(|p| p.path.clone()).unwrap_or_default()),
            line: place
                .and_then(|p| p.line)
                .map_or_else(|| "-".to_owned(), |line| line.to_string()),
            predicted: or_dash(
                &finding
                    .predictions
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
        .remedies
        .iter()
        .flat_map(|remedy| {
            if remedy.commands.is_empty() {
                vec![printable(&remedy.summary)]
            } else {
                remedy.commands.clone()
            }
        })
        .collect()
}

/// The word for an effect, as in JSON.
pub const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::BlocksStart => "blocks-start",
        Effect::BlocksNextBoot => "blocks-next-boot",
        Effect::FailsControl => "fails-control",
        Effect::Advice => "advice",
    }
}

/// What the reasons are about, each once: `systemctl status` shows ten lines, and may have shown the
/// reasons in others.
pub(super) fn subjects<'a>(reasons: impl Iterator<Item = &'a str>) -> String {
    let mut seen = HashSet::new();
    let subjects: Vec<&str> = reasons.filter(|subject| seen.insert(*subject)).collect();
    printable(&subjects.join(", "))
}

/// What is not known, in brackets; what it is about stands in records of its own.
fn open(plan: &Plan<'_>) -> String {
    let open = plan
        .advice
        .iter()
        .filter(|f| f.outcome == Outcome::Indeterminate);
    match subjects(open.map(|finding| finding.subject.as_str())) {
        none if none.is_empty() => none,
        subjects => format!(" ({subjects})"),
    }
}

fn summary(unit: &str, plan: &Plan<'_>) -> Option<Record> {
    let reasons = format!(
        "{} above ({})",
        count(plan.reasons.len(), "reason"),
        subjects(plan.reasons.iter().map(|reason| reason.subject.as_str()))
    );
    let (message_id, priority, message) = match &plan.decision {
        Decision::Start => return None,
        Decision::Block if plan.reasons.is_empty() => (
            id::BLOCKED,
            Priority::Error,
            format!(
                "{unit} is not started: it cannot be told whether it would run, and on-error = \
                 \"block\". To start it anyway: preflight_rke2=off on the kernel command line, or \
                 on-error = \"allow\" in /etc/preflight-rke2/config.toml"
            ),
        ),
        Decision::Block => (
            id::BLOCKED,
            Priority::Error,
            format!(
                "{unit} is not started: it would refuse to run, {reasons}. `preflight-rke2 fix` \
                 tells how to mend them all; then `systemctl start {unit}`. To start it anyway: preflight_rke2=off on the kernel \
                 command line, or mode = \"report\" in /etc/preflight-rke2/config.toml"
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
            format!(
                "{unit} starts unchecked: what decides is not known{}",
                open(plan)
            ),
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
    let summaries: Vec<String> = findings.iter().map(|f| printable(&f.summary)).collect();
    SummaryFields {
        reasons: dash(summaries.join("\n")),
        remedy: remedies(findings),
        setter: "-".to_owned(),
    }
}

/// What to do about all of them, each thing once.
fn remedies(findings: &[&Finding]) -> String {
    let mut seen = HashSet::new();
    let lines = findings.iter().flat_map(|finding| remedy_lines(finding));
    let lines: Vec<String> = lines.filter(|line| seen.insert(line.clone())).collect();
    dash(lines.join("\n"))
}
