//! Files in the kubelet's directory that a power loss has emptied or cut short: recorded of the real kubelets, and
//! replayed to the rules.

pub(crate) mod record;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use preflight_rke2::testing::examine::{Target, assess};
use preflight_rke2::testing::finding::{CheckId, Effect, Finding};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use serde::{Deserialize, Serialize};

use crate::recordings;

/// The recording.
const FILE: &str = "kubelet-state.json";

/// A file below `/var/lib/kubelet`, and what the kubelet does with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    file: String,
    content: String,
    /// Further arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    /// By minor: what it ends with, or nothing where it starts.
    expect: BTreeMap<String, Option<String>>,
}

impl Case {
    fn is_like(&self, other: &Self) -> bool {
        (&self.file, &self.content, &self.args) == (&other.file, &other.content, &other.args)
    }

    /// What lasts and is certain, of a file with this content: that it is no JSON. A wrong checksum, and values of other
    /// types, are left to the kubelet.
    fn is_foreseen(&self) -> bool {
        !self.args.is_empty() || serde_json::from_str::<serde_json::Value>(&self.content).is_err()
    }
}

const FILES: &[&str] = &[
    "cpu_manager_state",
    "memory_manager_state",
    "dra_manager_state",
    "dra_health_state",
    "allocated_pods_state",
    "actuated_pods_state",
    "pod_status_manager_state",
    "graceful_node_shutdown_state",
    "device-plugins/kubelet_internal_checkpoint",
];

const CONTENTS: &[&str] = &[
    "",
    "\0\0\0\0",
    "{\"policyName\":\"no",
    "null",
    "{}",
    "{\"policyName\":\"none\",\"defaultCpuSet\":\"\",\"checksum\":1353318690}",
];

/// Every case, without its answers.
fn all() -> Vec<Case> {
    let of = |file: &str, content: &str, args: &[&str]| Case {
        file: file.to_owned(),
        content: content.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        expect: BTreeMap::new(),
    };
    let mut all = Vec::new();
    for file in FILES {
        all.extend(CONTENTS.iter().map(|content| of(file, content, &[])));
    }
    all.push(of(
        "cpu_manager_state",
        CONTENTS[5],
        &["--cpu-manager-policy=static", "--kube-reserved=cpu=500m"],
    ));
    all
}

#[test]
fn kubelets_end_for_their_files_as_is_foreseen() {
    let directory = tempfile::tempdir().unwrap();
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hosts/plain-server/root");
    let mut wrong = Vec::new();
    let mut found = 0;
    for (at, case) in recordings::read::<Case>(FILE).iter().enumerate() {
        let root = directory.path().join(at.to_string());
        let copied = Command::new("cp").arg("-r").arg(&right).arg(&root).status();
        assert!(copied.unwrap().success());
        let put = |path: &str, content: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        };
        put(&format!("var/lib/kubelet/{}", case.file), &case.content);
        let args = case.args.iter().map(|arg| arg.trim_start_matches("--"));
        let args: Vec<String> = args.map(|arg| format!("kubelet-arg+: {arg}\n")).collect();
        put("etc/rancher/rke2/config.yaml", &args.concat());
        for (release, theirs) in &case.expect {
            let minor = release.trim_start_matches("1.").parse().unwrap();
            let target = Target {
                version: Some(Version::new(minor, 1, 1)),
                ..Target::of(Role::Server)
            };
            let report = assess(&HostRoot::open(&root).unwrap(), &target).report;
            let mut findings = report.findings.iter();
            let ours = findings.find(|finding| finding.id() == CheckId::HostStateCheckpoint);
            // In a log's quotes.
            let line = theirs.as_deref().unwrap_or_default().replace("\\\"", "\"");
            let is_same = match ours {
                Some(finding) => {
                    found += 1;
                    // The note ends with the kubelet's words.
                    let words = finding.notes()[0].split_once(": ").unwrap().1;
                    finding.effect() == Effect::BlocksStart && line.contains(words)
                }
                None => theirs.is_none() || !case.is_foreseen(),
            };
            if !is_same {
                let ours = ours.map(Finding::notes);
                wrong.push(format!(
                    "{case:?} {release}\n  ours:   {ours:?}\n  theirs: {theirs:?}"
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(found >= 60, "{found}");
}

#[test]
fn recorded_cases_are_those_of_the_list() {
    let recorded: Vec<Case> = recordings::read(FILE);
    let all = all();
    assert_eq!(recorded.len(), all.len());
    for (recorded, case) in recorded.iter().zip(&all) {
        assert!(recorded.is_like(case), "record again: {case:?}");
        assert!(!recorded.expect.is_empty());
    }
}
