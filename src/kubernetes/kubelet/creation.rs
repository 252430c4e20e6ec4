//! What ends the kubelet while it is created, and when it begins to listen.
//!
//! Upstream: `pkg/kubelet/kubelet.go` (`NewMainKubelet`), `pkg/kubelet/eviction/helpers.go`,
//! `pkg/kubelet/logs/container_log_manager.go`, `pkg/credentialprovider/plugin`, `pkg/kubelet/sysctl/allowlist.go`,
//! `pkg/kubelet/server/server.go`; 1.24 to 1.37.

use super::context::{Run, Start};
use super::machine::Presence;
use super::parts::Part;
use super::resources;
use crate::go;
use crate::kubernetes::codec::quantity::{self, Amount};
use crate::kubernetes::codec::{duration, number};
use crate::kubernetes::{Failure, Minor};

/// Since which minor certificate and key are read again when they change, and read first when the kubelet is created.
const RELOADS_CERTIFICATE: Minor = Minor(31);
/// Since which minor a certificate without a key, or a key without a certificate, is not read.
const PAIRS_ONLY: Minor = Minor(36);
/// Since which minor all sysctls that are not namespaced are refused in the same words.
const SYSCTL_WORDS: Minor = Minor(29);
/// Since which minor several files can configure credential providers.
const SEVERAL_PROVIDER_FILES: Minor = Minor(34);
/// The last minor in which a gate can turn credential providers off.
const LAST_PROVIDERS_GATE: Minor = Minor(25);
/// The longest name of a sysctl.
const SYSCTL_LENGTH: usize = 253;

/// The checks of `NewMainKubelet`, in the kubelet's order.
pub(super) const CREATED: &[Part<Run>] = &[
    Part {
        run: |start| wrapped(start, frequency(start)),
        reads: &["syncFrequency"],
    },
    Part {
        run: |start| wrapped(start, thresholds(start)),
        reads: &[
            "evictionSoft",
            "evictionSoftGracePeriod",
            "evictionMinimumReclaim",
        ],
    },
    Part {
        run: |start| wrapped(start, logs(start)),
        reads: &["containerLogMaxSize"],
    },
    Part {
        run: credential_providers,
        reads: &[
            "--image-credential-provider-config",
            "--image-credential-provider-bin-dir",
            "featureGates.KubeletCredentialProviders",
        ],
    },
    Part {
        run: certificate,
        reads: &[
            "tlsCertFile",
            "tlsPrivateKeyFile",
            "serverTLSBootstrap",
            "featureGates.ReloadKubeletServerCertificateFile",
            "featureGates.RotateKubeletServerCertificate",
        ],
    },
    Part {
        run: |start| wrapped(start, sysctls(start)),
        reads: &["allowedUnsafeSysctls"],
    },
];

/// That it can begin to listen.
pub(super) const LISTENS: Part<Run> = Part {
    run: listens,
    reads: &[
        "enableServer",
        "tlsCertFile",
        "tlsPrivateKeyFile",
        "serverTLSBootstrap",
        "featureGates.RotateKubeletServerCertificate",
    ],
};

fn wrapped(start: &Start<'_>, checked: Result<(), Error>) -> Result<(), Failure> {
    checked.map_err(|(error, fields)| {
        let message = format!("failed to run Kubelet: failed to create kubelet: {error}");
        start.failure(message, fields)
    })
}

type Error = (String, &'static [&'static str]);

fn frequency(start: &Start<'_>) -> Result<(), Error> {
    const FIELD: &[&str] = &["syncFrequency"];
    let is_flag = !start.flags.positions_of_field("syncFrequency").is_empty();
    match start.nanoseconds("syncFrequency") {
        // No frequency of a file becomes the default.
        Some(0) if !is_flag => Ok(()),
        Some(frequency) if frequency <= 0 => {
            Err((format!("invalid sync frequency {frequency}"), FIELD))
        }
        _ => Ok(()),
    }
}

/// `ParseThresholdConfig`, of soft thresholds.
fn thresholds(start: &Start<'_>) -> Result<(), Error> {
    const SOFT: &[&str] = &["evictionSoft"];
    const GRACE: &[&str] = &["evictionSoftGracePeriod"];
    const RECLAIM: &[&str] = &["evictionMinimumReclaim"];
    let minor = start.flags.minor();
    let unsupported = |signal: &str| format!("unsupported eviction signal {signal}");
    if let Some(error) = resources::thresholds_error(start, "evictionSoft") {
        return Err((error, SOFT));
    }
    let periods = start.pairs("evictionSoftGracePeriod");
    for (signal, period) in &periods {
        if !resources::is_signal(minor, signal) {
            return Err((unsupported(signal), GRACE));
        }
        match duration::parse(period) {
            Err(error) => return Err((error, GRACE)),
            Ok(..0) => {
                let error = format!(
                    "invalid eviction grace period specified: {period}, must be a positive value"
                );
                return Err((error, GRACE));
            }
            Ok(_) => {}
        }
    }
    for (signal, amount) in start.pairs("evictionMinimumReclaim") {
        if !resources::is_signal(minor, signal) {
            return Err((unsupported(signal), RECLAIM));
        }
        if let Some(error) = reclaim_error(signal, amount) {
            return Err((error, RECLAIM));
        }
    }
    let soft = start.pairs("evictionSoft");
    let mut soft = soft
        .iter()
        .filter(|(_, amount)| resources::is_threshold(amount));
    match soft.find(|(signal, _)| !periods.contains_key(**signal)) {
        None => Ok(()),
        Some((signal, _)) => {
            let error =
                format!("grace period must be specified for the soft eviction threshold {signal}");
            Err((error, SOFT))
        }
    }
}

/// `parseMinimumReclaims`, of one signal.
fn reclaim_error(signal: &str, amount: &str) -> Option<String> {
    if amount.ends_with('%') {
        return match number::parse_float(amount.trim_end_matches('%'), 32) {
            Err(error) => Some(error),
            Ok(percentage) if percentage <= 0.0 => Some(format!(
                "eviction percentage minimum reclaim {signal} must be positive: {amount}"
            )),
            Ok(_) => None,
        };
    }
    match quantity::parse(amount) {
        Err(error) => Some(error),
        Ok(quantity) if quantity.is_negative && !quantity.is_zero => Some(format!(
            "negative eviction minimum reclaim specified for {signal}"
        )),
        Ok(_) => None,
    }
}

/// `NewContainerLogManager`.
fn logs(start: &Start<'_>) -> Result<(), Error> {
    const FIELD: &[&str] = &["containerLogMaxSize"];
    let is_flag = !start
        .flags
        .positions_of_field("containerLogMaxSize")
        .is_empty();
    let Some(size) = start.text("containerLogMaxSize") else {
        return Ok(());
    };
    // An empty size of a file becomes the default.
    if size.is_empty() && !is_flag {
        return Ok(());
    }
    let why = match quantity::parse(size) {
        Err(error) => error,
        Ok(_) if Amount::read(size).is_some_and(|amount| !amount.is_integer()) => {
            "invalid max log size".to_owned()
        }
        Ok(_) => return Ok(()),
    };
    let size = go::quote(size.as_bytes());
    let error = format!(
        "failed to initialize container log manager: failed to parse container log max size {size}: {why}"
    );
    Err((error, FIELD))
}

/// `RegisterCredentialProviderPlugins`, as far as the presence of its files decides. The kubelet exits by itself.
fn credential_providers(start: &Start<'_>) -> Result<(), Failure> {
    let (config, directory) = (
        "image-credential-provider-config",
        "image-credential-provider-bin-dir",
    );
    let minor = start.flags.minor();
    let path = |flag| start.flags.text(flag).unwrap_or("");
    let (config_path, directory_path) = (path(config), path(directory));
    let is_off = minor <= LAST_PROVIDERS_GATE && !start.is_enabled("KubeletCredentialProviders");
    if is_off || (config_path.is_empty() && directory_path.is_empty()) {
        return Ok(());
    }
    if directory_path.is_empty() || start.is_missing(directory_path) {
        let message = format!("plugin binary directory {directory_path} did not exist");
        return Err(start.flag_failure(message, &[directory, config]));
    }
    if (start.machine.presence)(directory_path) == Presence::Unknown {
        return Ok(());
    }
    let quoted = go::quote(config_path.as_bytes());
    let reads =
        format!("unable to read external registry credential provider configuration from {quoted}");
    let message = if config_path.is_empty() {
        "credential provider config path is empty".to_owned()
    } else if start.is_missing(config_path) && minor >= SEVERAL_PROVIDER_FILES {
        format!("unable to access path {quoted}: stat {config_path}: no such file or directory")
    } else if start.is_missing(config_path) {
        format!("{reads}: open {config_path}: no such file or directory")
    } else {
        return Ok(());
    };
    Err(start.flag_failure(message, &[config, directory]))
}

/// The names of the two files.
const PAIR: [&str; 2] = ["tlsCertFile", "tlsPrivateKeyFile"];

/// The certificate that the kubelet serves with, read when it is created.
fn certificate(start: &Start<'_>) -> Result<(), Failure> {
    let minor = start.flags.minor();
    let [certificate, key] = PAIR.map(|field| start.text(field).unwrap_or(""));
    let reloads = start.is_enabled("ReloadKubeletServerCertificateFile");
    if requests_one(start)
        || minor < RELOADS_CERTIFICATE
        || certificate.is_empty()
        || key.is_empty()
        || (!reloads && minor < PAIRS_ONLY)
    {
        return Ok(());
    }
    let what = if reloads {
        "failed to initialize file based certificate manager: unable to set up dynamic certificate manager for \
         kubelet server cert files"
    } else {
        "failed to load certificate"
    };
    unreadable(start, |error| {
        format!("failed to run Kubelet: failed to create kubelet: {what}: {error}")
    })
}

/// The certificate that the kubelet serves with, where it is read when it begins to listen. It exits by itself.
fn listens(start: &Start<'_>) -> Result<(), Failure> {
    let [certificate, key] = PAIR.map(|field| start.text(field).unwrap_or(""));
    let is_one = certificate.is_empty() != key.is_empty();
    let minor = start.flags.minor();
    if start.is_on("enableServer") == Some(false)
        || (certificate.is_empty() && key.is_empty())
        || (is_one && minor >= PAIRS_ONLY)
    {
        return Ok(());
    }
    if certificate.is_empty() && !requests_one(start) {
        let message = "open : no such file or directory".to_owned();
        return Err(start.failure(message, &["tlsPrivateKeyFile"]));
    }
    if minor >= PAIRS_ONLY {
        return Ok(());
    }
    unreadable(start, |error| error)
}

fn requests_one(start: &Start<'_>) -> bool {
    start.is_on("serverTLSBootstrap") == Some(true)
        && start.is_enabled("RotateKubeletServerCertificate")
}

/// The first of the two files that cannot be read.
fn unreadable(start: &Start<'_>, message: impl Fn(String) -> String) -> Result<(), Failure> {
    for field in PAIR {
        let path = start.text(field).unwrap_or("");
        if !path.starts_with('/') {
            continue;
        }
        let error = match (start.machine.presence)(path) {
            Presence::Missing => format!("open {path}: no such file or directory"),
            Presence::Directory => format!("read {path}: is a directory"),
            Presence::Present => continue,
            // The first that is not known decides.
            Presence::Unknown => return Ok(()),
        };
        return Err(start.failure(message(error), &[field]));
    }
    Ok(())
}

/// `NewAllowlist`.
fn sysctls(start: &Start<'_>) -> Result<(), Error> {
    const FIELD: &[&str] = &["allowedUnsafeSysctls"];
    let minor = start.flags.minor();
    let patterns = start.get("allowedUnsafeSysctls");
    let patterns = patterns.and_then(|list| list.as_array());
    for pattern in patterns.into_iter().flatten() {
        let Some(pattern) = pattern.as_str() else {
            continue;
        };
        if !is_sysctl_pattern(pattern) {
            let error = format!(
                "sysctl {} must have at most {SYSCTL_LENGTH} characters and match regex \
                 ([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]",
                go::quote(pattern.as_bytes())
            );
            return Err((error, FIELD));
        }
        let name = with_dots(pattern);
        let prefix = name.split('*').next().unwrap_or_default();
        if is_namespaced(minor, prefix) {
            continue;
        }
        let is_prefix = name.ends_with('*');
        let shown = if minor < SYSCTL_WORDS {
            name.as_str()
        } else {
            prefix
        };
        let one = if is_prefix || minor >= SYSCTL_WORDS {
            "sysctls"
        } else {
            "sysctl"
        };
        let error = format!(
            "the {one} {} are not known to be namespaced",
            go::quote(shown.as_bytes())
        );
        return Err((error, FIELD));
    }
    Ok(())
}

/// `SysctlContainSlashPatternFmt`.
fn is_sysctl_pattern(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_inner = |byte: u8| is_letter(byte) || matches!(byte, b'-' | b'_');
    let ends = |part: &str| part.bytes().next().is_some_and(is_letter);
    let mut parts: Vec<&str> = text.split(['.', '/']).collect();
    let Some(last) = parts.pop() else {
        return false;
    };
    let is_segment = |part: &&str| {
        ends(part) && part.bytes().next_back().is_some_and(is_letter) && part.bytes().all(is_inner)
    };
    let Some(end) = last.bytes().next_back() else {
        return false;
    };
    let before = last.get(..last.len().saturating_sub(1)).unwrap_or_default();
    text.len() <= SYSCTL_LENGTH
        && parts.iter().all(is_segment)
        && (is_letter(end) || end == b'*')
        && (before.is_empty() || (ends(before) && before.bytes().all(is_inner)))
}

/// `NormalizeName`: the first separator decides which of them separates.
fn with_dots(name: &str) -> String {
    if name.find(['.', '/']).and_then(|at| name.as_bytes().get(at)) != Some(&b'/') {
        return name.to_owned();
    }
    let swapped = name.chars().map(|c| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    });
    swapped.collect()
}

/// Names that are no prefixes, and, for patterns, beginnings of names.
const IPC_SYSCTLS: [&str; 9] = [
    "kernel.msg",
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.shm",
    "kernel.shm_rmid_forced",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
];

/// Whether containers have a sysctl of their own. `name` may be a prefix.
fn is_namespaced(minor: Minor, name: &str) -> bool {
    if name.starts_with("net.") || name.starts_with("fs.mqueue.") || name == "kernel.sem" {
        return true;
    }
    if minor < SYSCTL_WORDS {
        return name.starts_with("kernel.shm") || name.starts_with("kernel.msg");
    }
    IPC_SYSCTLS.contains(&name)
}
