//! `iptables` on the host, which the network plugin's port mapping runs.
//!
//! Source: rancher/rke2#3361, #356; docs of RKE2, "Canal and Calico need iptables or xtables-nft on the node".

use super::super::{Node, NodeProblem, Start};
use crate::finding::{CheckId, Remedy};

const DIRECTORIES: [&str; 6] = [
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
];

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    // Without its directory of programs, an image is no whole host.
    if !start.may_use(&["canal", "calico"]) || node.advice_names("/usr/sbin").is_empty() {
        return None;
    }
    let has_it = |directory: &str| {
        node.advice_names(directory)
            .iter()
            .any(|name| name == "iptables")
    };
    if DIRECTORIES.into_iter().any(has_it) {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostIptables,
        "iptables",
        "the host has no program iptables, so pods with a hostPort, such as the ingress controller, do not start",
    );
    problem.notes = vec![format!("searched in {}", DIRECTORIES.join(", "))];
    problem.remedies = vec![Remedy::manual(
        "install the distribution's package iptables (iptables-nft on RHEL 10)",
    )];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn it_is_needed_with_canal_and_calico() {
        let bare: &[_] = &[("/usr/sbin/useradd", "x")];
        let with: &[_] = &[("/usr/sbin/useradd", "x"), ("/usr/bin/iptables", "x")];
        let cilium: &[_] = &[("cni", "cilium,")];
        for (files, set, is_found) in [
            (bare, &[][..], true),
            (with, &[], false),
            (&[], &[], false),
            (bare, cilium, false),
            (bare, &[("cni", "multus,calico,")], true),
        ] {
            let found = found(problem, &settings(Role::Server, set), &Facts::with(files));
            assert_eq!(!found.is_empty(), is_found, "{set:?}");
        }
    }
}
