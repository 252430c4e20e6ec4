//! Processors, memory and disk space.
//!
//! Source: rancher/rke2 `pkg/cli/defaults` and `pkg/podtemplate` (the requests of the static pods), docs of RKE2,
//! "Requirements" (2 CPUs and 4 GB at least), k3s-io/k3s `pkg/daemons/agent` (eviction below 5 % of a file system).

use super::super::{Node, NodeProblem, Start};
use crate::facts::node::{FileSystem, Resources};
use crate::finding::{CheckId, Remedy};
use crate::kubernetes::Program;
use crate::rke2::components;
use crate::rke2::config::Settings;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What a machine sold with 4 GB has left, at least.
const MEMORY: u64 = 3686 * MIB;
const CPUS: u64 = 2;
/// Flags that the level x86-64-v2 adds.
const LEVEL_2: [&str; 6] = ["cx16", "lahf_lm", "popcnt", "ssse3", "sse4_1", "sse4_2"];
/// The kubelet evicts pods where less is free, of a hundred parts.
const EVICTED: u64 = 5;
/// Less than this of a hundred parts, or than [`SPACE`], is little.
const LITTLE: u64 = 15;
const SPACE: u64 = 10 * GIB;

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let data_dir = start.data_dir();
    let directories = [
        data_dir,
        "/var/lib/kubelet".to_owned(),
        "/var/log".to_owned(),
    ];
    let Some(resources) = node.resources(&directories) else {
        return Vec::new();
    };
    let requests = Requests::of(start.settings);
    let mut all = Vec::new();
    all.extend(resources.cpus.and_then(|has| cpus(start, has, requests)));
    all.extend(
        resources
            .memory
            .and_then(|has| memory(start, has, requests)),
    );
    all.extend(level(&resources));
    // Of RKE2's own directory, so little is `host.space-low`.
    let [data_dir, ..] = &directories;
    let is_reported =
        |of: &&FileSystem| of.directory == *data_dir && of.free < of.total / 100 * EVICTED;
    let file_systems = resources.file_systems.iter();
    all.extend(file_systems.filter(|of| !is_reported(of)).filter_map(space));
    all
}

/// What the static pods of a node request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Requests {
    /// Thousandths of a processor.
    cpu: u64,
    /// Bytes.
    memory: u64,
}

/// A static pod: its name in `control-plane-resource-requests`, and what it requests by default.
const PODS: [(&str, u64, u64); 6] = [
    ("kube-apiserver", 250, 1024),
    ("etcd", 200, 512),
    ("kube-controller-manager", 200, 256),
    ("kube-scheduler", 100, 128),
    ("cloud-controller-manager", 100, 128),
    ("kube-proxy", 250, 128),
];

impl Requests {
    /// `None` where a request is not understood.
    fn of(settings: &Settings) -> Option<Self> {
        let set = settings.list("control-plane-resource-requests");
        let set: Vec<(&str, &str)> = set
            .iter()
            .flat_map(|(item, _)| item.split(','))
            .filter_map(|item| item.split_once('='))
            .collect();
        let mut sum = Self { cpu: 0, memory: 0 };
        for (pod, cpu, mebibytes) in PODS {
            if !runs(pod, settings) {
                continue;
            }
            let of = |what: &str| {
                let name = format!("{pod}-{what}");
                set.iter().rfind(|(key, _)| *key == name)
            };
            let cpu = match of("cpu") {
                Some((_, text)) => thousandths(text)?,
                None => cpu,
            };
            let memory = match of("memory") {
                Some((_, text)) => bytes(text)?,
                None => mebibytes.saturating_mul(MIB),
            };
            sum.cpu = sum.cpu.saturating_add(cpu);
            sum.memory = sum.memory.saturating_add(memory);
        }
        Some(sum)
    }
}

fn runs(pod: &str, settings: &Settings) -> bool {
    let program = match pod {
        "etcd" => return components::runs_etcd(settings),
        "kube-apiserver" => Program::ApiServer,
        "kube-controller-manager" => Program::ControllerManager,
        "kube-scheduler" => Program::Scheduler,
        "cloud-controller-manager" => Program::CloudControllerManager,
        _ => Program::Proxy,
    };
    components::runs(program, settings)
}

/// A quantity of processors: `250m`, `1`, `0.5`.
fn thousandths(text: &str) -> Option<u64> {
    if let Some(milli) = text.strip_suffix('m') {
        return milli.parse().ok();
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part = format!("{part:0<3}");
    let part: u64 = part.get(..3)?.parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(part)
}

/// A quantity of memory: `512Mi`, `1G`, `1048576`.
fn bytes(text: &str) -> Option<u64> {
    let units: [(&str, u64); 6] = [
        ("Ki", 1 << 10),
        ("Mi", MIB),
        ("Gi", GIB),
        ("k", 1000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
    ];
    for (suffix, factor) in units {
        if let Some(number) = text.strip_suffix(suffix) {
            return number.parse::<u64>().ok()?.checked_mul(factor);
        }
    }
    text.parse().ok()
}

fn cpus(start: &Start<'_>, has: u64, requests: Option<Requests>) -> Option<NodeProblem> {
    let requests = requests.filter(|_| start.is_server());
    let is_too_few = requests.is_some_and(|requests| requests.cpu > has.saturating_mul(1000));
    let noun = if has == 1 { "CPU" } else { "CPUs" };
    let summary = match requests {
        Some(requests) if is_too_few => format!(
            "the machine has {has} {noun}, and RKE2's own static pods request {} m ({}.{:03} CPUs): the kubelet \
             cannot run them all",
            requests.cpu,
            requests.cpu / 1000,
            requests.cpu % 1000
        ),
        _ if has < CPUS => format!("the machine has {has} {noun}; RKE2 requires {CPUS}"),
        _ => return None,
    };
    let mut problem = NodeProblem::advice(CheckId::HostResources, "CPUs", summary);
    problem.required = Some(format!("{CPUS} CPUs, better 4"));
    problem.actual = Some(has.to_string());
    problem.remedies = vec![Remedy::manual(if is_too_few {
        "give the machine more CPUs, or lower control-plane-resource-requests"
    } else {
        "give the machine more CPUs"
    })];
    Some(problem)
}

fn memory(start: &Start<'_>, has: u64, requests: Option<Requests>) -> Option<NodeProblem> {
    let requests = requests.filter(|_| start.is_server());
    let is_too_little = requests.is_some_and(|requests| requests.memory > has);
    let mebibytes = has / MIB;
    let summary = match requests {
        Some(requests) if is_too_little => format!(
            "the machine has {mebibytes} MiB of memory, and RKE2's own static pods request {} MiB: the kubelet cannot \
             run them all",
            requests.memory / MIB
        ),
        _ if has < MEMORY => {
            format!("the machine has {mebibytes} MiB of memory; RKE2 requires 4 GB")
        }
        _ => return None,
    };
    let mut problem = NodeProblem::advice(CheckId::HostResources, "memory", summary);
    problem.required = Some("4 GB, better 8 GB".to_owned());
    problem.actual = Some(format!("{mebibytes} MiB"));
    problem.remedies = vec![Remedy::manual(if is_too_little {
        "give the machine more memory, or lower control-plane-resource-requests"
    } else {
        "give the machine more memory"
    })];
    Some(problem)
}

fn level(resources: &Resources) -> Option<NodeProblem> {
    let flags = resources.cpu_flags.as_ref()?;
    let lacking: Vec<&str> = LEVEL_2
        .into_iter()
        .filter(|flag| !flags.iter().any(|has| has == flag))
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostResources,
        "CPU level",
        format!(
            "the CPU lacks {} of the level x86-64-v2, for which many container images are built; their programs abort",
            lacking.join(", ")
        ),
    );
    problem.remedies = vec![Remedy::manual(
        "on a virtual machine, choose another CPU model, such as `host` or x86-64-v2; kvm64 and qemu64 hide the flags",
    )];
    Some(problem)
}

fn space(of: &FileSystem) -> Option<NodeProblem> {
    let parts = |share: u64| of.total / 100 * share;
    if of.total == 0 || (of.free >= parts(LITTLE) && of.free >= SPACE) {
        return None;
    }
    let free = of.free / MIB;
    let percent = of.free / (of.total / 100).max(1);
    let effect = if of.free < parts(EVICTED) {
        "the kubelet evicts pods where less than 5 % is free"
    } else {
        "RKE2's images alone take several GB, and the kubelet evicts pods where less than 5 % is free"
    };
    let mut problem = NodeProblem::advice(
        CheckId::HostResources,
        format!("space of {}", of.directory),
        format!(
            "{free} MiB ({percent} %) are free in the file system of {}; {effect}",
            of.directory
        ),
    );
    problem.required = Some("10 GiB and 15 %".to_owned());
    problem.actual = Some(format!("{free} MiB ({percent} %)"));
    problem.remedies = vec![Remedy::manual(
        "free space there, or enlarge the file system",
    )];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::rke2::role::Role;

    fn subjects(role: Role, set: &[(&'static str, &str)], resources: Resources) -> Vec<String> {
        let node = Facts {
            resources: Some(resources),
            ..Facts::default()
        };
        let found = found(problems, &settings(role, set), &node);
        found
            .into_iter()
            .map(|problem| format!("{}: {}", problem.subject, problem.summary))
            .collect()
    }

    #[test]
    fn the_static_pods_of_a_server_request_1100_m_and_2176_mib() {
        let of = |role, set: &[(&'static str, &str)]| {
            let requests = Requests::of(&settings(role, set))?;
            Some((requests.cpu, requests.memory / MIB))
        };
        assert_eq!(of(Role::Server, &[]), Some((1100, 2176)));
        assert_eq!(of(Role::Agent, &[]), Some((250, 128)));
        assert_eq!(
            of(Role::Server, &[("disable-etcd", "true")]),
            Some((900, 1664))
        );
        let set = |text| of(Role::Server, &[("control-plane-resource-requests", text)]);
        assert_eq!(
            set("kube-apiserver-cpu=1,kube-apiserver-memory=1Gi,etcd-cpu=0.25,etcd-memory=1G,"),
            Some((1900, 2617))
        );
        assert_eq!(set("etcd-cpu=x,"), None);
        assert_eq!(set("nothing,"), Some((1100, 2176)));
    }

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, number) in [
            ("250m", Some(250)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("1.2345", Some(1234)),
            ("", None),
            ("-1", None),
            ("1e3", None),
            ("18446744073709551615", None),
        ] {
            assert_eq!(thousandths(text), number, "{text}");
        }
        for (text, number) in [
            ("512Mi", Some(512 * MIB)),
            ("1G", Some(1_000_000_000)),
            ("7", Some(7)),
            ("1.5Gi", None),
            ("18446744073709551615Gi", None),
            ("Mi", None),
        ] {
            assert_eq!(bytes(text), number, "{text}");
        }
    }

    #[test]
    fn a_machine_is_large_enough_or_not() {
        let machine = |cpus, mebibytes: u64| Resources {
            cpus: Some(cpus),
            memory: Some(mebibytes * MIB),
            ..Resources::default()
        };
        assert_eq!(subjects(Role::Server, &[], machine(2, 3700)), [""; 0]);
        assert_eq!(subjects(Role::Server, &[], Resources::default()), [""; 0]);
        assert_eq!(
            subjects(Role::Server, &[], machine(1, 2000)),
            [
                "CPUs: the machine has 1 CPU, and RKE2's own static pods request 1100 m (1.100 CPUs): the kubelet \
                 cannot run them all",
                "memory: the machine has 2000 MiB of memory, and RKE2's own static pods request 2176 MiB: the kubelet \
                 cannot run them all",
            ]
        );
        let small = subjects(Role::Server, &[("disable-etcd", "true")], machine(1, 2000));
        assert!(small[0].ends_with("RKE2 requires 2"), "{small:?}");
        assert!(small[1].ends_with("RKE2 requires 4 GB"), "{small:?}");
        assert_eq!(subjects(Role::Agent, &[], machine(1, 1000)).len(), 2);
    }

    #[test]
    fn the_level_of_the_cpu_is_that_of_its_flags() {
        let with = |flags: &[&str]| Resources {
            cpu_flags: Some(flags.iter().map(|flag| (*flag).to_owned()).collect()),
            ..Resources::default()
        };
        assert_eq!(subjects(Role::Agent, &[], with(&LEVEL_2)), [""; 0]);
        let old = subjects(Role::Agent, &[], with(&LEVEL_2[..3]));
        assert!(old[0].contains("lacks ssse3, sse4_1, sse4_2 of"), "{old:?}");
    }

    #[test]
    fn space_is_little_by_size_or_share() {
        let with = |free: u64, total: u64| Resources {
            file_systems: vec![FileSystem {
                directory: "/var/lib".to_owned(),
                free: free * GIB,
                total: total * GIB,
            }],
            ..Resources::default()
        };
        for (free, total, is_found) in [
            (20, 40, false),
            (9, 40, true),
            (20, 200, true),
            (1, 200, true),
            (0, 0, false),
            (0, 10, true),
        ] {
            let found = subjects(Role::Server, &[], with(free, total));
            assert_eq!(!found.is_empty(), is_found, "{free} {total} {found:?}");
        }
    }
}
