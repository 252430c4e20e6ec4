//! The gate: decides whether a unit may start. [`plan`] is pure; the command carries it out.

pub(crate) mod block;
pub(crate) mod job_queue;
pub(crate) mod plan;
pub(crate) mod stamp;
