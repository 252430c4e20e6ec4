//! The cases: arguments that are checked together, and configuration files.

use std::collections::BTreeMap;

use super::Case;

fn case(program: &str, name: String, args: &[&str], files: &[(&str, String)]) -> Case {
    Case {
        program: program.to_owned(),
        name,
        args: args.iter().map(|&argument| argument.to_owned()).collect(),
        files: files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), content.clone()))
            .collect(),
        expect: BTreeMap::new(),
    }
}

fn plain(program: &str, args: &[&str]) -> Case {
    case(program, args.join(" "), args, &[])
}

/// Options that all of them have.
const LOGS: &[&[&str]] = &[
    &["--logging-format=json"],
    &["--logging-format="],
    &["--logging-format=yaml"],
    &["--logging-format=json", "--vmodule=a=1"],
    &["--logging-format=text", "--vmodule=a=1,b=2"],
    &["--logging-format=yaml", "--vmodule=a=1"],
    &["--log-flush-frequency=0"],
    &["--log-flush-frequency=-1s"],
    &["--log-flush-frequency=1ns"],
    &["--log-text-split-stream"],
    &["--log-text-info-buffer-size=1Ki"],
    &["--log-text-info-buffer-size=0"],
    &[
        "--log-text-split-stream",
        "--feature-gates=LoggingAlphaOptions=true",
    ],
    &["--log-json-split-stream"],
];

/// Options of the controller manager and the scheduler.
const SERVING: &[&[&str]] = &[
    &["--secure-port=0"],
    &["--secure-port=-1"],
    &["--secure-port=65536"],
    &["--secure-port=65535"],
    &["--secure-port=65536", "--show-hidden-metrics-for-version=x"],
    &["--bind-address=::1"],
    &["--tls-cert-file="],
    &["--tls-private-key-file="],
    &["--tls-cert-file=", "--tls-private-key-file="],
    &[
        "--tls-cert-file=/case/none.crt",
        "--tls-private-key-file=/case/pki/server.key",
    ],
    &[
        "--tls-cert-file=/case/pki/server.crt",
        "--tls-private-key-file=/case/none.key",
    ],
    &["--tls-cert-file=/case/none.crt", "--secure-port=0"],
    &["--tls-sni-cert-key=/case/pki/server.crt,/case/pki/server.key"],
    &["--tls-sni-cert-key=/case/none.crt,/case/pki/server.key"],
    &["--tls-sni-cert-key=/case/pki/server.crt,/case/none.key:a.example"],
    &["--tls-min-version=VersionTLS12"],
    &["--tls-min-version=VersionTLS13"],
    &["--tls-min-version=1.2"],
    &["--tls-min-version=VersionTLS14", "--secure-port=0"],
    &["--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    &["--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
    &[
        "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "--tls-min-version=VersionTLS13",
    ],
    &["--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,NOPE"],
    &["--tls-cipher-suites=NOPE", "--tls-min-version=NOPE"],
    &["--tls-cipher-suites=NOPE", "--tls-cert-file=/case/none.crt"],
    &["--tls-cipher-suites=NOPE", "--secure-port=0"],
    &["--client-ca-file=/case/pki/ca.crt"],
    &["--client-ca-file=/case/none.crt"],
    &["--client-ca-file=/case/none.crt", "--secure-port=0"],
    &["--requestheader-client-ca-file=/case/pki/other.crt"],
    &["--requestheader-client-ca-file=/case/none.crt"],
    &[
        "--client-ca-file=/case/none.crt",
        "--requestheader-client-ca-file=/case/none2.crt",
    ],
    &["--requestheader-allowed-names=a, "],
    &["--requestheader-username-headers= "],
    &["--requestheader-group-headers= ,x"],
    &["--requestheader-extra-headers-prefix= "],
    &["--requestheader-username-headers= ", "--secure-port=-1"],
    &["--requestheader-uid-headers=x"],
    &[
        "--requestheader-uid-headers=x",
        "--feature-gates=RemoteRequestHeaderUID=true",
    ],
    &[
        "--requestheader-uid-headers=X-Remote-Uid",
        "--feature-gates=RemoteRequestHeaderUID=true",
    ],
    &["--authentication-kubeconfig=/case/pki/kubeconfig"],
    &["--authentication-kubeconfig=/case/none"],
    &["--authorization-kubeconfig=/case/pki/kubeconfig"],
    &["--authorization-kubeconfig=/case/none"],
    &["--authorization-kubeconfig=/case/none", "--secure-port=0"],
    &[
        "--authentication-kubeconfig=/case/none",
        "--authorization-kubeconfig=/case/none2",
    ],
    &[
        "--authentication-kubeconfig=/case/none",
        "--tls-min-version=NOPE",
    ],
    &["--authentication-token-webhook-cache-ttl=-1s"],
    &["--authorization-always-allow-paths=/healthz,/readyz*"],
    &["--authorization-always-allow-paths=*"],
    &["--authorization-always-allow-paths=/a*b"],
    &[
        "--authorization-always-allow-paths=/a*b*",
        "--secure-port=0",
    ],
    &["--show-hidden-metrics-for-version=1.36"],
    &["--show-hidden-metrics-for-version=1.23"],
    &["--show-hidden-metrics-for-version=x"],
    &["--allow-metric-labels=a=b"],
    &["--allow-metric-labels=a,b=c"],
    &["--allow-metric-labels-manifest=/case/none.yaml"],
    &["--disabled-metrics=a"],
    &["--kubeconfig=/case/none"],
    &["--kubeconfig=/case/none", "--secure-port=-1"],
    &["--kubeconfig=/case/none", "--tls-min-version=NOPE"],
    &["--kubeconfig="],
    &["--kubeconfig=", "--master=https://127.0.0.1:1"],
    &["--master=://"],
    &["--kube-api-burst=-1"],
    &["--kube-api-qps=-1"],
    &["--kube-api-qps=0"],
    &["--leader-elect=false"],
    &["--leader-elect-lease-duration=60s"],
    &["--leader-elect-resource-lock=leases"],
    &["--leader-elect-resource-lock=endpoints"],
    &["--leader-elect-resource-lock=endpointsleases"],
    &["--leader-elect-resource-lock=nope"],
    &["--leader-elect-resource-lock="],
    &["--leader-elect-resource-lock=nope", "--leader-elect=false"],
    &["--leader-elect-resource-lock=nope", "--secure-port=-1"],
    &["--leader-elect-resource-name="],
    &["--profiling=false", "--contention-profiling"],
    &["--http2-max-streams-per-connection=-1"],
    &["--emulated-version=1.0"],
    &["--cert-dir=/case/certificates"],
];

/// Leader election of the controller manager. The scheduler looks at these only when it has the state of the
/// cluster.
const ELECTION: &[&[&str]] = &[
    &["--leader-elect-lease-duration=5s"],
    &["--leader-elect-lease-duration=10s"],
    &["--leader-elect-lease-duration=0"],
    &["--leader-elect-lease-duration=-1s"],
    &["--leader-elect-renew-deadline=15s"],
    &["--leader-elect-renew-deadline=14s"],
    &["--leader-elect-renew-deadline=2s"],
    &["--leader-elect-renew-deadline=0"],
    &[
        "--leader-elect-renew-deadline=-2s",
        "--leader-elect-retry-period=-4s",
    ],
    &["--leader-elect-retry-period=9s"],
    &["--leader-elect-retry-period=0"],
    &["--leader-elect-retry-period=-1s"],
    &["--leader-elect=false", "--leader-elect-lease-duration=5s"],
];

const CONTROLLER_MANAGER: &[&[&str]] = &[
    &[],
    // As RKE2 starts it.
    &[
        "--permit-port-sharing=true",
        "--flex-volume-plugin-dir=/var/lib/kubelet/volumeplugins",
        "--terminated-pod-gc-threshold=1000",
        "--allocate-node-cidrs=true",
        "--authentication-kubeconfig=/case/pki/kubeconfig",
        "--authorization-kubeconfig=/case/pki/kubeconfig",
        "--cluster-cidr=10.42.0.0/16",
        "--cluster-signing-kube-apiserver-client-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kube-apiserver-client-key-file=/case/pki/ca.key",
        "--cluster-signing-kubelet-client-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kubelet-client-key-file=/case/pki/ca.key",
        "--cluster-signing-kubelet-serving-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kubelet-serving-key-file=/case/pki/ca.key",
        "--cluster-signing-legacy-unknown-cert-file=/case/pki/ca.crt",
        "--cluster-signing-legacy-unknown-key-file=/case/pki/ca.key",
        "--configure-cloud-routes=false",
        "--controllers=*,tokencleaner",
        "--profiling=false",
        "--root-ca-file=/case/pki/ca.crt",
        "--secure-port=10257",
        "--service-account-private-key-file=/case/pki/sa.key",
        "--service-cluster-ip-range=10.43.0.0/16",
        "--use-service-account-credentials=true",
    ],
    &["--controllers=*,-service,-route,-cloud-node-lifecycle"],
    &[
        "--controllers=*,-service-lb-controller,-node-route-controller,-cloud-node-lifecycle-controller",
    ],
    &["--controllers="],
    &["--controllers=*"],
    &["--controllers=-*"],
    &["--controllers=nope"],
    &["--controllers=*,-nope"],
    &["--controllers=*,--nope"],
    &["--controllers=*,+nope"],
    &["--controllers=*,nope,nope"],
    &["--controllers=*,a,b"],
    &["--controllers=* ,a"],
    &["--controllers=*", "--controllers=nope"],
    &["--controllers=*,bootstrapsigner,tokencleaner"],
    &["--controllers=*,bootstrap-signer-controller,token-cleaner-controller"],
    &["--controllers=*,-ttl,-attachdetach,-horizontalpodautoscaling"],
    &["--controllers=*,-ttl-controller,-persistentvolume-attach-detach-controller"],
    &["--controllers=*,-nodelifecycle,-node-lifecycle-controller,-taint-eviction-controller"],
    &["--controllers=*,resource-claim-controller"],
    &["--controllers=*,resourceclaim-controller"],
    &["--controllers=*,selinux-warning-controller,service-cidr-controller"],
    &["--controllers=*,device-taint-eviction-controller,podgroup-protection-controller"],
    &["--controllers=*,serviceaccount-token,serviceaccount-token-controller"],
    &["--controllers=*,pv-protection,pvc-protection,ephemeral-volume,root-ca-cert-publisher"],
    &[
        "--controllers=*,legacy-service-account-token-cleaner,legacy-serviceaccount-token-cleaner-controller",
    ],
    &["--controllers=*,storage-version-gc,storageversion-garbage-collector-controller"],
    &[
        "--controllers=*,validatingadmissionpolicy-status-controller,clusterrole-aggregation-controller",
    ],
    &["--controllers=nope", "--leader-elect-resource-lock=nope"],
    &[
        "--controllers=nope",
        "--secure-port=-1",
        "--kubeconfig=/case/none",
    ],
    &["--attach-detach-reconcile-sync-period=1s"],
    &["--attach-detach-reconcile-sync-period=999ms"],
    &[
        "--attach-detach-reconcile-sync-period=0",
        "--disable-attach-detach-reconcile-sync",
    ],
    &["--concurrent-cron-job-syncs=0"],
    &["--concurrent-daemonset-syncs=0"],
    &["--concurrent-deployment-syncs=0"],
    &["--concurrent-device-taint-eviction-syncs=0"],
    &["--concurrent-disruption-syncs=0"],
    &["--concurrent-endpoint-syncs=0"],
    &["--concurrent-ephemeralvolume-syncs=0"],
    &["--concurrent-gc-syncs=0"],
    &["--concurrent-horizontal-pod-autoscaler-syncs=-1"],
    &["--concurrent-job-syncs=0"],
    &["--concurrent-namespace-syncs=0"],
    &["--concurrent-rc-syncs=0"],
    &["--concurrent-replicaset-syncs=0"],
    &["--concurrent-resource-quota-syncs=0"],
    &["--concurrent-resourceclaim-syncs=0"],
    &["--concurrent-service-endpoint-syncs=0"],
    &["--concurrent-service-endpoint-syncs=51"],
    &["--concurrent-service-endpoint-syncs=50"],
    &["--concurrent-service-syncs=0"],
    &["--concurrent-serviceaccount-token-syncs=0"],
    &["--concurrent-statefulset-syncs=0"],
    &["--concurrent-ttl-after-finished-syncs=0"],
    &["--concurrent-validating-admission-policy-status-syncs=0"],
    &[
        "--concurrent-statefulset-syncs=0",
        "--concurrent-ephemeralvolume-syncs=0",
    ],
    &["--concurrent-job-syncs=0", "--concurrent-cron-job-syncs=0"],
    &["--max-endpoints-per-slice=0"],
    &["--max-endpoints-per-slice=1000"],
    &["--max-endpoints-per-slice=1001"],
    &["--mirroring-concurrent-service-endpoint-syncs=0"],
    &["--mirroring-concurrent-service-endpoint-syncs=51"],
    &["--mirroring-max-endpoints-per-subset=0"],
    &["--mirroring-max-endpoints-per-subset=1001"],
    &["--cluster-signing-cert-file=/case/pki/ca.crt"],
    &["--cluster-signing-key-file=/case/pki/ca.key"],
    &[
        "--cluster-signing-cert-file=/case/pki/ca.crt",
        "--cluster-signing-key-file=/case/pki/ca.key",
    ],
    &[
        "--cluster-signing-cert-file=/case/none",
        "--cluster-signing-key-file=/case/none",
    ],
    &[
        "--cluster-signing-cert-file=/case/pki/ca.crt",
        "--cluster-signing-key-file=/case/pki/ca.key",
        "--cluster-signing-kubelet-serving-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kubelet-serving-key-file=/case/pki/ca.key",
    ],
    &["--cluster-signing-kubelet-serving-cert-file=/case/pki/ca.crt"],
    &["--cluster-signing-kubelet-serving-key-file=/case/pki/ca.key"],
    &["--cluster-signing-kubelet-client-cert-file=/case/pki/ca.crt"],
    &["--cluster-signing-kube-apiserver-client-key-file=/case/pki/ca.key"],
    &["--cluster-signing-legacy-unknown-cert-file=/case/pki/ca.crt"],
    &[
        "--cluster-signing-kubelet-serving-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kubelet-client-cert-file=/case/pki/ca.crt",
    ],
    &[
        "--cluster-signing-cert-file=/case/pki/ca.crt",
        "--cluster-signing-kubelet-client-cert-file=/case/pki/ca.crt",
    ],
    &["--cluster-signing-duration=0"],
    &["--cluster-signing-duration=-1h"],
    &["--service-cluster-ip-range=10.43.0.0/16,fd43::/112"],
    &["--service-cluster-ip-range=10.43.0.0/16,fd43::/112,10.44.0.0/16"],
    &["--service-cluster-ip-range=nope"],
    &["--allocate-node-cidrs", "--cluster-cidr=nope"],
    &["--allocate-node-cidrs", "--cluster-cidr="],
    &["--allocate-node-cidrs=false", "--cluster-cidr=10.42.0.0/16"],
    &[
        "--cluster-cidr=10.42.0.0/16,10.44.0.0/16",
        "--allocate-node-cidrs",
    ],
    &["--node-cidr-mask-size=24", "--node-cidr-mask-size-ipv4=24"],
    &["--node-cidr-mask-size=99"],
    &["--cidr-allocator-type=RangeAllocator"],
    &["--cidr-allocator-type="],
    &["--cidr-allocator-type=CloudAllocator"],
    &["--cidr-allocator-type=nope"],
    &["--cloud-provider="],
    &["--cloud-provider=external"],
    &["--cloud-provider=aws"],
    &["--cloud-provider=gce"],
    &["--cloud-provider=azure"],
    &["--cloud-provider=vsphere"],
    &["--cloud-provider=openstack"],
    &["--cloud-provider=nope"],
    &[
        "--cloud-provider=nope",
        "--cidr-allocator-type=CloudAllocator",
    ],
    &["--cloud-provider=aws", "--controllers=nope"],
    &["--cloud-config=/case/none"],
    &[
        "--external-cloud-volume-plugin=aws",
        "--cloud-provider=external",
    ],
    &["--external-cloud-volume-plugin=aws"],
    &["--node-monitor-period=0"],
    &["--node-monitor-period=-1s"],
    &["--node-monitor-grace-period=1s"],
    &["--node-monitor-grace-period=0"],
    &["--node-eviction-rate=-1"],
    &["--unhealthy-zone-threshold=2"],
    &["--large-cluster-size-threshold=-1"],
    &["--terminated-pod-gc-threshold=-1"],
    &["--horizontal-pod-autoscaler-sync-period=0"],
    &["--horizontal-pod-autoscaler-tolerance=-1"],
    &["--min-resync-period=0"],
    &["--namespace-sync-period=0"],
    &["--root-ca-file=/case/none"],
    &["--service-account-private-key-file=/case/none"],
    &["--root-ca-file=/case/none", "--leader-elect=false"],
    &["--pv-recycler-pod-template-filepath-nfs=/case/none"],
    &["--flex-volume-plugin-dir=/case/none"],
    &["--volume-host-cidr-denylist=nope"],
    &["--volume-host-cidr-denylist=10.0.0.0/8"],
    &["--volume-host-allow-local-loopback=false"],
    &[
        "--volume-host-cidr-denylist=10.0.0.0/8,nope",
        "--concurrent-statefulset-syncs=0",
    ],
    &["--controller-start-interval=-1s"],
    &["--controller-shutdown-timeout=-1s"],
    &["--enable-leader-migration"],
    &["--leader-migration-config=/case/none"],
    &[
        "--enable-leader-migration",
        "--leader-migration-config=/case/none",
    ],
    &[
        "--authentication-skip-lookup",
        "--authentication-kubeconfig=/case/none",
    ],
    &["--authentication-tolerate-lookup-failure=false"],
    &["--permit-address-sharing", "--permit-port-sharing"],
    &["--disable-http2-serving"],
    &[
        "--disable-http2-serving",
        "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ],
    &["--tls-curve-preferences=29"],
    &["--tls-curve-preferences=1"],
    &["--legacy-service-account-token-clean-up-period=0"],
    &["--route-reconciliation-period=0"],
    &["--use-service-account-credentials"],
    &[
        "--use-service-account-credentials",
        "--service-account-private-key-file=/case/pki/sa.key",
    ],
];

const MIGRATION: &[(&str, &str)] = &[
    (
        "good",
        "apiVersion: controllermanager.config.k8s.io/v1\nkind: LeaderMigrationConfiguration\nleaderName: a\ncontrollerLeaders:\n- {name: route, component: '*'}\n",
    ),
    (
        "no name",
        "apiVersion: controllermanager.config.k8s.io/v1\nkind: LeaderMigrationConfiguration\n",
    ),
    ("no kind", "leaderName: a\n"),
    ("no YAML", "a: [\n"),
];

fn migration() -> impl Iterator<Item = Case> {
    MIGRATION.iter().map(|(name, content)| {
        case(
            "kube-controller-manager",
            format!("leader migration: {name}"),
            &[
                "--enable-leader-migration",
                "--leader-migration-config=/case/migration.yaml",
            ],
            &[("/case/migration.yaml", (*content).to_owned())],
        )
    })
}

const SCHEDULER: &[&[&str]] = &[
    &[],
    &[
        "--permit-port-sharing=true",
        "--authentication-kubeconfig=/case/pki/kubeconfig",
        "--authorization-kubeconfig=/case/pki/kubeconfig",
        "--profiling=false",
        "--secure-port=10259",
    ],
    &["--config=/case/none"],
    &["--config=/case/none", "--secure-port=-1"],
    &["--config=/case/none", "--kubeconfig=/case/none2"],
    &["--config="],
    &["--pod-max-in-unschedulable-pods-duration=-1s"],
    &["--write-config-to=/case/written.yaml"],
    &["--kube-api-content-type=nope"],
];

const HEAD: &str =
    "kind: KubeSchedulerConfiguration\nclientConnection: {kubeconfig: /case/pki/kubeconfig}\n";

/// Fields of a scheduler's configuration.
const CONFIGURATION: &[&str] = &[
    "# nothing",
    "parallelism: 1",
    "parallelism: 0",
    "parallelism: -5",
    "parallelism: a",
    "parallelism:",
    "unknown: 1",
    "leaderElection: {unknown: 1}",
    "percentageOfNodesToScore: 0",
    "percentageOfNodesToScore: 101",
    "percentageOfNodesToScore: -1",
    "podInitialBackoffSeconds: 0",
    "podInitialBackoffSeconds: -1",
    "podInitialBackoffSeconds: 11",
    "podMaxBackoffSeconds: 0",
    "podMaxBackoffSeconds: -1",
    "parallelism: 0\npodMaxBackoffSeconds: 0\npercentageOfNodesToScore: 101",
    "leaderElection: {leaderElect: false, leaseDuration: -1s}",
    "leaderElection: {leaseDuration: 5s}",
    "leaderElection: {leaseDuration: 10s}",
    "leaderElection: {leaseDuration: -1s}",
    "leaderElection: {renewDeadline: 15s}",
    "leaderElection: {renewDeadline: -1s}",
    "leaderElection: {retryPeriod: -1s}",
    "leaderElection: {leaseDuration: -3s, renewDeadline: -2s, retryPeriod: -1s}",
    "leaderElection: {leaseDuration: 0s}",
    "leaderElection: {leaseDuration: 5}",
    "leaderElection: {resourceLock: endpoints}",
    "leaderElection: {resourceLock: endpointsleases}",
    "leaderElection: {resourceLock: nope}",
    "leaderElection: {resourceLock: '', resourceName: '', resourceNamespace: ''}",
    "clientConnection: {kubeconfig: /case/pki/kubeconfig, burst: -1}",
    "clientConnection: {kubeconfig: /case/none}",
    "clientConnection: {kubeconfig: ''}",
    "clientConnection: {kubeconfig: /case/none, burst: -1}",
    "enableProfiling: false\nenableContentionProfiling: true",
    "healthzBindAddress: 127.0.0.1:0",
    "healthzBindAddress: 127.0.0.1:10251",
    "healthzBindAddress: nope\nmetricsBindAddress: a:b",
    "metricsBindAddress: 127.0.0.1:10251",
    "metricsBindAddress: nope:0",
    "delayCacheUntilActive: true",
    "delayCacheUntilActive: true\nleaderElection: {renewDeadline: 2s}",
    "delayCacheUntilActive: true\nleaderElection: {retryPeriod: 9s}",
    "delayCacheUntilActive: true\nleaderElection: {leaderElect: false, retryPeriod: 9s}",
    "profiles: []",
    "profiles: [{}]",
    "profiles: [{schedulerName: ''}]",
    "profiles: [{schedulerName: a}]",
    "profiles: [{schedulerName: a}, {}]",
    "profiles: [{schedulerName: a}, {schedulerName: b}]",
    "profiles: [{schedulerName: a}, {schedulerName: a}]",
    "profiles: [{schedulerName: a}, {schedulerName: a}, {schedulerName: a}]",
    "profiles: [{schedulerName: a, percentageOfNodesToScore: 101}]",
    "profiles: [{schedulerName: a, unknown: 1}]",
    "profiles: [{schedulerName: a, plugins: {filter: {enabled: [{name: Nope}]}}}]",
    "profiles: [{schedulerName: a, plugins: {multiPoint: {enabled: [{name: Nope}]}}}]",
    "profiles: [{schedulerName: a, plugins: {score: {disabled: [{name: '*'}]}}}]",
    "profiles: [{schedulerName: a, plugins: {score: {disabled: [{name: Nope}]}}}]",
    "profiles: [{schedulerName: a, plugins: {nope: {}}}]",
    "profiles: [{schedulerName: a, plugins: {queueSort: {disabled: [{name: '*'}]}}}]",
    "profiles: [{schedulerName: a, plugins: {queueSort: {enabled: [{name: PrioritySort}, {name: PrioritySort}]}}}]",
    "profiles: [{schedulerName: a}, {schedulerName: b, plugins: {queueSort: {enabled: [{name: PrioritySort}]}}}]",
    "profiles: [{schedulerName: a, plugins: {multiPoint: {disabled: [{name: DefaultBinder}]}}}]",
    "profiles: [{schedulerName: a, plugins: {multiPoint: {disabled: [{name: '*'}]}}}]",
    "profiles: [{schedulerName: a, plugins: {score: {enabled: [{name: NodeResourcesFit, weight: -1}]}}}]",
    "profiles: [{schedulerName: a, plugins: {score: {enabled: [{name: NodeResourcesFit, weight: 5}]}}}]",
    "profiles: [{schedulerName: a, plugins: {filter: {enabled: [{name: EBSLimits}]}}}]",
    "profiles: [{schedulerName: a, plugins: {filter: {enabled: [{name: SelectorSpread}, {name: AzureDiskLimits}]}}}]",
    "profiles: [{schedulerName: a, plugins: {score: {enabled: [{name: NodeName}]}}}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: Nope}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: Nope, args: {a: 1}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeName, args: {a: 1}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: EBSLimits}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 100}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: 101}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {hardPodAffinityWeight: a}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {unknown: 1}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {kind: Nope}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity, args: {kind: NodeAffinityArgs, apiVersion: VERSION}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: InterPodAffinity}, {name: InterPodAffinity}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 101, minCandidateNodesAbsolute: -1}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: DefaultPreemption, args: {minCandidateNodesPercentage: 10}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: VolumeBinding, args: {bindTimeoutSeconds: -1}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: VolumeBinding, args: {bindTimeoutSeconds: 10}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: VolumeBinding, args: {shape: [{utilization: 0, score: 0}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: Nope}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: LeastAllocated, resources: [{name: cpu, weight: 101}, {name: memory, weight: -1}]}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {}}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]}}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: [{utilization: 50, score: 11}, {utilization: 50, score: -1}, {utilization: 101, score: 1}]}}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {scoringStrategy: {type: LeastAllocated, requestedToCapacityRatio: {shape: [{utilization: 0, score: 0}]}}}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [example.com/a]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: ['a b'], ignoredResourceGroups: [a/b]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesBalancedAllocation, args: {resources: [{name: cpu, weight: 1}, {name: cpu, weight: 2}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeResourcesBalancedAllocation, args: {resources: [{name: cpu}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: Nope}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: PodTopologySpread, args: {defaultConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: ScheduleAnyway}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 0}, {maxSkew: 1, topologyKey: 'a b', whenUnsatisfiable: Nope}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: PodTopologySpread, args: {defaultingType: List, defaultConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, labelSelector: {}}, {maxSkew: 2, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]}}]}]",
    "profiles: [{schedulerName: a, pluginConfig: [{name: NodeAffinity, args: {addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}}}]}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', filterVerb: filter}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', prioritizeVerb: a}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', prioritizeVerb: a, weight: 1}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', prioritizeVerb: a, weight: -1}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', bindVerb: a}, {urlPrefix: 'http://127.0.0.1:1', bindVerb: b}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', filterVerb: a, managedResources: [{name: example.com/a}, {name: example.com/a}]}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', filterVerb: a, managedResources: [{name: cpu}, {name: a b}]}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', filterVerb: a, httpTimeout: a}]",
    "extenders: [{urlPrefix: 'http://127.0.0.1:1', filterVerb: a, unknown: a}]",
];

fn configuration() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, args: &[&str], content: String| {
        let mut all = vec!["--config=/case/config.yaml"];
        all.extend(args);
        let files = [("/case/config.yaml", content)];
        cases.push(case("kube-scheduler", name, &all, &files));
    };
    let of = |version: &str, lines: &str| {
        let version = format!("kubescheduler.config.k8s.io/{version}");
        let head = if lines.contains("clientConnection") {
            "kind: KubeSchedulerConfiguration\n"
        } else {
            HEAD
        };
        let lines = lines.replace("VERSION", &version);
        format!("apiVersion: {version}\n{head}{lines}\n")
    };
    for lines in CONFIGURATION {
        add(format!("v1: {lines}"), &[], of("v1", lines));
    }
    // The newest version that 1.24 has.
    for lines in CONFIGURATION.iter().step_by(2) {
        add(format!("v1beta3: {lines}"), &[], of("v1beta3", lines));
    }
    for version in ["v1beta2", "v1beta1", "v1alpha1", "v2"] {
        add(format!("version {version}"), &[], of(version, ""));
    }
    for (name, content) in [
        ("empty", ""),
        ("no kind", "apiVersion: kubescheduler.config.k8s.io/v1\n"),
        ("no version", "kind: KubeSchedulerConfiguration\n"),
        ("no YAML", "a: [\n"),
        ("a list", "- a\n"),
        ("JSON", "{\"a\":"),
        (
            "other kind",
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: InterPodAffinityArgs\n",
        ),
        (
            "kind of others",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
        ),
    ] {
        add(name.to_owned(), &[], content.to_owned());
    }
    let good = of("v1", "");
    for args in [
        &["--leader-elect-lease-duration=5s"][..],
        &["--leader-elect-resource-lock=nope"],
        &["--leader-elect-resource-name="],
        &["--leader-elect=false", "--leader-elect-lease-duration=5s"],
        &["--kubeconfig=/case/none"],
        &["--kube-api-burst=-1"],
        &["--secure-port=-1"],
        &["--logging-format=nope"],
        &["--tls-min-version=nope"],
    ] {
        add(format!("good file, {}", args.join(" ")), args, good.clone());
    }
    add(
        "bad file, --secure-port=-1".to_owned(),
        &["--secure-port=-1"],
        of("v1", "parallelism: 0"),
    );
    add(
        "bad file, --tls-min-version=nope".to_owned(),
        &["--tls-min-version=nope"],
        of("v1", "parallelism: 0"),
    );
    cases
}

const PROXY: &[&[&str]] = &[
    &[],
    &[
        "--proxy-mode=iptables",
        "--healthz-bind-address=127.0.0.1",
        "--cluster-cidr=10.42.0.0/16",
        "--conntrack-max-per-core=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
    ],
    &["--proxy-mode="],
    &["--proxy-mode=ipvs"],
    &["--proxy-mode=nftables"],
    &["--proxy-mode=userspace"],
    &["--proxy-mode=nope"],
    &["--proxy-mode=IPTables"],
    &[
        "--proxy-mode=nftables",
        "--feature-gates=NFTablesProxyMode=true",
    ],
    &["--proxy-mode=ipvs", "--feature-gates=KubeProxyIPVS=false"],
    &["--proxy-mode=nope", "--oom-score-adj=-1001"],
    &["--bind-address=::"],
    &["--bind-address="],
    &["--bind-address=127.0.0.1", "--bind-address-hard-fail"],
    &["--cluster-cidr="],
    &["--cluster-cidr=nope"],
    &["--cluster-cidr=10.42.0.0"],
    &["--cluster-cidr=10.42.0.0/33"],
    &["--cluster-cidr=010.42.0.0/16"],
    &["--cluster-cidr=fd42::/56"],
    &["--cluster-cidr=10.42.0.0/16,fd42::/56"],
    &["--cluster-cidr=10.42.0.0/16,10.44.0.0/16"],
    &["--cluster-cidr=10.42.0.0/16,nope"],
    &["--cluster-cidr=nope,nope"],
    &["--cluster-cidr=10.42.0.0/16,fd42::/56,10.44.0.0/16"],
    &["--cluster-cidr=10.42.0.0/16,"],
    &["--cluster-cidr=nope", "--detect-local-mode=NodeCIDR"],
    &["--config-sync-period=0"],
    &["--config-sync-period=-1s"],
    &["--conntrack-max-per-core=-1"],
    &["--conntrack-min=-1"],
    &["--conntrack-min=0"],
    &["--conntrack-tcp-timeout-established=-1s"],
    &["--conntrack-tcp-timeout-close-wait=-1s"],
    &["--conntrack-udp-timeout=-1s"],
    &["--conntrack-udp-timeout-stream=-1s"],
    &[
        "--conntrack-udp-timeout-stream=-1m",
        "--conntrack-max-per-core=-5",
    ],
    &["--conntrack-tcp-be-liberal"],
    &["--detect-local-mode=ClusterCIDR"],
    &["--detect-local-mode=NodeCIDR"],
    &["--detect-local-mode=nope"],
    &["--detect-local-mode=BridgeInterface"],
    &[
        "--detect-local-mode=BridgeInterface",
        "--pod-bridge-interface=cni0",
    ],
    &["--detect-local-mode=InterfaceNamePrefix"],
    &[
        "--detect-local-mode=InterfaceNamePrefix",
        "--pod-interface-name-prefix=cali",
    ],
    &["--healthz-bind-address="],
    &["--healthz-bind-address=127.0.0.1:0"],
    &["--healthz-bind-address=127.0.0.1:10256"],
    &["--healthz-bind-address=::1"],
    &["--healthz-bind-address=[::1]:10256"],
    &["--healthz-port=0"],
    &["--healthz-port=70000"],
    &["--healthz-port=-1"],
    &["--metrics-bind-address="],
    &["--metrics-bind-address=0.0.0.0"],
    &["--metrics-bind-address=127.0.0.1:0"],
    &["--metrics-port=0"],
    &["--metrics-port=-1"],
    &["--hostname-override=  "],
    &["--hostname-override="],
    &["--hostname-override=A_B"],
    &["--iptables-masquerade-bit=31"],
    &["--iptables-masquerade-bit=32"],
    &["--iptables-masquerade-bit=-1"],
    &["--iptables-sync-period=0"],
    &["--iptables-sync-period=-1s"],
    &["--iptables-min-sync-period=-1s"],
    &["--iptables-min-sync-period=31s"],
    &[
        "--iptables-sync-period=5s",
        "--iptables-min-sync-period=10s",
    ],
    &["--iptables-sync-period=0", "--proxy-mode=ipvs"],
    &["--iptables-sync-period=0", "--proxy-mode=nftables"],
    &["--iptables-localhost-nodeports=false"],
    &["--ipvs-sync-period=0"],
    &["--ipvs-sync-period=0", "--proxy-mode=ipvs"],
    &["--ipvs-sync-period=-1s", "--proxy-mode=ipvs"],
    &["--ipvs-min-sync-period=-1s", "--proxy-mode=ipvs"],
    &["--ipvs-min-sync-period=31s", "--proxy-mode=ipvs"],
    &["--ipvs-scheduler=rr", "--proxy-mode=ipvs"],
    &["--ipvs-scheduler=nope", "--proxy-mode=ipvs"],
    &["--ipvs-scheduler=nope"],
    &["--ipvs-exclude-cidrs=10.0.0.0/8", "--proxy-mode=ipvs"],
    &["--ipvs-exclude-cidrs=10.0.0.0/8,nope", "--proxy-mode=ipvs"],
    &["--ipvs-exclude-cidrs=nope"],
    &["--ipvs-tcp-timeout=-1s", "--proxy-mode=ipvs"],
    &["--ipvs-tcpfin-timeout=-1s", "--proxy-mode=ipvs"],
    &["--ipvs-udp-timeout=-1s", "--proxy-mode=ipvs"],
    &["--ipvs-udp-timeout=-1s"],
    &["--kube-api-burst=-1"],
    &["--kube-api-burst=0"],
    &["--kube-api-qps=-1"],
    &["--nodeport-addresses=10.0.0.0/8"],
    &["--nodeport-addresses=nope"],
    &["--nodeport-addresses=10.0.0.1"],
    &["--nodeport-addresses=primary"],
    &["--nodeport-addresses=primary,10.0.0.0/8"],
    &["--nodeport-addresses=10.0.0.0/8,primary,nope"],
    &["--nodeport-addresses=primary,primary"],
    &["--nodeport-addresses=localhost"],
    &["--nodeport-addresses=all,localhost,all"],
    &["--oom-score-adj=-1000"],
    &["--oom-score-adj=-1001"],
    &["--oom-score-adj=1001"],
    &["--proxy-port-range=300-2000"],
    &["--show-hidden-metrics-for-version=1.36"],
    &["--show-hidden-metrics-for-version=1.29"],
    &["--show-hidden-metrics-for-version=x"],
    &["--udp-timeout=0"],
    &["--udp-timeout=-1s"],
    &["--masquerade-all"],
    &["--kubeconfig=/case/none"],
    &["--kubeconfig="],
    &["--kubeconfig=", "--master=https://127.0.0.1:1"],
    &["--kubeconfig=/case/none", "--oom-score-adj=1001"],
    &["--config=/case/none"],
    &["--config=/case/none", "--proxy-mode=nope"],
    &["--config=/case/none", "--hostname-override= "],
    &["--init-only"],
    &["--write-config-to=/case/written.yaml"],
    &[
        "--oom-score-adj=1001",
        "--kube-api-burst=-1",
        "--conntrack-min=-1",
        "--cluster-cidr=nope",
    ],
    &["--logging-format=nope", "--oom-score-adj=1001"],
];

const PROXY_HEAD: &str = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclientConnection: {kubeconfig: /case/pki/kubeconfig}\n";

const PROXY_CONFIGURATION: &[&str] = &[
    "# nothing",
    "mode: iptables",
    "mode: ipvs",
    "mode: nftables",
    "mode: nope",
    "unknown: 1",
    "mode: iptables\nmode: ipvs",
    "unknown: 1\nmode: nope",
    "mode: 5",
    "bindAddress: nope",
    "bindAddress: '::'",
    "bindAddress: ''",
    "bindAddressHardFail: yes",
    "clusterCIDR: nope",
    "clusterCIDR: 10.42.0.0/16,fd42::/56",
    "clusterCIDR: 10.42.0.0/16,10.44.0.0/16",
    "clusterCIDR: nope\ndetectLocalMode: ClusterCIDR",
    "detectLocalMode: nope",
    "detectLocalMode: BridgeInterface",
    "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}",
    "detectLocalMode: InterfaceNamePrefix",
    "configSyncPeriod: 0s",
    "configSyncPeriod: -1s",
    "configSyncPeriod: 5",
    "conntrack: {maxPerCore: -1, min: -1}",
    "conntrack: {tcpCloseWaitTimeout: -1s, tcpEstablishedTimeout: -1s}",
    "conntrack: {udpTimeout: -1s, udpStreamTimeout: -1s}",
    "conntrack: {maxPerCore: a}",
    "conntrack: {nope: a}",
    "iptables: {masqueradeBit: 32}",
    "iptables: {syncPeriod: -1s}",
    "iptables: {syncPeriod: 5s, minSyncPeriod: 10s}",
    "iptables: {syncPeriod: 0s, minSyncPeriod: 0s}",
    "iptables: {minSyncPeriod: -1s}",
    "mode: ipvs\nipvs: {syncPeriod: -1s, minSyncPeriod: -1s}",
    "mode: ipvs\nipvs: {excludeCIDRs: [nope], scheduler: nope, tcpTimeout: -1s}",
    "mode: nftables\nnftables: {masqueradeBit: 32}",
    "mode: nftables\nnftables: {syncPeriod: -1s}",
    "mode: nftables\nnftables: {syncPeriod: 5s, minSyncPeriod: 10s}\nfeatureGates: {NFTablesProxyMode: true}",
    "nftables: {masqueradeBit: 32}",
    "healthzBindAddress: nope",
    "healthzBindAddress: 127.0.0.1",
    "healthzBindAddress: 127.0.0.1:99999",
    "healthzBindAddress: nope:1",
    "metricsBindAddress: a:b:c",
    "metricsBindAddress: '[::1]:10249'",
    "metricsBindAddress: '::1'",
    "metricsBindAddress: 127.0.0.1:x",
    "nodePortAddresses: [nope]",
    "nodePortAddresses: [primary]",
    "nodePortAddresses: [primary, 10.0.0.0/8]",
    "nodePortAddresses: 10.0.0.0/8",
    "oomScoreAdj: -1001",
    "portRange: 5-2",
    "portRange: 300-2000",
    "portRange: nope",
    "showHiddenMetricsForVersion: x",
    "udpIdleTimeout: 5s",
    "udpIdleTimeout: -5s",
    "featureGates: {Nope: true}",
    "featureGates: {AllAlpha: false}",
    "featureGates: {NFTablesProxyMode: true}",
    "featureGates: {LoggingAlphaOptions: true}\nlogging: {options: {text: {splitStream: true}}}",
    "featureGates: [a]",
    "logging: {format: nope}",
    "logging: {format: json, vmodule: [{filePattern: a, verbosity: 1}]}",
    "logging: {options: {text: {splitStream: true}}}",
    "logging: {options: {json: {infoBufferSize: 1Ki}}}",
    "logging: {flushFrequency: -1s}",
    "logging: {flushFrequency: 0}",
    "logging: {nope: 1}",
    "clientConnection: {kubeconfig: /case/none}",
    "clientConnection: {kubeconfig: ''}",
    "clientConnection: {kubeconfig: /case/pki/kubeconfig, burst: -1}",
    "hostnameOverride: ' '",
    "hostnameOverride: other",
    "enableProfiling: 1",
    "mode: nope\noomScoreAdj: 1001\nbindAddress: x\nclientConnection: {kubeconfig: /case/none, burst: -1}",
];

fn proxy_configuration() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: String, args: &[&str], content: String| {
        let mut all = vec!["--config=/case/config.yaml"];
        all.extend(args);
        cases.push(case(
            "kube-proxy",
            name,
            &all,
            &[("/case/config.yaml", content)],
        ));
    };
    let of = |lines: &str| {
        let head = if lines.contains("clientConnection") {
            PROXY_HEAD.split("clientConnection").next().unwrap()
        } else {
            PROXY_HEAD
        };
        format!("{head}{lines}\n")
    };
    for lines in PROXY_CONFIGURATION {
        add(format!("file: {lines}"), &[], of(lines));
    }
    for (name, content) in [
        ("empty", ""),
        ("no kind", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n"),
        ("no version", "kind: KubeProxyConfiguration\n"),
        ("no YAML", "a: [\n"),
        ("a list", "- a\n"),
        ("JSON", "{\"a\":"),
        (
            "other version",
            "apiVersion: kubeproxy.config.k8s.io/v1\nkind: KubeProxyConfiguration\n",
        ),
        (
            "other kind",
            "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n",
        ),
    ] {
        add(format!("file: {name}"), &[], content.to_owned());
    }
    for args in [
        &["--proxy-mode=nope"][..],
        &["--oom-score-adj=1001"],
        &["--cluster-cidr=nope"],
        &["--hostname-override= "],
        &["--feature-gates=NoSuchGate=true"],
        &["--logging-format=nope"],
        &["--logging-format=json", "--vmodule=a=1"],
        &["--kubeconfig=/case/none"],
        &["--log-flush-frequency=-1s"],
        &["--healthz-port=0"],
    ] {
        add(
            format!("good file, {}", args.join(" ")),
            args,
            of("mode: iptables"),
        );
    }
    add(
        "logging in the file, --logging-format=text".to_owned(),
        &["--logging-format=text"],
        of("logging: {format: nope}"),
    );
    add(
        "patterns in the file, --logging-format=json".to_owned(),
        &["--logging-format=json"],
        of("logging: {vmodule: [{filePattern: a, verbosity: 1}]}"),
    );
    add(
        "bad file, --logging-format=nope".to_owned(),
        &["--logging-format=nope"],
        of("mode: nope"),
    );
    cases
}

pub(super) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let lists: [(&str, &[&[&[&str]]]); 3] = [
        (
            "kube-controller-manager",
            &[CONTROLLER_MANAGER, ELECTION, SERVING, LOGS],
        ),
        ("kube-scheduler", &[SCHEDULER, SERVING, LOGS]),
        ("kube-proxy", &[PROXY, LOGS]),
    ];
    for (program, lists) in lists {
        let args = lists.iter().flat_map(|list| list.iter());
        cases.extend(args.map(|args| plain(program, args)));
    }
    cases.extend(migration());
    cases.extend(configuration());
    cases.extend(proxy_configuration());
    cases
}
