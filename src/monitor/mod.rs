//! The monitor's mind: what to do about a unit, given what is seen of it. Pure; [`crate::daemon`]
//! looks, and carries it out.

mod evidence;
pub mod memory;
pub mod phase;
mod step;
#[cfg(test)]
mod tests;

pub use evidence::{GateEnd, JobEvent, LastStart, Scene, Stop, Stopped, gate_end};
pub use memory::{Hold, Memory};
pub use phase::Phase;
pub use step::{Action, Seen, down_for, drift, hold, is_settling, step};
