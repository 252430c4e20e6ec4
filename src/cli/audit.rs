//! `audit`: the node-local CIS controls.

use super::arguments::{Audit, AuditFailOn, Common, Show};
use super::terminal::style;
use super::{Status, print, select, stderr};
use crate::audit::control;
use crate::audit::{Audited, ControlOutcome, controls, waiver};
use crate::examine;
use crate::host;
use crate::report::audit::{AuditFormat, Controls, html, render};

pub(super) fn run(common: &Common, asked: &Audit) -> Status {
    if !asked.from.is_empty() {
        return merged(asked);
    }
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    if let Some(unknown) = asked.control.iter().find(|name| !controls::is_known(name)) {
        let near = crate::text::suggestion(unknown, &controls::keys());
        stderr::line(&format!("no benchmark has a control \"{unknown}\"{near}"));
        return Status::Usage;
    }
    let configuration = match host::configuration::read(&root) {
        Ok(configuration) => configuration,
        Err(error) => {
            stderr::line(&error.to_string());
            return Status::Failed;
        }
    };
    let Some(target) = select::target(&root, common, &asked.which) else {
        return Status::Failed;
    };
    let audit = examine::audit::node(&root, &target, asked.benchmark, &configuration.waivers);
    for unknown in &audit.unknown {
        stderr::line(&format!("cannot determine RKE2's configuration: {unknown}"));
    }
    for unused in waiver::unused(&configuration.waivers, audit.benchmark()) {
        stderr::line(&format!(
            "CIS {} has no control {}, so that its waiver has no effect",
            audit.benchmark(),
            unused.control
        ));
    }
    let all: Vec<&Audited> = audit
        .controls
        .iter()
        .filter(|audited| is_asked(audited, &asked.control))
        .collect();
    if all.is_empty() {
        stderr::line(&format!(
            "CIS {} does not have that control",
            audit.benchmark()
        ));
        return Status::Usage;
    }
    let is_text = asked.format == AuditFormat::Text;
    // A control that is named is shown whatever its result.
    let default: &[Show] = match (is_text, asked.control.is_empty() && !common.verbose) {
        (true, true) => &[
            Show::Fail,
            Show::Warn,
            Show::Error,
            Show::Manual,
            Show::Waived,
        ],
        _ => &[Show::All],
    };
    let wanted = if asked.show.is_empty() {
        default
    } else {
        &asked.show
    };
    let shown: Vec<&Audited> = all
        .iter()
        .copied()
        .filter(|audited| wanted.iter().any(|show| is_shown(audited, *show)))
        .filter(|audited| {
            asked
                .node_type
                .is_none_or(|node| control::NodeType::from(node) == audited.control.node)
        })
        .collect();
    let style = style(common.color, common.verbose);
    let controls = Controls {
        all: &all,
        shown: &shown,
        node_type: asked.node_type.map(control::NodeType::from),
    };
    print(&render(asked.format, &audit, controls, style));
    status(&all, &asked.fail_on)
}

/// One page of reports of several nodes.
fn merged(asked: &Audit) -> Status {
    if asked.format != AuditFormat::Html {
        stderr::line("--from takes --format html");
        return Status::Usage;
    }
    let mut page = html::Page::default();
    for path in &asked.from {
        let report = host::audit::report(path)
            .map_err(|error| error.to_string())
            .and_then(|text| {
                html::read(&text).map_err(|error| format!("{}: {error}", path.display()))
            });
        match report {
            Ok(report) => page.add(&report),
            Err(why) => {
                stderr::line(&why);
                return Status::Failed;
            }
        }
    }
    print(&page.render());
    if page.fails() {
        Status::Refused
    } else {
        Status::Good
    }
}

fn is_asked(audited: &Audited, names: &[String]) -> bool {
    names.is_empty()
        || names
            .iter()
            .any(|name| name == audited.control.key || name == audited.edition.id)
}

fn is_shown(audited: &Audited, show: Show) -> bool {
    let waived = audited.is_waived();
    match show {
        Show::All => true,
        Show::Waived => waived,
        Show::Fail => audited.outcome == ControlOutcome::Fail && !waived,
        Show::Warn => audited.outcome == ControlOutcome::Warn && !waived,
        Show::Error => audited.outcome == ControlOutcome::Error,
        Show::Manual => audited.outcome == ControlOutcome::Manual,
        Show::Pass => audited.outcome == ControlOutcome::Pass,
        Show::NotApplicable => audited.outcome == ControlOutcome::NotApplicable,
    }
}

fn status(all: &[&Audited], fail_on: &[AuditFailOn]) -> Status {
    let has = |outcome: ControlOutcome| all.iter().any(|a| a.outcome == outcome && !a.is_waived());
    let found = fail_on.iter().any(|what| match what {
        AuditFailOn::Warn => has(ControlOutcome::Warn),
        AuditFailOn::Manual => has(ControlOutcome::Manual),
    });
    if has(ControlOutcome::Fail) {
        Status::Refused
    } else if found {
        Status::FailedOn
    } else if has(ControlOutcome::Error) {
        for audited in all.iter().filter(|a| a.outcome == ControlOutcome::Error) {
            stderr::line(&format!(
                "{}: {}",
                audited.edition.id, audited.result.summary
            ));
        }
        Status::Failed
    } else {
        Status::Good
    }
}
