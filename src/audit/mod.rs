//! The node-local controls of the CIS benchmarks for RKE2, as data, and their evaluation on a node without
//! access to the cluster.
//!
//! Pure. [`crate::host::audit`] reads the node, [`crate::report::audit`] prints the result.

pub(crate) mod benchmark;
pub(crate) mod ciphers;
pub(crate) mod control;
pub(crate) mod controls;
pub(crate) mod cure;
pub(crate) mod evaluate;
pub(crate) mod facts;
pub(crate) mod flags;
mod given;
pub(crate) mod node;
pub(crate) mod restart;
pub(crate) mod result;
pub(crate) mod waiver;

use serde::Serialize;

use benchmark::{Benchmark, Choice};
use control::{Control, Edition};
use cure::Group;
use result::ControlResult;
use waiver::Applied;

use crate::rke2::installed::VersionSource;
use crate::rke2::role::Role;
use crate::rke2::start::Sourced;
use crate::rke2::version::Version;

/// The result of a control on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlOutcome {
    /// Scored, and not met.
    Fail,
    /// Not met, and not scored.
    Warn,
    /// It could not be determined.
    Error,
    /// It has to be checked manually.
    Manual,
    /// Met.
    Pass,
    /// It does not apply to this node.
    NotApplicable,
}

impl ControlOutcome {
    /// The most severe first.
    pub const ALL: [Self; 6] = [
        Self::Fail,
        Self::Warn,
        Self::Error,
        Self::Manual,
        Self::Pass,
        Self::NotApplicable,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Manual => "manual",
            Self::Pass => "pass",
            Self::NotApplicable => "not-applicable",
        }
    }
}

/// One control, evaluated on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Which.
    pub control: &'static Control,
    /// Its number and how it counts in the benchmark.
    pub edition: Edition,
    /// Whether it passes.
    pub outcome: ControlOutcome,
    /// Evidence and remedy.
    pub result: ControlResult,
    /// The waiver for it.
    pub waiver: Option<Applied>,
    /// The name of the group of controls that are cured together, for one that has to be.
    pub group: Option<String>,
}

impl Audited {
    /// Whether it does not pass and a waiver that has not expired accepts that.
    pub fn is_waived(&self) -> bool {
        let waiver = self.waiver.as_ref();
        waiver.is_some_and(|waiver| waiver.accepts(self.outcome))
    }

    /// Whether it fails without a valid waiver.
    pub fn fails(&self) -> bool {
        self.outcome == ControlOutcome::Fail && !self.is_waived()
    }
}

/// The audit of one unit's node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The node's name, as RKE2 or else the kernel has it; empty where that is not known.
    pub node: String,
    /// When it was audited, in seconds since 1970.
    pub at: u64,
    /// `rke2-server.service`.
    pub unit: &'static str,
    /// Server or agent.
    pub role: Role,
    /// The release that would run.
    pub version: Version,
    /// How that is known.
    pub version_source: VersionSource,
    /// The profile, and where it is set.
    pub profile: Sourced<String>,
    /// RKE2's data directory.
    pub data_dir: String,
    /// The benchmark, and who sees that otherwise.
    pub choice: Choice,
    /// Whether the benchmark was requested, not chosen by the release.
    pub asked: bool,
    /// What is not known of RKE2's configuration, so that it was audited as if that said nothing.
    pub unknown: Vec<String>,
    /// Every control of it, by number, the guide's questions last.
    pub controls: Vec<Audited>,
    /// What cures those that are not met.
    pub groups: Vec<Group>,
}

/// How many controls have each outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Counts {
    /// Failed without a valid waiver.
    pub fail: usize,
    /// Not met and not scored.
    pub warn: usize,
    /// Could not be found out.
    pub error: usize,
    /// To be checked manually.
    pub manual: usize,
    /// Met.
    pub pass: usize,
    /// Not applicable to this node.
    pub not_applicable: usize,
    /// Not met, and accepted by a waiver.
    pub waived: usize,
}

impl Counts {
    /// Counts outcomes, each with whether it is waived.
    pub fn of(outcomes: impl IntoIterator<Item = (ControlOutcome, bool)>) -> Self {
        let mut counts = Self::default();
        for (outcome, is_waived) in outcomes {
            let count = match outcome {
                _ if is_waived => &mut counts.waived,
                ControlOutcome::Fail => &mut counts.fail,
                ControlOutcome::Warn => &mut counts.warn,
                ControlOutcome::Error => &mut counts.error,
                ControlOutcome::Manual => &mut counts.manual,
                ControlOutcome::Pass => &mut counts.pass,
                ControlOutcome::NotApplicable => &mut counts.not_applicable,
            };
            *count = count.saturating_add(1);
        }
        counts
    }
}

/// Counts the outcomes of controls.
pub fn counts<'a>(controls: impl IntoIterator<Item = &'a Audited>) -> Counts {
    let controls = controls.into_iter();
    Counts::of(controls.map(|audited| (audited.outcome, audited.is_waived())))
}

impl Audit {
    /// The benchmark.
    pub const fn benchmark(&self) -> Benchmark {
        self.choice.benchmark
    }
}
