//! What the running kernel was built to start with, for the parameters whose default the build
//! decides.

use super::HostRoot;

/// Values of the kernel's own, where its build configuration tells them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KernelBuild {
    /// `CONFIG_PANIC_TIMEOUT`: what `kernel.panic` starts with.
    pub panic: Option<i64>,
    /// `CONFIG_PANIC_ON_OOPS_VALUE`: what `kernel.panic_on_oops` starts with.
    pub panic_on_oops: Option<i64>,
}

impl KernelBuild {
    /// The value that `key` starts with, where the build decides it and tells.
    pub fn value(&self, key: &str) -> Option<i64> {
        match key {
            "kernel.panic" => self.panic,
            "kernel.panic_on_oops" => self.panic_on_oops,
            _ => None,
        }
    }

    /// Reads the configuration that distributions install beside their kernels. The next boot can
    /// bring another kernel; of one distribution they agree here.
    pub fn read(root: &HostRoot) -> Self {
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
        .find_map(|path| root.read(path).ok())
        .map_or_else(Self::default, |config| parse(&config))
    }
}

fn parse(config: &[u8]) -> KernelBuild {
    let mut build = KernelBuild::default();
    for line in config.split(|byte| *byte == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if let Some(value) = line.strip_prefix("CONFIG_PANIC_TIMEOUT=") {
            build.panic = value.trim().parse().ok();
        } else if let Some(value) = line.strip_prefix("CONFIG_PANIC_ON_OOPS_VALUE=") {
            build.panic_on_oops = value.trim().parse().ok();
        }
    }
    build
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_of_the_running_kernel_tells() {
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
