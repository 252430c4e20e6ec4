//! Requests that a component serves: who sends them, and what they may do, which it asks the cluster.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/{authentication,authorization}.go`.

use super::errors::{Errors, failed, quote};
use super::options::Options;
use super::state::{Files, absent, absent_for_stat};
use crate::kubernetes::Failure;

/// Whose releases differ in whether the headers of requests are checked.
const WITHOUT_HEADERS: u32 = 25;

/// `RequestHeaderAuthenticationOptions.Validate`.
pub(super) fn validate_headers(options: &Options, errors: &mut Errors) {
    if options.minor().0 == WITHOUT_HEADERS {
        return;
    }
    let mut not_empty = |flag: &str| {
        let list = options.list(flag).unwrap_or_default();
        if list.iter().any(|name| name.trim().is_empty()) {
            errors.push(
                format!("empty value in {}", quote(flag)),
                options.at(&[flag]),
            );
        }
    };
    not_empty("requestheader-username-headers");
    not_empty("requestheader-group-headers");
    not_empty("requestheader-extra-headers-prefix");
    not_empty("requestheader-allowed-names");
    let flag = "requestheader-uid-headers";
    let headers = options.list(flag).unwrap_or_default();
    if headers.is_empty() || !options.since(32) {
        return;
    }
    if !options.gate("RemoteRequestHeaderUID") {
        errors.push(
            format!("--{flag} requires the \"RemoteRequestHeaderUID\" feature to be enabled"),
            options.at(&[flag]),
        );
        return;
    }
    not_empty(flag);
    if !headers
        .iter()
        .any(|header| header.eq_ignore_ascii_case("X-Remote-Uid"))
    {
        errors.push(
            format!(
                "--{flag} is set without specifying the standard X-Remote-Uid header - API aggregation will not work"
            ),
            options.at(&[flag]),
        );
    }
}

/// `ApplyTo` of `DelegatingAuthenticationOptions` and `DelegatingAuthorizationOptions`.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    absent_for_stat(options, files, "authentication-kubeconfig", |error| {
        let words = "failed to get delegated authentication kubeconfig";
        format!("{words}: {words}: {error}")
    })
    .or_else(|| {
        absent(options, files, "client-ca-file", |error| {
            format!("unable to load client CA provider: {error}")
        })
    })
    .or_else(|| {
        absent(options, files, "requestheader-client-ca-file", |error| {
            format!("unable to create request header authentication config: {error}")
        })
    })
    .or_else(|| {
        absent_for_stat(options, files, "authorization-kubeconfig", |error| {
            format!("failed to get delegated authorization kubeconfig: {error}")
        })
    })
    .or_else(|| paths(options))
}

/// `path.NewAuthorizer`.
fn paths(options: &Options) -> Option<Failure> {
    let flag = "authorization-always-allow-paths";
    let paths = options.list(flag)?;
    let wrong = paths.into_iter().find_map(|path| {
        let path = path.strip_prefix('/').unwrap_or(path);
        let end = path.strip_suffix('*').unwrap_or(path);
        end.contains('*').then_some(path)
    })?;
    let message = format!("only trailing * allowed in {}", quote(wrong));
    failed(message, options, &[flag])
}
