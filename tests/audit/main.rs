//! Nodes built from recorded facts, hardened, permissive and broken one control at a time, and their audit
//! results. They hold files of several owners: run it as root.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the nodes they audit, and fail by panicking"
)]

mod advice;
mod breaking;
mod broken;
#[path = "../command/change.rs"]
mod change;
mod command;
mod cures;
mod each_cure;
mod formats;
mod guide;
mod host;
mod hostile;
#[path = "../common/junit.rs"]
mod junit;
mod merged;
mod node;
#[cfg(feature = "lab")]
mod page;
mod processes;
mod scanners;
mod secrets;
#[path = "../common/schema.rs"]
mod validate;
mod xccdf;
