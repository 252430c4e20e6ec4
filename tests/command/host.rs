//! A host below a temporary directory, and the command run on it.

use std::ffi::OsStr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

/// The command has this long; then it is killed, and the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A host below a temporary directory.
pub(crate) struct Host(TempDir);

/// The result of the command.
pub(crate) struct Ran {
    /// The exit status.
    pub(crate) status: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// The directory of the recorded hosts.
pub(crate) fn hosts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts")
}

impl Host {
    /// An empty root directory that any user may read.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        Self(dir)
    }

    /// The recorded host with this name.
    pub(crate) fn like(dir: &str) -> Self {
        let host = Self::new();
        super::case::Case::read(dir).build(&host);
        host
    }

    /// The root directory.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where a path of the host is.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.path().join(path.trim_start_matches('/'))
    }

    /// The same, after creating its directory and removing what was at the path.
    pub(crate) fn clear(&self, path: &str) -> PathBuf {
        let at = self.at(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        match at.symlink_metadata() {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(&at).unwrap(),
            Ok(_) => std::fs::remove_file(&at).unwrap(),
            Err(_) => {}
        }
        at
    }

    /// Puts a file there.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.clear(path), content).unwrap();
    }

    /// Puts a symbolic link there.
    pub(crate) fn link(&self, path: &str, to: &str) {
        symlink(to, self.clear(path)).unwrap();
    }

    /// Sets when a file was last written.
    pub(crate) fn set_modified(&self, path: &str, at: &str) {
        let file = std::fs::File::options().write(true).open(self.at(path));
        let at = humantime::parse_rfc3339(at).unwrap();
        file.unwrap().set_modified(at).unwrap();
    }

    /// Copies the files of a directory over those of the host.
    pub(crate) fn copy(&self, from: &Path, to: &str) {
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{to}/{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                self.copy(&entry.path(), &path);
            } else {
                self.file(&path, std::fs::read(entry.path()).unwrap());
                let mode = entry.metadata().unwrap().permissions();
                std::fs::set_permissions(self.at(&path), mode).unwrap();
            }
        }
    }

    /// The command with these arguments, on this host.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = command();
        command.arg("--root").arg(self.path()).args(args);
        command
    }

    /// Runs it.
    pub(crate) fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Ran {
        run(self.command(args))
    }

    /// Runs it, and parses what it prints; with the exit status.
    pub(crate) fn json(&self, args: &[&str]) -> (serde_json::Value, i32) {
        let ran = self.run(args.iter().chain(&["--format", "json"]));
        let document = serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("{args:?}: {error}\n{}\n{}", ran.out, ran.err));
        (document, ran.status)
    }
}

/// The command, in an environment that does not depend on who runs the tests.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2"));
    for name in ["NO_COLOR", "COLUMNS", "TERM", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

/// Runs a command that must end by itself, within its time, and print text.
pub(crate) fn run(command: Command) -> Ran {
    let shown = format!("{command:?}");
    let output = assert_cmd::Command::from_std(command)
        .timeout(PATIENCE)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let (out, err) = (text(output.stdout), text(output.stderr));
    let status = output.status.code();
    Ran {
        status: status.unwrap_or_else(|| panic!("{shown}: {:?}\n{out}{err}", output.status)),
        out,
        err,
    }
}
