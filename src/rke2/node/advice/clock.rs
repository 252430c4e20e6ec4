//! What sets the host's clock: certificates that RKE2 makes with a wrong one are not valid yet, or no longer, when it is
//! right (rancher/rke2#1702, #4372).

use super::super::{Node, NodeProblem};
use crate::finding::{CheckId, Remedy};

/// The units of programs that set the clock.
const UNITS: [&str; 7] = [
    "chrony.service",
    "chronyd.service",
    "ntp.service",
    "ntpd.service",
    "ntpsec.service",
    "openntpd.service",
    "systemd-timesyncd.service",
];

/// Whether the next boot starts a unit that sets the clock. `None` where no such unit is needed, or that is not known.
pub(in crate::rke2::node) fn has_time_sync(node: &dyn Node) -> Option<bool> {
    let is_container = node.is_container()?;
    (!is_container).then(|| !node.enabled(&UNITS).is_empty())
}

pub(super) fn problem(node: &dyn Node) -> Option<NodeProblem> {
    let resources = node.resources(&[])?;
    if !node.is_running() || resources.is_container || !node.enabled(&UNITS).is_empty() {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostTimeSync,
        "clock",
        "no unit that sets the clock is enabled; nodes whose clocks differ do not accept each other's certificates",
    );
    problem.notes = vec![format!("looked for {}", UNITS.join(", "))];
    problem.remedies = vec![Remedy::manual(
        "install and enable chrony or systemd-timesyncd, unless the hypervisor sets the clock",
    )];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, summaries};
    use super::*;
    use crate::facts::node::Resources;

    #[test]
    fn one_program_suffices() {
        let host = |units: &[&'static str], is_container| Facts {
            units: units.to_vec(),
            resources: Some(Resources {
                is_container,
                ..Resources::default()
            }),
            ..Facts::default()
        };
        let found = |node| summaries(|_, node| problem(node), &node).len();
        assert_eq!(found(host(&[], false)), 1);
        assert_eq!(found(host(&["chronyd.service"], false)), 0);
        assert_eq!(found(host(&[], true)), 0);
        assert_eq!(found(Facts::default()), 0);
    }
}
