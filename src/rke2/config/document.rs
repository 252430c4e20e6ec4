//! A YAML or JSON file of Kubernetes' components, to be read by path.

use crate::facts::Source;

use crate::yaml::{self, KeyValue, Value};

/// A document whose top is a mapping.
#[derive(Debug, Clone, Default)]
pub struct Document {
    path: String,
    entries: Vec<KeyValue>,
    /// Numbers of the lines that begin an item of a list, from 1 on.
    items: Vec<u32>,
}

/// Why a file is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{source}: {message}", source = .place)]
pub(crate) struct InvalidDocument {
    /// The file, and the line where one is to blame.
    pub place: Source,
    /// What is wrong with it.
    pub message: String,
}

/// A value in a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    value: &'a Value,
    line: u32,
    path: &'a str,
}

impl Document {
    /// Reads the first document of a file.
    pub(crate) fn parse(path: &str, content: &[u8]) -> Result<Self, InvalidDocument> {
        match yaml::decode(content) {
            Ok(entries) => Ok(Self {
                path: path.to_owned(),
                entries,
                items: items(content),
            }),
            Err(error) => Err(InvalidDocument {
                place: Source {
                    path: path.to_owned(),
                    line: error.line,
                },
                message: error.message,
            }),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The value of a key at the top level; the last one of a repeated key.
    pub(crate) fn get(&self, key: &str) -> Option<Node<'_>> {
        let entry = self.entries.iter().rev().find(|entry| entry.key == key)?;
        Some(Node {
            value: &entry.item.value,
            line: entry.line,
            path: &self.path,
        })
    }

    /// Whether a line begins an item of a list in block style, as `- a` does.
    pub(crate) fn is_item(&self, line: u32) -> bool {
        self.items.contains(&line)
    }

    /// The value at a path of keys.
    pub(crate) fn at(&self, path: &[&str]) -> Option<Node<'_>> {
        let (first, rest) = path.split_first()?;
        rest.iter()
            .try_fold(self.get(first)?, |node, key| node.get(key))
    }
}

/// The lines that begin with blanks, a dash and a blank.
fn items(content: &[u8]) -> Vec<u32> {
    let lines = (1..).zip(content.split(|byte| *byte == b'\n'));
    lines
        .filter(|(_, line)| line.trim_ascii_start().starts_with(b"- "))
        .map(|(number, _)| number)
        .collect()
}

impl<'a> Node<'a> {
    /// The value of a key below it.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        let Value::Map(pairs) = self.value else {
            return None;
        };
        let named = |(name, _): &&(Value, yaml::Item)| name.as_text() == Some(key);
        let (_, item) = pairs.iter().rev().find(named)?;
        Some(Self {
            value: &item.value,
            line: item.line,
            path: self.path,
        })
    }

    /// The names of the keys below it.
    pub(crate) fn keys(self) -> impl Iterator<Item = &'a str> {
        let pairs = match self.value {
            Value::Map(pairs) => pairs.as_slice(),
            Value::Scalar(_) | Value::List(_) => &[],
        };
        pairs.iter().filter_map(|(key, _)| key.as_text())
    }

    /// The items of a list; nothing of all else.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let items = match self.value {
            Value::List(items) => items.as_slice(),
            Value::Scalar(_) | Value::Map(_) => &[],
        };
        items.iter().map(move |item| Self {
            value: &item.value,
            line: item.line,
            path: self.path,
        })
    }

    /// A single value as text: `true`, `0`, `4h0m0s`.
    pub(crate) fn text(self) -> Option<String> {
        match self.value {
            Value::Scalar(_) if !self.value.is_null() => Some(self.value.to_text()),
            Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether there is nothing.
    pub(crate) fn is_null(self) -> bool {
        self.value.is_null()
    }

    /// Its line.
    pub(crate) fn source(self) -> Source {
        Source::line(self.path, self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_path_with_their_lines() {
        let text = b"a:\n  b:\n    - c: 0\n    - d: true\n  e: null\na2: x\n";
        let document = Document::parse("/f", text).unwrap();
        let list: Vec<_> = document.at(&["a", "b"]).unwrap().items().collect();
        assert_eq!(list[0].get("c").unwrap().text().as_deref(), Some("0"));
        let node = list[1].get("d").unwrap();
        assert_eq!(node.text().as_deref(), Some("true"));
        assert_eq!(node.source(), Source::line("/f", 4));
        assert!(document.at(&["a", "e"]).unwrap().is_null());
        assert!(document.at(&["a2", "x"]).is_none() && document.at(&[]).is_none());
        assert_eq!(
            document.get("a").unwrap().keys().collect::<Vec<_>>(),
            ["b", "e"]
        );
        let json = Document::parse("/j", br#"{"kind":"X","p":[{"aescbc":{}}]}"#).unwrap();
        let first = json.get("p").unwrap().items().next().unwrap();
        assert_eq!(first.keys().collect::<Vec<_>>(), ["aescbc"]);
        let error = Document::parse("/f", b"a: 1\nb: [\n").unwrap_err();
        assert!(error.to_string().starts_with("/f:"), "{error}");
    }

    #[test]
    fn a_value_is_a_mapping_a_text_or_nothing() {
        let text = b"map: {a: b}\nlist: [a]\nnothing:\nnumber: 0x10\nempty: ''\n";
        let document = Document::parse("/f", text).unwrap();
        assert_eq!(document.path(), "/f");
        for (key, is_map, is_null, text) in [
            ("map", true, false, None),
            ("list", false, false, None),
            ("nothing", false, true, None),
            ("number", false, false, Some("16")),
            ("empty", false, false, Some("")),
        ] {
            let node = document.get(key).unwrap();
            assert_eq!(
                (matches!(node.value, Value::Map(_)), node.is_null()),
                (is_map, is_null),
                "{key}"
            );
            assert_eq!(node.text().as_deref(), text, "{key}");
        }
        assert_eq!(document.get("map").unwrap().items().count(), 0);
        assert_eq!(document.get("list").unwrap().keys().count(), 0);
    }

    #[test]
    fn of_a_key_that_stands_twice_the_last_counts() {
        let document = Document::parse("/f", b"a: 1\na: {b: 2, b: 3}\n").unwrap();
        let node = document.at(&["a", "b"]).unwrap();
        assert_eq!(node.text().as_deref(), Some("3"));
        assert_eq!(document.get("a").unwrap().source(), Source::line("/f", 2));
    }
}
