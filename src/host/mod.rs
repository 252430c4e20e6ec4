//! Facts: the only place that reads the machine, and all of it below one root directory.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the module that reads the machine for the others"
)]

pub mod root;
pub mod systemd_bus;
pub mod units;

pub use root::HostRoot;
