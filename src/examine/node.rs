//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Source;
use crate::facts::node::{
    BootstrapKeys, EnabledUnit, EtcdMember, File, FileText, Holder, Inotify, Listener, Network,
    Place, ProxyVariable, Resources, Rke2Processes, Space, Umask,
};
use crate::host::node::mounts::Mounts;
use crate::host::units::UnitFiles;
use crate::host::{HostRoot, node, units};
use crate::rke2::config::Variable;
use crate::rke2::layout;
use crate::rke2::node::Node;
use crate::rke2::packaged;
use crate::unit::UnitDefinition;

/// The variables by which Go's programs find a proxy, and hosts without one.
const PROXY: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"];

/// The node below a root directory.
pub(super) struct HostNode<'a> {
    root: &'a HostRoot,
    advises: bool,
    sockets: bool,
    listeners: OnceCell<Option<Vec<Listener>>>,
    unit: Option<&'a UnitDefinition>,
    variables: &'a [Variable],
    network: OnceCell<Option<Network>>,
    unit_files: OnceCell<UnitFiles>,
    mounts: OnceCell<Option<Mounts>>,
}

impl<'a> HostNode<'a> {
    pub(super) const fn new(root: &'a HostRoot, advises: bool, sockets: bool) -> Self {
        Self {
            root,
            advises,
            sockets,
            listeners: OnceCell::new(),
            unit: None,
            variables: &[],
            network: OnceCell::new(),
            unit_files: OnceCell::new(),
            mounts: OnceCell::new(),
        }
    }

    /// With the unit of RKE2, where it is installed, and the variables of its process.
    pub(super) const fn started_by(
        mut self,
        unit: Option<&'a UnitDefinition>,
        variables: &'a [Variable],
    ) -> Self {
        self.unit = unit;
        self.variables = variables;
        self
    }
}

impl Node for HostNode<'_> {
    fn advises(&self) -> bool {
        self.advises
    }

    fn is_up(&self) -> bool {
        self.advises && !self.sockets
    }

    fn hostname(&self) -> Option<String> {
        node::network::hostname(self.root)
    }

    fn ipv4_default(&self) -> Option<String> {
        node::network::ipv4_default(self.root)
    }

    fn network(&self) -> Option<&Network> {
        let read = || node::network::network(self.root);
        self.network.get_or_init(read).as_ref()
    }

    fn nonlocal_bind(&self) -> Option<bool> {
        node::network::nonlocal_bind(self.root)
    }

    fn listeners(&self) -> Option<&[Listener]> {
        if !self.sockets {
            return None;
        }
        let read = || node::sockets::listeners(self.root);
        self.listeners.get_or_init(read).as_deref()
    }

    fn holders(&self, inodes: &BTreeSet<u64>) -> BTreeMap<u64, Holder> {
        node::processes::holders(self.root, inodes)
    }

    fn rke2_processes(&self) -> Option<Rke2Processes> {
        node::processes::rke2_processes(self.root)
    }

    fn etcd_member(&self, data_dir: &str) -> Option<EtcdMember> {
        node::etcd::member(self.root, data_dir)
    }

    fn etcd_data_has(&self, data_dir: &str, text: &str) -> Option<bool> {
        node::etcd::data_has(self.root, data_dir, text)
    }

    fn has_containerd_template(&self, data_dir: &str) -> bool {
        layout::containerd_templates(data_dir)
            .iter()
            .any(|path| self.root.stat(path).is_ok())
    }
    fn is_running(&self) -> bool {
        self.root.is_live()
    }

    fn advice_file(&self, path: &str) -> FileText {
        node::advice::text(self.root, path)
    }

    fn advice_names(&self, directory: &str) -> Vec<String> {
        node::advice::names(self.root, directory)
    }

    fn enabled(&self, names: &[&'static str]) -> Vec<EnabledUnit> {
        let files = self.unit_files.get_or_init(|| UnitFiles::read(self.root));
        files.enabled(self.root, names)
    }

    fn umask(&self) -> Option<Umask> {
        node::advice::umask(self.root, self.unit?)
    }

    fn is_container(&self) -> Option<bool> {
        self.root
            .is_live()
            .then(|| node::advice::is_container(self.root))
    }

    fn file_size(&self, path: &str) -> Option<u64> {
        node::advice::file_size(self.root, path)
    }

    fn proxy_variables(&self) -> Vec<ProxyVariable> {
        let is_known =
            |variable: &&Variable| PROXY.iter().any(|name| name.as_bytes() == variable.name);
        let all = self.variables.iter().filter(is_known);
        all.map(|variable| ProxyVariable {
            name: String::from_utf8_lossy(&variable.name).into_owned(),
            value: String::from_utf8_lossy(&variable.value).into_owned(),
            source: variable.source.clone(),
        })
        .collect()
    }

    fn inotify(&self) -> Option<Inotify> {
        node::advice::inotify(self.root)
    }

    fn resources(&self, directories: &[String]) -> Option<Resources> {
        // Whether a machine is fit is asked before RKE2 is installed.
        if self.unit.is_some() {
            return None;
        }
        node::advice::resources(self.root, directories)
    }

    fn place(&self, path: &str) -> Option<Place> {
        let read = || node::mounts::mounts(self.root);
        let mounts = self.mounts.get_or_init(read).as_ref();
        node::mounts::place(self.root, mounts, path)
    }

    fn lists_types(&self, directory: &str) -> Option<bool> {
        node::mounts::lists_types(self.root, directory)
    }

    fn space(&self, path: &str) -> Option<Space> {
        node::mounts::space(self.root, path)
    }

    fn file(&self, path: &str) -> Option<File> {
        node::files::file(self.root, path)
    }

    fn exists(&self, path: &str) -> Option<bool> {
        node::files::exists(self.root, path)
    }

    fn names(&self, path: &str) -> Option<Vec<String>> {
        node::files::names(self.root, path)
    }

    fn now(&self) -> Option<u64> {
        node::files::now()
    }

    fn bootstrap_keys(&self, data_dir: &str, keys: &[String]) -> Option<BootstrapKeys> {
        node::search::bootstrap_keys(self.root, data_dir, keys)
    }

    fn policy_names(&self, name: &str) -> Option<bool> {
        node::search::policy_names(self.root, name)
    }

    fn asks_for_nm_cloud_setup(&self) -> Option<Source> {
        let definition = self.unit?;
        let mut commands = definition.auxiliary.iter();
        let command = commands.find(|auxiliary| {
            let words = auxiliary.command.argv.iter();
            let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
            auxiliary.key == "ExecStartPre"
                && !auxiliary.command.ignore_failure
                && packaged::asks_for_nm_cloud_setup(&words)
        })?;
        let source = command.command.source.as_ref();
        source.or(definition.fragment.as_ref()).cloned()
    }

    fn enablement(&self, unit: &str) -> Option<String> {
        Some(units::find(self.root, unit).enabled.as_str().to_owned())
    }
}
