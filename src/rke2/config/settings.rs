//! What RKE2 will run with, and where each of it comes from.

use std::fmt;

use crate::facts::{ReadError, Source};
use crate::finding::Remedy;
use crate::finding::edit::{Change, Edit, Keeper, Syntax};
use crate::rke2::Role;
use crate::text::without_userinfo;
use crate::unit::VariableOrigin;

use super::elsewhere::Elsewhere;
use super::flags;
use super::rules::ParserRules;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SettingOrigin {
    /// A line of a configuration file, counted from 1.
    File {
        /// The file, as the host names it.
        path: String,
        /// The line.
        line: u32,
    },
    /// An environment variable.
    Env {
        /// Its name.
        name: String,
        /// Where it is set.
        source: Option<Source>,
        /// What sets it.
        set_by: VariableOrigin,
    },
    /// A word of the command line.
    Argument {
        /// The word; without its value where that is a secret.
        text: String,
        /// Where the command line is written.
        source: Option<Source>,
    },
    /// RKE2 itself.
    Default,
}

impl SettingOrigin {
    /// The contract's word for it: `file`, `env`, `argument` or `default`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Env { .. } => "env",
            Self::Argument { .. } => "argument",
            Self::Default => "default",
        }
    }

    /// The file and line, where there is one.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::File { path, line } => Some(Source::line(path.clone(), *line)),
            Self::Env { source, .. } | Self::Argument { source, .. } => source.clone(),
            Self::Default => None,
        }
    }
}

/// The file of a configuration that Rancher writes, from the cluster's, on each node that it provisions.
const RANCHER: &str = "/50-rancher.yaml";
/// A file that is read after Rancher's.
const AFTER_RANCHER: &str = "/99-local.yaml";
/// Where packages and the tarball of RKE2 put units and environment files.
const OF_PACKAGES: [&str; 4] = [
    "/usr/lib/systemd/",
    "/usr/local/lib/systemd/",
    "/lib/systemd/",
    "/opt/rke2/",
];

fn keeper(path: &str) -> Keeper {
    if path.ends_with(RANCHER) {
        Keeper::Rancher
    } else if OF_PACKAGES
        .iter()
        .any(|directory| path.starts_with(directory))
    {
        Keeper::Package
    } else {
        Keeper::Administrator
    }
}

impl SettingOrigin {
    /// The ways to change the setting `key` where it stands: its value, or that of the item `item` of a list.
    pub(crate) fn remedies(&self, key: &str, item: Option<&str>, change: &Change) -> Vec<Remedy> {
        let edit = |place: Source, syntax: Syntax, name: &str, old: Option<&str>| Edit {
            keeper: keeper(&place.path),
            place,
            syntax,
            name: name.to_owned(),
            old: old.map(str::to_owned),
            change: change.clone(),
        };
        match self {
            Self::File { path, line } => {
                let place = Source::line(path.clone(), *line);
                let here = edit(place, Syntax::Yaml, key, item);
                let after = (here.keeper == Keeper::Rancher && item.is_none())
                    .then(|| override_of_rancher(&here))
                    .flatten();
                std::iter::once(here)
                    .chain(after)
                    .map(Remedy::Edit)
                    .collect()
            }
            Self::Env {
                name,
                source,
                set_by,
            } => {
                let Some(source) = source else {
                    return vec![Remedy::manual(format!(
                        "correct {name} in the environment of systemd: `systemctl show-environment`"
                    ))];
                };
                let syntax = match set_by {
                    VariableOrigin::File => Syntax::EnvironmentFile,
                    VariableOrigin::Unit => Syntax::Environment,
                    VariableOrigin::Manager if source.path == "/proc/cmdline" => {
                        Syntax::KernelCommandLine
                    }
                    VariableOrigin::Manager => Syntax::DefaultEnvironment,
                };
                vec![Remedy::Edit(edit(source.clone(), syntax, name, None))]
            }
            Self::Argument { text, source } => {
                let Some(source) = source else {
                    return vec![Remedy::manual(format!(
                        "correct the argument {text} of RKE2's command line"
                    ))];
                };
                let old = (!text.contains(REDACTED)).then_some(text.as_str());
                let value = match (item, change) {
                    // The word of a list holds the item.
                    (Some(_), Change::Set(value)) => Change::Set(value.clone()),
                    _ => change.clone(),
                };
                let mut edit = edit(source.clone(), Syntax::ExecStart, key, old);
                edit.change = value;
                vec![Remedy::Edit(edit)]
            }
            Self::Default => match change {
                Change::Set(_) | Change::Ask { .. } => vec![Remedy::Edit(Edit::entry(
                    Source::file(super::DEFAULT_CONFIG),
                    Syntax::Yaml,
                    key,
                    change.clone(),
                ))],
                _ => Vec::new(),
            },
        }
    }
}

/// The same value in a file that RKE2 reads after Rancher's, for a node that cannot wait for Rancher.
fn override_of_rancher(edit: &Edit) -> Option<Edit> {
    let directory = edit.place.path.strip_suffix(RANCHER)?;
    matches!(edit.change, Change::Set(_) | Change::Ask { .. }).then(|| Edit {
        place: Source::file(format!("{directory}{AFTER_RANCHER}")),
        keeper: Keeper::Administrator,
        ..edit.clone()
    })
}

impl fmt::Display for SettingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Env { name, source, .. } => {
                write!(f, "environment variable {name}")?;
                source.iter().try_for_each(|s| write!(f, " ({s})"))
            }
            Self::Argument { text, source } => {
                write!(f, "argument {text}")?;
                source.iter().try_for_each(|s| write!(f, " ({s})"))
            }
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value after RKE2 has parsed it.
#[derive(Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// A text.
    Text(String),
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// Texts in order.
    List(Vec<String>),
}

impl fmt::Display for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// Shown in place of a secret.
pub(crate) const REDACTED: &str = "<redacted>";

/// One flag of RKE2 and what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The long name, which is the key in `config.yaml`.
    pub name: &'static str,
    /// What it is. Show [`Setting::display_value`] instead: this can be a secret.
    pub value: SettingValue,
    /// Whether anything set it, be it to the default.
    pub set: bool,
    /// Where the value comes from: one for each item of a list, one for all else, none for a default.
    pub sources: Vec<SettingOrigin>,
    /// What set it before and lost.
    pub overridden: Vec<Lost>,
}

/// A value that a setting had before something else set it.
#[derive(Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where it stands.
    pub origin: SettingOrigin,
    /// The value. Of a secret, it must not be shown.
    pub value: SettingValue,
}

impl fmt::Debug for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.origin.fmt(f)
    }
}

impl Setting {
    /// Whether the value must not be shown.
    pub fn is_secret(&self) -> bool {
        flags::is_secret(self.name)
    }

    /// The value, or [`REDACTED`] in place of a secret that is not empty.
    pub fn display_value(&self) -> SettingValue {
        self.display(&self.value)
    }

    /// A value that it has or had, as [`display_value`](Self::display_value) has it.
    pub(crate) fn display(&self, value: &SettingValue) -> SettingValue {
        if !self.is_secret() {
            return match value {
                SettingValue::Text(text) => SettingValue::Text(without_userinfo(text).into_owned()),
                SettingValue::List(items) => SettingValue::List(
                    items
                        .iter()
                        .map(|item| without_userinfo(item).into_owned())
                        .collect(),
                ),
                other => other.clone(),
            };
        }
        match value {
            SettingValue::Text(text) if text.is_empty() => SettingValue::Text(String::new()),
            SettingValue::List(items) => {
                SettingValue::List(items.iter().map(|_| REDACTED.to_owned()).collect())
            }
            _ => SettingValue::Text(REDACTED.to_owned()),
        }
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting")
            .field("name", &self.name)
            .field("value", &format_args!("{}", self.display_value()))
            .field("set", &self.set)
            .field("sources", &self.sources)
            .field("overridden", &self.overridden)
            .finish()
    }
}

/// What a refusal rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// Rules that every release has had so far.
    Settled,
    /// Which names the release knows: a later one may know more.
    Names,
}

/// What RKE2 fails with before it checks the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its words. (Those of YAML syntax errors may differ after `yaml: `.)
    pub message: String,
    /// The place to correct.
    pub source: Option<Source>,
    /// Whose value it is about, where it is a flag's.
    pub origin: Option<Box<SettingOrigin>>,
    /// What it rests on.
    pub ground: Ground,
    /// The setting to change, and how, where that is known.
    pub fix: Option<Box<(String, Change)>>,
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>, source: Option<Source>) -> Self {
        Self {
            message: message.into(),
            source,
            origin: None,
            ground: Ground::Settled,
            fix: None,
        }
    }

    pub(super) fn by(message: impl Into<String>, origin: &SettingOrigin) -> Self {
        Self {
            message: message.into(),
            source: origin.source(),
            origin: Some(Box::new(origin.clone())),
            ground: Ground::Settled,
            fix: None,
        }
    }

    /// The same, which ends when the setting is changed so.
    #[must_use]
    pub(super) fn fixed_by(mut self, setting: &str, change: Change) -> Self {
        self.fix = Some(Box::new((setting.to_owned(), change)));
        self
    }

    /// A flag that this release does not define.
    pub(super) fn undefined(message: impl Into<String>, origin: &SettingOrigin) -> Self {
        Self {
            ground: Ground::Names,
            ..Self::by(message, origin)
        }
    }
}

/// Why something that was configured has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IgnoredReason {
    /// This release and role has no such flag.
    UnknownFlag,
    /// A file is missing, and RKE2 took that for the whole configuration being absent.
    MissingFile,
}

/// Something configured that RKE2 passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The key; the main configuration file's path where the whole of it is ignored.
    pub key: String,
    /// The line that sets it; the missing file where the whole is ignored.
    pub source: Option<Source>,
    /// The flag that may have been meant.
    pub did_you_mean: Option<&'static str>,
    /// Who else has such a flag: the other role, or other releases.
    pub elsewhere: Option<Elsewhere>,
    /// Why.
    pub reason: IgnoredReason,
}

/// What could not be known, so that the settings may be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// A file that RKE2 may be able to read, and we are not.
    Unreadable(ReadError),
    /// The configuration is fetched from this address (old releases did).
    Remote(String),
    /// The command line names neither `server` nor `agent`.
    NoRole,
    /// The unit runs this program, which may run RKE2 in the end, with arguments of its own.
    OtherProgram(String),
    /// Something of the unit that may change what RKE2 runs with, or what it sees of the host.
    Unseen {
        /// What, as a sentence without the place.
        reason: String,
        /// Where it is set.
        source: Option<Source>,
    },
    /// A file that the kubelet may not be able to read as its configuration.
    Malformed {
        /// The file, and the line where one is to blame.
        source: Source,
        /// What is wrong with it.
        reason: String,
    },
    /// A copy of a file that `kubelet-arg` once named and names no longer, which would change what the kubelet does.
    LeftOver {
        /// The copy.
        source: Source,
        /// Which argument named it: `config` or `config-dir`.
        argument: &'static str,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "cannot read what RKE2 reads: {error}"),
            Self::Remote(url) => write!(f, "RKE2 fetches its configuration from {url}"),
            Self::Malformed { source, reason } => {
                write!(f, "{source}: not a kubelet configuration: {reason}")
            }
            Self::OtherProgram(program) => write!(
                f,
                "the unit runs {program}, which is not RKE2's own program: with which arguments RKE2 \
                 starts is not known"
            ),
            Self::Unseen {
                reason,
                source: Some(source),
            } => write!(f, "{source}: {reason}"),
            Self::Unseen {
                reason,
                source: None,
            } => f.write_str(reason),
            Self::LeftOver { source, argument } => write!(
                f,
                "{source} is a copy that an earlier `kubelet-arg: {argument}=` left, and whether RKE2 still gives it \
                 to the kubelet is not known: remove it, or name its original again"
            ),
            Self::NoRole => f.write_str("the command line names neither server nor agent"),
        }
    }
}

/// All that RKE2 will run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// As whom.
    pub role: Role,
    /// Every flag, set or not, in a fixed order. Defaults only where RKE2 fails to parse its flags.
    pub values: Vec<Setting>,
    /// What RKE2 fails with.
    pub fatal: Option<Refusal>,
    /// What it passes over.
    pub ignored: Vec<Ignored>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

impl Settings {
    /// Adds a value that a line of a file gave the flag of that name, long or short, and that another one replaced.
    pub(super) fn add_lost(&mut self, key: &str, lost: Lost, rules: &ParserRules) {
        let flag = flags::find(self.role, key.as_bytes(), rules);
        let mut values = self.values.iter_mut();
        let setting = flag.and_then(|flag| values.find(|setting| setting.name == flag.name));
        if let Some(setting) = setting {
            setting.overridden.push(lost);
        }
    }

    /// The setting of that name.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.values.iter().find(|setting| setting.name == name)
    }

    /// Whether a boolean setting is true.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.get(name).map(|setting| &setting.value) == Some(&SettingValue::Bool(true))
    }

    /// A text; empty where it is not set, or no text.
    pub(crate) fn text(&self, name: &str) -> &str {
        match self.get(name).map(|setting| &setting.value) {
            Some(SettingValue::Text(text)) => text,
            _ => "",
        }
    }

    /// `profile`; empty where none is chosen.
    pub fn profile(&self) -> &str {
        self.text("profile")
    }

    /// Where that comes from.
    pub fn profile_source(&self) -> &SettingOrigin {
        self.get("profile")
            .and_then(|setting| setting.sources.first())
            .unwrap_or(&SettingOrigin::Default)
    }

    /// `protect-kernel-defaults`: the value, whether it was set, and by what.
    pub fn protect_kernel_defaults(&self) -> (bool, bool, &[SettingOrigin]) {
        match self.get("protect-kernel-defaults") {
            Some(Setting {
                value: SettingValue::Bool(value),
                set,
                sources,
                ..
            }) => (*value, *set, sources),
            _ => (false, false, &[]),
        }
    }

    /// `kubelet-arg`, each with where it comes from.
    pub fn kubelet_args(&self) -> Vec<(String, SettingOrigin)> {
        self.list("kubelet-arg")
    }

    /// The items of a list, each with where it comes from; none where it is no list.
    pub(crate) fn list(&self, name: &str) -> Vec<(String, SettingOrigin)> {
        let owned = |(item, origin): (&str, &SettingOrigin)| (item.to_owned(), origin.clone());
        self.items(name).map(owned).collect()
    }

    /// The same, borrowed.
    pub(crate) fn items(
        &self,
        name: &str,
    ) -> impl DoubleEndedIterator<Item = (&str, &SettingOrigin)> + ExactSizeIterator {
        let (items, sources) = match self.get(name) {
            Some(Setting {
                value: SettingValue::List(items),
                sources,
                ..
            }) => (items.as_slice(), sources.as_slice()),
            _ => (&[][..], &[][..]),
        };
        items.iter().map(String::as_str).zip(sources)
    }

    /// The main file of RKE2's configuration.
    pub(crate) fn config_file(&self) -> &str {
        match self.text("config") {
            "" => super::DEFAULT_CONFIG,
            path => path,
        }
    }

    /// `data-dir`.
    pub fn data_dir(&self) -> &str {
        self.text("data-dir")
    }
}
