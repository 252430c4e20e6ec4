//! Detects changes of the host's mounts: the kernel reports them to whoever polls `mountinfo` for priority events
//! (`proc_pid_mountinfo(5)`), in the mount name space of the process whose file it is.

use std::fs::File;
use std::io;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// That of the first process: a service has a mount name space of its own, to which no options of mounts come.
const MOUNTINFO: &str = "/proc/1/mountinfo";

/// A `mountinfo` that is polled.
pub(crate) struct MountEvents(AsyncFd<File>);

impl MountEvents {
    /// Reports changes from now on. To be called within a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Self::of(MOUNTINFO)
    }

    fn of(path: &str) -> io::Result<Self> {
        let file = File::open(path)?;
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe: it asks for a descriptor that stays the same, as that of a `File` does"
        )]
        let polled = AsyncFd::with_interest(file, Interest::PRIORITY)?;
        Ok(Self(polled))
    }

    /// Waits for a change. Several that follow each other closely can be one. Cancel safe.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        let mut ready = self.0.ready(Interest::PRIORITY).await?;
        ready.clear_ready();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    use nix::sched::{CloneFlags, unshare};
    use tokio::time::timeout;

    use super::*;

    /// Runs on a thread with a mount name space of its own, where this user may have one.
    fn in_a_name_space(test: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, || {
                if unshare(CloneFlags::CLONE_NEWNS).is_ok() {
                    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
                    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
                    test();
                }
            });
            thread.unwrap().join().unwrap();
        });
    }

    #[test]
    fn each_change_of_a_mount_is_reported_and_nothing_else() {
        in_a_name_space(|| {
            let directory = tempfile::tempdir().unwrap();
            let at = directory.path();
            let tmpfs = |flags: MsFlags| {
                mount(Some("x"), at, Some("tmpfs"), flags, None::<&str>).unwrap();
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let mut events = MountEvents::of("/proc/thread-self/mountinfo").unwrap();
                let quiet = Duration::from_millis(50);
                assert!(timeout(quiet, events.changed()).await.is_err());
                tmpfs(MsFlags::MS_RDONLY);
                events.changed().await.unwrap();
                assert!(timeout(quiet, events.changed()).await.is_err());
                tmpfs(MsFlags::MS_REMOUNT);
                events.changed().await.unwrap();
                std::fs::write(at.join("file"), "x").unwrap();
                assert!(timeout(quiet, events.changed()).await.is_err());
                umount2(at, MntFlags::MNT_DETACH).unwrap();
                events.changed().await.unwrap();
            });
        });
    }
}
