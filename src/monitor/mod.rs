//! What to do about a unit, given its observed and its persisted state. Pure: [`crate::daemon`] observes
//! units and carries out the actions.

mod exits;
mod input;
mod last_start;
mod left_down;
pub(crate) mod persisted;
pub(crate) mod phase;
pub(crate) mod status;
mod step;
mod stops;
#[cfg(test)]
mod tests;
mod transient;

pub(crate) use input::StepInput;
pub(crate) use last_start::{LastStart, gate_end};
pub use persisted::Hold;
pub(crate) use persisted::PersistedState;
pub use phase::Phase;
pub use status::{MonitorStatus, NodeStatus, UnitStatus};
pub(crate) use step::{MonitorAction, down_for, drift, hold, is_settling, step};
pub(crate) use stops::{JobEvent, StopContext};

/// How long until the next evaluation, in microseconds; `None` where the usual ones suffice.
pub(crate) fn recheck(persisted: &PersistedState, input: &StepInput<'_>) -> Option<u64> {
    let of_logs = exits::recheck(persisted, input);
    of_logs.into_iter().chain(transient::recheck(input)).min()
}
