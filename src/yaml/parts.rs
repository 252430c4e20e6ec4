//! What directives, anchors and tags are made of.

use super::cursor::{Mark, is_blank, is_word};
use super::scan::{Scan, Scanner, Token};

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Scan<Token> {
        let began = self.cursor.mark;
        self.cursor.skip();
        let name = self.cursor.read_word();
        if name.is_empty() {
            return Err(self.problem("could not find expected directive name", began));
        }
        if !self.cursor.is_blank_or_end(0) {
            return Err(self.problem("found unexpected non-alphabetical character", began));
        }
        let token = match name.as_str() {
            "YAML" => {
                self.cursor.skip_while(is_blank);
                let major = self.version_number(began)?;
                if self.cursor.byte(0) != b'.' {
                    let words = "did not find expected digit or '.' character";
                    return Err(self.problem(words, began));
                }
                self.cursor.skip();
                Token::Version(major, self.version_number(began)?)
            }
            "TAG" => {
                self.cursor.skip_while(is_blank);
                let handle = self.tag_handle(true, began)?;
                if !is_blank(self.cursor.byte(0)) {
                    return Err(self.problem("did not find expected whitespace", began));
                }
                self.cursor.skip_while(is_blank);
                let prefix = self.tag_uri("", began)?;
                if !self.cursor.is_blank_or_end(0) {
                    let words = "did not find expected whitespace or line break";
                    return Err(self.problem(words, began));
                }
                Token::TagPrefix(handle, prefix)
            }
            _ => return Err(self.problem("found unknown directive name", began)),
        };
        self.end_of_line(began)?;
        Ok(token)
    }

    pub(super) fn version_number(&mut self, began: Mark) -> Scan<u8> {
        let (mut value, mut length) = (0u8, 0u8);
        while self.cursor.byte(0).is_ascii_digit() {
            length = length.saturating_add(1);
            if length > 2 {
                return Err(self.problem("found extremely long version number", began));
            }
            let digit = self.cursor.byte(0).saturating_sub(b'0');
            value = value.saturating_mul(10).saturating_add(digit);
            self.cursor.skip();
        }
        if length == 0 {
            return Err(self.problem("did not find expected version number", began));
        }
        Ok(value)
    }

    /// Blanks, a comment, the line's end.
    pub(super) fn end_of_line(&mut self, began: Mark) -> Scan<()> {
        self.cursor.skip_while(is_blank);
        self.cursor.skip_comment();
        if !self.cursor.at_break_or_end() {
            return Err(self.problem("did not find expected comment or line break", began));
        }
        self.cursor.skip_line();
        Ok(())
    }

    pub(super) fn anchor(&mut self, sigil: u8) -> Scan<Token> {
        let began = self.cursor.mark;
        self.cursor.skip();
        let name = self.cursor.read_word();
        let ends = self.cursor.is_blank_or_end(0) || b"?:,]}%@`".contains(&self.cursor.byte(0));
        if name.is_empty() || !ends {
            let words = "did not find expected alphabetic or numeric character";
            return Err(self.problem(words, began));
        }
        Ok(if sigil == b'*' {
            Token::Alias(name)
        } else {
            Token::Anchor(name)
        })
    }

    pub(super) fn tag(&mut self) -> Scan<Token> {
        let began = self.cursor.mark;
        let (handle, suffix) = if self.cursor.byte(1) == b'<' {
            self.cursor.skip_many(2);
            let uri = self.tag_uri("", began)?;
            if self.cursor.byte(0) != b'>' {
                return Err(self.problem("did not find the expected '>'", began));
            }
            self.cursor.skip();
            (String::new(), uri)
        } else {
            let handle = self.tag_handle(false, began)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.tag_uri("", began)?;
                (handle, suffix)
            } else {
                match self.tag_uri(&handle, began)? {
                    suffix if suffix.is_empty() => (String::new(), "!".to_owned()),
                    suffix => ("!".to_owned(), suffix),
                }
            }
        };
        if !self.cursor.is_blank_or_end(0) {
            return Err(self.problem("did not find expected whitespace or line break", began));
        }
        Ok(Token::Tag(handle, suffix))
    }

    pub(super) fn tag_handle(&mut self, directive: bool, began: Mark) -> Scan<String> {
        if self.cursor.byte(0) != b'!' {
            return Err(self.problem("did not find expected '!'", began));
        }
        self.cursor.skip();
        let mut handle = format!("!{}", self.cursor.read_word());
        if self.cursor.byte(0) == b'!' {
            handle.push('!');
            self.cursor.skip();
        } else if directive && handle != "!" {
            return Err(self.problem("did not find expected '!'", began));
        }
        Ok(handle)
    }

    /// The rest of a tag, of which `head` (behind its `!`) has been read.
    pub(super) fn tag_uri(&mut self, head: &str, began: Mark) -> Scan<String> {
        let mut uri = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut found = !head.is_empty();
        loop {
            match self.cursor.byte(0) {
                b'%' => {
                    let octet = self.escaped_octet();
                    uri.push(
                        octet
                            .ok_or_else(|| self.problem("did not find URI escaped octet", began))?,
                    );
                    self.cursor.skip_many(3);
                }
                byte if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) => {
                    uri.push(byte);
                    self.cursor.skip();
                }
                _ => break,
            }
            found = true;
        }
        if !found {
            return Err(self.problem("did not find expected tag URI", began));
        }
        String::from_utf8(uri)
            .map_err(|_| self.problem("found an incorrect leading UTF-8 octet", began))
    }

    pub(super) fn escaped_octet(&self) -> Option<u8> {
        let high = char::from(self.cursor.byte(1)).to_digit(16)?;
        let low = char::from(self.cursor.byte(2)).to_digit(16)?;
        u8::try_from(high << 4 | low).ok()
    }
}
