//! What ends the scheduler.
//!
//! ```text
//! configuration   the file that --config names: decoded, with defaults, and checked
//! profiles        profiles of plugins
//! arguments       arguments of plugins
//! extenders       extenders
//! ```
//!
//! Upstream: `cmd/kube-scheduler/app`. Whether plugins exist and fit their extension points is not looked at.

mod arguments;
mod configuration;
mod extenders;
mod profiles;

use super::errors::{Errors, FieldErrors, failed};
use super::options::Options;
use super::state::{FileState, Files, missing};
use super::{client, delegation, document, election, logs, metrics, serving, versions};
use crate::kubernetes::Failure;
use configuration::Configuration;

/// The port that it serves on.
const PORT: i64 = 10_259;

/// Since which minor the client comes before the port.
const CLIENT_FIRST: u32 = 26;

/// The error that it exits with.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    logs::failure(options)
        .or_else(|| {
            let mut errors = Errors::default();
            versions::validate(options, &mut errors);
            serving::validate(options, PORT, &mut errors);
            delegation::validate_headers(options, &mut errors);
            metrics::validate(options, files, &mut errors);
            errors.into_failure()
        })
        .or_else(|| configured(options, files))
}

fn configured(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let path = options.text("config", "");
    if path.is_empty() {
        let configuration = Configuration::of_flags(options);
        return Scheduler {
            options,
            configuration: &configuration,
            path: None,
        }
        .failure(files);
    }
    let content = match files(path) {
        FileState::Content(content) => content,
        FileState::Missing => return Some(missing(path, str::to_owned)),
        FileState::Unknown => return None,
    };
    let configuration = match Configuration::of_file(options, path, &content)? {
        Ok(configuration) => configuration,
        Err(failure) => return Some(failure),
    };
    let scheduler = Scheduler {
        options,
        configuration: &configuration,
        path: Some(path),
    };
    let mut errors = FieldErrors::default();
    configuration.validate(options, &mut errors);
    match errors.message() {
        Some(message) => scheduler.because(message, &ELECTION),
        None => scheduler.failure(files),
    }
}

/// The flags of the election, which go before the file.
const ELECTION: [&str; 7] = [
    "leader-elect",
    "leader-elect-lease-duration",
    "leader-elect-renew-deadline",
    "leader-elect-retry-period",
    "leader-elect-resource-lock",
    "leader-elect-resource-name",
    "leader-elect-resource-namespace",
];

/// A configuration that is valid.
struct Scheduler<'a> {
    options: &'a Options,
    configuration: &'a Configuration,
    /// The file that it is from.
    path: Option<&'a str>,
}

impl Scheduler<'_> {
    fn failure(&self, files: &Files<'_>) -> Option<Failure> {
        let options = self.options;
        let serves = options.int("secure-port", PORT) != 0;
        let serve = || {
            if !serves {
                return None;
            }
            serving::failure(options, files).or_else(|| delegation::failure(options, files))
        };
        let first = if options.since(CLIENT_FIRST) {
            self.cluster(files).or_else(serve)
        } else {
            serve().or_else(|| self.cluster(files))
        };
        first
            .or_else(|| self.limits())
            .or_else(|| self.lock())
            .or_else(|| {
                let message = self.configuration.plugin_error(options)?;
                self.because(message, &[])
            })
            .or_else(|| document::written(self.options))
            .or_else(|| {
                if !serves {
                    return None;
                }
                let failure = serving::http2_failure(options)?;
                let message = format!("failed to start secure server: {}", failure.message);
                Some(Failure { message, ..failure })
            })
            .or_else(|| self.lead())
    }

    /// A failure of flags, if they are set, or of the file.
    fn because(&self, message: String, flags: &[&str]) -> Option<Failure> {
        match self.path {
            Some(path) if !self.options.is_any_set(flags) => Some(document::invalid(path, message)),
            _ => failed(message, self.options, flags),
        }
    }

    /// The client's configuration.
    fn cluster(&self, files: &Files<'_>) -> Option<Failure> {
        let kubeconfig = &self.configuration.kubeconfig;
        if kubeconfig.is_empty() && self.options.text("master", "").is_empty() {
            let message = client::NO_CONFIGURATION.to_owned();
            // A kubeconfig on the command line does not count where there is a file.
            return match self.path {
                Some(path) => Some(document::invalid(path, message)),
                None => self.because(message, &["kubeconfig", "master"]),
            };
        }
        let failure = client::missing_file(kubeconfig, files)?;
        match self.path {
            Some(path) => Some(document::invalid(path, failure.message)),
            None => Some(failure),
        }
    }

    fn limits(&self) -> Option<Failure> {
        let message = client::burst_error(self.configuration.rate, self.configuration.burst)?;
        match self.path {
            Some(path) => Some(document::invalid(path, message)),
            None => self.because(message, &["kube-api-qps", "kube-api-burst"]),
        }
    }

    fn lock(&self) -> Option<Failure> {
        if !self.configuration.elects {
            return None;
        }
        let error = election::lock_error(self.options.minor(), &self.configuration.lock)?;
        let message = format!("couldn't create resource lock: {error}");
        self.because(message, &["leader-elect-resource-lock"])
    }

    /// The election, which comes once the state of the cluster is known.
    fn lead(&self) -> Option<Failure> {
        if !self.configuration.elects {
            return None;
        }
        let error = self.configuration.times.error()?;
        let message = format!("couldn't create leader elector: {error}");
        self.because(message, &election::FLAGS)
    }
}
