//! How systemd would start a unit: command line and environment, each word with its position.
//!
//! Pure: unit files and D-Bus properties in, plain data out. [`crate::host`] finds the files and queries
//! systemd.

pub(crate) mod directive;
pub(crate) mod envfile;
pub(crate) mod environment;
pub(crate) mod exec;
pub(crate) mod job;
pub(crate) mod live;
pub(crate) mod load;
pub(crate) mod specifier;
pub(crate) mod start;
pub(crate) mod syntax;
mod verify;
pub(crate) mod words;

use crate::facts::{ReadError, Source};

pub(crate) use directive::Influence;
pub use environment::Variable;
pub use environment::VariableOrigin;
pub use live::LiveUnit;
pub(crate) use start::Start;

/// Where systemd, and a service that it starts, search for a program without a path: `systemd-path
/// search-binaries-default`. Where `/sbin` is a link the last two are not among them, and lead to files that the others
/// have.
pub(crate) const SEARCH_PATH: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// A unit, as read from systemd or from its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitDefinition {
    /// `rke2-server.service`; for an alias, the name of the unit itself.
    pub name: String,
    /// systemd's `LoadState`.
    pub load: Load,
    /// The unit file.
    pub fragment: Option<Source>,
    /// The drop-ins in the order of reading.
    pub drop_ins: Vec<String>,
    /// The commands of `ExecStart=`. RKE2 has one.
    pub exec_start: Vec<Command>,
    /// The commands that run before RKE2 or while it starts.
    pub auxiliary: Vec<AuxiliaryCommand>,
    /// `ExecSearchPath=`: where a program without a path is searched; empty for systemd's default.
    pub search_path: Vec<String>,
    /// `WorkingDirectory=` as systemd reports it over D-Bus: empty, `~`, a path, or `!` before a path that
    /// may be missing.
    pub working_directory: String,
    /// Directives that may change what the service sees and whose effect is not computed.
    pub influences: Vec<Influence>,
    /// The variables that the service inherits from systemd: `DefaultEnvironment=` and similar.
    pub manager_environment: Vec<Variable>,
    /// `Environment=`.
    pub environment: Vec<Variable>,
    /// `EnvironmentFile=`, with the contents of the files.
    pub environment_files: Vec<EnvironmentFile>,
    /// `UnsetEnvironment=`: names, or assignments that must match as a whole.
    pub unset_environment: Vec<String>,
    /// `PassEnvironment=`: variables of systemd's own, whose values are unknown.
    pub pass_environment: Vec<String>,
    /// Whether the next boot would start it.
    pub enabled: Enablement,
    /// Whether the definition comes from systemd or from files.
    pub knowledge: Knowledge,
    /// The major version of systemd, if it was queried over D-Bus.
    pub systemd: Option<u32>,
    /// The problems found in its files.
    pub problems: Vec<UnitProblem>,
}

impl UnitDefinition {
    /// A unit that does not exist.
    pub fn not_found(name: impl Into<String>, knowledge: Knowledge) -> Self {
        Self {
            name: name.into(),
            load: Load::NotFound,
            fragment: None,
            drop_ins: Vec::new(),
            exec_start: Vec::new(),
            auxiliary: Vec::new(),
            search_path: Vec::new(),
            working_directory: String::new(),
            influences: Vec::new(),
            manager_environment: Vec::new(),
            environment: Vec::new(),
            environment_files: Vec::new(),
            unset_environment: Vec::new(),
            pass_environment: Vec::new(),
            enabled: Enablement::NotFound,
            knowledge,
            systemd: None,
            problems: Vec::new(),
        }
    }
}

/// systemd's `LoadState`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// The unit can be started.
    Loaded,
    /// The unit does not exist.
    NotFound,
    /// Its file is empty, or a link to the null device.
    Masked,
    /// systemd refuses the unit because of a setting.
    BadSetting,
    /// Its file cannot be read, or not completely.
    Error,
    /// Another state.
    Other(String),
}

impl Load {
    /// Parses systemd's name of the state.
    pub fn from_systemd(word: &str) -> Self {
        match word {
            "loaded" => Self::Loaded,
            "not-found" => Self::NotFound,
            "masked" => Self::Masked,
            "bad-setting" => Self::BadSetting,
            "error" => Self::Error,
            other => Self::Other(other.to_owned()),
        }
    }

    /// systemd's name of the state.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Loaded => "loaded",
            Self::NotFound => "not-found",
            Self::Masked => "masked",
            Self::BadSetting => "bad-setting",
            Self::Error => "error",
            Self::Other(word) => word,
        }
    }
}

/// The output of `systemctl is-enabled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enablement {
    /// The unit is started at boot.
    Enabled,
    /// The unit is started until the next boot: the links are below `/run`.
    EnabledRuntime,
    /// The unit is not started at boot, but can be enabled.
    Disabled,
    /// The unit is not started at boot, and has no `[Install]` section.
    Static,
    /// The unit file is linked into a unit directory, but not enabled.
    Linked,
    /// The same, until the next boot.
    LinkedRuntime,
    /// The unit cannot be started.
    Masked,
    /// The unit cannot be started until the next boot.
    MaskedRuntime,
    /// The name is an alias of another unit.
    Alias,
    /// The unit is enabled under another name, or through another unit.
    Indirect,
    /// A generator created the unit.
    Generated,
    /// A program created the unit; it does not survive a reboot.
    Transient,
    /// Its files cannot be read.
    Bad,
    /// The unit does not exist.
    NotFound,
    /// Another state, or none.
    Other(String),
}

impl Enablement {
    /// Parses the output of `systemctl is-enabled`.
    pub fn from_systemd(word: &str) -> Self {
        match word {
            "enabled" => Self::Enabled,
            "enabled-runtime" => Self::EnabledRuntime,
            "disabled" => Self::Disabled,
            "static" => Self::Static,
            "linked" => Self::Linked,
            "linked-runtime" => Self::LinkedRuntime,
            "masked" => Self::Masked,
            "masked-runtime" => Self::MaskedRuntime,
            "alias" => Self::Alias,
            "indirect" => Self::Indirect,
            "generated" => Self::Generated,
            "transient" => Self::Transient,
            "bad" => Self::Bad,
            "not-found" => Self::NotFound,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The output of `systemctl is-enabled`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Enabled => "enabled",
            Self::EnabledRuntime => "enabled-runtime",
            Self::Disabled => "disabled",
            Self::Static => "static",
            Self::Linked => "linked",
            Self::LinkedRuntime => "linked-runtime",
            Self::Masked => "masked",
            Self::MaskedRuntime => "masked-runtime",
            Self::Alias => "alias",
            Self::Indirect => "indirect",
            Self::Generated => "generated",
            Self::Transient => "transient",
            Self::Bad => "bad",
            Self::NotFound => "not-found",
            Self::Other(word) => word,
        }
    }

    /// Whether the unit is started at the next boot.
    pub const fn at_boot(&self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// The source of a unit's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// systemd, over D-Bus.
    Bus,
    /// The unit's files, read as systemd would read them.
    Files,
}

/// An argument of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Where it is written; `None` if only systemd knows.
    pub source: Option<Source>,
}

/// A command of `ExecStart=` or another directive, variables not expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program, as written.
    pub path: String,
    /// The arguments, `argv[0]` first.
    pub argv: Vec<Word>,
    /// Where the command begins.
    pub source: Option<Source>,
    /// Prefix `-`: failures are ignored.
    pub ignore_failure: bool,
    /// No prefix `:`: `$FOO` and `${FOO}` are expanded.
    pub expand: bool,
    /// Prefix `|`: a shell runs it.
    pub via_shell: bool,
}

/// A command of a unit other than those of `ExecStart=`, which may run before RKE2 reads the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuxiliaryCommand {
    /// The directive: `ExecCondition`, `ExecStartPre`, or, if systemd does not wait for readiness,
    /// `ExecStartPost`.
    pub key: &'static str,
    /// The command that it runs.
    pub command: Command,
}

/// One `EnvironmentFile=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The path, which may contain wildcards.
    pub pattern: String,
    /// Prefix `-`: the service starts without it.
    pub optional: bool,
    /// Where it is set.
    pub source: Option<Source>,
    /// The matching files in order; empty if wildcards match no file.
    pub files: Vec<EnvironmentContent>,
}

/// One environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentContent {
    /// The path on the host.
    pub path: String,
    /// The assignments, or why systemd cannot use the file.
    pub variables: Result<Vec<Variable>, EnvironmentFault>,
}

/// Why systemd cannot use an environment file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentFault {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(ReadError),
    /// The file is not UTF-8.
    #[error("{0}: not UTF-8, so systemd refuses the whole file")]
    NotUtf8(Source),
    /// The file contains a NUL byte.
    #[error("{0}: contains a NUL byte, so systemd refuses the whole file")]
    Nul(Source),
}

/// A problem of a unit, and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProblem {
    /// The file and, if known, the line.
    pub source: Option<Source>,
    /// The kind of problem.
    pub kind: UnitProblemKind,
}

impl std::fmt::Display for UnitProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            // The error contains the path already.
            _ if matches!(self.kind, UnitProblemKind::UnreadableFile(_)) => self.kind.fmt(f),
            Some(source) => write!(f, "{source}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

/// Kinds of problems. They contain no values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitProblemKind {
    /// A line that is neither section, assignment nor comment.
    #[error("this line {0}")]
    Line(syntax::LineFault),
    /// A command that systemd refuses.
    #[error("{key}= {fault}; correct the line and run `systemctl daemon-reload`")]
    Command {
        /// The directive.
        key: &'static str,
        /// What is wrong with it.
        fault: exec::CommandFault,
    },
    /// `ExecStart=` has no command.
    #[error("no ExecStart= is left, so systemd refuses to load the unit")]
    NoCommand,
    /// More than one command in a service that may have only one.
    #[error(
        "a second ExecStart= in a service that is not Type=oneshot, so systemd refuses to load the unit; \
         put an empty `ExecStart=` before the one to keep"
    )]
    ManyCommands,
    /// A service of `Type=oneshot` that is restarted after every success.
    #[error(
        "Restart= is always or on-success in a service of Type=oneshot, so systemd refuses to load the unit"
    )]
    OneshotRestarts,
    /// A `Type=dbus` service without `BusName=`.
    #[error("Type=dbus without BusName=, so systemd refuses to load the unit")]
    NoBusName,
    /// An unknown escape, kept as written.
    #[error("{key}= has an unknown escape sequence, which systemd keeps as written")]
    UnknownEscape {
        /// The directive.
        key: &'static str,
    },
    /// A list with a syntax error.
    #[error(
        "{key}= has unbalanced quotes or an unknown escape: systemd ignores the rest of the line"
    )]
    Unreadable {
        /// The directive.
        key: &'static str,
    },
    /// A word of `Environment=` or a line of an environment file that is not an assignment.
    #[error("\"{name}\" is not a valid assignment to a variable, so systemd ignores it")]
    NotAnAssignment {
        /// The text before the `=`.
        name: String,
    },
    /// A path that is not absolute.
    #[error("EnvironmentFile= takes an absolute path, so systemd ignores \"{path}\"")]
    NotAbsolute {
        /// The path as written.
        path: String,
    },
    /// A working directory that is neither an absolute path nor `~`.
    #[error(
        "WorkingDirectory= takes an absolute path or ~, not \"{path}\"; correct the line and run \
         `systemctl daemon-reload`"
    )]
    NotADirectory {
        /// The path as written.
        path: String,
    },
    /// A specifier whose value only systemd knows, such as `%H`.
    #[error("{key}= uses %{specifier}, which cannot be determined from the files alone")]
    Specifier {
        /// The directive.
        key: &'static str,
        /// The letter after `%`.
        specifier: char,
    },
    /// An invalid specifier.
    #[error("{key}=: {error}; systemd ignores the word that contains it")]
    NotASpecifier {
        /// The directive.
        key: &'static str,
        /// The error.
        error: specifier::NotASpecifier,
    },
    /// An argument that is not UTF-8.
    #[error("an argument of ExecStart= is not UTF-8")]
    NotUtf8,
    /// A command that a shell runs; the effect of the shell is not computed.
    #[error("ExecStart=| runs the command in a shell")]
    ViaShell,
    /// `PassEnvironment=`.
    #[error("PassEnvironment={name} passes on a variable of systemd's; its value is unknown")]
    Passed {
        /// The name of the variable.
        name: String,
    },
    /// The command is longer than the kernel accepts.
    #[error(
        "variables make the command of ExecStart= longer than 6 MiB, which the kernel does not run"
    )]
    TooLong,
    /// A mandatory environment file that cannot be used.
    #[error(
        "EnvironmentFile={path} has no \"-\" before it, so the unit cannot start without it: {why}"
    )]
    RequiredFile {
        /// The file, or wildcards that match none.
        path: String,
        /// Why it cannot be used.
        why: String,
    },
    /// An optional environment file that exists but cannot be used.
    #[error("{0}; the unit starts without it")]
    OptionalFile(EnvironmentFault),
    /// A line after a comment that ends with a backslash, which is part of the comment before systemd 254.
    #[error(
        "follows a comment that ends with a backslash: systemd before 254 reads it as part of the comment"
    )]
    AfterComment,
    /// A unit file or drop-in that cannot be read.
    #[error("{0}")]
    UnreadableFile(ReadError),
}

impl UnitProblem {
    /// Whether systemd ignores the line, so that it can be removed: it has no other entry that counts.
    pub(crate) fn is_ignored_line(&self) -> bool {
        let is_environment_file = self.source.as_ref().is_some_and(|source| {
            source.line.is_some()
                && ![".service", ".conf"]
                    .iter()
                    .any(|end| source.path.ends_with(end))
        });
        match &self.kind {
            UnitProblemKind::Line(fault) => !fault.ends_file(),
            UnitProblemKind::NotAbsolute { .. } => true,
            // In a unit, other words of the line may be right.
            UnitProblemKind::NotAnAssignment { .. } => is_environment_file,
            _ => false,
        }
    }
}

impl UnitProblemKind {
    /// Whether it is a problem of an environment file as a whole.
    const fn is_of_environment_file(&self) -> bool {
        matches!(
            self,
            Self::RequiredFile { .. } | Self::OptionalFile(_) | Self::TooLong
        )
    }
}
