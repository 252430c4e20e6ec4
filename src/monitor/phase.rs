//! The phase of a unit between down and running, from systemd's states.

use serde::{Deserialize, Serialize};

use crate::unit::LiveUnit;

/// What a unit does now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It runs.
    Running,
    /// It is being started, or a job to do so waits.
    Starting,
    /// It has ended, and systemd will start it again in a moment.
    Retrying,
    /// It has ended, systemd would start it again, and has no job to do so: systemd 254 and newer leave
    /// a unit in this state if the gate cancels its automatic restart.
    Stranded,
    /// It is being stopped.
    Stopping,
    /// It is down.
    Down,
    /// systemd cannot be asked, or another version of preflight-rke2 has written a phase that this one does
    /// not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// The string in JSON and on D-Bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Retrying => "retrying",
            Self::Stranded => "stranded",
            Self::Stopping => "stopping",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    /// The phase, from `ActiveState`, `SubState` and `Job`.
    pub fn of(unit: &LiveUnit) -> Self {
        match (unit.active_state.as_str(), unit.sub_state.as_str()) {
            ("active" | "reloading" | "refreshing", _) => Self::Running,
            ("deactivating", _) => Self::Stopping,
            ("activating", "auto-restart") => Self::Retrying,
            ("activating", "auto-restart-queued") if unit.job == 0 => Self::Stranded,
            ("activating", _) => Self::Starting,
            // A start that waits for the gate.
            _ if unit.job != 0 => Self::Starting,
            _ => Self::Down,
        }
    }

    /// Whether it is down, or about to be.
    pub const fn is_ending(self) -> bool {
        self.is_down() || matches!(self, Self::Stopping)
    }

    /// Whether it is down and stays down until a start is requested.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Stranded)
    }
}
