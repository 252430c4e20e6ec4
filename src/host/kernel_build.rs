//! The defaults of kernel parameters that the kernel's build configuration decides.

use std::io::{BufRead, BufReader, Read as _};

use super::HostRoot;
use super::root::MAX_FILE;

/// Defaults from the build configuration of the running kernel; `None` where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KernelBuild {
    /// `CONFIG_PANIC_TIMEOUT`: what `kernel.panic` starts with.
    pub panic: Option<i64>,
    /// `CONFIG_PANIC_ON_OOPS_VALUE`: what `kernel.panic_on_oops` starts with.
    pub panic_on_oops: Option<i64>,
}

impl KernelBuild {
    /// The default of `key`, where the build configuration decides it and is known.
    pub(crate) fn value(&self, key: &str) -> Option<i64> {
        match key {
            "kernel.panic" => self.panic,
            "kernel.panic_on_oops" => self.panic_on_oops,
            _ => None,
        }
    }

    /// Reads the configuration that distributions install beside their kernels. The next boot may start another
    /// kernel, but kernels of one distribution agree on these values.
    pub(crate) fn read(root: &HostRoot) -> Self {
        let Ok(release) = root.read("/proc/sys/kernel/osrelease") else {
            return Self::default();
        };
        let release = String::from_utf8_lossy(&release).trim().to_owned();
        if release.is_empty() || release.contains('/') {
            return Self::default();
        }
        [
            format!("/boot/config-{release}"),
            format!("/usr/lib/modules/{release}/config"),
            format!("/lib/modules/{release}/config"),
        ]
        .iter()
        .find_map(|path| root.open_file(path).ok())
        .map_or_else(Self::default, |file| {
            parse(BufReader::new(file.take(MAX_FILE)))
        })
    }
}

/// These files are longer than any other, so that they are parsed line by line. A read error ends it and leaves
/// the remaining values unknown.
fn parse(mut config: impl BufRead) -> KernelBuild {
    let mut build = KernelBuild::default();
    let mut bytes = Vec::new();
    while config
        .read_until(b'\n', &mut bytes)
        .is_ok_and(|read| read > 0)
    {
        let line = std::str::from_utf8(&bytes).unwrap_or_default().trim_end();
        if let Some(value) = line.strip_prefix("CONFIG_PANIC_TIMEOUT=") {
            build.panic = value.trim().parse().ok();
        } else if let Some(value) = line.strip_prefix("CONFIG_PANIC_ON_OOPS_VALUE=") {
            build.panic_on_oops = value.trim().parse().ok();
        }
        bytes.clear();
    }
    build
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distributions' files have twelve thousand lines and more.
    #[test]
    fn a_configuration_is_read_however_many_lines_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        std::fs::create_dir_all(dir.path().join("proc/sys/kernel")).unwrap();
        std::fs::create_dir(dir.path().join("boot")).unwrap();
        std::fs::write(dir.path().join("proc/sys/kernel/osrelease"), "6.1\n").unwrap();
        let text = "# CONFIG_X is not set\n".repeat(40_000) + "CONFIG_PANIC_TIMEOUT=7";
        std::fs::write(dir.path().join("boot/config-6.1"), text).unwrap();
        assert_eq!(KernelBuild::read(&root).panic, Some(7));
        assert_eq!(root.read_errors(), []);
    }

    #[test]
    fn the_configuration_of_the_running_kernel_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        assert_eq!(KernelBuild::read(&root), KernelBuild::default());
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/sys/kernel/osrelease", "5.14.0-1.el9\n");
        write(
            "usr/lib/modules/5.14.0-1.el9/config",
            "# CONFIG_X is not set\nCONFIG_PANIC_ON_OOPS=y\nCONFIG_PANIC_ON_OOPS_VALUE=1\nCONFIG_PANIC_TIMEOUT=0\n",
        );
        let build = KernelBuild::read(&root);
        assert_eq!(build.value("kernel.panic_on_oops"), Some(1));
        assert_eq!(build.value("kernel.panic"), Some(0));
        assert_eq!(build.value("vm.panic_on_oom"), None);
    }

    #[test]
    fn a_release_that_is_a_path_leads_nowhere() {
        for release in ["../secret\n", "\n"] {
            let dir = tempfile::tempdir().unwrap();
            let root = HostRoot::open(dir.path()).unwrap();
            let write = |path: &str, text: &str| {
                let path = dir.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            };
            std::fs::create_dir_all(dir.path().join("usr/lib/modules")).unwrap();
            write("proc/sys/kernel/osrelease", release);
            write("usr/lib/secret/config", "CONFIG_PANIC_TIMEOUT=1\n");
            write("usr/lib/modules/config", "CONFIG_PANIC_TIMEOUT=1\n");
            assert_eq!(KernelBuild::read(&root), KernelBuild::default());
        }
    }
}
