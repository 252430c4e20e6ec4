//! Hosts for unit tests.

use std::os::unix::fs::symlink;

use super::HostRoot;

/// Creates a host with these files; `-> target` creates a link, a path that ends with `/` a directory.
pub(super) fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, HostRoot) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let at = dir.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        match text.strip_prefix("-> ") {
            Some(target) => symlink(target, at).unwrap(),
            None if path.ends_with('/') => std::fs::create_dir_all(at).unwrap(),
            None => std::fs::write(at, text).unwrap(),
        }
    }
    let root = HostRoot::open(dir.path()).unwrap();
    (dir, root)
}

/// The names in a directory, sorted.
pub(super) fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
