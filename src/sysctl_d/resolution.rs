//! The result for a key at the next boot: the assignment that wins, those that it overrides, and those in
//! files that are not read.

use std::fmt;
use std::ops::Range;

use super::cmdline::BootParameter;
use super::kernel::WriteResult;
use super::syntax;
use super::tree::File;
use crate::facts::Source;
use crate::text;

/// The longest text of a line or value that is kept for display, in bytes.
const SHOWN: usize = 240;

/// The result for all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// One for each key, in the order of the request.
    pub keys: Vec<KeyResolution>,
    /// Lines and files that do not have the intended effect.
    pub problems: Vec<SysctlProblem>,
    /// The exit status of `systemd-sysctl`, as far as these keys and the syntax of the files determine it.
    pub rc: u8,
    /// Whether this process could read every file. If not, the boot, which runs as root, may differ.
    pub complete: bool,
}

/// The value of one key after the next boot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyResolution {
    /// The key, with dots.
    pub key: String,
    /// The assignment that wins; `None` leaves the kernel's default.
    pub set: Option<Assignment>,
    /// Every other assignment that is read for this key, in the order of reading.
    pub overrides: Vec<Overridden>,
    /// Assignments in files that are not read, although their place or name suggests it.
    pub skipped: Vec<SkippedAssignment>,
    /// What the kernel command line sets; any file wins over it.
    pub command_line: Option<BootParameter>,
    /// The result of `sysctl --system`, if it differs from that of `systemd-sysctl`.
    pub sysctl_system: Option<Disagreement>,
}

impl KeyResolution {
    /// The number that a file sets.
    pub fn value(&self) -> Option<i32> {
        self.set.as_ref().and_then(|set| set.outcome.value())
    }

    /// The number as far as it is known: what a file sets, or else the kernel command line.
    pub fn expected(&self) -> Option<i32> {
        match &self.set {
            Some(set) => set.outcome.value(),
            None => self
                .command_line
                .as_ref()
                .and_then(|argument| argument.outcome.value()),
        }
    }
}

/// An assignment to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The line that contains it.
    pub line: SourceLine,
    /// The value as written.
    pub value: String,
    /// The result of writing it.
    pub outcome: WriteResult,
    /// How it applies to the key.
    pub via: Via,
}

impl Assignment {
    /// Whether the line is in `/run`: it does not survive a reboot unless something writes it again at
    /// boot.
    pub fn is_volatile(&self) -> bool {
        self.line.source.path.starts_with("/run/sysctl.d/")
    }
}

/// How an assignment applies to a key.
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
    /// A line that `TuneD` applies again after its profile.
    Reapplied,
}

/// An assignment that is read but does not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// The assignment that is overridden.
    pub assignment: Assignment,
    /// Why it does not win.
    pub reason: OverrideReason,
}

/// Why an assignment does not win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideReason {
    /// A later assignment wins.
    Later,
    /// A later assignment sets the same value.
    Repeated,
    /// It is a pattern, and another line names the key.
    Explicit,
    /// It is a pattern or an earlier line, and this `-key` line excludes the key.
    Excluded(Source),
    /// The kernel refuses the value; see `outcome`.
    Refused,
}

/// An assignment in a file that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedAssignment {
    /// The line that contains it.
    pub line: SourceLine,
    /// The value as written.
    pub value: String,
    /// Why the file is not read.
    pub reason: SkipReason,
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkipReason {
    /// The name does not end in `.conf`.
    Suffix,
    /// The name begins with a dot.
    Hidden,
    /// A file of the same name in a directory of higher precedence replaces it.
    Shadowed {
        /// The path of that file.
        by: String,
        /// Whether that file is empty, the null device or a dangling link: a mask.
        mask: bool,
    },
    /// `systemd-sysctl` does not read `/etc/sysctl.conf`, and no link in `sysctl.d` leads to it.
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
            Self::Directory => f.write_str("not read: this release of systemd does not read the directory"),
        }
    }
}

/// The result of `sysctl --system`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The assignment that wins there; `None` if it does not set the key.
    pub set: Option<Assignment>,
}

/// A line or file that does not have the intended effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SysctlProblem {
    /// The file, and the line if there is one.
    pub source: Source,
    /// The kind of problem.
    pub kind: SysctlProblemKind,
    /// What is wrong, and the fix.
    pub summary: String,
    /// Whether it makes `systemd-sysctl` exit with a failure.
    pub fails: bool,
}

/// Kinds of problems with a line or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysctlProblemKind {
    /// The line is neither an assignment nor an exclusion, or is too long.
    Form,
    /// The file cannot be read, by this process or by any.
    Unreadable,
    /// A directory with the name of a file.
    Directory,
    /// The key resembles a watched one, but is no parameter.
    Misspelt,
    /// The write fails with any value.
    Unwritable,
    /// The kernel refuses the value.
    Refused,
}

/// A line of a file for display, with the positions of key and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLine {
    /// The file, as named in its directory, and the line number.
    pub source: Source,
    /// The target, if the file is a link.
    pub target: Option<String>,
    /// The text of the line, truncated if it is very long.
    pub text: String,
    /// The range of the key in `text`.
    pub key: Range<usize>,
    /// The range of the value in `text`.
    pub value: Range<usize>,
}

impl SourceLine {
    /// The line of a file that contains `key` and `value`, which are parts of `text`.
    pub fn new(file: &File, number: u32, text: &[u8], key: &[u8], value: &[u8]) -> Self {
        let offset = |part: &[u8]| part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
        let mut shown = String::new();
        let mut read = 0;
        let mut upto = |end: usize| {
            let end = end.min(text.len()).min(SHOWN);
            if let Some(part) = text.get(read..end) {
                shown.push_str(&text::lossy(part));
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

    /// The line of a statement.
    pub fn of(file: &File, line: &syntax::ParsedLine<'_>) -> Self {
        let (key, value): (&[u8], &[u8]) = match line.statement {
            syntax::Statement::Assign { key, value, .. } => (key, value),
            syntax::Statement::Exclude { key } => (key, &[]),
            syntax::Statement::NotAssignment | syntax::Statement::TooLong => (line.text, &[]),
        };
        Self::new(file, line.number, line.text, key, value)
    }
}

/// A value for display.
pub(super) fn shown(value: &[u8]) -> String {
    text::lossy(value.get(..SHOWN).unwrap_or(value)).into_owned()
}
