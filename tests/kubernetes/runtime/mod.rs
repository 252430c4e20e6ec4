//! What the kubelet checks once the container runtime has answered: recorded cases, replayed, and asked anew.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::arithmetic_side_effects,
    reason = "tests, which run programs, read recordings and print how many agree"
)]

mod cases;
mod record;

use std::collections::BTreeMap;
use std::fs;

use preflight_rke2::testing::kubernetes::kubelet::{
    Machine as Host, Numbers, Outcome, Presence, outcome,
};
use preflight_rke2::testing::kubernetes::{Minor, tables};
use serde::{Deserialize, Serialize};

use crate::files;

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/cases/kubernetes/kubelet-runtime.json"
);

/// A kubelet whose runtime answers, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Case {
    /// Arguments, behind those that every case has.
    args: Vec<String>,
    /// Lines of the file behind `--config`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    lines: String,
    /// Whether the machine has swap.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_swap: bool,
    /// By minor: the error that it exits with, or nothing where it starts.
    expect: BTreeMap<String, Option<String>>,
}

/// The machine that a minor was recorded on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Machine {
    /// `MemTotal` in bytes.
    memory: u64,
    /// The processors that are online: `0-1`.
    cpus: String,
    /// The NUMA nodes that are online: `0`; empty where the kernel lists none.
    numa_nodes: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Recording {
    machines: BTreeMap<String, Machine>,
    cases: Vec<Case>,
}

impl Case {
    /// The content of `/proc/swaps`.
    fn swaps(&self) -> &'static str {
        if self.has_swap {
            "Filename\tType\tSize\tUsed\tPriority\n/swap\tfile\t8\t0\t-2\n"
        } else {
            "Filename\tType\tSize\tUsed\tPriority\n"
        }
    }

    /// Whether several options of the processors' manager are given.
    fn has_two_options(&self) -> bool {
        let options = self
            .args
            .iter()
            .filter(|argument| argument.starts_with("--cpu-manager-policy-options"));
        options.count() > 1
    }

    /// Whether the kubelet makes control groups.
    fn has_control_groups(&self) -> bool {
        self.args.iter().any(|argument| argument.contains("cgroup"))
    }

    /// Whether it has control groups for pods.
    fn has_root(&self) -> bool {
        self.args
            .iter()
            .any(|argument| argument.contains("cgroups-per-qos"))
    }

    /// The command line, without the name of the program and `--v`.
    fn command_line(&self, endpoint: &str) -> Vec<String> {
        let mut all = vec![
            format!("--container-runtime-endpoint={endpoint}"),
            "--kubeconfig=/case/kubeconfig".to_owned(),
            "--root-dir=/case/root".to_owned(),
            "--cert-dir=/case/pki".to_owned(),
            "--config=/case/config.yaml".to_owned(),
            "--hostname-override=node".to_owned(),
            // As flags: an empty list of a file is not kept where drop-ins are merged with it.
            "--enforce-node-allocatable=".to_owned(),
        ];
        if self
            .args
            .iter()
            .any(|arg| arg.contains("--cgroups-per-qos"))
        {
            all.push("--cgroup-root=/preflight-record".to_owned());
        } else {
            all.push("--cgroups-per-qos=false".to_owned());
        }
        all.extend(self.args.iter().cloned());
        all
    }
}

impl Recording {
    fn read() -> Self {
        let text = fs::read_to_string(FILE).unwrap_or_default();
        if text.is_empty() {
            return Self::default();
        }
        serde_json::from_str(&text).unwrap()
    }

    /// The generated cases, with what is recorded of each already.
    fn known(mut cases: Vec<Case>) -> Self {
        let recorded = Self::read();
        for case in &mut cases {
            let same = |other: &&Case| {
                let is_same = other.args == case.args && other.lines == case.lines;
                is_same && other.has_swap == case.has_swap
            };
            if let Some(found) = recorded.cases.iter().find(same) {
                case.expect.clone_from(&found.expect);
            }
        }
        Self {
            machines: recorded.machines,
            cases,
        }
    }

    fn save(&self) {
        let lines: Vec<String> = self
            .cases
            .iter()
            .map(|case| serde_json::to_string(case).unwrap())
            .collect();
        let machines = serde_json::to_string(&self.machines).unwrap();
        let text = format!(
            "{{\"machines\":{machines},\"cases\":[\n{}\n]}}\n",
            lines.join(",\n")
        );
        fs::write(FILE, text).unwrap();
    }
}

/// What the kubelet exits with over things that are not known beforehand: addresses, control groups and sockets, which
/// others may still make, the size of a file system, and what is in certificates and other files.
const NOT_FORESEEN: [&str; 10] = [
    "listen tcp ",
    "failed to run Kubelet: invalid configuration: cgroup [",
    "Failed to enforce ",
    "invalid Node Allocatable configuration. Resource \"ephemeral-storage\" ",
    "failed to validate credential provider config",
    "error decoding config ",
    "failed to run Kubelet: unable to load bootstrap kubeconfig: ",
    "failed to run Kubelet: validate service connection: ",
    "failed to run Kubelet: unable to determine image API version: ",
    "failed to run Kubelet: error loading CA bundle ",
];

/// How errors about what is no certificate end.
const NO_CERTIFICATE: [&str; 2] = [
    "tls: failed to find any PEM data in certificate input",
    "data does not contain any valid RSA or ECDSA certificates",
];

fn ours(minor: u32, case: &Case, machine: &Machine) -> Outcome {
    let config = record::configuration_of(case, minor);
    let read = |path: &str| match path {
        "/case/config.yaml" => Ok(config.clone().into_bytes()),
        _ => Err(format!("open {path}: no such file or directory")),
    };
    let presence = |path: &str| match path {
        "/case/" => Presence::Directory,
        "/case/kubeconfig" => Presence::Present,
        path if path.starts_with("/case/") => Presence::Missing,
        _ => Presence::Unknown,
    };
    let swaps = case.swaps().to_owned().into_bytes();
    let host = Host {
        read: &read,
        presence: &presence,
        has_cgroup_v1: &|| Some(true),
        runtime_answers: true,
        swaps: &|| Some(swaps.clone()),
        memory: &|| Some(machine.memory),
        cpus: &|| Numbers::parse(&machine.cpus),
        numa_nodes: &|| Numbers::parse(&machine.numa_nodes),
        ..Host::unknown()
    };
    let endpoint = "unix:///run/cri.sock";
    outcome(Minor(minor), &case.command_line(endpoint), &host)
}

/// Without amounts in capacities, which the kubelet prints as Go keeps them in memory.
fn without_amounts(text: &str) -> String {
    if !text.starts_with("invalid Node Allocatable configuration") {
        return text.to_owned();
    }
    let words = ["has a reservation of", "has an allocatable of"];
    let resources = text.split("Resource \"").skip(1).map(|part| {
        let resource = part.split('"').next().unwrap_or_default();
        let words = words.iter().find(|words| part.contains(**words));
        format!("{resource} {words:?}")
    });
    let mut resources: Vec<String> = resources.collect();
    resources.sort();
    resources.join(", ")
}

#[test]
fn the_kubelet_agrees_behind_its_runtime() {
    let recording = Recording::read();
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &recording.cases {
        for (name, expected) in &case.expect {
            let minor: u32 = name.trim_start_matches("1.").parse().unwrap();
            if !tables::knows(Minor(minor)) {
                continue;
            }
            let found = match ours(minor, case, &recording.machines[name]) {
                Outcome::GoesOn(_) => None,
                Outcome::Exits(failure) => Some(failure.message),
                Outcome::Unknown(why) => Some(format!("unknown: {why}")),
            };
            let count = counts.entry(name).or_default();
            count[0] += 1;
            count[1] += usize::from(expected.is_some());
            let agrees = match (&found, expected) {
                (None, None) => true,
                (None, Some(real)) => {
                    let is_unforeseen = NOT_FORESEEN.iter().any(|start| real.starts_with(start))
                        || NO_CERTIFICATE.iter().any(|end| real.ends_with(end));
                    count[3] += usize::from(is_unforeseen);
                    is_unforeseen
                }
                // Go's map decides which of two options it looks at first.
                (Some(ours), Some(real)) if case.has_two_options() => [ours, real]
                    .iter()
                    .all(|text| text.contains(" policy error: ")),
                (Some(ours), Some(real)) => {
                    files::same(&without_amounts(ours), &without_amounts(real))
                }
                (Some(_), None) => false,
            };
            if agrees {
                count[2] += 1;
            } else {
                wrong.push(format!(
                    "{name} {:?} {}\n  ours: {found:?}\n  real: {expected:?}",
                    case.args, case.lines
                ));
            }
        }
    }
    for (minor, [all, ends, agree, unforeseen]) in &counts {
        eprintln!(
            "kubelet {minor} behind its runtime: {agree} of {all} agree, {ends} end, {unforeseen} of them not foreseen"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(
        counts.len() >= 4
            && counts
                .values()
                .all(|count| count[0] >= 60 && count[1] >= 60)
    );
}
