//! The gate of the running host, killed at each call with which it records a block. Needs root, and runs in
//! a separate mount namespace with its own host files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, SFlag, makedev, mknod, umask};
use preflight_rke2::testing::gate::block::Block;
use preflight_rke2::testing::host::state::State;

use crate::host::{Host, run};
use crate::rows;
use crate::tracer::{self, Call, End, Fault};

const UNIT: &str = "rke2-server.service";
const DIRECTORY: &str = "/run/preflight-rke2";
/// While this file is there, a start job of the unit waits.
const JOB: &str = "/run/job";
/// Answers as systemd's would for a unit that is down.
const SYSTEMCTL: &str = "#!/bin/sh
case \"$*\" in
*list-jobs*) [ ! -e /run/job ] || echo '7 rke2-server.service start waiting' ;;
*show*) printf 'ActiveState=inactive\\nSubState=dead\\nAfter=\\n' ;;
*cancel*7*) rm /run/job ;;
*) exit 1 ;;
esac
";

/// This system with a host's files over its own, as `/` of the processes started in it.
struct Live {
    work: tempfile::TempDir,
}

impl Live {
    /// Of this thread alone: other threads see nothing of it.
    fn like(case: &str) -> Self {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let none = None::<&str>;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(none, "/", none, private, none).unwrap();
        // As in the gate's unit.
        umask(Mode::from_bits_truncate(0o077));
        let work = tempfile::tempdir().unwrap();
        let at = |name: &str| work.path().join(name);
        let flags = MsFlags::empty();
        mount(none, work.path(), Some("tmpfs"), flags, none).unwrap();
        for name in ["upper", "work", "root"] {
            fs::create_dir(at(name)).unwrap();
        }
        let host = Host::like(case);
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(host.at("/.")).arg(at("upper"));
        assert!(copy.status().unwrap().success());
        let options = format!(
            "lowerdir=/,upperdir={},workdir={}",
            at("upper").display(),
            at("work").display()
        );
        mount(
            none,
            &at("root"),
            Some("overlay"),
            flags,
            Some(options.as_str()),
        )
        .unwrap();
        let live = Self { work };
        fs::copy(
            env!("CARGO_BIN_EXE_preflight-rke2"),
            live.at("/usr/bin/preflight-rke2"),
        )
        .unwrap();
        // A block belongs to a boot.
        let boot = "/proc/sys/kernel/random/boot_id";
        fs::create_dir_all(live.at(boot).parent().unwrap()).unwrap();
        fs::copy(boot, live.at(boot)).unwrap();
        // What is mounted over `/` is not in the overlay; programs are started with this as their input.
        let null = live.at("/dev/null");
        fs::create_dir_all(live.at("/dev")).unwrap();
        let _ = fs::remove_file(&null);
        let any_user = Mode::from_bits_truncate(0o666);
        mknod(&null, SFlag::S_IFCHR, any_user, makedev(1, 3)).unwrap();
        let systemctl = live.at("/usr/bin/systemctl");
        // Not through a link, which might lead out of the overlay.
        let _ = fs::remove_file(&systemctl);
        fs::write(&systemctl, SYSTEMCTL).unwrap();
        fs::set_permissions(&systemctl, PermissionsExt::from_mode(0o755)).unwrap();
        live
    }

    /// Queues a start job of the unit.
    fn start(&self) {
        fs::write(self.at(JOB), "").unwrap();
    }

    /// Whether the start job is still queued.
    fn is_starting(&self) -> bool {
        self.at(JOB).exists()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.work
            .path()
            .join("root")
            .join(path.trim_start_matches('/'))
    }

    fn gate(&self) -> Command {
        let mut command = Command::new("chroot");
        command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere");
        command.arg(self.at("/"));
        command.args([
            "/usr/bin/preflight-rke2",
            "--rke2-version",
            "v1.34.1+rke2r1",
            "gate",
            UNIT,
        ]);
        command
    }

    /// As a gate or a monitor reads it.
    fn state(&self) -> State {
        State::below(&self.at(DIRECTORY), 0)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = umount2(&self.at("/"), MntFlags::MNT_DETACH);
        let _ = umount2(self.work.path(), MntFlags::MNT_DETACH);
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

/// Kills a gate that exits with `status` at each call on its state files, which contain `old` before.
fn sweep(live: &Live, status: i32, old: Option<&Block>) {
    let directory = live.at(DIRECTORY);
    let restore = || {
        let _ = fs::remove_dir_all(&directory);
        // As the gate's unit has it made.
        fs::create_dir(&directory).unwrap();
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        if let Some(old) = old {
            live.state().write_block(old).unwrap();
        }
        live.start();
    };
    let of_state = |call: &Call| call.path.starts_with(DIRECTORY);
    let traced = |plan| tracer::run_among(&live.gate(), None, of_state, plan);
    restore();
    let whole = traced(None);
    assert_eq!(whole.end, End::Exited(status), "{}{}", whole.out, whole.err);
    assert_eq!(live.is_starting(), status == 0);
    let reasons = live.state().read_block(UNIT).map(|block| block.reasons);
    assert_eq!(reasons.is_some(), status == 3);
    let last = if status == 3 {
        libc::SYS_renameat
    } else {
        libc::SYS_unlinkat
    };
    assert!(
        whole.calls.iter().any(|call| call.number == last),
        "{:?}",
        whole.calls
    );
    let mut outcomes = [0, 0];
    for fault in [Fault::KilledBefore, Fault::KilledAfter] {
        for n in 0..whole.calls.len() {
            restore();
            let killed = traced(Some((n, fault)));
            let shown = format!(
                "{fault:?} at {:?}: {:?}\n{}",
                killed.hit, killed.end, killed.err
            );
            assert_eq!(killed.end, End::Killed(Signal::SIGKILL), "{shown}");
            assert!(
                live.is_starting(),
                "held by a gate that did not finish: {shown}"
            );
            let note = live.state().read_block(UNIT);
            let is_there = live.at(&format!("{DIRECTORY}/gate/{UNIT}.json")).exists();
            assert_eq!(is_there, note.is_some(), "half a note: {shown}");
            let is_old = note.as_ref() == old;
            assert!(
                is_old || note.map(|block| block.reasons) == reasons,
                "{shown}"
            );
            outcomes[usize::from(!is_old)] += 1;

            live.start();
            let again = run(live.gate());
            assert_eq!(live.is_starting(), status == 0, "{shown}");
            assert_eq!(again.status, status, "{shown}\nthen: {}", again.err);
            assert_eq!(again.err, whole.err, "{shown}");
            let note = live.state().read_block(UNIT);
            assert_eq!(note.map(|block| block.reasons), reasons, "{shown}");
            let notes = live.at(&format!("{DIRECTORY}/gate"));
            let left: Vec<_> = fs::read_dir(&notes)
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().path())
                .collect();
            assert_eq!(left.len(), usize::from(status == 3), "{shown}\n{left:?}");
            // Any user may read it.
            if status == 3 {
                assert_eq!((mode(&notes), mode(&left[0])), (0o755, 0o644), "{shown}");
            }
            assert_eq!(
                fs::read_dir(&directory).unwrap().count(),
                usize::from(notes.exists())
            );
        }
    }
    assert!(outcomes.iter().all(|n| *n > 0), "old and new: {outcomes:?}");
}

#[test]
fn killed_while_it_notes() {
    assert_eq!(
        rows::outcome("`gate` killed while it writes its state"),
        "starts unchecked"
    );
    let old = Block::new(UNIT, 7, true, &[]);
    let wrong = Live::like("rhel-minimal-cis");
    sweep(&wrong, 3, None);
    sweep(&wrong, 3, Some(&old));
    drop(wrong);
    let right = Live::like("healthy-server");
    sweep(&right, 0, Some(&old));
}
