//! The host name, routes and addresses.
//!
//! Routes and addresses are those of the first process: the program's own network name space may be another one
//! (`PrivateNetwork=`).

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::facts::node::{Ipv6Route, Network, Route};
use crate::host::HostRoot;

/// No table is read that is longer than this: some ten thousand routes.
const MAX_TABLE: u64 = 4 << 20;

/// The longest host name that a kernel keeps (`HOST_NAME_MAX`).
const MAX_HOSTNAME: usize = 64;

/// The host name that the kernel has.
pub(crate) fn hostname(root: &HostRoot) -> Option<String> {
    let content = root.read("/proc/sys/kernel/hostname").ok()?;
    let text = String::from_utf8(content).ok()?;
    let name = text.trim_end_matches('\n');
    (name.len() <= MAX_HOSTNAME).then(|| name.to_owned())
}

/// The interface of the first default route of IPv4. No further row is read.
pub(crate) fn ipv4_default(root: &HostRoot) -> Option<String> {
    let mut paths = ["/proc/1/net/route", "/proc/net/route"].into_iter();
    let file = paths.find_map(|path| root.open_unwatched(Path::new(path)))?;
    let rows = BufReader::new(file.take(MAX_TABLE)).lines().skip(1);
    for row in rows {
        let row = row.ok()?;
        let mut fields = row.split_ascii_whitespace();
        if let (Some(interface), Some("00000000")) = (fields.next(), fields.next()) {
            return Some(interface.to_owned());
        }
    }
    None
}

/// Routes and addresses. `None` in an image without `/proc`.
pub(crate) fn network(root: &HostRoot) -> Option<Network> {
    let directory = directory(root)?;
    let read = |name: &str| read(root, &Path::new(directory).join(name));
    let ipv4 = read("fib_trie").map(|text| local_ipv4(&text));
    // A kernel without IPv6 has no such file, and no such address.
    let ipv6 = read("if_inet6").map_or_else(Vec::new, |text| local_ipv6(&text));
    Some(Network {
        routes: read("route").map(|text| routes(&text)),
        ipv6_routes: read("ipv6_route").map(|text| ipv6_routes(&text)),
        addresses: ipv4.map(|ipv4| ipv4.into_iter().chain(ipv6).collect()),
    })
}

/// A table of the kernel, which can be long on a router; `None` where it is longer than that. The kernel reports no
/// change of it.
fn read(root: &HostRoot, path: &Path) -> Option<String> {
    let file = root.open_unwatched(path)?;
    let mut content = String::new();
    let read = file.take(MAX_TABLE).read_to_string(&mut content).ok()?;
    (u64::try_from(read).ok()? < MAX_TABLE).then_some(content)
}

/// Whether a program can listen on an address of IPv4 that the host does not have, `net.ipv4.ip_nonlocal_bind`. `None`
/// in a network name space of this program's own, which has a value of its own.
pub(crate) fn nonlocal_bind(root: &HostRoot) -> Option<bool> {
    if root.is_live() {
        // The files of different name spaces are different ones.
        let of = |path| Some(root.log_status(Path::new(path))?.identity);
        if of("/proc/self/net/route")? != of("/proc/1/net/route")? {
            return None;
        }
    }
    let content = root.read("/proc/sys/net/ipv4/ip_nonlocal_bind");
    match content {
        Ok(content) => Some(content.trim_ascii() != b"0"),
        Err(error) if error.is_absent() && !root.is_live() => Some(false),
        Err(_) => None,
    }
}

/// The directory in which the kernel describes the network of the host.
pub(crate) fn directory(root: &HostRoot) -> Option<&'static str> {
    ["/proc/1/net", "/proc/net"]
        .into_iter()
        .find(|path| root.stat(path).is_ok())
}

fn routes(text: &str) -> Vec<Route> {
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let interface = fields.next()?.to_owned();
        let destination = ipv4(fields.next()?)?;
        let gateway = ipv4(fields.next()?)?;
        let mask = ipv4(fields.nth(4)?)?;
        Some(Route {
            interface,
            destination,
            gateway,
            mask,
        })
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// An address as the kernel prints it there: in hexadecimal, in the byte order of the machine.
fn ipv4(text: &str) -> Option<Ipv4Addr> {
    let number = u32::from_str_radix(text, 16).ok()?;
    Some(Ipv4Addr::from(number.to_ne_bytes()))
}

fn ipv6_routes(text: &str) -> Vec<Ipv6Route> {
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let destination = ipv6(fields.next()?)?;
        let gateway = ipv6(fields.nth(3)?)?;
        let interface = fields.nth(4)?.to_owned();
        Some(Ipv6Route {
            interface,
            destination,
            gateway,
        })
    };
    text.lines().filter_map(row).collect()
}

fn ipv6(text: &str) -> Option<Ipv6Addr> {
    if text.len() != 32 {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(Ipv6Addr::from)
}

/// The local addresses in a `fib_trie`, each once: each `/32 host LOCAL` belongs to the address above it. A node whose
/// kube-proxy uses IPVS has one for each service.
fn local_ipv4(text: &str) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    let mut known = BTreeSet::new();
    let mut last = None;
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse::<Ipv4Addr>().ok().map(IpAddr::V4);
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
            && known.insert(address)
        {
            all.push(address);
        }
    }
    all
}

/// The addresses in an `if_inet6` that have been checked for duplicates, or need not be.
fn local_ipv6(text: &str) -> Vec<IpAddr> {
    const TENTATIVE: u32 = 0x40;
    let row = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let address = ipv6(fields.next()?)?;
        let flags = u32::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & TENTATIVE == 0).then_some(IpAddr::V6(address))
    };
    text.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    #[test]
    fn tables_are_read_as_the_kernel_writes_them() {
        let route = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
            *\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
            eth0\t0002\n\
            \u{fffd}\n";
        let (_dir, root) = host(&[
            ("/proc/net/route", route),
            (
                "/proc/net/fib_trie",
                "Local:\n  |-- x\n  /32 host LOCAL\n     |-- 192.0.2.7\n        /32 host LOCAL\n",
            ),
            (
                "/proc/net/if_inet6",
                "fe80\n20010db8000000000000000000000001 02 40 00 80 eth0\n20010db8000000000000000000000002 02 40 00 c0 eth0\n",
            ),
        ]);
        let network = network(&root).unwrap();
        let routes = network.routes.unwrap();
        assert_eq!(routes.len(), 2);
        assert_eq!(routes[0].interface, "*");
        assert_eq!(routes[1].destination, Ipv4Addr::new(192, 0, 2, 0));
        assert_eq!(routes[1].mask, Ipv4Addr::new(255, 255, 255, 0));
        let addresses: Vec<IpAddr> = ["192.0.2.7", "2001:db8::1"]
            .map(|text| text.parse().unwrap())
            .into();
        assert_eq!(network.addresses, Some(addresses));
    }

    #[test]
    fn a_table_that_is_too_long_or_no_text_is_not_known() {
        let long = "x".repeat(usize::try_from(MAX_TABLE).unwrap());
        let (_dir, root) = host(&[("/proc/net/route", &long), ("/proc/net/fib_trie/", "")]);
        let network = network(&root).unwrap();
        assert_eq!((network.routes, network.addresses), (None, None));
        assert!(root.read_errors().is_empty());
    }

    #[test]
    fn another_name_space_does_not_tell_the_hosts_value() {
        for (value, expected) in [("0\n", Some(false)), ("1\n", Some(true))] {
            let (_dir, root) = host(&[("/proc/sys/net/ipv4/ip_nonlocal_bind", value)]);
            assert_eq!(nonlocal_bind(&root), expected);
        }
    }
}
