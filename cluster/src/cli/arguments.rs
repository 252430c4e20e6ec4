//! The definition of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use preflight_rke2::shared::{Benchmark, Color, Version};

use crate::fix::{Ingress, Output};
use crate::report::Format;

/// Audits the cluster half of the CIS benchmarks for RKE2: roles, service accounts, pods, network policies.
///
/// Asks the cluster's API server, or reads dumps of kubectl. Only `fix --apply` changes anything. Secrets are never asked for.
///
/// Exit status: 0 no control failed, 3 a control failed, 4 only what --fail-on names was found, 2 wrong usage, 1 could not
/// be evaluated.
#[derive(Debug, Parser)]
#[command(
    name = "preflight-rke2-cluster",
    version,
    disable_help_subcommand = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// The kubeconfig [default: KUBECONFIG, ~/.kube/config, or on a server /etc/rancher/rke2/rke2.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// How many seconds one answer of the API server may take
    #[arg(long, global = true, value_name = "SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) timeout: u64,
    /// When to colour the output
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(super) color: Color,
    /// Also show controls that are met
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Audit the cluster against section 5 of the CIS benchmark
    Audit(Audit),
    /// Report who the cluster takes you for, when your certificate ends, and which rights an audit would miss
    Check,
    /// Explain a control: its numbers, and what it is judged by; without one, all are listed
    Explain {
        /// The key (accounts.default) or a number (5.1.5)
        control: Option<String>,
    },
    /// Plan what to change: tokens of default service accounts, network policies; --apply carries it out
    Fix(Fix),
    /// Print the smallest roles with which an audit, or fix, misses no right
    Rbac(Rbac),
}

/// Options of `rbac`.
#[derive(Debug, Args)]
pub(super) struct Rbac {
    /// The release of the cluster, such as v1.24.17+rke2r1; by default a current one
    #[arg(long, value_name = "VERSION", default_value = "v1.37.0")]
    pub(super) kubernetes_version: Version,
    /// The role that fix needs, which may change accounts and network policies
    #[arg(long)]
    pub(super) fix: bool,
}

/// Options of `fix`.
///
/// Exit status: 0 the plan was made, or carried out, 2 wrong usage, 1 something was refused, or could not be read.
#[derive(Debug, Args)]
pub(super) struct Fix {
    /// Carry out the plan: the API server tries changes first, and what it refuses is left out
    #[arg(long)]
    pub(super) apply: bool,
    /// Let the API server try each change, and store none
    #[arg(long, conflicts_with = "apply")]
    pub(super) dry_run: bool,
    /// Only this namespace; may be repeated [default: all]
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Vec<String>,
    /// Also give namespaces of yours that have none a network policy about what comes in, and remove RKE2's marks where a
    /// policy of its own is gone
    #[arg(long, value_enum, value_name = "INGRESS")]
    pub(super) network_policies: Option<Ingress>,
    /// Print this instead of the plan
    #[arg(long, value_enum, value_name = "FORM", conflicts_with_all = ["apply", "dry_run"])]
    pub(super) output: Option<Output>,
    /// Plan by dumps instead, as for audit
    #[arg(long, value_name = "DIR", conflicts_with_all = ["apply", "dry_run"])]
    pub(super) from: Option<PathBuf>,
    /// The release of the cluster that the dumps are of, such as v1.34.1+rke2r1
    #[arg(long, value_name = "VERSION", requires = "from")]
    pub(super) kubernetes_version: Option<Version>,
}

/// Options of `audit`.
///
/// Exit status: 0 no control failed, 3 a control failed, 4 only what --fail-on names was found, 2 wrong usage, 1 a control
/// could not be evaluated.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// Judge dumps instead: files of DIR that end with .json, of `kubectl get … -A -o json`, and version.json
    #[arg(long, value_name = "DIR")]
    pub(super) from: Option<PathBuf>,
    /// The release of the cluster that the dumps are of, such as v1.34.1+rke2r1
    #[arg(long, value_name = "VERSION", requires = "from")]
    pub(super) kubernetes_version: Option<Version>,
    /// The version of the benchmark; by default the one for the cluster's release
    #[arg(long, value_name = "VERSION")]
    pub(super) benchmark: Option<Benchmark>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
    /// Only this control, by number (5.1.5) or key (accounts.default)
    #[arg(long, value_name = "CONTROL")]
    pub(super) control: Vec<String>,
    /// Show only these results [default: all; text leaves out pass and not-applicable]
    #[arg(long, value_enum, value_name = "RESULT", value_delimiter = ',')]
    pub(super) show: Vec<Show>,
    /// Exit with status 4 if this is found and no control fails
    #[arg(long, value_enum, value_name = "RESULT")]
    pub(super) fail_on: Vec<FailOn>,
    /// Waivers: a file with tables [[audit.waiver]], as in the configuration of preflight-rke2
    #[arg(long, value_name = "FILE")]
    pub(super) waivers: Option<PathBuf>,
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
    /// Does not apply to this cluster
    NotApplicable,
    /// Not met and waived
    Waived,
    /// All results
    All,
}

/// What else makes `audit` fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// A control that is not scored and not met
    Warn,
    /// A control to be assessed manually
    Manual,
}
