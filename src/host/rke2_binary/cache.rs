//! The answer of a program to `--version`, kept until the next boot so that the program runs once.
//!
//! Only answers are kept, because a failure may be temporary. A file of another type, owner or content is
//! ignored, and so is a failed write.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc;
use serde::{Deserialize, Serialize};

use super::shown;
use crate::host::atomic_file;
use crate::host::root::FileStatus;

const NAME: &str = "rke2-version.json";
/// Far more than an entry takes.
const MAX_SIZE: u64 = 8192;

/// An answer, and which file gave it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CacheEntry {
    path: String,
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    version: String,
}

impl CacheEntry {
    fn new(path: &Path, status: &FileStatus, version: &str) -> Self {
        Self {
            path: shown(path),
            device: status.identity.0,
            inode: status.identity.1,
            size: status.size,
            modified: status.modified,
            version: version.to_owned(),
        }
    }
}

/// The answer that is kept of the program at `path`, provided it is still the same file.
pub(super) fn load(dir: &Path, path: &Path, status: &FileStatus) -> Option<String> {
    load_of(dir, path, status, 0)
}

/// [`load`], where `owner` stands for root.
fn load_of(dir: &Path, path: &Path, status: &FileStatus, owner: u32) -> Option<String> {
    let own = |file: &File| {
        let meta = file.metadata().ok()?;
        (meta.uid() == owner && meta.mode() & 0o022 == 0).then_some(meta)
    };
    let open = |path: &Path, flags: i32| {
        OpenOptions::new()
            .read(true)
            .custom_flags(flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path)
            .ok()
    };
    own(&open(dir, libc::O_DIRECTORY)?)?;
    let file = open(&dir.join(NAME), 0)?;
    own(&file)?.is_file().then_some(())?;
    let mut content = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut content).ok()?;
    let entry: CacheEntry = serde_json::from_slice(&content).ok()?;
    let same = CacheEntry::new(path, status, &entry.version) == entry;
    same.then_some(entry.version)
}

/// Keeps an answer.
pub(super) fn store(dir: &Path, path: &Path, status: &FileStatus, version: &str) {
    let _ = try_store(dir, &CacheEntry::new(path, status, version));
}

fn try_store(dir: &Path, entry: &CacheEntry) -> std::io::Result<()> {
    let made = DirBuilder::new().mode(0o755).create(dir);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    atomic_file::replace(&dir.join(NAME), &serde_json::to_vec(entry)?, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostRoot;
    use std::os::unix::fs::PermissionsExt;

    struct Fixture {
        dir: tempfile::TempDir,
        me: u32,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("rke2"), "program").unwrap();
            Self {
                dir,
                me: nix::unistd::geteuid().as_raw(),
            }
        }

        fn program(&self) -> std::path::PathBuf {
            self.dir.path().join("rke2")
        }

        fn cache(&self) -> std::path::PathBuf {
            self.dir.path().join("cache")
        }

        fn status(&self) -> FileStatus {
            HostRoot::live().stat(self.program()).unwrap()
        }

        fn load(&self) -> Option<String> {
            load_of(&self.cache(), &self.program(), &self.status(), self.me)
        }

        fn store(&self) {
            store(
                &self.cache(),
                &self.program(),
                &self.status(),
                "v1.21.3+rke2r1",
            );
        }
    }

    #[test]
    fn keeps_an_answer_for_one_file_only() {
        let fixture = Fixture::new();
        assert_eq!(fixture.load(), None);
        fixture.store();
        assert_eq!(fixture.load().as_deref(), Some("v1.21.3+rke2r1"));
        let file = fixture.cache().join(NAME);
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::metadata(fixture.cache()).unwrap().mode() & 0o777,
            0o755
        );

        let other = fixture.dir.path().join("other");
        assert_eq!(
            load_of(&fixture.cache(), &other, &fixture.status(), fixture.me),
            None
        );
        let upgraded = fixture.dir.path().join("new");
        std::fs::write(&upgraded, "program").unwrap();
        std::fs::rename(upgraded, fixture.program()).unwrap();
        assert_eq!(fixture.load(), None, "another file by that name");
        fixture.store();
        assert!(fixture.load().is_some());
        std::fs::write(fixture.program(), "programs").unwrap();
        assert_eq!(fixture.load(), None, "the file has changed");
        assert_eq!(std::fs::read_dir(fixture.cache()).unwrap().count(), 1);
    }

    #[test]
    fn trusts_nothing_odd() {
        let fixture = Fixture::new();
        fixture.store();
        let file = fixture.cache().join(NAME);
        let content = std::fs::read(&file).unwrap();
        assert_eq!(
            load_of(
                &fixture.cache(),
                &fixture.program(),
                &fixture.status(),
                fixture.me + 1
            ),
            None,
            "another's"
        );
        for (path, mode, good) in [
            (&file, 0o620, 0o600),
            (&file, 0o602, 0o600),
            (&fixture.cache(), 0o775, 0o755),
            (&fixture.cache(), 0o757, 0o755),
        ] {
            let set =
                |mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
            set(mode);
            assert_eq!(fixture.load(), None, "{mode:o}");
            set(good);
            assert!(fixture.load().is_some(), "{good:o}");
        }
        for odd in [
            &b""[..],
            b"{}",
            b"[]",
            b"\xff\xfe",
            &content[..content.len() - 1],
        ] {
            std::fs::write(&file, odd).unwrap();
            assert_eq!(fixture.load(), None);
        }
        let mut large = content.clone();
        large.resize(1 << 20, b' ');
        std::fs::write(&file, large).unwrap();
        assert!(
            fixture.load().is_some(),
            "white space after the end is read no further"
        );

        let elsewhere = fixture.dir.path().join("elsewhere");
        std::fs::write(&elsewhere, content).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        assert_eq!(fixture.load(), None, "a link");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert_eq!(fixture.load(), None, "a directory");
        fixture.store();
        assert_eq!(
            std::fs::read_dir(fixture.cache()).unwrap().count(),
            1,
            "nothing left over"
        );
    }

    #[test]
    fn an_unwritable_cache_is_ignored() {
        let fixture = Fixture::new();
        std::fs::write(fixture.cache(), "a file").unwrap();
        fixture.store();
        assert_eq!(fixture.load(), None);
        let deep = fixture.dir.path().join("none/cache");
        store(
            &deep,
            &fixture.program(),
            &fixture.status(),
            "v1.21.3+rke2r1",
        );
        assert!(!deep.exists());
    }

    #[test]
    fn only_roots_cache_is_trusted() {
        let fixture = Fixture::new();
        fixture.store();
        let kept = load(&fixture.cache(), &fixture.program(), &fixture.status());
        let own = fixture.load();
        assert!(own.is_some());
        assert_eq!(kept, own.filter(|_| fixture.me == 0));
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let fixture = Fixture::new();
        std::fs::create_dir(fixture.cache()).unwrap();
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o600);
        nix::unistd::mkfifo(&fixture.cache().join(NAME), mode).unwrap();
        assert_eq!(fixture.load(), None);
    }
}
