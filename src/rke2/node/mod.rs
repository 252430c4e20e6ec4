//! What of the node, beside kernel parameters, accounts and arguments, keeps RKE2 or its components from running: its
//! name, routes and addresses, ports, file systems, and the files of earlier starts.
//!
//! Each module has the rules of one subject. They are pure: [`Node`] gives the facts, and reads each only when a rule
//! asks for it, so that a start reads only what can decide it. A fact that is not known gives no problem.

mod addresses;
mod advice;
mod certificates;
mod confinement;
mod control_groups;
mod etcd_address;
mod etcd_database;
mod expiry;
#[cfg(test)]
mod fake;
mod key_pairs;
mod kubelet_state;
mod measurements;
mod mounts;
mod name;
mod nm_cloud_setup;
mod ports;
mod registries;
mod state;
mod token;
pub(crate) mod x509;

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::node::{
    BootstrapKeys, EnabledUnit, EtcdMember, File, FileText, Holder, Inotify, Listener, Network,
    Place, ProxyVariable, Resources, Rke2Processes, Space, Umask,
};
use crate::facts::{Evidence, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};
use crate::kubernetes::Program;

use super::config::{self, Settings};
use super::role::Role;
use super::version::Version;
use super::{components, layout};

pub(crate) use measurements::measure;

/// The network plugin of a server where none is configured.
const DEFAULT_PLUGIN: &str = "canal";

/// The facts about a node, each `None` where it is not known: it was not read, or this is an image of a host.
pub(crate) trait Node {
    /// Whether advice is wanted too. The gate asks only for what keeps RKE2 from running.
    fn advises(&self) -> bool {
        false
    }

    /// Whether the unit is known to run. Then files that its kubelet writes all the time are not read: the monitor would
    /// evaluate the host after each write.
    fn is_up(&self) -> bool {
        false
    }

    /// The host name that the kernel has, `uname -n`.
    fn hostname(&self) -> Option<String> {
        None
    }

    /// The interface of the first default route of IPv4.
    fn ipv4_default(&self) -> Option<String> {
        None
    }

    /// Routes and addresses.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// Whether a program can listen on an address of IPv4 that the host does not have.
    fn nonlocal_bind(&self) -> Option<bool> {
        None
    }

    /// The TCP sockets that listen.
    fn listeners(&self) -> Option<&[Listener]> {
        None
    }

    /// The processes that hold these sockets, by inode, as far as they can be seen.
    fn holders(&self, _inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
        BTreeMap::new()
    }

    /// Which processes of RKE2 there are.
    fn rke2_processes(&self) -> Option<Rke2Processes> {
        None
    }

    /// The member that etcd was when it last ran; `None` also where it never did.
    fn etcd_member(&self, _data_dir: &str) -> Option<EtcdMember> {
        None
    }

    /// Whether etcd's data has this text. `None` where there is too much of it to search.
    fn etcd_data_has(&self, _data_dir: &str, _text: &str) -> Option<bool> {
        None
    }

    /// Whether the configuration of containerd is made from a template of the administrator's.
    fn has_containerd_template(&self, _data_dir: &str) -> bool {
        false
    }

    /// Whether this is the running host: what is missing there is missing.
    fn is_running(&self) -> bool {
        false
    }

    /// A file that is read for advice, links followed.
    fn advice_file(&self, _path: &str) -> FileText {
        FileText::Unknown
    }

    /// The names in a directory that is read for advice; none where it cannot be read.
    fn advice_names(&self, _directory: &str) -> Vec<String> {
        Vec::new()
    }

    /// Those of `units` that the next boot starts, as systemd's files say.
    fn enabled(&self, _units: &[&'static str]) -> Vec<EnabledUnit> {
        Vec::new()
    }

    /// `UMask=` of RKE2's unit. `None`: it is not set.
    fn umask(&self) -> Option<Umask> {
        None
    }

    /// Whether this is a container, whose clock is its host's. `None` of an image.
    fn is_container(&self) -> Option<bool> {
        None
    }

    /// The size of a file that is read for advice.
    fn file_size(&self, _path: &str) -> Option<u64> {
        None
    }

    /// The variables of RKE2's process that name a proxy, or hosts without one.
    fn proxy_variables(&self) -> Vec<ProxyVariable> {
        Vec::new()
    }

    /// The inotify instances of root. Only of the running host.
    fn inotify(&self) -> Option<Inotify> {
        None
    }

    /// Processors, memory, and the file systems below `directories`. Only of the running host, and only
    /// for a `check` before RKE2 is installed.
    fn resources(&self, _directories: &[String]) -> Option<Resources> {
        None
    }

    /// The nearest part of an absolute path that exists, and what is mounted there.
    fn place(&self, _path: &str) -> Option<Place> {
        None
    }

    /// Whether a directory says of what type its entries are, as overlayfs requires of the file system below it.
    fn lists_types(&self, _directory: &str) -> Option<bool> {
        None
    }

    /// The room of the file system that holds a path, which exists.
    fn space(&self, _path: &str) -> Option<Space> {
        None
    }

    /// A small file.
    fn file(&self, _path: &str) -> Option<File> {
        None
    }

    /// Whether a path exists, links followed.
    fn exists(&self, _path: &str) -> Option<bool> {
        None
    }

    /// The names in a small directory.
    fn names(&self, _path: &str) -> Option<Vec<String>> {
        None
    }

    /// The time, in seconds since 1970; for an image, that of the machine that looks at it.
    fn now(&self) -> Option<u64> {
        None
    }

    /// Which keys of bootstrap data are in etcd's files below RKE2's data directory. Takes long.
    fn bootstrap_keys(&self, _data_dir: &str, _keys: &[String]) -> Option<BootstrapKeys> {
        None
    }

    /// Whether the policy of `SELinux` that the kernel has holds a name. Takes long.
    fn policy_names(&self, _name: &str) -> Option<bool> {
        None
    }

    /// Where the unit says that it runs RKE2 only if `nm-cloud-setup.service` is not enabled; `None` if it does not.
    fn asks_for_nm_cloud_setup(&self) -> Option<Source> {
        None
    }

    /// What `systemctl is-enabled` prints of a unit.
    fn enablement(&self, _unit: &str) -> Option<String> {
        None
    }
}

/// What RKE2 is started with.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// Its settings, all of them known.
    pub(crate) settings: &'a Settings,
    /// The release.
    pub(crate) version: &'a Version,
}

impl Start<'_> {
    fn is_server(&self) -> bool {
        self.settings.role == Role::Server
    }

    /// RKE2's data directory.
    fn data_dir(&self) -> String {
        layout::data_dir(self.settings.data_dir())
    }

    /// Whether it runs an etcd of its own.
    fn has_etcd(&self) -> bool {
        components::runs_etcd(self.settings)
    }

    /// The values that the `*-arg` setting of a component gives its flag of that name, in their order; empty for a bare
    /// name.
    fn arguments(&self, program: Program, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        self.entries(components::setting(program), name)
    }

    /// The same, by the name of the setting: `etcd-arg`.
    fn entries(&self, setting: &str, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let entries = self.settings.items(setting);
        entries.filter_map(move |(entry, _)| {
            let (flag, value) = config::entry_flag(entry);
            (flag == name).then_some(value.unwrap_or_default())
        })
    }

    /// Whether an argument sets the kubelet's flag of that name.
    fn sets_kubelet_arg(&self, name: &str) -> bool {
        self.arguments(Program::Kubelet, name).next().is_some()
    }

    /// Whether the kubelet's configuration directory has files beside the one that RKE2 writes.
    fn has_kubelet_files(&self, node: &dyn Node) -> bool {
        let directory = layout::kubelet_conf_d(&self.data_dir());
        let mut names = node.names(&directory).into_iter().flatten();
        names.any(|name| name.strip_suffix(".conf").is_some() && name != layout::KUBELET_DEFAULTS)
    }

    /// The network plugins that a server deploys. `None` on an agent, which gets that of its cluster.
    fn plugins(&self) -> Option<Vec<String>> {
        if !self.is_server() {
            return None;
        }
        let items = self.settings.items("cni").map(|(item, _)| item);
        let names: Vec<String> = items
            .chain([self.settings.text("cni")])
            .flat_map(|item| item.split(','))
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect();
        if names.is_empty() {
            return Some(vec![DEFAULT_PLUGIN.to_owned()]);
        }
        Some(names)
    }

    /// Whether the node may use one of these network plugins.
    fn may_use(&self, plugins: &[&str]) -> bool {
        self.plugins()
            .is_none_or(|used| used.iter().any(|name| plugins.contains(&name.as_str())))
    }
}

/// Something of the node on which RKE2 or a component of it ends, or waits for ever; or advice, where its check is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeProblem {
    /// The check, such as `host.route`.
    pub check: CheckId,
    /// What it is about: `default route`, `port 10250`.
    pub subject: String,
    /// The component that ends or waits. `None` for advice.
    pub component: Option<Component>,
    /// When, in the course of a start.
    pub stage: Stage,
    /// The line with which it ends, where it prints one and it is known.
    pub predicted: Option<String>,
    /// Whether it can pass without a person: the gate does not block it, because RKE2 tries again by itself.
    pub is_transient: bool,
    /// One sentence: what is wrong.
    pub summary: String,
    /// What is required.
    pub required: Option<String>,
    /// What the host has.
    pub actual: Option<String>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// The places concerned.
    pub evidence: Vec<Evidence>,
    /// The ways to fix it, each sufficient.
    pub remedies: Vec<Remedy>,
}

impl NodeProblem {
    /// Something that an administrator should know, of a node that starts.
    fn advice(check: CheckId, subject: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            component: None,
            ..Self::new(
                check,
                subject,
                Component::Rke2,
                Stage::Configuration,
                summary,
            )
        }
    }
}

impl NodeProblem {
    /// A problem that lasts, on which `component` ends at `stage`.
    fn new(
        check: CheckId,
        subject: impl Into<String>,
        component: Component,
        stage: Stage,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            check,
            subject: subject.into(),
            component: Some(component),
            stage,
            predicted: None,
            is_transient: false,
            summary: summary.into(),
            required: None,
            actual: None,
            notes: Vec::new(),
            evidence: Vec::new(),
            remedies: Vec::new(),
        }
    }
}

/// Every problem of the node, in the order of a start.
pub(crate) fn problems(start: &Start<'_>, node: &dyn Node) -> Vec<NodeProblem> {
    let mut all = Vec::new();
    all.extend(nm_cloud_setup::problem(node));
    all.extend(name::problem(start, node));
    all.extend(mounts::problems(start, node));
    all.extend(addresses::problems(start, node));
    all.extend(state::problems(start, node));
    all.extend(token::problem(start, node));
    all.extend(certificates::problems(start, node));
    all.extend(key_pairs::problems(start, node));
    all.extend(etcd_address::problems(start, node));
    all.extend(etcd_database::problem(start, node));
    all.extend(ports::problems(start, node));
    all.extend(control_groups::problem(start, node));
    all.extend(registries::problem(start, node));
    all.extend(confinement::problems(start, node));
    all.extend(kubelet_state::problems(start, node));
    if node.advises() {
        all.extend(advice::problems(start, node));
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rke2::config::{self, ConfigFiles, Invocation, ParserRules};

    /// A node of which only files are known.
    pub(super) type Files = BTreeMap<String, File>;

    impl Node for Files {
        fn file(&self, path: &str) -> Option<File> {
            Some(self.get(path).cloned().unwrap_or(File::Missing))
        }

        fn exists(&self, path: &str) -> Option<bool> {
            let directory = format!("{path}/");
            let mut paths = self.keys();
            Some(paths.any(|known| known == path || known.starts_with(&directory)))
        }

        fn names(&self, path: &str) -> Option<Vec<String>> {
            let directory = format!("{path}/");
            let below = self
                .keys()
                .filter_map(|known| known.strip_prefix(&directory));
            let names: Vec<String> = below
                .filter_map(|rest| rest.split('/').next().map(str::to_owned))
                .collect();
            (!names.is_empty()).then_some(names)
        }
    }

    /// Calls `then` with what a server of 1.34.1 is started with.
    pub(super) fn with<T>(config: &str, then: impl FnOnce(&Start<'_>) -> T) -> T {
        of(Role::Server, &Version::new(34, 1, 1), config, then)
    }

    /// The same, of any role and release.
    pub(super) fn of<T>(
        role: Role,
        version: &Version,
        config: &str,
        then: impl FnOnce(&Start<'_>) -> T,
    ) -> T {
        let mut files = ConfigFiles::none("/c.yaml");
        files.main = Ok(config.as_bytes().to_vec());
        let rules = ParserRules::of(version);
        let settings = config::resolve(&Invocation::of(role), &files, role, &rules);
        assert_eq!(settings.fatal, None, "{config}");
        then(&Start {
            settings: &settings,
            version,
        })
    }
}
