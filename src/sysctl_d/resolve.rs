//! Resolves all files to one result for each key, in the order and by the rules of `systemd-sysctl`.

use std::collections::{HashMap, HashSet};

use super::cmdline::CommandLine;
use super::dialect::{Ability, Dialect};
use super::kernel::{self, WriteResult};
use super::procps;
use super::resolution::{
    Assignment, KeyResolution, Overridden, OverrideReason, Resolution, SkipReason,
    SkippedAssignment, SourceLine, SysctlProblemKind, Via, shown,
};
use super::syntax::{self, Statement};
use super::table::{RecordedStatement, Scope, Table};
use super::tree::{File, SearchDirectory, Tree};
use super::tuned;
use crate::glob;

/// The files that are read, in order, and the others with the reason why they are not.
pub(super) fn files(tree: &Tree, dialect: Dialect) -> (Vec<&File>, Vec<(&File, SkipReason)>) {
    let mut directories: Vec<_> = tree.directories.iter().collect();
    directories.sort_by_key(|directory| directory.location);
    let mut winners: HashMap<&[u8], &File> = HashMap::new();
    let mut unread = Vec::new();
    for directory in directories {
        let read = directory.location != SearchDirectory::Lib || dialect.can(Ability::SplitUsr);
        for file in &directory.files {
            if !read {
                unread.push((file, SkipReason::Directory));
            } else if file.is_hidden() {
                unread.push((file, SkipReason::Hidden));
            } else if !file.is_named_right() {
                unread.push((file, SkipReason::Suffix));
            } else if let Some(winner) = winners.get(file.name.as_slice()) {
                unread.push((
                    file,
                    SkipReason::Shadowed {
                        by: winner.path.clone(),
                        mask: winner.bytes().is_empty(),
                    },
                ));
            } else {
                winners.insert(&file.name, file);
            }
        }
    }
    let mut read: Vec<_> = winners.into_values().collect();
    read.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    if let Some(conf) = &tree.sysctl_conf
        && !read.iter().any(|file| leads_to(file, &conf.path))
    {
        unread.push((conf, SkipReason::SysctlConf));
    }
    (read, unread)
}

fn leads_to(file: &File, path: &str) -> bool {
    file.target.as_deref() == Some(path)
}

/// The value of each key after the next boot.
pub fn resolve(tree: &Tree, keys: &[&str], dialect: Dialect) -> Resolution {
    let (read, unread) = files(tree, dialect);
    let mut table = Table::new(keys, dialect);
    for file in read {
        table.read(file, false);
    }
    if let Some(credential) = &tree.credential
        && dialect.can(Ability::Credential)
    {
        table.problems.lenient = !dialect.can(Ability::CredentialCounts);
        table.read(credential, true);
        table.problems.lenient = false;
    }
    table.check_others();
    let mut keys: Vec<KeyResolution> = (0..table.watched.len())
        .filter_map(|index| table.next_boot(index))
        .collect();
    for (file, reason) in &unread {
        table.add_skipped(file, reason, &mut keys);
    }
    procps::compare(tree, &table.watched, &mut keys);
    let booted = tree.command_line.as_deref().map(CommandLine::parse);
    for (next, watched) in keys.iter_mut().zip(&table.watched) {
        tuned::apply(tree, watched, next);
        next.command_line = booted
            .as_ref()
            .and_then(|line| line.last_assignment(&watched.path));
    }
    Resolution {
        keys,
        rc: u8::from(table.problems.fails),
        problems: table.problems.list,
        complete: table.complete,
    }
}

impl Table<'_> {
    /// Reports failing writes to keys that are not watched: they change the exit status.
    fn check_others(&mut self) {
        let mut directories: Vec<&[u8]> = Vec::new();
        for watched in &self.watched {
            let slashes = watched.path.iter().enumerate();
            for (end, _) in slashes.filter(|(_, byte)| **byte == b'/') {
                let directory = watched.path.get(..end).unwrap_or_default();
                if !directories.contains(&directory) {
                    directories.push(directory);
                }
            }
        }
        let unwatched: Vec<&str> = kernel::known()
            .filter(|known| !self.watched.iter().any(|w| w.path == known.as_bytes()))
            .collect();
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.superseded) {
            let (Some(value), Some(statement)) =
                (entry.value, self.statements.get(entry.statement))
            else {
                continue;
            };
            let hits = |path: &[u8]| {
                glob::matches_with_braces(&statement.pattern, path) && self.standing(path).is_none()
            };
            let refuses = |path: &str| kernel::write(path.as_bytes(), value).is_refused();
            let refusal = |path: &str| {
                let key = path.replace('/', ".");
                format!("the kernel refuses {:?} for {key}", shown(value))
            };
            let (kind, what) = match statement.scope {
                Scope::Unwritable(what) => (
                    SysctlProblemKind::Unwritable,
                    format!("{what}; the write fails"),
                ),
                Scope::Unwatched(path) if refuses(path) => {
                    (SysctlProblemKind::Refused, refusal(path))
                }
                Scope::Pattern if directories.iter().any(|directory| hits(directory)) => {
                    let what = "the pattern matches a directory of parameters; the write fails";
                    (SysctlProblemKind::Unwritable, what.to_owned())
                }
                Scope::Pattern => {
                    let mut refusing = unwatched.iter().filter(|path| refuses(path));
                    let Some(path) = refusing.find(|path| hits(path.as_bytes())) else {
                        continue;
                    };
                    let what = refusal(path) + ", which the pattern matches too";
                    (SysctlProblemKind::Refused, what)
                }
                Scope::Key(_) | Scope::Unwatched(_) => continue,
            };
            found.push((
                self.source(entry.statement),
                kind,
                !entry.ignore_failure,
                what,
            ));
        }
        for (source, kind, fails, what) in found {
            self.problems.add(source, kind, fails, || what);
        }
    }

    fn assignment(&self, number: usize, path: &[u8]) -> Option<Assignment> {
        let statement = self.statements.get(number)?;
        let value = statement.value?;
        Some(Assignment {
            line: SourceLine::of(statement.file, &statement.line),
            value: shown(value),
            outcome: kernel::write(path, value),
            via: match statement.scope {
                _ if statement.credential => Via::Credential,
                Scope::Pattern => Via::Pattern,
                Scope::Key(_) | Scope::Unwatched(_) | Scope::Unwritable(_) => Via::Explicit,
            },
        })
    }

    fn next_boot(&mut self, index: usize) -> Option<KeyResolution> {
        let watched = self.watched.get(index)?;
        let path = &watched.path;
        let named = self
            .standing(path)
            .map(|entry| (entry.statement, entry.value));
        let concerns = |statement: &RecordedStatement<'_>| match statement.scope {
            Scope::Key(key) => key == index,
            Scope::Pattern => glob::matches_with_braces(&statement.pattern, path),
            Scope::Unwatched(_) | Scope::Unwritable(_) => false,
        };
        let concerned: Vec<usize> = (0..self.statements.len())
            .filter(|number| self.statements.get(*number).is_some_and(concerns))
            .collect();
        // The writes that are done, in order.
        let mut writes: Vec<usize> = concerned
            .iter()
            .filter_map(|number| {
                let statement = self.statements.get(*number)?;
                let entry = self.entries.get(statement.entry)?;
                let writes = !entry.superseded
                    && entry.statement == *number
                    && entry.value.is_some()
                    && (named.is_none() || matches!(statement.scope, Scope::Key(_)));
                writes.then_some(*number)
            })
            .collect();
        writes.sort_by_key(|number| {
            self.statements
                .get(*number)
                .map(|statement| statement.entry)
        });
        let mut winner = None;
        let mut refused = Vec::new();
        for number in writes {
            let Some(assignment) = self.assignment(number, path) else {
                continue;
            };
            if let WriteResult::Refused(refusal) = assignment.outcome {
                let ignored = self
                    .statements
                    .get(number)
                    .and_then(|statement| self.entries.get(statement.entry))
                    .is_some_and(|entry| entry.ignore_failure);
                refused.push((number, refusal, assignment.value, !ignored));
            } else {
                winner = Some((number, assignment.outcome, assignment));
            }
        }
        let numbers: HashSet<usize> = refused.iter().map(|(number, ..)| *number).collect();
        let mut overrides = Vec::new();
        for number in concerned {
            if winner.as_ref().is_some_and(|(won, ..)| *won == number) {
                continue;
            }
            let Some(assignment) = self.assignment(number, path) else {
                continue;
            };
            let reason = if numbers.contains(&number) {
                OverrideReason::Refused
            } else {
                self.override_reason(
                    number,
                    named,
                    winner.as_ref().map(|(_, _, winner)| winner),
                    &assignment,
                )
            };
            overrides.push(Overridden { assignment, reason });
        }
        let key = watched.key.clone();
        for (number, refusal, value, fails) in refused {
            let source = self.source(number);
            self.problems
                .add(source, SysctlProblemKind::Refused, fails, || {
                    format!(
                        "the kernel refuses {value:?} for {key}: {refusal}; the previous value stays"
                    )
                });
        }
        Some(KeyResolution {
            key,
            set: winner.map(|(_, _, assignment)| assignment),
            overrides,
            skipped: Vec::new(),
            command_line: None,
            sysctl_system: None,
        })
    }

    /// Why an assignment does not win.
    fn override_reason(
        &self,
        number: usize,
        named: Option<(usize, Option<&[u8]>)>,
        winner: Option<&Assignment>,
        assignment: &Assignment,
    ) -> OverrideReason {
        let statement = self.statements.get(number);
        let is_pattern = statement.is_some_and(|statement| statement.scope == Scope::Pattern);
        match named {
            Some((by, None)) => return OverrideReason::Excluded(self.source(by)),
            Some((_, Some(_))) if is_pattern => return OverrideReason::Explicit,
            _ => {}
        }
        // The same pattern with a leading `-` excludes it.
        if is_pattern
            && let Some(statement) = statement
            && let Some(entry) = self.standing(&statement.pattern)
            && entry.value.is_none()
        {
            return OverrideReason::Excluded(self.source(entry.statement));
        }
        match winner {
            Some(winner) if winner.outcome == assignment.outcome => OverrideReason::Repeated,
            _ => OverrideReason::Later,
        }
    }

    /// Records the assignments of a file that is not read.
    fn add_skipped(&self, file: &File, reason: &SkipReason, keys: &mut [KeyResolution]) {
        let mut path = Vec::new();
        for line in syntax::lines(file.bytes(), self.dialect) {
            let Statement::Assign { key, value, .. } = line.statement else {
                continue;
            };
            syntax::normalize(key, &mut path);
            let scope = self.scope(&path);
            for (index, (next, watched)) in keys.iter_mut().zip(&self.watched).enumerate() {
                let concerns = match scope {
                    Some(Scope::Key(key)) => key == index,
                    Some(Scope::Pattern) => glob::matches_with_braces(&path, &watched.path),
                    _ => false,
                };
                if concerns {
                    next.skipped.push(SkippedAssignment {
                        line: SourceLine::of(file, &line),
                        value: shown(value),
                        reason: reason.clone(),
                    });
                }
            }
        }
    }
}
