//! Files and settings of the kubelet and kube-proxy.

use super::CLOSED;
use super::settings::{
    ANONYMOUS, AUTHORIZATION, CLIENT_CA, EVENT_QPS, IPTABLES_UTIL_CHAINS, POD_PIDS_LIMIT,
    PROTECT_KERNEL_DEFAULTS, READ_ONLY_PORT, ROTATE_CERTIFICATES, SECCOMP_DEFAULT,
    STREAMING_TIMEOUT, TLS_CERT, TLS_KEY,
};
use crate::audit::benchmark::Benchmark;
use crate::audit::ciphers;
use crate::audit::control::Criterion::{Absent, Flag, Kubelet, Mode, Owner};
use crate::audit::control::{Control, FileSet, KubeComponent, KubeletRule, NodeType, Rule, Who};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "kubelet.svc.mode",
        node: NodeType::Node,
        ids: "4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s 4.1.1s",
        title: "the kubelet's unit is closed to others",
        criterion: Absent("RKE2 runs the kubelet itself: it has no unit"),
    },
    Control {
        key: "kubelet.svc.owner",
        node: NodeType::Node,
        ids: "4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s 4.1.2s",
        title: "the kubelet's unit belongs to root",
        criterion: Absent("RKE2 runs the kubelet itself: it has no unit"),
    },
    Control {
        key: "kubeproxy.kubeconfig.mode",
        node: NodeType::Node,
        ids: "4.1.3 4.1.3 4.1.3 4.1.3 4.1.3 4.1.3 4.1.3 4.1.3 4.1.3 4.1.3",
        title: "kube-proxy's credentials are closed to others",
        criterion: Mode(FileSet::File("agent/kubeproxy.kubeconfig"), CLOSED),
    },
    Control {
        key: "kubeproxy.kubeconfig.owner",
        node: NodeType::Node,
        ids: "4.1.4 4.1.4u 4.1.4 4.1.4 4.1.4 4.1.4 4.1.4 4.1.4 4.1.4 4.1.4",
        title: "kube-proxy's credentials belong to root",
        criterion: Owner(FileSet::File("agent/kubeproxy.kubeconfig"), Who::Root),
    },
    Control {
        key: "kubelet.kubeconfig.mode",
        node: NodeType::Node,
        ids: "4.1.5s 4.1.5s 4.1.5 4.1.5 4.1.5 4.1.5 4.1.5 4.1.5 4.1.5 4.1.5",
        title: "the kubelet's credentials are closed to others",
        criterion: Mode(FileSet::File("agent/kubelet.kubeconfig"), CLOSED),
    },
    Control {
        key: "kubelet.kubeconfig.owner",
        node: NodeType::Node,
        ids: "4.1.6s 4.1.6s 4.1.6 4.1.6 4.1.6 4.1.6 4.1.6 4.1.6 4.1.6 4.1.6",
        title: "the kubelet's credentials belong to root",
        criterion: Owner(FileSet::File("agent/kubelet.kubeconfig"), Who::Root),
    },
    Control {
        key: "kubelet.ca.mode",
        node: NodeType::Node,
        ids: "4.1.7u 4.1.7u 4.1.7 4.1.7 4.1.7 4.1.7 4.1.7 4.1.7 4.1.7 4.1.7",
        title: "the CA that the kubelet trusts is closed to others",
        criterion: Mode(FileSet::File("agent/client-ca.crt"), CLOSED),
    },
    Control {
        key: "kubelet.ca.owner",
        node: NodeType::Node,
        ids: "4.1.8 4.1.8 4.1.8 4.1.8 4.1.8 4.1.8 4.1.8 4.1.8 4.1.8 4.1.8",
        title: "the CA that the kubelet trusts belongs to root",
        criterion: Owner(FileSet::File("agent/client-ca.crt"), Who::Root),
    },
    Control {
        key: "kubelet.config.mode",
        node: NodeType::Node,
        ids: "4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s 4.1.9s",
        title: "the kubelet's configuration is closed to others",
        criterion: Absent(
            "the benchmark knows no such file on RKE2; see guide.kubelet-config.mode",
        ),
    },
    Control {
        key: "kubelet.config.owner",
        node: NodeType::Node,
        ids: "4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s 4.1.10s",
        title: "the kubelet's configuration belongs to root",
        criterion: Absent(
            "the benchmark knows no such file on RKE2; see guide.kubelet-config.owner",
        ),
    },
    Control {
        key: "kubelet.anonymous",
        node: NodeType::Node,
        ids: "4.2.1 4.2.1 4.2.1 4.2.1 4.2.1 4.2.1 4.2.1 4.2.1 4.2.1 4.2.1",
        title: "the kubelet takes no anonymous requests",
        criterion: Kubelet(KubeletRule::Off(ANONYMOUS)),
    },
    Control {
        key: "kubelet.authz",
        node: NodeType::Node,
        ids: "4.2.2 4.2.2 4.2.2 4.2.2 4.2.2 4.2.2 4.2.2 4.2.2 4.2.2 4.2.2",
        title: "the kubelet does not allow everything",
        criterion: Kubelet(KubeletRule::IsNot(AUTHORIZATION, "AlwaysAllow")),
    },
    Control {
        key: "kubelet.clientCA",
        node: NodeType::Node,
        ids: "4.2.3 4.2.3 4.2.3 4.2.3 4.2.3 4.2.3 4.2.3 4.2.3 4.2.3 4.2.3",
        title: "the kubelet checks certificates of clients",
        criterion: Kubelet(KubeletRule::Set(&[CLIENT_CA])),
    },
    Control {
        key: "kubelet.readOnlyPort",
        node: NodeType::Node,
        ids: "4.2.4 4.2.4 4.2.4 4.2.4 4.2.4 4.2.4 4.2.4 4.2.4 4.2.4 4.2.4",
        title: "the kubelet has no port without authentication",
        criterion: Kubelet(KubeletRule::Zero {
            setting: READ_ONLY_PORT,
            unset_since: Some(Benchmark::V1_11),
        }),
    },
    Control {
        key: "kubelet.streamingTimeout",
        node: NodeType::Node,
        ids: "4.2.5 4.2.5 4.2.5 4.2.5u 4.2.5u 4.2.5u 4.2.5u 4.2.5u 4.2.5u 4.2.5u",
        title: "idle streams from the kubelet end in time",
        criterion: Kubelet(KubeletRule::NotZero(STREAMING_TIMEOUT)),
    },
    Control {
        key: "kubelet.protectKernelDefaults",
        node: NodeType::Node,
        ids: "4.2.6 4.2.6 4.2.6 - - - - - - -",
        title: "the kubelet insists on its kernel parameters",
        criterion: Kubelet(KubeletRule::On(PROTECT_KERNEL_DEFAULTS)),
    },
    Control {
        key: "kubelet.iptablesUtilChains",
        node: NodeType::Node,
        ids: "4.2.7 4.2.7 4.2.7 4.2.6 4.2.6 4.2.6 4.2.6 4.2.6 4.2.6 4.2.6",
        title: "the kubelet keeps its iptables chains",
        criterion: Kubelet(KubeletRule::OnOrUnset(IPTABLES_UTIL_CHAINS)),
    },
    Control {
        key: "kubelet.hostnameOverride",
        node: NodeType::Node,
        ids: "4.2.8s 4.2.8s 4.2.8s 4.2.7s 4.2.7s 4.2.7s 4.2.7s 4.2.7s 4.2.7s 4.2.7s",
        title: "the kubelet uses the host's own name",
        criterion: Absent("RKE2 always passes the node name to the kubelet"),
    },
    Control {
        key: "kubelet.eventQPS",
        node: NodeType::Node,
        ids: "4.2.9u 4.2.9u 4.2.9u 4.2.8u 4.2.8u 4.2.8u 4.2.8u 4.2.8u 4.2.8u 4.2.8u",
        title: "the kubelet loses no events",
        criterion: Kubelet(KubeletRule::NotNegative(EVENT_QPS)),
    },
    Control {
        key: "kubelet.tlsCert",
        node: NodeType::Node,
        ids: "4.2.10 4.2.10 4.2.10 4.2.9 4.2.9 4.2.9 4.2.9 4.2.9 4.2.9 4.2.9",
        title: "the kubelet has a certificate and its key",
        criterion: Kubelet(KubeletRule::Set(&[TLS_CERT, TLS_KEY])),
    },
    Control {
        key: "kubelet.rotateCertificates",
        node: NodeType::Node,
        ids: "4.2.11 4.2.11 4.2.11 4.2.10 4.2.10 4.2.10 4.2.10 4.2.10 4.2.10 4.2.10",
        title: "the kubelet renews its client certificate",
        criterion: Kubelet(KubeletRule::OnOrUnset(ROTATE_CERTIFICATES)),
    },
    Control {
        key: "kubelet.RotateKubeletServerCertificate",
        node: NodeType::Node,
        ids: "4.2.12 4.2.12u 4.2.12 4.2.11 4.2.11 4.2.11 4.2.11 4.2.11 4.2.11 4.2.11",
        title: "rotation of the kubelet's server certificate is not turned off",
        criterion: Kubelet(KubeletRule::GateNotOff("RotateKubeletServerCertificate")),
    },
    Control {
        key: "kubelet.tlsCipherSuites",
        node: NodeType::Node,
        ids: "4.2.13u 4.2.13u 4.2.13u 4.2.12u 4.2.12u 4.2.12u 4.2.12u 4.2.12u 4.2.12u 4.2.12u",
        title: "the kubelet offers strong ciphers only",
        criterion: Kubelet(KubeletRule::Ciphers(ciphers::KUBELET)),
    },
    Control {
        key: "kubelet.podPidsLimit",
        node: NodeType::Node,
        ids: "- - - 4.2.13u 4.2.13u 4.2.13u 4.2.13u 4.2.13u 4.2.13u 4.2.13u",
        title: "pods are limited in processes",
        criterion: Kubelet(KubeletRule::Positive(POD_PIDS_LIMIT)),
    },
    Control {
        key: "kubelet.seccompDefault",
        node: NodeType::Node,
        ids: "- - - - - - - 4.2.14u 4.2.14u 4.2.14u",
        title: "pods run with the runtime's seccomp profile",
        criterion: Kubelet(KubeletRule::On(SECCOMP_DEFAULT)),
    },
    Control {
        key: "kubeproxy.metrics",
        node: NodeType::Node,
        ids: "- - - - - 4.3.1 4.3.1 4.3.1 4.3.1 4.3.1",
        title: "kube-proxy's metrics are on loopback",
        criterion: Flag(
            KubeComponent::KubeProxy,
            Rule::LoopbackOrUnset("metrics-bind-address"),
        ),
    },
];
