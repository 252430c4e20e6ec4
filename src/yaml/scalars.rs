//! Scalars, from their characters to their text: blocks, quotes, plain words.

use super::cursor::{Mark, is_blank};
use super::scan::{Scan, Scanner};

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, literal: bool) -> Scan<Vec<u8>> {
        let began = self.cursor.mark;
        self.cursor.skip();
        let mut keep = None;
        let mut increment = 0i64;
        for _ in 0..2 {
            match self.cursor.byte(0) {
                sign @ (b'+' | b'-') if keep.is_none() => keep = Some(sign == b'+'),
                b'0' if increment == 0 => {
                    let words = "found an indentation indicator equal to 0";
                    return Err(self.problem(words, began));
                }
                digit @ b'1'..=b'9' if increment == 0 => {
                    increment = i64::from(digit.saturating_sub(b'0'));
                }
                _ => break,
            }
            self.cursor.skip();
        }
        self.end_of_line(began)?;
        let mut indent = match increment {
            0 => None,
            increment => Some(self.indent.max(0).saturating_add(increment)),
        };
        let mut text = Vec::new();
        let mut break_before = Vec::new();
        let mut breaks = Vec::new();
        self.block_breaks(&mut indent, &mut breaks, began)?;
        let mut blank_before = false;
        while Some(self.cursor.mark.column) == indent && self.cursor.byte(0) != 0 {
            let blank = is_blank(self.cursor.byte(0));
            let folds = !literal && !blank_before && !blank && break_before.first() == Some(&b'\n');
            if !folds {
                text.append(&mut break_before);
            } else if breaks.is_empty() {
                text.push(b' ');
            }
            break_before.clear();
            text.append(&mut breaks);
            blank_before = blank;
            loop {
                text.extend(self.cursor.run(|_| true));
                if self.cursor.at_break_or_end() {
                    break;
                }
                self.cursor.read(&mut text);
            }
            if self.cursor.at_break() {
                self.cursor.read_line(&mut break_before);
            }
            self.block_breaks(&mut indent, &mut breaks, began)?;
        }
        if keep != Some(false) {
            text.append(&mut break_before);
        }
        if keep == Some(true) {
            text.append(&mut breaks);
        }
        Ok(text)
    }

    /// Empty lines and indentation; finds the indentation where none is known yet.
    fn block_breaks(
        &mut self,
        indent: &mut Option<i64>,
        breaks: &mut Vec<u8>,
        began: Mark,
    ) -> Scan<()> {
        let mut deepest = 0;
        loop {
            let inside =
                |scanner: &Self| indent.is_none_or(|indent| scanner.cursor.mark.column < indent);
            while self.cursor.byte(0) == b' ' && inside(self) {
                self.cursor.skip();
            }
            deepest = deepest.max(self.cursor.mark.column);
            if self.cursor.byte(0) == b'\t' && inside(self) {
                let words = "found a tab character where an indentation space is expected";
                return Err(self.problem(words, began));
            }
            if !self.cursor.at_break() {
                break;
            }
            self.cursor.read_line(breaks);
        }
        if indent.is_none() {
            *indent = Some(deepest.max(self.indent.saturating_add(1)).max(1));
        }
        Ok(())
    }

    pub(super) fn quoted(&mut self, quote: u8) -> Scan<Vec<u8>> {
        let began = self.cursor.mark;
        self.cursor.skip();
        let mut text = Vec::new();
        loop {
            if self.cursor.at_document_mark() {
                return Err(self.problem("found unexpected document indicator", began));
            }
            if self.cursor.byte(0) == 0 {
                return Err(self.problem("found unexpected end of stream", began));
            }
            let mut folds = false;
            while !self.cursor.is_blank_or_end(0) {
                let byte = self.cursor.byte(0);
                if quote == b'\'' && self.cursor.rest().starts_with(b"''") {
                    text.push(b'\'');
                    self.cursor.skip_many(2);
                } else if byte == quote {
                    break;
                } else if quote == b'"' && byte == b'\\' && self.cursor.break_len(1) > 0 {
                    self.cursor.skip();
                    self.cursor.skip_line();
                    folds = true;
                    break;
                } else if quote == b'"' && byte == b'\\' {
                    self.escape(&mut text, began)?;
                } else {
                    self.cursor.read(&mut text);
                }
            }
            if self.cursor.byte(0) == quote {
                self.cursor.skip();
                return Ok(text);
            }
            let mut space = Space {
                folds,
                ..Space::default()
            };
            self.space(&mut space, None, began)?;
            space.flush(&mut text);
        }
    }

    fn escape(&mut self, text: &mut Vec<u8>, began: Mark) -> Scan<()> {
        let (plain, digits): (&[u8], usize) = match self.cursor.byte(1) {
            b'0' => (b"\0", 0),
            b'a' => (b"\x07", 0),
            b'b' => (b"\x08", 0),
            b't' | b'\t' => (b"\t", 0),
            b'n' => (b"\n", 0),
            b'v' => (b"\x0b", 0),
            b'f' => (b"\x0c", 0),
            b'r' => (b"\r", 0),
            b'e' => (b"\x1b", 0),
            b' ' => (b" ", 0),
            b'"' => (b"\"", 0),
            b'\'' => (b"'", 0),
            b'\\' => (b"\\", 0),
            b'N' => ("\u{85}".as_bytes(), 0),
            b'_' => ("\u{a0}".as_bytes(), 0),
            b'L' => ("\u{2028}".as_bytes(), 0),
            b'P' => ("\u{2029}".as_bytes(), 0),
            b'x' => (b"", 2),
            b'u' => (b"", 4),
            b'U' => (b"", 8),
            _ => return Err(self.problem("found unknown escape character", began)),
        };
        self.cursor.skip_many(2);
        text.extend(plain);
        if digits == 0 {
            return Ok(());
        }
        let mut code = 0u32;
        for ahead in 0..digits {
            let digit = char::from(self.cursor.byte(ahead))
                .to_digit(16)
                .ok_or_else(|| self.problem("did not find expected hexdecimal number", began))?;
            code = code << 4 | digit;
        }
        let c = char::from_u32(code)
            .ok_or_else(|| self.problem("found invalid Unicode character escape code", began))?;
        text.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.cursor.skip_many(digits);
        Ok(())
    }

    pub(super) fn plain(&mut self) -> Scan<Vec<u8>> {
        let began = self.cursor.mark;
        let indent = self.indent.saturating_add(1);
        let flow = self.in_flow();
        let mut text = Vec::new();
        let mut space = Space::default();
        loop {
            if self.cursor.at_document_mark() || self.cursor.byte(0) == b'#' {
                break;
            }
            while !self.cursor.is_blank_or_end(0) {
                let byte = self.cursor.byte(0);
                let ends = byte == b':' && self.cursor.is_blank_or_end(1);
                if ends || (flow && b",?[]{}".contains(&byte)) {
                    break;
                }
                space.flush(&mut text);
                self.cursor.read(&mut text);
                // Only these need a look at what they are or what follows.
                let is_special =
                    |byte| matches!(byte, b' ' | b':' | b',' | b'?' | b'[' | b']' | b'{' | b'}');
                text.extend(self.cursor.run(|byte| !is_special(byte)));
            }
            if !is_blank(self.cursor.byte(0)) && !self.cursor.at_break() {
                break;
            }
            self.space(&mut space, Some(indent), began)?;
            if !flow && self.cursor.mark.column < indent {
                break;
            }
        }
        if space.folds {
            self.key_allowed = true;
        }
        Ok(text)
    }

    /// White space between words; `indent` is what a tab must not stand in for.
    fn space(&mut self, space: &mut Space, indent: Option<i64>, began: Mark) -> Scan<()> {
        loop {
            let byte = self.cursor.byte(0);
            if is_blank(byte) {
                let short = indent.is_some_and(|indent| self.cursor.mark.column < indent);
                if space.folds && short && byte == b'\t' {
                    let words = "found a tab character that violates indentation";
                    return Err(self.problem(words, began));
                }
                if !space.folds {
                    space.blanks.push(byte);
                }
                self.cursor.skip();
            } else if self.cursor.at_break() {
                if space.folds {
                    self.cursor.read_line(&mut space.breaks);
                } else {
                    space.blanks.clear();
                    self.cursor.read_line(&mut space.first);
                    space.folds = true;
                }
            } else {
                return Ok(());
            }
        }
    }
}

/// White space that becomes part of a scalar only if more of it follows.
#[derive(Debug, Default)]
struct Space {
    blanks: Vec<u8>,
    first: Vec<u8>,
    breaks: Vec<u8>,
    /// A line has ended.
    folds: bool,
}

impl Space {
    fn flush(&mut self, text: &mut Vec<u8>) {
        if !self.folds {
            text.append(&mut self.blanks);
            return;
        }
        if self.first.first() == Some(&b'\n') {
            if self.breaks.is_empty() {
                text.push(b' ');
            }
        } else {
            text.append(&mut self.first);
        }
        text.append(&mut self.breaks);
        self.first.clear();
        self.blanks.clear();
        self.folds = false;
    }
}
