//! Reads RKE2's configuration files and those its kubelet is given. [`crate::rke2::config`]
//! interprets them.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::facts::ReadError;
use crate::rke2::Role;
use crate::rke2::config::{
    ConfFile, ConfigFiles, DEFAULT_CONFIG, DropIn, KubeletFiles, KubeletPaths, ParserRules,
};
use crate::rke2::config_advice::{Unread, UnreadFile};
use crate::rke2::layout;
use crate::rke2::own_refusals::Joined;

use super::HostRoot;
use super::root::FileKind;

/// Directories nested deeper than this are not read.
const MAX_DEPTH: usize = 16;
/// More files than this in one directory of the kubelet's are not read.
const MAX_FILES: usize = 1024;

/// Reads the main file and the drop-ins beside it. A service starts in `/`, so relative paths
/// begin there.
pub fn read(root: &HostRoot, path: &Path) -> ConfigFiles {
    let path = absolute(path);
    let mut directory = path.clone().into_os_string();
    directory.push(".d");
    ConfigFiles {
        main: root.read(&path),
        drop_ins: drop_ins(root, Path::new(&directory)),
        path: display(&path),
    }
}

fn drop_ins(root: &HostRoot, directory: &Path) -> Result<Vec<DropIn>, ReadError> {
    let mut names = root.list(directory)?;
    names.retain(|name| is_yaml(&name.to_string_lossy().to_ascii_lowercase()));
    names.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    Ok(names
        .into_iter()
        .map(|name| {
            let path = directory.join(name);
            DropIn {
                is_directory: is_directory(root, &path),
                content: root.read(&path),
                path: display(&path),
            }
        })
        .collect())
}

/// Names, without extension, under which people keep the configuration.
const STEMS: [&str; 4] = ["config", "conf", "configuration", "rke2-config"];
/// What the names of copies, examples and notes have at their end, beside editors' own.
const COPIES: [&str; 16] = [
    "~",
    ".bak",
    ".backup",
    ".old",
    ".orig",
    ".save",
    ".swp",
    ".disabled",
    ".example",
    ".sample",
    ".rpmnew",
    ".rpmsave",
    ".rpmorig",
    ".dpkg-old",
    ".dpkg-dist",
    ".md",
];
/// More files than this are no mistake.
const MAX_UNREAD: usize = 16;

/// The files that look like a configuration of RKE2 beside `files`, and that RKE2 with these rules does not read.
pub(crate) fn unread(root: &HostRoot, files: &ConfigFiles, rules: &ParserRules) -> Vec<UnreadFile> {
    let mut found = Vec::new();
    let is_default = files.path == DEFAULT_CONFIG;
    if !is_default && is_file(root, Path::new(DEFAULT_CONFIG)) {
        found.push(UnreadFile {
            path: DEFAULT_CONFIG.to_owned(),
            why: Unread::Named(files.path.clone()),
        });
    }
    let is_missing = matches!(&files.main, Err(error) if error.is_absent());
    if is_default && let Some(directory) = Path::new(DEFAULT_CONFIG).parent() {
        for name in sorted(root, directory) {
            let lower = name.to_string_lossy().to_lowercase();
            let stem = ["yaml", "yml", "json"]
                .iter()
                .find_map(|end| lower.strip_suffix(&format!(".{end}")));
            let path = directory.join(&name);
            let is_other =
                stem.is_some_and(|stem| STEMS.contains(&stem)) && display(&path) != files.path;
            // A link may lead to the file that is read.
            if is_other && is_file(root, &path) {
                found.push(UnreadFile {
                    path: display(&path),
                    why: Unread::Name {
                        read: files.path.clone(),
                        is_missing,
                    },
                });
            }
        }
    }
    let drop_ins = format!("{}.d", files.path);
    for name in sorted(root, Path::new(&drop_ins)) {
        let lower = name.to_string_lossy().to_lowercase();
        let is_named = is_yaml(&lower);
        let is_copy = lower.starts_with(['.', '#'])
            || lower.starts_with("readme")
            || COPIES.iter().any(|end| lower.ends_with(end));
        let path = Path::new(&drop_ins).join(&name);
        let why = match (rules.drop_ins, is_named) {
            (true, true) => continue,
            (true, false) => Unread::Extension,
            (false, _) => Unread::DropIns,
        };
        if !is_copy && is_file(root, &path) {
            found.push(UnreadFile {
                path: display(&path),
                why,
            });
        }
    }
    found.truncate(MAX_UNREAD);
    found
}

/// The names in a directory, sorted; none where it cannot be listed.
fn sorted(root: &HostRoot, directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names = root.list(directory).unwrap_or_default();
    names.sort();
    names
}

fn is_file(root: &HostRoot, path: &Path) -> bool {
    root.lstat(path)
        .is_ok_and(|status| status.kind == FileKind::File)
}

/// A file that only a node of the other role has in this data directory.
pub(crate) fn of_other_role(root: &HostRoot, role: Role, data_dir: &str) -> Option<String> {
    let data_dir = layout::data_dir(data_dir);
    let exists = |path: &str| root.lstat(path).is_ok();
    let is_absent = |path: &str| matches!(root.lstat(path), Err(error) if error.is_absent());
    match role {
        Role::Server => {
            let certificate = layout::kubelet_certificate(&data_dir);
            let mut own = ["server/tls", "server/cred", "server/db"]
                .iter()
                .map(|name| format!("{data_dir}/{name}"));
            (exists(&certificate) && own.all(|path| is_absent(&path))).then_some(certificate)
        }
        Role::Agent => ["kube-apiserver", "etcd"]
            .iter()
            .map(|program| layout::static_pod(&data_dir, program))
            .find(|path| exists(path)),
    }
}

/// Whether the node has joined a cluster as an agent. A link is taken for the certificate.
pub(crate) fn joined(root: &HostRoot, data_dir: &str) -> Joined {
    let certificate = layout::kubelet_certificate(&layout::data_dir(data_dir));
    match root.lstat(certificate) {
        Err(error) if error.is_absent() => Joined::No,
        _ => Joined::Perhaps,
    }
}

/// Whether a name, in lower case, is one of a drop-in.
fn is_yaml(name: &str) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".yaml") || name.ends_with(b".yml")
}

/// Reads what the kubelet merges. RKE2 creates the directory of drop-ins at its first
/// start: before that it is absent.
pub fn read_kubelet(root: &HostRoot, paths: &KubeletPaths) -> KubeletFiles {
    let mut files = KubeletFiles::default();
    if let Some(directory) = &paths.conf_d {
        files.conf_d = below(root, directory, true, &mut files.unlisted);
    }
    if let Some(directory) = &paths.config_dir {
        files.config_dir = below(root, directory, false, &mut files.unlisted);
    }
    files.config = paths.config.as_ref().map(|file| {
        let path = absolute(Path::new(file));
        ConfFile {
            name: path
                .file_name()
                .map(Path::new)
                .map(display)
                .unwrap_or_default(),
            content: root.read(&path),
            path: display(&path),
        }
    });
    files
}

/// All `.conf` files below `directory`; links to directories are not followed.
fn below(
    root: &HostRoot,
    directory: &str,
    may_be_absent: bool,
    unlisted: &mut Vec<ReadError>,
) -> Vec<ConfFile> {
    let top = absolute(Path::new(directory));
    let mut files = Vec::new();
    let mut open = vec![(PathBuf::new(), 0usize)];
    while let Some((inner, depth)) = open.pop() {
        let here = top.join(&inner);
        let mut names = match root.list(&here) {
            Ok(names) => names,
            Err(error) if error.is_absent() && may_be_absent => continue,
            Err(error) => {
                unlisted.push(error);
                continue;
            }
        };
        names.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
        for name in names {
            let (inner, path) = (inner.join(&name), here.join(&name));
            if is_directory(root, &path) {
                if depth < MAX_DEPTH {
                    open.push((inner, depth.saturating_add(1)));
                }
            } else if inner.extension().is_some_and(|end| end == "conf") && files.len() < MAX_FILES
            {
                files.push(ConfFile {
                    name: display(&inner),
                    content: root.read(&path),
                    path: display(&path),
                });
            }
        }
    }
    files
}

fn is_directory(root: &HostRoot, path: &Path) -> bool {
    root.lstat(path)
        .is_ok_and(|status| status.kind == FileKind::Directory)
}

fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

fn display(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host as image;
    use std::os::unix::fs::symlink;

    #[test]
    fn drop_ins_are_those_rke2_takes_in_its_order() {
        let (dir, root) = image(&[
            ("c.yaml", "main"),
            ("c.yaml.d/b.YML", "b"),
            ("c.yaml.d/.a.yaml", "dot"),
            ("c.yaml.d/B.yaml", "B"),
            ("c.yaml.d/x.conf", "x"),
            ("c.yaml.d/dir.yaml/x.yaml", "inner"),
            ("elsewhere", "linked"),
        ]);
        let directory = dir.path().join("c.yaml.d");
        symlink("/elsewhere", directory.join("l.yaml")).unwrap();
        symlink("/nowhere", directory.join("m.yaml")).unwrap();
        let fifo = directory.join("n.yaml");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        // Relative paths begin at the root.
        let files = read(&root, Path::new("c.yaml"));
        assert_eq!(files.path, "/c.yaml");
        assert_eq!(files.main.unwrap(), b"main");
        let drop_ins = files.drop_ins.unwrap();
        let names: Vec<&str> = drop_ins.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(
            names,
            [
                "/c.yaml.d/.a.yaml",
                "/c.yaml.d/B.yaml",
                "/c.yaml.d/b.YML",
                "/c.yaml.d/dir.yaml",
                "/c.yaml.d/l.yaml",
                "/c.yaml.d/m.yaml",
                "/c.yaml.d/n.yaml",
            ]
        );
        assert!(drop_ins[3].is_directory);
        assert_eq!(drop_ins[4].content.as_deref(), Ok(&b"linked"[..]));
        assert!(drop_ins[5].content.as_ref().unwrap_err().is_absent());
        assert!(drop_ins[6].content.is_err());
        let none = read(&root, Path::new("/none.yaml"));
        assert!(none.main.unwrap_err().is_absent());
        assert!(none.drop_ins.unwrap_err().is_absent());
    }

    #[test]
    fn the_kubelets_files_are_found_below_their_directories() {
        let (dir, root) = image(&[
            ("d/b.conf", "b"),
            ("d/a/z.conf", "z"),
            ("d/a/z.txt", "no"),
            ("k/5.conf", "5"),
            ("kubelet.yaml", "k"),
        ]);
        symlink("/k", dir.path().join("d/link")).unwrap();
        let paths = KubeletPaths {
            conf_d: Some("/d".into()),
            config: Some("/kubelet.yaml".into()),
            config_dir: Some("/k".into()),
        };
        let files = read_kubelet(&root, &paths);
        let mut names: Vec<&str> = files.conf_d.iter().map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a/z.conf", "b.conf"]);
        assert_eq!(files.config.unwrap().content.unwrap(), b"k");
        assert_eq!(files.config_dir[0].path, "/k/5.conf");
        assert!(files.unlisted.is_empty());
        let absent = KubeletPaths {
            conf_d: Some("/none".into()),
            config: None,
            config_dir: Some("/none".into()),
        };
        // RKE2 makes the one and needs the other.
        assert_eq!(read_kubelet(&root, &absent).unlisted.len(), 1);
    }

    #[test]
    fn directories_are_read_to_a_depth_and_a_count() {
        let deep = |depth: usize| format!("d/{}x.conf", "f/".repeat(depth));
        let (within, beyond) = (deep(MAX_DEPTH), deep(MAX_DEPTH + 1));
        let (_dir, root) = image(&[(&within, ""), (&beyond, "")]);
        let mut unlisted = Vec::new();
        let files = below(&root, "/d", false, &mut unlisted);
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [format!("/{within}")]);
        let names: Vec<String> = (0..=MAX_FILES).map(|n| format!("d/{n}.conf")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        let (_dir, root) = image(&many);
        assert_eq!(below(&root, "/d", false, &mut unlisted).len(), MAX_FILES);
        assert_eq!(unlisted, []);
    }
}
