//! From configuration files to command-line arguments: what RKE2 puts behind `server` or `agent`.

use std::collections::BTreeMap;

use crate::facts::{Operation, ReadError, Source};

use super::rules::ParserRules;
use super::settings::{
    Gap, Ignored, IgnoredReason, Lost, REDACTED, Refusal, SettingOrigin, SettingValue,
};
use crate::yaml::{self, KeyValue, Value};

/// The configuration files of one node, as they were read.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigFiles {
    /// The main file, as the host names it.
    pub path: String,
    /// Its content, or why there is none.
    pub main: Result<Vec<u8>, ReadError>,
    /// What is in `<path>.d` and ends in `.yaml` or `.yml`, in byte order of the names; or why
    /// that directory could not be listed.
    pub drop_ins: Result<Vec<DropIn>, ReadError>,
}

/// One file of the drop-in directory.
#[derive(Clone, PartialEq, Eq)]
pub struct DropIn {
    /// As the host names it.
    pub path: String,
    /// A directory itself, not a link to one.
    pub is_directory: bool,
    /// Its content, or why there is none.
    pub content: Result<Vec<u8>, ReadError>,
}

impl ConfigFiles {
    /// No file at all.
    pub fn none(path: impl Into<String>) -> Self {
        let path = path.into();
        let absent = |path: String| ReadError::Os {
            operation: Operation::Stat,
            path,
            errno: nix::libc::ENOENT,
        };
        Self {
            main: Err(absent(path.clone())),
            drop_ins: Err(absent(format!("{path}.d"))),
            path,
        }
    }
}

// Contents can hold tokens.
impl std::fmt::Debug for ConfigFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigFiles")
            .field("path", &self.path)
            .field("main", &self.main.as_ref().map(Vec::len))
            .field("drop_ins", &self.drop_ins)
            .finish()
    }
}

impl std::fmt::Debug for DropIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DropIn")
            .field("path", &self.path)
            .field("is_directory", &self.is_directory)
            .field("content", &self.content.as_ref().map(Vec::len))
            .finish()
    }
}

/// One argument made of a configuration entry: `--key=value`.
#[derive(Debug, Clone)]
pub(super) struct Spliced {
    pub(super) key: String,
    pub(super) text: Vec<u8>,
    pub(super) origin: SettingOrigin,
}

/// What came of the files.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) arguments: Vec<Spliced>,
    pub(super) ignored: Vec<Ignored>,
    pub(super) gaps: Vec<Gap>,
    pub(super) fatal: Option<Refusal>,
    /// Values that another line or file replaces, by key, in the order in which they were read.
    pub(super) replaced: Vec<(String, Lost)>,
}

/// More values that are replaced than this are no mistakes of a person.
const MAX_REPLACED: usize = 256;

/// A value on its way, with the distinction that appending makes: only a text is appended as it
/// stands, all else trimmed and not at all when empty.
enum Pending {
    One(Piece, bool),
    Many(Vec<Piece>),
}

struct Piece {
    text: String,
    origin: SettingOrigin,
}

impl Pending {
    fn of(value: &Value, path: &str, line: u32) -> Self {
        let origin = |line| SettingOrigin::File {
            path: path.to_owned(),
            line,
        };
        match value {
            Value::List(items) => Self::Many(
                items
                    .iter()
                    .map(|item| Piece {
                        text: item.value.to_text(),
                        origin: origin(item.line),
                    })
                    .collect(),
            ),
            value => Self::One(
                Piece {
                    text: value.to_text(),
                    origin: origin(line),
                },
                value.as_text().is_some(),
            ),
        }
    }

    /// What is left of it when another value replaces it.
    fn into_lost(self) -> Option<Lost> {
        match self {
            Self::One(piece, _) => Some(Lost {
                origin: piece.origin,
                value: SettingValue::Text(piece.text),
            }),
            Self::Many(pieces) => {
                let origin = pieces.first()?.origin.clone();
                let items = pieces.into_iter().map(|piece| piece.text).collect();
                Some(Lost {
                    origin,
                    value: SettingValue::List(items),
                })
            }
        }
    }

    fn into_many(self) -> Vec<Piece> {
        match self {
            Self::Many(pieces) => pieces,
            Self::One(piece, is_text) if is_text || !piece.text.is_empty() => vec![piece],
            Self::One(..) => Vec::new(),
        }
    }
}

/// Merges the files as RKE2 does: the main one first, then the drop-ins; a later key replaces.
pub(super) fn merge(files: &ConfigFiles, rules: &ParserRules, explicit: bool) -> Merged {
    let mut merged = Merged::default();
    let Some(contents) = readable(files, rules, explicit, &mut merged) else {
        return merged;
    };
    let mut order: Vec<String> = Vec::new();
    let mut values: BTreeMap<String, Pending> = BTreeMap::new();
    for (path, content) in contents {
        let content = match content {
            Ok(content) => content,
            Err(error) => {
                if !refuse(error, files, rules, explicit, &mut merged) {
                    continue;
                }
                return merged;
            }
        };
        let entries = match yaml::decode(content) {
            Ok(entries) => entries,
            Err(error) if error.is_limit => {
                merged.gaps.push(Gap::Malformed {
                    source: source(path, error.line),
                    reason: without_values(&error.message),
                });
                continue;
            }
            Err(error) => {
                let message = without_values(&error.message);
                merged.fatal = Some(Refusal::new(message, Some(source(path, error.line))));
                return merged;
            }
        };
        for KeyValue { key, item, line } in entries {
            let (name, appends) = match key.strip_suffix('+') {
                Some(name) if rules.append => (name, true),
                _ => (key.as_str(), false),
            };
            let next = Pending::of(&item.value, path, line);
            match values.get_mut(name) {
                None => {
                    order.push(name.to_owned());
                    values.insert(name.to_owned(), next);
                }
                // Without drop-ins nothing is merged: each entry is an argument of its own.
                Some(_) if !rules.drop_ins => emit(name, next, &mut merged.arguments),
                Some(held) if appends => {
                    let before = std::mem::replace(held, Pending::Many(Vec::new()));
                    let mut pieces = before.into_many();
                    pieces.extend(next.into_many());
                    *held = Pending::Many(pieces);
                }
                Some(held) => {
                    let before = std::mem::replace(held, next);
                    let lost = before.into_lost().map(|lost| (name.to_owned(), lost));
                    if merged.replaced.len() < MAX_REPLACED {
                        merged.replaced.extend(lost);
                    }
                }
            }
        }
    }
    let repeated = std::mem::take(&mut merged.arguments);
    for key in order {
        if let Some(value) = values.remove(&key) {
            emit(&key, value, &mut merged.arguments);
        }
    }
    merged.arguments.extend(repeated);
    merged
}

fn emit(key: &str, value: Pending, arguments: &mut Vec<Spliced>) {
    let dashes = if key.len() == 1 { "-" } else { "--" };
    let pieces = match value {
        Pending::One(piece, _) => vec![piece],
        Pending::Many(pieces) => pieces,
    };
    arguments.extend(pieces.into_iter().map(|piece| {
        Spliced {
            key: key.to_owned(),
            text: [dashes, key, "=", piece.text.as_str()]
                .concat()
                .into_bytes(),
            origin: piece.origin,
        }
    }));
}

fn source(path: &str, line: Option<u32>) -> Source {
    Source {
        path: path.to_owned(),
        line,
    }
}

type Content<'a> = (&'a str, Result<&'a [u8], &'a ReadError>);

/// The files that RKE2 goes on to read, in order; `None` where there are none or it stops here.
fn readable<'a>(
    files: &'a ConfigFiles,
    rules: &ParserRules,
    explicit: bool,
    merged: &mut Merged,
) -> Option<Vec<Content<'a>>> {
    let main = (files.path.as_str(), files.main.as_deref());
    if !rules.drop_ins {
        if files.path.starts_with("http://") || files.path.starts_with("https://") {
            merged.gaps.push(Gap::Remote(files.path.clone()));
            return None;
        }
        return Some(vec![main]);
    }
    let drop_ins = match &files.drop_ins {
        Ok(drop_ins) => drop_ins.as_slice(),
        Err(error) if error.is_absent() => &[],
        Err(error) => {
            if refuse(error, files, rules, explicit, merged) {
                return None;
            }
            &[]
        }
    };
    let mut contents: Vec<Content<'_>> = drop_ins
        .iter()
        .filter(|drop_in| !drop_in.is_directory && is_yaml(&drop_in.path))
        .map(|drop_in| (drop_in.path.as_str(), drop_in.content.as_deref()))
        .collect();
    match &files.main {
        Err(error) if error.is_absent() && !contents.is_empty() => {}
        Err(error) if error.is_absent() => {
            if explicit {
                refuse(error, files, rules, explicit, merged);
            }
            return None;
        }
        _ => contents.insert(0, main),
    }
    Some(contents)
}

fn is_yaml(path: &str) -> bool {
    let ends = |end: &[u8]| {
        let path = path.as_bytes();
        let at = path.len().checked_sub(end.len());
        at.and_then(|at| path.get(at..))
            .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    ends(b".yaml") || ends(b".yml")
}

/// The effect of a file that cannot be read. True where nothing more is read: RKE2 fails, or it
/// takes the missing file for a missing configuration and drops all of it.
fn refuse(
    error: &ReadError,
    files: &ConfigFiles,
    rules: &ParserRules,
    explicit: bool,
    merged: &mut Merged,
) -> bool {
    match error {
        ReadError::Os { .. } if error.is_ours() => {}
        ReadError::Os { path, errno, .. } => {
            if error.is_absent() && (!explicit || rules.missing_ignored) {
                // The parser's own default may be missing without a word.
                if explicit || *path != files.path {
                    merged.ignored.push(Ignored {
                        key: files.path.clone(),
                        source: Some(Source::file(path.clone())),
                        did_you_mean: None,
                        elsewhere: None,
                        reason: IgnoredReason::MissingFile,
                    });
                }
                merged.arguments.clear();
                return true;
            }
            let stat = *path == files.path && error.is_absent() && rules.drop_ins;
            let error = ReadError::Os {
                operation: match error {
                    _ if stat => Operation::Stat,
                    ReadError::Os { operation, .. } if !error.is_absent() => *operation,
                    _ => Operation::Open,
                },
                path: path.clone(),
                errno: *errno,
            };
            merged.fatal = Some(Refusal::new(
                error.to_string(),
                Some(Source::file(path.clone())),
            ));
            return true;
        }
        ReadError::NotRegular { .. } | ReadError::TooLarge { .. } => {}
    }
    merged.gaps.push(Gap::Unreadable(error.clone()));
    false
}
/// The parser's words without what they quote of the file, which can be a token.
fn without_values(words: &str) -> String {
    let mut words = words.to_owned();
    for (open, close) in [("`", '`'), ("anchor '", '\'')] {
        let start = words.find(open).map(|at| at.saturating_add(open.len()));
        if let (Some(start), Some(end)) = (start, words.rfind(close))
            && start < end
        {
            words.replace_range(start..end, REDACTED);
        }
    }
    words
}
