//! Files, units and resources that advice is about. Nothing of it decides whether RKE2 starts, so that a file that
//! cannot be read is no failure of an evaluation, and none of these files is watched.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::Path;

use procfs::FromBufRead as _;

use super::processes;
use crate::facts::Source;
use crate::facts::node::{FileSystem, FileText, Inotify, Resources, Umask};
use crate::host::HostRoot;
use crate::host::root::FileKind;
use crate::unit::UnitDefinition;
use crate::unit::syntax::{self, DirectiveLine, Flow};

/// No more of a file is read; the longest of them, `modules.dep`, has about 1 MB.
const MAX_FILE: u64 = 4 << 20;
/// No more names of a directory are read.
const MAX_NAMES: usize = 1 << 15;

/// A file, links followed.
pub(crate) fn text(root: &HostRoot, path: &str) -> FileText {
    let path = Path::new(path);
    match root.read_log_end(path, MAX_FILE) {
        Some((content, status)) if status.size <= MAX_FILE => {
            FileText::Text(String::from_utf8_lossy(&content).into_owned())
        }
        Some(_) => FileText::Unknown,
        None if root.log_status(path).is_some() => FileText::Unknown,
        None => missing(root, path),
    }
}

/// Whether what cannot be opened is not there.
fn missing(root: &HostRoot, path: &Path) -> FileText {
    match root.lstat_aside(path) {
        Err(error) if error == nix::libc::ENOENT || error == nix::libc::ENOTDIR => {
            FileText::Missing
        }
        // A link to nothing, in the running host; in an image it may lead to a file that a boot makes.
        Ok(FileKind::Link) if root.is_live() => FileText::Missing,
        _ => FileText::Unknown,
    }
}

/// The names in a directory, sorted.
pub(crate) fn names(root: &HostRoot, directory: &str) -> Vec<String> {
    let mut names = root.list_logs(Path::new(directory), MAX_NAMES);
    names.retain(|name| name != "." && name != "..");
    names.sort();
    names
}

/// `UMask=` of a unit: the last one of its files.
pub(crate) fn umask(root: &HostRoot, unit: &UnitDefinition) -> Option<Umask> {
    let fragment = unit.fragment.iter().map(|source| source.path.clone());
    let mut last = None;
    for path in fragment.chain(unit.drop_ins.iter().cloned()) {
        let FileText::Text(text) = text(root, &path) else {
            continue;
        };
        syntax::parse(text.as_bytes(), |_, item| {
            if let Ok(DirectiveLine {
                section: "Service",
                key: "UMask",
                value,
            }) = item
                && let Ok(mask) = u32::from_str_radix(value.text, 8)
                && mask <= 0o777
            {
                last = Some(Umask {
                    mask,
                    source: Source::line(path.clone(), value.line()),
                });
            }
            Flow::Continue
        });
    }
    last
}

/// Whether this is the running host, and a command asks, not the monitor: there, what changes all the time would make
/// each evaluation another one.
const fn is_asked(root: &HostRoot) -> bool {
    root.is_live() && !root.is_traced()
}

/// Descriptors of a process among which inotify instances are counted. A process with more has them for connections,
/// and each takes a call.
const MAX_DESCRIPTORS: usize = 1024;

/// The inotify instances that root's processes hold, as far as they can be counted: at least so many.
pub(crate) fn inotify(root: &HostRoot) -> Option<Inotify> {
    if !is_asked(root) {
        return None;
    }
    let FileText::Text(limit) = text(root, "/proc/sys/fs/inotify/max_user_instances") else {
        return None;
    };
    let limit = limit.trim().parse().ok()?;
    let mut used: u64 = 0;
    for pid in processes::pids(root) {
        let process = Path::new("/proc").join(pid.to_string());
        let status = root.log_status(&process);
        if status.is_none_or(|status| status.uid != 0) {
            continue;
        }
        for target in processes::descriptors(root, pid, MAX_DESCRIPTORS) {
            if target == Path::new("anon_inode:inotify") {
                used = used.saturating_add(1);
            }
        }
    }
    Some(Inotify { used, limit })
}

/// The resources of the running machine.
pub(crate) fn resources(root: &HostRoot, directories: &[String]) -> Option<Resources> {
    if !is_asked(root) {
        return None;
    }
    let mut system = sysinfo::System::new().ok();
    let memory = system.as_mut().and_then(|system| {
        system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
        Some(system.total_memory()).filter(|bytes| *bytes > 0)
    });
    let cpus = system.as_mut().and_then(|system| {
        system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
        // Without /proc and /sys there is none to count.
        u64::try_from(system.cpus().len())
            .ok()
            .filter(|count| *count > 0)
    });
    Some(Resources {
        cpus,
        memory,
        cpu_flags: cpu_flags(root),
        file_systems: file_systems(root, directories),
        is_container: is_container(root),
    })
}

/// Whether this is a container.
pub(crate) fn is_container(root: &HostRoot) -> bool {
    [
        "/run/systemd/container",
        "/.dockerenv",
        "/run/.containerenv",
    ]
    .iter()
    .any(|path| root.log_status(Path::new(path)).is_some())
}

/// The size of a regular file.
pub(crate) fn file_size(root: &HostRoot, path: &str) -> Option<u64> {
    let status = root.log_status(Path::new(path))?;
    (status.kind == FileKind::File).then_some(status.size)
}

fn cpu_flags(root: &HostRoot) -> Option<Vec<String>> {
    let FileText::Text(text) = text(root, "/proc/cpuinfo") else {
        return None;
    };
    let cpus = procfs::CpuInfo::from_buf_read(Cursor::new(text)).ok()?;
    // Another architecture has another line.
    let flags = cpus.flags(0)?;
    let is_x86 = flags.contains(&"lm") && flags.contains(&"sse2");
    is_x86.then(|| flags.into_iter().map(str::to_owned).collect())
}

/// The file systems of the directories, or of what will hold them, each once.
fn file_systems(root: &HostRoot, directories: &[String]) -> Vec<FileSystem> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for directory in directories {
        let ancestors = Path::new(directory).ancestors();
        let mut there = ancestors.filter_map(|path| Some((path, root.log_status(path)?)));
        let Some((path, status)) = there.next() else {
            continue;
        };
        if !seen.insert(status.identity.0) {
            continue;
        }
        let Ok(space) = rustix::fs::statvfs(path) else {
            continue;
        };
        all.push(FileSystem {
            directory: directory.clone(),
            free: space.f_bavail.saturating_mul(space.f_frsize),
            total: space.f_blocks.saturating_mul(space.f_frsize),
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;
    use crate::unit::{Knowledge, UnitDefinition};

    #[test]
    fn a_file_is_there_missing_or_not_known() {
        let (_dir, root) = host(&[
            ("etc/a", "x\u{e9}\n"),
            ("etc/link", "-> a"),
            ("etc/gone", "-> /run/a"),
            ("etc/directory/", ""),
        ]);
        assert_eq!(
            text(&root, "/etc/a"),
            FileText::Text("x\u{e9}\n".to_owned())
        );
        assert_eq!(text(&root, "/etc/link"), text(&root, "/etc/a"));
        for path in ["/etc/b", "/b/c", "/etc/a/b"] {
            assert_eq!(text(&root, path), FileText::Missing, "{path}");
        }
        for path in ["/etc/gone", "/etc/directory"] {
            assert_eq!(text(&root, path), FileText::Unknown, "{path}");
        }
        assert_eq!(names(&root, "/etc"), ["a", "directory", "gone", "link"]);
        assert_eq!(names(&root, "/b"), [""; 0]);
        assert!(root.read_errors().is_empty());
    }

    #[test]
    fn the_last_umask_counts() {
        let (_dir, root) = host(&[
            ("u/a.service", "[Service]\nUMask=0027\n"),
            (
                "u/1.conf",
                "[Unit]\nUMask=0\n[Service]\n#UMask=0\nUMask=0077\n",
            ),
            ("u/2.conf", "[Service]\nUMask=9\nUMask=12345\nUMask=\n"),
        ]);
        let mut unit = UnitDefinition::not_found("a.service", Knowledge::Files);
        assert_eq!(umask(&root, &unit), None);
        unit.fragment = Some(Source::file("/u/a.service"));
        assert_eq!(umask(&root, &unit).unwrap().mask, 0o027);
        unit.drop_ins = vec!["/u/1.conf".to_owned(), "/u/2.conf".to_owned()];
        let found = umask(&root, &unit).unwrap();
        assert_eq!(
            (found.mask, found.source.to_string()),
            (0o077, "/u/1.conf:5".to_owned())
        );
    }

    #[test]
    fn the_running_machine_has_resources_and_an_image_none() {
        let live = HostRoot::live();
        let directories = ["/var/lib/rancher/rke2".to_owned(), "/var/log".to_owned()];
        let found = resources(&live, &directories).unwrap();
        assert!(found.memory.is_some_and(|bytes| bytes > 1 << 20));
        assert!(!found.file_systems.is_empty());
        assert!(found.file_systems.iter().all(|of| of.free <= of.total));
        assert!(inotify(&live).is_some_and(|found| found.limit > 0));
        let (_dir, image) = host(&[("proc/meminfo", "MemTotal: 1 kB\n")]);
        assert_eq!(resources(&image, &directories), None);
        assert_eq!(inotify(&image), None);
    }
}
