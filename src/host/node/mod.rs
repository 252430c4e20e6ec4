//! Readers of the node beside kernel parameters and accounts, for [`crate::rke2::node`].

pub(crate) mod files;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod search;
