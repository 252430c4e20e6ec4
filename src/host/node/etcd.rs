//! The data of the node's own etcd.

use std::path::Path;

use super::search::{self, MAX};
use crate::facts::node::EtcdMember;
use crate::host::HostRoot;
use crate::rke2::layout;

/// No more of the file is read; RKE2 writes less than a thousand bytes.
const MAX_CONFIG: u64 = 1 << 16;

/// The member that etcd was when it last ran. `None` where it has no data.
pub(crate) fn member(root: &HostRoot, data_dir: &str) -> Option<EtcdMember> {
    // Its log of changes.
    root.stat(format!("{data_dir}/server/db/etcd/member/wal"))
        .ok()?;
    let file = layout::etcd_config(data_dir);
    let content = root.read_start(Path::new(&file), MAX_CONFIG).ok();
    Some(EtcdMember {
        config: content.and_then(|content| String::from_utf8(content).ok()),
        file,
    })
}

/// So many of the newest logs are searched, of 64 MB each: all older changes are in the data.
const LOGS: usize = 2;

/// Whether the data, or the log of changes, has this text. `None` where that is not known. Seen with etcd 3.6.16: the
/// URLs of a member are plain text in both.
pub(crate) fn data_has(root: &HostRoot, data_dir: &str, text: &str) -> Option<bool> {
    let member = Path::new(data_dir).join("server/db/etcd/member");
    let logs = member.join("wal");
    let mut names = root.list(&logs).ok()?;
    // They are numbered.
    names.retain(|name| name.as_encoded_bytes().ends_with(b".wal"));
    names.sort_unstable();
    let newest = names.iter().rev().take(LOGS).map(|name| logs.join(name));
    let mut files = vec![member.join("snap/db")];
    files.extend(newest);
    let mut left = MAX;
    for path in files {
        if search::has(root, &path, text, &mut left)? {
            return Some(true);
        }
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::super::search::BLOCK;
    use super::*;
    use crate::host::fixture::host;

    const D: &str = "/d/server/db/etcd";

    #[test]
    fn a_member_needs_a_log() {
        let (_dir, root) = host(&[(&format!("{D}/config"), "name: a\n")]);
        assert_eq!(member(&root, "/d"), None);
        let (_dir, root) = host(&[(&format!("{D}/member/wal/"), "")]);
        assert_eq!(member(&root, "/d").unwrap().config, None);
    }

    #[test]
    fn data_is_searched_over_the_ends_of_chunks() {
        for (before, expected) in [
            (0, true),
            (BLOCK - 3, true),
            (BLOCK, true),
            (2 * BLOCK - 7, true),
        ] {
            let text = format!("{}https://192.0.2.1:2380", "x".repeat(before));
            for name in ["snap/db", "wal/0.wal"] {
                let mut files = vec![
                    (format!("{D}/member/snap/db"), "y"),
                    (format!("{D}/member/wal/"), ""),
                ];
                files.push((format!("{D}/member/{name}"), text.as_str()));
                let files: Vec<(&str, &str)> = files
                    .iter()
                    .map(|(path, text)| (path.as_str(), *text))
                    .collect();
                let (_dir, root) = host(&files);
                assert_eq!(
                    data_has(&root, "/d", "https://192.0.2.1:2380"),
                    Some(expected)
                );
                assert_eq!(data_has(&root, "/d", "https://192.0.2.2:2380"), Some(false));
            }
        }
        let (_dir, root) = host(&[(&format!("{D}/member/wal/"), "")]);
        assert_eq!(data_has(&root, "/d", "a"), None);
    }
}
