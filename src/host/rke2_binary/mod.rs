//! Which RKE2 is installed, asked of the program that its unit starts.
//!
//! Build information first, a few reads that run nothing. Programs from before RKE2 1.24 do not
//! carry it: those are run with `--version`, once a boot. What RKE2 last unpacked is a hint at the
//! end. Nothing here fails: what is not found out is a note.

mod cache;
pub(in crate::host) mod command;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;

use crate::facts::{Operation, ReadError, Source};
use crate::host::HostRoot;
use crate::host::root::{FileKind, FileStatus};
use crate::rke2::build_info::{self, BinaryKind, Bytes};
use crate::rke2::installed::{CommandFailure, Detection, InstalledVersion, Note, VersionSource};
use crate::rke2::version::Version;
use crate::unit::SEARCH_PATH;

/// Where RKE2's installers put the program: tarball, tarball with `/usr/local` read-only, RPM.
pub(crate) const PLACES: &[&str] = &["/usr/local/bin/rke2", "/opt/rke2/bin/rke2", "/usr/bin/rke2"];

/// Whether and how a program may be run to ask for its version.
#[derive(Debug, Clone)]
pub struct VersionCommand {
    /// How long it may take.
    pub deadline: Duration,
    /// The directory where an answer is kept until the next boot.
    pub cache: PathBuf,
}

impl Default for VersionCommand {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(2),
            cache: PathBuf::from("/run/preflight-rke2"),
        }
    }
}

/// Finds out which RKE2 is installed.
///
/// `binary` is the program of the unit's `ExecStart`; without one, the places that RKE2's installers
/// use are looked at. It is run only on the live host, and never without an `ask`.
pub fn detect(
    root: &HostRoot,
    binary: Option<&Path>,
    data_dir: &Path,
    ask: Option<&VersionCommand>,
) -> Detection {
    let mut notes = Vec::new();
    let installed = program(root, binary, &mut notes)
        .and_then(|path| from_program(root, &path, ask, &mut notes))
        .or_else(|| from_data_dir(root, data_dir, &mut notes));
    Detection { installed, notes }
}

/// The first executable file of that name in `directories`, or where none are given in those that systemd
/// searches by default.
pub(crate) fn search(root: &HostRoot, directories: &[String], name: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| {
        root.stat(path)
            .is_ok_and(|status| status.kind == FileKind::File && status.mode & 0o111 != 0)
    };
    let mut own = directories.iter().map(String::as_str);
    let mut default = SEARCH_PATH.into_iter();
    let directories: &mut dyn Iterator<Item = &str> = if directories.is_empty() {
        &mut default
    } else {
        &mut own
    };
    directories
        .map(|directory| Path::new(directory).join(name))
        .find(is_program)
}

/// Reads the build information of the program at `path`.
pub fn read_program(root: &HostRoot, path: &Path) -> Result<BinaryKind, ReadError> {
    read_file(&root.open_file(path)?, path).map_err(|error| root.failed(error))
}

fn read_file(file: &File, path: &Path) -> Result<BinaryKind, ReadError> {
    build_info::read(&Pread { file, path })
}

/// The program to ask: the one named, or the first that is where installers put it.
fn program(root: &HostRoot, binary: Option<&Path>, notes: &mut Vec<Note>) -> Option<PathBuf> {
    if let Some(path) = binary {
        let found = if path.is_absolute() {
            Some(path.to_owned())
        } else {
            searched(root, path)
        };
        if found.is_none() {
            notes.push(Note::NotAbsolute { path: shown(path) });
        }
        return found;
    }
    let found = PLACES
        .iter()
        .map(PathBuf::from)
        .find(|path| match root.stat(path) {
            Ok(_) => true,
            // What is there but cannot be looked at is worth a note.
            Err(error) => !matches!(error.errno(), Some(libc::ENOENT | libc::ENOTDIR)),
        });
    if found.is_none() {
        notes.push(Note::NoProgram { places: PLACES });
    }
    found
}

/// The program that systemd finds under that name: the first that may be executed and is no folder.
fn searched(root: &HostRoot, name: &Path) -> Option<PathBuf> {
    // A name with a directory before it is none that systemd would search for.
    if name.components().count() != 1 {
        return None;
    }
    search(root, &[], name)
}

fn from_program(
    root: &HostRoot,
    path: &Path,
    ask: Option<&VersionCommand>,
    notes: &mut Vec<Note>,
) -> Option<InstalledVersion> {
    let go = match read_program(root, path) {
        Err(error) => {
            notes.push(error.into());
            return None;
        }
        Ok(BinaryKind::NotElf) => {
            notes.push(Note::NotElf { path: shown(path) });
            return None;
        }
        Ok(BinaryKind::NotGo) => None,
        Ok(BinaryKind::Go(info)) => {
            if let Some(text) = info.rke2 {
                let source = VersionSource::Binary;
                return installed(path, source, &text, Some(info.go), notes);
            }
            Some(info.go)
        }
    };
    let Some(ask) = ask.filter(|_| root.is_live()) else {
        notes.push(Note::NoVersion { path: shown(path) });
        return None;
    };
    match answer(root, path, ask) {
        Ok(text) => installed(path, VersionSource::Command, &text, go, notes),
        Err(note) => {
            notes.push(note);
            None
        }
    }
}

/// What the program answers to `--version`, from the cache where that is known of this very file.
fn answer(root: &HostRoot, path: &Path, ask: &VersionCommand) -> Result<String, Note> {
    let status = root.stat(path)?;
    if let Some(reason) = distrust(&status) {
        return Err(Note::NotTrusted {
            path: shown(path),
            reason,
        });
    }
    if let Some(text) = cache::load(&ask.cache, path, &status) {
        return Ok(text);
    }
    let text = command::version(path, ask.deadline).and_then(|output| {
        build_info::from_version_output(&output).ok_or(CommandFailure::NoVersion)
    });
    match text {
        Ok(text) => {
            cache::store(&ask.cache, path, &status, &text);
            Ok(text)
        }
        Err(failure) => Err(Note::CommandFailed {
            path: shown(path),
            failure,
        }),
    }
}

/// Why a program must not be run, if so: it could be another's than root's.
fn distrust(status: &FileStatus) -> Option<&'static str> {
    if status.kind != FileKind::File {
        Some("it is not a regular file")
    } else if status.uid != 0 {
        Some("it does not belong to root")
    } else if status.mode & 0o022 != 0 {
        Some("others than root may write to it")
    } else if status.mode & 0o111 == 0 {
        Some("it is not executable")
    } else {
        None
    }
}

fn installed(
    path: &Path,
    source: VersionSource,
    text: &str,
    go: Option<String>,
    notes: &mut Vec<Note>,
) -> Option<InstalledVersion> {
    let version = build_info::release(text);
    if version.is_none() {
        notes.push(Note::NotAVersion {
            path: shown(path),
            text: text.to_owned(),
        });
    }
    version.map(|version| found(path, source, version, go))
}

fn found(
    path: &Path,
    source: VersionSource,
    version: Version,
    go: Option<String>,
) -> InstalledVersion {
    InstalledVersion {
        version,
        source,
        evidence: Some(Source::file(shown(path))),
        go,
    }
}

/// The hint of `<data-dir>/bin`, a link to the `bin` of the directory that RKE2 last unpacked and ran.
fn from_data_dir(
    root: &HostRoot,
    data_dir: &Path,
    notes: &mut Vec<Note>,
) -> Option<InstalledVersion> {
    let link = data_dir.join("bin");
    let target = match root.read_link(&link) {
        Ok(target) => target,
        Err(error) => {
            // Not there before the first start; `EINVAL` or `ENOENT` where it is not a link.
            if !error.is_absent() && error.errno() != Some(libc::EINVAL) {
                notes.push(error.into());
            }
            return None;
        }
    };
    let name = target.parent()?.file_name()?.to_str()?;
    let version = build_info::from_data_dir(name)?;
    Some(found(&link, VersionSource::DataDir, version, None))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A program's file, read here and there.
struct Pread<'a> {
    file: &'a File,
    path: &'a Path,
}

impl Bytes for Pread<'_> {
    type Error = ReadError;

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let from = u64::try_from(filled)
                .ok()
                .and_then(|filled| offset.checked_add(filled))
                // Offsets are signed for the kernel; no file is longer.
                .filter(|from| i64::try_from(*from).is_ok());
            let Some(from) = from else { break };
            match self.file.read_at(rest, from) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Past what this kind of file can hold, so past its end.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => break,
                Err(error) => {
                    return Err(ReadError::Os {
                        operation: Operation::Read,
                        path: shown(self.path),
                        errno: error.raw_os_error().unwrap_or(libc::EIO),
                    });
                }
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests;
