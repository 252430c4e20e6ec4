//! YAML as `gopkg.in/yaml.v2` reads it, which RKE2 and the components of Kubernetes use.
//!
//! Scanner and grammar are those of libyaml as that library carries it, because a file which a program
//! takes must not be refused here, nor the other way round. The result is bounded: a file that unfolds by
//! aliases beyond what the library allows is refused with the library's words, and so is one nested or
//! unfolded deeper than any configuration is ([`Error::is_limit`]).
//!
//! ```text
//! decode       into an ordered list of keys and values, as RKE2 does
//! decode_any   into nested maps and lists, as sigs.k8s.io/yaml does
//! ```

mod any;
mod cursor;
mod decode;
mod parts;
pub(crate) mod scalar;
mod scalars;
mod scan;
mod tree;

#[cfg(test)]
mod tests;

use crate::{go, text};

use scalar::Scalar;

pub(crate) use any::{Any, AnyValue, decode_any, scalar_syntax, syntax};
pub(crate) use decode::decode;
use scan::ScanError;

/// A value, its aliases followed.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Item>),
    Map(Vec<(Value, Item)>),
}

/// A value and the line it begins on.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) value: Value,
    pub(crate) line: u32,
}

/// A key of the top level, with its value and the key's line.
#[derive(Debug, Clone)]
pub(crate) struct KeyValue {
    pub(crate) key: String,
    pub(crate) item: Item,
    pub(crate) line: u32,
}

/// Why a file cannot be read: its words, and the line concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    pub(crate) message: String,
    pub(crate) line: Option<u32>,
    /// The limit is ours: the program may well read the file.
    pub(crate) is_limit: bool,
}

impl Error {
    fn new(message: impl AsRef<str>, line: Option<u32>) -> Self {
        Self {
            message: format!("yaml: {}", message.as_ref()),
            line,
            is_limit: false,
        }
    }

    fn limit(message: impl AsRef<str>, line: Option<u32>) -> Self {
        Self {
            is_limit: true,
            ..Self::new(message, line)
        }
    }

    /// In the library's words, and with its line: one that it counts from 0, names only if it is
    /// not that, and corrects for its scanner alone. The line that is reported is the true one.
    fn of(problem: &ScanError) -> Self {
        let named = match (problem.at.line, problem.began.line) {
            (0, began) => began,
            (line, _) if problem.scanning => line.saturating_add(1),
            (line, _) => line,
        };
        let line = Some(problem.at.line.saturating_add(1));
        match named {
            0 => Self::new(&problem.words, line),
            named => Self::new(format!("line {named}: {}", problem.words), line),
        }
    }
}

impl Value {
    fn null() -> Self {
        Self::Scalar(Scalar::Null)
    }

    /// A text that was written as one: quoted, or like nothing else.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => match scalar {
                Scalar::Text(text) | Scalar::Time(text) => Some(text),
                _ => None,
            },
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// The value of a boolean; for files whose values keep their types.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Scalar(scalar) => match *scalar {
                Scalar::Bool(value) => Some(value),
                _ => None,
            },
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if *scalar == Scalar::Null)
    }

    /// What k3s makes of a value: the first of a list, printed as Go prints it, trimmed.
    pub(crate) fn to_text(&self) -> String {
        let shown = match self {
            Self::List(items) => items.first().map(|item| &item.value),
            value => Some(value),
        };
        let mut out = String::new();
        match shown {
            None => {}
            Some(Self::Scalar(scalar)) if *scalar == Scalar::Null => {}
            Some(value) => value.print(&mut out),
        }
        text::lossy(go::trim_space(out.as_bytes())).into_owned()
    }

    /// `fmt.Sprint`.
    fn print(&self, out: &mut String) {
        match self {
            Self::Scalar(scalar) => match scalar {
                Scalar::Null => out.push_str("<nil>"),
                Scalar::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
                Scalar::Int(value) => out.push_str(&value.to_string()),
                Scalar::Uint(value) => out.push_str(&value.to_string()),
                Scalar::Float(value) => out.push_str(&scalar::show_float(*value)),
                Scalar::Text(text) | Scalar::Time(text) => out.push_str(text),
            },
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(' ');
                    }
                    item.value.print(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('[');
                for (at, (key, item)) in entries.iter().enumerate() {
                    out.push_str(if at > 0 { " {" } else { "{" });
                    key.print(out);
                    out.push(' ');
                    item.value.print(out);
                    out.push('}');
                }
                out.push(']');
            }
        }
    }
}

/// Whether the first document of a file can be parsed, whatever it is decoded into.
pub(crate) fn check_syntax(content: &[u8]) -> Result<(), Error> {
    tree::read(&text_of(content)?).map(|_| ())
}

/// The characters of a file: UTF-8, or UTF-16 behind its mark; all printable.
fn text_of(content: &[u8]) -> Result<String, Error> {
    let text = match content {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => {
            let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
            std::str::from_utf8(content)
                .map(str::to_owned)
                .map_err(|error| {
                    let line = line_of(content.get(..error.valid_up_to()).unwrap_or_default());
                    Error::new("invalid UTF-8 in the file", Some(line))
                })
        }
    }?;
    // All of most files.
    if text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')) {
        return Ok(text);
    }
    match text.char_indices().find(|(_, c)| !is_allowed(*c)) {
        Some((at, _)) => Err(Error::new(
            "control characters are not allowed",
            Some(line_of(text.as_bytes().get(..at).unwrap_or_default())),
        )),
        None => Ok(text),
    }
}

fn utf16(content: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let (pairs, rest) = content.as_chunks::<2>();
    let text: Result<String, _> =
        char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    text.ok()
        .filter(|_| rest.is_empty())
        .ok_or_else(|| Error::new("incomplete UTF-16 surrogate pair", None))
}

const fn is_allowed(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn line_of(before: &[u8]) -> u32 {
    let lines = before.split(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}
