//! `TuneD`: it applies its profile after `systemd-sysctl`, and then some files again.

use std::collections::HashMap;

use super::dialect::Dialect;
use super::kernel::{self, WriteResult};
use super::resolution::{
    Assignment, KeyResolution, Overridden, OverrideReason, SourceLine, Via, shown,
};
use super::syntax::{self, Statement};
use super::table::Watched;
use super::tree::{File, SearchDirectory, Tree};

/// A line within a section of an INI file.
struct IniLine<'a> {
    section: &'a str,
    number: u32,
    text: &'a str,
    key: &'a str,
    value: &'a str,
}

fn options(content: &str) -> impl Iterator<Item = IniLine<'_>> {
    let mut section = "";
    content.lines().zip(1..).filter_map(move |(text, number)| {
        let line = text.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return None;
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name.trim();
            return None;
        }
        let (key, value) = line.split_once('=')?;
        // A comment may follow a value after white space.
        let end = value.match_indices('#').map(|(at, _)| at).find(|at| {
            value
                .get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
        });
        let value = end.and_then(|end| value.get(..end)).unwrap_or(value);
        Some(IniLine {
            section,
            number,
            text,
            key: key.trim(),
            value: value.trim(),
        })
    })
}

/// The profiles that a profile includes, in order.
pub(crate) fn includes(content: &[u8]) -> Vec<String> {
    let content = String::from_utf8_lossy(content);
    let include = options(&content)
        .filter(|option| option.section == "main" && option.key == "include")
        .last();
    names(include.map_or("", |option| option.value))
}

/// The names of profiles in a list: `/etc/tuned/active_profile`, or the value of `include`.
pub(crate) fn names(list: &str) -> Vec<String> {
    list.split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether `/etc/tuned/tuned-main.conf` enables `reapply_sysctl`, which is the default.
pub(crate) fn reapplies(main: &[u8]) -> bool {
    let main = String::from_utf8_lossy(main);
    let last = options(&main)
        .filter(|option| option.key == "reapply_sysctl")
        .last();
    !last.is_some_and(|option| {
        ["0", "false", "no", "off", "n", "f"].contains(&option.value.to_ascii_lowercase().as_str())
    })
}

/// The effect of a value in a profile. Variables and relative values are only known at run time.
fn outcome(path: &[u8], value: &str) -> (String, WriteResult) {
    let plain = value.trim_matches('"').trim_matches('\'');
    let outcome = if value.contains("${") || plain.starts_with(['>', '<']) {
        WriteResult::Unknown
    } else {
        kernel::write(path, plain.as_bytes())
    };
    (shown(plain.as_bytes()), outcome)
}

/// The assignments of a profile to a key.
fn assignments(file: &File, path: &[u8]) -> Vec<Assignment> {
    let content = String::from_utf8_lossy(file.bytes());
    let all: Vec<_> = options(&content).collect();
    let kinds: HashMap<&str, &str> = all
        .iter()
        .filter(|option| option.key == "type")
        .map(|option| (option.section, option.value))
        .collect();
    let mut normal = Vec::new();
    all.iter()
        .filter(|option| *kinds.get(option.section).unwrap_or(&option.section) == "sysctl")
        .filter_map(|option| {
            syntax::normalize(option.key.as_bytes(), &mut normal);
            if normal != path {
                return None;
            }
            let (value, outcome) = outcome(path, option.value);
            let (key, raw) = (option.key.as_bytes(), option.value.as_bytes());
            Some(Assignment {
                line: SourceLine::new(file, option.number, option.text.as_bytes(), key, raw),
                value,
                outcome,
                via: Via::Tuned,
            })
        })
        .collect()
}

/// The files that are applied again, in order. A file in `/run` replaces one of the same name in `/etc`.
fn reapplied(tree: &Tree) -> Vec<&File> {
    let mut winners: HashMap<&[u8], &File> = HashMap::new();
    for place in [SearchDirectory::Run, SearchDirectory::Etc] {
        let directories = tree.directories.iter().filter(|dir| dir.location == place);
        for file in directories.flat_map(|directory| &directory.files) {
            if file.name.ends_with(b".conf") {
                winners.entry(&file.name).or_insert(file);
            }
        }
    }
    let mut files: Vec<_> = winners.into_values().collect();
    files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    files.extend(&tree.sysctl_conf);
    files
}

/// The last assignment to a key that is applied again and that the kernel accepts.
fn last_reapplied(tree: &Tree, path: &[u8]) -> Option<Assignment> {
    let mut last = None;
    let mut normal = Vec::new();
    // Like the oldest systemd, it supports neither a leading `-` nor patterns.
    let dialect = Dialect::of(0);
    for file in reapplied(tree) {
        for line in syntax::lines(file.bytes(), dialect) {
            let Statement::Assign { key, value, .. } = line.statement else {
                continue;
            };
            syntax::normalize(key, &mut normal);
            let outcome = if normal == path {
                kernel::write(path, value)
            } else {
                continue;
            };
            if !outcome.is_refused() {
                last = Some(Assignment {
                    line: SourceLine::of(file, &line),
                    value: shown(value),
                    outcome,
                    via: Via::Reapplied,
                });
            }
        }
    }
    last
}

/// Applies `TuneD`'s assignments after those of `systemd-sysctl`.
pub(super) fn apply(tree: &Tree, watched: &Watched, next: &mut KeyResolution) {
    let Some(tuned) = &tree.tuned else { return };
    let mut assignments: Vec<_> = tuned
        .profiles
        .iter()
        .flat_map(|file| assignments(file, &watched.path))
        .collect();
    if tuned.reapply
        && let Some(again) = last_reapplied(tree, &watched.path)
    {
        let same = next
            .set
            .as_ref()
            .is_some_and(|set| set.line.source == again.line.source);
        if same {
            // The winning line is applied again after the profile.
            next.overrides.extend(assignments.into_iter().map(later));
            return;
        }
        assignments.push(again);
    }
    for assignment in assignments {
        if assignment.outcome.is_refused() {
            next.overrides.push(Overridden {
                assignment,
                reason: OverrideReason::Refused,
            });
        } else if let Some(before) = next.set.replace(assignment) {
            next.overrides.push(later(before));
        }
    }
}

fn later(assignment: Assignment) -> Overridden {
    Overridden {
        assignment,
        reason: OverrideReason::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_and_lists() {
        let profile =
            b"[main]\nsummary=x\ninclude = throughput-performance, ${f:x}\n[sysctl]\ninclude=no\n";
        assert_eq!(includes(profile), ["throughput-performance", "${f:x}"]);
        assert_eq!(
            names("balanced virtual-guest\n"),
            ["balanced", "virtual-guest"]
        );
        assert!(includes(b"").is_empty());
    }

    #[test]
    fn reapply_is_the_default() {
        assert!(reapplies(b""));
        assert!(reapplies(b"# reapply_sysctl = 0\n"));
        assert!(reapplies(b"reapply_sysctl = 1\n"));
        assert!(!reapplies(b"daemon = 1\nreapply_sysctl = 0\n"));
        assert!(!reapplies(b"reapply_sysctl=False\n"));
    }

    #[test]
    fn assignments_of_a_profile() {
        let file = File::new(
            "/usr/lib/tuned/oracle/tuned.conf",
            "[main]\n[sysctl]\nkernel.panic_on_oops = 1 # why\nkernel.panic=${x}\n\
             [mine]\ntype=sysctl\nkernel/panic=\"20\"\n[vm]\nkernel.panic=5\n",
        );
        let oops = assignments(&file, b"kernel/panic_on_oops");
        assert_eq!(oops.len(), 1);
        assert_eq!(oops[0].outcome, WriteResult::Value(1));
        assert_eq!(
            oops[0].line.source.to_string(),
            "/usr/lib/tuned/oracle/tuned.conf:3"
        );
        let panic = assignments(&file, b"kernel/panic");
        let outcomes: Vec<_> = panic.iter().map(|assignment| assignment.outcome).collect();
        assert_eq!(outcomes, [WriteResult::Unknown, WriteResult::Value(20)]);
    }
}
