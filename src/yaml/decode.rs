//! Nodes to values, as `gopkg.in/yaml.v2` decodes into an ordered mapping (`MapSlice`).

use std::fmt::Write as _;

use super::scalar::{self, Scalar};

use super::tree::{self, MAX_DEPTH, Node, NodeKind, Tree};
use super::{Error, Item, KeyValue, Value, text_of};

/// Decodes the first document of a file.
pub(crate) fn decode(content: &[u8]) -> Result<Vec<KeyValue>, Error> {
    let text = text_of(content)?;
    let tree = tree::read(&text)?;
    let Some(root) = tree.root else {
        return Ok(Vec::new());
    };
    let mut decoder = Decoder::new(&tree);
    let entries = decoder.top(root)?;
    match decoder.mismatches() {
        Some(error) => Err(error),
        None => Ok(entries),
    }
}

/// More text than this is not copied for aliases.
const MAX_UNFOLDED: usize = 8 << 20;

/// Up to here aliases may bring 99 % of all steps …
const LOW: u64 = 400_000;
/// … falling to 10 % here.
const HIGH: u64 = 4_000_000;

pub(super) struct Decoder<'a> {
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
    pub(super) fn new(tree: &'a Tree) -> Self {
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

    pub(super) fn node(&self, index: usize) -> Result<&'a Node, Error> {
        let node = self.tree.nodes.get(index);
        node.ok_or_else(|| Error::new("internal error: no such node", None))
    }

    /// Counts one step; too many of them by aliases are a bomb.
    pub(super) fn step(&mut self) -> Result<(), Error> {
        self.decoded = self.decoded.saturating_add(1);
        if self.alias_depth > 0 {
            self.aliased = self.aliased.saturating_add(1);
        }
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
    pub(super) fn alias<T>(
        &mut self,
        index: usize,
        target: usize,
        then: impl FnOnce(&mut Self, usize) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let node = self.node(index)?;
        if self.open.get(index).copied().unwrap_or(true) {
            let name = match &node.kind {
                NodeKind::Alias(_, name) => name,
                _ => "",
            };
            let words = format!("anchor '{name}' value contains itself");
            return Err(Error::new(words, Some(node.line)));
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

    /// The top level, which must be a mapping. A list of mappings passes, too: Go's type for an
    /// ordered mapping is a list of records with the fields `key` and `value`.
    fn top(&mut self, index: usize) -> Result<Vec<KeyValue>, Error> {
        self.step()?;
        let node = self.node(index)?;
        match &node.kind {
            NodeKind::Alias(target, _) => self.alias(index, *target, Self::top),
            NodeKind::Scalar { .. } => {
                if self.scalar(node)? != Scalar::Null {
                    self.mismatch(node, "yaml.MapSlice")?;
                }
                Ok(Vec::new())
            }
            NodeKind::Map(children) => {
                let pairs = self.pairs(children)?;
                Ok(pairs
                    .into_iter()
                    .map(|(key, item, line)| KeyValue {
                        key: key.to_text(),
                        item,
                        line,
                    })
                    .collect())
            }
            NodeKind::List(children) => {
                let mut entries = Vec::new();
                for child in children {
                    entries.extend(self.record(*child)?);
                }
                Ok(entries)
            }
        }
    }

    fn record(&mut self, index: usize) -> Result<Option<KeyValue>, Error> {
        self.step()?;
        let node = self.node(index)?;
        let mut record = Record {
            key: Value::null(),
            item: Item {
                value: Value::null(),
                line: node.line,
            },
        };
        match &node.kind {
            NodeKind::Alias(target, _) => return self.alias(index, *target, Self::record),
            NodeKind::Scalar { .. } if self.scalar(node)? == Scalar::Null => {}
            NodeKind::Scalar { .. } | NodeKind::List(_) => {
                self.mismatch(node, "yaml.MapItem")?;
                return Ok(None);
            }
            NodeKind::Map(children) => self.fields(children, &mut record)?,
        }
        Ok(Some(KeyValue {
            key: record.key.to_text(),
            line: node.line,
            item: record.item,
        }))
    }

    /// Fills a record from a mapping. What a merge key brings counts here.
    fn fields(&mut self, children: &[usize], record: &mut Record) -> Result<(), Error> {
        for (name, value) in pairs_of(children) {
            if self.is_merge(name)? {
                for source in self.merged(value)? {
                    self.step()?;
                    let node = self.node(source)?;
                    // What is merged can merge in turn, by aliases as often as the file has lines.
                    self.descend(node.line)?;
                    match &node.kind {
                        NodeKind::Map(children) => self.fields(children, record)?,
                        NodeKind::Alias(target, _) => {
                            self.alias(source, *target, |this, target| {
                                match &this.node(target)?.kind {
                                    NodeKind::Map(children) => this.fields(children, record),
                                    _ => Ok(()),
                                }
                            })?;
                        }
                        NodeKind::Scalar { .. } | NodeKind::List(_) => {}
                    }
                    self.ascend();
                }
                continue;
            }
            let node = self.node(name)?;
            let field = match &node.kind {
                NodeKind::Alias(target, _) => self.node(*target)?,
                _ => node,
            };
            self.step()?;
            let NodeKind::Scalar { text, .. } = &field.kind else {
                self.mismatch(field, "string")?;
                continue;
            };
            match text.as_str() {
                "key" => record.key = self.value(value)?.value,
                "value" => record.item = self.value(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn mismatch(&mut self, node: &Node, wanted: &str) -> Result<(), Error> {
        let found = match &node.kind {
            NodeKind::Scalar { text, .. } => {
                let tag = match (&node.tag, self.scalar(node)?) {
                    (Some(tag), _) => tag.replacen("tag:yaml.org,2002:", "!!", 1),
                    (None, scalar) => scalar.tag().to_owned(),
                };
                if matches!(tag.as_str(), "!!map" | "!!seq") {
                    let words = format!("cannot unmarshal {tag}{text} into {wanted}");
                    self.mismatches.push((node.line, words));
                    return Ok(());
                }
                let short = match text.as_bytes().get(..7) {
                    Some(start) if text.len() > 10 => {
                        format!("{}...", String::from_utf8_lossy(start))
                    }
                    _ => text.clone(),
                };
                format!("{tag} `{short}`")
            }
            NodeKind::Map(_) => "!!map".to_owned(),
            NodeKind::List(_) | NodeKind::Alias(..) => "!!seq".to_owned(),
        };
        self.mismatches
            .push((node.line, format!("cannot unmarshal {found} into {wanted}")));
        Ok(())
    }

    pub(super) fn scalar(&mut self, node: &Node) -> Result<Scalar, Error> {
        let NodeKind::Scalar { text, implicit } = &node.kind else {
            return Ok(Scalar::Null);
        };
        if self.alias_depth > 0 {
            self.unfolded = self.unfolded.saturating_add(text.len());
            if self.unfolded > MAX_UNFOLDED {
                return Err(Error::limit("more text by aliases than is unfolded", None));
            }
        }
        if node.tag.is_none() && !implicit {
            return Ok(Scalar::Text(text.clone()));
        }
        scalar::resolve(node.tag.as_deref(), text)
            .map_err(|message| Error::new(message, Some(node.line)))
    }

    /// One level deeper, as long as that is not too deep.
    pub(super) fn descend(&mut self, line: u32) -> Result<(), Error> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(Error::limit("nested deeper than 256 levels", Some(line)));
        }
        Ok(())
    }

    /// Back from [`Self::descend`].
    pub(super) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Notes what has the wrong type, or is there twice.
    pub(super) fn mismatched(&mut self, line: u32, words: String) {
        self.mismatches.push((line, words));
    }

    /// All that was noted, as the library reports it.
    pub(super) fn mismatches(&self) -> Option<Error> {
        let (line, _) = self.mismatches.first()?;
        let mut message = "unmarshal errors:".to_owned();
        for (line, words) in &self.mismatches {
            let _ = write!(message, "\n  line {line}: {words}");
        }
        Some(Error::new(message, Some(*line)))
    }

    fn value(&mut self, index: usize) -> Result<Item, Error> {
        self.step()?;
        let node = self.node(index)?;
        self.descend(node.line)?;
        let value = match &node.kind {
            NodeKind::Alias(target, _) => self.alias(index, *target, Self::value)?.value,
            NodeKind::Scalar { .. } => Value::Scalar(self.scalar(node)?),
            NodeKind::List(children) => {
                let items: Result<Vec<Item>, Error> =
                    children.iter().map(|child| self.value(*child)).collect();
                Value::List(items?)
            }
            NodeKind::Map(children) => Value::Map(
                self.pairs(children)?
                    .into_iter()
                    .map(|(key, item, _)| (key, item))
                    .collect(),
            ),
        };
        self.ascend();
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

    pub(super) fn is_merge(&self, index: usize) -> Result<bool, Error> {
        let node = self.node(index)?;
        let NodeKind::Scalar { text, implicit } = &node.kind else {
            return Ok(false);
        };
        let tagged = node.tag.as_deref() == Some("tag:yaml.org,2002:merge");
        Ok(text == "<<" && (*implicit || tagged))
    }

    fn merge(&mut self, index: usize) -> Result<(), Error> {
        for source in self.merged(index)? {
            self.value(source)?;
        }
        Ok(())
    }

    /// The mappings that a merge key names, the last first: an earlier one wins.
    pub(super) fn merged(&self, index: usize) -> Result<Vec<usize>, Error> {
        let node = self.node(index)?;
        let sources = match &node.kind {
            NodeKind::List(children) => children.iter().rev().copied().collect(),
            _ => vec![index],
        };
        for source in &sources {
            let mapping = match &self.node(*source)?.kind {
                NodeKind::Map(_) => true,
                NodeKind::Alias(target, _) => matches!(self.node(*target)?.kind, NodeKind::Map(_)),
                NodeKind::Scalar { .. } | NodeKind::List(_) => false,
            };
            if !mapping {
                return Err(Error::new(
                    "map merge requires map or sequence of maps as the value",
                    Some(node.line),
                ));
            }
        }
        Ok(sources)
    }
}

/// Go's type for one entry of an ordered mapping.
struct Record {
    key: Value,
    item: Item,
}

pub(super) fn pairs_of(children: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    children
        .as_chunks::<2>()
        .0
        .iter()
        .map(|[key, value]| (*key, *value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether step number `steps` passes where all but `own` of the steps were by aliases.
    fn passes(steps: u64, own: u64) -> bool {
        let tree = Tree::default();
        let mut decoder = Decoder::new(&tree);
        decoder.decoded = steps - 1;
        decoder.aliased = steps - own - 1;
        decoder.alias_depth = 1;
        let passes = decoder.step().is_ok();
        assert_eq!((decoder.decoded, decoder.aliased), (steps, steps - own));
        passes
    }

    #[test]
    fn aliases_bring_no_more_steps_than_the_library_lets_them() {
        // `allowedAliasRatio`: the least number of steps that have to be the text's own.
        for (steps, own) in [
            (1_001, 11),
            (10_000, 100),
            (400_000, 4_000),
            (800_000, 87_112),
            (2_200_000, 1_001_000),
            (3_600_000, 2_884_000),
            (4_000_000, 3_600_000),
            (8_000_000, 7_200_000),
        ] {
            assert!(passes(steps, own), "{steps}");
            assert!(!passes(steps, own - steps / 1000), "{steps}");
        }
        assert!(passes(1_000, 0), "so few may all be theirs");
    }

    #[test]
    fn steps_outside_of_aliases_are_not_theirs() {
        let tree = Tree::default();
        let mut decoder = Decoder::new(&tree);
        for _ in 0..2000 {
            decoder.step().unwrap();
        }
        assert_eq!((decoder.decoded, decoder.aliased), (2000, 0));
    }

    #[test]
    fn only_text_that_aliases_bring_is_limited() {
        let tree = Tree::default();
        let mut decoder = Decoder::new(&tree);
        let node = Node {
            kind: NodeKind::Scalar {
                text: "x".to_owned(),
                implicit: false,
            },
            tag: None,
            line: 1,
        };
        decoder.unfolded = MAX_UNFOLDED - 1;
        for _ in 0..2 {
            assert!(decoder.scalar(&node).is_ok(), "the text's own");
        }
        decoder.alias_depth = 1;
        assert!(decoder.scalar(&node).is_ok());
        assert!(decoder.scalar(&node).unwrap_err().is_limit);
    }
}
