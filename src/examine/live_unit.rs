//! Stage 1: the unit. Its files are read while systemd is asked, because the two mostly agree.

use std::time::Duration;

use super::target::Target;
use super::{program, visibility};
use crate::assessment::{Examination, LastRun};
use crate::host::systemd_bus::PendingQuery;
use crate::host::{HostRoot, units};
use crate::requirements::RequirementKind;
use crate::rke2::role::Role;
use crate::unit::UnitDefinition;

/// How long systemd may take to answer over D-Bus.
const BUS_TIMEOUT: Duration = Duration::from_secs(2);

/// What systemd's own definition of the unit means for an assessment that was made from files.
pub(super) enum Answer {
    /// systemd was not asked, did not answer, or does not know the unit.
    None,
    /// systemd's definition gives the same result.
    Same(UnitDefinition, LastRun),
    /// systemd's definition gives another result: the unit is to be assessed by it.
    Different(UnitDefinition, LastRun),
}

/// Begins to ask systemd how it would start the unit of `role`. An image has no systemd to ask.
pub(crate) fn ask_systemd(root: &HostRoot, role: Role) -> Option<PendingQuery> {
    if root.is_live() {
        Some(PendingQuery::begin(role.unit(), BUS_TIMEOUT))
    } else {
        None
    }
}

/// Waits for systemd's answer and compares it with the definition from files, and with what was found by it.
pub(super) fn answer(
    root: &HostRoot,
    target: &Target,
    by_files: &Examination,
    asking: Option<PendingQuery>,
) -> Answer {
    let (Some(offline), Some(asking)) = (&target.definition, asking) else {
        return Answer::None;
    };
    let units = asking.answer().unwrap_or_default();
    let Some(live) = units.first() else {
        return Answer::None;
    };
    let definition = units::complete(root, live, offline);
    if starts_alike(&definition, offline) && !names_systemd(&definition, by_files) {
        Answer::Same(definition, LastRun::of(live))
    } else {
        Answer::Different(definition, LastRun::of(live))
    }
}

/// Whether only systemd itself names its version, and the next boot depends on it.
fn names_systemd(definition: &UnitDefinition, by_files: &Examination) -> bool {
    let is_kernel = |kind: &RequirementKind| matches!(kind, RequirementKind::Kernel { .. });
    let mut requirements = by_files.requirements.iter();
    definition.systemd.is_some()
        && by_files.facts.systemd.is_none()
        && requirements.any(|requirement| requirement.applies && is_kernel(&requirement.kind))
}

/// Whether both definitions start RKE2 in the same way and give cause for the same advice.
fn starts_alike(a: &UnitDefinition, b: &UnitDefinition) -> bool {
    let same_command = match (a.command(), b.command()) {
        (Some(a), Some(b)) => {
            a.program == b.program
                && program::invocation(&a).means_the_same_as(&program::invocation(&b))
        }
        (None, None) => true,
        _ => false,
    };
    same_command && a.name == b.name && a.problems == b.problems && visibility::is_alike(a, b)
}
