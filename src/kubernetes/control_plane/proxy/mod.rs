//! What ends kube-proxy before it asks the cluster for its node.
//!
//! ```text
//! configuration   what is set, by flags or by the file that --config names
//! validation      what is set is checked together, and all errors reported
//! ```
//!
//! Upstream: `cmd/kube-proxy/app`. What the node's kernel does not do is not looked at.

mod configuration;
mod validation;

use super::errors::{Errors, failed};
use super::logs::{self, Logging};
use super::options::Options;
use super::state::{FileState, Files, missing};
use super::{client, document};
use crate::kubernetes::arguments::{self, Parsed, Value};
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::{Cause, Failure, Minor, Program};
use configuration::Configuration;

/// Since which minor the options of logs are part of the configuration.
const LOGGING: u32 = 28;

/// What a static pod, which has no service account, gets where neither a kubeconfig nor a server is given.
const NO_CLUSTER: &str = "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined";

/// The error that it exits with.
pub(super) fn failure(minor: Minor, parsed: Vec<Parsed>, files: &Files<'_>) -> Option<Failure> {
    if let Some(failure) = old_clock(minor, &parsed) {
        return Some(failure);
    }
    let path = last_text(&parsed, "config").unwrap_or_default().to_owned();
    if path.is_empty() {
        let hostname = Options::new(minor, parsed.clone(), Gates::default(Program::Proxy, minor));
        if let Some(failure) = hostname_failure(&hostname) {
            return Some(failure);
        }
        // Gates of the command line count only where there is no file.
        let gates = match arguments::component_gates(Program::Proxy, minor, &parsed) {
            Ok(gates) => gates,
            Err(failure) => return Some(failure),
        };
        let options = Options::new(minor, parsed, gates);
        let configuration = Configuration::of_flags(&options);
        return Proxy {
            options: &options,
            configuration: &configuration,
            path: None,
        }
        .failure(files);
    }
    let options = Options::new(minor, parsed, Gates::default(Program::Proxy, minor));
    let content = match files(&path) {
        FileState::Content(content) => content,
        FileState::Missing => {
            return Some(missing(&path, |error| format!("failed complete: {error}")));
        }
        FileState::Unknown => return None,
    };
    let document = match configuration::decode(&options, &content)? {
        Ok(document) => document,
        Err(refusal) => {
            return Some(refusal.failure(&path, |error| {
                format!("failed complete: failed to decode: {error}")
            }));
        }
    };
    if let Some(failure) = hostname_failure(&options) {
        return Some(failure);
    }
    let mut gates = Gates::default(Program::Proxy, minor);
    if let Err(refusal) = gates.set(&configuration::gates(&document.root)) {
        let message = format!("failed complete: {}", refusal.message());
        return Some(Failure {
            rests_on_names: refusal.rests_on_names,
            ..document::invalid(&path, message)
        });
    }
    let options = options.with_gates(gates);
    let configuration = Configuration::of_file(&options, &document.root);
    Proxy {
        options: &options,
        configuration: &configuration,
        path: Some(&path),
    }
    .failure(files)
}

/// Releases whose logs are not part of the configuration start the clock of logs before all else.
fn old_clock(minor: Minor, parsed: &[Parsed]) -> Option<Failure> {
    let options = Options::new(
        minor,
        parsed.to_vec(),
        Gates::default(Program::Proxy, minor),
    );
    if options.since(LOGGING) {
        return None;
    }
    let message = Logging::of_flags(&options).panic()?;
    failed(message, &options, &["log-flush-frequency"])
}

fn last_text<'a>(parsed: &'a [Parsed], name: &str) -> Option<&'a str> {
    match &parsed.iter().rfind(|parsed| parsed.name == name)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn hostname_failure(options: &Options) -> Option<Failure> {
    let flag = "hostname-override";
    let name = options.text(flag, "");
    if name.is_empty() || !name.trim().is_empty() {
        return None;
    }
    let message = "failed complete: empty hostname-override is invalid".to_owned();
    failed(message, options, &[flag])
}

/// A configuration that is complete.
struct Proxy<'a> {
    options: &'a Options,
    configuration: &'a Configuration,
    /// The file that it is from.
    path: Option<&'a str>,
}

impl Proxy<'_> {
    fn failure(&self, files: &Files<'_>) -> Option<Failure> {
        let options = self.options;
        self.logging()
            .or_else(|| {
                let found = validation::validate(options, self.configuration);
                let message = format!("failed validate: {}", found.errors.message()?);
                self.because(message, &found.flags)
            })
            .or_else(|| document::written(self.options))
            .or_else(|| self.cluster(files))
    }

    /// A failure of the file, if there is one, else of flags.
    fn because(&self, message: String, flags: &[&str]) -> Option<Failure> {
        match self.path {
            Some(path) => Some(document::invalid(path, message)),
            None => failed(message, self.options, flags),
        }
    }

    fn logging(&self) -> Option<Failure> {
        let options = self.options;
        if !options.since(LOGGING) {
            return None;
        }
        let logging = &self.configuration.logging;
        let found = logging.validate(options, |gate| options.gate(gate), "logging.");
        let message = match found.message() {
            Some(message) => format!("initialize logging: {message}"),
            None => logging.panic()?,
        };
        // Flags go before the file.
        if options.is_any_set(logs::FLAGS) {
            let mut errors = Errors::default();
            errors.push(message, options.at(logs::FLAGS));
            return errors.into_failure();
        }
        self.because(message, &[])
    }

    fn cluster(&self, files: &Files<'_>) -> Option<Failure> {
        let Configuration {
            kubeconfig,
            rate,
            burst,
            ..
        } = self.configuration;
        if kubeconfig.is_empty() && self.options.text("master", "").is_empty() {
            return self.because(NO_CLUSTER.to_owned(), &["kubeconfig", "master"]);
        }
        if let Some(failure) = client::missing_file(kubeconfig, files) {
            return match failure.cause {
                // The kubeconfig that is not there is named in a file.
                Cause::File { .. } if self.path.is_some() => self.because(failure.message, &[]),
                _ => Some(failure),
            };
        }
        let message = client::burst_error(*rate, *burst)?;
        self.because(message, &["kube-api-qps", "kube-api-burst"])
    }
}
