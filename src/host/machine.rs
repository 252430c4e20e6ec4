//! The machine's description in a report: system, kernel, memory.

use std::io::Cursor;

use procfs::FromBufRead;

use super::HostRoot;
use crate::facts::Machine;

/// Reads it from the running machine, or from the files of an image.
pub(crate) fn read(root: &HostRoot) -> Machine {
    if root.is_live() { live() } else { image(root) }
}

fn live() -> Machine {
    let memory = sysinfo::System::new().ok().and_then(|mut system| {
        system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
        Some(system.total_memory()).filter(|bytes| *bytes > 0)
    });
    Machine {
        system: sysinfo::System::long_os_version().ok(),
        kernel: sysinfo::System::kernel_version().ok(),
        memory,
        systemd: None,
    }
}

fn image(root: &HostRoot) -> Machine {
    let text = |path: &str| {
        let content = root.read(path).ok()?;
        let text = String::from_utf8_lossy(&content).trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let memory = root
        .read("/proc/meminfo")
        .ok()
        .and_then(|content| procfs::Meminfo::from_buf_read(Cursor::new(content)).ok())
        .map(|memory| memory.mem_total);
    Machine {
        system: text("/etc/os-release").and_then(|text| pretty_name(&text)),
        kernel: text("/proc/sys/kernel/osrelease"),
        memory,
        systemd: None,
    }
}

/// `PRETTY_NAME` of an os-release file, without its quotes.
fn pretty_name(os_release: &str) -> Option<String> {
    let value = os_release
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let plain = value.trim_matches(['"', '\'']);
    (!plain.is_empty()).then(|| plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_described_by_its_own_files() {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        assert_eq!(read(&root), Machine::default());
        std::fs::create_dir_all(dir.path().join("etc")).unwrap();
        std::fs::write(
            dir.path().join("etc/os-release"),
            "ID=x\nPRETTY_NAME=\"Some Linux 9\"\n",
        )
        .unwrap();
        assert_eq!(read(&root).system.as_deref(), Some("Some Linux 9"));
    }

    #[test]
    fn kernel_and_memory_are_those_of_proc() {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/sys/kernel")).unwrap();
        for file in ["proc/meminfo", "proc/sys/kernel/osrelease"] {
            std::fs::copy(format!("/{file}"), dir.path().join(file)).unwrap();
        }
        let (live, image) = (read(&HostRoot::live()), read(&root));
        assert!(image.kernel.is_some() && image.memory.is_some_and(|bytes| bytes > 0));
        assert_eq!(live.kernel, image.kernel);
        assert_eq!(live.memory, image.memory);
    }
}
