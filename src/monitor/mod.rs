//! What to do about a unit, given its observed and its persisted state. Pure: [`crate::daemon`] observes
//! units and carries out the actions.

mod conditions;
mod exits;
mod expiry;
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
mod unreported;

pub(crate) use conditions::key;
pub(crate) use expiry::Expiring;
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
    [
        exits::recheck(persisted, input),
        conditions::recheck(persisted, input),
        unreported::recheck(persisted, input),
    ]
    .into_iter()
    .flatten()
    .min()
}
