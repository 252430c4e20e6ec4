//! Facts about the node's network and names: routes and addresses, as the kernel lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of the host's own network name space. What is missing could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// `/proc/net/route`. `None`: there is no such file, or it was not read.
    pub(crate) routes: Option<Vec<Route>>,
    /// `/proc/net/ipv6_route`. `None`: there is no such file (a kernel without IPv6), or it was not read.
    pub(crate) ipv6_routes: Option<Vec<Ipv6Route>>,
    /// The local addresses of both families, loopback included. `None`: they are not known.
    pub(crate) addresses: Option<Vec<IpAddr>>,
}

/// A row of `/proc/net/route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// The interface; `*` for a route that rejects.
    pub(crate) interface: String,
    /// The network.
    pub(crate) destination: Ipv4Addr,
    /// Its mask.
    pub(crate) mask: Ipv4Addr,
}

/// A row of `/proc/net/ipv6_route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ipv6Route {
    /// The interface.
    pub(crate) interface: String,
    /// The network.
    pub(crate) destination: Ipv6Addr,
    /// The next hop; zero where there is none.
    pub(crate) gateway: Ipv6Addr,
}
