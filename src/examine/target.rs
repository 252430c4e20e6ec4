//! What is assessed: one RKE2 unit, by the definition and for the release that the caller chooses.

use crate::host::{HostRoot, units};
use crate::rke2::role::Role;
use crate::rke2::version::Version;
use crate::unit::{Load, UnitDefinition};

/// One unit to assess.
#[derive(Debug, Clone)]
pub struct Target {
    /// The role, which names the unit.
    pub role: Role,
    /// The installed unit. Without one, the unit that RKE2 would install is assessed.
    pub definition: Option<UnitDefinition>,
    /// The release whose rules apply; by default the installed one.
    pub version: Option<Version>,
    /// How the unit relates to the other RKE2 unit of this host.
    pub other: OtherUnit,
    /// Whether to add advice from the hardening guide, which never decides whether a unit starts.
    pub advise: bool,
    /// Whether to add advice on the rest of the node, which never decides either, and for which many files are read.
    pub advise_on_node: bool,
    /// Whether to read which sockets listen. The kernel walks all of its connections for that, which takes it
    /// milliseconds.
    pub sockets: bool,
}

impl Target {
    /// The host as if a unit of this role were installed, with everything that is known to say about it.
    pub fn of(role: Role) -> Self {
        Self {
            role,
            definition: None,
            version: None,
            other: OtherUnit::Irrelevant,
            advise: true,
            advise_on_node: true,
            sockets: true,
        }
    }

    /// The same, where nothing is shown that only the rest of the node decides.
    #[must_use]
    pub(crate) fn without_node(self) -> Self {
        Self {
            advise_on_node: false,
            sockets: false,
            ..self
        }
    }
}

/// How a unit relates to the unit of the other role. RKE2's tarball installs both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtherUnit {
    /// The other unit is missing, or only this one is enabled.
    #[default]
    Irrelevant,
    /// Both are installed, and neither is enabled: it is not known which the host is meant to run.
    NeitherEnabled,
    /// Both are enabled, and only one of them can run.
    BothEnabled,
    /// Only the other unit is enabled, so that advice on this one is of no use.
    OnlyOtherEnabled,
}

/// The RKE2 units that are installed below `root`, as their files define them.
pub fn installed(root: &HostRoot) -> Vec<(Role, UnitDefinition)> {
    Role::ALL
        .into_iter()
        .filter_map(|role| Some((role, installed_unit(root, role)?)))
        .collect()
}

/// The unit of `role`, as its files define it, if it is installed.
pub(crate) fn installed_unit(root: &HostRoot, role: Role) -> Option<UnitDefinition> {
    Some(units::find(root, role.unit())).filter(|unit| unit.load != Load::NotFound)
}

/// One target for each RKE2 unit that is installed below `root`.
pub fn targets(root: &HostRoot) -> Vec<Target> {
    let installed = installed(root);
    let enabled = installed.iter().filter(|(_, unit)| unit.enabled.at_boot());
    let enabled = enabled.count();
    let are_both = installed.len() > 1;
    installed
        .into_iter()
        .map(|(role, definition)| Target {
            other: match (enabled, definition.enabled.at_boot()) {
                (2.., _) => OtherUnit::BothEnabled,
                (1, false) => OtherUnit::OnlyOtherEnabled,
                (0, _) if are_both => OtherUnit::NeitherEnabled,
                _ => OtherUnit::Irrelevant,
            },
            definition: Some(definition),
            ..Target::of(role)
        })
        .collect()
}
