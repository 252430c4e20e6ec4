//! The plan: steps in order, each with its reason and the commands a person would type, and what is
//! left to a person.

use super::accounts::{self, Accounts, Elsewhere, Known, Maker, Needed, SYSUSERS_FILE, Wish};
use super::rows::NewRow;
use super::{file, parameters};
use crate::assessment::UnitReport;
use crate::facts::{HostFacts, Part, Source, Table, Target};
use crate::finding::{Effect, Outcome, Remedy};
use crate::requirements::Requirement;
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::{Dialect, Tree};
use crate::text::shell_word;

/// What was found out about one unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit<'a> {
    /// The report.
    pub report: &'a UnitReport,
    /// What is demanded.
    pub requirements: &'a [Requirement],
    /// What is.
    pub facts: &'a HostFacts,
}

/// What the plan needs to know of the host beside the facts of the checks.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    /// Whether this is the running host; an image has no live values.
    pub live: bool,
    /// What stands before every path in a command: empty, or the image's directory.
    pub prefix: String,
    /// The files that decide at the next boot.
    pub tree: Tree,
    /// How they are read.
    pub dialect: Dialect,
    /// `/etc/passwd`.
    pub passwd: Vec<u8>,
    /// `/etc/group`.
    pub group: Vec<u8>,
    /// Rows of the account where RKE2 does not look.
    pub elsewhere: Vec<Elsewhere>,
    /// The file that declares the account, if it is there.
    pub declared: Option<Vec<u8>>,
    /// Which programs there are.
    pub maker: Maker,
    /// `/etc/login.defs`.
    pub login_defs: Vec<u8>,
    /// Files and folders of an image that a step may write, and that are links: a shell would follow
    /// them out of the image.
    pub links: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    /// What, for a person.
    pub what: String,
    /// The checks it is there for.
    pub checks: Vec<String>,
    /// What they found, and what else there is to know.
    pub why: Vec<String>,
    /// What a person would type, as root.
    pub commands: Vec<String>,
    /// What is carried out.
    pub action: Action,
}

/// What is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// These parameters in a file of `/etc/sysctl.d`.
    File {
        /// Which file.
        target: Target,
        /// Its content now, where it is there.
        before: Option<Vec<u8>>,
        /// Which parameters.
        parameters: Vec<KernelParameter>,
    },
    /// A value in the running kernel.
    Live(KernelParameter),
    /// The account, or half of it.
    Make(Accounts),
    /// A row at the end of an account file.
    Row(Elsewhere),
    /// Rows at the end of an image's account files.
    Rows(Vec<NewRow>),
}

/// What is left to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Left {
    /// The check that found it.
    pub check: String,
    /// What is the matter.
    pub summary: String,
    /// Where.
    pub place: Option<Source>,
    /// What to do.
    pub remedies: Vec<Remedy>,
}

/// The plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// What no step does.
    pub left: Vec<Left>,
    /// What stays as it is, on purpose.
    pub untouched: Vec<String>,
}

/// Why what the caller wants cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    /// The account has another id.
    #[error(
        "the {} etcd exists with id {id}, not {wish}: existing accounts are not changed", .table.as_str()
    )]
    Exists {
        /// User or group.
        table: Table,
        /// Its id.
        id: i64,
        /// The wanted one.
        wish: u32,
    },
    /// Somebody else has the id.
    #[error("{} has given id {id} to {name}: choose another with --uid and --gid", .table.path())]
    Taken {
        /// User or group.
        table: Table,
        /// The wanted id.
        id: u32,
        /// Who has it.
        name: String,
    },
    /// The account is declared in another way.
    #[error("{0} declares the account already, in other words: change it there, or remove it")]
    Declared(&'static str),
    /// An image has given away every id of the system's.
    #[error(
        "/etc/passwd and /etc/group have given away every system id that /etc/login.defs allows: \
         choose one with --uid and --gid"
    )]
    NoId,
    /// The account is where RKE2 does not look, and is to be copied.
    #[error("{} has the account already: leave --uid and --gid away to copy it", places(.0))]
    Elsewhere(Vec<Source>),
}

fn places(sources: &[Source]) -> String {
    let all: Vec<String> = sources.iter().map(ToString::to_string).collect();
    all.join(" and ")
}

impl Plan {
    /// Whether there is nothing to do and nothing left.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.left.is_empty()
    }
}

/// The plan for all of `units`, which are on one host.
pub(crate) fn plan(units: &[Unit<'_>], host: &Host, wish: Wish) -> Result<Plan, Conflict> {
    let mut plan = Plan::default();
    parameters::every_boot(units, host, &mut plan);
    if host.live {
        parameters::now(units, &mut plan);
    }
    account(units, host, wish, &mut plan)?;
    for step in &mut plan.steps {
        not_through_links(step, host);
    }
    left(units, host, &mut plan);
    plan.untouched
        .push("RKE2's own configuration, and whatever decides its profile and flags".to_owned());
    plan.untouched.push(
        "systemd-sysctl (never restarted) and `sysctl --system` (never run): where RKE2 runs, \
         network plugins keep values of their own"
            .to_owned(),
    );
    Ok(plan)
}

/// Takes the commands away that would lead a shell out of an image.
fn not_through_links(step: &mut Step, host: &Host) {
    let leads = |link: &String| {
        step.action.paths().iter().any(|path| {
            let rest = path.strip_prefix(link.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let Some(link) = host.links.iter().find(|link| leads(link)) else {
        return;
    };
    step.commands.clear();
    step.why.push(format!(
        "{link} is a link: what is typed would follow it out of the image, `fix --apply` does not"
    ));
}

fn account(units: &[Unit<'_>], host: &Host, wish: Wish, plan: &mut Plan) -> Result<(), Conflict> {
    let asked = |unit: &&Unit<'_>| unit.facts.user.is_some() && unit.facts.group.is_some();
    let Some(unit) = units.iter().find(asked) else {
        return Ok(());
    };
    let known = Known {
        facts: unit.facts,
        elsewhere: &host.elsewhere,
        passwd: &host.passwd,
        group: &host.group,
        declared: host.declared.as_deref(),
        login_defs: (!host.live).then_some(host.login_defs.as_slice()),
    };
    let concerned = |tables: &[Table]| -> (Vec<String>, Vec<String>) {
        let findings = unit.report.findings.iter();
        findings
            .filter(|f| f.outcome == Outcome::Violated)
            .filter(|f| tables.iter().any(|t| f.id == check(*t)))
            .map(|f| (f.id.clone(), f.summary.clone()))
            .unzip()
    };
    match accounts::needed(&known, wish)? {
        Needed::Nothing => {}
        Needed::Copy(rows) => {
            for row in rows {
                let path = format!("{}{}", host.prefix, row.table.path());
                let (checks, why) = concerned(&[row.table]);
                plan.steps.push(Step {
                    what: format!(
                        "copy etcd's row from {} to {}",
                        row.source,
                        row.table.path()
                    ),
                    checks,
                    why,
                    commands: vec![append(row.table.path(), &row.row, &path, host)],
                    action: Action::Row(row),
                });
            }
        }
        Needed::Make(accounts) => {
            let (checks, mut why) = concerned(&[Table::Passwd, Table::Group]);
            why.extend(declared(&accounts));
            plan.steps.push(Step {
                what: format!("make {}", accounts.words()),
                checks,
                why,
                commands: make(&accounts, host.maker),
                action: Action::Make(accounts),
            });
        }
        Needed::Write(accounts, rows) => {
            let (checks, mut why) = concerned(&[Table::Passwd, Table::Group]);
            why.extend(declared(&accounts));
            let needed = rows.iter().filter(|row| !row.optional);
            plan.steps.push(Step {
                what: format!("make {}", accounts.words()),
                checks,
                why,
                commands: needed
                    .map(|new| {
                        let path = format!("{}{}", host.prefix, new.path);
                        append(new.path, &new.row, &path, host)
                    })
                    .collect(),
                action: Action::Rows(rows),
            });
        }
    }
    Ok(())
}

/// What there is to say of a declaration that is not ours.
fn declared(accounts: &Accounts) -> Option<String> {
    let line = format!("{SYSUSERS_FILE} declares it already; it stays as it is");
    accounts.declared.then_some(line)
}

/// What a person would type to append a row to `file`, which is at `path`.
fn append(file: &str, row: &str, path: &str, host: &Host) -> String {
    let there = if file == Table::Passwd.path() {
        &host.passwd
    } else {
        &host.group
    };
    let unended = !matches!(there.last(), None | Some(b'\n'));
    format!(
        "printf '%s\\n' {}{} >> {}",
        if unended { "'' " } else { "" },
        shell_word(row),
        shell_word(path)
    )
}

/// What a person would type to make the account.
fn make(accounts: &Accounts, maker: Maker) -> Vec<String> {
    let call = |program: &accounts::Program| {
        let words = std::iter::once(program.name).chain(program.args.iter().map(String::as_str));
        words.map(shell_word).collect::<Vec<_>>().join(" ")
    };
    match maker {
        Maker::Shadow | Maker::Nothing => accounts.shadow().iter().map(call).collect(),
        Maker::Sysusers => {
            let path = SYSUSERS_FILE;
            let directory = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
            let lines: Vec<String> = accounts.sysusers().iter().map(|l| shell_word(l)).collect();
            let mut commands = Vec::new();
            if !accounts.declared {
                commands.push(format!("mkdir -p {}", shell_word(directory)));
                commands.push(format!(
                    "printf '%s\\n' {} > {}",
                    lines.join(" "),
                    shell_word(path)
                ));
            }
            commands.push(call(&Accounts::run_sysusers()));
            commands
        }
    }
}

/// What blocks and no step cures, and the controls that fail for want of a decision.
fn left(units: &[Unit<'_>], host: &Host, plan: &mut Plan) {
    for unit in units {
        for finding in unit.report.problems() {
            let kernel = finding.id.starts_with("sysctl.");
            let decides = match finding.outcome {
                Outcome::Violated => finding.effect != Effect::Advice,
                _ => finding.then == Outcome::Indeterminate && (kernel || host.live),
            };
            let unreadable = kernel && finding.now == Outcome::Violated && finding.actual.is_none();
            // An image has no live values to put right.
            let only_live = kernel && !host.live && finding.then == Outcome::Satisfied;
            let mut steps = plan.steps.iter().flat_map(|step| &step.checks);
            let cured = !unreadable && steps.any(|check| *check == finding.id);
            let told = plan.left.iter().any(|left| left.check == finding.id);
            if !decides || cured || told || only_live {
                continue;
            }
            plan.left.push(Left {
                check: finding.id.clone(),
                summary: finding.summary.clone(),
                place: finding
                    .evidence
                    .iter()
                    .find(|e| matches!(e.part, Part::Sets | Part::Demands | Part::Read))
                    .map(|e| e.source.clone()),
                remedies: finding.remedies.clone(),
            });
        }
    }
}

/// The check of a table.
const fn check(table: Table) -> &'static str {
    match table {
        Table::Passwd => "account.etcd.user",
        Table::Group => "account.etcd.group",
    }
}

impl Action {
    /// The files that it writes, as the host names them.
    fn paths(&self) -> Vec<&str> {
        match self {
            Self::File { target, .. } => vec![&target.path],
            Self::Live(_) | Self::Make(_) => Vec::new(),
            Self::Row(row) => vec![row.table.path()],
            Self::Rows(rows) => rows.iter().map(|row| row.path).collect(),
        }
    }

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
