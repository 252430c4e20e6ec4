//! Replaces a file atomically: readers see the old content or the new one, never a part.
//!
//! The new content goes into a temporary file in the same directory, which is synced and renamed over the
//! old file. A process that is killed in between leaves the temporary file; the next replacement removes
//! it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fsync, unlinkat};

const DIRECTORY: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_CLOEXEC);
const NEW: OFlag = OFlag::O_WRONLY
    .union(OFlag::O_CREAT)
    .union(OFlag::O_EXCL)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);

/// The name of the temporary file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporary {
    /// `.NAME.PID`: several processes may write at once, and the last rename wins.
    PerProcess,
    /// `.NAME.preflight-new`: the caller holds a lock on the directory.
    Locked,
}

/// A file to put in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replacement<'a> {
    /// The name within the directory.
    pub name: &'a str,
    /// The whole content.
    pub content: &'a [u8],
    /// Permission bits, whatever the umask.
    pub mode: u32,
    /// Owner and group; `None` for those of this process.
    pub owner: Option<(Uid, Gid)>,
    /// Which temporary file is used.
    pub temporary: Temporary,
    /// Whether the rename itself must survive a power failure.
    pub sync_directory: bool,
}

/// The step of a replacement that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplaceStep {
    /// Removing a left-over temporary file.
    Remove,
    /// Creating the temporary file.
    Create,
    /// Writing the content.
    Write,
    /// Setting owner and mode.
    Permissions,
    /// Syncing the temporary file.
    Sync,
    /// Renaming it over the old file.
    Rename,
    /// Syncing the directory. The new file is in place.
    SyncDirectory,
}

/// Why a file was not replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplaceError {
    /// The step that failed.
    pub step: ReplaceStep,
    /// The error of the system call.
    pub errno: Errno,
}

fn at(step: ReplaceStep) -> impl Fn(Errno) -> ReplaceError {
    move |errno| ReplaceError { step, errno }
}

impl Replacement<'_> {
    /// The name of the temporary file within the directory.
    pub(crate) fn temporary_name(&self) -> String {
        match self.temporary {
            Temporary::PerProcess => format!(".{}.{}", self.name, std::process::id()),
            Temporary::Locked => format!(".{}.preflight-new", self.name),
        }
    }

    /// Puts the file into `directory`.
    pub(crate) fn put(&self, directory: BorrowedFd<'_>) -> Result<(), ReplaceError> {
        let temporary = self.temporary_name();
        match self.temporary {
            Temporary::PerProcess => remove_leftovers(directory, self.name),
            Temporary::Locked => {
                remove_if_there(directory, &temporary).map_err(at(ReplaceStep::Remove))?;
            }
        }
        let private = Mode::S_IRUSR.union(Mode::S_IWUSR);
        let file =
            openat(directory, temporary.as_str(), NEW, private).map_err(at(ReplaceStep::Create))?;
        let replaced = self.fill(File::from(file)).and_then(|()| {
            renameat(directory, temporary.as_str(), directory, self.name)
                .map_err(at(ReplaceStep::Rename))
        });
        if replaced.is_err() {
            // The first error is the one to report. A file that stays is removed by the next replacement.
            let _ = remove_if_there(directory, &temporary);
        }
        replaced?;
        if self.sync_directory {
            fsync(directory).map_err(at(ReplaceStep::SyncDirectory))?;
        }
        Ok(())
    }

    fn fill(&self, mut file: File) -> Result<(), ReplaceError> {
        file.write_all(self.content)
            .map_err(|error| at(ReplaceStep::Write)(errno(&error)))?;
        self.set_permissions(&file)
            .map_err(at(ReplaceStep::Permissions))?;
        fsync(&file).map_err(at(ReplaceStep::Sync))
    }

    fn set_permissions(&self, file: &File) -> Result<(), Errno> {
        if let Some((uid, gid)) = self.owner {
            fchown(file, Some(uid), Some(gid))?;
        }
        fchmod(file, Mode::from_bits_truncate(self.mode))
    }
}

/// Replaces the file at `path`, which is owned by this process's user.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let (directory, name) = open_parent(path)?;
    let replacement = Replacement {
        name,
        content,
        mode,
        owner: None,
        temporary: Temporary::PerProcess,
        sync_directory: false,
    };
    replacement
        .put(directory.as_fd())
        .map_err(|error| error.errno.into())
}

/// Removes the file at `path` and temporary files left over for it. A file that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let (directory, name) = match open_parent(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    remove_leftovers(directory.as_fd(), name);
    Ok(remove_if_there(directory.as_fd(), name)?)
}

/// The directory that `path` is in, opened, and the name within it.
fn open_parent(path: &Path) -> io::Result<(File, &str)> {
    let name = path.file_name().and_then(OsStr::to_str);
    let (Some(name), Some(parent)) = (name, path.parent()) else {
        return Err(Errno::EISDIR.into());
    };
    let directory = nix::fcntl::open(parent, DIRECTORY, Mode::empty())?;
    Ok((File::from(directory), name))
}

fn remove_if_there(directory: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    }
}

/// Removes `.NAME.PID` of every process. If another process is writing at this moment, its rename fails and
/// this process's content wins.
fn remove_leftovers(directory: BorrowedFd<'_>, name: &str) {
    // Failures are ignored: a left-over file takes a little space and is never read.
    let Ok(listed) = openat(directory, ".", DIRECTORY, Mode::empty()) else {
        return;
    };
    let Ok(mut listed) = Dir::from_fd(listed) else {
        return;
    };
    let start = format!(".{name}.");
    for entry in listed.iter().flatten() {
        let entry = entry.file_name().to_bytes();
        if let Some(pid) = entry.strip_prefix(start.as_bytes())
            && !pid.is_empty()
            && pid.iter().all(u8::is_ascii_digit)
        {
            let _ = unlinkat(
                directory,
                OsStr::from_bytes(entry),
                UnlinkatFlags::NoRemoveDir,
            );
        }
    }
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::names;
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn leftovers_of_killed_processes_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            ".file.1",
            ".file.99999999",
            ".file.",
            ".file.1x",
            ".other.1",
            "file.1",
            ".file.1.2",
        ] {
            fs::write(dir.path().join(name), "half").unwrap();
        }
        let others = [".file.", ".file.1.2", ".file.1x", ".other.1"];
        replace(&dir.path().join("file"), b"new", 0o644).unwrap();
        let mut expected = others.to_vec();
        expected.extend(["file", "file.1"]);
        assert_eq!(names(dir.path()), expected);

        fs::write(dir.path().join(".file.1"), "half").unwrap();
        for _ in 0..2 {
            remove(&dir.path().join("file")).unwrap();
        }
        assert_eq!(names(dir.path()).len(), others.len() + 1);
        remove(&dir.path().join("none/file")).unwrap();
    }

    #[test]
    fn a_locked_leftover_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".file.preflight-new"), "half").unwrap();
        let replacement = Replacement {
            name: "file",
            content: b"new",
            mode: 0o604,
            owner: None,
            temporary: Temporary::Locked,
            sync_directory: true,
        };
        let directory = File::open(dir.path()).unwrap();
        replacement.put(directory.as_fd()).unwrap();
        assert_eq!(names(dir.path()), ["file"]);
        let file = dir.path().join("file");
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o604);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_keeps_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        replace(&path, b"old", 0o644).unwrap();
        fs::create_dir(dir.path().join("directory")).unwrap();
        assert!(replace(&dir.path().join("directory"), b"new", 0o644).is_err());
        assert!(replace(&dir.path().join("none/file"), b"new", 0o644).is_err());
        assert!(replace(Path::new("/"), b"new", 0o644).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["directory", "file"]);
    }
}
