//! The plan: steps in order, each with its reason and its commands, and what is left to the administrator.

use super::file;
use crate::assessment::UnitReport;
use crate::facts::{AccountRow, HostFacts, Source, SysctlFile};
use crate::finding::CheckId;
use crate::finding::account::NewAccount;
use crate::finding::remedy::{NewRow, Remedy};
use crate::requirements::Requirement;
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::{Dialect, Tree};

/// The evaluation of one unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit<'a> {
    /// The report.
    pub report: &'a UnitReport,
    /// The requirements that it was evaluated against.
    pub requirements: &'a [Requirement],
    /// The facts that it was evaluated from.
    pub facts: &'a HostFacts,
}

/// What the plan needs of the host beside the facts of the checks.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Whether this is the running host; an image has no live values.
    pub live: bool,
    /// The directory before every path in a command: empty, or the image's.
    pub prefix: String,
    /// The files that decide at the next boot.
    pub tree: Tree,
    /// The dialect of the systemd that reads them.
    pub dialect: Dialect,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What it does, as a heading.
    pub what: String,
    /// The checks that it fixes.
    pub checks: Vec<CheckId>,
    /// The summaries of their findings, and notes.
    pub why: Vec<String>,
    /// Commands that do the same, to run as root.
    pub commands: Vec<String>,
    /// What `fix --apply` carries out.
    pub action: Action,
}

/// What a step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Lines in a file of `/etc/sysctl.d`.
    File {
        /// Which file.
        target: SysctlFile,
        /// Its content now, where it exists.
        before: Option<Vec<u8>>,
        /// The parameters that it sets.
        parameters: Vec<KernelParameter>,
    },
    /// Values of the running kernel.
    Live(Vec<KernelParameter>),
    /// The account, or half of it, by a program.
    Create(NewAccount),
    /// A row at the end of an account file.
    Row(AccountRow),
    /// Rows at the end of an image's account files.
    Rows(Vec<NewRow>),
}

/// A step that is left to the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ManualStep {
    /// The check that found the problem.
    pub check: CheckId,
    /// The problem.
    pub summary: String,
    /// The place in the host's files.
    pub place: Option<Source>,
    /// What to do.
    pub remedies: Vec<Remedy>,
}

/// The plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Steps, in this order.
    pub steps: Vec<Step>,
    /// Problems that no step fixes.
    pub manual: Vec<ManualStep>,
    /// What is not changed on purpose.
    pub untouched: Vec<String>,
}

impl Plan {
    /// Whether there is nothing to do, for `fix` and for the administrator.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.manual.is_empty()
    }
}

impl Action {
    /// The whole new content of the file, for an action that writes one of `sysctl.d`.
    pub(crate) fn content(&self) -> Option<Vec<u8>> {
        match self {
            Self::File {
                before, parameters, ..
            } => Some(file::with_parameters(before.as_deref(), parameters)),
            _ => None,
        }
    }
}
