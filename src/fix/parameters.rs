//! The steps for kernel parameters: one file for every boot, and the running kernel key by key.

use super::plan::{Action, Host, Left, Plan, Step, Unit};
use crate::evaluate::{add_lines, next_boot};
use crate::facts::{Cure, Part, Reading, Target};
use crate::finding::{Finding, Outcome, Remedy};
use crate::requirements::RequirementKind;
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::{SearchDirectory, Tree};

/// The name that the hardening guide gives the file.
pub(super) const USUAL_FILE: &str = "/etc/sysctl.d/60-rke2-cis.conf";

/// The parameters that somebody demands, each with its finding, in order and once.
fn demanded<'a>(units: &'a [Unit<'a>]) -> Vec<(usize, KernelParameter, &'a Finding, Unit<'a>)> {
    let mut all: Vec<(usize, KernelParameter, &Finding, Unit<'_>)> = Vec::new();
    for unit in units {
        for requirement in unit.requirements.iter().filter(|r| r.applies) {
            let RequirementKind::Kernel {
                index, parameter, ..
            } = requirement.kind
            else {
                continue;
            };
            let finding = unit.report.findings.iter().find(|f| f.id == requirement.id);
            if let Some(finding) = finding
                && all.iter().all(|(there, ..)| *there != index)
            {
                all.push((index, parameter, finding, *unit));
            }
        }
    }
    all
}

/// The file for every boot.
pub(super) fn every_boot(units: &[Unit<'_>], host: &Host, plan: &mut Plan) {
    let wrong: Vec<_> = demanded(units)
        .into_iter()
        .filter_map(|(index, parameter, finding, unit)| {
            match &unit.facts.kernel.get(index)?.next_boot {
                Reading::Known(next) if next.number != Some(parameter.required) => {
                    Some((parameter, finding))
                }
                _ => None,
            }
        })
        .collect();
    // Units of different settings can demand different keys: the name is chosen for all of them.
    let wanted: Vec<KernelParameter> = wrong.iter().map(|(parameter, _)| *parameter).collect();
    let cures = next_boot::cures(&host.tree, &wanted, host.dialect);
    let mut target: Option<Target> = None;
    let mut parameters = Vec::new();
    let mut checks = Vec::new();
    let mut whys = Vec::new();
    for ((parameter, finding), cure) in wrong.into_iter().zip(cures) {
        match cure {
            Cure::File(file) => {
                checks.push(finding.id.clone());
                whys.push(finding.summary.clone());
                overridden(finding, &file, plan);
                parameters.push(parameter);
                target = Some(file);
            }
            Cure::Person { why } => plan.left.push(Left {
                check: finding.id.clone(),
                summary: format!("{} at the next boot: no file can set it", parameter.key),
                place: None,
                remedies: vec![Remedy {
                    summary: why,
                    commands: Vec::new(),
                }],
            }),
        }
    }
    let Some(target) = target else {
        return;
    };
    if target.path != USUAL_FILE {
        whys.push(another_name(&host.tree, &target, plan));
    }
    let before = target.exists.then(|| {
        let etc = host
            .tree
            .directories
            .iter()
            .find(|d| d.location == SearchDirectory::Etc);
        let files = etc.map(|etc| etc.files.as_slice()).unwrap_or_default();
        files
            .iter()
            .find(|file| file.path == target.path)
            .map(|file| file.bytes().to_vec())
            .unwrap_or_default()
    });
    let lines: Vec<String> = parameters.iter().map(KernelParameter::line).collect();
    let below = Target {
        path: format!("{}{}", host.prefix, target.path),
        ..target.clone()
    };
    plan.steps.push(Step {
        what: format!(
            "{} {} with what is to hold at every boot",
            if target.exists { "complete" } else { "write" },
            target.path
        ),
        checks,
        why: whys,
        commands: add_lines(&below, &lines),
        action: Action::File {
            target,
            before,
            parameters,
        },
    });
}

/// Other people's lines that our file beats are named, and stay.
fn overridden(finding: &Finding, target: &Target, plan: &mut Plan) {
    for evidence in finding.evidence.iter().filter(|e| e.part == Part::Sets) {
        if evidence.source.path == target.path {
            continue;
        }
        let line = format!(
            "{}: stays; {} is read after it",
            evidence.source, target.path
        );
        if !plan.untouched.contains(&line) {
            plan.untouched.push(line);
        }
    }
}

/// Why it is not the usual name.
fn another_name(tree: &Tree, target: &Target, plan: &mut Plan) -> String {
    let usual = tree
        .directories
        .iter()
        .flat_map(|directory| &directory.files)
        .find(|file| USUAL_FILE.ends_with(&format!("/{}", String::from_utf8_lossy(&file.name))));
    match usual {
        Some(file) => {
            let what = match &file.target {
                Some(to) => format!("is a link to {to}"),
                None if file.bytes().is_empty() => "is empty, or no file: a mask".to_owned(),
                None => "is there, and would be beaten or hidden".to_owned(),
            };
            plan.untouched
                .push(format!("{}: {what}, and stays", file.path));
            format!("not in {USUAL_FILE}: {} {what}", file.path)
        }
        None => format!(
            "not in {USUAL_FILE}: files that are read after it would override it; {} comes last",
            target.path
        ),
    }
}

/// The values of the running kernel.
pub(super) fn now(units: &[Unit<'_>], plan: &mut Plan) {
    for (_, parameter, finding, _) in demanded(units) {
        // What cannot be read cannot be mended by writing to it.
        if finding.now != Outcome::Violated || finding.actual.is_none() {
            continue;
        }
        plan.steps.push(Step {
            what: format!("set {} to {} now", parameter.key, parameter.required),
            checks: vec![finding.id.clone()],
            why: vec![finding.summary.clone()],
            commands: vec![format!(
                "sysctl -w {}={}",
                parameter.key, parameter.required
            )],
            action: Action::Live(parameter),
        });
    }
}
