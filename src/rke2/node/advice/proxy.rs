//! A proxy through which RKE2 would reach its own nodes.
//!
//! Source: golang.org/x/net `httpproxy` (which hosts `NO_PROXY` excepts; loopback always is); k3s-io/k3s#2388. RKE2 adds
//! the networks of pods and services to the variable of its static pods, not the nodes' addresses.

use std::net::IpAddr;

use super::super::addresses::is_global;
use super::super::{Node, NodeProblem, Start};
use crate::facts::node::ProxyVariable;
use crate::facts::{Evidence, Part};
use crate::finding::{CheckId, Remedy};
use crate::text::printable;

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let variables = node.proxy_variables();
    // Go reads the name in capitals first, and takes one that is empty for none.
    let get = |names: [&str; 2]| {
        names.into_iter().find_map(|name| {
            let mut all = variables.iter();
            all.find(|variable| variable.name == name && !variable.value.is_empty())
        })
    };
    let proxy: &ProxyVariable = get(["HTTPS_PROXY", "https_proxy"])?;
    let exceptions = get(["NO_PROXY", "no_proxy"]);
    let no_proxy = Exceptions::of(exceptions.map_or("", |variable| variable.value.as_str()));
    let mut reached = Vec::new();
    let server = host(start.settings.text("server"));
    reached.extend(server.filter(|host| !no_proxy.has(host)).map(printable));
    let addresses = node
        .network()
        .and_then(|network| network.addresses.as_deref());
    let addresses = addresses.unwrap_or_default().iter();
    let own: Vec<IpAddr> = addresses.copied().filter(is_global).collect();
    let has_own = own.iter().any(|address| no_proxy.has(&address.to_string()));
    if let (true, Some(first), false) = (start.is_server(), own.first(), has_own) {
        reached.push(format!("{first}, this node's own address"));
    }
    if reached.is_empty() {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostProxy,
        proxy.name.clone(),
        format!(
            "RKE2 would reach {} through the proxy of {}, because NO_PROXY does not hold it",
            reached.join(" and "),
            proxy.name
        ),
    );
    problem.notes = vec![
        "joining a cluster, and the connections between the etcd of servers, then fail with \"Forbidden\" or time out"
            .to_owned(),
    ];
    let places = [Some(proxy), exceptions].into_iter().flatten();
    problem.evidence = places
        .filter_map(|variable| variable.source.clone())
        .map(|source| Evidence::place(source, Part::Sets))
        .collect();
    let place = proxy.source.as_ref().map_or_else(
        || "in the unit's environment file".to_owned(),
        |source| format!("in {}", source.path),
    );
    problem.remedies = vec![Remedy::manual(format!(
        "add the network of all nodes to NO_PROXY {place}, such as NO_PROXY=127.0.0.0/8,192.0.2.0/24,.svc,.cluster.local"
    ))];
    Some(problem)
}

/// The host of a URL such as `https://server:9345`.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let host = match authority.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    (!host.is_empty()).then_some(host)
}

/// What a `NO_PROXY` excepts.
struct Exceptions(Vec<String>);

impl Exceptions {
    fn of(text: &str) -> Self {
        let items = text.split(',').map(|item| item.trim().to_lowercase());
        Self(items.filter(|item| !item.is_empty()).collect())
    }

    fn has(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        let is_loopback = address.is_some_and(|address| address.is_loopback());
        if host == "localhost" || is_loopback {
            return true;
        }
        self.0.iter().any(|item| {
            if item == "*" {
                return true;
            }
            if let Some(address) = address {
                return excepts(item, address);
            }
            let name = item.strip_prefix('*').filter(|rest| rest.starts_with('.'));
            let name = name.unwrap_or(item);
            let inside = format!(".{}", name.trim_start_matches('.'));
            host == *name || host.ends_with(&inside)
        })
    }
}

/// Whether an address, perhaps with a port, or a network holds `address`.
fn excepts(item: &str, address: IpAddr) -> bool {
    if let Some((network, length)) = item.split_once('/') {
        let (Ok(network), Ok(length)) = (network.parse::<IpAddr>(), length.parse::<u32>()) else {
            return false;
        };
        return match (network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX
                    .checked_shl(32_u32.saturating_sub(length))
                    .unwrap_or(0);
                length <= 32 && network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX
                    .checked_shl(128_u32.saturating_sub(length))
                    .unwrap_or(0);
                length <= 128 && network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        };
    }
    let plain = item.trim_start_matches('[').trim_end_matches(']');
    plain.parse::<IpAddr>().is_ok_and(|one| one == address)
        || item
            .parse::<std::net::SocketAddr>()
            .is_ok_and(|one| one.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::facts::node::Network;
    use crate::rke2::role::Role;

    #[test]
    fn go_reads_no_proxy() {
        for (no_proxy, host, is_excepted) in [
            ("", "192.0.2.1", false),
            ("", "127.0.0.1", true),
            ("", "localhost", true),
            ("*", "192.0.2.1", true),
            ("10.0.0.0/8, 192.0.2.0/24", "192.0.2.1", true),
            ("192.0.2.0/33,x/y,/,1.2.3.4/", "192.0.2.1", false),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("192.0.2.1:9345", "192.0.2.1", true),
            ("192.0.2.2", "192.0.2.1", false),
            ("192.0.2", "192.0.2.1", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            (".example.org", "a.example.org", true),
            ("example.org", "a.EXAMPLE.org.", true),
            ("*.example.org", "a.example.org", true),
            ("example.org", "badexample.org", false),
            (".example.org", "example.org", false),
        ] {
            assert_eq!(
                Exceptions::of(no_proxy).has(host),
                is_excepted,
                "{no_proxy} {host}"
            );
        }
    }

    #[test]
    fn the_host_is_cut_out_of_a_url() {
        for (url, expected) in [
            ("https://a.b:9345", Some("a.b")),
            ("https://[2001:db8::1]:9345/x", Some("2001:db8::1")),
            ("https://u:p@a", Some("a")),
            ("", None),
            ("a:1", None),
            ("https://", None),
            ("https://:1", None),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    #[test]
    fn the_nodes_must_be_excepted() {
        let proxy = ("HTTPS_PROXY", "http://user:hidden@proxy:3128");
        let server: &[(&'static str, &str)] = &[("server", "https://192.0.2.5:9345")];
        for (role, set, variables, is_found) in [
            (Role::Server, &[][..], &[][..], false),
            (Role::Server, &[], &[proxy], true),
            (Role::Server, &[], &[("https_proxy", "x")], true),
            (Role::Server, &[], &[("HTTPS_PROXY", "")], false),
            (
                Role::Server,
                &[],
                &[proxy, ("NO_PROXY", "192.0.2.0/24")],
                false,
            ),
            (Role::Agent, &[], &[proxy], false),
            (Role::Agent, server, &[proxy], true),
            (
                Role::Agent,
                server,
                &[proxy, ("no_proxy", "192.0.2.5")],
                false,
            ),
            (
                Role::Server,
                server,
                &[proxy, ("NO_PROXY", "192.0.2.5")],
                true,
            ),
        ] {
            let node = Facts {
                variables: variables.to_vec(),
                network: Some(Network {
                    addresses: Some(vec![
                        "127.0.0.1".parse().unwrap(),
                        "192.0.2.9".parse().unwrap(),
                    ]),
                    ..Network::default()
                }),
                ..Facts::default()
            };
            let found = found(problem, &settings(role, set), &node);
            assert_eq!(!found.is_empty(), is_found, "{role:?} {variables:?}");
            assert!(!format!("{found:?}").contains("hidden"));
        }
    }
}
