//! What the kubelet checks once it has its configuration, up to the call of the container runtime and behind
//! it, as far as arguments and files decide.
//!
//! Upstream: `cmd/kubelet/app/server.go` (`UnsecuredDependencies`, `InitializeTLS`, `run`),
//! `cmd/kubelet/app/auth.go`, `k8s.io/component-base/logs/api/v1/options.go`, `k8s.io/cloud-provider/plugins.go`,
//! `pkg/kubelet/eviction/helpers.go`, `pkg/kubelet/cm/container_manager.go`; 1.24 to 1.37.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::flags::KubeletFlags;
use crate::go;
use crate::kubernetes::arguments::network;
use crate::kubernetes::codec::{duration, number, quantity};
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::{Cause, Failure, Minor, tls};

/// Since which minor logging is checked on its own, before the configuration.
const LOGGING_FIRST: Minor = Minor(25);
/// Since which minor the file of client CAs is read by the authenticator, instead of with the TLS options.
const CA_WITH_AUTHENTICATOR: Minor = Minor(36);
/// Since which minor resources that cannot be reserved are refused with the flag's name.
const RESERVED_WORDS: Minor = Minor(27);
/// Since which minor the runtime is called before what it may reserve is read.
const RUNTIME_FIRST: Minor = Minor(28);
/// Since which minor a flush frequency that is not positive is refused. Before, it is a panic.
const FLUSH_CHECKED: Minor = Minor(35);
/// Since which minor no cloud provider is built in, and since which the flag is not looked at.
const NO_CLOUD: (Minor, Minor) = (Minor(32), Minor(34));
/// The cloud providers that are built in, with the last minor that has them.
const CLOUDS: [(&str, Minor); 5] = [
    ("aws", Minor(26)),
    ("azure", Minor(29)),
    ("gce", Minor(31)),
    ("openstack", Minor(25)),
    ("vsphere", Minor(29)),
];
/// Signals of evictions: those of the file system of containers since 1.30.
const SIGNALS: [(&str, Minor); 9] = [
    ("allocatableMemory.available", Minor(0)),
    ("containerfs.available", Minor(30)),
    ("containerfs.inodesFree", Minor(30)),
    ("imagefs.available", Minor(0)),
    ("imagefs.inodesFree", Minor(0)),
    ("memory.available", Minor(0)),
    ("nodefs.available", Minor(0)),
    ("nodefs.inodesFree", Minor(0)),
    ("pid.available", Minor(0)),
];

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Missing,
    /// Something that can be read.
    Present,
    /// It could not be found out.
    Unknown,
}

/// What the checks need.
pub struct Start<'a> {
    /// The flags.
    pub flags: &'a KubeletFlags,
    /// The configuration of files and flags, with or without defaults.
    pub configuration: &'a Json,
    /// The feature gates of files and flags.
    pub gates: &'a Gates,
    /// What is at a path, as the kubelet sees it.
    pub presence: &'a dyn Fn(&str) -> Presence,
    /// What set a field of the configuration that no flag sets: a file.
    pub origin: &'a dyn Fn(&str) -> Cause,
}

/// Sets the feature gates of files and flags, which [`KubeletFlags::apply_to`] has merged, on top of those of
/// flags.
pub fn gates(
    flags: &KubeletFlags,
    configuration: &Json,
    origin: &dyn Fn(&str) -> Cause,
) -> Result<Gates, Failure> {
    let mut gates = flags.gates().clone();
    let requested: BTreeMap<String, bool> = configuration
        .get("featureGates")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(name, on)| Some((name.clone(), on.as_bool()?)))
        .collect();
    match gates.set(&requested) {
        Ok(()) => Ok(gates),
        Err(refusal) => Err(flags.gate_failure(&refusal, Some(origin("featureGates")))),
    }
}

/// The checks of logging that come before the configuration's since 1.25. In 1.24 the configuration's
/// validation has them: [`logging_errors`].
pub fn logging(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    if minor >= LOGGING_FIRST {
        let errors = logging_errors(start);
        if !errors.is_empty() {
            let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
            let words: Vec<_> = errors.iter().map(|(_, words)| words.as_str()).collect();
            let message = format!("initialize logging: {}", aggregate(&words));
            return Err(start.failure(message, &fields));
        }
        return flush(start);
    }
    Ok(())
}

/// The panic of a flush frequency that is not positive. In 1.24 it follows the configuration's validation.
pub fn flush(start: &Start<'_>) -> Result<(), Failure> {
    let field = "logging.flushFrequency";
    if start.flags.minor() < FLUSH_CHECKED
        && start.nanoseconds(field).is_some_and(|value| value <= 0)
    {
        let message = "panic: non-positive interval for NewTicker".to_owned();
        return Err(start.failure(message, &[field]));
    }
    Ok(())
}

/// What is wrong with the logging configuration: fields and words.
pub fn logging_errors(start: &Start<'_>) -> Vec<(String, String)> {
    let minor = start.flags.minor();
    let mut errors = Vec::new();
    let mut add = |field: &str, words: String| {
        errors.push((field.to_owned(), format!("{field}: {words}")));
    };
    let flush = start.nanoseconds("logging.flushFrequency");
    if minor >= FLUSH_CHECKED
        && let Some(value) = flush.filter(|&value| value <= 0)
    {
        let value = duration::format(value);
        let words = format!("Invalid value: \"{value}\": Must be greater than zero");
        add("logging.flushFrequency", words);
    }
    let format = start.text("logging.format").unwrap_or("text");
    let quoted = go::quote(format.as_bytes());
    if format != "text" {
        for flag in start.changed_klog_flags() {
            let words =
                format!("Invalid value: {quoted}: Non-default format doesn't honor flag: {flag}");
            add("logging.format", words);
        }
    }
    match format {
        "text" => {}
        "json" if minor < LOGGING_FIRST || start.gates.is_enabled("LoggingBetaOptions") => {}
        "json" => add(
            "logging.format",
            "Forbidden: Log format json is disabled, see LoggingBetaOptions feature".to_owned(),
        ),
        _ => add(
            "logging.format",
            format!("Invalid value: {quoted}: Unsupported log format"),
        ),
    }
    let most = u64::from(i32::MAX.unsigned_abs());
    let too_verbose = |level: u64| format!("Invalid value: {level:#x}: Must be <= {most}");
    let level = start.get("logging.verbosity").and_then(Json::as_u64);
    if let Some(level) = level.filter(|&level| level > most) {
        add("logging.verbosity", too_verbose(level));
    }
    let patterns = start.get("logging.vmodule").and_then(Json::as_array);
    let patterns = patterns.map(Vec::as_slice).unwrap_or_default();
    if !patterns.is_empty() && !matches!(format, "" | "text") {
        let words = "Forbidden: Only supported for text log format".to_owned();
        add("logging.vmodule", words);
    }
    for (at, item) in patterns.iter().enumerate() {
        let field = format!("logging.vmodule[{at}]");
        let pattern = item.get("filePattern").and_then(Json::as_str).unwrap_or("");
        if pattern.is_empty() {
            add(
                &field,
                "Required value: File pattern must not be empty".to_owned(),
            );
        }
        if pattern.contains(['=', ',']) {
            let pattern = go::quote(pattern.as_bytes());
            add(
                &field,
                format!(
                    "Invalid value: {pattern}: File pattern must not contain equal sign or comma"
                ),
            );
        }
        let level = item.get("verbosity").and_then(Json::as_u64);
        if let Some(level) = level.filter(|&level| level > most) {
            add(&field, too_verbose(level));
        }
    }
    if minor >= LOGGING_FIRST && !start.gates.is_enabled("LoggingAlphaOptions") {
        for format in ["text", "json"] {
            let split = format!("logging.options.{format}.splitStream");
            let buffer = format!("logging.options.{format}.infoBufferSize");
            let words = || "Forbidden: Feature LoggingAlphaOptions is disabled".to_owned();
            if start.is_on(&split) == Some(true) {
                add(&split, words());
            }
            if start.text(&buffer).is_some_and(is_not_zero) {
                add(&buffer, words());
            }
        }
    }
    errors
}

fn is_not_zero(text: &str) -> bool {
    quantity::parse(text).is_ok_and(|quantity| !quantity.is_zero)
}

/// `utilerrors.Aggregate`.
fn aggregate(errors: &[&str]) -> String {
    match errors {
        [error] => (*error).to_owned(),
        _ => format!("[{}]", errors.join(", ")),
    }
}

/// The checks from the TLS options to the call of the container runtime.
pub fn before_runtime(start: &Start<'_>) -> Result<(), Failure> {
    tls_options(start)?;
    lock(start)?;
    cloud(start)?;
    hostname(start, "failed to run Kubelet")?;
    client(start)?;
    authentication(start)?;
    if start.flags.minor() < RUNTIME_FIRST {
        reservations(start)?;
    }
    endpoint(start)
}

/// The checks that follow the call of the container runtime. They decide as well, once it answers.
pub fn after_runtime(start: &Start<'_>) -> Result<(), Failure> {
    if start.flags.minor() >= RUNTIME_FIRST {
        reservations(start)?;
    }
    node_ip(start)
}

/// `InitializeTLS`.
fn tls_options(start: &Start<'_>) -> Result<(), Failure> {
    let wrapped = |error: String| format!("failed to construct kubelet dependencies: {error}");
    let certificate = start.text("tlsCertFile").unwrap_or("");
    let key = start.text("tlsPrivateKeyFile").unwrap_or("");
    let requests_one = start.is_on("serverTLSBootstrap") == Some(true);
    if !requests_one && certificate.is_empty() && key.is_empty() {
        own_certificate(start)?;
    }
    let suites = start.get("tlsCipherSuites").and_then(Json::as_array);
    let suites = suites.into_iter().flatten().filter_map(Json::as_str);
    if let Some(error) = tls::cipher_suite_error(suites) {
        return Err(start.failure(wrapped(error), &["tlsCipherSuites"]));
    }
    if let Some(error) = start.text("tlsMinVersion").and_then(tls::version_error) {
        return Err(start.failure(wrapped(error), &["tlsMinVersion"]));
    }
    let authority = start.text("authentication.x509.clientCAFile").unwrap_or("");
    if start.flags.minor() < CA_WITH_AUTHENTICATOR && start.is_missing(authority) {
        let error = format!(
            "unable to load client CA file {authority}: open {authority}: no such file or directory"
        );
        return Err(file(wrapped(error), authority));
    }
    Ok(())
}

/// The kubelet's own certificate below `--cert-dir`, which it makes where there is none.
fn own_certificate(start: &Start<'_>) -> Result<(), Failure> {
    let directory = start
        .flags
        .text("cert-dir")
        .unwrap_or("/var/lib/kubelet/pki");
    let directory = directory.trim_end_matches('/');
    let paths = ["crt", "key"].map(|end| format!("{directory}/kubelet.{end}"));
    let found = paths.each_ref().map(|path| (start.presence)(path));
    let lonely = match found {
        [Presence::Missing, Presence::Present] => 0,
        [Presence::Present, Presence::Missing] => 1,
        [Presence::Missing, Presence::Missing] => {
            return hostname(start, "failed to construct kubelet dependencies");
        }
        _ => return Ok(()),
    };
    let Some(path) = paths.get(lonely) else {
        return Ok(());
    };
    let message = format!(
        "failed to construct kubelet dependencies: error reading {path}, certificate and key must be \
         supplied as a pair"
    );
    Err(file(message, path))
}

/// `GetHostname` of a name that is given.
fn hostname(start: &Start<'_>, wrapper: &str) -> Result<(), Failure> {
    let name = start.flags.text("hostname-override").unwrap_or("");
    if !name.is_empty() && network::trim(name).is_empty() {
        let message = format!("{wrapper}: empty hostname is invalid");
        return Err(start.flag_failure(message, &["hostname-override"]));
    }
    Ok(())
}

/// The lock file.
fn lock(start: &Start<'_>) -> Result<(), Failure> {
    let path = start.flags.text("lock-file").unwrap_or("");
    if path.is_empty() {
        if start.flags.is_set("exit-on-lock-contention") {
            let message = "failed to run Kubelet: cannot exit on lock file contention: no lock file specified";
            let flags = ["exit-on-lock-contention", "lock-file"];
            return Err(start.flag_failure(message.to_owned(), &flags));
        }
        return Ok(());
    }
    let parent = match path.rsplit_once('/') {
        Some(("", _)) | None => return Ok(()),
        Some((parent, _)) => parent,
    };
    if start.is_missing(parent) {
        let message = format!(
            "failed to run Kubelet: unable to acquire file lock on {}: no such file or directory",
            go::quote(path.as_bytes())
        );
        return Err(start.flag_failure(message, &["lock-file"]));
    }
    Ok(())
}

/// `InitCloudProvider`. One that is built in asks its cloud, which is not predicted.
fn cloud(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    let name = start.flags.text("cloud-provider").unwrap_or("");
    if matches!(name, "" | "external") || minor >= NO_CLOUD.1 {
        return Ok(());
    }
    let quoted = go::quote(name.as_bytes());
    let error = if minor >= NO_CLOUD.0 {
        format!(
            "cloud provider {quoted} was specified, but built-in cloud providers are disabled. Please set \
             --cloud-provider=external and migrate to an external cloud provider"
        )
    } else if CLOUDS
        .iter()
        .any(|&(known, last)| known == name && minor <= last)
    {
        return Ok(());
    } else {
        format!("unknown cloud provider {quoted}")
    };
    let message = format!("failed to run Kubelet: {error}");
    Err(start.flag_failure(message, &["cloud-provider"]))
}

/// The client of the API server. What is in a kubeconfig is not read.
fn client(start: &Start<'_>) -> Result<(), Failure> {
    let kubeconfig = start.flags.text("kubeconfig").unwrap_or("");
    let bootstraps = start
        .flags
        .text("bootstrap-kubeconfig")
        .is_some_and(|path| !path.is_empty());
    if bootstraps || !start.is_missing(kubeconfig) {
        return Ok(());
    }
    let why = if start.is_on("rotateCertificates") == Some(true) {
        "unable to load kubeconfig"
    } else {
        "invalid kubeconfig"
    };
    let message =
        format!("failed to run Kubelet: {why}: stat {kubeconfig}: no such file or directory");
    Err(file(message, kubeconfig))
}

/// `BuildAuth`.
fn authentication(start: &Start<'_>) -> Result<(), Failure> {
    let fail = |error: String, field: &str| {
        Err(start.failure(format!("failed to run Kubelet: {error}"), &[field]))
    };
    let has_client = start
        .flags
        .text("kubeconfig")
        .is_some_and(|path| !path.is_empty());
    // Without a file behind `--config`, the defaults are those of the flags.
    let has_file = start
        .flags
        .text("config")
        .is_some_and(|path| !path.is_empty());
    let authority = start.text("authentication.x509.clientCAFile").unwrap_or("");
    if start.is_missing(authority) {
        let message = format!("failed to run Kubelet: open {authority}: no such file or directory");
        return Err(file(message, authority));
    }
    let webhook = "authentication.webhook.enabled";
    if !has_client && start.is_on(webhook).unwrap_or(has_file) {
        let error = "no client provided, cannot use webhook authentication";
        return fail(error.to_owned(), webhook);
    }
    let field = "authorization.mode";
    let default = if has_file { "Webhook" } else { "AlwaysAllow" };
    match start.text(field).unwrap_or(default) {
        "AlwaysAllow" => Ok(()),
        "Webhook" if has_client => Ok(()),
        "Webhook" => {
            let error = "no client provided, cannot use webhook authorization";
            fail(error.to_owned(), field)
        }
        "" => fail("no authorization mode specified".to_owned(), field),
        mode => fail(format!("unknown authorization mode {mode}"), field),
    }
}

/// The form of the runtime's endpoint. What is no plain address is not judged.
fn endpoint(start: &Start<'_>) -> Result<(), Failure> {
    let field = "containerRuntimeEndpoint";
    let flag = "container-runtime-endpoint";
    let Some(endpoint) = start.text(field).or_else(|| start.flags.text(flag)) else {
        return Ok(());
    };
    let Some((scheme, rest)) = endpoint.split_once("://") else {
        return Ok(());
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_plain = rest
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
    let scheme = scheme.to_ascii_lowercase();
    if !is_scheme || !is_plain || scheme == "unix" {
        return Ok(());
    }
    let error = if scheme == "tcp" {
        "only support unix socket endpoint".to_owned()
    } else {
        format!("protocol \"{scheme}\" not supported")
    };
    let message = format!("failed to run Kubelet: {error}");
    let positions = start.flags.positions(flag);
    if positions.is_empty() {
        return Err(start.failure(message, &[field]));
    }
    Err(start.flag_failure(message, &[flag]))
}

/// What is reserved, and the thresholds of hard evictions.
fn reservations(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    let run = "failed to run Kubelet";
    for (field, flag) in [
        ("kubeReserved", "kube-reserved"),
        ("systemReserved", "system-reserved"),
    ] {
        for (resource, amount) in start.pairs(field) {
            if let Some(error) = reservation_error(minor, resource, amount) {
                let message = if minor < RESERVED_WORDS {
                    format!("{run}: {error}")
                } else {
                    format!("{run}: --{flag} value failed to parse: {error}")
                };
                return Err(start.failure(message, &[field]));
            }
        }
    }
    if !start
        .flags
        .is_set("experimental-allocatable-ignore-eviction")
    {
        for (signal, amount) in start.pairs("evictionHard") {
            if let Some(error) = threshold_error(minor, signal, amount) {
                return Err(start.failure(format!("{run}: {error}"), &["evictionHard"]));
            }
        }
    }
    for (resource, amount) in start.pairs("qosReserved") {
        let error = if resource == "memory" {
            percentage_error(amount).map(|error| {
                if minor < RESERVED_WORDS {
                    return error;
                }
                let amount = go::quote(amount.as_bytes());
                format!("failed to parse percentage {amount} for \"memory\" resource: {error}")
            })
        } else {
            Some(format!(
                "cannot reserve {} resource",
                go::quote(resource.as_bytes())
            ))
        };
        if let Some(error) = error {
            let message = if minor < RESERVED_WORDS {
                format!("{run}: {error}")
            } else {
                format!("{run}: --qos-reserved value failed to parse: {error}")
            };
            return Err(start.failure(message, &["qosReserved"]));
        }
    }
    Ok(())
}

/// `parseResourceList`, of one resource.
fn reservation_error(minor: Minor, resource: &str, amount: &str) -> Option<String> {
    let quoted = go::quote(resource.as_bytes());
    if !["cpu", "memory", "ephemeral-storage", "pid"].contains(&resource) {
        return Some(format!("cannot reserve {quoted} resource"));
    }
    match quantity::parse(amount) {
        Err(error) if minor < RESERVED_WORDS => Some(error),
        Err(error) => Some(format!(
            "failed to parse quantity {} for {quoted} resource: {error}",
            go::quote(amount.as_bytes())
        )),
        Ok(quantity) if quantity.is_negative && !quantity.is_zero => Some(format!(
            "resource quantity for {quoted} cannot be negative: {amount}"
        )),
        Ok(_) => None,
    }
}

/// `parseThresholdStatement`.
fn threshold_error(minor: Minor, signal: &str, amount: &str) -> Option<String> {
    if !SIGNALS
        .iter()
        .any(|&(known, since)| known == signal && minor >= since)
    {
        return Some(format!("unsupported eviction signal {signal}"));
    }
    if amount.ends_with('%') {
        if matches!(amount, "0%" | "100%") {
            return None;
        }
        return match number::parse_float(amount.trim_end_matches('%'), 32) {
            Err(error) => Some(error),
            Ok(percentage) if percentage < 0.0 => Some(format!(
                "eviction percentage threshold {signal} must be >= 0%: {amount}"
            )),
            Ok(percentage) if percentage > 100.0 => Some(format!(
                "eviction percentage threshold {signal} must be <= 100%: {amount}"
            )),
            Ok(_) => None,
        };
    }
    match quantity::parse(amount) {
        Err(error) => Some(error),
        Ok(quantity) if quantity.is_zero || quantity.is_negative => Some(format!(
            "eviction threshold {signal} must be positive: {amount}"
        )),
        Ok(_) => None,
    }
}

/// `parsePercentage` of the container manager.
fn percentage_error(text: &str) -> Option<String> {
    if !text.ends_with('%') {
        return Some(format!("percentage expected, got '{text}'"));
    }
    match number::parse_int(text.trim_end_matches('%'), 10, 64) {
        Err(_) => Some(format!("invalid number in percentage '{text}'")),
        Ok(0..=100) => None,
        Ok(_) => Some("percentage must be between 0 and 100".to_owned()),
    }
}

/// `ParseNodeIPArgument`: addresses that cannot be read are ignored.
fn node_ip(start: &Start<'_>) -> Result<(), Failure> {
    let text = start.flags.text("node-ip").unwrap_or("");
    if text.is_empty() {
        return Ok(());
    }
    let addresses: Vec<_> = text
        .split(',')
        .filter_map(|item| network::parse_ip_sloppily(network::trim(item)))
        .collect();
    let is_v6 = |address: &std::net::IpAddr| match address {
        std::net::IpAddr::V4(_) => false,
        std::net::IpAddr::V6(address) => address.to_ipv4_mapped().is_none(),
    };
    let error = match &addresses[..] {
        [] | [_] => return Ok(()),
        [first, second] if is_v6(first) != is_v6(second) => {
            let cloud = start.flags.text("cloud-provider").unwrap_or("");
            if !matches!(cloud, "" | "external") {
                "dual-stack not supported in this configuration"
            } else if first.is_unspecified() || second.is_unspecified() {
                "dual-stack node IP cannot include '0.0.0.0' or '::'"
            } else {
                return Ok(());
            }
        }
        _ => "must contain either a single IP or a dual-stack pair of IPs",
    };
    let message = format!(
        "failed to run Kubelet: bad --node-ip {}: {error}",
        go::quote(text.as_bytes())
    );
    Err(start.flag_failure(message, &["node-ip"]))
}

fn file(message: String, path: &str) -> Failure {
    Failure {
        message,
        cause: Cause::File {
            path: path.to_owned(),
            line: None,
        },
        rests_on_names: false,
    }
}

impl Start<'_> {
    fn get(&self, path: &str) -> Option<&Json> {
        let found = path
            .split('.')
            .try_fold(self.configuration, |at, name| at.get(name))?;
        (!found.is_null()).then_some(found)
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    fn is_on(&self, path: &str) -> Option<bool> {
        self.get(path)?.as_bool()
    }

    /// A duration: text, or nanoseconds.
    fn nanoseconds(&self, path: &str) -> Option<i64> {
        match self.get(path)? {
            Json::String(text) => duration::parse(text).ok(),
            value => value.as_i64(),
        }
    }

    /// The pairs of a map of texts, by key.
    fn pairs(&self, path: &str) -> BTreeMap<&str, &str> {
        let object = self.get(path).and_then(Json::as_object);
        let pairs = object.into_iter().flatten();
        pairs
            .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
            .collect()
    }

    fn is_missing(&self, path: &str) -> bool {
        path.starts_with('/') && (self.presence)(path) == Presence::Missing
    }

    /// The flags of klog (up to 1.25) that are set to another value than their default.
    fn changed_klog_flags(&self) -> Vec<&'static str> {
        const DEFAULTS: [(&str, &str); 11] = [
            ("add-dir-header", "false"),
            ("alsologtostderr", "false"),
            ("log-backtrace-at", ""),
            ("log-dir", ""),
            ("log-file", ""),
            ("log-file-max-size", "1800"),
            ("logtostderr", "true"),
            ("one-output", "false"),
            ("skip-headers", "false"),
            ("skip-log-headers", "false"),
            ("stderrthreshold", "2"),
        ];
        let changed = |&(name, default): &(&'static str, &str)| {
            let value = self.flags.value_text(name)?;
            (value != default).then_some(name)
        };
        DEFAULTS.iter().filter_map(changed).collect()
    }

    /// A failure over fields: of the flags that set them, or of their file.
    fn failure(&self, message: String, fields: &[&str]) -> Failure {
        let positions: Vec<_> = fields
            .iter()
            .flat_map(|field| self.flags.positions_of_field(field))
            .collect();
        let cause = match fields.first() {
            Some(field) if positions.is_empty() => (self.origin)(field),
            _ => Cause::Arguments(positions),
        };
        Failure {
            message,
            cause,
            rests_on_names: false,
        }
    }

    fn flag_failure(&self, message: String, flags: &[&str]) -> Failure {
        let positions = flags.iter().flat_map(|flag| self.flags.positions(flag));
        Failure {
            message,
            cause: Cause::Arguments(positions.collect()),
            rests_on_names: false,
        }
    }
}
