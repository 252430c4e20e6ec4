//! The input of a step: one observation of a unit.

use super::last_start::LastStart;
use super::phase::Phase;
use crate::assessment::UnitReport;
use crate::configuration::Configuration;
use crate::facts::Measurements;
use crate::gate::block::Block;
use crate::gate::plan::GatePlan;
use crate::gate::stamp::Stamped;

/// What was observed of a unit.
#[derive(Debug, Clone)]
pub(crate) struct StepInput<'a> {
    /// Microseconds since 1970.
    pub now: u64,
    /// The report of this evaluation.
    pub report: &'a UnitReport,
    /// What the gate would do.
    pub plan: &'a GatePlan<'a>,
    /// What was measured of the node; `None` where nothing is known of it.
    pub measured: Option<&'a Measurements>,
    /// The configuration in force.
    pub configuration: &'a Configuration,
    /// What the unit does, according to systemd.
    pub phase: Phase,
    /// `NRestarts`.
    pub restarts: u32,
    /// When it last became active, by systemd's monotonic clock; 0 if that is not known.
    pub entered: u64,
    /// When the unit's program was last started, in microseconds since 1970; 0 if that is not known.
    pub started: u64,
    /// The block that the gate has written, if it blocked the unit.
    pub block: Option<&'a Stamped<Block>>,
    /// systemd's record of the last start, where the unit is down; `None` where that is not known.
    pub last: Option<LastStart>,
    /// Whether the next boot would start it.
    pub enabled: bool,
    /// Whether it can be started at all: it is there, and not masked.
    pub loadable: bool,
    /// Whether the unit of the other role is up or starting: starting this one would stop that one.
    pub rival: bool,
}
