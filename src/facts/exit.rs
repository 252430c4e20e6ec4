//! An exit of a component that RKE2 runs, as its log shows it.

/// The kubelet, or the program of a static pod, exited and does not run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentExit {
    /// `kubelet`, or the name of a static pod: `kube-apiserver`.
    pub component: String,
    /// The reason, in the component's words, in one line. Not made printable.
    pub reason: String,
    /// When it exited, in microseconds since 1970.
    pub at: u64,
    /// How often the container was restarted before; `None` for the kubelet.
    pub restarts: Option<u32>,
    /// The log.
    pub path: String,
    /// Whether it is started again and again.
    pub is_retried: bool,
}
