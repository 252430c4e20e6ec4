//! What of the arguments and files that RKE2 gives its components ends them: [`components`] works out what they
//! get, [`crate::kubernetes`] what they make of it.
//!
//! A component is judged only where a user configured something for it, and refused only for what a user
//! configured.

use super::components::{self, Given};
use super::config::{
    self, ConfFile, Copied, Ground, Kubelet, KubeletFiles, ParserRules, SettingOrigin, Settings,
    Variable,
};
use super::start::{StartFailure, UserNamespaceGates};
use super::version::Version;
use super::{kubelet_defaults, layout};
use crate::facts::Source;
use crate::finding::edit::{Change, Edit};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::go;
use crate::kubernetes::arguments;
use crate::kubernetes::control_plane::{self, FileState};
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::kubelet::flags::KubeletFlags;
use crate::kubernetes::kubelet::machine::{Machine, Presence};
use crate::kubernetes::kubelet::outcome::{self, Outcome};
use crate::kubernetes::{Cause, Failure, Minor, OLDEST, Program, tables};
use crate::text::nearest;
use crate::yaml;

/// The variable with which a kubelet before 1.30 reads drop-ins at all.
const DROP_IN_VARIABLE: &[u8] = b"KUBELET_CONFIG_DROPIN_DIR_ALPHA";

/// The minor release of Kubernetes that a release of RKE2 is made of.
pub(crate) const fn minor(version: &Version) -> Minor {
    Minor(version.minor)
}

/// What a start of the kubelet rests on.
pub(crate) struct KubeletStart<'a> {
    /// RKE2's settings.
    pub(crate) settings: &'a Settings,
    /// The release.
    pub(crate) version: &'a Version,
    /// How the release reads its configuration.
    pub(crate) rules: &'a ParserRules,
    /// The kubelet's files.
    pub(crate) files: &'a KubeletFiles,
    /// What two of its settings end up as.
    pub(crate) kubelet: &'a Kubelet,
    /// The environment of RKE2.
    pub(crate) environment: &'a [Variable],
    /// The host. Its files of the kubelet's configuration are in `files`.
    pub(crate) host: Machine<'a>,
}

/// What becomes of a start of the kubelet.
#[derive(Debug, Default)]
pub(crate) struct KubeletOutcome {
    /// What ends it. `None`: the kubelet of this release is not known, or a user configured nothing for it, or it cannot
    /// be known.
    pub(crate) failures: Option<Vec<StartFailure>>,
    /// Its feature gates, if they are known and something is configured.
    pub(crate) gates: Option<UserNamespaceGates>,
}

impl KubeletOutcome {
    fn goes_on(gates: &Gates) -> Self {
        Self {
            failures: Some(Vec::new()),
            gates: Some(UserNamespaceGates {
                kubelet_in: gates.is_enabled("KubeletInUserNamespace"),
                of_pods: gates.is_enabled("UserNamespacesSupport"),
            }),
        }
    }

    fn ends(failure: Option<StartFailure>) -> Self {
        Self {
            failures: Some(failure.into_iter().collect()),
            gates: None,
        }
    }
}

/// What ends the kubelet of these settings, or RKE2 before it starts the kubelet.
pub(crate) fn kubelet(start: &KubeletStart<'_>) -> KubeletOutcome {
    if !start.kubelet.runs {
        return KubeletOutcome::default();
    }
    match before_kubelet(start) {
        Before::Nothing => started(start),
        Before::Ends(failure) => KubeletOutcome::ends(Some(failure)),
        Before::Unknown => KubeletOutcome::default(),
    }
}

/// What RKE2 makes of what it gives the kubelet.
enum Before {
    /// It goes on.
    Nothing,
    /// It exits.
    Ends(StartFailure),
    /// That is not known.
    Unknown,
}

/// What RKE2 does before it starts the kubelet, since it writes the kubelet's configuration: it reads the taints, and
/// copies files. Before and behind these words its line has others, which differ by release.
fn before_kubelet(start: &KubeletStart<'_>) -> Before {
    let (settings, rules, host) = (start.settings, start.rules, &start.host);
    if !rules.kubelet_conf_d {
        return Before::Nothing;
    }
    let taints = settings.list("node-taint");
    if let Some((error, (taint, origin))) = taint_error(minor(start.version), &taints) {
        return Before::Ends(StartFailure {
            check: CheckId::ConfigKubeletArg,
            component: Component::Rke2,
            message: format!("failed to parse node taints: {error}"),
            subject: "node-taint".to_owned(),
            source: origin.source(),
            ground: Ground::Settled,
            stage: Stage::KubeletPreparation,
            remedies: taint_remedies(&taint, &origin),
        });
    }
    for copied in config::copied(settings, rules) {
        let Copied {
            argument,
            from,
            to,
            origin,
        } = copied;
        let message = if from.is_empty() {
            format!("value required for kubelet-arg --{argument}")
        } else {
            let why = match ((host.presence)(&from), argument) {
                (Presence::Missing, "config") => {
                    format!("copying {from} to {to}: open {from}: no such file or directory")
                }
                (Presence::Missing, _) => format!("lstat {from}: no such file or directory"),
                (Presence::Directory, "config") => {
                    format!("copying {from} to {to}: read {from}: is a directory")
                }
                (Presence::Unknown, _) if start.lacks(&from) => return Before::Unknown,
                _ => continue,
            };
            let quote = |path: &str| go::quote(path.as_bytes());
            format!(
                "copy {argument} {} into managed drop-in dir {}: {why}",
                quote(&from),
                quote(&to)
            )
        };
        return Before::Ends(StartFailure {
            check: CheckId::ConfigKubeletArg,
            component: Component::Rke2,
            message,
            subject: format!("kubelet-arg {argument}"),
            source: origin.source(),
            ground: Ground::Settled,
            stage: Stage::KubeletPreparation,
            remedies: vec![Remedy::manual(format!(
                "create what `{argument}` of kubelet-arg names at {origin}, or remove the entry"
            ))],
        });
    }
    Before::Nothing
}

/// How a taint is corrected.
fn taint_remedies(taint: &str, origin: &SettingOrigin) -> Vec<Remedy> {
    let mut all = origin.remedies("node-taint", Some(taint), &Change::Correct);
    all.push(Remedy::manual(
        "a taint is key=value:effect; effects are NoSchedule, PreferNoSchedule and NoExecute",
    ));
    all
}

/// What is wrong with taints, and one of them with where it is set.
fn taint_error(
    minor: Minor,
    taints: &[(String, SettingOrigin)],
) -> Option<(String, (String, SettingOrigin))> {
    let first = taints.first()?;
    // RKE2 reads each entry alone, where the flag takes a list.
    if taints
        .iter()
        .any(|(taint, _)| taint.is_empty() || taint.contains(','))
    {
        return None;
    }
    let texts: Vec<&str> = taints.iter().map(|(taint, _)| taint.as_str()).collect();
    let error = arguments::taints_error(minor, &texts.join(","))?;
    // The first entry without which the others are right, where there is one.
    let is_wrong =
        |(taint, _): &&(String, SettingOrigin)| arguments::taints_error(minor, taint).is_some();
    let wrong = taints.iter().find(is_wrong).unwrap_or(first);
    Some((error, wrong.clone()))
}

impl KubeletStart<'_> {
    /// Whether the file or directory that RKE2 copies was not found or not read.
    fn lacks(&self, path: &str) -> bool {
        let file = self.files.config.as_ref();
        file.is_some_and(|file| file.path == path && file.content.is_err())
            || self.files.unlisted.iter().any(|error| error.path() == path)
    }
}

/// What ends the kubelet itself.
fn started(start: &KubeletStart<'_>) -> KubeletOutcome {
    let KubeletStart {
        settings,
        version,
        rules,
        files,
        kubelet,
        environment,
        host,
    } = *start;
    let minor = minor(version);
    if minor < OLDEST {
        return KubeletOutcome {
            failures: unparsed(rules, files),
            gates: None,
        };
    }
    let users: Vec<&ConfFile> = config::kubelet_merge_order(rules, files)
        .into_iter()
        .filter(|file| !config::is_generated(file))
        .collect();
    let entries = config::kubelet_entries(settings, rules);
    // The tables are not read where nothing is configured.
    let is_configured =
        !users.is_empty() || components::is_kubelet_configured(settings, rules, &entries);
    if !is_configured || !tables::knows(minor) {
        return KubeletOutcome::default();
    }
    // RKE2 makes what its own arguments name.
    let presence = |path: &str| {
        if path.starts_with(settings.data_dir()) {
            Presence::Present
        } else {
            (host.presence)(path)
        }
    };
    let configured = Configured {
        minor,
        settings,
        rules,
        files,
        users: &users,
        entries: &entries,
        protects: kubelet.protect_kernel_defaults.value,
        host: Machine {
            presence: &presence,
            // Where the kubelet refuses them, they are a finding of their own, `cgroup.v1`.
            has_cgroup_v1: if kubelet.fail_cgroup_v1.value {
                &|| None
            } else {
                host.has_cgroup_v1
            },
            runtime_answers: true,
            has_drop_in_variable: environment
                .iter()
                .any(|variable| variable.name == DROP_IN_VARIABLE),
            ..host
        },
    };
    if let Some(gates) = configured.gates_if_surely_taken() {
        let outcome = KubeletOutcome::goes_on(&gates);
        debug_assert_eq!(
            configured.outcome().failures.unwrap_or_default(),
            [],
            "{entries:?}"
        );
        return outcome;
    }
    configured.outcome()
}

/// What a user configured for the kubelet.
struct Configured<'a> {
    minor: Minor,
    settings: &'a Settings,
    rules: &'a ParserRules,
    files: &'a KubeletFiles,
    /// Those that a user wrote, in the order in which they are merged.
    users: &'a [&'a ConfFile],
    /// Those of `kubelet-arg` that reach the kubelet.
    entries: &'a [(String, SettingOrigin)],
    /// `protect-kernel-defaults`.
    protects: bool,
    host: Machine<'a>,
}

impl Configured<'_> {
    /// The kubelet's feature gates where there are only arguments, and the checks pass that they matter to: this is what
    /// a node has at almost every boot.
    fn gates_if_surely_taken(&self) -> Option<Gates> {
        if !self.users.is_empty() || !self.files.unlisted.is_empty() {
            return None;
        }
        let users = components::users_kubelet_arguments(self.settings, self.rules, self.entries)?;
        let data_dir = self.settings.data_dir();
        let own = kubelet_defaults::flags(data_dir);
        let count = own.len();
        let arguments: Vec<String> = own.into_iter().chain(users).collect();
        let fields = |is_wanted: &dyn Fn(&str) -> bool| {
            kubelet_defaults::some_fields(data_dir, self.protects, is_wanted)
        };
        let is_users = |position: usize| position >= count;
        outcome::takes(self.minor, &arguments, &is_users, &fields, &self.host)
    }

    /// What becomes of the kubelet, by all its checks.
    fn outcome(&self) -> KubeletOutcome {
        let data_dir = self.settings.data_dir();
        let given = components::kubelet_arguments(
            self.settings,
            self.rules,
            self.entries,
            self.protects,
            |name| tables::flag(Program::Kubelet, self.minor, name).is_some(),
        );
        let arguments: Vec<String> = given.iter().map(|given| given.text.clone()).collect();
        let judged = Judged {
            minor: self.minor,
            given: &given,
            files: Merged {
                rules: self.rules,
                directory: layout::kubelet_conf_d(data_dir),
                defaults: kubelet_defaults::file(data_dir, self.protects),
                files: self.files,
                user: self.users,
            },
        };
        // What a file has that cannot be read decides what comes after the command line.
        let is_readable =
            |file: &&ConfFile| !matches!(&file.content, Err(error) if !error.is_absent());
        // Nor does the kubelet read a directory of the user's that is a symbolic link.
        let is_own = self.rules.kubelet_conf_d || self.files.config_dir.is_empty();
        if !is_own || !self.files.unlisted.is_empty() || !self.users.iter().all(is_readable) {
            let failure = KubeletFlags::parse(self.minor, &arguments).err();
            return KubeletOutcome::ends(failure.and_then(|failure| judged.failure(&failure)));
        }
        let files = &judged.files;
        let machine = Machine {
            read: &|path| files.read(path),
            walk: &|directory| Ok(files.below(directory)),
            ..self.host
        };
        match outcome::outcome(self.minor, &arguments, &machine) {
            Outcome::Exits(failure) => KubeletOutcome::ends(judged.failure(&failure)),
            Outcome::GoesOn(known) => KubeletOutcome::goes_on(&known.1),
            Outcome::Unknown(_) => KubeletOutcome::default(),
        }
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

/// How an audit policy on which the API server exits is corrected: RKE2 writes its own where the file of its setting is
/// missing, and never over one (rancher/rke2 `WriteDefaultPolicyFile` in `pkg/podtemplate`).
pub(crate) fn renewed_policy(path: &str) -> Remedy {
    Remedy::Edits {
        when: format!("fix {path}, or"),
        edits: vec![Edit::file(path, Change::Move(format!("{path}.refused")))],
        then: ": RKE2 then writes one of its own, which logs nothing, at its next start".to_owned(),
    }
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
    let given = components::arguments(program, settings, minor);
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
                found.remedies = vec![renewed_policy(path)];
            }
            Some(found)
        }
    }
}
