//! What the kubelet checks once it has its configuration, up to the call of the container runtime and behind
//! it, as far as arguments and files decide.
//!
//! Upstream: `cmd/kubelet/app/server.go` (`UnsecuredDependencies`, `InitializeTLS`, `run`),
//! `cmd/kubelet/app/auth.go`, `k8s.io/component-base/logs/api/v1/options.go`, `k8s.io/cloud-provider/plugins.go`,
//! `pkg/kubelet/eviction/helpers.go`, `pkg/kubelet/cm/container_manager.go`; 1.24 to 1.37.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::context::{Run, Start};
use super::flags::KubeletFlags;
use super::machine::Presence;
use super::parts::{Part, Paths, checking};
use super::{creation, resources};
use crate::go;
use crate::kubernetes::arguments::network;
use crate::kubernetes::codec::{duration, quantity};
use crate::kubernetes::feature_gates::Gates;
use crate::kubernetes::{Cause, Failure, Minor, tls};

/// Since which minor logging is checked on its own, before the configuration.
const LOGGING_FIRST: Minor = Minor(25);
/// Since which minor the file of client CAs is read by the authenticator, instead of with the TLS options.
const CA_WITH_AUTHENTICATOR: Minor = Minor(36);
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
/// Since which minor all errors about `--node-ip` begin alike.
const NODE_IP_WORDS: Minor = Minor(27);
/// Since which minor an external cloud provider allows addresses of both families; a gate may before.
const CLOUD_DUAL_STACK: Minor = Minor(30);

/// The last minor with the gate `DynamicKubeletConfig`.
const DYNAMIC_CONFIGURATION: Minor = Minor(25);

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
        "json" if minor < LOGGING_FIRST || start.is_enabled("LoggingBetaOptions") => {}
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
    if minor >= LOGGING_FIRST && !start.is_enabled("LoggingAlphaOptions") {
        for format in ["text", "json"] {
            let split = format!("logging.options.{format}.splitStream");
            let flag = format!("log-{format}-split-stream");
            let buffer = format!("logging.options.{format}.infoBufferSize");
            let words = || "Forbidden: Feature LoggingAlphaOptions is disabled".to_owned();
            // Where its flag is defined, the field gets the flag's default: a file does not set it.
            if start.flags.is_set(&flag) {
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
    all(BEFORE_RUNTIME, start)?;
    if start.flags.minor() < RUNTIME_FIRST {
        all(resources::MANAGED, start)?;
    }
    all(&[ENDPOINT], start)
}

/// The checks that follow the call of the container runtime, which answers.
pub fn after_runtime(start: &Start<'_>) -> Result<(), Failure> {
    if start.flags.minor() >= RUNTIME_FIRST {
        all(resources::MANAGED, start)?;
    }
    all(&[NODE_IP], start)?;
    all(creation::CREATED, start)?;
    all(&[resources::ALLOCATABLE, creation::LISTENS], start)
}

fn all(parts: &[Part<Run>], start: &Start<'_>) -> Result<(), Failure> {
    parts
        .iter()
        .try_for_each(|part| checking(part.reads, || (part.run)(start)))
}

/// The checks that read something of what was set.
pub(super) struct Selected(Vec<&'static Part<Run>>);

impl Selected {
    /// Whether they pass, with a runtime that answers.
    pub(super) fn passes(&self, start: &Start<'_>) -> bool {
        let mut parts = self.0.iter();
        parts.all(|part| checking(part.reads, || (part.run)(start)).is_ok())
    }
}

/// Selects them, and adds what they read to `fields`.
pub(super) fn select(set: &Paths<'_>, fields: &mut Paths<'static>) -> Selected {
    const ALONE: &[Part<Run>] = &[
        LOGGING,
        ENDPOINT,
        NODE_IP,
        resources::ALLOCATABLE,
        creation::LISTENS,
    ];
    let all = [ALONE, BEFORE_RUNTIME, resources::MANAGED, creation::CREATED];
    let mut selected = Vec::new();
    for part in all
        .into_iter()
        .flatten()
        .filter(|part| part.reads_one_of(set))
    {
        selected.push(part);
        fields.add_fields(part.reads);
    }
    Selected(selected)
}

const LOGGING: Part<Run> = Part {
    run: logging,
    reads: &[
        "logging",
        "featureGates.LoggingAlphaOptions",
        "featureGates.LoggingBetaOptions",
        "--add-dir-header",
        "--alsologtostderr",
        "--log-backtrace-at",
        "--log-dir",
        "--log-file",
        "--log-file-max-size",
        "--logtostderr",
        "--one-output",
        "--skip-headers",
        "--skip-log-headers",
        "--stderrthreshold",
    ],
};

/// The checks from the TLS options to the client of the API server, in the kubelet's order.
const BEFORE_RUNTIME: &[Part<Run>] = &[
    Part {
        run: dynamic_configuration,
        reads: &["featureGates.DynamicKubeletConfig"],
    },
    Part {
        run: tls_options,
        reads: &[
            "tlsCertFile",
            "tlsPrivateKeyFile",
            "serverTLSBootstrap",
            "tlsCipherSuites",
            "tlsMinVersion",
            "authentication.x509.clientCAFile",
            "--cert-dir",
            "--hostname-override",
        ],
    },
    Part {
        run: lock,
        reads: &["--lock-file", "--exit-on-lock-contention"],
    },
    Part {
        run: cloud,
        reads: &["--cloud-provider"],
    },
    Part {
        run: |start| hostname(start, "failed to run Kubelet"),
        reads: &["--hostname-override"],
    },
    Part {
        run: client,
        reads: &[
            "rotateCertificates",
            "--kubeconfig",
            "--bootstrap-kubeconfig",
        ],
    },
    Part {
        run: authentication,
        reads: &["authentication", "authorization.mode", "--kubeconfig"],
    },
];

const ENDPOINT: Part<Run> = Part {
    run: endpoint,
    reads: &["containerRuntimeEndpoint", "--container-runtime-endpoint"],
};

const NODE_IP: Part<Run> = Part {
    run: node_ip,
    reads: &[
        "--node-ip",
        "--cloud-provider",
        "featureGates.CloudDualStackNodeIPs",
    ],
};

/// A gate that is locked without being marked so.
fn dynamic_configuration(start: &Start<'_>) -> Result<(), Failure> {
    if start.flags.minor() > DYNAMIC_CONFIGURATION || !start.is_enabled("DynamicKubeletConfig") {
        return Ok(());
    }
    let message =
        "cannot set feature gate DynamicKubeletConfig to true, feature is locked to false";
    Err(start.failure(message.to_owned(), &["featureGates"]))
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
        return Err(start.failure(wrapped(error), &["authentication.x509.clientCAFile"]));
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
    let found = paths.each_ref().map(|path| (start.machine.presence)(path));
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
    Err(start.flag_failure(message, &["cert-dir"]))
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
    Err(start.flag_failure(message, &["kubeconfig"]))
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
        return Err(start.failure(message, &["authentication.x509.clientCAFile"]));
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
    let Some((scheme, rest)) = endpoint.split_once(':') else {
        return Ok(());
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    // `tcp:x` has none.
    let authority = rest.strip_prefix("//").unwrap_or_default();
    let authority = authority.split('/').next().unwrap_or_default();
    let has_port = authority
        .split_once(':')
        .is_none_or(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    let is_plain = rest
        .bytes()
        .filter(|&byte| byte != b':')
        .all(|byte| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte));
    let scheme = scheme.to_ascii_lowercase();
    if !is_scheme || !is_plain || !has_port || scheme == "unix" {
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
    let minor = start.flags.minor();
    let quoted = go::quote(text.as_bytes());
    let cloud = start.flags.text("cloud-provider").unwrap_or("");
    let takes_two = match cloud {
        "" => true,
        "external" => minor >= CLOUD_DUAL_STACK || start.is_enabled("CloudDualStackNodeIPs"),
        _ => false,
    };
    let is_pair = match &addresses[..] {
        [] | [_] => return Ok(()),
        [first, second] => is_v6(first) != is_v6(second),
        _ => false,
    };
    let (error, words) = if !is_pair {
        (
            "must contain either a single IP or a dual-stack pair of IPs",
            format!(
                "bad --node-ip {quoted}; must contain either a single IP or a dual-stack pair of IPs"
            ),
        )
    } else if !takes_two {
        (
            "dual-stack not supported in this configuration",
            format!("dual-stack --node-ip {quoted} not supported when using a cloud provider"),
        )
    } else if addresses.iter().any(std::net::IpAddr::is_unspecified) {
        (
            "dual-stack node IP cannot include '0.0.0.0' or '::'",
            format!("dual-stack --node-ip {quoted} cannot include '0.0.0.0' or '::'"),
        )
    } else {
        return Ok(());
    };
    let message = if minor < NODE_IP_WORDS {
        format!("failed to run Kubelet: {words}")
    } else {
        format!("failed to run Kubelet: bad --node-ip {quoted}: {error}")
    };
    Err(start.flag_failure(message, &["node-ip"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::machine::Machine;
    use super::*;

    const CLIENT: &str = "--kubeconfig=/etc/kubeconfig";

    fn with<T>(
        minor: u32,
        arguments: &[&str],
        mut configuration: Json,
        check: impl Fn(&Start<'_>) -> T,
    ) -> T {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        let flags = KubeletFlags::parse(Minor(minor), &arguments).unwrap();
        flags.apply_to(&mut configuration);
        let origin = |_: &str| Cause::File {
            path: "/etc/kubelet.conf".to_owned(),
            line: None,
        };
        let gates = gates(&flags, &configuration, &origin).unwrap();
        let presence = |path: &str| match path {
            "/missing" | "/half/kubelet.key" => Presence::Missing,
            "/pki/kubelet.key" | "/pki/kubelet.crt" | "/half/kubelet.crt" => Presence::Present,
            _ => Presence::Unknown,
        };
        let machine = Machine {
            presence: &presence,
            ..Machine::unknown()
        };
        check(&Start {
            flags: &flags,
            configuration: &configuration,
            gates: &gates,
            machine: &machine,
            origin: &origin,
        })
    }

    #[test]
    fn what_it_opens_has_to_be_there() {
        for (arguments, message) in [
            (&[CLIENT][..], None),
            (
                &["--kubeconfig=/missing"],
                Some(
                    "failed to run Kubelet: invalid kubeconfig: stat /missing: no such file or directory",
                ),
            ),
            (
                &[CLIENT, "--client-ca-file=/missing"],
                Some("failed to run Kubelet: open /missing: no such file or directory"),
            ),
            (
                &[CLIENT, "--cert-dir=/half"],
                Some(
                    "failed to construct kubelet dependencies: error reading /half/kubelet.key, certificate and key must be supplied as a pair",
                ),
            ),
            (
                &[CLIENT, "--container-runtime-endpoint=tcp://127.0.0.1:1"],
                Some("failed to run Kubelet: only support unix socket endpoint"),
            ),
            (
                &[CLIENT, "--container-runtime-endpoint=unix:///x.sock"],
                None,
            ),
        ] {
            let found = with(37, arguments, json!({}), before_runtime);
            assert_eq!(
                found.err().map(|failure| failure.message).as_deref(),
                message,
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn a_file_is_the_cause_of_its_fields() {
        let configuration =
            || json!({"authorization": {"mode": "X"}, "logging": {"format": "yaml"}});
        let failure = with(37, &[CLIENT], configuration(), before_runtime).unwrap_err();
        assert_eq!(
            failure.message,
            "failed to run Kubelet: unknown authorization mode X"
        );
        assert!(matches!(failure.cause, Cause::File { .. }));
        let arguments = [CLIENT, "--authorization-mode=Y"];
        let failure = with(37, &arguments, configuration(), before_runtime).unwrap_err();
        assert_eq!(failure.cause, Cause::Arguments(vec![1]));
        let failure = with(37, &[CLIENT], configuration(), logging).unwrap_err();
        assert_eq!(
            failure.message,
            "initialize logging: logging.format: Invalid value: \"yaml\": Unsupported log format"
        );
    }

    #[test]
    fn what_it_reserves_is_read_behind_the_runtime_of_newer_minors() {
        for (configuration, message) in [
            (json!({"kubeReserved": {"cpu": "200m"}}), None),
            (
                json!({"kubeReserved": {"cpu": "x"}}),
                Some(
                    "failed to run Kubelet: --kube-reserved value failed to parse: failed to parse quantity \"x\" for \"cpu\" resource: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                ),
            ),
            (
                json!({"systemReserved": {"disk": "1Gi"}}),
                Some(
                    "failed to run Kubelet: --system-reserved value failed to parse: cannot reserve \"disk\" resource",
                ),
            ),
            (
                json!({"evictionHard": {"memory.free": "1Gi"}}),
                Some("failed to run Kubelet: unsupported eviction signal memory.free"),
            ),
            (
                json!({"evictionHard": {"memory.available": "101%"}}),
                Some(
                    "failed to run Kubelet: eviction percentage threshold memory.available must be <= 100%: 101%",
                ),
            ),
            (
                json!({"cpuManagerPolicy": "static"}),
                Some(
                    "failed to run Kubelet: [cpumanager] unable to determine reserved CPU resources for static policy",
                ),
            ),
        ] {
            assert!(with(37, &[CLIENT], configuration.clone(), before_runtime).is_ok());
            let found = with(37, &[CLIENT], configuration, after_runtime);
            assert_eq!(
                found.err().map(|failure| failure.message).as_deref(),
                message
            );
        }
        let configuration = json!({"kubeReserved": {"disk": "1Gi"}});
        let failure = with(24, &[CLIENT], configuration, before_runtime).unwrap_err();
        assert_eq!(
            failure.message,
            "failed to run Kubelet: cannot reserve \"disk\" resource"
        );
    }

    #[test]
    fn two_addresses_are_of_two_families() {
        for (text, is_right) in [
            ("10.0.0.1", true),
            ("10.0.0.1,fd00::1", true),
            ("x", true),
            ("10.0.0.1,10.0.0.2", false),
            ("0.0.0.0,fd00::1", false),
            ("10.0.0.1,fd00::1,fd00::2", false),
        ] {
            let argument = format!("--node-ip={text}");
            let found = with(37, &[CLIENT, &argument], json!({}), after_runtime);
            assert_eq!(found.is_ok(), is_right, "{text}");
        }
    }
}
