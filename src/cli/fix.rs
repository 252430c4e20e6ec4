//! `fix`: prints the plan, as text or for another tool, or applies it and checks again.

use std::fmt::Write as _;

use super::arguments::{Common, Fix, Output};
use super::terminal::style;
use super::{Status, print, select, stderr};
use crate::assessment::{Examination, UnitReport};
use crate::evaluate::RequestedIds;
use crate::examine::{self, Target};
use crate::fix::declare::{self, Form};
use crate::fix::{Plan, Unit, plan, script, text};
use crate::host::HostRoot;
use crate::host::apply::{self, Done, Programs};
use crate::report::text::{Style, headline};
use crate::text::printable;
use crate::verdict::Verdict;

pub(super) fn run(common: &Common, fix: &Fix) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(targets) = select::targets(&root, common, &fix.which) else {
        return Status::Failed;
    };
    let ids = RequestedIds {
        uid: fix.uid,
        gid: fix.gid,
    };
    let programs = Programs::default();
    // Of the rest of the node, a plan has what keeps RKE2 from running.
    let targets: Vec<Target> = targets
        .into_iter()
        .map(|target| Target {
            advise_on_node: false,
            ..target
        })
        .collect();
    let examined = examine(&root, &targets);
    let units: Vec<Unit<'_>> = examined.iter().map(unit).collect();
    let host = apply::survey(&root, &units);
    if let Some(form) = fix.output.and_then(form) {
        let declared = declare::declared(&units, &host, ids);
        print(&declare::render(&declared, form));
        for problem in &declared.problems {
            stderr::line(problem);
        }
        return Status::Good;
    }
    let plan = match plan(&units, &host, ids) {
        Ok(plan) => plan,
        Err(conflict) => {
            stderr::line(&conflict.to_string());
            return Status::Failed;
        }
    };
    let style = style(common.color, common.verbose);
    if fix.output.is_some() {
        let names: Vec<&str> = units.iter().map(|u| u.report.unit.as_str()).collect();
        print(&script::render(&plan, &host, &names.join(" and ")));
        return Status::Good;
    }
    if fix.apply {
        // A plan made from half the facts could break what works.
        let troubles = root.read_errors();
        if !troubles.is_empty() {
            for error in troubles {
                stderr::line(&format!("nothing is changed: {error}"));
            }
            return Status::Failed;
        }
        return carry_out(&root, &targets, &plan, &programs, style);
    }
    let mut out = headlines(&examined, style);
    out.push_str(&text::render(&plan));
    if plan.is_empty() {
        out.push_str("nothing to do\n");
    } else if !plan.steps.is_empty() {
        let _ = writeln!(
            out,
            "\nRun the same command with --apply to apply this, or with --output script to print a script for review."
        );
    }
    print(&out);
    Status::Good
}

fn examine(root: &HostRoot, targets: &[Target]) -> Vec<Examination> {
    targets
        .iter()
        .map(|target| examine::assess(root, target))
        .collect()
}

fn unit(examination: &Examination) -> Unit<'_> {
    Unit {
        report: &examination.report,
        requirements: &examination.requirements,
        facts: &examination.facts,
    }
}

/// The form of a declaration; none for the script, which is a plan.
const fn form(output: Output) -> Option<Form> {
    Some(match output {
        Output::Script => return None,
        Output::SysctlD => Form::SysctlD,
        Output::SysusersD => Form::SysusersD,
        Output::Butane => Form::Butane,
        Output::CloudInit => Form::CloudInit,
        Output::Ansible => Form::Ansible,
    })
}

fn headlines(examined: &[Examination], style: Style) -> String {
    examined.iter().fold(String::new(), |mut out, examination| {
        let _ = writeln!(out, "{}", headline(&examination.report, style));
        out
    })
}

fn carry_out(
    root: &HostRoot,
    targets: &[Target],
    plan: &Plan,
    programs: &Programs,
    style: Style,
) -> Status {
    let done = apply::apply(root, plan, programs);
    let mut out = String::new();
    for Done { step, result } in &done {
        let word = if result.is_ok() { "done" } else { "FAILED" };
        let _ = writeln!(out, "{word}: {}", printable(&step.what));
        if let Err(failure) = result {
            stderr::line(&printable(&format!("{}: {failure}", step.what)));
        }
    }
    if done.is_empty() {
        out.push_str("nothing to do\n");
    }
    let examined = examine(root, targets);
    out.push_str(&headlines(&examined, style));
    out.push_str(&text::manual(&plan.manual));
    print(&out);
    if done.iter().any(|done| done.result.is_err()) {
        return Status::Failed;
    }
    let verdicts = examined.iter().map(|e| status(root, &e.report));
    verdicts.fold(Status::Good, |worst, status| match (worst, status) {
        (Status::Refused, _) | (_, Status::Refused) => Status::Refused,
        (Status::Failed, _) | (_, Status::Failed) => Status::Failed,
        _ => Status::Good,
    })
}

/// Whether the unit would start now and after the next boot. An image has no running kernel, so that an undetermined
/// verdict is no failure.
fn status(root: &HostRoot, report: &UnitReport) -> Status {
    let verdicts = [report.verdict.next_boot, report.verdict.now];
    let decide = if root.is_live() { 2 } else { 1 };
    let mut verdicts = verdicts.into_iter().take(decide);
    if verdicts
        .clone()
        .any(|verdict| verdict == Verdict::WouldRefuse)
    {
        Status::Refused
    } else if root.is_live() && verdicts.any(|verdict| verdict == Verdict::Undetermined) {
        Status::Failed
    } else {
        Status::Good
    }
}
