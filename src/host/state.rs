//! State that survives a process but not a boot: small JSON files below `/run/preflight-rke2`. Each is
//! written by one program, atomically, and any user may read it.
//!
//! `/run` survives `systemctl soft-reboot`, and its files may be copied. Each file therefore contains the
//! boot in which it was written and the monotonic time. A file of another boot, or from before the current
//! userspace started, is ignored. The writer needs no D-Bus for that; the reader asks systemd when the
//! userspace started.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::atomic_file;
use super::systemd_bus::manage::Userspace;
use crate::gate::block::Block;
use crate::gate::stamp::{Stamp, Stamped};
use crate::monitor::PersistedState;
use crate::rke2::role::Role;

/// The `RuntimeDirectory=` of the units.
pub(crate) const DIRECTORY: &str = "/run/preflight-rke2";
/// Far more than the size of a state file.
const MAX_SIZE: u64 = 1 << 20;
/// The kernel's id of this boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The stamp of a file that is written now.
fn stamp_now() -> Stamp {
    let boot = std::fs::read_to_string(BOOT_ID).unwrap_or_default();
    Stamp {
        boot: boot.trim().to_owned(),
        monotonic: monotonic(),
    }
}

/// The monotonic clock in microseconds, as in systemd's timestamps; 0 if it cannot be read.
pub(crate) fn monotonic() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC)
        .ok()
        .and_then(|at| {
            let seconds = u64::try_from(at.tv_sec()).ok()?.checked_mul(1_000_000)?;
            seconds.checked_add(u64::try_from(at.tv_nsec()).ok()? / 1000)
        })
        .unwrap_or_default()
}

/// Changes when a file is replaced: inode, time of the last change and size.
pub(crate) type ChangeMark = Option<(u64, i64, i64, u64)>;

/// The state files below one directory.
#[derive(Debug, Clone)]
pub struct State {
    directory: PathBuf,
    /// The user who must own a file for it to be read.
    owner: u32,
    /// When this userspace started; older files are ignored. `None` while that is unknown.
    userspace: Option<Userspace>,
}

impl Default for State {
    fn default() -> Self {
        Self::below(Path::new(DIRECTORY), 0)
    }
}

impl State {
    /// State below another directory, owned by another user than root.
    pub fn below(directory: &Path, owner: u32) -> Self {
        Self {
            directory: directory.to_owned(),
            owner,
            userspace: None,
        }
    }

    /// Ignores files older than this userspace from now on.
    pub const fn since(&mut self, userspace: Userspace) {
        self.userspace = Some(userspace);
    }

    /// The directory of the gate's blocks.
    pub fn blocks(&self) -> PathBuf {
        self.directory.join("gate")
    }

    fn block(&self, unit: &str) -> PathBuf {
        self.blocks().join(format!("{unit}.json"))
    }

    fn persisted(&self, unit: &str) -> PathBuf {
        self.directory.join("monitor").join(format!("{unit}.json"))
    }

    /// The gate's block of a unit; `None` also if the file is not trusted, or is of another boot or
    /// userspace.
    pub fn read_block(&self, unit: &str) -> Option<Block> {
        self.read_stamped_block(unit).map(|block| block.value)
    }

    /// The gate's block of a unit, with its stamp.
    pub fn read_stamped_block(&self, unit: &str) -> Option<Stamped<Block>> {
        self.read(&self.block(unit))
            .filter(|block: &Stamped<Block>| block.value.unit == unit)
    }

    /// Writes the block of a unit that was prevented from starting.
    pub fn write_block(&self, block: &Block) -> io::Result<()> {
        write(&self.block(&block.unit), block)
    }

    /// A mark for each unit that changes when its block is written or removed.
    pub fn marks(&self) -> [ChangeMark; 2] {
        Role::ALL.map(|role| {
            let meta = std::fs::symlink_metadata(self.block(role.unit())).ok()?;
            Some((meta.ino(), meta.ctime(), meta.ctime_nsec(), meta.size()))
        })
    }

    /// Removes the block: the unit may start.
    pub fn forget_block(&self, unit: &str) -> io::Result<()> {
        atomic_file::remove(&self.block(unit))
    }

    /// The monitor's persisted state of a unit; the default if there is no file, or one that is not trusted or
    /// is of another boot or userspace.
    pub fn read_persisted(&self, unit: &str) -> PersistedState {
        let read = self.read(&self.persisted(unit));
        read.map(|persisted: Stamped<PersistedState>| persisted.value)
            .unwrap_or_default()
    }

    /// Writes the monitor's state of a unit.
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

    /// Whether a file is from this userspace. `changed` is its modification time in microseconds since
    /// 1970, which is used for files of versions that wrote no stamp.
    fn is_present(&self, stamp: &Stamp, changed: u64) -> bool {
        if stamp.monotonic == 0 {
            // The modification time is in whole seconds.
            let begun = self.userspace.map_or(0, |userspace| userspace.realtime);
            return changed.saturating_add(1_000_000) > begun;
        }
        let now = stamp_now();
        let same_boot = stamp.boot == now.boot && stamp.monotonic <= now.monotonic;
        let begun = self.userspace.map_or(0, |userspace| userspace.monotonic);
        same_boot && stamp.monotonic >= begun
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
        // The umask, or an earlier run that was killed, may have left another mode.
        if directory.metadata()?.mode() & 0o777 != 0o755 {
            std::fs::set_permissions(directory, Permissions::from_mode(0o755))?;
        }
    }
    atomic_file::replace(path, &text, 0o644)
}

/// The current time in microseconds since 1970, as in the journal.
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
    fn files_are_read_until_they_are_removed() {
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
        assert_eq!(mode & 0o777, 0o644, "any user may read it");
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
        assert_eq!(left, 0, "no temporary file is left");
    }

    /// Changes the content of a block's file.
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
    fn writing_or_removing_a_block_changes_the_mark() {
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
    fn files_that_others_may_write_are_not_trusted() {
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
    fn forgetting_a_block_removes_leftovers() {
        let (_dir, state) = state();
        state.write_block(&Block::new(UNIT, 7, true, &[])).unwrap();
        std::fs::write(state.blocks().join(format!(".{UNIT}.json.1")), "half").unwrap();
        state.forget_block(UNIT).unwrap();
        assert_eq!(std::fs::read_dir(state.blocks()).unwrap().count(), 0);
    }
}
