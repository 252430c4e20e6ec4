//! A node-local preflight for RKE2: predicts whether RKE2 or its kubelet would refuse to run on this host, and
//! lists every reason.
//!
//! Data flows one way:
//!
//! ```text
//! host  ->  rke2  ->  requirements  ->  evaluate  ->  verdict  ->  report, gate
//! facts     what RKE2   what it requires  findings      would it     show it, act on it
//! with      will run    of the host, as                 start
//! sources   with        data
//! ```
//!
//! `host` alone reads the machine, below one root directory. Everything from `rke2` to
//! `verdict` is pure: facts in, findings out.

mod assessment;
mod audit;
mod cli;
mod configuration;
mod daemon;
mod document;
mod evaluate;
mod examine;
mod facts;
mod finding;
mod fix;
mod gate;
mod glob;
mod go;
mod host;
mod journal;
mod kubernetes;
mod monitor;
mod report;
mod requirements;
mod rke2;
mod sysctl_d;
mod text;
mod unit;
mod verdict;
mod yaml;

#[doc(hidden)]
pub mod shared;
#[doc(hidden)]
pub mod testing;

pub use cli::run;
