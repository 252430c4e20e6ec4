//! When a state file was written: the boot, and the time in it.

use serde::{Deserialize, Serialize};

/// When something was written: the boot, and the time in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// The kernel's boot id; empty where it cannot be read.
    #[serde(default)]
    pub boot: String,
    /// Microseconds of the monotonic clock; 0 in files of versions that wrote none.
    #[serde(default)]
    pub monotonic: u64,
}

/// The content of a file, and when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// The content.
    #[serde(flatten)]
    pub value: T,
    /// When it was written.
    #[serde(flatten)]
    pub stamp: Stamp,
}
