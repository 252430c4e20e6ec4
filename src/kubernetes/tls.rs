//! Names of cipher suites and versions of TLS, as the components take them.
//!
//! Upstream: `k8s.io/component-base/cli/flag/ciphersuites_flag.go`; the names are those of Go's `crypto/tls`,
//! which are the same in Go 1.18 to 1.26.

use crate::go;

/// The suites, secure and insecure ones, with two older names that Kubernetes keeps.
const CIPHER_SUITES: [&str; 27] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
];

/// `TLSCipherSuites`: the error of the first name that is no suite.
pub(crate) fn cipher_suite_error<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = names.find(|name| !CIPHER_SUITES.contains(name))?;
    Some(format!(
        "Cipher suite {name} not supported or doesn't exist"
    ))
}

/// `TLSVersion`: the error of a name that is no version. An empty one is the default.
pub(crate) fn version_error(name: &str) -> Option<String> {
    let versions = [
        "",
        "VersionTLS10",
        "VersionTLS11",
        "VersionTLS12",
        "VersionTLS13",
    ];
    (!versions.contains(&name))
        .then(|| format!("unknown tls version {}", go::quote(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_go() {
        let good = ["TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"];
        assert_eq!(cipher_suite_error(good.into_iter()), None);
        assert_eq!(
            cipher_suite_error(["TLS_AES_128_GCM_SHA256", "X", "Y"].into_iter()).unwrap(),
            "Cipher suite X not supported or doesn't exist"
        );
        assert_eq!(version_error("VersionTLS13"), None);
        assert_eq!(version_error("1.3").unwrap(), "unknown tls version \"1.3\"");
    }
}
