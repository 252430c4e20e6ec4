//! Readers of the node beside kernel parameters and accounts, for [`crate::rke2::node`].

pub(crate) mod advice;
pub(crate) mod etcd;
pub(crate) mod files;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod processes;
pub(crate) mod search;
pub(crate) mod sockets;
