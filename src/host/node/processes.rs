//! Who holds a socket, and which processes of RKE2 there are.
//!
//! Processes come and go: none of their files is watched, and what cannot be read is left out. A process that lacks
//! `CAP_SYS_PTRACE` does not see the sockets of others; command lines and control groups it does.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use crate::facts::node::{Holder, HolderKind, Rke2Processes};
use crate::host::HostRoot;
use crate::rke2::control_group::{in_rke2_unit, is_of_pods, unit_of};

/// No more processes are inspected; no kernel allows more by default.
const MAX_PROCESSES: usize = 1 << 22;
/// No more descriptors of a process are inspected.
const MAX_DESCRIPTORS: usize = 1 << 20;
/// No more of a process's file is read.
const MAX_FILE: u64 = 1 << 16;
/// No more parents are followed: shims are the first or second.
const MAX_PARENTS: u32 = 32;
/// The program that a container is below.
const SHIM: &str = "containerd-shim-runc-v2";
/// Where the socket of RKE2's own containerd is. That of k3s is there too: whose a shim is, is not known then.
const OWN_SOCKETS: &str = "/run/k3s/";

/// The processes that hold these sockets, by inode. Those whose holder cannot be seen are left out.
pub(crate) fn holders(root: &HostRoot, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
    let mut holders: BTreeMap<u64, Holder> = BTreeMap::new();
    for pid in pids(root) {
        let mut known = None;
        for inode in sockets(root, pid).intersection(inodes) {
            let holder = known.get_or_insert_with(|| holder(root, pid));
            // systemd holds the sockets that it passes to a service.
            let rank = |holder: &Holder| (holder.kind, holder.pid == 1, holder.pid);
            match holders.get(inode) {
                Some(other) if rank(other) <= rank(holder) => {}
                _ => {
                    holders.insert(*inode, holder.clone());
                }
            }
        }
    }
    holders
}

/// Which processes of RKE2 there are. `None` where not all processes can be seen.
pub(crate) fn rke2_processes(root: &HostRoot) -> Option<Rke2Processes> {
    // A `/proc` that hides the processes of others hides this one.
    if root.is_live() {
        root.open_unwatched(Path::new("/proc/1/cgroup"))?;
    }
    let mut found = Rke2Processes {
        lives: false,
        containers: false,
    };
    for pid in pids(root) {
        let groups = groups(root, pid);
        let is_shim = words(root, pid)
            .first()
            .is_some_and(|program| is_shim(program));
        found.containers |= is_shim || groups.iter().any(|group| is_of_pods(group));
        found.lives |= !is_shim && groups.iter().any(|group| in_rke2_unit(group));
    }
    Some(found)
}

pub(super) fn pids(root: &HostRoot) -> impl Iterator<Item = u32> {
    let names = root.list_logs(Path::new("/proc"), MAX_PROCESSES);
    names.into_iter().filter_map(|name| name.parse().ok())
}

/// What the first descriptors of a process refer to, as the kernel names it: `socket:[81001]`, `anon_inode:inotify`.
pub(super) fn descriptors(root: &HostRoot, pid: u32, most: usize) -> Vec<PathBuf> {
    let directory = Path::new("/proc").join(pid.to_string()).join("fd");
    let mut targets = Vec::new();
    for name in root.list_logs(&directory, most) {
        match root.read_unwatched_link(&directory.join(name)) {
            Ok(target) => targets.push(target),
            // Nor are the others to be seen.
            Err(Errno::EACCES | Errno::EPERM) => break,
            Err(_) => {}
        }
    }
    targets
}

/// The sockets of a process, by inode.
fn sockets(root: &HostRoot, pid: u32) -> BTreeSet<u64> {
    let inode = |target: PathBuf| {
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse::<u64>().ok()
    };
    let targets = descriptors(root, pid, MAX_DESCRIPTORS).into_iter();
    targets.filter_map(inode).collect()
}

fn holder(root: &HostRoot, pid: u32) -> Holder {
    let groups = groups(root, pid);
    let program = words(root, pid)
        .first()
        .map(|program| base(program).to_owned());
    let program = program.or_else(|| Some(read(root, pid, "comm")?.trim_end().to_owned()));
    let kind = if groups.iter().any(|group| in_rke2_unit(group)) {
        HolderKind::Rke2
    } else {
        of_container(root, pid, &groups)
    };
    Holder {
        pid,
        program: program.unwrap_or_default(),
        unit: groups
            .iter()
            .find_map(|group| unit_of(group))
            .map(str::to_owned),
        kind,
    }
}

/// Whether it is in a container, and whose, by the shim that it is below.
fn of_container(root: &HostRoot, pid: u32, groups: &[String]) -> HolderKind {
    let mut at = pid;
    for _ in 0..MAX_PARENTS {
        let words = words(root, at);
        if words.first().is_some_and(|program| is_shim(program)) {
            let mut words = words.iter().map(String::as_str);
            let socket = words
                .find(|word| *word == "-address")
                .and_then(|_| words.next());
            return match socket {
                Some(socket) if !socket.starts_with(OWN_SOCKETS) => HolderKind::OtherRuntime,
                _ => HolderKind::Container,
            };
        }
        match read(root, at, "stat").and_then(|stat| parent(&stat)) {
            Some(parent) if parent > 1 => at = parent,
            _ => break,
        }
    }
    // The shim may be gone, and the container not.
    if groups.iter().any(|group| is_of_pods(group)) {
        HolderKind::Container
    } else {
        HolderKind::Stranger
    }
}

fn is_shim(program: &str) -> bool {
    base(program) == SHIM
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The control groups of a process, one in each hierarchy. From within a container those outside begin with steps up.
fn groups(root: &HostRoot, pid: u32) -> Vec<String> {
    let text = read(root, pid, "cgroup").unwrap_or_default();
    let groups = text.lines().filter_map(|line| {
        let (_, group) = line.split_once(':')?.1.split_once(':')?;
        let mut group = group;
        while let Some(rest) = group.strip_prefix("/..") {
            group = rest;
        }
        Some(group.to_owned())
    });
    groups.collect()
}

/// The words of a process's command line.
fn words(root: &HostRoot, pid: u32) -> Vec<String> {
    let text = read(root, pid, "cmdline").unwrap_or_default();
    let text = text.strip_suffix('\0').unwrap_or(&text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split('\0').map(str::to_owned).collect()
}

/// The fourth field of `proc_pid_stat(5)`; the second can hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn read(root: &HostRoot, pid: u32, what: &str) -> Option<String> {
    let path = Path::new("/proc").join(pid.to_string()).join(what);
    let mut content = Vec::new();
    let file = root.open_unwatched(&path)?;
    file.take(MAX_FILE).read_to_end(&mut content).ok()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    const OWN: &str = "/var/lib/rancher/rke2/data/v1.34.1-rke2r1-0123456789ab/bin/containerd-shim-runc-v2\0-address\0/run/k3s/containerd/containerd.sock\0";
    const OTHER: &str =
        "/usr/bin/containerd-shim-runc-v2\0-address\0/run/containerd/containerd.sock\0";
    const POD: &str = "0::/kubepods.slice/kubepods-pod0a.slice/cri-containerd-b.scope\n";

    fn found(files: &[(&str, &str)]) -> (Option<Holder>, Rke2Processes) {
        let (_dir, root) = host(files);
        let holder = holders(&root, &BTreeSet::from([7])).remove(&7);
        (holder, rke2_processes(&root).unwrap())
    }

    #[test]
    fn a_holder_is_found_by_its_socket() {
        let (holder, processes) = found(&[
            ("/proc/9/cmdline", "/usr/bin/python3\0-m\0http.server\0"),
            ("/proc/9/cgroup", "0::/system.slice/files.service\n"),
            ("/proc/9/stat", "9 (a) b) S 1 9 9\n"),
            ("/proc/9/fd/3", "-> socket:[7]"),
            ("/proc/9/fd/4", "-> /dev/null"),
            // The same socket, and the manager that passed it on.
            ("/proc/1/cmdline", "/sbin/init\0"),
            ("/proc/1/cgroup", "0::/init.scope\n"),
            ("/proc/1/fd/40", "-> socket:[7]"),
            ("/proc/self", "-> 9"),
        ]);
        let expected = Holder {
            pid: 9,
            program: "python3".to_owned(),
            unit: Some("files.service".to_owned()),
            kind: HolderKind::Stranger,
        };
        assert_eq!(holder, Some(expected));
        assert!(!processes.lives && !processes.containers);
    }

    #[test]
    fn what_is_rke2s_own_is_known_by_shim_and_control_group() {
        use HolderKind::{Container, OtherRuntime, Rke2, Stranger};
        let cases: [(&str, &str, &str, HolderKind, [bool; 2]); 6] = [
            // The words of the parent, and the control groups of the holder and of the parent.
            (
                OWN,
                "0::/\n",
                "0::/system.slice/rke2-server.service\n",
                Container,
                [false, true],
            ),
            (
                OTHER,
                POD,
                "0::/system.slice/containerd.service\n",
                OtherRuntime,
                [false, true],
            ),
            (
                "rke2\0",
                POD,
                "0::/system.slice/rke2-agent.service\n",
                Container,
                [true, true],
            ),
            (
                "sh\0",
                "0::/../../system.slice/rke2-server.service/a\n",
                "0::/\n",
                Rke2,
                [true, false],
            ),
            (
                "sh\0",
                "4:cpu:/kubepods/pod0a/b\n",
                "0::/\n",
                Container,
                [false, true],
            ),
            (
                "sh\0",
                "0::/user.slice/rke2-server.service.slice/x.scope\n",
                "",
                Stranger,
                [false, false],
            ),
        ];
        for (words, group, parents, kind, [lives, containers]) in cases {
            let (holder, processes) = found(&[
                ("/proc/8/cmdline", words),
                ("/proc/8/cgroup", parents),
                ("/proc/9/cgroup", group),
                ("/proc/9/comm", "etcd\n"),
                ("/proc/9/stat", "9 (etcd) S 8 9 9\n"),
                ("/proc/9/fd/3", "-> socket:[7]"),
            ]);
            let holder = holder.unwrap();
            assert_eq!(
                (holder.kind, holder.program.as_str()),
                (kind, "etcd"),
                "{words:?}"
            );
            assert_eq!(processes, Rke2Processes { lives, containers }, "{words:?}");
        }
    }

    #[test]
    fn nothing_odd_in_a_process_stops_the_search() {
        let (holder, _) = found(&[
            ("/proc/9/fd/3", "-> socket:[7"),
            ("/proc/9/fd/4", "-> socket:[99999999999999999999]"),
            ("/proc/10/cmdline", "\0\0"),
            ("/proc/10/stat", "10 (x"),
            ("/proc/10/cgroup", "0\n:\n::\n0::/..\n"),
            // Its own parent.
            ("/proc/11/stat", "11 (x) S 11 9 9\n"),
            ("/proc/11/fd/3", "-> socket:[7]"),
            ("/proc/999999999999/cmdline", "x"),
        ]);
        assert_eq!(holder.unwrap().pid, 11);
    }
}
