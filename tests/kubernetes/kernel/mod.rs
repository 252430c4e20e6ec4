//! The six kernel parameters: hosts with odd values, each with what the real kubelet did there.
//!
//! `tests/cases/kubernetes/kernel.json` has one host a line; [`hosts`] generates them, [`record`] asks the
//! kubelets, and the test here predicts each from files on disk.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a test lays out hosts, runs programs and fails by panicking"
)]

mod hosts;
pub(crate) mod record;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use preflight_rke2::testing::evaluate::evaluate;
use preflight_rke2::testing::host::{HostRoot, facts, rke2_config};
use preflight_rke2::testing::requirements;
use preflight_rke2::testing::rke2::config::{
    Argument, Invocation, ParserRules, config_path, kubelet, kubelet_paths, resolve,
};
use preflight_rke2::testing::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::start::StartSettings;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::{UnitVerdict, Verdict, fold};
use serde::{Deserialize, Serialize};

/// The recorded hosts.
const CASES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/cases/kubernetes/kernel.json"
);

/// What the file of a parameter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Node {
    /// A file of this text.
    Text(String),
    /// A file of these bytes.
    Bytes(Vec<u8>),
    /// Not there.
    Missing,
    /// A directory.
    Directory,
    /// A link to itself.
    Loop,
}

/// A host, as far as the kubelet's check of kernel parameters meets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    name: String,
    /// By path below `/proc/sys`; one that is not named has the required value.
    sys: BTreeMap<String, Node>,
    /// Whether `/proc/sys` is mounted read-only.
    #[serde(default, skip_serializing_if = "is_false")]
    read_only: bool,
    /// Entries of `kubelet-arg`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    args: Vec<String>,
    /// Lines of the file that `config` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    /// Lines of each file of `kubelet.conf.d`, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    drop_ins: BTreeMap<String, String>,
    /// What the kubelet did, by the minors that did the same.
    #[serde(default)]
    expect: Vec<Expectation>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's interface")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What kubelets did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Expectation {
    /// The second number of their releases.
    minors: Vec<u32>,
    #[serde(flatten)]
    outcome: Outcome,
}

/// What a kubelet did with a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Outcome {
    /// Each error that it ended with, sorted; none where it started.
    ends: Vec<String>,
    /// What it wrote, by path below `/proc/sys`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    writes: BTreeMap<String, String>,
}

impl Host {
    /// Whether the kubelets of a minor can be given this host by RKE2: it has a directory of drop-ins since 1.32.
    fn exists_in(&self, minor: u32) -> bool {
        self.drop_ins.is_empty() || minor >= 32
    }

    fn node(&self, parameter: &KernelParameter) -> Node {
        let right = || Node::Text(format!("{}\n", parameter.required));
        self.sys
            .get(parameter.slashed())
            .cloned()
            .unwrap_or_else(right)
    }

    /// Writes the six files below `sys`, which stands for `/proc/sys`.
    fn lay_parameters(&self, sys: &Path) {
        for parameter in &KERNEL_PARAMETERS {
            let path = sys.join(parameter.slashed());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = fs::remove_file(&path);
            match self.node(parameter) {
                Node::Text(text) => fs::write(&path, text).unwrap(),
                Node::Bytes(bytes) => fs::write(&path, bytes).unwrap(),
                Node::Missing => {}
                Node::Directory => fs::create_dir(&path).unwrap(),
                Node::Loop => symlink(path.file_name().unwrap(), &path).unwrap(),
            }
        }
    }
}

/// A file of the kubelet's configuration with these lines.
pub(crate) fn configuration(lines: &str) -> String {
    format!("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n{lines}")
}

fn cases() -> Vec<Host> {
    serde_json::from_str(&fs::read_to_string(CASES).unwrap()).unwrap()
}

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What is predicted of the host, where RKE2 of this minor runs the kubelet.
fn predict(host: &Host, minor: u32) -> UnitVerdict {
    let dir = tempfile::tempdir().unwrap();
    host.lay_parameters(&dir.path().join("proc/sys"));
    let write = |path: &str, content: &str| write(dir.path(), path, content);
    write("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
    write("/proc/self/uid_map", "         0          0 4294967295\n");
    let options = if host.read_only { "ro" } else { "rw" };
    write(
        "/proc/self/mountinfo",
        &format!(
            "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n21 20 0:5 / /proc rw,nosuid shared:5 - proc proc rw\n\
             22 21 0:5 /sys /proc/sys {options},nosuid - proc proc rw\n"
        ),
    );
    let mut arguments = host.args.clone();
    if let Some(lines) = &host.config {
        write("/etc/kubelet.yaml", &configuration(lines));
        arguments.push("config=/etc/kubelet.yaml".to_owned());
    }
    let conf_d = "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d";
    for (name, lines) in &host.drop_ins {
        write(&format!("{conf_d}/{name}"), &configuration(lines));
    }
    let entries = arguments.iter().map(|argument| format!("- {argument:?}\n"));
    let config = format!("kubelet-arg:\n{}", entries.collect::<String>());
    write(
        "/etc/rancher/rke2/config.yaml",
        if arguments.is_empty() { "" } else { &config },
    );

    let root = HostRoot::open(dir.path()).unwrap();
    let version = Version::new(minor, 1, 1);
    let rules = ParserRules::of(&version);
    let invocation = Invocation {
        args: vec![Argument::new("agent")],
        env: Vec::new(),
    };
    let path = config_path(&invocation).path;
    let files = rke2_config::read(&root, &path);
    let settings = resolve(&invocation, &files, Role::Agent, &rules);
    let paths = kubelet_paths(&settings, &rules);
    let read = rke2_config::read_kubelet(&root, &paths);
    let kubelet = kubelet(&settings, &rules, &read);
    let start = StartSettings::new(
        version,
        &settings,
        &kubelet,
        preflight_rke2::testing::rke2::start::ComponentFailures::default(),
    );
    let required = requirements::of(&start);
    let facts = facts::collect(&root, &required, Vec::new(), None);
    fold(&evaluate(&required, &facts))
}

#[test]
fn the_kubelets_check_of_kernel_parameters_is_predicted() {
    let mut agreed: BTreeMap<u32, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for host in cases() {
        for expectation in &host.expect {
            for minor in &expectation.minors {
                let verdict = predict(&host, *minor);
                let mut lines = verdict.predicted.clone();
                lines.sort();
                let refuses = verdict.now == Verdict::WouldRefuse;
                let expected = &expectation.outcome.ends;
                if refuses == expected.is_empty() || lines != *expected {
                    wrong.push(format!(
                        "1.{minor} {}: {:?} {lines:?}, the kubelet: {expected:?}",
                        host.name, verdict.now
                    ));
                } else {
                    *agreed.entry(*minor).or_default() += 1;
                }
            }
        }
    }
    for (minor, count) in &agreed {
        eprintln!("1.{minor}: {count} hosts agree");
    }
    assert_eq!(wrong, [""; 0]);
    assert!(
        agreed.len() >= 3 && agreed.values().all(|count| *count >= 200),
        "{agreed:?}"
    );
}

/// Without protection, a kubelet writes each parameter that it can read and that has another value.
#[test]
fn what_the_kubelet_writes_is_what_it_could_read() {
    for host in cases() {
        for expectation in &host.expect {
            let writes = &expectation.outcome.writes;
            for parameter in &KERNEL_PARAMETERS {
                let content = match host.node(parameter) {
                    Node::Text(text) => text.into_bytes(),
                    Node::Bytes(bytes) => bytes,
                    Node::Missing | Node::Directory | Node::Loop => continue,
                };
                let reading = KernelParameter::as_kubelet(&Ok(content));
                let differs = reading.is_ok_and(|value| value != parameter.required);
                let refuses = format!("invalid kernel flag: {},", parameter.slashed());
                let ends = &expectation.outcome.ends;
                let is_protected = ends.iter().any(|line| line.starts_with(&refuses));
                let written = writes.get(parameter.slashed());
                let expected = (differs && !is_protected && !host.read_only)
                    .then(|| parameter.required.to_string());
                assert_eq!(
                    written,
                    expected.as_ref(),
                    "{} {}",
                    host.name,
                    parameter.key
                );
            }
        }
    }
}
