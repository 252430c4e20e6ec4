//! Searching for text in files that are too large to be read whole, and change too often to be watched.

use std::io::Read as _;
use std::path::Path;

use crate::facts::node::BootstrapKeys;
use crate::host::HostRoot;
use crate::host::root::{FileKind, SAFE};

/// Files of etcd are not searched beyond this: a gate has 20 s.
pub(super) const MAX: u64 = 512 << 20;
/// More names than etcd has files.
const MAX_FILES: usize = 64;
pub(super) const BLOCK: usize = 256 << 10;
/// How the name of a key of bootstrap data begins, and the number of hexadecimal digits that follow.
const PREFIX: &[u8] = b"/bootstrap/";
const DIGITS: usize = 12;

/// Which keys of bootstrap data are in the database of etcd and in its log, below the data directory of RKE2. `None`
/// where etcd has no log, or something could not be searched.
pub(crate) fn bootstrap_keys(
    root: &HostRoot,
    data_dir: &str,
    keys: &[String],
) -> Option<BootstrapKeys> {
    let member = Path::new(data_dir).join("server/db/etcd/member");
    let mut found = BootstrapKeys {
        has_one_of: false,
        has_any: false,
    };
    let mut left = MAX;
    for (directory, ending) in [("wal", ".wal"), ("snap", "db")] {
        let directory = member.join(directory);
        let names = root.list_logs(&directory, MAX_FILES);
        let mut names = names
            .iter()
            .filter(|name| name.ends_with(ending))
            .peekable();
        if names.peek().is_none() || names.clone().count() >= MAX_FILES {
            return None;
        }
        for name in names {
            let mut see = |key: &[u8]| {
                found.has_any = true;
                found.has_one_of |= keys.iter().any(|known| known.as_bytes() == key);
            };
            search(root, &directory.join(name), &mut left, &mut see)?;
            if found.has_one_of {
                return Some(found);
            }
        }
    }
    Some(found)
}

/// Calls `see` with each key of bootstrap data in a file. `None` if the file cannot be read, or `left` bytes do not
/// suffice.
fn search(root: &HostRoot, path: &Path, left: &mut u64, see: &mut dyn FnMut(&[u8])) -> Option<()> {
    let length = PREFIX.len().saturating_add(DIGITS);
    blocks(root, path, left, length, &mut |block| {
        let mut rest = block;
        while let Some(at) = position(rest, PREFIX) {
            rest = rest.get(at..).unwrap_or_default();
            let key = rest.get(..length);
            let digits = key.and_then(|key| key.get(PREFIX.len()..));
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if let (Some(key), Some(digits)) = (key, digits)
                && digits.iter().all(is_digit)
            {
                see(key);
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        false
    })
}

/// Whether the policy of `SELinux` that the kernel has holds a name. `None` where it cannot be read.
pub(crate) fn policy_names(root: &HostRoot, name: &str) -> Option<bool> {
    let path = Path::new("/sys/fs/selinux/policy");
    has(root, path, name, &mut { MAX })
}

/// Whether a file has a text. `None` if it cannot be read, or `left` bytes do not suffice.
pub(super) fn has(root: &HostRoot, path: &Path, text: &str, left: &mut u64) -> Option<bool> {
    let mut is_there = false;
    blocks(root, path, left, text.len(), &mut |block| {
        is_there |= position(block, text.as_bytes()).is_some();
        is_there
    })?;
    Some(is_there)
}

/// Calls `each` with pieces of a file that overlap by `overlap` bytes, until it is done.
fn blocks(
    root: &HostRoot,
    path: &Path,
    left: &mut u64,
    overlap: usize,
    each: &mut dyn FnMut(&[u8]) -> bool,
) -> Option<()> {
    // Opening a device can have an effect.
    if root.log_status(path)?.kind != FileKind::File {
        return None;
    }
    let mut file = root.open_untraced(path, SAFE).ok()?;
    let mut buffer = vec![0; BLOCK.saturating_add(overlap)];
    let mut kept = 0;
    loop {
        let read = match file.read(buffer.get_mut(kept..)?) {
            Ok(0) => return Some(()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        *left = left.checked_sub(u64::try_from(read).ok()?)?;
        let filled = kept.saturating_add(read);
        if each(buffer.get(..filled)?) {
            return Some(());
        }
        kept = filled.min(overlap);
        buffer.copy_within(filled.saturating_sub(kept)..filled, 0);
    }
}

/// Where `needle`, which is not empty, begins in `text`.
fn position(text: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let at = from.checked_add(rest.iter().position(|byte| *byte == first)?)?;
        if text.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fixture::host;

    const DATA: &str = "/d";
    const WAL: &str = "/d/server/db/etcd/member/wal/0-0.wal";
    const DB: &str = "/d/server/db/etcd/member/snap/db";
    const KEY: &str = "/bootstrap/0123456789ab";

    fn of(files: &[(&str, &str)]) -> Option<(bool, bool)> {
        let (_dir, root) = host(files);
        let found = bootstrap_keys(&root, DATA, &[KEY.to_owned()])?;
        Some((found.has_one_of, found.has_any))
    }

    #[test]
    fn keys_are_found_in_both_files() {
        let other = "x/bootstrap/ba7816bf8f01x";
        assert_eq!(of(&[(WAL, "x"), (DB, "x")]), Some((false, false)));
        assert_eq!(of(&[(WAL, KEY), (DB, other)]), Some((true, true)));
        assert_eq!(of(&[(WAL, other), (DB, KEY)]), Some((true, true)));
        assert_eq!(of(&[(WAL, other), (DB, "")]), Some((false, true)));
        let short = "/bootstrap/0123456789a";
        assert_eq!(
            of(&[(WAL, short), (DB, "/bootstrap/x/bootstrap/")]),
            Some((false, false))
        );
        // Without a log, etcd has not started yet; without a database it is not known what it has.
        assert_eq!(of(&[(DB, KEY)]), None);
        assert_eq!(of(&[(WAL, "x")]), None);
        assert_eq!(of(&[(WAL, "-> /none"), (DB, "x")]), None);
    }

    #[test]
    fn a_key_is_found_wherever_a_block_ends() {
        for before in BLOCK - 30..BLOCK + 30 {
            let text = format!("{}{KEY}", "/".repeat(before));
            assert_eq!(
                of(&[(WAL, &text), (DB, "")]),
                Some((true, true)),
                "{before}"
            );
        }
    }

    #[test]
    fn a_policy_names_what_it_holds() {
        let path = "/sys/fs/selinux/policy";
        let (_dir, root) = host(&[(path, "\0etc_t\0rke2_service_db_t\0")]);
        assert_eq!(policy_names(&root, "rke2_service_db_t"), Some(true));
        assert_eq!(policy_names(&root, "rke2_t"), Some(false));
        assert_eq!(policy_names(&host(&[]).1, "rke2_t"), None);
    }
}
