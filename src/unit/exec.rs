//! Parses `ExecStart=` and similar directives: prefixes, program, arguments, several commands on one line.
//!
//! Follows systemd.service(5), "Command lines".

use super::specifier::{NotASpecifier, Specifiers};
use super::syntax::Value;
use super::words::{Rules, WHITESPACE, Words};
use super::{Command, UnitProblem, UnitProblemKind, Word};
use crate::facts::Source;

/// Why systemd refuses a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandFault {
    /// Unclosed quotes.
    #[error("has unbalanced quotes")]
    Quotes,
    /// Prefixes without a program.
    #[error("names no program")]
    NoProgram,
    /// Quotes, backslashes or control characters in the program's path.
    #[error("has quotes, backslashes or control characters in the program's path")]
    UnsafePath,
    /// The path ends with a slash.
    #[error("names a directory, not a program")]
    Directory,
    /// Neither an absolute path nor a plain name.
    #[error("names a program neither by an absolute path nor by a plain file name")]
    NotAPath,
    /// An invalid specifier.
    #[error("is refused because {0}")]
    Specifier(NotASpecifier),
    /// Prefix `@` without `argv[0]`.
    #[error("has the prefix \"@\", but no word for the program's own name")]
    NoName,
}

/// The result of parsing a line of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineResult {
    /// The line is parsed, or ignored as systemd does.
    Done,
    /// systemd reads no further in this file.
    Refused,
}

/// Appends the commands on a line, which is `ExecStart=` or another directive `key`, to `commands`.
pub(crate) fn parse(
    key: &'static str,
    value: &Value<'_>,
    path: &str,
    specifiers: &Specifiers,
    commands: &mut Vec<Command>,
    problems: &mut Vec<UnitProblem>,
) -> LineResult {
    let mut line = CommandReader {
        key,
        value,
        path,
        specifiers,
        problems,
    };
    let mut words = Words::new(value.text.as_bytes());
    loop {
        match line.command(&mut words) {
            Ok(Some((command, more))) => {
                commands.push(command);
                if !more {
                    return LineResult::Done;
                }
            }
            Ok(None) => return LineResult::Done,
            Err(refused) => return refused,
        }
    }
}

struct CommandReader<'a> {
    key: &'static str,
    value: &'a Value<'a>,
    path: &'a str,
    specifiers: &'a Specifiers,
    problems: &'a mut Vec<UnitProblem>,
}

/// The prefixes of a program, each as often as it counts.
struct Prefixes<'a>(&'a [u8]);

impl<'a> Prefixes<'a> {
    /// Splits the prefixes off `word`.
    fn take(word: &'a [u8]) -> (Self, &'a [u8]) {
        let counts = |before: &[u8], c: u8| {
            let seen = |c: u8| before.contains(&c);
            match c {
                b'-' | b'@' | b':' | b'|' => !seen(c),
                b'+' => !seen(b'+') && !seen(b'!'),
                // `!!` has another meaning than `!`.
                b'!' => !seen(b'+') && before.split(|&c| c == b'!').count() < 3,
                _ => false,
            }
        };
        let mut length: usize = 0;
        while let (Some(before), Some(&c)) = (word.get(..length), word.get(length))
            && counts(before, c)
        {
            length = length.saturating_add(1);
        }
        let (prefixes, rest) = word.split_at(length);
        (Self(prefixes), rest)
    }

    fn has(&self, c: u8) -> bool {
        self.0.contains(&c)
    }
}

impl CommandReader<'_> {
    fn source(&self, position: usize) -> Source {
        Source::line(self.path, self.value.line_at(position))
    }

    fn problem(&mut self, position: usize, kind: UnitProblemKind) {
        let source = Some(self.source(position));
        self.problems.push(UnitProblem { source, kind });
    }

    const fn fault(&self, fault: CommandFault) -> UnitProblemKind {
        let key = self.key;
        UnitProblemKind::Command { key, fault }
    }

    /// The next word. An unknown escape is kept as written.
    fn word(&mut self, words: &mut Words<'_>) -> Result<Option<(usize, Vec<u8>)>, CommandFault> {
        let mut retry = words.clone();
        if let Ok(word) = words.next(Rules::Strict) {
            return Ok(word.map(|word| (word.start, word.text)));
        }
        let word = retry.next(Rules::KeepUnknown);
        *words = retry;
        let word = word.map_err(|_| CommandFault::Quotes)?;
        if let Some(word) = &word {
            self.problem(word.start, UnitProblemKind::UnknownEscape { key: self.key });
        }
        Ok(word.map(|word| (word.start, word.text)))
    }

    fn expand(&mut self, position: usize, text: &[u8]) -> Result<String, CommandFault> {
        let mut unknown = Vec::new();
        let expanded = self
            .specifiers
            .expand(text, |letter| unknown.push(letter))
            .map_err(CommandFault::Specifier)?;
        for specifier in unknown {
            let key = self.key;
            self.problem(position, UnitProblemKind::Specifier { key, specifier });
        }
        Ok(String::from_utf8(expanded).unwrap_or_else(|error| {
            self.problem(position, UnitProblemKind::NotUtf8);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }

    /// The next command, and whether another one follows.
    fn command(&mut self, words: &mut Words<'_>) -> Result<Option<(Command, bool)>, LineResult> {
        let (start, first) = loop {
            let at = words.position();
            match self.word(words) {
                // A separate `;` separates commands, even if there is no command before it.
                Ok(Some((_, word))) if word == b";" => {}
                Ok(Some(first)) => break first,
                Ok(None) => return Ok(None),
                Err(fault) => {
                    // systemd ignores a syntax error in the first word.
                    self.problem(at, self.fault(fault));
                    return Err(LineResult::Done);
                }
            }
        };
        let (prefixes, rest) = Prefixes::take(&first);
        let refuse = |line: &mut Self, position, fault| {
            line.problem(position, line.fault(fault));
            if prefixes.has(b'-') {
                LineResult::Done
            } else {
                LineResult::Refused
            }
        };
        let path = match self.expand(start, rest).and_then(|path| {
            check_path(&path, prefixes.has(b'|'))?;
            Ok(path)
        }) {
            Ok(path) => path,
            Err(fault) => return Err(refuse(self, start, fault)),
        };
        if prefixes.has(b'|') {
            self.problem(start, UnitProblemKind::ViaShell);
        }
        let source = self.source(start);
        let mut argv = Vec::new();
        if !prefixes.has(b'@') {
            argv.push(Word {
                text: path.clone(),
                source: Some(source.clone()),
            });
        }
        let mut more = false;
        while let Some((&c, after)) = words.rest().split_first() {
            let alone = |after: &[u8]| after.first().is_none_or(|c| WHITESPACE.contains(c));
            if c == b';' && alone(after) {
                words.skip(1);
                more = true;
                break;
            }
            let position = words.position();
            if let (b'\\', Some((b';', after))) = (c, after.split_first())
                && alone(after)
            {
                words.skip(2);
                argv.push(Word {
                    text: ";".to_owned(),
                    source: Some(self.source(position)),
                });
                continue;
            }
            let word = self.word(words).and_then(|word| {
                let expand = |(position, text): (usize, Vec<u8>)| {
                    self.expand(position, &text).map(|text| (position, text))
                };
                word.map(expand).transpose()
            });
            match word {
                Ok(Some((position, text))) => {
                    let source = Some(self.source(position));
                    argv.push(Word { text, source });
                }
                Ok(None) => break,
                Err(fault) => return Err(refuse(self, position, fault)),
            }
        }
        if argv.first().is_none_or(|word| word.text.is_empty()) {
            return Err(refuse(self, start, CommandFault::NoName));
        }
        let command = Command {
            path: simplify(&path),
            argv,
            source: Some(source),
            ignore_failure: prefixes.has(b'-'),
            expand: !prefixes.has(b':'),
            via_shell: prefixes.has(b'|'),
        };
        Ok(Some((command, more)))
    }
}

fn check_path(path: &str, via_shell: bool) -> Result<(), CommandFault> {
    if path.is_empty() {
        return Err(CommandFault::NoProgram);
    }
    if via_shell {
        return Ok(());
    }
    if path
        .bytes()
        .any(|c| c.is_ascii_control() || matches!(c, b'"' | b'\'' | b'\\'))
    {
        return Err(CommandFault::UnsafePath);
    }
    if path.ends_with('/') {
        return Err(CommandFault::Directory);
    }
    let absolute = path.starts_with('/') && path.len() < 4096;
    let name = !path.contains('/') && !matches!(path, "." | "..");
    let short = path.split('/').all(|part| part.len() <= 255);
    if (absolute || name) && short {
        Ok(())
    } else {
        Err(CommandFault::NotAPath)
    }
}

/// Removes double slashes and the component `.` from a path.
pub(super) fn simplify(path: &str) -> String {
    if !path.starts_with('/') {
        return path.to_owned();
    }
    let mut out = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        out.push('/');
        out.push_str(part);
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{self, Flow};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (LineResult, Vec<Command>, Vec<String>) {
        let mut commands = Vec::new();
        let mut problems = Vec::new();
        let mut outcome = LineResult::Done;
        let unit = format!("[Service]\nExecStart={text}\n");
        let specifiers = Specifiers::of_unit("rke2-server.service");
        syntax::parse(unit.as_bytes(), |_, item| {
            if let Ok(item) = item {
                outcome = parse(
                    "ExecStart",
                    &item.value,
                    "/u",
                    &specifiers,
                    &mut commands,
                    &mut problems,
                );
            }
            Flow::Continue
        });
        let problems = problems.iter().map(ToString::to_string).collect();
        (outcome, commands, problems)
    }

    #[test]
    fn commands() {
        let cases: &[(&str, &[&[&str]])] = &[
            (
                "/usr/local/bin/rke2 server",
                &[&["/usr/local/bin/rke2", "server"]],
            ),
            ("rke2 server", &[&["rke2", "server"]]),
            ("-/bin/a b", &[&["/bin/a", "b"]]),
            ("@/bin/a own b", &[&["own", "b"]]),
            ("-@:+/bin/a own b", &[&["own", "b"]]),
            ("!!/bin/a", &[&["/bin/a"]]),
            ("/bin//a/./b c", &[&["/bin//a/./b", "c"]]),
            (
                "/bin/a %n '%N x' 100%%",
                &[&["/bin/a", "rke2-server.service", "rke2-server x", "100%"]],
            ),
            ("/bin/a b ; /bin/c d", &[&["/bin/a", "b"], &["/bin/c", "d"]]),
            ("/bin/a b ;", &[&["/bin/a", "b"]]),
            (
                "; ';' /bin/a b ; ; /bin/c",
                &[&["/bin/a", "b"], &["/bin/c"]],
            ),
            (";", &[]),
            (
                "/bin/a b;c ';' \\; \"\\\\;\"",
                &[&["/bin/a", "b;c", ";", ";", "\\;"]],
            ),
            ("\"/bin/a\" '' \"b c\"", &[&["/bin/a", "", "b c"]]),
            ("/bin/a $B ${C}", &[&["/bin/a", "$B", "${C}"]]),
            ("/bin/a \\\n  b \\\n  c", &[&["/bin/a", "b", "c"]]),
            ("/bin/a --x=\"y z\"", &[&["/bin/a", "--x=y z"]]),
        ];
        for (text, expected) in cases {
            let (outcome, commands, problems) = read(text);
            assert_eq!(outcome, LineResult::Done, "{text}");
            let commands: Vec<Vec<&str>> = commands
                .iter()
                .map(|c| c.argv.iter().map(|word| word.text.as_str()).collect())
                .collect();
            assert_eq!(commands, *expected, "{text}");
            assert_eq!(problems, [""; 0], "{text}");
        }
    }

    #[test]
    fn prefixes() {
        let (_, commands, _) = read("-:/bin//a b");
        assert_eq!(commands[0].path, "/bin/a");
        assert!(commands[0].ignore_failure && !commands[0].expand);
        let (_, commands, problems) = read("|echo hello");
        assert!(commands[0].via_shell);
        assert_eq!(problems, ["/u:2: ExecStart=| runs the command in a shell"]);
    }

    #[test]
    fn each_word_has_its_line() {
        let (_, commands, _) = read("/bin/a \\\n  b \\\n  c ; /bin/d");
        let lines: Vec<_> = commands
            .iter()
            .flat_map(|command| &command.argv)
            .map(|word| word.source.as_ref().unwrap().line.unwrap())
            .collect();
        assert_eq!(lines, [2, 3, 4, 4]);
    }

    #[test]
    fn refused_and_ignored() {
        use CommandFault as F;
        use LineResult::{Done, Refused};
        let cases = [
            ("-", F::NoProgram, Done),
            ("@ a", F::NoProgram, Refused),
            ("+!/bin/a", F::NotAPath, Refused),
            ("\"/bin/a\\\"\"", F::UnsafePath, Refused),
            ("/bin/", F::Directory, Refused),
            ("bin/a", F::NotAPath, Refused),
            ("-bin/a", F::NotAPath, Done),
            ("/bin/a 'open", F::Quotes, Refused),
            ("-/bin/a 'open", F::Quotes, Done),
            ("'open", F::Quotes, Done),
            ("@/bin/a", F::NoName, Refused),
            ("/bin/a %z", F::Specifier(NotASpecifier('z')), Refused),
        ];
        for (text, fault, expected) in cases {
            let (outcome, commands, problems) = read(text);
            assert_eq!((outcome, commands.len()), (expected, 0), "{text}");
            assert_eq!(
                problems,
                [format!(
                    "/u:2: {}",
                    UnitProblemKind::Command {
                        key: "ExecStart",
                        fault
                    }
                )],
                "{text}"
            );
        }
    }

    #[test]
    fn an_unknown_escape_stays() {
        let (_, commands, problems) = read(r"/bin/sh -c \$x");
        assert_eq!(commands[0].argv[2].text, r"\$x");
        assert_eq!(problems.len(), 1);
    }

    proptest! {
        #[test]
        fn any_value_ends(text in "([-@:+!|/a \"'\\\\;%$\n]|\\PC)*") {
            let (_, commands, _) = read(&text);
            for command in commands {
                prop_assert!(!command.path.is_empty());
                prop_assert!(!command.argv[0].text.is_empty());
            }
        }
    }
}
