//! The kinds of files of the API server, and how it decodes them.

use super::super::super::document::{decode as decode_by, scheme_name};
use super::super::super::options::Options;
use crate::kubernetes::codec::Scheme;

pub(super) use super::super::super::document::{
    Document, Refusal, bool, int, invalid, list, nanoseconds, set, shown, text, texts,
};

/// The kinds of `apiserver.config.k8s.io` and its older name.
const KINDS: &[(&str, &str)] = &[
    ("apiserver.config.k8s.io/v1", "AdmissionConfiguration"),
    ("apiserver.k8s.io/v1alpha1", "AdmissionConfiguration"),
    ("apiserver.config.k8s.io/v1", "AuthenticationConfiguration"),
    (
        "apiserver.config.k8s.io/v1beta1",
        "AuthenticationConfiguration",
    ),
    (
        "apiserver.config.k8s.io/v1alpha1",
        "AuthenticationConfiguration",
    ),
    ("apiserver.config.k8s.io/v1", "AuthorizationConfiguration"),
    (
        "apiserver.config.k8s.io/v1beta1",
        "AuthorizationConfiguration",
    ),
    (
        "apiserver.config.k8s.io/v1alpha1",
        "AuthorizationConfiguration",
    ),
    ("apiserver.config.k8s.io/v1", "EncryptionConfiguration"),
    ("apiserver.config.k8s.io/v1", "TracingConfiguration"),
    ("apiserver.config.k8s.io/v1beta1", "TracingConfiguration"),
    ("apiserver.config.k8s.io/v1alpha1", "TracingConfiguration"),
    ("apiserver.k8s.io/v1alpha1", "TracingConfiguration"),
    ("apiserver.k8s.io/v1beta1", "EgressSelectorConfiguration"),
    ("apiserver.k8s.io/v1alpha1", "EgressSelectorConfiguration"),
];

/// Since which minor the encryption of secrets is configured by a kind of the same scheme.
const ONE_SCHEME: u32 = 30;

/// The kinds of the scheme that a file is decoded by.
pub(super) fn kinds(options: &Options, is_encryption: bool) -> Vec<(&'static str, &'static str)> {
    let of_scheme = |kind: &str| {
        options.since(ONE_SCHEME) || (kind == "EncryptionConfiguration") == is_encryption
    };
    KINDS
        .iter()
        .copied()
        .filter(|(_, kind)| of_scheme(kind))
        .collect()
}

/// Decodes a file. `None`: what becomes of it is not known.
pub(super) fn decode(
    options: &Options,
    content: &[u8],
    kinds: &[(&str, &str)],
    strict: bool,
) -> Option<Result<Document, Refusal>> {
    let scheme = Scheme {
        name: scheme_name(options),
        kinds,
    };
    decode_by(options, content, scheme, strict)
}
