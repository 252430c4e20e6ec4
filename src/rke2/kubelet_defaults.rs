//! What RKE2 gives the kubelet where nothing else is configured, as far as controls check it and as the kubelet
//! checks it together with what a user configures.
//!
//! Source: k3s-io/k3s pkg/daemons/agent/`agent.go` and `agent_linux.go`, as each release pins them.

use serde_json::{Value as Json, json};

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

/// Those of [`arguments`] that set no field of the configuration, and that the kubelet checks together with others.
pub(crate) fn flags(data_dir: &str) -> [String; 2] {
    [
        "--cloud-provider=external".to_owned(),
        format!("--kubeconfig={data_dir}/agent/kubelet.kubeconfig"),
    ]
}

/// The fields of the kubelet's configuration, sorted: those of `00-rke2-defaults.conf`. Older releases set them by
/// [`arguments`], or they are the kubelet's defaults there. Each is a path and its value.
pub(crate) fn fields(data_dir: &str, protects: bool) -> Vec<(&'static str, Json)> {
    let agent = |file: &str| Json::from(format!("{data_dir}/agent/{file}"));
    let text = Json::from;
    vec![
        ("authentication.anonymous.enabled", Json::from(false)),
        ("authentication.webhook.cacheTTL", text("2m0s")),
        ("authentication.webhook.enabled", Json::from(true)),
        ("authentication.x509.clientCAFile", agent("client-ca.crt")),
        ("authorization.mode", text("Webhook")),
        ("authorization.webhook.cacheAuthorizedTTL", text("5m0s")),
        ("authorization.webhook.cacheUnauthorizedTTL", text("30s")),
        ("cgroupDriver", text("systemd")),
        ("clusterDomain", text("cluster.local")),
        (
            "containerRuntimeEndpoint",
            text("unix:///run/k3s/containerd/containerd.sock"),
        ),
        ("cpuManagerReconcilePeriod", text("10s")),
        (
            "evictionHard",
            json!({"imagefs.available": "5%", "nodefs.available": "5%"}),
        ),
        (
            "evictionMinimumReclaim",
            json!({"imagefs.available": "10%", "nodefs.available": "10%"}),
        ),
        ("evictionPressureTransitionPeriod", text("5m0s")),
        ("failSwapOn", Json::from(false)),
        ("fileCheckFrequency", text("20s")),
        ("healthzBindAddress", text("127.0.0.1")),
        ("httpCheckFrequency", text("20s")),
        ("imageMinimumGCAge", text("2m0s")),
        ("logging.flushFrequency", text("5s")),
        ("logging.format", text("text")),
        ("logging.verbosity", Json::from(0)),
        ("nodeStatusReportFrequency", text("5m0s")),
        ("nodeStatusUpdateFrequency", text("10s")),
        ("protectKernelDefaults", Json::from(protects)),
        ("runtimeRequestTimeout", text("2m0s")),
        ("serializeImagePulls", Json::from(false)),
        ("staticPodPath", agent("pod-manifests")),
        ("streamingConnectionIdleTimeout", text("4h0m0s")),
        ("syncFrequency", text("1m0s")),
        ("tlsCertFile", agent("serving-kubelet.crt")),
        ("tlsPrivateKeyFile", agent("serving-kubelet.key")),
        ("volumeStatsAggPeriod", text("1m0s")),
    ]
}

/// The content of `00-rke2-defaults.conf`, for releases that write it.
pub(crate) fn file(data_dir: &str, protects: bool) -> String {
    let mut lines = vec![
        "apiVersion: kubelet.config.k8s.io/v1beta1".to_owned(),
        "kind: KubeletConfiguration".to_owned(),
    ];
    let mut above: Vec<&str> = Vec::new();
    for (path, value) in fields(data_dir, protects) {
        let mut names: Vec<&str> = path.split('.').collect();
        let name = names.pop().unwrap_or_default();
        let shared = above.iter().zip(&names).take_while(|(a, b)| a == b).count();
        for (depth, outer) in names.iter().enumerate().skip(shared) {
            lines.push(format!("{}{outer}:", "  ".repeat(depth)));
        }
        let indent = "  ".repeat(names.len());
        match &value {
            Json::Object(entries) => {
                lines.push(format!("{indent}{name}:"));
                let entries = entries.iter();
                lines.extend(
                    entries.map(|(key, value)| format!("{indent}  {key}: {}", plain(value))),
                );
            }
            value => lines.push(format!("{indent}{name}: {}", plain(value))),
        }
        above = names;
    }
    lines.push(String::new());
    lines.join("\n")
}

/// A scalar of [`fields`] as YAML has it: none of them needs quotes.
fn plain(value: &Json) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
