//! Who else has a flag that a release and role do not have.

use std::fmt;

use crate::rke2::Role;
use crate::rke2::version::Version;

/// Where a flag exists that this release and role do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// The other role has it, in this release.
    Role(Role),
    /// This role has it in later releases, from this one on.
    Since(Version),
    /// This role had it in earlier releases, up to this one.
    Until(Version),
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => write!(f, "only a {role} has it"),
            Self::Since(version) => write!(f, "RKE2 has it since {version}"),
            Self::Until(version) => write!(f, "RKE2 had it until {version}"),
        }
    }
}
