//! The command line. Each command asks the library, prints, and ends with a status of the contract.
#![expect(
    clippy::disallowed_methods,
    reason = "arguments, terminal and environment are the command line's to read"
)]

mod arguments;
mod audit;
mod check;
mod config;
mod explain;
mod fix;
mod gate;
mod monitor;
mod select;
mod status;
mod stderr;
mod sysctl;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use arguments::{Arguments, Command};

use crate::report::npd::Condition;
use crate::text::{output, printable};

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// All would start; no control failed.
    Good,
    /// It could not be evaluated.
    Failed,
    /// The command was called wrongly.
    Usage,
    /// A unit would be refused, or a control failed.
    Refused,
    /// Only what `--fail-on` names was found.
    FailedOn,
    /// An answer to node-problem-detector, whose statuses are its own.
    Npd(Condition),
}

impl Status {
    /// The number a process ends with.
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
            // What was typed may hold anything: the error that is printed is one about what it
            // looks like.
            let shown: Vec<OsString> = line
                .iter()
                .map(|word| printable(&word.to_string_lossy()).into())
                .collect();
            let error = Arguments::try_parse_from(&shown).err().unwrap_or(error);
            // Help and version are asked for: they go to standard output and are no error.
            let asked = !error.use_stderr();
            if asked {
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
            let mut script = Vec::new();
            let mut command = command();
            clap_complete::generate(*shell, &mut command, "preflight-rke2", &mut script);
            print(&String::from_utf8_lossy(&script));
            Status::Good
        }
    }
}

/// Prints to standard output. That nobody reads on (a closed pipe) is no reason to fail.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out
        .write_all(output(text).as_bytes())
        .and_then(|()| out.flush());
}

/// Whether standard output is to be coloured.
fn colored(when: arguments::Color) -> bool {
    use std::io::IsTerminal as _;
    match when {
        arguments::Color::Always => true,
        arguments::Color::Never => false,
        arguments::Color::Auto => {
            let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
        }
    }
}

/// Columns to fill: those of the terminal if it tells, within reason.
fn width() -> usize {
    let told = std::env::var("COLUMNS").ok();
    told.and_then(|columns| columns.parse::<usize>().ok())
        .unwrap_or(100)
        .clamp(40, 200)
}
