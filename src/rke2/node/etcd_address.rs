//! The address with which the node became a member of etcd, and the one that it has now.
//!
//! Source: k3s-io/k3s `pkg/etcd/etcd.go` (`Test`): RKE2 looks for its own address in the list of members, and tries
//! again for ever.

use std::net::IpAddr;

use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::addresses::{addresses_of, chosen, origins};
use super::{Node, NodeProblem, Start};

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let settings = start.settings;
    // A reset makes the node the only member, with its new address.
    if !start.has_etcd() || settings.is_on("cluster-reset") {
        return None;
    }
    let entries = settings.list("etcd-arg");
    if entries
        .iter()
        .any(|(entry, _)| entry.contains("advertise-"))
    {
        return None;
    }
    let data_dir = start.data_dir();
    let member = node.etcd_member(&data_dir)?;
    let before = advertised(member.config.as_deref()?);
    let old = before.first()?;
    let new = chosen(start, node)?;
    if before.contains(&new) {
        return None;
    }
    // RKE2 writes the file before it fails: what the members know is in etcd's data alone. What is deleted there stays
    // in it for a time, so that only an address that it lacks is no member's.
    if node.etcd_data_has(&data_dir, &format!("https://{new}:2380"))? {
        return None;
    }
    let is_set = !addresses_of(start, "node-ip").is_empty();
    let mut problem = NodeProblem::new(
        CheckId::HostEtcdAddress,
        "address of etcd's member",
        Component::Etcd,
        Stage::Etcd,
        format!("the node's address is {new}, and it is a member of etcd with the address {old}"),
    );
    // An address that a configuration sets stays.
    problem.is_transient = !is_set;
    problem.required = Some(old.to_string());
    problem.actual = Some(new.to_string());
    problem.notes = vec![
        "RKE2 runs and logs \"Failed to test etcd connection: this server is a not a member of the etcd cluster\" for ever"
            .to_owned(),
    ];
    problem.evidence = origins(start, "node-ip");
    let read = Evidence::place(Source::file(member.file), Part::Requires);
    problem.evidence.push(read);
    let back = if is_set {
        format!("set `node-ip` to {old}, and give the host that address")
    } else {
        format!("give the host the address {old} again")
    };
    problem.remedies = vec![
        Remedy::manual(back),
        Remedy::Manual {
            summary: "if this is the only server, make it the only member with its new address"
                .to_owned(),
            commands: vec!["rke2 server --cluster-reset".to_owned()],
        },
    ];
    Some(problem)
}

/// The addresses that an etcd tells others: those of its peers' side, else of its clients' side.
fn advertised(config: &str) -> Vec<IpAddr> {
    for key in ["initial-advertise-peer-urls:", "advertise-client-urls:"] {
        let mut lines = config.lines();
        if let Some(value) = lines.find_map(|line| line.strip_prefix(key)) {
            let value = value.trim().trim_matches(['"', '\'']);
            return value.split(',').filter_map(host).collect();
        }
    }
    Vec::new()
}

/// The address in a URL.
fn host(url: &str) -> Option<IpAddr> {
    let (_, rest) = url.trim().split_once("://")?;
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => rest.split([':', '/']).next()?,
    };
    host.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, route};
    use super::*;
    use crate::facts::node::EtcdMember;
    use crate::rke2::role::Role;

    /// A server whose etcd was last at 192.0.2.1.
    fn server(addresses: &[&str]) -> Fake {
        let mut fake = Fake::with_addresses(addresses);
        fake.member = Some(EtcdMember {
            config: Some("advertise-client-urls: https://192.0.2.1:2379\n".to_owned()),
            file: "/etcd/config".to_owned(),
        });
        fake.data = Some("https://192.0.2.1:2380");
        fake
    }

    /// Whether there is a problem, and whether it can pass.
    fn found(fake: &Fake, config: &str) -> Option<bool> {
        let problems = fake.problems(Role::Server, "v1.36.1", config);
        let of_etcd = |problem: &&NodeProblem| problem.check == CheckId::HostEtcdAddress;
        problems
            .iter()
            .find(of_etcd)
            .map(|problem| problem.is_transient)
    }

    #[test]
    fn another_address_than_the_members_is_found() {
        let moved = server(&["127.0.0.1", "192.0.2.2"]);
        for (config, expected) in [
            ("", Some(true)),
            ("node-ip: 192.0.2.2", Some(false)),
            ("node-ip: 192.0.2.1", None),
            // Of both families it is not known which.
            ("node-ip: 2001:db8::1", None),
            ("cluster-reset: true", None),
            ("disable-etcd: true", None),
            (
                "etcd-arg: advertise-client-urls=https://192.0.2.1:2379",
                None,
            ),
        ] {
            assert_eq!(found(&moved, config), expected, "{config}");
        }
        assert_eq!(found(&server(&["192.0.2.1"]), ""), None);
        assert_eq!(found(&server(&["192.0.2.2", "192.0.2.3"]), ""), None);
        let agent = moved.problems(Role::Agent, "v1.36.1", "");
        assert_eq!(agent, []);
    }

    #[test]
    fn addresses_of_pods_and_of_other_interfaces_are_not_the_nodes() {
        let mut fake = server(&["192.0.2.2", "10.42.0.1", "172.17.0.1"]);
        assert_eq!(found(&fake, ""), None);
        let routes = fake.network.as_mut().unwrap().routes.as_mut().unwrap();
        routes.push(route("docker0", "172.17.0.0", "0.0.0.0", 16));
        assert_eq!(found(&fake, ""), Some(true));
        // Both interfaces have that network.
        let routes = fake.network.as_mut().unwrap().routes.as_mut().unwrap();
        routes.push(route("eth1", "172.17.0.0", "0.0.0.0", 16));
        assert_eq!(found(&fake, ""), None);
    }

    #[test]
    fn what_the_file_says_is_not_enough() {
        // RKE2 wrote the file before it failed, and the members have the address that is configured again.
        let mut fake = server(&["192.0.2.2"]);
        fake.data = Some("https://192.0.2.2:2380");
        assert_eq!(found(&fake, ""), None);
        fake.data = None;
        assert_eq!(found(&fake, ""), None);
        fake.data = Some("");
        fake.member.as_mut().unwrap().config = None;
        assert_eq!(found(&fake, ""), None);
        fake.member = None;
        assert_eq!(found(&fake, ""), None);
    }

    #[test]
    fn addresses_are_those_of_peers_first() {
        let addresses = |config: &str| {
            let all: Vec<String> = advertised(config).iter().map(ToString::to_string).collect();
            all.join(" ")
        };
        for (config, expected) in [
            ("advertise-client-urls: https://192.0.2.1:2379", "192.0.2.1"),
            (
                "a: b\nadvertise-client-urls: https://192.0.2.1:2379\ninitial-advertise-peer-urls: \"https://192.0.2.2:2380,https://[2001:db8::1]:2380/\"\n",
                "192.0.2.2 2001:db8::1",
            ),
            ("advertise-client-urls: https://node1:2379", ""),
            ("advertise-client-urls: ://,[,https://[", ""),
            ("advertise-client-urls:", ""),
            (" advertise-client-urls: https://192.0.2.1:2379", ""),
            ("", ""),
        ] {
            assert_eq!(addresses(config), expected, "{config}");
        }
    }
}
