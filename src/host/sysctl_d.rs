//! Reads what decides kernel parameters at the next boot into a [`Tree`].
//!
//! Every file is opened once. What the files mean is [`crate::sysctl_d`]'s to say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::root::HostRoot;
use crate::fact::ReadError;
use crate::sysctl_d::tuned::{self, Tuned};
use crate::sysctl_d::{Content, Directory, File, Place, Tree};

/// A file with another name than `*.conf` is only looked into for what was meant to be read.
const SYSCTL_CONF: &str = "/etc/sysctl.conf";

/// Where systemd puts the credential while the service runs. It goes with the service; between
/// boots nothing on the disk says what the next boot will be given.
const CREDENTIAL: &str = "/run/credentials/systemd-sysctl.service/sysctl.extra";

/// `TuneD` is started at boot, or runs.
const TUNED: [&str; 2] = [
    "/etc/systemd/system/multi-user.target.wants/tuned.service",
    "/run/tuned/tuned.pid",
];

/// Where profiles are looked for, first to last.
const PROFILES: [&str; 4] = [
    "/etc/tuned/profiles",
    "/etc/tuned",
    "/usr/lib/tuned/profiles",
    "/usr/lib/tuned",
];

/// More profiles than any chain of includes has.
const LONGEST_CHAIN: usize = 64;

/// Reads every file that has a word at the next boot.
pub fn collect(root: &HostRoot) -> Tree {
    let mut directories = Vec::new();
    for place in Place::ALL {
        if place == Place::Lib && is_same(root, "/lib", "/usr/lib") {
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
        directories.push(Directory { place, files });
    }
    Tree {
        directories,
        sysctl_conf: alone(root, SYSCTL_CONF),
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

/// A name in a `sysctl.d` directory; `None` for what is not there and for directories that nobody
/// would take for a file.
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

/// A file outside the directories, if it is there.
fn alone(root: &HostRoot, path: &str) -> Option<File> {
    match content(root.read(path)) {
        Content::Dangling => None,
        content => Some(File {
            content,
            ..File::new(path, "")
        }),
    }
}

/// Where a link in `directory` points, without `..`. Not resolved any further: it is to be shown.
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
    // A name with a variable or a path in it is none that can be looked up here.
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
