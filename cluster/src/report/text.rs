//! For a terminal: counts, then unmet controls by part of the benchmark.

use std::fmt::Write as _;

use preflight_rke2::shared::{
    DIM, GREEN, RED, Style, YELLOW, by_section, count, label, numbers, paint, printable, wrap,
};

use super::{Audit, objects, waived};
use crate::control::section;
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
    let context = [
        format!(
            "{}, API server {}",
            printable(&audit.cluster),
            audit.version
        ),
        numbers(&counts),
    ];
    let note = audit.choice.note.map(str::to_owned);
    for line in context.iter().chain(&note).filter(|line| !line.is_empty()) {
        let _ = writeln!(out, "  {}", paint(style, DIM, line));
    }
    for ((number, title), members) in
        by_section(shown, |judged| section(judged.control, judged.edition))
    {
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
        label(judged.outcome, judged.is_waived(), style),
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
    if let Some(text) = waived(judged).or_else(|| judged.waiver.as_ref()?.over()) {
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
