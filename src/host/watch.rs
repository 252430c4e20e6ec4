//! Detects changes of what was read: inotify on exactly the paths that an evaluation used.
//!
//! A file is watched through its directory, so that a file that is replaced (as `useradd` does), created or
//! removed is detected, and through every link on the way. Parameters below `/proc/sys` are watched
//! themselves: the kernel reports writes through the same mount of procfs, not those through another one,
//! such as a container's. The kernel's other file systems report nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::future::poll_fn;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;

use futures_core::Stream as _;
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask};

use nix::libc;

use super::root::Trace;

/// The events of a directory. A file that is written is reported when it is closed, so that no partial
/// content is evaluated.
const DIRECTORY: WatchMask = WatchMask::CLOSE_WRITE
    .union(WatchMask::CREATE)
    .union(WatchMask::MOVE)
    .union(WatchMask::DELETE)
    .union(WatchMask::ATTRIB)
    .union(WatchMask::DELETE_SELF)
    .union(WatchMask::MOVE_SELF)
    .union(WatchMask::ONLYDIR);
/// The events of a kernel parameter: each is written with one call.
const PARAMETER: WatchMask = WatchMask::MODIFY;
/// The events that end a watch.
const GONE: EventMask = EventMask::DELETE_SELF
    .union(EventMask::MOVE_SELF)
    .union(EventMask::UNMOUNT)
    .union(EventMask::IGNORED);
/// The size of the event buffer in bytes: some dozens of events.
const BUFFER: usize = 4096;
/// File systems for which the kernel reports no events.
const SILENT: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Where kernel parameters are.
const PARAMETERS: &str = "/proc/sys";
/// Where the monitor's unit binds the host's own `/proc/sys`. `ProtectKernelTunables=` and its like
/// give a service a procfs of its own (seen with systemd 247 and 252), through which the kernel does
/// not report the writes of other processes.
const HOST_PARAMETERS: &str = "/run/preflight-rke2/proc-sys";
/// Links followed before it is taken for a loop, as the kernel does.
const MOST_LINKS: usize = 40;
/// Directories watched at the most: far more than any host has to watch, and few enough to leave
/// something of the user's limit (`fs.inotify.max_user_watches`) to others.
const MOST: usize = 2048;

/// The names in a directory whose changes are reported.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    /// Every name.
    Any,
    /// These names.
    Some(BTreeSet<OsString>),
    /// None: the target is a parameter, not a directory.
    Itself,
}

impl Names {
    fn matter(&self, name: Option<&OsStr>) -> bool {
        match (self, name) {
            (Self::Any | Self::Itself, _) | (_, None) => true,
            (Self::Some(names), Some(name)) => names.contains(name),
        }
    }

    /// Adds one name, or all.
    fn add(&mut self, name: Option<&OsStr>) {
        match (&mut *self, name) {
            (Self::Some(names), Some(name)) => {
                names.insert(name.to_owned());
            }
            (Self::Some(_), None) => *self = Self::Any,
            (Self::Any | Self::Itself, _) => {}
        }
    }

    /// Whether it has something that `other` lacks.
    fn exceeds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Some(mine), Self::Some(theirs)) => !mine.is_subset(theirs),
            (Self::Some(_), Self::Any) => false,
            (mine, theirs) => mine != theirs,
        }
    }
}

/// Directories, and parameters, to watch.
type Targets = BTreeMap<PathBuf, Names>;

/// What has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// Paths that have changed.
    pub paths: BTreeSet<PathBuf>,
    /// The kernel has dropped events.
    pub overflow: bool,
}

impl Changes {
    /// Whether nothing has changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.overflow
    }
}

/// The inotify watches.
pub(crate) struct Watch {
    events: EventStream<Vec<u8>>,
    /// What the last evaluation needs watched.
    targets: Targets,
    /// What is watched. Two paths can lead to one directory, and then share a descriptor.
    watched: HashMap<PathBuf, WatchDescriptor>,
    /// Why something is not watched, the first of it: `no space left on device` is the user's limit.
    trouble: Option<String>,
}

impl Watch {
    /// Watches nothing yet. Fails where this process or this user has no inotify instance left. To be called
    /// within a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            events: Inotify::init()?.into_event_stream(vec![0; BUFFER])?,
            targets: Targets::new(),
            watched: HashMap::new(),
            trouble: None,
        })
    }

    /// Watches the paths of `trace` except those below `own`, and the names in the directories `always`;
    /// nothing else. Returns true if that is more than before: changes in the meantime were not reported, so
    /// the new paths have to be read once more.
    pub(crate) fn follow(&mut self, trace: &Trace, always: &[&Path], own: &Path) -> bool {
        let mut wanted = Targets::new();
        for (path, listed) in trace {
            if !path.starts_with(own) {
                aim(&mut wanted, path, *listed);
            }
        }
        for path in always {
            aim(&mut wanted, path, true);
        }
        self.trouble = None;
        let mut more = false;
        for (path, names) in &wanted {
            more |= if self.watched.contains_key(path) {
                self.targets.get(path).is_none_or(|had| names.exceeds(had))
            } else {
                self.add(path, names)
            };
        }
        let dropped: Vec<PathBuf> = self
            .watched
            .keys()
            .filter(|path| !wanted.contains_key(*path))
            .cloned()
            .collect();
        for path in dropped {
            self.remove(&path);
        }
        self.targets = wanted;
        more
    }

    /// Why a change may go undetected until the next periodic evaluation, if so.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Adds a watch. Returns whether it was added.
    fn add(&mut self, path: &Path, names: &Names) -> bool {
        let flags = match names {
            Names::Itself => PARAMETER,
            Names::Any | Names::Some(_) => DIRECTORY,
        };
        let added = if self.watched.len() < MOST {
            self.events.watches().add(path, flags)
        } else {
            Err(io::Error::from_raw_os_error(libc::ENOSPC))
        };
        match added {
            Ok(descriptor) => {
                self.watched.insert(path.to_owned(), descriptor);
                true
            }
            Err(error) => {
                // A path that vanished meanwhile is found by the next evaluation.
                if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR)) {
                    let why = format!("{}: {error}", path.display());
                    self.trouble.get_or_insert(why);
                }
                false
            }
        }
    }

    fn remove(&mut self, path: &Path) {
        let Some(descriptor) = self.watched.remove(path) else {
            return;
        };
        if !self.watched.values().any(|other| *other == descriptor) {
            // It may be gone already.
            let _ = self.events.watches().remove(descriptor);
        }
    }

    /// Waits for a change of a watched name. Cancel safe.
    pub(crate) async fn changed(&mut self) -> io::Result<Changes> {
        loop {
            let event = poll_fn(|cx| Pin::new(&mut self.events).poll_next(cx)).await;
            let event = event.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
            let changes = self.sort(&event);
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    fn sort(&mut self, event: &EventOwned) -> Changes {
        let mut changes = Changes::default();
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            changes.overflow = true;
            return changes;
        }
        let paths: Vec<PathBuf> = self
            .watched
            .iter()
            .filter(|(_, descriptor)| **descriptor == event.wd)
            .map(|(path, _)| path.clone())
            .collect();
        let gone = event.mask.intersects(GONE);
        let name = event.name.as_deref();
        for path in paths {
            let matters = self.targets.get(&path).is_some_and(|t| t.matter(name));
            if gone {
                // Its replacement is watched after the next evaluation. If it was only renamed, the kernel
                // would keep reporting it.
                self.remove(&path);
            }
            if gone || matters {
                changes.paths.insert(match name {
                    Some(name) => path.join(name),
                    None => as_host(path),
                });
            }
        }
        changes
    }
}

/// A parameter's path below `/proc/sys`.
fn as_host(path: PathBuf) -> PathBuf {
    match path.strip_prefix(HOST_PARAMETERS) {
        Ok(parameter) => Path::new(PARAMETERS).join(parameter),
        Err(_) => path,
    }
}

/// Adds the targets that detect a change of `path`: its name in its directory, the name of every link on the
/// way, and the names in it if it was `listed`. Where it does not exist, the first missing name on the way.
fn aim(targets: &mut Targets, path: &Path, listed: bool) {
    if let Ok(parameter) = path.strip_prefix(PARAMETERS) {
        let is_file = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|m| m.is_file());
        let places = [Path::new(HOST_PARAMETERS).join(parameter), path.to_owned()];
        if let Some(place) = places.into_iter().find(is_file) {
            targets.insert(place, Names::Itself);
        }
        return;
    }
    let mut at = PathBuf::from("/");
    let mut rest: Vec<OsString> = names(path).rev().collect();
    let mut links = 0_usize;
    while let Some(name) = rest.pop() {
        if SILENT.iter().any(|root| at.starts_with(root)) {
            return;
        }
        if name == ".." {
            at.pop();
            continue;
        }
        let child = at.join(&name);
        let meta = std::fs::symlink_metadata(&child).ok();
        let link = meta.as_ref().filter(|meta| meta.is_symlink());
        let directory = meta.as_ref().is_some_and(std::fs::Metadata::is_dir);
        if link.is_some() || !directory || rest.is_empty() {
            add(targets, &at, Some(&name));
        }
        if link.is_some() {
            links = links.saturating_add(1);
            let Ok(to) = std::fs::read_link(&child) else {
                return;
            };
            if links > MOST_LINKS {
                return;
            }
            if to.is_absolute() {
                at = PathBuf::from("/");
            }
            rest.extend(names(&to).rev());
        } else if !directory {
            return;
        } else {
            at = child;
        }
    }
    if listed && !SILENT.iter().any(|root| at.starts_with(root)) {
        add(targets, &at, None);
    }
}

fn add(targets: &mut Targets, directory: &Path, name: Option<&OsStr>) {
    targets
        .entry(directory.to_owned())
        .or_insert_with(|| Names::Some(BTreeSet::new()))
        .add(name);
}

/// The names that make up a path, `..` among them.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    /// Runs something in a runtime, for a second at the most.
    fn in_time<T>(work: impl Future<Output = T>) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(1), work)
                .await
                .ok()
        })
    }

    struct Fixture {
        dir: tempfile::TempDir,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("etc")).unwrap();
            fs::write(dir.path().join("etc/passwd"), "a").unwrap();
            Self { dir }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.dir.path().canonicalize().unwrap().join(path)
        }

        /// The changes reported when `paths` are watched and `change` is made.
        fn changes(
            &self,
            paths: &[(&str, bool)],
            change: impl FnOnce(),
        ) -> Option<BTreeSet<PathBuf>> {
            let trace: Trace = paths
                .iter()
                .map(|(path, listed)| (self.at(path), *listed))
                .collect();
            in_time(async {
                let mut watch = Watch::new().unwrap();
                assert!(watch.follow(&trace, &[], Path::new("/none")));
                assert!(
                    !watch.follow(&trace, &[], Path::new("/none")),
                    "nothing new"
                );
                assert_eq!(watch.trouble(), None);
                change();
                watch.changed().await.unwrap().paths
            })
        }
    }

    #[test]
    fn a_file_that_is_written_replaced_made_or_removed_is_reported() {
        let host = Fixture::new();
        let passwd = host.at("etc/passwd");
        let expected = Some(BTreeSet::from([passwd.clone()]));
        let watched = [("etc/passwd", false)];
        assert_eq!(
            host.changes(&watched, || fs::write(&passwd, "b").unwrap()),
            expected
        );
        assert_eq!(
            host.changes(&watched, || {
                fs::write(host.at("etc/passwd+"), "c").unwrap();
                fs::rename(host.at("etc/passwd+"), &passwd).unwrap();
            }),
            expected
        );
        assert_eq!(
            host.changes(&watched, || fs::remove_file(&passwd).unwrap()),
            expected
        );
        assert_eq!(
            host.changes(&watched, || fs::write(&passwd, "d").unwrap()),
            expected
        );
    }

    #[test]
    fn other_names_are_not() {
        let host = Fixture::new();
        let other = host.at("etc/other");
        assert_eq!(
            host.changes(&[("etc/passwd", false)], || fs::write(other, "").unwrap()),
            None
        );
    }

    #[test]
    fn what_is_not_there_is_noticed_by_the_first_name_that_appears() {
        let host = Fixture::new();
        assert_eq!(
            host.changes(&[("etc/rancher/rke2/config.yaml", false)], || {
                fs::create_dir_all(host.at("etc/rancher/rke2")).unwrap();
            }),
            Some(BTreeSet::from([host.at("etc/rancher")]))
        );
    }

    #[test]
    fn names_in_a_directory_and_links_on_the_way_count() {
        let host = Fixture::new();
        fs::create_dir(host.at("etc/sysctl.d")).unwrap();
        assert_eq!(
            host.changes(&[("etc/sysctl.d", true)], || {
                fs::write(host.at("etc/sysctl.d/9.conf"), "").unwrap();
            }),
            Some(BTreeSet::from([host.at("etc/sysctl.d/9.conf")]))
        );
        fs::create_dir(host.at("elsewhere")).unwrap();
        fs::write(host.at("elsewhere/group"), "").unwrap();
        symlink("../elsewhere/group", host.at("etc/group")).unwrap();
        assert_eq!(
            host.changes(&[("etc/group", false)], || {
                fs::write(host.at("elsewhere/group"), "x").unwrap();
            }),
            Some(BTreeSet::from([host.at("elsewhere/group")]))
        );
        assert_eq!(
            host.changes(&[("etc/group", false)], || {
                fs::remove_file(host.at("etc/group")).unwrap();
            }),
            Some(BTreeSet::from([host.at("etc/group")]))
        );
        symlink("loop", host.at("etc/loop")).unwrap();
        let _ = host.changes(&[("etc/loop/x", false)], || {
            fs::write(host.at("etc/passwd"), "x").unwrap();
        });
    }

    #[test]
    fn a_directory_that_is_replaced_is_watched_again() {
        let host = Fixture::new();
        let trace = Trace::from([(host.at("etc/passwd"), false)]);
        let none = Path::new("/none");
        in_time(async {
            let mut watch = Watch::new().unwrap();
            watch.follow(&trace, &[], none);
            fs::rename(host.at("etc"), host.at("old")).unwrap();
            fs::create_dir(host.at("etc")).unwrap();
            assert!(!watch.changed().await.unwrap().is_empty());
            assert!(watch.follow(&trace, &[], none), "read once more");
            fs::write(host.at("etc/passwd"), "x").unwrap();
            let changed = watch.changed().await.unwrap().paths;
            assert_eq!(changed, BTreeSet::from([host.at("etc/passwd")]));
        })
        .unwrap();
    }

    #[test]
    fn what_is_no_longer_read_is_no_longer_watched() {
        let host = Fixture::new();
        fs::create_dir(host.at("a")).unwrap();
        fs::create_dir(host.at("b")).unwrap();
        let none = Path::new("/none");
        let changed = in_time(async {
            let mut watch = Watch::new().unwrap();
            watch.follow(&Trace::from([(host.at("a"), true)]), &[], none);
            watch.follow(&Trace::new(), &[&host.at("b")], none);
            fs::write(host.at("a/x"), "").unwrap();
            fs::write(host.at("b/x"), "").unwrap();
            watch.changed().await.unwrap().paths
        });
        assert_eq!(changed, Some(BTreeSet::from([host.at("b/x")])));
    }

    #[test]
    fn of_the_kernels_file_systems_only_parameters_are_watched() {
        let mut targets = Targets::new();
        for path in [
            "/proc/cmdline",
            "/sys/fs/cgroup/cgroup.controllers",
            "/dev/null",
        ] {
            aim(&mut targets, Path::new(path), false);
        }
        assert_eq!(targets, Targets::new());
        aim(&mut targets, Path::new("/proc/sys/kernel/panic"), false);
        assert_eq!(targets.values().next(), Some(&Names::Itself));
    }
}
