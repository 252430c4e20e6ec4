//! Options are applied, and files read: the first error ends the API server.
//!
//! Upstream: `BuildGenericConfig` of `pkg/controlplane/apiserver/config.go` (up to 1.27 `buildGenericConfig` of
//! `cmd/kube-apiserver/app/server.go`), and what it calls.

use super::super::document;
use super::super::errors::{Errors, failed, quote};
use super::super::options::Options;
use super::super::regexp;
use super::super::serving;
use super::super::state::{FileState, Files, absent, absent_for_stat, missing};
use super::super::url;
use super::files::authorization as authorization_file;
use super::files::{admission, audit_policy, authentication, egress, encryption, tracing};
use super::{addresses, apis, authorization};
use crate::kubernetes::Failure;

/// Since which minor tracing needs no gate.
const TRACING: u32 = 37;
/// Since which minor fairness is set up before the groups of APIs.
const FAIRNESS_FIRST: u32 = 29;

type Step = fn(&Options, &Files<'_>) -> Option<Failure>;

/// The steps in their order.
const STEPS: &[Step] = &[
    serving::failure,
    |options, _| {
        if options.since(FAIRNESS_FIRST) {
            fairness(options)
        } else {
            None
        }
    },
    |options, _| apis::failure(options),
    egress_selector,
    tracing_configuration,
    encryption_configuration,
    authenticators,
    authorizers,
    audit,
    |options, _| {
        if options.since(FAIRNESS_FIRST) {
            None
        } else {
            fairness(options)
        }
    },
    peer_storage,
    |options, files| {
        if options.since(28) {
            None
        } else {
            cloud_configuration(options, files)
        }
    },
    proxy_client,
    |options, files| {
        if options.since(28) {
            cloud_configuration(options, files)
        } else {
            None
        }
    },
    admission::failure,
    key_files,
    |options, _| origins(options),
    storage,
    kubelet_client,
    |options, _| reconciler(options),
    |options, _| family(options),
    |options, _| aggregation(options),
    |options, _| serving::http2_failure(options),
];

/// The first error.
pub(super) fn failure(options: &Options, files: &Files<'_>) -> Option<Failure> {
    STEPS.iter().find_map(|step| step(options, files))
}

fn plain(error: &str) -> String {
    error.to_owned()
}

fn content(options: &Options, files: &Files<'_>, flag: &str) -> Option<(String, Vec<u8>)> {
    let path = options.text(flag, "");
    if path.is_empty() {
        return None;
    }
    match files(path) {
        FileState::Content(content) => Some((path.to_owned(), content)),
        FileState::Missing | FileState::Unknown => None,
    }
}

/// `FeatureOptions.ApplyTo`, up to 1.28 `BuildPriorityAndFairness`.
fn fairness(options: &Options) -> Option<Failure> {
    let flags = ["max-requests-inflight", "max-mutating-requests-inflight"];
    let reading = options.int(flags[0], 400);
    let writing = options.int(flags[1], 200);
    let by_gate = !options.since(FAIRNESS_FIRST);
    if !options.bool("enable-priority-and-fairness", true)
        || by_gate && !options.gate("APIPriorityAndFairness")
        || reading.saturating_add(writing) > 0
    {
        return None;
    }
    failed(
        format!(
            "invalid configuration: MaxRequestsInFlight={reading} and MaxMutatingRequestsInFlight={writing}; they must add up to something positive"
        ),
        options,
        &flags,
    )
}

fn egress_selector(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "egress-selector-config-file";
    let found = absent(options, files, flag, |error| {
        format!(
            "failed to read egress selector config: unable to read egress selector configuration from {} [{error}]",
            quote(options.text(flag, ""))
        )
    });
    found.or_else(|| {
        let (path, content) = content(options, files, flag)?;
        egress::failure(options, files, &path, &content)
    })
}

/// Up to 1.36 tracing has a gate: where it is off, older releases ignore the file or refuse it.
fn tracing_configuration(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "tracing-config-file";
    if !options.since(TRACING) && !options.gate("APIServerTracing") {
        return None;
    }
    let found = absent(options, files, flag, |error| {
        format!(
            "failed to read tracing config: unable to read tracing configuration from {}: {error}",
            quote(options.text(flag, ""))
        )
    });
    found.or_else(|| {
        let (path, content) = content(options, files, flag)?;
        tracing::failure(options, &path, &content)
    })
}

fn encryption_configuration(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "encryption-provider-config";
    let found = absent(options, files, flag, |error| {
        let path = quote(options.text(flag, ""));
        if options.since(26) {
            format!(
                "error while parsing file: error while loading file: error reading encryption provider configuration file {path}: {error}"
            )
        } else {
            format!("error opening encryption provider configuration file {path}: {error}")
        }
    });
    found.or_else(|| {
        let (path, content) = content(options, files, flag)?;
        encryption::failure(options, &path, &content)
    })
}

/// `BuiltInAuthenticationOptions.ApplyTo`.
fn authenticators(options: &Options, files: &Files<'_>) -> Option<Failure> {
    absent(options, files, "client-ca-file", plain)
        .or_else(|| oidc_authority(options, files))
        .or_else(|| authentication::failure(options, files))
        .or_else(|| absent(options, files, "requestheader-client-ca-file", plain))
        .or_else(|| service_account_keys(options, files, plain))
        .or_else(|| tokens(options, files))
        .or_else(|| authentication::overlap_failure(options, files))
        .or_else(|| old_issuer(options))
        .or_else(|| signing_algorithms(options))
        .or_else(|| {
            absent_for_stat(
                options,
                files,
                "authentication-token-webhook-config-file",
                plain,
            )
        })
}

fn oidc_authority(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let has_issuer = !options.text("oidc-issuer-url", "").is_empty()
        && !options.text("oidc-client-id", "").is_empty();
    if !has_issuer {
        return None;
    }
    absent(options, files, "oidc-ca-file", plain)
}

/// Up to 1.28 the issuer of the flags is checked by its client.
fn old_issuer(options: &Options) -> Option<Failure> {
    let issuer = options.text("oidc-issuer-url", "");
    if options.since(29) || issuer.is_empty() || options.text("oidc-client-id", "").is_empty() {
        return None;
    }
    let message = match url::parse(issuer) {
        Err(error) => error,
        Ok(parsed) if parsed.scheme != "https" => format!(
            "'oidc-issuer-url' ({}) has invalid scheme ({}), require 'https'",
            quote(issuer),
            quote(&parsed.scheme)
        ),
        Ok(_) if options.text("oidc-username-claim", "sub").is_empty() => {
            "no username claim provided".to_owned()
        }
        Ok(_) => return None,
    };
    failed(
        message,
        options,
        &["oidc-issuer-url", "oidc-username-claim"],
    )
}

fn signing_algorithms(options: &Options) -> Option<Failure> {
    let known = [
        "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512",
    ];
    let has_issuer = !options.text("oidc-issuer-url", "").is_empty();
    let algorithms = options.list("oidc-signing-algs")?;
    let unknown = algorithms.into_iter().find(|name| !known.contains(name))?;
    if !has_issuer || options.is_set("authentication-config") {
        return None;
    }
    let message = format!("oidc: unsupported signing alg: {}", quote(unknown));
    failed(message, options, &["oidc-signing-algs"])
}

fn service_account_keys(
    options: &Options,
    files: &Files<'_>,
    words: impl Fn(&str) -> String,
) -> Option<Failure> {
    let paths = options.list("service-account-key-file")?;
    let path = paths
        .into_iter()
        .find(|path| files(path) == FileState::Missing)?;
    Some(missing(path, words))
}

/// `--token-auth-file`: records of `encoding/csv` with three columns at least.
fn tokens(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "token-auth-file";
    if let Some(failure) = absent(options, files, flag, plain) {
        return Some(failure);
    }
    let (path, content) = content(options, files, flag)?;
    let text = String::from_utf8(content).ok()?;
    // A record may span lines where it has quotes.
    for line in text.lines().filter(|line| !line.is_empty()) {
        if line.contains('"') {
            return None;
        }
        let columns = line.split(',').count();
        if columns < 3 {
            return Some(Failure {
                message: format!(
                    "token file '{path}' must have at least 3 columns (token, user name, user uid), found {columns}"
                ),
                cause: crate::kubernetes::Cause::File { path, line: None },
                rests_on_names: false,
            });
        }
    }
    None
}

/// `BuildAuthorizer`.
fn authorizers(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let path = options.text("authorization-config", "");
    if !path.is_empty() {
        // A policy of attributes is named by a flag that the file excludes.
        return authorization_file::has_attributes(options, files, path).then(|| {
            let error = "invalid authorization config: open : no such file or directory";
            document::invalid(path, error.to_owned())
        });
    }
    let around = |error: &str| format!("invalid authorization config: {error}");
    for mode in authorization::modes(options) {
        let found = match mode {
            "ABAC" => absent(options, files, "authorization-policy-file", around),
            "Webhook" => {
                absent_for_stat(options, files, "authorization-webhook-config-file", around)
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// `AuditOptions.ApplyTo`.
fn audit(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let flag = "audit-policy-file";
    let found = absent(options, files, flag, |error| {
        format!(
            "loading audit policy file: failed to read file path {}: {error}",
            quote(options.text(flag, ""))
        )
    });
    if found.is_some() {
        return found;
    }
    if let Some((path, content)) = content(options, files, flag)
        && let Some(failure) = audit_policy::failure(options, &path, &content)
    {
        return Some(failure);
    }
    if options.text(flag, "").is_empty() {
        return None;
    }
    absent_for_stat(options, files, "audit-webhook-config-file", |error| {
        format!("initializing audit webhook: {error}")
    })
}

/// The client of webhooks and extension servers: both files or neither is read.
fn proxy_client(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let (certificate, key) = ("proxy-client-cert-file", "proxy-client-key-file");
    if options.text(certificate, "").is_empty() || options.text(key, "").is_empty() {
        return None;
    }
    // Read after the plugins of admission, whose errors come first.
    super::files::admission::failure(options, files)
        .or_else(|| absent(options, files, certificate, plain))
        .or_else(|| absent(options, files, key, plain))
}

/// The keys once more, in releases that do not read them with the authenticators.
fn key_files(options: &Options, files: &Files<'_>) -> Option<Failure> {
    service_account_keys(options, files, plain)
}

/// The storage of peers, which is the first where its gate is on.
fn peer_storage(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if !options.since(28) || !options.gate("UnknownVersionInteroperabilityProxy") {
        return None;
    }
    etcd_client(options, files, |error| {
        format!("error creating storage factory: {error}")
    })
    .or_else(|| peer_proxy(options))
}

/// `BuildPeerProxy` needs the client of the aggregator.
fn peer_proxy(options: &Options) -> Option<Failure> {
    if options.text("peer-ca-file", "").is_empty() {
        return None;
    }
    let flags = ["proxy-client-cert-file", "proxy-client-key-file"];
    let (flag, name) = flags
        .into_iter()
        .zip(["proxy-cert-file", "proxy-key-file"])
        .find(|(flag, _)| options.text(flag, "").is_empty())?;
    let message = format!("error building peer proxy handler, {name} not specified");
    failed(message, options, &["peer-ca-file", flag])
}

/// The first storage.
fn storage(options: &Options, files: &Files<'_>) -> Option<Failure> {
    etcd_client(options, files, plain).or_else(|| media_type(options))
}

/// Up to 1.28 the media type is not checked before.
fn media_type(options: &Options) -> Option<Failure> {
    let flag = "storage-media-type";
    let media = options.text(flag, "");
    let known = [
        "",
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
    ];
    if options.since(29) || known.contains(&media) {
        return None;
    }
    let words = format!(
        "unable to find storage destination for podtemplates, due to unable to find serializer for {}",
        quote(media)
    );
    failed(core_group(options, &words), options, &[flag])
}

/// The client of etcd.
fn etcd_client(
    options: &Options,
    files: &Files<'_>,
    around: impl Fn(&str) -> String,
) -> Option<Failure> {
    let flags = ["etcd-certfile", "etcd-keyfile"];
    let [certificate, key] = flags.map(|flag| options.text(flag, ""));
    if certificate.is_empty() != key.is_empty() {
        let words =
            format!("KeyFile and CertFile must both be present[key: {key}, cert: {certificate}]");
        return failed(around(&words), options, &flags);
    }
    absent(options, files, flags[0], &around)
        .or_else(|| absent(options, files, flags[1], &around))
        .or_else(|| absent(options, files, "etcd-cafile", &around))
}

/// An error of the core group.
fn core_group(options: &Options, error: &str) -> String {
    match options.minor().0 {
        ..=27 => format!("error building core storage: {error}"),
        28..=30 => format!("problem initializing API group \"\" : {error}"),
        31.. => format!("problem initializing API group \"\": {error}"),
    }
}

/// The client of kubelets, which the core group makes.
fn kubelet_client(options: &Options, files: &Files<'_>) -> Option<Failure> {
    let around = |error: &str| core_group(options, error);
    let flags = [
        "kubelet-certificate-authority",
        "kubelet-client-certificate",
        "kubelet-client-key",
    ];
    flags
        .into_iter()
        .find_map(|flag| absent(options, files, flag, around))
}

/// Up to the controller of the `kubernetes` service the kind of its reconciler is not looked at.
fn reconciler(options: &Options) -> Option<Failure> {
    let flag = "endpoint-reconciler-type";
    let kind = options.text(flag, "lease");
    if matches!(kind, "lease" | "master-count" | "none" | "") {
        return None;
    }
    failed(
        format!("Reconciler not implemented: {kind}"),
        options,
        &[flag],
    )
}

/// `--cloud-config`, which plugins of admission get, up to 1.32.
fn cloud_configuration(options: &Options, files: &Files<'_>) -> Option<Failure> {
    if options.since(33) {
        return None;
    }
    let path = options.text("cloud-config", "");
    absent(options, files, "cloud-config", |_| {
        format!(
            "Error reading from cloud configuration file {path}: &fs.PathError{{Op:\"open\", Path:{}, Err:0x2}}",
            quote(path)
        )
    })
}

/// Up to 1.30 expressions are compiled where requests are handled.
fn origins(options: &Options) -> Option<Failure> {
    let flag = "cors-allowed-origins";
    if options.since(31) {
        return None;
    }
    let origins = options.list(flag)?;
    let error = origins.iter().find_map(|origin| regexp::error(origin))?;
    let message = format!(
        "Invalid CORS allowed origin, --{flag} flag was set to {} - {error}",
        origins.join(",")
    );
    failed(message, options, &[flag])
}

/// Up to 1.27 the controller of the `kubernetes` service compares families.
fn family(options: &Options) -> Option<Failure> {
    if options.since(28) {
        return None;
    }
    let ranges = addresses::ranges(options).ok()?;
    let mut errors = Errors::default();
    addresses::validate_family(options, &ranges, &mut errors);
    let mut failure = errors.into_failure()?;
    failure.message = format!("error creating bootstrap controller: {}", failure.message);
    Some(failure)
}

/// The aggregator needs its own group.
fn aggregation(options: &Options) -> Option<Failure> {
    if apis::serves_aggregation(options) {
        return None;
    }
    let message = "API group/version apiregistration.k8s.io/v1 must be enabled".to_owned();
    failed(message, options, &["runtime-config"])
}
