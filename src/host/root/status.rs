//! What a path names: kind, owner, mode, size.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use nix::libc;

/// The fields of `stat(2)` or `lstat(2)` that checks use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStatus {
    /// Regular file, directory, link, or another kind.
    pub kind: FileKind,
    /// Permission bits with set-id and sticky, at most `0o7777`.
    pub mode: u32,
    /// User id of the owner.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Size in bytes.
    pub size: u64,
    /// Device and inode, which identify the file.
    pub identity: (u64, u64),
    /// Last change of content, seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

impl FileStatus {
    pub(super) fn of(meta: &std::fs::Metadata) -> Self {
        Self {
            kind: FileKind::of(meta),
            mode: meta.mode() & 0o7777,
            uid: meta.uid(),
            gid: meta.gid(),
            size: meta.size(),
            identity: (meta.dev(), meta.ino()),
            modified: (meta.mtime(), meta.mtime_nsec()),
        }
    }
}

/// The kind of file that a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link (only where links are not followed).
    Link,
    /// The null device: reads as empty, and masks files.
    Null,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A block or character device other than the null device.
    Device,
}

impl FileKind {
    pub(in crate::host) fn of(meta: &std::fs::Metadata) -> Self {
        let kind = meta.file_type();
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else if kind.is_fifo() {
            Self::Fifo
        } else if kind.is_socket() {
            Self::Socket
        } else if kind.is_char_device() && meta.rdev() == libc::makedev(1, 3) {
            Self::Null
        } else {
            Self::Device
        }
    }
}
