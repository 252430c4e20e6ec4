//! The addresses of the node: RKE2 takes them from the default routes, where `node-ip` does not set them.
//!
//! Source: k3s-io/k3s `pkg/util/net.go` and `pkg/agent/run.go`; kubernetes `k8s.io/apimachinery/pkg/util/net/interface.go`
//! (`ChooseHostInterface`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::facts::node::Network;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::{Node, NodeProblem, Start};

/// The minor since which Kubernetes runs with both families by default.
const DUAL_STACK: u32 = 21;
const ROUTES: &str = "/proc/net/route";
const IPV6_ROUTES: &str = "/proc/net/ipv6_route";
/// What the table has in place of an interface, for a route that rejects.
const REJECTS: &str = "*";
/// The networks that RKE2 uses unless they are configured, by flag.
const POD_NETWORKS: (&str, &str) = ("cluster-cidr", "10.42.0.0/16");
const SERVICE_NETWORKS: (&str, &str) = ("service-cidr", "10.43.0.0/16");

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let node_ips = addresses_of(start, "node-ip");
    let mut all = Vec::new();
    if node.advises() && start.is_server() {
        all.extend(node.network().and_then(|network| overlap(start, network)));
    }
    if node_ips.is_empty() {
        // A start looks no further than for a default route of IPv4, which almost every node has.
        let has_route = !node.advises()
            && node
                .ipv4_default()
                .is_some_and(|interface| interface != REJECTS);
        let route = if has_route {
            None
        } else {
            node.network().and_then(route)
        };
        // RKE2 gets there with an address.
        if route.is_none() && start.is_server() {
            all.extend(families(start, node));
        }
        all.extend(route);
    } else {
        all.extend(not_there(start, node));
    }
    all
}

/// The addresses that a list flag sets.
pub(super) fn addresses_of(start: &Start<'_>, flag: &str) -> Vec<String> {
    let items = start.settings.list(flag);
    let items = items.iter().flat_map(|(item, _)| item.split(','));
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether there is a default route of IPv6, as Kubernetes reads the table: only one with a gateway counts.
fn has_ipv6_default(network: &Network) -> bool {
    let mut routes = network.ipv6_routes.iter().flatten();
    routes.any(|route| {
        route.destination == Ipv6Addr::UNSPECIFIED && route.gateway != Ipv6Addr::UNSPECIFIED
    })
}

/// The address of IPv4 that RKE2 gives the node, where it is certain: that of `node-ip`, else the only one that the
/// host has beside those of pods and of interfaces without a default route. Which interface has which address is known
/// by their networks alone.
pub(super) fn chosen(start: &Start<'_>, node: &dyn Node) -> Option<IpAddr> {
    let set = addresses_of(start, "node-ip");
    if let Some(first) = set.first() {
        // Of addresses of both families, not all releases take the first.
        return first.trim().parse().ok().filter(IpAddr::is_ipv4);
    }
    let network = node.network()?;
    let interfaces: Vec<&str> = network
        .ipv4_defaults()
        .map(|route| route.interface.as_str())
        .collect();
    if interfaces.first().is_none_or(|first| *first == REJECTS) {
        return None;
    }
    let of_pods = [POD_NETWORKS, SERVICE_NETWORKS].map(|flag| networks(start, flag));
    let of_pods = of_pods.concat();
    let mut candidates = network.addresses.as_deref()?.iter().filter(|address| {
        let IpAddr::V4(v4) = address else {
            return false;
        };
        is_global(address)
            && !of_pods.iter().any(|of_pods| of_pods.contains(*v4))
            && interface_of(network, *v4).is_none_or(|interface| interfaces.contains(&interface))
    });
    let only = candidates.next()?;
    candidates.next().is_none().then_some(*only)
}

/// The interface whose network has the address, where one does.
fn interface_of(network: &Network, address: Ipv4Addr) -> Option<&str> {
    let routes = network.routes.iter().flatten();
    let on_link = routes.filter(|route| {
        route.gateway.is_unspecified()
            && route.mask.to_bits() != 0
            && address.to_bits() & route.mask.to_bits() == route.destination.to_bits()
    });
    let mut narrowest = None;
    let mut interface = None;
    for route in on_link {
        let mask = route.mask.to_bits();
        match narrowest {
            Some(other) if mask < other => {}
            Some(other) if mask == other && interface != Some(route.interface.as_str()) => {
                interface = None;
            }
            _ => {
                narrowest = Some(mask);
                interface = Some(route.interface.as_str());
            }
        }
    }
    interface
}

/// Go's `IsGlobalUnicast`, private addresses included.
pub(super) fn is_global(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_unspecified()
                || v4.is_loopback()
                || v4.is_multicast()
                || v4.is_link_local()
                || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            !(v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_multicast()
                || v6.is_unicast_link_local())
        }
    }
}

/// No default route, or none whose family has an address, or one without an interface first.
fn route(network: &Network) -> Option<NodeProblem> {
    // Without that file the first interface that is up is used.
    network.routes.as_ref()?;
    let (ipv4, ipv6) = (network.has_ipv4_default(), has_ipv6_default(network));
    let mut defaults = network.ipv4_defaults();
    let rejects = defaults
        .next()
        .is_some_and(|first| first.interface == REJECTS);
    let addresses = network.addresses.as_deref();
    let lacks = |is_family: fn(&IpAddr) -> bool| {
        addresses.is_some_and(|all| {
            !all.iter()
                .any(|address| is_family(address) && is_global(address))
        })
    };
    let (predicted, summary) = if rejects {
        (
            "route ip+net: no such network interface".to_owned(),
            "the first default route rejects (blackhole, unreachable or prohibit), and node-ip is not set",
        )
    } else if !ipv4 && !ipv6 {
        (
            format!("no default routes found in \"{ROUTES}\" or \"{IPV6_ROUTES}\""),
            "there is no default route, and node-ip is not set",
        )
    } else if (!ipv4 || lacks(IpAddr::is_ipv4)) && (!ipv6 || lacks(IpAddr::is_ipv6)) {
        (
            "unable to select an IP from default routes.".to_owned(),
            "the host has no address of the family of its default route, and node-ip is not set",
        )
    } else {
        return None;
    };
    let mut problem = NodeProblem::new(
        CheckId::HostRoute,
        "default route",
        Component::Rke2,
        Stage::NodeAddresses,
        summary,
    );
    problem.predicted = Some(predicted);
    problem.is_transient = true;
    problem.evidence = vec![Evidence::place(Source::file(ROUTES), Part::Read)];
    problem.remedies = vec![
        Remedy::manual(
            "add a default route; on a network without a gateway, one over a dummy interface suffices",
        ),
        Remedy::manual("set `node-ip` in RKE2's configuration to the node's address"),
    ];
    Some(problem)
}

/// A network of IPv4.
#[derive(Clone, Copy)]
struct Cidr {
    address: Ipv4Addr,
    length: u32,
}

impl Cidr {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.trim().split_once('/')?;
        let length = length.parse().ok().filter(|length| *length <= 32)?;
        let address = address.parse().ok()?;
        Some(Self { address, length })
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        self.overlaps(Self {
            address,
            length: 32,
        })
    }

    fn overlaps(self, other: Self) -> bool {
        let shorter = self.length.min(other.length);
        let mask = u32::MAX
            .checked_shl(32_u32.saturating_sub(shorter))
            .unwrap_or(0);
        self.address.to_bits() & mask == other.address.to_bits() & mask
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The networks of IPv4 that a flag sets, or has by default.
fn networks(start: &Start<'_>, (flag, default): (&str, &str)) -> Vec<Cidr> {
    let mut set = addresses_of(start, flag);
    if set.is_empty() {
        set.push(default.to_owned());
    }
    set.iter().filter_map(|text| Cidr::parse(text)).collect()
}

/// The interfaces that RKE2's network plugins make, whose routes are those of pods.
const OF_PODS: [&str; 10] = [
    "cali",
    "cilium",
    "cni",
    "flannel",
    "kube-",
    "lxc",
    "nodelocaldns",
    "tunl",
    "veth",
    "vxlan",
];

/// Pods or services with addresses that the host reaches elsewhere (k3s-io/k3s#588).
fn overlap(start: &Start<'_>, network: &Network) -> Option<NodeProblem> {
    for (flag, default) in [POD_NETWORKS, SERVICE_NETWORKS] {
        for of_pods in networks(start, (flag, default)) {
            let routes = network.routes.iter().flatten();
            let is_hosts =
                |interface: &str| !OF_PODS.iter().any(|prefix| interface.starts_with(prefix));
            let mut of_host = routes
                .filter(|route| is_hosts(&route.interface))
                .filter_map(|route| {
                    let length = route.mask.to_bits().count_ones();
                    let network = Cidr {
                        address: route.destination,
                        length,
                    };
                    (length > 0).then_some((network, &route.interface))
                });
            if let Some((other, interface)) = of_host.find(|(other, _)| other.overlaps(of_pods)) {
                let what = if flag == "cluster-cidr" {
                    "pods"
                } else {
                    "services"
                };
                let mut problem = NodeProblem::advice(
                    CheckId::HostNetworkOverlap,
                    flag,
                    format!(
                        "the network of {what}, {of_pods} ({flag}), overlaps {other}, which the host reaches by {interface}"
                    ),
                );
                problem.evidence = vec![Evidence::place(Source::file(ROUTES), Part::Read)];
                problem.remedies = vec![Remedy::manual(format!(
                    "before the first server starts, set {flag} to a network that no host uses; later, move the hosts' network"
                ))];
                return Some(problem);
            }
        }
    }
    None
}

/// An address that etcd is to listen on, and that the host does not have.
fn not_there(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let says_where = |(entry, _): &(String, _)| entry.contains("listen-");
    if !start.has_etcd()
        || start.settings.list("etcd-arg").iter().any(says_where)
        || node.nonlocal_bind()?
    {
        return None;
    }
    let address = chosen(start, node)?;
    let addresses = node.network()?.addresses.as_deref()?;
    if addresses.contains(&address) {
        return None;
    }
    let mut problem = NodeProblem::new(
        CheckId::HostNodeIp,
        "node-ip",
        Component::Etcd,
        Stage::Etcd,
        format!("node-ip is {address}, which no interface of the host has, and etcd listens there"),
    );
    problem.predicted = Some(format!(
        "listen tcp {address}:2380: bind: cannot assign requested address"
    ));
    problem.is_transient = true;
    let global = addresses.iter().filter(|address| is_global(address));
    let has: Vec<String> = global.map(ToString::to_string).collect();
    if !has.is_empty() {
        problem.actual = Some(has.join(", "));
    }
    problem.evidence = origins(start, "node-ip");
    problem.remedies = vec![
        Remedy::manual(format!(
            "give an interface of the host the address {address}"
        )),
        Remedy::manual("set `node-ip` in RKE2's configuration to an address that the host has"),
    ];
    Some(problem)
}

/// Where a list is set.
pub(super) fn origins(start: &Start<'_>, flag: &str) -> Vec<Evidence> {
    let items = start.settings.list(flag);
    let sources = items.iter().filter_map(|(_, origin)| origin.source());
    sources
        .map(|source| Evidence::place(source, Part::Sets))
        .collect()
}

/// Pods or services of a family in which the node has no address.
fn families(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    // Older ones have no network of IPv6 beside IPv4.
    if start.version.minor < DUAL_STACK {
        return None;
    }
    let cidrs = addresses_of(start, "cluster-cidr");
    let ipv6 = cidrs.iter().find(|cidr| cidr.contains(':'))?;
    let addresses = node.network()?.addresses.as_deref()?;
    let has_ipv6 = addresses
        .iter()
        .any(|address| address.is_ipv6() && is_global(address));
    if has_ipv6 {
        return None;
    }
    let (_, origin) = start.settings.list("cluster-cidr").into_iter().last()?;
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4() && is_global(address));
    let chosen = first.map(ToString::to_string).unwrap_or_default();
    let mut problem = NodeProblem::new(
        CheckId::HostNodeIp,
        "node-ip",
        Component::Rke2,
        Stage::NodeAddresses,
        format!("cluster-cidr has the IPv6 network {ipv6}, and the host has no IPv6 address"),
    );
    // With several addresses it is not known which one RKE2 chooses.
    let global = addresses
        .iter()
        .filter(|address| is_global(address))
        .count();
    if global == 1 {
        problem.predicted = Some(format!(
            "cluster-cidr: [{}] and node-ip: [{chosen}], must share the same IP version (IPv4, IPv6 or dual-stack)",
            cidrs.join(" ")
        ));
    }
    problem.is_transient = true;
    problem.evidence = origin
        .source()
        .into_iter()
        .map(|source| Evidence::place(source, Part::Requires))
        .collect();
    problem.remedies = vec![
        Remedy::manual(
            "give the host a global IPv6 address, and a default route of IPv6 with a gateway, or set `node-ip` to one address of each family",
        ),
        Remedy::manual(format!(
            "remove {ipv6} from cluster-cidr, and the IPv6 network from service-cidr"
        )),
    ];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Fake, route as row};
    use super::*;
    use crate::facts::node::Ipv6Route;
    use crate::rke2::role::Role;

    fn found(fake: &Fake, config: &str) -> Vec<(CheckId, String)> {
        let problems = fake.problems(Role::Server, "v1.36.1", config).into_iter();
        let found = problems.map(|problem| {
            assert!(problem.is_transient);
            (problem.check, problem.predicted.unwrap_or_default())
        });
        found.collect()
    }

    fn only(check: CheckId, predicted: &str) -> Vec<(CheckId, String)> {
        vec![(check, predicted.to_owned())]
    }

    #[test]
    fn a_route_that_rejects_counts_where_it_is_first() {
        let no_interface = only(
            CheckId::HostRoute,
            "route ip+net: no such network interface",
        );
        let mut fake = Fake::with_addresses(&["192.0.2.7"]);
        let mut change = |routes| fake.network.as_mut().unwrap().routes = Some(routes);
        let reject = || row("*", "0.0.0.0", "0.0.0.0", 0);
        let right = || row("eth0", "0.0.0.0", "192.0.2.1", 0);
        change(vec![reject(), right()]);
        assert_eq!(found(&fake, ""), no_interface);
        assert_eq!(found(&fake, "node-ip: 192.0.2.7"), []);
        let mut change = |routes| fake.network.as_mut().unwrap().routes = Some(routes);
        // The first has an address.
        change(vec![right(), reject()]);
        assert_eq!(found(&fake, ""), []);
        let mut change = |routes| fake.network.as_mut().unwrap().routes = Some(routes);
        change(vec![row("*", "10.0.0.0", "0.0.0.0", 8), right()]);
        assert_eq!(found(&fake, ""), []);
    }

    #[test]
    fn a_default_route_needs_an_address_of_its_family() {
        let none = only(
            CheckId::HostRoute,
            "no default routes found in \"/proc/net/route\" or \"/proc/net/ipv6_route\"",
        );
        let no_address = only(
            CheckId::HostRoute,
            "unable to select an IP from default routes.",
        );
        let ipv6 = |gateway: &str| Ipv6Route {
            interface: "eth0".to_owned(),
            destination: Ipv6Addr::UNSPECIFIED,
            gateway: gateway.parse().unwrap(),
        };
        let global = "2001:db8::7";
        for (has_ipv4, gateway, addresses, expected) in [
            (true, "::", &["127.0.0.1", "192.0.2.7"][..], &[][..]),
            (true, "::", &["10.0.0.7"], &[]),
            (
                true,
                "::",
                &["127.0.0.1", "169.254.1.1", global],
                &no_address,
            ),
            (true, "fe80::1", &["127.0.0.1", global], &[]),
            (false, "fe80::1", &["192.0.2.7", global], &[]),
            (false, "fe80::1", &["192.0.2.7", "fe80::7"], &no_address),
            (false, "::", &["192.0.2.7", global], &none),
        ] {
            let mut fake = Fake::with_addresses(addresses);
            let network = fake.network.as_mut().unwrap();
            if !has_ipv4 {
                network.routes = Some(Vec::new());
            }
            network.ipv6_routes = Some(vec![ipv6(gateway)]);
            assert_eq!(
                found(&fake, ""),
                expected,
                "{has_ipv4} {gateway} {addresses:?}"
            );
        }
        let mut fake = Fake::with_addresses(&[]);
        fake.network.as_mut().unwrap().routes = None;
        assert_eq!(
            found(&fake, ""),
            [],
            "without the file the first interface is used"
        );
    }

    #[test]
    fn etcd_needs_the_address_that_is_configured() {
        let mut fake = Fake::with_addresses(&["127.0.0.1", "192.0.2.7"]);
        let absent = only(
            CheckId::HostNodeIp,
            "listen tcp 192.0.2.9:2380: bind: cannot assign requested address",
        );
        for (nonlocal_bind, config, expected) in [
            (Some(false), "node-ip: 192.0.2.9", &absent[..]),
            (Some(true), "node-ip: 192.0.2.9", &[]),
            (None, "node-ip: 192.0.2.9", &[]),
            (Some(false), "node-ip: 192.0.2.7", &[]),
            (Some(false), "node-ip: 192.0.2.9\ndisable-etcd: true", &[]),
            (
                Some(false),
                "node-ip: 192.0.2.9\netcd-arg: listen-peer-urls=https://192.0.2.7:2380",
                &[],
            ),
            (Some(false), "node-ip: 2001:db8::9", &[]),
            (Some(false), "node-ip: x", &[]),
        ] {
            fake.nonlocal_bind = nonlocal_bind;
            assert_eq!(found(&fake, config), expected, "{nonlocal_bind:?} {config}");
        }
        fake.nonlocal_bind = Some(false);
        fake.network.as_mut().unwrap().addresses = None;
        assert_eq!(found(&fake, "node-ip: 192.0.2.9"), []);
        let agent = fake.problems(Role::Agent, "v1.36.1", "node-ip: 192.0.2.9");
        assert_eq!(agent, []);
    }
}
