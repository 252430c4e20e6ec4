//! The host name, routes and addresses.
//!
//! Routes and addresses are those of the first process: the program's own network name space may be another one
//! (`PrivateNetwork=`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::facts::node::{Ipv6Route, Network, Route};
use crate::host::HostRoot;

/// The host name that the kernel has.
pub(crate) fn hostname(root: &HostRoot) -> Option<String> {
    let content = root.read("/proc/sys/kernel/hostname").ok()?;
    let text = String::from_utf8(content).ok()?;
    // An administrator changes both: the file can be watched.
    let _ = root.stat("/etc/hostname");
    Some(text.trim_end_matches('\n').to_owned())
}

/// Routes and addresses. `None` in an image without `/proc`.
pub(crate) fn network(root: &HostRoot) -> Option<Network> {
    let directory = directory(root)?;
    let read = |name: &str| {
        let content = root.read(Path::new(directory).join(name)).ok()?;
        String::from_utf8(content).ok()
    };
    let ipv4 = read("fib_trie").map(|text| local_ipv4(&text));
    // A kernel without IPv6 has no such file, and no such address.
    let ipv6 = read("if_inet6").map_or_else(Vec::new, |text| local_ipv6(&text));
    Some(Network {
        routes: read("route").map(|text| routes(&text)),
        ipv6_routes: read("ipv6_route").map(|text| ipv6_routes(&text)),
        addresses: ipv4.map(|ipv4| ipv4.into_iter().chain(ipv6).collect()),
    })
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
        let mask = ipv4(fields.nth(5)?)?;
        Some(Route {
            interface,
            destination,
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

/// The local addresses in a `fib_trie`: each `/32 host LOCAL` belongs to the address above it.
fn local_ipv4(text: &str) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    let mut last = None;
    for line in text.lines() {
        let line = line.trim_start();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.trim().parse::<Ipv4Addr>().ok().map(IpAddr::V4);
        } else if line.starts_with("/32 host LOCAL")
            && let Some(address) = last
            && !all.contains(&address)
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
