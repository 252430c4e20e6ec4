//! Nodes to values, as `gopkg.in/yaml.v2` decodes into an `interface{}`: maps with any scalar as a key, merge
//! keys applied, a key that is written twice replaced.

use std::collections::HashMap;

use crate::go;

use super::decode::{Decoder, pairs_of};
use super::scalar::{Scalar, show_float};
use super::tree::{self, NodeKind};
use super::{Error, text_of};

/// A value, its aliases followed.
#[derive(Debug, Clone)]
pub(crate) struct Any {
    pub(crate) value: AnyValue,
    /// The line it begins on, from 1.
    pub(crate) line: u32,
}

#[derive(Debug, Clone)]
pub(crate) enum AnyValue {
    Scalar(Scalar),
    List(Vec<Any>),
    Map(Vec<AnyEntry>),
}

/// A key of a map with its value.
#[derive(Debug, Clone)]
pub(crate) struct AnyEntry {
    pub(crate) key: Scalar,
    /// The key's line, from 1.
    pub(crate) line: u32,
    pub(crate) value: Any,
}

/// The first document of a file.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// `None`: the file has none.
    pub(crate) root: Option<Any>,
    /// What `UnmarshalStrict` refuses and `Unmarshal` does not: keys that are written twice.
    pub(crate) duplicates: Option<Error>,
}

/// Decodes the first document of a file; what follows it is ignored.
pub(crate) fn decode_any(content: &[u8]) -> Result<Document, Error> {
    let text = text_of(content)?;
    let tree = tree::read(&text)?;
    let Some(root) = tree.root else {
        return Ok(Document {
            root: None,
            duplicates: None,
        });
    };
    let mut decoder = Decoder::new(&tree);
    let root = decoder.any(root)?;
    Ok(Document {
        root: Some(root),
        duplicates: decoder.mismatches(),
    })
}

/// A map under construction, with the place of each key.
#[derive(Default)]
struct Map {
    entries: Vec<AnyEntry>,
    places: HashMap<String, usize>,
}

impl Decoder<'_> {
    fn any(&mut self, index: usize) -> Result<Any, Error> {
        self.step()?;
        let node = self.node(index)?;
        self.descend(node.line)?;
        let value = match &node.kind {
            NodeKind::Alias(target, _) => self.alias(index, *target, Self::any)?.value,
            NodeKind::Scalar { .. } => AnyValue::Scalar(self.scalar(node)?),
            NodeKind::List(children) => {
                let items: Result<Vec<Any>, Error> =
                    children.iter().map(|child| self.any(*child)).collect();
                AnyValue::List(items?)
            }
            NodeKind::Map(children) => {
                let mut map = Map::default();
                self.fill(children, &mut map)?;
                AnyValue::Map(map.entries)
            }
        };
        self.ascend();
        Ok(Any {
            value,
            line: node.line,
        })
    }

    /// Adds the entries of a mapping to a map, which has some already where this is merged.
    fn fill(&mut self, children: &[usize], map: &mut Map) -> Result<(), Error> {
        for (key, value) in pairs_of(children) {
            if self.is_merge(key)? {
                for source in self.merged(value)? {
                    self.merge_into(source, map)?;
                }
                continue;
            }
            let line = self.node(key)?.line;
            let key = match self.any(key)?.value {
                AnyValue::Scalar(key) => key,
                other => {
                    let words = format!("invalid map key: {}", syntax(&other));
                    return Err(Error::new(words, Some(line)));
                }
            };
            let value_line = self.node(value)?.line;
            let value = self.any(value)?;
            let name = scalar_syntax(&key);
            if let Some(place) = map.places.get(&name) {
                let words = format!("key {name} already set in map");
                self.mismatched(value_line, words);
                if let Some(entry) = map.entries.get_mut(*place) {
                    *entry = AnyEntry { key, line, value };
                }
                continue;
            }
            map.places.insert(name, map.entries.len());
            map.entries.push(AnyEntry { key, line, value });
        }
        Ok(())
    }

    fn merge_into(&mut self, source: usize, map: &mut Map) -> Result<(), Error> {
        self.step()?;
        let node = self.node(source)?;
        // What is merged can merge in turn.
        self.descend(node.line)?;
        match &node.kind {
            NodeKind::Map(children) => self.fill(children, map)?,
            NodeKind::Alias(target, _) => self.alias(source, *target, |this, target| {
                this.step()?;
                match &this.node(target)?.kind {
                    NodeKind::Map(children) => this.fill(children, map),
                    _ => Ok(()),
                }
            })?,
            NodeKind::Scalar { .. } | NodeKind::List(_) => {}
        }
        self.ascend();
        Ok(())
    }
}

/// `%#v` of a scalar.
pub(crate) fn scalar_syntax(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Null => "<nil>".to_owned(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::Uint(value) => format!("{value:#x}"),
        Scalar::Float(value) => show_float(*value),
        Scalar::Text(text) | Scalar::Time(text) => go::quote(text.as_bytes()),
    }
}

/// `%#v` of a value.
pub(crate) fn syntax(value: &AnyValue) -> String {
    match value {
        AnyValue::Scalar(scalar) => match scalar {
            Scalar::Null => "interface {}(nil)".to_owned(),
            scalar => scalar_syntax(scalar),
        },
        AnyValue::List(items) => {
            let items: Vec<String> = items.iter().map(|item| syntax(&item.value)).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        AnyValue::Map(entries) => {
            let mut entries: Vec<String> = entries
                .iter()
                .map(|entry| {
                    let value = syntax(&entry.value.value);
                    format!("{}:{value}", scalar_syntax(&entry.key))
                })
                .collect();
            entries.sort();
            format!(
                "map[interface {{}}]interface {{}}{{{}}}",
                entries.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match decode_any(text.as_bytes()) {
            Ok(document) => match document.duplicates {
                Some(error) => error.message,
                None => document
                    .root
                    .map_or_else(|| "none".to_owned(), |root| syntax(&root.value)),
            },
            Err(error) => error.message,
        }
    }

    #[test]
    fn maps_have_each_key_once() {
        const OPEN: &str = "map[interface {}]interface {}";
        for (text, expected) in [
            ("", "none".to_owned()),
            ("# x\n", "none".to_owned()),
            ("---\n", "interface {}(nil)".to_owned()),
            ("a: yes\nb: 0x10", format!("{OPEN}{{\"a\":true, \"b\":16}}")),
            ("1: [x, ~]", format!("{OPEN}{{1:[]interface {{}}{{\"x\", interface {{}}(nil)}}}}")),
            (
                "a: &a {x: 1, w: 2}\nb:\n  <<: *a\n  z: 3",
                format!("{OPEN}{{\"a\":{OPEN}{{\"w\":2, \"x\":1}}, \"b\":{OPEN}{{\"w\":2, \"x\":1, \"z\":3}}}}"),
            ),
            ("? {a: 1}\n: b", format!("yaml: invalid map key: {OPEN}{{\"a\":1}}")),
            (
                "a: 1\nb: 2\na: 3\n\nb:\n  4",
                "yaml: unmarshal errors:\n  line 3: key \"a\" already set in map\n  line 6: key \"b\" already set in map".to_owned(),
            ),
            (
                "a: &a {x: 1}\nb:\n  <<: *a\n  x: 3",
                "yaml: unmarshal errors:\n  line 4: key \"x\" already set in map".to_owned(),
            ),
            ("a: {b: 1}\n--- \nc: [", format!("{OPEN}{{\"a\":{OPEN}{{\"b\":1}}}}")),
            ("a: 1\n\tb: 2", "yaml: line 2: found a tab character that violates indentation".to_owned()),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_last_of_two_keys_counts() {
        let root = decode_any(b"a: 1\nb: 2\na: 3").unwrap().root.unwrap();
        assert_eq!(
            syntax(&root.value),
            "map[interface {}]interface {}{\"a\":3, \"b\":2}"
        );
    }
}
