//! The two roles an RKE2 node can have.

use std::fmt;
use std::str::FromStr;

/// What this node is to its cluster, which is the first word after `rke2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `rke2 server`: control plane and etcd.
    Server,
    /// `rke2 agent`: a worker.
    Agent,
}

impl Role {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Server, Self::Agent];

    /// The word on RKE2's command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }

    /// The systemd unit RKE2 ships for this role.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Server => "rke2-server.service",
            Self::Agent => "rke2-agent.service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a role; write server or agent")]
pub struct NotARole(String);

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
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
    }
}
