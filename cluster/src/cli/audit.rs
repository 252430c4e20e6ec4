//! `audit`: section 5.

use std::time::UNIX_EPOCH;

use preflight_rke2::shared::{Benchmark, Choice, ControlOutcome, Day};

use super::arguments::{Audit as Asked, Common, FailOn, Show};
use super::{Status, complain, live, print, style, waivers};
use crate::control;
use crate::dump;
use crate::evaluate::{self, Judged};
use crate::facts::Facts;
use crate::kind::Kind;
use crate::report::{Audit, Format, render};

pub(super) fn run(common: &Common, asked: &Asked) -> Status {
    if let Some(unknown) = asked.control.iter().find(|name| !control::is_known(name)) {
        let near = control::suggestion(unknown);
        complain(&format!("section 5 has no control \"{unknown}\"{near}"));
        return Status::Usage;
    }
    let waivers = match asked.waivers.as_deref().map(waivers::read).transpose() {
        Ok(waivers) => waivers.unwrap_or_default(),
        Err(message) => {
            complain(&message);
            return Status::Failed;
        }
    };
    let (facts, cluster) = match facts(common, asked) {
        Ok(found) => found,
        Err(message) => {
            complain(&message);
            return Status::Failed;
        }
    };
    let choice = match asked.benchmark {
        Some(benchmark) => Choice {
            benchmark,
            note: None,
        },
        None => Benchmark::of(&facts.version),
    };
    let mut controls = evaluate::audit(&facts, choice.benchmark);
    evaluate::waive(&mut controls, &waivers, today());
    for waiver in &waivers {
        let is_used = |judged: &Judged| {
            [judged.control.key, judged.edition.id].contains(&waiver.control.as_str())
        };
        if !controls.iter().any(is_used) {
            complain(&format!(
                "CIS {} has no control {}, so that its waiver has no effect",
                choice.benchmark, waiver.control
            ));
        }
    }
    let unread = facts.missing(&Kind::all(&facts.version));
    let audit = Audit {
        cluster,
        version: facts.version,
        choice,
        asked: asked.benchmark.is_some(),
        controls,
    };
    show(common, asked, &audit, &unread)
}

fn show(common: &Common, asked: &Asked, audit: &Audit, unread: &[String]) -> Status {
    let all: Vec<&Judged> = audit
        .controls
        .iter()
        .filter(|judged| {
            let mut names = asked.control.iter();
            asked.control.is_empty()
                || names.any(|name| name == judged.control.key || name == judged.edition.id)
        })
        .collect();
    if all.is_empty() {
        complain(&format!(
            "CIS {} does not have that control",
            audit.choice.benchmark
        ));
        return Status::Usage;
    }
    // A control that is named is shown whatever its result.
    let is_brief = asked.format == Format::Text && asked.control.is_empty() && !common.verbose;
    let default: &[Show] = if is_brief {
        &[
            Show::Fail,
            Show::Warn,
            Show::Error,
            Show::Manual,
            Show::Waived,
        ]
    } else {
        &[Show::All]
    };
    let wanted = if asked.show.is_empty() {
        default
    } else {
        &asked.show
    };
    let shown: Vec<&Judged> = all
        .iter()
        .copied()
        .filter(|judged| wanted.iter().any(|show| is_shown(judged, *show)))
        .collect();
    print(&render(asked.format, audit, &all, &shown, style(common)));
    status(&all, &asked.fail_on, unread)
}

/// The facts, and where they are from.
fn facts(common: &Common, asked: &Asked) -> Result<(Facts, String), String> {
    match &asked.from {
        Some(directory) => {
            let facts = dump::read(directory, asked.kubernetes_version.clone())
                .map_err(|error| error.to_string())?;
            Ok((facts, format!("dumps in {}", directory.display())))
        }
        None => live::facts(common, Kind::all),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "waivers end at a day of the calendar"
)]
fn today() -> Day {
    let now = std::time::SystemTime::now().duration_since(UNIX_EPOCH);
    Day::of_epoch(now.map_or(0, |since| since.as_secs()))
}

fn is_shown(judged: &Judged, show: Show) -> bool {
    let waived = judged.is_waived();
    let is = |outcome| !waived && judged.outcome == outcome;
    match show {
        Show::All => true,
        Show::Waived => waived,
        Show::Fail => is(ControlOutcome::Fail),
        Show::Warn => is(ControlOutcome::Warn),
        Show::Error => is(ControlOutcome::Error),
        Show::Manual => is(ControlOutcome::Manual),
        Show::Pass => is(ControlOutcome::Pass),
        Show::NotApplicable => is(ControlOutcome::NotApplicable),
    }
}

/// Each list that was not read, once; then what could not be evaluated for another reason.
fn explain_errors(all: &[&Judged], unread: &[String]) {
    let errors = || {
        all.iter()
            .filter(|judged| judged.outcome == ControlOutcome::Error)
    };
    let is_why = |why: &String, judged: &Judged| judged.answer.summary.contains(why);
    for why in unread {
        if errors().any(|judged| is_why(why, judged)) {
            complain(why);
        }
    }
    for judged in errors() {
        if !unread.iter().any(|why| is_why(why, judged)) {
            complain(&format!("{}: {}", judged.edition.id, judged.answer.summary));
        }
    }
}

fn status(all: &[&Judged], fail_on: &[FailOn], unread: &[String]) -> Status {
    let any = |outcome| {
        all.iter()
            .any(|judged| judged.outcome == outcome && !judged.is_waived())
    };
    let found = fail_on.iter().any(|what| match what {
        FailOn::Warn => any(ControlOutcome::Warn),
        FailOn::Manual => any(ControlOutcome::Manual),
    });
    if any(ControlOutcome::Fail) {
        Status::Refused
    } else if found {
        Status::FailedOn
    } else if any(ControlOutcome::Error) {
        explain_errors(all, unread);
        Status::Failed
    } else {
        Status::Good
    }
}
