<<<<<<< HEAD
//! What an RKE2 node is: a server or an agent.
=======
//! The two roles an RKE2 node can have.
>>>>>>> config

use std::fmt;
use std::str::FromStr;

<<<<<<< HEAD
/// The role of a node, which is the word after `rke2` on its command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `rke2 server`: control plane, etcd, and a kubelet.
    Server,
    /// `rke2 agent`: a kubelet.
=======
/// What this node is to its cluster, which is the first word after `rke2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `rke2 server`: control plane and etcd.
    Server,
    /// `rke2 agent`: a worker.
>>>>>>> config
    Agent,
}

impl Role {
<<<<<<< HEAD
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Agent];

    /// The word on the command line.
=======
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Server, Self::Agent];

    /// The word on RKE2's command line.
>>>>>>> config
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }

<<<<<<< HEAD
    /// The systemd unit that RKE2 installs for it.
=======
    /// The systemd unit RKE2 ships for this role.
>>>>>>> config
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Server => "rke2-server.service",
            Self::Agent => "rke2-agent.service",
        }
    }
<<<<<<< HEAD

    /// The role of a unit, by its name; `.service` may be left out.
    pub fn of_unit(unit: &str) -> Option<Self> {
        let stem = unit.strip_suffix(".service").unwrap_or(unit);
        Self::ALL
            .into_iter()
            .find(|role| role.unit().strip_suffix(".service") == Some(stem))
    }
=======
>>>>>>> config
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

<<<<<<< HEAD
/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an RKE2 node is a \"server\" or an \"agent\"")]
pub struct NotARole;
=======
/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a role; write server or agent")]
pub struct NotARole(String);
>>>>>>> config

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
<<<<<<< HEAD
            .ok_or(NotARole)
=======
            .ok_or_else(|| NotARole(text.escape_debug().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_shows() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(role.unit(), format!("rke2-{role}.service"));
        }
        let error = "Server".parse::<Role>().unwrap_err().to_string();
        assert_eq!(error, "\"Server\" is not a role; write server or agent");
>>>>>>> config
    }
}
