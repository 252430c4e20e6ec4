//! Names of DNS, as Kubernetes checks them.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/validation/validation.go`.

const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

/// `IsDNS1123Label`.
pub(super) fn label_errors(text: &str) -> Vec<String> {
    errors(text, 63, is_label(text), LABEL)
}

/// `IsDNS1123Subdomain`.
pub(super) fn subdomain_errors(text: &str) -> Vec<String> {
    errors(text, 253, text.split('.').all(is_label), SUBDOMAIN)
}

fn errors(text: &str, most: usize, is_name: bool, message: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if text.len() > most {
        errors.push(format!("must be no more than {most} characters"));
    }
    if !is_name {
        errors.push(message.to_owned());
    }
    errors
}

fn is_label(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else {
        return false;
    };
    is_letter(first) && is_letter(last) && text.bytes().all(|byte| is_letter(byte) || byte == b'-')
}
