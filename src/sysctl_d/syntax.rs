//! Parses one file into statements, as `systemd-sysctl` does.
//!
//! It knows neither other files nor which values the kernel accepts.

use super::dialect::{Ability, Dialect};

/// `systemd-sysctl` stops reading a file at a line of this many bytes.
const LONGEST_LINE: usize = 1 << 20;

/// A statement of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement<'a> {
    /// `key = value`, or `-key = value`.
    Assign {
        /// The key as written, without surrounding white space.
        key: &'a [u8],
        /// The value; everything that follows on the line is part of it.
        value: &'a [u8],
        /// Whether a leading `-` makes `systemd-sysctl` ignore a failure of the write.
        ignore_failure: bool,
    },
    /// `-key`: excludes the key from patterns.
    Exclude {
        /// The key as written.
        key: &'a [u8],
    },
    /// Neither. `systemd-sysctl` ignores the line, and exits with a failure.
    NotAssignment,
    /// The line is too long. `systemd-sysctl` reads no further in this file, and exits with a failure.
    TooLong,
}

/// A line that is neither blank nor a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedLine<'a> {
    /// Line number, counted from 1.
    pub number: u32,
    /// The whole line without its terminator.
    pub text: &'a [u8],
    /// The parsed statement.
    pub statement: Statement<'a>,
}

/// Iterates over the statements of a file.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    rest: &'a [u8],
    number: u32,
    dialect: Dialect,
}

/// The statements of a file.
pub(crate) const fn lines(content: &[u8], dialect: Dialect) -> Lines<'_> {
    Lines {
        rest: content,
        number: 0,
        dialect,
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = ParsedLine<'a>;

    fn next(&mut self) -> Option<ParsedLine<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            self.number = self.number.saturating_add(1);
            let (text, rest) = split_line(self.rest);
            self.rest = rest;
            if text.len() >= LONGEST_LINE {
                self.rest = &[];
                return Some(ParsedLine {
                    number: self.number,
                    text,
                    statement: Statement::TooLong,
                });
            }
            if let Some(statement) = statement(text, self.dialect) {
                return Some(ParsedLine {
                    number: self.number,
                    text,
                    statement,
                });
            }
        }
    }
}

/// Splits after the first line. A line terminator is LF, CR or NUL, or several different ones in a row (CR
/// LF is one, LF LF are two). A NUL is never combined with a later character.
fn split_line(content: &[u8]) -> (&[u8], &[u8]) {
    let end = content
        .iter()
        .position(|byte| matches!(byte, b'\n' | b'\r' | 0))
        .unwrap_or(content.len());
    let (text, mut rest) = content.split_at_checked(end).unwrap_or((content, &[]));
    let mut seen: [bool; 2] = [false; 2];
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'\n' if !seen[0] => seen[0] = true,
            b'\r' if !seen[1] => seen[1] = true,
            0 => {
                rest = after;
                break;
            }
            _ => break,
        }
        rest = after;
    }
    (text, rest)
}

fn statement(text: &[u8], dialect: Dialect) -> Option<Statement<'_>> {
    let text = strip(text);
    if matches!(text.first(), None | Some(b'#' | b';')) {
        return None;
    }
    let unminus = text.strip_prefix(b"-");
    let Some(equals) = text.iter().position(|&byte| byte == b'=') else {
        return Some(match unminus {
            Some(key) if dialect.can(Ability::Patterns) => Statement::Exclude { key: strip(key) },
            _ => Statement::NotAssignment,
        });
    };
    let (key, value) = text.split_at_checked(equals)?;
    let unminus = key
        .strip_prefix(b"-")
        .filter(|_| dialect.can(Ability::IgnoreFailure));
    Some(Statement::Assign {
        key: strip(unminus.unwrap_or(key)),
        value: strip(value.strip_prefix(b"=").unwrap_or(value)),
        ignore_failure: unminus.is_some(),
    })
}

/// Strips white space and line terminators from both ends.
fn strip(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let Some(start) = text.iter().position(|byte| !blank(byte)) else {
        return &[];
    };
    let end = text
        .iter()
        .rposition(|byte| !blank(byte))
        .map_or(text.len(), |last| last.saturating_add(1));
    text.get(start..end).unwrap_or(text)
}

/// The path below `/proc/sys` of a key: `net.ipv4.conf.eth0/1.x` becomes `net/ipv4/conf/eth0.1/x`.
///
/// The first of `.` and `/` in the key is the separator; if it is `.`, the two are swapped. Repeated and
/// leading separators and the component `.` are removed. The root itself is `/` or empty.
pub(crate) fn normalize(key: &[u8], path: &mut Vec<u8>) {
    path.clear();
    let first = key.iter().find(|byte| matches!(byte, b'.' | b'/'));
    let (separator, other) = match first {
        Some(b'.') => (b'.', b'/'),
        _ => (b'/', b'.'),
    };
    let swapped = |byte: u8| {
        if byte == other && separator == b'.' {
            b'.'
        } else {
            byte
        }
    };
    for component in key.split(|&byte| byte == separator) {
        let is_dot = match component {
            [] => true,
            [byte] => swapped(*byte) == b'.',
            _ => false,
        };
        if is_dot {
            continue;
        }
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend(component.iter().copied().map(swapped));
    }
    if path.is_empty() && first.is_some() {
        path.push(b'/');
    }
}

/// The path below `/proc/sys` of a key in which `.` and `/` are equivalent, as on the kernel command line.
pub(crate) fn normalize_slashes(key: &[u8], path: &mut Vec<u8>) {
    path.clear();
    let components = key.split(|byte| matches!(byte, b'.' | b'/'));
    for component in components.filter(|component| !component.is_empty()) {
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assign<'a>(key: &'a str, value: &'a str, ignore_failure: bool) -> Statement<'a> {
        Statement::Assign {
            key: key.as_bytes(),
            value: value.as_bytes(),
            ignore_failure,
        }
    }

    fn exclude(key: &str) -> Statement<'_> {
        Statement::Exclude {
            key: key.as_bytes(),
        }
    }

    #[test]
    fn statements() {
        for (text, expected) in [
            ("kernel.panic=10", Some(assign("kernel.panic", "10", false))),
            (
                "\t kernel.panic\t=\t10 ",
                Some(assign("kernel.panic", "10", false)),
            ),
            (
                "kernel.panic = 1 # c",
                Some(assign("kernel.panic", "1 # c", false)),
            ),
            (
                "kernel.panic = a=b",
                Some(assign("kernel.panic", "a=b", false)),
            ),
            (
                "kernel.panic = 10 \\",
                Some(assign("kernel.panic", "10 \\", false)),
            ),
            ("kernel.panic =", Some(assign("kernel.panic", "", false))),
            ("=", Some(assign("", "", false))),
            (
                "-kernel.panic = 10",
                Some(assign("kernel.panic", "10", true)),
            ),
            (
                " - kernel.panic = 10",
                Some(assign("kernel.panic", "10", true)),
            ),
            ("-kernel.panic", Some(exclude("kernel.panic"))),
            ("- kernel.panic", Some(exclude("kernel.panic"))),
            ("-", Some(exclude(""))),
            ("kernel.panic", Some(Statement::NotAssignment)),
            ("\u{feff}a=1", Some(assign("\u{feff}a", "1", false))),
            ("# a=1", None),
            ("  ; a=1", None),
            (" \t", None),
            ("", None),
        ] {
            assert_eq!(
                statement(text.as_bytes(), Dialect::NEWEST),
                expected,
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_old_systemd_knows_no_minus() {
        let el8 = Dialect::of(239);
        assert_eq!(statement(b"-a=1", el8), Some(assign("-a", "1", false)));
        assert_eq!(statement(b"-a", el8), Some(Statement::NotAssignment));
        let between = Dialect::of(243);
        assert_eq!(statement(b"-a=1", between), Some(assign("a", "1", true)));
        assert_eq!(statement(b"-a", between), Some(Statement::NotAssignment));
    }

    #[test]
    fn line_ends() {
        for (content, expected) in [
            ("a=1\nb=2", vec![1, 2]),
            ("a=1\r\nb=2\r\n", vec![1, 2]),
            ("a=1\n\rb=2", vec![1, 2]),
            ("a=1\rb=2", vec![1, 2]),
            ("a=1\n\nb=2", vec![1, 3]),
            ("a=1\r\n\r\nb=2", vec![1, 3]),
            ("a=1\r\rb=2", vec![1, 3]),
            ("a=1\0b=2", vec![1, 2]),
            ("a=1\0\0b=2", vec![1, 3]),
            ("a=1\n\0\nb=2", vec![1, 3]),
            ("\na=1", vec![2]),
        ] {
            let numbers: Vec<u32> = lines(content.as_bytes(), Dialect::NEWEST)
                .map(|line| line.number)
                .collect();
            assert_eq!(numbers, expected, "{content:?}");
        }
    }

    #[test]
    fn too_long_a_line_ends_the_file() {
        let mut content = b"a=1\n".to_vec();
        content.extend(std::iter::repeat_n(b'#', LONGEST_LINE));
        content.extend_from_slice(b"\nb=2\n");
        let found: Vec<_> = lines(&content, Dialect::NEWEST).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].statement, Statement::TooLong);
        let mut content = vec![b'#'; LONGEST_LINE - 1];
        content.extend_from_slice(b"\nb=2\n");
        assert_eq!(lines(&content, Dialect::NEWEST).count(), 1);
    }

    #[test]
    fn keys_are_unified() {
        for (key, expected) in [
            ("kernel.panic", "kernel/panic"),
            ("kernel/panic", "kernel/panic"),
            ("/kernel/panic", "kernel/panic"),
            (".kernel.panic", "kernel/panic"),
            ("kernel..panic", "kernel/panic"),
            ("kernel//panic/", "kernel/panic"),
            ("kernel/./panic", "kernel/panic"),
            ("kernel./.panic", "kernel/panic"),
            ("net.ipv4.conf.eth0/1.x", "net/ipv4/conf/eth0.1/x"),
            ("net/ipv4/conf/eth0.1/x", "net/ipv4/conf/eth0.1/x"),
            ("/proc/sys/kernel/panic", "proc/sys/kernel/panic"),
            ("kernel/../panic", "kernel/../panic"),
            ("KERNEL.PANIC", "KERNEL/PANIC"),
            ("panic", "panic"),
            ("", ""),
            ("/", "/"),
            (".", "/"),
        ] {
            let mut path = b"left over".to_vec();
            normalize(key.as_bytes(), &mut path);
            assert_eq!(String::from_utf8_lossy(&path), expected, "{key}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(content in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut last = 0;
            for line in lines(&content, Dialect::NEWEST) {
                prop_assert!(line.number > last);
                last = line.number;
            }
        }

        #[test]
        fn what_is_normal_stays(key in "[a-z./]{0,20}") {
            let (mut once, mut twice) = (Vec::new(), Vec::new());
            normalize(key.as_bytes(), &mut once);
            // With a dot before its first slash, a path would be read as the other spelling.
            let dot_first = once.iter().find(|b| matches!(b, b'.' | b'/')) == Some(&b'.');
            prop_assume!(!dot_first);
            normalize(&once, &mut twice);
            prop_assert_eq!(once, twice);
        }
    }
}
