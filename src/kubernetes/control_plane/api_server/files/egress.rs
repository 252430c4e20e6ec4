//! `--egress-selector-config-file`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/egressselector/config.go`.

use super::super::super::errors::FieldErrors;
use super::super::super::options::Options;
use super::super::super::state::{FileState, Files};
use super::document::{self, list, set, text};
use crate::kubernetes::Failure;
use crate::kubernetes::codec::tree::Node;

/// Since which minor the file is decoded by its kind, strictly.
const CODEC: u32 = 32;
/// Since which minor details are worded without the name of the field.
const SHORT: u32 = 34;

const CONNECTION: &str = "service.connection";

/// The failure over the content of a configuration.
pub(in super::super) fn failure(
    options: &Options,
    files: &Files<'_>,
    path: &str,
    content: &[u8],
) -> Option<Failure> {
    let read = |error: &str| format!("failed to read egress selector config: {error}");
    let strict = options.since(CODEC);
    let document =
        match document::decode(options, content, &document::kinds(options, false), strict)? {
            // Before, the file is read by a decoder that takes names of any case, and any version.
            Ok(document) if !strict && !document.ignored.is_empty() => return None,
            Err(refusal) if !strict && refusal.message.starts_with("no kind ") => return None,
            Err(refusal) if !strict && refusal.message.starts_with("Object 'Kind'") => {
                return Some(
                    refusal.failure(path, |_| read("invalid service configuration object \"\"")),
                );
            }
            Err(refusal) if !strict && refusal.message.starts_with("Object 'apiVersion'") => {
                return None;
            }
            Ok(document) => document,
            Err(refusal) => return Some(refusal.failure(path, read)),
        };
    if document.kind != "EgressSelectorConfiguration" {
        let error = format!(
            "unexpected config type: {}, Kind={}",
            document.api_version, document.kind
        );
        return Some(document::invalid(path, read(&error)));
    }
    let mut errors = FieldErrors::default();
    let selections = list(&document.root, "egressSelections");
    for selection in selections {
        if let Some(connection) = set(selection, "connection") {
            validate_connection(options, files, connection, &mut errors);
        } else {
            unsupported("", &mut errors);
        }
    }
    validate_names(selections, &document.api_version, &mut errors);
    let error = errors.message()?;
    let message = format!("failed to validate egress selector configuration: {error}");
    Some(document::invalid(path, message))
}

fn validate_names(selections: &[Node], api_version: &str, errors: &mut FieldErrors) {
    let known = ["cluster", "controlplane", "etcd"];
    let mut seen: Vec<String> = Vec::new();
    for (index, selection) in selections.iter().enumerate() {
        let mut name = text(selection, "name").to_lowercase();
        // The first version has another name, which is converted.
        if name == "master" && api_version.ends_with("v1alpha1") {
            "controlplane".clone_into(&mut name);
        }
        if seen.contains(&name) {
            errors.duplicate(&format!("{CONNECTION}[{index}]"), &name);
            continue;
        }
        // What an older version is converted to depends on the release.
        if !known.contains(&name.as_str()) && name != "master" {
            errors.not_supported(CONNECTION, &name, &known);
        }
        seen.push(name);
    }
}

fn unsupported(protocol: &str, errors: &mut FieldErrors) {
    let known = ["Direct", "HTTPConnect", "GRPC"];
    errors.not_supported(&format!("{CONNECTION}.protocol"), protocol, &known);
}

fn validate_connection(
    options: &Options,
    files: &Files<'_>,
    connection: &Node,
    errors: &mut FieldErrors,
) {
    let transport = set(connection, "transport");
    match text(connection, "proxyProtocol") {
        "Direct" => {
            if transport.is_some() {
                let detail = if options.since(SHORT) {
                    "config must be absent for direct connect"
                } else {
                    "Transport config should be absent for direct connect"
                };
                errors.invalid_text(&format!("{CONNECTION}.transport"), "direct", detail);
            }
        }
        "HTTPConnect" => validate_http(options, files, transport, errors),
        "GRPC" => validate_grpc(options, transport, errors),
        protocol => unsupported(protocol, errors),
    }
}

fn validate_http(
    options: &Options,
    files: &Files<'_>,
    transport: Option<&Node>,
    errors: &mut FieldErrors,
) {
    let Some(transport) = transport else {
        let path = format!("{CONNECTION}.transport");
        errors.required(&path, "transport must be set for HTTPConnect");
        return;
    };
    match (set(transport, "tcp"), set(transport, "uds")) {
        // The value is printed as Go's struct or as JSON.
        (Some(_), Some(_)) => errors.invalid(
            &format!("{CONNECTION}.tcp"),
            "…",
            "TCP and UDS cannot both be set",
        ),
        (None, None) => {
            errors.required(
                &format!("{CONNECTION}.tcp"),
                "One of TCP or UDS must be set",
            );
        }
        (Some(tcp), None) => validate_tcp(options, files, tcp, errors),
        (None, Some(uds)) => validate_socket(options, uds, errors),
    }
}

fn validate_grpc(options: &Options, transport: Option<&Node>, errors: &mut FieldErrors) {
    let Some(transport) = transport else {
        let path = format!("{CONNECTION}.transport");
        errors.required(&path, "transport must be set for GRPC");
        return;
    };
    match set(transport, "uds") {
        Some(uds) => validate_socket(options, uds, errors),
        None => errors.required(&format!("{CONNECTION}.uds"), "UDS must be set with GRPC"),
    }
}

fn validate_socket(options: &Options, uds: &Node, errors: &mut FieldErrors) {
    if text(uds, "udsName").is_empty() {
        let detail = if options.since(SHORT) {
            "must be present for UDS connections"
        } else {
            "UDSName should be present for UDS connections"
        };
        errors.invalid_text(&format!("{CONNECTION}.udsName"), "nil", detail);
    }
}

fn validate_tcp(options: &Options, files: &Files<'_>, tcp: &Node, errors: &mut FieldErrors) {
    let url = text(tcp, "url");
    let tls = set(tcp, "tlsConfig");
    if url.starts_with("http://") {
        if tls.is_some() {
            let detail = if options.since(SHORT) {
                "config must not be present when using HTTP"
            } else {
                "TLSConfig config should not be present when using HTTP"
            };
            errors.invalid_text(&format!("{CONNECTION}.tlsConfig"), "nil", detail);
        }
    } else if url.starts_with("https://") {
        validate_tls(files, tls, errors);
    } else {
        let detail = "supported connection protocols are http:// and https://";
        errors.invalid_text(&format!("{CONNECTION}.url"), url, detail);
    }
}

fn validate_tls(files: &Files<'_>, tls: Option<&Node>, errors: &mut FieldErrors) {
    let path = format!("{CONNECTION}.tlsConfig");
    let Some(tls) = tls else {
        let detail = "TLSConfig must be present when using HTTPS";
        errors.required(&path, detail);
        return;
    };
    let is_missing = |file: &str| files(file) == FileState::Missing;
    let bundle = text(tls, "caBundle");
    if !bundle.is_empty() && is_missing(bundle) {
        let detail = "TLS config ca bundle does not exist";
        errors.invalid_text(&format!("{path}.caBundle"), bundle, detail);
    }
    for (field, without, absent) in [
        (
            "clientCert",
            "Using TLS requires clientCert",
            "TLS client cert does not exist",
        ),
        (
            "clientKey",
            "Using TLS requires requires clientKey",
            "TLS client key does not exist",
        ),
    ] {
        let file = text(tls, field);
        let path = format!("{path}.{field}");
        if file.is_empty() {
            errors.invalid_text(&path, "nil", without);
        } else if is_missing(file) {
            errors.invalid_text(&path, file, absent);
        }
    }
}
