//! The plan for a terminal: what to do and why, what is left to the administrator, and what is not changed.

use std::fmt::Write as _;

use super::plan::{ManualStep, Plan};
use crate::text::{printable, visible};

/// The plan. The verdict is printed before it.
pub(crate) fn render(plan: &Plan) -> String {
    let mut out = String::new();
    if !plan.steps.is_empty() {
        out.push_str("\nTo fix it, as root:\n");
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
    out.push_str(&manual(&plan.manual));
    if !plan.steps.is_empty() {
        out.push_str("\nNot changed:\n");
        for line in &plan.untouched {
            let _ = writeln!(out, " - {}", printable(line));
        }
    }
    out
}

/// What is left to the administrator.
pub(crate) fn manual(steps: &[ManualStep]) -> String {
    let mut out = String::new();
    if !steps.is_empty() {
        out.push_str("\nTo do manually:\n");
    }
    for item in steps {
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
            let _ = writeln!(out, "     {}", printable(&remedy.summary()));
            for command in &remedy.commands() {
                let _ = writeln!(out, "   # {}", visible(command));
            }
        }
    }
    out
}
