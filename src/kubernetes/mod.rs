//! What the components of Kubernetes accept: their flags, feature gates and configuration files, by minor
//! release. Knows nothing of RKE2: [`crate::rke2`] works out which arguments and files it gives them.
//!
//! ```text
//! tables          flags, feature gates and fields of configuration files, as data made from the components
//! arguments       a command line, as the components' flag parser reads it
//! feature_gates   `--feature-gates`, as the components set them
//! codec           a configuration file, as the components decode it
//! tls             cipher suites and versions of TLS
//! kubelet         what ends the kubelet
//! control_plane   what ends the API server, controller manager, scheduler, kube-proxy, cloud controller manager
//! log             why a component has exited, from its log
//! ```

pub(crate) mod arguments;
pub(crate) mod codec;
pub(crate) mod control_plane;
pub(crate) mod feature_gates;
pub(crate) mod kubelet;
pub(crate) mod log;
pub(crate) mod tables;
pub(crate) mod tls;

/// A component that RKE2 gives arguments to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// `kubelet`.
    Kubelet,
    /// `kube-apiserver`.
    ApiServer,
    /// `kube-controller-manager`.
    ControllerManager,
    /// `kube-scheduler`.
    Scheduler,
    /// `kube-proxy`.
    Proxy,
    /// `cloud-controller-manager`.
    CloudControllerManager,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Kubelet,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Proxy,
        Self::CloudControllerManager,
    ];

    /// The name of its executable.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
            Self::CloudControllerManager => "cloud-controller-manager",
        }
    }
}

/// A minor release of Kubernetes: `Minor(37)` is 1.37.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor(pub u32);

/// The oldest and the newest minor whose components are known.
pub(crate) const OLDEST: Minor = Minor(24);
/// See [`OLDEST`].
pub(crate) const NEWEST: Minor = Minor(37);

/// Why a component exits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error that it logs before it exits, without the time and place of the log line and without the
    /// words that wrap it in the log (`"command failed" err="…"`):
    /// `failed to parse kubelet flag: unknown flag: --pod-infra-container-image`.
    pub message: String,
    /// What has to change.
    pub cause: Cause,
    /// Whether it depends on which names (flags, gates, fields) the release knows: a later patch may know more.
    pub rests_on_names: bool,
}

/// What a failure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Arguments, by their position on the command line. Several where the component checks them together.
    Arguments(Vec<usize>),
    /// A file that the component reads.
    File {
        /// Its path, as the component is given it.
        path: String,
        /// The line, from 1, where one is known.
        line: Option<u32>,
    },
}
