//! What RKE2 gives the kubelet where nothing else is configured, as far as controls check it.
//!
//! Source: k3s-io/k3s pkg/daemons/agent/`agent.go` and `agent_linux.go`, as each release pins them.

use super::config::ParserRules;

/// The arguments, name and value. `protects` is `protect-kernel-defaults`.
pub(crate) fn arguments(
    data_dir: &str,
    rules: &ParserRules,
    protects: bool,
) -> Vec<(&'static str, String)> {
    let read_only_port = ("read-only-port", "0".to_owned());
    if rules.kubelet_conf_d {
        // All others stand in the file.
        return vec![read_only_port];
    }
    let agent = |file: &str| format!("{data_dir}/agent/{file}");
    let mut all = vec![
        ("anonymous-auth", "false".to_owned()),
        ("authorization-mode", "Webhook".to_owned()),
        ("client-ca-file", agent("client-ca.crt")),
        ("tls-cert-file", agent("serving-kubelet.crt")),
        ("tls-private-key-file", agent("serving-kubelet.key")),
        read_only_port,
    ];
    if protects {
        all.push(("protect-kernel-defaults", "true".to_owned()));
    }
    all
}

/// The content of `00-rke2-defaults.conf`, for releases that write it.
pub(crate) fn file(data_dir: &str, protects: bool) -> String {
    format!(
        "authentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: {data_dir}/agent/client-ca.crt\n\
         authorization:\n  mode: Webhook\nprotectKernelDefaults: {protects}\n\
         streamingConnectionIdleTimeout: 4h0m0s\ntlsCertFile: {data_dir}/agent/serving-kubelet.crt\n\
         tlsPrivateKeyFile: {data_dir}/agent/serving-kubelet.key\n"
    )
}
