//! Access to the machine. Everything is read below one root directory; only [`apply`] changes it, and
//! [`disk`] writes to a file without a name.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the module that reads the machine for the others"
)]

pub(crate) mod apply;
mod atomic_file;
pub(crate) mod audit;
pub(crate) mod configuration;
pub(crate) mod disk;
pub(crate) mod facts;
#[cfg(test)]
mod fixture;
pub(crate) mod journal;
pub(crate) mod kernel_build;
mod kernel_writes;
pub(crate) mod kubelet;
pub(crate) mod logs;
pub(crate) mod machine;
pub(crate) mod mount_events;
mod mountinfo;
pub(crate) mod node;
pub(crate) mod rke2_binary;
pub(crate) mod rke2_config;
pub(crate) mod root;
pub(crate) mod selinux;
pub(crate) mod state;
pub(crate) mod sysctl_d;
pub(crate) mod systemd_bus;
pub(crate) mod systemd_version;
pub(crate) mod textfile;
pub(crate) mod units;
pub(crate) mod watch;

pub use root::HostRoot;
