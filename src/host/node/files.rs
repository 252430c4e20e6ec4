//! Small files of the node: state of RKE2 and of the kubelet, and configuration.

use crate::facts::node::File;
use crate::host::HostRoot;

/// A larger one is not read.
const MAX: u64 = 1 << 20;

/// The content of a file. `None` where RKE2 may find something else: it cannot be read here, or is too large.
pub(crate) fn file(root: &HostRoot, path: &str) -> Option<File> {
    let unread = |error: crate::facts::ReadError| {
        if error.is_absent() {
            Some(File::Missing)
        } else if error.is_ours() {
            None
        } else {
            Some(File::Unreadable(error.to_string()))
        }
    };
    match root.stat(path) {
        Ok(status) if status.size > MAX => return None,
        Ok(_) => {}
        Err(error) => return unread(error),
    }
    root.read(path)
        .map_or_else(unread, |content| Some(File::Content(content)))
}

/// Whether a path exists, links followed. `None` where that is not known.
pub(crate) fn exists(root: &HostRoot, path: &str) -> Option<bool> {
    match root.stat(path) {
        Ok(_) => Some(true),
        Err(error) if error.is_ours() => None,
        Err(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    #[test]
    fn only_what_rke2_meets_too_is_known() {
        let large = "x".repeat(usize::try_from(MAX).unwrap() + 1);
        let (_dir, root) = host(&[("/a", "text"), ("/d/", ""), ("/large", &large)]);
        assert_eq!(file(&root, "/a"), Some(File::Content(b"text".to_vec())));
        assert_eq!(file(&root, "/none"), Some(File::Missing));
        assert_eq!(file(&root, "/large"), None);
        let is_directory = "read /d: is a directory".to_owned();
        assert_eq!(file(&root, "/d"), Some(File::Unreadable(is_directory)));
        assert_eq!(exists(&root, "/a"), Some(true));
        assert_eq!(exists(&root, "/a/b"), Some(false));
        assert!(root.read_errors().is_empty());
    }
}
