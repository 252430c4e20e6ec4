//! Asks the real kubelets, behind a real containerd, in name spaces of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;

use super::{Case, Machine, Recording, cases};
use crate::kernel::{configuration, record as kernel};
use crate::lab;

/// Kubelets that run at a time.
const WORKERS: usize = 3;
/// The control group below which cases with control groups have theirs.
const CGROUP: &str = "preflight-record";
/// As [`kernel::SCRIPT`], with another `/proc/swaps`, `$1`.
const SCRIPT: &str = r#"
set -e
mount --bind "$1" /proc/swaps
shift
exec bash -c "$SCRIPT" kubelet "$@"
"#;

pub(super) fn configuration_of(case: &Case, minor: u32) -> String {
    let mut lines = kernel::SETTINGS.to_owned();
    if case.lines.contains("failSwapOn") {
        lines = lines.replace("failSwapOn: false\n", "");
    }
    if minor >= 31 {
        lines.push_str("failCgroupV1: false\n");
    }
    configuration(&format!("{lines}{}\n", case.lines))
}

/// What the kubelet of this minor exits with; nothing where it starts.
fn ask(case: &Case, minor: u32, work: &Path) -> Option<String> {
    let run = tempfile::tempdir_in(work).unwrap();
    let here = format!("{}/", run.path().display());
    let place = |text: &str| text.replace("/case/", &here);
    fs::write(run.path().join("kubeconfig"), kernel::KUBECONFIG).unwrap();
    fs::write(
        run.path().join("config.yaml"),
        place(&configuration_of(case, minor)),
    )
    .unwrap();
    fs::write(run.path().join("swaps"), case.swaps()).unwrap();
    if case.has_root() {
        make_control_groups();
    }
    let log = run.path().join("log");
    let output = fs::File::create(&log).unwrap();
    let kubelet = kernel::lab().join(format!("kubernetes/1.{minor}/bin/kubelet"));
    let endpoint = format!("unix://{}/cri.sock", work.display());
    let arguments = case.command_line(&endpoint);
    let mut running = kernel::Running(
        Command::new("unshare")
            .args(["--mount", "--net", "bash", "-c", SCRIPT, "kubelet"])
            .env("SCRIPT", kernel::SCRIPT)
            .arg(run.path().join("swaps"))
            .arg(work.join("sys"))
            .arg("rw")
            .arg(kubelet)
            .arg("--v=2")
            .args(arguments.iter().map(|argument| place(argument)))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap(),
    );
    let start = Instant::now();
    let read = || String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
    let answer = loop {
        if let Some(status) = running.0.try_wait().unwrap() {
            let text = read();
            let reason = reason(&text).unwrap_or_else(|| {
                let tail: Vec<&str> = text.lines().rev().take(8).collect();
                format!("not read: {status}: {}", tail.join("\n"))
            });
            break Some(reason.replace(&here, "/case/"));
        }
        if read().contains(kernel::STARTED) && listens(running.0.id()) {
            break None;
        }
        if start.elapsed() > kernel::PATIENCE {
            break Some("neither exits nor starts".to_owned());
        }
        sleep(Duration::from_millis(20));
    };
    drop(running);
    answer
}

/// Whether something listens on the kubelet's port in the name space of the process.
fn listens(process: u32) -> bool {
    const PORT: &str = ":280A ";
    const LISTEN: &str = " 0A ";
    ["tcp", "tcp6"].iter().any(|table| {
        let sockets = fs::read_to_string(format!("/proc/{process}/net/{table}"));
        let sockets = sockets.unwrap_or_default();
        sockets
            .lines()
            .any(|line| line.contains(PORT) && line.contains(LISTEN))
    })
}

/// The error of a log: of the command, or of what exits by itself.
fn reason(log: &str) -> Option<String> {
    if let Some(error) = lab::error(log) {
        return Some(error);
    }
    let line = log
        .lines()
        .rev()
        .find(|line| line.starts_with(['E', 'F']) && line.contains(" err=\""))?;
    let (_, rest) = line.split_once(" err=\"")?;
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// Makes the control group that cases have for the root, in each hierarchy.
fn make_control_groups() {
    for hierarchy in fs::read_dir("/sys/fs/cgroup").unwrap() {
        let _ = fs::create_dir(hierarchy.unwrap().path().join(CGROUP));
    }
}

/// Removes control groups that kubelets have made.
fn remove_control_groups() {
    for _ in 0..3 {
        let _ = Command::new("find")
            .args(["/sys/fs/cgroup", "-depth", "-type", "d"])
            .args(["-path", &format!("/sys/fs/cgroup/*/{CGROUP}*")])
            .args(["-exec", "rmdir", "{}", ";"])
            .stderr(Stdio::null())
            .status();
    }
}

/// What decides about this machine.
fn machine() -> Machine {
    let text = fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find(|line| line.starts_with("MemTotal:"));
    let kibibytes: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    let nodes = fs::read_to_string("/sys/devices/system/node/online").unwrap_or_default();
    Machine {
        memory: kibibytes * 1024,
        cpus: online.trim().to_owned(),
        numa_nodes: nodes.trim().to_owned(),
    }
}

/// Records the minors that `PREFLIGHT_RECORD` names; with `PREFLIGHT_RECORD_MISSING`, only the cases that they are
/// not recorded of.
#[test]
#[ignore = "asks the real kubelets, as root: tests/kubernetes/record"]
fn record_runtime() {
    let minors = std::env::var("PREFLIGHT_RECORD").unwrap_or_default();
    let only_missing = std::env::var_os("PREFLIGHT_RECORD_MISSING").is_some();
    let work = tempfile::tempdir().unwrap();
    let _ = Command::new("cp")
        .args(["-r", "/proc/sys"])
        .arg(work.path().join("sys"))
        .stderr(Stdio::null())
        .status();
    for parameter in &KERNEL_PARAMETERS {
        let path: PathBuf = work.path().join("sys").join(parameter.slashed());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{}\n", parameter.required)).unwrap();
    }
    let _containerd = kernel::containerd(work.path());
    let mut recording = Recording::known(cases::all());
    for text in minors.split_whitespace() {
        let minor: u32 = text.trim_start_matches("1.").parse().unwrap();
        let name = format!("1.{minor}");
        let next = AtomicUsize::new(0);
        let answers = Mutex::new(Vec::new());
        let cases = &recording.cases;
        let alone = Mutex::new(());
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some((index, case)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        cases.get(at).map(|case| (at, case))
                    } {
                        if only_missing && case.expect.contains_key(&name) {
                            continue;
                        }
                        let guard = case.has_control_groups().then(|| alone.lock().unwrap());
                        let answer = ask(case, minor, work.path());
                        if guard.is_some() {
                            remove_control_groups();
                        }
                        drop(guard);
                        answers.lock().unwrap().push((index, answer));
                    }
                });
            }
        });
        for (index, answer) in answers.into_inner().unwrap() {
            recording.cases[index].expect.insert(name.clone(), answer);
        }
        recording.machines.insert(name, machine());
        recording.save();
        eprintln!("recorded 1.{minor}");
    }
    remove_control_groups();
}

#[test]
fn the_recorded_cases_are_those_of_the_generator() {
    let recorded = Recording::read();
    let plain: Vec<Case> = recorded
        .cases
        .into_iter()
        .map(|case| Case {
            expect: std::collections::BTreeMap::new(),
            ..case
        })
        .collect();
    assert!(plain == cases::all(), "record again");
}
