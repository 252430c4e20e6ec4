//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;

use crate::facts::node::{File, Mount, Network, Place, Space};
use crate::host::{HostRoot, node};
use crate::rke2::node::Node;

/// The node below a root directory.
pub(super) struct HostNode<'a> {
    root: &'a HostRoot,
    advises: bool,
    network: OnceCell<Option<Network>>,
    mounts: OnceCell<Option<Vec<Mount>>>,
}

impl<'a> HostNode<'a> {
    pub(super) const fn new(root: &'a HostRoot, advises: bool) -> Self {
        Self {
            root,
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
}
