//! Programs that create accounts: finds them, and runs them with a time limit.

use std::io::{PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::Failure;

/// The directories that are searched.
const DIRECTORIES: [&str; 4] = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
/// Creating an account takes milliseconds, plus the time for which another process holds the lock.
const PATIENCE: Duration = Duration::from_mins(1);
const GLANCE: Duration = Duration::from_millis(50);
/// More than these programs print.
const MAX_OUTPUT: usize = 4096;

/// The directories that have the programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programs {
    directories: Vec<PathBuf>,
}

impl Default for Programs {
    fn default() -> Self {
        Self::within(DIRECTORIES.map(PathBuf::from))
    }
}

impl Programs {
    /// Programs in these directories.
    pub(crate) fn within(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            directories: directories.into_iter().collect(),
        }
    }

    /// The program of this name.
    pub(crate) fn find(&self, name: &str) -> Option<PathBuf> {
        let is_program = |path: &PathBuf| {
            nix::unistd::access(path, nix::unistd::AccessFlags::X_OK).is_ok() && path.is_file()
        };
        self.directories
            .iter()
            .map(|directory| directory.join(name))
            .find(is_program)
    }

    pub(super) fn searched(&self) -> String {
        let all: Vec<_> = self
            .directories
            .iter()
            .map(|d| d.to_string_lossy())
            .collect();
        all.join(", ")
    }
}

/// Runs a program of this machine on this machine, and fails with what it printed.
pub(super) fn run(path: &Path, args: &[String]) -> Result<(), Failure> {
    let fail = |why: String| Failure::Program {
        program: path.to_string_lossy().into_owned(),
        why,
    };
    let system = |error: std::io::Error| fail(error.to_string());
    let (mut reader, writer) = std::io::pipe().map_err(system)?;
    let mut command = Command::new(path);
    let mut child = command
        .args(args)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(system)?)
        .stderr(writer)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(system)?;
    // Else its own ends of the pipe would keep it open.
    drop(command);
    let (output, ended) = listen(&mut child, &mut reader).map_err(system)?;
    let output = String::from_utf8_lossy(&output);
    let output: Vec<&str> = output
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let output = crate::text::printable(&output.join("; "));
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) if output.is_empty() => Err(fail(status.to_string())),
        Some(status) => Err(fail(format!("{status}: {output}"))),
        None => Err(fail(format!(
            "did not exit within {} seconds and was killed: {output}",
            PATIENCE.as_secs()
        ))),
    }
}

/// The output and the exit status; `None` if it had to be killed.
fn listen(
    child: &mut Child,
    reader: &mut PipeReader,
) -> std::io::Result<(Vec<u8>, Option<ExitStatus>)> {
    let started = Instant::now();
    let mut output = Vec::new();
    let mut open = true;
    loop {
        if open {
            let wait = PollTimeout::try_from(GLANCE).unwrap_or(PollTimeout::ZERO);
            let mut ready = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, wait) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    let mut buffer = [0; 1024];
                    let read = reader.read(&mut buffer)?;
                    open = read > 0;
                    if output.len() < MAX_OUTPUT {
                        output.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    }
                    if open {
                        continue;
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        } else {
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(status) = child.try_wait()? {
            return Ok((output, Some(status)));
        }
        if started.elapsed() > PATIENCE {
            if let Ok(group) = i32::try_from(child.id()) {
                // Fails only if nothing is left to kill.
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            child.wait()?;
            return Ok((output, None));
        }
    }
}
