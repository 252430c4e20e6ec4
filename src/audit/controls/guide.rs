//! What RKE2's hardening guide asks besides the benchmark. None of it fails an audit: it warns.

use super::settings::PROTECT_KERNEL_DEFAULTS;
use super::{CLOSED, CONFIGURATION};
use crate::audit::control::Criterion::{
    EtcdPodUser, Kubelet, Mode, Owner, PodSecurity, PodSecurityExemptions,
};
use crate::audit::control::{Control, FileSet, KubeletRule, NodeType, Who};

/// In every benchmark.
const ALWAYS: &str = "guideu guideu guideu guideu guideu guideu guideu guideu guideu guideu";
/// Since pod security policies are no more.
const SINCE_1_7: &str = "- - - guideu guideu guideu guideu guideu guideu guideu";

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "guide.etcd-pod.user",
        node: NodeType::Etcd,
        ids: ALWAYS,
        title: "etcd runs as the account etcd",
        criterion: EtcdPodUser,
    },
    Control {
        key: "guide.pod-security.enforce",
        node: NodeType::Master,
        ids: SINCE_1_7,
        title: "pods must meet the restricted standard unless their namespace has a label",
        criterion: PodSecurity,
    },
    Control {
        key: "guide.pod-security.exemptions",
        node: NodeType::Master,
        ids: SINCE_1_7,
        title: "only RKE2's own namespaces are exempt from pod security",
        criterion: PodSecurityExemptions,
    },
    Control {
        key: "guide.kubelet-config.mode",
        node: NodeType::Node,
        ids: ALWAYS,
        title: "the kubelet's configuration files are closed to others",
        criterion: Mode(CONFIGURATION, CLOSED),
    },
    Control {
        key: "guide.kubelet-config.owner",
        node: NodeType::Node,
        ids: ALWAYS,
        title: "the kubelet's configuration files belong to root",
        criterion: Owner(FileSet::Tree("agent/etc/kubelet.conf.d"), Who::Root),
    },
    Control {
        key: "guide.protect-kernel-defaults",
        node: NodeType::Node,
        // Older benchmarks have it as a control.
        ids: SINCE_1_7,
        title: "the kubelet insists on its kernel parameters",
        criterion: Kubelet(KubeletRule::On(PROTECT_KERNEL_DEFAULTS)),
    },
];
