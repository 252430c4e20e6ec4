//! Faults, each with its expected outcome: `docs/faults.md` is the table, and these tests read what
//! they expect from it. Here are those that need no containers: every system call of the
//! built command in turn fails, reads one byte, or is the last. The others are in `tests/containers` and
//! `tests/vm`.
#![cfg(target_arch = "x86_64")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the hosts they read, run programs, and fail by panicking"
)]

#[path = "../command/case.rs"]
#[expect(dead_code, reason = "another test reads all of a case")]
mod case;
mod cut;
mod fix;
mod gate;
#[cfg(feature = "lab")]
mod hang;
#[path = "../command/host.rs"]
#[expect(dead_code, reason = "another test runs commands without faults")]
mod host;
mod rows;
#[cfg(feature = "lab")]
mod state;
mod table;
#[expect(dead_code, reason = "tests of containers follow what runs already")]
mod tracer;
