//! Jobs in systemd's queue, and the state of their units.

/// One job of systemd's queue, as `ListJobs()` and `systemctl list-jobs` give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Its number.
    pub id: u32,
    /// The unit it belongs to.
    pub unit: String,
    /// `start`, `restart`, `stop`, `verify-active` and the like.
    pub kind: String,
}

impl Job {
    /// Whether the unit is started once the job has run.
    pub(crate) fn starts(&self) -> bool {
        matches!(self.kind.as_str(), "start" | "restart")
    }
}

/// The state that decides how a pending start of a unit can be ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct UnitState {
    /// `ActiveState`.
    pub active: String,
    /// `SubState`.
    pub sub: String,
    /// `After`: the units that this one is ordered after, those that name it in `Before=` included.
    pub after: Vec<String>,
}

impl UnitState {
    /// Whether systemd is about to restart the unit automatically.
    pub(crate) fn is_restarting(&self) -> bool {
        self.active == "activating" && self.sub.starts_with("auto-restart")
    }

    /// Whether no process of the unit runs, so that a pending start job is all there is to cancel.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.active.as_str(), "inactive" | "failed")
    }
}

impl std::fmt::Display for UnitState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.active, self.sub)
    }
}

/// Reads the output of `systemctl list-jobs --plain --no-legend`: number, unit, type, state. Other
/// lines ("No jobs running.") are ignored.
pub(crate) fn parse_list(text: &str) -> Vec<Job> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let id = words.next()?.parse().ok()?;
        let unit = words.next()?.to_owned();
        let kind = words.next()?.to_owned();
        matches!(words.next()?, "waiting" | "running").then_some(Job { id, unit, kind })
    };
    text.lines().filter_map(line).collect()
}

/// Reads the output of `systemctl show --property=ActiveState,SubState,After`.
pub(crate) fn parse_state(text: &str) -> UnitState {
    let mut state = UnitState::default();
    for line in text.lines() {
        match line.split_once('=') {
            Some(("ActiveState", value)) => value.clone_into(&mut state.active),
            Some(("SubState", value)) => value.clone_into(&mut state.sub),
            Some(("After", value)) => {
                state.after = value.split_whitespace().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemctl_output_is_read() {
        let jobs = parse_list(
            "  12 rke2-server.service                      start waiting\n\
             101 preflight-rke2-gate@rke2-server.service start running\n\
             No jobs running.\n\n2 jobs listed.\n",
        );
        let shown: Vec<_> = jobs
            .iter()
            .map(|j| (j.id, j.unit.as_str(), j.starts()))
            .collect();
        assert_eq!(
            shown,
            [
                (12, "rke2-server.service", true),
                (101, "preflight-rke2-gate@rke2-server.service", true)
            ]
        );
        let state = parse_state(
            "ActiveState=activating\nSubState=auto-restart-queued\nAfter=a.service b.mount\n",
        );
        assert!(state.is_restarting() && !state.is_down());
        assert_eq!(state.after, ["a.service", "b.mount"]);
    }
}
