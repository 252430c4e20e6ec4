//! The package and a stand-in for RKE2 on a real kernel with its own parameters: what happens over
//! a reboot. Needs root, `tests/lab/vm-image` and `tests/lab/package`; see there.
//!
//! These tests use only the program's command line, its journal entries and its exit status.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test lays files and runs programs"
)]

#[cfg(test)]
mod clock;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod monitor;
#[cfg(test)]
#[path = "../containers/outcome.rs"]
mod outcome;
#[cfg(test)]
mod reboot;
#[cfg(test)]
mod report;
#[cfg(test)]
mod results;
#[cfg(test)]
#[path = "../faults/rows.rs"]
#[expect(
    dead_code,
    reason = "another test holds all of the table against the tests"
)]
mod rows;
