//! The report of an upgrade: whether each unit would start on the release that comes, and what it does not say of the
//! release of today.

use std::fmt::Write as _;

use super::text::{self, DIM, Style, paint};
use super::{CheckFormat, json};
use crate::assessment::Upgrade;
use crate::document::UnitDocument;
use crate::facts::Machine;
use crate::finding::{Effect, Finding};
use crate::rke2::installed::VersionSource;
use crate::verdict::Verdict;

/// What `check --upgrade-to` prints. `machine` is only called if there is a problem to print.
pub(crate) fn render(
    format: CheckFormat,
    upgrades: &[Upgrade],
    all: bool,
    style: Style,
    machine: impl FnOnce() -> Machine,
) -> String {
    if format == CheckFormat::Json {
        let units = upgrades.iter();
        let units: Vec<UnitDocument> = units
            .map(|upgrade| UnitDocument::of_upgrade(upgrade, all))
            .collect();
        return json::render_units(&units.iter().collect::<Vec<_>>());
    }
    in_words(upgrades, style, machine)
}

/// As the report of `check`, without what is advice and the same today.
fn in_words(upgrades: &[Upgrade], style: Style, machine: impl FnOnce() -> Machine) -> String {
    let mut machine = Some(machine);
    let mut out = String::new();
    let mut apart = false;
    for (index, upgrade) in upgrades.iter().enumerate() {
        let then = &upgrade.then;
        let before = upgrades.iter().take(index).map(|upgrade| &upgrade.then);
        let repeated = !style.verbose && text::is_repeated(then, &before);
        let troubled = style.verbose || !repeated && shown(upgrade).next().is_some();
        // An empty line separates a paragraph; single lines follow each other.
        if index > 0 && (apart || troubled) {
            out.push('\n');
        }
        apart = troubled;
        let after = format!(" after an upgrade to {}", then.version);
        out.push_str(&text::headline_after(then, &after, style));
        out.push_str(if repeated { ", see above\n" } else { "\n" });
        if troubled {
            let line = format!("  {}", today(upgrade));
            let _ = writeln!(out, "{}", paint(style, DIM, &line));
            let machine = machine.take().map(|ask| ask());
            text::context(&mut out, then, machine.as_ref(), style);
            text::body(&mut out, then, shown(upgrade), style);
        }
    }
    out
}

/// The problems to print.
fn shown(upgrade: &Upgrade) -> impl Iterator<Item = &Finding> {
    upgrade.then.problems().filter(|finding| {
        let is_advice = matches!(finding.effect(), Effect::Advice | Effect::FailsControl);
        !is_advice || upgrade.is_new(finding)
    })
}

/// Whether the unit would start today, and which checks the upgrade brings.
fn today(upgrade: &Upgrade) -> String {
    let today = &upgrade.today;
    let mut new: Vec<&str> = shown(upgrade)
        .filter(|finding| upgrade.is_new(finding))
        .map(|finding| finding.id().as_str())
        .collect();
    new.dedup();
    if today.version_source == VersionSource::Assumed {
        return "the installed release is not known".to_owned();
    }
    let verdict = if today.image {
        today.verdict.next_boot
    } else {
        today.verdict.now
    };
    let verdict = match verdict {
        Verdict::WouldStart => "would start",
        Verdict::WouldRefuse => "would not start",
        Verdict::Undetermined => "cannot determine whether it would start",
    };
    let new = if new.is_empty() {
        String::new()
    } else {
        format!("; new then: {}", new.join(", "))
    };
    format!("today, on {}: {verdict}{new}", today.version)
}
