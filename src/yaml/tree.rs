//! Tokens to the nodes of one document, as libyaml's grammar has it.

use std::collections::{BTreeMap, BTreeSet};

use super::Error;
use super::cursor::Mark;
use super::scan::{ScanError, Scanner, Token};
use crate::text;

#[derive(Debug)]
pub(super) enum NodeKind {
    /// Its text, and whether it goes untagged and unquoted.
    Scalar {
        text: String,
        implicit: bool,
    },
    List(Vec<usize>),
    /// Keys and values in turn.
    Map(Vec<usize>),
    /// The node it refers to, and the name.
    Alias(usize, String),
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) tag: Option<String>,
    /// Counted from 1.
    pub(super) line: u32,
}

/// The nodes of one document, by index: an alias is another index, and nothing recurses when they
/// are dropped.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Option<usize>,
}

/// Deeper than this no file is read; the library's own limit is 10000.
pub(super) const MAX_DEPTH: usize = 256;

/// Reads the first document; what follows it is ignored.
pub(super) fn read(text: &str) -> Result<Tree, Error> {
    let mut reader = Reader {
        scanner: Scanner::new(text),
        tree: Tree::default(),
        anchors: BTreeMap::new(),
        handles: BTreeMap::from([
            ("!".to_owned(), "!".to_owned()),
            ("!!".to_owned(), "tag:yaml.org,2002:".to_owned()),
        ]),
        depth: 0,
    };
    reader.document()?;
    Ok(reader.tree)
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    tree: Tree,
    anchors: BTreeMap<String, usize>,
    handles: BTreeMap<String, String>,
    depth: usize,
}

/// What may stand where a node is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Flow,
    Block,
    /// In a block mapping, where a list need not be indented.
    BlockValue,
}

/// Whether a token shows that there is no node.
type Ends = fn(&Token) -> bool;

impl Reader<'_> {
    fn peek(&mut self) -> Result<(&Token, Mark), Error> {
        self.scanner.peek().map_err(|problem| Error::of(&problem))
    }

    fn skip(&mut self) -> Result<(), Error> {
        self.take().map(|_| ())
    }

    fn take(&mut self) -> Result<Option<(Token, Mark)>, Error> {
        self.scanner.take().map_err(|problem| Error::of(&problem))
    }

    fn is(&mut self, test: Ends) -> Result<bool, Error> {
        Ok(test(self.peek()?.0))
    }

    /// Takes the next token if it passes.
    fn skip_if(&mut self, test: Ends) -> Result<bool, Error> {
        let passes = self.is(test)?;
        if passes {
            self.skip()?;
        }
        Ok(passes)
    }

    fn problem(words: &str, began: Mark, at: Mark) -> Error {
        Error::of(&ScanError {
            words: words.to_owned(),
            at,
            began,
            scanning: false,
        })
    }

    fn document(&mut self) -> Result<(), Error> {
        let bare = !self.is(|token| {
            matches!(
                token,
                Token::Version(..) | Token::TagPrefix(..) | Token::DocumentStart | Token::StreamEnd
            )
        })?;
        if !bare {
            if self.is(|token| *token == Token::StreamEnd)? {
                return Ok(());
            }
            self.directives()?;
            let (token, mark) = self.peek()?;
            if *token != Token::DocumentStart {
                let words = "did not find expected <document start>";
                return Err(Self::problem(words, Mark::default(), mark));
            }
            self.skip()?;
        }
        let empty: Ends = |token| {
            matches!(
                token,
                Token::Version(..)
                    | Token::TagPrefix(..)
                    | Token::DocumentStart
                    | Token::DocumentEnd
                    | Token::StreamEnd
            )
        };
        let root = if bare {
            self.node(Context::Block)?
        } else {
            self.node_unless(empty, Context::Block)?
        };
        self.tree.root = Some(root);
        // The document's end asks for one token more, which has to be one.
        self.peek()?;
        Ok(())
    }

    fn directives(&mut self) -> Result<(), Error> {
        let mut version = false;
        let mut named = BTreeSet::new();
        while self.is(|token| matches!(token, Token::Version(..) | Token::TagPrefix(..)))? {
            match self.take()? {
                Some((Token::Version(major, minor), mark)) => {
                    if version {
                        let words = "found duplicate %YAML directive";
                        return Err(Self::problem(words, Mark::default(), mark));
                    }
                    if (major, minor) != (1, 1) {
                        let words = "found incompatible YAML document";
                        return Err(Self::problem(words, Mark::default(), mark));
                    }
                    version = true;
                }
                Some((Token::TagPrefix(handle, prefix), mark)) => {
                    if !named.insert(handle.clone()) {
                        let words = "found duplicate %TAG directive";
                        return Err(Self::problem(words, Mark::default(), mark));
                    }
                    self.handles.insert(handle, prefix);
                }
                _ => break,
            }
        }
        Ok(())
    }

    fn add(&mut self, kind: NodeKind, tag: Option<String>, mark: Mark) -> usize {
        let index = self.tree.nodes.len();
        self.tree.nodes.push(Node {
            kind,
            tag,
            line: mark.line.saturating_add(1),
        });
        index
    }

    fn empty(&mut self, mark: Mark) -> usize {
        let kind = NodeKind::Scalar {
            text: String::new(),
            implicit: true,
        };
        self.add(kind, None, mark)
    }

    /// A node, or an empty one where what ends it follows at once.
    fn node_unless(&mut self, ends: Ends, place: Context) -> Result<usize, Error> {
        let (token, mark) = self.peek()?;
        if ends(token) {
            return Ok(self.empty(mark));
        }
        self.node(place)
    }

    fn node(&mut self, place: Context) -> Result<usize, Error> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            let line = self.peek()?.1.line.saturating_add(1);
            return Err(Error::limit("nested deeper than 256 levels", Some(line)));
        }
        let node = self.node_here(place);
        self.depth = self.depth.saturating_sub(1);
        node
    }

    fn node_here(&mut self, place: Context) -> Result<usize, Error> {
        let (_, began) = self.peek()?;
        if self.is(|token| matches!(token, Token::Alias(_)))?
            && let Some((Token::Alias(name), mark)) = self.take()?
        {
            let target = self.anchors.get(&name).copied().ok_or_else(|| {
                let line = Some(mark.line.saturating_add(1));
                Error::new(format!("unknown anchor '{name}' referenced"), line)
            })?;
            return Ok(self.add(NodeKind::Alias(target, name), None, mark));
        }
        let (anchor, tag) = self.properties(began)?;
        let has_properties = anchor.is_some() || tag.is_some();
        let list_here =
            place == Context::BlockValue && self.is(|token| *token == Token::BlockEntry)?;
        let block = place != Context::Flow;
        let (token, mark) = self.peek()?;
        let kind = match token {
            _ if list_here => NodeKind::List(Vec::new()),
            Token::Scalar(..) => return self.scalar(anchor, tag, began),
            Token::FlowListStart => NodeKind::List(Vec::new()),
            Token::BlockListStart if block => NodeKind::List(Vec::new()),
            Token::FlowMapStart => NodeKind::Map(Vec::new()),
            Token::BlockMapStart if block => NodeKind::Map(Vec::new()),
            _ if has_properties => {
                let text = String::new();
                let implicit = tag.is_none();
                let index = self.add(NodeKind::Scalar { text, implicit }, tag, began);
                self.name(anchor, index);
                return Ok(index);
            }
            _ => {
                let words = "did not find expected node content";
                return Err(Self::problem(words, began, mark));
            }
        };
        let flow = matches!(token, Token::FlowListStart | Token::FlowMapStart);
        let is_list = matches!(kind, NodeKind::List(_));
        let index = self.add(kind, tag, began);
        self.name(anchor, index);
        let children = match (list_here, is_list, flow) {
            (true, ..) => self.bare_list()?,
            (_, true, true) => self.flow_list()?,
            (_, true, false) => self.block_list()?,
            (_, false, true) => self.flow_map()?,
            (_, false, false) => self.block_map()?,
        };
        if let Some(Node {
            kind: NodeKind::List(slot) | NodeKind::Map(slot),
            ..
        }) = self.tree.nodes.get_mut(index)
        {
            *slot = children;
        }
        Ok(index)
    }

    fn name(&mut self, anchor: Option<String>, index: usize) {
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, index);
        }
    }

    fn scalar(
        &mut self,
        anchor: Option<String>,
        tag: Option<String>,
        began: Mark,
    ) -> Result<usize, Error> {
        let Some((Token::Scalar(text, plain), _)) = self.take()? else {
            return Ok(self.empty(began));
        };
        // `!` alone keeps the text unchanged, but lets `<<` merge.
        let implicit = (plain && tag.is_none()) || tag.as_deref() == Some("!");
        let text = text::lossy(&text).into_owned();
        let index = self.add(NodeKind::Scalar { text, implicit }, tag, began);
        self.name(anchor, index);
        Ok(index)
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self, began: Mark) -> Result<(Option<String>, Option<String>), Error> {
        let (mut anchor, mut tag) = (None, None);
        loop {
            let wanted = match self.peek()?.0 {
                Token::Anchor(_) => anchor.is_none(),
                Token::Tag(..) => tag.is_none(),
                _ => false,
            };
            if !wanted {
                return Ok((anchor, tag));
            }
            match self.take()? {
                Some((Token::Anchor(name), _)) => anchor = Some(name),
                Some((Token::Tag(handle, suffix), mark)) => {
                    let prefix = match handle.as_str() {
                        "" => Some(""),
                        handle => self.handles.get(handle).map(String::as_str),
                    };
                    let Some(prefix) = prefix else {
                        let words = "found undefined tag handle";
                        return Err(Self::problem(words, began, mark));
                    };
                    tag = Some(format!("{prefix}{suffix}"));
                }
                _ => return Ok((anchor, tag)),
            }
        }
    }

    fn block_list(&mut self) -> Result<Vec<usize>, Error> {
        let (_, began) = self.peek()?;
        self.skip()?;
        let mut children = Vec::new();
        while self.skip_if(|token| *token == Token::BlockEntry)? {
            let ends: Ends = |token| matches!(token, Token::BlockEntry | Token::BlockEnd);
            children.push(self.node_unless(ends, Context::Block)?);
        }
        self.block_end("did not find expected '-' indicator", began)?;
        Ok(children)
    }

    fn block_end(&mut self, words: &str, began: Mark) -> Result<(), Error> {
        let (token, mark) = self.peek()?;
        if *token != Token::BlockEnd {
            return Err(Self::problem(words, began, mark));
        }
        self.skip()
    }

    /// A list at the indentation of the key it belongs to.
    fn bare_list(&mut self) -> Result<Vec<usize>, Error> {
        let mut children = Vec::new();
        while self.skip_if(|token| *token == Token::BlockEntry)? {
            let ends: Ends = |token| {
                matches!(
                    token,
                    Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd
                )
            };
            children.push(self.node_unless(ends, Context::Block)?);
        }
        Ok(children)
    }

    fn block_map(&mut self) -> Result<Vec<usize>, Error> {
        let ends: Ends = |token| matches!(token, Token::Key | Token::Value | Token::BlockEnd);
        let (_, began) = self.peek()?;
        self.skip()?;
        let mut children = Vec::new();
        while self.skip_if(|token| *token == Token::Key)? {
            children.push(self.node_unless(ends, Context::BlockValue)?);
            let value = if self.skip_if(|token| *token == Token::Value)? {
                self.node_unless(ends, Context::BlockValue)?
            } else {
                let (_, mark) = self.peek()?;
                self.empty(mark)
            };
            children.push(value);
        }
        self.block_end("did not find expected key", began)?;
        Ok(children)
    }

    /// The comma between the entries of a flow collection.
    fn comma(&mut self, first: bool, words: &str, began: Mark) -> Result<(), Error> {
        if first || self.skip_if(|token| *token == Token::FlowEntry)? {
            return Ok(());
        }
        let (_, mark) = self.peek()?;
        Err(Self::problem(words, began, mark))
    }

    fn flow_list(&mut self) -> Result<Vec<usize>, Error> {
        let (_, began) = self.peek()?;
        self.skip()?;
        let mut children = Vec::new();
        while !self.is(|token| *token == Token::FlowListEnd)? {
            let first = children.is_empty();
            self.comma(first, "did not find expected ',' or ']'", began)?;
            let (token, mark) = self.peek()?;
            match token {
                Token::Key => {
                    self.skip()?;
                    children.push(self.pair(mark)?);
                }
                Token::FlowListEnd => {}
                _ => children.push(self.node(Context::Flow)?),
            }
        }
        self.skip()?;
        Ok(children)
    }

    /// `a: b` in a flow list, a mapping of one.
    fn pair(&mut self, mark: Mark) -> Result<usize, Error> {
        let map = self.add(NodeKind::Map(Vec::new()), None, mark);
        let missing: Ends =
            |token| matches!(token, Token::Value | Token::FlowEntry | Token::FlowListEnd);
        let key = if self.is(missing)? {
            // The library loses the token that shows the key to be missing.
            self.skip()?;
            self.empty(mark)
        } else {
            self.node(Context::Flow)?
        };
        let value = if self.skip_if(|token| *token == Token::Value)? {
            let ends: Ends = |token| matches!(token, Token::FlowEntry | Token::FlowListEnd);
            self.node_unless(ends, Context::Flow)?
        } else {
            self.empty(mark)
        };
        if let Some(node) = self.tree.nodes.get_mut(map) {
            node.kind = NodeKind::Map(vec![key, value]);
        }
        Ok(map)
    }

    fn flow_map(&mut self) -> Result<Vec<usize>, Error> {
        let (_, began) = self.peek()?;
        self.skip()?;
        let mut children = Vec::new();
        while !self.is(|token| *token == Token::FlowMapEnd)? {
            let first = children.is_empty();
            self.comma(first, "did not find expected ',' or '}'", began)?;
            let (token, mark) = self.peek()?;
            match token {
                Token::Key => {
                    self.skip()?;
                    let missing: Ends = |token| {
                        matches!(token, Token::Value | Token::FlowEntry | Token::FlowMapEnd)
                    };
                    children.push(self.node_unless(missing, Context::Flow)?);
                    let value = if self.skip_if(|token| *token == Token::Value)? {
                        let ends: Ends =
                            |token| matches!(token, Token::FlowEntry | Token::FlowMapEnd);
                        self.node_unless(ends, Context::Flow)?
                    } else {
                        self.empty(mark)
                    };
                    children.push(value);
                }
                Token::FlowMapEnd => {}
                _ => {
                    children.push(self.node(Context::Flow)?);
                    let value = self.empty(mark);
                    children.push(value);
                }
            }
        }
        self.skip()?;
        Ok(children)
    }
}
