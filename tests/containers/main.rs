//! What an operator meets: the package, a stand-in for RKE2 and a real systemd (247, 252, 257, 262),
//! booted in containers. Needs root, `tests/lab/roots` and `tests/lab/package`; see there.
//!
//! These tests use only the program's command line, its journal entries and its exit status; `directives`
//! also reads the table that it compares with systemd.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test lays files and runs programs"
)]

#[cfg(test)]
mod blocking;
#[cfg(test)]
mod bus;
#[cfg(test)]
mod cost;
#[cfg(test)]
mod directives;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod exits;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod file_systems;
#[cfg(test)]
mod flips;
#[cfg(test)]
mod impostors;
#[cfg(test)]
mod intruder;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod kubelet;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod late;
#[cfg(test)]
mod left_down;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod network;
#[cfg(test)]
mod ordering;
#[cfg(test)]
mod origins;
#[cfg(test)]
mod outcome;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod overriding;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod released;
#[cfg(test)]
mod results;
#[cfg(test)]
mod resume;
#[cfg(test)]
#[path = "../faults/rows.rs"]
#[expect(
    dead_code,
    reason = "another test holds all of the table against the tests"
)]
mod rows;
#[cfg(test)]
mod running;
#[cfg(test)]
mod sight;
#[cfg(test)]
#[path = "../faults/tracer.rs"]
#[expect(dead_code, reason = "another test runs commands with it")]
mod tracer;
#[cfg(test)]
mod units;
#[cfg(test)]
mod watched;

/// Defines one test of a scenario for each named suite.
macro_rules! on {
    ($scenario:ident: $($suite:ident)+) => {
        mod $scenario {
            $(
                #[test]
                fn $suite() {
                    super::$scenario(stringify!($suite));
                }
            )+
        }
    };
}
pub(crate) use on;
