//! Checks facts against requirements. Pure; findings have the order of the requirements.

mod account_remedy;
mod account_rows;
mod accounts;
mod doubt;
pub(crate) mod doubts;
pub(crate) mod exits;
mod kernel;
pub(crate) mod next_boot;
mod node;
mod settings;
pub(crate) mod systemd_version;
pub(crate) mod upgrade;

#[cfg(test)]
mod tests;

pub(crate) use account_remedy::{Conflict, RequestedIds, account_remedies};
pub(crate) use doubt::{Doubt, doubt};

use crate::facts::{Evidence, HostFacts, Part};
use crate::finding::{CheckId, Component, Finding, Outcome};
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
            .map(|fact| kernel::finding(requirement, *parameter, *rke2, *kubelet, fact, facts))
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
            origin,
        } => vec![settings::profile_name(
            requirement,
            value,
            *status,
            accepted,
            origin,
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
        RequirementKind::CgroupV2 { words, otherwise } => {
            vec![settings::cgroup(requirement, words, otherwise, facts)]
        }
        RequirementKind::SubordinateIds => vec![settings::subordinate_ids(requirement, facts)],
        RequirementKind::Configuration(fatal) => vec![settings::fatal(requirement, fatal)],
        RequirementKind::Node(problem) => vec![node::finding(requirement, problem)],
        RequirementKind::Unknown(unknown) => vec![settings::unknown(requirement, unknown)],
        RequirementKind::Advice(advice) => vec![settings::advice(requirement, advice)],
    }
}

/// A finding of `requirement` about `subject`. What does not apply has no state.
fn start(
    requirement: &Requirement,
    subject: &str,
    required_by: Vec<Component>,
    now: Outcome,
    next_boot: Outcome,
) -> Finding {
    start_as(
        requirement.id,
        requirement,
        subject,
        required_by,
        now,
        next_boot,
    )
}

/// The same, found by another check than the requirement's.
fn start_as(
    check: CheckId,
    requirement: &Requirement,
    subject: &str,
    required_by: Vec<Component>,
    now: Outcome,
    next_boot: Outcome,
) -> Finding {
    let source = requirement.because.source.iter();
    Finding::new(check, subject, required_by, now, next_boot)
        .with_evidence(source.map(|source| Evidence::place(source.clone(), Part::Requires)))
}

/// The state of a requirement that is met where it applies.
const fn met(requirement: &Requirement) -> Outcome {
    if requirement.applies {
        Outcome::Satisfied
    } else {
        Outcome::NotApplicable
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
