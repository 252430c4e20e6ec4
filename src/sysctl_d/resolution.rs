//! What is said of a key at the next boot: the word that stays, those it overrides, and those
//! that nobody hears.

use std::fmt;
use std::ops::Range;

use super::cmdline::BootParameter;
use super::kernel::WriteResult;
use super::syntax;
use super::tree::File;
use crate::facts::Source;

/// The longest text of a line or value that is kept to be shown.
const SHOWN: usize = 240;

/// The answer for all keys that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// One for each key, in the order asked.
    pub keys: Vec<KeyResolution>,
    /// Lines and files that do not do what they were meant to.
    pub problems: Vec<SysctlProblem>,
    /// The exit status of `systemd-sysctl`, as far as these keys and the files' form decide it.
    pub rc: u8,
    /// Whether every file could be read by this process; where not, root's boot can differ.
    pub complete: bool,
}

/// What one key will hold after the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyResolution {
    /// The key, with dots.
    pub key: String,
    /// The word that stays; `None` leaves the kernel's own value.
    pub set: Option<Assignment>,
    /// Every other word that is read for this key, in the order read.
    pub overrides: Vec<Overridden>,
    /// Words in files that are not read, though they look as if they were.
    pub skipped: Vec<SkippedAssignment>,
    /// What the kernel command line makes of the key; any file wins over it.
    pub command_line: Option<BootParameter>,
    /// What `sysctl --system` would leave instead, where it differs from `systemd-sysctl`.
    pub sysctl_system: Option<Disagreement>,
}

impl KeyResolution {
    /// The number that a file leaves, where one does.
    pub fn value(&self) -> Option<i32> {
        self.set.as_ref().and_then(|set| set.outcome.value())
    }

    /// The number as far as it is known: what a file leaves, or else the kernel command line.
    pub fn expected(&self) -> Option<i32> {
        match &self.set {
            Some(set) => set.outcome.value(),
            None => self
                .command_line
                .as_ref()
                .and_then(|word| word.outcome.value()),
        }
    }
}

/// A word for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The line that says it.
    pub line: SourceLine,
    /// The value as it is written there.
    pub value: String,
    /// What the kernel makes of it.
    pub outcome: WriteResult,
    /// How it got its say.
    pub via: Via,
}

impl Assignment {
    /// Whether the line stands in `/run`: a reboot takes it away, unless something at boot writes
    /// it anew.
    pub fn is_volatile(&self) -> bool {
        self.line.source.path.starts_with("/run/sysctl.d/")
    }
}

/// How a word gets its say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A line of a file names the key.
    Explicit,
    /// A line of a file is a pattern that matches the key.
    Pattern,
    /// The credential `sysctl.extra`, read after every file.
    Credential,
    /// `TuneD`'s profile, applied after `systemd-sysctl`.
    Tuned,
    /// A line that `TuneD` applies once more after its profile.
    Reapplied,
}

/// A word that is read but does not stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// The word.
    pub assignment: Assignment,
    /// Why it does not stay.
    pub reason: OverrideReason,
}

/// Why a word does not stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideReason {
    /// A later word wins.
    Later,
    /// A later word says the same.
    Repeated,
    /// A pattern, and a line somewhere names the key.
    Explicit,
    /// A pattern or an earlier line, and this `-key` line takes it back.
    Excluded(Source),
    /// The kernel refuses the value; `outcome` says why.
    Refused,
}

/// A word in a file that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedAssignment {
    /// The line.
    pub line: SourceLine,
    /// The value as it is written there.
    pub value: String,
    /// Why nobody reads it.
    pub reason: SkipReason,
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// The name does not end in `.conf`.
    Suffix,
    /// The name begins with a dot.
    Hidden,
    /// A file of the same name in a directory of higher precedence takes its place.
    Shadowed {
        /// That file.
        by: String,
        /// Whether that file is empty, null or nothing: a mask.
        mask: bool,
    },
    /// `systemd-sysctl` does not read `/etc/sysctl.conf`, and no link in `sysctl.d` leads there.
    SysctlConf,
    /// This version of systemd does not read that directory.
    Directory,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suffix => f.write_str("not read: the file's name does not end in .conf"),
            Self::Hidden => f.write_str("not read: the file's name begins with a dot"),
            Self::Shadowed { by, mask: false } => {
                write!(f, "not read: {by} has the same name and precedence")
            }
            Self::Shadowed { by, mask: true } => write!(f, "not read: masked by {by}"),
            Self::SysctlConf => f.write_str(
                "not read at boot: systemd-sysctl reads /etc/sysctl.conf only through a link in sysctl.d",
            ),
            Self::Directory => f.write_str("not read: this systemd does not look there"),
        }
    }
}

/// What `sysctl --system` would leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The word that stays there; `None` leaves the key alone.
    pub set: Option<Assignment>,
}

/// A line or file that does not do what it was meant to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysctlProblem {
    /// Where.
    pub source: Source,
    /// Which kind of trouble it is.
    pub kind: SysctlProblemKind,
    /// What is wrong with it and what to do.
    pub summary: String,
    /// Whether `systemd-sysctl` ends with a failure over it.
    pub fails: bool,
}

/// What can be wrong with a line or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysctlProblemKind {
    /// The line is neither an assignment nor an exclusion, or too long.
    Form,
    /// The file cannot be read, by this process or by anybody.
    Unreadable,
    /// A directory has a file's name.
    Directory,
    /// The key looks like a watched one, but names no parameter.
    Misspelt,
    /// The write fails whatever the value.
    Unwritable,
    /// The kernel refuses the value.
    Refused,
}

/// A line of a file, to be shown with what matters marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The file, as its directory names it, and the line.
    pub source: Source,
    /// The file itself, where that name is a link.
    pub target: Option<String>,
    /// The line's text, cut where it is very long.
    pub text: String,
    /// The bytes of `text` that are the key.
    pub key: Range<usize>,
    /// The bytes of `text` that are the value.
    pub value: Range<usize>,
}

impl SourceLine {
    /// The line of a file that a statement stands on.
    pub fn new(file: &File, number: u32, text: &[u8], key: &[u8], value: &[u8]) -> Self {
        let offset = |part: &[u8]| part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let mut shown = String::new();
        let mut read = 0;
        let mut upto = |end: usize| {
            let end = end.min(text.len()).min(SHOWN);
            if let Some(part) = text.get(read..end) {
                shown.push_str(&String::from_utf8_lossy(part));
                read = end;
            }
            shown.len()
        };
        let key_starts = upto(offset(key));
        let key_ends = upto(offset(key).saturating_add(key.len()));
        let (value_starts, value_ends) = if value.is_empty() {
            (key_ends, key_ends)
        } else {
            let starts = upto(offset(value));
            (starts, upto(offset(value).saturating_add(value.len())))
        };
        upto(text.len());
        Self {
            source: Source::line(file.path.clone(), number),
            target: file.target.clone(),
            text: shown,
            key: key_starts..key_ends,
            value: value_starts..value_ends,
        }
    }

    /// The line of an assignment.
    pub fn of(file: &File, line: &syntax::ParsedLine<'_>) -> Self {
        let (key, value): (&[u8], &[u8]) = match line.statement {
            syntax::Statement::Assign { key, value, .. } => (key, value),
            syntax::Statement::Exclude { key } => (key, &[]),
            syntax::Statement::NotAssignment | syntax::Statement::TooLong => (line.text, &[]),
        };
        Self::new(file, line.number, line.text, key, value)
    }
}

/// A value as it is shown.
pub(super) fn shown(value: &[u8]) -> String {
    String::from_utf8_lossy(value.get(..SHOWN).unwrap_or(value)).into_owned()
}
