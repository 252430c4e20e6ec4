//! The node as RKE2 meets it, for [`crate::rke2::node`]. Nothing is read that no rule asks for, and nothing twice.

use std::cell::OnceCell;

use crate::facts::node::Network;
use crate::host::{HostRoot, node};
use crate::rke2::node::Node;

/// The node below a root directory.
pub(super) struct HostNode<'a> {
    root: &'a HostRoot,
    advises: bool,
    network: OnceCell<Option<Network>>,
}

impl<'a> HostNode<'a> {
    pub(super) const fn new(root: &'a HostRoot, advises: bool) -> Self {
        Self {
            root,
            advises,
            network: OnceCell::new(),
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
}
