//! What each version of systemd would leave, for hosts whose version is not known.

use super::dialect::Dialect;

use super::resolution::Resolution;
use super::resolve::resolve;
use super::tree::{SearchDirectory, Tree};
use crate::glob;

/// What versions older than the newest would leave, one of each dialect. Empty where they cannot differ.
pub(crate) fn older(tree: &Tree, keys: &[&str]) -> Vec<(Dialect, Resolution)> {
    if !may_differ(tree) {
        return Vec::new();
    }
    Dialect::older()
        .map(|dialect| (dialect, resolve(tree, keys, dialect)))
        .collect()
}

/// Whether the files have anything that versions of systemd read differently.
fn may_differ(tree: &Tree) -> bool {
    let mut files = tree.directories.iter().flat_map(|dir| &dir.files);
    tree.credential.is_some()
        || tree
            .directories
            .iter()
            .any(|dir| dir.location == SearchDirectory::Lib)
        || files.any(|file| file.bytes().split(|byte| *byte == b'\n').any(is_special))
}

/// Whether the key of a line starts with `-`, is a pattern, or has `..` in it.
fn is_special(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    if line.starts_with(b"#") || line.starts_with(b";") {
        return false;
    }
    let key = line.split(|byte| *byte == b'=').next().unwrap_or(line);
    key.starts_with(b"-") || glob::is_pattern(key) || key.windows(2).any(|two| two == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysctl_d::File;

    fn tree(text: &str) -> Tree {
        let mut tree = Tree::default();
        tree.add(
            SearchDirectory::Etc,
            File::new("/etc/sysctl.d/a.conf", text),
        );
        tree
    }

    #[test]
    fn plain_lines_are_read_alike_by_all_versions() {
        for plain in [
            "",
            "kernel.panic=10\n",
            "# -a=*\n; b.*=1\nkernel.panic = *\n",
        ] {
            assert!(older(&tree(plain), &["kernel.panic"]).is_empty(), "{plain}");
        }
        let mut lib = tree("");
        lib.add(SearchDirectory::Lib, File::new("/lib/sysctl.d/b.conf", ""));
        assert!(!older(&lib, &[]).is_empty());
    }

    #[test]
    fn each_older_dialect_is_tried() {
        let left = |text: &str| {
            older(&tree(text), &["kernel.panic"])
                .into_iter()
                .map(|(dialect, found)| (dialect.version(), found.keys[0].value()))
                .collect::<Vec<_>>()
        };
        let ignored = left("-kernel.panic=10\n");
        assert_eq!(ignored[0], (Some(242), None));
        assert!(ignored[1..].iter().all(|(_, value)| *value == Some(10)));
        let pattern = left("kernel.pani?=10\n");
        assert_eq!(pattern[..2], [(Some(242), None), (Some(244), None)]);
        assert!(pattern[2..].iter().all(|(_, value)| *value == Some(10)));
    }
}
