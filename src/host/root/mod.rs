//! The root below which every host path is read.
//!
//! [`HostRoot`] opens files; `read` reads them, within the `limits` of one evaluation.

mod limits;
mod read;
mod status;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::libc;

use crate::facts::ReadError;

use limits::Budget;
pub(crate) use limits::MAX_FILE;
pub(crate) use status::{FileKind, FileStatus};

/// Flags of every open: never wait for the other end of a FIFO, never adopt a terminal.
pub(super) const SAFE: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// How often a call is made that is interrupted, or that finds a path being renamed.
const ATTEMPTS: u32 = 16;
/// More failures than this add no information.
const MAX_ERRORS: usize = 8;

/// The paths that were opened, each with whether its names were listed.
pub(crate) type Trace = BTreeMap<PathBuf, bool>;

/// A root directory: the host itself, or an image or fixture that stands for one.
///
/// Below any root but `/`, symbolic links resolve inside it (`openat2(2)`, `RESOLVE_IN_ROOT`), so
/// nothing outside is ever read.
#[derive(Debug)]
pub struct HostRoot {
    /// `None` is the running host.
    image: Option<OwnedFd>,
    path: PathBuf,
    trace: Option<RefCell<Trace>>,
    /// Calls that failed for a reason other than the file itself.
    read_errors: RefCell<Vec<ReadError>>,
    budget: Budget,
}

impl HostRoot {
    /// The running host.
    pub fn live() -> Self {
        Self {
            image: None,
            path: PathBuf::from("/"),
            trace: None,
            read_errors: RefCell::default(),
            budget: Budget::default(),
        }
    }

    /// The running host, recording every path that is opened, also if it does not exist: an evaluation
    /// depends on these, so they are the ones to watch.
    pub fn traced() -> Self {
        Self {
            trace: Some(RefCell::default()),
            ..Self::live()
        }
    }

    /// The host below `path`; `/` is the running host.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.canonicalize()? == Path::new("/") {
            return Ok(Self::live());
        }
        let dir = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
            .open(path)?;
        Ok(Self {
            image: Some(dir.into()),
            path: path.to_owned(),
            trace: None,
            read_errors: RefCell::default(),
            budget: Budget::default(),
        })
    }

    /// Ends an evaluation: returns the paths that were opened since the last call (none unless the root is
    /// [`traced`](Self::traced)), and forgets errors and the amount read.
    pub fn take_trace(&self) -> Trace {
        self.read_errors.take();
        self.budget.reset();
        self.trace.as_ref().map(RefCell::take).unwrap_or_default()
    }

    /// Calls that failed for a reason other than the file itself: descriptors or memory ran out, a disk
    /// failed, or a limit was exceeded. The caller may have treated the file as absent.
    pub fn read_errors(&self) -> Vec<ReadError> {
        self.read_errors.borrow().clone()
    }

    /// Records a failure that is not due to the file itself.
    pub(super) fn failed(&self, error: ReadError) -> ReadError {
        let mut read_errors = self.read_errors.borrow_mut();
        let is_external = error.is_passing() || error.is_beyond();
        if is_external && read_errors.len() < MAX_ERRORS && !read_errors.contains(&error) {
            read_errors.push(error.clone());
        }
        error
    }

    /// Whether this is the running host, not an image of one.
    pub const fn is_live(&self) -> bool {
        self.image.is_none()
    }

    /// Whether the paths that are opened are recorded, to be watched.
    pub(super) const fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// The root directory, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens for reading, or with `O_PATH`. The error is the error number.
    pub(super) fn open_with(&self, path: &Path, flags: OFlag) -> Result<File, i32> {
        if let Some(trace) = &self.trace {
            let listing = flags.contains(OFlag::O_DIRECTORY);
            *trace.borrow_mut().entry(path.to_owned()).or_default() |= listing;
        }
        self.open_untraced(path, flags)
    }

    /// The same, and the path is not watched.
    pub(super) fn open_untraced(&self, path: &Path, flags: OFlag) -> Result<File, i32> {
        match &self.image {
            None => OpenOptions::new()
                .read(true)
                .custom_flags(flags.bits())
                .open(path)
                .map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)),
            Some(dir) => {
                let how = OpenHow::new()
                    .flags(flags)
                    .resolve(ResolveFlag::RESOLVE_IN_ROOT);
                let mut attempts = 1..ATTEMPTS;
                loop {
                    match openat2(dir.as_fd(), path, how) {
                        Ok(fd) => return Ok(File::from(fd)),
                        Err(Errno::EINTR | Errno::EAGAIN) if attempts.next().is_some() => {}
                        Err(errno) => {
                            let error = io::Error::from(errno);
                            return Err(error.raw_os_error().unwrap_or(libc::EIO));
                        }
                    }
                }
            }
        }
    }
}
