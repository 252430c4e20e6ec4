//! A YAML file as RKE2 decodes it: `gopkg.in/yaml.v2` into an ordered list of keys and values.
//!
//! Events with raw scalars come from a YAML parser; what they mean is decided here. The result
//! is bounded: a file that unfolds by aliases beyond what the library allows is refused with the
//! library's words, and so is one nested or unfolded deeper than any configuration is.

use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::go;

use super::scalar::{self, Scalar};

/// A value, its aliases followed.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Scalar(Rc<Scalar>),
    List(Vec<Item>),
    Map(Vec<(Value, Item)>),
}

/// A value and the line it begins on.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) line: u32,
}

/// A key of the top level, with its value and the key's line.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) item: Item,
    pub(super) line: u32,
}

/// Why a file is not what RKE2 can read: its words, and the line to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) message: String,
    pub(super) line: Option<u32>,
}

impl Error {
    fn new(message: impl AsRef<str>, line: Option<u32>) -> Self {
        Self {
            message: format!("yaml: {}", message.as_ref()),
            line,
        }
    }
}

impl Value {
    fn null() -> Self {
        Self::Scalar(Rc::new(Scalar::Null))
    }

    /// A text that was written as one: quoted, or like nothing else.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Scalar(scalar) => match &**scalar {
                Scalar::Text(text) | Scalar::Time(text) => Some(text),
                _ => None,
            },
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Whether it is a switch turned on or off; for files whose values keep their types.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Scalar(scalar) => match **scalar {
                Scalar::Bool(value) => Some(value),
                _ => None,
            },
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Whether there is nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(scalar) if **scalar == Scalar::Null)
    }

    /// What k3s makes of a value: the first of a list, printed as Go prints it, trimmed.
    pub(super) fn to_text(&self) -> String {
        let shown = match self {
            Self::List(items) => items.first().map(|item| &item.value),
            value => Some(value),
        };
        let mut out = String::new();
        match shown {
            None => {}
            Some(Self::Scalar(scalar)) if **scalar == Scalar::Null => {}
            Some(value) => value.print(&mut out),
        }
        String::from_utf8_lossy(go::trim_space(out.as_bytes())).into_owned()
    }

    /// `fmt.Sprint`.
    fn print(&self, out: &mut String) {
        match self {
            Self::Scalar(scalar) => match &**scalar {
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

/// Decodes the first document of a file.
pub(super) fn decode(content: &[u8]) -> Result<Vec<Entry>, Error> {
    let text = text_of(content)?;
    let tree = Tree::read(&text)?;
    let Some(root) = tree.root else {
        return Ok(Vec::new());
    };
    let mut decoder = Decoder::new(&tree);
    let entries = decoder.top(root)?;
    if decoder.mismatches.is_empty() {
        return Ok(entries);
    }
    let line = decoder.mismatches.first().map(|(line, _)| *line);
    let mut message = "unmarshal errors:".to_owned();
    for (line, words) in &decoder.mismatches {
        message.push_str(&format!("\n  line {line}: {words}"));
    }
    Err(Error::new(message, line))
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
        | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn line_of(before: &[u8]) -> u32 {
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}

#[derive(Debug)]
enum Kind {
    Scalar {
        text: String,
        implicit: bool,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    Alias(usize),
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    tag: Option<String>,
    line: u32,
}

/// The nodes of one document, by index, so that nothing here recurses.
#[derive(Debug, Default)]
struct Tree {
    nodes: Vec<Node>,
    root: Option<usize>,
}

/// Deeper than this no file is read; the library's own limit is 10000.
const MAX_DEPTH: usize = 256;

/// More text than this is not copied for aliases.
const MAX_UNFOLDED: usize = 8 << 20;

impl Tree {
    fn read(text: &str) -> Result<Self, Error> {
        let mut tree = Self::default();
        let mut anchors: Vec<Option<usize>> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut parser = Parser::new_from_str(text);
        loop {
            let (event, span) = match parser.next_event() {
                None => return Ok(tree),
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
                    return Err(Error::new(
                        format!("line {line}: {}", error.info()),
                        Some(line),
                    ));
                }
            };
            let (kind, tag, anchor) = match event {
                Event::DocumentEnd | Event::StreamEnd => return Ok(tree),
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => continue,
                Event::SequenceEnd | Event::MappingEnd => {
                    open.pop();
                    continue;
                }
                Event::Alias(id) => {
                    let target = anchors
                        .get(id)
                        .copied()
                        .flatten()
                        .ok_or_else(|| Error::new("unknown anchor referenced", line(&span)))?;
                    (Kind::Alias(target), None, 0)
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix));
                    // `!` alone asks for the type that an untagged plain scalar would get.
                    let nonspecific = tag.as_deref() == Some("!");
                    let implicit = nonspecific || (tag.is_none() && style == ScalarStyle::Plain);
                    let tag = tag.filter(|_| !nonspecific);
                    let text = text.into_owned();
                    (Kind::Scalar { text, implicit }, tag, anchor)
                }
                Event::SequenceStart(anchor, _) => (Kind::List(Vec::new()), None, anchor),
                Event::MappingStart(anchor, _) => (Kind::Map(Vec::new()), None, anchor),
            };
            let nests = matches!(kind, Kind::List(_) | Kind::Map(_));
            let index = tree.nodes.len();
            tree.nodes.push(Node {
                kind,
                tag,
                line: line(&span).unwrap_or(1),
            });
            match open.last().and_then(|parent| tree.nodes.get_mut(*parent)) {
                None => tree.root = tree.root.or(Some(index)),
                Some(parent) => {
                    if let Kind::List(children) | Kind::Map(children) = &mut parent.kind {
                        children.push(index);
                    }
                }
            }
            if anchor > 0 {
                if anchors.len() <= anchor {
                    anchors.resize(anchor.saturating_add(1), None);
                }
                if let Some(slot) = anchors.get_mut(anchor) {
                    *slot = Some(index);
                }
            }
            if nests {
                open.push(index);
                if open.len() > MAX_DEPTH {
                    return Err(Error::new(
                        format!("exceeded max depth of {MAX_DEPTH}"),
                        line(&span),
                    ));
                }
            }
        }
    }
}

fn line(span: &Span) -> Option<u32> {
    u32::try_from(span.start.line()).ok()
}

struct Decoder<'a> {
    tree: &'a Tree,
    /// Nodes whose decoding is under way through an alias.
    open: Vec<bool>,
    decoded: u64,
    aliased: u64,
    alias_depth: u32,
    depth: usize,
    /// Bytes of text that aliases brought.
    unfolded: usize,
    mismatches: Vec<(u32, String)>,
}

impl<'a> Decoder<'a> {
    fn new(tree: &'a Tree) -> Self {
        Self {
            tree,
            open: vec![false; tree.nodes.len()],
            unfolded: 0,
            decoded: 0,
            aliased: 0,
            alias_depth: 0,
            depth: 0,
            mismatches: Vec::new(),
        }
    }

    fn node(&self, index: usize) -> Result<&'a Node, Error> {
        let node = self.tree.nodes.get(index);
        node.ok_or_else(|| Error::new("internal error: no such node", None))
    }

    /// Counts one step; too many of them by aliases are a bomb.
    fn step(&mut self) -> Result<(), Error> {
        self.decoded = self.decoded.saturating_add(1);
        if self.alias_depth > 0 {
            self.aliased = self.aliased.saturating_add(1);
        }
        // The share that aliases may have: 99 % up to 400,000 steps, falling to 10 % at 4,000,000.
        const LOW: u64 = 400_000;
        const HIGH: u64 = 4_000_000;
        let per_mille = match self.decoded {
            ..=LOW => 990,
            HIGH.. => 100,
            n => 990u64.saturating_sub(n.saturating_sub(LOW).saturating_mul(890) / (HIGH - LOW)),
        };
        let excessive = self.aliased > 100
            && self.decoded > 1000
            && self.aliased.saturating_mul(1000) > self.decoded.saturating_mul(per_mille);
        if excessive {
            return Err(Error::new("document contains excessive aliasing", None));
        }
        Ok(())
    }

    /// Follows an alias with `then`, refusing one that holds itself.
    fn alias<T>(
        &mut self,
        index: usize,
        target: usize,
        then: impl FnOnce(&mut Self, usize) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let line = self.node(index)?.line;
        if self.open.get(index).copied().unwrap_or(true) || self.depth > MAX_DEPTH {
            return Err(Error::new("anchor value contains itself", Some(line)));
        }
        self.mark(index, true);
        self.alias_depth = self.alias_depth.saturating_add(1);
        let result = then(self, target)?;
        self.alias_depth = self.alias_depth.saturating_sub(1);
        self.mark(index, false);
        Ok(result)
    }

    fn mark(&mut self, index: usize, open: bool) {
        if let Some(slot) = self.open.get_mut(index) {
            *slot = open;
        }
    }

    /// The top level, which wants a mapping. A list of mappings passes, too: Go's type for an
    /// ordered mapping is a list of records with the fields `key` and `value`.
    fn top(&mut self, index: usize) -> Result<Vec<Entry>, Error> {
        self.step()?;
        let node = self.node(index)?;
        match &node.kind {
            Kind::Alias(target) => self.alias(index, *target, Self::top),
            Kind::Scalar { .. } => {
                if self.scalar(node)? != Scalar::Null {
                    self.mismatch(node, "yaml.MapSlice")?;
                }
                Ok(Vec::new())
            }
            Kind::Map(children) => {
                let pairs = self.pairs(children)?;
                Ok(pairs
                    .into_iter()
                    .map(|(key, item, line)| Entry {
                        key: key.to_text(),
                        item,
                        line,
                    })
                    .collect())
            }
            Kind::List(children) => {
                let mut entries = Vec::new();
                for child in children {
                    entries.extend(self.record(*child)?);
                }
                Ok(entries)
            }
        }
    }

    fn record(&mut self, index: usize) -> Result<Option<Entry>, Error> {
        self.step()?;
        let node = self.node(index)?;
        let mut key = Value::null();
        let mut item = Item {
            value: Value::null(),
            line: node.line,
        };
        match &node.kind {
            Kind::Alias(target) => return self.alias(index, *target, Self::record),
            Kind::Scalar { .. } => {
                if self.scalar(node)? != Scalar::Null {
                    self.mismatch(node, "yaml.MapItem")?;
                    return Ok(None);
                }
            }
            Kind::List(_) => {
                self.mismatch(node, "yaml.MapItem")?;
                return Ok(None);
            }
            Kind::Map(children) => {
                for (name, value) in pairs_of(children) {
                    let field = self.node(name)?;
                    let Kind::Scalar { text, .. } = &field.kind else {
                        continue;
                    };
                    self.step()?;
                    match text.as_str() {
                        "key" => key = self.value(value)?.value,
                        "value" => item = self.value(value)?,
                        _ => {}
                    }
                }
            }
        }
        Ok(Some(Entry {
            key: key.to_text(),
            line: node.line,
            item,
        }))
    }

    fn mismatch(&mut self, node: &Node, wanted: &str) -> Result<(), Error> {
        let found = match &node.kind {
            Kind::Scalar { text, .. } => {
                let tag = match (&node.tag, self.scalar(node)?) {
                    (Some(tag), _) => tag.replacen("tag:yaml.org,2002:", "!!", 1),
                    (None, scalar) => scalar.tag().to_owned(),
                };
                let short = match text.get(..7) {
                    Some(start) if text.len() > 10 => format!("{start}..."),
                    _ => text.clone(),
                };
                format!("{tag} `{short}`")
            }
            Kind::Map(_) => "!!map".to_owned(),
            Kind::List(_) | Kind::Alias(_) => "!!seq".to_owned(),
        };
        self.mismatches
            .push((node.line, format!("cannot unmarshal {found} into {wanted}")));
        Ok(())
    }

    fn scalar(&mut self, node: &Node) -> Result<Scalar, Error> {
        let Kind::Scalar { text, implicit } = &node.kind else {
            return Ok(Scalar::Null);
        };
        if self.alias_depth > 0 {
            self.unfolded = self.unfolded.saturating_add(text.len());
            if self.unfolded > MAX_UNFOLDED {
                return Err(Error::new("document contains excessive aliasing", None));
            }
        }
        if node.tag.is_none() && !implicit {
            return Ok(Scalar::Text(text.clone()));
        }
        scalar::resolve(node.tag.as_deref(), text)
            .map_err(|message| Error::new(message, Some(node.line)))
    }

    fn value(&mut self, index: usize) -> Result<Item, Error> {
        self.step()?;
        let node = self.node(index)?;
        self.depth = self.depth.saturating_add(1);
        let value = match &node.kind {
            Kind::Alias(target) => self.alias(index, *target, Self::value)?.value,
            Kind::Scalar { .. } => Value::Scalar(Rc::new(self.scalar(node)?)),
            Kind::List(children) => {
                let items: Result<Vec<Item>, Error> =
                    children.iter().map(|child| self.value(*child)).collect();
                Value::List(items?)
            }
            Kind::Map(children) => Value::Map(
                self.pairs(children)?
                    .into_iter()
                    .map(|(key, item, _)| (key, item))
                    .collect(),
            ),
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(Item {
            value,
            line: node.line,
        })
    }

    /// Keys and values. What a merge key brings is decoded and then lost: the library overwrites
    /// it with the mapping's own entries.
    fn pairs(&mut self, children: &[usize]) -> Result<Vec<(Value, Item, u32)>, Error> {
        let mut pairs = Vec::with_capacity(children.len() / 2);
        for (key, value) in pairs_of(children) {
            if self.is_merge(key)? {
                self.merge(value)?;
                continue;
            }
            let line = self.node(key)?.line;
            let key = self.value(key)?.value;
            pairs.push((key, self.value(value)?, line));
        }
        Ok(pairs)
    }

    fn is_merge(&self, index: usize) -> Result<bool, Error> {
        let node = self.node(index)?;
        let Kind::Scalar { text, implicit } = &node.kind else {
            return Ok(false);
        };
        let tagged = node.tag.as_deref() == Some("tag:yaml.org,2002:merge");
        Ok(text == "<<" && (*implicit || tagged))
    }

    fn merge(&mut self, index: usize) -> Result<(), Error> {
        let sources = match &self.node(index)?.kind {
            Kind::List(children) => children.as_slice(),
            _ => &[index],
        };
        for source in sources {
            let node = self.node(*source)?;
            let mapping = match &node.kind {
                Kind::Map(_) => true,
                Kind::Alias(target) => matches!(self.node(*target)?.kind, Kind::Map(_)),
                Kind::Scalar { .. } | Kind::List(_) => false,
            };
            if !mapping {
                return Err(Error::new(
                    "map merge requires map or sequence of maps as the value",
                    Some(node.line),
                ));
            }
            self.value(*source)?;
        }
        Ok(())
    }
}

fn pairs_of(children: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    children
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[key, value]| (*key, *value))
}
