//! Inspects many files in bounded memory, and follows no link out of the root.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::dir::{Dir, OwningIter};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, fstatat};

use super::super::HostRoot;
use super::super::root::{FileKind, SAFE};
use crate::audit::control::FileSet;
use crate::audit::facts::{InspectedFile, Survey};
use crate::facts::{Operation, ReadError};
use crate::rke2::layout::CNI;

/// Directories nested deeper than this are not read, and the survey reports that.
const MAX_DEPTH: usize = 64;
/// No more names than this are inspected, and the survey reports that.
const MAX_ENTRIES: u64 = 1_000_000;

/// Flags to open a directory: no link is followed.
const DIRECTORY: OFlag = SAFE.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW);

/// What of a tree counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    /// The files.
    Files,
    /// Files, directories and links, and the top itself.
    All,
    /// Files, directories and links below the top.
    AllBelow,
}

/// Which attribute of a file a control is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Its mode; a link has none of its own.
    Mode,
    /// Its owner.
    Owner,
}

/// Inspects everything in `place` below `data_dir`; `is_right` judges each file.
pub(super) fn survey(
    root: &HostRoot,
    data_dir: &str,
    place: FileSet,
    about: About,
    is_right: &dyn Fn(&InspectedFile) -> bool,
) -> Survey {
    let below = |path: &str| format!("{}/{path}", data_dir.trim_end_matches('/'));
    let mut walk = Walk {
        root,
        is_right,
        entries: 0,
        survey: Survey::default(),
    };
    match place {
        FileSet::File(path) | FileSet::Directory(path) => walk.one(below(path)),
        FileSet::Suffix(directory, ending) => walk.ending(&below(directory), ending),
        FileSet::Tree(directory) => walk.tree(&below(directory), Count::All),
        FileSet::Cni => {
            let count = match about {
                About::Mode => Count::Files,
                About::Owner => Count::AllBelow,
            };
            for directory in CNI {
                walk.tree(directory, count);
            }
        }
    }
    walk.survey
}

/// Inspects files or directories, without their content.
pub(super) fn each(
    root: &HostRoot,
    paths: &[String],
    is_right: &dyn Fn(&InspectedFile) -> bool,
) -> Survey {
    let mut walk = Walk {
        root,
        is_right,
        entries: 0,
        survey: Survey::default(),
    };
    for path in paths {
        walk.one(path.clone());
    }
    walk.survey
}

struct Walk<'a> {
    root: &'a HostRoot,
    is_right: &'a dyn Fn(&InspectedFile) -> bool,
    entries: u64,
    survey: Survey,
}

/// A directory that is being read: its descriptor, and the names to come.
struct Level {
    fd: OwnedFd,
    names: OwningIter,
    path: String,
}

impl Level {
    fn new(fd: OwnedFd, path: String) -> Result<Self, Errno> {
        let reader = fd.try_clone().map_err(|error| errno(&error))?;
        Ok(Self {
            names: Dir::from_fd(reader)?.into_iter(),
            fd,
            path,
        })
    }

    /// The next name but the dots.
    fn next(&mut self) -> Option<Result<CString, Errno>> {
        loop {
            let entry = match self.names.next()? {
                Ok(entry) => entry.file_name().to_owned(),
                Err(errno) => return Some(Err(errno)),
            };
            if !matches!(entry.to_bytes(), b"." | b"..") {
                return Some(Ok(entry));
            }
        }
    }

    fn path_of(&self, name: &CString) -> String {
        let name = OsStr::from_bytes(name.to_bytes()).to_string_lossy();
        format!("{}/{name}", self.path)
    }
}

impl Walk<'_> {
    fn count(&mut self, path: String, stat: (u32, u32, u32)) {
        let (mode, uid, gid) = stat;
        let seen = InspectedFile {
            path,
            mode: mode & 0o7777,
            uid,
            gid,
        };
        let is_right = (self.is_right)(&seen);
        self.survey.count(seen, is_right);
    }

    fn failed(&mut self, operation: Operation, path: &str, errno: Errno) {
        // A file that was removed meanwhile is not there to be checked.
        if !matches!(errno, Errno::ENOENT | Errno::ESTALE) {
            self.survey.failed(&ReadError::Os {
                operation,
                path: path.to_owned(),
                errno: io::Error::from(errno).raw_os_error().unwrap_or(libc::EIO),
            });
        }
    }

    /// One more name; false where there are too many.
    fn enter(&mut self, path: &str) -> bool {
        self.entries = self.entries.saturating_add(1);
        let enough = self.entries > MAX_ENTRIES;
        if self.entries == MAX_ENTRIES.saturating_add(1) {
            let what = format!("{path}: more than {MAX_ENTRIES} names, the rest is not checked");
            self.survey.problem(what);
        }
        !enough
    }

    /// What a path leads to, inside the root.
    fn one(&mut self, path: String) {
        self.survey.places.push(path.clone());
        match self.root.stat(&path) {
            Ok(status) => self.count(path, (status.mode, status.uid, status.gid)),
            Err(error) => self.survey.failed(&error),
        }
    }

    fn open(&mut self, directory: &str) -> Option<Level> {
        match self
            .root
            .open_with(directory.as_ref(), SAFE | OFlag::O_DIRECTORY)
        {
            Ok(file) => match Level::new(file.into(), directory.to_owned()) {
                Ok(level) => Some(level),
                Err(errno) => {
                    self.failed(Operation::Open, directory, errno);
                    None
                }
            },
            Err(number) => {
                self.failed(Operation::Open, directory, Errno::from_raw(number));
                None
            }
        }
    }

    /// The files of one directory whose names have a suffix, links followed inside the root.
    fn ending(&mut self, directory: &str, ending: &str) {
        self.survey.places.push(format!("{directory}/*{ending}"));
        let Some(mut level) = self.open(directory) else {
            return;
        };
        while let Some(name) = level.next() {
            let Ok(name) = name.map_err(|errno| self.failed(Operation::Read, directory, errno))
            else {
                break;
            };
            if !self.enter(directory) {
                break;
            }
            if name.to_bytes().ends_with(ending.as_bytes()) {
                let path = level.path_of(&name);
                self.file(&level.fd, &name, path);
            }
        }
    }

    /// A name that may be a link: what it leads to, if that is a file.
    fn file(&mut self, directory: &OwnedFd, name: &CString, path: String) {
        let stat = match stat(directory, name) {
            Ok(stat) => stat,
            Err(errno) => return self.failed(Operation::Stat, &path, errno),
        };
        match kind(&stat) {
            libc::S_IFREG => self.count(path, (stat.st_mode, stat.st_uid, stat.st_gid)),
            // A link to nothing, or in a circle, holds nothing that could be read.
            libc::S_IFLNK => {
                if let Ok(status) = self.root.stat(&path)
                    && status.kind == FileKind::File
                {
                    self.count(path, (status.mode, status.uid, status.gid));
                }
            }
            _ => {}
        }
    }

    /// A directory and all below it. Links are inspected themselves, not followed.
    fn tree(&mut self, top: &str, count: Count) {
        self.survey.places.push(top.to_owned());
        let Some(level) = self.open(top) else {
            return;
        };
        if count == Count::All
            && let Ok(stat) = nix::sys::stat::fstat(&level.fd)
        {
            self.count(top.to_owned(), (stat.st_mode, stat.st_uid, stat.st_gid));
        }
        let mut levels = vec![level];
        while let Some(level) = levels.last_mut() {
            let name = match level.next() {
                None => {
                    levels.pop();
                    continue;
                }
                Some(Ok(name)) => name,
                Some(Err(errno)) => {
                    let path = level.path.clone();
                    self.failed(Operation::Read, &path, errno);
                    levels.pop();
                    continue;
                }
            };
            let path = level.path_of(&name);
            if !self.enter(&path) {
                return;
            }
            if count == Count::Files {
                self.file(&level.fd, &name, path.clone());
            }
            let stat = match stat(&level.fd, &name) {
                Ok(stat) => stat,
                Err(errno) => {
                    self.failed(Operation::Stat, &path, errno);
                    continue;
                }
            };
            if count != Count::Files {
                self.count(path.clone(), (stat.st_mode, stat.st_uid, stat.st_gid));
            }
            if kind(&stat) != libc::S_IFDIR {
                continue;
            }
            let inner = openat(level.fd.as_fd(), name.as_c_str(), DIRECTORY, Mode::empty())
                .and_then(|fd| Level::new(fd, path.clone()));
            match inner {
                Ok(_) if levels.len() >= MAX_DEPTH => {
                    let what =
                        format!("{path}: more than {MAX_DEPTH} directories deep, not checked");
                    self.survey.problem(what);
                }
                Ok(inner) => levels.push(inner),
                // It may have been replaced by something else meanwhile.
                Err(Errno::ENOTDIR | Errno::ELOOP) => {}
                Err(errno) => self.failed(Operation::Open, &path, errno),
            }
        }
    }
}

fn stat(directory: &OwnedFd, name: &CString) -> Result<FileStat, Errno> {
    fstatat(directory, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)
}

const fn kind(stat: &FileStat) -> u32 {
    stat.st_mode & libc::S_IFMT
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}
