//! What to change in a cluster: default accounts whose tokens are mounted, namespaces without a network policy, and marks of
//! RKE2's for policies that are gone.
//!
//! ```text
//! facts -> plan -> text, output: pure
//!          plan -> apply: over the client
//! ```

mod apply;
mod output;
mod plan;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use apply::{Outcome, carry_out, try_before};
pub(crate) use output::{ADMISSION_POLICIES, Output, admission_policy, manifests, script};
pub(crate) use plan::{Asked, Ingress, Plan, Step, kinds, plan};
pub(crate) use text::{follows, refusals, render};

/// The name under which the API server notes the fields that this program sets.
pub(crate) const FIELD_MANAGER: &str = "preflight-rke2-cluster";
