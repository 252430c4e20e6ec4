//! The metrics file: written below a directory that the administrator sets, so that no other user than
//! root can redirect it.
//!
//! Where another user may write in a directory of the path, that user can replace a component by a link
//! and so redirect root's write. Therefore the path is opened component by component without following
//! links, and every directory on it must be owned by root and writable by root only. A directory that is
//! opened this way cannot be replaced meanwhile.

use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use super::atomic_file::{Replacement, Temporary};

/// Why the file is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextfileError {
    /// The path is not absolute, or contains `..`.
    #[error("{}: textfile must be an absolute path without `..`", .path.display())]
    Path {
        /// The configured directory.
        path: PathBuf,
    },
    /// A component does not exist.
    #[error("{} does not exist; create it as root: install -d -m 755 {}", .path.display(), .path.display())]
    Missing {
        /// The component.
        path: PathBuf,
    },
    /// A component is a symbolic link.
    #[error("{} is a symbolic link to {target}, which is not followed: set textfile to the directory itself", .path.display())]
    Link {
        /// The component.
        path: PathBuf,
        /// The target of the link.
        target: String,
    },
    /// A component is not a directory.
    #[error("{} is not a directory", .path.display())]
    NoDirectory {
        /// The component.
        path: PathBuf,
    },
    /// A component is owned by another user than root.
    #[error(
        "{} is owned by uid {uid}, who could redirect the file: use a directory that is owned by root, as are all \
         above it, and set it in node_exporter (--collector.textfile.directory)",
        .path.display()
    )]
    Owner {
        /// The component.
        path: PathBuf,
        /// The user id of the owner.
        uid: u32,
    },
    /// A component is writable by other users than its owner.
    #[error("{} is writable by other users than root (mode {mode:04o}): run `chmod go-w {}`, or use another directory", .path.display(), .path.display())]
    Writable {
        /// The component.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// The sandbox of the monitor's unit makes the directory read-only.
    #[error(
        "{} is read-only in the monitor's unit: add ReadWritePaths={} below [Service] with `systemctl edit \
         preflight-rke2`, then run `systemctl restart preflight-rke2`",
        .path.display(),
        .path.display()
    )]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// Another error.
    #[error("{}: {error}", .path.display())]
    Other {
        /// The path that cannot be opened or written.
        path: PathBuf,
        /// The error of the system call.
        error: Errno,
    },
}

/// Writes metrics files.
#[derive(Debug, Clone)]
pub(crate) struct Textfile {
    root: PathBuf,
    owner: u32,
}

impl Default for Textfile {
    fn default() -> Self {
        Self::below(Path::new("/"), 0)
    }
}

impl Textfile {
    /// Writes below another root directory, which is not checked, for another owner than root.
    pub(crate) fn below(root: &Path, owner: u32) -> Self {
        Self {
            root: root.to_owned(),
            owner,
        }
    }

    /// Replaces a file, with mode 0644.
    pub(crate) fn replace(
        &self,
        directory: &Path,
        name: &str,
        content: &[u8],
    ) -> Result<(), TextfileError> {
        let opened = self.open(directory)?;
        let replacement = Replacement {
            name,
            content,
            mode: 0o644,
            owner: None,
            temporary: Temporary::PerProcess,
            sync_directory: false,
        };
        replacement
            .put(opened.as_fd())
            .map_err(|error| match error.errno {
                Errno::EROFS => TextfileError::ReadOnly {
                    path: directory.to_owned(),
                },
                error => TextfileError::Other {
                    path: directory.join(name),
                    error,
                },
            })
    }

    /// Opens the directory, if no other user can replace it.
    fn open(&self, directory: &Path) -> Result<OwnedFd, TextfileError> {
        if !directory.has_root() {
            let path = directory.to_owned();
            return Err(TextfileError::Path { path });
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut at = nix::fcntl::open(&self.root, flags, Mode::empty())
            .map_err(|error| other(&self.root, error))?;
        let mut path = PathBuf::from("/");
        for component in directory.components() {
            let name = match component {
                Component::RootDir => continue,
                Component::Normal(name) => name,
                _ => {
                    let path = directory.to_owned();
                    return Err(TextfileError::Path { path });
                }
            };
            path.push(name);
            let opened = openat(&at, name, flags, Mode::empty());
            at = opened.map_err(|error| open_error(&at, name, &path, error))?;
            let stat = fstat(&at).map_err(|error| other(&path, error))?;
            self.check(&stat, &path)?;
        }
        Ok(at)
    }

    fn check(&self, stat: &FileStat, path: &Path) -> Result<(), TextfileError> {
        let path = path.to_owned();
        if stat.st_uid != 0 && stat.st_uid != self.owner {
            let uid = stat.st_uid;
            return Err(TextfileError::Owner { path, uid });
        }
        // With an access control list, the group bits contain its mask.
        if stat.st_mode & 0o022 != 0 {
            let mode = stat.st_mode & 0o7777;
            return Err(TextfileError::Writable { path, mode });
        }
        Ok(())
    }
}

fn other(path: &Path, error: Errno) -> TextfileError {
    TextfileError::Other {
        path: path.to_owned(),
        error,
    }
}

/// The reason why a component could not be opened.
fn open_error(at: &OwnedFd, name: &OsStr, path: &Path, error: Errno) -> TextfileError {
    let path = path.to_owned();
    if error == Errno::ENOENT {
        return TextfileError::Missing { path };
    }
    let is_link = fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(|stat| {
        SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFLNK
    });
    match error {
        Errno::ELOOP | Errno::ENOTDIR if is_link => {
            let target = readlinkat(at, name).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            TextfileError::Link { path, target }
        }
        Errno::ENOTDIR => TextfileError::NoDirectory { path },
        error => TextfileError::Other { path, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::names;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    const NAME: &str = "preflight-rke2.prom";

    struct Fixture {
        dir: tempfile::TempDir,
        writer: Textfile,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let owner = nix::unistd::geteuid().as_raw();
            let writer = Textfile::below(dir.path(), owner);
            let fixture = Self { dir, writer };
            fs::create_dir_all(fixture.at("var/lib/metrics")).unwrap();
            for path in ["var", "var/lib", "var/lib/metrics"] {
                fixture.chmod(path, 0o755);
            }
            fixture
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().join(path)
        }

        fn chmod(&self, path: &str, mode: u32) {
            fs::set_permissions(self.at(path), Permissions::from_mode(mode)).unwrap();
        }

        fn write(&self, directory: &str) -> Result<(), TextfileError> {
            self.writer.replace(Path::new(directory), NAME, b"1\n")
        }

        fn names(&self, path: &str) -> Vec<String> {
            names(&self.at(path))
        }
    }

    #[test]
    fn the_file_is_replaced_and_readable_by_all() {
        let host = Fixture::new();
        let left = host.at("var/lib/metrics/.preflight-rke2.prom.77");
        let others = host.at("var/lib/metrics/.preflight-rke2.prom.x");
        for path in [&left, &others] {
            fs::write(path, "half").unwrap();
        }
        for _ in 0..2 {
            assert_eq!(host.write("/var/lib/metrics"), Ok(()));
        }
        let written = host.at("var/lib/metrics").join(NAME);
        assert_eq!(fs::read(&written).unwrap(), b"1\n");
        let mode = fs::metadata(&written).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(
            host.names("var/lib/metrics"),
            [".preflight-rke2.prom.x", NAME]
        );
    }

    #[test]
    fn no_link_is_followed() {
        let host = Fixture::new();
        fs::create_dir(host.at("elsewhere")).unwrap();
        fs::write(host.at("elsewhere/passwd"), "root").unwrap();
        symlink("../../elsewhere", host.at("var/lib/last")).unwrap();
        symlink("../elsewhere", host.at("var/between")).unwrap();
        for (path, link) in [
            ("/var/lib/last", "/var/lib/last"),
            ("/var/between/metrics", "/var/between"),
        ] {
            let error = host.write(path).unwrap_err();
            assert!(
                matches!(&error, TextfileError::Link { path, .. } if path == Path::new(link)),
                "{error:?}"
            );
            assert!(error.to_string().contains("elsewhere"), "{error}");
        }
        assert_eq!(host.names("elsewhere"), ["passwd"]);
        // A link with the name of the file is replaced; its target is unchanged.
        let file = host.at("var/lib/metrics").join(NAME);
        symlink("../../../elsewhere/passwd", &file).unwrap();
        assert_eq!(host.write("/var/lib/metrics"), Ok(()));
        assert!(fs::symlink_metadata(&file).unwrap().is_file());
        assert_eq!(fs::read(host.at("elsewhere/passwd")).unwrap(), b"root");
    }

    #[test]
    fn directories_that_others_control_are_refused() {
        // The sticky bit is no protection: another user's mount can show any owner.
        for mode in [0o775, 0o757, 0o777, 0o1777, 0o2775] {
            for component in ["var", "var/lib", "var/lib/metrics"] {
                let host = Fixture::new();
                host.chmod(component, mode);
                let error = host.write("/var/lib/metrics").unwrap_err();
                let path = Path::new("/").join(component);
                assert_eq!(error, TextfileError::Writable { path, mode });
                assert_eq!(host.names("var/lib/metrics"), [""; 0]);
            }
        }
        // A user's own directory is not trusted for another owner.
        let host = Fixture::new();
        let stat = fs::metadata(host.at("var")).unwrap();
        let uid = std::os::unix::fs::MetadataExt::uid(&stat);
        if uid != 0 {
            let writer = Textfile::below(host.dir.path(), uid + 1);
            let error = writer.replace(Path::new("/var/lib/metrics"), NAME, b"");
            let path = PathBuf::from("/var");
            assert_eq!(error, Err(TextfileError::Owner { path, uid }));
        }
    }

    #[test]
    fn root_refuses_another_owner() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        for component in ["var", "var/lib", "var/lib/metrics"] {
            let host = Fixture::new();
            std::os::unix::fs::chown(host.at(component), Some(65534), None).unwrap();
            let error = host.write("/var/lib/metrics").unwrap_err();
            let path = Path::new("/").join(component);
            assert_eq!(error, TextfileError::Owner { path, uid: 65534 });
            assert_eq!(host.names("var/lib/metrics"), [""; 0]);
        }
    }

    #[test]
    fn errors_name_the_cause() {
        let host = Fixture::new();
        fs::write(host.at("var/file"), "").unwrap();
        for (path, expected) in [
            (
                "/var/lib/none/metrics",
                "/var/lib/none does not exist; create it as root: install -d -m 755 /var/lib/none",
            ),
            ("/var/file/metrics", "/var/file is not a directory"),
            (
                "/var/lib/../lib/metrics",
                "/var/lib/../lib/metrics: textfile must be an absolute path without `..`",
            ),
            (
                "metrics",
                "metrics: textfile must be an absolute path without `..`",
            ),
        ] {
            assert_eq!(host.write(path).unwrap_err().to_string(), expected);
        }
        fs::create_dir(host.at("var/lib/metrics").join(NAME)).unwrap();
        let error = host.write("/var/lib/metrics").unwrap_err();
        assert!(matches!(error, TextfileError::Other { .. }), "{error}");
        assert_eq!(host.names("var/lib/metrics"), [NAME], "nothing is left");
    }
}
