//! The ports, each with who listens there and with what ends without it.

use crate::finding::{Component, Stage};
use crate::kubernetes::Program;

/// Which port.
pub(super) enum Port {
    /// Always this one.
    Is(u16),
    /// The kubelet's own.
    Kubelet,
    /// That of the load balancer of agents.
    LoadBalancer,
    /// The one below that, at which the API server is reached.
    ApiServerProxy,
}

/// On which addresses.
pub(super) enum Bind {
    /// All of both families, unless `bind-address` is set.
    All,
    /// 127.0.0.1.
    Loopback,
    /// 127.0.0.1 and the address of the node.
    LoopbackAndNode,
}

/// Who listens, where RKE2 runs it.
pub(super) enum User {
    /// RKE2 as a server.
    Supervisor,
    /// RKE2 where it reaches the API server over others.
    Agent,
    /// A component of Kubernetes.
    Program(Program),
    /// etcd.
    Etcd,
    /// The etcd that RKE2 itself runs for a moment, to read what an earlier start left.
    TemporaryEtcd,
    /// RKE2's own containerd.
    Containerd,
    /// A pod of the network plugin with this name.
    Cni(&'static [&'static str]),
}

/// A port that RKE2 or a component listens on.
pub(super) struct Row {
    pub(super) port: Port,
    pub(super) bind: Bind,
    pub(super) user: User,
    /// Whether the socket has `SO_REUSEPORT`, so that it does not conflict with another one of the same user that has.
    pub(super) shares: bool,
    /// Whether a container that an earlier start left may hold it.
    pub(super) left_over: bool,
    pub(super) component: Component,
    pub(super) stage: Stage,
    /// Whether something ends or waits for ever for it; else it is advice.
    pub(super) certain: bool,
    /// Who needs it, in a sentence.
    pub(super) who: &'static str,
    /// The line with which a component ends, by minor release; `{}` is the error.
    pub(super) lines: &'static [(u32, u32, &'static str)],
}

/// Of every minor release.
const ANY: u32 = u32::MAX;

pub(super) const ROWS: &[Row] = &[
    Row {
        port: Port::Is(9345),
        bind: Bind::All,
        user: User::Supervisor,
        shares: true,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Supervisor,
        certain: true,
        who: "RKE2 needs for nodes that join",
        // Between them it is not known which.
        lines: &[
            (0, 28, "init cluster datastore and https: {}"),
            (34, ANY, "failed to start supervisor listener: {}"),
        ],
    },
    Row {
        port: Port::Is(2399),
        bind: Bind::Loopback,
        user: User::TemporaryEtcd,
        shares: false,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Datastore,
        certain: true,
        who: "RKE2 needs to read etcd's data before it starts",
        lines: &[],
    },
    Row {
        port: Port::Is(2400),
        bind: Bind::Loopback,
        user: User::TemporaryEtcd,
        shares: false,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::Datastore,
        certain: true,
        who: "RKE2 needs to read etcd's data before it starts",
        lines: &[],
    },
    Row {
        port: Port::LoadBalancer,
        bind: Bind::Loopback,
        user: User::Agent,
        shares: true,
        left_over: false,
        component: Component::Rke2,
        stage: Stage::LoadBalancer,
        certain: true,
        who: "RKE2 needs to reach the servers",
        lines: &[(0, ANY, "Error starting load balancer: {}")],
    },
    Row {
        port: Port::ApiServerProxy,
        bind: Bind::Loopback,
        user: User::Agent,
        shares: true,
        left_over: true,
        component: Component::Rke2,
        stage: Stage::AgentConfiguration,
        certain: true,
        who: "RKE2 needs to reach the API servers",
        lines: &[(0, ANY, "failed to set apiserver port to {port}: {}")],
    },
    Row {
        port: Port::Is(10010),
        bind: Bind::Loopback,
        user: User::Containerd,
        shares: false,
        left_over: false,
        component: Component::Containerd,
        stage: Stage::Containerd,
        certain: true,
        who: "containerd needs",
        lines: &[(0, ANY, "stream server error: {}")],
    },
    Row {
        port: Port::Kubelet,
        bind: Bind::All,
        user: User::Program(Program::Kubelet),
        shares: false,
        left_over: false,
        component: Component::Kubelet,
        stage: Stage::KubeletServing,
        certain: true,
        who: "the kubelet needs",
        lines: &[(0, ANY, "\"Failed to listen and serve\" err=\"{}\"")],
    },
    etcd(2379, Bind::LoopbackAndNode),
    etcd(2380, Bind::LoopbackAndNode),
    etcd(2381, Bind::Loopback),
    Row {
        port: Port::Is(6443),
        bind: Bind::All,
        user: User::Program(Program::ApiServer),
        shares: false,
        left_over: true,
        component: Component::KubeApiserver,
        stage: Stage::ApiServer,
        certain: true,
        who: "kube-apiserver needs",
        lines: &[(
            0,
            ANY,
            "failed to create listener: failed to listen on {at}: {}",
        )],
    },
    likely(
        10257,
        User::Program(Program::ControllerManager),
        "kube-controller-manager needs",
        true,
    ),
    likely(
        10259,
        User::Program(Program::Scheduler),
        "kube-scheduler needs",
        true,
    ),
    likely(
        10258,
        User::Program(Program::CloudControllerManager),
        "cloud-controller-manager needs",
        true,
    ),
    likely(
        10256,
        User::Program(Program::Proxy),
        "the probe of kube-proxy asks",
        true,
    ),
    likely(
        10249,
        User::Program(Program::Proxy),
        "kube-proxy needs for metrics",
        true,
    ),
    likely(
        10248,
        User::Program(Program::Kubelet),
        "the kubelet needs to say that it is healthy",
        false,
    ),
    likely(9099, User::Cni(&["canal", "calico"]), "Calico needs", true),
    likely(179, User::Cni(&["calico"]), "Calico needs for BGP", true),
    likely(5473, User::Cni(&["calico"]), "Calico's Typha needs", true),
    likely(4240, User::Cni(&["cilium"]), "Cilium needs", true),
];

const fn etcd(port: u16, bind: Bind) -> Row {
    Row {
        port: Port::Is(port),
        bind,
        user: User::Etcd,
        shares: false,
        left_over: true,
        component: Component::Etcd,
        stage: Stage::Etcd,
        certain: true,
        who: "etcd needs",
        lines: &[(0, ANY, "\"msg\":\"discovery failed\",\"error\":\"{}\"")],
    }
}

/// A port whose user tries again, or whose node comes up without it.
const fn likely(port: u16, user: User, who: &'static str, left_over: bool) -> Row {
    Row {
        port: Port::Is(port),
        bind: Bind::Loopback,
        user,
        shares: false,
        left_over,
        component: Component::Rke2,
        stage: Stage::Configuration,
        certain: false,
        who,
        lines: &[],
    }
}
