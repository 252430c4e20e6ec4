//! Real API servers of several minors, as `cluster/tests/record` recorded them: an audit of what they answered has the
//! recorded outcomes, and every control of every benchmark is broken in one of them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads files and runs a program, and fails by panicking"
)]
#[path = "common/recording.rs"]
mod recording;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use recording::{MINORS, Outcomes, Recording, outcomes};
use serde_json::Value;

/// Controls that nothing in the API breaks, and why.
const BY_HAND: &[(&str, &str)] = &[
    ("secrets.external", "whether it was considered is no object"),
    ("namespaces.boundaries", "who administers what is no object"),
    (
        "images.admission",
        "what a webhook does with images is not in its configuration",
    ),
];

fn read(minor: &str) -> Recording {
    let path = Recording::path(minor);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn program(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap()
}

fn audited(directory: &str, benchmark: &str) -> Outcomes {
    let output = program(&[
        "audit",
        "--format",
        "json",
        "--from",
        directory,
        "--benchmark",
        benchmark,
    ]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    outcomes(&report)
}

fn replay(minor: &str) {
    let recording = read(minor);
    let (_, benchmarks) = MINORS.iter().find(|(of, _)| *of == minor).unwrap();
    for state in &recording.states {
        let judged: Vec<&str> = state.outcomes.keys().map(String::as_str).collect();
        assert_eq!(
            judged.iter().collect::<BTreeSet<_>>(),
            benchmarks.iter().collect::<BTreeSet<_>>(),
            "{}",
            state.name
        );
        let directory = tempfile::tempdir().unwrap();
        recording.dump(state, directory.path());
        for benchmark in judged {
            assert_eq!(
                audited(directory.path().to_str().unwrap(), benchmark),
                recording.outcomes(state, benchmark),
                "{} of {minor} in {benchmark}",
                state.name
            );
        }
    }
}

#[test]
fn what_1_24_answered() {
    replay("1.24");
}

#[test]
fn what_1_28_answered() {
    replay("1.28");
}

#[test]
fn what_1_30_answered() {
    replay("1.30");
}

#[test]
fn what_1_33_answered() {
    replay("1.33");
}

#[test]
fn what_1_35_answered() {
    replay("1.35");
}

#[test]
fn what_1_36_answered() {
    replay("1.36");
}

#[test]
fn what_1_37_answered() {
    replay("1.37");
}

/// A control of any benchmark is met in the hardened cluster, and broken alone in a state of the same server; or nothing
/// can break it.
#[test]
fn every_control_of_every_benchmark_is_broken() {
    let mut judged = BTreeSet::new();
    for (minor, benchmarks) in MINORS {
        let recording = read(minor);
        let mut broken: BTreeMap<&str, Vec<&recording::State>> = BTreeMap::new();
        for state in &recording.states {
            broken.entry(state.control()).or_default().push(state);
        }
        for benchmark in *benchmarks {
            judged.insert((*benchmark).to_owned());
            for (key, outcome) in &recording.states[0].outcomes[*benchmark] {
                if BY_HAND.iter().any(|(by_hand, _)| by_hand == key) {
                    assert_eq!(outcome, "manual", "{key}");
                    continue;
                }
                // Who has a certificate of system:masters cannot be listed.
                let met = if key == "rbac.masters" {
                    "manual"
                } else {
                    "pass"
                };
                assert_eq!(outcome, met, "{key} in {benchmark} of {minor}");
                let states = broken
                    .get(key.as_str())
                    .unwrap_or_else(|| panic!("{key} of CIS {benchmark} is not broken in {minor}"));
                for state in states {
                    let now = state.outcomes[*benchmark].get(key).map(String::as_str);
                    assert!(
                        ["fail", "warn", "error"].contains(&now.unwrap()),
                        "{} of {minor}",
                        state.name
                    );
                }
            }
        }
    }
    let refused = program(&["audit", "--benchmark", "none", "--from", "."]);
    let text = String::from_utf8(refused.stderr).unwrap();
    let (_, known) = text.split_once("the benchmarks for RKE2 are ").unwrap();
    let known: BTreeSet<String> = known
        .lines()
        .next()
        .unwrap()
        .split(", ")
        .map(str::to_owned)
        .collect();
    assert_eq!(judged, known);
}

/// Nothing of a server's own keys, and nothing that changes from one recording to the next.
#[test]
fn recordings_are_small_and_hold_no_secret() {
    let directory = Recording::path("x").parent().unwrap().to_owned();
    let mut size = 0;
    let mut minors = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        size += text.len();
        for never in [
            "resourceVersion",
            "managedFields",
            "creationTimestamp",
            "\"uid\":",
            "eyJ",
            "default-token-",
        ] {
            assert!(!text.contains(never), "{never} in {}", path.display());
        }
        minors.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    let recorded: BTreeSet<String> = MINORS.iter().map(|(of, _)| (*of).to_owned()).collect();
    assert_eq!(minors, recorded);
    assert!(size < 1 << 20, "{size}");
}
