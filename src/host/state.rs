//! What outlives a process until the next boot: small JSON files below `/run/preflight-rke2`, each
//! written by one program, whole or not at all, readable by everybody.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::gate::block::Block;
use crate::monitor::Memory;

/// The folder that the units' `RuntimeDirectory=` makes.
pub const FOLDER: &str = "/run/preflight-rke2";
/// Far more than a file of ours takes.
const MAX_SIZE: u64 = 1 << 20;

/// The files, below one folder.
#[derive(Debug, Clone)]
pub struct State {
    folder: PathBuf,
    /// Who must own what is read.
    owner: u32,
}

impl Default for State {
    fn default() -> Self {
        Self::below(Path::new(FOLDER), 0)
    }
}

impl State {
    /// Below another folder, of another owner than root.
    pub fn below(folder: &Path, owner: u32) -> Self {
        Self {
            folder: folder.to_owned(),
            owner,
        }
    }

    /// Where the gate leaves what it blocked.
    pub fn blocks(&self) -> PathBuf {
        self.folder.join("gate")
    }

    fn block(&self, unit: &str) -> PathBuf {
        self.blocks().join(format!("{unit}.json"))
    }

    fn memory(&self, unit: &str) -> PathBuf {
        self.folder.join("monitor").join(format!("{unit}.json"))
    }

    /// What the gate kept from starting; `None` too where the file is not one of ours.
    pub fn read_block(&self, unit: &str) -> Option<Block> {
        self.read(&self.block(unit))
            .filter(|block: &Block| block.unit == unit)
    }

    /// Remembers a unit that is kept from starting.
    pub fn write_block(&self, block: &Block) -> io::Result<()> {
        write(&self.block(&block.unit), block)
    }

    /// Forgets it: the unit may start.
    pub fn forget_block(&self, unit: &str) -> io::Result<()> {
        let path = self.block(unit);
        sweep(&path);
        absent(std::fs::remove_file(path))
    }

    /// What the monitor remembers of a unit; nothing where it has no file, or a strange one.
    pub fn read_memory(&self, unit: &str) -> Memory {
        self.read(&self.memory(unit)).unwrap_or_default()
    }

    /// Remembers it.
    pub fn write_memory(&self, unit: &str, memory: &Memory) -> io::Result<()> {
        write(&self.memory(unit), memory)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
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
        serde_json::from_slice(&content).ok()
    }
}

fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    if let Some(folder) = path.parent() {
        if !folder.is_dir() {
            std::fs::create_dir_all(folder)?;
        }
        // Whatever the umask took, from this process or from one that was killed before it came so far.
        if folder.metadata()?.mode() & 0o777 != 0o755 {
            std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        }
    }
    replace(path, &text)
}

/// Puts a file in its place, for everybody to read: whole or not at all.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
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
    let (Some(start), Some(folder)) = (fresh_start(path), path.parent()) else {
        return;
    };
    let is_left = |name: &str| {
        let number = name.strip_prefix(&start);
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // Where it cannot be listed or removed it takes up a little space, no more.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_left) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Microseconds since 1970, as the journal counts.
pub fn now() -> u64 {
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
        assert_eq!(state.read_block(UNIT), Some(block));
        let mode = std::fs::metadata(state.block(UNIT)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o644, "anybody may read it");
        state.forget_block(UNIT).unwrap();
        state.forget_block(UNIT).unwrap();
        assert_eq!(state.read_block(UNIT), None);

        let memory = Memory {
            resumes: 3,
            ..Memory::default()
        };
        state.write_memory(UNIT, &memory).unwrap();
        assert_eq!(state.read_memory(UNIT), memory);
        let left = std::fs::read_dir(state.blocks()).unwrap().count();
        assert_eq!(left, 0, "nothing is left lying about");
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
