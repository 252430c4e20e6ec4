//! The definition of the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::terminal::Color;
use crate::audit::benchmark::Benchmark;
use crate::audit::control;
use crate::report::audit::AuditFormat;
use crate::report::{CheckFormat, Format};
use crate::rke2::releases;
use crate::rke2::role::Role;
use crate::rke2::version::Version;

/// Predicts whether an RKE2 node will start, and lists every reason it would not.
///
/// Determines what the installed RKE2 and its kubelet require of this host, for its configuration and role,
/// and whether they would refuse to run on it.
///
/// Exit status: 0 all units would start, 3 a unit would be refused, 4 only what --fail-on names was found,
/// 2 wrong usage, 1 could not be evaluated.
#[derive(Debug, Parser)]
#[command(name = "preflight-rke2", version, disable_help_subcommand = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    /// Reads a command line, the program's name first. Defining all commands takes longer than parsing any
    /// line, so that only the named one is defined where it suffices.
    pub(super) fn read(line: &[OsString]) -> Result<Self, clap::Error> {
        line.iter()
            .skip(1)
            .find_map(|word| narrow(word.to_str()?))
            .and_then(|narrow| {
                let mut matches = narrow.try_get_matches_from(line).ok()?;
                Self::from_arg_matches_mut(&mut matches).ok()
            })
            .map_or_else(|| Self::try_parse_from(line), Ok)
    }
}

/// The definition of one command, without help, of those that run at each boot or by a timer.
fn narrow(name: &str) -> Option<clap::Command> {
    let named = |name: &'static str| clap::Command::new(name).disable_help_flag(true);
    let command = match name {
        "check" => Check::augment_args(named("check")),
        "gate" => Gate::augment_args(named("gate")),
        _ => return None,
    };
    Some(Common::augment_args(named("preflight-rke2")).subcommand(command))
}

/// Options of every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Check the host image below DIR instead of this host
    #[arg(long, global = true, value_name = "DIR", default_value = "/")]
    pub(super) root: PathBuf,
    /// Use the rules of this release, such as v1.34.1+rke2r1
    #[arg(long, global = true, value_name = "VERSION")]
    pub(super) rke2_version: Option<Version>,
    /// When to colour the output
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(super) color: Color,
    /// Also show satisfied checks, and the messages RKE2 or the kubelet would exit with
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Report whether each installed RKE2 unit would start, and why not
    Check(Check),
    /// Audit this node against the CIS benchmark, without a cluster
    Audit(Audit),
    /// Decide whether UNIT may start (run by systemd)
    Gate(Gate),
    /// Watch the host, and start blocked units once it is fixed (run by systemd)
    Monitor,
    /// Print the status that the monitor keeps
    Status(Status),
    /// Print, or apply, what makes the units start, now and after the next boot
    Fix(Fix),
    /// Print RKE2's effective settings, and where each is set
    Config(Config),
    /// Print the watched kernel parameters: value now, after the next boot, required
    Sysctl(Sysctl),
    /// Explain a check or control: which component requires it, and how to fix it
    Explain(Explain),
    /// Print a completion script
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The unit that a command is about.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Only this unit
    #[arg(long, value_name = "UNIT", value_parser = unit)]
    pub(super) unit: Option<Role>,
    /// Check the host as if a node of this role were installed
    #[arg(long, value_name = "ROLE", value_parser = role, conflicts_with = "unit")]
    pub(super) role: Option<Role>,
}

/// Options of `config`.
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(flatten)]
    pub(super) which: Which,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Include settings that have their default value
    #[arg(long)]
    pub(super) all: bool,
}

/// Options of `sysctl`.
#[derive(Debug, Args)]
pub(super) struct Sysctl {
    #[command(flatten)]
    pub(super) which: Which,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    pub(super) which: Which,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: CheckFormat,
    /// Include satisfied and inapplicable checks (JSON)
    #[arg(long)]
    pub(super) all: bool,
    /// Exit with status 4 if this is found and nothing blocks the start
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) fail_on: Vec<FailOn>,
    /// Report whether the units would start after an upgrade to a release (v1.35.3+rke2r1) or minor version (1.35)
    #[arg(long, value_name = "VERSION", value_parser = upgrade)]
    pub(super) upgrade_to: Option<Version>,
    /// Measure how fast the disk of etcd is, with writes of 22 MiB in at most 10 seconds; it decides nothing
    #[arg(long, conflicts_with = "upgrade_to")]
    pub(super) measure_disk: bool,
}

/// Options of `audit`.
///
/// Exit status: 0 no control failed, 3 a control failed, 4 only what --fail-on names was found, 2 wrong
/// usage, 1 a control could not be evaluated.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(flatten)]
    pub(super) which: Which,
    /// The version of the benchmark; by default the one for the installed release
    #[arg(long, value_name = "VERSION", value_parser = benchmark)]
    pub(super) benchmark: Option<Benchmark>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: AuditFormat,
    /// Only this control, by number (1.1.12) or key (etcd.datadir.owner)
    #[arg(long, value_name = "CONTROL")]
    pub(super) control: Vec<String>,
    /// Only controls for this type of node
    #[arg(long, value_enum, value_name = "TYPE")]
    pub(super) node_type: Option<NodeType>,
    /// Show only these results [default: all; text leaves out pass and not-applicable]
    #[arg(long, value_enum, value_name = "RESULT", value_delimiter = ',')]
    pub(super) show: Vec<Show>,
    /// Exit with status 4 if this is found and no control fails
    #[arg(long, value_enum, value_name = "RESULT")]
    pub(super) fail_on: Vec<AuditFailOn>,
    /// With --format html: a page of these reports of --format json, of any nodes, instead of this node's
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["unit", "role", "benchmark", "control", "node_type", "show", "fail_on"]
    )]
    pub(super) from: Vec<PathBuf>,
}

/// Kinds of node, as kube-bench has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum NodeType {
    /// Section 1: the control plane
    Master,
    /// Section 2: etcd
    Etcd,
    /// Section 3: the control plane's configuration
    Controlplane,
    /// Section 4: kubelet and kube-proxy
    Node,
}

impl From<NodeType> for control::NodeType {
    fn from(node: NodeType) -> Self {
        match node {
            NodeType::Master => Self::Master,
            NodeType::Etcd => Self::Etcd,
            NodeType::Controlplane => Self::ControlPlane,
            NodeType::Node => Self::Node,
        }
    }
}

/// Results to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Show {
    /// Scored and not met
    Fail,
    /// Not scored and not met
    Warn,
    /// Could not be evaluated
    Error,
    /// To be assessed manually
    Manual,
    /// Met
    Pass,
    /// Does not apply to this node
    NotApplicable,
    /// Not met and waived
    Waived,
    /// All results
    All,
}

/// What else makes `audit` fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AuditFailOn {
    /// A control that is not scored and not met
    Warn,
    /// A control to be assessed manually
    Manual,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// Options of `gate`.
#[derive(Debug, Args)]
pub(super) struct Gate {
    /// The RKE2 unit: rke2-server.service or rke2-agent.service
    #[arg(value_parser = unit)]
    pub(super) unit: Role,
}

/// Options of `fix`.
///
/// Exit status without --apply: 0 if the plan was printed. With --apply: 0 all units would start, 3 a manual
/// step remains, 1 a step failed.
#[derive(Debug, Args)]
pub(super) struct Fix {
    #[command(flatten)]
    pub(super) which: Which,
    /// Apply the plan, then check again
    #[arg(long, conflicts_with = "output")]
    pub(super) apply: bool,
    /// Print it for another tool: script is this host's plan, the others are everything that is required
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(super) output: Option<Output>,
    /// The id of the user etcd, if it is created
    #[arg(long, value_name = "N", value_parser = id())]
    pub(super) uid: Option<u32>,
    /// The id of the group etcd, if it is created
    #[arg(long, value_name = "N", value_parser = id())]
    pub(super) gid: Option<u32>,
}

/// Formats for tools that can apply a fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// A shell script to review
    Script,
    /// A file for /etc/sysctl.d
    #[value(name = "sysctl.d")]
    SysctlD,
    /// A file for /etc/sysusers.d
    #[value(name = "sysusers.d")]
    SysusersD,
    /// Butane, for hosts that Ignition provisions
    Butane,
    /// User data for cloud-init
    CloudInit,
    /// Tasks for Ansible
    Ansible,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The id of a check or control as reports show it; without one, all checks are listed
    pub(super) id: Option<String>,
}

/// What else makes `check` fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// The unit would not start after the next boot
    NextBoot,
    /// A component of the control plane, or kube-proxy, would exit
    ControlPlane,
    /// A CIS control fails
    Control,
}

/// Ids that an account can have: 0 is root's, and the two highest mean "no id".
fn id() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=4_294_967_293)
}

/// A release; of a minor version alone, the newest one that has rules.
fn upgrade(text: &str) -> Result<Version, String> {
    let minor = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.");
    let is_number = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(minor) = minor.filter(is_number).and_then(|minor| minor.parse().ok()) {
        if minor < releases::oldest().minor {
            return Err(format!("no release of 1.{minor} is known"));
        }
        let newest = releases::newest_of(minor);
        return Ok(if newest.minor == minor {
            newest
        } else {
            Version::new(minor, 0, 0)
        });
    }
    text.parse()
        .map_err(|error: crate::rke2::version::NotAVersion| format!("{error}, or like 1.34"))
}

fn benchmark(text: &str) -> Result<Benchmark, String> {
    text.parse()
        .map_err(|error: crate::audit::benchmark::NotABenchmark| error.to_string())
}

fn unit(text: &str) -> Result<Role, String> {
    Role::of_unit(text).ok_or_else(|| {
        format!(
            "RKE2's units are {} and {}",
            Role::Server.unit(),
            Role::Agent.unit()
        )
    })
}

fn role(text: &str) -> Result<Role, String> {
    text.parse()
        .map_err(|error: crate::rke2::role::NotARole| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    /// What a line is made of: what the narrow definition knows, and what it does not.
    const WORDS: &[&str] = &[
        "check",
        "gate",
        "audit",
        "help",
        "rke2-server.service",
        "x.service",
        "--unit",
        "--unit=rke2-agent.service",
        "--role",
        "server",
        "--role=agent",
        "--format",
        "--format=npd",
        "--form=json",
        "json",
        "--all",
        "--fail-on=control",
        "--fail-on",
        "next-boot",
        "--root",
        "/srv",
        "--root=",
        "--rke2-version=v1.34.1+rke2r1",
        "--rke2-version=1",
        "--upgrade-to",
        "--upgrade-to=v1.35",
        "1.35",
        "--color=never",
        "-v",
        "-vv",
        "-h",
        "--help",
        "-V",
        "--version",
        "--",
        "-",
        "",
    ];

    proptest! {
        #[test]
        fn one_command_is_read_as_among_all(
            first in prop::sample::select(vec!["check", "gate"]),
            rest in prop::collection::vec(prop::sample::select(WORDS), 0..5),
        ) {
            let line: Vec<OsString> = ["preflight-rke2", first]
                .into_iter()
                .chain(rest)
                .map(OsString::from)
                .collect();
            let read = |read: Result<Arguments, clap::Error>| match read {
                Ok(arguments) => format!("{arguments:?}"),
                Err(error) => error.render().to_string(),
            };
            prop_assert_eq!(
                read(Arguments::read(&line)),
                read(Arguments::try_parse_from(&line))
            );
        }
    }

    #[test]
    fn one_command_is_enough_where_it_is_called_rightly() {
        for line in [
            "check --role server",
            "check --format=json --fail-on next-boot --fail-on=control -v",
            "gate rke2-server.service --root /srv",
        ] {
            let words: Vec<_> = line.split(' ').collect();
            let line = ["preflight-rke2"].iter().chain(&words);
            assert!(narrow(words[0]).unwrap().try_get_matches_from(line).is_ok());
        }
        assert!(narrow("audit").is_none());
    }
}
