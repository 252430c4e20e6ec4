//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::node::{
    EnabledUnit, EtcdMember, FileText, Holder, Inotify, Listener, Network, ProxyVariable,
    Resources, Rke2Processes, Umask,
};
use crate::host::units::UnitFiles;
use crate::host::{HostRoot, node};
use crate::rke2::config::Variable;
use crate::rke2::layout;
use crate::rke2::node::Node;
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

    fn hostname(&self) -> Option<String> {
        node::network::hostname(self.root)
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

    fn file(&self, path: &str) -> FileText {
        node::files::text(self.root, path)
    }

    fn names(&self, directory: &str) -> Vec<String> {
        node::files::names(self.root, directory)
    }

    fn enabled(&self, names: &[&'static str]) -> Vec<EnabledUnit> {
        let files = self.unit_files.get_or_init(|| UnitFiles::read(self.root));
        files.enabled(self.root, names)
    }

    fn umask(&self) -> Option<Umask> {
        node::files::umask(self.root, self.unit?)
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
        node::files::inotify(self.root)
    }

    fn resources(&self, directories: &[String]) -> Option<Resources> {
        node::files::resources(self.root, directories)
    }
}
