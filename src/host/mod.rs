//! Facts: the only place that reads the machine, and all of it below one root directory. Only
//! [`apply`] changes it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the module that reads the machine for the others"
)]

pub mod apply;
pub mod audit;
pub mod configuration;
pub mod facts;
pub mod journal;
pub mod kernel_build;
#[cfg(test)]
mod laid;
pub mod machine;
pub mod rke2_binary;
pub mod rke2_config;
pub mod root;
pub mod state;
pub mod sysctl_d;
pub mod systemd_bus;
pub mod textfile;
pub mod units;
pub mod watch;

pub use root::HostRoot;
