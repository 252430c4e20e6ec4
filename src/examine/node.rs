//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;

use crate::facts::Source;
use crate::facts::node::{BootstrapKeys, File, Mount, Network, Place, Space};
use crate::host::{HostRoot, node, units};
use crate::rke2::node::Node;
use crate::rke2::packaged;
use crate::unit::UnitDefinition;

/// The node below a root directory.
pub(super) struct HostNode<'a> {
    root: &'a HostRoot,
    definition: Option<&'a UnitDefinition>,
    advises: bool,
    network: OnceCell<Option<Network>>,
    mounts: OnceCell<Option<Vec<Mount>>>,
}

impl<'a> HostNode<'a> {
    pub(super) const fn new(
        root: &'a HostRoot,
        definition: Option<&'a UnitDefinition>,
        advises: bool,
    ) -> Self {
        Self {
            root,
            definition,
            advises,
            network: OnceCell::new(),
            mounts: OnceCell::new(),
        }
    }
}

impl Node for HostNode<'_> {
    fn advises(&self) -> bool {
        self.advises
    }

    fn hostname(&self) -> Option<String> {
        node::network::hostname(self.root)
    }

    fn network(&self) -> Option<Network> {
        let read = || node::network::network(self.root);
        self.network.get_or_init(read).clone()
    }

    fn place(&self, path: &str) -> Option<Place> {
        let read = || node::mounts::mounts(self.root);
        let mounts = self.mounts.get_or_init(read).as_deref();
        node::mounts::place(self.root, mounts, path)
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

    fn is_live(&self) -> bool {
        self.root.is_live()
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
        let definition = self.definition?;
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
