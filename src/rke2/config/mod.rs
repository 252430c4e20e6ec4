//! What RKE2 will run with: configuration files, environment and command line, resolved as the
//! installed release resolves them.
//!
//! Pure. [`crate::host::rke2_config`] reads the files, the caller knows the service's command line
//! and environment, [`ParserRules`] knows the release. Highest first: command line, drop-ins (a
//! later one over an earlier), the main file, environment, default. What the files say is turned
//! into arguments before those of the command line, which is why they beat the environment.

mod args;
pub(crate) mod document;
mod elsewhere;
mod flags;
mod kubelet;
mod merge;
mod number;
mod rules;
mod settings;
mod suggest;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::facts::Source;
use crate::rke2::Role;
use crate::unit::VariableOrigin;
use crate::yaml;

pub use kubelet::{ConfFile, Effective, KubeletFiles, kubelet, kubelet_paths};
pub(crate) use kubelet::{
    Copied, Kubelet, KubeletPaths, copied, entry_flag, is_generated, is_left_over, kubelet_entries,
    kubelet_merge_order, merged_name,
};
pub use merge::{ConfigFiles, DropIn};
pub(crate) use number::{duration_sign, integer};
pub use rules::ParserRules;
pub(crate) use settings::Lost;
pub(crate) use settings::{Gap, Ground, Ignored, REDACTED, Refusal};
pub use settings::{IgnoredReason, SettingValue, Settings};
pub use settings::{Setting, SettingOrigin};

/// A word of RKE2's command line.
#[derive(Clone, PartialEq, Eq)]
pub struct Argument {
    /// The word.
    pub text: Vec<u8>,
    /// Where it is written.
    pub source: Option<Source>,
}

/// A variable of RKE2's environment.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
    /// Where it is set.
    pub source: Option<Source>,
    /// What sets it.
    pub set_by: VariableOrigin,
}

impl Argument {
    /// A word of unknown place.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            text: text.into(),
            source: None,
        }
    }
}

impl Variable {
    /// A variable of unknown place.
    pub fn new(name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            source: None,
            set_by: VariableOrigin::Manager,
        }
    }
}

// Both can hold tokens.
impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = args::ArgWord::of(self).origin;
        write!(f, "{origin}")
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={REDACTED}", String::from_utf8_lossy(&self.name))
    }
}

/// How RKE2 is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// The words after the program: `server --profile cis`.
    pub args: Vec<Argument>,
    /// The environment; the last value of a repeated name counts.
    pub env: Vec<Variable>,
}

impl Invocation {
    /// As the shipped unit starts it, with nothing added.
    pub fn of(role: Role) -> Self {
        Self {
            args: vec![Argument::new(role.as_str())],
            env: Vec::new(),
        }
    }

    /// The position of the role, and the role.
    fn role_at(&self) -> Option<(usize, Role)> {
        self.args.iter().enumerate().find_map(|(at, argument)| {
            let mut roles = Role::ALL.into_iter();
            let role = roles.find(|role| role.as_str().as_bytes() == argument.text)?;
            Some((at, role))
        })
    }

    /// The role that the command line names.
    pub fn role(&self) -> Option<Role> {
        self.role_at().map(|(_, role)| role)
    }

    /// Whether RKE2 makes the same of both: same words, and same variables of those that it reads.
    pub fn means_the_same_as(&self, other: &Self) -> bool {
        let read = |variable: &&Variable| reads_variable(&variable.name);
        let (ours, theirs) = (self.env.iter().filter(read), other.env.iter().filter(read));
        self.args == other.args && ours.eq(theirs)
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        let mut variables = self.env.iter().rev();
        variables.find(|variable| variable.name == name.as_bytes())
    }
}

/// Whether RKE2 may read the variable of that name.
pub(crate) fn reads_variable(name: &[u8]) -> bool {
    name.starts_with(b"RKE2_") || flags::is_variable(name)
}

/// What decides where the configuration is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigOrigin {
    /// It always is.
    Default,
    /// The variable `RKE2_CONFIG_FILE`.
    Env(Option<Source>),
    /// The argument `--config` or `-c`.
    Argument(Option<Source>),
}

/// The main configuration file; drop-ins are in the directory of that name and `.d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigPath {
    /// As written; empty where RKE2 reads none (`--config=`).
    pub path: PathBuf,
    /// Why that one.
    pub origin: ConfigOrigin,
}

/// The file that RKE2 reads by default.
pub(crate) const DEFAULT_CONFIG: &str = "/etc/rancher/rke2/config.yaml";

/// Which configuration file RKE2 reads: `RKE2_CONFIG_FILE`, else the first `--config` or `-c`,
/// else the default.
pub fn config_path(invocation: &Invocation) -> ConfigPath {
    let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
    if let Some(variable) = invocation.variable("RKE2_CONFIG_FILE")
        && !variable.value.is_empty()
    {
        return ConfigPath {
            path: path(&variable.value),
            origin: ConfigOrigin::Env(variable.source.clone()),
        };
    }
    let mut words = invocation.args.iter();
    while let Some(word) = words.next() {
        let value = match word.text.as_slice() {
            b"--config" | b"-c" => words.next().map_or(&[][..], |value| &value.text),
            text => match text
                .strip_prefix(b"--config=")
                .or(text.strip_prefix(b"-c="))
            {
                Some(value) => value,
                None => continue,
            },
        };
        return ConfigPath {
            path: path(value),
            origin: ConfigOrigin::Argument(word.source.clone()),
        };
    }
    ConfigPath {
        path: PathBuf::from(DEFAULT_CONFIG),
        origin: ConfigOrigin::Default,
    }
}

/// The names that one configuration uses: releases that treat these names alike resolve it alike.
pub(crate) struct Interpretation {
    names: BTreeSet<Vec<u8>>,
    role: Role,
}

/// How a release treats the names of an [`Interpretation`].
#[derive(PartialEq, Eq)]
pub(crate) struct Likeness {
    rules: ParserRules,
    flags: Vec<Option<flags::Flag>>,
}

impl Interpretation {
    /// Of these words, variables and files.
    pub(crate) fn of(invocation: &Invocation, files: &ConfigFiles, role: Role) -> Self {
        let plain = |name: &[u8]| {
            let dashes = name.iter().take_while(|byte| **byte == b'-').count();
            let name = name.get(dashes..).unwrap_or_default();
            let end = name.iter().position(|byte| matches!(byte, b'=' | b'+'));
            name.get(..end.unwrap_or(name.len()))
                .unwrap_or_default()
                .to_vec()
        };
        let words = invocation.args.iter().map(|word| plain(&word.text));
        let variables = invocation.env.iter().map(|variable| variable.name.clone());
        let mut names: BTreeSet<Vec<u8>> = words.chain(variables).collect();
        let drop_ins = files.drop_ins.iter().flatten();
        let contents = std::iter::once(&files.main).chain(drop_ins.map(|file| &file.content));
        for content in contents.flatten() {
            let entries = yaml::decode(content).unwrap_or_default();
            names.extend(entries.iter().map(|entry| plain(entry.key.as_bytes())));
        }
        Self {
            names,
            role: invocation.role().unwrap_or(role),
        }
    }

    /// How a release with these rules reads it.
    pub(crate) fn by(&self, rules: &ParserRules) -> Likeness {
        let named = |name: &[u8]| self.names.contains(name);
        Likeness {
            flags: flags::forms(&named, self.role, rules).collect(),
            // The first is in the flags already, the second changes words alone.
            rules: ParserRules {
                release: 0,
                error_prefix: false,
                ..*rules
            },
        }
    }
}

/// How many unknown keys get a suggestion.
const MAX_ADVICE: usize = 64;

/// What RKE2 will run with. `role` counts where the command line names none.
pub fn resolve(
    invocation: &Invocation,
    files: &ConfigFiles,
    role: Role,
    rules: &ParserRules,
) -> Settings {
    let found = invocation.role_at();
    let (at, role) = found.map_or((invocation.args.len(), role), |(at, role)| (at, role));
    let config = config_path(invocation);
    let explicit = config.origin != ConfigOrigin::Default;
    let mut merged = if config.path.as_os_str().is_empty() {
        merge::Merged::default()
    } else {
        merge::merge(files, rules, explicit)
    };
    if found.is_none() {
        merged.gaps.push(Gap::NoRole);
    }
    let mut settings = Settings {
        role,
        values: Vec::new(),
        fatal: merged.fatal.take(),
        ignored: std::mem::take(&mut merged.ignored),
        gaps: std::mem::take(&mut merged.gaps),
    };
    if settings.fatal.is_some() {
        settings.values = args::defaults(role, rules);
        return settings;
    }
    // Keys are checked by the word right after the program; `rke2 --debug server` slips through.
    let checked = rules.skip_unknown && (at == 0 || found.is_none());
    let mut words = Vec::with_capacity(merged.arguments.len());
    let mut seen = BTreeSet::new();
    for spliced in merged.arguments {
        // `a=b: c` becomes `--a=b=c`, whose flag is `a`: the text decides, not the key.
        let name = spliced
            .text
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default();
        let dashes = name.iter().take_while(|byte| **byte == b'-').count();
        let name = name.get(dashes..).unwrap_or_default();
        if checked && flags::find(role, name, rules).is_none() {
            if seen.insert(spliced.key.clone()) {
                // A few are advice; thousands are no typing errors.
                let advise = settings.ignored.len() < MAX_ADVICE;
                let meant = advise.then(|| suggest::nearest(role, &spliced.key, rules));
                settings.ignored.push(Ignored {
                    did_you_mean: meant.flatten(),
                    elsewhere: flags::elsewhere(role, name, rules),
                    source: spliced.origin.source(),
                    key: spliced.key,
                    reason: IgnoredReason::UnknownFlag,
                });
            }
            continue;
        }
        words.push(args::ArgWord {
            text: spliced.text,
            origin: spliced.origin,
        });
    }
    let (before, after) = invocation.args.split_at_checked(at).unwrap_or_default();
    words.extend(after.iter().skip(1).map(args::ArgWord::of));
    let parsed = match found {
        Some(_) => args::check_global(before, rules),
        None => Ok(()),
    };
    match parsed.and_then(|()| args::settings(words, &invocation.env, role, rules)) {
        Ok(values) => {
            settings.values = values;
            for (key, lost) in merged.replaced {
                settings.add_lost(&key, lost, rules);
            }
        }
        Err(fatal) => {
            settings.values = args::defaults(role, rules);
            settings.fatal = Some(fatal);
        }
    }
    settings
}
