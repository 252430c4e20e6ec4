//! What of the arguments and files that RKE2 gives its components ends them: [`components`] works out what they
//! get, [`crate::kubernetes`] what they make of it.
//!
//! A component is judged only where a user configured something for it, and refused only for what a user
//! configured.

use super::components::{self, Given};
use super::config::{
    self, ConfFile, Ground, Kubelet, KubeletFiles, ParserRules, SettingOrigin, Settings, Variable,
};
use super::start::StartFailure;
use super::version::Version;
use super::{kubelet_defaults, layout};
use crate::facts::Source;
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::kubernetes::control_plane::{self, FileState};
use crate::kubernetes::kubelet::flags::KubeletFlags;
use crate::kubernetes::kubelet::outcome::{self, Machine, Outcome};
use crate::kubernetes::kubelet::start::Presence;
use crate::kubernetes::{Cause, Failure, Minor, OLDEST, Program, tables};
use crate::text::nearest;
use crate::yaml;

/// The variable with which a kubelet before 1.30 reads drop-ins at all.
const DROP_IN_VARIABLE: &[u8] = b"KUBELET_CONFIG_DROPIN_DIR_ALPHA";

/// The minor release of Kubernetes that a release of RKE2 is made of.
pub(crate) const fn minor(version: &Version) -> Minor {
    Minor(version.minor)
}

/// What ends the kubelet of these settings. `None`: the kubelet of this release is not known, or a user configured
/// nothing for it, or it cannot be known.
pub(crate) fn kubelet(
    settings: &Settings,
    version: &Version,
    rules: &ParserRules,
    files: &KubeletFiles,
    kubelet: &Kubelet,
    environment: &[Variable],
) -> Option<Vec<StartFailure>> {
    let minor = minor(version);
    if !kubelet.runs {
        return None;
    }
    if minor < OLDEST {
        return unparsed(rules, files);
    }
    let merged: Vec<&ConfFile> = config::kubelet_merge_order(rules, files)
        .into_iter()
        .filter(|file| !config::is_generated(file))
        .collect();
    let entries = config::kubelet_entries(settings, rules);
    // The tables are not read where nothing is configured.
    let is_configured =
        !merged.is_empty() || components::is_kubelet_configured(settings, rules, &entries);
    if !is_configured || !tables::knows(minor) {
        return None;
    }
    let protects = kubelet.protect_kernel_defaults.value;
    let given = components::kubelet_arguments(settings, rules, &entries, protects, |name| {
        tables::flag(Program::Kubelet, minor, name).is_some()
    });
    let arguments: Vec<String> = given.iter().map(|given| given.text.clone()).collect();
    let judged = Judged {
        minor,
        given: &given,
        files: Merged {
            rules,
            directory: layout::kubelet_conf_d(settings.data_dir()),
            defaults: kubelet_defaults::file(settings.data_dir(), protects),
            files,
            user: &merged,
        },
    };
    // What a file has that cannot be read decides what comes after the command line.
    let is_readable = |file: &&ConfFile| !matches!(&file.content, Err(error) if !error.is_absent());
    // Nor does the kubelet read a directory of the user's that is a symbolic link.
    let is_own = rules.kubelet_conf_d || files.config_dir.is_empty();
    if !is_own || !files.unlisted.is_empty() || !merged.iter().all(is_readable) {
        let failure = KubeletFlags::parse(minor, &arguments).err();
        return Some(
            failure
                .and_then(|failure| judged.failure(&failure))
                .into_iter()
                .collect(),
        );
    }
    let files = &judged.files;
    // RKE2 makes what its own arguments name. What others name is not looked up.
    let presence = |path: &str| {
        if path.starts_with(settings.data_dir()) {
            Presence::Present
        } else {
            Presence::Unknown
        }
    };
    let machine = Machine {
        read: &|path| files.read(path),
        walk: &|directory| Ok(files.below(directory)),
        presence: &presence,
        // A finding of its own, `cgroup.v1`.
        has_cgroup_v1: None,
        has_drop_in_variable: environment
            .iter()
            .any(|variable| variable.name == DROP_IN_VARIABLE),
    };
    match outcome::outcome(minor, &arguments, &machine) {
        Outcome::Exits(failure) => Some(judged.failure(&failure).into_iter().collect()),
        Outcome::CallsRuntime(_) => Some(Vec::new()),
        Outcome::Unknown(_) => None,
    }
}

/// Of a release before the tables: a file that is no YAML, which every kubelet refuses.
fn unparsed(rules: &ParserRules, files: &KubeletFiles) -> Option<Vec<StartFailure>> {
    let failures: Vec<StartFailure> = config::kubelet_merge_order(rules, files)
        .into_iter()
        .filter_map(|file| {
            let error = yaml::decode(file.content.as_deref().ok()?).err()?;
            if error.is_limit {
                return None;
            }
            let message = format!("error converting YAML to JSON: {}", error.message);
            let program = Program::Kubelet;
            Some(of_file(
                program,
                message,
                &file.path,
                error.line,
                Ground::Settled,
            ))
        })
        .collect();
    if failures.is_empty() {
        None
    } else {
        Some(failures)
    }
}

/// The kubelet's inputs.
struct Judged<'a> {
    minor: Minor,
    given: &'a [Given],
    files: Merged<'a>,
}

impl Judged<'_> {
    /// The failure, if a user's arguments or files cause it.
    fn failure(&self, failure: &Failure) -> Option<StartFailure> {
        match &failure.cause {
            Cause::Arguments(positions) => {
                of_arguments(Program::Kubelet, self.minor, failure, self.given, positions)
            }
            Cause::File { path, line } => {
                let file = self.files.named(path)?;
                if config::is_left_over(self.files.rules, self.files.files, file) {
                    return None;
                }
                let message = failure.message.clone();
                let program = Program::Kubelet;
                Some(of_file(
                    program,
                    message,
                    &file.path,
                    *line,
                    ground(failure),
                ))
            }
        }
    }
}

/// The files that the kubelet merges, by the paths under which it finds them.
struct Merged<'a> {
    rules: &'a ParserRules,
    /// The directory of drop-ins.
    directory: String,
    /// The content of the file that RKE2 writes there.
    defaults: String,
    files: &'a KubeletFiles,
    user: &'a [&'a ConfFile],
}

impl Merged<'_> {
    /// The user's file that the kubelet finds at `path`.
    fn named(&self, path: &str) -> Option<&ConfFile> {
        self.user
            .iter()
            .find(|file| self.path(file) == path)
            .copied()
    }

    /// The content of the file at `path`, or why there is none, in Go's words.
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if path == self.defaults_path() {
            return Ok(self.defaults.clone().into_bytes());
        }
        match self.named(path).map(|file| &file.content) {
            Some(Ok(content)) => Ok(content.clone()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("open {path}: no such file or directory")),
        }
    }

    /// The files of the directory that the kubelet is given.
    fn below(&self, directory: &str) -> Vec<String> {
        if !self.rules.kubelet_conf_d {
            let files = &self.files.config_dir;
            return files.iter().map(|file| file.path.clone()).collect();
        }
        if directory != self.directory {
            return Vec::new();
        }
        let merged = self.user.iter().map(|file| self.path(file));
        std::iter::once(self.defaults_path())
            .chain(merged)
            .collect()
    }

    fn defaults_path(&self) -> String {
        format!("{}/{}", self.directory, layout::KUBELET_DEFAULTS)
    }

    /// Where the kubelet finds it.
    fn path(&self, file: &ConfFile) -> String {
        if self.rules.kubelet_conf_d {
            format!(
                "{}/{}",
                self.directory,
                config::merged_name(self.files, file)
            )
        } else {
            file.path.clone()
        }
    }
}

/// A failure that a file causes, as a finding shows it. `path` is the host's.
fn of_file(
    program: Program,
    message: String,
    path: &str,
    line: Option<u32>,
    ground: Ground,
) -> StartFailure {
    let check = match program {
        Program::Kubelet => CheckId::ConfigKubeletFile,
        _ => CheckId::ConfigComponentFile,
    };
    StartFailure {
        check,
        component: Component::from(program),
        message,
        subject: path.to_owned(),
        source: Some(Source {
            path: path.to_owned(),
            line,
        }),
        ground,
        stage: Stage::KubeletConfiguration,
        remedies: Vec::new(),
    }
}

/// A failure that arguments of a user cause, as a finding shows it.
fn of_arguments(
    program: Program,
    minor: Minor,
    failure: &Failure,
    given: &[Given],
    positions: &[usize],
) -> Option<StartFailure> {
    let blamed = positions
        .iter()
        .filter_map(|position| given.get(*position))
        .find_map(|given| Some((given, given.origin.as_ref()?)));
    let (given, origin) = blamed?;
    let check = match program {
        Program::Kubelet => CheckId::ConfigKubeletArg,
        _ => CheckId::ConfigComponentArg,
    };
    Some(StartFailure {
        check,
        component: Component::from(program),
        message: failure.message.clone(),
        subject: subject(program, given),
        source: origin.source(),
        ground: ground(failure),
        stage: Stage::KubeletConfiguration,
        remedies: argument_remedies(program, minor, given, origin),
    })
}

const fn ground(failure: &Failure) -> Ground {
    if failure.rests_on_names {
        Ground::Names
    } else {
        Ground::Settled
    }
}

/// `kubelet-arg max-pods`.
fn subject(program: Program, given: &Given) -> String {
    format!("{} {}", components::setting(program), name(&given.text))
}

/// The name of the flag in `--max-pods=110`.
fn name(argument: &str) -> &str {
    shown(argument).split('=').next().unwrap_or_default()
}

fn argument_remedies(
    program: Program,
    minor: Minor,
    given: &Given,
    origin: &SettingOrigin,
) -> Vec<Remedy> {
    let setting = components::setting(program);
    let entry = shown(&given.text);
    let name = name(&given.text);
    if let Some(other) = given.setting {
        return vec![Remedy::manual(format!("correct `{other}` at {origin}"))];
    }
    if let Some(map) = name
        .strip_prefix("[{")
        .and_then(|rest| rest.strip_suffix("}]"))
        && let Some((key, value)) = map.split_once(' ')
    {
        return vec![Remedy::manual(format!(
            "write \"{key}={value}\", in quotes and with `=`, at {origin}: the entry is a map"
        ))];
    }
    let plain = name.replace('_', "-");
    let change = if tables::flag(program, minor, &plain).is_some() {
        Change::Correct
    } else {
        let names: Vec<&str> = tables::flags(program, minor)
            .map(|flag| flag.name)
            .collect();
        match nearest(&plain, &names) {
            Some(near) => Change::Set(entry.replacen(name, near, 1)),
            None => Change::Remove,
        }
    };
    origin.remedies(setting, Some(entry), &change)
}

/// The argument as an entry of a `*-arg` setting.
fn shown(argument: &str) -> &str {
    argument.strip_prefix("--").unwrap_or(argument)
}

/// What ends static pods of these settings. `read` gives the content of a file of the host; it is asked only for
/// files that arguments name.
pub(crate) fn static_pods(
    settings: &Settings,
    version: &Version,
    read: &dyn Fn(&str) -> FileState,
) -> Vec<StartFailure> {
    let minor = minor(version);
    Program::ALL
        .into_iter()
        .filter(|program| *program != Program::Kubelet)
        .filter(|program| components::runs(*program, settings))
        .filter(|program| {
            let has_files = *program == Program::ApiServer
                && components::api_server_files(settings)
                    .iter()
                    .any(|(_, path)| matches!(read(path), FileState::Content(_)));
            has_files || !components::entries(*program, settings).is_empty()
        })
        .filter(|_| tables::knows(minor))
        .filter_map(|program| static_pod(program, minor, settings, read))
        .collect()
}

fn static_pod(
    program: Program,
    minor: Minor,
    settings: &Settings,
    read: &dyn Fn(&str) -> FileState,
) -> Option<StartFailure> {
    let given = components::arguments(program, settings, |name| {
        tables::flag(program, minor, name).is_some()
    });
    let arguments: Vec<String> = given.iter().map(|given| given.text.clone()).collect();
    let own = components::api_server_files(settings);
    // RKE2 makes what its own arguments name, and an audit policy that is missing.
    let files = |path: &str| {
        let is_policy = own
            .iter()
            .any(|(flag, own)| *flag == "audit-policy-file" && own == path);
        if path.starts_with(settings.data_dir()) {
            return FileState::Unknown;
        }
        match read(path) {
            FileState::Missing if is_policy => FileState::Unknown,
            state => state,
        }
    };
    let failure = control_plane::judge(program, minor, &arguments, &files)?;
    match &failure.cause {
        Cause::Arguments(positions) => of_arguments(program, minor, &failure, &given, positions),
        Cause::File { path, line } => {
            let message = failure.message.clone();
            let mut found = of_file(program, message, path, *line, ground(&failure));
            let is_policy =
                |(flag, own): &(&str, String)| *flag == "audit-policy-file" && own == path;
            if own.iter().any(is_policy) {
                found.check = CheckId::ControlAuditPolicy;
            }
            Some(found)
        }
    }
}
