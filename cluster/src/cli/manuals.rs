//! The manual and the completions in the repository are up to date. `PREFLIGHT_BLESS=1` regenerates them.

use clap::CommandFactory as _;

use super::arguments::Arguments;

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads the repository, and asks bash"
)]
#[path = "../../../tests/common/manual.rs"]
mod manual;

#[test]
fn the_manual() {
    manual::of_program(&Arguments::command());
}

#[test]
fn completions_know_every_command() {
    manual::completions(&mut Arguments::command());
}
