//! Runs the built command under ptrace, and makes one of its system calls fail, read one byte, or be
//! the last. For `x86_64`, where a call's number and result are in known registers.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is done to a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not executed, and fails.
    Fails(Errno),
    /// It reads one byte.
    Short,
    /// The process is killed before it.
    KilledBefore,
    /// The process is killed after it.
    KilledAfter,
}

/// A system call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its number.
    pub(crate) number: c_long,
    /// The path it names, or was opened by, or what it sends; empty where there is none.
    pub(crate) path: String,
    /// Whether it makes or writes files: an open for writing, for instance.
    pub(crate) writes: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With a status.
    Exited(i32),
    /// By a signal.
    Killed(Signal),
    /// Not in time.
    Hung,
}

/// A run.
#[derive(Debug)]
pub(crate) struct Run {
    /// Its calls, from the program's own first one (the loader's are left out).
    pub(crate) calls: Vec<Call>,
    /// The call that had the fault, if it was reached.
    pub(crate) hit: Option<Call>,
    pub(crate) end: End,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The call whose result a fault can stand in for: not those that end the process or return from a
/// handler. Nor getrandom, which cannot fail once a system is up.
pub(crate) fn may_fail(call: &Call) -> bool {
    ![
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_rt_sigreturn,
        libc::SYS_restart_syscall,
        libc::SYS_getrandom,
    ]
    .contains(&call.number)
}

/// Whether a call reads content.
pub(crate) fn reads(call: &Call) -> bool {
    [libc::SYS_read, libc::SYS_pread64].contains(&call.number)
}

/// Whether a signal can interrupt a call: reading and opening can on file systems of the network and of
/// FUSE.
pub(crate) fn may_be_interrupted(call: &Call) -> bool {
    reads(call)
        || [
            libc::SYS_open,
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_write,
            libc::SYS_poll,
            libc::SYS_ppoll,
            libc::SYS_epoll_wait,
            libc::SYS_epoll_pwait,
            libc::SYS_futex,
            libc::SYS_fsync,
            libc::SYS_flock,
            libc::SYS_connect,
            libc::SYS_sendmsg,
            libc::SYS_recvmsg,
            libc::SYS_wait4,
            libc::SYS_waitid,
        ]
        .contains(&call.number)
}

/// The fault of the `n`-th call.
pub(crate) type Plan = Option<(usize, Fault)>;

/// Runs `command`, of which program and arguments alone are taken.
pub(crate) fn run(command: &Command, plan: Plan) -> Run {
    // The first thing that `gate`, `check` and `fix` do for themselves is to open the root they are given.
    let root = command.get_args().nth(1).unwrap().to_str().unwrap();
    run_among(command, Some(root), |_| true, plan)
}

/// The same, where only the calls for which `among` is true count, once `begins` has been opened.
#[expect(clippy::zombie_processes, reason = "the tracer waits for it")]
pub(crate) fn run_among(
    command: &Command,
    begins: Option<&str>,
    among: fn(&Call) -> bool,
    plan: Plan,
) -> Run {
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    // The traced process must wait for the tracer: a shell, which executes the program after reading a line.
    let mut child = Command::new("/bin/sh")
        .args(["-c", "read go; exec \"$@\"", "sh"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap())
        .spawn()
        .unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap());
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_EXITKILL;
    ptrace::seize(pid, options).unwrap();
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();

    let (over, wait) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let hung = wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout);
        if hung {
            kill(pid, Signal::SIGKILL).unwrap();
        }
        hung
    });
    let mut counted = 0;
    let mut tracer = Tracer::new(pid, |call: &Call| {
        let (n, fault) = plan?;
        counted += usize::from(among(call));
        (among(call) && counted == n + 1).then_some(fault)
    });
    tracer.begins = begins.map(str::to_owned);
    let mut end = tracer.follow();
    drop(over);
    if watchdog.join().unwrap() {
        end = End::Hung;
    }
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let mut calls = tracer.calls;
    calls.retain(among);
    Run {
        calls,
        hit: tracer.hit,
        end,
        out: text(&mut out),
        err: text(&mut err),
    }
}

/// Follows a running process, with all its threads, until it ends or `over` returns true: then it is
/// killed. `plan` returns the fault for each call. `ready` is called once no call is missed.
pub(crate) fn attach(
    pid: Pid,
    plan: impl FnMut(&Call) -> Option<Fault>,
    ready: impl FnOnce(),
    over: impl Fn() -> bool,
) -> (Vec<Call>, Option<Call>) {
    let mut tracer = Tracer::new(pid, plan);
    tracer.memory = File::open(format!("/proc/{pid}/mem")).ok();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let name = thread.unwrap().file_name();
        let thread = Pid::from_raw(name.to_str().unwrap().parse().unwrap());
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        ptrace::seize(thread, options).unwrap();
        ptrace::interrupt(thread).unwrap();
        waitpid(thread, Some(WaitPidFlag::__WALL)).unwrap();
        ptrace::syscall(thread, None).unwrap();
    }
    ready();
    loop {
        // Of this thread's tracees alone: tests run side by side.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD | WaitPidFlag::WNOHANG;
        let seen = waitpid(None, Some(flags)).unwrap();
        if seen == WaitStatus::StillAlive {
            if over() {
                let _ = kill(pid, Signal::SIGKILL);
            }
            std::thread::sleep(Duration::from_micros(200));
        } else if tracer.take(seen).is_some() {
            return (tracer.calls, tracer.hit);
        }
    }
}

/// What to do to a call when it returns.
struct Entered {
    call: Call,
    /// The result it is to have.
    result: Option<u64>,
    /// Whether it is the last.
    kill: bool,
}

struct Tracer<P> {
    main: Pid,
    memory: Option<File>,
    /// What is opened first, past the loader and Rust's own start; `None` once it is.
    begins: Option<String>,
    /// The call that each thread is in.
    inside: HashMap<Pid, Entered>,
    /// Paths of what is open.
    files: HashMap<u64, String>,
    calls: Vec<Call>,
    hit: Option<Call>,
    plan: P,
}

impl<P: FnMut(&Call) -> Option<Fault>> Tracer<P> {
    fn new(main: Pid, plan: P) -> Self {
        Self {
            main,
            memory: None,
            begins: None,
            inside: HashMap::new(),
            files: HashMap::new(),
            calls: Vec::new(),
            hit: None,
            plan,
        }
    }

    fn follow(&mut self) -> End {
        loop {
            // Of this thread's children alone: tests run side by side.
            let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
            if let Some(end) = self.take(waitpid(None, Some(flags)).unwrap()) {
                return end;
            }
        }
    }

    /// Handles an event. Returns the end of the process, if it is that.
    fn take(&mut self, status: WaitStatus) -> Option<End> {
        let (pid, signal) = match status {
            WaitStatus::Exited(pid, status) if pid == self.main => {
                return Some(End::Exited(status));
            }
            WaitStatus::Signaled(pid, signal, _) if pid == self.main => {
                return Some(End::Killed(signal));
            }
            WaitStatus::PtraceSyscall(pid) => {
                self.syscall(pid);
                (pid, None)
            }
            WaitStatus::PtraceEvent(pid, _, event) => {
                if event == libc::PTRACE_EVENT_EXEC {
                    // A name for the program's memory, which exec has replaced.
                    self.memory = File::open(format!("/proc/{pid}/mem")).ok();
                    // What comes next is the way out of exec itself.
                    let call = Call {
                        number: libc::SYS_execve,
                        path: String::new(),
                        writes: false,
                    };
                    let (result, kill) = (None, false);
                    let entered = Entered { call, result, kill };
                    self.inside.insert(pid, entered);
                }
                (pid, None)
            }
            WaitStatus::Stopped(pid, signal) => (pid, Some(signal)),
            // Threads that end.
            _ => return None,
        };
        // It may be gone, killed. After the fault there is nothing more to see.
        let _ = if self.hit.is_some() && self.inside.is_empty() {
            ptrace::cont(pid, signal)
        } else {
            ptrace::syscall(pid, signal)
        };
        None
    }

    fn syscall(&mut self, pid: Pid) {
        match self.inside.remove(&pid) {
            None => self.enter(pid),
            Some(entered) => self.leave(pid, &entered),
        }
    }

    fn enter(&mut self, pid: Pid) {
        let Ok(mut regs) = ptrace::getregs(pid) else {
            return;
        };
        let mut entered = Entered {
            call: self.describe(&regs),
            result: None,
            kill: false,
        };
        if self.begins.as_ref() == Some(&entered.call.path)
            && entered.call.number == libc::SYS_openat
        {
            self.begins = None;
        }
        if self.begins.is_none() {
            self.calls.push(entered.call.clone());
            if let Some(fault) = (self.plan)(&entered.call) {
                self.hit = Some(entered.call.clone());
                match fault {
                    Fault::KilledBefore => kill(self.main, Signal::SIGKILL).unwrap(),
                    Fault::KilledAfter => entered.kill = true,
                    Fault::Short => {
                        regs.rdx = regs.rdx.min(1);
                        let _ = ptrace::setregs(pid, regs);
                    }
                    Fault::Fails(errno) => {
                        let number = i64::from(std::io::Error::from(errno).raw_os_error().unwrap());
                        entered.result = Some(number.wrapping_neg().cast_unsigned());
                        regs.orig_rax = u64::MAX;
                        let _ = ptrace::setregs(pid, regs);
                    }
                }
            }
        }
        self.inside.insert(pid, entered);
    }

    fn leave(&mut self, pid: Pid, entered: &Entered) {
        let Ok(mut regs) = ptrace::getregs(pid) else {
            return;
        };
        if let Some(result) = entered.result {
            regs.rax = result;
            let _ = ptrace::setregs(pid, regs);
        }
        let opens = [libc::SYS_open, libc::SYS_openat, libc::SYS_openat2];
        if opens.contains(&entered.call.number) && regs.rax.cast_signed() >= 0 {
            self.files.insert(regs.rax, entered.call.path.clone());
        }
        if entered.kill {
            kill(self.main, Signal::SIGKILL).unwrap();
        }
    }

    fn describe(&mut self, regs: &libc::user_regs_struct) -> Call {
        let number = c_long::try_from(regs.orig_rax).unwrap_or(-1);
        let of_file = |files: &HashMap<u64, String>| files.get(&regs.rdi).cloned();
        // The path that the second argument names, below the directory that the first argument is open on.
        let below = |files: &HashMap<u64, String>, text: String| match files.get(&regs.rdi) {
            Some(file) if text.is_empty() => file.clone(),
            Some(directory) if !text.starts_with('/') => {
                format!("{}/{text}", directory.trim_end_matches('/'))
            }
            _ => text,
        };
        let mut writes = false;
        let path = match number {
            libc::SYS_openat | libc::SYS_openat2 => {
                let flags = if number == libc::SYS_openat {
                    regs.rdx
                } else {
                    self.word(regs.rdx)
                };
                writes = flags & 3 != 0;
                below(&self.files, self.text(regs.rsi))
            }
            libc::SYS_newfstatat
            | libc::SYS_statx
            | libc::SYS_readlinkat
            | libc::SYS_unlinkat
            | libc::SYS_mkdirat
            | libc::SYS_renameat
            | libc::SYS_renameat2 => below(&self.files, self.text(regs.rsi)),
            libc::SYS_open
            | libc::SYS_readlink
            | libc::SYS_unlink
            | libc::SYS_rename
            | libc::SYS_mkdir
            | libc::SYS_chmod
            | libc::SYS_stat
            | libc::SYS_execve => self.text(regs.rdi),
            libc::SYS_write if !self.files.contains_key(&regs.rdi) => self.said(regs.rsi, regs.rdx),
            libc::SYS_read
            | libc::SYS_pread64
            | libc::SYS_write
            | libc::SYS_fstat
            | libc::SYS_getdents64
            | libc::SYS_fsync
            | libc::SYS_fchmod
            | libc::SYS_fchown
            | libc::SYS_flock
            | libc::SYS_fcntl
            | libc::SYS_lseek => of_file(&self.files).unwrap_or_default(),
            libc::SYS_sendmsg => {
                // struct msghdr: the fourth word is where its parts are, the next how many.
                let (parts, count) = (self.word(regs.rsi + 16), self.word(regs.rsi + 24));
                let part = |n| (self.word(parts + 16 * n), self.word(parts + 16 * n + 8));
                (0..count.min(4))
                    .map(part)
                    .map(|(at, length)| self.said(at, length))
                    .collect()
            }
            libc::SYS_sendto => self.said(regs.rsi, regs.rdx),
            libc::SYS_close => self.files.remove(&regs.rdi).unwrap_or_default(),
            _ => String::new(),
        };
        Call {
            number,
            path,
            writes,
        }
    }

    fn text(&self, address: u64) -> String {
        let Some(memory) = &self.memory else {
            return String::new();
        };
        let mut bytes = [0; 512];
        let read = memory.read_at(&mut bytes, address).unwrap_or(0);
        let text = bytes.get(..read).unwrap_or_default();
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// What is sent in a message, as far as it can be read.
    fn said(&self, address: u64, length: u64) -> String {
        let mut bytes = vec![0; usize::try_from(length.min(1024)).unwrap()];
        let memory = self.memory.as_ref();
        let read = memory.and_then(|memory| memory.read_at(&mut bytes, address).ok());
        bytes.truncate(read.unwrap_or(0));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn word(&self, address: u64) -> u64 {
        let mut bytes = [0; 8];
        let memory = self.memory.as_ref();
        let _ = memory.and_then(|memory| memory.read_at(&mut bytes, address).ok());
        u64::from_ne_bytes(bytes)
    }
}
