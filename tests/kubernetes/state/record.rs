//! Asks the real kubelets, behind a real containerd, in name spaces of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Case, FILE};
use crate::kernel::{configuration, record as kernel};
use crate::lab;
use crate::ports::record::{copy_parameters, count, said};
use crate::recordings;

/// Kubelets that run at a time.
const WORKERS: usize = 3;

/// What the kubelet of this minor ends with; nothing where it starts.
fn ask(case: &Case, release: &str, work: &Path) -> Option<String> {
    let run = tempfile::tempdir_in(work).unwrap();
    let file = run.path().join("root").join(&case.file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, &case.content).unwrap();
    let minor: u32 = release.trim_start_matches("1.").parse().unwrap();
    let mut lines = kernel::SETTINGS.to_owned();
    if minor >= 31 {
        lines += "failCgroupV1: false\n";
    }
    fs::write(run.path().join("config.yaml"), configuration(&lines)).unwrap();
    fs::write(run.path().join("kubeconfig"), kernel::KUBECONFIG).unwrap();
    let log = run.path().join("log");
    let output = fs::File::create(&log).unwrap();
    let (here, shared) = (run.path().display(), work.display());
    let mut running = kernel::Running(
        Command::new("unshare")
            .args(["--mount", "--net", "bash", "-c", kernel::SCRIPT, "kubelet"])
            .arg(work.join("sys"))
            .arg("rw")
            .arg(lab::program(release, "kubelet"))
            .args([
                "--v=2",
                "--cgroups-per-qos=false",
                "--enforce-node-allocatable=",
                "--hostname-override=node",
            ])
            .arg(format!(
                "--container-runtime-endpoint=unix://{shared}/cri.sock"
            ))
            .arg(format!("--kubeconfig={here}/kubeconfig"))
            .arg(format!("--root-dir={here}/root"))
            .arg(format!("--cert-dir={here}/pki"))
            .arg(format!("--config={here}/config.yaml"))
            .args(&case.args)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap(),
    );
    let begun = Instant::now();
    let read = || String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    loop {
        let ended = running.0.try_wait().unwrap();
        let text = read();
        if let Some(status) = ended {
            let line = said(&text).unwrap_or_else(|| panic!("{case:?}: {status}\n{text}"));
            return Some(line.replace(&format!("{here}/root"), "/var/lib/kubelet"));
        }
        if text.contains(kernel::STARTED) && count(running.0.id(), 10250) > 0 {
            return None;
        }
        assert!(
            begun.elapsed() < kernel::PATIENCE,
            "{case:?} {release}: neither\n{text}"
        );
        sleep(Duration::from_millis(20));
    }
}

/// Asks the kubelets of the minors that `RECORD` names.
#[test]
#[ignore = "asks the real kubelets, as root: tests/kubernetes/record"]
fn record_state() {
    let minors = std::env::var("RECORD").unwrap_or_default();
    let known: Vec<Case> = recordings::read(FILE);
    let mut cases = super::all();
    for case in &mut cases {
        if let Some(before) = known.iter().find(|before| before.is_like(case)) {
            case.expect.clone_from(&before.expect);
        }
    }
    let work = tempfile::tempdir().unwrap();
    copy_parameters(&work.path().join("sys"));
    let _containerd = kernel::containerd(work.path());
    let asked: Vec<(usize, &str)> = (0..cases.len())
        .flat_map(|at| minors.split_whitespace().map(move |minor| (at, minor)))
        .collect();
    let next = AtomicUsize::new(0);
    let answered = Mutex::new(cases.clone());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((at, minor)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let answer = ask(&cases[*at], minor, work.path());
                    let mut answered = answered.lock().unwrap();
                    answered[*at].expect.insert((*minor).to_owned(), answer);
                    recordings::write(FILE, answered.iter());
                }
            });
        }
    });
}
