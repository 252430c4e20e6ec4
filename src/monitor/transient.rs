//! A unit that is blocked for a reason that can pass without a person: a port, a route, an address.

use super::input::StepInput;
use crate::finding::Effect;
use crate::gate::plan::Decision;

/// How often the host is evaluated then, in microseconds: as often as RKE2 would try again. The kernel reports no
/// change of its tables of routes and sockets to a process with a network of its own.
const AGAIN: u64 = 5_000_000;

/// How long until the host is to be evaluated again.
pub(super) fn recheck(input: &StepInput<'_>) -> Option<u64> {
    let can_pass = |reasons: &[&crate::finding::Finding]| {
        reasons
            .iter()
            .any(|reason| reason.effect() == Effect::Transient)
    };
    let is_held = input.phase.is_down()
        && input.plan.decision == Decision::Block
        && can_pass(&input.plan.reasons);
    is_held.then_some(AGAIN)
}
