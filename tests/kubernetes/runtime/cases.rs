//! What the kubelet checks once the container runtime has answered: cases.

use std::collections::BTreeMap;

use super::Case;

/// Arguments alone; what the list is of is in front of its cases.
const ARGUMENTS: &[&[&str]] = &[
    &[],
    // Processors.
    &["--cpu-manager-policy=none"],
    &["--cpu-manager-policy=static"],
    &["--cpu-manager-policy=Static"],
    &["--cpu-manager-policy=static", "--kube-reserved=cpu=500m"],
    &["--cpu-manager-policy=static", "--system-reserved=cpu=0"],
    &["--cpu-manager-policy=static", "--system-reserved=cpu=1.5"],
    &["--cpu-manager-policy=static", "--kube-reserved=cpu=100"],
    &[
        "--cpu-manager-policy=static",
        "--kube-reserved=cpu=99500m",
        "--system-reserved=cpu=1",
    ],
    &[
        "--cpu-manager-policy=static",
        "--kube-reserved=memory=100Mi",
    ],
    &["--cpu-manager-policy=static", "--reserved-cpus=0"],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--kube-reserved=cpu=7",
    ],
    &["--cpu-manager-policy=static", "--reserved-cpus=900"],
    &["--reserved-cpus=0"],
    &["--reserved-cpus=0-999"],
    &["--reserved-cpus=0,900"],
    &["--reserved-cpus=0", "--system-reserved=cpu=x"],
    &["--reserved-cpus=900", "--kube-reserved=cpu=x"],
    &[
        "--cpu-manager-policy=none",
        "--cpu-manager-policy-options=full-pcpus-only=true",
    ],
    &["--cpu-manager-policy-options=no-such-option=true"],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=full-pcpus-only=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=full-pcpus-only=yes",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=no-such-option=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--cpu-manager-policy-options=no-such-option=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-numa=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-numa=1",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=align-by-socket=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=align-by-socket=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=align-by-socket=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
        "--topology-manager-policy=single-numa-node",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-cores=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-cores=true",
        "--cpu-manager-policy-options=full-pcpus-only=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-cores=true",
        "--cpu-manager-policy-options=distribute-cpus-across-numa=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=strict-cpu-reservation=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=strict-cpu-reservation=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=prefer-align-cpus-by-uncorecache=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=prefer-align-cpus-by-uncorecache=true",
        "--cpu-manager-policy-options=distribute-cpus-across-numa=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=prefer-align-cpus-by-uncorecache=true",
        "--cpu-manager-policy-options=distribute-cpus-across-cores=true",
        "--feature-gates=CPUManagerPolicyAlphaOptions=true",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=distribute-cpus-across-numa=true",
        "--feature-gates=CPUManagerPolicyBetaOptions=false",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=full-pcpus-only=true",
        "--feature-gates=CPUManagerPolicyBetaOptions=false",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=full-pcpus-only=true",
        "--feature-gates=CPUManagerPolicyOptions=false",
    ],
    // Memory.
    &["--memory-manager-policy=None"],
    &["--memory-manager-policy=none"],
    &["--memory-manager-policy=BestEffort"],
    &["--memory-manager-policy=Static"],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=100Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=200Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=102400Ki",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1124Mi",
        "--kube-reserved=memory=1Gi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1Gi",
        "--kube-reserved=memory=1Gi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1148Mi",
        "--kube-reserved=memory=1Gi",
        "--system-reserved=memory=24Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1.5Gi",
        "--kube-reserved=memory=1.5Gi",
        "--eviction-hard=nodefs.available<5%",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1500M",
        "--kube-reserved=memory=1G",
        "--eviction-hard=memory.available<500M",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1500M",
        "--kube-reserved=memory=1G",
        "--eviction-hard=memory.available<500Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--kube-reserved=memory=500M",
        "--eviction-hard=memory.available<500Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--kube-reserved=memory=500Mi",
        "--eviction-hard=memory.available<0.5G",
    ],
    &[
        "--memory-manager-policy=Static",
        "--kube-reserved=memory=1e9",
        "--system-reserved=memory=24",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=9:memory=100Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=60Mi;0:memory=40Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=60Mi;9:memory=40Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=100Mi,hugepages-2Mi=2Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:hugepages-2Mi=2Mi",
        "--eviction-hard=nodefs.available<5%",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=100Mi",
        "--eviction-hard=memory.available<5%",
    ],
    &[
        "--memory-manager-policy=Static",
        "--eviction-hard=nodefs.available<5%",
    ],
    &[
        "--memory-manager-policy=None",
        "--reserved-memory=9:memory=100Mi",
    ],
    // Topology.
    &["--topology-manager-policy=best-effort"],
    &[
        "--topology-manager-policy=restricted",
        "--topology-manager-scope=pod",
    ],
    &["--topology-manager-policy=single-numa-node"],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=prefer-closest-numa-nodes=true",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=prefer-closest-numa-nodes=yes",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=max-allowable-numa-nodes=8",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=max-allowable-numa-nodes=7",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=max-allowable-numa-nodes=many",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=max-allowable-numa-nodes=100",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=no-such-option=true",
    ],
    &[
        "--topology-manager-policy=none",
        "--topology-manager-policy-options=no-such-option=true",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=prefer-closest-numa-nodes=true",
        "--feature-gates=TopologyManagerPolicyBetaOptions=false",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=prefer-closest-numa-nodes=true",
        "--feature-gates=TopologyManagerPolicyOptions=false",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=prefer-closest-numa-nodes=true",
        "--feature-gates=TopologyManagerPolicyOptions=true",
    ],
    &[
        "--topology-manager-policy=best-effort",
        "--topology-manager-policy-options=max-allowable-numa-nodes=8",
        "--feature-gates=TopologyManagerPolicyBetaOptions=false",
    ],
    // Reservations.
    &[
        "--kube-reserved=memory=1Gi,cpu=100m",
        "--system-reserved=memory=1Gi",
    ],
    &["--kube-reserved=memory=1Pi"],
    &["--system-reserved=memory=1125899906842624"],
    &[
        "--kube-reserved=memory=600Ti",
        "--system-reserved=memory=500Ti",
    ],
    &["--kube-reserved=memory=1e15"],
    &["--kube-reserved=cpu=5000"],
    &["--kube-reserved=cpu=5000500m"],
    &["--kube-reserved=cpu=5k", "--system-reserved=cpu=500m"],
    &["--kube-reserved=cpu=5000,memory=1Pi"],
    &["--kube-reserved=ephemeral-storage=1Ei"],
    &["--kube-reserved=pid=99999999999"],
    &["--kube-reserved=disk=1"],
    &["--system-reserved=memory=-1Gi"],
    &["--kube-reserved=memory=1Gb"],
    &["--qos-reserved=memory=50%"],
    &["--qos-reserved=cpu=50%"],
    // Evictions.
    &["--eviction-hard=memory.available<1Pi"],
    &["--eviction-hard=memory.available<99%"],
    &[
        "--eviction-hard=memory.available<99%",
        "--kube-reserved=memory=600Ti",
    ],
    &["--eviction-hard=nodefs.available<1Ei"],
    &["--eviction-hard=imagefs.available<1Ei"],
    &["--eviction-hard=pid.available<10%"],
    &["--eviction-hard=memory.free<1Gi"],
    &["--eviction-hard=memory.available<101%"],
    &["--eviction-hard=memory.available<0"],
    &["--eviction-hard=containerfs.available<5%"],
    &["--eviction-soft=memory.available<1Gi"],
    &[
        "--eviction-soft=memory.available<1Gi",
        "--eviction-soft-grace-period=memory.available=1m",
    ],
    &[
        "--eviction-soft=memory.available<1Gi",
        "--eviction-soft-grace-period=memory.available=x",
    ],
    &[
        "--eviction-soft=memory.available<1Gi",
        "--eviction-soft-grace-period=memory.available=-1m",
    ],
    &[
        "--eviction-soft=memory.free<1Gi",
        "--eviction-soft-grace-period=memory.free=1m",
    ],
    &[
        "--eviction-soft=memory.available<x",
        "--eviction-soft-grace-period=memory.available=1m",
    ],
    &["--eviction-soft-grace-period=memory.available=1m"],
    &["--eviction-soft-grace-period=memory.free=1m"],
    &["--eviction-minimum-reclaim=memory.available=1Gi"],
    &["--eviction-minimum-reclaim=memory.available=-1Gi"],
    &["--eviction-minimum-reclaim=memory.available=x"],
    &["--eviction-minimum-reclaim=memory.available=120%"],
    &["--eviction-minimum-reclaim=memory.free=1Gi"],
    &[
        "--eviction-hard=memory.available<1Gi",
        "--eviction-soft=memory.available<500Mi",
        "--eviction-soft-grace-period=memory.available=1m",
    ],
    // Addresses.
    &["--node-ip=10.9.8.7"],
    &["--node-ip=127.0.0.1"],
    &["--node-ip=0.0.0.0"],
    &["--node-ip=::"],
    &["--node-ip=224.0.0.1"],
    &["--node-ip=169.254.1.1"],
    &["--node-ip=x"],
    &["--node-ip=10.0.0.1,fd00::1"],
    &["--node-ip=10.0.0.1,10.0.0.2"],
    &["--node-ip=0.0.0.0,fd00::1"],
    &["--node-ip=10.0.0.1,fd00::1,10.0.0.3"],
    &["--node-ip=10.0.0.1,fd00::1", "--cloud-provider=external"],
    &["--node-ip=x", "--cloud-provider=external"],
    &["--address=192.0.2.77"],
    &["--healthz-bind-address=192.0.2.77", "--healthz-port=10248"],
    // Control groups.
    &["--kubelet-cgroups=/preflight-record-kubelet"],
    &["--runtime-cgroups=/preflight-record-missing"],
    &["--system-cgroups=/"],
    &["--system-cgroups=/preflight-record-system"],
    &["--cgroups-per-qos=true"],
    &[
        "--cgroups-per-qos=true",
        "--cgroup-root=/preflight-record-missing",
    ],
    &["--cgroups-per-qos=true", "--enforce-node-allocatable=pods"],
    &[
        "--cgroups-per-qos=true",
        "--enforce-node-allocatable=pods,system-reserved",
        "--system-reserved=memory=100Mi",
        "--system-reserved-cgroup=/preflight-record-missing",
    ],
    &[
        "--cgroups-per-qos=true",
        "--enforce-node-allocatable=pods,kube-reserved",
        "--kube-reserved=memory=100Mi",
        "--kube-reserved-cgroup=/preflight-record-missing",
    ],
    &[
        "--cgroups-per-qos=true",
        "--enforce-node-allocatable=pods,system-reserved",
        "--system-reserved-cgroup=/preflight-record-missing",
    ],
    // The rest.
    &["--register-with-taints=a=b:NoSchedule"],
    &[
        "--register-with-taints=a:NoExecute",
        "--register-node=false",
    ],
    &["--register-with-taints=a=b:NoSchedule,a=c:NoExecute"],
    &["--register-with-taints=a=b:NoSchedule,a=c:NoSchedule"],
    &["--node-labels=a=b"],
    &["--container-log-max-size=x"],
    &[
        "--container-log-max-size=10Mi",
        "--container-log-max-files=5",
    ],
    &["--container-log-max-size=-1"],
    &["--container-log-max-size=0"],
    &["--container-log-max-size=1.5Mi"],
    &["--container-log-max-size=1500m"],
    &["--allowed-unsafe-sysctls=net.core.somaxconn"],
    &["--allowed-unsafe-sysctls=net.*,kernel.msg*"],
    &["--allowed-unsafe-sysctls=kernel.panic"],
    &["--allowed-unsafe-sysctls=kernel.*"],
    &["--allowed-unsafe-sysctls=*"],
    &["--allowed-unsafe-sysctls=net.core.*.x"],
    &["--allowed-unsafe-sysctls=Net.Core"],
    &["--allowed-unsafe-sysctls=net/core/somaxconn"],
    &["--allowed-unsafe-sysctls=vm.overcommit_memory"],
    &[
        "--image-credential-provider-config=/case/missing.yaml",
        "--image-credential-provider-bin-dir=/case/bin",
    ],
    &[
        "--image-credential-provider-config=/case/missing.yaml",
        "--image-credential-provider-bin-dir=/case/",
    ],
    &[
        "--image-credential-provider-config=/case/kubeconfig",
        "--image-credential-provider-bin-dir=/case/",
    ],
    &[
        "--cpu-manager-policy=static",
        "--reserved-cpus=0",
        "--cpu-manager-policy-options=full-pcpus-only=true,x=y",
    ],
    &["--cpu-manager-policy=static", "--reserved-cpus=0-1"],
    &[
        "--cpu-manager-policy=static",
        "--kube-reserved=cpu=0.5",
        "--system-reserved=cpu=1500m",
    ],
    &["--kube-reserved=cpu=2.5"],
    &["--kube-reserved=cpu=2"],
    &["--reserved-cpus=1-0"],
    &["--reserved-cpus=0,x"],
    &["--reserved-cpus=0", "--kube-reserved=cpu=5000"],
    &["--eviction-hard=memory.available<100%"],
    &["--eviction-hard=nodefs.available<100%,memory.available<0%"],
    &["--eviction-soft=memory.available<0%"],
    &[
        "--eviction-soft=memory.available<5%,nodefs.available<10%",
        "--eviction-soft-grace-period=memory.available=1m",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=1Gi",
        "--kube-reserved=memory=924Mi",
    ],
    &[
        "--memory-manager-policy=Static",
        "--reserved-memory=0:memory=0",
    ],
    &[
        "--image-credential-provider-config=",
        "--image-credential-provider-bin-dir=",
    ],
    &["--image-credential-provider-config=/case/missing.yaml"],
    &["--image-credential-provider-bin-dir=/case/bin"],
    &[
        "--tls-cert-file=/case/missing.crt",
        "--tls-private-key-file=/case/missing.key",
    ],
    &["--tls-cert-file=/case/missing.crt"],
    &["--tls-private-key-file=/case/missing.key"],
    &[
        "--tls-cert-file=/case/kubeconfig",
        "--tls-private-key-file=/case/missing.key",
    ],
    &[
        "--tls-cert-file=/case/kubeconfig",
        "--tls-private-key-file=/case/kubeconfig",
    ],
    &[
        "--tls-cert-file=/case/missing.crt",
        "--tls-private-key-file=/case/missing.key",
        "--rotate-server-certificates=true",
    ],
    &["--client-ca-file=/case/missing.crt"],
    &["--client-ca-file=/case/kubeconfig"],
    &["--kubeconfig=/case/missing"],
    &["--bootstrap-kubeconfig=/case/missing"],
    &["--pod-cidr=x"],
    &["--pod-cidr=10.0.0.0/24"],
    &["--resolv-conf=/case/missing"],
    &["--pod-manifest-path=/case/missing"],
    &["--manifest-url=::x"],
    &["--hairpin-mode=none"],
    &["--provider-id=rke2://x"],
    &["--hostname-override=A_b"],
    &["--image-gc-high-threshold=0", "--image-gc-low-threshold=0"],
    &["--serialize-image-pulls=false"],
    &["--fail-swap-on=true"],
    &["--sync-frequency=0s"],
    &["--sync-frequency=-1s"],
    &["--sync-frequency=1ms"],
    &["--node-status-update-frequency=0s"],
    &["--image-service-endpoint=unix:///nowhere.sock"],
    &["--volume-plugin-dir=/case/plugins"],
    &["--seccomp-default=true"],
    &["--lock-file=/case/lock"],
    &["--protect-kernel-defaults=true"],
];

/// Lines of the configuration, in place of those that every case has.
const LINES: &[&str] = &[
    "memorySwap: {swapBehavior: LimitedSwap}",
    "memorySwap: {swapBehavior: NoSwap}",
    "memorySwap: {swapBehavior: UnlimitedSwap}",
    "memorySwap: {swapBehavior: x}",
    "syncFrequency: 0s",
    "userNamespaces: {idsPerPod: 1}",
    "failSwapOn: true",
    "configMapAndSecretChangeDetectionStrategy: Get",
    "configMapAndSecretChangeDetectionStrategy: Watch",
    "cpuManagerReconcilePeriod: 1ms",
    "kubeReserved: {memory: 1Pi}",
    "systemReserved: {cpu: 5k}",
    "evictionHard: {memory.available: 1Pi}",
    "evictionSoft: {memory.available: 1Gi}",
    "evictionMinimumReclaim: {memory.available: x}",
    "memoryManagerPolicy: Static\nreservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]\nkubeReserved: {memory: 924Mi}",
    "memoryManagerPolicy: Static\nreservedMemory: [{numaNode: 0, limits: {memory: 1Gi}}]\nkubeReserved: {memory: 1Gi}",
    "topologyManagerPolicy: restricted\ntopologyManagerPolicyOptions: {x: 'true'}",
    "cpuManagerPolicy: static\nreservedSystemCPUs: '900'",
    "containerLogMaxSize: x",
    "allowedUnsafeSysctls: ['a b']",
    "tlsCertFile: /case/missing.crt\ntlsPrivateKeyFile: /case/missing.key",
    "registerWithTaints: [{key: a, effect: NoSchedule}]",
    "localStorageCapacityIsolation: false\nkubeReserved: {ephemeral-storage: 1Ei}",
    "shutdownGracePeriod: 30s\nshutdownGracePeriodCriticalPods: 10s",
    "maxParallelImagePulls: 2\nserializeImagePulls: false",
    "staticPodURL: 'http://127.0.0.1:1/x'",
];

/// With swap: arguments and lines.
const SWAP: &[(&[&str], &str)] = &[
    (&[], ""),
    (&["--fail-swap-on=true"], ""),
    (&["--fail-swap-on=false"], ""),
    (&["--fail-swap-on=false"], "failSwapOn: true"),
    (&[], "failSwapOn: true"),
    (
        &["--fail-swap-on=true"],
        "memorySwap: {swapBehavior: NoSwap}",
    ),
    (&["--fail-swap-on=true", "--cpu-manager-policy=static"], ""),
    (&["--fail-swap-on=true", "--kube-reserved=cpu=x"], ""),
];

/// All cases.
pub(super) fn all() -> Vec<Case> {
    let case = |args: Vec<String>, lines: &str| Case {
        args,
        lines: lines.to_owned(),
        has_swap: false,
        expect: BTreeMap::new(),
    };
    let of_arguments = ARGUMENTS.iter().map(|args| {
        let args = args.iter().map(|&argument| argument.to_owned());
        case(args.collect(), "")
    });
    let of_lines = LINES.iter().map(|lines| case(Vec::new(), lines));
    let with_swap = SWAP.iter().map(|(args, lines)| {
        let args = args.iter().map(|&argument| argument.to_owned());
        Case {
            has_swap: true,
            ..case(args.collect(), lines)
        }
    });
    of_arguments.chain(of_lines).chain(with_swap).collect()
}
