//! `check`: evaluate and report.

use super::arguments::{Check, Common, FailOn, Format};
use super::{Status, colored, complain, print, select, width};
use crate::examine;
use crate::finding::{Effect, Outcome};
use crate::host::HostRoot;
use crate::host::machine::Machine;
use crate::report::{UnitReport, json, text};
use crate::verdict::Verdict;

pub(super) fn run(common: &Common, check: &Check) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(questions) = select::questions(&root, common, &check.which) else {
        return Status::Failed;
    };
    let reports: Vec<UnitReport> = questions
        .iter()
        .map(|question| examine::unit(&root, question).report)
        .collect();
    match check.format {
        Format::Json => print(&json::render(&reports, check.all)),
        Format::Text => {
            let style = text::Style {
                color: colored(common.color),
                width: width(),
                verbose: common.verbose,
            };
            print(&text::render(&reports, style, || Machine::of(&root)));
        }
    }
    reports
        .iter()
        .map(|report| status(&root, report, &check.fail_on))
        .fold(Status::Good, worse)
}

fn status(root: &HostRoot, report: &UnitReport, fail_on: &[FailOn]) -> Status {
    let next_boot = report.verdict.next_boot == Verdict::WouldRefuse;
    let control = report.violated(Effect::FailsControl).next().is_some();
    let found = fail_on.iter().any(|what| match what {
        FailOn::NextBoot => next_boot,
        FailOn::Control => control,
    });
    // An image has no present: that it cannot be told is no failure. On a host it is one.
    let undetermined = report.verdict.now == Verdict::Undetermined && root.is_live();
    match report.verdict.now {
        Verdict::WouldRefuse => Status::Refused,
        _ if found => Status::FailedOn,
        _ if undetermined => {
            for finding in report
                .findings
                .iter()
                .filter(|f| f.now == Outcome::Indeterminate)
            {
                complain::line(&finding.summary);
            }
            Status::Failed
        }
        _ => Status::Good,
    }
}

/// Of two, the one to end with.
fn worse(a: Status, b: Status) -> Status {
    const ORDER: [Status; 5] = [
        Status::Refused,
        Status::Failed,
        Status::FailedOn,
        Status::Usage,
        Status::Good,
    ];
    ORDER
        .into_iter()
        .find(|status| *status == a || *status == b)
        .unwrap_or(a)
}
