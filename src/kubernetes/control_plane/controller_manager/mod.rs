//! What ends the controller manager before it serves.
//!
//! ```text
//! validation   options are checked together, and all errors reported
//! controllers  --controllers
//! ```
//!
//! Options are then applied, in order: the first error counts. What controllers read when they start, once the
//! controller manager leads, is not looked at.
//!
//! Upstream: `cmd/kube-controller-manager/app`.

mod controllers;
mod validation;

use super::errors::{Errors, failed, quote};
use super::options::Options;
use super::state::{FileState, Files, absent};
use super::{client, delegation, document, election, logs, serving};
use crate::kubernetes::Failure;
use crate::kubernetes::codec::Scheme;

pub(super) use controllers::is_known;

/// The port that it serves on.
const PORT: i64 = 10_257;

/// The error that it exits with.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    logs::failure(options)
        .or_else(|| {
            let mut errors = Errors::default();
            validation::validate(options, files, &mut errors);
            errors.into_failure()
        })
        .or_else(|| cluster(options, files))
        .or_else(|| migration(options, files))
        .or_else(|| serve(options, files))
        .or_else(|| lead(options))
}

/// The client.
fn cluster(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let (file, server) = ("kubeconfig", "master");
    let path = options.text(file, "");
    if path.is_empty() && options.text(server, "").is_empty() {
        let message = client::NO_CONFIGURATION.to_owned();
        return failed(message, options, &[file, server]);
    }
    client::missing_file(path, files).or_else(|| {
        let (rate, burst) = ("kube-api-qps", "kube-api-burst");
        let message = client::burst_error(options.float(rate, 20.0), options.int(burst, 30))?;
        failed(message, options, &[rate, burst])
    })
}

/// What the file says of controllers is not looked at.
fn migration(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "leader-migration-config";
    if !options.bool("enable-leader-migration", false) {
        return None;
    }
    let path = options.text(flag, "");
    let found = absent(options, files, flag, |error| {
        let path = quote(path);
        format!("unable to read leader migration configuration from {path}: {error}")
    });
    found.or_else(|| {
        let FileState::Content(content) = files(path) else {
            return None;
        };
        let scheme = Scheme {
            name: document::scheme_name(options),
            kinds: &[],
        };
        let refusal = document::decode(options, &content, scheme, false)?.err()?;
        Some(refusal.failure(path, str::to_owned))
    })
}

fn serve(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if options.int("secure-port", PORT) == 0 {
        return None;
    }
    serving::failure(options, files)
        .or_else(|| delegation::failure(options, files))
        .or_else(|| serving::http2_failure(options))
}

/// The election, which panics.
fn lead(options: &Options) -> Option<Failure> {
    if !options.bool("leader-elect", true) {
        return None;
    }
    let flag = "leader-elect-resource-lock";
    let kind = options.text(flag, "leases");
    if let Some(error) = election::lock_error(options.minor(), kind) {
        return failed(format!("error creating lock: {error}"), options, &[flag]);
    }
    let error = election::Times::of_flags(options, election::DEFAULT).error()?;
    failed(format!("panic: {error}"), options, &election::FLAGS)
}
