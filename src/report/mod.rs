//! Reports: one engine's answer, rendered for terminals, programs, the journal and a fleet's monitoring.

pub(crate) mod audit;
pub(crate) mod journal;
pub(crate) mod json;
pub(crate) mod metrics;
pub(crate) mod monitor;
pub(crate) mod npd;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod sysctl;
pub(crate) mod text;
