//! For an auditor at a terminal: counts, then unmet controls by section of the benchmark.

use std::fmt::Write as _;

use super::{cured, differing, sections, waived};
use crate::audit::cure::Group;
use crate::audit::result::Evidence;
use crate::audit::{Audit, Audited, ControlOutcome, Counts, counts};
use crate::facts::Source;
use crate::report::text::{DIM, GREEN, RED, Style, YELLOW, paint};
use crate::rke2::installed::VersionSource;
use crate::text::{count, printable, wrap};

/// `83 pass, 2 fail`: the outcomes that there are.
pub fn numbers(counts: &Counts) -> String {
    let numbers = [
        (counts.pass, "pass"),
        (counts.fail, "fail"),
        (counts.warn, "warn"),
        (counts.error, "error"),
        (counts.manual, "manual"),
        (counts.not_applicable, "not applicable"),
        (counts.waived, "waived"),
    ];
    let numbers: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    numbers.join(", ")
}

/// The report. `all` are the controls that are counted, `shown` those that are listed.
pub fn render(audit: &Audit, all: &[&Audited], shown: &[&Audited], style: Style) -> String {
    let counts = counts(all.iter().copied());
    let mut out = String::new();
    let (code, words) = match (counts.fail, counts.error) {
        (0, 0) => (GREEN, "no control fails".to_owned()),
        (0, errors) => (
            YELLOW,
            format!("{} could not be evaluated", count(errors, "control")),
        ),
        (1, _) => (RED, "1 control fails".to_owned()),
        (fails, _) => (RED, format!("{fails} controls fail")),
    };
    let benchmark = audit.benchmark();
    let _ = writeln!(
        out,
        "{} CIS {benchmark}: {}",
        audit.unit,
        paint(style, code, &words)
    );
    let numbers = numbers(&counts);
    let profile = if audit.profile.value.is_empty() {
        "no profile".to_owned()
    } else {
        format!("profile {}", printable(&audit.profile.value))
    };
    let assumed = match audit.version_source {
        VersionSource::Assumed => " (assumed: no installed version found)",
        _ => "",
    };
    let context = [
        format!("RKE2 {} {}{assumed}, {profile}", audit.version, audit.role),
        numbers,
    ];
    let note = audit.choice.note.map(str::to_owned);
    for line in context.iter().chain(&note).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "  {}", paint(style, DIM, line));
    }
    // Of a part of the controls each has its own remedy: a group's is for all of them.
    let grouped = all.len() == audit.controls.len();
    let groups: Vec<&Group> = if grouped {
        audit.groups.iter().collect()
    } else {
        Vec::new()
    };
    if !groups.is_empty() {
        out.push_str("\nWhat to do\n");
    }
    for (number, group) in (1_usize..).zip(&groups) {
        cure(&mut out, number, group, audit, style);
    }
    for ((number, title), members) in sections(shown) {
        let heading = match number {
            "guide" => title.to_owned(),
            number => format!("{number} {title}"),
        };
        let _ = writeln!(out, "\n{heading}");
        for audited in members {
            entry(&mut out, audited, &groups, style);
        }
    }
    out
}

/// A group of controls with what cures them.
fn cure(out: &mut String, number: usize, group: &Group, audit: &Audit, style: Style) {
    let text = wrap(&printable(&group.summary), style.width, 5);
    let _ = writeln!(out, "  {number:<2} {text}");
    let ids: Vec<&str> = cured(audit, group)
        .map(|audited| audited.edition.id)
        .collect();
    let text = wrap(&format!("cures {}", ids.join(", ")), style.width, 5);
    let _ = writeln!(out, "     {text}");
    for remedy in &group.remedies {
        let what = remedy.summary();
        if what != group.summary {
            let text = wrap(&printable(&what), style.width, 5);
            let _ = writeln!(out, "     {text}");
        }
        for command in &remedy.commands() {
            let _ = writeln!(out, "       {}", printable(command));
        }
    }
}

/// The word of an outcome, in six columns.
pub fn label(outcome: ControlOutcome, is_waived: bool, style: Style) -> String {
    let (code, word) = match outcome {
        _ if is_waived => (DIM, "WAIVED"),
        ControlOutcome::Fail => (RED, "FAIL"),
        ControlOutcome::Warn => (YELLOW, "WARN"),
        ControlOutcome::Error => (YELLOW, "ERROR"),
        ControlOutcome::Manual => (DIM, "MANUAL"),
        ControlOutcome::Pass => (GREEN, "PASS"),
        ControlOutcome::NotApplicable => (DIM, "N/A"),
    };
    paint(style, code, &format!("{word:<6}"))
}

/// Columns before the text of a control.
const INDENT: usize = 9;

fn row(out: &mut String, style: Style, before: &str, text: &str) {
    let text = wrap(&format!("{before}{}", printable(text)), style.width, INDENT);
    let _ = writeln!(out, "{:INDENT$}{text}", "");
}

fn entry(out: &mut String, audited: &Audited, groups: &[&Group], style: Style) {
    let result = &audited.result;
    let (control, edition) = (audited.control, audited.edition);
    let name = if control.is_beyond() {
        String::new()
    } else {
        format!("{} ", edition.id)
    };
    let _ = writeln!(
        out,
        "  {} {:<7} {name}{} [{}]",
        label(audited.outcome, audited.is_waived(), style),
        result.evidence().map_or("", Evidence::as_str),
        control.title,
        control.key
    );
    if !result.summary.is_empty() {
        row(out, style, "", &result.summary);
    }
    if let Some(text) = differing(audited) {
        row(out, style, "", &text);
    }
    if let Some(text) = waived(audited).or_else(|| audited.waiver.as_ref()?.over()) {
        row(out, style, "", &text);
    }
    let unmet = matches!(
        audited.outcome,
        ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
    );
    if !unmet {
        return;
    }
    // Without places that the summary names, and arguments of a process, which it quotes.
    let named = |source: &&Source| {
        let is_told = result.summary.contains(&source.path) && source.line.is_none();
        !is_told && !source.path.starts_with("/proc/")
    };
    let places: Vec<String> = result
        .sources
        .iter()
        .filter(named)
        .map(ToString::to_string)
        .collect();
    if !places.is_empty() {
        row(out, style, "at ", &places.join(", "));
    }
    if audited.is_waived() {
        return;
    }
    let group = audited.group.as_ref();
    let number = groups.iter().position(|known| Some(&known.name) == group);
    if let Some(number) = number {
        let _ = writeln!(out, "{:INDENT$}help: {}", "", number.saturating_add(1));
        return;
    }
    for remedy in &result.remedies {
        row(out, style, "help: ", &remedy.summary());
        for command in &remedy.commands() {
            let _ = writeln!(out, "{:INDENT$}  {}", "", printable(command));
        }
    }
}
