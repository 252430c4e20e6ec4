//! The plan: steps in order, each with its reason and the commands a person would type, and what is
//! left to a person.

use super::accounts::{self, Accounts, Elsewhere, Known, Maker, Needed, SYSUSERS_FILE, Wish};
use super::file;
use crate::evaluate::{add_lines, next_boot};
use crate::fact::{Cure, HostFacts, Reading, Source, Target};
use crate::finding::{Effect, Finding, Outcome, Part, Remedy};
use crate::report::UnitReport;
use crate::requirements::{Demand, Requirement};
use crate::rke2::accounts::Table;
use crate::rke2::kernel::KernelParameter;
use crate::sysctl_d::{Dialect, Place, Tree};
use crate::text::shell_word;

/// The name that the hardening guide gives the file.
pub(super) const USUAL_FILE: &str = "/etc/sysctl.d/60-rke2-cis.conf";

/// What was found out about one unit.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    /// The report.
    pub report: &'a UnitReport,
    /// What is demanded.
    pub requirements: &'a [Requirement],
    /// What is.
    pub facts: &'a HostFacts,
}

/// What the plan needs to know of the host beside the facts of the checks.
#[derive(Debug, Clone)]
pub struct Host {
    /// Whether this is the running host; an image has no live values.
    pub live: bool,
    /// What stands before every path in a command: empty, or the image's directory.
    pub prefix: String,
    /// The files that decide at the next boot.
    pub tree: Tree,
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
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
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
pub enum Action {
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
}

/// What is left to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
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
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// What no step does.
    pub left: Vec<Left>,
    /// What stays as it is, on purpose.
    pub untouched: Vec<String>,
}

/// Why what the caller wants cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The account has another id.
    #[error(
        "the {} etcd exists with id {id}, not {wish}: existing accounts are not changed", .table.word()
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
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.left.is_empty()
    }
}

/// The plan for all of `units`, which are on one host.
pub fn plan(units: &[Unit<'_>], host: &Host, wish: Wish) -> Result<Plan, Conflict> {
    let mut plan = Plan::default();
    sysctl_file(units, host, &mut plan);
    if host.live {
        live(units, &mut plan);
    }
    account(units, host, wish, &mut plan)?;
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

/// The parameters that somebody demands, each with its finding, in order and once.
fn demanded<'a>(units: &'a [Unit<'a>]) -> Vec<(usize, KernelParameter, &'a Finding, Unit<'a>)> {
    let mut all: Vec<(usize, KernelParameter, &Finding, Unit<'_>)> = Vec::new();
    for unit in units {
        for requirement in unit.requirements.iter().filter(|r| r.applies) {
            let Demand::Kernel {
                index, parameter, ..
            } = requirement.demand
            else {
                continue;
            };
            let finding = unit.report.findings.iter().find(|f| f.id == requirement.id);
            if let Some(finding) = finding
                && all.iter().all(|(there, ..)| *there != index)
            {
                all.push((index, parameter, finding, *unit));
            }
        }
    }
    all
}

fn sysctl_file(units: &[Unit<'_>], host: &Host, plan: &mut Plan) {
    let wrong: Vec<_> = demanded(units)
        .into_iter()
        .filter_map(|(index, parameter, finding, unit)| {
            match &unit.facts.kernel.get(index)?.next_boot {
                Reading::Known(next) if next.number != Some(parameter.required) => {
                    Some((parameter, finding))
                }
                _ => None,
            }
        })
        .collect();
    // Units of different settings can demand different keys: the name is chosen for all of them.
    let wanted: Vec<KernelParameter> = wrong.iter().map(|(parameter, _)| *parameter).collect();
    let cures = next_boot::cures(&host.tree, &wanted, Dialect::default());
    let mut target: Option<Target> = None;
    let mut parameters = Vec::new();
    let mut checks = Vec::new();
    let mut whys = Vec::new();
    for ((parameter, finding), cure) in wrong.into_iter().zip(cures) {
        match cure {
            Cure::File(file) => {
                checks.push(finding.id.clone());
                whys.push(finding.summary.clone());
                overridden(finding, &file, plan);
                parameters.push(parameter);
                target = Some(file);
            }
            Cure::Person { why } => plan.left.push(Left {
                check: finding.id.clone(),
                summary: format!("{} at the next boot: no file can set it", parameter.key),
                place: None,
                remedies: vec![Remedy {
                    summary: why,
                    commands: Vec::new(),
                }],
            }),
        }
    }
    let Some(target) = target else {
        return;
    };
    if target.path != USUAL_FILE {
        whys.push(another_name(&host.tree, &target, plan));
    }
    let before = target.exists.then(|| {
        let etc = host.tree.directories.iter().find(|d| d.place == Place::Etc);
        let files = etc.map(|etc| etc.files.as_slice()).unwrap_or_default();
        files
            .iter()
            .find(|file| file.path == target.path)
            .map(|file| file.bytes().to_vec())
            .unwrap_or_default()
    });
    let lines: Vec<String> = parameters.iter().map(KernelParameter::line).collect();
    let below = Target {
        path: format!("{}{}", host.prefix, target.path),
        ..target.clone()
    };
    plan.steps.push(Step {
        what: format!(
            "{} {} with what is to hold at every boot",
            if target.exists { "complete" } else { "write" },
            target.path
        ),
        checks,
        why: whys,
        commands: add_lines(&below, &lines),
        action: Action::File {
            target,
            before,
            parameters,
        },
    });
}

/// Other people's lines that our file beats are named, and stay.
fn overridden(finding: &Finding, target: &Target, plan: &mut Plan) {
    for evidence in finding.evidence.iter().filter(|e| e.part == Part::Sets) {
        if evidence.source.path == target.path {
            continue;
        }
        let line = format!(
            "{}: stays; {} is read after it",
            evidence.source, target.path
        );
        if !plan.untouched.contains(&line) {
            plan.untouched.push(line);
        }
    }
}

/// Why it is not the usual name.
fn another_name(tree: &Tree, target: &Target, plan: &mut Plan) -> String {
    let usual = tree
        .directories
        .iter()
        .flat_map(|directory| &directory.files)
        .find(|file| USUAL_FILE.ends_with(&format!("/{}", String::from_utf8_lossy(&file.name))));
    match usual {
        Some(file) => {
            let what = match &file.target {
                Some(to) => format!("is a link to {to}"),
                None if file.bytes().is_empty() => "is empty, or no file: a mask".to_owned(),
                None => "is there, and would be beaten or hidden".to_owned(),
            };
            plan.untouched
                .push(format!("{}: {what}, and stays", file.path));
            format!("not in {USUAL_FILE}: {} {what}", file.path)
        }
        None => format!(
            "not in {USUAL_FILE}: files that are read after it would override it; {} comes last",
            target.path
        ),
    }
}

fn live(units: &[Unit<'_>], plan: &mut Plan) {
    for (_, parameter, finding, _) in demanded(units) {
        // What cannot be read cannot be mended by writing to it.
        if finding.now != Outcome::Violated || finding.actual.is_none() {
            continue;
        }
        plan.steps.push(Step {
            what: format!("set {} to {} now", parameter.key, parameter.required),
            checks: vec![finding.id.clone()],
            why: vec![finding.summary.clone()],
            commands: vec![format!(
                "sysctl -w {}={}",
                parameter.key, parameter.required
            )],
            action: Action::Live(parameter),
        });
    }
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
                    commands: vec![append(&row, &path, host)],
                    action: Action::Row(row),
                });
            }
        }
        Needed::Make(accounts) => {
            let (checks, mut why) = concerned(&[Table::Passwd, Table::Group]);
            if accounts.declared {
                why.push(format!(
                    "{SYSUSERS_FILE} declares it already; it stays as it is"
                ));
            }
            plan.steps.push(Step {
                what: format!("make {}", accounts.words()),
                checks,
                why,
                commands: make(&accounts, host),
                action: Action::Make(accounts),
            });
        }
    }
    Ok(())
}

/// What a person would type to append a row.
fn append(row: &Elsewhere, path: &str, host: &Host) -> String {
    let there = match row.table {
        Table::Passwd => &host.passwd,
        Table::Group => &host.group,
    };
    let unended = !matches!(there.last(), None | Some(b'\n'));
    format!(
        "printf '%s\\n' {}{} >> {}",
        if unended { "'' " } else { "" },
        shell_word(&row.row),
        shell_word(path)
    )
}

/// What a person would type to make the account.
fn make(accounts: &Accounts, host: &Host) -> Vec<String> {
    let root = (!host.live).then(|| format!("--root={}", host.prefix));
    let call = |program: &accounts::Program| {
        let words = std::iter::once(program.name)
            .chain(root.as_deref())
            .chain(program.args.iter().map(String::as_str));
        words.map(shell_word).collect::<Vec<_>>().join(" ")
    };
    match host.maker {
        Maker::Shadow | Maker::Nothing => accounts.shadow().iter().map(call).collect(),
        Maker::Sysusers => {
            let path = format!("{}{SYSUSERS_FILE}", host.prefix);
            let directory = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
            let lines: Vec<String> = accounts.sysusers().iter().map(|l| shell_word(l)).collect();
            let mut commands = Vec::new();
            if !accounts.declared {
                commands.push(format!("mkdir -p {}", shell_word(directory)));
                commands.push(format!(
                    "printf '%s\\n' {} > {}",
                    lines.join(" "),
                    shell_word(&path)
                ));
            }
            commands.push(call(&Accounts::run_sysusers(!host.live)));
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
    /// The whole new content of the file, for an action that writes one of `sysctl.d`.
    pub fn content(&self) -> Option<Vec<u8>> {
        match self {
            Self::File {
                before, parameters, ..
            } => Some(file::with_parameters(before.as_deref(), parameters)),
            _ => None,
        }
    }
}
