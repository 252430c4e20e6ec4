//! The monitor's mind: what to do about a unit, given what is seen of it. Pure; [`crate::daemon`]
//! looks, and carries it out.

mod evidence;
pub(crate) mod memory;
pub(crate) mod phase;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use evidence::{JobEvent, LastStart, Scene, gate_end};
pub use memory::Hold;
pub(crate) use memory::Memory;
pub use phase::Phase;
pub(crate) use step::{Action, Seen, down_for, drift, hold, is_settling, step};
