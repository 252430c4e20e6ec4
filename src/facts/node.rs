//! Facts about the node's network: routes, addresses and sockets, as the kernel lists them, and who holds a socket.

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
