//! How long etcd's disk takes to store a write.

/// The latency of `fdatasync(2)` in etcd's directory, where it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DiskLatency {
    /// It was measured, or etcd measured it.
    Known(Latency),
    /// It was not measured: why, as half a sentence.
    Refused(String),
}

/// Latencies in microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Latency {
    /// The directory.
    pub(crate) directory: String,
    /// Whether the numbers are those of the etcd that runs: upper bounds, since it started.
    pub(crate) is_etcds: bool,
    /// How many writes were measured.
    pub(crate) samples: u64,
    /// Half of them took at most this.
    pub(crate) p50: Option<u64>,
    /// All but one of a hundred took at most this.
    pub(crate) p99: Option<u64>,
    /// The longest one. `None`: etcd does not tell.
    pub(crate) max: Option<u64>,
}

impl Latency {
    /// What etcd's documentation asks of 99 of 100 writes, in microseconds.
    pub(crate) const BOUND: u64 = 10_000;
    /// With fewer writes, the hundredth part is too few for a verdict.
    const ENOUGH: u64 = 1000;

    /// Whether the disk is fast enough for etcd. `None`: too few writes.
    pub(crate) fn is_fast(&self) -> Option<bool> {
        if self.samples < Self::ENOUGH {
            return None;
        }
        // Beyond etcd's last bucket there is no bound.
        Some(self.p99.is_some_and(|p99| p99 < Self::BOUND))
    }
}
