//! File systems that RKE2, its containerd or its kubelet cannot work on, and full ones.
//!
//! Source: rancher/rke2 `pkg/rke2/rke2_linux.go`, k3s-io/k3s `pkg/agent/containerd/config.go` and
//! `pkg/daemons/control/deps/deps.go`, containerd 2.2.3 `plugins/snapshots/overlay/overlayutils`, rancher/rke2#6491,
//! k3s-io/k3s#3266; the kubelet's answers were recorded with 1.30 to 1.36.

use crate::facts::node::{Mount, Place, Space};
use crate::facts::{Evidence, Part, Source};
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::rke2::config::SettingOrigin;
use crate::unit::SEARCH_PATH;

use super::{Node, NodeProblem, Start};

const MOUNTS: &str = "/proc/mounts";
/// Where the kubelet keeps its state, wherever RKE2's data directory is.
const KUBELET: &str = "/var/lib/kubelet";
/// Where the kubelet makes links to the logs of containers.
const CONTAINER_LOGS: &str = "/var/log/containers";
/// What an agent proves itself with when it joins again.
const NODE_PASSWORD: &str = "/etc/rancher/node/password";

pub(super) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let data_dir = start.data_dir();
    let mut all = Vec::new();
    all.extend(unwritable(node, &data_dir));
    all.extend(full(node, &data_dir));
    all.extend(kubelet_low(start, node, &data_dir));
    if !start.settings.is_on("disable-agent") {
        all.extend(password(node));
        all.extend(snapshotter(start, node, &data_dir));
        all.extend(no_exec(start, node, &data_dir));
        all.extend(of_kubelet(start, node));
    }
    all
}

fn mounted(mount: &Mount) -> String {
    format!(
        "{} ({}, {})",
        mount.point,
        mount.fs_type,
        crate::text::without_userinfo(&mount.source)
    )
}

fn evidence() -> Vec<Evidence> {
    vec![Evidence::place(Source::file(MOUNTS), Part::Read)]
}

/// A way to change the options of a mount.
fn remount(mount: &Mount, from: &str, to: &str) -> Remedy {
    let point = crate::text::shell_word(&mount.point);
    Remedy::Manual {
        summary: format!(
            "mount {} with {to} in place of {from}, now and in its line of /etc/fstab or its mount unit",
            mount.point
        ),
        commands: vec![format!("mount -o remount,{to} {point}")],
    }
}

/// Why nothing can be made at a path: what stands in the way, and how to remove it.
fn obstacle(path: &str, place: &Place) -> Option<(String, Vec<Remedy>)> {
    if !place.is_directory {
        let file = &place.existing;
        return Some((
            format!("{file} is not a directory"),
            vec![Remedy::manual(format!(
                "move {file} away: RKE2 needs a directory there"
            ))],
        ));
    }
    let mount = place.mount.as_ref().filter(|mount| mount.is_read_only)?;
    Some((
        format!("{path} is on a read-only file system, {}", mounted(mount)),
        vec![
            remount(mount, "ro", "rw"),
            Remedy::manual(
                "if the kernel made it read-only, repair the file system first: `dmesg` has its errors",
            ),
        ],
    ))
}

/// A data directory that RKE2 cannot write to.
fn unwritable(node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let place = node.place(data_dir)?;
    let (what, remedies) = obstacle(data_dir, &place)?;
    Some(NodeProblem {
        evidence: evidence(),
        remedies,
        ..NodeProblem::new(
            CheckId::HostMountReadOnly,
            data_dir,
            Component::Rke2,
            Stage::DataDirectory,
            format!("RKE2 cannot write to its data directory: {what}"),
        )
    })
}

/// The directory of the kubelet's state. `None` where an argument moves it.
pub(super) fn kubelet_dir(start: &Start<'_>) -> Option<String> {
    (!start.sets_kubelet_arg("root-dir")).then(|| KUBELET.to_owned())
}

/// The directories of the kubelet.
fn of_kubelet(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    let mut check = |path: &str, only_missing: bool| {
        let place = node.place(path)?;
        if only_missing && place.exists && place.is_directory {
            return None;
        }
        let (what, remedies) = obstacle(path, &place)?;
        all.push(NodeProblem {
            evidence: evidence(),
            remedies,
            ..NodeProblem::new(
                CheckId::HostMountReadOnly,
                path,
                Component::Kubelet,
                Stage::KubeletCreation,
                format!("the kubelet cannot write to {path}: {what}"),
            )
        });
        Some(())
    };
    if let Some(path) = kubelet_dir(start) {
        check(&path, false);
    }
    check(CONTAINER_LOGS, true);
    all
}

/// The password of a node, which is made once.
fn password(node: &dyn Node) -> Option<NodeProblem> {
    let place = node.place(NODE_PASSWORD)?;
    if place.exists {
        return None;
    }
    let (what, remedies) = obstacle(NODE_PASSWORD, &place)?;
    Some(NodeProblem {
        evidence: evidence(),
        remedies,
        notes: vec![
            "RKE2 makes a password of the node with its first start, and waits for ever if it cannot"
                .to_owned(),
        ],
        ..NodeProblem::new(
            CheckId::HostMountReadOnly,
            NODE_PASSWORD,
            Component::Rke2,
            Stage::AgentConfiguration,
            format!("RKE2 cannot make {NODE_PASSWORD}: {what}"),
        )
    })
}

/// Programs that cannot be executed.
fn no_exec(start: &Start<'_>, node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let path = format!("{data_dir}/data");
    let mount = node.place(&path)?.mount.filter(|mount| mount.is_no_exec)?;
    // Go skips what cannot be executed: RKE2 then runs those of the distribution, where it has them.
    let own_containerd = start.settings.text("container-runtime-endpoint").is_empty();
    let mut programs = vec!["kubelet"];
    if own_containerd {
        programs.push("containerd");
    }
    let is_elsewhere = |program: &&str| {
        let mut paths = SEARCH_PATH
            .iter()
            .map(|directory| format!("{directory}/{program}"));
        paths.any(|path| node.exists(&path) != Some(false))
    };
    if programs.iter().all(is_elsewhere) {
        return None;
    }
    Some(NodeProblem {
        evidence: evidence(),
        notes: vec![
            "containerd and the kubelet are not found: `exec: \"kubelet\": executable file not found in $PATH`"
                .to_owned(),
        ],
        remedies: vec![
            remount(&mount, "noexec", "exec"),
            Remedy::manual(
                "or give RKE2's data directory a file system of its own, mounted without noexec",
            ),
        ],
        actual: Some("noexec".to_owned()),
        ..NodeProblem::new(
            CheckId::HostMountExec,
            &path,
            Component::Rke2,
            Stage::Containerd,
            format!(
                "RKE2's programs in {path} cannot be executed: {} is mounted noexec",
                mounted(&mount)
            ),
        )
    })
}

/// Whether the kernel cannot mount an overlay whose upper directory is on it.
fn refuses_overlay(fs_type: &str) -> bool {
    matches!(
        fs_type,
        "nfs" | "nfs4" | "overlay" | "9p" | "cifs" | "smb3" | "ecryptfs" | "fuse" | "fuseblk"
    ) || fs_type.starts_with("fuse.")
}

/// The directory of containerd on a file system on which its snapshotter does not work.
fn snapshotter(start: &Start<'_>, node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let settings = start.settings;
    if !settings.text("container-runtime-endpoint").is_empty() {
        return None;
    }
    let setting = settings.get("snapshotter")?;
    if settings.text("snapshotter") != "overlayfs" {
        return None;
    }
    let path = format!("{data_dir}/agent/containerd");
    let place = node.place(&path)?;
    let mount = place.mount?;
    // An XFS that was made with ftype=0.
    let has_no_types = mount.fs_type == "xfs" && node.lists_types(&place.existing) == Some(false);
    if !refuses_overlay(&mount.fs_type) && !has_no_types {
        return None;
    }
    let (reason, actual) = if has_no_types {
        (
            "; it does not support d_type: an XFS must be made with ftype=1",
            "xfs made with ftype=0".to_owned(),
        )
    } else {
        ("", mount.fs_type.clone())
    };
    let origin = setting.sources.last().unwrap_or(&SettingOrigin::Default);
    let mut remedies = origin.remedies("snapshotter", None, &Change::Set("native".to_owned()));
    remedies.push(Remedy::manual(format!(
        "or mount a local file system, such as ext4 or xfs, on {data_dir}"
    )));
    Some(NodeProblem {
        evidence: evidence(),
        notes: vec![format!(
            "RKE2 waits for ever: \"overlayfs\" snapshotter cannot be enabled for \"{path}\", try using \
             \"fuse-overlayfs\" or \"native\"{reason}. The snapshotter native takes much more space"
        )],
        required: Some("a file system on which overlayfs can be mounted".to_owned()),
        actual: Some(actual),
        remedies,
        ..NodeProblem::new(
            CheckId::HostMountSnapshotter,
            &path,
            Component::Rke2,
            Stage::AgentConfiguration,
            format!(
                "containerd cannot use overlayfs in {path}, which is on {}",
                mounted(&mount)
            ),
        )
    })
}

/// The kubelet evicts pods below this share of the file system.
const EVICTED: u64 = 5;
/// etcd writes a log of 64 MB at a time, and prepares the next one.
const ETCD: u64 = 128 << 20;

/// The place of a directory, and the room of its file system.
pub(super) fn space(node: &dyn Node, path: &str) -> Option<(Place, Space)> {
    let place = node.place(path)?;
    let space = node.space(&place.existing)?;
    Some((place, space))
}

/// What a file system without a free block, or inode, lacks.
const fn lacking(space: &Space) -> Option<&'static str> {
    if space.bytes > 0 && space.free == 0 {
        Some("free block")
    } else if has_no_inode(space) {
        Some("free inode")
    } else {
        None
    }
}

const fn has_no_inode(space: &Space) -> bool {
    space.inodes > 0 && space.free_inodes == 0
}

/// The file system of a directory, as a sentence names it.
fn holding(place: &Place, path: &str) -> String {
    place.mount.as_ref().map_or_else(
        || format!("the file system of {path}"),
        |mount| format!("{}, which holds {path},", mounted(mount)),
    )
}

fn more_space(place: &Place) -> Vec<Remedy> {
    vec![Remedy::Manual {
        summary: "free space, or enlarge the file system".to_owned(),
        commands: vec![format!(
            "df -h {0}; df -i {0}",
            crate::text::shell_word(&place.existing)
        )],
    }]
}

/// A file system without room, below the data directory.
fn full(node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    let (place, space) = space(node, data_dir)?;
    if let Some(lacks) = lacking(&space) {
        return Some(NodeProblem {
            evidence: evidence(),
            remedies: more_space(&place),
            notes: vec!["RKE2 writes certificates and configuration at each start, and ends with `no space left on device`".to_owned()],
            ..NodeProblem::new(
                CheckId::HostSpace,
                data_dir,
                Component::Rke2,
                Stage::DataDirectory,
                format!("{} has no {lacks}", holding(&place, data_dir)),
            )
        });
    }
    if !node.advises() || space.bytes == 0 {
        return None;
    }
    if space.available < ETCD {
        return Some(low(&place, &space, data_dir, "etcd may fail to write"));
    }
    evicts(&space).then(|| low(&place, &space, data_dir, EVICTS))
}

const EVICTS: &str = "the kubelet evicts pods below 5 %";

/// The share of the file system that is free.
fn percent(space: &Space) -> u64 {
    space.available.saturating_mul(100) / space.bytes.max(1)
}

fn evicts(space: &Space) -> bool {
    percent(space) < EVICTED
}

fn low(place: &Place, space: &Space, path: &str, why: &str) -> NodeProblem {
    let mib = space.available >> 20;
    let percent = percent(space);
    NodeProblem {
        evidence: evidence(),
        remedies: more_space(place),
        ..NodeProblem::advice(
            CheckId::HostSpaceLow,
            path,
            format!(
                "{} has {mib} MiB ({percent} %) free: {why}",
                holding(place, path)
            ),
        )
    }
}

/// Little room below the kubelet's directory, where that is on another file system than RKE2's.
fn kubelet_low(start: &Start<'_>, node: &dyn Node, data_dir: &str) -> Option<NodeProblem> {
    if !node.advises() || start.settings.is_on("disable-agent") {
        return None;
    }
    let path = kubelet_dir(start)?;
    let (place, space) = space(node, &path)?;
    let of_data = node.place(data_dir)?.mount?;
    if space.bytes == 0 || place.mount.as_ref()?.point == of_data.point {
        return None;
    }
    if evicts(&space) {
        return Some(low(&place, &space, &path, EVICTS));
    }
    has_no_inode(&space).then(|| NodeProblem {
        evidence: evidence(),
        remedies: more_space(&place),
        ..NodeProblem::advice(
            CheckId::HostSpaceLow,
            &path,
            format!("{} has no free inode", holding(&place, &path)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::Space;
    use crate::rke2::node::tests::with;

    /// A node of which every path exists, or is missing below `/var/lib`, on one mount.
    struct Disk {
        mount: Mount,
        exists: bool,
        is_directory: bool,
        programs: &'static [&'static str],
        space: Option<Space>,
        lists_types: Option<bool>,
        advises: bool,
    }

    impl Default for Disk {
        fn default() -> Self {
            Self {
                mount: Mount {
                    point: "/var".to_owned(),
                    source: "/dev/sda2".to_owned(),
                    fs_type: "ext4".to_owned(),
                    is_read_only: false,
                    is_no_exec: false,
                },
                exists: false,
                is_directory: true,
                programs: &[],
                space: None,
                lists_types: Some(true),
                advises: false,
            }
        }
    }

    impl Node for Disk {
        fn advises(&self) -> bool {
            self.advises
        }
        fn place(&self, path: &str) -> Option<Place> {
            Some(Place {
                existing: if self.exists { path } else { "/var/lib" }.to_owned(),
                exists: self.exists,
                is_directory: self.is_directory,
                mount: Some(self.mount.clone()),
            })
        }
        fn space(&self, _path: &str) -> Option<Space> {
            self.space
        }
        fn lists_types(&self, directory: &str) -> Option<bool> {
            assert_eq!(directory, "/var/lib");
            self.lists_types
        }
        fn exists(&self, path: &str) -> Option<bool> {
            Some(self.programs.contains(&path))
        }
    }

    /// A node of which nothing is known.
    struct Unknown;

    impl Node for Unknown {}

    fn found(disk: &Disk, config: &str) -> Vec<(CheckId, String)> {
        let problems = with(config, |start| problems(start, disk));
        problems
            .into_iter()
            .map(|problem| (problem.check, problem.subject))
            .collect()
    }

    fn checks(disk: &Disk, config: &str) -> Vec<CheckId> {
        let mut checks: Vec<CheckId> = found(disk, config).into_iter().map(|(id, _)| id).collect();
        checks.dedup();
        checks
    }

    #[test]
    fn a_right_disk_is_not_accused() {
        for exists in [false, true] {
            let disk = Disk {
                exists,
                ..Disk::default()
            };
            assert_eq!(found(&disk, ""), []);
        }
        assert_eq!(with("", |start| problems(start, &Unknown)), []);
    }

    #[test]
    fn programs_must_be_executable_unless_the_distribution_has_both() {
        let mut disk = Disk::default();
        disk.mount.is_no_exec = true;
        let exec = [CheckId::HostMountExec];
        assert_eq!(checks(&disk, ""), exec);
        assert_eq!(checks(&disk, "disable-agent: true"), []);
        disk.programs = &["/usr/bin/containerd"];
        assert_eq!(checks(&disk, ""), exec);
        disk.programs = &["/usr/bin/kubelet"];
        assert_eq!(checks(&disk, ""), exec);
        assert_eq!(checks(&disk, "container-runtime-endpoint: /run/x.sock"), []);
        disk.programs = &["/usr/bin/kubelet", "/usr/local/bin/containerd"];
        assert_eq!(checks(&disk, ""), []);
    }

    #[test]
    fn overlayfs_needs_the_types_of_entries() {
        for (fs_type, lists_types, is_refused) in [
            ("xfs", Some(false), true),
            ("xfs", Some(true), false),
            ("xfs", None, false),
            ("ext4", Some(false), false),
        ] {
            let mut disk = Disk::default();
            disk.mount.fs_type = fs_type.to_owned();
            disk.lists_types = lists_types;
            let refused = is_refused.then_some(CheckId::HostMountSnapshotter);
            assert_eq!(
                checks(&disk, ""),
                Vec::from_iter(refused),
                "{fs_type} {lists_types:?}"
            );
            assert_eq!(checks(&disk, "snapshotter: native"), []);
        }
    }

    #[test]
    fn overlayfs_needs_a_local_file_system() {
        for (fs_type, is_refused) in [
            ("ext4", false),
            ("xfs", false),
            ("btrfs", false),
            ("zfs", false),
            ("tmpfs", false),
            ("virtiofs", false),
            ("nfs4", true),
            ("overlay", true),
            ("fuse.sshfs", true),
            ("9p", true),
        ] {
            let mut disk = Disk::default();
            disk.mount.fs_type = fs_type.to_owned();
            let refused = is_refused.then_some(CheckId::HostMountSnapshotter);
            assert_eq!(checks(&disk, ""), Vec::from_iter(refused), "{fs_type}");
            for config in [
                "snapshotter: native",
                "snapshotter: fuse-overlayfs",
                "snapshotter: stargz",
                "container-runtime-endpoint: /run/x.sock",
                "disable-agent: true",
            ] {
                assert_eq!(checks(&disk, config), [], "{fs_type} {config}");
            }
        }
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let mut disk = Disk::default();
        disk.mount.is_read_only = true;
        let id = CheckId::HostMountReadOnly;
        let of = |path: &str| (id, path.to_owned());
        let all = [
            of("/var/lib/rancher/rke2"),
            of(NODE_PASSWORD),
            of(KUBELET),
            of(CONTAINER_LOGS),
        ];
        assert_eq!(found(&disk, ""), all);
        disk.exists = true;
        assert_eq!(found(&disk, ""), [all[0].clone(), all[2].clone()]);
        let elsewhere = "data-dir: /data\nkubelet-arg: [root-dir=/x]";
        assert_eq!(found(&disk, elsewhere), [of("/data")]);
        disk.mount.is_read_only = false;
        disk.is_directory = false;
        assert_eq!(
            found(&disk, ""),
            [all[0].clone(), all[2].clone(), all[3].clone()]
        );
    }

    #[test]
    fn a_full_file_system_blocks_and_little_room_is_advice() {
        let room = Space {
            bytes: 100 << 30,
            free: 50 << 30,
            available: 50 << 30,
            inodes: 1000,
            free_inodes: 10,
        };
        for (space, blocks, advises) in [
            (room, false, false),
            (
                Space {
                    free: 0,
                    available: 0,
                    ..room
                },
                true,
                true,
            ),
            (
                Space {
                    free_inodes: 0,
                    ..room
                },
                true,
                true,
            ),
            // Without a limit of inodes, as on btrfs.
            (
                Space {
                    inodes: 0,
                    free_inodes: 0,
                    ..room
                },
                false,
                false,
            ),
            // What is reserved for root counts.
            (
                Space {
                    free: 1,
                    available: 0,
                    ..room
                },
                false,
                true,
            ),
            (
                Space {
                    available: 4 << 30,
                    ..room
                },
                false,
                true,
            ),
            (
                Space {
                    bytes: 1 << 30,
                    available: 100 << 20,
                    ..room
                },
                false,
                true,
            ),
            (
                Space {
                    bytes: 0,
                    free: 0,
                    available: 0,
                    inodes: 0,
                    free_inodes: 0,
                },
                false,
                false,
            ),
        ] {
            let mut disk = Disk {
                space: Some(space),
                ..Disk::default()
            };
            let id = if blocks {
                CheckId::HostSpace
            } else {
                CheckId::HostSpaceLow
            };
            assert_eq!(
                checks(&disk, ""),
                Vec::from_iter(blocks.then_some(id)),
                "{space:?}"
            );
            disk.advises = true;
            assert_eq!(
                checks(&disk, ""),
                Vec::from_iter(advises.then_some(id)),
                "{space:?}"
            );
        }
    }

    /// A node whose kubelet has a file system of its own.
    struct Two(Space);

    impl Node for Two {
        fn advises(&self) -> bool {
            true
        }
        fn place(&self, path: &str) -> Option<Place> {
            let point = if path == KUBELET { path } else { "/var" };
            let mount = Mount {
                point: point.to_owned(),
                ..Disk::default().mount
            };
            Some(Place {
                existing: path.to_owned(),
                exists: true,
                is_directory: true,
                mount: Some(mount),
            })
        }
        fn space(&self, path: &str) -> Option<Space> {
            let room = Space {
                bytes: 100 << 30,
                free: 50 << 30,
                available: 50 << 30,
                inodes: 1000,
                free_inodes: 500,
            };
            Some(if path == KUBELET { self.0 } else { room })
        }
    }

    #[test]
    fn the_kubelets_file_system_has_room_too() {
        let room = Space {
            bytes: 100 << 30,
            free: 10 << 30,
            available: 6 << 30,
            inodes: 1000,
            free_inodes: 1,
        };
        let found = |space: Space, config: &str| {
            let problems = with(config, |start| problems(start, &Two(space)));
            let found = problems.into_iter().filter(|problem| {
                assert_eq!(problem.check, CheckId::HostSpaceLow);
                problem.subject == KUBELET
            });
            found.map(|problem| problem.summary).collect::<Vec<_>>()
        };
        let none: [String; 0] = [];
        assert_eq!(found(room, ""), none);
        let little = Space {
            available: 4 << 30,
            ..room
        };
        let said = "/var/lib/kubelet (ext4, /dev/sda2), which holds /var/lib/kubelet, has 4096 MiB (4 %) free: the \
                    kubelet evicts pods below 5 %";
        assert_eq!(found(little, ""), [said]);
        assert_eq!(found(little, "disable-agent: true"), none);
        assert_eq!(found(little, "kubelet-arg: [root-dir=/x]"), none);
        let files = Space {
            free_inodes: 0,
            ..room
        };
        assert_eq!(
            found(files, ""),
            ["/var/lib/kubelet (ext4, /dev/sda2), which holds /var/lib/kubelet, has no free inode"]
        );
    }
}
