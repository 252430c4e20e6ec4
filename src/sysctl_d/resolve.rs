//! All files to one answer for each key, in the order and by the rules of `systemd-sysctl`.

use std::collections::{HashMap, HashSet};

use super::cmdline::CommandLine;
use super::dialect::{Ability, Dialect};
use super::glob;
use super::kernel::{self, Outcome};
use super::next_boot::{
    Assignment, Deaf, Line, NextBoot, Overridden, Resolution, Trouble, Unheard, Via, Why, shown,
};
use super::procps;
use super::syntax::{self, Statement};
use super::table::{Said, Scope, Table};
use super::tree::{File, Place, Tree};
use super::tuned;

/// The files that are read, in the order of reading, and the others with the reason.
pub(super) fn files(tree: &Tree, dialect: Dialect) -> (Vec<&File>, Vec<(&File, Deaf)>) {
    let mut directories: Vec<_> = tree.directories.iter().collect();
    directories.sort_by_key(|directory| directory.place);
    let mut winners: HashMap<&[u8], &File> = HashMap::new();
    let mut unread = Vec::new();
    for directory in directories {
        let read = directory.place != Place::Lib || dialect.can(Ability::SplitUsr);
        for file in &directory.files {
            if !read {
                unread.push((file, Deaf::Directory));
            } else if file.is_hidden() {
                unread.push((file, Deaf::Hidden));
            } else if !file.is_named_right() {
                unread.push((file, Deaf::Suffix));
            } else if let Some(winner) = winners.get(file.name.as_slice()) {
                unread.push((
                    file,
                    Deaf::Shadowed {
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
        unread.push((conf, Deaf::SysctlConf));
    }
    (read, unread)
}

fn leads_to(file: &File, path: &str) -> bool {
    file.target.as_deref() == Some(path)
}

/// What each key will hold after the next boot.
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
    let mut keys: Vec<NextBoot> = (0..table.watched.len())
        .filter_map(|index| table.next_boot(index))
        .collect();
    for (file, why) in &unread {
        table.unheard(file, why, &mut keys);
    }
    procps::compare(tree, &table.watched, &mut keys);
    let booted = tree.command_line.as_deref().map(CommandLine::parse);
    for (next, watched) in keys.iter_mut().zip(&table.watched) {
        tuned::apply(tree, watched, next);
        next.command_line = booted
            .as_ref()
            .and_then(|line| line.last_word(&watched.path));
    }
    Resolution {
        keys,
        rc: u8::from(table.problems.fails),
        problems: table.problems.told,
        complete: table.complete,
    }
}

impl Table<'_> {
    /// Writes beside those to the watched keys that fail: they decide the exit status.
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
        let beside: Vec<&str> = kernel::known()
            .filter(|known| !self.watched.iter().any(|w| w.path == known.as_bytes()))
            .collect();
        let mut found = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.dead) {
            let (Some(value), Some(said)) = (entry.value, self.said.get(entry.said)) else {
                continue;
            };
            let hits =
                |path: &[u8]| glob::matches(&said.pattern, path) && self.standing(path).is_none();
            let refuses = |path: &str| kernel::write(path.as_bytes(), value).is_refused();
            let refusal = |path: &str| {
                let key = path.replace('/', ".");
                format!("the kernel refuses {:?} for {key}", shown(value))
            };
            let (trouble, what) = match said.scope {
                Scope::Hopeless(what) => (Trouble::Hopeless, format!("{what}; the write fails")),
                Scope::Beside(path) if refuses(path) => (Trouble::Refused, refusal(path)),
                Scope::Pattern if directories.iter().any(|directory| hits(directory)) => {
                    let what = "the pattern matches a directory of parameters; the write fails";
                    (Trouble::Hopeless, what.to_owned())
                }
                Scope::Pattern => {
                    let mut refusing = beside.iter().filter(|path| refuses(path));
                    let Some(path) = refusing.find(|path| hits(path.as_bytes())) else {
                        continue;
                    };
                    let what = refusal(path) + ", which the pattern matches too";
                    (Trouble::Refused, what)
                }
                Scope::Key(_) | Scope::Beside(_) => continue,
            };
            found.push((
                self.source(entry.said),
                trouble,
                !entry.ignore_failure,
                what,
            ));
        }
        for (source, trouble, fails, what) in found {
            self.problems.add(source, trouble, fails, || what);
        }
    }

    fn assignment(&self, number: usize, path: &[u8]) -> Option<Assignment> {
        let said = self.said.get(number)?;
        let value = said.value?;
        Some(Assignment {
            line: Line::of(said.file, &said.line),
            value: shown(value),
            outcome: kernel::write(path, value),
            via: match said.scope {
                _ if said.credential => Via::Credential,
                Scope::Pattern => Via::Pattern,
                Scope::Key(_) | Scope::Beside(_) | Scope::Hopeless(_) => Via::Explicit,
            },
        })
    }

    fn next_boot(&mut self, index: usize) -> Option<NextBoot> {
        let watched = self.watched.get(index)?;
        let path = &watched.path;
        let named = self.standing(path).map(|entry| (entry.said, entry.value));
        let concerns = |said: &Said<'_>| match said.scope {
            Scope::Key(key) => key == index,
            Scope::Pattern => glob::matches(&said.pattern, path),
            Scope::Beside(_) | Scope::Hopeless(_) => false,
        };
        let concerned: Vec<usize> = (0..self.said.len())
            .filter(|number| self.said.get(*number).is_some_and(concerns))
            .collect();
        // The writes that will happen, in their order.
        let mut writes: Vec<usize> = concerned
            .iter()
            .filter_map(|number| {
                let said = self.said.get(*number)?;
                let entry = self.entries.get(said.entry)?;
                let writes = !entry.dead
                    && entry.said == *number
                    && entry.value.is_some()
                    && (named.is_none() || matches!(said.scope, Scope::Key(_)));
                writes.then_some(*number)
            })
            .collect();
        writes.sort_by_key(|number| self.said.get(*number).map(|said| said.entry));
        let mut winner = None;
        let mut refused = Vec::new();
        for number in writes {
            let Some(assignment) = self.assignment(number, path) else {
                continue;
            };
            if let Outcome::Refused(refusal) = assignment.outcome {
                let ignored = self
                    .said
                    .get(number)
                    .and_then(|said| self.entries.get(said.entry))
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
            let why = if numbers.contains(&number) {
                Why::Refused
            } else {
                self.why(
                    number,
                    named,
                    winner.as_ref().map(|(_, _, winner)| winner),
                    &assignment,
                )
            };
            overrides.push(Overridden { assignment, why });
        }
        let key = watched.key.clone();
        for (number, refusal, value, fails) in refused {
            let source = self.source(number);
            self.problems.add(source, Trouble::Refused, fails, || {
                format!("the kernel refuses {value:?} for {key}: {refusal}; the value before stays")
            });
        }
        Some(NextBoot {
            key,
            set: winner.map(|(_, _, assignment)| assignment),
            overrides,
            unheard: Vec::new(),
            command_line: None,
            sysctl_system: None,
        })
    }

    /// Why a statement that is read is not the one that stays.
    fn why(
        &self,
        number: usize,
        named: Option<(usize, Option<&[u8]>)>,
        winner: Option<&Assignment>,
        assignment: &Assignment,
    ) -> Why {
        let said = self.said.get(number);
        let is_pattern = said.is_some_and(|said| said.scope == Scope::Pattern);
        match named {
            Some((by, None)) => return Why::Excluded(self.source(by)),
            Some((_, Some(_))) if is_pattern => return Why::Explicit,
            _ => {}
        }
        // A pattern that the same pattern, with a minus, took back.
        if is_pattern
            && let Some(said) = said
            && let Some(entry) = self.standing(&said.pattern)
            && entry.value.is_none()
        {
            return Why::Excluded(self.source(entry.said));
        }
        match winner {
            Some(winner) if winner.outcome == assignment.outcome => Why::Repeated,
            _ => Why::Later,
        }
    }

    /// Notes the words of a file that is not read.
    fn unheard(&self, file: &File, why: &Deaf, keys: &mut [NextBoot]) {
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
                    Some(Scope::Pattern) => glob::matches(&path, &watched.path),
                    _ => false,
                };
                if concerns {
                    next.unheard.push(Unheard {
                        line: Line::of(file, &line),
                        value: shown(value),
                        why: why.clone(),
                    });
                }
            }
        }
    }
}
