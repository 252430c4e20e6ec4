//! What RKE2 gives the kubelet where nothing else is configured, as far as controls check it and as the kubelet
//! checks it together with what a user configures.
//!
//! Source: k3s-io/k3s pkg/daemons/agent/`agent.go` and `agent_linux.go`, as each release pins them.

use super::config::ParserRules;
use super::layout;

/// The arguments, name and value. `protects` is `protect-kernel-defaults`.
pub(crate) fn arguments(
    data_dir: &str,
    rules: &ParserRules,
    protects: bool,
) -> Vec<(&'static str, String)> {
    let agent = |file: &str| format!("{data_dir}/agent/{file}");
    let mut all = vec![
        ("cloud-provider", "external".to_owned()),
        ("kubeconfig", agent("kubelet.kubeconfig")),
        ("read-only-port", "0".to_owned()),
    ];
    if rules.kubelet_conf_d {
        // All others stand in the file.
        all.push(("config-dir", layout::kubelet_conf_d(data_dir)));
        return all;
    }
    all.extend([
        ("anonymous-auth", "false".to_owned()),
        ("authentication-token-webhook", "true".to_owned()),
        ("authorization-mode", "Webhook".to_owned()),
        ("cgroup-driver", "systemd".to_owned()),
        ("client-ca-file", agent("client-ca.crt")),
        (
            "container-runtime-endpoint",
            "unix:///run/k3s/containerd/containerd.sock".to_owned(),
        ),
        (
            "eviction-hard",
            "imagefs.available<5%,nodefs.available<5%".to_owned(),
        ),
        (
            "eviction-minimum-reclaim",
            "imagefs.available=10%,nodefs.available=10%".to_owned(),
        ),
        ("fail-swap-on", "false".to_owned()),
        ("healthz-bind-address", "127.0.0.1".to_owned()),
        ("pod-manifest-path", agent("pod-manifests")),
        ("serialize-image-pulls", "false".to_owned()),
        ("tls-cert-file", agent("serving-kubelet.crt")),
        ("tls-private-key-file", agent("serving-kubelet.key")),
    ]);
    if protects {
        all.push(("protect-kernel-defaults", "true".to_owned()));
    }
    all
}

/// The content of `00-rke2-defaults.conf`, for releases that write it.
pub(crate) fn file(data_dir: &str, protects: bool) -> String {
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
         authentication:\n  anonymous:\n    enabled: false\n  webhook:\n    cacheTTL: 2m0s\n    enabled: true\n  \
         x509:\n    clientCAFile: {data_dir}/agent/client-ca.crt\n\
         authorization:\n  mode: Webhook\n  webhook:\n    cacheAuthorizedTTL: 5m0s\n    cacheUnauthorizedTTL: 30s\n\
         cgroupDriver: systemd\nclusterDomain: cluster.local\n\
         containerRuntimeEndpoint: unix:///run/k3s/containerd/containerd.sock\n\
         cpuManagerReconcilePeriod: 10s\n\
         evictionHard:\n  imagefs.available: 5%\n  nodefs.available: 5%\n\
         evictionMinimumReclaim:\n  imagefs.available: 10%\n  nodefs.available: 10%\n\
         evictionPressureTransitionPeriod: 5m0s\nfailSwapOn: false\nfileCheckFrequency: 20s\n\
         healthzBindAddress: 127.0.0.1\nhttpCheckFrequency: 20s\nimageMinimumGCAge: 2m0s\n\
         logging:\n  flushFrequency: 5s\n  format: text\n  verbosity: 0\n\
         nodeStatusReportFrequency: 5m0s\nnodeStatusUpdateFrequency: 10s\n\
         protectKernelDefaults: {protects}\nruntimeRequestTimeout: 2m0s\nserializeImagePulls: false\n\
         staticPodPath: {data_dir}/agent/pod-manifests\n\
         streamingConnectionIdleTimeout: 4h0m0s\nsyncFrequency: 1m0s\n\
         tlsCertFile: {data_dir}/agent/serving-kubelet.crt\n\
         tlsPrivateKeyFile: {data_dir}/agent/serving-kubelet.key\nvolumeStatsAggPeriod: 1m0s\n"
    )
}
