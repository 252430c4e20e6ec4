//! Reads what a plan needs beside the facts of the checks.

use crate::fix::Host;
use crate::host::{HostRoot, sysctl_d};

/// The host that `root` is.
pub(crate) fn survey(root: &HostRoot) -> Host {
    let prefix = if root.is_live() {
        String::new()
    } else {
        let path = root.path().to_string_lossy();
        path.trim_end_matches('/').to_owned()
    };
    Host {
        live: root.is_live(),
        prefix,
        tree: sysctl_d::collect(root),
    }
}
