//! Makes the plan: collects the remedies of all findings and groups them into steps.

use super::plan::{Action, Host, ManualStep, Plan, Step, Unit};
use crate::evaluate::{Conflict, RequestedIds, account_remedies};
use crate::facts::{Part, SysctlFile, Table, TargetRoot};
use crate::finding::remedy::{Remedy, add_lines, leads_out};
use crate::finding::{CheckId, Effect, Finding, Outcome};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::sysctl_d::{SearchDirectory, Tree};

/// The name that the hardening guide gives the file.
pub(super) const USUAL_FILE: &str = "/etc/sysctl.d/60-rke2-cis.conf";

/// The plan for all of `units`, which are on one host.
pub(crate) fn plan(units: &[Unit<'_>], host: &Host, ids: RequestedIds) -> Result<Plan, Conflict> {
    let mut plan = Plan::default();
    every_boot(units, host, &mut plan);
    if host.live {
        now(units, &mut plan);
    }
    account(units, ids, &mut plan)?;
    manual(units, host, &mut plan);
    plan.untouched.push(
        "RKE2's own configuration, and everything that decides its profile and flags".to_owned(),
    );
    plan.untouched.push(
        "systemd-sysctl is not restarted and `sysctl --system` is not run: both would overwrite \
         values that network plugins set while RKE2 runs"
            .to_owned(),
    );
    Ok(plan)
}

fn findings<'a>(units: &'a [Unit<'a>]) -> impl Iterator<Item = &'a Finding> {
    units.iter().flat_map(|unit| &unit.report.findings)
}

fn parameter(check: CheckId) -> Option<KernelParameter> {
    KERNEL_PARAMETERS
        .into_iter()
        .find(|parameter| parameter.check == check)
}

/// The lines that one file takes.
struct Lines<'a> {
    file: &'a SysctlFile,
    root: &'a TargetRoot,
    findings: Vec<&'a Finding>,
    parameters: Vec<KernelParameter>,
}

/// The files for every boot: one, unless units with different settings need different ones.
fn every_boot(units: &[Unit<'_>], host: &Host, plan: &mut Plan) {
    let mut files: Vec<Lines<'_>> = Vec::new();
    for finding in findings(units) {
        let line = finding.remedies().iter().find_map(|remedy| match remedy {
            Remedy::SysctlLine { file, root, .. } => Some((file, root)),
            _ => None,
        });
        let (Some((file, root)), Some(parameter)) = (line, parameter(finding.id())) else {
            continue;
        };
        if files.iter().any(|f| f.parameters.contains(&parameter)) {
            continue;
        }
        if let Some(lines) = files.iter_mut().find(|lines| lines.file.path == file.path) {
            lines.findings.push(finding);
            lines.parameters.push(parameter);
        } else {
            files.push(Lines {
                file,
                root,
                findings: vec![finding],
                parameters: vec![parameter],
            });
        }
    }
    for lines in files {
        let step = file_step(lines, host, plan);
        plan.steps.push(step);
    }
}

fn file_step(lines: Lines<'_>, host: &Host, plan: &mut Plan) -> Step {
    let Lines {
        file,
        root,
        findings,
        parameters,
    } = lines;
    let mut why: Vec<String> = Vec::new();
    for finding in &findings {
        why.push(finding.summary().to_owned());
        overridden(finding, file, plan);
    }
    if file.path != USUAL_FILE {
        why.push(another_name(&host.tree, file, plan));
    }
    let text: Vec<String> = parameters.iter().map(KernelParameter::line).collect();
    let commands = match root.link(&file.path) {
        Some(link) => {
            why.push(format!("no command is shown {}", leads_out(link)));
            Vec::new()
        }
        None => add_lines(file, root, &text),
    };
    Step {
        what: format!(
            "{} {} to set kernel parameters at every boot",
            if file.exists { "extend" } else { "create" },
            file.path
        ),
        checks: findings.iter().map(|finding| finding.id()).collect(),
        why,
        commands,
        action: Action::File {
            before: content(&host.tree, file),
            target: file.clone(),
            parameters,
        },
    }
}

/// The content of the file, where it exists.
fn content(tree: &Tree, file: &SysctlFile) -> Option<Vec<u8>> {
    if !file.exists {
        return None;
    }
    let etc = tree
        .directories
        .iter()
        .find(|d| d.location == SearchDirectory::Etc);
    let files = etc.map(|etc| etc.files.as_slice()).unwrap_or_default();
    let there = files.iter().find(|there| there.path == file.path);
    Some(
        there
            .map(|there| there.bytes().to_vec())
            .unwrap_or_default(),
    )
}

/// Lines of other files that ours overrides are named, and stay.
fn overridden(finding: &Finding, file: &SysctlFile, plan: &mut Plan) {
    for evidence in finding.evidence().iter().filter(|e| e.part == Part::Sets) {
        if evidence.source.path == file.path {
            continue;
        }
        let line = format!("{}: stays, {} is read after it", evidence.source, file.path);
        if !plan.untouched.contains(&line) {
            plan.untouched.push(line);
        }
    }
}

/// Why the file has another name than usual.
fn another_name(tree: &Tree, file: &SysctlFile, plan: &mut Plan) -> String {
    let usual = tree
        .directories
        .iter()
        .flat_map(|directory| &directory.files)
        .find(|file| USUAL_FILE.ends_with(&format!("/{}", String::from_utf8_lossy(&file.name))));
    match usual {
        Some(there) => {
            let what = match &there.target {
                Some(to) => format!("is a link to {to}"),
                None if there.bytes().is_empty() => "is empty, or not a file: a mask".to_owned(),
                None => "exists, and would be overridden or hidden".to_owned(),
            };
            plan.untouched
                .push(format!("{}: {what}, and stays", there.path));
            format!("not in {USUAL_FILE}: {} {what}", there.path)
        }
        None => format!(
            "not in {USUAL_FILE}: files that are read after it would override it; {} is read last",
            file.path
        ),
    }
}

/// The values of the running kernel.
fn now(units: &[Unit<'_>], plan: &mut Plan) {
    let mut parameters: Vec<KernelParameter> = Vec::new();
    let mut step = Step {
        what: String::new(),
        checks: Vec::new(),
        why: Vec::new(),
        commands: Vec::new(),
        action: Action::Live(Vec::new()),
    };
    for finding in findings(units) {
        let mut remedies = finding.remedies().iter();
        let live = remedies.find(|remedy| matches!(remedy, Remedy::SetLive { .. }));
        let Some(remedy) = live else {
            continue;
        };
        let Some(parameter) = parameter(finding.id()).filter(|p| !parameters.contains(p)) else {
            continue;
        };
        parameters.push(parameter);
        step.checks.push(finding.id());
        step.why.push(finding.summary().to_owned());
        step.commands.extend(remedy.commands());
    }
    if parameters.is_empty() {
        return;
    }
    let keys: Vec<&str> = parameters.iter().map(|parameter| parameter.key).collect();
    step.what = format!("set {} now", keys.join(", "));
    step.action = Action::Live(parameters);
    plan.steps.push(step);
}

/// The account `etcd`.
fn account(units: &[Unit<'_>], ids: RequestedIds, plan: &mut Plan) -> Result<(), Conflict> {
    let Some(unit) = units.iter().find(|unit| unit.facts.user.is_some()) else {
        return Ok(());
    };
    for (table, remedy) in account_remedies(unit.facts, ids)? {
        let tables: &[Table] = match &remedy {
            Remedy::CreateAccount { account, .. } | Remedy::AddRows { account, .. }
                if account.user && account.group =>
            {
                &[Table::Passwd, Table::Group]
            }
            _ => std::slice::from_ref(&table),
        };
        let Some(action) = action(&remedy) else {
            continue;
        };
        let concerned = unit.report.findings.iter().filter(|finding| {
            finding.outcome() == Outcome::Violated
                && tables
                    .iter()
                    .any(|table| finding.id() == CheckId::of_account(*table))
        });
        let (checks, mut why): (Vec<CheckId>, Vec<String>) = concerned
            .map(|finding| (finding.id(), finding.summary().to_owned()))
            .unzip();
        why.extend(declared(&remedy));
        why.extend(
            remedy
                .link()
                .map(|link| format!("no command is shown {}", leads_out(link))),
        );
        plan.steps.push(Step {
            what: remedy.what(),
            checks,
            why,
            commands: remedy.commands(),
            action,
        });
    }
    Ok(())
}

fn action(remedy: &Remedy) -> Option<Action> {
    match remedy {
        Remedy::CreateAccount { account, .. } => Some(Action::Create(account.clone())),
        Remedy::AddRows { rows, .. } => Some(Action::Rows(rows.clone())),
        Remedy::CopyRow { row, .. } => Some(Action::Row(row.clone())),
        Remedy::SetLive { .. }
        | Remedy::SysctlLine { .. }
        | Remedy::CreatedAbove { .. }
        | Remedy::Edit(_)
        | Remedy::Edits { .. }
        | Remedy::Manual { .. } => None,
    }
}

/// A note on a declaration that is not ours.
fn declared(remedy: &Remedy) -> Option<String> {
    use crate::finding::account::SYSUSERS_FILE;
    match remedy {
        Remedy::CreateAccount { account, .. } | Remedy::AddRows { account, .. }
            if account.declared =>
        {
            Some(format!(
                "{SYSUSERS_FILE} declares it already, and is not changed"
            ))
        }
        _ => None,
    }
}

/// What blocks and no step fixes, and controls that fail for want of a decision.
fn manual(units: &[Unit<'_>], host: &Host, plan: &mut Plan) {
    for finding in units.iter().flat_map(|unit| unit.report.problems()) {
        let kernel = finding.id().sysctl_key().is_some();
        let decides = match finding.outcome() {
            Outcome::Violated => finding.effect() != Effect::Advice,
            _ => finding.next_boot_outcome() == Outcome::Indeterminate && (kernel || host.live),
        };
        // An image has no live values.
        let only_live = kernel && !host.live && finding.next_boot_outcome() == Outcome::Satisfied;
        let mut steps = plan.steps.iter().flat_map(|step| &step.checks);
        let has_step = steps.any(|check| *check == finding.id());
        let is_listed = plan.manual.iter().any(|step| step.check == finding.id());
        // The part of a violation that no step fixes.
        let rest: Vec<Remedy> = finding
            .remedies()
            .iter()
            .filter(|remedy| !has_step || remedy.is_manual())
            .cloned()
            .collect();
        let is_fixed = has_step && (rest.is_empty() || finding.outcome() != Outcome::Violated);
        if !decides || is_fixed || is_listed || only_live {
            continue;
        }
        plan.manual.push(ManualStep {
            check: finding.id(),
            summary: finding.summary().to_owned(),
            place: finding
                .evidence()
                .iter()
                .find(|e| matches!(e.part, Part::Sets | Part::Requires | Part::Read))
                .map(|e| e.source.clone()),
            remedies: rest,
        });
    }
}
