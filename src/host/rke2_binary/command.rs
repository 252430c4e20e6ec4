//! Running a program with `--version`: bounded in time and output, and nothing left behind.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::rke2::installed::CommandFailure;
use crate::unit::SEARCH_PATH;

/// Far more than RKE2 says.
const MAX_OUTPUT: usize = 4096;
/// How long to wait for more output before looking whether the program has ended without
/// closing it, as happens when it left a process of its own behind.
const GLANCE: Duration = Duration::from_millis(20);
/// How long to wait between checks once the output has ended.
const SOON: Duration = Duration::from_millis(1);
/// How long a killed process may take to die. One stuck in the kernel is left to init.
const DYING: Duration = Duration::from_millis(200);

/// What the program at `path` prints when asked for its version.
pub(super) fn version(path: &Path, deadline: Duration) -> Result<Vec<u8>, CommandFailure> {
    let mut command = Command::new(path);
    command.arg("--version");
    run(command, deadline, MAX_OUTPUT)
}

/// What `command` prints, at most `limit` bytes. It gets no input and no environment but a search path,
/// and it and what it started are killed at the end.
pub(in crate::host) fn run(
    mut command: Command,
    deadline: Duration,
    limit: usize,
) -> Result<Vec<u8>, CommandFailure> {
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .env_clear()
        .env("PATH", SEARCH_PATH.join(":"))
        .current_dir("/")
        .process_group(0)
        .spawn()
        .map_err(|error| system(&error))?;
    let output = listen(&mut child, started, deadline, limit);
    end(&mut child);
    output
}

fn listen(
    child: &mut Child,
    started: Instant,
    deadline: Duration,
    limit: usize,
) -> Result<Vec<u8>, CommandFailure> {
    let Some(mut pipe) = child.stdout.take() else {
        return Err(CommandFailure::System("no pipe".to_owned()));
    };
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| system(&errno.into()))?;
    let mut output = Vec::new();
    loop {
        // In this order: what it has said by the time it has ended is all that it says.
        let ended = ended(child)?;
        let closed = drain(&mut pipe, &mut output, limit)?;
        if let Some(status) = ended {
            return match status {
                WaitStatus::Exited(_, 0) => Ok(output),
                WaitStatus::Exited(_, code) => {
                    Err(CommandFailure::Status(format!("exit status {code}")))
                }
                WaitStatus::Signaled(_, signal, _) => {
                    Err(CommandFailure::Status(format!("killed by {signal}")))
                }
                other => Err(CommandFailure::Status(format!("{other:?}"))),
            };
        }
        let Some(left) = deadline
            .checked_sub(started.elapsed())
            .filter(|left| !left.is_zero())
        else {
            return Err(CommandFailure::Deadline(deadline.as_millis()));
        };
        if closed {
            std::thread::sleep(left.min(SOON));
        } else {
            let wait = PollTimeout::try_from(left.min(GLANCE)).unwrap_or(PollTimeout::ZERO);
            let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, wait) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(system(&errno.into())),
            }
        }
    }
}

/// Takes what is there to read; says whether the pipe is closed at the other end.
fn drain(
    pipe: &mut ChildStdout,
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, CommandFailure> {
    let mut buffer = [0; 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(read) => output.extend_from_slice(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(system(&error)),
        }
        if output.len() > limit {
            return Err(CommandFailure::TooLong(limit));
        }
    }
}

/// How the program ended, if it has. It is not reaped, so that its number stays its own.
fn ended(child: &Child) -> Result<Option<WaitStatus>, CommandFailure> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(group(child)?), flags) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => Ok(None),
        Ok(status) => Ok(Some(status)),
        Err(errno) => Err(system(&errno.into())),
    }
}

/// Kills the program and what it left in its group, and reaps it.
fn end(child: &mut Child) {
    if let Ok(group) = group(child) {
        // Fails only if nothing is left to kill.
        let _ = killpg(group, Signal::SIGKILL);
    }
    let killed = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && killed.elapsed() < DYING {
        std::thread::sleep(SOON);
    }
}

/// The program's process and, being the first in it, its group.
fn group(child: &Child) -> Result<Pid, CommandFailure> {
    i32::try_from(child.id())
        .map(Pid::from_raw)
        .map_err(|_| CommandFailure::System("no such process".to_owned()))
}

fn system(error: &io::Error) -> CommandFailure {
    CommandFailure::System(
        crate::go::errno(error.raw_os_error().unwrap_or(nix::libc::EIO)).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(300);

    fn sh(script: &str, deadline: Duration) -> Result<String, CommandFailure> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        run(command, deadline, MAX_OUTPUT).map(|output| String::from_utf8(output).unwrap())
    }

    /// Whether a process runs: it is there, and not as a zombie.
    fn runs(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    fn until(mut done: impl FnMut() -> bool) -> bool {
        let started = Instant::now();
        while started.elapsed() < LONG {
            if done() {
                return true;
            }
            std::thread::sleep(SOON);
        }
        false
    }

    #[test]
    fn hears_the_answer_and_only_that() {
        assert_eq!(sh("echo answer; echo noise >&2", LONG).unwrap(), "answer\n");
        assert_eq!(sh("printf 'a\\0\\377b' | wc -c", LONG).unwrap().trim(), "4");
        assert_eq!(
            sh("cat; pwd", LONG).unwrap(),
            "/\n",
            "no input, and no directory in use"
        );
        let environment = sh("env", LONG).unwrap();
        let own = environment.lines().filter(|line| {
            // What the shell itself sets.
            !["PATH=", "PWD=", "OLDPWD=", "SHLVL=", "_="]
                .iter()
                .any(|name| line.starts_with(name))
        });
        assert_eq!(own.count(), 0, "{environment}");
    }

    #[test]
    fn hears_an_answer_that_comes_in_pieces() {
        let script = "printf 'rke2 version '; sleep 0.05; printf v1.34.1; sleep 0.05; echo +rke2r1";
        assert_eq!(sh(script, LONG).unwrap(), "rke2 version v1.34.1+rke2r1\n");
    }

    #[test]
    fn does_not_wait_past_the_deadline() {
        for script in [
            "echo $$; exec sleep 60",
            "echo $$; sleep 60 & wait",
            "trap '' TERM INT HUP; while :; do :; done",
            "echo $$; exec >&-; sleep 60",
        ] {
            let started = Instant::now();
            assert_eq!(
                sh(script, SHORT),
                Err(CommandFailure::Deadline(300)),
                "{script}"
            );
            assert!(started.elapsed() < Duration::from_secs(10), "{script}");
        }
    }

    #[test]
    fn does_not_wait_for_what_the_program_left_behind_and_ends_it() {
        let started = Instant::now();
        let output = sh("sleep 60 & echo $!", LONG).unwrap();
        assert!(started.elapsed() < Duration::from_secs(10));
        assert!(until(|| !runs(&output)), "{output} still runs");
    }

    #[test]
    fn leaves_no_zombie() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("echo $$ > {}; exec yes", file.display());
        assert_eq!(sh(&script, LONG), Err(CommandFailure::TooLong(4096)));
        let pid = std::fs::read_to_string(file).unwrap();
        assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists());
    }

    #[test]
    fn does_not_listen_for_ever() {
        for script in ["yes", "head -c 4097 /dev/zero", "cat /dev/zero"] {
            assert_eq!(
                sh(script, LONG),
                Err(CommandFailure::TooLong(4096)),
                "{script}"
            );
        }
        assert_eq!(sh("head -c 4096 /dev/zero", LONG).unwrap().len(), 4096);
    }

    #[test]
    fn says_how_it_failed() {
        for (script, text) in [
            ("echo rke2 version v1.34.1+rke2r1; exit 3", "exit status 3"),
            ("kill -9 $$", "killed by SIGKILL"),
        ] {
            assert_eq!(sh(script, LONG).unwrap_err().to_string(), text);
        }
        let gone = version(Path::new("/nonexistent/rke2"), LONG).unwrap_err();
        assert_eq!(gone.to_string(), "no such file or directory");
    }

    #[test]
    fn a_program_that_has_ended_is_not_waited_for() {
        // Of many, for the machine may be busy.
        let quick = (0..50).any(|_| {
            let started = Instant::now();
            sh("exit 0", LONG).unwrap();
            started.elapsed() < DYING
        });
        assert!(quick);
    }
}
