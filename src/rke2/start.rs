//! What of RKE2's resolved configuration its start hangs on.

use super::role::Role;
use super::version::Version;
use crate::fact::Source;

/// Where a setting got its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// In words: `argument --profile`, `environment RKE2_CIS_PROFILE`, or empty where the place
    /// says it all.
    pub label: String,
    /// The file and line, where there is one.
    pub source: Option<Source>,
}

impl Origin {
    /// Nobody set it.
    pub fn default_value() -> Self {
        Self {
            label: "default".to_owned(),
            source: None,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.source, self.label.is_empty()) {
            (Some(source), true) => write!(f, "{source}"),
            (Some(source), false) => write!(f, "{} in {source}", self.label),
            (None, _) => f.write_str(&self.label),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value nobody set.
    pub fn default_value(value: T) -> Self {
        Self {
            value,
            origin: Origin::default_value(),
        }
    }
}

/// Something in the configuration that ends RKE2, or its kubelet, before the host is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// The check it belongs to, such as `config.parse`.
    pub check: &'static str,
    /// Whether it is the kubelet that ends.
    pub by_kubelet: bool,
    /// The words it ends with.
    pub message: String,
    /// The setting or file concerned.
    pub subject: String,
    /// Where it stands.
    pub source: Option<Source>,
}

/// Something in the configuration that starts, but not as its author meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The check it belongs to, such as `config.ignored`.
    pub check: &'static str,
    /// The setting or file concerned.
    pub subject: String,
    /// What is the matter, in one sentence.
    pub summary: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it stands.
    pub source: Option<Source>,
}

/// What RKE2 will run with, as far as its start is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSettings {
    /// The release that will run.
    pub version: Version,
    /// As what.
    pub role: Role,
    /// The `profile` flag; empty where unset.
    pub profile: Sourced<String>,
    /// RKE2's own `protect-kernel-defaults` flag, if set.
    pub protect_kernel_defaults: Option<Sourced<bool>>,
    /// What an argument or a configuration file of the kubelet's makes of `protect-kernel-defaults`,
    /// over RKE2's word.
    pub kubelet_protect: Option<Sourced<bool>>,
    /// What they make of `fail-cgroupv1`.
    pub kubelet_fail_cgroup_v1: Option<Sourced<bool>>,
    /// What ends RKE2 or the kubelet whatever the host is like, in the order it does.
    pub fatal: Vec<Fatal>,
    /// What starts but is not as meant.
    pub advice: Vec<Advice>,
}

impl StartSettings {
    /// A node with nothing configured.
    pub fn unconfigured(version: Version, role: Role) -> Self {
        Self {
            version,
            role,
            profile: Sourced::default_value(String::new()),
            protect_kernel_defaults: None,
            kubelet_protect: None,
            kubelet_fail_cgroup_v1: None,
            fatal: Vec::new(),
            advice: Vec::new(),
        }
    }
}
