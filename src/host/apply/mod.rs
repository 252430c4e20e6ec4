//! Executes a plan of [`crate::fix`]: the only code of this program that changes the host.
//!
//! Every step is tried, because none depends on another. Below an image's root, nothing outside it is
//! written, and no program is run: programs that create accounts load libraries of the image, whose code
//! would then run on this machine.

mod file;
mod program;
mod survey;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{BufReader, Write as _};

use crate::facts::{Lookup, Table};
use crate::finding::account::{NewAccount, SYSUSERS_FILE, sysusers_content};
use crate::fix::{Action, Plan, Step};
use crate::go;
use crate::host::HostRoot;
use crate::rke2::accounts::lookup;
use crate::rke2::kernel::KernelParameter;

pub(crate) use program::Programs;
pub(crate) use survey::survey;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// A system call failed.
    #[error("{doing} {path}: {}", go::errno(*.errno))]
    Os {
        /// The operation, as a participle.
        doing: &'static str,
        /// The file, as the host names it.
        path: String,
        /// The error number.
        errno: i32,
    },
    /// The path is not a regular file.
    #[error("{path} is {what}: it was created on purpose, and is not changed")]
    NotOurs {
        /// The file.
        path: String,
        /// What it is.
        what: String,
    },
    /// Another program writes at the same time.
    #[error("{path}: {why}; run it again")]
    Busy {
        /// The file.
        path: String,
        /// The reason.
        why: &'static str,
    },
    /// Parts of a step failed.
    #[error("{}", lines(.0))]
    Several(Vec<Failure>),
    /// A program failed or could not be run.
    #[error("{program}: {why}")]
    Program {
        /// The program.
        program: String,
        /// How it failed, with its output.
        why: String,
    },
    /// No program that creates accounts is installed.
    #[error(
        "neither systemd-sysusers nor groupadd and useradd is in {searched}: install one, or add \
         the rows to /etc/group and /etc/passwd"
    )]
    NoProgram {
        /// The directories searched.
        searched: String,
    },
    /// The program succeeded, but the account is still missing.
    #[error("{path} has no {word} etcd{wanted}, although {program} succeeded")]
    NotMade {
        /// The table.
        path: &'static str,
        /// `user` or `group`.
        word: &'static str,
        /// ` with id 5`, or nothing.
        wanted: String,
        /// What was run.
        program: &'static str,
    },
}

fn lines(failures: &[Failure]) -> String {
    let all: Vec<String> = failures.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl Failure {
    fn os(doing: &'static str, path: &str, errno: i32) -> Self {
        Self::Os {
            doing,
            path: path.to_owned(),
            errno,
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done<'p> {
    /// The step.
    pub step: &'p Step,
    /// Whether it succeeded.
    pub result: Result<(), Failure>,
}

/// Executes every step.
pub(crate) fn apply<'p>(root: &HostRoot, plan: &'p Plan, programs: &Programs) -> Vec<Done<'p>> {
    plan.steps
        .iter()
        .map(|step| Done {
            step,
            result: carry_out(root, step, programs),
        })
        .collect()
}

fn carry_out(root: &HostRoot, step: &Step, programs: &Programs) -> Result<(), Failure> {
    match &step.action {
        Action::File { target, before, .. } => {
            let content = step.action.content().unwrap_or_default();
            file::replace(root, &target.path, before.as_deref(), &content)
        }
        Action::Live(parameters) => all_live(root, parameters),
        // A program would load libraries of the image, or change the running host.
        Action::Create(_) if !root.is_live() => Err(Failure::NotOurs {
            path: Table::Passwd.path().to_owned(),
            what: "an image's, below which no program is run".to_owned(),
        }),
        Action::Create(account) => create(root, account, programs),
        Action::Row(row) => file::append(root, row.table.path(), &row.row),
        Action::Rows(rows) => file::add_rows(root, rows),
    }
}

/// Sets every parameter of the running kernel, whatever became of the others.
fn all_live(root: &HostRoot, parameters: &[KernelParameter]) -> Result<(), Failure> {
    let failures: Vec<Failure> = parameters
        .iter()
        .filter_map(|parameter| live(root, parameter).err())
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::Several(failures))
    }
}

/// Writes a value to the running kernel; an image has none.
fn live(root: &HostRoot, parameter: &KernelParameter) -> Result<(), Failure> {
    let path = parameter.path();
    if !root.is_live() {
        return Ok(());
    }
    let written = OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{}\n", parameter.required).as_bytes()));
    written.map_err(|error| {
        Failure::os(
            "writing",
            &path,
            error.raw_os_error().unwrap_or(nix::libc::EIO),
        )
    })
}

fn create(root: &HostRoot, account: &NewAccount, programs: &Programs) -> Result<(), Failure> {
    if account.declared
        && root
            .read(SYSUSERS_FILE)
            .is_ok_and(|content| content.is_empty())
    {
        return Err(Failure::NotOurs {
            path: SYSUSERS_FILE.to_owned(),
            what: "a mask".to_owned(),
        });
    }
    let name = if let Some(path) = programs.find("systemd-sysusers") {
        if !account.declared {
            let content = sysusers_content(&account.sysusers());
            let before = root.read(SYSUSERS_FILE).ok();
            file::replace(root, SYSUSERS_FILE, before.as_deref(), &content)?;
        }
        let call = NewAccount::run_sysusers();
        program::run(&path, &call.args)?;
        call.name
    } else {
        for call in account.shadow() {
            let path = programs.find(call.name).ok_or_else(|| Failure::NoProgram {
                searched: programs.searched(),
            })?;
            program::run(&path, &call.args)?;
        }
        "useradd"
    };
    if account.group {
        made(root, Table::Group, account.gid, name)?;
    }
    if account.user {
        made(root, Table::Passwd, account.uid, name)?;
    }
    Ok(())
}

/// Checks that RKE2 finds the account now, with the requested id.
fn made(
    root: &HostRoot,
    table: Table,
    wanted: Option<u32>,
    program: &'static str,
) -> Result<(), Failure> {
    let found = root
        .open_file(table.path())
        .ok()
        .and_then(|file| lookup(&mut BufReader::new(file), table, "etcd", None).ok());
    match found {
        Some(Lookup::Found { id, .. }) if wanted.is_none_or(|wanted| i64::from(wanted) == id) => {
            Ok(())
        }
        _ => Err(Failure::NotMade {
            path: table.path(),
            word: table.as_str(),
            wanted: wanted.map_or_else(String::new, |id| format!(" with id {id}")),
            program,
        }),
    }
}
