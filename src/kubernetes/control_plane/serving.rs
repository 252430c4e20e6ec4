//! Options of the port that it serves on.
//!
//! Upstream: `k8s.io/component-base/cli/flag/ciphersuites_flag.go`,
//! `k8s.io/apiserver/pkg/server/options/serving.go`, and `http2.ConfigureServer` of `golang.org/x/net`.

use super::errors::{Errors, failed};
use super::options::Options;
use super::state::{FileState, Files, absent, missing};
use crate::kubernetes::{Failure, tls};

/// Those that HTTP/2 needs one of.
const REQUIRED: [&str; 2] = [
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];

/// Groups that every release with the flag has: P-256, P-384, P-521, X25519.
const CURVES: std::ops::RangeInclusive<i64> = 1..=22;

/// `SecureServingOptions.Validate` of a component that serves on a port of its own choice.
pub(super) fn validate(options: &Options, default: i64, errors: &mut Errors) {
    let port = options.int("secure-port", default);
    let bounds = match port {
        65_536.. => "1 and 65535, inclusive. It cannot be turned off with 0",
        ..0 => "0 and 65535, inclusive. 0 for turning off secure port",
        _ => return,
    };
    errors.push(
        format!("--secure-port {port} must be between {bounds}"),
        options.at(&["secure-port"]),
    );
}

/// `SecureServingOptions.ApplyTo`.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let open = |flag: &str| absent(options, files, flag, str::to_owned);
    certificate(options)
        .or_else(|| open("tls-cert-file"))
        .or_else(|| open("tls-private-key-file"))
        .or_else(|| names_of_tls(options))
        .or_else(|| named_certificates(options, files))
}

/// A certificate needs its key, and a key its certificate.
fn certificate(options: &Options) -> Option<Failure> {
    let flags = ["tls-cert-file", "tls-private-key-file"];
    let [certificate, key] = flags.map(|flag| options.text(flag, ""));
    if certificate.is_empty() == key.is_empty() {
        return None;
    }
    failed(
        "missing filename for serving cert".to_owned(),
        options,
        &flags,
    )
}

/// `--tls-sni-cert-key`.
fn named_certificates(options: &Options, files: &Files<'_>) -> Option<Failure> {
    for pair in options.list("tls-sni-cert-key").unwrap_or_default() {
        let (files_of, _) = pair.split_once(':').unwrap_or((pair, ""));
        for path in files_of.split(',').map(str::trim) {
            if !path.is_empty() && files(path) == FileState::Missing {
                return Some(missing(path, |error| {
                    format!("failed to load SNI cert and key: {error}")
                }));
            }
        }
    }
    None
}

/// The names of suites and versions.
fn names_of_tls(options: &Options) -> Option<Failure> {
    let suites = options.list("tls-cipher-suites").unwrap_or_default();
    if let Some(message) = tls::cipher_suite_error(suites.iter().copied()) {
        return failed(message, options, &["tls-cipher-suites"]);
    }
    if let Some(curve) = options
        .ints("tls-curve-preferences")
        .into_iter()
        .find(|curve| CURVES.contains(curve))
    {
        return failed(
            format!("curve preference {curve} is not supported by the current Go version"),
            options,
            &["tls-curve-preferences"],
        );
    }
    let message = tls::version_error(options.text("tls-min-version", ""))?;
    failed(message, options, &["tls-min-version"])
}

/// The last step of a start: HTTP/2 is set up on the port.
pub(super) fn http2_failure(options: &Options) -> Option<Failure> {
    let suites = options.list("tls-cipher-suites").unwrap_or_default();
    if suites.is_empty()
        || options.bool("disable-http2-serving", false)
        || options.text("tls-min-version", "") == "VersionTLS13"
        || suites.iter().any(|suite| REQUIRED.contains(suite))
    {
        return None;
    }
    failed(
        "error configuring http2: http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)".to_owned(),
        options,
        &["tls-cipher-suites"],
    )
}
