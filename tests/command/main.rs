//! The built command on whole hosts below `--root`: what it prints, what it makes of recorded
//! behaviour and of hostile files, and the contract it keeps. Needs neither root nor containers.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the hosts they read, and fail by panicking"
)]

mod case;
mod contract;
mod fix;
mod host;
mod hostile;
mod hosts;
mod image;
mod laws;
mod memory;
#[path = "../common/node.rs"]
mod node;
mod printable;
mod program;
mod recorded;
mod remedies;
mod schema;
mod secrets;
mod unknown;
mod unseen;
#[path = "../common/schema.rs"]
mod validate;
