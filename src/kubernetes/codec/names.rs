//! The names that Go gives types, as far as errors show them and the tables do not have them.

use crate::kubernetes::Minor;

/// Fields of a type with a name of its own: struct, field, type.
const FIELDS: [(&str, &str, &str); 14] = [
    ("KubeProxyConfiguration", "mode", "v1alpha1.ProxyMode"),
    (
        "KubeProxyConfiguration",
        "detectLocalMode",
        "v1alpha1.LocalMode",
    ),
    ("LoggingConfiguration", "flushFrequency", "time.Duration"),
    ("LoggingConfiguration", "verbosity", "v1.VerbosityLevel"),
    ("VModuleItem", "verbosity", "v1.VerbosityLevel"),
    (
        "KubeletAuthorization",
        "mode",
        "v1beta1.KubeletAuthorizationMode",
    ),
    (
        "KubeletConfiguration",
        "configMapAndSecretChangeDetectionStrategy",
        "v1beta1.ResourceChangeDetectionStrategy",
    ),
    (
        "KubeletConfiguration",
        "imagePullCredentialsVerificationPolicy",
        "v1beta1.ImagePullCredentialsVerificationPolicy",
    ),
    (
        "KubeletConfiguration",
        "memoryReservationPolicy",
        "v1beta1.MemoryReservationPolicy",
    ),
    ("KubeletConfiguration", "logging", "v1.LoggingConfiguration"),
    ("MemoryReservation", "limits", "v1.ResourceList"),
    ("Taint", "effect", "v1.TaintEffect"),
    ("LoggingConfiguration", "vmodule", "v1.VModuleConfiguration"),
    ("PolicyRule", "level", "v1.Level"),
];

/// The packages of structs that are of another group than the file.
const PACKAGES: [(&str, &str); 12] = [
    ("LoggingConfiguration", "v1"),
    ("FormatOptions", "v1"),
    ("JSONOptions", "v1"),
    ("OutputRoutingOptions", "v1"),
    ("TextOptions", "v1"),
    ("VModuleItem", "v1"),
    ("TracingConfiguration", "v1"),
    ("Taint", "v1"),
    ("ObjectMeta", "v1"),
    ("LabelSelector", "v1"),
    ("LabelSelectorRequirement", "v1"),
    ("RawExtension", "runtime"),
];

/// Since which minor the verbosity of logs has a type of its own.
const VERBOSITY: Minor = Minor(25);

/// Since which minor the path of a field has the names of embedded structs (`sigs.k8s.io/json` of 2025-07-30).
const EMBEDDED: Minor = Minor(35);

/// The struct that all fields of this one are embedded from, where errors name it.
pub(super) fn of_embedded(minor: Minor, structure: &str) -> Option<&'static str> {
    let embeds = matches!(structure, "JSONOptions" | "TextOptions");
    (embeds && minor >= EMBEDDED).then_some("OutputRoutingOptions")
}

/// The name of a field's type where it has one of its own.
pub(super) fn of_field(minor: Minor, structure: &str, field: &str) -> Option<&'static str> {
    if field == "verbosity" && minor < VERBOSITY {
        return None;
    }
    let found = FIELDS
        .iter()
        .find(|(of, name, _)| *of == structure && *name == field);
    found.map(|(_, _, name)| *name)
}

/// A struct's name without its package.
pub(super) fn of_struct(name: &str) -> &str {
    name.rsplit(['.', '/']).next().unwrap_or(name)
}

/// A struct's name with its package: `v1beta1.KubeletAuthentication`. The tables have the package where it is needed
/// to tell two types apart: `kubelet/config/v1.CredentialProvider`.
pub(super) fn with_package(name: &str, package: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains('.') {
        return last.to_owned();
    }
    let found = PACKAGES.iter().find(|(of, _)| *of == last);
    let package = found.map_or(package, |(_, package)| *package);
    format!("{package}.{last}")
}

/// The names of the kubelet's fields that differ from those in its files by more than case: file, Go.
const INTERNAL: [(&str, &str); 5] = [
    ("resolvConf", "ResolverConfig"),
    ("x509", "X509"),
    ("tlsCertFile", "TLSCertFile"),
    ("ids", "IDs"),
    ("oomScoreAdj", "OOMScoreAdj"),
];

/// Fields of types that other programs use too: their fields have the names of files in the internal type as well.
const SHARED: [&str; 3] = ["logging", "registerWithTaints", "tracing"];

/// An error of decoding into the kubelet's internal type, which names its fields as Go does: `MaxPods` for
/// `maxPods`.
pub(super) fn internal(message: &str) -> String {
    const BEFORE: &str = "Go struct field ";
    let Some((head, rest)) = message.split_once(BEFORE) else {
        return message.to_owned();
    };
    let Some((path, tail)) = rest.split_once(" of type ") else {
        return message.to_owned();
    };
    let mut is_shared = false;
    let names: Vec<String> = path
        .split('.')
        .map(|name| {
            let shown = if is_shared {
                name.to_owned()
            } else {
                go_name(name)
            };
            is_shared |= SHARED.contains(&name);
            shown
        })
        .collect();
    let path = names.join(".");
    let tail = tail.replace("v1beta1.", "config.");
    format!("{head}{BEFORE}{path} of type {tail}")
}

fn go_name(name: &str) -> String {
    if let Some((_, go)) = INTERNAL.iter().find(|(file, _)| *file == name) {
        return (*go).to_owned();
    }
    // `kubeAPIQPS`: only the first letter differs, but in abbreviations.
    for (lower, upper) in [
        ("cpu", "CPU"),
        ("http", "HTTP"),
        ("image", "Image"),
        ("iptables", "IPTables"),
        ("tls", "TLS"),
        ("qos", "QOS"),
    ] {
        if let Some(rest) = name.strip_prefix(lower) {
            return format!("{upper}{rest}");
        }
    }
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + chars.as_str(),
        None => String::new(),
    }
}
