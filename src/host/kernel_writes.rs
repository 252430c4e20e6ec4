//! Whether root could write the files below `/proc/sys`, as the kubelet does where kernel defaults are not
//! protected: not on a read-only mount, and not as the root of a user name space, who is another user for the
//! kernel.
//!
//! This process may have a view of its own (`ProtectKernelTunables=`), so the first process is asked; an image
//! may have the files of `/proc/self` alone.

use std::io::Read as _;

use super::HostRoot;
use super::mountinfo::{self, Line};
use crate::facts::WriteAccess;

/// Bytes of the list of mounts that are read. A node with many pods has a few hundred thousand.
const MAX_MOUNTS: u64 = 16 << 20;

/// What decides whether root can write below `/proc/sys`.
#[derive(Debug, Default)]
pub(super) struct KernelWrites {
    mounts: Vec<Mount>,
    in_user_namespace: bool,
    /// Root of this name space is another user for the kernel.
    is_other_user: bool,
}

/// A mount on the way to `/proc/sys`, or below it.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    parent: u64,
    point: String,
    is_read_only: bool,
}

impl KernelWrites {
    /// Reads it. What cannot be read prevents nothing.
    pub(super) fn read(root: &HostRoot) -> Self {
        let first = |name: &str| {
            let of_first = root.open_file(format!("/proc/1/{name}"));
            if root.is_live() {
                return of_first.ok();
            }
            of_first
                .or_else(|_| root.open_file(format!("/proc/self/{name}")))
                .ok()
        };
        let mut map = String::new();
        if let Some(file) = first("uid_map") {
            // It has a page at most.
            let _ = file.take(4096).read_to_string(&mut map);
        }
        let mut mounts = Vec::new();
        if let Some(file) = first("mountinfo") {
            let mut content = Vec::new();
            // What was read before an error counts.
            let _ = file.take(MAX_MOUNTS).read_to_end(&mut content);
            let lines = content.split(|byte| *byte == b'\n');
            mounts = lines.filter_map(mount).collect();
        }
        Self {
            mounts,
            in_user_namespace: is_user_namespace(&map),
            is_other_user: is_other_user(&map),
        }
    }

    /// Whether root could write this file: `/proc/sys/kernel/panic`.
    pub(super) fn access(&self, path: &str) -> WriteAccess {
        // Opened to be truncated, a file on a read-only mount fails for that first.
        if self.is_read_only(path) {
            WriteAccess::ReadOnly {
                in_user_namespace: self.in_user_namespace,
            }
        } else if self.is_other_user {
            WriteAccess::Denied
        } else {
            WriteAccess::Allowed
        }
    }

    /// Walks to the file as the kernel does: at each directory, into what is mounted on it.
    fn is_read_only(&self, path: &str) -> bool {
        let mut here: Option<&Mount> = None;
        let ends = path.match_indices('/').map(|(at, _)| at.max(1));
        for end in ends.chain([path.len()]) {
            let Some(prefix) = path.get(..end) else {
                continue;
            };
            // As many as there are mounts can be stacked.
            for _ in &self.mounts {
                let Some(next) = self.mounted_on(prefix, here) else {
                    break;
                };
                here = Some(next);
            }
        }
        here.is_some_and(|mount| mount.is_read_only)
    }

    /// What is mounted on `point` of the mount `on`; of the first mount of all, what is below it is not known.
    fn mounted_on(&self, point: &str, on: Option<&Mount>) -> Option<&Mount> {
        let mut there = self.mounts.iter().filter(|mount| mount.point == point);
        match on {
            Some(on) => there.find(|mount| mount.parent == on.id && mount.id != on.id),
            None => there.find(|mount| {
                let is_parent = |other: &Mount| other.id == mount.parent && other.id != mount.id;
                !self.mounts.iter().any(is_parent)
            }),
        }
    }
}

/// A line of `mountinfo`, where it is of a mount on the way to `/proc/sys`, or below it.
fn mount(line: &[u8]) -> Option<Mount> {
    let point = line.get(mountinfo::point(line)?)?;
    if !matches!(point, b"/" | b"/proc" | b"/proc/sys") && !point.starts_with(b"/proc/sys/") {
        return None;
    }
    let line = Line::parse(str::from_utf8(line).ok()?)?;
    Some(Mount {
        id: line.id.parse().ok()?,
        parent: line.parent.parse().ok()?,
        point: line.point.to_owned(),
        is_read_only: line.is_read_only(),
    })
}

/// The numbers in a line of `uid_map`: first id here, first id outside, and how many.
fn ranges(map: &str) -> impl Iterator<Item = [i64; 3]> {
    map.lines().filter_map(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    })
}

/// What the kubelet takes for a user name space (moby/sys `userns.RunningInUserNS`): the first row is not that
/// of all ids.
fn is_user_namespace(map: &str) -> bool {
    ranges(map)
        .next()
        .is_some_and(|row| row != [0, 0, 4_294_967_295])
}

/// Whether uid 0 is another user outside. A row that maps 0 to 0 may be below one that does not: not known.
fn is_other_user(map: &str) -> bool {
    ranges(map).any(|[inside, outside, count]| inside == 0 && count > 0 && outside != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    const PANIC: &str = "/proc/sys/kernel/panic";

    fn access(mounts: &str, map: &str) -> WriteAccess {
        let files = [
            ("/proc/self/mountinfo", mounts),
            ("/proc/self/uid_map", map),
        ];
        let (_dir, root) = host(&files);
        KernelWrites::read(&root).access(PANIC)
    }

    #[test]
    fn the_mount_that_holds_the_file_decides() {
        let read_only = WriteAccess::ReadOnly {
            in_user_namespace: false,
        };
        let root = "20 1 8:1 / / ro - ext4 /dev/sda1 rw\n";
        let proc = "21 20 0:5 / /proc rw,nosuid shared:5 - proc proc rw\n";
        for (mounts, expected) in [
            ("", WriteAccess::Allowed),
            (proc, WriteAccess::Allowed),
            ("21 20 0:5 / /proc ro - proc proc rw\n", read_only),
            ("21 20 0:5 / /proc rw - proc proc ro\n", read_only),
            (
                "21 20 0:5 / /proc ro,nosuid - proc proc rw\nx y\n",
                read_only,
            ),
            ("22 21 0:5 /sys /proc/sys ro - proc proc rw\n", read_only),
            // A writable one over it, and one on a directory beside.
            (
                "22 21 0:5 /sys /proc/sys ro - proc proc rw\n23 22 0:5 /sys /proc/sys rw - proc proc rw\n",
                WriteAccess::Allowed,
            ),
            (
                "22 21 0:5 /sys/vm /proc/sys/vm ro - proc proc rw\n",
                WriteAccess::Allowed,
            ),
            (
                "22 21 0:5 /x /proc/sys/kernel/panic ro - proc proc rw\n",
                read_only,
            ),
            (
                "22 21 0:5 /x /proc/sys/kernel/panic_on_oops ro - proc proc rw\n",
                WriteAccess::Allowed,
            ),
            // Hidden below a later mount.
            (
                "22 21 0:5 /sys /proc/sys ro - proc proc rw\n24 21 0:9 / /proc rw - proc proc rw\n",
                WriteAccess::Allowed,
            ),
        ] {
            let own = if mounts.starts_with("21 ") || mounts == proc {
                mounts.to_owned()
            } else {
                format!("{proc}{mounts}")
            };
            assert_eq!(access(&format!("{root}{own}"), ""), expected, "{own}");
        }
        // A loop of mounts, which no kernel has, ends.
        let looped = "1 2 0:5 / / rw - a b rw\n2 1 0:5 / / rw - a b rw\n";
        assert_eq!(access(looped, ""), WriteAccess::Allowed);
    }

    #[test]
    fn root_of_a_user_name_space_may_not_write() {
        let ro = "21 20 0:5 / /proc ro - proc proc rw\n";
        for (mounts, map, expected) in [
            (
                "",
                "         0          0 4294967295\n",
                WriteAccess::Allowed,
            ),
            (
                "",
                "         0     100000      65536\n",
                WriteAccess::Denied,
            ),
            (
                "",
                "         0          0      65536\n",
                WriteAccess::Allowed,
            ),
            ("", "1 100000 65536\n0 1000 1\n", WriteAccess::Denied),
            ("", "nonsense\n", WriteAccess::Allowed),
            (
                ro,
                "         0          0 4294967295\n",
                WriteAccess::ReadOnly {
                    in_user_namespace: false,
                },
            ),
            (
                ro,
                "         0     100000      65536\n",
                WriteAccess::ReadOnly {
                    in_user_namespace: true,
                },
            ),
        ] {
            assert_eq!(access(mounts, map), expected, "{map}");
        }
    }
}
