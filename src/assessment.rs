//! The result of the evaluation of one unit, and its inputs. Plain data, made by [`crate::examine`].

use crate::facts::{ComponentExit, HostFacts, ReadError, Reading, SystemdVersion};
use crate::finding::{Effect, Finding, Outcome};
use crate::requirements::Requirement;
use crate::rke2::config;
use crate::rke2::installed::VersionSource;
use crate::rke2::releases;
use crate::rke2::role::Role;
use crate::rke2::start::Sourced;
use crate::rke2::version::Version;
use crate::sysctl_d::Resolution;
use crate::unit::{LiveUnit, UnitDefinition};
use crate::verdict::UnitVerdict;

/// The result of the evaluation of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitReport {
    /// `rke2-server.service`.
    pub unit: String,
    /// Server or agent.
    pub role: Role,
    /// The release that would run.
    pub version: Version,
    /// How that is known.
    pub version_source: VersionSource,
    /// The profile, and where it is set.
    pub profile: Sourced<String>,
    /// Whether it would start.
    pub verdict: UnitVerdict,
    /// One finding for each requirement, and more.
    pub findings: Vec<Finding>,
    /// Components that exited in the start that is in progress, or in the last one.
    pub exits: Vec<ComponentExit>,
    /// Whether it is not enabled while the other RKE2 unit is.
    pub idle: bool,
    /// Whether it is about an image, whose state now is not known and does not count.
    pub image: bool,
}

impl UnitReport {
    /// The release whose rules were used, where those of its own release are extrapolated from it.
    pub fn rules_of(&self) -> Option<Version> {
        let is_known = !matches!(
            self.version_source,
            VersionSource::Assumed | VersionSource::DataDir
        );
        let from = is_known.then(|| releases::extrapolated_from(&self.version));
        from.flatten()
    }

    /// Findings that are violated or not known, those that block first.
    pub fn problems(&self) -> impl Iterator<Item = &Finding> {
        let mut problems: Vec<&Finding> = self
            .findings
            .iter()
            .filter(|f| matches!(f.outcome(), Outcome::Violated | Outcome::Indeterminate))
            .collect();
        problems.sort_by_key(|f| (f.effect(), f.outcome()));
        problems.into_iter()
    }

    /// Findings of one effect that are violated.
    pub fn violated(&self, effect: Effect) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |f| f.outcome() == Outcome::Violated && f.effect() == effect)
    }
}

/// The results of one unit today and on the release of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// On the release that is installed.
    pub today: UnitReport,
    /// On the release that comes, with today's configuration.
    pub then: UnitReport,
}

impl Upgrade {
    /// Whether the upgrade brings a finding: today it is not there, or less certain.
    pub fn is_new(&self, finding: &Finding) -> bool {
        let is_there = |today: &&Finding| {
            (today.id(), today.subject()) == (finding.id(), finding.subject())
                && (today.outcome() == Outcome::Violated || today.outcome() == finding.outcome())
        };
        self.today.problems().find(is_there).is_none()
    }
}

/// The report of one unit, and everything it was made from.
#[derive(Debug, Clone)]
pub struct Examination {
    /// The unit, where it is installed.
    pub definition: Option<UnitDefinition>,
    /// Every setting of RKE2.
    pub settings: config::Settings,
    /// What is required of the host.
    pub requirements: Vec<Requirement>,
    /// Facts about the host.
    pub facts: HostFacts,
    /// The report.
    pub report: UnitReport,
    /// The last start of the unit.
    pub last_run: LastRun,
}

/// The last start of a unit, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastRun {
    /// That of an image: what its logs end with.
    Image,
    /// That of a unit of the running host.
    Known {
        /// When its program was last started, in microseconds since 1970; 0 for never.
        started: u64,
        /// Whether that process runs.
        is_up: bool,
        /// How often systemd has started it again, since it was last started by hand or at the boot.
        restarts: u32,
    },
    /// systemd was not asked, or does not answer.
    Unknown,
}

impl LastRun {
    /// The last start of a unit that systemd has loaded.
    pub(crate) const fn of(live: &LiveUnit) -> Self {
        Self::Known {
            started: live.main_started_at,
            is_up: live.main_pid != 0,
            restarts: live.restarts,
        }
    }
}

/// The watched kernel parameters: their values now, and what files set at the next boot.
#[derive(Debug, Clone)]
pub struct Parameters {
    /// The value of each now, by position in [`crate::rke2::kernel::KERNEL_PARAMETERS`].
    pub live: Vec<Reading<Result<Vec<u8>, ReadError>>>,
    /// What files set each to at the next boot.
    pub resolution: Resolution,
    /// The version of systemd whose rules that follows; `None` for the newest, where it is not known.
    pub systemd: Option<SystemdVersion>,
    /// Where it is not known: what older versions leave, each by its last version.
    pub older: Vec<(u16, Resolution)>,
    /// Whether a kubelet runs that sets each to its required value as it starts, because kernel defaults are not
    /// protected.
    pub kubelet_sets: bool,
}
