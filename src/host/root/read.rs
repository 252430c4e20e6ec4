//! Reading files and directories below a root.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;

use super::limits::{Exceeded, MAX_FILE, MAX_LARGE_FILE};
use super::status::{FileKind, FileStatus};
use super::{HostRoot, SAFE};
use crate::facts::{Operation, ReadError};
use crate::text;

impl HostRoot {
    /// Opens a regular file for streaming. The null device counts as one (it reads as empty).
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<File, ReadError> {
        self.open_known(path.as_ref()).map(|(file, _)| file)
    }

    /// Opens a regular file for reading, without waiting, with its status.
    pub(in crate::host) fn open_known(&self, path: &Path) -> Result<(File, FileStatus), ReadError> {
        if !self.is_live() {
            // Opening a device can be enough to have it act (a watchdog starts, a tape rewinds), and an image
            // is not trusted.
            let meta = self
                .open_with(path, OFlag::O_PATH | OFlag::O_CLOEXEC)
                .map_err(|errno| self.os_error(Operation::Open, path, errno))?
                .metadata()
                .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
            if FileKind::of(&meta) == FileKind::Device {
                return Err(not_regular(path, "device"));
            }
        }
        let file = self
            .open_with(path, SAFE)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?;
        let meta = file
            .metadata()
            .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
        let status = FileStatus::of(&meta);
        match status.kind {
            FileKind::File | FileKind::Null => Ok((file, status)),
            // The error that reading it would give.
            FileKind::Directory => Err(self.os_error(Operation::Read, path, libc::EISDIR)),
            FileKind::Link => Err(self.os_error(Operation::Open, path, libc::ELOOP)),
            FileKind::Fifo => Err(not_regular(path, "FIFO")),
            FileKind::Socket => Err(not_regular(path, "socket")),
            FileKind::Device => Err(not_regular(path, "device")),
        }
    }

    /// Opens a file that changes all the time, or is made as it is read: it is not watched, and that it cannot be read
    /// is no failure of an evaluation. `None` for what is no regular file.
    pub(in crate::host) fn open_unwatched(&self, path: &Path) -> Option<File> {
        // Opening a device can have an effect, and an image is not trusted.
        if !self.is_live() && self.log_status(path)?.kind != FileKind::File {
            return None;
        }
        let file = self.open_untraced(path, SAFE).ok()?;
        let meta = file.metadata().ok()?;
        (FileKind::of(&meta) == FileKind::File).then_some(file)
    }

    /// The target of a link, as [`read_link`](Self::read_link) returns it, which is not watched.
    pub(in crate::host) fn read_unwatched_link(&self, path: &Path) -> Result<PathBuf, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let link = self.open_untraced(path, flags).map_err(Errno::from_raw)?;
        nix::fcntl::readlinkat(link.as_fd(), "").map(PathBuf::from)
    }

    /// The end of a log, from the beginning of a line, and the status of the file; `None` if it cannot be read.
    /// At most `limit` bytes are read. A log is not watched, because it changes all the time, and that it cannot
    /// be read is no failure of an evaluation.
    pub(in crate::host) fn read_log_end(
        &self,
        path: &Path,
        limit: u64,
    ) -> Option<(Vec<u8>, FileStatus)> {
        // Opening a device can have an effect.
        if self.log_status(path)?.kind != FileKind::File {
            return None;
        }
        let mut file = self.open_unwatched(path)?;
        let status = FileStatus::of(&file.metadata().ok()?);
        let skipped = status.size.saturating_sub(limit);
        // One byte more shows whether it begins with a line.
        let from = skipped.saturating_sub(1);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut content = Vec::new();
        file.take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .ok()?;
        if skipped > 0 {
            let end = content.iter().position(|byte| *byte == b'\n');
            let cut = end.map_or(content.len(), |end| end.saturating_add(1));
            content.drain(..cut);
        }
        Some((content, status))
    }

    /// The status of a file, links followed; `None` if it cannot be read. It is not watched.
    pub(in crate::host) fn log_status(&self, path: &Path) -> Option<FileStatus> {
        let file = self.open_untraced(path, OFlag::O_PATH | OFlag::O_CLOEXEC);
        let meta = file.ok()?.metadata().ok()?;
        Some(FileStatus::of(&meta))
    }

    /// The kind of what is at `path` itself, or the error number. It is not watched, and no failure of an evaluation.
    pub(in crate::host) fn lstat_aside(&self, path: &Path) -> Result<FileKind, i32> {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let meta = self.open_untraced(path, flags)?.metadata();
        let meta = meta.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        Ok(FileKind::of(&meta))
    }

    /// Names in a directory of logs, at most `limit`, in no order; none if it cannot be read. It is not watched.
    pub(in crate::host) fn list_logs(&self, path: &Path, limit: usize) -> Vec<String> {
        let opened = self.open_untraced(path, SAFE | OFlag::O_DIRECTORY);
        let Some(directory) = opened
            .ok()
            .and_then(|fd| nix::dir::Dir::from_fd(fd.into()).ok())
        else {
            return Vec::new();
        };
        directory
            .into_iter()
            .filter_map(Result::ok)
            .take(limit)
            .filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned))
            .collect()
    }

    /// The whole content of a regular file of at most 6 MiB.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, ReadError> {
        self.read_known(path).map(|(content, _)| content)
    }

    /// The content, as [`read`](Self::read) returns it, and the status of the file that it was read from.
    pub fn read_known(&self, path: impl AsRef<Path>) -> Result<(Vec<u8>, FileStatus), ReadError> {
        let path = path.as_ref();
        let (content, status) = self.read_up_to(path, MAX_FILE)?;
        self.budget
            .add_file(&content)
            .map_err(|exceeded| self.too_large(path, &exceeded))?;
        Ok((content, status))
    }

    /// What a file begins with, at most so many bytes of it.
    pub(in crate::host) fn read_start(
        &self,
        path: &Path,
        length: u64,
    ) -> Result<Vec<u8>, ReadError> {
        let (file, _) = self.open_known(path)?;
        let mut content = Vec::new();
        file.take(length)
            .read_to_end(&mut content)
            .map_err(|error| self.io_error(Operation::Read, path, &error))?;
        Ok(content)
    }

    /// The whole content of an account file, which may be larger than any configuration.
    pub(in crate::host) fn read_large(&self, path: &Path) -> Result<Vec<u8>, ReadError> {
        self.read_up_to(path, MAX_LARGE_FILE)
            .map(|(content, _)| content)
    }

    fn read_up_to(&self, path: &Path, limit: u64) -> Result<(Vec<u8>, FileStatus), ReadError> {
        let (file, status) = self.open_known(path)?;
        if limit <= MAX_FILE {
            self.budget
                .allows(status.size)
                .map_err(|exceeded| self.too_large(path, &exceeded))?;
        }
        // Room for the content and a little more, so that the end is found with one more read.
        let room = usize::try_from(status.size.min(limit)).unwrap_or(0);
        let mut content = Vec::with_capacity(room.saturating_add(64));
        let read = file
            .take(limit.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|error| self.io_error(Operation::Read, path, &error))?;
        if u64::try_from(read).unwrap_or(u64::MAX) > limit {
            let unit = "bytes";
            return Err(self.too_large(path, &Exceeded { limit, unit }));
        }
        Ok((content, status))
    }

    fn too_large(&self, path: &Path, exceeded: &Exceeded) -> ReadError {
        self.failed(ReadError::TooLarge {
            path: display(path),
            limit: exceeded.limit,
            unit: exceeded.unit,
        })
    }

    /// The names in a directory, in no order.
    pub fn list(&self, path: impl AsRef<Path>) -> Result<Vec<OsString>, ReadError> {
        let path = path.as_ref();
        let fd: OwnedFd = self
            .open_with(path, SAFE | OFlag::O_DIRECTORY)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?
            .into();
        let mut dir = nix::dir::Dir::from_fd(fd)
            .map_err(|errno| self.os_error(Operation::Open, path, number(errno)))?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry =
                entry.map_err(|errno| self.os_error(Operation::Read, path, number(errno)))?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            self.budget
                .add_name()
                .map_err(|exceeded| self.too_large(path, &exceeded))?;
            names.push(OsString::from_vec(name.to_vec()));
        }
        Ok(names)
    }

    /// Whether a directory says of what type its entries are (`d_type` of `readdir(3)`). Only of a running host: `None`
    /// else, where it has no entry but `.` and `..`, whose type is always known, and where it cannot be read.
    pub(in crate::host) fn lists_types(&self, path: &str) -> Option<bool> {
        if !self.is_live() {
            return None;
        }
        let directory = self
            .open_untraced(Path::new(path), SAFE | OFlag::O_DIRECTORY)
            .ok()?;
        let mut directory = nix::dir::Dir::from_fd(directory.into()).ok()?;
        let entry = directory
            .iter()
            .filter_map(Result::ok)
            .find(|entry| !matches!(entry.file_name().to_bytes(), b"." | b".."))?;
        Some(entry.file_type().is_some())
    }

    /// The status of the file that `path` leads to, links followed.
    pub fn stat(&self, path: impl AsRef<Path>) -> Result<FileStatus, ReadError> {
        self.status(path.as_ref(), OFlag::O_PATH | OFlag::O_CLOEXEC)
    }

    /// The status of `path` itself, a link included.
    pub fn lstat(&self, path: impl AsRef<Path>) -> Result<FileStatus, ReadError> {
        self.status(
            path.as_ref(),
            OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
        )
    }

    /// The status of the program of a process. In a `procfs`, that of the running file itself, even if its
    /// name leads to another file by now; in an image, that of the link's target.
    pub(in crate::host) fn stat_of_program(&self, pid: u32) -> Result<FileStatus, ReadError> {
        let directory = PathBuf::from(format!("/proc/{pid}"));
        let path = directory.join("exe");
        let fail = |errno| self.os_error(Operation::Stat, &path, errno);
        let process = self
            .open_with(
                &directory,
                OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            )
            .map_err(fail)?;
        let is_kernels = nix::sys::statfs::fstatfs(&process)
            .is_ok_and(|of| of.filesystem_type() == nix::sys::statfs::PROC_SUPER_MAGIC);
        if !is_kernels {
            return self.stat(path);
        }
        let program = openat(
            process.as_fd(),
            "exe",
            OFlag::O_PATH | OFlag::O_CLOEXEC,
            nix::sys::stat::Mode::empty(),
        );
        let meta = program
            .map(File::from)
            .map_err(number)
            .and_then(|file| {
                let meta = file.metadata();
                meta.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
            })
            .map_err(fail)?;
        Ok(FileStatus::of(&meta))
    }

    fn status(&self, path: &Path, flags: OFlag) -> Result<FileStatus, ReadError> {
        let meta = self
            .open_with(path, flags)
            .map_err(|errno| self.os_error(Operation::Stat, path, errno))?
            .metadata()
            .map_err(|error| self.io_error(Operation::Stat, path, &error))?;
        Ok(FileStatus::of(&meta))
    }

    /// The target of the link at `path`, as written there.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<PathBuf, ReadError> {
        let path = path.as_ref();
        let link = self
            .open_with(path, OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW)
            .map_err(|errno| self.os_error(Operation::Open, path, errno))?;
        nix::fcntl::readlinkat(link.as_fd(), "")
            .map(PathBuf::from)
            .map_err(|errno| self.os_error(Operation::Read, path, number(errno)))
    }

    fn os_error(&self, operation: Operation, path: &Path, errno: i32) -> ReadError {
        self.failed(ReadError::Os {
            operation,
            path: display(path),
            errno,
        })
    }

    fn io_error(&self, operation: Operation, path: &Path, error: &io::Error) -> ReadError {
        self.os_error(operation, path, error.raw_os_error().unwrap_or(libc::EIO))
    }
}

fn number(errno: Errno) -> i32 {
    io::Error::from(errno).raw_os_error().unwrap_or(libc::EIO)
}

fn display(path: &Path) -> String {
    let path = text::lossy(path.as_os_str().as_bytes());
    // The configuration may name an address, with a password, in place of a file.
    text::without_userinfo(&path).into_owned()
}

fn not_regular(path: &Path, kind: &'static str) -> ReadError {
    ReadError::NotRegular {
        path: display(path),
        kind,
    }
}
