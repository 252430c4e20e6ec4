//! Options are completed. The first error ends the API server.
//!
//! Upstream: `cmd/kube-apiserver/app/options/completion.go` and
//! `pkg/controlplane/apiserver/options/options.go`; up to 1.27 `Complete` of `cmd/kube-apiserver/app/server.go`.

use super::super::errors::failed;
use super::super::options::Options;
use super::super::state::{FileState, Files, missing};
use super::{addresses, etcd};
use crate::kubernetes::Failure;

/// Since which minor the longest life of a token is checked before the key is read.
const LIFE_FIRST: u32 = 31;
/// Since which minor tokens can be signed elsewhere.
const ENDPOINT: u32 = 32;

/// `Complete`.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if let Err(message) = addresses::ranges(options) {
        return failed(message, options, &[addresses::RANGE]);
    }
    service_accounts(options, files).or_else(|| {
        let message = etcd::watch_cache_sizes(options).err()?;
        failed(message, options, &["watch-cache-sizes"])
    })
}

fn service_accounts(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let issuers = options.list("service-account-issuer").unwrap_or_default();
    let has_issuer = issuers.first().is_some_and(|issuer| !issuer.is_empty());
    let key = options.text("service-account-signing-key-file", "");
    if options.since(LIFE_FIRST) {
        if let Some(failure) = token_life(options) {
            return Some(failure);
        }
        if !has_issuer {
            return None;
        }
        let endpoint = options.text("service-account-signing-endpoint", "");
        if options.since(ENDPOINT) && !endpoint.is_empty() && !key.is_empty() {
            return failed(
                "service-account-signing-key-file and service-account-signing-endpoint are mutually exclusive and cannot be set at the same time".to_owned(),
                options,
                &["service-account-signing-key-file", "service-account-signing-endpoint"],
            );
        }
        return signing_key(key, files);
    }
    if key.is_empty() || !has_issuer {
        return None;
    }
    signing_key(key, files).or_else(|| token_life(options))
}

fn signing_key(path: &str, files: &Files<'_>) -> Option<Failure> {
    (!path.is_empty() && files(path) == FileState::Missing).then(|| {
        missing(path, |error| {
            format!("failed to parse service-account-issuer-key-file: {error}")
        })
    })
}

fn token_life(options: &Options) -> Option<Failure> {
    let flag = "service-account-max-token-expiration";
    let life = options.duration(flag, 0);
    let hour = 3_600_000_000_000;
    let most = 4_294_967_296_000_000_000;
    if life == 0 || (hour..=most).contains(&life) {
        return None;
    }
    let message = format!("the {flag} must be between 1 hour and 2^32 seconds");
    failed(message, options, &[flag])
}
