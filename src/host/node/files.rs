//! Small files of the node: state of RKE2 and of the kubelet, and configuration.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::facts::ReadError;
use crate::facts::node::File;
use crate::host::HostRoot;

/// A larger one is not read.
const MAX: u64 = 1 << 20;

/// The content of a file. `None` where RKE2 may find something else: it cannot be read here, or is too large.
pub(crate) fn file(root: &HostRoot, path: &str) -> Option<File> {
    let unread = |error: ReadError| {
        if error.is_absent() {
            Some(File::Missing)
        } else if error.is_ours() {
            None
        } else {
            Some(File::Unreadable(error.to_string()))
        }
    };
    let content = match root.read_start(Path::new(path), MAX.saturating_add(1)) {
        Ok(content) => content,
        Err(error) => return unread(error),
    };
    let is_whole = u64::try_from(content.len()).is_ok_and(|length| length <= MAX);
    is_whole.then_some(File::Content(content))
}

/// Whether a path exists, links followed. `None` where that is not known.
pub(crate) fn exists(root: &HostRoot, path: &str) -> Option<bool> {
    match root.stat(path) {
        Ok(_) => Some(true),
        Err(error) if error.is_ours() => None,
        Err(_) => Some(false),
    }
}

/// The names in a small directory. `None` where it cannot be listed.
pub(crate) fn names(root: &HostRoot, path: &str) -> Option<Vec<String>> {
    let names = root.list(path).ok()?.into_iter();
    Some(names.filter_map(|name| name.into_string().ok()).collect())
}

/// The time of this machine, in seconds since 1970. `None` before that.
pub(crate) fn now() -> Option<u64> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(since_1970.as_secs())
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
