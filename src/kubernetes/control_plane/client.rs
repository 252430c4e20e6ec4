//! The client of the cluster that a component makes.
//!
//! Upstream: `BuildConfigFromFlags` of `k8s.io/client-go/tools/clientcmd/client_config.go` and `NewForConfig` of
//! `k8s.io/client-go/kubernetes/clientset.go`, the same in 1.24 to 1.37. What a kubeconfig says is not looked at.

use super::state::{FileState, Files, missing};
use crate::kubernetes::Failure;

/// What a static pod, which has no service account, gets where neither a kubeconfig nor a server is given.
pub(super) const NO_CONFIGURATION: &str = "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable";

/// A kubeconfig that is not there.
pub(super) fn missing_file(path: &str, files: &Files<'_>) -> Option<Failure> {
    (!path.is_empty() && files(path) == FileState::Missing)
        .then(|| missing(path, |error| error.replacen("open ", "stat ", 1)))
}

/// `NewForConfigAndClient`: the burst of a client whose rate is limited.
pub(super) fn burst_error(rate: f64, burst: i64) -> Option<String> {
    (rate > 0.0 && burst <= 0).then(|| {
        "burst is required to be greater than 0 when RateLimiter is not set and QPS is set to greater than 0"
            .to_owned()
    })
}
