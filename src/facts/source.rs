//! Where a fact was read, and why it could not be read.

use std::fmt;

use serde::Serialize;

use crate::go;

/// A place on the host that a fact came from.
///
/// The path is the host's own (`/etc/sysctl.d/99-db.conf`), also below `--root`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

/// The system call that failed, as Go's `*PathError` names it.
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
    const fn as_str(self) -> &'static str {
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
    /// A system call failed. Displays as Go's `*PathError`, and so as in RKE2's messages.
    #[error("{} {path}: {}", .operation.as_str(), go::errno(*.errno))]
    Os {
        /// The call that failed.
        operation: Operation,
        /// The file, as the host names it.
        path: String,
        /// The error number, `ENOENT` and the like.
        errno: i32,
    },
    /// The path is a FIFO, socket or device; reading it could hang.
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
        /// The limit.
        limit: u64,
        /// The unit of the limit.
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

    /// Whether this process lacks a permission that RKE2, as root, has.
    pub fn is_denied(&self) -> bool {
        matches!(self.errno(), Some(nix::libc::EACCES | nix::libc::EPERM))
    }

    /// Whether the call failed for a reason that RKE2 may not meet: descriptors or memory ran out, it was
    /// interrupted, the device or its server failed. It is no fact about the file.
    pub fn is_passing(&self) -> bool {
        use nix::libc::{EAGAIN, EINTR, EIO, EMFILE, ENFILE, ENOBUFS, ENOMEM, ESTALE, ETIMEDOUT};
        matches!(
            self.errno(),
            Some(EAGAIN | EINTR | EIO | EMFILE | ENFILE | ENOBUFS | ENOMEM | ESTALE | ETIMEDOUT)
        )
    }

    /// Whether the file is larger than this program reads: its content is not known.
    pub const fn is_beyond(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }

    /// Whether RKE2 may be able to read what could not be read here: then it is no reason to block.
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

/// Something that was read, or why it could not be read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// It was read, and this is the result.
    Known(T),
    /// It could not be read here: an image without `/proc`, a missing permission.
    Unknown {
        /// Why, as half a sentence.
        why: String,
    },
}
