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

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let node_ips = addresses_of(start, "node-ip");
    let mut all = Vec::new();
    if node.advises() && start.is_server() {
        all.extend(node.network().and_then(|network| overlap(start, &network)));
    }
    if node_ips.is_empty() {
        let network = node.network();
        let route = network.as_ref().and_then(route);
        // RKE2 gets there with an address.
        if route.is_none() && start.is_server() {
            all.extend(network.and_then(|network| families(start, &network)));
        }
        all.extend(route);
    }
    all
}

/// The addresses that a list flag sets.
fn addresses_of(start: &Start<'_>, flag: &str) -> Vec<String> {
    let items = start.settings.list(flag);
    let items = items.iter().flat_map(|(item, _)| item.split(','));
    items
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether the rows hold a default route, as Kubernetes reads them: flags, mask and metric do not matter, and of IPv6
/// only a route with a gateway counts.
struct DefaultRoutes {
    ipv4: bool,
    ipv6: bool,
}

impl DefaultRoutes {
    fn of(network: &Network) -> Self {
        let ipv4 = network.routes.iter().flatten();
        let ipv6 = network.ipv6_routes.iter().flatten();
        Self {
            ipv4: ipv4
                .clone()
                .any(|route| route.destination == Ipv4Addr::UNSPECIFIED),
            ipv6: ipv6.clone().any(|route| {
                route.destination == Ipv6Addr::UNSPECIFIED && route.gateway != Ipv6Addr::UNSPECIFIED
            }),
        }
    }
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

/// No default route, or none whose family has an address.
fn route(network: &Network) -> Option<NodeProblem> {
    // Without that file the first interface that is up is used.
    network.routes.as_ref()?;
    let default = DefaultRoutes::of(network);
    let addresses = network.addresses.as_deref();
    let lacks = |is_family: fn(&IpAddr) -> bool| {
        addresses.is_some_and(|all| {
            !all.iter()
                .any(|address| is_family(address) && is_global(address))
        })
    };
    let (predicted, summary) = if !default.ipv4 && !default.ipv6 {
        (
            format!("no default routes found in \"{ROUTES}\" or \"{IPV6_ROUTES}\""),
            "there is no default route, and node-ip is not set",
        )
    } else if (!default.ipv4 || lacks(IpAddr::is_ipv4)) && (!default.ipv6 || lacks(IpAddr::is_ipv6))
    {
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
    for (flag, default) in [
        ("cluster-cidr", "10.42.0.0/16"),
        ("service-cidr", "10.43.0.0/16"),
    ] {
        let mut set = addresses_of(start, flag);
        if set.is_empty() {
            set.push(default.to_owned());
        }
        for of_pods in set.iter().filter_map(|text| Cidr::parse(text)) {
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

/// Pods or services of a family in which the node has no address.
fn families(start: &Start<'_>, network: &Network) -> Option<NodeProblem> {
    // Older ones have no network of IPv6 beside IPv4.
    if start.version.minor < DUAL_STACK {
        return None;
    }
    let addresses = network.addresses.as_deref()?;
    let has_ipv6 = addresses
        .iter()
        .any(|address| address.is_ipv6() && is_global(address));
    if has_ipv6 {
        return None;
    }
    let cidrs = addresses_of(start, "cluster-cidr");
    let ipv6 = cidrs.iter().find(|cidr| cidr.contains(':'))?;
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
