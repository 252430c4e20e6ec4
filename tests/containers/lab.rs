//! One container: its host, the script that runs in it, and the result.
//!
//! The script runs once multi-user.target is reached. `rec NAME COMMAND…` in it keeps the output
//! and the exit status of a command under that name; `eventually COMMAND…` waits until it succeeds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) use crate::outcome::{Outcome, field};

/// The six parameters that the kubelet checks, and the values that it and RKE2 require.
const RIGHT: [(&str, &str); 6] = [
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.keys.root_maxbytes", "25000000"),
];

/// Seconds after which a hung container is killed, in addition to those of [`Lab::longer`].
const TIMEOUT: u32 = 300;

const PRELUDE: &str = r#"
rec() { name=$1; shift; "$@" >"/out/$name" 2>&1; echo $? >"/out/$name.status"; }
eventually() { for _ in $(seq 1200); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "never: $*"; }
# The kernel changes a value at once; a file is empty for a moment, which the monitor is not to see.
set_sysctl() {
    systemctl kill -s STOP preflight-rke2 2>/dev/null
    echo "$2" >"/proc/sys/$(echo "$1" | tr . /)"
    systemctl kill -s CONT preflight-rke2 2>/dev/null
}
show() { systemctl show --property="$2" --value "$1"; }
active() { systemctl is-active --quiet "$1"; }
up() { eventually active "$1"; }
# Whether all that is logged of a gate that failed has been.
logged() {
    ! systemctl list-jobs | grep -q gate-failed &&
        [ "$(show "preflight-rke2-gate-failed@${1:-rke2-server}.service" ActiveState)" != activating ]
}
entries() { journalctl --sync; journalctl --no-pager --output=cat "MESSAGE_ID=$1"; }
make_right() {
    set_sysctl vm.overcommit_memory 1
    set_sysctl kernel.panic 10
    set_sysctl kernel.panic_on_oops 1
    set_sysctl kernel.keys.root_maxkeys 1000000
    set_sysctl kernel.keys.root_maxbytes 25000000
    grep -q ^etcd: /etc/group || echo 'etcd:x:980:' >>/etc/group
    grep -q ^etcd: /etc/passwd || echo 'etcd:x:980:980::/:/usr/sbin/nologin' >>/etc/passwd
}
gate() { printf '#!/bin/sh\n%s\n' "$1" >/usr/bin/preflight-rke2; chmod 755 /usr/bin/preflight-rke2; }
"#;

const EPILOGUE: &str = "
journalctl --sync || sleep 0.5
journalctl --no-pager --output=json --all >/out/journal
";

/// A host to boot, right for every RKE2 unit unless changed.
pub(crate) struct Lab {
    suite: String,
    config: String,
    sysctls: Vec<(String, String)>,
    persistent: bool,
    etcd: bool,
    installed: Option<&'static str>,
    enabled: Vec<String>,
    kernel_argument: String,
    files: Vec<(String, String)>,
    binds: Vec<(PathBuf, String)>,
    longer: u32,
    script: String,
}

impl Lab {
    /// A host of `suite`, with the package, RKE2's tarball, and nothing of RKE2 enabled.
    pub(crate) fn new(suite: &str) -> Self {
        Self {
            suite: suite.to_owned(),
            config: String::new(),
            sysctls: RIGHT
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
            persistent: true,
            etcd: true,
            installed: Some("deb"),
            enabled: Vec::new(),
            kernel_argument: "quiet".to_owned(),
            files: Vec::new(),
            binds: Vec::new(),
            longer: 0,
            script: String::new(),
        }
    }

    /// RKE2's configuration file.
    pub(crate) fn config(mut self, text: &str) -> Self {
        text.clone_into(&mut self.config);
        self
    }

    /// The live value of one of the six parameters.
    pub(crate) fn sysctl(mut self, key: &str, value: &str) -> Self {
        let slot = self
            .sysctls
            .iter_mut()
            .find(|(known, _)| known == key)
            .expect("one of the six");
        value.clone_into(&mut slot.1);
        self
    }

    /// The values a kernel starts with, and no file that sets others.
    pub(crate) fn kernel_defaults(mut self) -> Self {
        self.persistent = false;
        self.sysctl("vm.overcommit_memory", "0")
            .sysctl("kernel.panic", "0")
            .sysctl("kernel.panic_on_oops", "0")
            .sysctl("kernel.keys.root_maxkeys", "200")
            .sysctl("kernel.keys.root_maxbytes", "20000")
    }

    /// Adds a file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Shows a file or directory of this machine, read-only.
    pub(crate) fn bind(mut self, from: &Path, to: &str) -> Self {
        self.binds.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Has the monitor write metrics to a directory where another's file stands.
    pub(crate) fn metrics(self) -> Self {
        self.file(
            "/etc/preflight-rke2/config.toml.d/lab.toml",
            "[metrics]\ntextfile = \"/var/lib/node_exporter\"\n",
        )
        .file("/var/lib/node_exporter/other.prom", "")
        .file(
            "/etc/systemd/system/preflight-rke2.service.d/metrics.conf",
            "[Service]\nReadWritePaths=/var/lib/node_exporter\n",
        )
    }

    /// Allows this many more seconds.
    pub(crate) fn longer(mut self, seconds: u32) -> Self {
        self.longer = seconds;
        self
    }

    /// Leaves out the user and the group etcd.
    pub(crate) fn no_etcd(mut self) -> Self {
        self.etcd = false;
        self
    }

    /// Has the RPM installed by rpm, as an image build does, in place of the deb.
    pub(crate) fn with_rpm(mut self) -> Self {
        self.installed = Some("rpm");
        self
    }

    /// Leaves the package for the script to install, as /install.deb; /packages holds all that
    /// `tests/lab/package` built.
    pub(crate) fn not_installed(mut self) -> Self {
        self.installed = None;
        self
    }

    /// Enables a unit.
    pub(crate) fn enable(mut self, unit: &str) -> Self {
        self.enabled.push(unit.to_owned());
        self
    }

    /// A word on the kernel command line, for PID 1 and for all others.
    pub(crate) fn kernel_argument(mut self, word: &str) -> Self {
        word.clone_into(&mut self.kernel_argument);
        self
    }

    /// What to run and record, in bash.
    pub(crate) fn script(mut self, text: &str) -> Self {
        text.clone_into(&mut self.script);
        self
    }

    /// Boots the host, runs the script and waits for it to power off.
    pub(crate) fn boot(self) -> Outcome {
        self.boot_beside(|_| ())
    }

    /// The same, and calls `beside` meanwhile, with what is /out in the container.
    pub(crate) fn boot_beside(self, beside: impl FnOnce(&Path) + Send) -> Outcome {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = roots().join(&self.suite);
        assert!(
            root.is_dir(),
            "{} is missing: run tests/lab/roots as root",
            root.display()
        );
        let package = package(source);
        assert!(
            package.is_file(),
            "{} is missing: run tests/lab/package",
            package.display()
        );

        let work = tempfile::tempdir().expect("a temporary directory");
        self.lay_files(source, &package, &root, work.path());
        fs::create_dir(work.path().join("out")).expect("create out/");

        let mut boot = Command::new("timeout");
        boot.arg("--kill-after=5")
            .arg((TIMEOUT + self.longer).to_string())
            .arg(source.join("tests/lab/boot"))
            .arg(&root)
            .arg(work.path());
        if let Some(kind) = self.installed {
            symlink(package.with_extension(kind), work.path().join("install"))
                .expect("link the package");
        } else {
            let built = package.parent().expect("a directory");
            boot.arg(format!("--bind-ro={}:/packages", built.display()))
                .arg(format!("--bind-ro={}:/install.deb", package.display()));
        }
        for (from, to) in &self.binds {
            boot.arg(format!("--bind-ro={}:{to}", from.display()));
        }
        // In a container PID 1 takes its own arguments for the kernel's.
        boot.args(["--boot", &self.kernel_argument]);

        let out = work.path().join("out");
        let output = std::thread::scope(|scope| {
            scope.spawn(move || beside(&out));
            boot.output().expect("run tests/lab/boot")
        });
        let console = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            output.status.success(),
            "the container ended with {}:\n{console}",
            output.status
        );
        Outcome::new(work, console)
    }

    fn lay_files(&self, source: &Path, package: &Path, root: &Path, work: &Path) {
        let files = work.join("files");
        let put = |path: &str, text: &str| {
            let path = files.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("create a directory");
            fs::write(&path, text).expect("write a file");
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set a mode");
        };
        let given =
            |path: &str| fs::read_to_string(root.join(path)).expect("read a file of the root");
        let ours = |path: &str| {
            fs::read_to_string(source.join("tests/lab/stand-in").join(path))
                .expect("read a stand-in")
        };

        put("/usr/local/lib/rke2-stand-in", &ours("rke2.sh"));
        for unit in ["rke2-server.service", "rke2-agent.service"] {
            put(
                &format!("/usr/local/lib/systemd/system/{unit}"),
                &ours(unit),
            );
        }
        put("/etc/rancher/rke2/config.yaml", &self.config);
        let (user, group) = if self.etcd {
            ("etcd:x:980:980::/:/usr/sbin/nologin\n", "etcd:x:980:\n")
        } else {
            ("", "")
        };
        put("/etc/passwd", &(given("etc/passwd") + user));
        put("/etc/group", &(given("etc/group") + group));
        if self.persistent {
            put(
                "/etc/sysctl.d/60-rke2-cis.conf",
                &RIGHT
                    .map(|(key, value)| format!("{key} = {value}\n"))
                    .concat(),
            );
        }
        // The host's /proc shows through: files of the container's own are bound over what matters.
        let mut binds = Vec::new();
        for (key, value) in &self.sysctls {
            put(&format!("/lab/{key}"), &format!("{value}\n"));
            let path = key.replace('.', "/");
            binds.push(format!(
                "ExecStart=mount --bind /lab/{key} /proc/sys/{path}\n"
            ));
        }
        put(
            "/lab/cmdline",
            &format!(
                "BOOT_IMAGE=/vmlinuz root=/dev/vda1 {}\n",
                self.kernel_argument
            ),
        );
        put(
            "/etc/systemd/system/lab-host.service",
            &[
                "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target systemd-sysctl.service\n\
                 [Service]\nType=oneshot\nRemainAfterExit=yes\n\
                 ExecStart=mount --bind /lab/cmdline /proc/cmdline\n",
                &binds.concat(),
            ]
            .concat(),
        );
        // Up to systemd 252 these two mount a fresh /proc in a container, without what is bound there.
        // The VM tests cover what they do on a real kernel.
        for unit in ["preflight-rke2.service", "preflight-rke2-gate@.service"] {
            put(
                &format!("/etc/systemd/system/{unit}.d/lab-host.conf"),
                "[Service]\nProtectKernelTunables=no\nProtectControlGroups=no\n",
            );
        }
        put(
            "/etc/systemd/system/lab.target",
            "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=lab.service\nAllowIsolate=yes\n",
        );
        put(
            "/etc/systemd/system/lab.service",
            "[Unit]\nAfter=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/bash /lab.sh\n\
             ExecStopPost=systemctl poweroff --no-block\nStandardOutput=file:/out/log\nStandardError=file:/out/log\n",
        );
        for (path, text) in &self.files {
            put(path, text);
        }
        put("/lab.sh", &[PRELUDE, &self.script, EPILOGUE].concat());
        let bin = files.join("usr/local/bin");
        fs::create_dir_all(&bin).expect("create a directory");
        fs::copy(package.with_file_name("rke2-stand-in"), bin.join("rke2"))
            .expect("copy the stand-in for RKE2: run tests/lab/package");
        let units = files.join("etc/systemd/system");
        symlink("lab.target", units.join("default.target")).expect("set the default target");
        let wants = units.join("sysinit.target.wants");
        fs::create_dir(&wants).expect("create a directory");
        symlink("../lab-host.service", wants.join("lab-host.service")).expect("enable a unit");
        let wants = units.join("multi-user.target.wants");
        fs::create_dir(&wants).expect("create a directory");
        for unit in &self.enabled {
            symlink(
                format!("/usr/local/lib/systemd/system/{unit}"),
                wants.join(unit),
            )
            .expect("enable a unit");
        }
        // It is copied over the container's root, modes and all.
        fs::set_permissions(&files, fs::Permissions::from_mode(0o755)).expect("set a mode");
    }
}

/// Where `tests/lab/roots` and other scripts leave what tests need.
pub(crate) fn roots() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
}

fn package(source: &Path) -> PathBuf {
    std::env::var_os("PREFLIGHT_DEB").map_or_else(
        || source.join("target/debian/preflight-rke2.deb"),
        PathBuf::from,
    )
}
