//! `--tracing-config-file`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/tracing.go` and `k8s.io/component-base/tracing/api/v1/config.go`.

use super::super::super::errors::{FieldErrors, quote};
use super::super::super::options::Options;
use super::super::super::url;
use super::document::{self, set, text};
use crate::kubernetes::Failure;

/// Since which minor fields that are not known are refused.
const STRICT: u32 = 32;

/// The failure over the content of a configuration.
pub(in super::super) fn failure(options: &Options, path: &str, content: &[u8]) -> Option<Failure> {
    let document = match document::decode(
        options,
        content,
        &document::kinds(options, false),
        options.since(STRICT),
    )? {
        Ok(document) => document,
        Err(refusal) => {
            return Some(refusal.failure(path, |error| {
                format!(
                    "failed to read tracing config: unable to decode tracing configuration data: {error}"
                )
            }));
        }
    };
    if document.kind != "TracingConfiguration" {
        return None;
    }
    let mut errors = FieldErrors::default();
    let rate = document::int(&document.root, "samplingRatePerMillion").unwrap_or(0);
    let field = "samplingRatePerMillion";
    if rate < 0 {
        errors.invalid(field, &rate.to_string(), "sampling rate must be positive");
    }
    if rate > 1_000_000 {
        let detail = "sampling rate per million must be less than or equal to one million";
        errors.invalid(field, &rate.to_string(), detail);
    }
    if set(&document.root, "endpoint").is_some() {
        validate_endpoint(text(&document.root, "endpoint"), &mut errors);
    }
    let error = errors.message()?;
    let message = format!("failed to validate tracing configuration: {error}");
    Some(document::invalid(path, message))
}

fn validate_endpoint(endpoint: &str, errors: &mut FieldErrors) {
    let endpoint = if endpoint.contains("//") {
        endpoint.to_owned()
    } else {
        format!("dns://{endpoint}")
    };
    match url::parse(&endpoint) {
        Err(error) => errors.invalid("endpoint", &quote(&endpoint), &error),
        Ok(parsed) if !matches!(parsed.scheme.as_str(), "dns" | "unix" | "unix-abstract") => {
            let detail = format!(
                "unsupported scheme: {}.  Options are none, dns, unix, or unix-abstract.  See https://github.com/grpc/grpc/blob/master/doc/naming.md",
                parsed.scheme
            );
            errors.invalid_text("endpoint", &endpoint, &detail);
        }
        Ok(_) => {}
    }
}
