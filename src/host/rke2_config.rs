//! Reads RKE2's configuration files and those its kubelet is given. What they mean is decided in
//! [`crate::rke2::config`].

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::fact::ReadError;
use crate::rke2::config::{ConfFile, ConfigFiles, DropIn, KubeletFiles, KubeletPaths};

use super::HostRoot;
use super::root::Kind;

/// Folders nested deeper than this are not looked into.
const MAX_DEPTH: usize = 16;
/// More files than this in one folder of the kubelet's are not read.
const MAX_FILES: usize = 1024;

/// Reads the main file and the drop-ins beside it. A service starts in `/`, so relative paths
/// begin there.
pub fn read(root: &HostRoot, path: &Path) -> ConfigFiles {
    let path = absolute(path);
    let mut folder = path.clone().into_os_string();
    folder.push(".d");
    ConfigFiles {
        main: root.read(&path),
        drop_ins: drop_ins(root, Path::new(&folder)),
        path: display(&path),
    }
}

fn drop_ins(root: &HostRoot, folder: &Path) -> Result<Vec<DropIn>, ReadError> {
    let mut names = root.list(folder)?;
    names.retain(|name| {
        let name = name.as_bytes().to_ascii_lowercase();
        name.ends_with(b".yaml") || name.ends_with(b".yml")
    });
    names.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    Ok(names
        .into_iter()
        .map(|name| {
            let path = folder.join(name);
            DropIn {
                is_directory: is_directory(root, &path),
                content: root.read(&path),
                path: display(&path),
            }
        })
        .collect())
}

/// Reads what the kubelet merges. The folder of drop-ins is made by RKE2: before its first start
/// there is none.
pub fn read_kubelet(root: &HostRoot, paths: &KubeletPaths) -> KubeletFiles {
    let mut files = KubeletFiles::default();
    if let Some(folder) = &paths.conf_d {
        files.conf_d = below(root, folder, true, &mut files.unlisted);
    }
    if let Some(folder) = &paths.config_dir {
        files.config_dir = below(root, folder, false, &mut files.unlisted);
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

/// All `.conf` files below `folder`; links to folders are not followed.
fn below(
    root: &HostRoot,
    folder: &str,
    may_be_absent: bool,
    unlisted: &mut Vec<ReadError>,
) -> Vec<ConfFile> {
    let top = absolute(Path::new(folder));
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
        .is_ok_and(|status| status.kind == Kind::Directory)
}

fn absolute(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

fn display(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
