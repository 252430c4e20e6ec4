//! What Kubernetes' components accept, compared with the components themselves, which `tests/kubernetes/build`
//! builds and `tests/kubernetes/record` asks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::too_many_lines,
    clippy::similar_names,
    clippy::option_option,
    clippy::type_complexity,
    clippy::format_collect,
    reason = "a test lays out hosts, runs programs and fails by panicking"
)]

mod apiserver;
mod arguments;
mod components;
mod drawn;
mod files;
mod kernel;
mod lab;
mod ports;
mod recordings;
mod runtime;
mod state;
mod tables;
