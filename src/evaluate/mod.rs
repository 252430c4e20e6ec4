//! Holds requirements against facts. Pure, total, and in the order of the requirements.

mod accounts;
mod doubt;
pub(crate) mod doubts;
mod kernel;
pub(crate) mod next_boot;
mod settings;
pub(crate) mod systemd_version;

#[cfg(test)]
mod tests;

pub(crate) use doubt::{Doubt, blocks, doubt};
pub(crate) use kernel::add_lines;

use crate::facts::{Evidence, HostFacts, Part};
use crate::finding::{Component, Effect, Finding, Outcome};
use crate::requirements::{Requirement, RequirementKind};

/// One finding for each requirement, those that do not apply included.
pub fn evaluate(requirements: &[Requirement], facts: &HostFacts) -> Vec<Finding> {
    requirements
        .iter()
        .flat_map(|requirement| one(requirement, facts))
        .collect()
}

fn one(requirement: &Requirement, facts: &HostFacts) -> Vec<Finding> {
    match &requirement.kind {
        RequirementKind::Kernel {
            index,
            parameter,
            rke2,
            kubelet,
        } => facts
            .kernel
            .get(*index)
            .map(|fact| {
                kernel::finding(requirement, *parameter, *rke2, *kubelet, fact, facts.image)
            })
            .into_iter()
            .collect(),
        RequirementKind::Account {
            table,
            stage,
            separator,
        } => accounts::findings(requirement, *table, *stage, separator, facts),
        RequirementKind::ProfileName {
            value,
            status,
            accepted,
        } => vec![settings::profile_name(
            requirement,
            value,
            *status,
            accepted,
        )],
        RequirementKind::ProtectKernelDefaults {
            profile,
            flag,
            stage,
        } => vec![settings::protect_kernel_defaults(
            requirement,
            profile,
            flag.as_ref(),
            *stage,
        )],
        RequirementKind::CgroupV2 { words } => vec![settings::cgroup(requirement, words, facts)],
        RequirementKind::Configuration(fatal) => vec![settings::fatal(requirement, fatal)],
        RequirementKind::Unknown(unknown) => vec![settings::unknown(requirement, unknown)],
        RequirementKind::Advice(advice) => vec![settings::advice(requirement, advice)],
    }
}

/// A finding of `requirement` with nothing found yet: satisfied, or not applicable.
fn start(requirement: &Requirement, subject: &str, required_by: Vec<Component>) -> Finding {
    let outcome = if requirement.applies {
        Outcome::Satisfied
    } else {
        Outcome::NotApplicable
    };
    Finding {
        id: requirement.id.clone(),
        outcome,
        effect: Effect::BlocksStart,
        required_by,
        subject: subject.to_owned(),
        required: None,
        actual: None,
        next_boot: None,
        summary: String::new(),
        notes: Vec::new(),
        evidence: requirement
            .because
            .source
            .iter()
            .map(|source| Evidence::place(source.clone(), Part::Demands))
            .collect(),
        remedies: Vec::new(),
        now: outcome,
        then: outcome,
        predictions: Vec::new(),
    }
}

/// `RKE2`, `RKE2 and the kubelet`.
pub(crate) fn names(components: &[Component]) -> String {
    components
        .iter()
        .map(|component| component.name())
        .collect::<Vec<_>>()
        .join(" and ")
}
