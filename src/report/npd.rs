//! The result of a check for Kubernetes' node-problem-detector: an exit status and one short line.
//!
//! Protocol: kubernetes/node-problem-detector `pkg/custompluginmonitor/plugin/plugin.go`, v0.8.6 and
//! newer. What is printed becomes the message of a node's condition, cut at `max_output_length` bytes.

use crate::assessment::UnitReport;
use crate::finding::{Finding, Outcome};
use crate::text::{count, printable};
use crate::verdict::Verdict;

/// The longest line in bytes, line feed included: the protocol's default `max_output_length`. A longer one is
/// cut, even within a character.
pub(crate) const LONGEST: usize = 80;

/// Whether the node has the problem, in the terms of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Condition {
    /// No: RKE2 would start now and after a reboot.
    Fine,
    /// It is not known.
    Unknown,
    /// Yes: it would not.
    Problem,
}

impl Condition {
    /// The exit status.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Problem => 1,
            Self::Unknown => 2,
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PluginResult {
    /// The condition.
    pub condition: Condition,
    /// The message: one line, line feed included, of at most [`LONGEST`] bytes.
    pub line: String,
}

/// The result for a node: that of its worst unit.
pub(crate) fn result(reports: &[UnitReport]) -> PluginResult {
    let mut results = reports.iter().map(unit);
    let Some(mut worst) = results.next() else {
        return unknown("no RKE2 unit is installed");
    };
    for result in results {
        if result.condition > worst.condition {
            worst = result;
        }
    }
    worst
}

/// The result where no check could be made.
pub(crate) fn unknown(why: &str) -> PluginResult {
    PluginResult {
        condition: Condition::Unknown,
        line: line(&printable(why), &[]),
    }
}

fn unit(report: &UnitReport) -> PluginResult {
    let name = report.unit.strip_suffix(".service").unwrap_or(&report.unit);
    let (now, then) = (report.verdict.now, report.verdict.next_boot);
    let violated = |when: fn(&Finding) -> Outcome| subjects(report, when, Outcome::Violated);
    let unknown = |when: fn(&Finding) -> Outcome| subjects(report, when, Outcome::Indeterminate);
    let reasons = |subjects: &[String]| count(subjects.len(), "reason");
    let (condition, words, subjects) = match (now, then) {
        (Verdict::WouldRefuse, Verdict::WouldStart) => {
            let subjects = violated(Finding::now);
            let words = format!("would not start now: {}", reasons(&subjects));
            (Condition::Problem, words, subjects)
        }
        (Verdict::WouldRefuse, _) => {
            let subjects = violated(Finding::now);
            let words = format!("would not start: {}", reasons(&subjects));
            (Condition::Problem, words, subjects)
        }
        (_, Verdict::WouldRefuse) => {
            let subjects = violated(Finding::next_boot_outcome);
            let words = format!("would not survive a reboot: {}", reasons(&subjects));
            (Condition::Problem, words, subjects)
        }
        // A running node has a /proc: if it cannot be read, it is not mounted below --root.
        (Verdict::Undetermined, _) if report.image => {
            let words = "cannot be evaluated: the host's /proc is not below --root".to_owned();
            (Condition::Unknown, words, Vec::new())
        }
        (Verdict::Undetermined, _) => {
            let words = "cannot be evaluated".to_owned();
            (Condition::Unknown, words, unknown(Finding::now))
        }
        (Verdict::WouldStart, Verdict::Undetermined) => {
            let words = "might not survive a reboot: cannot determine".to_owned();
            (
                Condition::Unknown,
                words,
                unknown(Finding::next_boot_outcome),
            )
        }
        (Verdict::WouldStart, Verdict::WouldStart) => {
            let words = "would start now and after a reboot".to_owned();
            (Condition::Fine, words, Vec::new())
        }
    };
    PluginResult {
        condition,
        line: line(&format!("{name} {words}"), &subjects),
    }
}

/// The subjects of the deciding findings with this outcome.
fn subjects(
    report: &UnitReport,
    when: impl Fn(&Finding) -> Outcome,
    outcome: Outcome,
) -> Vec<String> {
    report
        .findings
        .iter()
        .filter(|f| f.effect().blocks())
        .filter(|f| when(f) == outcome)
        .map(|f| printable(f.subject()))
        .collect()
}

/// The text, and in parentheses as many of the subjects as fit.
fn line(words: &str, subjects: &[String]) -> String {
    let room = LONGEST.saturating_sub(1);
    let with = |shown: usize| {
        let rest = if shown < subjects.len() { ", …" } else { "" };
        let shown: Vec<&str> = subjects.iter().take(shown).map(String::as_str).collect();
        format!("{words} ({}{rest})", shown.join(", "))
    };
    let fits = (1..=subjects.len())
        .rev()
        .map(with)
        .find(|text| text.len() <= room);
    let text = match (fits, subjects.first()) {
        (Some(text), _) => text,
        (None, Some(first)) => cut(&format!("{words} ({first})"), room),
        (None, None) => cut(words, room),
    };
    format!("{text}\n")
}

/// At most `room` bytes of `text`, in whole characters, with `…` where it is cut.
fn cut(text: &str, room: usize) -> String {
    const SIGN: &str = "…";
    if text.len() <= room {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(room.saturating_sub(SIGN.len()));
    format!("{}{SIGN}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_stays_within_the_limit() {
        let subjects = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let words = "rke2-server would not survive a reboot: 3 reasons";
        let three = subjects(&[
            "vm.overcommit_memory",
            "kernel.panic",
            "kernel.panic_on_oops",
        ]);
        for (words, subjects, expected) in [
            (
                words,
                &three[..],
                format!("{words} (vm.overcommit_memory, …)\n"),
            ),
            (words, &[][..], format!("{words}\n")),
            (words, &three[1..2], format!("{words} (kernel.panic)\n")),
            (
                "short",
                &three,
                "short (vm.overcommit_memory, kernel.panic, kernel.panic_on_oops)\n".to_owned(),
            ),
            (
                words,
                &subjects(&[&"ä".repeat(40)])[..],
                format!("{words} ({}…\n", "ä".repeat(12)),
            ),
            (&"é".repeat(99), &three, format!("{}…\n", "é".repeat(38))),
        ] {
            let text = line(words, subjects);
            assert_eq!(text, expected);
            assert!(text.len() <= LONGEST, "{text}");
        }
    }

    #[test]
    fn without_a_unit_nothing_is_known() {
        let result = result(&[]);
        assert_eq!(result.condition, Condition::Unknown);
        assert_eq!(result.line, "no RKE2 unit is installed\n");
        assert_eq!(unknown("a\nb").line, "a\\nb\n");
    }
}
