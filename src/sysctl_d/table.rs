//! The table that `systemd-sysctl` builds of all statements before it writes anything.

use std::collections::HashMap;

use super::dialect::{Ability, Dialect};
use super::kernel;
use super::resolution::{SysctlProblem, SysctlProblemKind, shown};
use super::syntax::{self, Statement};
use super::tree::{Content, File};
use crate::facts::Source;
use crate::glob;

/// The most problems that are kept; further ones only change the exit status.
const PROBLEMS: usize = 200;

/// The longest name of a file (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// A key whose value is requested.
pub(super) struct Watched {
    /// The key with dots.
    pub(super) key: String,
    /// The path below `/proc/sys`.
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

/// What a key in a file refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The watched key with this index.
    Key(usize),
    /// A pattern.
    Pattern,
    /// A known parameter that is not watched, whose refusal changes the exit status.
    Unwatched(&'static str),
    /// A directory, or a path that cannot exist: the write fails and changes the exit status. The text is
    /// the reason.
    Unwritable(&'static str),
}

/// A statement that affects a watched key or the exit status.
pub(super) struct RecordedStatement<'t> {
    pub(super) file: &'t File,
    pub(super) line: syntax::ParsedLine<'t>,
    pub(super) scope: Scope,
    /// The key, if it is a pattern.
    pub(super) pattern: Vec<u8>,
    pub(super) value: Option<&'t [u8]>,
    pub(super) credential: bool,
    /// The entry of the table that the statement created or confirmed.
    pub(super) entry: usize,
}

/// An entry of the table: one for each distinct key, in the order of writing.
pub(super) struct TableEntry<'t> {
    /// The last statement with this key and value.
    pub(super) statement: usize,
    pub(super) value: Option<&'t [u8]>,
    pub(super) ignore_failure: bool,
    /// Whether a later statement replaced it.
    pub(super) superseded: bool,
}

/// The table that `systemd-sysctl` builds before it writes anything.
pub(super) struct Table<'t> {
    pub(super) watched: Vec<Watched>,
    pub(super) dialect: Dialect,
    index: HashMap<Vec<u8>, usize>,
    pub(super) entries: Vec<TableEntry<'t>>,
    pub(super) statements: Vec<RecordedStatement<'t>>,
    pub(super) problems: Problems,
    pub(super) complete: bool,
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems {
    pub(super) list: Vec<SysctlProblem>,
    /// Whether problems in the file that is being read leave the exit status unchanged.
    pub(super) lenient: bool,
    pub(super) fails: bool,
}

impl Problems {
    pub(super) fn add(
        &mut self,
        source: Source,
        kind: SysctlProblemKind,
        fails: bool,
        summary: impl FnOnce() -> String,
    ) {
        let fails = fails && !self.lenient;
        self.fails |= fails;
        if self.list.len() < PROBLEMS {
            self.list.push(SysctlProblem {
                source,
                kind,
                summary: summary(),
                fails,
            });
        }
    }
}

impl<'t> Table<'t> {
    pub(super) fn new(keys: &[&str], dialect: Dialect) -> Self {
        Self {
            watched: keys.iter().map(|key| Watched::new(key)).collect(),
            dialect,
            index: HashMap::new(),
            entries: Vec::new(),
            statements: Vec::new(),
            problems: Problems::default(),
            complete: true,
        }
    }

    pub(super) fn read(&mut self, file: &'t File, credential: bool) {
        let bytes =
            match &file.content {
                Content::Bytes(bytes) => bytes,
                Content::Dangling => return,
                Content::Directory => {
                    self.problems
                    .add(Source::file(&file.path), SysctlProblemKind::Directory, true, || {
                        "a directory where a file should be; it also hides files of that name in \
                     other sysctl.d directories: rename it"
                            .to_owned()
                    });
                    return;
                }
                Content::Unreadable(error) => {
                    let denied = error.is_denied();
                    self.complete &= !(denied || error.is_passing());
                    self.problems.add(
                        Source::file(&file.path),
                        SysctlProblemKind::Unreadable,
                        !denied,
                        || {
                            if denied {
                                format!(
                                    "{error}; systemd reads it as root: run this command as root"
                                )
                            } else {
                                format!("{error}; systemd-sysctl cannot read it either")
                            }
                        },
                    );
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
                    self.problems
                        .add(source, SysctlProblemKind::Form, true, || {
                            "not an assignment: write key = value".to_owned()
                        });
                    continue;
                }
                Statement::TooLong => {
                    let source = Source::line(&file.path, line.number);
                    self.problems
                        .add(source, SysctlProblemKind::Form, true, || {
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
            let statement = RecordedStatement {
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
            self.enter(&path, statement, ignore_failure);
        }
    }

    /// Reports a line that has no effect, if its key resembles a watched one.
    fn hint(&mut self, file: &File, line: &syntax::ParsedLine<'_>, key: &[u8], path: &[u8]) {
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
        self.problems
            .add(source, SysctlProblemKind::Misspelt, false, || {
                format!(
                    "{} is not a kernel parameter, so the line has no effect: write {meant}",
                    shown(key)
                )
            });
    }

    pub(super) fn scope(&self, path: &[u8]) -> Option<Scope> {
        if self.dialect.can(Ability::Patterns) && glob::is_pattern(path) {
            return Some(Scope::Pattern);
        }
        let mut unwritable = match path {
            b"" | b"/" => Some("the key is empty"),
            _ => None,
        };
        for (index, watched) in self.watched.iter().enumerate() {
            if watched.path == path {
                return Some(Scope::Key(index));
            }
            if within(path, &watched.path) {
                unwritable = Some("the key is a directory of parameters");
            } else if within(&watched.path, path) {
                unwritable = Some("the key lies below a parameter");
            }
        }
        if let Some(unwatched) = kernel::known().find(|known| known.as_bytes() == path) {
            return Some(Scope::Unwatched(unwatched));
        }
        let mut names = path.split(|&byte| byte == b'/');
        if unwritable.is_none() && names.clone().any(|name| name.len() > LONGEST_NAME) {
            unwritable = Some("the key is too long");
        }
        if unwritable.is_some() || !names.any(|name| name == b"..") {
            return unwritable.map(Scope::Unwritable);
        }
        if self.dialect.can(Ability::RefuseParent) {
            return Some(Scope::Unwritable("the key holds .."));
        }
        // Resolves `..` as the kernel does, as far as the directories are known.
        let mut real = Vec::new();
        for name in path.split(|&byte| byte == b'/') {
            if name == b".." {
                let known = |watched: &Watched| within(&real, &watched.path);
                if !self.watched.iter().any(known) {
                    return None;
                }
                let parent = real.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                real.truncate(parent);
                continue;
            }
            if !real.is_empty() {
                real.push(b'/');
            }
            real.extend_from_slice(name);
        }
        self.scope(&real)
    }

    fn enter(&mut self, path: &[u8], mut statement: RecordedStatement<'t>, ignore_failure: bool) {
        let number = self.statements.len();
        if let Some(&index) = self.index.get(path)
            && let Some(entry) = self.entries.get_mut(index)
        {
            if entry.value == statement.value {
                // A repeated statement keeps its place in the order.
                entry.ignore_failure |= ignore_failure;
                entry.statement = number;
                statement.entry = index;
                self.statements.push(statement);
                return;
            }
            entry.superseded = true;
        }
        statement.entry = self.entries.len();
        self.index.insert(path.to_vec(), statement.entry);
        self.entries.push(TableEntry {
            statement: number,
            value: statement.value,
            ignore_failure,
            superseded: false,
        });
        self.statements.push(statement);
    }

    pub(super) fn source(&self, statement: usize) -> Source {
        self.statements.get(statement).map_or_else(
            || Source::file(""),
            |statement| Source::line(&statement.file.path, statement.line.number),
        )
    }

    /// The entry of the key at `path`.
    pub(super) fn standing(&self, path: &[u8]) -> Option<&TableEntry<'t>> {
        self.entries.get(*self.index.get(path)?)
    }
}

/// Whether `path` lies below `directory`.
fn within(directory: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.starts_with(b"/"))
}
