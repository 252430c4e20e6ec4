//! The host as the kubelet meets it when it starts: its machine, and the files that its arguments and configuration
//! name.

use std::path::Path;

use super::HostRoot;
use super::root::FileKind;
use crate::kubernetes::kubelet::machine::{Numbers, Presence};

/// Below these, what is not there now can be there when the kubelet starts: RKE2, the kubelet or another process
/// makes it.
const MADE_LATER: [&str; 10] = [
    "/dev",
    "/etc/rancher",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    "/var/lib/kubelet",
    "/var/lib/rancher",
    "/var/run",
    "/var/tmp",
];

/// What is at an absolute path. What others may still make or mount counts as unknown.
pub(crate) fn presence(root: &HostRoot, path: &str) -> Presence {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Presence::Unknown;
    }
    match root.stat(path) {
        Ok(status) => match status.kind {
            FileKind::Directory => Presence::Directory,
            FileKind::File => Presence::Present,
            _ => Presence::Unknown,
        },
        Err(error) if error.is_absent() && !may_come(root, path) => Presence::Missing,
        Err(_) => Presence::Unknown,
    }
}

fn may_come(root: &HostRoot, path: &Path) -> bool {
    if MADE_LATER.iter().any(|made| path.starts_with(made)) {
        return true;
    }
    // A mount that is not there: an image holds no other file systems, and on a host it may come late.
    let is_empty = |directory: &Path| root.list(directory).map_or(true, |names| names.is_empty());
    if !root.is_live() && path.parent().is_some_and(is_empty) {
        return true;
    }
    let Ok(table) = root.read("/etc/fstab") else {
        return false;
    };
    let table = String::from_utf8_lossy(&table);
    let mut mounts = table
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(Path::new)
        .filter(|mount| *mount != Path::new("/") && path.starts_with(mount));
    mounts.any(is_empty)
}

/// The memory of the running machine in bytes.
pub(crate) fn memory(root: &HostRoot) -> Option<u64> {
    if !root.is_live() {
        return None;
    }
    // The first line: the others are counted while they are read, which takes longer than all else here.
    let start = root.read_start(Path::new("/proc/meminfo"), 64).ok()?;
    let line = start.split(|byte| *byte == b'\n').next()?;
    let amount = str::from_utf8(line).ok()?.strip_prefix("MemTotal:")?;
    let kibibytes: u64 = amount.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The processors of the running machine, where all that are present are online: programs differ in which others
/// they count.
pub(crate) fn cpus(root: &HostRoot) -> Option<Numbers> {
    let online = running(root, "/sys/devices/system/cpu/online")?;
    let present = running(root, "/sys/devices/system/cpu/present")?;
    if online != present {
        return None;
    }
    Numbers::parse(online.trim()).filter(|online| !online.is_empty())
}

/// The NUMA nodes of the running machine.
pub(crate) fn numa_nodes(root: &HostRoot) -> Option<Numbers> {
    let online = running(root, "/sys/devices/system/node/online")?;
    let possible = running(root, "/sys/devices/system/node/possible")?;
    if online != possible {
        return None;
    }
    Numbers::parse(online.trim()).filter(|online| !online.is_empty())
}

/// The swap of the running machine.
pub(crate) fn swaps(root: &HostRoot) -> Option<Vec<u8>> {
    if !root.is_live() {
        return None;
    }
    root.read("/proc/swaps").ok()
}

/// A file of the kernel. Of an image, it is another machine's.
fn running(root: &HostRoot, path: &str) -> Option<String> {
    if !root.is_live() {
        return None;
    }
    String::from_utf8(root.read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host as image;

    #[test]
    fn a_file_is_missing_where_nobody_makes_or_mounts_it() {
        let (_dir, root) = image(&[
            (
                "etc/fstab",
                "# x\nUUID=1 / ext4\nnfs:/x /data nfs\n/dev/b /full ext4\n",
            ),
            ("etc/pki/a.crt", "a"),
            ("etc/rancher/x", ""),
            ("full/x", ""),
            ("empty/x/y", ""),
        ]);
        let of = |path: &str| presence(&root, path);
        assert_eq!(of("/etc/pki/a.crt"), Presence::Present);
        assert_eq!(of("/etc/pki"), Presence::Directory);
        assert_eq!(of("/etc/pki/b.crt"), Presence::Missing);
        assert_eq!(of("/full/b.crt"), Presence::Missing);
        for path in [
            "etc/pki/b.crt",
            "/data/b.crt",
            "/etc/rancher/b.crt",
            "/run/b.crt",
            "/nothing/b.crt",
            "/etc/pki/a.crt/b",
        ] {
            assert_eq!(of(path), Presence::Unknown, "{path}");
        }
    }

    #[test]
    fn an_image_says_nothing_of_the_machine() {
        let (_dir, root) = image(&[
            ("proc/meminfo", "MemTotal: 1 kB\n"),
            ("sys/devices/system/cpu/online", "0\n"),
            ("sys/devices/system/cpu/present", "0\n"),
        ]);
        assert_eq!(memory(&root), None);
        assert_eq!(cpus(&root), None);
        assert_eq!(numa_nodes(&root), None);
        assert_eq!(swaps(&root), None);
    }

    #[test]
    fn the_running_machine_is_read() {
        let root = HostRoot::live();
        assert!(memory(&root).is_some_and(|bytes| bytes > 1 << 20));
        if let Some(cpus) = cpus(&root) {
            assert!(!cpus.is_empty());
        }
    }
}
