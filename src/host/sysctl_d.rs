//! Reads the files that set kernel parameters at the next boot into a [`Tree`].
//!
//! Every file is opened once. [`crate::sysctl_d`] interprets them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::root::HostRoot;
use crate::facts::ReadError;
use crate::sysctl_d::tuned;
use crate::sysctl_d::{Content, Directory, File, SearchDirectory, Tree, Tuned};

/// Read by `sysctl --system` and `TuneD`.
const SYSCTL_CONF: &str = "/etc/sysctl.conf";

/// The credential while `systemd-sysctl.service` runs. No file names the credential of the next boot.
const CREDENTIAL: &str = "/run/credentials/systemd-sysctl.service/sysctl.extra";

/// One of these exists where `TuneD` starts at boot, or runs.
const TUNED: [&str; 2] = [
    "/etc/systemd/system/multi-user.target.wants/tuned.service",
    "/run/tuned/tuned.pid",
];

/// Where profiles are searched for, in this order.
const PROFILES: [&str; 4] = [
    "/etc/tuned/profiles",
    "/etc/tuned",
    "/usr/lib/tuned/profiles",
    "/usr/lib/tuned",
];

/// More profiles than any chain of includes has.
const LONGEST_CHAIN: usize = 64;

/// Reads every file that may set a parameter at the next boot.
pub fn collect(root: &HostRoot) -> Tree {
    let mut directories = Vec::new();
    for place in SearchDirectory::ALL {
        if place == SearchDirectory::Lib && is_same(root, "/lib", "/usr/lib") {
            continue;
        }
        // A directory that is missing or cannot be listed is passed over, as systemd does.
        let Ok(names) = root.list(place.path()) else {
            continue;
        };
        let files = names
            .iter()
            .filter_map(|name| read(root, Path::new(place.path()), name))
            .collect();
        directories.push(Directory {
            location: place,
            files,
        });
    }
    let sysctl_conf = linked(&directories).or_else(|| alone(root, SYSCTL_CONF));
    Tree {
        directories,
        sysctl_conf,
        credential: alone(root, CREDENTIAL),
        command_line: root.read("/proc/cmdline").ok(),
        tuned: read_tuned(root),
    }
}

fn is_same(root: &HostRoot, a: &str, b: &str) -> bool {
    match (root.stat(a), root.stat(b)) {
        (Ok(a), Ok(b)) => a.identity == b.identity,
        _ => false,
    }
}

/// A file in a `sysctl.d` directory; `None` where it is missing, or a directory whose name does not end in
/// `.conf`.
fn read(root: &HostRoot, directory: &Path, name: &OsStr) -> Option<File> {
    let path = directory.join(name);
    let is_read = name.as_bytes().ends_with(b".conf");
    let target = if is_read {
        root.read_link(&path)
            .ok()
            .map(|to| absolute(directory, &to))
    } else {
        None
    };
    let content = content(root.read(&path));
    if !is_read && !matches!(content, Content::Bytes(_)) {
        return None;
    }
    Some(File {
        name: name.as_bytes().to_vec(),
        path: path.to_string_lossy().into_owned(),
        target,
        content,
    })
}

fn content(read: Result<Vec<u8>, ReadError>) -> Content {
    match read {
        Ok(bytes) => Content::Bytes(bytes),
        Err(error) => match error.errno() {
            Some(libc::ENOENT) => Content::Dangling,
            Some(libc::EISDIR) => Content::Directory,
            _ => Content::Unreadable(error),
        },
    }
}

/// A file outside the directories, if it exists.
fn alone(root: &HostRoot, path: &str) -> Option<File> {
    match content(root.read(path)) {
        Content::Dangling => None,
        content => Some(File {
            content,
            ..File::new(path, "")
        }),
    }
}

/// `/etc/sysctl.conf`, where it has been read through a link already.
fn linked(directories: &[Directory]) -> Option<File> {
    let mut files = directories.iter().flat_map(|directory| &directory.files);
    let link = files.find(|file| {
        file.target.as_deref() == Some(SYSCTL_CONF) && matches!(file.content, Content::Bytes(_))
    })?;
    Some(File {
        content: link.content.clone(),
        ..File::new(SYSCTL_CONF, "")
    })
}

/// The target of a link in `directory`, without `..`. Not resolved further, because it is only shown.
fn absolute(directory: &Path, to: &Path) -> String {
    let mut path = PathBuf::new();
    for component in directory.join(to).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

fn read_tuned(root: &HostRoot) -> Option<Tuned> {
    TUNED.iter().find(|path| root.lstat(path).is_ok())?;
    let active = root.read("/etc/tuned/active_profile").ok()?;
    let mut profiles = Vec::new();
    let mut visited = Vec::new();
    for name in tuned::names(&String::from_utf8_lossy(&active)) {
        chain(root, &name, &mut visited, &mut profiles);
    }
    let reapply = root
        .read("/etc/tuned/tuned-main.conf")
        .map_or(true, |main| tuned::reapplies(&main));
    Some(Tuned { profiles, reapply })
}

/// Adds a profile after those that it includes.
fn chain(root: &HostRoot, name: &str, visited: &mut Vec<String>, profiles: &mut Vec<File>) {
    // A name with a variable or a path in it cannot be resolved here.
    if name.contains(['/', '$'])
        || visited.len() >= LONGEST_CHAIN
        || visited.iter().any(|seen| seen == name)
    {
        return;
    }
    visited.push(name.to_owned());
    let found = PROFILES
        .iter()
        .find_map(|directory| alone(root, &format!("{directory}/{name}/tuned.conf")));
    if let Some(file) = found {
        for included in tuned::includes(file.bytes()) {
            chain(root, &included, visited, profiles);
        }
        profiles.push(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;
    use crate::sysctl_d::{Dialect, Via, resolve};

    fn names(tree: &Tree) -> Vec<String> {
        let files = tree.directories.iter().flat_map(|dir| &dir.files);
        let mut names: Vec<_> = files
            .map(|file| format!("{} {:?} {:?}", file.path, file.target, file.content))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_kind_of_file() {
        let (_dir, root) = host(&[
            ("/etc/sysctl.conf", "a=1"),
            ("/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf"),
            ("/etc/sysctl.d/gone.conf", "-> /nonexistent"),
            ("/etc/sysctl.d/loop.conf", "-> loop.conf"),
            ("/etc/sysctl.d/sub.conf/", ""),
            ("/etc/sysctl.d/sub/", ""),
            ("/etc/sysctl.d/README", "r"),
        ]);
        let tree = collect(&root);
        let names = names(&tree);
        for (name, begins) in names.iter().zip([
            "/etc/sysctl.d/99-sysctl.conf Some(\"/etc/sysctl.conf\") Bytes([97, 61, 49])",
            "/etc/sysctl.d/README None Bytes([114])",
            "/etc/sysctl.d/gone.conf Some(\"/nonexistent\") Dangling",
            "/etc/sysctl.d/loop.conf Some(\"/etc/sysctl.d/loop.conf\") Unreadable(",
            "/etc/sysctl.d/sub.conf None Directory",
        ]) {
            assert!(name.starts_with(begins), "{name}");
        }
        assert_eq!(names.len(), 5);
        assert!(tree.sysctl_conf.is_some());
        let found = resolve(&tree, &["kernel.panic"], Dialect::NEWEST);
        assert_eq!((found.rc, found.problems.len()), (1, 2));
    }

    #[test]
    fn lib_counts_only_where_it_is_not_usr_lib() {
        let file = ("/usr/lib/sysctl.d/a.conf", "kernel.panic=1");
        let (_dir, merged) = host(&[file, ("/lib", "-> usr/lib")]);
        assert_eq!(collect(&merged).directories.len(), 1);
        let (_dir, split) = host(&[file, ("/lib/sysctl.d/b.conf", "kernel.panic=2")]);
        let tree = collect(&split);
        let value = |systemd| {
            let found = resolve(&tree, &["kernel.panic"], Dialect::of(systemd));
            found.keys[0].value()
        };
        assert_eq!((value(247), value(255)), (Some(2), Some(1)));
    }

    #[test]
    fn an_empty_host_sets_nothing() {
        let (_dir, root) = host(&[]);
        let tree = collect(&root);
        assert!(tree.directories.is_empty() && tree.tuned.is_none());
        assert!(tree.command_line.is_none() && tree.credential.is_none());
    }

    #[test]
    fn tuned_is_read_where_it_starts_at_boot() {
        let profiles = [
            ("/etc/tuned/active_profile", "mine\n"),
            (
                "/etc/tuned/mine/tuned.conf",
                "[main]\ninclude=oracle, mine\n[sysctl]\nkernel.panic=7\n",
            ),
            (
                "/usr/lib/tuned/oracle/tuned.conf",
                "[sysctl]\nkernel.panic_on_oops=1\nkernel.panic=3\n",
            ),
            ("/etc/tuned/tuned-main.conf", "reapply_sysctl = 0\n"),
            ("/etc/sysctl.d/a.conf", "kernel.panic=10\n"),
        ];
        let (_dir, idle) = host(&profiles);
        assert!(collect(&idle).tuned.is_none());
        let mut enabled = profiles.to_vec();
        enabled.push((TUNED[0], "-> /usr/lib/systemd/system/tuned.service"));
        let (_dir, root) = host(&enabled);
        let keys = ["kernel.panic", "kernel.panic_on_oops"];
        let found = resolve(&collect(&root), &keys, Dialect::NEWEST);
        let [panic, oops] = found.keys.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!((panic.value(), oops.value()), (Some(7), Some(1)));
        let set = oops.set.as_ref().unwrap();
        assert_eq!(set.via, Via::Tuned);
        assert_eq!(
            set.line.source.to_string(),
            "/usr/lib/tuned/oracle/tuned.conf:2"
        );
        assert_eq!(panic.overrides.len(), 2);
    }

    #[test]
    fn sysctl_conf_is_that_file_and_no_other() {
        let other = ("/etc/sysctl.d/a.conf", "b=2");
        let (_dir, without) = host(&[other]);
        assert!(collect(&without).sysctl_conf.is_none());
        let own = ("/etc/sysctl.conf", "a=1");
        let link = ("/etc/sysctl.d/99-sysctl.conf", "-> ../sysctl.conf");
        let linked_twice = ("/usr/lib/sysctl.d/z.conf", "-> /etc/sysctl.conf");
        for files in [&[other, own][..], &[other, own, link, linked_twice]] {
            let (_dir, root) = host(files);
            let tree = collect(&root);
            let conf = tree.sysctl_conf.unwrap();
            assert_eq!(
                (conf.path.as_str(), conf.bytes()),
                (SYSCTL_CONF, &b"a=1"[..])
            );
        }
        // Links to what is not there are none.
        let (_dir, dangling) = host(&[other, link]);
        assert!(collect(&dangling).sysctl_conf.is_none());
    }
}
