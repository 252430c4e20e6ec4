//! A unit that is blocked for a reason whose end the kernel does not report: it is looked for.

use super::input::StepInput;
use super::persisted::{Hold, PersistedState};
use super::step::{down_for, hold};
use crate::finding::{CheckId, Effect, Finding};
use crate::gate::plan::Decision;

/// How often the host is evaluated for what can pass without a person (a port, a route, an address, the clock), or as
/// soon as files are removed, in microseconds: as often as RKE2 would try again. The kernel reports no change of its
/// tables of routes and sockets to a process with a network of its own, and no space that becomes free.
const OFTEN: u64 = 5_000_000;
/// How often for what is reported in most cases only, in microseconds: a mount that is changed from another mount name
/// space, a host name that a system call sets, the mode of `SELinux`.
const SELDOM: u64 = 30_000_000;
/// What is reported in most cases only.
const MOSTLY: [CheckId; 5] = [
    CheckId::HostMountExec,
    CheckId::HostMountReadOnly,
    CheckId::HostMountSnapshotter,
    CheckId::HostNodeName,
    CheckId::HostSelinux,
];

/// How long until the host is to be evaluated again.
pub(super) fn recheck(persisted: &PersistedState, input: &StepInput<'_>) -> Option<u64> {
    if input.plan.decision != Decision::Block {
        return None;
    }
    let block = down_for(persisted, input)?;
    // Others are not ended by what the host becomes.
    if !matches!(hold(persisted, input, &block), None | Some(Hold::SameCause)) {
        return None;
    }
    let after = |finding: &&Finding| {
        if finding.effect() == Effect::Transient || finding.id() == CheckId::HostSpace {
            Some(OFTEN)
        } else {
            MOSTLY.contains(&finding.id()).then_some(SELDOM)
        }
    };
    input.plan.reasons.iter().filter_map(after).min()
}
