//! The plan for a person: what to do and why, what is left to them, and what stays as it is.

use std::fmt::Write as _;

use super::plan::{ManualStep, Plan};
use crate::text::{printable, visible};

/// The plan, to be read after the verdict.
pub(crate) fn render(plan: &Plan) -> String {
    let mut out = String::new();
    if !plan.steps.is_empty() {
        out.push_str("\nTo put it right, as root:\n");
    }
    for (step, number) in plan.steps.iter().zip(1_usize..) {
        let _ = writeln!(out, "\n{number}. {}", printable(&step.what));
        for why in &step.why {
            let _ = writeln!(out, "     because: {}", printable(why));
        }
        for command in &step.commands {
            let _ = writeln!(out, "   # {}", visible(command));
        }
    }
    out.push_str(&left(&plan.manual));
    if !plan.steps.is_empty() {
        out.push_str("\nStays as it is:\n");
        for line in &plan.untouched {
            let _ = writeln!(out, " - {}", printable(line));
        }
    }
    out
}

/// What is left to a person.
pub(crate) fn left(left: &[ManualStep]) -> String {
    let mut out = String::new();
    if !left.is_empty() {
        out.push_str("\nLeft to you:\n");
    }
    for item in left {
        let place = item
            .place
            .as_ref()
            .map(|place| format!(" ({})", printable(&place.to_string())))
            .unwrap_or_default();
        let _ = writeln!(
            out,
            " - {}{place} [{}]",
            printable(&item.summary),
            item.check
        );
        for remedy in &item.remedies {
            let _ = writeln!(out, "     {}", printable(&remedy.summary));
            for command in &remedy.commands {
                let _ = writeln!(out, "   # {}", visible(command));
            }
        }
    }
    out
}
