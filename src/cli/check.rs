//! `check`: evaluate and report.

use super::arguments::{Check, CheckFormat, Common, FailOn};
use super::{Status, colored, print, select, stderr, width};
use crate::assessment::UnitReport;
use crate::examine::{self, OtherUnit, Target};
use crate::finding::{Effect, Outcome};
use crate::host::HostRoot;
use crate::host::machine;
use crate::report::{json, npd, text};
use crate::verdict::Verdict;

pub(super) fn run(common: &Common, check: &Check) -> Status {
    if check.format == CheckFormat::Npd {
        return to_node_problem_detector(common, check);
    }
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(targets) = select::targets(&root, common, &check.which) else {
        return Status::Failed;
    };
    let reports = examined(&root, &targets);
    if check.format == CheckFormat::Json {
        print(&json::render(&reports, check.all));
    } else {
        let style = text::Style {
            color: colored(common.color),
            width: width(),
            verbose: common.verbose,
        };
        print(&text::render(&reports, style, || machine::read(&root)));
    }
    reports
        .iter()
        .map(|report| status(&root, report, &check.fail_on))
        .fold(Status::Good, worse)
}

fn examined(root: &HostRoot, targets: &[Target]) -> Vec<UnitReport> {
    targets
        .iter()
        .map(|target| examine::assess(root, target).report)
        .collect()
}

/// It reads standard output alone: what goes wrong is said there.
fn to_node_problem_detector(common: &Common, check: &Check) -> Status {
    if check.all || !check.fail_on.is_empty() {
        stderr::line("--format npd answers one question: it takes neither --all nor --fail-on");
        return Status::Usage;
    }
    let result = select::open(common)
        .and_then(|root| {
            let mut targets = select::meant(&root, common, &check.which)?;
            // Unless it is asked for, a unit that stands idle beside the other is not the node's.
            if check.which.unit.is_none() {
                targets.retain(|target| target.other != OtherUnit::OnlyOtherEnabled);
            }
            Ok(npd::result(&examined(&root, &targets)))
        })
        .unwrap_or_else(|why| npd::unknown(&why));
    print(&result.line);
    Status::Npd(result.condition)
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
                .filter(|f| f.now() == Outcome::Indeterminate)
            {
                stderr::line(finding.summary());
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
