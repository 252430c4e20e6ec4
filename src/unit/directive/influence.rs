//! What may make RKE2 see another host than this process does.

use std::fmt;

use crate::facts::Source;

/// Something that may make RKE2 read other files or values than this process reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Influence {
    /// What causes it.
    pub cause: Cause,
    /// What it may change.
    pub extent: Extent,
    /// Where it is set.
    pub source: Option<Source>,
}

impl Influence {
    /// One that may change anything.
    pub const fn all(cause: Cause, source: Option<Source>) -> Self {
        Self {
            cause,
            extent: Extent::All,
            source,
        }
    }

    /// Whether both have the same cause and extent, regardless of where they are set.
    pub fn is_like(&self, other: &Self) -> bool {
        self.cause == other.cause && self.extent == other.extent
    }
}

impl fmt::Display for Influence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{source}: {}", self.cause),
            None => self.cause.fmt(f),
        }
    }
}

/// Which part of what RKE2 sees may differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    All,
    /// The kernel parameters.
    Kernel,
    /// Files below these paths.
    Paths(Vec<String>),
}

/// What may change what RKE2 sees. It contains no values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A directive whose effect is not computed.
    Directive(&'static str),
    /// A command that runs before, or while, RKE2 starts.
    Command {
        /// The directive that sets it.
        key: &'static str,
        /// The program that it runs.
        program: String,
    },
    /// A directive that the table does not have.
    UnknownDirective(String),
    /// A section that no service has.
    UnknownSection(String),
    /// More than one command in `ExecStart=`: which one is RKE2 is not determined.
    SeveralCommands,
    /// A shell runs the command of `ExecStart=`.
    Shell,
    /// The command line uses a variable that systemd sets itself.
    OwnVariable(String),
    /// RKE2 reads a variable that `PassEnvironment=` takes from systemd.
    Passed(String),
    /// A specifier whose value only the running systemd knows.
    Specifier {
        /// The directive that uses it.
        key: &'static str,
        /// Its letter.
        letter: char,
    },
    /// An argument that is not UTF-8.
    NotUtf8,
    /// A file that systemd reads but this process cannot.
    Unreadable(String),
    /// A line of an environment file that some releases of systemd read as part of a comment.
    AfterComment,
    /// A path that leads RKE2 to another file or content than this process.
    OwnPath(String),
    /// A relative path, if the working directory is unknown.
    Relative(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directive(key) => write!(
                f,
                "{key}= changes what RKE2 sees of the host; preflight-rke2 does not compute how"
            ),
            Self::Command { key, program } => write!(
                f,
                "{key}= runs {program}, which may change the host before RKE2 checks it"
            ),
            Self::UnknownDirective(key) => write!(
                f,
                "{key}= is not a directive that this preflight-rke2 knows, so its effect on what RKE2 sees \
                 is unknown; correct it, or install a newer preflight-rke2"
            ),
            Self::UnknownSection(section) => write!(
                f,
                "[{section}] is not a section that this preflight-rke2 knows, so its effect on what RKE2 \
                 sees is unknown; correct it, or install a newer preflight-rke2"
            ),
            Self::SeveralCommands => {
                f.write_str("more than one ExecStart=: cannot determine which of the commands is RKE2")
            }
            Self::Shell => f.write_str("ExecStart=| runs the command in a shell"),
            Self::OwnVariable(name) => write!(
                f,
                "ExecStart= uses ${name}, which systemd sets when it starts the service: its value is \
                 unknown before the start"
            ),
            Self::Passed(name) => write!(
                f,
                "PassEnvironment={name} passes on a variable of systemd's that RKE2 reads: its value is unknown"
            ),
            Self::Specifier { key, letter } => write!(
                f,
                "{key}= uses %{letter}, which cannot be determined from the files alone"
            ),
            Self::NotUtf8 => f.write_str("an argument of ExecStart= is not UTF-8"),
            Self::Unreadable(why) => write!(f, "cannot read what systemd reads: {why}"),
            Self::AfterComment => f.write_str(
                "follows a comment that ends with a backslash: systemd before 254 reads it as part of the \
                 comment",
            ),
            Self::OwnPath(path) => write!(
                f,
                "RKE2 reads {path}, which differs for each process or exists only while the unit runs"
            ),
            Self::Relative(path) => write!(
                f,
                "RKE2 reads the relative path {path}, and its working directory is unknown"
            ),
        }
    }
}
