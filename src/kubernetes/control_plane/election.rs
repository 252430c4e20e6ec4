//! The election of a leader.
//!
//! Upstream: `NewLeaderElector` of `k8s.io/client-go/tools/leaderelection/leaderelection.go`, the same in 1.24 to
//! 1.37.

use super::options::Options;
use crate::kubernetes::Minor;

/// The flags of its times.
pub(super) const FLAGS: [&str; 3] = [
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-retry-period",
];

/// The times, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) lease: i64,
    pub(super) deadline: i64,
    pub(super) period: i64,
}

/// What components have where nothing is set.
pub(super) const DEFAULT: Times = Times {
    lease: 15_000_000_000,
    deadline: 10_000_000_000,
    period: 2_000_000_000,
};

impl Times {
    /// Those of flags, over others.
    pub(super) fn of_flags(options: &Options, over: Self) -> Self {
        let [lease, deadline, period] = FLAGS;
        Self {
            lease: options.duration(lease, over.lease),
            deadline: options.duration(deadline, over.deadline),
            period: options.duration(period, over.period),
        }
    }

    /// Why there is no election.
    pub(super) fn error(self) -> Option<&'static str> {
        // `JitterFactor` is 1.2, and a float is made an integer again.
        let tenths = i128::from(self.period).saturating_mul(12);
        if self.lease <= self.deadline {
            Some("leaseDuration must be greater than renewDeadline")
        } else if i128::from(self.deadline) <= tenths.checked_div(10).unwrap_or_default() {
            Some("renewDeadline must be greater than retryPeriod*JitterFactor")
        } else if self.lease < 1 {
            Some("leaseDuration must be greater than zero")
        } else if self.deadline < 1 {
            Some("renewDeadline must be greater than zero")
        } else if self.period < 1 {
            Some("retryPeriod must be greater than zero")
        } else {
            None
        }
    }
}

/// Why a kind of lock is refused: `resourcelock.New`.
pub(super) fn lock_error(minor: Minor, kind: &str) -> Option<String> {
    let is_old = minor.0 <= 27;
    let successor = |leases: &str| match minor.0 {
        ..=27 => leases.to_owned(),
        28..=31 => format!("{leases} (using version v0.27.x)"),
        _ => "leases".to_owned(),
    };
    Some(match kind {
        "leases" => return None,
        "endpointsleases" | "configmapsleases" if is_old => return None,
        "endpoints" | "configmaps" => {
            let leases = successor(&format!("{kind}leases"));
            format!("{kind} lock is removed, migrate to {leases}")
        }
        "endpointsleases" => format!("{kind} lock is removed, migrate to leases"),
        "configmapsleases" => format!("{kind} lock is removed, migrated to leases"),
        _ => format!("Invalid lock-type {kind}"),
    })
}
