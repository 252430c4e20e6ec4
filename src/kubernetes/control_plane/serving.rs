//! Options of the port that it serves on.
//!
//! Upstream: `k8s.io/component-base/cli/flag/ciphersuites_flag.go`,
//! `k8s.io/apiserver/pkg/server/options/serving.go`, and `http2.ConfigureServer` of `golang.org/x/net`.

use super::super::errors::Errors;
use super::super::options::Options;
use crate::kubernetes::{Failure, tls};

/// Those that HTTP/2 needs one of.
const REQUIRED: [&str; 2] = [
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
];

/// Groups that every release with the flag has: P-256, P-384, P-521, X25519.
const CURVES: std::ops::RangeInclusive<i64> = 1..=22;

fn failed(message: String, flags: &[&str], options: &Options) -> Option<Failure> {
    let mut errors = Errors::default();
    errors.push(message, options.at(flags));
    errors.into_failure()
}

/// The names of suites and versions.
pub(super) fn failure(options: &Options) -> Option<Failure> {
    let suites = options.list("tls-cipher-suites").unwrap_or_default();
    if let Some(message) = tls::cipher_suite_error(suites.iter().copied()) {
        return failed(message, &["tls-cipher-suites"], options);
    }
    if let Some(curve) = options
        .ints("tls-curve-preferences")
        .into_iter()
        .find(|curve| CURVES.contains(curve))
    {
        return failed(
            format!("curve preference {curve} is not supported by the current Go version"),
            &["tls-curve-preferences"],
            options,
        );
    }
    let message = tls::version_error(options.text("tls-min-version", ""))?;
    failed(message, &["tls-min-version"], options)
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
        &["tls-cipher-suites"],
        options,
    )
}
