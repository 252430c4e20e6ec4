//! `explain ID`: describes a check, or a control of the CIS benchmark.

use std::fmt::Write as _;

use super::arguments::Explain;
use super::{Status, print, stderr};
use crate::audit::benchmark::Benchmark;
use crate::audit::control::{Control, Scoring};
use crate::audit::controls;
use crate::evaluate::names;
use crate::requirements::catalogue::{self, CHECKS, Check};
use crate::text::{printable, suggestion, wrap};

/// Columns of a page, without the name before a row's text, which `wrap` does not count.
const WIDTH: usize = 84;

pub(super) fn run(explain: &Explain) -> Status {
    let Some(id) = &explain.id else {
        let width = CHECKS
            .iter()
            .map(|check| check.id.as_str().len())
            .max()
            .unwrap_or(0);
        let list = CHECKS.iter().fold(String::new(), |mut list, check| {
            let _ = writeln!(list, "{:width$}  {}", check.id, check.title);
            list
        });
        print(&list);
        return Status::Good;
    };
    if let Some(check) = catalogue::check(id) {
        print(&page(check));
        return Status::Good;
    }
    let called = |control: &&Control| {
        let ids = Benchmark::ALL
            .into_iter()
            .filter_map(|b| control.edition(b));
        control.key == id || ids.map(|edition| edition.id).any(|number| number == id)
    };
    let controls: Vec<String> = controls::all().filter(called).map(control_page).collect();
    if !controls.is_empty() {
        print(&controls.join("\n"));
        return Status::Good;
    }
    let near = suggestion(id, &catalogue::ids());
    stderr::line(&format!(
        "no check or control has the id \"{}\"{near}; run `preflight-rke2 explain` to list all checks",
        printable(id)
    ));
    Status::Usage
}

/// The page of a control: its number in each benchmark, and how it counts there.
fn control_page(control: &Control) -> String {
    let mut page = format!("{}: {}\n\n", control.key, control.title);
    for benchmark in Benchmark::ALL {
        let edition = control.edition(benchmark);
        let text = edition.map_or_else(
            || "not included".to_owned(),
            |edition| match edition.scoring {
                Scoring::Scored => format!("{}, scored", edition.id),
                Scoring::Unscored => format!("{}, not scored (a warning)", edition.id),
                Scoring::Manual => format!("{}, to be assessed manually", edition.id),
                Scoring::NotApplicable => format!("{}, not applicable to RKE2", edition.id),
            },
        );
        let _ = writeln!(page, "  CIS {:<9}{text}", benchmark.name());
    }
    let _ = writeln!(
        page,
        "\nRun `preflight-rke2 audit --control {}` for the result on this node and the fix.",
        control.key
    );
    page
}

fn page(check: &Check) -> String {
    let by = if check.required_by.is_empty() {
        "no component: it is advice, or a control of the CIS benchmark".to_owned()
    } else {
        names(check.required_by)
    };
    let row = |name: &str, text: &str| format!("  {name:<13}{}\n", wrap(text, WIDTH, 15));
    let paragraph = |text: String| format!("\n{}\n", wrap(&text, WIDTH, 0));
    [
        format!("{}: {}\n\n", check.id, check.title),
        row("Required by", &by),
        row("Applies to", &check.applies.to_string()),
        row("Otherwise", consequence(check)),
        paragraph(format!("{}.", sentence(&check.about.to_string()))),
        paragraph(format!("Fix: {}.", check.fix)),
        paragraph(format!("Source: {}", check.source)),
    ]
    .concat()
}

/// The effect of a violation, in words.
fn consequence(check: &Check) -> &'static str {
    use crate::finding::Effect;
    match check.id.effect() {
        Effect::BlocksStart => "the unit is not started (blocks-start)",
        Effect::Transient => "RKE2 fails, and tries again every five seconds (transient)",
        Effect::BlocksNextBoot => "the unit would not start after a reboot (blocks-next-boot)",
        Effect::BlocksControlPlane => {
            "RKE2 runs, the component exits, and the node does not become ready (blocks-control-plane)"
        }
        Effect::FailsControl => "the unit starts, a control fails (fails-control)",
        Effect::Advice => "the unit starts (advice)",
    }
}

/// The text with a capital first letter.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if first.is_ascii_lowercase() => {
            format!("{}{}", first.to_ascii_uppercase(), chars.as_str())
        }
        _ => text.to_owned(),
    }
}
