//! What Kubernetes' components accept, compared with the components themselves, which `tests/kubernetes/build`
//! builds and `tests/kubernetes/record` asks.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "a test lays out hosts, runs programs and fails by panicking"
)]

mod apiserver;
mod arguments;
mod files;
mod kernel;
mod tables;
