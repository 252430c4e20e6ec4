//! Stage 4: the findings, and whether each holds for all that cannot be determined.

use super::collect::Collected;
use super::possible_values::{self, Assessed};
use super::settings::Resolved;
use super::target::{OtherUnit, Target};
use crate::assessment::UnitReport;
use crate::evaluate::evaluate;
use crate::host::HostRoot;
use crate::rke2::start::StartSettings;
use crate::unit::UnitDefinition;
use crate::verdict;

/// Evaluates the requirements against the facts and folds the findings into a verdict.
pub(super) fn report(
    root: &HostRoot,
    target: &Target,
    definition: Option<&UnitDefinition>,
    resolved: &Resolved,
    start: StartSettings,
    collected: &Collected,
) -> UnitReport {
    let mut findings = evaluate(&collected.requirements, &collected.facts);
    let assessed = Assessed {
        root,
        role: target.role,
        sockets: target.sockets,
        definition,
        resolved,
        requirements: &collected.requirements,
        facts: &collected.facts,
    };
    possible_values::doubt_uncertain(&mut findings, &assessed);
    UnitReport {
        unit: target.role.unit().to_owned(),
        role: start.role,
        version: start.version,
        version_source: resolved.program.installed.source,
        profile: start.profile,
        verdict: verdict::fold(&findings),
        findings,
        exits: Vec::new(),
        image: collected.facts.image,
        idle: target.other == OtherUnit::OnlyOtherEnabled,
    }
}
