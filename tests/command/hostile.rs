//! Broken and hostile hosts: with anything in the place of a file, the command ends in time, with
//! a documented status, without a panic, and prints no terminal control characters.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;

use super::host::{Host, Ran, run};

const UNIT: &str = "rke2-server.service";
/// The user `nobody`, who may read only what all users may.
const NOBODY: u32 = 65534;

/// What a file is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// RKE2, its kubelet or systemd reads it to start: what is wrong with it may be a reason.
    Start,
    /// They start with any content.
    Nothing,
}

use Need::{Nothing, Start};

/// A program without build information: a script would be taken for a wrapper around RKE2.
const PROGRAM: &str = "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\
    \x02\0\x3e\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Every file and directory that is read, by what it is needed for, with content that has it read.
#[rustfmt::skip]
const READ: &[(Need, &str, &str)] = &[
    (Start, "/etc/rancher/rke2/config.yaml", "profile: cis\ntoken: x\nkubelet-arg:\n  - config=/etc/kubelet.yaml\n  - config-dir=/etc/kubelet.d\n"),
    (Start, "/etc/rancher/rke2/config.yaml.d/50-x.yaml", "node-name: x\n"),
    (Start, "/etc/rancher/rke2/config.yaml.d", ""),
    (Start, "/etc/kubelet.yaml", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"),
    (Start, "/etc/kubelet.d/10-x.conf", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"),
    (Start, "/etc/kubelet.d", ""),
    (Start, "/var/lib/rancher/rke2/agent/etc/kubelet.conf.d/10-x.conf", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"),
    (Start, "/proc/sys/vm/overcommit_memory", "1\n"),
    (Start, "/proc/sys/kernel/keys/root_maxkeys", "1000000\n"),
    (Start, "/proc/sys", ""),
    (Start, "/etc/passwd", "etcd:x:5:6::/:\n"),
    (Start, "/etc/group", "etcd:x:6:\n"),
    (Start, "/sys/fs/cgroup/cgroup.controllers", "cpu\n"),
    (Start, "/usr/lib/systemd/system/rke2-server.service", "[Service]\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/sysconfig/%N\nExecStart=/usr/bin/rke2 server --etcd-snapshot-name %H%m%b%v\n"),
    (Start, "/etc/systemd/system/rke2-server.service.d/10-x.conf", "[Service]\nEnvironment=A=b\n"),
    (Nothing, "/etc/systemd/system/rke2-.service.d", ""),
    (Nothing, "/etc/default/rke2-server", "A=b\n"),
    (Nothing, "/etc/sysconfig/rke2-server", "HOME=/root\n"),
    (Nothing, "/etc/systemd/system.conf", "[Manager]\nDefaultEnvironment=A=b\n"),
    (Nothing, "/etc/systemd/system.conf.d/10-x.conf", "[Manager]\nDefaultEnvironment=A=b\n"),
    (Nothing, "/etc/hostname", "x\n"),
    (Start, "/proc/sys/kernel/hostname", "x\n"),
    (Nothing, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    (Nothing, "/proc/sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n"),
    (Nothing, "/proc/sys/kernel/osrelease", "6.1.0\n"),
    (Nothing, "/proc/cmdline", "ro sysctl.kernel.panic=10 systemd.setenv=A=b\n"),
    (Nothing, "/proc/meminfo", "MemTotal: 1 kB\n"),
    (Nothing, "/etc/os-release", "PRETTY_NAME=x\n"),
    (Nothing, "/usr/lib/passwd", "etcd:x:5:6::/:\n"),
    (Nothing, "/usr/lib/group", "etcd:x:6:\n"),
    (Nothing, "/etc/sysctl.d/60-rke2-cis.conf", "kernel.panic=10\n"),
    (Nothing, "/etc/sysctl.d", ""),
    (Nothing, "/run/sysctl.d/70-x.conf", "vm.panic_on_oom=0\n"),
    (Nothing, "/usr/lib/sysctl.d/50-x.conf", "vm.panic_on_oom=0\n"),
    (Nothing, "/etc/sysctl.conf", "vm.panic_on_oom=0\n"),
    (Nothing, "/run/credentials/systemd-sysctl.service/sysctl.extra", "vm.panic_on_oom=0\n"),
    (Nothing, "/run/tuned/tuned.pid", "1\n"),
    (Nothing, "/etc/tuned/active_profile", "x\n"),
    (Nothing, "/usr/lib/tuned/x/tuned.conf", "[sysctl]\nvm.panic_on_oom=0\n"),
    (Nothing, "/etc/preflight-rke2/config.toml", "[gate]\n"),
    (Nothing, "/etc/preflight-rke2/config.toml.d/10-x.toml", "[gate]\n"),
    (Nothing, "/etc/preflight-rke2/config.toml.d", ""),
    (Nothing, "/usr/bin/rke2", PROGRAM),
    (Nothing, "/var/lib/rancher/rke2/bin", ""),
    (Nothing, "/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml", "metadata:\n  uid: x\nspec:\n  containers:\n  - name: kube-apiserver\n    args: [--profiling=true]\n"),
    (Nothing, "/var/lib/rancher/rke2/server/db/etcd/config", "client-transport-security:\n  auto-tls: true\n"),
    (Nothing, "/var/lib/rancher/rke2/server/cred/encryption-config.json", "{\"resources\":[{\"resources\":[\"secrets\"]}]}\n"),
    (Nothing, "/var/lib/rancher/rke2/server/tls/x.key", "x\n"),
    (Nothing, "/var/lib/rancher/rke2/server/tls", ""),
    (Nothing, "/etc/rancher/rke2/audit-policy.yaml", "rules: [{level: None}]\n"),
    (Nothing, "/etc/rancher/rke2/rke2-pss.yaml", "plugins: [{name: PodSecurity}]\n"),
    (Nothing, "/proc/7/cmdline", "kube-apiserver\0--profiling\0"),
    (Nothing, "/proc/7/stat", "7 (x) S 7 1 1 0 -1 4194304 1 0 0 0 2 1 0 0 20 0 9 0 7 1\n"),
    (Nothing, "/proc/7/cgroup", "0::/system.slice/rke2-server.service\n"),
    (Nothing, "/etc/cni/net.d/x", "x\n"),
];

/// Lines that each reader takes for its own, with all a terminal would obey.
const ESCAPES: &str = "\u{1b}[31mProfile: \"\u{1b}]0;x\u{7}\u{9b}31m\u{7f}\"\n\
    kernel.panic = 1\u{1b}[2J0\r\nkernel.\u{1b}[31mpanic\n-kernel.\u{8}panic = 9\n\
    etcd:x:\u{1b}[31m5:6::/:\u{7}\netcd:\u{1b}\n\
    RKE2_CIS_PROFILE=\"\u{1b}[31mcis\"\nPRETTY_NAME=\"\u{1b}[31mred\u{202e}\"\n\
    [Service]\nEnvironment=\"RKE2_CIS_PROFILE=\u{1b}[31m\"\n\u{1b}[31mExecStart=/\u{1b}x\n\
    [g\u{1b}ate]\nmo\u{1b}de = \"\u{7}\"\n";

type Put = fn(&Host, &str);

/// What can stand in the place of a file.
const BROKEN: &[(&str, Put)] = &[
    ("absent", |host, path| drop(host.clear(path))),
    ("empty", |host, path| host.file(path, "")),
    ("one long line", |host, path| {
        host.file(path, "x".repeat(1 << 20));
    }),
    ("one long value", |host, path| {
        let value = "9".repeat(1 << 16);
        host.file(path, format!("profile: {value}\netcd:x:{value}:0:::\n"));
    }),
    ("NULs", |host, path| host.file(path, [0; 70_000])),
    ("no UTF-8", |host, path| {
        host.file(path, b"\xff\xfe\x80=\xc3\n\xed\xa0\x80: \xf5\n".repeat(100));
    }),
    ("escapes", |host, path| host.file(path, ESCAPES)),
    ("deep", |host, path| host.file(path, "[".repeat(100_000))),
    ("directory", |host, path| {
        std::fs::create_dir(host.clear(path)).unwrap();
    }),
    ("FIFO", |host, path| {
        let mode = Mode::from_bits_truncate(0o644);
        nix::unistd::mkfifo(&host.clear(path), mode).unwrap();
    }),
    ("socket", |host, path| {
        // Names of sockets are short; moved, they may be anywhere.
        let short = host.at("s");
        drop(std::os::unix::net::UnixListener::bind(&short).unwrap());
        std::fs::rename(short, host.clear(path)).unwrap();
    }),
    ("loop", |host, path| {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        host.link(path, name);
    }),
    ("too large", |host, path| {
        let file = std::fs::File::create(host.clear(path)).unwrap();
        file.set_len((8 << 20) + 1).unwrap();
    }),
];

/// A host where everything that can be read is there, and right.
fn whole() -> Host {
    let host = Host::like("healthy-server");
    for entry in READ {
        restore(&host, entry);
    }
    host
}

/// Puts an entry back as [`whole`] has it.
fn restore(host: &Host, (_, path, content): &(Need, &str, &str)) {
    let is_dir = content.is_empty();
    if !is_dir {
        host.file(path, content);
    } else if !host.at(path).is_dir() || host.at(path).is_symlink() {
        std::fs::create_dir(host.clear(path)).unwrap();
        for entry in READ.iter().filter(|(_, inner, _)| {
            let rest = inner.strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with('/'))
        }) {
            restore(host, entry);
        }
        if *path == "/proc/sys" {
            for parameter in preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS {
                host.file(&parameter.path(), format!("{}\n", parameter.required));
            }
        }
    }
}

/// Checks that hold for every run.
fn sane(what: &str, args: &[&str], ran: &Ran) {
    let Ran { status, out, err } = ran;
    let shown = || format!("{what}: {args:?}: {status}\n{out}{err}");
    assert!((0..=4).contains(status), "{}", shown());
    assert!(!err.contains("panicked"), "{}", shown());
    harmless(err, &shown);
    if args.contains(&"json") {
        let parsed = serde_json::from_str::<serde_json::Value>(out);
        assert!(parsed.is_ok() || out.is_empty(), "{}", shown());
    } else {
        harmless(out, &shown);
    }
}

fn harmless(text: &str, shown: &impl Fn() -> String) {
    let obeyed = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(obeyed, None, "{}", shown().escape_debug());
}

const CHECK: &[&str] = &["check", "--verbose", "--color", "never"];
const GATE: &[&str] = &["gate", UNIT];
const AUDIT: &[&str] = &["audit", "--show", "all", "--color", "never"];
const EVERY: &[&[&str]] = &[
    CHECK,
    &["check", "--all", "--format", "json"],
    &["check", "--role", "agent", "--color", "never"],
    &["config", "--all", "--color", "never"],
    &["config", "--all", "--format", "json"],
    &["sysctl", "--color", "never"],
    &["sysctl", "--format", "json"],
    GATE,
    AUDIT,
    &["audit", "--format", "json"],
    &["audit", "--format", "sarif", "--benchmark", "1.23"],
];

/// Runs all commands on a host.
fn every(what: &str, host: &Host) {
    for args in EVERY {
        sane(what, args, &host.run(*args));
    }
}

/// Replaces one thing at a time, by everything it can be replaced by.
fn one_at_a_time(kinds: &[(&str, Put)]) {
    let host = whole();
    let gate = host.run(GATE);
    assert_eq!(gate.status, 0, "{}", gate.err);
    for entry in READ {
        let (need, path, _) = entry;
        for (kind, put) in kinds {
            let what = format!("{kind}: {path}");
            put(&host, path);
            sane(&what, CHECK, &host.run(CHECK));
            sane(&what, AUDIT, &host.run(AUDIT));
            if *need == Nothing {
                let gate = host.run(GATE);
                sane(&what, GATE, &gate);
                assert_ne!(gate.status, 3, "{what}\n{}", gate.err);
            }
            restore(&host, entry);
        }
    }
}

#[test]
fn anything_in_the_place_of_a_file() {
    one_at_a_time(&BROKEN[..6]);
}

#[test]
fn anything_else_in_the_place_of_a_file() {
    one_at_a_time(&BROKEN[6..]);
}

#[test]
fn anything_in_the_place_of_all_files() {
    // Forty such files at once take too long; one at a time is fast.
    let long = ["one long line", "one long value", "too large"];
    let bearable = BROKEN.iter().filter(|(kind, _)| !long.contains(kind));
    for (kind, put) in bearable {
        let host = whole();
        for (_, path, content) in READ {
            // Without their directories there would be nothing to break.
            if !content.is_empty() {
                put(&host, path);
            }
        }
        every(kind, &host);
    }
}

#[test]
fn nothing_at_all() {
    let host = Host::new();
    every("empty root", &host);
    let gate = host.run(GATE);
    assert_ne!(gate.status, 3, "{}", gate.err);
}

/// A copy of the command that any user may run: the build directory can be closed to others.
fn for_any_user(dir: &Host) -> PathBuf {
    let path = dir.at("preflight-rke2");
    std::fs::copy(env!("CARGO_BIN_EXE_preflight-rke2"), &path).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    // Wait until a process that another test is starting has closed its copy of the written file.
    let busy = || {
        let ran = std::process::Command::new(&path).arg("--version").output();
        ran.is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy)
    };
    while busy() {
        std::thread::yield_now();
    }
    path
}

#[test]
fn what_may_not_be_read() {
    let (tools, host) = (Host::new(), whole());
    let program = for_any_user(&tools);
    let is_root = nix::unistd::geteuid().is_root();
    let run_as_anybody = |args: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command.arg("--root").arg(host.path()).args(args);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        run(command)
    };
    assert_eq!(run_as_anybody(GATE).status, 0);
    for (_, path, _) in READ {
        let at = host.at(path);
        let before = at.metadata().unwrap().permissions();
        std::fs::set_permissions(&at, PermissionsExt::from_mode(0o000)).unwrap();
        let what = format!("unreadable: {path}");
        let checked = run_as_anybody(CHECK);
        sane(&what, CHECK, &checked);
        // Root reads it: what it holds is not known here, and no reason.
        assert_ne!(checked.status, 3, "{what}\n{}", checked.out);
        let gate = run_as_anybody(GATE);
        sane(&what, GATE, &gate);
        assert_ne!(gate.status, 3, "{what}\n{}", gate.err);
        std::fs::set_permissions(&at, before).unwrap();
    }
}

#[test]
fn names_and_values_that_a_terminal_would_obey() {
    let host = whole();
    let name = "\u{1b}[31m\u{7}\u{9b}2J";
    for dir in [
        "/etc/rancher/rke2/config.yaml.d",
        "/etc/sysctl.d",
        "/etc/systemd/system/rke2-server.service.d",
        "/etc/kubelet.d",
        "/etc/preflight-rke2/config.toml.d",
    ] {
        for end in ["yaml", "conf", "toml"] {
            host.file(&format!("{dir}/{name}.{end}"), ESCAPES);
            let raw = std::ffi::OsStr::from_bytes(b"\xff\x1b[31m.").to_owned();
            let mut raw = host.at(dir).join(raw).into_os_string();
            raw.push(end);
            std::fs::write(raw, ESCAPES).unwrap();
        }
    }
    every("names", &host);

    let host = whole();
    // Written as YAML escapes, they get through the parser.
    host.file(
        "/etc/rancher/rke2/config.yaml",
        r#"
profile: "ci\e[31ms\a\x9b2J\x7f\n"
"\e]0;x\a": "\e"
kubelet-arg: ["\e[31m=\e", "config=/\e[31m"]
data-dir: "/\e[31m"
"#,
    );
    host.link("/etc/sysctl.d/99-\u{1b}[31m.conf", "/\u{1b}[31m");
    host.file(
        "/etc/systemd/system/rke2-server.service.d/10-x.conf",
        "[Service]\nEnvironment=\"RKE2_CONFIG_FILE=/\u{1b}[31m\"\nEnvironmentFile=/\u{1b}[31m\n",
    );
    every("values", &host);
    host.file("/etc/systemd/system/rke2-server.service.d/10-x.conf", "");
    every("values", &host);

    let bad = "\u{1b}[31m\u{7}";
    for args in [
        vec!["check", "--unit", bad],
        vec!["check", "--role", bad],
        vec!["check", "--rke2-version", bad],
        vec!["check", "--format", bad],
        vec!["gate", bad],
        vec!["explain", bad],
        vec![bad],
        vec!["--root", bad, "check"],
    ] {
        let mut command = super::host::command();
        command.args(&args);
        let ran = run(command);
        sane("argument", &args, &ran);
        assert_eq!(ran.status, 2, "{args:?}");
    }
}
