//! How systemd would start a unit: its command line and environment, each word with its origin.
//!
//! Pure: unit files and systemd's answers come in as text, plain data goes out. [`crate::host`]
//! finds the files and asks systemd.

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
pub(crate) mod wildcard;
pub(crate) mod words;

use crate::facts::{ReadError, Source};

pub(crate) use directive::Influence;
pub(crate) use environment::Variable;
pub use environment::VariableOrigin;
pub use live::LiveUnit;
pub(crate) use start::Start;

/// What is known of a unit, from systemd or from its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitDefinition {
    /// `rke2-server.service`; of an alias, the name of the unit it stands for.
    pub name: String,
    /// Whether it can be started at all.
    pub load: Load,
    /// The unit file.
    pub fragment: Option<Source>,
    /// The drop-ins in the order they are read in.
    pub drop_ins: Vec<String>,
    /// The commands of `ExecStart=`; one, for anything like RKE2.
    pub exec_start: Vec<Command>,
    /// The commands that run before RKE2 does, or beside it while it starts.
    pub auxiliary: Vec<AuxiliaryCommand>,
    /// `ExecSearchPath=`: where a program without a path is looked for; empty for systemd's own list.
    pub search_path: Vec<String>,
    /// `WorkingDirectory=` as systemd gives it over D-Bus: empty, `~`, a path, or `!` before a path that
    /// may be missing.
    pub working_directory: String,
    /// Directives whose effect on what the service sees is not followed.
    pub influences: Vec<Influence>,
    /// What the service inherits from systemd: `DefaultEnvironment=` and the like.
    pub manager_environment: Vec<Variable>,
    /// `Environment=`.
    pub environment: Vec<Variable>,
    /// `EnvironmentFile=`, with what the files hold.
    pub environment_files: Vec<EnvironmentFile>,
    /// `UnsetEnvironment=`: a name, or an assignment that must match as a whole.
    pub unset_environment: Vec<String>,
    /// `PassEnvironment=`: variables of systemd's own, whose values are not known here.
    pub pass_environment: Vec<String>,
    /// Whether the next boot would start it.
    pub enabled: Enablement,
    /// Who says all this.
    pub knowledge: Knowledge,
    /// The version of the systemd that defined it, where that was asked over D-Bus.
    pub systemd: Option<u32>,
    /// What is wrong with it.
    pub problems: Vec<UnitProblem>,
}

impl UnitDefinition {
    /// A unit that nothing is known of yet but that it is not there.
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
    /// It can be started.
    Loaded,
    /// There is no such unit.
    NotFound,
    /// Its file is empty, or a link to the null device.
    Masked,
    /// A setting makes systemd refuse it.
    BadSetting,
    /// Its file cannot be read, or not to the end.
    Error,
    /// Something else that systemd says.
    Other(String),
}

impl Load {
    /// From the word that systemd uses.
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

    /// The word that systemd uses.
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

/// What `systemctl is-enabled` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enablement {
    /// Started at boot.
    Enabled,
    /// Started until the next boot: the links are below `/run`.
    EnabledRuntime,
    /// Not started at boot, though it could be enabled.
    Disabled,
    /// Not started at boot, and has nothing to enable it by.
    Static,
    /// Linked to from the unit directories, not enabled.
    Linked,
    /// The same, below `/run`.
    LinkedRuntime,
    /// Cannot be started.
    Masked,
    /// Cannot be started until the next boot.
    MaskedRuntime,
    /// Another name of a unit.
    Alias,
    /// Enabled under another name, or through another unit.
    Indirect,
    /// Made by a generator.
    Generated,
    /// Made by a program, gone with the next boot.
    Transient,
    /// Its files cannot be read for what they say of it.
    Bad,
    /// There is no such unit.
    NotFound,
    /// Something else that systemd says, or nothing.
    Other(String),
}

impl Enablement {
    /// From the word that `systemctl is-enabled` prints.
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

    /// The word that `systemctl is-enabled` prints.
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

    /// Whether the next boot would start the unit by itself.
    pub const fn at_boot(&self) -> bool {
        matches!(self, Self::Enabled)
    }
}

/// Where a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Knowledge {
    /// systemd itself, asked over D-Bus.
    Bus,
    /// The unit's files, read as systemd would read them.
    Files,
}

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// Where it is written; nowhere, if only systemd knows.
    pub source: Option<Source>,
}

/// One command of `ExecStart=`, variables not yet expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program, as it is written.
    pub path: String,
    /// The words it gets, its own name first.
    pub argv: Vec<Word>,
    /// Where the command begins.
    pub source: Option<Source>,
    /// Prefix `-`: a failure counts as success.
    pub ignore_failure: bool,
    /// No prefix `:`: `$FOO` and `${FOO}` stand for variables.
    pub expand: bool,
    /// Prefix `|`: a shell runs it.
    pub via_shell: bool,
}

/// A command of a unit other than those of `ExecStart=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuxiliaryCommand {
    /// The directive: `ExecCondition`, `ExecStartPre`, or `ExecStartPost` where systemd does not wait for
    /// the service to say that it is ready.
    pub key: &'static str,
    /// The command.
    pub command: Command,
}

/// One `EnvironmentFile=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The path, which may hold wildcards.
    pub pattern: String,
    /// Prefix `-`: the service starts without it.
    pub optional: bool,
    /// Where it is set.
    pub source: Option<Source>,
    /// The files behind it in order; none if no file matches the wildcards.
    pub files: Vec<EnvironmentContent>,
}

/// One environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentContent {
    /// The file, as the host names it.
    pub path: String,
    /// Its assignments, or why systemd cannot use it.
    pub variables: Result<Vec<Variable>, EnvironmentFault>,
}

/// Why an environment file is of no use to systemd.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentFault {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(ReadError),
    /// It holds something that systemd refuses the whole file for.
    #[error("{0}: not UTF-8, so systemd refuses the whole file")]
    NotUtf8(Source),
    /// A NUL byte, which systemd refuses the whole file for.
    #[error("{0}: contains a NUL byte, so systemd refuses the whole file")]
    Nul(Source),
}

/// Something wrong with a unit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProblem {
    /// The file, and mostly the line, to blame.
    pub source: Option<Source>,
    /// What it is.
    pub kind: UnitProblemKind,
}

impl std::fmt::Display for UnitProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            // The error names the file itself.
            _ if matches!(self.kind, UnitProblemKind::UnreadableFile(_)) => self.kind.fmt(f),
            Some(source) => write!(f, "{source}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

/// What is wrong. Values are never repeated here: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitProblemKind {
    /// A line that is no section, assignment or comment.
    #[error("this line {0}")]
    Line(syntax::LineFault),
    /// A command that systemd refuses.
    #[error("{key}= {fault}; correct the line and run `systemctl daemon-reload`")]
    Command {
        /// The setting.
        key: &'static str,
        /// What is wrong.
        fault: exec::CommandFault,
    },
    /// Nothing to start.
    #[error("no ExecStart= is left, so systemd refuses to load the unit")]
    NoCommand,
    /// More than one command in a service that may have one only.
    #[error(
        "a second ExecStart= in a service that is not Type=oneshot, so systemd refuses to load the unit; \
         put an empty `ExecStart=` before the one that counts"
    )]
    ManyCommands,
    /// A service that is to be started again for as long as it ends well, and that ends each time.
    #[error(
        "Restart= is always or on-success in a service of Type=oneshot, so systemd refuses to load the unit"
    )]
    OneshotRestarts,
    /// A service of the bus without a name there.
    #[error("Type=dbus without BusName=, so systemd refuses to load the unit")]
    NoBusName,
    /// An escape that means nothing, taken as it is written.
    #[error("{key}= has an unknown escape sequence, which systemd takes as it is written")]
    UnknownEscape {
        /// The setting.
        key: &'static str,
    },
    /// A list that ends early.
    #[error(
        "{key}= has unbalanced quotes or an unknown escape: systemd ignores the rest of the line"
    )]
    Unreadable {
        /// The setting.
        key: &'static str,
    },
    /// A word of `Environment=` or a line of an environment file that is no assignment.
    #[error("\"{name}\" is not a valid assignment to a variable, so systemd ignores it")]
    NotAnAssignment {
        /// What stands before the `=`.
        name: String,
    },
    /// A path that is not absolute.
    #[error("EnvironmentFile= takes an absolute path, so systemd ignores \"{path}\"")]
    NotAbsolute {
        /// The path.
        path: String,
    },
    /// A working directory that is neither an absolute path nor `~`.
    #[error(
        "WorkingDirectory= takes an absolute path or ~, not \"{path}\"; correct the line and run \
         `systemctl daemon-reload`"
    )]
    NotADirectory {
        /// The path.
        path: String,
    },
    /// `%H` and the like that only the running systemd can fill in.
    #[error("{key}= uses %{specifier}, which cannot be told from the files alone")]
    Specifier {
        /// The setting.
        key: &'static str,
        /// The letter.
        specifier: char,
    },
    /// `%` before a letter that means nothing.
    #[error("{key}=: {error}; systemd ignores what it stands in")]
    NotASpecifier {
        /// The setting.
        key: &'static str,
        /// The letter.
        error: specifier::NotASpecifier,
    },
    /// Bytes that are not UTF-8.
    #[error("a word of ExecStart= is not UTF-8")]
    NotUtf8,
    /// A command that a shell runs: what the shell makes of it is not followed.
    #[error("ExecStart=| hands the command to a shell")]
    ViaShell,
    /// `PassEnvironment=`.
    #[error(
        "PassEnvironment={name} takes a variable from systemd itself; its value is not known here"
    )]
    Passed {
        /// The variable.
        name: String,
    },
    /// More than the kernel takes.
    #[error(
        "variables make the command of ExecStart= longer than 6 MiB, which the kernel does not run"
    )]
    TooLong,
    /// An environment file without which the unit cannot start.
    #[error(
        "EnvironmentFile={path} has no \"-\" before it, so the unit cannot start without it: {why}"
    )]
    RequiredFile {
        /// The file, or the wildcards that match none.
        path: String,
        /// Why it cannot be used.
        why: String,
    },
    /// An optional environment file that is there, but cannot be used.
    #[error("{0}; the unit starts without it")]
    OptionalFile(EnvironmentFault),
    /// A line after a comment that ends with a backslash: part of the comment before systemd 254.
    #[error(
        "follows a comment that ends with a backslash: systemd before 254 takes it for part of the comment"
    )]
    AfterComment,
    /// A unit file or drop-in that cannot be read.
    #[error("{0}")]
    UnreadableFile(ReadError),
}

impl UnitProblemKind {
    /// Whether it is about an environment file as a whole.
    const fn is_of_environment_file(&self) -> bool {
        matches!(
            self,
            Self::RequiredFile { .. } | Self::OptionalFile(_) | Self::TooLong
        )
    }

    /// Whether the unit cannot start because of it.
    pub const fn stops_start(&self) -> bool {
        matches!(
            self,
            Self::NoCommand
                | Self::ManyCommands
                | Self::OneshotRestarts
                | Self::NoBusName
                | Self::TooLong
                | Self::RequiredFile { .. }
        )
    }
}
