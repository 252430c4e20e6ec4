//! What each directive of a unit can change of the host that RKE2 sees.
//!
//! One table, [`TABLE`], of every directive that systemd knows in a service. A directive is followed, has
//! no influence on what RKE2 reads when it starts, or may change it in a way that is not followed: then
//! the findings that rest on what it changes cannot be determined. The same holds for a directive that
//! the table does not have, because a newer systemd may know it.

mod table;

use std::collections::BTreeMap;
use std::fmt;

use crate::facts::Source;

/// What is made of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// Its effect is computed.
    Followed,
    /// Set to anything but its default it changes what RKE2 sees in a way that is not followed.
    Untracked(Coverage, ValueForm),
    /// It changes nothing that RKE2 reads when it starts.
    Inert(Topic),
}

/// What a directive is about that changes nothing RKE2 reads when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Counting what the unit uses, and quotas on it.
    Accounting,
    /// The unit's control group, and the devices that it may use. The hierarchy stays the same.
    Cgroup,
    /// Whether the unit is started at all.
    Condition,
    /// Text for people.
    Description,
    /// File descriptors that it is started with.
    Descriptors,
    /// Device nodes.
    Devices,
    /// Directories that are made for it, with nothing in them.
    Directories,
    /// What is done where it fails, or succeeds.
    Failure,
    /// How an image is mounted that another directive names.
    Images,
    /// Interprocess communication.
    Ipc,
    /// Its jobs.
    Job,
    /// What the journal makes of its output.
    Journal,
    /// Resource limits of its processes.
    Limits,
    /// Another name.
    Name,
    /// The network.
    Network,
    /// Other units, and the order in which they start.
    Order,
    /// What happens where memory runs out.
    OutOfMemory,
    /// Notification of pressure.
    Pressure,
    /// What it may not write to. It reads the same.
    ReadOnly,
    /// How much of the machine it gets.
    Resources,
    /// What it may do. RKE2 may fail for what it lacks, and never starts because of it.
    Rights,
    /// When its processes run.
    Scheduling,
    /// Signals that it is sent.
    Signals,
    /// When it counts as started, and when it is stopped or started again.
    State,
    /// Its terminal.
    Terminal,
    /// Variables that RKE2 does not read; a command line that uses them is looked at by itself.
    Variables,
}

/// Which part of the host's view a directive may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Any file, variable, or right.
    All,
    /// `/proc`, and with it the kernel parameters.
    Kernel,
    /// What is below these directories.
    Below(DirectoryGroup),
    /// What is below the paths that its value names.
    Named,
}

/// Directories that a directive reaches, whatever its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryGroup {
    /// Where services find their credentials.
    Credentials,
    /// Home directories.
    Home,
    /// Directories for temporary files.
    Temporary,
}

impl DirectoryGroup {
    const fn directories(self) -> &'static [&'static str] {
        match self {
            Self::Credentials => &["/run/credentials"],
            Self::Home => &["/home", "/root", "/run/user"],
            Self::Temporary => &["/tmp", "/var/tmp"],
        }
    }
}

/// Values of a directive that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeutralValues {
    /// None but an empty one.
    Nothing,
    /// The words for "no".
    No,
    /// The same, and what leaves the contents of home directories as they are.
    ReadOnlyHome,
    /// The user or group as which RKE2 runs by default.
    Root,
    /// The root directory.
    RootDirectory,
    /// `all`.
    All,
    /// `default`.
    Default,
}

impl NeutralValues {
    /// Whether a value is one of them.
    pub fn is(self, value: &str) -> bool {
        let words: &[&str] = match self {
            Self::Nothing => &[],
            Self::No => &["no", "n", "false", "f", "off", "0"],
            Self::ReadOnlyHome => &["no", "n", "false", "f", "off", "0", "read-only"],
            Self::Root => &["root", "0"],
            Self::RootDirectory => &["/"],
            Self::All => &["all"],
            Self::Default => &["default"],
        };
        words.iter().any(|word| word.eq_ignore_ascii_case(value))
    }
}

/// A directive of the table. It holds no pointers: a position-independent program relocates each when it
/// starts, which would cost the gate more than its use of the table does.
#[derive(Debug, Clone, Copy)]
pub struct Directive {
    name: [u8; Self::LONGEST],
    length: u8,
    /// What is made of it.
    pub handling: Handling,
}

impl Directive {
    /// No name of a directive is longer.
    const LONGEST: usize = 36;

    const fn new(name: &str, handling: Handling) -> Self {
        let mut bytes = [0; Self::LONGEST];
        let (start, _) = bytes.split_at_mut(name.len());
        start.copy_from_slice(name.as_bytes());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::as_conversions,
            reason = "it is at most LONGEST; TryFrom is not const"
        )]
        let length = name.len() as u8;
        Self {
            name: bytes,
            length,
            handling,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.bytes()).unwrap_or_default()
    }

    fn bytes(&self) -> &[u8] {
        self.name
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// How values of a directive add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueForm {
    /// The last counts; these values change nothing. Whether an empty one is ignored, or ends the file,
    /// differs by directive and release: it counts as one that changes something.
    Flag(NeutralValues),
    /// The last counts, an empty one resets it; these values change nothing.
    Text(NeutralValues),
    /// All count, an empty one resets them.
    List,
}

/// The sections of a service's unit file, each with its directives sorted by name.
pub static TABLE: [(&str, &[Directive]); 3] = [
    ("Unit", &table::UNIT),
    ("Service", &table::SERVICE),
    ("Install", &table::INSTALL),
];

/// What is made of the directive `key` of `section`; `None` if the table does not have it.
pub fn handling(section: &str, key: &str) -> Option<Handling> {
    let (_, directives) = TABLE.iter().find(|(name, _)| *name == section)?;
    find(directives, key).map(|directive| directive.handling)
}

fn find(directives: &'static [Directive], key: &str) -> Option<&'static Directive> {
    let at = directives.binary_search_by(|directive| directive.bytes().cmp(key.as_bytes()));
    at.ok().and_then(|at| directives.get(at))
}

/// Every directive that may change what RKE2 sees, with what it reaches and how its values add up.
pub fn untracked() -> impl Iterator<Item = (&'static str, Coverage, ValueForm)> {
    table::SERVICE
        .iter()
        .filter_map(|directive| match directive.handling {
            Handling::Untracked(reach, takes) => Some((directive.name(), reach, takes)),
            Handling::Followed | Handling::Inert(_) => None,
        })
}

/// Something that may change what RKE2 sees, so that what is read here may not be what RKE2 reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Influence {
    /// What it is.
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

    /// Whether both have the same cause and extent, wherever they are set.
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
    /// Any of it.
    All,
    /// The kernel parameters.
    Kernel,
    /// Files below these paths.
    Paths(Vec<String>),
}

/// What may change what RKE2 sees. Values are not repeated: they may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A directive whose effect is not followed.
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
    /// More than one command in `ExecStart=`: which one is RKE2 is not followed.
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
    /// A word of the command line that is not UTF-8.
    NotUtf8,
    /// A file that systemd reads, and that cannot be read here.
    Unreadable(String),
    /// A line of an environment file that some releases of systemd read as part of a comment.
    AfterComment,
    /// A path that is another one, or has another content, for RKE2 than for this process.
    OwnPath(String),
    /// A relative path, and a working directory that is not known.
    Relative(String),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directive(key) => write!(
                f,
                "{key}= changes what RKE2 sees of the host, in a way that is not followed"
            ),
            Self::Command { key, program } => write!(
                f,
                "{key}= runs {program}, which may change the host before RKE2 checks it"
            ),
            Self::UnknownDirective(key) => write!(
                f,
                "{key}= is not a directive that this preflight-rke2 knows: what it changes of what RKE2 \
                 sees is not known; correct it, or install a newer preflight-rke2"
            ),
            Self::UnknownSection(section) => write!(
                f,
                "[{section}] is not a section that this preflight-rke2 knows: what it changes of what \
                 RKE2 sees is not known; correct it, or install a newer preflight-rke2"
            ),
            Self::SeveralCommands => {
                f.write_str("more than one ExecStart=: which of the commands RKE2 is, is not followed")
            }
            Self::Shell => f.write_str("ExecStart=| hands the command to a shell"),
            Self::OwnVariable(name) => write!(
                f,
                "ExecStart= uses ${name}, which systemd sets when it starts the service: its value is \
                 not known before"
            ),
            Self::Passed(name) => write!(
                f,
                "PassEnvironment={name} takes a variable that RKE2 reads from systemd itself: its value \
                 is not known"
            ),
            Self::Specifier { key, letter } => write!(
                f,
                "{key}= uses %{letter}, which cannot be determined from the files alone"
            ),
            Self::NotUtf8 => f.write_str("a word of ExecStart= is not UTF-8"),
            Self::Unreadable(why) => write!(f, "cannot read what systemd reads: {why}"),
            Self::AfterComment => f.write_str(
                "follows a comment that ends with a backslash: systemd before 254 takes it for part of \
                 the comment",
            ),
            Self::OwnPath(path) => write!(
                f,
                "{path} is read, which is another file for each process or exists only while the unit \
                 runs"
            ),
            Self::Relative(path) => write!(
                f,
                "RKE2 reads the relative path {path}, and its working directory is not known"
            ),
        }
    }
}

/// Collects the directives of a unit's files that may change what RKE2 sees.
#[derive(Debug, Default)]
pub(super) struct Collector {
    /// By directive; one for a value that stands alone, several for a list.
    set: BTreeMap<&'static str, Vec<Influence>>,
    unknown: Vec<Influence>,
}

impl Collector {
    /// Records an assignment whose effect is not followed.
    pub(super) fn assign(
        &mut self,
        section: &str,
        key: &str,
        value: &str,
        source: impl Fn() -> Source,
    ) {
        // systemd leaves both to other programs.
        if section.starts_with("X-") || key.starts_with("X-") {
            return;
        }
        let Some((_, directives)) = TABLE.iter().find(|(name, _)| *name == section) else {
            let cause = Cause::UnknownSection(section.to_owned());
            if self.unknown.iter().all(|known| known.cause != cause) {
                self.unknown.push(Influence::all(cause, Some(source())));
            }
            return;
        };
        let Some(directive) = find(directives, key) else {
            // A directive in the wrong section: every systemd that knows it ignores it there.
            let misplaced = TABLE.iter().any(|(_, all)| find(all, key).is_some());
            let cause = Cause::UnknownDirective(key.to_owned());
            if !misplaced && self.unknown.iter().all(|known| known.cause != cause) {
                self.unknown.push(Influence::all(cause, Some(source())));
            }
            return;
        };
        let Handling::Untracked(reach, takes) = directive.handling else {
            return;
        };
        let name = directive.name();
        let (inert, adds) = match takes {
            ValueForm::Flag(unset) => (unset.is(value), false),
            ValueForm::Text(unset) => (value.is_empty() || unset.is(value), false),
            ValueForm::List => (value.is_empty(), true),
        };
        if inert {
            self.set.remove(name);
            return;
        }
        let influence = Influence {
            cause: Cause::Directive(name),
            extent: extent(reach, || named_paths(name, value)),
            source: Some(source()),
        };
        let entry = self.set.entry(name).or_default();
        if !adds {
            entry.clear();
        }
        entry.push(influence);
    }

    /// What was collected, by the name of the directive.
    pub(super) fn into_vec(self) -> Vec<Influence> {
        self.set
            .into_values()
            .flatten()
            .chain(self.unknown)
            .collect()
    }
}

/// The extent of a directive that reaches so far; `paths` are those that its value names, `None` where
/// they are not known.
pub(crate) fn extent(reach: Coverage, paths: impl FnOnce() -> Option<Vec<String>>) -> Extent {
    match reach {
        Coverage::All => Extent::All,
        Coverage::Kernel => Extent::Kernel,
        Coverage::Below(place) => {
            let directories = place.directories().iter();
            Extent::Paths(directories.map(|&path| path.to_owned()).collect())
        }
        Coverage::Named => paths().map_or(Extent::All, Extent::Paths),
    }
}

/// The paths in the unit's view that the value of a directive covers; `None` where quotes, escapes or
/// specifiers stand in it.
fn named_paths(key: &str, value: &str) -> Option<Vec<String>> {
    if value.contains(['"', '\'', '\\', '%']) {
        return None;
    }
    let binds = key.starts_with("Bind");
    value
        .split_ascii_whitespace()
        .map(|word| {
            let word = word.trim_start_matches(['-', '+']);
            let mut parts = word.split(':');
            let first = parts.next()?;
            let path = if binds {
                parts.next().unwrap_or(first)
            } else {
                first
            };
            path.starts_with('/').then(|| super::exec::simplify(path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(lines: &[(&str, &str, &str)]) -> Vec<Influence> {
        let mut collector = Collector::default();
        for (at, (section, key, value)) in lines.iter().enumerate() {
            let line = u32::try_from(at).unwrap() + 1;
            collector.assign(section, key, value, || Source::line("/u", line));
        }
        collector.into_vec()
    }

    fn shown(lines: &[(&str, &str, &str)]) -> Vec<String> {
        let found = collected(lines);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_is_sorted_and_each_directive_stands_once() {
        for (section, directives) in TABLE {
            assert!(
                directives.is_sorted_by(|a, b| a.name() < b.name()),
                "{section} is not sorted by name"
            );
            for directive in directives {
                let handling = super::handling(section, directive.name());
                assert_eq!(handling, Some(directive.handling));
            }
        }
        assert_eq!(handling("Service", "X"), None);
        assert_eq!(handling("Socket", "Accept"), None);
    }

    #[test]
    fn only_directives_of_a_service_change_what_it_sees() {
        for (section, directives) in TABLE {
            let any = directives
                .iter()
                .any(|directive| matches!(directive.handling, Handling::Untracked(..)));
            assert_eq!(any, section == "Service");
        }
        assert!(untracked().count() > 20);
    }

    #[test]
    fn a_default_changes_nothing_and_the_last_value_counts() {
        let s = "Service";
        for (lines, expected) in [
            (&[(s, "PrivateUsers", "no")][..], 0),
            (&[(s, "PrivateUsers", "Off")], 0),
            (&[(s, "PrivateUsers", "yes")], 1),
            (&[(s, "PrivateUsers", "yes"), (s, "PrivateUsers", "0")], 0),
            (&[(s, "PrivateUsers", "yes"), (s, "PrivateUsers", "")], 1),
            (&[(s, "PrivateUsers", "")], 1),
            (&[(s, "User", "root")], 0),
            (&[(s, "User", "rke2")], 1),
            (&[(s, "User", "rke2"), (s, "User", "")], 0),
            (&[(s, "RootDirectory", "/")], 0),
            (
                &[
                    (s, "RootDirectory", "/srv/root"),
                    (s, "RootDirectory", "/b"),
                ],
                1,
            ),
            (&[(s, "ProtectHome", "read-only")], 0),
            (&[(s, "ProtectHome", "tmpfs")], 1),
            (
                &[(s, "ProcSubset", "all"), (s, "ProtectProc", "default")],
                0,
            ),
            (&[(s, "BindPaths", "/a"), (s, "BindPaths", "/b")], 2),
            (&[(s, "BindPaths", "/a"), (s, "BindPaths", "")], 0),
            (
                &[(s, "LimitNOFILE", "1"), ("Unit", "After", "x.service")],
                0,
            ),
            (&[("Unit", "ConditionPathExists", "/x")], 0),
        ] {
            assert_eq!(collected(lines).len(), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_the_table_does_not_have_is_unknown_but_for_what_systemd_leaves_to_others() {
        let found = shown(&[
            ("Service", "FutureView", "yes"),
            ("Service", "FutureView", "no"),
            ("Service", "X-Ours", "1"),
            ("X-Ours", "Key", "1"),
            // A common mistake, which no systemd takes.
            ("Service", "StartLimitIntervalSec", "0"),
            ("Unit", "PrivateTmp", "yes"),
            ("Namespace", "A", "1"),
            ("Namespace", "B", "1"),
        ]);
        let [directive, section] = found.as_slice() else {
            panic!("{found:?}");
        };
        assert!(
            directive.starts_with("/u:1: FutureView= is not a directive"),
            "{directive}"
        );
        assert!(
            section.starts_with("/u:7: [Namespace] is not a section"),
            "{section}"
        );
    }

    #[test]
    fn the_paths_of_a_value_are_those_in_the_units_view() {
        for (key, value, paths) in [
            ("BindPaths", "/a", Some(&["/a"][..])),
            (
                "BindReadOnlyPaths",
                "-/a:/b:norbind /c//d/",
                Some(&["/b", "/c/d"]),
            ),
            ("InaccessiblePaths", "-+/a -/b", Some(&["/a", "/b"])),
            ("TemporaryFileSystem", "/var:ro,mode=755", Some(&["/var"])),
            ("BindPaths", "/a:%t/b", None),
            ("BindPaths", "\"/a b\"", None),
            ("BindPaths", "relative", None),
        ] {
            let expected = paths.map_or(Extent::All, |paths| {
                Extent::Paths(paths.iter().map(|&path| path.to_owned()).collect())
            });
            let found = collected(&[("Service", key, value)]);
            assert_eq!(found[0].extent, expected, "{key}={value}");
        }
    }
}
