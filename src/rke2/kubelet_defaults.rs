//! What RKE2 gives the kubelet where nothing else is configured, as far as controls check it and as the kubelet
//! checks it together with what a user configures.
//!
//! Source: k3s-io/k3s pkg/daemons/agent/`agent.go` and `agent_linux.go`, as each release pins them.

use serde_json::Value as Json;

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
        ["--kubeconfig=", data_dir, "/agent/kubelet.kubeconfig"].concat(),
    ]
}

/// The value of a field.
#[derive(Clone, Copy)]
enum Own {
    Text(&'static str),
    /// A path below `agent` of the data directory.
    Agent(&'static str),
    Bool(bool),
    Zero,
    /// `protect-kernel-defaults`.
    Protects,
    Map(&'static [(&'static str, &'static str)]),
}

/// The fields of the kubelet's configuration, sorted: those of `00-rke2-defaults.conf`. Older releases set them by
/// [`arguments`], or they are the kubelet's defaults there. Each is a path and its value.
const FIELDS: [(&str, Own); 33] = [
    ("authentication.anonymous.enabled", Own::Bool(false)),
    ("authentication.webhook.cacheTTL", Own::Text("2m0s")),
    ("authentication.webhook.enabled", Own::Bool(true)),
    (
        "authentication.x509.clientCAFile",
        Own::Agent("client-ca.crt"),
    ),
    ("authorization.mode", Own::Text("Webhook")),
    (
        "authorization.webhook.cacheAuthorizedTTL",
        Own::Text("5m0s"),
    ),
    (
        "authorization.webhook.cacheUnauthorizedTTL",
        Own::Text("30s"),
    ),
    ("cgroupDriver", Own::Text("systemd")),
    ("clusterDomain", Own::Text("cluster.local")),
    (
        "containerRuntimeEndpoint",
        Own::Text("unix:///run/k3s/containerd/containerd.sock"),
    ),
    ("cpuManagerReconcilePeriod", Own::Text("10s")),
    (
        "evictionHard",
        Own::Map(&[("imagefs.available", "5%"), ("nodefs.available", "5%")]),
    ),
    (
        "evictionMinimumReclaim",
        Own::Map(&[("imagefs.available", "10%"), ("nodefs.available", "10%")]),
    ),
    ("evictionPressureTransitionPeriod", Own::Text("5m0s")),
    ("failSwapOn", Own::Bool(false)),
    ("fileCheckFrequency", Own::Text("20s")),
    ("healthzBindAddress", Own::Text("127.0.0.1")),
    ("httpCheckFrequency", Own::Text("20s")),
    ("imageMinimumGCAge", Own::Text("2m0s")),
    ("logging.flushFrequency", Own::Text("5s")),
    ("logging.format", Own::Text("text")),
    ("logging.verbosity", Own::Zero),
    ("nodeStatusReportFrequency", Own::Text("5m0s")),
    ("nodeStatusUpdateFrequency", Own::Text("10s")),
    ("protectKernelDefaults", Own::Protects),
    ("runtimeRequestTimeout", Own::Text("2m0s")),
    ("serializeImagePulls", Own::Bool(false)),
    ("staticPodPath", Own::Agent("pod-manifests")),
    ("streamingConnectionIdleTimeout", Own::Text("4h0m0s")),
    ("syncFrequency", Own::Text("1m0s")),
    ("tlsCertFile", Own::Agent("serving-kubelet.crt")),
    ("tlsPrivateKeyFile", Own::Agent("serving-kubelet.key")),
    ("volumeStatsAggPeriod", Own::Text("1m0s")),
];

/// Those of the fields that are wanted, by their paths.
pub(crate) fn some_fields(
    data_dir: &str,
    protects: bool,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Vec<(&'static str, Json)> {
    let wanted = FIELDS.iter().filter(|(path, _)| is_wanted(path));
    wanted
        .map(|(path, own)| {
            let value = match own {
                Own::Text(text) => Json::from(*text),
                Own::Agent(file) => Json::from([data_dir, "/agent/", file].concat()),
                Own::Bool(on) => Json::from(*on),
                Own::Zero => Json::from(0),
                Own::Protects => Json::from(protects),
                Own::Map(entries) => {
                    let entries = entries.iter();
                    entries
                        .map(|(key, value)| ((*key).to_owned(), Json::from(*value)))
                        .collect()
                }
            };
            (*path, value)
        })
        .collect()
}

/// The content of `00-rke2-defaults.conf`, for releases that write it.
pub(crate) fn file(data_dir: &str, protects: bool) -> String {
    let mut lines = vec![
        "apiVersion: kubelet.config.k8s.io/v1beta1".to_owned(),
        "kind: KubeletConfiguration".to_owned(),
    ];
    let mut above: Vec<&str> = Vec::new();
    for (path, value) in some_fields(data_dir, protects, &|_| true) {
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

/// A scalar of [`FIELDS`] as YAML has it: none of them needs quotes.
fn plain(value: &Json) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}
