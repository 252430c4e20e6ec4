//! One file: its bytes to statements, as `systemd-sysctl` reads them.
//!
//! Knows nothing of other files, nor of what the kernel makes of a value.

use super::dialect::{Ability, Dialect};

/// A line of this many bytes ends the reading of its file.
const LONGEST_LINE: usize = 1 << 20;

/// What one line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement<'a> {
    /// `key = value`, or `-key = value`.
    Assign {
        /// The key as it is written, without what surrounds it.
        key: &'a [u8],
        /// The value; what follows it on the line is part of it.
        value: &'a [u8],
        /// Whether a `-` makes a failing write no failure.
        ignore_failure: bool,
    },
    /// `-key`: patterns leave the key alone.
    Exclude {
        /// The key as it is written.
        key: &'a [u8],
    },
    /// Neither; `systemd-sysctl` ignores the line and fails in the end.
    NotAssignment,
    /// Too long a line: the file is not read further, and `systemd-sysctl` fails in the end.
    TooLong,
}

/// A line that is neither blank nor a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedLine<'a> {
    /// Counted from 1.
    pub number: u32,
    /// The whole line without its end.
    pub text: &'a [u8],
    /// What it says.
    pub statement: Statement<'a>,
}

/// Reads the lines of a file.
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

/// Splits after the first line. A line ends with any of LF, CR and NUL, or with several of them
/// that differ (so CR LF is one end, and LF LF two); nothing joins a NUL.
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

/// Without blanks and line ends at either end.
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

/// The path below `/proc/sys` that a key stands for: `net.ipv4.conf.eth0/1.x` becomes
/// `net/ipv4/conf/eth0.1/x`.
///
/// Whichever of `.` and `/` comes first separates; where it is `.`, the two change roles. Doubled
/// and leading separators and `.` as a component go. The root itself is `/` or empty.
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

/// The path below `/proc/sys` of a key in which `.` and `/` are the same, as on the kernel command
/// line.
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
            // A path that holds a dot before its first slash would be read as the other spelling.
            let dot_first = once.iter().find(|b| matches!(b, b'.' | b'/')) == Some(&b'.');
            prop_assume!(!dot_first);
            normalize(&once, &mut twice);
            prop_assert_eq!(once, twice);
        }
    }
}
