//! A unit that is down although a start was requested and the gate has not blocked it.

use super::input::StepInput;
use super::last_start::GateEnd;
use super::persisted::PersistedState;
use super::phase::Phase;
use crate::gate::block::Block;

/// A block without reasons where a unit is down, a start of it was requested, and the gate left no block
/// file. The conditions are those of docs/operating.md:
///
/// - the unit is loaded, enabled, down, without a job, and no manual stop of it is known;
/// - systemd left it in `auto-restart-queued`, or its gate was started since the unit went down, and
///   failed, or blocked without being able to write that.
pub(super) fn left_down(persisted: &PersistedState, input: &StepInput<'_>) -> Option<Block> {
    let last = input.last?;
    let is_candidate = input.block.is_none()
        && persisted.halted.is_none()
        && persisted.stopped_at.is_none()
        && input.loadable
        && input.enabled;
    if !is_candidate {
        return None;
    }
    let is_requested = match (input.phase, last.gate) {
        // systemd itself was about to start it.
        (Phase::Stranded, _) => true,
        (Phase::Down, GateEnd::Failed) => last.gate_began > last.down_since,
        // To end an automatic restart the gate stops the unit.
        (Phase::Down, GateEnd::Blocked) => {
            last.gate_began > 0 && last.gate_ended >= last.down_since
        }
        _ => false,
    };
    if !is_requested {
        return None;
    }
    let unit = &input.report.unit;
    Some(Block::new(unit, last.gate_began_at, true, &[]))
}
