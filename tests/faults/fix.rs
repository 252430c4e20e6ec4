//! `fix --apply` that fails or is killed at each of its calls: a file is the old or the new one, and the
//! next run completes it.

use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;
use nix::libc;

use crate::host::{Host, run};
use crate::rows;
use crate::tracer::{self, Fault, may_fail};

const FOLDER: &str = "/etc/sysctl.d";
const FILE: &str = "/etc/sysctl.d/60-rke2-cis.conf";
const OLD: &str = "# ours\nvm.panic_on_oom=0\nvm.overcommit_memory=1\nkernel.panic=10";
const MODE: u32 = 0o640;
const FIX: [&str; 4] = ["--rke2-version", "v1.34.1+rke2r1", "fix", "--apply"];

/// A host that lacks one line of a file whose last line has no end.
fn host() -> Host {
    let host = Host::like("healthy-server");
    restore(&host);
    host
}

fn restore(host: &Host) {
    if let Ok(folder) = std::fs::read_dir(host.at(FOLDER)) {
        for entry in folder {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
    }
    host.file(FILE, OLD);
    std::fs::set_permissions(host.at(FILE), PermissionsExt::from_mode(MODE)).unwrap();
}

/// Content and mode of the file.
fn state(host: &Host) -> (String, u32) {
    let at = host.at(FILE);
    let mode = at.metadata().unwrap().permissions().mode() & 0o7777;
    (std::fs::read_to_string(at).unwrap(), mode)
}

fn sweep(row: &str, faults: &[Fault]) {
    assert_eq!(rows::outcome(row), "not touched");
    let host = host();
    let command = host.command(FIX);
    let listed = tracer::run(&command, None).calls;
    let (new, _) = state(&host);
    assert!(
        new.starts_with(OLD) && new.contains("kernel.panic_on_oops"),
        "{new}"
    );
    // From the lock on to a little after the file is in its place.
    let at = |number| {
        listed
            .iter()
            .position(|call| call.number == number)
            .unwrap()
    };
    let (first, last) = (at(libc::SYS_flock) - 2, at(libc::SYS_renameat) + 6);
    let mut outcomes = [0, 0];
    for fault in faults {
        for (n, call) in listed.iter().enumerate().take(last).skip(first) {
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
            restore(&host);
            let ran = tracer::run(&command, Some((n, *fault)));
            let shown = format!(
                "{fault:?} at {:?}: {:?}\n{}{}",
                ran.hit, ran.end, ran.out, ran.err
            );
            assert!(!ran.err.contains("panicked"), "{shown}");
            let (content, mode) = state(&host);
            assert_eq!(mode, MODE, "{shown}");
            assert!(content == OLD || content == new, "{shown}\n{content}");
            outcomes[usize::from(content == new)] += 1;
            let again = run(host.command(FIX));
            assert_eq!(again.status, 0, "{shown}\nthen: {}{}", again.out, again.err);
            assert_eq!(state(&host), (new.clone(), MODE), "{shown}");
            let left = std::fs::read_dir(host.at(FOLDER)).unwrap().count();
            // Killed once the new file is in its place, there is nothing to do again.
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
