//! Asks the real components, each in a directory and a network namespace of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Case;
use crate::lab::{self, DIRECTORY, Running};

/// What a component logs that got past its options: the longest time to it is much shorter than [`PATIENCE`].
const RUNS: [&str; 4] = [
    "ttempting to acquire leader lease",
    "Failed to retrieve node info",
    "Waiting for caches to sync",
    // The scheduler: then it waits for the cluster.
    "Serving securely on",
];

/// How long a component runs that logs none of these: one without a port or without leader election.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long it goes on after it has logged one.
const GRACE: Duration = Duration::from_millis(300);

/// Programs that run at a time.
const WORKERS: usize = 3;

/// Certificates, below a directory that is removed at the end.
pub(super) struct Lab {
    directory: tempfile::TempDir,
    next: AtomicUsize,
}

impl Lab {
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        lab::make_certificates(&directory.path().join("pki"));
        Self {
            directory,
            next: AtomicUsize::new(0),
        }
    }

    /// What the components of a minor do with each.
    pub(super) fn ask(&self, minor: &str, cases: &[&Case]) -> Vec<Option<String>> {
        let answers = Mutex::new(vec![None; cases.len()]);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some((index, case)) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        cases.get(index).map(|case| (index, case))
                    } {
                        let answer = self.run(minor, case);
                        eprintln!("{minor} {} {}: {answer:?}", case.program, case.name);
                        answers.lock().unwrap()[index] = answer;
                    }
                });
            }
        });
        answers.into_inner().unwrap()
    }

    fn run(&self, minor: &str, case: &Case) -> Option<String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.path().join(format!("case{number}"));
        std::fs::create_dir(&directory).unwrap();
        std::os::unix::fs::symlink(self.directory.path().join("pki"), directory.join("pki"))
            .unwrap();
        let here = directory.display().to_string();
        let real = |text: &str| text.replace(&format!("{DIRECTORY}/"), &format!("{here}/"));
        for (path, content) in &case.files {
            let path = PathBuf::from(real(path));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, real(content)).unwrap();
        }
        let log = directory.join("log");
        let output = File::create(&log).unwrap();
        // kube-proxy changes rules of the network namespace that it runs in.
        let running = Command::new("unshare")
            .args([
                "--net",
                "sh",
                "-c",
                "ip link set lo up; exec nice \"$@\"",
                "sh",
            ])
            .arg(lab::program(minor, &case.program))
            .args(case.command_line().iter().map(|argument| real(argument)))
            .current_dir(&directory)
            .env_remove("KUBERNETES_MASTER")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let answer = wait(Running(running), &log, case);
        let _ = std::fs::remove_dir_all(&directory);
        let answer = answer.map(|error| error.replace(&here, DIRECTORY));
        // Nothing listens there: it has come as far as it can.
        answer.filter(|error| !error.contains("connection refused"))
    }
}

fn wait(mut running: Running, log: &Path, case: &Case) -> Option<String> {
    let begun = Instant::now();
    let mut marked = None;
    let read = || String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = running.0.try_wait().unwrap() {
            let text = read();
            if status.success() {
                return Some("it exits".to_owned());
            }
            return Some(error(&text).unwrap_or_else(|| {
                panic!("no error in the log of {case:?}, which exited with {status}:\n{text}")
            }));
        }
        if marked.is_none() {
            let text = read();
            marked = RUNS
                .iter()
                .any(|words| text.contains(words))
                .then(Instant::now);
        }
        if marked.is_some_and(|since| since.elapsed() > GRACE) {
            return None;
        }
        thread::sleep(Duration::from_millis(15));
    }
    None
}

/// The error that a log ends with: as all components report it, or lines that are no log's, as old controller
/// managers print it, and the scheduler what is wrong with its logging options.
fn error(log: &str) -> Option<String> {
    if let Some(error) = lab::error(log) {
        let panic = error.split(" [recovered").next();
        return panic.map(str::to_owned);
    }
    let is_log = |line: &&str| {
        let bytes = line.as_bytes();
        line.starts_with("Flag --")
            || bytes.len() > 5
                && b"IWEF".contains(&bytes[0])
                && bytes[1..5].iter().all(u8::is_ascii_digit)
    };
    let mut lines: Vec<&str> = log.lines().rev().take_while(|line| !is_log(line)).collect();
    lines.reverse();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
