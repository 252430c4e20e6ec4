//! The result of `sysctl --system` on the same files, where it differs from the result of a boot.

use std::collections::HashMap;

use super::kernel;
use super::resolution::{Assignment, Disagreement, KeyResolution, SourceLine, Via, shown};
use super::table::Watched;
use super::tree::{File, Tree};
use crate::glob;

/// Files in the order that `sysctl --system` reads them: by name, hidden ones included, one of each name,
/// and `/etc/sysctl.conf` always last.
fn files(tree: &Tree) -> Vec<&File> {
    let mut directories: Vec<_> = tree.directories.iter().collect();
    directories.sort_by_key(|directory| directory.location);
    let mut winners: HashMap<&[u8], &File> = HashMap::new();
    for file in directories.iter().flat_map(|directory| &directory.files) {
        if file.name.ends_with(b".conf") {
            winners.entry(&file.name).or_insert(file);
        }
    }
    let mut files: Vec<_> = winners.into_values().collect();
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    files.extend(&tree.sysctl_conf);
    files
}

/// The most spellings of one key that are compared.
const SPELLINGS: usize = 8;

/// An assignment or exclusion.
struct SystemLine<'t> {
    file: &'t File,
    number: u32,
    text: &'t [u8],
    key: &'t [u8],
    /// The key as a path, including repeated separators.
    raw: Vec<u8>,
    /// `None` for an exclusion.
    value: Option<&'t [u8]>,
}

fn parse(file: &File) -> impl Iterator<Item = SystemLine<'_>> {
    let lines = file.bytes().split(|&byte| byte == b'\n').zip(1..);
    lines.filter_map(|(text, number)| {
        // What follows a NUL on a line is not read.
        let text = text.split(|&byte| byte == 0).next()?;
        let line = strip(text);
        if matches!(line.first(), None | Some(b'#' | b';')) {
            return None;
        }
        let equals = line.iter().position(|&byte| byte == b'=');
        let (key, value) = match equals {
            Some(equals) => {
                let (key, value) = line.split_at_checked(equals)?;
                (key, value.strip_prefix(b"="))
            }
            None if line.starts_with(b"-") => (line, None),
            None => return None,
        };
        let key = strip_end(key.strip_prefix(b"-").unwrap_or(key));
        // A second `-` is dropped as well.
        let bare = key.strip_prefix(b"-").unwrap_or(key);
        Some(SystemLine {
            file,
            number,
            text,
            key,
            raw: swap(bare),
            value: value.map(strip),
        })
    })
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

fn strip_end(text: &[u8]) -> &[u8] {
    let last = text.iter().rposition(|&byte| !is_space(byte));
    let end = last.map_or(0, |last| last.saturating_add(1));
    text.get(..end).unwrap_or(text)
}

fn strip(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|&byte| !is_space(byte));
    strip_end(
        start
            .and_then(|start| text.get(start..))
            .unwrap_or_default(),
    )
}

/// Swaps `.` and `/` if a `.` comes first.
fn swap(key: &[u8]) -> Vec<u8> {
    let dots = key.iter().find(|byte| matches!(byte, b'.' | b'/')) == Some(&b'.');
    let swapped = |&byte: &u8| match byte {
        b'.' if dots => b'/',
        b'/' if dots => b'.',
        other => other,
    };
    key.iter().map(swapped).collect()
}

/// Records for each key if `sysctl --system` would set another value.
///
/// It writes every line in order; a key may be written several times. A pattern does not apply to a key
/// that a line sets or excludes in exactly the spelling that the pattern expands to.
pub(super) fn compare(tree: &Tree, watched: &[Watched], keys: &mut [KeyResolution]) {
    let mut statement = Vec::new();
    let mut path = Vec::new();
    // Repeated separators lead to the same file.
    for line in files(tree).into_iter().flat_map(parse) {
        let is_pattern = glob::is_pattern(&line.raw);
        path.clone_from(&line.raw);
        simplify(&mut path);
        let concerns = |watched: &Watched| {
            if line.value.is_none() {
                path == watched.path
            } else if line.raw.ends_with(b"/") || line.raw.ends_with(b"/.") {
                // A trailing separator names a directory.
                false
            } else if is_pattern {
                glob::matches(&path, &watched.path)
            } else {
                path == watched.path
            }
        };
        let concerned: Vec<bool> = watched.iter().map(concerns).collect();
        if concerned.contains(&true) {
            statement.push((line, is_pattern, concerned));
        }
    }
    for (index, (watched, next)) in watched.iter().zip(keys).enumerate() {
        let mine = || {
            statement
                .iter()
                .filter(|(.., concerned)| concerned.get(index) == Some(&true))
        };
        let mut spellings: Vec<&[u8]> = Vec::new();
        for (line, is_pattern, _) in mine() {
            if !is_pattern && spellings.len() < SPELLINGS && !spellings.contains(&&*line.raw) {
                spellings.push(&line.raw);
            }
        }
        let is_spared =
            |line: &SystemLine<'_>| spellings.iter().any(|raw| glob::matches(&line.raw, raw));
        let set = mine()
            .filter(|(line, is_pattern, _)| !(*is_pattern && is_spared(line)))
            .filter_map(|(line, is_pattern, ..)| Some((line, is_pattern, line.value?)))
            .map(|(line, is_pattern, value)| Assignment {
                line: SourceLine::new(line.file, line.number, line.text, line.key, value),
                value: shown(value),
                outcome: kernel::write(&watched.path, value),
                via: if *is_pattern {
                    Via::Pattern
                } else {
                    Via::Explicit
                },
            })
            .rfind(|assignment| !assignment.outcome.is_refused());
        let same = match (&set, &next.set) {
            (None, None) => true,
            (Some(theirs), Some(ours)) => {
                theirs.outcome == ours.outcome
                    && (theirs.outcome.value().is_some() || theirs.value == ours.value)
            }
            _ => false,
        };
        if !same {
            next.sysctl_system = Some(Disagreement { set });
        }
    }
}

/// Removes empty components and `.`.
fn simplify(path: &mut Vec<u8>) {
    let names = path.split(|&byte| byte == b'/');
    let names: Vec<&[u8]> = names.filter(|name| !matches!(name, [] | [b'.'])).collect();
    *path = names.join(&b'/');
}
