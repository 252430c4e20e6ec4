//! Assesses one unit. The only module where reading the host and reasoning about it meet.
//!
//! ```text
//! live_unit  the unit, from its files and from systemd
//! settings   what RKE2 would run with: program, release, configuration
//! start      which of it decides the start, and which advice applies
//! collect    what that requires of the host, and the facts about it
//! judge      the findings; those that something unknown could change do not block
//! measure    what changes by time alone; not for the gate
//! exits      what really happened in the last start; not for the gate
//! ```

pub(crate) mod audit;
mod collect;
pub(crate) mod exits;
mod judge;
mod kubelet_machine;
mod live_unit;
pub(crate) mod measure;
mod next_boot;
mod node;
mod possible_values;
mod program;
mod settings;
mod start;
mod target;
pub(crate) mod upgrade;
mod visibility;

use crate::assessment::{Examination, LastRun};
use crate::host::HostRoot;
use crate::host::systemd_bus::PendingQuery;
use crate::unit::UnitDefinition;
use live_unit::Answer;

pub(crate) use live_unit::ask_systemd;
pub(crate) use next_boot::parameters;
pub(crate) use target::installed_unit;
pub use target::{OtherUnit, Target, installed, targets};

/// Assesses one unit; one that is installed on the running host, as systemd would start it.
pub fn assess(root: &HostRoot, target: &Target) -> Examination {
    let asking = if target.definition.is_some() {
        ask_systemd(root, target.role)
    } else {
        None
    };
    assess_asking(root, target, asking)
}

/// As [`assess`], where systemd has been asked already. The unit is assessed by its files while systemd
/// answers, and again only where the answer differs.
pub(crate) fn assess_asking(
    root: &HostRoot,
    target: &Target,
    asking: Option<PendingQuery>,
) -> Examination {
    let by_files = assess_definition(root, target, target.definition.clone());
    match live_unit::answer(root, target, &by_files, asking) {
        Answer::None => by_files,
        Answer::Same(definition, last_run) => Examination {
            definition: Some(definition),
            last_run,
            ..by_files
        },
        Answer::Different(definition, last_run) => Examination {
            last_run,
            ..assess_definition(root, target, Some(definition))
        },
    }
}

/// Assesses the unit as `definition` has it.
pub(crate) fn assess_definition(
    root: &HostRoot,
    target: &Target,
    definition: Option<UnitDefinition>,
) -> Examination {
    let resolved = settings::resolve(root, target, definition.as_ref());
    let start = start::settings(root, target, definition.as_ref(), &resolved);
    let collected = collect::collect(root, definition.as_ref(), &start, &resolved);
    let report = judge::report(
        root,
        target,
        definition.as_ref(),
        &resolved,
        start,
        &collected,
    );
    Examination {
        definition,
        settings: resolved.settings,
        requirements: collected.requirements,
        facts: collected.facts,
        report,
        last_run: if root.is_live() {
            LastRun::Unknown
        } else {
            LastRun::Image
        },
    }
}
