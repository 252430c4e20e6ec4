//! What of RKE2's resolved configuration its start hangs on.

use super::config::{self, Kubelet, Settings};
use super::node::NodeProblem;
use super::role::Role;
use super::version::Version;
use crate::facts::Source;
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::text::printable;

/// Where a setting got its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// In words: `argument --profile`, `environment RKE2_CIS_PROFILE`, or empty where the place
    /// says it all.
    pub label: String,
    /// The file and line, where there is one.
    pub source: Option<Source>,
    /// What set it, as far as that can be changed.
    pub setting: Option<config::SettingOrigin>,
}

impl Provenance {
    /// Nobody set it.
    pub fn default_value() -> Self {
        Self {
            label: "default".to_owned(),
            source: None,
            setting: None,
        }
    }

    /// The ways to change the setting `key` where it stands.
    pub(crate) fn remedies(&self, key: &str, change: &Change) -> Vec<Remedy> {
        let default = config::SettingOrigin::Default;
        let origin = self.setting.as_ref().unwrap_or(&default);
        origin.remedies(key, None, change)
    }
}

impl std::fmt::Display for Provenance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.source, self.label.is_empty()) {
            (Some(source), true) => write!(f, "{source}"),
            (Some(source), false) => write!(f, "{} in {source}", self.label),
            (None, _) => f.write_str(&self.label),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Provenance,
}

impl<T> Sourced<T> {
    /// A value that is not set: the default.
    pub fn default_value(value: T) -> Self {
        Self {
            value,
            origin: Provenance::default_value(),
        }
    }
}

/// An error in the configuration for which RKE2 or its kubelet exits before it checks the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFailure {
    /// The check it belongs to, such as `config.parse`.
    pub check: CheckId,
    /// The component that exits.
    pub component: Component,
    /// When, in the course of a start. Of a static pod, it means nothing.
    pub stage: Stage,
    /// The message it exits with.
    pub message: String,
    /// The setting or file concerned.
    pub subject: String,
    /// File and line.
    pub source: Option<Source>,
    /// What the error depends on.
    pub ground: config::Ground,
    /// The ways to fix it, where that is more than to correct the place.
    pub remedies: Vec<Remedy>,
}

/// The feature gates of the kubelet that decide what it requires of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserNamespaceGates {
    /// `KubeletInUserNamespace`: it may run in a user name space.
    pub kubelet_in: bool,
    /// `UserNamespacesSupport`: pods may have user name spaces.
    pub of_pods: bool,
}

/// For which arguments and files the components of a release exit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComponentFailures {
    /// The kubelet, and RKE2 over what it gives the kubelet. `None`: the kubelet's release is not known; then only two
    /// of its flags are checked.
    pub kubelet: Option<Vec<StartFailure>>,
    /// The kubelet's feature gates, if they are known and something is configured.
    pub gates: Option<UserNamespaceGates>,
    /// The static pods.
    pub static_pods: Vec<StartFailure>,
    /// RKE2 itself, after it has parsed its flags.
    pub rke2: Vec<StartFailure>,
}

/// A mistake in the configuration that does not prevent the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The check it belongs to, such as `config.ignored`.
    pub check: CheckId,
    /// The setting or file concerned.
    pub subject: String,
    /// The mistake, in one sentence.
    pub summary: String,
    /// The ways to fix it, each sufficient.
    pub remedies: Vec<Remedy>,
    /// File and line.
    pub source: Option<Source>,
}

/// An input that could not be read; findings that depend on it are not certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The input, in one sentence.
    pub summary: String,
    /// File and line.
    pub source: Option<Source>,
}

/// The settings that decide whether RKE2 starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartSettings {
    /// The release that will run.
    pub version: Version,
    /// As what.
    pub role: Role,
    /// The `profile` flag; empty where unset.
    pub profile: Sourced<String>,
    /// RKE2's own `protect-kernel-defaults` flag, if set.
    pub protect_kernel_defaults: Option<Sourced<bool>>,
    /// Whether RKE2 runs a kubelet.
    pub kubelet_runs: bool,
    /// The kubelet's effective `protect-kernel-defaults`, if the files decide it; otherwise the profile
    /// and RKE2's flag do.
    pub kubelet_protect: Option<Sourced<bool>>,
    /// The kubelet's effective `fail-cgroupv1`, if it is set.
    pub kubelet_fail_cgroup_v1: Option<Sourced<bool>>,
    /// The ways to have the kubelet run on cgroup v1.
    pub kubelet_allow_cgroup_v1: Vec<Remedy>,
    /// Whether the kubelet may ignore, in a user name space, that it cannot write kernel parameters.
    pub kubelet_in_user_namespace: bool,
    /// Whether the kubelet may be without user name spaces for pods, although its release has them.
    pub kubelet_may_lack_user_namespaces: bool,
    /// Errors for which RKE2 or the kubelet exits on any host, in that order.
    pub fatal: Vec<StartFailure>,
    /// Errors for which static pods exit.
    pub static_pods: Vec<StartFailure>,
    /// What else of the node keeps RKE2 from running.
    pub node: Vec<NodeProblem>,
    /// Inputs that could not be read.
    pub unknown: Vec<Unknown>,
    /// Mistakes that do not prevent the start.
    pub advice: Vec<Advice>,
}

impl StartSettings {
    /// A node with nothing configured.
    pub fn unconfigured(version: Version, role: Role) -> Self {
        Self {
            version,
            role,
            profile: Sourced::default_value(String::new()),
            protect_kernel_defaults: None,
            kubelet_runs: true,
            kubelet_protect: None,
            kubelet_fail_cgroup_v1: None,
            kubelet_allow_cgroup_v1: Vec::new(),
            kubelet_in_user_namespace: false,
            kubelet_may_lack_user_namespaces: false,
            fatal: Vec::new(),
            static_pods: Vec::new(),
            node: Vec::new(),
            unknown: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// A node whose settings are not known: of `self`, only what is not known stays, because no
    /// requirement that follows from these settings is certain to be RKE2's.
    fn undecided(self) -> Self {
        Self {
            kubelet_runs: false,
            unknown: self.unknown,
            ..Self::unconfigured(self.version, self.role)
        }
    }

    /// A node with these settings. Whatever depends on an unknown input is not required. `failures` are those
    /// of the components.
    pub fn new(
        version: Version,
        settings: &Settings,
        kubelet: &Kubelet,
        failures: ComponentFailures,
    ) -> Self {
        let (protect, is_set, origins) = settings.protect_kernel_defaults();
        let flag = is_set.then(|| Sourced {
            value: protect,
            origin: origins
                .last()
                .map_or_else(Provenance::default_value, Provenance::of),
        });
        let of_kubelet = failures.kubelet.unwrap_or_else(|| {
            let refusals = kubelet.refusals.iter().filter(|_| kubelet.runs);
            refusals.map(kubelet_fatal).collect()
        });
        // Of a file for which the kubelet exits, everything that decides is known.
        let is_open = |gap: &&config::Gap| match gap {
            config::Gap::Malformed { source, .. } => !of_kubelet
                .iter()
                .any(|failure| failure.subject == source.path),
            _ => true,
        };
        // Gates that may be set, and are not known, decide nothing.
        let gates = failures.gates.unwrap_or(UserNamespaceGates {
            kubelet_in: kubelet.sets_gates,
            of_pods: !kubelet.sets_gates,
        });
        let open = kubelet.gaps.iter().filter(is_open);
        let unknown = settings.gaps.iter().chain(open).map(unknown).collect();
        let known = Self {
            version,
            role: settings.role,
            profile: Sourced {
                value: settings.profile().to_owned(),
                origin: Provenance::of(settings.profile_source()),
            },
            protect_kernel_defaults: flag,
            kubelet_runs: kubelet.runs,
            kubelet_protect: Some(Sourced::of(&kubelet.protect_kernel_defaults)),
            kubelet_fail_cgroup_v1: (kubelet.fail_cgroup_v1.origin
                != config::SettingOrigin::Default)
                .then(|| Sourced::of(&kubelet.fail_cgroup_v1)),
            kubelet_allow_cgroup_v1: allow_cgroup_v1(settings, &kubelet.fail_cgroup_v1),
            kubelet_in_user_namespace: gates.kubelet_in,
            kubelet_may_lack_user_namespaces: !gates.of_pods,
            fatal: settings
                .fatal
                .iter()
                .map(rke2_fatal)
                .chain(failures.rke2)
                .chain(of_kubelet)
                .collect(),
            static_pods: failures.static_pods,
            node: Vec::new(),
            unknown,
            advice: settings.ignored.iter().map(ignored).collect(),
        };
        if settings.gaps.is_empty() {
            known
        } else {
            known.undecided()
        }
    }
}

/// The ways to have the kubelet run on cgroup v1.
fn allow_cgroup_v1(settings: &Settings, fail: &config::Effective) -> Vec<Remedy> {
    let names = ("fail-cgroupv1", "failCgroupV1");
    if fail.origin != config::SettingOrigin::Default {
        return fail.remedies(settings, names, Some(false));
    }
    // An entry that is added to those that there are, in a file that is read last.
    let file = format!("{}.d/99-local.yaml", settings.config_file());
    let change = Change::Set("fail-cgroupv1=false".to_owned());
    vec![Remedy::Edits {
        when: "or have the kubelet run on cgroup v1:".to_owned(),
        edits: vec![Edit::entry(
            Source::file(file),
            Syntax::Yaml,
            "kubelet-arg+",
            change,
        )],
        then: String::new(),
    }]
}

impl Provenance {
    /// The place of a setting.
    pub fn of(origin: &config::SettingOrigin) -> Self {
        let label = match origin {
            config::SettingOrigin::File { .. } => String::new(),
            config::SettingOrigin::Env { name, .. } => format!("environment variable {name}"),
            config::SettingOrigin::Argument { text, .. } => format!("argument {text}"),
            config::SettingOrigin::Default => "default".to_owned(),
        };
        Self {
            label,
            source: origin.source(),
            setting: Some(origin.clone()),
        }
    }
}

impl Sourced<bool> {
    fn of(effective: &config::Effective) -> Self {
        Self {
            value: effective.value,
            origin: Provenance::of(&effective.origin),
        }
    }
}

fn rke2_fatal(fatal: &config::Refusal) -> StartFailure {
    let (check, subject) = match &fatal.origin {
        Some(origin) => (CheckId::ConfigFlag, origin.to_string()),
        None => (CheckId::ConfigParse, "RKE2's configuration".to_owned()),
    };
    let remedies = match (&fatal.origin, &fatal.fix) {
        (Some(origin), Some(fix)) => {
            let (setting, change) = fix.as_ref();
            // A word of a file's list, or of a command line, names itself.
            origin.remedies(setting, None, change)
        }
        _ => Vec::new(),
    };
    StartFailure {
        check,
        component: Component::Rke2,
        stage: Stage::Configuration,
        remedies,
        message: fatal.message.clone(),
        subject,
        source: fatal.source.clone(),
        ground: fatal.ground,
    }
}

fn kubelet_fatal(fatal: &config::Refusal) -> StartFailure {
    StartFailure {
        check: CheckId::ConfigKubeletArg,
        component: Component::Kubelet,
        stage: Stage::KubeletConfiguration,
        remedies: Vec::new(),
        message: fatal.message.clone(),
        subject: "kubelet-arg".to_owned(),
        source: fatal.source.clone(),
        ground: fatal.ground,
    }
}

fn unknown(gap: &config::Gap) -> Unknown {
    let source = match gap {
        config::Gap::Unreadable(error) => Some(Source::file(error.path())),
        config::Gap::Malformed { source, .. } | config::Gap::LeftOver { source, .. } => {
            Some(source.clone())
        }
        config::Gap::Unseen { source, .. } => source.clone(),
        config::Gap::Remote(_) | config::Gap::NoRole | config::Gap::OtherProgram(_) => None,
    };
    Unknown {
        summary: gap.to_string(),
        source,
    }
}

fn ignored(ignored: &config::Ignored) -> Advice {
    let key = printable(&ignored.key);
    let place = ignored.source.as_ref().map(ToString::to_string);
    let place = place.as_deref().unwrap_or("the configuration");
    match ignored.reason {
        config::IgnoredReason::UnknownFlag => Advice {
            check: CheckId::ConfigIgnored,
            subject: key.clone(),
            summary: format!(
                "RKE2 skips `{key}`: it is no flag of this release and role{}{}",
                match &ignored.elsewhere {
                    Some(elsewhere) => format!(" ({elsewhere})"),
                    None => String::new(),
                },
                match (&ignored.elsewhere, ignored.did_you_mean) {
                    (None, Some("profile")) => "; the node starts, and is not hardened",
                    _ => "",
                }
            ),
            remedies: skipped_remedies(ignored, place),
            source: ignored.source.clone(),
        },
        config::IgnoredReason::MissingFile => Advice {
            check: CheckId::ConfigDropped,
            subject: key.clone(),
            summary: format!(
                "RKE2 ignores its whole configuration, {key} included, because {place} is missing or \
                 a link to nothing: no profile, no token"
            ),
            remedies: match &ignored.source {
                Some(source) => vec![Remedy::Edits {
                    when: String::new(),
                    edits: vec![Edit::file(&source.path, Change::Remove)],
                    then: ", or restore what it links to".to_owned(),
                }],
                None => Vec::new(),
            },
            source: ignored.source.clone(),
        },
    }
}

/// How a key that RKE2 skips is corrected.
fn skipped_remedies(ignored: &config::Ignored, place: &str) -> Vec<Remedy> {
    let Some(Source {
        path,
        line: Some(line),
    }) = &ignored.source
    else {
        return vec![Remedy::manual(format!("remove it from {place}"))];
    };
    let origin = config::SettingOrigin::File {
        path: path.clone(),
        line: *line,
    };
    let change = match (&ignored.elsewhere, ignored.did_you_mean) {
        (None, Some(near)) => Change::Rename(near.to_owned()),
        _ => Change::Remove,
    };
    origin.remedies(&ignored.key, None, &change)
}
