//! What an RKE2 node is: a server or an agent.

use std::fmt;
use std::str::FromStr;

/// The role of a node, which is the word after `rke2` on its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `rke2 server`: control plane, etcd, and a kubelet.
    Server,
    /// `rke2 agent`: a kubelet.
    Agent,
}

impl Role {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Agent];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }

    /// `a server`, `an agent`.
    pub(crate) const fn with_article(self) -> &'static str {
        match self {
            Self::Server => "a server",
            Self::Agent => "an agent",
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Server => Self::Agent,
            Self::Agent => Self::Server,
        }
    }

    /// The systemd unit that RKE2 installs for it.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Server => "rke2-server.service",
            Self::Agent => "rke2-agent.service",
        }
    }

    /// The role of a unit, by its name; `.service` may be left out.
    pub fn of_unit(unit: &str) -> Option<Self> {
        let stem = unit.strip_suffix(".service").unwrap_or(unit);
        Self::ALL
            .into_iter()
            .find(|role| role.unit().strip_suffix(".service") == Some(stem))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an RKE2 node is a \"server\" or an \"agent\"")]
pub struct NotARole;

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(NotARole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_word_and_its_unit() {
        for (role, word, unit) in [
            (Role::Server, "server", "rke2-server"),
            (Role::Agent, "agent", "rke2-agent"),
        ] {
            assert_eq!(role.to_string(), word);
            assert_eq!(word.parse(), Ok(role));
            assert_eq!(Role::of_unit(unit), Some(role));
            assert_eq!(Role::of_unit(&format!("{unit}.service")), Some(role));
        }
        for text in ["", "Server", "server ", "rke2-server"] {
            assert_eq!(text.parse::<Role>(), Err(NotARole));
        }
        for unit in ["", "server", "rke2-server.socket", "k3s.service"] {
            assert_eq!(Role::of_unit(unit), None, "{unit}");
        }
    }
}
