//! A configuration file, as the components of Kubernetes decode it.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer` (the recognizing decoder over JSON and YAML, the same
//! in 1.24 to 1.37), `sigs.k8s.io/yaml`, `sigs.k8s.io/json`, and the schemes that each component registers. The
//! fields of each type are in [`super::tables`].
//!
//! ```text
//! tree    JSON with the place of each value
//! text    JSON            yaml    YAML
//! typed   a tree into a Go type
//! names   of Go types, for errors
//! ```
//!
//! A file that begins with `{` is JSON, every other YAML. What the component refuses is [`Error::Refused`] with its
//! words; what cannot be known (a limit of ours, a type or release that the tables do not have) is
//! [`Error::Unknown`] and must not be taken for a refusal.

pub(crate) mod duration;
mod names;
pub(crate) mod number;
pub(crate) mod quantity;
mod text;
pub(crate) mod tree;
pub(crate) mod typed;
mod yaml;

use std::fmt::Write as _;

use crate::go;

use super::Minor;
use super::tables::{self, Schema};
use tree::{Node, Place, Value};
pub(crate) use typed::Flavour;

/// Why a file is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The component refuses it.
    Refused {
        /// Its error: `no kind "X" is registered for version "v1" in scheme "…"`.
        message: String,
        /// Where in the file, if that is known.
        place: Option<Place>,
        /// Whether it depends on which kinds and fields the release has: a later patch may know more.
        rests_on_names: bool,
    },
    /// It cannot be known what the component does with it, and why.
    Unknown(String),
}

impl Error {
    pub(super) const fn refused(message: String, place: Option<Place>) -> Self {
        Self::Refused {
            message,
            place,
            rests_on_names: false,
        }
    }

    const fn by_name(message: String, place: Option<Place>) -> Self {
        Self::Refused {
            message,
            place,
            rests_on_names: true,
        }
    }

    /// What it says.
    pub fn words(&self) -> &str {
        match self {
            Self::Refused { message, .. } | Self::Unknown(message) => message,
        }
    }
}

/// The kinds that a component decodes with one codec.
#[derive(Debug, Clone, Copy)]
pub struct Scheme<'a> {
    /// Its name in errors, the place in the source that makes it:
    /// `pkg/kubelet/apis/config/scheme/scheme.go:33`.
    pub name: &'a str,
    /// Pairs of API version and kind that are registered, in any release:
    /// `("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration")`. One that the tables do not have for the release
    /// counts as not registered.
    pub kinds: &'a [(&'a str, &'a str)],
}

/// What a codec does with fields that are not known or there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Refuses the file (`serializer.EnableStrict`).
    Strict,
    /// Ignores those that are not known; of those that are there twice the last counts.
    Lenient,
}

/// A decoded file.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// `kubelet.config.k8s.io/v1beta1`.
    pub api_version: String,
    /// `KubeletConfiguration`.
    pub kind: String,
    /// The fields, by the names that the type has; those that are not known or `null` are left out. Defaults are not
    /// set.
    pub value: Node,
    /// The errors of a strict decoder, with places: empty unless [`Strictness::Lenient`].
    pub ignored: Vec<(String, Option<Place>)>,
}

/// Decodes a file into one of the types of a scheme. `file` is a number of the caller's choice, for
/// [`Place::file`].
pub fn decode(
    minor: Minor,
    content: &[u8],
    file: usize,
    scheme: Scheme<'_>,
    strictness: Strictness,
) -> Result<Decoded, Error> {
    let document = read(content, file)?;
    let (api_version, kind) = version_and_kind(&document.root)?;
    let Some(found) = registered(minor, scheme, content, &api_version, &kind)? else {
        return Err(Error::Unknown(format!(
            "the fields of {kind} of {api_version} are not known"
        )));
    };
    let package = api_version.rsplit('/').next().unwrap_or_default();
    let outcome = typed::decode(
        minor,
        &document.root,
        found,
        package,
        Flavour::Kubernetes,
        None,
    );
    if let Some((message, place)) = outcome.error {
        return Err(if outcome.is_inferred {
            Error::Unknown(message)
        } else {
            Error::by_name(message, place)
        });
    }
    let strict: Vec<_> = document
        .duplicates
        .into_iter()
        .chain(outcome.strict)
        .collect();
    if strictness == Strictness::Strict
        && let Some((_, place)) = strict.first()
    {
        let message = strict_words(&strict);
        return Err(if outcome.is_inferred {
            Error::Unknown(message)
        } else {
            Error::by_name(message, *place)
        });
    }
    Ok(Decoded {
        api_version,
        kind,
        value: outcome
            .value
            .unwrap_or(Node::default(Value::Map(Vec::new()))),
        ignored: strict,
    })
}

/// A file as an object of no type (`unstructured.Unstructured`), decoded strictly.
#[derive(Debug, Clone, PartialEq)]
pub struct Untyped {
    /// Its `apiVersion`, which can be empty.
    pub api_version: String,
    /// Its `kind`, which is not.
    pub kind: String,
    /// The document.
    pub value: Node,
}

/// Decodes a file strictly into an object of no type.
pub fn decode_untyped(content: &[u8], file: usize) -> Result<Untyped, Error> {
    let document = read(content, file)?;
    let (api_version, kind) = version_and_kind(&document.root)?;
    // Interpreting is not case-sensitive, the object is.
    let own_kind = text_at(&document.root, "kind");
    if own_kind.is_none_or(str::is_empty) {
        return Err(missing("Kind", content));
    }
    let mut strict: Vec<_> = document.duplicates.into_iter().collect();
    repeated(&document.root, &mut String::new(), &mut strict);
    if let Some((_, place)) = strict.first() {
        return Err(Error::refused(strict_words(&strict), *place));
    }
    Ok(Untyped {
        api_version: text_at(&document.root, "apiVersion").map_or(api_version, str::to_owned),
        kind: own_kind.map_or(kind, str::to_owned),
        value: document.root,
    })
}

fn strict_words(errors: &[(String, Option<Place>)]) -> String {
    let words: Vec<&str> = errors.iter().map(|(words, _)| words.as_str()).collect();
    format!("strict decoding error: {}", words.join(", "))
}

fn text_at<'a>(root: &'a Node, name: &str) -> Option<&'a str> {
    match &root.get(name)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The names that are in an object of JSON twice.
fn repeated(node: &Node, path: &mut String, found: &mut Vec<(String, Option<Place>)>) {
    let length = path.len();
    match &node.value {
        Value::Map(entries) => {
            let mut seen = std::collections::HashSet::new();
            for (name, node) in entries {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
                if !seen.insert(name) && found.len() < 100 {
                    let words = format!("duplicate field {}", go::quote(path.as_bytes()));
                    if !found.iter().any(|(known, _)| *known == words) {
                        found.push((words, node.place));
                    }
                }
                repeated(node, path, found);
                path.truncate(length);
            }
        }
        Value::List(items) => {
            for (index, node) in items.iter().enumerate() {
                let _ = write!(path, "[{index}]");
                repeated(node, path, found);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

struct Document {
    root: Node,
    duplicates: Option<(String, Option<Place>)>,
}

/// Reads a file as the decoder that recognizes it does.
fn read(content: &[u8], file: usize) -> Result<Document, Error> {
    let is_json = go::trim_space(content).first() == Some(&b'{');
    if is_json {
        let root = text::read(content, file).map_err(|error| match error {
            Error::Refused { message, place, .. } => Error::refused(
                format!("couldn't get version/kind; json parse error: {message}"),
                place,
            ),
            unknown @ Error::Unknown(_) => unknown,
        })?;
        return Ok(Document {
            root,
            duplicates: None,
        });
    }
    let converted = yaml::read(content, file)?;
    Ok(Document {
        root: converted.root,
        duplicates: converted.duplicates,
    })
}

/// `SimpleMetaFactory.Interpret`: `apiVersion` and `kind`, whatever the case of these names.
fn version_and_kind(root: &Node) -> Result<(String, String), Error> {
    const STRUCT: &str = "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; \
                          Kind string \"json:\\\"kind,omitempty\\\"\" }";
    let refused = |words: String, place| {
        let words =
            format!("couldn't get version/kind; json parse error: json: cannot unmarshal {words}");
        Err(Error::refused(words, place))
    };
    let entries = match &root.value {
        Value::Map(entries) => entries.as_slice(),
        Value::Null => &[],
        _ => {
            let words = format!("{} into Go value of type {STRUCT}", root.kind());
            return refused(words, root.place);
        }
    };
    let (mut api_version, mut kind) = ("", "");
    for (name, node) in entries {
        let (name, slot) = if name.eq_ignore_ascii_case("apiVersion") {
            ("apiVersion", &mut api_version)
        } else if name.eq_ignore_ascii_case("kind") {
            ("kind", &mut kind)
        } else {
            continue;
        };
        match &node.value {
            Value::Text(text) => *slot = text,
            Value::Null => {}
            _ => {
                let words = format!(
                    "{} into Go struct field .{name} of type string",
                    node.kind()
                );
                return refused(words, node.place);
            }
        }
    }
    if api_version.bytes().filter(|byte| *byte == b'/').count() > 1 {
        let words = format!("unexpected GroupVersion string: {api_version}");
        let place = root.get("apiVersion").and_then(|node| node.place);
        return Err(Error::refused(words, place));
    }
    Ok((api_version.to_owned(), kind.to_owned()))
}

fn missing(what: &str, content: &[u8]) -> Error {
    let content = String::from_utf8_lossy(content);
    Error::refused(format!("Object '{what}' is missing in '{content}'"), None)
}

/// The type of a kind that is registered; `None` where the tables do not know the release.
fn registered(
    minor: Minor,
    scheme: Scheme<'_>,
    content: &[u8],
    api_version: &str,
    kind: &str,
) -> Result<Option<Schema>, Error> {
    if kind.is_empty() {
        return Err(missing("Kind", content));
    }
    let version = api_version.rsplit('/').next().unwrap_or_default();
    if version.is_empty() {
        return Err(missing("apiVersion", content));
    }
    if version == "__internal" {
        return Ok(None);
    }
    let is_listed = scheme
        .kinds
        .iter()
        .any(|(of, name)| *of == api_version && *name == kind);
    let found = tables::schema(minor, api_version, kind);
    if is_listed && found.is_some() {
        return Ok(found);
    }
    let knows = scheme
        .kinds
        .iter()
        .any(|(of, name)| tables::schema(minor, of, name).is_some());
    if !knows {
        return Ok(None);
    }
    // Go leaves out the group that is empty, and its slash.
    let shown = api_version.strip_prefix('/').unwrap_or(api_version);
    let words = format!(
        "no kind {} is registered for version {} in scheme {}",
        go::quote(kind.as_bytes()),
        go::quote(shown.as_bytes()),
        go::quote(scheme.name.as_bytes())
    );
    Err(Error::by_name(words, None))
}

#[cfg(test)]
mod tests;
