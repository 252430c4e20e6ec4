//! What a control is: data on what it requires of which node, under which number in which benchmark, and
//! whether a scanner counts it.

use serde::Serialize;

use super::benchmark::Benchmark;
use super::ciphers::Suite;
use crate::kubernetes::Program;
use crate::rke2::components;

/// One control of the benchmarks, or one requirement of the hardening guide that no benchmark has.
#[derive(Debug, PartialEq, Eq)]
pub struct Control {
    /// Its name here: stable across benchmarks, dotted.
    pub key: &'static str,
    /// The kind of node it applies to.
    pub node: NodeType,
    /// Its number in each benchmark of [`Benchmark::ALL`], `-` where that has none. A letter behind:
    /// `u` unscored, `m` to be checked manually, `s` not applicable on RKE2.
    pub ids: &'static str,
    /// What is true where it is met.
    pub title: &'static str,
    /// What is required.
    pub criterion: Criterion,
}

/// The kinds of node that scanners distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeType {
    /// The control plane: section 1.
    Master,
    /// etcd: section 2.
    Etcd,
    /// The control plane's configuration: section 3.
    ControlPlane,
    /// Every node: section 4.
    Node,
}

impl NodeType {
    /// In the order of the benchmark.
    pub const ALL: [Self; 4] = [Self::Master, Self::Etcd, Self::ControlPlane, Self::Node];

    /// As scanners write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "master",
            Self::Etcd => "etcd",
            Self::ControlPlane => "controlplane",
            Self::Node => "node",
        }
    }
}

/// How a control counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scoring {
    /// Not met, it fails.
    Scored,
    /// Not met, it is a warning.
    Unscored,
    /// It has to be checked manually; what can be determined is printed.
    Manual,
    /// RKE2 has nothing that it could apply to.
    NotApplicable,
}

/// A control in one benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    /// Its number: `1.1.12`.
    pub id: &'static str,
    /// How it counts.
    pub scoring: Scoring,
}

impl Control {
    /// The control in `benchmark`, if that has it.
    pub fn edition(&self, benchmark: Benchmark) -> Option<Edition> {
        let cell = self.ids.split(' ').nth(benchmark.column())?;
        let kinds = [
            ("u", Scoring::Unscored),
            ("m", Scoring::Manual),
            ("s", Scoring::NotApplicable),
        ];
        let marked = kinds
            .iter()
            .find_map(|(mark, kind)| Some((cell.strip_suffix(mark)?, *kind)));
        let (id, scoring) = marked.unwrap_or((cell, Scoring::Scored));
        match id {
            "-" => None,
            // A requirement of the guide has no number: its key stands for one.
            "guide" => Some(Edition {
                id: self.key,
                scoring,
            }),
            id => Some(Edition { id, scoring }),
        }
    }

    /// Whether it comes from the hardening guide, not from a benchmark.
    pub fn is_beyond(&self) -> bool {
        self.key.starts_with("guide.")
    }
}

/// Which files a criterion is about. Paths are relative to RKE2's data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSet {
    /// One file.
    File(&'static str),
    /// One directory, without its content.
    Directory(&'static str),
    /// The files in a directory whose names have a suffix: directory, suffix.
    Suffix(&'static str, &'static str),
    /// A directory and everything below it.
    Tree(&'static str),
    /// The configuration of network plugins.
    Cni,
}

/// The mode bits that may be set, by benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The limit, unless the benchmark is named below.
    pub usual: u32,
    /// The limit in the benchmarks named.
    pub other: u32,
    /// Which these are.
    pub in_benchmarks: &'static [Benchmark],
}

impl Limit {
    /// The bits that `benchmark` allows.
    pub fn of(&self, benchmark: Benchmark) -> u32 {
        if self.in_benchmarks.contains(&benchmark) {
            self.other
        } else {
            self.usual
        }
    }
}

/// The required owner of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// User and group root.
    Root,
    /// User and group etcd.
    Etcd,
    /// User and group root, or below this directory of the data directory etcd.
    RootOrEtcdBelow(&'static str),
}

/// A part of RKE2 with a command line of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KubeComponent {
    /// kube-apiserver.
    ApiServer,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// kube-proxy.
    KubeProxy,
}

impl KubeComponent {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::KubeProxy,
    ];

    pub(super) const fn kubernetes(self) -> Program {
        match self {
            Self::ApiServer => Program::ApiServer,
            Self::ControllerManager => Program::ControllerManager,
            Self::Scheduler => Program::Scheduler,
            Self::KubeProxy => Program::Proxy,
        }
    }

    /// The name of its program, and of its static pod.
    pub const fn program(self) -> &'static str {
        self.kubernetes().as_str()
    }

    /// RKE2's own setting that adds to its flags.
    pub const fn setting(self) -> &'static str {
        components::setting(self.kubernetes())
    }
}

/// What is required of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A boolean flag is false, explicitly.
    Off(&'static str),
    /// A boolean flag is true, explicitly.
    On(&'static str),
    /// A boolean flag is true, or not given.
    OnOrUnset(&'static str),
    /// Each of these has a value.
    Set(&'static [&'static str]),
    /// It is not given.
    Unset(&'static str),
    /// A list has this item.
    Has(&'static str, &'static str),
    /// A list has one of these items.
    HasOneOf(&'static str, &'static [&'static str]),
    /// A list does not have this item.
    Lacks(&'static str, &'static str),
    /// A number of at least this.
    AtLeast(&'static str, i64),
    /// The number 0.
    Zero(&'static str),
    /// A number above 0, or not given.
    PositiveOrUnset(&'static str),
    /// A duration above 0, or not given.
    DurationOrUnset(&'static str),
    /// A loopback address, or not given.
    Loopback(&'static str),
    /// An address and port on loopback, or not given.
    LoopbackOrUnset(&'static str),
    /// A feature gate is not turned off.
    GateNotOff(&'static str),
    /// Every suite of `tls-cipher-suites` is one of these, and there is one.
    Ciphers(&'static [Suite]),
}

/// What is required of etcd's configuration: a section, a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtcdRule {
    /// Each key names this file of the data directory.
    Files(&'static str, &'static [(&'static str, &'static str)]),
    /// It is on.
    On(&'static str, &'static str),
    /// It is off, or not set.
    OffOrUnset(&'static str, &'static str),
}

/// A setting of the kubelet: its flag, and its path in the configuration files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubeletSetting {
    /// The flag, without dashes.
    pub flag: &'static str,
    /// The field, dotted.
    pub field: &'static str,
}

/// What is required of the kubelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubeletRule {
    /// Off, explicitly.
    Off(KubeletSetting),
    /// On, explicitly.
    On(KubeletSetting),
    /// On, or not set.
    OnOrUnset(KubeletSetting),
    /// Set, and not to this.
    IsNot(KubeletSetting, &'static str),
    /// Each of these has a value.
    Set(&'static [KubeletSetting]),
    /// 0; not set will do from that benchmark on.
    Zero {
        /// Which.
        setting: KubeletSetting,
        /// The first benchmark that takes a missing one.
        unset_since: Option<Benchmark>,
    },
    /// A duration other than 0, or not set.
    NotZero(KubeletSetting),
    /// A number of 0 and more, or not set.
    NotNegative(KubeletSetting),
    /// A number above 0.
    Positive(KubeletSetting),
    /// A feature gate is not turned off.
    GateNotOff(&'static str),
    /// Every suite is one of these, and there is one.
    Ciphers(&'static [Suite]),
}

/// What a control requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Modes of files.
    Mode(FileSet, Limit),
    /// Owners of files.
    Owner(FileSet, Who),
    /// A command line.
    Flag(KubeComponent, Rule),
    /// etcd's configuration.
    Etcd(EtcdRule),
    /// The kubelet's flags and files.
    Kubelet(KubeletRule),
    /// The file of encryption providers.
    Encryption,
    /// The audit policy's rules.
    AuditPolicy,
    /// Who etcd's static pod runs as.
    EtcdPodUser,
    /// What pod security enforces where a namespace says nothing.
    PodSecurity,
    /// Which namespaces pod security leaves out.
    PodSecurityExemptions,
    /// Nothing that can be checked automatically: what to check manually.
    ByHand(&'static str),
    /// Nothing, on RKE2: why.
    Absent(&'static str),
}
