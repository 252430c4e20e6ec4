//! RKE2's charts: their names, what they run, and the rights that they give their accounts, with nothing configured.

/// The charts that RKE2 installs, by the names of their `HelmChart`s in `kube-system`.
pub(super) const CHARTS: &[&str] = &[
    "harvester-cloud-provider",
    "harvester-csi-driver",
    "rancher-vsphere-cpi",
    "rancher-vsphere-csi",
    "rke2-calico",
    "rke2-calico-crd",
    "rke2-canal",
    "rke2-cilium",
    "rke2-coredns",
    "rke2-flannel",
    "rke2-ingress-nginx",
    "rke2-kube-proxy",
    "rke2-metrics-server",
    "rke2-multus",
    "rke2-ovirt-csi-driver",
    "rke2-runtimeclasses",
    "rke2-security-responder",
    "rke2-snapshot-controller",
    "rke2-snapshot-controller-crd",
    "rke2-snapshot-validation-webhook",
    "rke2-traefik",
    "rke2-traefik-crd",
];

/// What RKE2 runs: namespace, kind, name.
pub(super) const WORKLOADS: &[(&str, &str, &str)] = &[
    ("kube-system", "static pod", "etcd"),
    ("kube-system", "static pod", "kube-apiserver"),
    ("kube-system", "static pod", "kube-controller-manager"),
    ("kube-system", "static pod", "kube-scheduler"),
    ("kube-system", "static pod", "kube-proxy"),
    ("kube-system", "static pod", "cloud-controller-manager"),
    ("kube-system", "DaemonSet", "rke2-canal"),
    ("kube-system", "DaemonSet", "cilium"),
    ("kube-system", "DaemonSet", "cilium-envoy"),
    ("kube-system", "Deployment", "cilium-operator"),
    ("kube-system", "Deployment", "hubble-relay"),
    ("kube-system", "Deployment", "hubble-ui"),
    ("kube-system", "DaemonSet", "kube-flannel-ds"),
    ("kube-system", "DaemonSet", "rke2-multus"),
    ("kube-system", "DaemonSet", "rke2-multus-ds"),
    ("kube-system", "DaemonSet", "rke2-multus-dhcp"),
    ("kube-system", "DaemonSet", "rke2-multus-dnc"),
    ("kube-system", "DaemonSet", "rke2-multus-rke2-whereabouts"),
    (
        "kube-system",
        "Deployment",
        "rke2-multus-rke2-whereabouts-controller",
    ),
    (
        "kube-system",
        "Deployment",
        "rke2-multus-rke2-whereabouts-reconciler",
    ),
    ("kube-system", "CronJob", "rke2-security-responder"),
    (
        "kube-system",
        "DaemonSet",
        "rancher-vsphere-cpi-cloud-controller-manager",
    ),
    ("kube-system", "Deployment", "vsphere-csi-controller"),
    ("kube-system", "DaemonSet", "vsphere-csi-node"),
    ("kube-system", "DaemonSet", "vsphere-csi-node-windows"),
    ("kube-system", "Deployment", "harvester-cloud-provider"),
    ("kube-system", "Deployment", "ovirt-csi-controller-plugin"),
    ("kube-system", "DaemonSet", "ovirt-csi-node-plugin"),
    ("kube-system", "DaemonSet", "kube-vip"),
    (
        "kube-system",
        "Deployment",
        "harvester-csi-driver-controllers",
    ),
    ("kube-system", "DaemonSet", "harvester-csi-driver"),
    ("kube-system", "DaemonSet", "rke2-ingress-nginx-controller"),
    ("kube-system", "DaemonSet", "rke2-traefik"),
    ("kube-system", "Deployment", "rke2-coredns-rke2-coredns"),
    (
        "kube-system",
        "Deployment",
        "rke2-coredns-rke2-coredns-autoscaler",
    ),
    ("kube-system", "Deployment", "rke2-metrics-server"),
    ("kube-system", "Deployment", "rke2-snapshot-controller"),
    (
        "kube-system",
        "Deployment",
        "rke2-snapshot-validation-webhook",
    ),
    ("tigera-operator", "Deployment", "tigera-operator"),
    ("calico-system", "DaemonSet", "calico-node"),
    ("calico-system", "DaemonSet", "csi-node-driver"),
    ("calico-system", "Deployment", "calico-typha"),
    ("calico-system", "Deployment", "calico-kube-controllers"),
];

/// The rights that a chart gives its accounts.
struct Chart {
    /// Where its accounts are.
    namespace: &'static str,
    /// Binding, cluster role or role, account. A binding in a namespace has that before its name.
    grants: &'static [(&'static str, &'static str, &'static str)],
}

/// What the charts give. Sources: `rbac.yaml` of rke2-canal, and the charts of cilium, flannel, coredns, ingress-nginx, metrics-server
/// and traefik, which RKE2's are made of; for the others github.com/rancher/rke2-charts d83185c9, by the version that is
/// named.
const ALL: &[Chart] = &[
    Chart {
        namespace: "kube-system",
        grants: &[
            ("canal-flannel", "flannel", "canal"),
            ("canal-calico", "calico-node", "canal"),
            (
                "calico-kube-controllers",
                "calico-kube-controllers",
                "calico-kube-controllers",
            ),
            ("cilium", "cilium", "cilium"),
            (
                "kube-system/cilium-config-agent",
                "cilium-config-agent",
                "cilium",
            ),
            (
                "cilium-secrets/cilium-secrets",
                "cilium-ingress-secrets",
                "cilium",
            ),
            (
                "cilium-secrets/cilium-gateway-secrets",
                "cilium-gateway-secrets",
                "cilium",
            ),
            (
                "cilium-secrets/cilium-tlsinterception-secrets",
                "cilium-tlsinterception-secrets",
                "cilium",
            ),
            (
                "cilium-secrets/cilium-envoy-config-secrets",
                "cilium-envoy-config-secrets",
                "cilium",
            ),
            ("cilium-operator", "cilium-operator", "cilium-operator"),
            (
                "cilium-secrets/cilium-operator-ingress-secrets",
                "cilium-operator-ingress-secrets",
                "cilium-operator",
            ),
            (
                "cilium-secrets/cilium-operator-gateway-secrets",
                "cilium-operator-gateway-secrets",
                "cilium-operator",
            ),
            (
                "cilium-secrets/cilium-operator-tlsinterception-secrets",
                "cilium-operator-tlsinterception-secrets",
                "cilium-operator",
            ),
            ("flannel", "flannel", "flannel"),
            (
                "rke2-coredns-rke2-coredns-autoscaler",
                "rke2-coredns-rke2-coredns-autoscaler",
                "rke2-coredns-rke2-coredns-autoscaler",
            ),
            (
                "rke2-ingress-nginx",
                "rke2-ingress-nginx",
                "rke2-ingress-nginx",
            ),
            (
                "kube-system/rke2-ingress-nginx",
                "rke2-ingress-nginx",
                "rke2-ingress-nginx",
            ),
            (
                "rke2-ingress-nginx-admission",
                "rke2-ingress-nginx-admission",
                "rke2-ingress-nginx-admission",
            ),
            (
                "kube-system/rke2-ingress-nginx-admission",
                "rke2-ingress-nginx-admission",
                "rke2-ingress-nginx-admission",
            ),
            (
                "rke2-metrics-server:system:auth-delegator",
                "system:auth-delegator",
                "rke2-metrics-server",
            ),
            (
                "system:rke2-metrics-server",
                "system:rke2-metrics-server",
                "rke2-metrics-server",
            ),
            (
                "kube-system/rke2-metrics-server-auth-reader",
                "extension-apiserver-authentication-reader",
                "rke2-metrics-server",
            ),
            (
                "rke2-snapshot-controller",
                "rke2-snapshot-controller",
                "rke2-snapshot-controller",
            ),
            (
                "kube-system/rke2-snapshot-controller",
                "rke2-snapshot-controller",
                "rke2-snapshot-controller",
            ),
            (
                "rke2-traefik-kube-system",
                "rke2-traefik-kube-system",
                "rke2-traefik",
            ),
        ],
    },
    // rke2-snapshot-validation-webhook 1.9.001, rke2-security-responder 0.1.401.
    Chart {
        namespace: "kube-system",
        grants: &[
            (
                "rke2-snapshot-validation-webhook",
                "rke2-snapshot-validation-webhook",
                "rke2-snapshot-validation-webhook",
            ),
            (
                "rke2-security-responder",
                "rke2-security-responder",
                "rke2-security-responder",
            ),
        ],
    },
    // rke2-multus v4.3.017, with rke2-whereabouts 0.9.4.
    Chart {
        namespace: "kube-system",
        grants: &[
            ("rke2-multus", "rke2-multus", "multus"),
            ("rke2-multus-dnc", "rke2-multus-dnc", "rke2-multus-dnc"),
            (
                "rke2-multus-rke2-whereabouts",
                "rke2-multus-rke2-whereabouts",
                "rke2-multus-rke2-whereabouts",
            ),
        ],
    },
    // rke2-calico v3.32.100.
    Chart {
        namespace: "tigera-operator",
        grants: &[
            ("tigera-operator", "tigera-operator", "tigera-operator"),
            (
                "tigera-operator/tigera-operator-secrets",
                "tigera-operator-secrets",
                "tigera-operator",
            ),
            (
                "calico-system/tigera-operator-secrets",
                "tigera-operator-secrets",
                "tigera-operator",
            ),
        ],
    },
    // What the operator of rke2-calico makes: github.com/tigera/operator 40788b9b6, pkg/render.
    Chart {
        namespace: "calico-system",
        grants: &[
            ("calico-node", "calico-node", "calico-node"),
            (
                "calico-cni-plugin",
                "calico-cni-plugin",
                "calico-cni-plugin",
            ),
            ("calico-typha", "calico-typha", "calico-typha"),
            (
                "calico-kube-controllers",
                "calico-kube-controllers",
                "calico-kube-controllers",
            ),
        ],
    },
    // rancher-vsphere-cpi 1.15.300 and rancher-vsphere-csi 3.7.2-rancher700.
    Chart {
        namespace: "kube-system",
        grants: &[
            (
                "system:rancher-vsphere-cpi-cloud-controller-manager",
                "system:rancher-vsphere-cpi-cloud-controller-manager",
                "rancher-vsphere-cpi-cloud-controller-manager",
            ),
            (
                "kube-system/servicecatalog.k8s.io:apiserver-authentication-reader",
                "extension-apiserver-authentication-reader",
                "rancher-vsphere-cpi-cloud-controller-manager",
            ),
            (
                "vsphere-csi-controller-binding",
                "vsphere-csi-controller-role",
                "vsphere-csi-controller",
            ),
            (
                "vsphere-csi-node-cluster-role-binding",
                "vsphere-csi-node-cluster-role",
                "vsphere-csi-node",
            ),
            (
                "kube-system/vsphere-csi-node-binding",
                "vsphere-csi-node-role",
                "vsphere-csi-node",
            ),
        ],
    },
    // harvester-cloud-provider 0.2.1500, with kube-vip 0.11.0, and harvester-csi-driver 0.1.3100.
    Chart {
        namespace: "kube-system",
        grants: &[
            (
                "harvester-cloud-provider",
                "harvester-cloud-provider",
                "harvester-cloud-provider",
            ),
            ("kube-vip", "kube-vip", "kube-vip"),
            ("kube-system/kube-vip", "kube-vip", "kube-vip"),
            (
                "harvester-csi-driver",
                "harvester-csi-driver",
                "harvester-csi-driver",
            ),
        ],
    },
    // rke2-ovirt-csi-driver 4.15.000.
    Chart {
        namespace: "kube-system",
        grants: &[
            (
                "rke2-ovirt-csi-driver-csi-ovirtplugin-attacher-cluster-role",
                "rke2-ovirt-csi-driver-external-attacher-runner",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "rke2-ovirt-csi-driver-csi-ovirtplugin-health-monitor-controller-cluster-role",
                "rke2-ovirt-csi-driver-external-health-monitor-controller-runner",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "rke2-ovirt-csi-driver-csi-ovirtplugin-provisioner-cluster-role",
                "rke2-ovirt-csi-driver-external-provisioner-runner",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "rke2-ovirt-csi-driver-csi-ovirtplugin-resizer-cluster-role",
                "rke2-ovirt-csi-driver-external-resizer-runner",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "kube-system/rke2-ovirt-csi-driver-csi-ovirtplugin-attacher-role",
                "rke2-ovirt-csi-driver-external-attacher-cfg",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "kube-system/rke2-ovirt-csi-driver-csi-ovirtplugin-health-monitor-controller-role",
                "rke2-ovirt-csi-driver-external-health-monitor-controller-cfg",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "kube-system/rke2-ovirt-csi-driver-csi-ovirtplugin-provisioner-role",
                "rke2-ovirt-csi-driver-external-provisioner-cfg",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "kube-system/rke2-ovirt-csi-driver-csi-ovirtplugin-resizer-role",
                "rke2-ovirt-csi-driver-external-resizer-cfg",
                "rke2-ovirt-csi-driver-controller-sa",
            ),
            (
                "rke2-ovirt-csi-driver-csi-ovirtplugin-node-health-monitor-controller-cluster-role",
                "rke2-ovirt-csi-driver-external-health-monitor-controller-runner",
                "rke2-ovirt-csi-driver-node-sa",
            ),
            (
                "kube-system/rke2-ovirt-csi-driver-csi-ovirtplugin-node-health-monitor-controller-role",
                "rke2-ovirt-csi-driver-external-health-monitor-controller-cfg",
                "rke2-ovirt-csi-driver-node-sa",
            ),
            (
                "rke2-ovirt-csi-driver-ovirt-node-privileged-binding",
                "rke2-ovirt-csi-driver-ovirt-privileged-role",
                "rke2-ovirt-csi-driver-node-sa",
            ),
        ],
    },
];

/// Whether a chart makes this binding of this role for this account.
pub(super) fn gives(binding: &str, role: &str, namespace: &str, account: &str) -> bool {
    ALL.iter()
        .filter(|chart| chart.namespace == namespace)
        .any(|chart| chart.grants.contains(&(binding, role, account)))
}

/// The rules with `*` of the charts' cluster roles, as [`crate::powers::Powers`] writes them. Of the same versions; other charts
/// have none.
const WILDCARDS: &[(&str, &str)] = &[
    ("rke2-multus", "k8s.cni.cncf.io/*: *"),
    (
        "rke2-multus-rke2-whereabouts",
        "coordination.k8s.io/leases: *",
    ),
    (
        "harvester-csi-driver",
        "snapshot.storage.k8s.io/volumesnapshotclasses,volumesnapshotcontents,volumesnapshotcontents/status,volumesnapshots: *",
    ),
    (
        "system:rancher-vsphere-cpi-cloud-controller-manager",
        "/nodes: *",
    ),
];

/// Whether a chart gives its cluster role of this name this rule.
pub(super) fn has_wildcard(name: &str, rule: &str) -> bool {
    WILDCARDS.contains(&(name, rule))
}
