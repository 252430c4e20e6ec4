//! `fix`, and every command that reports show, in a root file system with the real
//! programs: a private copy of one of the roots that `tests/lab/roots` builds. Needs root.
#![cfg(feature = "lab")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the hosts they change, and fail by panicking"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const ARGS: &str = "--role server --rke2-version v1.34.1+rke2r1";
const WRONG: [(&str, &str, &str); 6] = [
    ("vm/overcommit_memory", "0", "1"),
    ("vm/panic_on_oom", "2", "0"),
    ("kernel/panic", "0", "10"),
    ("kernel/panic_on_oops", "0", "1"),
    ("kernel/keys/root_maxkeys", "200", "1000000"),
    ("kernel/keys/root_maxbytes", "20000", "25000000"),
];

/// What a script printed, and its exit status.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// A host with profile cis, wrong in every way, and these files.
struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let host = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        host.write("etc/rancher/rke2/config.yaml", "profile: cis\n");
        host.write("sys/fs/cgroup/cgroup.controllers", "");
        host.write("usr/bin/preflight-rke2", "");
        for (key, wrong, _) in WRONG {
            host.write(&format!("proc/sys/{key}"), &format!("{wrong}\n"));
        }
        for (path, content) in files {
            host.write(path, content);
        }
        std::fs::create_dir(host.dir.path().join("work")).unwrap();
        std::fs::create_dir(host.dir.path().join("root")).unwrap();
        host
    }

    fn write(&self, path: &str, content: &str) {
        let at = self.dir.path().join("upper").join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, content).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join("upper").join(path)).unwrap()
    }

    /// Runs `outside` in the directory that holds the host as `root`, then `script` in that root,
    /// where `preflight` is the command under test. What it writes stays for the next time.
    fn run_after(&self, outside: &str, script: &str) -> Ran {
        let lab = std::env::var("PREFLIGHT_LAB").unwrap_or("/var/cache/preflight-lab".to_owned());
        let suite = Path::new(&lab).join("bookworm");
        assert!(suite.is_dir(), "run tests/lab/roots first");
        let mount = "set -e; cd \"$1\"
            mount -t overlay overlay -o lowerdir=\"$2\",upperdir=upper,workdir=work root
            mount --bind \"$3\" root/usr/bin/preflight-rke2";
        let inside = "exec chroot root /bin/sh -c \"$4\"";
        let output = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "/bin/sh", "-c"])
            .arg(format!("{mount}\n{outside}\n{inside}"))
            .arg("sh")
            .arg(self.dir.path())
            .arg(suite)
            .arg(env!("CARGO_BIN_EXE_preflight-rke2"))
            .arg(script)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn run(&self, script: &str) -> Ran {
        self.run_after("", script)
    }

    fn findings(&self) -> (Value, Vec<Value>) {
        let ran = self.run(&format!("preflight-rke2 check --format json {ARGS}"));
        let document: Value = serde_json::from_str(&ran.out)
            .unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err));
        let unit = document["units"][0].clone();
        let findings = unit["findings"].as_array().unwrap().clone();
        (unit, findings)
    }

    fn is_right(&self) {
        let (unit, _) = self.findings();
        assert_eq!(unit["verdict"], "would-start", "{unit}");
        assert_eq!(unit["next_boot_verdict"], "would-start", "{unit}");
    }
}

#[test]
fn a_running_host_is_made_right_and_then_left_alone() {
    let no_sysusers = "rm root/usr/bin/systemd-sysusers";
    for (before, ids) in [
        ("", "--uid 52034 --gid 52034"),
        ("", ""),
        (no_sysusers, "--uid 52034"),
    ] {
        let host = Host::new(&[("etc/sysctl.d/99-zz.conf", "kernel.panic=5\n")]);
        let fix = format!("preflight-rke2 fix --apply {ARGS} {ids}");
        let ran = host.run_after(before, &fix);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
        host.is_right();
        for (key, _, right) in WRONG {
            assert_eq!(host.read(&format!("proc/sys/{key}")), format!("{right}\n"));
        }
        assert_eq!(host.read("etc/sysctl.d/99-zz.conf"), "kernel.panic=5\n");
        if !ids.is_empty() {
            let passwd = host.read("etc/passwd");
            assert!(
                passwd.contains("\netcd:x:52034:52034:etcd user:"),
                "{passwd}"
            );
            assert!(host.read("etc/group").contains("\netcd:x:52034:\n"));
        }
        let again = host.run(&fix);
        assert_eq!(again.status, 0, "{}", again.err);
        assert!(again.out.starts_with("nothing to do\n"), "{}", again.out);
    }
}

#[test]
fn the_script_makes_a_running_host_right() {
    let no_sysusers = "rm root/usr/bin/systemd-sysusers";
    for before in ["", no_sysusers] {
        let host = Host::new(&[("etc/sysctl.d/60-rke2-cis.conf", "kernel.panic=5\n#")]);
        let script = format!("preflight-rke2 fix --output script {ARGS} >/fix.sh && sh /fix.sh");
        let ran = host.run_after(before, &script);
        assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
        host.is_right();
        let again =
            host.run("cp -a /etc /before && sh /fix.sh && diff -r --no-dereference /before /etc");
        assert_eq!((again.status, again.out.as_str()), (0, ""), "{}", again.err);
    }
}

#[test]
fn the_plans_commands_make_a_running_host_right() {
    let host = Host::new(&[]);
    let plan = host.run(&format!("preflight-rke2 fix {ARGS}"));
    let commands: Vec<&str> = plan
        .out
        .lines()
        .filter_map(|line| line.strip_prefix("   # "))
        .collect();
    assert!(commands.len() > 7, "{}", plan.out);
    let ran = host.run(&commands.join(" && "));
    assert_eq!(ran.status, 0, "{}", ran.err);
    host.is_right();
}

#[test]
fn every_command_of_a_report_fixes_its_finding() {
    let passwd = "root:x:0:0:root:/root:/bin/sh\n";
    let etcd = "root:x:0:0:root:/root:/bin/sh\netcd:x:64000:100::/:/x\n";
    let hosts: [&[(&str, &str)]; 6] = [
        &[],
        &[("etc/passwd", etcd)],
        &[("etc/group", "root:x:0:\netcd:x:64000:\n")],
        &[
            ("etc/passwd", etcd),
            ("etc/group", "root:x:0:\netcd:x:64000:\n"),
        ],
        &[
            ("etc/passwd", passwd),
            ("usr/lib/passwd", etcd),
            ("usr/lib/group", "etcd:x:64000:\n"),
        ],
        &[(
            "etc/sysctl.d/60-rke2-cis.conf",
            "kernel.panic=5\nvm.panic_on_oom=2",
        )],
    ];
    let mut fixed = 0;
    for files in hosts {
        for finding in Host::new(files).findings().1 {
            // Of the machine that runs the test.
            if finding["id"].as_str().unwrap().starts_with("host.") {
                continue;
            }
            let remedies = finding["remedies"].as_array().unwrap();
            let commands: Vec<&str> = remedies
                .iter()
                .flat_map(|remedy| remedy["commands"].as_array().unwrap())
                .map(|command| command.as_str().unwrap())
                .collect();
            // A finding that another finding's command also fixes has no command.
            if commands.is_empty() {
                assert_eq!(finding["id"], "account.etcd.group", "{finding}");
                continue;
            }
            let host = Host::new(files);
            let ran = host.run(&commands.join(" && "));
            assert_eq!(ran.status, 0, "{commands:?}: {}", ran.err);
            let left = host.findings().1;
            assert!(
                left.iter().all(|f| f["id"] != finding["id"]),
                "{commands:?}"
            );
            fixed += 1;
        }
    }
    assert!(fixed > 40, "{fixed}");
}

#[test]
fn directories_that_take_no_file_are_named_and_the_rest_is_done() {
    let read_only = "mkdir full; mount --bind full root/etc/sysctl.d
        mount -o remount,bind,ro root/etc/sysctl.d";
    let full = "mount -t tmpfs -o size=4k tmpfs root/etc/sysctl.d
        head -c 4096 /dev/zero >root/etc/sysctl.d/filler";
    for (before, words) in [
        (read_only, "read-only file system"),
        (full, "no space left on device"),
    ] {
        let host = Host::new(&[("etc/sysctl.d/x", "")]);
        let fix = format!("preflight-rke2 fix --apply {ARGS}; s=$?; ls -A /etc/sysctl.d; exit $s");
        let ran = host.run_after(before, &fix);
        assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
        assert!(
            ran.err.contains("/etc/sysctl.d/") && ran.err.contains(words),
            "{}",
            ran.err
        );
        assert!(
            !ran.out.contains(".conf\n") && !ran.out.contains("preflight-new"),
            "{}",
            ran.out
        );
        assert!(
            ran.out.contains("done: create the user and the group etcd"),
            "{}",
            ran.out
        );
        assert_eq!(host.read("proc/sys/kernel/panic"), "10\n");
    }
}
