//! Asks the real kubelets about each host, in a mount name space with the host's own six values.
//!
//! A kubelet needs a container runtime before it checks kernel parameters: Debian's containerd, which
//! `tests/kubernetes/containerd` unpacks, with directories of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;

use super::{CASES, Expectation, Host, Outcome, hosts};

/// A kubelet that has neither ended nor started by then is stuck.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The first and the last thing that a kubelet logs of interest.
const FAILED: &str = "\"Failed to start ContainerManager\" err=\"";
pub(crate) const STARTED: &str = "\"Starting Kubelet Plugin Manager\"";

/// Settings that let the kubelet come as far as the kernel parameters, and change nothing of this machine.
pub(crate) const SETTINGS: &str = "cgroupDriver: cgroupfs
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
failSwapOn: false
makeIPTablesUtilChains: false
healthzPort: 0
address: 127.0.0.1
";

/// A cluster that is not there.
pub(crate) const KUBECONFIG: &str = r#"{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": {}}]}"#;

/// Runs in name spaces of its own: `$1` stands for `/proc/sys` there.
pub(crate) const SCRIPT: &str = r#"
set -e
sys=$1 mode=$2
shift 2
mount --bind "$sys" /proc/sys
[ "$mode" = rw ] || mount -o remount,bind,ro /proc/sys
ip link set lo up 2>/dev/null || :
exec "$@"
"#;

pub(crate) fn lab() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
}

/// A process that ends with its owner.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts containerd, and returns it once its socket is there.
pub(crate) fn containerd(work: &Path) -> Running {
    let prepared = Command::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/kubernetes/containerd"
    ))
    .status()
    .unwrap();
    assert!(prepared.success(), "no containerd");
    let programs = lab().join("containerd/usr/bin");
    let at = work.display();
    let config = format!(
        "version = 2\nroot = \"{at}/cri/root\"\nstate = \"{at}/cri/state\"\n\
         disabled_plugins = [\"io.containerd.internal.v1.opt\"]\n[grpc]\naddress = \"{at}/cri.sock\"\n"
    );
    fs::write(work.join("cri.toml"), config).unwrap();
    let log = fs::File::create(work.join("cri.log")).unwrap();
    let child = Command::new(programs.join("containerd"))
        .arg("--config")
        .arg(work.join("cri.toml"))
        .env("PATH", format!("{}:/usr/sbin:/usr/bin", programs.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let running = Running(child);
    wait_until("containerd's socket", || work.join("cri.sock").exists());
    running
}

pub(crate) fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        sleep(Duration::from_millis(20));
    }
}

/// The arguments that make a kubelet of this minor meet the host.
fn arguments(host: &Host, minor: u32, work: &Path, run: &Path) -> Vec<String> {
    let mut config = super::configuration(SETTINGS);
    if minor >= 31 {
        config.push_str("failCgroupV1: false\n");
    }
    config.push_str(host.config.as_deref().unwrap_or_default());
    fs::write(run.join("config.yaml"), config).unwrap();
    let mut all = vec![
        "--v=2".to_owned(),
        // As flags: an empty list of a file is not kept where drop-ins are merged with it.
        "--cgroups-per-qos=false".to_owned(),
        "--enforce-node-allocatable=".to_owned(),
        "--hostname-override=node".to_owned(),
        format!(
            "--container-runtime-endpoint=unix://{}/cri.sock",
            work.display()
        ),
        format!("--kubeconfig={}/kubeconfig", work.display()),
        format!("--root-dir={}/root", run.display()),
        format!("--cert-dir={}/pki", run.display()),
        format!("--config={}/config.yaml", run.display()),
    ];
    if !host.drop_ins.is_empty() {
        let directory = run.join("conf.d");
        fs::create_dir(&directory).unwrap();
        for (name, lines) in &host.drop_ins {
            fs::write(directory.join(name), super::configuration(lines)).unwrap();
        }
        all.push(format!("--config-dir={}", directory.display()));
    }
    all.extend(host.args.iter().map(|argument| format!("--{argument}")));
    all
}

/// What the kubelet of this minor does with the host.
fn ask(host: &Host, minor: u32, work: &Path) -> Outcome {
    let run = tempfile::tempdir_in(work).unwrap();
    let sys = run.path().join("sys");
    let copied = Command::new("cp")
        .arg("-r")
        .arg(work.join("sys"))
        .arg(&sys)
        .status()
        .unwrap();
    assert!(copied.success());
    host.lay_parameters(&sys);
    let before = values(&sys);
    let log = run.path().join("log");
    let kubelet = lab().join(format!("kubernetes/1.{minor}/bin/kubelet"));
    let output = fs::File::create(&log).unwrap();
    let mut running = Running(
        Command::new("unshare")
            .args(["--mount", "--net", "bash", "-c", SCRIPT, "kubelet"])
            .arg(&sys)
            .arg(if host.read_only { "ro" } else { "rw" })
            .arg(kubelet)
            .args(arguments(host, minor, work, run.path()))
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap(),
    );
    let start = Instant::now();
    let ends = loop {
        let ended = running.0.try_wait().unwrap().is_some();
        let text = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        if let Some(message) = message(&text) {
            break items(&message);
        }
        if text.contains(STARTED) {
            break Vec::new();
        }
        assert!(
            !ended && start.elapsed() < PATIENCE,
            "{}: {}",
            host.name,
            text.lines().rev().take(5).collect::<Vec<_>>().join("\n")
        );
        sleep(Duration::from_millis(20));
    };
    drop(running);
    let after = values(&sys);
    Outcome {
        ends,
        writes: after
            .into_iter()
            .filter(|(path, value)| before.get(path) != Some(value))
            .map(|(path, value)| (path, String::from_utf8_lossy(&value).into_owned()))
            .collect(),
    }
}

fn values(sys: &Path) -> BTreeMap<String, Vec<u8>> {
    KERNEL_PARAMETERS
        .iter()
        .filter_map(|parameter| {
            let content = fs::read(sys.join(parameter.slashed())).ok()?;
            Some((parameter.slashed().to_owned(), content))
        })
        .collect()
}

/// The error in the line of the log, without the quotes of the log.
pub(crate) fn message(log: &str) -> Option<String> {
    let (_, rest) = log.split_once(FAILED)?;
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            other => text.push(other),
        }
    }
}

/// The errors in Go's text of an aggregate, sorted.
fn items(message: &str) -> Vec<String> {
    const STARTS: [&str; 4] = [
        "invalid kernel flag: ",
        "strconv.Atoi: parsing ",
        "open /proc/sys/",
        "read /proc/sys/",
    ];
    let inner = message
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(message);
    let mut all: Vec<String> = Vec::new();
    for part in inner.split(", ") {
        let is_new = STARTS.iter().any(|start| part.starts_with(start));
        match all.last_mut() {
            Some(last) if !is_new => {
                last.push_str(", ");
                last.push_str(part);
            }
            _ => all.push(part.to_owned()),
        }
    }
    all.sort();
    all
}

/// Writes the outcome of a minor beside those of others.
fn note(host: &mut Host, minor: u32, outcome: Outcome) {
    for expectation in &mut host.expect {
        expectation.minors.retain(|other| *other != minor);
    }
    host.expect.retain(|other| !other.minors.is_empty());
    match host.expect.iter_mut().find(|e| e.outcome == outcome) {
        Some(same) => {
            same.minors.push(minor);
            same.minors.sort_unstable();
        }
        None => host.expect.push(Expectation {
            minors: vec![minor],
            outcome,
        }),
    }
    host.expect.sort_by(|a, b| a.minors.cmp(&b.minors));
}

fn save(hosts: &[Host]) {
    let lines: Vec<String> = hosts
        .iter()
        .map(|host| serde_json::to_string(host).unwrap())
        .collect();
    fs::write(CASES, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}

/// The generated hosts, with what is recorded of each already.
fn known() -> Vec<Host> {
    let recorded: Vec<Host> = fs::read_to_string(CASES)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let mut all = hosts::all();
    for host in &mut all {
        let same = |other: &&Host| {
            let without = Host {
                expect: Vec::new(),
                ..(*other).clone()
            };
            without == *host
        };
        if let Some(found) = recorded.iter().find(same) {
            host.expect.clone_from(&found.expect);
        }
    }
    all
}

/// Records the minors that `PREFLIGHT_RECORD` names: `PREFLIGHT_RECORD="1.36 1.37"`; with
/// `PREFLIGHT_RECORD_MISSING`, only the hosts that they are not recorded of.
#[test]
#[ignore = "asks the real kubelets, as root: tests/kubernetes/record"]
fn record_kernel() {
    let minors = std::env::var("PREFLIGHT_RECORD").unwrap_or_default();
    let minors: Vec<u32> = minors
        .split_whitespace()
        .map(|minor| minor.trim_start_matches("1.").parse().unwrap())
        .collect();
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("kubeconfig"), KUBECONFIG).unwrap();
    // Other files of /proc/sys are read too; some of them only by other users, or not at all.
    let _ = Command::new("cp")
        .args(["-r", "/proc/sys"])
        .arg(work.path().join("sys"))
        .stderr(Stdio::null())
        .status();
    let _containerd = containerd(work.path());
    let only_missing = std::env::var_os("PREFLIGHT_RECORD_MISSING").is_some();
    let mut all = known();
    for minor in minors {
        for at in 0..all.len() {
            let host = &mut all[at];
            let is_recorded = host.expect.iter().any(|e| e.minors.contains(&minor));
            if host.exists_in(minor) && !(only_missing && is_recorded) {
                let outcome = ask(host, minor, work.path());
                note(host, minor, outcome);
                if at % 20 == 0 {
                    save(&all);
                }
            }
        }
        save(&all);
    }
}

#[test]
fn the_recorded_hosts_are_those_of_the_generator() {
    let recorded = super::cases();
    assert_eq!(recorded.len(), hosts::COUNT);
    let plain: Vec<Host> = recorded
        .into_iter()
        .map(|host| Host {
            expect: Vec::new(),
            ..host
        })
        .collect();
    assert_eq!(plain, hosts::all());
    let names: std::collections::BTreeSet<&String> = plain.iter().map(|host| &host.name).collect();
    assert_eq!(names.len(), hosts::COUNT);
}

#[test]
fn an_aggregate_is_taken_apart() {
    let log = concat!(
        "E1 kubelet.go:1] \"Failed to start ContainerManager\" err=\"[invalid kernel flag: vm/x, expected value: ",
        "1, actual value: 0, strconv.Atoi: parsing \\\"a\\\\n\\\": invalid syntax]\"\n"
    );
    assert_eq!(
        items(&message(log).unwrap()),
        [
            "invalid kernel flag: vm/x, expected value: 1, actual value: 0",
            "strconv.Atoi: parsing \"a\\n\": invalid syntax",
        ]
    );
    assert_eq!(message("nothing"), None);
}
