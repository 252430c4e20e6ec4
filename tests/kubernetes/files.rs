//! The kubelet's files: recorded cases, replayed, and asked anew.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that reads the repository and runs programs"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use preflight_rke2::testing::kubernetes::kubelet::{Machine, Outcome, Presence, outcome};
use preflight_rke2::testing::kubernetes::{Failure, Minor};
use serde::{Deserialize, Serialize};

use crate::recordings::without_scheme;
use crate::{drawn, lab, recordings};

const FILE: &str = "kubelet-files.json";
const HEAD: &str =
    "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n";
const CONFIG: &str = "/case/config.yaml";
const DIRECTORY: &str = "/case/kubelet.conf.d";
/// The recordings are of a machine with control groups of version 1.
const HAS_CGROUP_V1: bool = true;

/// `00-rke2-defaults.conf`, as RKE2 writes it.
const RKE2: &str = "address: 0.0.0.0
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.43.0.10
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///nowhere.sock
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionHard:
  imagefs.available: 5%
  nodefs.available: 5%
evictionMinimumReclaim:
  imagefs.available: 10%
  nodefs.available: 10%
evictionPressureTransitionPeriod: 0s
failCgroupV1: false
failSwapOn: false
fileCheckFrequency: 20s
healthzBindAddress: 127.0.0.1
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 5s
  format: text
  options:
    json:
      infoBufferSize: \"0\"
    text:
      infoBufferSize: \"0\"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 5m0s
nodeStatusUpdateFrequency: 10s
podPidsLimit: -1
protectKernelDefaults: true
registerNode: true
runtimeRequestTimeout: 0s
serializeImagePulls: false
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /case/pod-manifests
streamingConnectionIdleTimeout: 4h0m0s
syncFrequency: 30s
volumeStatsAggPeriod: 1m0s
";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Case {
    name: String,
    args: Vec<String>,
    files: BTreeMap<String, String>,
    /// By minor: the error that the kubelet exits with, or `None` if it calls the container runtime.
    expect: BTreeMap<String, Option<String>>,
}

fn case(name: &str, args: &[&str], files: &[(&str, &str)]) -> Case {
    Case {
        name: name.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        files: files
            .iter()
            .map(|&(path, content)| (path.to_owned(), content.to_owned()))
            .collect(),
        expect: BTreeMap::new(),
    }
}

fn config(name: &str, content: &str) -> Case {
    case(
        &format!("config: {name}"),
        &["--config=/case/config.yaml"],
        &[(CONFIG, content)],
    )
}

fn drop_in(name: &str, content: &str) -> Case {
    case(
        &format!("drop-in: {name}"),
        &["--config-dir=/case/kubelet.conf.d"],
        &[
            ("/case/kubelet.conf.d/00-rke2-defaults.conf", RKE2),
            ("/case/kubelet.conf.d/50-user.conf", content),
        ],
    )
}

/// Lines that are added to a good file, each once behind `--config` and once as a drop-in.
const LINES: &[&str] = &[
    "",
    "# nothing",
    "maxPods: 250",
    "maxPods: 0",
    "maxPods: -1",
    "maxPods: '250'",
    "maxPods: 250.0",
    "maxPods: 250.5",
    "maxPods: 1e2",
    "maxPods: 0x10",
    "maxPods: 3000000000",
    "maxPods: yes",
    "maxPods:",
    "maxPods: [1]",
    "maxPods: {a: 1}",
    "maxpods: 5",
    "MaxPods: 5",
    "maxPods: 5\nmaxPods: 6",
    "unknownField: 1",
    "authentication: {unknown: 1}",
    "authentication: {anonymous: {enabled: 'true'}}",
    "authentication: {anonymous: {enabled: on}}",
    "authentication: 5",
    "authentication: []",
    "authentication:",
    "authorization: {mode: Nope}",
    "authorization: {mode: 5}",
    "authorization: {mode: AlwaysAllow}",
    "syncFrequency: 5",
    "syncFrequency: 5d",
    "syncFrequency: '5'",
    "syncFrequency: ''",
    "syncFrequency:",
    "syncFrequency: -1s",
    "clusterDNS: 10.43.0.10",
    "clusterDNS: [10]",
    "clusterDNS:\n- 10.43.0.10\n- ~",
    "clusterDomain: 5",
    "clusterDomain: yes",
    "evictionHard: {memory.available: 100Mi}",
    "evictionHard: {memory.available: 5}",
    "evictionHard: [memory.available]",
    "evictionHard: 'memory.available<100Mi'",
    "evictionHard:\n  memory.available: 100Mi\n  memory.available: 200Mi",
    "cgroupDriver: systemd",
    "cgroupDriver: nope",
    "cgroupsPerQOS: false",
    "cgroupsPerQOS: false\nenforceNodeAllocatable: []",
    "cgroupsPerQOS: false\nenforceNodeAllocatable: [none]",
    "cgroupsPerQOS: 'false'",
    "enforceNodeAllocatable: [none, pods]",
    "enforceNodeAllocatable: [pods, pods]",
    "enforceNodeAllocatable: [nope]",
    "enforceNodeAllocatable: pods",
    "enforceNodeAllocatable: [system-reserved]",
    "enforceNodeAllocatable: [kube-reserved]",
    "enforceNodeAllocatable: [system-reserved]\nsystemReservedCgroup: /system",
    "enforceNodeAllocatable: [system-reserved-compressible, system-reserved]",
    "enforceNodeAllocatable: [kube-reserved-compressible]",
    "nodeLeaseDurationSeconds: 0",
    "nodeLeaseDurationSeconds: -1",
    "systemCgroups: /system",
    "systemCgroups: /system\ncgroupRoot: /",
    "eventBurst: -1",
    "eventRecordQPS: -1",
    "eventRecordQPS: 0",
    "healthzPort: 0",
    "healthzPort: 65535",
    "healthzPort: 65536",
    "healthzPort: -1",
    "cpuCFSQuotaPeriod: 10ms",
    "cpuCFSQuotaPeriod: 100ms",
    "cpuCFSQuotaPeriod: 10ms\nfeatureGates: {CustomCPUCFSQuotaPeriod: true}",
    "cpuCFSQuotaPeriod: 1us\nfeatureGates: {CustomCPUCFSQuotaPeriod: true}",
    "cpuCFSQuotaPeriod: 2s\nfeatureGates: {CustomCPUCFSQuotaPeriod: true}",
    "imageGCHighThresholdPercent: 101",
    "imageGCHighThresholdPercent: 80",
    "imageGCHighThresholdPercent: 81",
    "imageGCHighThresholdPercent: -1",
    "imageGCLowThresholdPercent: 85",
    "imageGCLowThresholdPercent: 84",
    "imageGCLowThresholdPercent: -1",
    "imageGCHighThresholdPercent: 100\nimageGCLowThresholdPercent: 101",
    "imageMinimumGCAge: -1s",
    "imageMaximumGCAge: -1s",
    "imageMaximumGCAge: 1m",
    "imageMaximumGCAge: 24h",
    "imageMaximumGCAge: 2m0s",
    "iptablesDropBit: 32",
    "iptablesDropBit: 31",
    "iptablesMasqueradeBit: -1",
    "kubeAPIBurst: -1",
    "kubeAPIQPS: -1",
    "nodeStatusMaxImages: -1",
    "nodeStatusMaxImages: -2",
    "maxOpenFiles: -1",
    "oomScoreAdj: 1000",
    "oomScoreAdj: 1001",
    "oomScoreAdj: -1001",
    "podsPerCore: -1",
    "port: 0",
    "port: 65536",
    "port: -1",
    "readOnlyPort: 65536",
    "readOnlyPort: 10255",
    "registryBurst: -1",
    "registryPullQPS: -1",
    "registryPullQPS: 0",
    "maxParallelImagePulls: 0",
    "maxParallelImagePulls: 5",
    "maxParallelImagePulls: 5\nserializeImagePulls: true",
    "maxParallelImagePulls: 5\nserializeImagePulls: false",
    "serverTLSBootstrap: true\nfeatureGates: {RotateKubeletServerCertificate: false}",
    "runOnce: true",
    "registerWithTaints:\n- {key: a, value: b, effect: NoSchedule}",
    "registerWithTaints:\n- {key: a, value: b, effect: Nope}",
    "registerWithTaints:\n- {key: '-a', value: b, effect: NoSchedule}",
    "registerWithTaints:\n- {key: a, value: 'b c', effect: NoExecute}",
    "registerWithTaints: [a]",
    "topologyManagerPolicy: nope",
    "topologyManagerPolicy: restricted",
    "topologyManagerPolicy: ''",
    "topologyManagerScope: nope",
    "topologyManagerScope: pod",
    "shutdownGracePeriod: 30s",
    "shutdownGracePeriod: 30s\nshutdownGracePeriodCriticalPods: 10s",
    "shutdownGracePeriodCriticalPods: 10s",
    "shutdownGracePeriod: 500ms",
    "shutdownGracePeriod: -1s",
    "shutdownGracePeriod: 1s\nshutdownGracePeriodCriticalPods: 500ms",
    "shutdownGracePeriod: 30s\nfeatureGates: {GracefulNodeShutdown: false}",
    "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 10}]",
    "shutdownGracePeriodByPodPriority: [{priority: 0, shutdownGracePeriodSeconds: 10}]\nshutdownGracePeriod: 10s",
    "memorySwap: {swapBehavior: LimitedSwap}",
    "memorySwap: {swapBehavior: NoSwap}",
    "memorySwap: {swapBehavior: UnlimitedSwap}",
    "memorySwap: {swapBehavior: Nope}\nfeatureGates: {NodeSwap: true}",
    "memorySwap: {swapBehavior: NoSwap}\nfeatureGates: {NodeSwap: true}",
    "crashLoopBackOff: {maxContainerRestartPeriod: 60s}",
    "crashLoopBackOff: {maxContainerRestartPeriod: 60s}\nfeatureGates: {KubeletCrashLoopBackOffMax: true}",
    "crashLoopBackOff: {maxContainerRestartPeriod: 500ms}\nfeatureGates: {KubeletCrashLoopBackOffMax: true}",
    "crashLoopBackOff: {maxContainerRestartPeriod: 301s}\nfeatureGates: {KubeletCrashLoopBackOffMax: true}",
    "hairpinMode: nope",
    "hairpinMode: none",
    "imagePullCredentialsVerificationPolicy: AlwaysVerify",
    "imagePullCredentialsVerificationPolicy: Nope",
    "preloadedImagesVerificationAllowlist: ['a/*']",
    "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ['a/*/b']",
    "imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\npreloadedImagesVerificationAllowlist: ['registry.local/*']",
    "reservedSystemCPUs: 0-1",
    "reservedSystemCPUs: 1-0",
    "reservedSystemCPUs: x",
    "reservedSystemCPUs: '0'\nsystemReservedCgroup: /system",
    "reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]",
    "reservedMemory: [{numaNode: 0, limits: {memory: 0}}]",
    "reservedMemory: [{numaNode: 0, limits: {cpu: 1}}]",
    "reservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}, {numaNode: 0, limits: {memory: 2Gi}}]",
    "reservedMemory: [{numaNode: 0, limits: {memory: x}}]",
    "failCgroupV1: true",
    "singleProcessOOMKill: false",
    "userNamespaces: {idsPerPod: 65536}",
    "userNamespaces: {idsPerPod: 1}",
    "userNamespaces: {idsPerPod: 65537}",
    "userNamespaces: {idsPerPod: 4295032832}",
    "showHiddenMetricsForVersion: '1.1'",
    "logging: {format: xml}",
    "logging: {format: json}",
    "logging: {verbosity: x}",
    "logging: {flushFrequency: 5}",
    "logging: {flushFrequency: 5s}",
    "logging: {flushFrequency: 1.5}",
    "logging: {flushFrequency: {a: 1}}",
    "logging: {vmodule: x}",
    "logging: {format: 0s}",
    "logging: {options: {json: {splitStream: true}}}",
    "logging: {options: {text: {splitStream: true}}}",
    "logging: {options: {json: {infoBufferSize: 1}}}",
    "topologyManagerScope: 0s",
    "cgroupDriver: 0s",
    "containerRuntimeEndpoint: 'a:b'",
    "containerRuntimeEndpoint: 'tcp:x'",
    "containerRuntimeEndpoint: fd00::1",
    "tracing: {samplingRatePerMillion: 100}",
    "tracing: {samplingRatePerMillion: -1}",
    "tracing: {samplingRatePerMillion: 1000001}",
    "tracing: {endpoint: 'http://localhost:4317'}",
    "memoryThrottlingFactor: 0.5",
    "memoryThrottlingFactor: 0",
    "memoryThrottlingFactor: 1.5",
    "memoryThrottlingFactor: 0.9",
    "memoryReservationPolicy: Nope",
    "memoryReservationPolicy: TieredReservation",
    "containerRuntimeEndpoint: ''",
    "enableSystemLogQuery: true",
    "enableSystemLogQuery: true\nfeatureGates: {NodeLogQuery: true}",
    "enableSystemLogQuery: true\nenableSystemLogHandler: false",
    "containerLogMaxWorkers: 0",
    "containerLogMonitorInterval: 2s",
    "containerLogMonitorInterval: 3s",
    "containerLogMaxFiles: 1",
    "containerLogMaxFiles: 2",
    "podLogsDir: logs",
    "podLogsDir: /var/log/pods/",
    "podLogsDir: /var/../log",
    "podLogsDir: /var/l\u{f6}g",
    "featureGates: {Nope: true}",
    "featureGates: {GracefulNodeShutdown: 'true'}",
    "featureGates: [GracefulNodeShutdown]",
    "featureGates: GracefulNodeShutdown=true",
    "featureGates: {AllAlpha: false}",
    "tlsMinVersion: VersionTLS99",
    "tlsMinVersion: VersionTLS12",
    "tlsCipherSuites: [NOPE]",
    "tlsCipherSuites: [TLS_AES_128_GCM_SHA256]",
    "tlsCipherSuites: TLS_AES_128_GCM_SHA256",
    "defaultPodSysctls: {kernel.shmmax: '1'}",
    "kubeReserved: {cpu: 100m}",
    "kubeReserved: {cpu: 1}",
    "a: &a {b: 1}\nc: *a",
    "a: *a",
    "maxPods: 5\n\tport: 1",
    "maxPods: [",
    "maxPods: 5\n---\nmaxPods: 6",
    "? [a]\n: b",
    "maxPods: !!str 5",
    "resolvConf: ''",
    "resolvConf: 5",
    "maxPods: 1\nsyncFrequency: x\nport: a",
    "eventBurst: -1\nmaxPods: -1\nport: 70000",
];

/// Whole contents of a file.
const WHOLE: &[(&str, &str)] = &[
    ("empty", ""),
    ("a comment", "# nothing\n"),
    ("a line feed", "\n"),
    (
        "without kind",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nfailCgroupV1: false\n",
    ),
    (
        "without version",
        "kind: KubeletConfiguration\nfailCgroupV1: false\n",
    ),
    ("without either", "failCgroupV1: false\nmaxPods: 5\n"),
    (
        "another version",
        "apiVersion: kubelet.config.k8s.io/v1beta2\nkind: KubeletConfiguration\nfailCgroupV1: false\n",
    ),
    (
        "version 1",
        "apiVersion: kubelet.config.k8s.io/v1\nkind: KubeletConfiguration\n",
    ),
    (
        "another kind",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfig\n",
    ),
    ("another group", "apiVersion: v1\nkind: ConfigMap\n"),
    (
        "a bad version",
        "apiVersion: a/b/c\nkind: KubeletConfiguration\n",
    ),
    (
        "a number as kind",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: 5\n",
    ),
    (
        "kind in capitals",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nKind: KubeletConfiguration\nfailCgroupV1: false\n",
    ),
    ("a list", "- apiVersion: kubelet.config.k8s.io/v1beta1\n"),
    ("a word", "nothing\n"),
    (
        "JSON",
        "{\"apiVersion\": \"kubelet.config.k8s.io/v1beta1\", \"kind\": \"KubeletConfiguration\", \"failCgroupV1\": false}",
    ),
    (
        "JSON with a comma",
        "{\"apiVersion\": \"kubelet.config.k8s.io/v1beta1\", \"kind\": \"KubeletConfiguration\",}",
    ),
    (
        "JSON with two of a name",
        "{\"apiVersion\": \"kubelet.config.k8s.io/v1beta1\", \"kind\": \"KubeletConfiguration\", \"failCgroupV1\": false, \"maxPods\": 1, \"maxPods\": 2}",
    ),
    (
        "flow",
        "{apiVersion: kubelet.config.k8s.io/v1beta1, kind: KubeletConfiguration}",
    ),
    (
        "another kind of the group",
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: CredentialProviderConfig\nproviders: []\n",
    ),
    (
        "two documents",
        "---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n---\nx\n",
    ),
    (
        "a byte order mark",
        "\u{feff}apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n",
    ),
];

/// What is not foreseen: an empty `tracing.endpoint`, which a library of 1.28 refuses in some of its versions, and the
/// control groups of the machine, which 1.25 and 1.26 look at before they call the runtime.
const NOT_FORESEEN: [&str; 2] = [
    "passthrough: received empty target in Build()",
    "has some missing paths: /sys/fs/cgroup/",
];

/// How many configurations are drawn.
const DRAWN: usize = 400;

/// A good file with these lines added, which may set what it sets already.
fn with_head(lines: &str) -> String {
    let head = if lines.contains("failCgroupV1") {
        HEAD.replace("failCgroupV1: false\n", "")
    } else {
        HEAD.to_owned()
    };
    format!("{head}{lines}")
}

/// All cases.
fn generate() -> Vec<Case> {
    let mut cases = Vec::new();
    for lines in LINES {
        let content = with_head(lines) + "\n";
        cases.push(config(lines, &content));
        cases.push(drop_in(lines, &content));
    }
    for (name, content) in WHOLE {
        cases.push(config(name, content));
        cases.push(drop_in(name, content));
    }
    for (number, body) in drawn::configurations(DRAWN).iter().enumerate() {
        let mut name = format!("drawn {number}");
        // `arguments` gives an endpoint to cases without it in their name.
        if body.contains("containerRuntimeEndpoint") {
            name += ": containerRuntimeEndpoint";
        }
        cases.push(config(&name, &with_head(body)));
    }
    let good = |body: &str| format!("{HEAD}{body}");
    cases.push(case(
        "config: missing",
        &["--config=/case/missing.yaml"],
        &[],
    ));
    cases.push(case(
        "drop-in: missing directory",
        &["--config-dir=/case/missing"],
        &[],
    ));
    let in_order = [
        (
            "/case/kubelet.conf.d/00-rke2-defaults.conf",
            RKE2.to_owned(),
        ),
        ("/case/kubelet.conf.d/10-a.conf", good("maxPods: -1\n")),
        ("/case/kubelet.conf.d/20-b.conf", good("maxPods: 5\n")),
    ];
    let sets: [(&str, Vec<(&str, String)>, &[&str]); 8] = [
        ("drop-in: the last wins", in_order.to_vec(), &[]),
        (
            "drop-in: null brings the default back",
            vec![
                in_order[0].clone(),
                in_order[1].clone(),
                ("/case/kubelet.conf.d/20-b.conf", good("maxPods:\n")),
            ],
            &[],
        ),
        (
            "drop-in: a directory below",
            vec![
                in_order[0].clone(),
                (
                    "/case/kubelet.conf.d/20-cli-config-dir/x.conf",
                    good("maxPods: -1\n"),
                ),
                (
                    "/case/kubelet.conf.d/20-cli-config-dir.conf",
                    good("maxPods: 7\n"),
                ),
            ],
            &[],
        ),
        (
            "drop-in: other suffixes",
            vec![
                in_order[0].clone(),
                ("/case/kubelet.conf.d/20-b.yaml", good("maxPods: -1\n")),
                ("/case/kubelet.conf.d/30-c.conf.bak", "[".to_owned()),
                ("/case/kubelet.conf.d/README", "[".to_owned()),
            ],
            &[],
        ),
        (
            "drop-in: a flag wins",
            vec![in_order[0].clone(), in_order[1].clone()],
            &["--max-pods=5"],
        ),
        (
            "drop-in: a bad flag under a good file",
            vec![in_order[0].clone(), in_order[2].clone()],
            &["--max-pods=-5"],
        ),
        (
            "drop-in: gates of flags and files",
            vec![
                in_order[0].clone(),
                (
                    "/case/kubelet.conf.d/20-b.conf",
                    good("featureGates: {AllBeta: false}\n"),
                ),
            ],
            &["--feature-gates=AllAlpha=false"],
        ),
        (
            "drop-in: a directory that ends in .conf",
            vec![
                in_order[0].clone(),
                ("/case/kubelet.conf.d/30.conf/x.conf", good("port: 70000\n")),
            ],
            &[],
        ),
    ];
    for (name, files, flags) in sets {
        let mut args = vec!["--config-dir=/case/kubelet.conf.d"];
        args.extend(flags);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, content)| (*path, content.as_str()))
            .collect();
        cases.push(case(name, &args, &files));
    }
    let both = good("maxPods: -1\nevictionHard: {memory.available: 1Gi}\n");
    cases.push(case(
        "config and drop-in",
        &[
            "--config=/case/config.yaml",
            "--config-dir=/case/kubelet.conf.d",
        ],
        &[
            (CONFIG, both.as_str()),
            (in_order[2].0, in_order[2].1.as_str()),
        ],
    ));
    cases
}

/// What each case is started with, beside its own arguments.
fn arguments(case: &Case) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--kubeconfig=/case/kubeconfig",
        "--root-dir=/case/root",
        "--cert-dir=/case/pki",
        "--hostname-override=node",
    ]
    .map(str::to_owned)
    .to_vec();
    if !case.name.contains("containerRuntimeEndpoint") {
        arguments.push("--container-runtime-endpoint=unix:///nowhere.sock".to_owned());
    }
    arguments.extend(case.args.iter().cloned());
    arguments
}

/// All cases, with what is recorded of them.
fn cases() -> Vec<Case> {
    let recorded: Vec<Case> = recordings::read(FILE);
    let mut cases = generate();
    for case in &mut cases {
        let known = recorded.iter().find(|known| {
            known.name == case.name && known.args == case.args && known.files == case.files
        });
        if let Some(known) = known {
            case.expect.clone_from(&known.expect);
        }
    }
    cases
}

fn ours(minor: u32, case: &Case) -> Outcome {
    let read = |path: &str| match case.files.get(path) {
        Some(content) => Ok(content.clone().into_bytes()),
        None => Err(format!("open {path}: no such file or directory")),
    };
    let walk = |path: &str| {
        let below = format!("{path}/");
        let found: Vec<String> = case
            .files
            .keys()
            .filter(|path| path.starts_with(&below))
            .cloned()
            .collect();
        if found.is_empty() {
            return Err(format!("lstat {path}: no such file or directory"));
        }
        Ok(found)
    };
    let presence = |path: &str| match path {
        "/case/kubeconfig" => Presence::Present,
        path if path.starts_with("/case/") => Presence::Missing,
        _ => Presence::Unknown,
    };
    let machine = Machine {
        read: &read,
        walk: &walk,
        presence: &presence,
        has_cgroup_v1: &|| Some(HAS_CGROUP_V1),
        ..Machine::unknown()
    };
    outcome(Minor(minor), &arguments(case), &machine)
}

/// Two texts are the same up to the order of what Go takes from a map.
pub(crate) fn same(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        // The brackets of a list are at its first and last part, whichever those are.
        let parts = text.split(", ");
        let parts = parts.flat_map(|part| part.split(['[', ']']));
        let mut words: Vec<String> = parts.map(str::to_owned).collect();
        words.sort();
        words
    };
    let (one, other) = (without_scheme(one), without_scheme(other));
    one == other || sorted(&one) == sorted(&other)
}

#[test]
fn the_kubelet_agrees() {
    let mut counts: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases() {
        for (minor, expected) in &case.expect {
            let number: u32 = minor.strip_prefix("1.").unwrap().parse().unwrap();
            let count = counts.entry(minor.clone()).or_default();
            let found = ours(number, &case);
            count[0] += 1;
            let agrees = match (&found, expected) {
                (Outcome::GoesOn(_), None) => true,
                (Outcome::GoesOn(_), Some(expected)) => {
                    NOT_FORESEEN.iter().any(|words| expected.contains(words))
                }
                (Outcome::Exits(Failure { message, .. }), Some(expected)) => {
                    same(message, expected)
                }
                (Outcome::Unknown(_), _) => {
                    count[2] += 1;
                    continue;
                }
                _ => false,
            };
            if agrees {
                count[1] += 1;
                continue;
            }
            let found = match found {
                Outcome::GoesOn(_) => "calls the runtime".to_owned(),
                Outcome::Exits(failure) => failure.message,
                Outcome::Unknown(why) => why,
            };
            wrong.push(format!(
                "{minor} {}\n  ours: {found}\n  real: {}",
                case.name,
                expected.as_deref().unwrap_or("calls the runtime")
            ));
        }
    }
    for (minor, [all, agree, unknown]) in &counts {
        eprintln!("kubelet {minor}: {agree} of {all} agree, {unknown} not known");
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn cases_have_names_of_their_own() {
    recordings::assert_names(cases().into_iter().map(|case| case.name), 250);
}

/// Asks the kubelets of the minors in `RECORD`, separated by blanks, and writes what they do.
#[test]
#[ignore = "writes the recordings: tests/kubernetes/record runs it"]
fn record() {
    let minors = std::env::var("RECORD").expect("RECORD=\"1.37 …\"");
    let mut cases = cases();
    for minor in minors.split_whitespace() {
        for case in &mut cases {
            match ask(minor, case) {
                Some(answer) => {
                    case.expect.insert(minor.to_owned(), answer);
                }
                None => {
                    case.expect.remove(minor);
                }
            }
        }
        recordings::write(FILE, &cases);
    }
}

/// What the real kubelet does; `None` if it does not end in time.
fn ask(minor: &str, case: &Case) -> Option<Option<String>> {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let place = |text: &str| text.replace("/case/", &format!("{root}/"));
    std::fs::write(directory.path().join("kubeconfig"), lab::KUBECONFIG).unwrap();
    for (path, content) in &case.files {
        let path = PathBuf::from(place(path));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, place(content)).unwrap();
    }
    let log = directory.path().join("log");
    let mut child = Command::new(lab::program(minor, "kubelet"))
        .args(arguments(case).iter().map(|argument| place(argument)))
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .expect("tests/kubernetes/build MINOR kubelet");
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > Duration::from_secs(40) {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap())
        .replace(&format!("{root}/"), "/case/");
    let error = lab::error(&text)?;
    let calls = [
        "validate service connection",
        "unable to determine runtime API version",
        // 1.26 calls the runtime later. `runtime` has what follows.
        "failed to run Kubelet: failed to create kubelet: ",
        "failed to run Kubelet: context deadline exceeded",
    ];
    Some((!calls.iter().any(|call| error.contains(call))).then_some(error))
}

/// The paths that the cases use are below one directory.
#[test]
fn cases_stay_in_their_directory() {
    for case in generate() {
        for path in case.files.keys() {
            assert!(Path::new(path).starts_with("/case"), "{path}");
            assert!(path.starts_with(DIRECTORY) || path == CONFIG, "{path}");
        }
    }
}
