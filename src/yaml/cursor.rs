//! A text read character by character, with the position of the next one.

/// A place in the text; line and column count from 0, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: u32,
    pub(super) column: i64,
}

/// The text and the position in it: `at` in bytes, `mark` in characters.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    pub(super) mark: Mark,
}

pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            mark: Mark::default(),
        }
    }

    /// The byte `ahead` bytes from here; 0 beyond the end.
    #[inline]
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        let at = self.at.saturating_add(ahead);
        self.text.get(at).copied().unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The length in bytes of the line break that is `ahead` bytes from here; 0 where there is none.
    #[inline]
    pub(super) fn break_len(&self, ahead: usize) -> usize {
        let at = self.at.saturating_add(ahead);
        match self.text.get(at..).unwrap_or_default() {
            [b'\r', b'\n', ..] | [0xc2, 0x85, ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            [0xe2, 0x80, 0xa8 | 0xa9, ..] => 3,
            _ => 0,
        }
    }

    pub(super) fn at_break(&self) -> bool {
        self.break_len(0) > 0
    }

    pub(super) fn at_break_or_end(&self) -> bool {
        self.byte(0) == 0 || self.at_break()
    }

    pub(super) fn is_blank_or_end(&self, ahead: usize) -> bool {
        let byte = self.byte(ahead);
        byte == 0 || is_blank(byte) || self.break_len(ahead) > 0
    }

    #[inline]
    pub(super) fn skip(&mut self) {
        let width = match self.byte(0) {
            0..0xc0 => 1,
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        self.at = self.at.saturating_add(width);
        self.mark.index = self.mark.index.saturating_add(1);
        self.mark.column = self.mark.column.saturating_add(1);
    }

    pub(super) fn skip_many(&mut self, count: usize) {
        (0..count).for_each(|_| self.skip());
    }

    pub(super) fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        while test(self.byte(0)) {
            self.skip();
        }
    }

    pub(super) fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            loop {
                self.run(|_| true);
                if self.at_break_or_end() {
                    return;
                }
                self.skip();
            }
        }
    }

    pub(super) fn skip_line(&mut self) {
        let len = self.break_len(0);
        if len == 0 {
            return;
        }
        let both = self.rest().starts_with(b"\r\n");
        self.at = self.at.saturating_add(len);
        self.mark.index = self.mark.index.saturating_add(if both { 2 } else { 1 });
        self.mark.column = 0;
        self.mark.line = self.mark.line.saturating_add(1);
    }

    pub(super) fn read(&mut self, into: &mut Vec<u8>) {
        let from = self.at;
        self.skip();
        into.extend(self.text.get(from..self.at).unwrap_or_default());
    }

    /// Takes characters for as long as they are blanks or visible ones of ASCII, and `test` holds.
    pub(super) fn run(&mut self, test: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let ends = |byte: &u8| !matches!(byte, b' '..=b'~') || !test(*byte);
        let len = rest.iter().position(ends).unwrap_or(rest.len());
        let columns = i64::try_from(len).unwrap_or(i64::MAX);
        self.at = self.at.saturating_add(len);
        self.mark.index = self.mark.index.saturating_add(len);
        self.mark.column = self.mark.column.saturating_add(columns);
        rest.get(..len).unwrap_or_default()
    }

    /// Reads a line break; all but the two of Unicode become a line feed.
    pub(super) fn read_line(&mut self, into: &mut Vec<u8>) {
        match self.rest() {
            [a @ 0xe2, b, c, ..] => into.extend([*a, *b, *c]),
            _ => into.push(b'\n'),
        }
        self.skip_line();
    }

    /// A word of letters, digits, `_` and `-`.
    pub(super) fn read_word(&mut self) -> String {
        let from = self.at;
        self.skip_while(is_word);
        String::from_utf8_lossy(self.text.get(from..self.at).unwrap_or_default()).into_owned()
    }

    pub(super) fn at_document_mark(&self) -> bool {
        self.mark.column == 0
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_blank_or_end(3)
    }
}
