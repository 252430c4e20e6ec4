//! What outlives a process until the next boot: small JSON files below `/run/preflight-rke2`, each
//! written by one program, whole or not at all, readable by everybody.
//!
//! `/run` survives `systemctl soft-reboot`, and its files may be copied. Each file therefore carries the
//! boot in which it was written and the time of the monotonic clock then; one of another boot, or from
//! before the present userspace began, is ignored. The writer needs no D-Bus for that; the reader asks
//! systemd when the userspace began.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::systemd_bus::manage::Userspace;
use crate::gate::block::Block;
use crate::gate::stamp::{Stamp, Stamped};
use crate::monitor::PersistedState;
use crate::rke2::role::Role;

/// The directory that the units' `RuntimeDirectory=` makes.
pub(crate) const DIRECTORY: &str = "/run/preflight-rke2";
/// Far more than a file of ours takes.
const MAX_SIZE: u64 = 1 << 20;
/// The kernel's number of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The stamp of what is written now.
fn stamp_now() -> Stamp {
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    Stamp {
        boot: boot.trim().to_owned(),
        monotonic: monotonic(),
    }
}

/// Microseconds of the monotonic clock, as systemd's timestamps count them; 0 where there is none.
pub(crate) fn monotonic() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .ok()
        .and_then(|at| {
            let seconds = u64::try_from(at.tv_sec()).ok()?.checked_mul(1_000_000)?;
            seconds.checked_add(u64::try_from(at.tv_nsec()).ok()? / 1000)
        })
        .unwrap_or_default()
}

/// What tells whether a file has been replaced: inode, time of the last change and size.
pub(crate) type ChangeMark = Option<(u64, i64, i64, u64)>;

/// The files, below one directory.
#[derive(Debug, Clone)]
pub struct State {
    directory: PathBuf,
    /// Who must own what is read.
    owner: u32,
    /// When this userspace began; what is older is ignored. `None` while that is not known.
    userspace: Option<Userspace>,
}

impl Default for State {
    fn default() -> Self {
        Self::below(Path::new(DIRECTORY), 0)
    }
}

impl State {
    /// Below another directory, of another owner than root.
    pub fn below(directory: &Path, owner: u32) -> Self {
        Self {
            directory: directory.to_owned(),
            owner,
            userspace: None,
        }
    }

    /// Ignores from now on what is older than this userspace.
    pub const fn since(&mut self, userspace: Userspace) {
        self.userspace = Some(userspace);
    }

    /// Where the gate leaves what it blocked.
    pub fn blocks(&self) -> PathBuf {
        self.directory.join("gate")
    }

    fn block(&self, unit: &str) -> PathBuf {
        self.blocks().join(format!("{unit}.json"))
    }

    fn persisted(&self, unit: &str) -> PathBuf {
        self.directory.join("monitor").join(format!("{unit}.json"))
    }

    /// What the gate kept from starting; `None` too where the file is not one of ours, or is of another
    /// boot or userspace.
    pub fn read_block(&self, unit: &str) -> Option<Block> {
        self.read_stamped_block(unit).map(|block| block.value)
    }

    /// The same, and when it was written.
    pub fn read_stamped_block(&self, unit: &str) -> Option<Stamped<Block>> {
        self.read(&self.block(unit))
            .filter(|block: &Stamped<Block>| block.value.unit == unit)
    }

    /// Remembers a unit that is kept from starting.
    pub fn write_block(&self, block: &Block) -> io::Result<()> {
        write(&self.block(&block.unit), block)
    }

    /// What changes when a block is written or forgotten, for each unit.
    pub fn marks(&self) -> [ChangeMark; 2] {
        Role::ALL.map(|role| {
            let meta = std::fs::symlink_metadata(self.block(role.unit())).ok()?;
            Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.size()))
        })
    }

    /// Forgets it: the unit may start.
    pub fn forget_block(&self, unit: &str) -> io::Result<()> {
        let path = self.block(unit);
        sweep(&path);
        absent(std::fs::remove_file(path))
    }

    /// What the monitor remembers of a unit; nothing where it has no file, a strange one, or one of
    /// another boot or userspace.
    pub fn read_persisted(&self, unit: &str) -> PersistedState {
        let read = self.read(&self.persisted(unit));
        read.map(|persisted: Stamped<PersistedState>| persisted.value)
            .unwrap_or_default()
    }

    /// Remembers it.
    pub fn write_persisted(&self, unit: &str, persisted: &PersistedState) -> io::Result<()> {
        write(&self.persisted(unit), persisted)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<Stamped<T>> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path)
            .ok()?;
        let meta = file.metadata().ok()?;
        let ours = meta.is_file() && meta.uid() == self.owner && meta.mode() & 0o022 == 0;
        if !ours {
            return None;
        }
        let mut content = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut content).ok()?;
        let read: Stamped<T> = serde_json::from_slice(&content).ok()?;
        let changed = u64::try_from(meta.mtime()).unwrap_or_default();
        self.is_present(&read.stamp, changed.saturating_mul(1_000_000))
            .then_some(read)
    }

    /// Whether what was written then is of this userspace. `changed` is the time of the file, in
    /// microseconds since 1970: a version that wrote no stamp left no better one.
    fn is_present(&self, stamp: &Stamp, changed: u64) -> bool {
        if stamp.monotonic == 0 {
            // The file's time is in whole seconds here.
            let begun = self.userspace.map_or(0, |userspace| userspace.realtime);
            return changed.saturating_add(1_000_000) > begun;
        }
        let now = stamp_now();
        let same_boot = stamp.boot == now.boot && stamp.monotonic <= now.monotonic;
        let begun = self.userspace.map_or(0, |userspace| userspace.monotonic);
        same_boot && stamp.monotonic >= begun
    }
}

fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&Stamped {
        value,
        stamp: stamp_now(),
    })?;
    text.push(b'\n');
    if let Some(directory) = path.parent() {
        if !directory.is_dir() {
            std::fs::create_dir_all(directory)?;
        }
        // Whatever the umask took, from this process or from one that was killed before it came so far.
        if directory.metadata()?.mode() & 0o777 != 0o755 {
            std::fs::set_permissions(directory, Permissions::from_mode(0o755))?;
        }
    }
    replace(path, &text)
}

/// Puts a file in its place, for everybody to read: whole or not at all.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, content, 0o644)
}

/// The same, with a mode of its own.
pub(super) fn replace_with(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let start = fresh_start(path).ok_or_else(|| io::Error::from_raw_os_error(libc::EISDIR))?;
    let fresh = path.with_file_name(format!("{start}{}", std::process::id()));
    sweep(path);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&fresh)
        .and_then(|mut file: File| {
            // Whatever the umask took.
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(content)?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        // What made it fail is told; that this does not help is no news.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

/// What the name of a new file starts with until it is whole; the number of its process follows.
fn fresh_start(path: &Path) -> Option<String> {
    Some(format!(".{}.", path.file_name()?.to_string_lossy()))
}

/// Removes what was left by processes that were killed before a new file was in its place. Of two that
/// write at once, the one that came later wins, as it would without this.
fn sweep(path: &Path) {
    let (Some(start), Some(directory)) = (fresh_start(path), path.parent()) else {
        return;
    };
    let is_left = |name: &str| {
        let number = name.strip_prefix(&start);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // Where it cannot be listed or removed it takes up a little space, no more.
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_left) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Microseconds since 1970, as the journal counts.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_micros()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn state() -> (tempfile::TempDir, State) {
        let dir = tempfile::tempdir().unwrap();
        let owner = nix::unistd::geteuid().as_raw();
        let state = State::below(&dir.path().join("preflight-rke2"), owner);
        (dir, state)
    }

    const UNIT: &str = "rke2-server.service";

    #[test]
    fn what_is_written_is_read_until_it_is_forgotten() {
        let (_dir, state) = state();
        assert_eq!(state.read_block(UNIT), None);
        let block = Block::new(UNIT, 7, true, &[]);
        state.write_block(&block).unwrap();
        state.write_block(&block).unwrap();
        assert_eq!(state.read_block(UNIT), Some(block.clone()));
        let read = state.read_stamped_block(UNIT).unwrap();
        assert_eq!(read.stamp.boot, stamp_now().boot);
        assert!(!read.stamp.boot.is_empty() && read.stamp.monotonic > 0);
        let mode = std::fs::metadata(state.block(UNIT)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o644, "anybody may read it");
        state.forget_block(UNIT).unwrap();
        state.forget_block(UNIT).unwrap();
        assert_eq!(state.read_block(UNIT), None);

        let persisted = PersistedState {
            resumes: 3,
            ..PersistedState::default()
        };
        state.write_persisted(UNIT, &persisted).unwrap();
        assert_eq!(state.read_persisted(UNIT), persisted);
        let left = std::fs::read_dir(state.blocks()).unwrap().count();
        assert_eq!(left, 0, "nothing is left lying about");
    }

    /// Rewrites what was written under a unit's block.
    fn rewritten(state: &State, change: impl FnOnce(&mut serde_json::Value)) {
        let path = state.block(UNIT);
        let mut file = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut file);
        std::fs::write(&path, file.to_string()).unwrap();
    }

    #[test]
    fn a_file_of_another_boot_or_userspace_is_ignored() {
        let (_dir, mut state) = state();
        let block = Block::new(UNIT, 7, true, &[]);
        let persisted = PersistedState {
            resumes: 3,
            ..PersistedState::default()
        };
        state.write_block(&block).unwrap();
        state.write_persisted(UNIT, &persisted).unwrap();
        let began = |monotonic| Userspace {
            monotonic,
            realtime: 0,
        };
        state.since(began(monotonic() - 1_000_000));
        assert!(state.read_block(UNIT).is_some());
        assert_eq!(state.read_persisted(UNIT), persisted);
        state.since(began(monotonic()));
        assert_eq!(state.read_block(UNIT), None, "a soft reboot");
        assert_eq!(state.read_persisted(UNIT), PersistedState::default());

        state.since(began(0));
        assert!(state.read_block(UNIT).is_some());
        rewritten(&state, |file| file["boot"] = "another".into());
        assert_eq!(state.read_block(UNIT), None, "another boot");
        state.write_block(&block).unwrap();
        rewritten(&state, |file| file["monotonic"] = u64::MAX.into());
        assert_eq!(state.read_block(UNIT), None, "of the future");
    }

    #[test]
    fn a_file_without_a_stamp_is_as_old_as_the_file() {
        let (_dir, mut state) = state();
        state.write_block(&Block::new(UNIT, 7, true, &[])).unwrap();
        rewritten(&state, |file| {
            let file = file.as_object_mut().unwrap();
            assert!(file.remove("boot").is_some() && file.remove("monotonic").is_some());
        });
        assert!(state.read_block(UNIT).is_some());
        let began = |realtime| Userspace {
            monotonic: monotonic(),
            realtime,
        };
        state.since(began(now() - 60_000_000));
        assert!(state.read_block(UNIT).is_some());
        state.since(began(now() + 60_000_000));
        assert_eq!(state.read_block(UNIT), None);
    }

    #[test]
    fn a_block_that_is_written_or_forgotten_leaves_another_mark() {
        let (_dir, state) = state();
        let none = state.marks();
        assert_eq!(none, [None, None]);
        let block = Block::new(UNIT, 7, true, &[]);
        state.write_block(&block).unwrap();
        let first = state.marks();
        assert_eq!(state.marks(), first);
        state.write_block(&block).unwrap();
        assert!(first != none && state.marks() != first);
        state.forget_block(UNIT).unwrap();
        assert_eq!(state.marks(), none);
    }

    #[test]
    fn what_others_may_write_is_not_believed() {
        let (dir, state) = state();
        state.write_block(&Block::new(UNIT, 7, true, &[])).unwrap();
        let path = state.block(UNIT);
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(state.read_block(UNIT), None);
        std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
        symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert_eq!(state.read_block(UNIT), None);
        std::fs::remove_file(&path).unwrap();
        for garbage in ["", "null", "{}", "[1", "{\"unit\": \"rke2-agent.service\"}"] {
            std::fs::write(&path, garbage).unwrap();
            assert_eq!(state.read_block(UNIT), None, "{garbage}");
        }
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_one() {
        let (dir, _) = state();
        let name = |name: &str| dir.path().join(name);
        let left = [".file.1", ".file.99999999"].map(name);
        let others = [".file.", ".file.1x", ".other.1", "file.1", ".file.1.2"].map(name);
        for path in left.iter().chain(&others) {
            std::fs::write(path, "half").unwrap();
        }
        replace(&name("file"), b"new").unwrap();
        assert!(left.iter().all(|path| !path.exists()));
        assert!(others.iter().all(|path| path.exists()));

        let (_dir, state) = self::state();
        state.write_block(&Block::new(UNIT, 7, true, &[])).unwrap();
        std::fs::write(state.blocks().join(format!(".{UNIT}.json.1")), "half").unwrap();
        state.forget_block(UNIT).unwrap();
        assert_eq!(std::fs::read_dir(state.blocks()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_cannot_be_written_stays_as_it_was() {
        let (dir, _) = state();
        let path = dir.path().join("file");
        replace(&path, b"old").unwrap();
        std::fs::create_dir(dir.path().join("directory")).unwrap();
        assert!(replace(&dir.path().join("directory"), b"new").is_err());
        assert!(replace(&dir.path().join("none/file"), b"new").is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
