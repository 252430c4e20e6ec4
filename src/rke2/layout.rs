//! Where RKE2 and what it runs keep their files.
//!
//! Paths below the data directory are relative to it where they are constants, and whole where a function
//! makes them.

/// RKE2's data directory unless it is configured.
pub(crate) const DATA_DIR: &str = "/var/lib/rancher/rke2";
/// The audit policy that a CIS profile uses unless another one is configured.
pub(crate) const AUDIT_POLICY: &str = "/etc/rancher/rke2/audit-policy.yaml";
/// The admission configuration that RKE2 writes for pod security.
pub(crate) const POD_SECURITY: &str = "/etc/rancher/rke2/rke2-pss.yaml";
/// Where the kubelet keeps the logs of pods, in a directory `NAMESPACE_NAME_UID` each. Only root writes
/// there.
pub(crate) const POD_LOGS: &str = "/var/log/pods";
/// The configuration of network plugins, and the addresses that they hand out.
pub(crate) const CNI: [&str; 2] = ["/etc/cni/net.d", "/var/lib/cni/networks"];
/// The name of the file of the kubelet's configuration that RKE2 writes at each start.
pub(crate) const KUBELET_DEFAULTS: &str = "00-rke2-defaults.conf";
/// The data of etcd that its process opens at its start, the directory that holds all of it first.
pub(crate) const ETCD_DATA: [&str; 5] = [
    "server/db/etcd",
    "server/db/etcd/member",
    "server/db/etcd/member/snap",
    "server/db/etcd/member/snap/db",
    "server/db/etcd/member/wal",
];
/// The programs that RKE2 runs as static pods.
pub(crate) const STATIC_PODS: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "cloud-controller-manager",
];

/// The data directory that is configured as `path`. A relative path begins at `/`, where a service starts.
pub(crate) fn data_dir(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => DATA_DIR.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    }
}

/// The manifest of the static pod of `program`.
pub(crate) fn static_pod(data_dir: &str, program: &str) -> String {
    format!("{data_dir}/agent/pod-manifests/{program}.yaml")
}

/// The certificate of the kubelet, which an agent gets when it joins a cluster.
pub(crate) fn kubelet_certificate(data_dir: &str) -> String {
    format!("{data_dir}/agent/client-kubelet.crt")
}

/// The configuration of etcd.
pub(crate) fn etcd_config(data_dir: &str) -> String {
    format!("{data_dir}/server/db/etcd/config")
}

/// The templates from which the configuration of containerd is made, where an administrator has put one.
pub(crate) fn containerd_templates(data_dir: &str) -> [String; 2] {
    ["config-v3.toml.tmpl", "config.toml.tmpl"]
        .map(|name| format!("{data_dir}/agent/etc/containerd/{name}"))
}

/// The configuration of the encryption of secrets.
pub(crate) fn encryption_config(data_dir: &str) -> String {
    format!("{data_dir}/server/cred/encryption-config.json")
}

/// The log of the kubelet, unless `kubelet-arg` has `log-file`.
pub(crate) fn kubelet_log(data_dir: &str) -> String {
    format!("{data_dir}/agent/logs/kubelet.log")
}

/// The directory of the kubelet's configuration.
pub(crate) fn kubelet_conf_d(data_dir: &str) -> String {
    format!("{data_dir}/agent/etc/kubelet.conf.d")
}
