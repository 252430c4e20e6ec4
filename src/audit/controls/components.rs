//! What the controller manager and the scheduler are started with, and the control plane's own configuration.

use crate::audit::control::Criterion::{AuditPolicy, ByHand, Flag};
use crate::audit::control::{Control, KubeComponent, NodeType, Rule};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "kcm.terminated-pod-gc-threshold",
        node: NodeType::Master,
        ids: "1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u 1.3.1u",
        title: "pods that ended are collected at a limit that was chosen",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::Set(&["terminated-pod-gc-threshold"]),
        ),
    },
    Control {
        key: "kcm.profiling",
        node: NodeType::Master,
        ids: "1.3.2 1.3.2 1.3.2 1.3.2 1.3.2 1.3.2 1.3.2 1.3.2 1.3.2 1.3.2",
        title: "the controller manager cannot be profiled",
        criterion: Flag(KubeComponent::ControllerManager, Rule::Off("profiling")),
    },
    Control {
        key: "kcm.use-service-account-credentials",
        node: NodeType::Master,
        ids: "1.3.3 1.3.3 1.3.3 1.3.3 1.3.3 1.3.3 1.3.3 1.3.3 1.3.3 1.3.3",
        title: "each controller has credentials of its own",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::On("use-service-account-credentials"),
        ),
    },
    Control {
        key: "kcm.service-account-private-key-file",
        node: NodeType::Master,
        ids: "1.3.4 1.3.4 1.3.4 1.3.4 1.3.4 1.3.4 1.3.4 1.3.4 1.3.4 1.3.4",
        title: "tokens of service accounts are signed with a key of their own",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::Set(&["service-account-private-key-file"]),
        ),
    },
    Control {
        key: "kcm.root-ca-file",
        node: NodeType::Master,
        ids: "1.3.5 1.3.5 1.3.5 1.3.5 1.3.5 1.3.5 1.3.5 1.3.5 1.3.5 1.3.5",
        title: "pods get the CA of the API server",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::Set(&["root-ca-file"]),
        ),
    },
    Control {
        key: "kcm.RotateKubeletServerCertificate",
        node: NodeType::Master,
        ids: "1.3.6s 1.3.6s 1.3.6 1.3.6 1.3.6 1.3.6 1.3.6 1.3.6 1.3.6 1.3.6",
        title: "rotation of kubelet server certificates is not turned off",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::GateNotOff("RotateKubeletServerCertificate"),
        ),
    },
    Control {
        key: "kcm.bind-address",
        node: NodeType::Master,
        ids: "1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7 1.3.7",
        title: "the controller manager listens on loopback",
        criterion: Flag(
            KubeComponent::ControllerManager,
            Rule::Loopback("bind-address"),
        ),
    },
    Control {
        key: "sched.profiling",
        node: NodeType::Master,
        ids: "1.4.1 1.4.1 1.4.1 1.4.1 1.4.1 1.4.1 1.4.1 1.4.1 1.4.1 1.4.1",
        title: "the scheduler cannot be profiled",
        criterion: Flag(KubeComponent::Scheduler, Rule::Off("profiling")),
    },
    Control {
        key: "sched.bind-address",
        node: NodeType::Master,
        ids: "1.4.2 1.4.2 1.4.2 1.4.2 1.4.2 1.4.2 1.4.2 1.4.2 1.4.2 1.4.2",
        title: "the scheduler listens on loopback",
        criterion: Flag(KubeComponent::Scheduler, Rule::Loopback("bind-address")),
    },
    Control {
        key: "cp.client-cert-users",
        node: NodeType::ControlPlane,
        ids: "3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m 3.1.1m",
        title: "people do not use client certificates",
        criterion: ByHand(
            "check who holds certificates that the client CA signed: they cannot be revoked",
        ),
    },
    Control {
        key: "cp.sa-token-users",
        node: NodeType::ControlPlane,
        ids: "- - - 3.1.2m 3.1.2m 3.1.2m 3.1.2m 3.1.2m 3.1.2m 3.1.2m",
        title: "people do not use tokens of service accounts",
        criterion: ByHand("check who uses tokens of service accounts from outside the cluster"),
    },
    Control {
        key: "cp.bootstrap-token-users",
        node: NodeType::ControlPlane,
        ids: "- - - 3.1.3m 3.1.3m 3.1.3m 3.1.3m 3.1.3m 3.1.3m 3.1.3m",
        title: "people do not use bootstrap tokens",
        criterion: ByHand("check who uses bootstrap tokens: they are for nodes that join"),
    },
    Control {
        key: "cp.audit-policy",
        node: NodeType::ControlPlane,
        ids: "3.2.1 3.2.1 3.2.1 3.2.1 3.2.1 3.2.1 3.2.1 3.2.1 3.2.1 3.2.1",
        title: "the API server has an audit policy",
        criterion: Flag(KubeComponent::ApiServer, Rule::Set(&["audit-policy-file"])),
    },
    Control {
        key: "cp.audit-policy-content",
        node: NodeType::ControlPlane,
        ids: "3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m 3.2.2m",
        title: "the audit policy logs what matters",
        criterion: AuditPolicy,
    },
];
