//! The node as [`crate::change`] changes it.

use std::os::unix::fs::symlink;

pub(crate) use crate::node::Built as Host;

impl Host {
    /// Puts a symbolic link there.
    pub(crate) fn link(&self, path: &str, to: &str) {
        symlink(to, self.at(path)).unwrap();
    }
}
