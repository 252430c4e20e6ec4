//! JSON as Go's `encoding/json` scans it, with its words for what is none.

use crate::go;

use super::Error;
use super::tree::{Node, Place, Value};

/// Deeper than this no file is read; Go's own limit is 10000.
pub(super) const MAX_DEPTH: usize = 128;

/// Reads a JSON text.
pub(super) fn read(content: &[u8], file: usize) -> Result<Node, Error> {
    let mut reader = Reader {
        content,
        at: 0,
        line: 1,
        file,
        depth: 0,
    };
    reader.space();
    let node = reader.value()?;
    reader.space();
    match reader.peek() {
        None => Ok(node),
        Some(byte) => Err(reader.unexpected(byte, "after top-level value")),
    }
}

struct Reader<'a> {
    content: &'a [u8],
    at: usize,
    line: u32,
    file: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.content.get(self.at).copied()
    }

    fn skip(&mut self) {
        if self.peek() == Some(b'\n') {
            self.line = self.line.saturating_add(1);
        }
        self.at = self.at.saturating_add(1);
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.skip();
        }
    }

    const fn place(&self) -> Place {
        Place {
            file: self.file,
            line: self.line,
        }
    }

    fn unexpected(&self, byte: u8, context: &str) -> Error {
        let shown = match byte {
            b'\'' => "'\\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let quoted = go::quote(char::from(byte).to_string().as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        Error::refused(
            format!("invalid character {shown} {context}"),
            Some(self.place()),
        )
    }

    /// The next byte, or the error for the end of the text.
    fn need(&self) -> Result<u8, Error> {
        self.peek().ok_or_else(|| {
            Error::refused(
                "unexpected end of JSON input".to_owned(),
                Some(self.place()),
            )
        })
    }

    fn value(&mut self) -> Result<Node, Error> {
        let place = Some(self.place());
        let value = match self.need()? {
            b'{' => self.nested(Self::map)?,
            b'[' => self.nested(Self::list)?,
            b'"' => Value::Text(self.text()?),
            b't' => self.literal("true", Value::Bool(true))?,
            b'f' => self.literal("false", Value::Bool(false))?,
            b'n' => self.literal("null", Value::Null)?,
            b'-' | b'0'..=b'9' => self.number()?,
            byte => return Err(self.unexpected(byte, "looking for beginning of value")),
        };
        Ok(Node { value, place })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Error>) -> Result<Value, Error> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(Error::Unknown(format!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        self.skip();
        self.space();
        let value = read(self)?;
        self.depth = self.depth.saturating_sub(1);
        Ok(value)
    }

    fn map(&mut self) -> Result<Value, Error> {
        let mut entries = Vec::new();
        if self.need()? == b'}' {
            self.skip();
            return Ok(Value::Map(entries));
        }
        loop {
            let place = Some(self.place());
            match self.need()? {
                b'"' => {}
                byte => {
                    return Err(self.unexpected(byte, "looking for beginning of object key string"));
                }
            }
            let name = self.text()?;
            self.space();
            match self.need()? {
                b':' => self.skip(),
                byte => return Err(self.unexpected(byte, "after object key")),
            }
            self.space();
            let value = self.value()?.value;
            entries.push((name, Node { value, place }));
            self.space();
            match self.need()? {
                b',' => self.skip(),
                b'}' => {
                    self.skip();
                    return Ok(Value::Map(entries));
                }
                byte => return Err(self.unexpected(byte, "after object key:value pair")),
            }
            self.space();
        }
    }

    fn list(&mut self) -> Result<Value, Error> {
        let mut items = Vec::new();
        if self.need()? == b']' {
            self.skip();
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.need()? {
                b',' => self.skip(),
                b']' => {
                    self.skip();
                    return Ok(Value::List(items));
                }
                byte => return Err(self.unexpected(byte, "after array element")),
            }
            self.space();
        }
    }

    fn literal(&mut self, word: &'static str, value: Value) -> Result<Value, Error> {
        for (position, wanted) in word.bytes().enumerate() {
            let byte = self.need()?;
            if byte != wanted {
                // The first byte is right: it chose the word.
                debug_assert!(position > 0);
                let context = format!("in literal {word} (expecting '{}')", char::from(wanted));
                return Err(self.unexpected(byte, &context));
            }
            self.skip();
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), Error> {
        match self.need()? {
            b'0'..=b'9' => {}
            byte => return Err(self.unexpected(byte, context)),
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.skip();
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value, Error> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.skip();
        }
        if self.peek() == Some(b'0') {
            self.skip();
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.skip();
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.skip();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.skip();
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = self.content.get(from..self.at).unwrap_or_default();
        Ok(Value::Number(String::from_utf8_lossy(text).into_owned()))
    }

    fn text(&mut self) -> Result<String, Error> {
        self.skip();
        let mut out = Vec::new();
        loop {
            match self.need()? {
                b'"' => {
                    self.skip();
                    return Ok(String::from_utf8_lossy(&out).into_owned());
                }
                b'\\' => {
                    self.skip();
                    let c = self.escape()?;
                    out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte if byte < b' ' => return Err(self.unexpected(byte, "in string literal")),
                byte => {
                    out.push(byte);
                    self.skip();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let byte = self.need()?;
        let c = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.skip();
                return self.code_point();
            }
            byte => return Err(self.unexpected(byte, "in string escape code")),
        };
        self.skip();
        Ok(c)
    }

    /// Four digits behind `\u`, and those of the second half of a pair.
    fn code_point(&mut self) -> Result<char, Error> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first)
            && self
                .content
                .get(self.at..)
                .unwrap_or_default()
                .starts_with(b"\\u")
        {
            let before = self.at;
            self.at = self.at.saturating_add(2);
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let high = first.saturating_sub(0xd800) << 10;
                let code = high.saturating_add(second.saturating_sub(0xdc00));
                let c = char::from_u32(code.saturating_add(0x1_0000));
                return Ok(c.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let mut code = 0u32;
        for _ in 0..4 {
            let byte = self.need()?;
            let digit = char::from(byte)
                .to_digit(16)
                .ok_or_else(|| self.unexpected(byte, "in \\u hexadecimal character escape"))?;
            code = code << 4 | digit;
            self.skip();
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_json_are_refused_in_gos_words() {
        for (text, words) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            (
                "{a",
                "invalid character 'a' looking for beginning of object key string",
            ),
            ("{\"a\"}", "invalid character '}' after object key"),
            (
                "{\"a\":}",
                "invalid character '}' looking for beginning of value",
            ),
            (
                "{\"a\":1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("[01]", "invalid character '1' after array element"),
            (
                "[1.x]",
                "invalid character 'x' after decimal point in numeric literal",
            ),
            (
                "[1ex]",
                "invalid character 'x' in exponent of numeric literal",
            ),
            ("[-x]", "invalid character 'x' in numeric literal"),
            (
                "trap",
                "invalid character 'a' in literal true (expecting 'u')",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u00g0\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            (
                "'a'",
                "invalid character '\\'' looking for beginning of value",
            ),
        ] {
            assert_eq!(
                read(text.as_bytes(), 0).unwrap_err().words(),
                words,
                "{text}"
            );
        }
    }

    #[test]
    fn values_are_read_with_their_lines() {
        let root = read(
            b"{\"a\": [1, -2.5e3, \"x\\u00e9\\ud83d\\ude00\\ud83d\"],\n \"b\": null}",
            3,
        )
        .unwrap();
        assert_eq!(
            root.get("b").unwrap().place,
            Some(Place { file: 3, line: 2 })
        );
        let list: Vec<_> = match &root.get("a").unwrap().value {
            Value::List(items) => items.iter().map(|item| item.value.clone()).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            list,
            [
                Value::Number("1".into()),
                Value::Number("-2.5e3".into()),
                Value::Text("xé😀\u{fffd}".into())
            ]
        );
    }

    #[test]
    fn a_limit_of_ours_refuses_nothing() {
        let deep = "[".repeat(100_000);
        assert!(matches!(read(deep.as_bytes(), 0), Err(Error::Unknown(_))));
    }
}
