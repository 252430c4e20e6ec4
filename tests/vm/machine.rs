//! One emulated machine: its files, the script that runs on it, and the result.
//!
//! The script runs once multi-user.target is reached. `rec NAME COMMAND…` in it keeps the output
//! and the exit status of a command under that name; `carry` keeps /etc for a later boot.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use crate::outcome::Outcome;

/// A machine that has not powered off by then counts as hung.
const TIMEOUT: Duration = Duration::from_mins(10);

const PRELUDE: &str = r#"
rec() { name=$1; shift; "$@" >"/out/$name" 2>&1; echo $? >"/out/$name.status"; }
carry() { tar -C / -cf /out/etc.tar etc; }
"#;

/// The report and the kernel's own values are wanted of every boot; `end` shows that no line of the
/// script ended it early.
const EPILOGUE: &str = r"
rec report preflight-rke2 check --all --format json
rec sysctls sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes
journalctl --sync || sleep 0.5
journalctl --no-pager --output=json --all >/out/journal
echo reached >/out/end
stty raw -F /dev/ttyS1
tar -C /out -cz . | cat >/dev/ttyS1
";

/// A machine to boot: the package, RKE2's tarball with the server enabled, and the kernel's values.
pub(crate) struct Machine {
    files: Vec<(String, String)>,
    etc: Option<Vec<u8>>,
    etcd: bool,
    installed: bool,
    words: String,
    script: String,
}

impl Machine {
    /// A machine with this configuration of RKE2.
    pub(crate) fn new(config: &str) -> Self {
        Self {
            files: vec![(
                "/etc/rancher/rke2/config.yaml".to_owned(),
                config.to_owned(),
            )],
            etc: None,
            etcd: false,
            installed: true,
            words: String::new(),
            script: String::new(),
        }
    }

    /// Adds a file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// Adds the user and the group etcd.
    pub(crate) fn etcd(mut self) -> Self {
        self.etcd = true;
        self
    }

    /// Leaves out the package.
    pub(crate) fn not_installed(mut self) -> Self {
        self.installed = false;
        self
    }

    /// Words on the kernel command line.
    pub(crate) fn kernel_arguments(mut self, words: &str) -> Self {
        words.clone_into(&mut self.words);
        self
    }

    /// Has /etc as an earlier boot left it.
    pub(crate) fn after(mut self, earlier: &Outcome) -> Self {
        let path = earlier.work.path().join("out/etc.tar");
        self.etc = Some(fs::read(path).expect("the /etc that an earlier boot carried over"));
        self
    }

    /// What to run and record, in bash.
    pub(crate) fn script(mut self, text: &str) -> Self {
        text.clone_into(&mut self.script);
        self
    }

    /// Boots the machine, runs the script and waits for it to power off.
    pub(crate) fn boot(self) -> Outcome {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let lab = lab();
        assert!(
            lab.join("vm/vmlinuz").is_file()
                && lab.join("vm/boot").is_dir()
                && lab.join("vm/base.cpio.zst").is_file(),
            "{} is not there or not whole: run tests/lab/vm-image as root",
            lab.join("vm").display()
        );
        let work = tempfile::tempdir().expect("a temporary directory");
        self.lay_files(source, &lab.join("bookworm"), work.path());
        if self.installed {
            symlink(package(source), work.path().join("install")).expect("link the package");
        }
        if let Some(etc) = &self.etc {
            fs::write(work.path().join("etc.tar"), etc).expect("write etc.tar");
        }

        let output = work.path().join("output");
        let log = fs::File::create(&output).expect("create a file");
        let mut machine = Command::new(source.join("tests/lab/vm-boot"))
            .arg(work.path())
            .arg(&self.words)
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("run tests/lab/vm-boot");
        let end = wait(&mut machine, &work.path().join("console"));
        let console = lossy(&output) + &lossy(&work.path().join("console"));
        assert!(end.is_ok(), "the machine {}:\n{console}", end.unwrap_err());

        fs::create_dir(work.path().join("out")).expect("create out/");
        let unpacked = Command::new("tar")
            .args(["-xzf", "results", "-C", "out"])
            .current_dir(work.path())
            .status()
            .expect("run tar");
        assert!(unpacked.success(), "no results came:\n{console}");
        let outcome = Outcome::new(work, console);
        outcome.has("end", &["reached"]);
        outcome
    }

    fn lay_files(&self, source: &Path, root: &Path, work: &Path) {
        let files = work.join("files");
        let put = |path: &str, text: &str| {
            let path = files.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("create a directory");
            fs::write(&path, text).expect("write a file");
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set a mode");
        };
        let stand_in = |path: &str| {
            fs::read_to_string(source.join("tests/lab/stand-in").join(path))
                .expect("read a stand-in")
        };

        put("/usr/local/lib/rke2-stand-in", &stand_in("rke2.sh"));
        let programs = files.join("usr/local/bin");
        fs::create_dir_all(&programs).expect("create a directory");
        fs::copy(
            package(source).with_file_name("rke2-stand-in"),
            programs.join("rke2"),
        )
        .expect("copy the stand-in for RKE2: run tests/lab/package");
        for unit in ["rke2-server.service", "rke2-agent.service"] {
            put(
                &format!("/usr/local/lib/systemd/system/{unit}"),
                &stand_in(unit),
            );
        }
        if self.etcd {
            for (path, line) in [
                ("etc/passwd", "etcd:x:980:980::/:/usr/sbin/nologin\n"),
                ("etc/group", "etcd:x:980:\n"),
            ] {
                let given = fs::read_to_string(root.join(path)).expect("read a file of the root");
                put(path, &(given + line));
            }
        }
        for (path, text) in &self.files {
            put(path, text);
        }
        let network = fs::read_to_string(source.join("tests/lab/network.pl"));
        put(
            "/usr/local/lib/lab-network",
            &network.expect("read a script"),
        );
        put(
            "/etc/systemd/system/lab-network.service",
            "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n\
             [Service]\nType=oneshot\nExecStart=/usr/local/lib/lab-network\n",
        );
        put(
            "/etc/systemd/system/lab.target",
            "[Unit]\nRequires=multi-user.target\nAfter=multi-user.target\nWants=lab.service\nAllowIsolate=yes\n",
        );
        put(
            "/etc/systemd/system/lab.service",
            "[Unit]\nAfter=multi-user.target\n[Service]\nType=exec\nExecStart=/bin/bash /lab.sh\n\
             ExecStopPost=systemctl poweroff --no-block\nStandardOutput=file:/out/log\nStandardError=file:/out/log\n",
        );
        put("/lab.sh", &[PRELUDE, &self.script, EPILOGUE].concat());
        fs::create_dir(files.join("out")).expect("create a directory");
        let units = files.join("etc/systemd/system");
        symlink("lab.target", units.join("default.target")).expect("set the default target");
        let wants = units.join("multi-user.target.wants");
        fs::create_dir(&wants).expect("create a directory");
        symlink(
            "/usr/local/lib/systemd/system/rke2-server.service",
            wants.join("rke2-server.service"),
        )
        .expect("enable a unit");
        let wants = units.join("sysinit.target.wants");
        fs::create_dir(&wants).expect("create a directory");
        symlink("../lab-network.service", wants.join("lab-network.service"))
            .expect("enable a unit");
        // Timers and logins take time and have no part in this.
        for unit in [
            "timers.target",
            "getty.target",
            "e2scrub_reap.service",
            "systemd-logind.service",
        ] {
            symlink("/dev/null", units.join(unit)).expect("mask a unit");
        }
        // It is copied over the root, modes and all.
        fs::set_permissions(&files, fs::Permissions::from_mode(0o755)).expect("set a mode");
    }
}

/// Waits for the machine to power off; one that does not, or whose kernel panics, is killed.
fn wait(machine: &mut Child, console: &Path) -> Result<(), String> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(status) = machine.try_wait().expect("wait for QEMU") {
            return if status.success() {
                Ok(())
            } else {
                Err(format!("ended with {status}"))
            };
        }
        let why = if lossy(console).contains("Kernel panic") {
            "panicked"
        } else if Instant::now() > deadline {
            "did not power off in time"
        } else {
            sleep(Duration::from_millis(100));
            continue;
        };
        // The machine writes the console line by line, and a panic has more than one.
        sleep(Duration::from_millis(500));
        machine.kill().expect("kill QEMU");
        machine.wait().expect("wait for QEMU");
        return Err(why.to_owned());
    }
}

fn lossy(path: &Path) -> String {
    fs::read(path).map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(&bytes).into_owned(),
    )
}

fn lab() -> PathBuf {
    std::env::var_os("PREFLIGHT_LAB")
        .map_or_else(|| PathBuf::from("/var/cache/preflight-lab"), PathBuf::from)
}

fn package(source: &Path) -> PathBuf {
    let package = std::env::var_os("PREFLIGHT_DEB").map_or_else(
        || source.join("target/debian/preflight-rke2.deb"),
        PathBuf::from,
    );
    assert!(
        package.is_file(),
        "{} is missing: run tests/lab/package",
        package.display()
    );
    package
}
