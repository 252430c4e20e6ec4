//! The syntax of environment files, `EnvironmentFile=`.
//!
//! Follows systemd.exec(5), `EnvironmentFile=`, and the observed behaviour of systemd 252. A shell would
//! read such a file differently.

use std::mem::take;

use super::environment::{Variables, assignment};
use super::{EnvironmentFault, UnitProblem, UnitProblemKind, Variable, VariableOrigin};
use crate::facts::Source;

/// The state of the parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Line,
    Key,
    /// After `=` or a closing quote.
    BeforeValue,
    Value,
    ValueEscape,
    Single,
    Double,
    DoubleEscape,
    Comment,
    CommentEscape,
}

/// The assignment that is being read.
#[derive(Default)]
struct PendingAssignment {
    key: Vec<u8>,
    value: Vec<u8>,
    line: u32,
    /// The position of white space at the value's end, unless quotes or escapes protect it.
    trailing: Option<usize>,
    after_comment: bool,
}

impl PendingAssignment {
    /// Reads a character of the value.
    fn value(&mut self, state: State, c: u8) -> State {
        match (state, c) {
            (State::BeforeValue, b'\'') => State::Single,
            (State::BeforeValue, b'"') | (State::DoubleEscape, b'\n') => State::Double,
            (State::BeforeValue, b' ' | b'\t') | (State::Single, b'\'') | (State::Double, b'"') => {
                State::BeforeValue
            }
            (State::BeforeValue | State::Value, b'\\') => {
                self.trailing = None;
                State::ValueEscape
            }
            (State::ValueEscape, b'\n' | b'\r') => State::Value,
            (State::Value, b' ' | b'\t') => {
                self.trailing.get_or_insert(self.value.len());
                self.value.push(c);
                State::Value
            }
            (State::Double, b'\\') => State::DoubleEscape,
            (State::Single | State::Double, _) => {
                self.value.push(c);
                state
            }
            (State::DoubleEscape, _) => {
                if !matches!(c, b'"' | b'\\' | b'`' | b'$') {
                    self.value.push(b'\\');
                }
                self.value.push(c);
                State::Double
            }
            _ => {
                if state == State::Value {
                    self.trailing = None;
                }
                self.value.push(c);
                State::Value
            }
        }
    }
}

/// Whether a comment that ends with a backslash continues on the next line, as it does before systemd 254.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    /// systemd before 254.
    Continue,
    /// systemd 254 and later.
    EndWithLine,
    /// The version is unknown: read as 254 does, and report a problem.
    Unknown,
}

impl Comments {
    /// The behaviour of a version of systemd.
    pub(crate) fn of_systemd(version: Option<u32>) -> Self {
        match version {
            None => Self::Unknown,
            Some(version) if version < 254 => Self::Continue,
            Some(_) => Self::EndWithLine,
        }
    }
}

/// The variables that an environment file sets, in order. Problems are added to `problems`.
pub fn parse(
    path: &str,
    content: &[u8],
    comments: Comments,
    problems: &mut Vec<UnitProblem>,
) -> Result<Vec<Variable>, EnvironmentFault> {
    let mut reader = Reader {
        path,
        comments,
        problems,
        variables: Variables::default(),
        state: State::Line,
        entry: PendingAssignment::default(),
        line: 1,
        after_comment: false,
    };
    // systemd refuses a file that contains a NUL.
    let nul = content.contains(&0);
    for &c in content {
        if nul {
            if c == 0 {
                return Err(EnvironmentFault::Nul(Source::line(path, reader.line)));
            }
        } else {
            reader.read(c)?;
        }
        if c == b'\n' {
            reader.line = reader.line.saturating_add(1);
        }
    }
    if !matches!(
        reader.state,
        State::Line | State::Key | State::Comment | State::CommentEscape
    ) {
        reader.add()?;
    }
    Ok(reader.variables.into_vec())
}

struct Reader<'a> {
    path: &'a str,
    comments: Comments,
    problems: &'a mut Vec<UnitProblem>,
    variables: Variables,
    state: State,
    entry: PendingAssignment,
    line: u32,
    /// Whether the previous line is a comment that may continue on this one.
    after_comment: bool,
}

impl Reader<'_> {
    fn read(&mut self, c: u8) -> Result<(), EnvironmentFault> {
        let newline = matches!(c, b'\n' | b'\r');
        self.state = match self.state {
            State::Line => self.line_begins(c),
            State::Key if newline => State::Line,
            State::Key if c == b'=' => State::BeforeValue,
            State::Key => {
                self.entry.key.push(c);
                State::Key
            }
            State::BeforeValue | State::Value if newline => {
                self.add()?;
                State::Line
            }
            State::CommentEscape if newline && self.comments != Comments::Continue => {
                self.after_comment = self.comments == Comments::Unknown;
                State::Line
            }
            State::Comment if c == b'\\' => State::CommentEscape,
            State::Comment if newline => State::Line,
            State::Comment | State::CommentEscape => State::Comment,
            state => self.entry.value(state, c),
        };
        Ok(())
    }

    /// Reads the first character of a line.
    fn line_begins(&mut self, c: u8) -> State {
        match c {
            // Only the line directly after the comment is affected.
            b'#' | b';' => {
                self.after_comment = false;
                State::Comment
            }
            b'\n' | b'\r' => {
                self.after_comment = false;
                State::Line
            }
            b' ' | b'\t' => State::Line,
            _ => {
                self.entry = PendingAssignment {
                    key: vec![c],
                    line: self.line,
                    after_comment: take(&mut self.after_comment),
                    ..PendingAssignment::default()
                };
                State::Key
            }
        }
    }

    /// Records the assignment that has been read.
    fn add(&mut self) -> Result<(), EnvironmentFault> {
        let mut entry = take(&mut self.entry);
        let source = Source::line(self.path, entry.line);
        if let (State::Value, Some(end)) = (self.state, entry.trailing) {
            entry.value.truncate(end);
        }
        let key = entry.key.trim_ascii_end();
        if std::str::from_utf8(key).is_err() || std::str::from_utf8(&entry.value).is_err() {
            return Err(EnvironmentFault::NotUtf8(source));
        }
        let mut whole = key.to_vec();
        whole.push(b'=');
        whole.extend_from_slice(&entry.value);
        if entry.after_comment {
            self.problems.push(UnitProblem {
                source: Some(source.clone()),
                kind: UnitProblemKind::AfterComment,
            });
        }
        match assignment(&whole) {
            Ok((name, value)) => self.variables.set(Variable {
                name,
                value,
                source: Some(source),
                origin: VariableOrigin::File,
            }),
            Err(name) => self.problems.push(UnitProblem {
                source: Some(source),
                kind: UnitProblemKind::NotAnAssignment { name },
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8], comments: Comments) -> (Vec<String>, Vec<String>) {
        let mut problems = Vec::new();
        let variables = parse("/e", text, comments, &mut problems).unwrap();
        let variables = variables.into_iter().map(|v| {
            let line = v.source.unwrap().line.unwrap();
            format!("{line} {}={}", v.name, v.value.escape_default())
        });
        let problems = problems.iter().map(ToString::to_string).collect();
        (variables.collect(), problems)
    }

    #[test]
    fn assignments() {
        let cases: &[(&[u8], &[&str])] = &[
            (b"A=b\nC=d\n", &["1 A=b", "2 C=d"]),
            (b"A=b", &["1 A=b"]),
            (b"A=\nB=", &["1 A=", "2 B="]),
            (b"# A=1\n; A=2\n  # A=3\nA=4", &["4 A=4"]),
            (b"A=b # not a comment\n", &["1 A=b # not a comment"]),
            (b"  A = b c \t\n", &["1 A=b c"]),
            (b"A=\"b c\" \nB='d  '\n", &["1 A=b c", "2 B=d  "]),
            (b"A=\"b\"'c'd\n", &["1 A=bcd"]),
            (b"A=\"b\" c\n", &["1 A=bc"]),
            (b"A=b \"c\"\n", &["1 A=b \\\"c\\\""]),
            (b"A=\"x\\\"y\\$z\\q\"\n", &["1 A=x\\\"y$z\\\\q"]),
            (b"A='x\\y'\n", &["1 A=x\\\\y"]),
            (b"A=x\\yz\\\\\n", &["1 A=xyz\\\\"]),
            (b"A=x\\ \n", &["1 A=x "]),
            (b"A=one \\\n  two\nB=3", &["1 A=one   two", "3 B=3"]),
            (
                b"A=\"one\\\ntwo\nthree\"\nB=4",
                &["1 A=onetwo\\nthree", "4 B=4"],
            ),
            (b"A=1\nA=2\n", &["2 A=2"]),
            (b"A=b\r\nC=d\r\n", &["1 A=b", "2 C=d"]),
            (b"no assignment\nA=1", &["2 A=1"]),
            (b"A='open\nB=2", &["1 A=open\\nB=2"]),
            (b"A=b=c", &["1 A=b=c"]),
            (b"A=$B ${C} `d`", &["1 A=$B ${C} `d`"]),
            (b"# x \\y\nA=1", &["2 A=1"]),
        ];
        for (text, expected) in cases {
            let (variables, problems) = read(text, Comments::Unknown);
            assert_eq!(variables, *expected, "{}", text.escape_ascii());
            assert_eq!(problems, [""; 0], "{}", text.escape_ascii());
        }
    }

    #[test]
    fn invalid_names_are_ignored_and_reported() {
        let (variables, problems) = read(b"export A=secret\n1B=2\nC=3\n", Comments::Unknown);
        assert_eq!(variables, ["3 C=3"]);
        assert_eq!(
            problems,
            [
                "/e:1: \"export A\" is not a valid assignment to a variable, so systemd ignores it",
                "/e:2: \"1B\" is not a valid assignment to a variable, so systemd ignores it",
            ]
        );
    }

    #[test]
    fn a_comment_continues_after_a_backslash_before_254() {
        let text = b"# comment \\\nA=1\nB=2\n";
        assert_eq!(read(text, Comments::of_systemd(Some(253))).0, ["3 B=2"]);
        let (variables, problems) = read(text, Comments::of_systemd(Some(254)));
        assert_eq!((variables.len(), problems.len()), (2, 0));
        let (variables, problems) = read(text, Comments::of_systemd(None));
        assert_eq!(variables.len(), 2);
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("/e:2: follows a comment"),
            "{problems:?}"
        );
        for text in [
            &b"# comment \\\n\nA=1\n"[..],
            b"# c \\\n# d\nA=1",
            b"# c\\\r\nA=1",
        ] {
            assert_eq!(read(text, Comments::Unknown).1, [""; 0]);
        }
    }

    #[test]
    fn some_bytes_invalidate_the_whole_file() {
        let fault = |text: &[u8]| {
            parse("/e", text, Comments::Unknown, &mut Vec::new())
                .unwrap_err()
                .to_string()
        };
        assert!(fault(b"A=1\nB=\xff\n").starts_with("/e:2: not UTF-8"));
        assert!(fault(b"A=1\n\nB=\0\n").starts_with("/e:3: contains a NUL"));
        // Comments may contain any bytes.
        assert_eq!(read(b"# \xff\nA=1\n", Comments::Unknown).0, ["2 A=1"]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes: Vec<u8>, text in "([AB=\\\\\"'#\n\r $;]|\\PC)*") {
            for text in [bytes.as_slice(), text.as_bytes()] {
                let mut problems = Vec::new();
                if let Ok(variables) = parse("/e", text, Comments::Unknown, &mut problems) {
                    for variable in variables {
                        prop_assert!(super::super::environment::is_name(&variable.name));
                    }
                }
            }
        }

        #[test]
        fn quoted_values_read_back(value in "[^\u{0}-\u{8}\u{b}-\u{1f}\u{7f}]*") {
            let mut quoted = String::new();
            for c in value.chars() {
                if matches!(c, '"' | '\\' | '`' | '$') {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
            let text = format!("A=\"{quoted}\"\n");
            let read = parse("/e", text.as_bytes(), Comments::Unknown, &mut Vec::new()).unwrap();
            prop_assert_eq!(&read[0].value, &value);
        }
    }
}
