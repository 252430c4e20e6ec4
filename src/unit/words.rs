//! Splits a setting into words by systemd's quoting rules, and quotes words.
//!
//! Follows systemd.syntax(7), "Quoting", and the observed behaviour of systemd 252.

/// White space, which separates words and is stripped from the ends of a line.
pub(super) const WHITESPACE: &[u8] = b" \t\n\r";

/// How escapes and unclosed quotes are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// C escapes. An unknown escape or an unclosed quote is an error.
    Strict,
    /// C escapes. An unknown escape is kept as written.
    KeepUnknown,
    /// A backslash escapes the next character. An unclosed quote is an error.
    Literal,
    /// A backslash escapes the next character. An unclosed quote ends with the text.
    Relaxed,
}

/// A word of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawWord {
    /// The bytes, without quotes and escapes.
    pub text: Vec<u8>,
    /// The position in the setting.
    pub start: usize,
}

/// An unclosed quote or an unknown escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unbalanced quotes or an unknown escape")]
pub struct Malformed;

/// Iterates over the words of a text.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    /// Starts at the beginning of `text`.
    pub const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The text that is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The position of the rest.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// Skips `count` bytes and the white space after them.
    pub(crate) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.text.len());
        self.skip_space();
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn advance(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|c| WHITESPACE.contains(&c)) {
            self.advance();
        }
    }

    /// The next word; `None` at the end. After an error the position is undefined.
    pub fn next(&mut self, rules: Rules) -> Result<Option<RawWord>, Malformed> {
        self.skip_space();
        let start = self.at;
        if self.peek().is_none() {
            return Ok(None);
        }
        let mut text = Vec::new();
        let mut quote = None;
        while let Some(c) = self.peek() {
            self.advance();
            match (c, quote) {
                (b'\\', _) => self.escape(rules, quote.is_some(), &mut text)?,
                (c, Some(open)) if c == open => quote = None,
                (b'\'' | b'"', None) => quote = Some(c),
                (c, None) if WHITESPACE.contains(&c) => {
                    self.skip_space();
                    return Ok(Some(RawWord { text, start }));
                }
                (c, _) => text.push(c),
            }
        }
        if quote.is_some() && rules != Rules::Relaxed {
            return Err(Malformed);
        }
        Ok(Some(RawWord { text, start }))
    }

    /// Reads an escape, after the backslash.
    fn escape(&mut self, rules: Rules, quoted: bool, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some(c) = self.peek() else {
            return match rules {
                Rules::Relaxed => Ok(()),
                Rules::KeepUnknown if !quoted => {
                    out.push(b'\\');
                    Ok(())
                }
                Rules::KeepUnknown | Rules::Strict | Rules::Literal => Err(Malformed),
            };
        };
        if matches!(rules, Rules::Literal | Rules::Relaxed) {
            out.push(c);
            self.advance();
            return Ok(());
        }
        match c_escape(self.rest()) {
            Some((Unescaped::Byte(byte), length)) => {
                out.push(byte);
                self.at = self.at.saturating_add(length);
            }
            Some((Unescaped::Char(c), length)) => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                self.at = self.at.saturating_add(length);
            }
            None if rules == Rules::KeepUnknown => {
                out.extend_from_slice(&[b'\\', c]);
                self.advance();
            }
            None => return Err(Malformed),
        }
        Ok(())
    }
}

enum Unescaped {
    Byte(u8),
    Char(char),
}

/// The C escape at the beginning of `text`, after the backslash, and its length.
fn c_escape(text: &[u8]) -> Option<(Unescaped, usize)> {
    let number = |skip: usize, digits: usize, radix: u32| {
        let digits = text.get(skip..skip.checked_add(digits)?)?;
        // `from_str_radix` would accept a sign.
        if !digits.iter().all(|&c| char::from(c).is_digit(radix)) {
            return None;
        }
        let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
        (number != 0).then_some(number)
    };
    let byte = |c| Some((Unescaped::Byte(c), 1));
    match *text.first()? {
        b'a' => byte(7),
        b'b' => byte(8),
        b'f' => byte(12),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'v' => byte(11),
        b's' => byte(b' '),
        c @ (b'\\' | b'"' | b'\'') => byte(c),
        b'x' => Some((Unescaped::Byte(u8::try_from(number(1, 2, 16)?).ok()?), 3)),
        b'u' => Some((Unescaped::Char(char::from_u32(number(1, 4, 16)?)?), 5)),
        b'U' => Some((Unescaped::Char(char::from_u32(number(1, 8, 16)?)?), 9)),
        b'0'..=b'7' => Some((Unescaped::Byte(u8::try_from(number(0, 3, 8)?).ok()?), 3)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    include!("../../tests/common/quoted_words.rs");

    fn split(text: &str, rules: Rules) -> Option<Vec<String>> {
        let mut words = Words::new(text.as_bytes());
        let mut out = Vec::new();
        while let Some(word) = words.next(rules).ok()? {
            out.push(word.text.escape_ascii().to_string());
        }
        Some(out)
    }

    #[test]
    fn words_and_quotes() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  \t ", Some(&[])),
            ("a b\tc", Some(&["a", "b", "c"])),
            ("\"a b\" 'c d'", Some(&["a b", "c d"])),
            ("a\"b c\"d", Some(&["ab cd"])),
            ("'' \"\"", Some(&["", ""])),
            ("\"it's\" 'a \"b\"'", Some(&["it\\'s", "a \\\"b\\\""])),
            (r"a\tb", Some(&["a\\tb"])),
            (r"a\sb", Some(&["a b"])),
            (r"'a\x20b' \101\u00e9", Some(&["a b", "A\\xc3\\xa9"])),
            (r"\xff", Some(&["\\xff"])),
            (r"a\ b", None),
            (r"\x0g", None),
            (r"\x00", None),
            (r"\400", None),
            (r"\+12", None),
            (r"\ud800", None),
            ("'open", None),
            ("\"open\\\"", None),
        ];
        for (text, expected) in cases {
            let expected = expected.map(|words| words.iter().map(ToString::to_string).collect());
            assert_eq!(split(text, Rules::Strict), expected, "{text}");
        }
    }

    #[test]
    fn unknown_escapes_are_kept_where_asked() {
        assert_eq!(
            split(r"a\ b \$x", Rules::KeepUnknown).unwrap(),
            ["a\\\\ b", "\\\\$x"]
        );
        assert_eq!(split("'open", Rules::KeepUnknown), None);
        assert_eq!(split(r"a\tb 'c d", Rules::Relaxed).unwrap(), ["atb", "c d"]);
        assert_eq!(
            split(r"a\tb \x41 'c d'", Rules::Literal).unwrap(),
            ["atb", "x41", "c d"]
        );
        assert_eq!(split("'c d", Rules::Literal), None);
        assert_eq!(split("a\\", Rules::Literal), None);
    }

    #[test]
    fn says_where_each_word_begins() {
        let mut words = Words::new(b" ab  'c d' e");
        let mut starts = Vec::new();
        while let Some(word) = words.next(Rules::Strict).unwrap() {
            starts.push(word.start);
        }
        assert_eq!(starts, [1, 5, 11]);
    }

    proptest! {
        #[test]
        fn rendered_words_read_back(words: Vec<Vec<u8>>) {
            let words: Vec<Vec<u8>> = words
                .into_iter()
                .map(|word| word.into_iter().filter(|&c| c != 0).collect())
                .collect();
            let text = render(words.iter().map(Vec::as_slice));
            prop_assert!(std::str::from_utf8(&text).is_ok());
            let mut reader = Words::new(&text);
            let mut read = Vec::new();
            while let Some(word) = reader.next(Rules::Strict).unwrap() {
                read.push(word.text);
            }
            prop_assert_eq!(read, words);
        }

        #[test]
        fn any_bytes_end(text: Vec<u8>) {
            for rules in [Rules::Strict, Rules::KeepUnknown, Rules::Literal, Rules::Relaxed] {
                let mut words = Words::new(&text);
                while let Ok(Some(word)) = words.next(rules) {
                    prop_assert!(word.start < words.position());
                }
            }
        }
    }
}
