//! A file, decoded, and its fields.

use super::errors::{AS_JSON, failed, quote};
use super::options::Options;
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
    /// The failure of a file, in the words that the component puts around the error.
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
    /// What a strict decoder says of fields that are not known or there twice.
    pub(super) ignored: Vec<String>,
}

/// The place in the source where schemes are made, which is their name in errors.
pub(super) const fn scheme_name(options: &Options) -> &'static str {
    match options.minor().0 {
        ..=32 => "pkg/runtime/scheme.go:100",
        33 | 34 => "pkg/runtime/scheme.go:110",
        35.. => "pkg/runtime/scheme.go:111",
    }
}

/// The end of a component with `--write-config-to`.
pub(super) fn written(options: &Options) -> Option<Failure> {
    let flag = "write-config-to";
    if options.text(flag, "").is_empty() {
        return None;
    }
    let message = "it writes its configuration and exits".to_owned();
    failed(message, options, &[flag])
}

/// Decodes a file. `None`: what becomes of it is not known.
pub(super) fn decode(
    options: &Options,
    content: &[u8],
    scheme: Scheme<'_>,
    strict: bool,
) -> Option<Result<Document, Refusal>> {
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
            ignored: decoded
                .ignored
                .into_iter()
                .map(|(words, _)| words)
                .collect(),
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
pub(super) fn invalid(path: &str, message: String) -> Failure {
    Failure {
        message,
        cause: Cause::File {
            path: path.to_owned(),
            line: None,
        },
        rests_on_names: false,
    }
}

/// The failure of a file that has names that are not known.
pub(super) fn unknown_name(path: &str, message: String) -> Failure {
    Failure {
        rests_on_names: true,
        ..invalid(path, message)
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

/// A number; `None` where none is set.
pub(super) fn float(node: &Node, name: &str) -> Option<f64> {
    match &node.get(name)?.value {
        Value::Number(text) => text.parse().ok(),
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
    let quoted: Vec<String> = list.iter().map(|text| quote(text)).collect();
    if options.since(AS_JSON) {
        format!("[{}]", quoted.join(","))
    } else {
        format!("[]string{{{}}}", quoted.join(", "))
    }
}
