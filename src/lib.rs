//! A node-local preflight for RKE2: says before the start whether RKE2 or its kubelet would
//! refuse to run on this host, and why, all of it.
//!
//! Data flows one way:
//!
//! ```text
//! host  ->  rke2  ->  requirements  ->  evaluate  ->  verdict  ->  report, gate
//! facts     what RKE2   what it demands   findings      would it     say it, act on it
//! with      will run    of the host, as                 start
//! sources   with        data
//! ```
//!
//! [`host`] alone reads the machine, below one root directory. Everything from [`rke2`] to
//! [`verdict`] is pure: facts in, findings out.

pub mod audit;
pub mod cli;
pub mod configuration;
pub mod daemon;
pub mod evaluate;
pub mod examine;
pub mod fact;
pub mod finding;
pub mod fix;
pub mod gate;
pub mod go;
pub mod host;
pub mod monitor;
pub mod report;
pub mod requirements;
pub mod rke2;
pub mod sysctl_d;
pub mod text;
pub mod unit;
pub mod verdict;
