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
        absent(std::fs::remove_file(self.block(unit)))
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
    if let Some(folder) = path.parent()
        && !folder.is_dir()
    {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    replace(path, &text)
}

/// Puts a file in its place: whole or not at all.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::from_raw_os_error(libc::EISDIR))?;
    let fresh = path.with_file_name(format!(
        ".{}.{}",
        name.to_string_lossy(),
        std::process::id()
    ));
    // Left behind by an earlier process of this number.
    absent(std::fs::remove_file(&fresh))?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&fresh)
        .and_then(|mut file: File| {
            // Whatever the umask took: everybody may read it.
            file.set_permissions(Permissions::from_mode(0o644))?;
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
