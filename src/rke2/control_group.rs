//! Names of control groups: of RKE2's units, and of the pods that the kubelet starts.

use super::role::Role;

/// Whether a control group is that of one of RKE2's units, or below it. Only slices, which systemd makes,
/// lie above a unit; groups that a service or scope makes itself lie below that.
pub(crate) fn in_rke2_unit(group: &str) -> bool {
    unit_of(group).is_some_and(|unit| Role::ALL.into_iter().any(|role| unit == role.unit()))
}

/// The unit that a control group is of, or below: `ssh.service`.
pub(crate) fn unit_of(group: &str) -> Option<&str> {
    let mut parts = group.split('/').filter(|part| !part.is_empty());
    parts.find(|part| part.strip_suffix(".slice").is_none())
}

/// Whether a control group is in one that a kubelet makes for its pods, wherever that is.
pub(crate) fn is_of_pods(group: &str) -> bool {
    group
        .split('/')
        .any(|part| matches!(part, "kubepods" | "kubepods.slice"))
}

/// The uid of the pod whose control group this is, or is below. Groups that a pod makes for itself
/// lie deeper.
pub(crate) fn pod_of(group: &str) -> Option<&str> {
    const CLASSES: [&str; 3] = ["burstable", "besteffort", "guaranteed"];
    let mut parts = group.split('/').filter(|part| !part.is_empty());
    let by_systemd = match parts.next()? {
        "kubepods.slice" => true,
        "kubepods" => false,
        _ => return None,
    };
    let mut before = "kubepods-".to_owned();
    let mut part = parts.next()?;
    for class in CLASSES {
        if by_systemd && part == format!("kubepods-{class}.slice") {
            before = format!("kubepods-{class}-");
            part = parts.next()?;
        } else if !by_systemd && part == class {
            part = parts.next()?;
        }
    }
    let part = if by_systemd {
        part.strip_suffix(".slice")?.strip_prefix(&before)?
    } else {
        part
    };
    part.strip_prefix("pod")
}

/// A uid without the separators, which the drivers of control groups write differently.
pub(crate) fn plain(uid: &str) -> String {
    uid.replace(['-', '_'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_groups_name_their_pod() {
        let uid = "0a1b2c3d111122223333444455556666";
        for (group, expected) in [
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice/cri-containerd-x.scope",
                Some(uid),
            ),
            (
                "/kubepods.slice/kubepods-pod0a1b2c3d_1111_2222_3333_444455556666.slice/x.scope",
                Some(uid),
            ),
            (
                "/kubepods/burstable/pod0a1b2c3d-1111-2222-3333-444455556666/x",
                Some(uid),
            ),
            ("/kubepods/pod0a1b2c3d111122223333444455556666", Some(uid)),
            // What a pod, or a user, made for itself.
            (
                "/kubepods.slice/kubepods-pod9.slice/x.scope/kubepods-pod0a1b2c3d111122223333444455556666.slice",
                Some("9"),
            ),
            (
                "/kubepods/pod9/x/pod0a1b2c3d111122223333444455556666",
                Some("9"),
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/kubepods.slice/kubepods-pod0a.slice",
                None,
            ),
            ("/system.slice/x.service", None),
            ("/kubepods.slice/x-pod0a.slice", None),
            ("", None),
        ] {
            assert_eq!(pod_of(group).map(plain).as_deref(), expected, "{group}");
        }
    }

    #[test]
    fn only_slices_lie_above_rke2s_unit() {
        for (group, is_own) in [
            ("/system.slice/rke2-server.service", true),
            ("/system.slice/rke2-agent.service/kubelet", true),
            ("/kube.slice/kube-node.slice/rke2-server.service", true),
            ("/system.slice/my-rke2-server.service", false),
            (
                "/user.slice/user-1000.slice/user@1000.service/rke2-server.service",
                false,
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/system.slice/rke2-server.service",
                false,
            ),
            ("/kubepods/pod9/rke2-server.service", false),
            (
                "/machine.slice/x.scope/system.slice/rke2-server.service",
                false,
            ),
            ("/../rke2-server.service", false),
            ("", false),
        ] {
            assert_eq!(in_rke2_unit(group), is_own, "{group}");
        }
    }
}
