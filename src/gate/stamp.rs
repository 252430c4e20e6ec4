//! When a file of state was written: which boot, and when in it.

use serde::{Deserialize, Serialize};

/// Where in time something was written: which boot, and when in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// The kernel's boot id; empty where it cannot be read.
    #[serde(default)]
    pub boot: String,
    /// Microseconds of the monotonic clock; 0 in files of versions that wrote none.
    #[serde(default)]
    pub monotonic: u64,
}

/// A file: what it holds, and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// What it holds.
    #[serde(flatten)]
    pub value: T,
    /// When it was written.
    #[serde(flatten)]
    pub stamp: Stamp,
}
