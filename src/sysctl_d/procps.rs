//! What `sysctl --system` would do with the same files, where that is not what boot does.

use super::dialect::Dialect;
use super::glob;
use super::kernel;
use super::next_boot::{Assignment, Disagreement, Line, NextBoot, Via, shown};
use super::syntax::{self, Statement};
use super::table::Watched;
use super::tree::{File, Tree};
use std::collections::HashMap;

/// Files in the order that `sysctl --system` reads them: by name, hidden ones too, one of each
/// name, and `/etc/sysctl.conf` last in any case.
fn files(tree: &Tree) -> Vec<&File> {
    let mut directories: Vec<_> = tree.directories.iter().collect();
    directories.sort_by_key(|directory| directory.place);
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

/// What `sysctl --system` last said about one key.
#[derive(Default)]
struct Words {
    named: Option<Assignment>,
    /// By patterns, with those that the kernel refuses left out.
    matched: Option<Assignment>,
    /// Whether any line names the key; patterns leave it alone then.
    is_named: bool,
}

/// Notes for each key where `sysctl --system` would leave something else.
pub(super) fn compare(tree: &Tree, watched: &[Watched], keys: &mut [NextBoot]) {
    let mut words: Vec<Words> = watched.iter().map(|_| Words::default()).collect();
    let mut path = Vec::new();
    for file in files(tree) {
        for line in syntax::lines(file.bytes(), Dialect::NEWEST) {
            let (key, value) = match line.statement {
                Statement::Assign { key, value, .. } => (key, Some(value)),
                Statement::Exclude { key } => (key, None),
                Statement::NotAssignment | Statement::TooLong => continue,
            };
            syntax::normalize(key, &mut path);
            let is_pattern = glob::is_pattern(&path);
            for (words, watched) in words.iter_mut().zip(watched) {
                if is_pattern {
                    if !glob::matches(&path, &watched.path) {
                        continue;
                    }
                } else if path != watched.path {
                    continue;
                } else {
                    words.is_named = true;
                }
                let Some(value) = value else { continue };
                let assignment = Assignment {
                    line: Line::of(file, &line),
                    value: shown(value),
                    outcome: kernel::write(&watched.path, value),
                    via: if is_pattern {
                        Via::Pattern
                    } else {
                        Via::Explicit
                    },
                };
                if assignment.outcome.is_refused() {
                    continue;
                }
                let word = if is_pattern {
                    &mut words.matched
                } else {
                    &mut words.named
                };
                *word = Some(assignment);
            }
        }
    }
    for (words, next) in words.into_iter().zip(keys) {
        let set = if words.is_named {
            words.named
        } else {
            words.matched
        };
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
