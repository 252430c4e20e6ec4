//! Options of authorization.
//!
//! Upstream: `pkg/kubeapiserver/options/authorization.go`.

use super::super::errors::{Errors, quote, quote_all};
use super::super::options::Options;
use super::super::state::Files;
use super::files;

/// Since which minor there is a configuration file.
const FILE: u32 = 29;
/// Since which minor the file needs no gate.
const NO_GATE: u32 = 36;

const LEGACY: &[&str] = &[
    "authorization-mode",
    "authorization-policy-file",
    "authorization-webhook-config-file",
    "authorization-webhook-version",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
];

/// The modes that are left after the defaults.
pub(super) fn modes(options: &Options) -> Vec<&str> {
    match options.list("authorization-mode") {
        None => vec!["AlwaysAllow"],
        Some(modes) if modes.is_empty() && options.since(FILE) => vec!["AlwaysAllow"],
        Some(modes) => modes,
    }
}

/// `BuiltInAuthorizationOptions.Validate`.
pub(super) fn validate(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    if options.text("authorization-config", "").is_empty() {
        validate_modes(options, errors);
        return;
    }
    let mut at = options.at(LEGACY);
    at.extend(options.at(&["authorization-config"]));
    if !options.since(NO_GATE) && !options.gate("StructuredAuthorizationConfiguration") {
        at.extend(options.gates_at(&["StructuredAuthorizationConfiguration"]));
        errors.push(
            "--authorization-config cannot be used without enabling StructuredAuthorizationConfiguration feature flag",
            at,
        );
    } else if options.is_any_set(LEGACY) {
        errors.push(
            "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
            at,
        );
    } else if let Some(failure) =
        files::authorization::failure(options, files, options.text("authorization-config", ""))
    {
        errors.push_failure(failure);
    }
}

fn validate_modes(options: &Options, errors: &mut Errors) {
    let modes = modes(options);
    let at = || options.at(&["authorization-mode"]);
    if modes.is_empty() {
        errors.push("at least one authorization-mode must be passed", at());
    }
    let policy = options.text("authorization-policy-file", "");
    let webhook = options.text("authorization-webhook-config-file", "");
    for &mode in &modes {
        match mode {
            "ABAC" if policy.is_empty() => errors.push(
                "authorization-mode ABAC's authorization policy file not passed",
                options.at(&["authorization-mode", "authorization-policy-file"]),
            ),
            "Webhook" if webhook.is_empty() => errors.push(
                "authorization-mode Webhook's authorization config file not passed",
                options.at(&["authorization-mode", "authorization-webhook-config-file"]),
            ),
            "AlwaysAllow" | "AlwaysDeny" | "ABAC" | "Webhook" | "RBAC" | "Node" => {}
            _ => errors.push_unknown(
                format!("authorization-mode {} is not a valid mode", quote(mode)),
                at(),
            ),
        }
    }
    if !policy.is_empty() && !modes.contains(&"ABAC") {
        errors.push(
            "cannot specify --authorization-policy-file without mode ABAC",
            options.at(&["authorization-mode", "authorization-policy-file"]),
        );
    }
    if !webhook.is_empty() && !modes.contains(&"Webhook") {
        errors.push(
            "cannot specify --authorization-webhook-config-file without mode Webhook",
            options.at(&["authorization-mode", "authorization-webhook-config-file"]),
        );
    }
    let mut different = modes.clone();
    different.sort_unstable();
    different.dedup();
    if different.len() != modes.len() {
        errors.push(
            format!(
                "authorization-mode {} has mode specified more than once",
                quote_all(&modes)
            ),
            at(),
        );
    }
}
