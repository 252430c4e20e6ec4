//! The files for the monitoring of a fleet: metrics, alert rules, a dashboard, a plugin of
//! node-problem-detector and a plan of system-upgrade-controller. Tests named `promtool` run
//! Prometheus' own tools, with the feature `lab`; the others need no programs.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests build the hosts they read, and fail by panicking"
)]

#[path = "../command/case.rs"]
#[expect(dead_code, reason = "not all of a case matters here")]
mod case;
#[path = "../command/host.rs"]
mod host;

mod dashboard;
mod expressions;
mod metrics;
mod npd;
mod openmetrics;
#[cfg(feature = "lab")]
mod promtool;
mod rules;
mod upgrade;
mod yaml;
