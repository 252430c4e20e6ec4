//! Files of the control plane: static pods, network plugins, credentials, certificates, etcd's data.

use super::{CERTIFICATES, CLOSED, DIRECTORY, KEYS};
use crate::audit::control::Criterion::{Mode, Owner};
use crate::audit::control::{Control, FileSet, NodeType, Who};

pub(super) const CONTROLS: &[Control] = &[
    Control {
        key: "podmanifest.kube-apiserver.mode",
        node: NodeType::Master,
        ids: "1.1.1 1.1.1 1.1.1u 1.1.1 1.1.1 1.1.1 1.1.1 1.1.1 1.1.1 1.1.1",
        title: "the API server's static pod is closed to others",
        criterion: Mode(
            FileSet::File("agent/pod-manifests/kube-apiserver.yaml"),
            CLOSED,
        ),
    },
    Control {
        key: "podmanifest.kube-apiserver.owner",
        node: NodeType::Master,
        ids: "1.1.2 1.1.2 1.1.2 1.1.2 1.1.2 1.1.2 1.1.2 1.1.2 1.1.2 1.1.2",
        title: "the API server's static pod belongs to root",
        criterion: Owner(
            FileSet::File("agent/pod-manifests/kube-apiserver.yaml"),
            Who::Root,
        ),
    },
    Control {
        key: "podmanifest.kube-controller-manager.mode",
        node: NodeType::Master,
        ids: "1.1.3 1.1.3 1.1.3u 1.1.3 1.1.3 1.1.3 1.1.3 1.1.3 1.1.3 1.1.3",
        title: "the controller manager's static pod is closed to others",
        criterion: Mode(
            FileSet::File("agent/pod-manifests/kube-controller-manager.yaml"),
            CLOSED,
        ),
    },
    Control {
        key: "podmanifest.kube-controller-manager.owner",
        node: NodeType::Master,
        ids: "1.1.4 1.1.4 1.1.4 1.1.4 1.1.4 1.1.4 1.1.4 1.1.4 1.1.4 1.1.4",
        title: "the controller manager's static pod belongs to root",
        criterion: Owner(
            FileSet::File("agent/pod-manifests/kube-controller-manager.yaml"),
            Who::Root,
        ),
    },
    Control {
        key: "podmanifest.kube-scheduler.mode",
        node: NodeType::Master,
        ids: "1.1.5 1.1.5 1.1.5u 1.1.5 1.1.5 1.1.5 1.1.5 1.1.5 1.1.5 1.1.5",
        title: "the scheduler's static pod is closed to others",
        criterion: Mode(
            FileSet::File("agent/pod-manifests/kube-scheduler.yaml"),
            CLOSED,
        ),
    },
    Control {
        key: "podmanifest.kube-scheduler.owner",
        node: NodeType::Master,
        ids: "1.1.6 1.1.6 1.1.6 1.1.6 1.1.6 1.1.6 1.1.6 1.1.6 1.1.6 1.1.6",
        title: "the scheduler's static pod belongs to root",
        criterion: Owner(
            FileSet::File("agent/pod-manifests/kube-scheduler.yaml"),
            Who::Root,
        ),
    },
    Control {
        key: "podmanifest.etcd.mode",
        node: NodeType::Master,
        ids: "1.1.7 1.1.7u 1.1.7u 1.1.7u 1.1.7u 1.1.7u 1.1.7u 1.1.7u 1.1.7u 1.1.7u",
        title: "etcd's static pod is closed to others",
        criterion: Mode(FileSet::File("agent/pod-manifests/etcd.yaml"), CLOSED),
    },
    Control {
        key: "podmanifest.etcd.owner",
        node: NodeType::Master,
        ids: "1.1.8 1.1.8u 1.1.8u 1.1.8u 1.1.8u 1.1.8u 1.1.8u 1.1.8u 1.1.8u 1.1.8u",
        title: "etcd's static pod belongs to root",
        criterion: Owner(FileSet::File("agent/pod-manifests/etcd.yaml"), Who::Root),
    },
    Control {
        key: "cni.mode",
        node: NodeType::Master,
        ids: "1.1.9 1.1.9u 1.1.9u 1.1.9u 1.1.9u 1.1.9u 1.1.9u 1.1.9u 1.1.9u 1.1.9u",
        title: "the network plugins' configuration is closed to others",
        criterion: Mode(FileSet::Cni, CLOSED),
    },
    Control {
        key: "cni.owner",
        node: NodeType::Master,
        ids: "1.1.10 1.1.10u 1.1.10u 1.1.10u 1.1.10u 1.1.10u 1.1.10u 1.1.10u 1.1.10u 1.1.10u",
        title: "the network plugins' configuration belongs to root",
        criterion: Owner(FileSet::Cni, Who::Root),
    },
    Control {
        key: "etcd.datadir.mode",
        node: NodeType::Master,
        ids: "1.1.11 1.1.11u 1.1.11u 1.1.11u 1.1.11u 1.1.11u 1.1.11u 1.1.11u 1.1.11u 1.1.11u",
        title: "etcd's data is closed to all but etcd",
        criterion: Mode(FileSet::Directory("server/db/etcd"), DIRECTORY),
    },
    Control {
        key: "etcd.datadir.owner",
        node: NodeType::Master,
        ids: "1.1.12 1.1.12u 1.1.12u 1.1.12u 1.1.12u 1.1.12u 1.1.12u 1.1.12u 1.1.12u 1.1.12u",
        title: "etcd's data belongs to the account etcd",
        criterion: Owner(FileSet::Directory("server/db/etcd"), Who::Etcd),
    },
    Control {
        key: "cred.admin.mode",
        node: NodeType::Master,
        ids: "1.1.13 1.1.13 1.1.13 1.1.13 1.1.13 1.1.13 1.1.13 1.1.13 1.1.13 1.1.13",
        title: "the administrator's credentials are closed to others",
        criterion: Mode(FileSet::File("server/cred/admin.kubeconfig"), CLOSED),
    },
    Control {
        key: "cred.admin.owner",
        node: NodeType::Master,
        ids: "1.1.14 1.1.14 1.1.14 1.1.14 1.1.14 1.1.14 1.1.14 1.1.14 1.1.14 1.1.14",
        title: "the administrator's credentials belong to root",
        criterion: Owner(FileSet::File("server/cred/admin.kubeconfig"), Who::Root),
    },
    Control {
        key: "cred.scheduler.mode",
        node: NodeType::Master,
        ids: "1.1.15 1.1.15 1.1.15 1.1.15 1.1.15 1.1.15 1.1.15 1.1.15 1.1.15 1.1.15",
        title: "the scheduler's credentials are closed to others",
        criterion: Mode(FileSet::File("server/cred/scheduler.kubeconfig"), CLOSED),
    },
    Control {
        key: "cred.scheduler.owner",
        node: NodeType::Master,
        ids: "1.1.16 1.1.16 1.1.16 1.1.16 1.1.16 1.1.16 1.1.16 1.1.16 1.1.16 1.1.16",
        title: "the scheduler's credentials belong to root",
        criterion: Owner(FileSet::File("server/cred/scheduler.kubeconfig"), Who::Root),
    },
    Control {
        key: "cred.controller.mode",
        node: NodeType::Master,
        ids: "1.1.17 1.1.17 1.1.17 1.1.17 1.1.17 1.1.17 1.1.17 1.1.17 1.1.17 1.1.17",
        title: "the controller manager's credentials are closed to others",
        criterion: Mode(FileSet::File("server/cred/controller.kubeconfig"), CLOSED),
    },
    Control {
        key: "cred.controller.owner",
        node: NodeType::Master,
        ids: "1.1.18 1.1.18 1.1.18 1.1.18 1.1.18 1.1.18 1.1.18 1.1.18 1.1.18 1.1.18",
        title: "the controller manager's credentials belong to root",
        criterion: Owner(
            FileSet::File("server/cred/controller.kubeconfig"),
            Who::Root,
        ),
    },
    Control {
        key: "pki.owner",
        node: NodeType::Master,
        ids: "1.1.19 1.1.19 1.1.19 1.1.19 1.1.19 1.1.19 1.1.19 1.1.19 1.1.19 1.1.19",
        title: "the cluster's certificates and keys belong to root, etcd's own to etcd",
        criterion: Owner(
            FileSet::Tree("server/tls"),
            Who::RootOrEtcdBelow("server/tls/etcd"),
        ),
    },
    Control {
        key: "pki.cert.mode",
        node: NodeType::Master,
        ids: "1.1.20 1.1.20u 1.1.20u 1.1.20u 1.1.20u 1.1.20u 1.1.20u 1.1.20 1.1.20 1.1.20",
        title: "the cluster's certificates cannot be changed by others",
        criterion: Mode(FileSet::Suffix("server/tls", ".crt"), CERTIFICATES),
    },
    Control {
        key: "pki.key.mode",
        node: NodeType::Master,
        ids: "1.1.21 1.1.21u 1.1.21 1.1.21 1.1.21 1.1.21 1.1.21 1.1.21 1.1.21 1.1.21",
        title: "the cluster's keys are closed to others",
        criterion: Mode(FileSet::Suffix("server/tls", ".key"), KEYS),
    },
];
