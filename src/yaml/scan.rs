//! Text to tokens, as libyaml does it in the Go library RKE2 uses: YAML 1.1 with that scanner's
//! own opinions on tabs, indentation in brackets and the length of a key.
//!
//! The words of its errors are the library's, because RKE2 fails with them.

use std::collections::{BTreeMap, VecDeque};

use super::cursor::{Cursor, Mark, is_blank};

/// What the text is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    StreamEnd,
    Version(u8, u8),
    TagPrefix(String, String),
    DocumentStart,
    DocumentEnd,
    BlockListStart,
    BlockMapStart,
    BlockEnd,
    FlowListStart,
    FlowListEnd,
    FlowMapStart,
    FlowMapEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    /// Handle and suffix; no handle where the suffix is the whole tag.
    Tag(String, String),
    /// Its text, and whether it is unquoted.
    Scalar(Vec<u8>, bool),
}

/// Why the text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScanError {
    pub(super) words: String,
    pub(super) at: Mark,
    /// What was begun there.
    pub(super) began: Mark,
    /// By the scanner, not by the parser: the library counts the lines of both differently.
    pub(super) scanning: bool,
}

pub(super) type Scan<T> = Result<T, ScanError>;

/// A token that turns out to be a key if a `:` follows on its line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SimpleKey {
    possible: bool,
    required: bool,
    number: usize,
    mark: Mark,
}

/// The longest key that is known by its `:` alone.
const MAX_KEY: usize = 1024;

pub(super) struct Scanner<'a> {
    pub(super) cursor: Cursor<'a>,
    tokens: VecDeque<(Token, Mark)>,
    /// How many tokens have been taken.
    taken: usize,
    pub(super) indent: i64,
    indents: Vec<i64>,
    pub(super) key_allowed: bool,
    /// One for each open bracket, and one for outside of all.
    pub(super) keys: Vec<SimpleKey>,
    key_at_token: BTreeMap<usize, usize>,
    ended: bool,
}

impl<'a> Scanner<'a> {
    /// Of a text without NUL.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text.as_bytes()),
            tokens: VecDeque::new(),
            taken: 0,
            indent: -1,
            indents: Vec::new(),
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            key_at_token: BTreeMap::new(),
            ended: false,
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&mut self) -> Scan<(&Token, Mark)> {
        while (self.tokens.is_empty() || self.may_be_key()?) && !self.ended {
            self.fetch()?;
        }
        match self.tokens.front() {
            Some((token, mark)) => Ok((token, *mark)),
            None => Ok((&Token::StreamEnd, self.cursor.mark)),
        }
    }

    /// Takes the next token.
    pub(super) fn take(&mut self) -> Scan<Option<(Token, Mark)>> {
        self.peek()?;
        self.taken = self.taken.saturating_add(1);
        Ok(self.tokens.pop_front())
    }

    /// Whether it is within brackets.
    pub(super) fn in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    /// Whether the token in front may yet get a key's mark before it.
    fn may_be_key(&mut self) -> Scan<bool> {
        match self.key_at_token.get(&self.taken) {
            Some(level) => self.is_valid(*level),
            None => Ok(false),
        }
    }

    fn is_valid(&mut self, level: usize) -> Scan<bool> {
        let now = self.cursor.mark;
        let Some(key) = self.keys.get_mut(level).filter(|key| key.possible) else {
            return Ok(false);
        };
        if key.mark.line < now.line || key.mark.index.saturating_add(MAX_KEY) < now.index {
            if key.required {
                let began = key.mark;
                return Err(self.problem("could not find expected ':'", began));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) fn problem(&self, words: &str, began: Mark) -> ScanError {
        ScanError {
            words: words.to_owned(),
            at: self.cursor.mark,
            began,
            scanning: true,
        }
    }

    fn push(&mut self, token: Token, mark: Mark) {
        self.tokens.push_back((token, mark));
    }

    fn fetch(&mut self) -> Scan<()> {
        self.skip_to_token();
        self.unroll(self.cursor.mark.column);
        let (mark, byte) = (self.cursor.mark, self.cursor.byte(0));
        let flow = self.in_flow();
        let ends = self.cursor.is_blank_or_end(1);
        if byte == 0 {
            return self.fetch_end();
        }
        if mark.column == 0 && byte == b'%' {
            self.unroll(-1);
            self.drop_key()?;
            self.key_allowed = false;
            let directive = self.directive()?;
            self.push(directive, mark);
            return Ok(());
        }
        if self.cursor.at_document_mark() {
            self.unroll(-1);
            self.drop_key()?;
            self.key_allowed = false;
            self.cursor.skip_many(3);
            let end = byte == b'.';
            let token = if end {
                Token::DocumentEnd
            } else {
                Token::DocumentStart
            };
            self.push(token, mark);
            return Ok(());
        }
        match byte {
            b'[' => self.open_flow(Token::FlowListStart),
            b'{' => self.open_flow(Token::FlowMapStart),
            b']' => self.close_flow(Token::FlowListEnd),
            b'}' => self.close_flow(Token::FlowMapEnd),
            b',' => self.indicator(Token::FlowEntry, true),
            b'-' if ends => {
                self.block_context(
                    Token::BlockListStart,
                    "block sequence entries are not allowed in this context",
                )?;
                self.indicator(Token::BlockEntry, true)
            }
            b'?' if flow || ends => {
                self.block_context(
                    Token::BlockMapStart,
                    "mapping keys are not allowed in this context",
                )?;
                self.indicator(Token::Key, !flow)
            }
            b':' if flow || ends => self.fetch_value(),
            b'*' | b'&' => {
                self.begin_key(false)?;
                let token = self.anchor(byte)?;
                self.push(token, mark);
                Ok(())
            }
            b'!' => {
                self.begin_key(false)?;
                let token = self.tag()?;
                self.push(token, mark);
                Ok(())
            }
            b'|' | b'>' if !flow => {
                self.drop_key()?;
                self.key_allowed = true;
                let text = self.block_scalar(byte == b'|')?;
                self.push(Token::Scalar(text, false), mark);
                Ok(())
            }
            b'\'' | b'"' => {
                self.begin_key(false)?;
                let text = self.quoted(byte)?;
                self.push(Token::Scalar(text, false), mark);
                Ok(())
            }
            _ if self.begins_plain(byte, flow, ends) => {
                self.begin_key(false)?;
                let text = self.plain()?;
                self.push(Token::Scalar(text, true), mark);
                Ok(())
            }
            _ => Err(self.problem("found character that cannot start any token", mark)),
        }
    }

    fn begins_plain(&self, byte: u8, flow: bool, ends: bool) -> bool {
        match byte {
            b'-' => !is_blank(self.cursor.byte(1)),
            b'?' | b':' => !flow && !ends,
            b'#' | b'%' | b'@' | b'`' | b'|' | b'>' => false,
            byte => !is_blank(byte),
        }
    }

    fn skip_to_token(&mut self) {
        loop {
            let tabs = self.in_flow() || !self.key_allowed;
            self.cursor
                .skip_while(|byte| byte == b' ' || (tabs && byte == b'\t'));
            self.cursor.skip_comment();
            if !self.cursor.at_break() {
                return;
            }
            self.cursor.skip_line();
            if !self.in_flow() {
                self.key_allowed = true;
            }
        }
    }

    fn fetch_end(&mut self) -> Scan<()> {
        if self.cursor.mark.column != 0 {
            self.cursor.mark.column = 0;
            self.cursor.mark.line = self.cursor.mark.line.saturating_add(1);
        }
        self.unroll(-1);
        self.drop_key()?;
        self.key_allowed = false;
        self.push(Token::StreamEnd, self.cursor.mark);
        self.ended = true;
        Ok(())
    }

    /// Opens a block collection at `column`, before the token of that number or behind all.
    fn roll(&mut self, column: i64, number: Option<usize>, token: Token, mark: Mark) {
        if self.in_flow() || self.indent >= column {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column;
        self.insert(number, token, mark);
    }

    /// Puts a token before the one of that number; behind all if that is gone.
    fn insert(&mut self, number: Option<usize>, token: Token, mark: Mark) {
        let place = number.and_then(|number| number.checked_sub(self.taken));
        match place.filter(|place| *place <= self.tokens.len()) {
            Some(place) => self.tokens.insert(place, (token, mark)),
            None => self.push(token, mark),
        }
    }

    /// Closes the block collections that are indented deeper.
    fn unroll(&mut self, column: i64) {
        while !self.in_flow() && self.indent > column {
            self.push(Token::BlockEnd, self.cursor.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn next_number(&self) -> usize {
        self.taken.saturating_add(self.tokens.len())
    }

    fn begin_key(&mut self, allowed_after: bool) -> Scan<()> {
        if self.key_allowed {
            self.drop_key()?;
            let key = SimpleKey {
                possible: true,
                required: !self.in_flow() && self.indent == self.cursor.mark.column,
                number: self.next_number(),
                mark: self.cursor.mark,
            };
            let level = self.keys.len().saturating_sub(1);
            self.key_at_token.insert(key.number, level);
            if let Some(slot) = self.keys.last_mut() {
                *slot = key;
            }
        }
        self.key_allowed = allowed_after;
        Ok(())
    }

    fn drop_key(&mut self) -> Scan<()> {
        let Some(key) = self.keys.last_mut().filter(|key| key.possible) else {
            return Ok(());
        };
        let key_now = *key;
        key.possible = false;
        self.key_at_token.remove(&key_now.number);
        if key_now.required {
            return Err(self.problem("could not find expected ':'", key_now.mark));
        }
        Ok(())
    }

    fn open_flow(&mut self, token: Token) -> Scan<()> {
        self.begin_key(true)?;
        self.keys.push(SimpleKey {
            number: self.next_number(),
            ..SimpleKey::default()
        });
        self.push(token, self.cursor.mark);
        self.cursor.skip();
        Ok(())
    }

    fn close_flow(&mut self, token: Token) -> Scan<()> {
        self.drop_key()?;
        if self.in_flow()
            && let Some(inner) = self.keys.pop()
        {
            // Where no key was tried inside, this is the bracket's own number: the library
            // forgets that `[]` may be a key itself.
            self.key_at_token.remove(&inner.number);
        }
        self.key_allowed = false;
        self.push(token, self.cursor.mark);
        self.cursor.skip();
        Ok(())
    }

    fn block_context(&mut self, token: Token, words: &str) -> Scan<()> {
        if self.in_flow() {
            return Ok(());
        }
        if !self.key_allowed {
            return Err(self.problem(words, self.cursor.mark));
        }
        self.roll(self.cursor.mark.column, None, token, self.cursor.mark);
        Ok(())
    }

    fn indicator(&mut self, token: Token, key_allowed: bool) -> Scan<()> {
        self.drop_key()?;
        self.key_allowed = key_allowed;
        self.push(token, self.cursor.mark);
        self.cursor.skip();
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan<()> {
        let level = self.keys.len().saturating_sub(1);
        if self.is_valid(level)? {
            let key = self.keys.last().copied().unwrap_or_default();
            self.insert(Some(key.number), Token::Key, key.mark);
            self.roll(
                key.mark.column,
                Some(key.number),
                Token::BlockMapStart,
                key.mark,
            );
            self.key_at_token.remove(&key.number);
            if let Some(slot) = self.keys.last_mut() {
                slot.possible = false;
            }
            self.key_allowed = false;
        } else {
            self.block_context(
                Token::BlockMapStart,
                "mapping values are not allowed in this context",
            )?;
            self.key_allowed = !self.in_flow();
        }
        self.push(Token::Value, self.cursor.mark);
        self.cursor.skip();
        Ok(())
    }
}
