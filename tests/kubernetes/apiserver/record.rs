//! Asks the real API server, in a directory of its own, with an etcd that all cases share.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::case::Case;
use crate::lab::{self, DIRECTORY, Running, error};

/// Longer than a start takes on a machine that is busy with other work.
const PATIENCE: Duration = Duration::from_secs(45);

/// How many run at a time: each takes 400 MB.
const WORKERS: usize = 2;

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// An etcd and certificates, below a directory that is removed at the end.
pub(super) struct Lab {
    directory: tempfile::TempDir,
    _etcd: Running,
    etcd_port: u16,
    next: AtomicUsize,
}

impl Lab {
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pki = directory.path().join("pki");
        lab::make_certificates(&pki);
        let etcd_port = free_port();
        let client = format!("http://127.0.0.1:{etcd_port}");
        let peer = format!("http://127.0.0.1:{}", free_port());
        let etcd = Command::new(lab::directory().join("etcd/bin/etcd"))
            .arg("--unsafe-no-fsync")
            .arg(format!(
                "--data-dir={}",
                directory.path().join("etcd").display()
            ))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=default={peer}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests/kubernetes/build etcd");
        Self {
            directory,
            _etcd: Running(etcd),
            etcd_port,
            next: AtomicUsize::new(0),
        }
    }

    /// What the API server of a minor does with each: `None` if it neither exits nor serves in time.
    pub(super) fn ask(&self, minor: &str, cases: &[Case]) -> Vec<Option<Option<String>>> {
        let answers = Mutex::new(vec![None; cases.len()]);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (answers, next) = (&answers, &next);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(index) else { break };
                        let answer = self.ask_one(minor, case, worker);
                        eprintln!("{minor} {}: {answer:?}", case.name);
                        answers.lock().unwrap()[index] = answer;
                    }
                });
            }
        });
        answers.into_inner().unwrap()
    }

    /// Other programs of the machine may take the port first.
    fn ask_one(&self, minor: &str, case: &Case, worker: usize) -> Option<Option<String>> {
        loop {
            let answer = self.run(minor, case, worker);
            let is_taken =
                matches!(&answer, Some(Some(error)) if error.contains("address already in use"));
            if !is_taken {
                return answer;
            }
        }
    }

    fn run(&self, minor: &str, case: &Case, worker: usize) -> Option<Option<String>> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let directory = self.directory.path().join(format!("case{number}"));
        std::fs::create_dir(&directory).unwrap();
        std::os::unix::fs::symlink(self.directory.path().join("pki"), directory.join("pki"))
            .unwrap();
        let here = directory.display().to_string();
        let etcd = format!("127.0.0.1:{}", self.etcd_port);
        let real = |text: &str| text.replace(&format!("{DIRECTORY}/"), &format!("{here}/"));
        for (path, content) in case.contents() {
            let path = PathBuf::from(real(&path));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, real(&content)).unwrap();
        }
        // What one server encrypts, another cannot read.
        let prefix = if case
            .arguments()
            .iter()
            .any(|argument| argument.contains("encryption"))
        {
            format!("/own/{number}")
        } else {
            format!("/{minor}/{worker}")
        };
        let port = free_port();
        let arguments: Vec<String> = case
            .arguments()
            .iter()
            .map(|argument| match argument.as_str() {
                "--secure-port=6443" => format!("--secure-port={port}"),
                "--etcd-prefix=/registry" => format!("--etcd-prefix={prefix}"),
                _ => real(argument).replace("127.0.0.1:2379", &etcd),
            })
            .collect();
        let log = directory.join("log");
        let program = lab::program(minor, "kube-apiserver");
        let running = Command::new("nice")
            .arg(&program)
            .args(&arguments)
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(File::create(directory.join("out")).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let answer = wait(Running(running), &log);
        let _ = std::fs::remove_dir_all(&directory);
        answer.map(|error| {
            error.map(|error| {
                error
                    .replace(&here, DIRECTORY)
                    .replace(&etcd, "127.0.0.1:2379")
            })
        })
    }
}

fn wait(mut running: Running, log: &Path) -> Option<Option<String>> {
    let begun = Instant::now();
    let read = || String::from_utf8_lossy(&std::fs::read(log).unwrap()).into_owned();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = running.0.try_wait().unwrap() {
            let text = read();
            return Some(Some(error(&text).unwrap_or_else(|| {
                panic!("no error in the log of a server that exited with {status}:\n{text}")
            })));
        }
        if read().contains("Serving securely on") {
            thread::sleep(Duration::from_millis(400));
            // A hook that runs after the start may end it yet.
            return if running.0.try_wait().unwrap().is_some() {
                Some(error(&read()))
            } else {
                Some(None)
            };
        }
        thread::sleep(Duration::from_millis(15));
    }
    eprintln!("neither:\n{}", read());
    None
}
