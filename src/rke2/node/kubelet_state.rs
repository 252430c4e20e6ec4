//! The checkpoints of the kubelet's managers, which it cannot start with if a power loss has emptied them.
//!
//! Source: kubernetes `pkg/kubelet/cm/{cpumanager,memorymanager,dra}/state`, `pkg/kubelet/allocation` and
//! `pkg/kubelet/kuberuntime`; recorded with kubelets of 1.24, 1.27, 1.30, 1.33 and 1.35 to 1.37 in
//! `tests/cases/kubernetes/kubelet-state.json`.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::kubernetes::Program;
use crate::rke2::changes::{DRA_CHECKPOINT, POD_CHECKPOINTS, POD_CHECKPOINTS_LOCKED};
use crate::rke2::version::{Since, Version};

use super::{Node, NodeProblem, Start};

const DIRECTORY: &str = "/var/lib/kubelet";

/// A checkpoint: its file, the releases that read it, and the words of a kubelet that cannot.
struct Checkpoint {
    name: &'static str,
    since: Since,
    words: &'static str,
}

const CHECKPOINTS: [Checkpoint; 5] = [
    Checkpoint {
        name: CPU,
        since: Since::ALWAYS,
        words: "start cpu manager error: could not restore state from checkpoint",
    },
    Checkpoint {
        name: "memory_manager_state",
        since: Since::ALWAYS,
        words: "start memory manager error: could not restore state from checkpoint",
    },
    Checkpoint {
        name: "dra_manager_state",
        since: DRA_CHECKPOINT,
        words: "failed to get checkpoint dra_manager_state",
    },
    Checkpoint {
        name: "allocated_pods_state",
        since: POD_CHECKPOINTS,
        words: PODS,
    },
    Checkpoint {
        name: "actuated_pods_state",
        since: POD_CHECKPOINTS,
        words: PODS,
    },
];
const CPU: &str = "cpu_manager_state";
const PODS: &str = "please drain this node and delete pod resource information checkpoint file";
/// A longer checkpoint is not judged by its content.
const MAX_JUDGED: usize = 4096;

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    if start.settings.is_on("disable-agent") || start.sets_kubelet_arg("root-dir") {
        return Vec::new();
    }
    let mut all = Vec::new();
    for checkpoint in &CHECKPOINTS {
        all.extend(of_checkpoint(start, node, checkpoint));
    }
    all
}

fn of_checkpoint(
    start: &Start<'_>,
    node: &dyn Node,
    checkpoint: &Checkpoint,
) -> Option<NodeProblem> {
    let is_of_pods = checkpoint.words == PODS;
    if !is_read(checkpoint.since, start.version) || (is_of_pods && node.is_up()) {
        return None;
    }
    let is_of_cpus = checkpoint.name == CPU;
    let path = format!("{DIRECTORY}/{}", checkpoint.name);
    let File::Content(content) = node.file(&path)? else {
        return None;
    };
    // Those of pods are long on a node that runs some.
    if content.len() >= MAX_JUDGED && !is_of_cpus {
        return None;
    }
    let (summary, words) = match policy(&content) {
        Json::Broken if content.is_empty() => (
            format!("the kubelet cannot start with its checkpoint {path}, which is empty"),
            checkpoint.words.to_owned(),
        ),
        Json::Broken => (
            format!("the kubelet cannot start with its checkpoint {path}, which is not JSON"),
            checkpoint.words.to_owned(),
        ),
        Json::Policy(saved) if is_of_cpus => {
            let configured = cpu_policy(start).filter(|policy| *policy != saved)?;
            (
                format!(
                    "the kubelet is configured with the CPU manager policy {configured}, and its checkpoint {path} is of \
                     the policy {saved}"
                ),
                format!(
                    "configured policy \"{configured}\" differs from state checkpoint policy \"{saved}\""
                ),
            )
        }
        Json::Policy(_) | Json::Unknown => return None,
    };
    if is_of_pods && may_lack_feature(start, node) {
        return None;
    }
    Some(NodeProblem {
        evidence: vec![Evidence::place(Source::file(&path), Part::Read)],
        notes: vec![format!(
            "RKE2 runs, and its kubelet exits again and again: {words}"
        )],
        remedies: vec![Remedy::Manual {
            summary: format!(
                "drain the node if it runs pods, and remove {path}; the kubelet makes a new one"
            ),
            commands: vec![format!("rm {path}")],
        }],
        ..NodeProblem::new(
            CheckId::HostStateCheckpoint,
            &path,
            Component::Kubelet,
            Stage::KubeletCreation,
            summary,
        )
    })
}

/// Whether kubelets of the release were seen to read it. Older than 1.24 was not tried.
fn is_read(since: Since, version: &Version) -> bool {
    version.minor >= 24 && since.includes(version)
}

/// Whether the kubelet may have the feature gate off for which it keeps checkpoints of pods.
fn may_lack_feature(start: &Start<'_>, node: &dyn Node) -> bool {
    if POD_CHECKPOINTS_LOCKED.includes(start.version) {
        return false;
    }
    ["feature-gates", "config", "config-dir"]
        .into_iter()
        .any(|name| start.sets_kubelet_arg(name))
        || start.has_kubelet_files(node)
}

enum Json {
    Broken,
    /// An object with a `policyName`.
    Policy(String),
    Unknown,
}

fn policy(content: &[u8]) -> Json {
    match serde_json::from_slice::<serde_json::Value>(content) {
        Ok(value) => {
            let name = value.get("policyName").and_then(|name| name.as_str());
            match name.filter(|name| !name.is_empty()) {
                Some(name) => Json::Policy(name.to_owned()),
                None => Json::Unknown,
            }
        }
        // Go's reader takes more: escapes of half a character, bytes that are not UTF-8, deep nesting.
        Err(_)
            if content.len() < MAX_JUDGED
                && std::str::from_utf8(content).is_ok_and(|text| !text.contains("\\u")) =>
        {
            Json::Broken
        }
        Err(_) => Json::Unknown,
    }
}

/// The policy that `kubelet-arg` sets. `None`: a file may set it.
fn cpu_policy(start: &Start<'_>) -> Option<String> {
    let value = start
        .arguments(Program::Kubelet, "cpu-manager-policy")
        .next_back()?;
    matches!(value, "none" | "static").then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, of};
    use crate::rke2::role::Role;

    fn found(minor: u32, name: &str, content: &str, config: &str) -> bool {
        let file = File::Content(content.as_bytes().to_vec());
        let node = Files::from([(format!("{DIRECTORY}/{name}"), file)]);
        let version = Version::new(minor, 0, 1);
        of(Role::Server, &version, config, |start| {
            !problems(start, &node).is_empty()
        })
    }

    const NONE: &str = r#"{"policyName":"none","defaultCpuSet":"","checksum":1353318690}"#;

    #[test]
    fn a_checkpoint_must_be_json() {
        for (content, is_broken) in [
            ("", true),
            ("\0\0\0\0", true),
            ("{\"policyName\":\"no", true),
            ("x", true),
            (NONE, false),
            ("{}", false),
            ("null", false),
            ("{\"policyName\":\"\\ud800\"}", false),
        ] {
            for (minor, name, is_read) in [
                (36, CPU, true),
                (30, CPU, true),
                (23, CPU, false),
                (36, "memory_manager_state", true),
                (36, "dra_manager_state", true),
                (34, "dra_manager_state", false),
                (36, "kubelet_internal_checkpoint", false),
                (32, "allocated_pods_state", false),
                (33, "allocated_pods_state", true),
                (37, "actuated_pods_state", true),
            ] {
                assert_eq!(
                    found(minor, name, content, ""),
                    is_broken && is_read,
                    "{content:?} {minor} {name}"
                );
            }
        }
        assert!(!found(36, CPU, "", "kubelet-arg: [root-dir=/x]"));
        assert!(!found(36, CPU, "", "disable-agent: true"));
    }

    #[test]
    fn a_feature_that_is_off_reads_no_checkpoint() {
        const PODS: &str = "actuated_pods_state";
        for config in [
            "kubelet-arg: [feature-gates=InPlacePodVerticalScaling=false]",
            "kubelet-arg: [config=/x.yaml]",
        ] {
            assert!(!found(34, PODS, "", config), "{config}");
            assert!(found(35, PODS, "", config), "{config}");
            assert!(found(34, CPU, "", config), "{config}");
        }
        let long = format!("{{\"a\":\"{}", "x".repeat(MAX_JUDGED));
        assert!(!found(36, PODS, &long, ""));
    }

    #[test]
    fn the_policy_of_the_checkpoint_must_be_the_configured_one() {
        for (config, differs) in [
            ("", false),
            ("kubelet-arg: [cpu-manager-policy=static]", true),
            ("kubelet-arg: [--cpu-manager-policy=static]", true),
            ("kubelet-arg: [cpu-manager-policy=none]", false),
            (
                "kubelet-arg: [cpu-manager-policy=static, cpu-manager-policy=none]",
                false,
            ),
            // Other values are refused by the kubelet's own validation.
            ("kubelet-arg: [cpu-manager-policy=x]", false),
            ("kubelet-arg: [config=/x.yaml]", false),
        ] {
            assert_eq!(found(36, CPU, NONE, config), differs, "{config}");
            assert!(!found(36, "memory_manager_state", NONE, config), "{config}");
        }
    }
}
