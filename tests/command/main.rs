//! The built command on whole hosts below `--root`: what it prints, how it handles recorded
//! behaviour and hostile files, and its contract. Needs neither root nor containers.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the hosts they read, and fail by panicking"
)]

mod case;
mod change;
mod contract;
mod cures;
mod exits;
mod fix;
mod host;
mod hostile;
mod hosts;
mod image;
mod kubelet;
mod laws;
mod memory;
#[path = "../common/node.rs"]
mod node;
mod node_reports;
mod origins;
mod printable;
mod program;
mod recorded;
mod remedies;
mod reports;
mod right_nodes;
mod schema;
mod secrets;
mod unknown;
mod unseen;
mod upgrade;
#[path = "../common/schema.rs"]
mod validate;
