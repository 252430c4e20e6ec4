//! A mount whose server does not answer: FUSE without a server process. Needs root.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::host::Host;
use crate::rows;

/// A mount that never answers, until this is dropped.
struct Silent {
    at: PathBuf,
    _server: File,
}

impl Silent {
    fn over(at: &Path) -> Self {
        let server = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .unwrap();
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0",
            server.as_raw_fd()
        );
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(
            Some("silent"),
            at,
            Some("fuse"),
            flags,
            Some(options.as_str()),
        )
        .unwrap();
        let at = at.to_owned();
        Self {
            at,
            _server: server,
        }
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

#[test]
fn a_mount_that_hangs() {
    assert_eq!(rows::outcome("a mount that hangs"), "starts unchecked");
    let host = Host::like("rhel-minimal-cis");
    let directory = host.at("/etc/rancher/rke2");
    fs::create_dir_all(&directory).unwrap();
    let silent = Silent::over(&directory);
    let mut gate = host.command([
        "--rke2-version",
        "v1.34.1+rke2r1",
        "gate",
        "rke2-server.service",
    ]);
    let mut gate = gate.spawn().unwrap();
    // It hangs if it is in the same system call twice in a row; no other call takes that long.
    let syscall = format!("/proc/{}/syscall", gate.id());
    let mut before = String::new();
    loop {
        let now = fs::read_to_string(&syscall).unwrap();
        if now == before && !now.starts_with("running") {
            break;
        }
        assert_eq!(gate.try_wait().unwrap(), None, "it ended");
        before = now;
        sleep(Duration::from_millis(200));
    }
    // As systemd does after TimeoutStartSec=.
    gate.kill().unwrap();
    let ended = gate.wait().unwrap();
    drop(silent);
    assert_eq!(ended.signal(), Some(libc::SIGKILL), "{ended}");
}
