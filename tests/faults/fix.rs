//! `fix --apply` that fails or is killed at each of its calls: a file is the old or the new one, and the
//! next run completes it.

use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::libc;

use crate::host::{Host, run};
use crate::rows;
use crate::tracer::{self, Call, Fault, may_fail};

const FIX: [&str; 4] = ["--rke2-version", "v1.34.1+rke2r1", "fix", "--apply"];

/// A file that `fix --apply` changes: path, content before, mode.
type Before = (&'static str, &'static str, u32);

/// Hosts that lack something, each as the files that are not right.
const HOSTS: [&[Before]; 3] = [
    // One line is missing, and the last line has no line feed.
    &[(
        "/etc/sysctl.d/60-rke2-cis.conf",
        "# ours\nvm.panic_on_oom=0\nvm.overcommit_memory=1\nkernel.panic=10",
        0o640,
    )],
    // Neither user nor group.
    &[
        ("/etc/group", "root:x:0:\n", 0o644),
        ("/etc/passwd", "root:x:0:0::/root:/bin/bash", 0o604),
    ],
    // User and group stand where RKE2 does not read them.
    &[
        ("/usr/lib/passwd", "etcd:x:5:5::/:/sbin/nologin\n", 0o644),
        ("/usr/lib/group", "etcd:x:5:\n", 0o644),
        ("/etc/group", "root:x:0:\n", 0o644),
        ("/etc/passwd", "root:x:0:0::/root:/bin/bash\n", 0o604),
    ],
];

fn restore(host: &Host, files: &[Before]) {
    for directory in ["/etc", "/etc/sysctl.d"] {
        for entry in std::fs::read_dir(host.at(directory)).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with('.') {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
    for (path, content, mode) in files {
        host.file(path, content);
        std::fs::set_permissions(host.at(path), PermissionsExt::from_mode(*mode)).unwrap();
    }
}

/// Content and mode of each file.
fn state(host: &Host, files: &[Before]) -> Vec<(String, u32)> {
    let read = |(path, ..): &Before| {
        let at = host.at(path);
        let mode = at.metadata().unwrap().permissions().mode() & 0o7777;
        (std::fs::read_to_string(at).unwrap(), mode)
    };
    files.iter().map(read).collect()
}

/// The calls from the lock to a little after the last file is on the disk.
fn around_writing(calls: &[Call]) -> std::ops::Range<usize> {
    let locks = |call: &Call| call.number == libc::SYS_flock || call.path.ends_with("/.pwd.lock");
    let first = calls.iter().position(locks).unwrap();
    let synced = |call: &Call| call.number == libc::SYS_fsync;
    let last = calls.iter().rposition(synced).unwrap();
    first - 2..(last + 4).min(calls.len())
}

fn sweep(row: &str, faults: &[Fault]) {
    assert_eq!(rows::outcome(row), "not touched");
    for files in HOSTS {
        sweep_host(files, faults);
    }
}

fn sweep_host(files: &[Before], faults: &[Fault]) {
    let host = Host::like("healthy-server");
    restore(&host, files);
    let old = state(&host, files);
    let command = host.command(FIX);
    let listed = tracer::run(&command, None).calls;
    let new = state(&host, files);
    assert_ne!(old, new);
    let mut outcomes = [0, 0];
    for fault in faults {
        for n in around_writing(&listed) {
            let call = &listed[n];
            let concerned = match fault {
                Fault::Fails(Errno::ENOSPC) => {
                    [libc::SYS_write, libc::SYS_fsync].contains(&call.number) || call.writes
                }
                Fault::Fails(_) => may_fail(call),
                _ => true,
            };
            if !concerned {
                continue;
            }
            restore(&host, files);
            let ran = tracer::run(&command, Some((n, *fault)));
            let shown = format!(
                "{fault:?} at {:?}: {:?}\n{}{}",
                ran.hit, ran.end, ran.out, ran.err
            );
            assert!(!ran.err.contains("panicked"), "{shown}");
            for (is, (old, new)) in state(&host, files).iter().zip(old.iter().zip(&new)) {
                assert!(is == old || is == new, "{shown}\n{is:?}");
                if old != new {
                    outcomes[usize::from(is == new)] += 1;
                }
            }
            let again = run(host.command(FIX));
            assert_eq!(again.status, 0, "{shown}\nthen: {}{}", again.out, again.err);
            assert_eq!(state(&host, files), new, "{shown}");
            // Killed once the new file is in its place, there is nothing to do again.
            let left = std::fs::read_dir(host.at("/etc/sysctl.d")).unwrap().count();
            assert_eq!(left, 1, "{shown}");
        }
    }
    assert!(outcomes.iter().all(|n| *n > 2), "old and new: {outcomes:?}");
}

#[test]
fn killed_anywhere() {
    sweep(
        "`fix --apply` killed",
        &[Fault::KilledBefore, Fault::KilledAfter],
    );
}

#[test]
fn failing_anywhere() {
    sweep(
        "`fix --apply` whose call fails",
        &[Fault::Fails(Errno::EIO), Fault::Fails(Errno::ENOSPC)],
    );
}
