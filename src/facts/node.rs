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

/// A place in the file system, as far as it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The nearest part of the path that exists, with links resolved. The path itself, if it exists.
    pub(crate) existing: String,
    /// Whether the path itself exists.
    pub(crate) exists: bool,
    /// Whether [`Self::existing`] is a directory.
    pub(crate) is_directory: bool,
    /// What is mounted there, in the host's own mount name space. `None`: it is not known.
    pub(crate) mount: Option<Mount>,
}

/// A row of `/proc/1/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is mounted.
    pub(crate) point: String,
    /// What is mounted: a device, or the address of a share.
    pub(crate) source: String,
    /// The type of the file system: `ext4`, `nfs4`.
    pub(crate) fs_type: String,
    /// Whether nothing can be written: the mount or the file system is read-only.
    pub(crate) is_read_only: bool,
    /// Whether no program can be executed.
    pub(crate) is_no_exec: bool,
}

/// The room of a file system, as `statfs(2)` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    /// The bytes of it.
    pub(crate) bytes: u64,
    /// The bytes that root can still write.
    pub(crate) free: u64,
    /// The bytes that others can still write.
    pub(crate) available: u64,
    /// Its inodes; 0 where their number is not limited.
    pub(crate) inodes: u64,
    /// Those that are free.
    pub(crate) free_inodes: u64,
}

/// A file of at most 1 MiB, and what it is like if it cannot be read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum File {
    /// It does not exist.
    Missing,
    /// It exists, and root cannot read it either. The words are those of Go's `*PathError`.
    Unreadable(String),
    /// Its content.
    Content(Vec<u8>),
}

// It can hold a secret.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Unreadable(why) => write!(f, "Unreadable({why})"),
            Self::Content(content) => write!(f, "Content({} bytes)", content.len()),
        }
    }
}

/// The keys of bootstrap data that etcd's files hold, those in free pages included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BootstrapKeys {
    /// Whether one of those that were searched is there.
    pub(crate) has_one_of: bool,
    /// Whether any is there.
    pub(crate) has_any: bool,
}
