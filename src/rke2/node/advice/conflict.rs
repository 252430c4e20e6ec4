//! Other distributions of Kubernetes, and docker, beside RKE2.
//!
//! Source: they share ports, `/run/k3s` and `/var/lib/kubelet`; rancher/rke2#4471 (docker sets the policy of FORWARD to
//! DROP).

use super::super::{Node, NodeProblem};
use crate::facts::node::EnabledUnit;
use crate::facts::{Evidence, Part};
use crate::finding::{CheckId, Remedy};

const DOCKER: &str = "docker.service";
/// The units of other distributions, each with its name.
const UNITS: [(&str, &str); 9] = [
    ("k3s.service", "k3s"),
    ("k3s-agent.service", "k3s"),
    ("kubelet.service", "a kubelet that RKE2 does not run"),
    ("k0scontroller.service", "k0s"),
    ("k0sworker.service", "k0s"),
    ("snap.microk8s.daemon-kubelite.service", "MicroK8s"),
    ("snap.microk8s.daemon-kubelet.service", "MicroK8s"),
    ("snap.microk8s.daemon-containerd.service", "MicroK8s"),
    (DOCKER, "docker"),
];

pub(super) fn problems(node: &dyn Node) -> Vec<NodeProblem> {
    let names: Vec<&'static str> = UNITS.iter().map(|(unit, _)| *unit).collect();
    let mut all: Vec<NodeProblem> = Vec::new();
    for unit in node.enabled(&names) {
        let name = UNITS
            .iter()
            .find(|(known, _)| *known == unit.name)
            .map_or(unit.name, |(_, name)| *name);
        // One of a distribution's units is enough to say so.
        if !all.iter().any(|problem| problem.summary.starts_with(name)) {
            all.push(problem(name, unit));
        }
    }
    all
}

fn problem(name: &str, unit: EnabledUnit) -> NodeProblem {
    let does = if unit.name == DOCKER {
        "lets the host forward no packets but its own (the policy of FORWARD is DROP), so pods may not reach each other"
    } else {
        "uses the same ports and directories as RKE2; only one of them can run on a node"
    };
    let mut problem = NodeProblem::advice(
        CheckId::HostConflict,
        unit.name,
        format!("{name} is enabled on this host ({}): it {does}", unit.name),
    );
    problem.evidence = vec![Evidence::place(unit.file, Part::Read)];
    problem.remedies = vec![Remedy::Manual {
        summary: if unit.name == DOCKER {
            "disable it: RKE2 brings its own containerd".to_owned()
        } else {
            "uninstall it, or run RKE2 on another host".to_owned()
        },
        commands: vec![format!("systemctl disable --now {}", unit.name)],
    }];
    problem
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, summaries};
    use super::*;

    #[test]
    fn each_distribution_is_named_once() {
        for (units, count) in [
            (&[][..], 0),
            (&["k3s.service", "k3s-agent.service"], 1),
            (&["kubelet.service", DOCKER], 2),
            (&["rke2-server.service", "containerd.service"], 0),
        ] {
            let node = Facts {
                units: units.to_vec(),
                ..Facts::default()
            };
            let found = summaries(|_, node| problems(node), &node);
            assert_eq!(found.len(), count, "{found:?}");
        }
    }
}
