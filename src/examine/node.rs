//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::node::{EtcdMember, Holder, Listener, Network, Rke2Processes};
use crate::host::{HostRoot, node};
use crate::rke2::layout;
use crate::rke2::node::Node;

/// The node below a root directory.
pub(super) struct HostNode<'a> {
    root: &'a HostRoot,
    advises: bool,
    sockets: bool,
    network: OnceCell<Option<Network>>,
    listeners: OnceCell<Option<Vec<Listener>>>,
}

impl<'a> HostNode<'a> {
    pub(super) const fn new(root: &'a HostRoot, advises: bool, sockets: bool) -> Self {
        Self {
            root,
            advises,
            sockets,
            network: OnceCell::new(),
            listeners: OnceCell::new(),
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
}
