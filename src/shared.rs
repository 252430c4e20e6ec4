//! What `preflight-rke2-cluster` uses of this crate: the benchmarks, what became of a control, waivers, releases, and how
//! text is shown.
//!
//! Not an interface for others: both programs come from one source tree, and this changes with them.

pub use crate::audit::benchmark::{Benchmark, Choice};
pub use crate::audit::control::{Edition, Scoring};
pub use crate::audit::waiver::{Applied, Day, Waiver, WaiverTable};
pub use crate::audit::{ControlOutcome, Counts};
pub use crate::cli::terminal::{Color, print, style, write_error};
pub use crate::report::audit::row::{Row, Subject};
pub use crate::report::audit::text::{label, numbers};
pub use crate::report::audit::{Section, by_section, in_one_line};
pub use crate::report::audit::{junit, kube_bench, metrics, sarif};
pub use crate::report::text::{DIM, GREEN, RED, Style, YELLOW, paint};
pub use crate::rke2::node::x509::{Validity, validities};
pub use crate::rke2::version::{Since, Version};
pub use crate::text::{count, json, printable, suggestion, wrap};
pub use crate::yaml::scalar::base64;
