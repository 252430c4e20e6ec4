//! The command line. Each command calls the library, prints, and exits with a documented status.
#![expect(
    clippy::disallowed_methods,
    reason = "arguments, terminal and environment are the command line's to read"
)]

mod arguments;
mod audit;
mod check;
pub(crate) mod completions;
mod config;
mod explain;
mod fix;
mod gate;
mod monitor;
mod select;
mod status;
mod stderr;
mod sysctl;
pub(crate) mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};
use terminal::print;

use crate::report::npd::Condition;
use crate::text::printable;

/// The result of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// All units would start; no control failed.
    Good,
    /// Could not be evaluated.
    Failed,
    /// Wrong usage.
    Usage,
    /// A unit would be refused, or a control failed.
    Refused,
    /// Only what `--fail-on` names was found.
    FailedOn,
    /// The result for node-problem-detector, which has statuses of its own.
    Npd(Condition),
}

impl Status {
    /// The exit status of the process.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::FailedOn => 4,
            Self::Npd(condition) => condition.code(),
        }
    }
}

/// Runs the command with `arguments`, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line: Vec<OsString> = arguments.into_iter().collect();
    let status = match Arguments::read(&line) {
        Ok(arguments) => dispatch(&arguments),
        Err(error) => {
            // Arguments may hold any characters. The error that is printed quotes them in printable form.
            let shown: Vec<OsString> = line
                .iter()
                .map(|word| printable(&word.to_string_lossy()).into())
                .collect();
            let error = Arguments::try_parse_from(&shown).err().unwrap_or(error);
            // Help and version are no errors: they go to standard output.
            let is_help = !error.use_stderr();
            if is_help {
                print(&error.render().to_string());
                Status::Good
            } else {
                stderr::text(&error.render().to_string());
                Status::Usage
            }
        }
    };
    ExitCode::from(status.code())
}

/// The definition of the command line, for manuals and completions to be made from.
pub fn command() -> clap::Command {
    Arguments::command()
}

fn dispatch(arguments: &Arguments) -> Status {
    match &arguments.command {
        Command::Check(check) => check::run(&arguments.common, check),
        Command::Audit(audit) => audit::run(&arguments.common, audit),
        Command::Gate(gate) => gate::run(&arguments.common, gate),
        Command::Monitor => monitor::run(&arguments.common),
        Command::Status(status) => status::run(&arguments.common, status),
        Command::Fix(fix) => fix::run(&arguments.common, fix),
        Command::Config(config) => config::run(&arguments.common, config),
        Command::Sysctl(sysctl) => sysctl::run(&arguments.common, sysctl),
        Command::Explain(explain) => explain::run(explain),
        Command::Completions { shell } => {
            print(&completions::script(*shell, &mut command()));
            Status::Good
        }
    }
}
