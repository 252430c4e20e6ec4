//! Parts of a generated host that several tests lay out.

use std::fmt::Write as _;

use super::host::Host;

/// RKE2's configuration with a profile and, if set, `protect-kernel-defaults`.
pub(crate) fn configuration(profile: &str, protect: Option<bool>) -> String {
    let mut config = format!("profile: '{profile}'\n");
    if let Some(protect) = protect {
        writeln!(config, "protect-kernel-defaults: {protect}").unwrap();
    }
    config
}

/// Account files with or without the user and the group `etcd`.
pub(crate) fn accounts(host: &Host, user: bool, group: bool) {
    let row = |exists: bool| if exists { "etcd:x:5:6::/:\n" } else { "" };
    host.file("/etc/passwd", row(user));
    host.file("/etc/group", row(group));
}

/// A cgroup hierarchy of version 2 or 1.
pub(crate) fn cgroup(host: &Host, is_v2: bool) {
    let file = if is_v2 {
        "cgroup.controllers"
    } else {
        "memory/tasks"
    };
    host.file(&format!("/sys/fs/cgroup/{file}"), "cpu\n");
}
