//! What was read of a node for its audit. Plain data; [`crate::host::audit`] reads it.

use std::collections::BTreeMap;

use crate::facts::{ReadError, Source};
use crate::rke2::config::Settings;
use crate::rke2::config::document::{Document, InvalidDocument};
use crate::rke2::profile::Scope;
use crate::rke2::role::Role;
use crate::rke2::version::Version;

use super::control::KubeComponent;
use super::flags::{ComponentArg, ComponentCommand};

/// Which parts of RKE2 a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each part can be disabled alone"
)]
pub struct Parts {
    /// A server, even if some of its components are disabled.
    pub control_plane: bool,
    /// kube-apiserver.
    pub api_server: bool,
    /// kube-controller-manager.
    pub controller_manager: bool,
    /// kube-scheduler.
    pub scheduler: bool,
    /// etcd, embedded.
    pub etcd: bool,
    /// The kubelet.
    pub kubelet: bool,
    /// kube-proxy.
    pub kube_proxy: bool,
}

impl Parts {
    /// Whether the node runs this component.
    pub(crate) const fn has(self, component: KubeComponent) -> bool {
        match component {
            KubeComponent::ApiServer => self.api_server,
            KubeComponent::ControllerManager => self.controller_manager,
            KubeComponent::Scheduler => self.scheduler,
            KubeComponent::KubeProxy => self.kube_proxy,
        }
    }
}

/// A file or directory that a control is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InspectedFile {
    /// Where, as the host names it.
    pub path: String,
    /// Permission bits with set-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// How many of the files that do not meet a control are kept as examples.
pub(crate) const REMEMBERED: usize = 8;

/// The result of inspecting the files of a control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// What was inspected.
    pub places: Vec<String>,
    /// How many files and directories were inspected.
    pub looked_at: u64,
    /// How many of them do not meet the control.
    pub wrong: u64,
    /// The first of them by name, [`REMEMBERED`] at the most.
    pub examples: Vec<InspectedFile>,
    /// One that does.
    pub sample: Option<InspectedFile>,
    /// Why not everything could be checked: the first reasons.
    pub errors: Vec<String>,
}

impl Survey {
    /// Counts one thing.
    pub fn count(&mut self, seen: InspectedFile, is_right: bool) {
        self.looked_at = self.looked_at.saturating_add(1);
        if is_right {
            self.sample.get_or_insert(seen);
            return;
        }
        self.wrong = self.wrong.saturating_add(1);
        let at = self.examples.partition_point(|example| *example < seen);
        if at < REMEMBERED {
            self.examples.insert(at, seen);
            self.examples.truncate(REMEMBERED);
        }
    }

    /// Records why something could not be inspected. A file that was removed meanwhile does not count.
    pub(crate) fn failed(&mut self, error: &ReadError) {
        if !error.is_absent() {
            self.problem(error.to_string());
        }
    }

    /// Records a reason.
    pub fn problem(&mut self, what: String) {
        if self.errors.len() < REMEMBERED {
            self.errors.push(what);
        }
    }
}

/// A file of configuration.
#[derive(Debug, Clone)]
pub enum ConfigDocument {
    /// It does not exist.
    Absent {
        /// Where it would be.
        path: String,
    },
    /// It was read.
    Read(Document),
    /// It cannot be read or parsed.
    Broken(Source, String),
}

impl ConfigDocument {
    /// What `read` found at `path`.
    pub fn new(path: &str, read: Result<Vec<u8>, ReadError>) -> Self {
        match read.map(|content| Document::parse(path, &content)) {
            Ok(Ok(document)) => Self::Read(document),
            Ok(Err(InvalidDocument { place, message })) => Self::Broken(place, message),
            Err(error) if error.is_absent() => Self::Absent {
                path: path.to_owned(),
            },
            Err(error) => Self::Broken(Source::file(path), error.to_string()),
        }
    }

    /// The same for a file with secrets: errors do not quote its text.
    pub(crate) fn of_secrets(path: &str, read: Result<Vec<u8>, ReadError>) -> Self {
        let is_read = read.is_ok();
        match Self::new(path, read) {
            Self::Broken(place, _) if is_read => {
                let why = format!("{path} is neither JSON nor YAML");
                Self::Broken(place, why)
            }
            other => other,
        }
    }
}

/// The kubelet's side.
#[derive(Debug, Clone, Default)]
pub struct KubeletFacts {
    /// The flags it runs with, and those it would after RKE2's next start; none known, no line.
    pub lines: Vec<ComponentCommand>,
    /// Its configuration files, in the order in which it merges them.
    pub files: Vec<ConfigDocument>,
    /// The same with those that RKE2 writes at its next start.
    pub next_files: Vec<ConfigDocument>,
    /// The flags that RKE2 itself gives it at its next start.
    pub defaults: Vec<ComponentArg>,
    /// Why it is not known what it runs with, where something stood in the way.
    pub problem: Option<String>,
}

/// The account etcd as the files have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EtcdAccount {
    /// The user's id.
    pub uid: Option<u32>,
    /// The group's id.
    pub gid: Option<u32>,
    /// The user's primary group, to which RKE2 gives etcd's data.
    pub primary: Option<u32>,
}

/// A node, as far as its audit is concerned.
#[derive(Debug, Clone)]
pub struct NodeFacts {
    /// Server or agent.
    pub role: Role,
    /// The release.
    pub version: Version,
    /// RKE2's data directory.
    pub data_dir: String,
    /// RKE2's settings, which its next start applies.
    pub settings: Settings,
    /// What the profile that is set is about, if one is.
    pub profile: Option<Scope>,
    /// Whether `etcd-arg` moves etcd's data away from where RKE2 has it.
    pub etcd_data_is_moved: bool,
    /// What it runs.
    pub parts: Parts,
    /// The account etcd.
    pub account: EtcdAccount,
    /// What each component is started with; none known, no line.
    pub components: BTreeMap<KubeComponent, Vec<ComponentCommand>>,
    /// Entries of RKE2's `*-arg` settings.
    pub entries: BTreeMap<KubeComponent, Vec<ComponentArg>>,
    /// Why a component's command line is not known, where something stood in the way.
    pub problems: BTreeMap<KubeComponent, String>,
    /// The kubelet's side.
    pub kubelet: KubeletFacts,
    /// `server/db/etcd/config`.
    pub etcd: ConfigDocument,
    /// The static pod of etcd.
    pub etcd_pod: ConfigDocument,
    /// The encryption providers' file.
    pub encryption: ConfigDocument,
    /// The audit policy.
    pub audit_policy: ConfigDocument,
    /// The admission configuration that holds pod security's.
    pub pod_security: ConfigDocument,
    /// What became of looking at files, by the control's key.
    pub surveys: BTreeMap<&'static str, Survey>,
}
