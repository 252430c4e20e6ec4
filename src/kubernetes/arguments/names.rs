//! Names and values of labels and taints.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/validation/validation.go`; since 1.35
//! `k8s.io/apimachinery/pkg/api/validate/content/kube.go`.

use crate::kubernetes::Minor;

/// Since which minor a key with two slashes is called a label key, and lengths are counted in bytes.
const CONTENT_PACKAGE: Minor = Minor(35);

const NAME_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
    validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', \
    '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  \
    or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', \
    regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// `validation.IsQualifiedName`: what is wrong with the key of a label or taint.
pub(crate) fn key_errors(minor: Minor, key: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>()[..] {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                errors.push("prefix part must be non-empty".to_owned());
            } else {
                for error in subdomain_errors(minor, prefix) {
                    errors.push(format!("prefix part {error}"));
                }
            }
            name
        }
        _ => {
            let what = if minor < CONTENT_PACKAGE {
                "qualified name"
            } else {
                "valid label key"
            };
            return vec![format!(
                "a {what} {NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        errors.push(format!("name part {}", too_long(minor, 63)));
    }
    if !is_name(name) {
        errors.push(format!("name part {NAME_RULE}"));
    }
    errors
}

/// `validation.IsValidLabelValue`.
pub(crate) fn value_errors(minor: Minor, value: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if value.len() > 63 {
        errors.push(too_long(minor, 63));
    }
    if !value.is_empty() && !is_name(value) {
        errors.push(VALUE_RULE.to_owned());
    }
    errors
}

/// `validation.IsDNS1123Subdomain`.
fn subdomain_errors(minor: Minor, text: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > 253 {
        errors.push(too_long(minor, 253));
    }
    if !text.split('.').all(is_label) {
        errors.push(SUBDOMAIN_RULE.to_owned());
    }
    errors
}

fn too_long(minor: Minor, most: usize) -> String {
    let unit = if minor < CONTENT_PACKAGE {
        "characters"
    } else {
        "bytes"
    };
    format!("must be no more than {most} {unit}")
}

fn is_name(text: &str) -> bool {
    is_bounded(
        text,
        |byte| byte.is_ascii_alphanumeric(),
        |byte| b"-_.".contains(&byte),
    )
}

fn is_label(text: &str) -> bool {
    is_bounded(
        text,
        |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(),
        |byte| byte == b'-',
    )
}

/// Whether a text starts and ends with an `outer` byte, and has `outer` and `inner` ones between.
fn is_bounded(text: &str, outer: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|&byte| outer(byte))
        && bytes.last().is_some_and(|&byte| outer(byte))
        && bytes.iter().all(|&byte| outer(byte) || inner(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_an_optional_prefix() {
        for key in ["a", "A.b_c-9", "example.com/a", &"x".repeat(63)] {
            assert!(key_errors(Minor(37), key).is_empty(), "{key}");
        }
        for (key, errors) in [
            (
                "",
                &[
                    "name part must be non-empty",
                    &format!("name part {NAME_RULE}"),
                ][..],
            ),
            ("/a", &["prefix part must be non-empty"]),
            ("A.com/a", &[&format!("prefix part {SUBDOMAIN_RULE}")]),
            ("a b", &[&format!("name part {NAME_RULE}")]),
            (
                &"x".repeat(64),
                &["name part must be no more than 63 bytes"],
            ),
        ] {
            assert_eq!(key_errors(Minor(37), key), errors, "{key}");
        }
        assert!(key_errors(Minor(34), "a/b/c")[0].starts_with("a qualified name must consist of"));
        assert!(key_errors(Minor(35), "a/b/c")[0].starts_with("a valid label key must consist of"));
        assert_eq!(
            key_errors(Minor(34), &"x".repeat(64)),
            ["name part must be no more than 63 characters"]
        );
    }

    #[test]
    fn values_may_be_empty() {
        for value in ["", "a", "1.2_3-4"] {
            assert!(value_errors(Minor(37), value).is_empty(), "{value}");
        }
        for value in ["a b", "-a", "a/", "ä"] {
            assert_eq!(value_errors(Minor(37), value), [VALUE_RULE], "{value}");
        }
    }
}
