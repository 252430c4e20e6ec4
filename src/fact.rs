//! What a fact is made of: where it was read, and why it could not be.
//!
//! Plain data. Only [`crate::host`] makes these by looking at the machine.

use std::fmt;

use crate::go;

/// A place on the host that a fact came from.
///
/// The path is the host's own (`/etc/sysctl.d/99-db.conf`), also below `--root`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Absolute path as the host names it.
    pub path: String,
    /// Line, counted from 1, where one is to blame.
    pub line: Option<u32>,
}

impl Source {
    /// A whole file.
    pub fn file(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
        }
    }

    /// One line of a file, counted from 1.
    pub fn line(path: impl Into<String>, line: u32) -> Self {
        Self {
            path: path.into(),
            line: Some(line),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// Which system call failed, in the word Go's `*PathError` uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Opening the file.
    Open,
    /// Reading from it.
    Read,
    /// Asking for its metadata.
    Stat,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Stat => "stat",
        }
    }
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ReadError {
    /// The kernel said no. Displays as Go's `*PathError` does, which is how RKE2 words it.
    #[error("{} {path}: {}", .operation.word(), go::errno(*.errno))]
    Os {
        /// The call that failed.
        operation: Operation,
        /// The file, as the host names it.
        path: String,
        /// The error number, `ENOENT` and the like.
        errno: i32,
    },
    /// A FIFO, socket or device stands where a file should be; reading it could hang.
    #[error("{path}: not a regular file but a {kind}")]
    NotRegular {
        /// The file, as the host names it.
        path: String,
        /// What it is instead.
        kind: &'static str,
    },
    /// Longer than anything RKE2's components are known to be fed.
    #[error("{path}: larger than {limit} {unit}")]
    TooLarge {
        /// The file, as the host names it.
        path: String,
        /// What we would have read at the most.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
}

impl ReadError {
    /// The error number, where the kernel gave one.
    pub const fn errno(&self) -> Option<i32> {
        match self {
            Self::Os { errno, .. } => Some(*errno),
            Self::NotRegular { .. } | Self::TooLarge { .. } => None,
        }
    }

    /// Whether the file is simply not there (`ENOENT`).
    pub fn is_absent(&self) -> bool {
        self.errno() == Some(nix::libc::ENOENT)
    }

    /// Whether this process lacks a right that RKE2, as root, would have.
    pub fn is_denied(&self) -> bool {
        matches!(self.errno(), Some(nix::libc::EACCES | nix::libc::EPERM))
    }

    /// Whether the call failed for something that RKE2 need not meet: descriptors or memory ran out,
    /// it was interrupted, the device or its server failed. Of the file it says nothing.
    pub fn is_passing(&self) -> bool {
        use nix::libc::{EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOBUFS, ENOMEM, ESTALE, ETIMEDOUT};
        matches!(
            self.errno(),
            Some(EAGAIN | EINTR | EIO | EMFILE | ENFILE | ENOBUFS | ENOMEM | ESTALE | ETIMEDOUT)
        )
    }

    /// Whether there is more than this program reads: what it holds is not known.
    pub const fn is_beyond(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }

    /// Whether RKE2 may well read what could not be read here: then it is no reason to block.
    pub fn is_ours(&self) -> bool {
        self.errno().is_none() || self.is_denied() || self.is_passing()
    }

    /// The file concerned, as the host names it.
    pub fn path(&self) -> &str {
        match self {
            Self::Os { path, .. } | Self::NotRegular { path, .. } | Self::TooLarge { path, .. } => {
                path
            }
        }
    }
}

/// Something that was read, or why it could not be asked at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// It was asked, and this is the answer.
    Known(T),
    /// It could not be asked here: an image without `/proc`, a right that is missing.
    Unknown {
        /// Why, as half a sentence.
        why: String,
    },
}

/// Which hierarchy of control groups the host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cgroup {
    /// The legacy or hybrid hierarchies.
    V1,
    /// The unified hierarchy.
    V2,
}

/// What a kernel parameter will be after the next boot, as files have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextBoot {
    /// The text the last file sets, `None` where no file does.
    pub text: Option<String>,
    /// The number the kernel will hold; `None` where that is not known.
    pub number: Option<i64>,
    /// The files concerned.
    pub evidence: Vec<crate::finding::Evidence>,
    /// What else there is to say about it.
    pub notes: Vec<String>,
    /// How to put it right, where it is wrong and somebody demands it.
    pub cure: Option<Cure>,
}

/// How a kernel parameter can be made right for the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// A line at the end of this file wins over every other word.
    File(Target),
    /// No file can win: why, and what to change.
    Person {
        /// In one sentence.
        why: String,
    },
}

/// A file of `/etc/sysctl.d` to which lines are to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its path.
    pub path: String,
    /// Whether it is there, with lines of its own.
    pub exists: bool,
    /// Whether its last line lacks its end, so that what is added would join it.
    pub unended: bool,
    /// Whether its directory has to be made first.
    pub no_directory: bool,
}

/// A kernel parameter: now, and after the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelFact {
    /// The content of its file below `/proc/sys`.
    pub live: Reading<Result<Vec<u8>, ReadError>>,
    /// What the files will make of it.
    pub next_boot: Reading<NextBoot>,
}

/// An account: where it was looked up, and what was found.
pub type AccountFact = Result<crate::rke2::accounts::Lookup, ReadError>;

impl HostFacts {
    /// Takes every kernel parameter for unknown, because RKE2 may read other values.
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

/// What the host is like, as far as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// By position in [`crate::rke2::kernel::KERNEL_PARAMETERS`].
    pub kernel: Vec<KernelFact>,
    /// The user `etcd`, where anybody demands it.
    pub user: Option<AccountFact>,
    /// The group `etcd`, where anybody demands it.
    pub group: Option<AccountFact>,
    /// Files beside `/etc/passwd` and `/etc/group` that have the account, and RKE2 does not read.
    pub account_elsewhere: Vec<(crate::rke2::accounts::Table, Source)>,
    /// Control groups, where anybody asks.
    pub cgroup: Reading<Cgroup>,
    /// An image of a host, without `/proc`: it has no present to be judged.
    pub image: bool,
}
