//! Options are checked together: all errors are reported.
//!
//! Upstream: `cmd/kube-apiserver/app/options/validation.go` and, since 1.28,
//! `pkg/controlplane/apiserver/options/validation.go`.

use super::super::errors::{Errors, quote};
use super::super::metrics;
use super::super::options::Options;
use super::super::state::Files;
use super::{addresses, admission, apis, audit, authentication, authorization, etcd, generic};
use crate::kubernetes::Failure;

/// Since which minor the checks of any control plane come first.
const SPLIT: u32 = 28;
/// Since which minor generic options are checked.
const GENERIC: u32 = 31;

/// `Validate`.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let ranges = addresses::ranges(options).ok()?;
    let mut errors = Errors::default();
    if options.since(SPLIT) {
        control_plane(options, files, &mut errors);
        addresses::validate_ranges(options, &ranges, &mut errors);
        addresses::validate_node_port(options, &mut errors);
        addresses::validate_family(options, &ranges, &mut errors);
        cloud_provider(options, &mut errors);
        count(options, &mut errors);
    } else {
        count(options, &mut errors);
        etcd::validate(options, &mut errors);
        addresses::validate_ranges(options, &ranges, &mut errors);
        addresses::validate_node_port(options, &mut errors);
        apis::validate_fairness(options, &mut errors);
        shared(options, files, &mut errors);
        identity(options, &mut errors);
    }
    errors.into_failure()
}

/// `Options.Validate` of any control plane.
fn control_plane(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    if options.since(GENERIC) {
        generic::validate(options, errors);
    }
    etcd::validate(options, errors);
    apis::validate_fairness(options, errors);
    shared(options, files, errors);
    gates(options, errors);
    peers(options, errors);
    node_gates(options, errors);
    signing(options, errors);
    leadership(options, errors);
}

fn shared(options: &Options, files: &Files<'_>, errors: &mut Errors) {
    secure_port(options, errors);
    authentication::validate(options, files, errors);
    authorization::validate(options, files, errors);
    audit::validate(options, errors);
    admission::validate(options, errors);
    apis::validate(options, errors);
    token_request(options, errors);
    metrics::validate(options, files, errors);
}

fn count(options: &Options, errors: &mut Errors) {
    let count = options.int("apiserver-count", 1);
    if count <= 0 {
        errors.push(
            format!("--apiserver-count should be a positive number, but value '{count}' provided"),
            options.at(&["apiserver-count"]),
        );
    }
}

fn secure_port(options: &Options, errors: &mut Errors) {
    let port = options.int("secure-port", 6443);
    if !(1..=65_535).contains(&port) {
        errors.push(
            format!(
                "--secure-port {port} must be between 1 and 65535, inclusive. It cannot be turned off with 0"
            ),
            options.at(&["secure-port"]),
        );
    }
}

/// `validateTokenRequest`. Whether a key can be read is seen before.
fn token_request(options: &Options, errors: &mut Errors) {
    let flags = [
        "service-account-signing-key-file",
        "service-account-issuer",
        "api-audiences",
    ];
    let issuers = options.list("service-account-issuer").unwrap_or_default();
    let has_issuer = issuers.first().is_some_and(|issuer| !issuer.is_empty());
    let has_key = !options
        .text("service-account-signing-key-file", "")
        .is_empty();
    let has_audiences = options
        .list("api-audiences")
        .is_some_and(|list| !list.is_empty());
    let endpoint = options.text("service-account-signing-endpoint", "");
    if !has_key && !has_issuer && !has_audiences {
        errors.push(
            "--service-account-signing-key-file and --service-account-issuer are required flags",
            options.at(&flags),
        );
    } else if !(has_issuer && (has_key || !endpoint.is_empty())) {
        errors.push(
            "--service-account-signing-key-file, --service-account-issuer, and --api-audiences should be specified together",
            options.at(&flags),
        );
    }
}

/// `validateAPIServerIdentity`, up to 1.25.
fn identity(options: &Options, errors: &mut Errors) {
    for flag in [
        "identity-lease-duration-seconds",
        "identity-lease-renew-interval-seconds",
    ] {
        let seconds = options.int(flag, 1);
        if seconds <= 0 && !options.since(26) {
            errors.push(
                format!("--{flag} should be a positive number, but value '{seconds}' provided"),
                options.at(&[flag]),
            );
        }
    }
}

/// A gate that is on although another, which it needs, is off.
fn needs(options: &Options, gate: &str, other: &str, message: String, errors: &mut Errors) {
    if options.gate(gate) && !options.gate(other) {
        errors.push(message, options.gates_at(&[gate, other]));
    }
}

/// `validateUnknownVersionInteroperabilityProxyFeature`, 1.28 to 1.32.
fn gates(options: &Options, errors: &mut Errors) {
    if options.since(33) {
        return;
    }
    let (gate, other) = ("UnknownVersionInteroperabilityProxy", "StorageVersionAPI");
    let message = format!("{gate} feature requires {other} feature flag to be enabled");
    needs(options, gate, other, message, errors);
}

/// `validateUnknownVersionInteroperabilityProxyFlags`.
fn peers(options: &Options, errors: &mut Errors) {
    if options.gate("UnknownVersionInteroperabilityProxy") {
        return;
    }
    for flag in ["peer-ca-file", "peer-advertise-ip", "peer-advertise-port"] {
        if !options.text(flag, "").is_empty() {
            errors.push(
                format!(
                    "--{flag} requires UnknownVersionInteroperabilityProxy feature to be turned on"
                ),
                options.at(&[flag]),
            );
        }
    }
}

/// Gates that need others, up to 1.34; later the gates themselves say so.
fn node_gates(options: &Options, errors: &mut Errors) {
    for (gate, other, first, last) in [
        (
            "AuthorizeNodeWithSelectors",
            "AuthorizeWithSelectors",
            31,
            34,
        ),
        (
            "DRAControlPlaneController",
            "DynamicResourceAllocation",
            31,
            31,
        ),
        (
            "PodCertificateRequest",
            "AuthorizeNodeWithSelectors",
            34,
            34,
        ),
    ] {
        if (first..=last).contains(&options.minor().0) {
            let message = format!("{gate} feature requires {other} feature to be enabled");
            needs(options, gate, other, message, errors);
        }
    }
}

/// `validateServiceAccountTokenSigningConfig`, since 1.32.
fn signing(options: &Options, errors: &mut Errors) {
    let flag = "service-account-signing-endpoint";
    let endpoint = options.text(flag, "");
    if endpoint.is_empty() || !options.since(32) {
        return;
    }
    let keys = [
        "service-account-signing-key-file",
        "service-account-key-file",
    ];
    let has_key = !options.text(keys[0], "").is_empty()
        || options.list(keys[1]).is_some_and(|files| !files.is_empty());
    if has_key {
        errors.push(
            "can't set `--service-account-signing-key-file` and/or `--service-account-key-file` with `--service-account-signing-endpoint` (They are mutually exclusive)",
            options.at(&[flag, keys[0], keys[1]]),
        );
    }
    if !options.gate("ExternalServiceAccountTokenSigner") {
        errors.push(
            "setting `--service-account-signing-endpoint` requires enabling ExternalServiceAccountTokenSigner feature gate",
            options.at(&[flag]),
        );
    }
    let is_named = endpoint.starts_with('@') && is_abstract_socket(endpoint);
    if !options.since(34) && !is_named && !is_path(endpoint) {
        errors.push(
            format!(
                "invalid value {} passed for `--service-account-signing-endpoint`, should be a valid location on the filesystem or must be prefixed with @ to name UDS in abstract namespace",
                quote(endpoint)
            ),
            options.at(&[flag]),
        );
    }
    if options.since(34) && endpoint.starts_with('@') && !is_named {
        errors.push(
            format!(
                "invalid value {} passed for `--service-account-signing-endpoint`, when prefixed with @ must be a valid abstract socket name",
                quote(endpoint)
            ),
            options.at(&[flag]),
        );
    }
}

/// `^@([a-zA-Z0-9_-]+\.)*[a-zA-Z0-9_-]+$`.
fn is_abstract_socket(text: &str) -> bool {
    let name = text.strip_prefix('@').unwrap_or_default();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    name.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(is_letter))
}

/// `^(/[^/ ]*)+/?$`.
fn is_path(text: &str) -> bool {
    text.starts_with('/') && !text.contains(' ')
}

/// `validateCoordinatedLeadershipFlags`, since 1.34.
fn leadership(options: &Options, errors: &mut Errors) {
    if !options.since(34) {
        return;
    }
    let second = 1_000_000_000;
    let [lease, deadline, period] = [
        "coordinated-leadership-lease-duration",
        "coordinated-leadership-renew-deadline",
        "coordinated-leadership-retry-period",
    ];
    let renewed = options.duration(deadline, 10 * second);
    if options.duration(lease, 15 * second) <= renewed {
        let message = format!("--{lease} must be greater than --{deadline}");
        errors.push(message, options.at(&[lease, deadline]));
    }
    if renewed <= options.duration(period, 2 * second) {
        let message = format!("--{deadline} must be greater than --{period}");
        errors.push(message, options.at(&[deadline, period]));
    }
}

/// `CloudProviderOptions.Validate`, 1.29 to 1.32.
fn cloud_provider(options: &Options, errors: &mut Errors) {
    if !(29..=32).contains(&options.minor().0) {
        return;
    }
    let provider = options.text("cloud-provider", "");
    let built_in: &[&str] = match options.minor().0 {
        29 | 30 => &["azure", "gce", "vsphere"],
        _ => &[],
    };
    let at = || options.at(&["cloud-provider"]);
    let must_be = if provider == "external" {
        true
    } else if built_in.contains(&provider) {
        false
    } else {
        if !provider.is_empty() {
            errors.push_unknown(format!("unknown --cloud-provider: {provider}"), at());
        }
        return;
    };
    for gate in [
        "DisableCloudProviders",
        "DisableKubeletCloudCredentialProviders",
    ] {
        if options.gate(gate) != must_be {
            let mut positions = at();
            positions.extend(options.gates_at(&[gate]));
            errors.push(
                format!(
                    "when using --cloud-provider set to '{provider}', please set {gate} feature to {must_be}"
                ),
                positions,
            );
        }
    }
}
