//! Facts about the node's network: routes, addresses and sockets, as the kernel lists them, and who holds a socket.

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

impl Network {
    /// Whether there is a default route of IPv4, as Kubernetes reads the table: flags, mask and metric do not matter.
    pub(crate) fn has_ipv4_default(&self) -> bool {
        self.ipv4_defaults().next().is_some()
    }

    /// The default routes of IPv4, in the order of the table.
    pub(crate) fn ipv4_defaults(&self) -> impl Iterator<Item = &Route> {
        let routes = self.routes.iter().flatten();
        routes.filter(|route| route.destination == Ipv4Addr::UNSPECIFIED)
    }
}

/// A row of `/proc/net/route`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// The interface; `*` for a route that rejects.
    pub(crate) interface: String,
    /// The network.
    pub(crate) destination: Ipv4Addr,
    /// The next hop; zero where the network is on the interface's own link.
    pub(crate) gateway: Ipv4Addr,
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

/// A TCP socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its address. That of IPv6 without any number may take connections of IPv4 too: the kernel does not list which.
    pub(crate) address: IpAddr,
    /// Its port.
    pub(crate) port: u16,
    /// Whose it is.
    pub(crate) uid: u32,
    /// Its number, by which processes refer to it.
    pub(crate) inode: u64,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    /// Its id.
    pub(crate) pid: u32,
    /// The name of its program.
    pub(crate) program: String,
    /// The unit of systemd that it belongs to.
    pub(crate) unit: Option<String>,
    /// What it is to RKE2.
    pub(crate) kind: HolderKind,
}

/// What a process is to RKE2, in the order in which it counts where several hold a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HolderKind {
    /// It belongs to a unit of RKE2.
    Rke2,
    /// It is in a container of RKE2, or may be.
    Container,
    /// It is in a pod of another container runtime than RKE2's own.
    OtherRuntime,
    /// None of these.
    Stranger,
}

/// Which processes of RKE2 there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rke2Processes {
    /// Whether one runs in a unit of RKE2 that is no shim of a container: RKE2, the kubelet or containerd.
    pub(crate) lives: bool,
    /// Whether there are containers, or shims of such.
    pub(crate) containers: bool,
}

/// What etcd was last started with, and whether it has data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct EtcdMember {
    /// The configuration that RKE2 wrote for it, where it could be read.
    pub(crate) config: Option<String>,
    /// The file of that configuration.
    pub(crate) file: String,
}
