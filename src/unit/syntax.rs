//! The lines of a unit file: sections, assignments, comments and continuation lines.
//!
//! Follows systemd.syntax(7).

use super::words::WHITESPACE;

/// systemd stops reading the file at a longer continued line.
const LONGEST: usize = 1 << 20;

/// One `Key=value` of a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectiveLine<'a> {
    /// The section, such as `Service`.
    pub section: &'a str,
    /// The text before the first `=`.
    pub key: &'a str,
    /// The text after it.
    pub value: Value<'a>,
}

/// The value of an assignment, with its positions in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// The text, without white space at both ends.
    pub text: &'a str,
    /// The position of the text in its logical line.
    offset: usize,
    lines: &'a [(usize, u32)],
}

impl Value<'_> {
    /// The number of the line that contains the byte at `position` of the text.
    pub(crate) fn line_at(&self, position: usize) -> u32 {
        let position = self.offset.saturating_add(position);
        let after = self.lines.partition_point(|&(start, _)| start <= position);
        after
            .checked_sub(1)
            .and_then(|index| self.lines.get(index))
            .map_or(1, |&(_, line)| line)
    }

    /// The number of the line where the text begins.
    pub(crate) fn line(&self) -> u32 {
        self.line_at(0)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Ignored: an assignment before any section.
    #[error("is before the first section, so systemd ignores it")]
    OutsideSection,
    /// Ignored: no `=`.
    #[error("has no \"=\", so systemd ignores it")]
    NoAssignment,
    /// Ignored: nothing before `=`.
    #[error("has no name before \"=\", so systemd ignores it")]
    NoKey,
    /// systemd stops reading: `[` without `]`.
    #[error("is a broken section header: systemd reads no further")]
    BrokenSection,
    /// systemd stops reading: bytes that are not UTF-8.
    #[error("is not UTF-8: systemd reads no further")]
    NotUtf8,
    /// systemd stops reading: the line is too long.
    #[error("is longer than 1 MiB: systemd reads no further")]
    TooLong,
}

impl LineFault {
    /// Whether systemd stops reading the file at this line.
    pub const fn ends_file(&self) -> bool {
        matches!(self, Self::BrokenSection | Self::NotUtf8 | Self::TooLong)
    }
}

/// Whether to continue after an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Visit the next line.
    Continue,
    /// Stop reading this file.
    Stop,
}

/// Calls `visit` for every assignment and every fault of a unit file, in order, with the line number.
pub(crate) fn parse(
    content: &[u8],
    mut visit: impl FnMut(u32, Result<DirectiveLine<'_>, LineFault>) -> Flow,
) {
    let mut section = None;
    let mut logical = Logical::default();
    let mut number: u32 = 0;
    let mut rest = content
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(content);
    while !rest.is_empty() {
        let (line, next) = physical_line(rest);
        rest = next;
        number = number.saturating_add(1);
        let first = line.iter().find(|c| !WHITESPACE.contains(c));
        // A comment does not end a continued line.
        if matches!(first, Some(b'#' | b';')) {
            continue;
        }
        if logical.text.len().saturating_add(line.len()) > LONGEST {
            visit(number, Err(LineFault::TooLong));
            return;
        }
        if logical.push(line, number) {
            continue;
        }
        if logical_line(&logical, number, &mut section, &mut visit) == Flow::Stop {
            return;
        }
        logical.clear();
    }
    if !logical.lines.is_empty() {
        logical_line(&logical, number, &mut section, &mut visit);
    }
}

/// A line with its continuation lines.
#[derive(Default)]
struct Logical {
    text: Vec<u8>,
    /// The position in the text where each line begins, and its number.
    lines: Vec<(usize, u32)>,
}

impl Logical {
    /// Appends a line. Returns whether the next one continues it.
    fn push(&mut self, line: &[u8], number: u32) -> bool {
        self.lines.push((self.text.len(), number));
        self.text.extend_from_slice(line);
        let backslashes = self.text.iter().rev().take_while(|&&c| c == b'\\').count();
        let continued = backslashes % 2 == 1;
        if continued && let Some(last) = self.text.last_mut() {
            *last = b' ';
        }
        continued
    }

    fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
    }
}

fn logical_line(
    logical: &Logical,
    number: u32,
    section: &mut Option<String>,
    visit: &mut impl FnMut(u32, Result<DirectiveLine<'_>, LineFault>) -> Flow,
) -> Flow {
    let (begin, stripped) = strip(&logical.text, 0);
    if stripped.is_empty() {
        return Flow::Continue;
    }
    let number = logical.lines.first().map_or(number, |&(_, line)| line);
    let fault = |fault: LineFault, visit: &mut dyn FnMut(u32, LineFault) -> Flow| {
        let ends = fault.ends_file();
        if visit(number, fault) == Flow::Stop || ends {
            Flow::Stop
        } else {
            Flow::Continue
        }
    };
    let mut report = |line, fault| visit(line, Err(fault));
    let Ok(text) = std::str::from_utf8(stripped) else {
        return fault(LineFault::NotUtf8, &mut report);
    };
    if let Some(header) = text.strip_prefix('[') {
        let Some(name) = header.strip_suffix(']') else {
            return fault(LineFault::BrokenSection, &mut report);
        };
        *section = Some(name.to_owned());
        return Flow::Continue;
    }
    let Some(section) = section else {
        return fault(LineFault::OutsideSection, &mut report);
    };
    let Some((key, value)) = text.split_once('=') else {
        return fault(LineFault::NoAssignment, &mut report);
    };
    let offset = begin.saturating_add(key.len()).saturating_add(1);
    let key = key.trim_end_matches([' ', '\t', '\n', '\r']);
    if key.is_empty() {
        return fault(LineFault::NoKey, &mut report);
    }
    let (offset, value) = strip(value.as_bytes(), offset);
    // The cuts are at ASCII characters, so the text is still UTF-8.
    let text = std::str::from_utf8(value).unwrap_or_default();
    visit(
        number,
        Ok(DirectiveLine {
            section,
            key,
            value: Value {
                text,
                offset,
                lines: &logical.lines,
            },
        }),
    )
}

/// `text` without white space at its ends, and its position, counted from `offset`.
fn strip(text: &[u8], offset: usize) -> (usize, &[u8]) {
    let begin = text
        .iter()
        .position(|c| !WHITESPACE.contains(c))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|c| !WHITESPACE.contains(c))
        .map_or(begin, |last| last.saturating_add(1));
    (
        offset.saturating_add(begin),
        text.get(begin..end).unwrap_or_default(),
    )
}

/// The first line of `text`, and the rest. A line terminator is LF, CR or NUL, or two or three different
/// ones in a row, unless NUL is the first.
fn physical_line(text: &[u8]) -> (&[u8], &[u8]) {
    let is_end = |c: &u8| matches!(c, b'\n' | b'\r' | 0);
    let Some(length) = text.iter().position(is_end) else {
        return (text, b"");
    };
    let (line, mut rest) = text.split_at(length);
    let mut seen = Vec::with_capacity(3);
    while let Some((c, after)) = rest.split_first()
        && is_end(c)
        && !seen.contains(&0)
        && !seen.contains(c)
    {
        seen.push(*c);
        rest = after;
    }
    (line, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        parse(text, |line, item| {
            out.push(match item {
                Ok(a) => format!("{line} [{}] {}={}", a.section, a.key, a.value.text),
                Err(fault) => format!("{line} {fault:?}"),
            });
            Flow::Continue
        });
        out
    }

    #[test]
    fn lines() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"[A]\nb=c\n", &["2 [A] b=c"]),
            (b"\xef\xbb\xbf[A]\nb=c", &["2 [A] b=c"]),
            (b" [A]\n  b =  c d \t\n", &["2 [A] b=c d"]),
            (b"[A]\n# b=1\n ; b=2\nb=3", &["4 [A] b=3"]),
            (b"[A]\nb=1 # not a comment", &["2 [A] b=1 # not a comment"]),
            (
                b"[A]\nb=1 \\\n  2 \\\n3\nc=4",
                &["2 [A] b=1    2  3", "5 [A] c=4"],
            ),
            (b"[A]\nb=1 \\\n# in between\n2", &["2 [A] b=1  2"]),
            (b"[A]\nb=1\\\\\nc=2", &["2 [A] b=1\\\\", "3 [A] c=2"]),
            (b"[A]\nb=1 \\", &["2 [A] b=1"]),
            (b"[A]\nb=\n", &["2 [A] b="]),
            (b"[A]\nb=c=d", &["2 [A] b=c=d"]),
            (b"b=c\n[A]\nx", &["1 OutsideSection", "3 NoAssignment"]),
            (b"[A]\n=c\nb=c", &["2 NoKey", "3 [A] b=c"]),
            (b"[A\nb=c", &["1 BrokenSection"]),
            (b"[A]\nb=\xff\nc=d", &["2 NotUtf8"]),
            (b"[A]\n# \xff\nc=d", &["3 [A] c=d"]),
            (b"[A]\r\nb=c\r\n\r\nd=e", &["2 [A] b=c", "4 [A] d=e"]),
            (b"[A]\rb=c\0d=e", &["2 [A] b=c", "3 [A] d=e"]),
            (b"[A]\n\xef\xbb\xbfb=c", &["2 [A] \u{feff}b=c"]),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), *expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn finds_the_line_of_each_part_of_a_continued_value() {
        let mut lines = Vec::new();
        parse(
            b"[S]\n\nE = one \\\n# note\n  two \\\n\tthree\n",
            |_, item| {
                let value = item.unwrap().value;
                for word in ["one", "two", "three"] {
                    lines.push(value.line_at(value.text.find(word).unwrap()));
                }
                Flow::Continue
            },
        );
        assert_eq!(lines, [3, 5, 6]);
    }

    #[test]
    fn a_line_too_long_ends_the_file() {
        let mut text = b"[A]\nb=".to_vec();
        text.resize(LONGEST + 100, b'x');
        text.extend_from_slice(b"\nc=d");
        assert_eq!(read(&text), ["2 TooLong"]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(text in "(\\[A\\]|=|\\\\|\n|\r|#|a| |\u{0}|\\PC)*", bytes: Vec<u8>) {
            for text in [text.as_bytes(), &bytes] {
                let lines = text.len() + 1;
                parse(text, |line, item| {
                    assert!(usize::try_from(line).unwrap() <= lines);
                    if let Ok(item) = item {
                        assert!(item.value.line() >= line);
                        assert_eq!(item.value.text.trim_matches([' ', '\t', '\n', '\r']), item.value.text);
                    }
                    Flow::Continue
                });
            }
        }
    }
}
