//! `check`: evaluate and report.

use super::arguments::{Check, Common, FailOn};
use super::terminal::style;
use super::{Status, print, select, stderr};
use crate::assessment::{UnitReport, Upgrade};
use crate::examine::{self, OtherUnit, Target};
use crate::facts::Machine;
use crate::facts::disk::DiskLatency;
use crate::finding::{Effect, Outcome};
use crate::host::HostRoot;
use crate::host::{disk, machine};
use crate::report::{self, CheckFormat, npd};
use crate::rke2::releases::{self, Coverage};
use crate::rke2::role::Role;
use crate::rke2::version::Version;
use crate::rke2::{components, layout};
use crate::verdict::Verdict;

pub(super) fn run(common: &Common, check: &Check) -> Status {
    if check.format == CheckFormat::Npd {
        return to_node_problem_detector(common, check);
    }
    if let Some(to) = &check.upgrade_to {
        return before_upgrade(common, check, to);
    }
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(targets) = select::targets(&root, common, &check.which) else {
        return Status::Failed;
    };
    let (reports, systemd) = assess(&root, &targets);
    let disk = check.measure_disk.then(|| measure_disk(&root, &targets));
    let style = style(common.color, common.verbose);
    let machine = || Machine {
        systemd,
        ..machine::read(&root)
    };
    print(&report::check(
        check.format,
        &reports,
        disk.as_ref(),
        check.all,
        style,
        machine,
    ));
    reports
        .iter()
        .map(|report| status(&root, report, &check.fail_on))
        .fold(Status::Good, more_severe)
}

/// Reports whether the units would start on the release `to`.
fn before_upgrade(common: &Common, check: &Check, to: &Version) -> Status {
    if releases::coverage(to) == Coverage::LaterMinor {
        stderr::line(&format!(
            "{to} is of a newer minor version than the rules of this preflight-rke2, which end with {}; \
             install a newer preflight-rke2",
            releases::newest()
        ));
        return Status::Failed;
    }
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(targets) = select::targets(&root, common, &check.which) else {
        return Status::Failed;
    };
    let (today, systemd) = assess(&root, &targets);
    // The program and the unit are still today's.
    let after = targets.into_iter().map(|target| Target {
        version: Some(to.clone()),
        ..target
    });
    let upgrades: Vec<Upgrade> = today
        .into_iter()
        .zip(after)
        .map(|(today, target)| {
            let mut after = examine::assess(&root, &target);
            examine::upgrade::add(&root, &today, &mut after);
            Upgrade {
                today,
                then: after.report,
            }
        })
        .collect();
    let machine = || Machine {
        systemd,
        ..machine::read(&root)
    };
    print(&report::upgrade::render(
        check.format,
        &upgrades,
        check.all,
        style(common.color, common.verbose),
        machine,
    ));
    upgrades
        .iter()
        .map(|upgrade| status(&root, &upgrade.then, &check.fail_on))
        .fold(Status::Good, more_severe)
}

/// How fast the disk of etcd is, in the data directory of the first server.
fn measure_disk(root: &HostRoot, targets: &[Target]) -> DiskLatency {
    let Some(server) = targets.iter().find(|target| target.role == Role::Server) else {
        return DiskLatency::Refused("an agent has no etcd".to_owned());
    };
    let settings = examine::assess(root, server).settings;
    if !components::runs_etcd(&settings) {
        return DiskLatency::Refused("this server runs no etcd".to_owned());
    }
    disk::measure(root, &layout::data_dir(settings.data_dir()))
}

/// The reports, and the version of systemd that the next boot was predicted for.
fn assess(root: &HostRoot, targets: &[Target]) -> (Vec<UnitReport>, Option<u16>) {
    let mut reports = Vec::with_capacity(targets.len());
    let mut systemd = None;
    for target in targets {
        let mut examination = examine::assess(root, target);
        examine::exits::add(root, &mut examination);
        systemd = systemd.or(examination.facts.systemd);
        reports.push(examination.report);
    }
    (reports, systemd.map(|systemd| systemd.version))
}

/// node-problem-detector reads only standard output, so that errors are printed there.
fn to_node_problem_detector(common: &Common, check: &Check) -> Status {
    let is_more = check.all || check.measure_disk;
    if is_more || !check.fail_on.is_empty() || check.upgrade_to.is_some() {
        stderr::line(
            "--format npd cannot be used with --all, --fail-on, --measure-disk or --upgrade-to",
        );
        return Status::Usage;
    }
    let result = select::open(common)
        .and_then(|root| {
            let mut targets = select::select(&root, common, &check.which)?;
            // A unit that is not enabled beside the other is only reported where it is named.
            if check.which.unit.is_none() {
                targets.retain(|target| target.other != OtherUnit::OnlyOtherEnabled);
            }
            Ok(npd::result(&assess(&root, &targets).0))
        })
        .unwrap_or_else(|why| npd::unknown(&why));
    print(&result.line);
    Status::Npd(result.condition)
}

fn status(root: &HostRoot, report: &UnitReport, fail_on: &[FailOn]) -> Status {
    let next_boot = report.verdict.next_boot == Verdict::WouldRefuse;
    let control = report.violated(Effect::FailsControl).next().is_some();
    let control_plane = report.violated(Effect::BlocksControlPlane).next().is_some();
    let found = fail_on.iter().any(|what| match what {
        FailOn::NextBoot => next_boot,
        FailOn::ControlPlane => control_plane,
        FailOn::Control => control,
    });
    // An image has no running kernel: that its verdict for now is undetermined is no failure.
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

/// Returns the more severe status.
fn more_severe(a: Status, b: Status) -> Status {
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
