//! Facts about the node's network and names: routes and addresses, as the kernel lists them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Source;

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

/// A file of the host that is read for advice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum FileText {
    /// Its text; bytes that are not UTF-8 are replaced.
    Text(String),
    /// It is not there.
    Missing,
    /// It was not read, or belongs to a running host and this is an image.
    #[default]
    Unknown,
}

impl FileText {
    /// The text, where it is known.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Missing | Self::Unknown => None,
        }
    }
}

/// A unit that a boot starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnabledUnit {
    /// Its name, as it was asked for.
    pub(crate) name: &'static str,
    /// Its unit file.
    pub(crate) file: Source,
}

/// `UMask=` of RKE2's unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Umask {
    /// The permission bits that new files do not get.
    pub(crate) mask: u32,
    /// Where it is set.
    pub(crate) source: Source,
}

/// A variable of RKE2's process. The value may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyVariable {
    /// Its name: `HTTPS_PROXY`.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Where it is set.
    pub(crate) source: Option<Source>,
}

impl std::fmt::Debug for ProxyVariable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// The inotify instances of root on the running host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inotify {
    /// Those that root's processes hold, as far as they can be counted.
    pub(crate) used: u64,
    /// `fs.inotify.max_user_instances`.
    pub(crate) limit: u64,
}

/// What the running machine has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    /// Logical processors.
    pub(crate) cpus: Option<u64>,
    /// Memory in bytes.
    pub(crate) memory: Option<u64>,
    /// The flags of the first processor, on x86 only.
    pub(crate) cpu_flags: Option<Vec<String>>,
    /// The file systems of RKE2's directories, each once.
    pub(crate) file_systems: Vec<FileSystem>,
    /// Whether this is a container, whose clock is its host's.
    pub(crate) is_container: bool,
}

/// The file system below a directory that RKE2 uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// The directory.
    pub(crate) directory: String,
    /// Bytes that are free for root.
    pub(crate) free: u64,
    /// Bytes altogether.
    pub(crate) total: u64,
}
