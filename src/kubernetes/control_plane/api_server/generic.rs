//! Options that every API server has.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/server_run_options.go`. The API server checks them since 1.31.

use super::super::errors::{Errors, joined};
use super::super::options::Options;
use super::super::regexp;
use super::super::versions;

/// Since which minor origins must be anchored.
const ORIGINS: u32 = 27;
/// Since which minor versions can be emulated.
const EMULATION: u32 = 33;

const ORIGINS_HELP: &str = concat!(
    r"List of allowed origins for CORS, comma separated. ",
    r"An allowed origin can be a regular expression to support subdomain matching. ",
    r"If this list is empty CORS will not be enabled. ",
    r"Please ensure each expression matches the entire hostname by anchoring ",
    r"to the start with '^' or including the '//' prefix, and by anchoring to the ",
    r"end with '$' or including the ':' port separator suffix. ",
    r"Examples of valid expressions are '//example\.com(:|$)' and '^https://example\.com(:|$)'",
);

/// `ServerRunOptions.Validate`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    let mut negative = |flag: &str, is_negative: bool, message: &str| {
        if is_negative {
            errors.push(message, options.at(&[flag]));
        }
    };
    let duration = |flag: &str| options.duration(flag, 0) < 0;
    let int = |flag: &str| options.int(flag, 0) < 0;
    let flag = "livez-grace-period";
    negative(
        flag,
        duration(flag),
        "--livez-grace-period can not be a negative value",
    );
    let flag = "max-requests-inflight";
    negative(
        flag,
        int(flag),
        "--max-requests-inflight can not be negative value",
    );
    let flag = "max-mutating-requests-inflight";
    negative(
        flag,
        int(flag),
        "--max-mutating-requests-inflight can not be negative value",
    );
    let flag = "request-timeout";
    negative(
        flag,
        duration(flag),
        "--request-timeout can not be negative value",
    );
    let flag = "goaway-chance";
    let chance = options.float(flag, 0.0);
    let is_wrong = !(0.0..=0.02).contains(&chance);
    negative(
        flag,
        is_wrong,
        "--goaway-chance can not be less than 0 or greater than 0.02",
    );
    let flag = "min-request-timeout";
    negative(
        flag,
        int(flag),
        "--min-request-timeout can not be negative value",
    );
    let flag = "storage-initialization-timeout";
    negative(
        flag,
        duration(flag),
        "--storage-initialization-timeout can not be negative value",
    );
    let flag = "shutdown-delay-duration";
    negative(
        flag,
        duration(flag),
        "--shutdown-delay-duration can not be negative value",
    );
    let flag = "shutdown-watch-termination-grace-period";
    negative(
        flag,
        duration(flag),
        "shutdown-watch-termination-grace-period, if provided, can not be a negative value",
    );
    validate_directives(options, errors);
    if options.since(ORIGINS) {
        validate_origins(options, errors);
    }
    versions::validate(options, errors);
    if options.since(EMULATION) && !options.is_set("emulated-version") {
        validate_emulation(options, errors);
    }
}

/// `validateHSTSDirectives`.
fn validate_directives(options: &Options, errors: &mut Errors) {
    let flag = "strict-transport-security-directives";
    let mut found: Vec<String> = Vec::new();
    for directive in options.list(flag).unwrap_or_default() {
        if directive.trim().is_empty() {
            found.push(format!("empty value in {flag}"));
        } else if !is_directive(directive) {
            found.push(format!(
                "--{flag} invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information"
            ));
        }
    }
    push_all(found, flag, options, errors);
}

fn is_directive(text: &str) -> bool {
    matches!(text, "includeSubDomains" | "preload")
        || text.starts_with("max-age=") && text.matches('=').count() == 1
}

/// `validateCorsAllowedOriginList`.
fn validate_origins(options: &Options, errors: &mut Errors) {
    let flag = "cors-allowed-origins";
    let mut found: Vec<String> = Vec::new();
    for origin in options.list(flag).unwrap_or_default() {
        if origin.is_empty() {
            found.push(format!("empty value in --{flag}, help: {ORIGINS_HELP}"));
            continue;
        }
        let is_pinned = (origin.contains('^') || origin.contains("//"))
            && (origin.contains('$') || origin.contains(':'));
        let reason = regexp::error(origin).or_else(|| {
            (!is_pinned).then(|| {
                "regular expression does not pin to start/end of host in the origin header"
                    .to_owned()
            })
        });
        if let Some(reason) = reason {
            found.push(format!(
                "--{flag} has an invalid regular expression: {reason}, help: {ORIGINS_HELP}"
            ));
        }
    }
    push_all(found, flag, options, errors);
}

/// Errors of one list are an aggregate of their own, whose parts are listed with the others.
fn push_all(found: Vec<String>, flag: &str, options: &Options, errors: &mut Errors) {
    for message in found {
        errors.push(joined(&[message]), options.at(&[flag]));
    }
}

fn validate_emulation(options: &Options, errors: &mut Errors) {
    for (flag, name) in [
        ("emulation-forward-compatible", "EmulationForwardCompatible"),
        (
            "runtime-config-emulation-forward-compatible",
            "RuntimeConfigEmulationForwardCompatible",
        ),
    ] {
        if options.bool(flag, false) {
            errors.push(
                format!(
                    "ServerRunOptions.{name} cannot be set to true if the emulation version is the same as the binary version"
                ),
                options.at(&[flag]),
            );
        }
    }
}
