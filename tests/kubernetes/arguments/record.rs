//! Asks the real programs.

use std::collections::BTreeMap;
use std::fs::{self, File};
#[cfg(feature = "lab")]
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::recording::{Case, Recording};
use super::{cases, components};
use crate::lab::program;

/// Programs that run at a time.
const WORKERS: usize = 3;

const KUBECONFIG: &str = "apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: https://127.0.0.1:1}}]
users: [{name: a, user: {}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
";

/// Runs a case. Nothing: it gets as far as it can, or goes on to run.
fn ask(minor: &str, case: &Case) -> Option<String> {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().display().to_string();
    let real = |text: &str| text.replace("/case/", &format!("{here}/"));
    let number: u32 = minor.strip_prefix("1.").unwrap().parse().unwrap();
    let mut configuration =
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n".to_owned();
    if number >= 31 {
        configuration.push_str("failCgroupV1: false\n");
    }
    fs::write(directory.path().join("kubelet.conf"), configuration).unwrap();
    fs::write(directory.path().join("kubeconfig"), KUBECONFIG).unwrap();
    let log = directory.path().join("log");
    let output = File::create(&log).unwrap();
    // A right control plane component runs on; a right kubelet ends by itself.
    let patience = if case.program == "kubelet" { 60 } else { 6 };
    let mut child = Command::new(program(minor, &case.program))
        .args(case.command_line().iter().map(|argument| real(argument)))
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap_or_else(|error| panic!("tests/kubernetes/build {minor} {}: {error}", case.program));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if start.elapsed() > Duration::from_secs(patience) {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text =
        String::from_utf8_lossy(&fs::read(&log).unwrap()).replace(&format!("{here}/"), "/case/");
    let status = status?;
    if status.success() {
        let version = text.contains("\nKubernetes v")
            || text.starts_with("Kubernetes v")
            || text.contains("version.Info{");
        let what = if version { "version" } else { "help" };
        return Some(format!("it prints its {what} and exits"));
    }
    let error = reason(&text).unwrap_or_else(|| {
        eprintln!(
            "{minor} {:?}: {status}
{text}",
            case.args
        );
        format!("not read: {status}")
    });
    let calls_runtime = [
        "validate service connection",
        "unable to determine runtime API version",
        // 1.26 calls the runtime later. `runtime` has what follows.
        "failed to run Kubelet: bad --node-ip ",
        "failed to run Kubelet: failed to create kubelet: ",
    ];
    (!calls_runtime.iter().any(|words| error.contains(words))).then_some(error)
}

/// How lines begin that are no log's: a panic, and what pflag prints before it exits by itself.
const PLAIN: [&str; 3] = [
    "panic: ",
    "pflag: help requested",
    "flag needs an argument: ",
];

/// The error of a log: `err="…"`, `err=<` with lines that begin with a tab, `Error: …` or a panic.
fn reason(log: &str) -> Option<String> {
    let mut found = None;
    let mut lines = log.lines();
    while let Some(line) = lines.next() {
        if line.starts_with('E')
            && (line.contains("\"command failed\"")
                || line.contains("\"Failed to initialize logging\""))
        {
            let (_, error) = line.split_once("err=").unwrap();
            found = if error == "<" {
                let block: Vec<_> = lines
                    .by_ref()
                    .map_while(|line| line.strip_prefix('\t'))
                    .collect();
                Some(block.join("\n"))
            } else {
                Some(unquote(error))
            };
        } else if line.starts_with('{') && line.contains("\"command failed\"") {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            found = line["err"].as_str().map(str::to_owned);
        } else if let Some(error) = line.strip_prefix("Error: ") {
            found = Some(error.to_owned());
        } else if found.is_none() && PLAIN.iter().any(|start| line.starts_with(start)) {
            found = Some(line.to_owned());
        }
    }
    found
}

/// A string literal of Go.
fn unquote(text: &str) -> String {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let mut out = Vec::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        let width = match escaped {
            None => {
                out.extend(c.to_string().bytes());
                continue;
            }
            Some('n') => {
                out.push(b'\n');
                continue;
            }
            Some('t') => {
                out.push(b'\t');
                continue;
            }
            Some('r') => {
                out.push(b'\r');
                continue;
            }
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => {
                out.extend(other.to_string().bytes());
                continue;
            }
        };
        let digits: String = chars.by_ref().take(width).collect();
        let code = u32::from_str_radix(&digits, 16).unwrap();
        if width == 2 {
            out.push(u8::try_from(code).unwrap());
        } else {
            out.extend(char::from_u32(code).unwrap().to_string().bytes());
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Asks minors for all cases, and keeps what is known of others.
fn record(recording: &Recording, mut cases: Vec<Case>, minors: &[&str]) {
    let known: BTreeMap<String, _> = recording
        .read()
        .into_iter()
        .map(|case| (case.identity().to_string(), case.expect))
        .collect();
    for case in &mut cases {
        if let Some(expect) = known.get(&case.identity().to_string()) {
            case.expect.clone_from(expect);
        }
    }
    let only = std::env::var("PREFLIGHT_RECORD_MATCH").unwrap_or_default();
    let total = cases.len() * minors.len();
    let next = AtomicUsize::new(0);
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= total {
                        return;
                    }
                    let (minor, index) = (minors[at / cases.len()], at % cases.len());
                    if !program(minor, &cases[index].program).exists() {
                        continue;
                    }
                    // Only cases whose arguments or recording have this in them.
                    let known = cases[index].expect.get(minor);
                    let text = format!("{:?} {known:?}", cases[index].args);
                    if !text.contains(&only) {
                        continue;
                    }
                    let answer = ask(minor, &cases[index]);
                    answers.lock().unwrap().push((index, minor, answer));
                }
            });
        }
    });
    for (index, minor, answer) in answers.into_inner().unwrap() {
        cases[index].expect.insert(minor.to_owned(), answer);
    }
    recording.write(&cases);
}

/// Records the minors of `PREFLIGHT_RECORD`, those of all cases by default.
#[test]
#[ignore = "asks the real programs"]
fn record_all() {
    let minors = std::env::var("PREFLIGHT_RECORD")
        .unwrap_or_else(|_| "1.24 1.30 1.33 1.35 1.36 1.37".to_owned());
    let minors: Vec<_> = minors.split_whitespace().collect();
    let only = std::env::var("PREFLIGHT_RECORD_ONLY").unwrap_or_default();
    if only != "components" {
        for minor in &minors {
            record(&Recording::kubelet(), cases::kubelet(), &[*minor]);
            eprintln!("recorded {minor}");
        }
    }
    if only != "kubelet" {
        let minors: Vec<_> = minors
            .into_iter()
            .filter(|minor| ["1.24", "1.30", "1.37"].contains(minor))
            .collect();
        record(&Recording::components(), components::all(), &minors);
    }
}

/// Some cases on the newest minor, and what is recorded of them.
#[cfg(feature = "lab")]
#[test]
fn the_newest_kubelet_still_does_what_is_recorded() {
    let built = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes/build"))
        .args(["1.37", "kubelet"])
        .status()
        .unwrap();
    assert!(built.success());
    for case in Recording::kubelet().read().iter().step_by(25) {
        let asked = ask("1.37", case);
        let recorded = &case.expect["1.37"];
        let is_same = match (&asked, recorded) {
            (Some(asked), Some(recorded)) => super::is_same(asked, recorded) || case.is_random,
            (asked, recorded) => asked == recorded,
        };
        assert!(is_same, "{:?}: {asked:?}, recorded {recorded:?}", case.args);
    }
}
