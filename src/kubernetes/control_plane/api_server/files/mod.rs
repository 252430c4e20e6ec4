//! The files of the API server.
//!
//! ```text
//! document        kinds of files
//! audit_policy    --audit-policy-file
//! admission       --admission-control-config-file, and the configuration of each plugin
//! encryption      --encryption-provider-config
//! authentication  --authentication-config, and the issuer of --oidc-*
//! authorization   --authorization-config
//! egress          --egress-selector-config-file
//! tracing         --tracing-config-file
//! ```

pub(super) mod admission;
pub(super) mod audit_policy;
pub(super) mod authentication;
pub(super) mod authorization;
mod document;
pub(super) mod egress;
pub(super) mod encryption;
mod names;
pub(super) mod tracing;
