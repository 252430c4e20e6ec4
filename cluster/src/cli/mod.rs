//! The commands.

mod arguments;
mod audit;
mod check;
mod explain;
mod fix;
mod live;
#[cfg(test)]
mod manuals;
mod waivers;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use preflight_rke2::shared::{self, Style, print, printable, write_error};

use arguments::{Arguments, Command, Common};

/// How a command ends: the exit statuses of preflight-rke2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// No control failed.
    Good,
    /// Could not be evaluated.
    Failed,
    /// Wrong usage.
    Usage,
    /// A control failed, or a right is missing.
    Refused,
    /// Only what `--fail-on` names was found.
    FailedOn,
}

impl Status {
    const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::FailedOn => 4,
        }
    }
}

/// Runs the command with `arguments`, the program's name first.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let status = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match &arguments.command {
            Command::Audit(asked) => audit::run(&arguments.common, asked),
            Command::Check => check::run(&arguments.common),
            Command::Explain { control } => explain::run(control.as_deref()),
            Command::Fix(asked) => fix::run(&arguments.common, asked),
            Command::Rbac(asked) => {
                print(&if asked.fix {
                    crate::rights::role_of_fix()
                } else {
                    crate::rights::roles(&asked.kubernetes_version)
                });
                Status::Good
            }
        },
        Err(error) if error.use_stderr() => {
            write_error(&error.render().to_string());
            Status::Usage
        }
        Err(help) => {
            print(&help.render().to_string());
            Status::Good
        }
    };
    ExitCode::from(status.code())
}

/// Prints one line after the program's name. A line feed in the message is escaped.
fn complain(message: &str) {
    write_error(&format!("preflight-rke2-cluster: {}\n", printable(message)));
}

/// How text looks on standard output.
fn style(common: &Common) -> Style {
    shared::style(common.color, common.verbose)
}
