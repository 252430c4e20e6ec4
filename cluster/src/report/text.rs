//! For a terminal: counts, then unmet controls by part of the benchmark.

use std::fmt::Write as _;

use preflight_rke2::shared::{
    ControlOutcome, DIM, GREEN, RED, Style, YELLOW, count, paint, printable, wrap,
};

use super::{Audit, expired, objects, sections, waived};
use crate::evaluate::{Judged, counts};

/// Columns before the text of a control.
const INDENT: usize = 9;

/// The report.
pub(super) fn render(audit: &Audit, all: &[&Judged], shown: &[&Judged], style: Style) -> String {
    let counts = counts(all.iter().copied());
    let mut out = String::new();
    let (color, words) = match (counts.fail, counts.warn, counts.error) {
        (0, 0, 0) => (GREEN, "no control is unmet".to_owned()),
        (0, 0, errors) => (
            YELLOW,
            format!("{} could not be evaluated", count(errors, "control")),
        ),
        (0, warnings, _) => (
            YELLOW,
            format!("{} not met", count(warnings, "unscored control")),
        ),
        (1, ..) => (RED, "1 control fails".to_owned()),
        (fails, ..) => (RED, format!("{fails} controls fail")),
    };
    let _ = writeln!(
        out,
        "cluster CIS {}, section 5: {}",
        audit.choice.benchmark,
        paint(style, color, &words)
    );
    let numbers: Vec<String> = [
        (counts.pass, "pass"),
        (counts.fail, "fail"),
        (counts.warn, "warn"),
        (counts.error, "error"),
        (counts.manual, "manual"),
        (counts.not_applicable, "not applicable"),
        (counts.waived, "waived"),
    ]
    .iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    let context = [
        format!(
            "{}, API server {}",
            printable(&audit.cluster),
            audit.version
        ),
        numbers.join(", "),
    ];
    let note = audit.choice.note.map(str::to_owned);
    for line in context.iter().chain(&note).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "  {}", paint(style, DIM, line));
    }
    for ((number, title), members) in sections(shown) {
        let heading = match number {
            "guide" => title.to_owned(),
            number => format!("{number} {title}"),
        };
        let _ = writeln!(out, "\n{heading}");
        for judged in members {
            entry(&mut out, judged, style);
        }
    }
    out
}

fn label(judged: &Judged, style: Style) -> String {
    let (color, word) = match judged.outcome {
        _ if judged.is_waived() => (DIM, "WAIVED"),
        ControlOutcome::Fail => (RED, "FAIL"),
        ControlOutcome::Warn => (YELLOW, "WARN"),
        ControlOutcome::Error => (YELLOW, "ERROR"),
        ControlOutcome::Manual => (DIM, "MANUAL"),
        ControlOutcome::Pass => (GREEN, "PASS"),
        ControlOutcome::NotApplicable => (DIM, "N/A"),
    };
    paint(style, color, &format!("{word:<6}"))
}

fn row(out: &mut String, style: Style, text: &str) {
    let text = wrap(&printable(text), style.width, INDENT);
    let _ = writeln!(out, "{:INDENT$}{text}", "");
}

fn entry(out: &mut String, judged: &Judged, style: Style) {
    let (control, edition) = (judged.control, judged.edition);
    let number = if control.is_beyond() {
        String::new()
    } else {
        format!("{} ", edition.id)
    };
    let _ = writeln!(
        out,
        "  {} {number}{} [{}]",
        label(judged, style),
        control.title,
        control.key
    );
    let answer = &judged.answer;
    if !answer.summary.is_empty() {
        let colon = if answer.objects.is_empty() { "" } else { ":" };
        row(out, style, &format!("{}{colon}", answer.summary));
    }
    for object in objects(judged) {
        let _ = writeln!(out, "{:INDENT$}  {}", "", printable(&object));
    }
    if let Some(text) = waived(judged).or_else(|| expired(judged)) {
        row(out, style, &text);
    }
    if judged.is_waived() {
        return;
    }
    for remedy in &answer.remedies {
        row(out, style, &format!("help: {}", remedy.summary));
        for command in &remedy.commands {
            let _ = writeln!(out, "{:INDENT$}  {}", "", printable(command));
        }
    }
}
