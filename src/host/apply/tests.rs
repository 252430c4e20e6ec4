//! What is left of a host when a call fails, or the process is killed before it; and programs.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use nix::errno::Errno;

use super::file::Point;
use super::*;
use crate::facts::{AccountRow, Source, SysctlFile};
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

    /// A directory with a program of this name.
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

fn row() -> Plan {
    plan(Action::Row(AccountRow {
        table: Table::Passwd,
        source: Source::line("/usr/lib/passwd", 1),
        row: "etcd:x:5:5::/:/x".to_owned(),
    }))
}

fn user_row() -> Plan {
    plan(Action::Rows(vec![NewRow {
        path: "/etc/passwd",
        row: "etcd:x:5:5::/:/x".to_owned(),
        optional: false,
        unended: false,
    }]))
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

fn only(image: &Image, plan: &Plan, hook: &mut Hook<'_>) -> Result<(), Failure> {
    let mut done = apply_with(&image.root, plan, &image.programs(), hook);
    done.pop().unwrap().result
}

/// How many calls there are, and what the file holds in the end.
fn whole(path: &str, before: Option<&str>, plan: &Plan) -> (usize, String) {
    let image = Image::new();
    if let Some(text) = before {
        image.write(path, text);
    }
    let calls = Cell::new(0);
    only(&image, plan, &mut |_| {
        calls.set(calls.get() + 1);
        Ok(())
    })
    .unwrap();
    (calls.get(), image.read(path).unwrap())
}

#[test]
fn every_call_can_fail_or_be_the_last() {
    let passwd = "root:x:0:0::/:/x\n";
    for (path, before, plan, least) in [
        (PATH, None, sysctl(None), 7),
        (
            PATH,
            Some("kernel.panic = 5\n"),
            sysctl(Some("kernel.panic = 5\n")),
            6,
        ),
        ("/etc/passwd", Some(passwd), row(), 2),
        // The group's rows come first, and the next run leaves them.
        ("/etc/passwd", Some(passwd), user_row(), 2),
    ] {
        let (calls, after) = whole(path, before, &plan);
        assert_eq!(calls, least, "{path}");
        for killed in [false, true] {
            for stop in 0..calls {
                let image = Image::new();
                if let Some(text) = before {
                    image.write(path, text);
                }
                let mut call = 0;
                let mut at = None;
                let mut hook = |point: Point| {
                    call += 1;
                    if call <= stop {
                        return Ok(());
                    }
                    at = Some(point);
                    assert!(!killed, "killed");
                    Err(Errno::ENOSPC)
                };
                let ended = catch_unwind(AssertUnwindSafe(|| only(&image, &plan, &mut hook)));
                let left = image.read(path);
                assert!(
                    left.as_deref() == before || left.as_ref() == Some(&after),
                    "{at:?}: {left:?}"
                );
                if let Ok(result) = ended {
                    let failure = result.unwrap_err().to_string();
                    assert!(failure.ends_with(": no space left on device"), "{failure}");
                    assert!(failure.contains("/etc/"), "{failure}");
                    if path == PATH && image.at("/etc/sysctl.d").exists() {
                        let names: Vec<_> = fs::read_dir(image.at("/etc/sysctl.d"))
                            .unwrap()
                            .map(|entry| entry.unwrap().file_name())
                            .collect();
                        assert!(names.len() <= 1, "{at:?}: {names:?}");
                    }
                }
                // The next run, whose plan is made from what is there then, ends well.
                if left.as_ref() != Some(&after) {
                    until_free(&image, &plan);
                    assert_eq!(image.read(path).as_ref(), Some(&after));
                }
            }
        }
    }
}

/// A program that another test starts keeps what the run before had locked until it executes.
fn until_free(image: &Image, plan: &Plan) {
    for _ in 0..1000 {
        match only(image, plan, &mut |_| Ok(())) {
            Err(Failure::Busy { .. }) => std::thread::sleep(std::time::Duration::from_millis(5)),
            ended => return ended.unwrap(),
        }
    }
    panic!("locked for seconds");
}

#[test]
fn what_somebody_else_changed_meanwhile_is_not_overwritten() {
    let image = Image::new();
    image.write(PATH, "vm.swappiness = 3\n");
    for before in [None, Some("kernel.panic = 5\n")] {
        let failure = only(&image, &sysctl(before), &mut |_| Ok(())).unwrap_err();
        assert!(failure.to_string().contains("has changed"), "{failure}");
    }
    assert_eq!(image.read(PATH).unwrap(), "vm.swappiness = 3\n");
}

/// As on the running host, whose programs these stand for.
fn made_by_programs(image: &Image) -> Result<(), Failure> {
    let Action::Create(account) = &accounts().steps[0].action else {
        panic!();
    };
    create(&image.root, account, &image.programs(), &mut |_| Ok(()))
}

#[test]
fn programs_are_chosen_and_their_failures_told() {
    // None.
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
    let told = "etcd:x:7:7:-r -M -s /sbin/nologin -c etcd user -g etcd etcd:/:\n";
    assert!(passwd.ends_with(told), "{passwd}");
    // One that fails, and one that does nothing.
    for (script, words) in [
        ("echo one; echo two >&2; exit 9", "exit status: 9: one; two"),
        ("kill -9 $$", "signal: 9"),
        (
            "exit 0",
            "/etc/group has no group etcd, although systemd-sysusers did not fail",
        ),
    ] {
        let image = Image::new();
        image.program("systemd-sysusers", script);
        let failure = made_by_programs(&image).unwrap_err();
        assert!(failure.to_string().contains(words), "{failure}");
    }
}

/// `useradd --root`, `groupadd --root` and their like load libraries of that root.
#[test]
fn below_a_root_no_program_is_run() {
    let image = Image::new();
    let ran = image.at("/ran");
    for name in ["systemd-sysusers", "groupadd", "useradd"] {
        image.program(name, &format!("touch {}", ran.display()));
    }
    let failure = only(&image, &accounts(), &mut |_| Ok(())).unwrap_err();
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
    only(&image, &rows(), &mut |_| Ok(())).unwrap();
    assert_eq!(image.read("/etc/gshadow"), None);
    let read = |path| image.read(path).unwrap();
    assert_eq!(read("/etc/group"), "root:x:0:\netcd:x:996:\n");
    assert_eq!(
        read("/etc/passwd"),
        "root:x:0:0::/:/x\netcd:x:996:996::/:/x\n"
    );
    // ManualStep by a run that was interrupted.
    assert_eq!(read("/etc/shadow").matches("etcd").count(), 1);
    // A file that another image shares stays as it is there.
    let image = Image::new();
    fs::hard_link(image.at("/etc/passwd"), image.at("/shared")).unwrap();
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(image.at("/shared"), mode).unwrap();
    only(&image, &rows(), &mut |_| Ok(())).unwrap();
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
    // Somebody else was there meanwhile: with that name, or that id behind a long row.
    let long = format!("x:{}\nweb:x:996:1::/:/x\n", "y".repeat(10_000));
    for passwd in ["etcd:x:5:5::/:/x\n", &long] {
        let image = Image::new();
        image.write("/etc/passwd", passwd);
        let failure = only(&image, &rows(), &mut |_| Ok(())).unwrap_err();
        assert!(failure.to_string().contains("has changed"), "{failure}");
        assert_eq!(image.read("/etc/passwd").unwrap(), passwd);
    }
}

/// Whatever stands there instead of a file, nothing outside the image is written or waited for.
#[test]
fn what_is_no_file_of_the_image_is_not_written() {
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
            let result = only(&image, &rows(), &mut |_| Ok(()));
            assert!(result.is_err(), "{kind} {name}");
            assert_eq!(fs::read(&target).unwrap(), b"", "{kind} {name}");
        }
    }
    // A folder that leads out of the image leads to one inside it, or nowhere.
    let image = Image::new();
    fs::rename(image.at("/etc"), image.at("/was")).unwrap();
    std::os::unix::fs::symlink(outside.path(), image.at("/etc")).unwrap();
    assert!(only(&image, &rows(), &mut |_| Ok(())).is_err());
    for entry in fs::read_dir(outside.path()).unwrap() {
        assert_eq!(fs::read(entry.unwrap().path()).unwrap(), b"");
    }
}

#[test]
fn another_run_at_the_same_time_is_told() {
    let image = Image::new();
    image.write(PATH, "");
    let folder = fs::File::open(image.at("/etc/sysctl.d")).unwrap();
    let _lock =
        nix::fcntl::Flock::lock(folder, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    let failure = only(&image, &sysctl(Some("")), &mut |_| Ok(())).unwrap_err();
    assert!(matches!(failure, Failure::Busy { .. }), "{failure}");
}
