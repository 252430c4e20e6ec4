//! A file, decoded, and its fields.

use super::super::super::options::Options;
use crate::kubernetes::codec::duration;
use crate::kubernetes::codec::tree::{Node, Value};
use crate::kubernetes::codec::{self, Error, Scheme, Strictness};
use crate::kubernetes::{Cause, Failure};

/// Why a file is not decoded.
pub(super) struct Refusal {
    pub(super) message: String,
    line: Option<u32>,
    rests_on_names: bool,
}

impl Refusal {
    /// The failure of a file, in the words that the API server puts around the error.
    pub(super) fn failure(self, path: &str, words: impl FnOnce(&str) -> String) -> Failure {
        Failure {
            message: words(&self.message),
            cause: Cause::File {
                path: path.to_owned(),
                line: self.line,
            },
            rests_on_names: self.rests_on_names,
        }
    }
}

/// A file of a kind that is registered.
pub(super) struct Document {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) root: Node,
    /// Whether it has fields that are not known or there twice.
    pub(super) has_ignored: bool,
}

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

/// The place in the source where schemes are made, which is their name in errors.
pub(super) const fn scheme_name(options: &Options) -> &'static str {
    match options.minor().0 {
        ..=32 => "pkg/runtime/scheme.go:100",
        33 | 34 => "pkg/runtime/scheme.go:110",
        35.. => "pkg/runtime/scheme.go:111",
    }
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
    let strictness = if strict {
        Strictness::Strict
    } else {
        Strictness::Lenient
    };
    match codec::decode(options.minor(), content, 0, scheme, strictness) {
        Ok(decoded) => Some(Ok(Document {
            api_version: decoded.api_version,
            kind: decoded.kind,
            root: decoded.value,
            has_ignored: !decoded.ignored.is_empty(),
        })),
        Err(Error::Refused {
            message,
            place,
            rests_on_names,
        }) => Some(Err(Refusal {
            message,
            line: place.map(|place| place.line),
            rests_on_names,
        })),
        Err(Error::Unknown(_)) => None,
    }
}

/// The failure of a file that is decoded and not valid.
pub(in super::super) fn invalid(path: &str, message: String) -> Failure {
    Failure {
        message,
        cause: Cause::File {
            path: path.to_owned(),
            line: None,
        },
        rests_on_names: false,
    }
}

/// The text of a field; empty where it has none.
pub(super) fn text<'a>(node: &'a Node, name: &str) -> &'a str {
    match node.get(name).map(|node| &node.value) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// The elements of a field.
pub(super) fn list<'a>(node: &'a Node, name: &str) -> &'a [Node] {
    match node.get(name).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The elements of a field that are texts.
pub(super) fn texts<'a>(node: &'a Node, name: &str) -> Vec<&'a str> {
    list(node, name)
        .iter()
        .map(|item| match &item.value {
            Value::Text(text) => text.as_str(),
            _ => "",
        })
        .collect()
}

/// A field that is set to something.
pub(super) fn set<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    node.get(name).filter(|node| node.value != Value::Null)
}

pub(super) fn bool(node: &Node, name: &str) -> bool {
    matches!(
        node.get(name).map(|node| &node.value),
        Some(Value::Bool(true))
    )
}

/// An integer; `None` where none is set.
pub(super) fn int(node: &Node, name: &str) -> Option<i64> {
    match node.get(name).map(|node| &node.value) {
        Some(Value::Number(text)) => text.parse().ok(),
        _ => None,
    }
}

/// Nanoseconds; `None` where none are set.
pub(super) fn nanoseconds(node: &Node, name: &str) -> Option<i64> {
    set(node, name)?;
    duration::parse(text(node, name)).ok()
}

/// A list of texts as a bad value: `["a","b"]`, and up to 1.33 as Go writes it.
pub(super) fn shown(options: &Options, list: &[&str]) -> String {
    let quoted: Vec<String> = list
        .iter()
        .map(|text| super::super::super::errors::quote(text))
        .collect();
    if options.since(34) {
        format!("[{}]", quoted.join(","))
    } else {
        format!("[]string{{{}}}", quoted.join(", "))
    }
}
