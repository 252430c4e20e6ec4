//! The gate: decides whether a unit may start. [`plan`] is pure; the command carries it out.

pub mod block;
pub mod hold;
pub mod plan;
