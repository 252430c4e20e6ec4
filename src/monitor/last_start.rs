//! systemd's record of the last start of a unit that is down, and of the gate before it.

/// How the last run of a unit's gate ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateEnd {
    /// It has not run in this userspace, or has succeeded: RKE2's job went on.
    #[default]
    Passed,
    /// It still runs.
    Running,
    /// It exited with status 3: it blocks.
    Blocked,
    /// It failed in any other way: killed, crashed, not started at all.
    Failed,
}

/// How a gate's unit ended, from its `ActiveState`, `ExecMainCode` and `ExecMainStatus`.
pub(crate) fn gate_end(active_state: &str, code: i32, status: i32) -> GateEnd {
    /// `CLD_EXITED`.
    const EXITED: i32 = 1;
    match active_state {
        "activating" | "deactivating" | "active" => GateEnd::Running,
        "failed" if (code, status) == (EXITED, 3) => GateEnd::Blocked,
        "failed" => GateEnd::Failed,
        _ => GateEnd::Passed,
    }
}

/// systemd's record of the last run of a unit and of its gate. Times are in microseconds of the monotonic
/// clock; 0 where it did not happen in this userspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastStart {
    /// When the gate was last started. A start of the unit does that.
    pub gate_began: u64,
    /// The same in microseconds since 1970.
    pub gate_began_at: u64,
    /// When the gate last ended.
    pub gate_ended: u64,
    /// How the gate ended.
    pub gate: GateEnd,
    /// Since when the unit is inactive or failed.
    pub down_since: u64,
    /// When the unit's program was last started.
    pub main_started: u64,
}
