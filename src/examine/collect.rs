//! Stage 3: what the start requires of the host, and the facts that these requirements are about.

use super::next_boot;
use super::settings::Resolved;
use crate::facts::HostFacts;
use crate::host::{HostRoot, facts};
use crate::requirements::{self, Requirement};
use crate::rke2::profile::ProfileRules;
use crate::rke2::start::StartSettings;
use crate::unit::{SEARCH_PATH, UnitDefinition};

/// Requirements, and the facts to evaluate them against.
pub(super) struct Collected {
    pub(super) requirements: Vec<Requirement>,
    pub(super) facts: HostFacts,
}

/// Reads what the requirements of `start` are about, and no more.
pub(super) fn collect(
    root: &HostRoot,
    definition: Option<&UnitDefinition>,
    start: &StartSettings,
    resolved: &Resolved,
) -> Collected {
    let requirements = requirements::of(start);
    let next_boot = next_boot::read(root, definition, &requirements);
    let line_limit = ProfileRules::of(&start.version).account_line_limit;
    let mut facts = facts::collect(root, &requirements, next_boot.facts, line_limit);
    facts.systemd = next_boot.systemd;
    if searches_elsewhere(resolved) {
        facts.subordinate_ids = None;
    }
    if let Some(why) = &resolved.unknown_kernel {
        facts.forget_kernel(why);
    }
    Collected {
        requirements,
        facts,
    }
}

/// Whether the unit has the kubelet find programs in directories that are not searched here.
fn searches_elsewhere(resolved: &Resolved) -> bool {
    let environment = &resolved.program.invocation.env;
    let paths = environment
        .iter()
        .filter(|variable| variable.name == b"PATH");
    let is_known = |directory: &[u8]| {
        let mut known = SEARCH_PATH.iter();
        known.any(|known| known.as_bytes() == directory)
    };
    paths
        .flat_map(|path| path.value.split(|byte| *byte == b':'))
        .any(|part| !is_known(part))
}
