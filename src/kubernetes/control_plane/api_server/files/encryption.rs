//! `--encryption-provider-config`.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/options/encryptionconfig/config.go` and
//! `.../pkg/apis/apiserver/validation/validation_encryption.go` (up to 1.29 `.../pkg/apis/config/validation`).

use super::super::super::errors::{FieldErrors, quote};
use super::super::super::options::Options;
use super::super::super::url;
use super::document::{self, list, set, shown, text, texts};
use crate::kubernetes::Failure;
use crate::kubernetes::codec::tree::Node;

/// Since which minor the file is read with its providers at once.
const LOADED_ONCE: u32 = 26;
/// Since which minor resources are checked.
const RESOURCES: u32 = 27;
/// Since which minor fields that are not known are refused.
const STRICT: u32 = 31;
/// Since which minor the first version of KMS needs a gate.
const KMS_GATE: u32 = 29;

const PROVIDERS: [&str; 5] = ["kms", "aesgcm", "aescbc", "secretbox", "identity"];

/// The failure over the content of a configuration.
pub(in super::super) fn failure(options: &Options, path: &str, content: &[u8]) -> Option<Failure> {
    let old = !options.since(LOADED_ONCE);
    let around = |error: &str| {
        if old {
            format!(
                "error while parsing encryption provider configuration file {}: error while parsing file: {error}",
                quote(path)
            )
        } else {
            format!("error while parsing file: {error}")
        }
    };
    if content.is_empty() && !old {
        let error = format!(
            "error while loading file: encryption provider configuration file {} is empty",
            quote(path)
        );
        return Some(document::invalid(path, around(&error)));
    }
    let strict = options.since(STRICT);
    let document =
        match document::decode(options, content, &document::kinds(options, true), strict)? {
            Ok(document) => document,
            // The old kind is read still; its fields are not in the tables.
            Err(refusal)
                if refusal
                    .message
                    .starts_with("no kind \"EncryptionConfig\" is") =>
            {
                return None;
            }
            Err(refusal) => {
                return Some(refusal.failure(path, |error| {
                    around(&if old {
                        error.to_owned()
                    } else {
                        format!(
                            "error decoding encryption provider configuration file {}: {error}",
                            quote(path)
                        )
                    })
                }));
            }
        };
    if !document.kind.starts_with("Encryption") {
        let error = format!(
            "got unexpected config type: {}, Kind={}",
            document.api_version, document.kind
        );
        return Some(document::invalid(path, around(&error)));
    }
    let mut errors = FieldErrors::default();
    validate(options, &document.root, &mut errors);
    if let Some(error) = errors.message() {
        return Some(document::invalid(path, around(&error)));
    }
    let error = transformers(options, &document.root)?;
    Some(document::invalid(
        path,
        format!("error while building transformers: {error}"),
    ))
}

/// `ValidateEncryptionConfiguration`.
fn validate(options: &Options, root: &Node, errors: &mut FieldErrors) {
    let rules = list(root, "resources");
    if rules.is_empty() {
        errors.required("resources", "at least one resources is required");
        return;
    }
    let mut names: Vec<String> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let resources = texts(rule, "resources");
        let path = format!("resources[{index}].resources");
        if resources.is_empty() {
            errors.required(&path, &format!("at least one {path} is required"));
        }
        if options.since(RESOURCES) {
            validate_overlap(options, &resources, &path, errors);
            validate_resources(&resources, &path, errors);
        }
        let providers = list(rule, "providers");
        let path = format!("resources[{index}].providers");
        if providers.is_empty() {
            errors.required(&path, &format!("at least one {path} is required"));
        }
        for (index, provider) in providers.iter().enumerate() {
            validate_provider(
                options,
                provider,
                &format!("{path}[{index}]"),
                &mut names,
                errors,
            );
        }
    }
}

/// `schema.ParseGroupResource`: resource and group.
fn parts(text: &str) -> (&str, &str) {
    text.split_once('.').unwrap_or((text, ""))
}

/// `validateResourceOverlap`.
fn validate_overlap(options: &Options, resources: &[&str], path: &str, errors: &mut FieldErrors) {
    let mut repeated = false;
    let mut overlaps = false;
    for (index, first) in resources.iter().map(|text| parts(text)).enumerate() {
        for (other, second) in resources.iter().map(|text| parts(text)).enumerate() {
            if index == other {
                continue;
            }
            if first == second && !repeated {
                repeated = true;
                continue;
            }
            overlaps |=
                first == ("*", "*") || first.1 == second.1 && (first.0 == "*" || second.0 == "*");
        }
    }
    let value = shown(options, resources);
    if repeated {
        errors.invalid(
            path,
            &value,
            "the same resource cannot be specified multiple times",
        );
    }
    if overlaps {
        errors.invalid(
            path,
            &value,
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
        );
    }
}

/// `validateResourceNames`.
fn validate_resources(resources: &[&str], path: &str, errors: &mut FieldErrors) {
    for (index, &name) in resources.iter().enumerate() {
        let (resource, group) = parts(name);
        let detail = if name.to_lowercase() != name {
            "resource name should not contain capital letters"
        } else if name == "*" {
            "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
        } else if matches!(
            name,
            "apiserveripinfo" | "serviceipallocations" | "servicenodeportallocations"
        ) {
            "resources which do not have REST API/s cannot be encrypted"
        } else if group == "events.k8s.io" {
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file"
        } else if group == "extensions" {
            "'extensions' group has been removed and cannot be used for encryption"
        } else if group == "*" && resource != "*" {
            "encrypting the same resource across groups is not supported"
        } else {
            continue;
        };
        errors.invalid_text(&format!("{path}[{index}]"), name, detail);
    }
}

/// `validateSingleProvider` and the checks of the one that is there.
fn validate_provider(
    options: &Options,
    provider: &Node,
    path: &str,
    names: &mut Vec<String>,
    errors: &mut FieldErrors,
) {
    let found: Vec<&str> = PROVIDERS
        .into_iter()
        .filter(|name| set(provider, name).is_some())
        .collect();
    match found.len() {
        0 => errors.invalid(
            path,
            &empty(options),
            "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity",
        ),
        1 => {}
        // The value is printed with its keys: only that there are several is said.
        _ => errors.invalid(
            path,
            "…",
            "more than one provider specified in a single element, should split into different list elements",
        ),
    }
    // The order of the API server's switch.
    let Some((name, config)) = PROVIDERS
        .into_iter()
        .find_map(|name| Some((name, set(provider, name)?)))
    else {
        return;
    };
    let path = format!("{path}.{name}");
    match name {
        "kms" => validate_kms(options, config, &path, names, errors),
        "aesgcm" | "aescbc" => validate_keys(config, &path, &[16, 24, 32], errors),
        "secretbox" => validate_keys(config, &path, &[32], errors),
        _ => {}
    }
}

/// A provider without any, as a bad value.
fn empty(options: &Options) -> String {
    let names = ["AESGCM", "AESCBC", "Secretbox", "Identity", "KMS"];
    if options.since(34) {
        let fields: Vec<String> = names
            .iter()
            .map(|name| format!("\"{name}\":null"))
            .collect();
        return format!("{{{}}}", fields.join(","));
    }
    let package = if options.since(30) {
        "apiserver"
    } else {
        "config"
    };
    let types = [
        "AESConfiguration",
        "AESConfiguration",
        "SecretboxConfiguration",
        "IdentityConfiguration",
        "KMSConfiguration",
    ];
    let fields: Vec<String> = names
        .iter()
        .zip(types)
        .map(|(name, kind)| format!("{name}:(*{package}.{kind})(nil)"))
        .collect();
    format!("{package}.ProviderConfiguration{{{}}}", fields.join(", "))
}

/// `validateKeys`.
fn validate_keys(config: &Node, path: &str, sizes: &[usize], errors: &mut FieldErrors) {
    let path = format!("{path}.keys");
    let keys = list(config, "keys");
    if keys.is_empty() {
        errors.required(&path, "at least one keys is required");
    }
    for (index, key) in keys.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if text(key, "name").is_empty() {
            errors.required(
                &format!("{path}.name"),
                "name is a mandatory field for a key",
            );
        }
        let secret = text(key, "secret");
        let path = format!("{path}.secret");
        if secret.is_empty() {
            errors.required(&path, "secret is a mandatory field for a key");
            continue;
        }
        let Some(size) = decoded_length(secret) else {
            errors.invalid_text(&path, "REDACTED", "secrets must be base64 encoded");
            continue;
        };
        if !sizes.contains(&size) {
            let expected: Vec<String> = sizes.iter().map(ToString::to_string).collect();
            errors.invalid_text(
                &path,
                "REDACTED",
                &format!(
                    "secret is not of the expected length, got {size}, expected one of [{}]",
                    expected.join(" ")
                ),
            );
        }
    }
}

/// How many bytes a text of base64 stands for (`base64.StdEncoding`, which skips line ends).
fn decoded_length(text: &str) -> Option<usize> {
    let bytes: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let digits = bytes.len().checked_sub(padding)?;
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    if !bytes.len().is_multiple_of(4) || padding > 2 || !bytes.iter().take(digits).all(is_digit) {
        return None;
    }
    (bytes.len() / 4).checked_mul(3)?.checked_sub(padding)
}

/// `validateKMSConfiguration`.
fn validate_kms(
    options: &Options,
    kms: &Node,
    path: &str,
    names: &mut Vec<String>,
    errors: &mut FieldErrors,
) {
    let name = text(kms, "name");
    let version = Some(text(kms, "apiVersion"))
        .filter(|text| !text.is_empty())
        .unwrap_or("v1");
    let versions = options.since(25);
    let reload = options.bool("encryption-provider-config-automatic-reload", false);
    let validate_name = |errors: &mut FieldErrors| {
        let path = format!("{path}.name");
        if name.is_empty() {
            errors.required(&path, "name is a mandatory field for a provider");
        }
        if versions && version != "v1" && name.contains(':') {
            let detail = format!("invalid KMS provider name {name}, must not contain ':'");
            errors.invalid_text(&path, name, &detail);
        }
        let is_known = names.iter().any(|known| known == name);
        if options.since(26) && (reload || version != "v1") && is_known {
            let detail = format!("duplicate KMS provider name {name}, names must be unique");
            errors.invalid_text(&path, name, &detail);
        }
    };
    validate_name(errors);
    let timeout = document::nanoseconds(kms, "timeout");
    if timeout.is_some_and(|timeout| timeout <= 0) {
        // Go prints the duration in its own form.
        let timeout = crate::kubernetes::codec::duration::format(timeout.unwrap_or_default());
        let value = if options.since(34) {
            quote(&timeout)
        } else {
            format!(
                "v1.Duration{{Duration:{}}}",
                document::nanoseconds(kms, "timeout").unwrap_or_default()
            )
        };
        errors.invalid(
            &format!("{path}.timeout"),
            &value,
            "timeout should be a positive value",
        );
    }
    validate_endpoint(text(kms, "endpoint"), &format!("{path}.endpoint"), errors);
    let size = document::int(kms, "cachesize");
    if versions && version != "v1" && options.since(27) {
        if let Some(size) = size {
            let detail = "cachesize is not supported in v2";
            errors.invalid(&format!("{path}.cachesize"), &size.to_string(), detail);
        }
    } else if size == Some(0) {
        let detail = "cachesize should be a positive value, or negative to disable";
        errors.invalid(&format!("{path}.cachesize"), "0", detail);
    }
    if versions && !matches!(version, "v1" | "v2") {
        errors.invalid_text(
            &format!("{path}.apiVersion"),
            version,
            "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported",
        );
    }
    names.push(name.to_owned());
}

fn validate_endpoint(endpoint: &str, path: &str, errors: &mut FieldErrors) {
    if endpoint.is_empty() {
        errors.invalid_text(path, "", "endpoint is a mandatory field for a kms");
        return;
    }
    match url::parse(endpoint) {
        Err(error) => {
            let detail = format!("invalid endpoint for kms provider, error: {error}");
            errors.invalid_text(path, endpoint, &detail);
        }
        Ok(parsed) if parsed.scheme != "unix" => {
            let detail = format!(
                "unsupported scheme {} for KMS provider, only unix is supported",
                quote(&parsed.scheme)
            );
            errors.invalid_text(path, endpoint, &detail);
        }
        Ok(_) => {}
    }
}

/// `getTransformerOverridesAndKMSPluginProbes`: the first error in the order of the file.
fn transformers(options: &Options, root: &Node) -> Option<String> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for rule in list(root, "resources") {
        for provider in list(rule, "providers") {
            let is_first = set(provider, "kms")
                .is_some_and(|kms| matches!(text(kms, "apiVersion"), "" | "v1"));
            if is_first && options.since(KMS_GATE) && !options.gate("KMSv1") {
                return Some("KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature.".to_owned());
            }
        }
        if !options.since(RESOURCES) {
            continue;
        }
        for name in texts(rule, "resources") {
            let (resource, group) = parts(name);
            for mask in [("*", group), ("*", "*")] {
                if seen.contains(&mask) {
                    return Some(format!(
                        "resource {} is masked by earlier rule {}",
                        quote(&written((resource, group))),
                        quote(&written(mask))
                    ));
                }
            }
            seen.push((resource, group));
        }
    }
    None
}

/// `grYAMLString`: the core group is written only where the resource is a star.
fn written((resource, group): (&str, &str)) -> String {
    if group.is_empty() && resource != "*" {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    }
}

#[cfg(test)]
mod tests {
    use super::decoded_length;

    #[test]
    fn base64() {
        assert_eq!(decoded_length("MDEyMzQ1Njc4OWFiY2RlZg=="), Some(16));
        assert_eq!(decoded_length("MDEyMzQ1Njc4\nOWFiY2RlZg==\n"), Some(16));
        assert_eq!(decoded_length("MDEyMzQ1Njc4OWFiY2Rl"), Some(15));
        for wrong in ["MDEyMzQ1Njc4OWFiY2RlZg", "a===", "no!=", "ab=c"] {
            assert_eq!(decoded_length(wrong), None, "{wrong}");
        }
    }
}
