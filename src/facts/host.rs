//! Facts about the host: kernel parameters, accounts, control groups.

use super::{AccountRow, Evidence, Lookup, ReadError, Reading, RemedyFacts};

/// A description of the machine. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// The system's name: `Debian GNU/Linux 12 (bookworm)`.
    pub system: Option<String>,
    /// The kernel's release: `6.1.0-18-amd64`.
    pub kernel: Option<String>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// The version of systemd that the next boot is predicted for.
    pub systemd: Option<u16>,
}

/// The version of systemd that the next boot is predicted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemdVersion {
    /// The first number of the version: 252.
    pub version: u16,
    /// What it was read from.
    pub source: SystemdSource,
}

/// What a version of systemd was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemdSource {
    /// The name of its shared library.
    Files,
    /// The running systemd, over D-Bus.
    Bus,
}

impl SystemdSource {
    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Bus => "bus",
        }
    }
}

/// Which hierarchy of control groups the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cgroup {
    /// The legacy or hybrid hierarchies.
    V1,
    /// The unified hierarchy.
    V2,
}

/// The value of a kernel parameter after the next boot, as files set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextBoot {
    /// What decides it.
    pub cause: NextBootCause,
    /// The number the kernel will hold; `None` where that is not known.
    pub number: Option<i64>,
    /// The files concerned.
    pub evidence: Vec<Evidence>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// How to set it for every boot, where it is wrong and required.
    pub persistence: Option<Persistence>,
}

/// The file of a kernel parameter, by its sysctl key.
pub(crate) fn proc_sys(key: &str) -> String {
    format!("/proc/sys/{}", key.replace('.', "/"))
}

/// What gives a kernel parameter its value at the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextBootCause {
    /// A file sets it to this text.
    File(String),
    /// A file sets it to this text, if systemd-sysctl may read the file: its label may deny that.
    Denied {
        /// The text.
        text: String,
        /// The file.
        path: String,
        /// The type in the file's label.
        label: String,
    },
    /// No file sets it. The kernel command line does.
    CommandLine,
    /// Nothing sets it: the kernel keeps the value it starts with.
    Kernel,
}

impl NextBoot {
    /// The text that a file sets, `None` where no file does.
    pub fn text(&self) -> Option<&str> {
        match &self.cause {
            NextBootCause::File(text) | NextBootCause::Denied { text, .. } => Some(text),
            NextBootCause::CommandLine | NextBootCause::Kernel => None,
        }
    }
}

/// How a kernel parameter can be set for every boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Persistence {
    /// A line at the end of this file overrides all others.
    File(SysctlFile),
    /// No file can set it.
    Prevented {
        /// What prevents it, and what to change.
        why: String,
    },
}

/// A file of `/etc/sysctl.d` that lines are to be added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysctlFile {
    /// Its path.
    pub path: String,
    /// Whether it exists.
    pub exists: bool,
    /// Whether its last line has no line feed, so that an added line would join it.
    pub unended: bool,
    /// Whether its directory has to be created first.
    pub no_directory: bool,
}

/// Whether the kubelet, as root, could write the file of a kernel parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteAccess {
    /// Nothing is known that prevents it.
    Allowed,
    /// It is on a read-only mount.
    ReadOnly {
        /// Whether the host is in a user name space.
        in_user_namespace: bool,
    },
    /// The host is in a user name space whose root is another user for the kernel.
    Denied,
}

/// A kernel parameter: now, and after the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelFact {
    /// The content of its file below `/proc/sys`.
    pub live: Reading<Result<Vec<u8>, ReadError>>,
    /// Whether the kubelet could write it. Read where the value is not the required one.
    pub write: WriteAccess,
    /// What the files will make of it.
    pub next_boot: Reading<NextBoot>,
}

/// The look-up of an account.
pub(crate) type AccountFact = Result<Lookup, ReadError>;

impl HostFacts {
    /// Makes every kernel parameter unknown, because RKE2 may read other values.
    pub fn forget_kernel(&mut self, why: &str) {
        for fact in &mut self.kernel {
            fact.live = Reading::Unknown {
                why: why.to_owned(),
            };
            fact.next_boot = Reading::Unknown {
                why: why.to_owned(),
            };
        }
    }
}

/// Facts about the host, as far as requirements need them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// By position in [`crate::rke2::kernel::KERNEL_PARAMETERS`].
    pub kernel: Vec<KernelFact>,
    /// The user `etcd`, where a requirement needs it.
    pub user: Option<AccountFact>,
    /// The group `etcd`, where a requirement needs it.
    pub group: Option<AccountFact>,
    /// Rows of the account in files that RKE2 does not read, beside `/etc/passwd` and `/etc/group`.
    pub account_elsewhere: Vec<AccountRow>,
    /// Control groups, where a requirement needs it.
    pub cgroup: Reading<Cgroup>,
    /// The error of the kubelet about the subordinate ids of a user `kubelet`, where a requirement needs it and the
    /// files leave no doubt.
    pub subordinate_ids: Option<String>,
    /// The version of systemd, where it is known and a kernel parameter is required.
    pub systemd: Option<SystemdVersion>,
    /// An image of a host, without `/proc`: it has no present values.
    pub image: bool,
    /// What decides how a problem is fixed.
    pub remedy: RemedyFacts,
}
