//! Options of authentication.
//!
//! Upstream: `pkg/kubeapiserver/options/authentication.go` and
//! `k8s.io/apiserver/pkg/server/options/authentication.go`.

use super::super::delegation;
use super::super::errors::{Errors, quote};
use super::super::options::Options;
use super::super::state::{FileState, Files};
use super::super::url;

/// Since which minor there is a configuration file.
const FILE: u32 = 29;
/// Since which minor the file needs no gate.
const NO_GATE: u32 = 37;
/// Since which minor tokens can be signed elsewhere.
const ENDPOINT: u32 = 32;
/// Since which minor two authorities must be different.
const OVERLAP: u32 = 35;

/// Flags that the configuration file replaces.
pub(super) const OIDC: &[&str] = &[
    "oidc-issuer-url",
    "oidc-client-id",
    "oidc-ca-file",
    "oidc-username-claim",
    "oidc-username-prefix",
    "oidc-groups-claim",
    "oidc-groups-prefix",
    "oidc-signing-algs",
    "oidc-required-claim",
];

/// `BuiltInAuthenticationOptions.Validate`.
pub(super) fn validate(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    validate_oidc(options, errors);
    validate_issuers(options, errors);
    validate_service_accounts(options, errors);
    if (30..=34).contains(&options.minor().0)
        && options.gate("ServiceAccountTokenNodeBinding")
        && !options.gate("ServiceAccountTokenNodeBindingValidation")
    {
        errors.push(
            "the \"ServiceAccountTokenNodeBinding\" feature gate can only be enabled if the \"ServiceAccountTokenNodeBindingValidation\" feature gate is also enabled",
            options.gates_at(&[
                "ServiceAccountTokenNodeBinding",
                "ServiceAccountTokenNodeBindingValidation",
            ]),
        );
    }
    delegation::validate_headers(options, errors);
    validate_authorities(options, files, errors);
}

/// `validateOIDCOptions`.
fn validate_oidc(options: &Options, errors: &mut Errors) {
    let has_issuer = !options.text("oidc-issuer-url", "").is_empty();
    let has_client = !options.text("oidc-client-id", "").is_empty();
    let at = || options.at(OIDC);
    if !options.since(FILE) {
        if has_issuer != has_client {
            errors.push(
                "oidc-issuer-url and oidc-client-id should be specified together",
                at(),
            );
        }
        return;
    }
    if options.text("authentication-config", "").is_empty() {
        if options.is_any_set(OIDC) && !(has_issuer && has_client) {
            errors.push(
                "oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set",
                at(),
            );
        }
        return;
    }
    let gate = "StructuredAuthenticationConfiguration";
    if !options.since(NO_GATE) && !options.gate(gate) {
        let mut at = options.at(&["authentication-config"]);
        at.extend(options.gates_at(&[gate]));
        errors.push(
            format!("set --feature-gates={gate}=true to use authentication-config file"),
            at,
        );
    }
    if options.is_any_set(OIDC) {
        let mut at = at();
        at.extend(options.at(&["authentication-config"]));
        errors.push(
            "authentication-config file and oidc-* flags are mutually exclusive",
            at,
        );
    }
}

fn validate_issuers(options: &Options, errors: &mut Errors) {
    let at = || options.at(&["service-account-issuer"]);
    let mut seen: Vec<&str> = Vec::new();
    for issuer in options.list("service-account-issuer").unwrap_or_default() {
        if issuer.contains(':')
            && let Err(error) = url::parse(issuer)
        {
            errors.push(
                format!(
                    "service-account-issuer {} contained a ':' but was not a valid URL: {error}",
                    quote(issuer)
                ),
                at(),
            );
        } else if issuer.is_empty() {
            errors.push("service-account-issuer should not be an empty string", at());
        } else if seen.contains(&issuer) {
            let message = format!(
                "service-account-issuer {} is already specified",
                quote(issuer)
            );
            errors.push(message, at());
        } else {
            seen.push(issuer);
        }
    }
}

fn validate_service_accounts(options: &Options, errors: &mut Errors) {
    if options
        .list("service-account-issuer")
        .is_none_or(|list| list.is_empty())
    {
        errors.push("service-account-issuer is a required flag", Vec::new());
    }
    let has_keys = options
        .list("service-account-key-file")
        .is_some_and(|list| !list.is_empty());
    // Where both are missing, older releases take the key that they serve with.
    let serves = options.int("secure-port", 6443) != 0
        || !options.text("tls-private-key-file", "").is_empty();
    let has_default = !options.since(31)
        && serves
        && options
            .text("service-account-signing-key-file", "")
            .is_empty();
    let endpoint = options.text("service-account-signing-endpoint", "");
    if !has_keys && !has_default && endpoint.is_empty() {
        errors.push(
            if options.since(ENDPOINT) {
                "either `--service-account-key-file` or `--service-account-signing-endpoint` must be set"
            } else {
                "service-account-key-file is a required flag"
            },
            Vec::new(),
        );
    }
    let flag = "service-account-jwks-uri";
    let uri = options.text(flag, "");
    if uri.is_empty() {
        return;
    }
    match url::parse(uri) {
        Err(error) => errors.push(
            format!("{flag} must be a valid URL: {error}"),
            options.at(&[flag]),
        ),
        Ok(parsed) if parsed.scheme != "https" => errors.push(
            format!("{flag} requires https scheme, parsed as: {uri}"),
            options.at(&[flag]),
        ),
        Ok(_) => {}
    }
}

/// Whether certificates overlap is known only where both are the same file.
fn validate_authorities(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    let (front, client) = ("requestheader-client-ca-file", "client-ca-file");
    let path = options.text(front, "");
    let has_names = options
        .list("requestheader-allowed-names")
        .is_some_and(|list| !list.is_empty());
    if !options.since(OVERLAP)
        || path.is_empty()
        || has_names
        || path != options.text(client, "")
        || files(path) == FileState::Missing
    {
        return;
    }
    errors.push(
        "--requestheader-client-ca-file and --client-ca-file contain overlapping certificates; --requestheader-allowed-names must be specified to ensure regular client certificates cannot set authenticating proxy headers for arbitrary users",
        options.at(&[front, client, "requestheader-allowed-names"]),
    );
}
