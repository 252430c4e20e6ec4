//! All files to one answer for each key, in the order and by the rules of `systemd-sysctl`.

use std::collections::HashMap;

use super::cmdline;
use super::dialect::{Ability, Dialect};
use super::glob;
use super::kernel::{self, Outcome};
use super::next_boot::{
    Assignment, Deaf, Line, NextBoot, Overridden, Problem, Resolution, Unheard, Via, Why, shown,
};
use super::procps;
use super::syntax::{self, Statement};
use super::tree::{Content, File, Place, Tree};
use super::tuned;
use crate::fact::Source;

/// More problems than this are only counted.
const PROBLEMS: usize = 200;

/// The longest name a file can have.
const LONGEST_NAME: usize = 255;

/// A key that is asked for.
pub(super) struct Watched {
    /// With dots.
    pub(super) key: String,
    /// Below `/proc/sys`.
    pub(super) path: Vec<u8>,
}

impl Watched {
    fn new(key: &str) -> Self {
        let mut path = Vec::new();
        syntax::normalize(key.as_bytes(), &mut path);
        Self {
            key: key.to_owned(),
            path,
        }
    }
}

/// What a key that is written somewhere stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The watched key of this index.
    Key(usize),
    /// Whatever matches.
    Pattern,
    /// A directory, or what cannot be: writing fails with an error that counts.
    Hopeless(&'static str),
}

/// A statement that concerns a watched key, or the exit status.
struct Said<'t> {
    file: &'t File,
    line: syntax::Line<'t>,
    scope: Scope,
    /// The key, where it is a pattern.
    pattern: Vec<u8>,
    value: Option<&'t [u8]>,
    credential: bool,
    /// Which entry of the table it made or confirmed.
    entry: usize,
}

/// A key's standing among all keys: one for each spelling-free key, in the order of writing.
struct Entry<'t> {
    /// The last statement that says so.
    said: usize,
    value: Option<&'t [u8]>,
    ignore_failure: bool,
    /// Whether a later statement took its place.
    dead: bool,
}

/// The table that `systemd-sysctl` builds before it writes anything.
struct Table<'t> {
    watched: Vec<Watched>,
    dialect: Dialect,
    index: HashMap<Vec<u8>, usize>,
    entries: Vec<Entry<'t>>,
    said: Vec<Said<'t>>,
    problems: Problems,
    complete: bool,
}

/// Problems, the first of them in words.
#[derive(Default)]
struct Problems {
    told: Vec<Problem>,
    fails: bool,
}

impl Problems {
    fn add(&mut self, source: Source, fails: bool, summary: impl FnOnce() -> String) {
        self.fails |= fails;
        if self.told.len() < PROBLEMS {
            self.told.push(Problem {
                source,
                summary: summary(),
                fails,
            });
        }
    }
}

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
        let before = table.problems.fails;
        table.read(credential, true);
        table.problems.fails =
            before || (table.problems.fails && dialect.can(Ability::CredentialCounts));
    }
    table.check_hopeless();
    let mut keys: Vec<NextBoot> = (0..table.watched.len())
        .filter_map(|index| table.next_boot(index))
        .collect();
    for (file, why) in &unread {
        table.unheard(file, why, &mut keys);
    }
    procps::compare(tree, &table.watched, &mut keys);
    for (next, watched) in keys.iter_mut().zip(&table.watched) {
        tuned::apply(tree, watched, next);
        next.command_line = tree
            .command_line
            .as_deref()
            .and_then(|line| cmdline::last_word(line, &watched.path));
    }
    Resolution {
        keys,
        rc: u8::from(table.problems.fails),
        problems: table.problems.told,
        complete: table.complete,
    }
}

impl<'t> Table<'t> {
    fn new(keys: &[&str], dialect: Dialect) -> Self {
        Self {
            watched: keys.iter().map(|key| Watched::new(key)).collect(),
            dialect,
            index: HashMap::new(),
            entries: Vec::new(),
            said: Vec::new(),
            problems: Problems::default(),
            complete: true,
        }
    }

    fn read(&mut self, file: &'t File, credential: bool) {
        let bytes = match &file.content {
            Content::Bytes(bytes) => bytes,
            Content::Dangling => return,
            Content::Directory => {
                self.problems.add(Source::file(&file.path), true, || {
                    "a directory where a file should be; it also hides files of that name in \
                     other sysctl.d directories: rename it"
                        .to_owned()
                });
                return;
            }
            Content::Unreadable(error) => {
                let denied = error.is_denied();
                self.complete &= !denied;
                self.problems.add(Source::file(&file.path), !denied, || {
                    if denied {
                        format!("{error}; systemd reads it as root, so ask again as root")
                    } else {
                        format!("{error}; systemd-sysctl cannot read it either")
                    }
                });
                return;
            }
        };
        let mut path = Vec::new();
        for line in syntax::lines(bytes, self.dialect) {
            let (key, value, ignore_failure) = match line.statement {
                Statement::Assign {
                    key,
                    value,
                    ignore_failure,
                } => (key, Some(value), ignore_failure),
                Statement::Exclude { key } => (key, None, false),
                Statement::NotAssignment => {
                    let source = Source::line(&file.path, line.number);
                    self.problems.add(source, true, || {
                        "not an assignment: write key = value".to_owned()
                    });
                    continue;
                }
                Statement::TooLong => {
                    let source = Source::line(&file.path, line.number);
                    self.problems.add(source, true, || {
                        "the line is too long; systemd-sysctl reads no further in this file"
                            .to_owned()
                    });
                    continue;
                }
            };
            syntax::normalize(key, &mut path);
            let Some(scope) = self.scope(&path) else {
                self.hint(file, &line, key, &path);
                continue;
            };
            let said = Said {
                file,
                line,
                scope,
                pattern: if scope == Scope::Pattern {
                    path.clone()
                } else {
                    Vec::new()
                },
                value,
                credential,
                entry: 0,
            };
            self.enter(&path, said, ignore_failure);
        }
    }

    /// Says of a line that does nothing which key was probably meant.
    fn hint(&mut self, file: &File, line: &syntax::Line<'_>, key: &[u8], path: &[u8]) {
        let bare = path.strip_prefix(b"proc/sys/").unwrap_or(path);
        let bare = bare
            .strip_prefix("\u{feff}".as_bytes())
            .or_else(|| bare.strip_prefix(b"-"))
            .unwrap_or(bare);
        let meant = |watched: &&Watched| bare.eq_ignore_ascii_case(&watched.path);
        let Some(watched) = self.watched.iter().find(meant) else {
            return;
        };
        let meant = watched.key.clone();
        let source = Source::line(&file.path, line.number);
        self.problems.add(source, false, || {
            format!(
                "{} names no kernel parameter, so the line does nothing: write {meant}",
                shown(key)
            )
        });
    }

    fn scope(&self, path: &[u8]) -> Option<Scope> {
        if self.dialect.can(Ability::Patterns) && glob::is_pattern(path) {
            return Some(Scope::Pattern);
        }
        let mut hopeless = match path {
            b"" | b"/" => Some("the key is empty"),
            _ => None,
        };
        for (index, watched) in self.watched.iter().enumerate() {
            if watched.path == path {
                return Some(Scope::Key(index));
            }
            if within(path, &watched.path) {
                hopeless = Some("the key is a directory of parameters");
            } else if within(&watched.path, path) {
                hopeless = Some("the key lies below a parameter");
            }
        }
        // Rare enough to look for last.
        if hopeless.is_none()
            && (path.len() > LONGEST_NAME
                || path.ends_with(b"..")
                || path.windows(3).any(|w| w == b"../"))
        {
            let bad = |name: &[u8]| name == b".." || name.len() > LONGEST_NAME;
            if path.split(|&byte| byte == b'/').any(bad) {
                hopeless = Some("the key is no path of a parameter");
            }
        }
        hopeless.map(Scope::Hopeless)
    }

    fn enter(&mut self, path: &[u8], mut said: Said<'t>, ignore_failure: bool) {
        let number = self.said.len();
        if let Some(&index) = self.index.get(path)
            && let Some(entry) = self.entries.get_mut(index)
        {
            if entry.value == said.value {
                // Said again: keeps its place in the order.
                entry.ignore_failure |= ignore_failure;
                entry.said = number;
                said.entry = index;
                self.said.push(said);
                return;
            }
            entry.dead = true;
        }
        said.entry = self.entries.len();
        self.index.insert(path.to_vec(), said.entry);
        self.entries.push(Entry {
            said: number,
            value: said.value,
            ignore_failure,
            dead: false,
        });
        self.said.push(said);
    }

    fn source(&self, said: usize) -> Source {
        self.said.get(said).map_or_else(
            || Source::file(""),
            |said| Source::line(&said.file.path, said.line.number),
        )
    }

    /// The standing of the key at `path`, where a line names it.
    fn standing(&self, path: &[u8]) -> Option<&Entry<'t>> {
        self.entries.get(*self.index.get(path)?)
    }

    /// Writes that fail whatever is written.
    fn check_hopeless(&mut self) {
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
        let mut found = Vec::new();
        for entry in &self.entries {
            if entry.dead || entry.value.is_none() {
                continue;
            }
            let Some(said) = self.said.get(entry.said) else {
                continue;
            };
            let what = match said.scope {
                Scope::Key(_) => continue,
                Scope::Hopeless(what) => what,
                Scope::Pattern => {
                    let hits = directories.iter().any(|directory| {
                        glob::matches(&said.pattern, directory)
                            && self.standing(directory).is_none()
                    });
                    if !hits {
                        continue;
                    }
                    "the pattern matches a directory of parameters"
                }
            };
            found.push((self.source(entry.said), !entry.ignore_failure, what));
        }
        for (source, fails, what) in found {
            self.problems
                .add(source, fails, || format!("{what}; the write fails"));
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
                Scope::Key(_) | Scope::Hopeless(_) => Via::Explicit,
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
            Scope::Hopeless(_) => false,
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
        let mut overrides = Vec::new();
        for number in concerned {
            if winner.as_ref().is_some_and(|(won, ..)| *won == number) {
                continue;
            }
            let Some(assignment) = self.assignment(number, path) else {
                continue;
            };
            let why = if refused.iter().any(|(refused, ..)| *refused == number) {
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
            self.problems.add(source, fails, || {
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

/// Whether `path` lies below `directory`.
fn within(directory: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with(b"/"))
}
