//! The host as the kubelet meets it, for [`crate::rke2::refusals`].

use std::cell::RefCell;

use crate::facts::{Cgroup, Reading};
use crate::host::{HostRoot, facts, kubelet};
use crate::kubernetes::kubelet::machine::{Machine, Presence};

/// Calls `f` with the host. Nothing of it is read that `f` does not ask for. Files that decided something are added to
/// `named`.
pub(super) fn with<T>(
    root: &HostRoot,
    named: &mut Vec<String>,
    f: impl FnOnce(Machine<'_>) -> T,
) -> T {
    let missing = RefCell::new(Vec::new());
    let presence = |path: &str| {
        let presence = kubelet::presence(root, path);
        if matches!(presence, Presence::Missing | Presence::Directory) {
            missing.borrow_mut().push(path.to_owned());
        }
        presence
    };
    let has_cgroup_v1 = || match facts::cgroup(root) {
        Reading::Known(cgroup) => Some(cgroup == Cgroup::V1),
        Reading::Unknown { .. } => None,
    };
    let result = f(Machine {
        presence: &presence,
        has_cgroup_v1: &has_cgroup_v1,
        memory: &|| kubelet::memory(root),
        cpus: &|| kubelet::cpus(root),
        numa_nodes: &|| kubelet::numa_nodes(root),
        swaps: &|| kubelet::swaps(root),
        ..Machine::unknown()
    });
    named.append(&mut missing.into_inner());
    result
}
