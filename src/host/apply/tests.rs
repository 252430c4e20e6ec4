//! The effect of a plan on a host. `tests/faults/fix.rs` makes each of its system calls fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::*;
use crate::facts::SysctlFile;
use crate::finding::remedy::NewRow;
use crate::rke2::kernel::KERNEL_PARAMETERS;

const PATH: &str = "/etc/sysctl.d/60-rke2-cis.conf";

struct Image {
    dir: tempfile::TempDir,
    root: HostRoot,
}

impl Image {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("etc")).unwrap();
        let root = HostRoot::open(dir.path()).unwrap();
        let image = Self { dir, root };
        image.write("/etc/passwd", "root:x:0:0::/:/x\n");
        image.write("/etc/group", "root:x:0:\n");
        image
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn write(&self, path: &str, content: &str) {
        fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        fs::write(self.at(path), content).unwrap();
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }

    /// Creates a program of this name in the image's directory of programs.
    fn program(&self, name: &str, script: &str) {
        let path = format!("/programs/{name}");
        self.write(&path, &format!("#!/bin/sh\n{script}\n"));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(self.at(&path), mode).unwrap();
    }

    fn programs(&self) -> Programs {
        Programs::within([self.at("/programs")])
    }
}

fn plan(action: Action) -> Plan {
    Plan {
        steps: vec![Step {
            what: "do it".to_owned(),
            checks: Vec::new(),
            why: Vec::new(),
            commands: Vec::new(),
            action,
        }],
        ..Plan::default()
    }
}

fn sysctl(before: Option<&str>) -> Plan {
    plan(Action::File {
        target: SysctlFile {
            path: PATH.to_owned(),
            exists: before.is_some(),
            unended: false,
            no_directory: before.is_none(),
        },
        before: before.map(|text| text.as_bytes().to_vec()),
        parameters: KERNEL_PARAMETERS.to_vec(),
    })
}

fn accounts() -> Plan {
    plan(Action::Create(NewAccount {
        group: true,
        user: true,
        uid: None,
        gid: None,
        declared: false,
    }))
}

fn only(image: &Image, plan: &Plan) -> Result<(), Failure> {
    let mut done = apply(&image.root, plan, &image.programs());
    done.pop().unwrap().result
}

#[test]
fn a_file_changed_meanwhile_is_not_overwritten() {
    let image = Image::new();
    image.write(PATH, "vm.swappiness = 3\n");
    for before in [None, Some("kernel.panic = 5\n")] {
        let failure = only(&image, &sysctl(before)).unwrap_err();
        assert!(failure.to_string().contains("has changed"), "{failure}");
    }
    assert_eq!(image.read(PATH).unwrap(), "vm.swappiness = 3\n");
}

/// Runs `make` as on the running host, with the image's programs.
fn made_by_programs(image: &Image) -> Result<(), Failure> {
    let Action::Create(account) = &accounts().steps[0].action else {
        panic!();
    };
    create(&image.root, account, &image.programs())
}

#[test]
fn programs_are_chosen_and_their_failures_reported() {
    // No program.
    let image = Image::new();
    let failure = made_by_programs(&image).unwrap_err();
    assert!(matches!(failure, Failure::NoProgram { .. }), "{failure}");
    assert!(!image.at("/etc/sysusers.d").exists());
    // groupadd and useradd.
    let etc = image.at("/etc").to_str().unwrap().to_owned();
    image.program("groupadd", &format!("echo \"etcd:x:7:\" >> {etc}/group"));
    let user = format!("echo \"etcd:x:7:7:$*:/:\" >> {etc}/passwd");
    image.program("useradd", &user);
    made_by_programs(&image).unwrap();
    let passwd = image.read("/etc/passwd").unwrap();
    let expected = "etcd:x:7:7:-r -M -s /sbin/nologin -c etcd user -g etcd etcd:/:\n";
    assert!(passwd.ends_with(expected), "{passwd}");
    // A program that fails, and one that does nothing.
    for (script, words) in [
        ("echo one; echo two >&2; exit 9", "exit status: 9: one; two"),
        ("kill -9 $$", "signal: 9"),
        (
            "exit 0",
            "/etc/group has no group etcd, although systemd-sysusers succeeded",
        ),
    ] {
        let image = Image::new();
        image.program("systemd-sysusers", script);
        let failure = made_by_programs(&image).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

/// `useradd --root`, `groupadd --root` and similar programs load libraries of that root.
#[test]
fn below_a_root_no_program_is_run() {
    let image = Image::new();
    let ran = image.at("/ran");
    for name in ["systemd-sysusers", "groupadd", "useradd"] {
        image.program(name, &format!("touch {}", ran.display()));
    }
    let failure = only(&image, &accounts()).unwrap_err();
    assert!(matches!(failure, Failure::NotOurs { .. }), "{failure}");
    assert!(!ran.exists());
}

fn rows() -> Plan {
    let new = |path, row: &str, optional| NewRow {
        path,
        row: row.to_owned(),
        optional,
        unended: false,
    };
    plan(Action::Rows(vec![
        new("/etc/gshadow", "etcd:!*::", true),
        new("/etc/group", "etcd:x:996:", false),
        new("/etc/shadow", "etcd:!*:::::::", true),
        new("/etc/passwd", "etcd:x:996:996::/:/x", false),
    ]))
}

#[test]
fn rows_are_added_to_the_files_that_are_there() {
    let image = Image::new();
    image.write("/etc/shadow", "root:*:::::::\netcd:!*:::::::\n");
    only(&image, &rows()).unwrap();
    assert_eq!(image.read("/etc/gshadow"), None);
    let read = |path| image.read(path).unwrap();
    assert_eq!(read("/etc/group"), "root:x:0:\netcd:x:996:\n");
    assert_eq!(
        read("/etc/passwd"),
        "root:x:0:0::/:/x\netcd:x:996:996::/:/x\n"
    );
    // An interrupted run has added it.
    assert_eq!(read("/etc/shadow").matches("etcd").count(), 1);
    // A file that another image shares is not changed there.
    let image = Image::new();
    fs::hard_link(image.at("/etc/passwd"), image.at("/shared")).unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(image.at("/shared"), mode).unwrap();
    only(&image, &rows()).unwrap();
    assert_eq!(image.read("/shared").unwrap(), "root:x:0:0::/:/x\n");
    assert!(
        image
            .read("/etc/passwd")
            .unwrap()
            .contains("etcd:x:996:996")
    );
    let mode = image
        .at("/etc/passwd")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    // Another program has added the name, or the id behind a long row.
    let long = format!("x:{}\nweb:x:996:1::/:/x\n", "y".repeat(10_000));
    for passwd in ["etcd:x:5:5::/:/x\n", &long] {
        let image = Image::new();
        image.write("/etc/passwd", passwd);
        let failure = only(&image, &rows()).unwrap_err();
        assert!(failure.to_string().contains("has changed"), "{failure}");
        assert_eq!(image.read("/etc/passwd").unwrap(), passwd);
    }
}

/// Whatever the image has in place of a file, nothing outside the image is written or waited for.
#[test]
fn only_regular_files_of_the_image_are_written() {
    let outside = tempfile::tempdir().unwrap();
    for name in ["passwd", "group", "shadow", "gshadow", ".pwd.lock"] {
        let target = outside.path().join(name);
        fs::write(&target, "").unwrap();
        for kind in ["link", "link up", "FIFO", "directory"] {
            let image = Image::new();
            let at = image.at("/etc").join(name);
            let _ = fs::remove_file(&at);
            match kind {
                "link" => std::os::unix::fs::symlink(&target, &at).unwrap(),
                "link up" => {
                    let up = format!("../../../../../../../../{}", target.display());
                    std::os::unix::fs::symlink(up, &at).unwrap();
                }
                "FIFO" => nix::unistd::mkfifo(&at, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                _ => fs::create_dir(&at).unwrap(),
            }
            let result = only(&image, &rows());
            assert!(result.is_err(), "{kind} {name}");
            assert_eq!(fs::read(&target).unwrap(), b"", "{kind} {name}");
        }
    }
    // A directory that is a link out of the image leads to one inside it, or to none.
    let image = Image::new();
    fs::rename(image.at("/etc"), image.at("/was")).unwrap();
    std::os::unix::fs::symlink(outside.path(), image.at("/etc")).unwrap();
    assert!(only(&image, &rows()).is_err());
    for entry in fs::read_dir(outside.path()).unwrap() {
        assert_eq!(fs::read(entry.unwrap().path()).unwrap(), b"");
    }
}

#[test]
fn a_concurrent_run_is_reported() {
    let image = Image::new();
    image.write(PATH, "");
    let directory = fs::File::open(image.at("/etc/sysctl.d")).unwrap();
    let _lock =
        nix::fcntl::Flock::lock(directory, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let failure = only(&image, &sysctl(Some(""))).unwrap_err();
    assert!(matches!(failure, Failure::Busy { .. }), "{failure}");
}
