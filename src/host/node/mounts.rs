//! Mounts and file systems.
//!
//! The mounts are those of the first process: a service's own mount name space can have others, and other options.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::libc;

use crate::facts::node::{Mount, Place, Space};
use crate::host::HostRoot;
use crate::host::mountinfo::{self, Line};
use crate::host::root::FileKind;

/// More than the mounts of any node that is known.
const MAX_MOUNTINFO: u64 = 4 << 20;

/// What is mounted, as the kernel lists it, in its order.
pub(crate) struct Mounts {
    text: String,
    /// The lines, each with its mount point as it is written.
    lines: Vec<(Range<usize>, Range<usize>)>,
}

/// What is mounted. `None` in an image without `/proc`.
pub(crate) fn mounts(root: &HostRoot) -> Option<Mounts> {
    let read = |path: &str| root.read_start(Path::new(path), MAX_MOUNTINFO).ok();
    let content = read("/proc/1/mountinfo").or_else(|| read("/proc/self/mountinfo"))?;
    let text = String::from_utf8(content);
    Some(Mounts::of(text.unwrap_or_else(|error| {
        String::from_utf8_lossy(error.as_bytes()).into_owned()
    })))
}

impl Mounts {
    /// Finds the lines, and the mount point of each.
    fn of(text: String) -> Self {
        let mut lines = Vec::new();
        let mut start = 0_usize;
        for line in text.split('\n') {
            if let Some(point) = mountinfo::point(line.as_bytes()) {
                let in_text = |at: usize| start.saturating_add(at);
                let whole = start..in_text(line.len());
                lines.push((whole, in_text(point.start)..in_text(point.end)));
            }
            start = start.saturating_add(line.len()).saturating_add(1);
        }
        Self { text, lines }
    }

    /// The mount that holds a path without links: that of the longest mount point, and of several there the last one,
    /// which hides the others, as does one that was mounted later above. Only that line is parsed; `None` where it is not
    /// as the kernel writes it.
    fn holding(&self, path: &Path) -> Option<Mount> {
        let path = path.to_str()?;
        let mut longest = 0;
        let mut candidates: Vec<&str> = Vec::new();
        let mut found = None;
        for (line, point) in &self.lines {
            let point = self.text.get(point.clone()).unwrap_or_default();
            let whole = if point.contains('\\') {
                Cow::Owned(unescaped(point))
            } else {
                Cow::Borrowed(point)
            };
            if !is_below(path, &whole) {
                continue;
            }
            let line = self.text.get(line.clone()).unwrap_or_default();
            candidates.push(line);
            if whole.len() >= longest || found.is_some_and(|found| hides(line, found, &candidates))
            {
                longest = whole.len();
                found = Some(line);
            }
        }
        mount(found?)
    }
}

/// Whether a mount that is listed later, above another one, hides it: it is on a mount on which the other one is too.
fn hides(later: &str, earlier: &str, all: &[&str]) -> bool {
    let Some((id, parent)) = ids(later) else {
        return false;
    };
    let mut current = ids(earlier);
    let mut is_beside = false;
    for _ in all {
        let Some((of, on)) = current else {
            break;
        };
        // The mount that the other one is on was moved.
        if of == id {
            return false;
        }
        is_beside |= on == parent;
        current = all
            .iter()
            .filter_map(|line| ids(line))
            .find(|(id, _)| *id == on);
    }
    is_beside
}

/// The id of a mount, and that of the mount on which it is.
fn ids(line: &str) -> Option<(&str, &str)> {
    let mut fields = line.split(' ');
    Some((fields.next()?, fields.next()?))
}

/// Whether an absolute path is a mount point or below it.
fn is_below(path: &str, point: &str) -> bool {
    match path.strip_prefix(point) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || point.ends_with('/'),
        None => false,
    }
}

fn mount(line: &str) -> Option<Mount> {
    let line = Line::parse(line)?;
    Some(Mount {
        point: unescaped(line.point),
        source: unescaped(line.source),
        fs_type: line.fs_type.to_owned(),
        is_read_only: line.is_read_only(),
        is_no_exec: line.has("noexec"),
    })
}

/// A field, in which the kernel writes spaces, tabs, line feeds, backslashes and `#` in octal.
fn unescaped(field: &str) -> String {
    if !field.contains('\\') {
        return field.to_owned();
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let [byte, after @ ..] = rest {
        let octal = match (byte, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                Some(((a & 3) << 6) | ((b & 7) << 3) | (c & 7))
            }
            _ => None,
        };
        out.push(octal.unwrap_or(*byte));
        rest = match octal {
            Some(_) => after.get(3..).unwrap_or_default(),
            None => after,
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The nearest part of a path that exists, and what is mounted there. `None` where that is not known.
pub(crate) fn place(root: &HostRoot, mounts: Option<&Mounts>, path: &str) -> Option<Place> {
    let mut part = Path::new(path);
    loop {
        let (errno, parent) = match root.open_with(part, OFlag::O_PATH | OFlag::O_CLOEXEC) {
            Ok(file) => {
                let existing = real_path(root, &file).ok()?;
                let kind = FileKind::of(&file.metadata().ok()?);
                // In an image, a mount point may not exist.
                let whole = existing.join(Path::new(path).strip_prefix(part).ok()?);
                let mount = mounts.and_then(|mounts| mounts.holding(&whole));
                let existing = existing.into_os_string().into_string().ok()?;
                return Some(Place {
                    existing,
                    exists: part == Path::new(path),
                    is_directory: kind == FileKind::Directory,
                    mount,
                });
            }
            Err(errno) => (errno, part.parent()?),
        };
        if !matches!(errno, libc::ENOENT | libc::ENOTDIR) {
            return None;
        }
        part = parent;
    }
}

/// Whether a directory says of what type its entries are. `None` of an image.
pub(crate) fn lists_types(root: &HostRoot, directory: &str) -> Option<bool> {
    root.lists_types(directory)
}

/// The path of an open file below the root, with links resolved.
fn real_path(root: &HostRoot, file: &File) -> io::Result<PathBuf> {
    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let path = std::fs::read_link(link)?;
    if root.is_live() {
        return Ok(path);
    }
    let top = root.path().canonicalize()?;
    let below = path.strip_prefix(top).map_err(io::Error::other)?;
    Ok(Path::new("/").join(below))
}

/// The room of the file system that holds an existing path. `None` of an image.
pub(crate) fn space(root: &HostRoot, path: &str) -> Option<Space> {
    if !root.is_live() {
        return None;
    }
    let at = root
        .open_with(Path::new(path), OFlag::O_PATH | OFlag::O_CLOEXEC)
        .ok()?;
    let of = rustix::fs::fstatvfs(&at).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(of.f_frsize);
    Some(Space {
        bytes: bytes(of.f_blocks),
        free: bytes(of.f_bfree),
        available: bytes(of.f_bavail),
        inodes: of.f_files,
        free_inodes: of.f_ffree,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    #[test]
    fn the_types_of_entries_are_those_of_the_running_host() {
        let (dir, root) = host(&[("/d/", "")]);
        assert_eq!(lists_types(&root, "/d"), None);
        let live = HostRoot::live();
        let here = dir.path().to_str().unwrap();
        assert_eq!(lists_types(&live, here), Some(true));
        assert_eq!(lists_types(&live, &format!("{here}/d")), None);
        assert_eq!(lists_types(&live, &format!("{here}/none")), None);
    }

    const MOUNTINFO: &str = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n\
        21 20 8:2 / /var rw,noexec - xfs /dev/mapper/vg-var rw\n\
        22 21 8:3 / /var/a\\040b\\134 rw shared:2 master:3 - nfs4 192.0.2.5:/a ro,vers=4.2\n\
        23 21 8:3 / /var/lib ro - ext4 /dev/sdb rw\n\
        24 23 8:3 / /var/lib rw - tmpfs tmpfs rw\n\
        nonsense\n25 20 8:6 / /x - ext4 /dev/x rw\n26 20 - - -\n - \n";

    #[test]
    fn rows_are_read_as_the_kernel_writes_them() {
        let (_dir, root) = host(&[("/proc/self/mountinfo", MOUNTINFO)]);
        let mounts = mounts(&root).unwrap();
        for (path, point, fs_type, is_read_only, is_no_exec) in [
            ("/", "/", "ext4", false, false),
            ("/varx", "/", "ext4", false, false),
            ("/var/x", "/var", "xfs", false, true),
            ("/var/a b\\/c", "/var/a b\\", "nfs4", true, false),
            // The later mount hides the earlier one.
            ("/var/lib/x", "/var/lib", "tmpfs", false, false),
        ] {
            let mount = mounts.holding(Path::new(path)).unwrap();
            let found = (mount.point.as_str(), mount.fs_type.as_str());
            assert_eq!(found, (point, fs_type), "{path}");
            assert_eq!(mount.is_read_only, is_read_only, "{path}");
            assert_eq!(mount.is_no_exec, is_no_exec, "{path}");
        }
        assert_eq!(Mounts::of(String::new()).holding(Path::new("/")), None);
    }

    #[test]
    fn a_mount_above_that_came_later_hides_those_below() {
        let rows = |rows: &[&str]| {
            let all = rows.join(" rw\n") + " rw\n";
            let mount = Mounts::of(all).holding(Path::new("/var/lib/rancher/rke2"));
            mount.unwrap().source
        };
        let root = "20 1 8:1 / / rw - ext4 root";
        let below = "30 20 8:2 / /var/lib/rancher rw - ext4 below";
        let deeper = "31 30 8:3 / /var/lib/rancher/rke2 rw - ext4 deeper";
        let above = "40 20 8:4 / /var rw - ext4 above";
        assert_eq!(rows(&[root, below, deeper]), "deeper");
        assert_eq!(rows(&[root, above, below]), "below");
        assert_eq!(rows(&[root, below, above]), "above");
        assert_eq!(rows(&[root, below, deeper, above]), "above");
        assert_eq!(
            rows(&[root, below, above, "41 40 8:5 / /var/lib rw - ext4 on-it"]),
            "on-it"
        );
        // It was mounted elsewhere and moved: what is on it is listed before it.
        let on_it = "30 40 8:2 / /var/lib/rancher rw - ext4 on-it";
        assert_eq!(rows(&[root, on_it, above]), "on-it");
        // Without ids that agree with each other the longest mount point counts.
        assert_eq!(
            rows(&["1 1 8:1 / /var/lib rw - ext4 a", "1 1 8:1 / / rw - ext4 b"]),
            "a"
        );
    }

    #[test]
    fn the_mounts_of_the_first_process_count() {
        let (_dir, root) = host(&[
            ("/proc/self/mountinfo", "1 1 8:1 / / ro - ext4 a rw\n"),
            ("/proc/1/mountinfo", "1 1 8:1 / / rw - ext4 b rw\n"),
        ]);
        let first = mounts(&root).unwrap().holding(Path::new("/x"));
        assert_eq!(first.unwrap().source, "b");
        assert!(mounts(&host(&[]).1).is_none());
    }

    #[test]
    fn a_place_is_where_links_lead() {
        let (_dir, root) = host(&[
            ("/data/rke2/file", "x"),
            ("/var/lib/rancher", "-> /data"),
            ("/var/lib/loop", "-> loop"),
        ]);
        let of = |path: &str| place(&root, None, path);
        let at = of("/var/lib/rancher/rke2/data/x").unwrap();
        assert_eq!(at.existing, "/data/rke2");
        assert!(!at.exists && at.is_directory);
        let at = of("/var/lib/rancher/rke2").unwrap();
        assert!(at.exists && at.is_directory);
        let at = of("/var/lib/rancher/rke2/file/data").unwrap();
        assert_eq!(at.existing, "/data/rke2/file");
        assert!(!at.exists && !at.is_directory);
        assert_eq!(of("/none").unwrap().existing, "/");
        assert_eq!(of("/var/lib/loop/x"), None);
    }

    #[test]
    fn only_the_running_host_has_space() {
        let (_dir, root) = host(&[]);
        assert_eq!(space(&root, "/"), None);
        let space = space(&HostRoot::live(), "/").unwrap();
        assert!(space.bytes >= space.free && space.free >= space.available);
        assert!(space.bytes > 0 && space.inodes >= space.free_inodes);
    }
}
