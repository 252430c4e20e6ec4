//! Reads the configuration of preflight-rke2: the vendor's files below `/usr/lib`, the administrator's below `/etc`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use super::HostRoot;
use super::root::FileStatus;
use crate::configuration::{Configuration, ConfigurationError};
use crate::facts::{ReadError, Source};
use crate::requirements::catalogue;

/// Directories in ascending precedence.
const DIRECTORIES: [&str; 2] = ["/usr/lib/preflight-rke2", "/etc/preflight-rke2"];

/// Reads `config.toml` of both directories, then `config.toml.d/*.toml` by name. A drop-in of the administrator
/// replaces the vendor's of the same name. Without any file the defaults apply.
///
/// On the running host a file or directory that users other than root may write is an error, because it decides
/// whether RKE2 starts.
pub(crate) fn read(root: &HostRoot) -> Result<Configuration, ConfigurationError> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut drop_ins: BTreeMap<OsString, String> = BTreeMap::new();
    for directory in DIRECTORIES {
        check_directory(root, directory)?;
        let main = format!("{directory}/config.toml");
        files.extend(optional(root, &main)?.map(|content| (main, content)));
        let drop_ins_path = format!("{directory}/config.toml.d");
        let names = match root.list(&drop_ins_path) {
            Ok(names) => names,
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(unreadable(&error)),
        };
        check_directory(root, &drop_ins_path)?;
        for name in names {
            let shown = name.to_string_lossy();
            if shown.ends_with(".toml") && !shown.starts_with('.') {
                let path = format!("{drop_ins_path}/{shown}");
                drop_ins.insert(name, path);
            }
        }
    }
    for path in drop_ins.into_values() {
        files.extend(optional(root, &path)?.map(|content| (path, content)));
    }
    Configuration::merge(
        files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice())),
        |id| catalogue::check(id).is_some(),
        &catalogue::ids(),
    )
}

fn optional(root: &HostRoot, path: &str) -> Result<Option<Vec<u8>>, ConfigurationError> {
    match root.read_known(path) {
        Ok((content, status)) => {
            check_owner(root, path, &status)?;
            Ok(Some(content))
        }
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Fails if users other than root may have written to the directory.
fn check_directory(root: &HostRoot, directory: &str) -> Result<(), ConfigurationError> {
    match root.stat(directory) {
        Ok(status) => check_owner(root, directory, &status),
        Err(error) if error.is_absent() => Ok(()),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Fails if users other than root may have written the file or directory at `path`.
fn check_owner(root: &HostRoot, path: &str, status: &FileStatus) -> Result<(), ConfigurationError> {
    // The files of an image belong to the user who made it.
    if !root.is_live() {
        return Ok(());
    }
    unsafe_owner(path, status).map_or(Ok(()), |message| {
        Err(ConfigurationError {
            place: Source::file(path),
            message,
        })
    })
}

/// Which user other than root may write `path`, and the remedy.
fn unsafe_owner(path: &str, status: &FileStatus) -> Option<String> {
    if status.uid != 0 {
        return Some(format!(
            "owned by user {}, must be owned by root, because it decides whether RKE2 starts; run `chown root {path}`",
            status.uid
        ));
    }
    let by_group = status.mode & 0o020 != 0 && status.gid != 0;
    (by_group || status.mode & 0o002 != 0).then(|| {
        format!(
            "writable by users other than root (mode {:04o}), but it decides whether RKE2 starts; run `chmod go-w {path}`",
            status.mode
        )
    })
}

fn unreadable(error: &ReadError) -> ConfigurationError {
    ConfigurationError {
        place: Source::file(error.path()),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Mode, OnError};

    #[test]
    fn files_that_others_may_write_are_refused() {
        let status = |uid, gid, mode| FileStatus {
            kind: super::super::root::FileKind::File,
            mode,
            uid,
            gid,
            size: 0,
            identity: (0, 0),
            modified: (0, 0),
        };
        let unsafe_owner = |uid, gid, mode| super::unsafe_owner("/f", &status(uid, gid, mode));
        assert_eq!(unsafe_owner(0, 0, 0o644), None);
        assert_eq!(unsafe_owner(0, 7, 0o755), None);
        assert_eq!(unsafe_owner(0, 0, 0o664), None);
        for (uid, gid, mode, remedy) in [
            (1000, 0, 0o600, "`chown root /f`"),
            (0, 7, 0o660, "(mode 0660)"),
            (0, 0, 0o602, "`chmod go-w /f`"),
            (0, 0, 0o1777, "(mode 1777)"),
        ] {
            let message = unsafe_owner(uid, gid, mode).unwrap();
            assert!(message.contains(remedy), "{message}");
        }
    }

    #[test]
    fn an_administrators_drop_in_hides_the_vendors_of_the_same_name() {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        assert_eq!(read(&root).unwrap(), Configuration::default());
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "usr/lib/preflight-rke2/config.toml",
            "[gate]\nmode = \"report\"\n",
        );
        write(
            "usr/lib/preflight-rke2/config.toml.d/10-a.toml",
            "[gate]\non-error = \"block\"\n",
        );
        assert_eq!(read(&root).unwrap().on_error, OnError::Block);
        write("etc/preflight-rke2/config.toml.d/10-a.toml", "");
        write("etc/preflight-rke2/config.toml.d/.hidden.toml", "nonsense");
        write("etc/preflight-rke2/config.toml.d/note.txt", "nonsense");
        let merged = read(&root).unwrap();
        assert_eq!(
            (merged.on_error, merged.mode),
            (OnError::Allow, Mode::Report)
        );
        write(
            "etc/preflight-rke2/config.toml",
            "[gate]\nmode = \"enforce\"\nx = 1\n",
        );
        let error = read(&root).unwrap_err().to_string();
        assert!(
            error.starts_with("/etc/preflight-rke2/config.toml:3: unknown field `x`"),
            "{error}"
        );
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_an_error() {
        for odd in ["config.toml", "config.toml.d"] {
            let dir = tempfile::tempdir().unwrap();
            let root = HostRoot::open(dir.path()).unwrap();
            let directory = dir.path().join("etc/preflight-rke2");
            std::fs::create_dir_all(&directory).unwrap();
            std::os::unix::fs::symlink(odd, directory.join(odd)).unwrap();
            let error = read(&root).unwrap_err().to_string();
            assert!(
                error.contains("too many levels of symbolic links"),
                "{error}"
            );
        }
    }
}
