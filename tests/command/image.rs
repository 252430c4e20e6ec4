//! An image from an untrusted source: none of its code runs, nothing outside it is written.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::host::{Host, Ran, run};

const ARGS: [&str; 5] = [
    "fix",
    "--role",
    "server",
    "--rke2-version",
    "v1.34.1+rke2r1",
];
const ROOT_USER: &str = "root:x:0:0:root:/root:/bin/bash\n";

/// A server with profile cis that has no account yet.
fn server() -> Host {
    let host = Host::new();
    host.file("/etc/rancher/rke2/config.yaml", "profile: cis\n");
    host.file("/etc/passwd", ROOT_USER);
    host.file("/etc/shadow", "root:*:::::::\n");
    host.file("/etc/group", "root:x:0:\nold:x:999:\n");
    host.file("/etc/gshadow", "root:*::\n");
    host.file(
        "/etc/login.defs",
        "SYS_UID_MIN 101\nSYS_UID_MAX 999\nSYS_GID_MIN 101\n",
    );
    host.file("/etc/sysctl.d/10-mine.conf", "vm.swappiness = 1\n");
    host
}

fn read(host: &Host, path: &str) -> String {
    std::fs::read_to_string(host.at(path)).unwrap()
}

fn fix(host: &Host, args: &[&str]) -> Ran {
    host.run(ARGS.iter().chain(args))
}

/// Runs the printed script.
fn script(host: &Host) -> Ran {
    let text = fix(host, &["--output", "script"]).out;
    let dir = Host::new();
    dir.file("/fix.sh", &text);
    let mut command = Command::new("/bin/sh");
    command.arg(dir.at("/fix.sh"));
    run(command)
}

/// Builds a library whose constructor leaves `marker`, in the root that it sees and outside any.
fn library(dir: &Host, marker: &Path) -> PathBuf {
    dir.file(
        "/hostile.c",
        format!(
            "#include <fcntl.h>\n__attribute__((constructor)) static void ran(void) {{\n\
             open(\"{}\", O_CREAT | O_WRONLY, 0666);\nopen(\"/ran\", O_CREAT | O_WRONLY, 0666);\n}}\n",
            marker.display()
        ),
    );
    let library = dir.at("/hostile.so");
    let mut command = Command::new("cc");
    command
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &dir.at("/hostile.c")]);
    let ran = run(command);
    assert_eq!(ran.status, 0, "{}", ran.err);
    library
}

/// Puts the library wherever a program that resolves accounts in this root would load it.
fn plant(host: &Host, library: &Path) {
    host.file(
        "/etc/nsswitch.conf",
        "passwd: hostile files compat\ngroup: hostile files compat\nshadow: hostile files compat\n\
         gshadow: hostile files\ninitgroups: hostile\n",
    );
    let machine = if cfg!(target_arch = "aarch64") {
        "aarch64-linux-gnu"
    } else {
        "x86_64-linux-gnu"
    };
    let code = std::fs::read(library).unwrap();
    for dir in ["/lib", "/lib64", "/usr/lib", "/usr/lib64"] {
        for below in ["", machine] {
            for name in [
                "nss_hostile.so.2",
                "nss_files.so.2",
                "nss_compat.so.2",
                "nss_sss.so.2",
            ] {
                host.file(&format!("{dir}/{below}/lib{name}"), &code);
            }
            host.file(&format!("{dir}/{below}/security/pam_permit.so"), &code);
        }
    }
    host.file("/etc/ld.so.preload", library.to_str().unwrap());
}

/// `useradd --root`, which is what `fix` ran once, loads the library: this test could fail.
#[test]
fn no_library_of_an_image_is_loaded() {
    let (dir, host) = (Host::new(), server());
    let marker = dir.at("/marker");
    let library = library(&dir, &marker);
    plant(&host, &library);
    let inside = host.at("/ran");
    let ran = |what: &str| {
        for marker in [&marker, &inside] {
            assert!(!marker.exists(), "{what}: code of the image ran");
        }
    };
    let check = [
        "check",
        "--role",
        "server",
        "--rke2-version",
        "v1.34.1+rke2r1",
    ];
    for args in [
        &check[..],
        &[
            "audit",
            "--role",
            "server",
            "--rke2-version",
            "v1.34.1+rke2r1",
        ],
        &ARGS,
    ] {
        host.run(args);
        ran(&format!("{args:?}"));
    }
    let applied = fix(&host, &["--apply"]);
    ran("fix --apply");
    assert_eq!(
        (applied.status, applied.err.as_str()),
        (0, ""),
        "{}",
        applied.out
    );
    assert!(read(&host, "/etc/passwd").contains("\netcd:x:998:998:etcd user:/:/sbin/nologin\n"));
    let ended = script(&host);
    ran("the script");
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));

    let other = server();
    plant(&other, &library);
    let ended = script(&other);
    ran("the script alone");
    assert_eq!((ended.status, ended.err.as_str()), (0, ""));
    for path in ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"] {
        assert_eq!(read(&host, path), read(&other, path), "{path}");
    }

    let useradd = Path::new("/usr/sbin/useradd");
    if useradd.exists() && nix::unistd::geteuid().is_root() {
        let mut command = Command::new(useradd);
        command.arg("--root").arg(host.path()).args(["-r", "web"]);
        run(command);
        assert!(inside.exists(), "the library is none that would be loaded");
    }
}

#[test]
fn the_account_is_written_whole_and_once() {
    let host = server();
    let applied = fix(&host, &["--apply"]);
    assert_eq!(
        (applied.status, applied.err.as_str()),
        (0, ""),
        "{}",
        applied.out
    );
    for (path, expected) in [
        (
            "/etc/passwd",
            format!("{ROOT_USER}etcd:x:998:998:etcd user:/:/sbin/nologin\n"),
        ),
        ("/etc/shadow", "root:*:::::::\netcd:!*:::::::\n".to_owned()),
        (
            "/etc/group",
            "root:x:0:\nold:x:999:\netcd:x:998:\n".to_owned(),
        ),
        ("/etc/gshadow", "root:*::\netcd:!*::\n".to_owned()),
    ] {
        assert_eq!(read(&host, path), expected, "{path}");
    }
    let again = fix(&host, &["--apply"]);
    assert!(again.out.starts_with("nothing to do\n"), "{}", again.out);
    // What an image declares for its first boot is what it gets now.
    for (declared, wish, row) in [
        ("u etcd 52 \"etcd\"\n", [].as_slice(), Some("etcd:x:52:52:")),
        ("g etcd 53\nu etcd 52:53\n", &[], Some("etcd:x:52:53:")),
        ("u etcd /etc/shadow\n", &[], None),
        ("", &[], None),
        ("u etcd 52\n", &["--uid", "60"], None),
    ] {
        let host = server();
        host.file("/etc/sysusers.d/rke2-etcd.conf", declared);
        let mut args = vec!["--apply"];
        args.extend(wish);
        let ran = fix(&host, &args);
        let passwd = read(&host, "/etc/passwd");
        match row {
            Some(row) => assert!(passwd.contains(row), "{declared}: {passwd}{}", ran.err),
            None => assert_eq!((passwd.as_str(), ran.status == 0), (ROOT_USER, false)),
        }
    }
    // No id is given twice, and none that is out of the range.
    let host = server();
    host.file("/etc/login.defs", "SYS_UID_MIN 999\nSYS_UID_MAX 999\n");
    host.file("/etc/passwd", format!("{ROOT_USER}web:x:999:999::/:/x\n"));
    let ran = fix(&host, &["--apply"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("--uid and --gid"), "{}", ran.err);
}

/// Everything below a directory with its content.
fn everything(top: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut dirs = vec![top.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                dirs.push(path);
            } else if meta.is_file() {
                let content = std::fs::read(&path).unwrap();
                all.push((path, content));
            } else {
                all.push((path, Vec::new()));
            }
        }
    }
    all.sort();
    all
}

/// Links of an image that a program, or a shell, would follow to files of the machine it runs on.
#[test]
fn no_link_leads_out_of_an_image() {
    for path in [
        "/etc",
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/.pwd.lock",
        "/etc/sysctl.d",
        "/etc/sysctl.d/60-rke2-cis.conf",
        "/etc/sysusers.d",
        "/etc/sysusers.d/rke2-etcd.conf",
        "/etc/login.defs",
        "/etc/nsswitch.conf",
    ] {
        for (climbs, by_script) in [(false, false), (true, false), (false, true), (true, true)] {
            let outside = Host::new();
            let host = server();
            // What the link leads to is there, outside: as a host's own would be.
            let there = outside.at("/there");
            let at = host.at(path);
            if at.exists() {
                std::fs::rename(&at, &there).unwrap();
            } else if path.ends_with("sysusers.d") {
                std::fs::create_dir(&there).unwrap();
            } else {
                std::fs::create_dir_all(at.parent().unwrap()).unwrap();
                std::fs::write(&there, "").unwrap();
            }
            let to = if climbs {
                Path::new("../../../../../../../../../..").join(there.strip_prefix("/").unwrap())
            } else {
                there.clone()
            };
            symlink(to, &at).unwrap();
            let before = everything(outside.path());
            let what = format!("{path} climbs: {climbs}, script: {by_script}");
            let ran = if by_script {
                script(&host)
            } else {
                fix(&host, &["--apply"])
            };
            assert!(!ran.err.contains("panicked"), "{what}: {}", ran.err);
            assert_eq!(everything(outside.path()), before, "{what}");
        }
    }
}

/// The commands that the plan prints do not lead out of the image either.
#[test]
fn no_command_is_shown_that_a_link_would_lead_astray() {
    let host = server();
    let shown = |host: &Host| fix(host, &[]).out;
    assert!(shown(&host).contains("/etc/passwd\n"), "{}", shown(&host));
    std::fs::remove_dir_all(host.at("/etc/sysctl.d")).unwrap();
    symlink("/elsewhere", host.at("/etc/sysctl.d")).unwrap();
    std::fs::rename(host.at("/etc/passwd"), host.at("/was")).unwrap();
    symlink("/was", host.at("/etc/passwd")).unwrap();
    let plan = shown(&host);
    for path in ["/etc/sysctl.d", "/etc/passwd"] {
        assert!(plan.contains(&format!("{path} is a link")), "{plan}");
        assert!(
            !plan.contains(&format!("{}{path}", host.path().display())),
            "{plan}"
        );
    }
}

/// To open a device can be enough to have it act. Needs a right to make one.
#[test]
fn devices_of_an_image_are_not_opened() {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    let host = server();
    let at = host.clear("/etc/rancher/rke2/config.yaml");
    // There is no such driver: opening it would fail with another message.
    let mode = Mode::from_bits_truncate(0o644);
    if mknod(&at, SFlag::S_IFCHR, mode, makedev(261, 1)).is_err() {
        return;
    }
    let ran = host.run(["gate", "rke2-server.service"]);
    assert_ne!(ran.status, 3, "{}", ran.err);
    let ran = host.run([
        "config",
        "--role",
        "server",
        "--rke2-version",
        "v1.34.1+rke2r1",
    ]);
    let expected = "config.yaml: not a regular file but a device";
    assert!(ran.out.contains(expected), "{}{}", ran.out, ran.err);
}
