//! Carries out a plan of [`crate::fix`]: the only code of this program that changes the host.
//!
//! Every step is tried, even if one before it failed: no step needs another. For an image, nothing outside
//! its root is written and no program is run: programs that create accounts load libraries of the image,
//! whose code would then run here.

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

pub(crate) use file::Hook;
pub(crate) use program::Programs;
pub(crate) use survey::survey;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// A system call failed.
    #[error("{doing} {path}: {}", go::errno(*.errno))]
    Os {
        /// What was being done.
        doing: &'static str,
        /// The file, as the host names it.
        path: String,
        /// The error number.
        errno: i32,
    },
    /// The path is taken by something that an administrator put there.
    #[error("{path} is {what}: it was put there on purpose, and is not changed")]
    NotOurs {
        /// The file.
        path: String,
        /// What it is.
        what: String,
    },
    /// Another process writes too.
    #[error("{path}: {why}; run it again")]
    Busy {
        /// The file.
        path: String,
        /// What it does.
        why: &'static str,
    },
    /// Parts of a step failed.
    #[error("{}", lines(.0))]
    Several(Vec<Failure>),
    /// A program failed.
    #[error("{program}: {why}")]
    Program {
        /// The program.
        program: String,
        /// How, with what it printed.
        why: String,
    },
    /// The host has no program that creates accounts.
    #[error(
        "neither systemd-sysusers nor groupadd and useradd is in {searched}: install one, or add \
         the rows to /etc/group and /etc/passwd"
    )]
    NoProgram {
        /// The directories searched.
        searched: String,
    },
    /// The program succeeded, and the account still does not exist as requested.
    #[error("{path} has no {word} etcd{wanted}, although {program} did not fail")]
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
    /// Its result.
    pub result: Result<(), Failure>,
}

/// Carries out every step.
pub(crate) fn apply<'p>(root: &HostRoot, plan: &'p Plan, programs: &Programs) -> Vec<Done<'p>> {
    apply_with(root, plan, programs, &mut |_| Ok(()))
}

/// The same. `hook` is called before each system call that changes a file, and can make it fail: tests
/// interrupt a step at every point.
pub(crate) fn apply_with<'p>(
    root: &HostRoot,
    plan: &'p Plan,
    programs: &Programs,
    hook: &mut Hook<'_>,
) -> Vec<Done<'p>> {
    plan.steps
        .iter()
        .map(|step| Done {
            step,
            result: carry_out(root, step, programs, hook),
        })
        .collect()
}

fn carry_out(
    root: &HostRoot,
    step: &Step,
    programs: &Programs,
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
    match &step.action {
        Action::File { target, before, .. } => {
            let content = step.action.content().unwrap_or_default();
            file::replace(root, &target.path, before.as_deref(), &content, hook)
        }
        Action::Live(parameters) => all_live(root, parameters),
        // A program would load libraries of the image, or change the running host.
        Action::Create(_) if !root.is_live() => Err(Failure::NotOurs {
            path: Table::Passwd.path().to_owned(),
            what: "an image's, below which no program is run".to_owned(),
        }),
        Action::Create(account) => create(root, account, programs, hook),
        Action::Row(row) => file::append(root, row.table.path(), &row.row, hook),
        Action::Rows(rows) => file::add_rows(root, rows, hook),
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

fn create(
    root: &HostRoot,
    account: &NewAccount,
    programs: &Programs,
    hook: &mut Hook<'_>,
) -> Result<(), Failure> {
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
            file::replace(root, SYSUSERS_FILE, before.as_deref(), &content, hook)?;
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

/// Whether RKE2 would find the account now, with the requested id.
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
