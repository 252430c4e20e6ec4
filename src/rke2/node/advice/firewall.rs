//! Firewalls that a boot starts.
//!
//! Source: docs of RKE2 (firewalld and Canal), rancher/rke2#774, #4777; k3s `check-config`.

use super::super::{Node, NodeProblem, Start};
use crate::facts::node::EnabledUnit;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};

const FIREWALLD: &str = "firewalld.service";
const UFW: &str = "ufw.service";
const NFTABLES: &str = "nftables.service";

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let units = node.enabled(&[FIREWALLD, UFW, NFTABLES]);
    let mut all = Vec::new();
    for unit in units {
        all.extend(match unit.name {
            FIREWALLD => firewalld(start, node, unit),
            UFW => ufw(start, node, unit),
            _ => nftables(node, unit),
        });
    }
    all
}

/// The ports that other nodes must reach.
fn ports(start: &Start<'_>) -> &'static str {
    if start.is_server() {
        "9345, 6443, 2379, 2380 and 10250"
    } else {
        "10250"
    }
}

fn firewalld(start: &Start<'_>, node: &dyn Node, unit: EnabledUnit) -> Option<NodeProblem> {
    // Pods that are trusted were thought of.
    let zone = node.advice_file("/etc/firewalld/zones/trusted.xml").text();
    if zone.is_some_and(|zone| zone.contains("<source ") || zone.contains("<interface ")) {
        return None;
    }
    let conf = node.advice_file("/etc/firewalld/firewalld.conf").text();
    if conf.is_some_and(|conf| {
        conf.lines()
            .any(|line| line.trim() == "DefaultZone=trusted")
    }) {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostFirewall,
        FIREWALLD,
        format!(
            "firewalld is enabled: by default it drops packets of pods, and other nodes cannot reach the \
             ports {}",
            ports(start)
        ),
    );
    problem.notes =
        vec!["each reload of firewalld also removes the rules of the network plugin".to_owned()];
    problem.evidence = vec![Evidence::place(unit.file, Part::Read)];
    problem.remedies = vec![Remedy::Manual {
        summary: "disable firewalld, and filter outside the host or with network policies"
            .to_owned(),
        commands: vec!["systemctl disable --now firewalld".to_owned()],
    }];
    Some(problem)
}

fn ufw(start: &Start<'_>, node: &dyn Node, unit: EnabledUnit) -> Option<NodeProblem> {
    const CONF: &str = "/etc/ufw/ufw.conf";
    // The unit is enabled on each host with ufw: it does nothing without this line.
    let conf = node.advice_file(CONF).text()?;
    let (_, number) = conf.lines().zip(1_u32..).find(|(line, _)| {
        let line = line.trim().to_ascii_lowercase();
        matches!(line.as_str(), "enabled=yes" | "enabled=\"yes\"")
    })?;
    let mut problem = NodeProblem::advice(
        CheckId::HostFirewall,
        UFW,
        format!(
            "ufw is enabled: by default it drops packets of pods, and other nodes cannot reach the ports {}",
            ports(start)
        ),
    );
    problem.evidence = vec![
        Evidence::place(Source::line(CONF, number), Part::Sets),
        Evidence::place(unit.file, Part::Read),
    ];
    problem.remedies = vec![Remedy::Manual {
        summary: "disable ufw, or allow these ports, and the networks of pods and services"
            .to_owned(),
        commands: vec!["ufw disable".to_owned()],
    }];
    Some(problem)
}

fn nftables(node: &dyn Node, unit: EnabledUnit) -> Option<NodeProblem> {
    let files = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"];
    let (path, number) = files.into_iter().find_map(|path| {
        let text = node.advice_file(path).text()?;
        let (_, number) = text
            .lines()
            .zip(1_u32..)
            .find(|(line, _)| line.trim().starts_with("flush ruleset"))?;
        Some((path, number))
    })?;
    let mut problem = NodeProblem::advice(
        CheckId::HostFirewall,
        NFTABLES,
        "nftables.service is enabled and begins with `flush ruleset`: to restart or reload it removes the rules of \
         kube-proxy and the network plugin",
    );
    problem.evidence = vec![
        Evidence::place(Source::line(path, number), Part::Sets),
        Evidence::place(unit.file, Part::Read),
    ];
    problem.remedies = vec![Remedy::manual(format!(
        "in {path}, replace `flush ruleset` by `flush table` for the tables that the file makes"
    ))];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings, summaries};
    use super::*;
    use crate::rke2::role::Role;

    fn host(units: &[&'static str], files: &[(&'static str, &'static str)]) -> Facts {
        Facts {
            units: units.to_vec(),
            ..Facts::with(files)
        }
    }

    #[test]
    fn a_firewall_counts_where_it_is_on() {
        let trusted = "/etc/firewalld/zones/trusted.xml";
        let conf = "/etc/firewalld/firewalld.conf";
        for (units, files, count) in [
            (&[][..], &[("/etc/ufw/ufw.conf", "ENABLED=yes\n")][..], 0),
            (&[FIREWALLD], &[], 1),
            (&[FIREWALLD], &[(conf, "DefaultZone=public\n")], 1),
            (&[FIREWALLD], &[(conf, "DefaultZone=trusted\n")], 0),
            (
                &[FIREWALLD],
                &[(trusted, "<zone>\n<source address=\"10.42.0.0/16\"/>")],
                0,
            ),
            (&[FIREWALLD], &[(trusted, "<zone>\n</zone>")], 1),
            (&[UFW], &[], 0),
            (&[UFW], &[("/etc/ufw/ufw.conf", "# x\nENABLED=no\n")], 0),
            (&[UFW], &[("/etc/ufw/ufw.conf", "# x\nENABLED=yes\n")], 1),
            (
                &[UFW, FIREWALLD],
                &[("/etc/ufw/ufw.conf", "ENABLED=yes\n")],
                2,
            ),
            (
                &[NFTABLES],
                &[("/etc/nftables.conf", "table inet a {}\n")],
                0,
            ),
            (
                &[NFTABLES],
                &[(
                    "/etc/nftables.conf",
                    "#!/usr/sbin/nft -f\n\nflush ruleset\n",
                )],
                1,
            ),
        ] {
            let found = summaries(problems, &host(units, files));
            assert_eq!(found.len(), count, "{units:?} {files:?}: {found:?}");
        }
    }

    #[test]
    fn an_agent_is_reached_at_its_kubelet_only() {
        let agent = settings(Role::Agent, &[]);
        let found = found(problems, &agent, &host(&[FIREWALLD], &[]));
        assert!(found[0].summary.ends_with("the ports 10250"), "{found:?}");
    }
}
