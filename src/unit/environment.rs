//! Environment variables: valid assignments, precedence, and `$FOO` in a command.

use std::collections::BTreeMap;

use super::words::{Rules, Words};
use super::{Word, specifier};
use crate::facts::Source;

/// The longest assignment that systemd accepts: `ARG_MAX` with a stack of 8 MiB, less a little.
const LONGEST: usize = (2 << 20) - 3;

/// The longest command that the kernel runs.
const LONGEST_COMMAND: usize = 6 << 20;

/// Variables that systemd sets itself when it starts a service, whatever it inherits
/// (systemd.exec(5), "Environment Variables Set or Propagated by the Service Manager").
const SET_BY_SYSTEMD: [&str; 37] = [
    "CACHE_DIRECTORY",
    "CONFIGURATION_DIRECTORY",
    "CREDENTIALS_DIRECTORY",
    "DEBUG_INVOCATION",
    "EXIT_CODE",
    "EXIT_STATUS",
    "FDSTORE",
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LOGNAME",
    "LOGS_DIRECTORY",
    "LOG_NAMESPACE",
    "MAINPID",
    "MAINPIDFDID",
    "MANAGERPID",
    "MANAGERPIDFDID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "PATH",
    "PIDFILE",
    "RUNTIME_DIRECTORY",
    "SERVICE_RESULT",
    "SHELL",
    "STATE_DIRECTORY",
    "SYSTEMD_EXEC_PID",
    "TERM",
    "USER",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "XDG_RUNTIME_DIR",
];

/// Whether systemd may set a variable of that name itself when it starts a service.
pub fn is_set_by_systemd(name: &str) -> bool {
    SET_BY_SYSTEMD.binary_search(&name).is_ok() || name.starts_with("LC_")
}

/// What sets a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariableOrigin {
    /// systemd itself: `DefaultEnvironment=`, the kernel command line, `systemctl set-environment`.
    Manager,
    /// `Environment=` of the unit.
    Unit,
    /// An `EnvironmentFile=` of the unit.
    File,
}

/// An environment variable of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value, which may be a secret.
    pub value: String,
    /// Where it is set; `None` if only systemd knows.
    pub source: Option<Source>,
    /// What sets it.
    pub origin: VariableOrigin,
}

/// Variables in the order in which they were first set, each with its last value.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    list: Vec<Variable>,
    places: BTreeMap<String, usize>,
}

impl Variables {
    /// Sets a variable. One of the same name keeps its position.
    pub(crate) fn set(&mut self, variable: Variable) {
        if let Some(old) = self
            .places
            .get(&variable.name)
            .and_then(|&place| self.list.get_mut(place))
        {
            *old = variable;
        } else {
            self.places.insert(variable.name.clone(), self.list.len());
            self.list.push(variable);
        }
    }

    /// Removes all variables.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.places.clear();
    }

    /// The variable of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Variable> {
        self.places
            .get(name)
            .and_then(|&place| self.list.get(place))
    }

    /// All variables except those in `unset`, which lists names or whole assignments.
    #[must_use]
    pub(crate) fn without(self, unset: &[String]) -> Self {
        let unset: std::collections::BTreeSet<&str> = unset.iter().map(String::as_str).collect();
        let mut kept = Self::default();
        for variable in self.list {
            let whole = format!("{}={}", variable.name, variable.value);
            if !unset.contains(variable.name.as_str()) && !unset.contains(whole.as_str()) {
                kept.set(variable);
            }
        }
        kept
    }

    /// The variables, in order.
    pub fn into_vec(self) -> Vec<Variable> {
        self.list
    }
}

/// Whether systemd accepts `name` as the name of a variable.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// Splits `NAME=value` if systemd accepts it. The error is the invalid name.
pub(crate) fn assignment(text: &[u8]) -> Result<(String, String), String> {
    let utf8 = std::str::from_utf8(text).is_ok();
    let text = String::from_utf8_lossy(text);
    // Control characters are valid in a value.
    let Some((name, value)) = text.split_once('=') else {
        // The text may be the rest of a value that should have been quoted, so it is not shown.
        return Err("<redacted>".to_owned());
    };
    let valid = utf8 && is_name(name) && text.len() <= LONGEST;
    if valid {
        Ok((name.to_owned(), value.to_owned()))
    } else {
        Err(shown(name))
    }
}

/// An invalid name for display.
fn shown(name: &str) -> String {
    name.chars()
        .take(64)
        .flat_map(char::escape_default)
        .collect()
}

/// The command would be longer than the kernel accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("variables make the command longer than 6 MiB, which the kernel does not run")]
pub(crate) struct TooLong;

/// Replaces `$FOO` and `${FOO}` in the arguments of a command as described in systemd.service(5), "Command
/// lines": an argument `$FOO` becomes as many arguments as the value has words, `${FOO}` stays within its
/// argument.
pub(crate) fn expand(words: &[Word], variables: &Variables) -> Result<Vec<Word>, TooLong> {
    let mut out = Vec::with_capacity(words.len());
    let mut length: usize = 0;
    for word in words {
        match word.text.strip_prefix('$') {
            Some(name) if !name.starts_with(['{', '$']) => {
                let Some(variable) = variables.get(name) else {
                    continue;
                };
                length = length.saturating_add(variable.value.len());
                let mut values = Words::new(variable.value.as_bytes());
                // Relaxed rules have no errors.
                while let Ok(Some(value)) = values.next(Rules::Relaxed) {
                    length = length.saturating_add(1);
                    out.push(Word {
                        text: String::from_utf8_lossy(&value.text).into_owned(),
                        source: variable.source.clone().or_else(|| word.source.clone()),
                    });
                }
            }
            _ => {
                let text = braced(&word.text, variables, LONGEST_COMMAND)?;
                length = length.saturating_add(text.len()).saturating_add(1);
                out.push(Word {
                    source: source_of(word, variables),
                    text,
                });
            }
        }
        if length > LONGEST_COMMAND {
            return Err(TooLong);
        }
    }
    Ok(out)
}

/// The names of the variables that an argument refers to.
pub(crate) fn references(word: &str) -> Vec<&str> {
    if let Some(name) = word.strip_prefix('$')
        && !name.starts_with(['{', '$'])
    {
        return vec![name];
    }
    let mut out = Vec::new();
    let mut rest = word;
    while let Some((_, after)) = rest.split_once('$') {
        rest = if let Some(after) = after.strip_prefix('$') {
            after
        } else if let Some((name, after)) = after
            .strip_prefix('{')
            .and_then(|name| name.split_once('}'))
        {
            out.push(name);
            after
        } else {
            after
        };
    }
    out
}

/// The position of an argument. One that is only `${FOO}` has the position of the variable.
fn source_of(word: &Word, variables: &Variables) -> Option<Source> {
    word.text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|name| variables.get(name))
        .and_then(|variable| variable.source.clone())
        .or_else(|| word.source.clone())
}

fn braced(word: &str, variables: &Variables, limit: usize) -> Result<String, TooLong> {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = after
            .strip_prefix('{')
            .and_then(|name| name.split_once('}'))
        {
            if let Some(variable) = variables.get(name) {
                out.push_str(&variable.value);
            }
            rest = after;
        } else {
            out.push('$');
            rest = after;
            // Without a closing brace, there is no further reference.
            if rest.starts_with('{') {
                break;
            }
        }
        if out.len() > limit {
            return Err(TooLong);
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Calls `each` with the assignments in a value of `Environment=` or `DefaultEnvironment=` and their
/// positions, and `fault` with what systemd ignores.
pub(crate) fn assignments(
    text: &str,
    specifiers: &specifier::Specifiers,
    mut each: impl FnMut(usize, (String, String)),
    mut fault: impl FnMut(usize, AssignmentFault),
) {
    let mut words = Words::new(text.as_bytes());
    loop {
        let at = words.position();
        match words.next(Rules::Strict) {
            Ok(None) => return,
            Ok(Some(word)) => {
                let resolved = specifiers.expand(&word.text, |letter| {
                    fault(word.start, AssignmentFault::Specifier(letter));
                });
                match resolved.map(|text| assignment(&text)) {
                    Ok(Ok(pair)) => each(word.start, pair),
                    Ok(Err(name)) => fault(word.start, AssignmentFault::NotAnAssignment(name)),
                    Err(error) => fault(word.start, AssignmentFault::NotASpecifier(error)),
                }
            }
            Err(_) => return fault(at, AssignmentFault::Unreadable),
        }
    }
}

/// What is wrong in a list of assignments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AssignmentFault {
    /// A word is not an assignment. Contains the name.
    NotAnAssignment(String),
    /// A specifier whose value is unknown.
    Specifier(char),
    /// An invalid specifier; the word is ignored.
    NotASpecifier(specifier::NotASpecifier),
    /// A syntax error; the rest of the line is ignored.
    Unreadable,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let mut out = Variables::default();
        for (name, value) in pairs {
            out.set(Variable {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
                source: Some(Source::line("/env", 7)),
                origin: VariableOrigin::File,
            });
        }
        out
    }

    fn word(text: &str) -> Word {
        Word {
            text: text.to_owned(),
            source: Some(Source::line("/unit", 3)),
        }
    }

    #[test]
    fn expands_as_systemd_does() {
        let variables = variables(&[
            ("ONE", "1"),
            ("TWO", "a 'b c' d\\e"),
            ("EMPTY", ""),
            ("OPEN", "x \"y z"),
        ]);
        let cases: &[(&str, &[&str])] = &[
            ("$ONE", &["1"]),
            ("$TWO", &["a", "b c", "de"]),
            ("${TWO}", &["a 'b c' d\\e"]),
            ("$EMPTY", &[]),
            ("${EMPTY}", &[""]),
            ("$NONE", &[]),
            ("${NONE}", &[""]),
            ("$", &[]),
            ("$OPEN", &["x", "y z"]),
            ("a${ONE}b${TWO}", &["a1ba 'b c' d\\e"]),
            ("a$ONE", &["a$ONE"]),
            ("$$ONE", &["$ONE"]),
            ("$${ONE}", &["${ONE}"]),
            ("${ONE", &["${ONE"]),
            ("${ONE:-x}y", &["y"]),
            ("a$", &["a$"]),
            ("a$-${ONE}", &["a$-1"]),
        ];
        for (text, expected) in cases {
            let words = expand(&[word(text)], &variables).unwrap();
            let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(words, *expected, "{text}");
        }
    }

    #[test]
    fn a_variable_as_an_argument_has_the_variables_position() {
        let variables = variables(&[("A", "x y")]);
        for (text, line) in [("$A", "/env:7"), ("${A}", "/env:7"), ("a${A}", "/unit:3")] {
            for out in expand(&[word(text)], &variables).unwrap() {
                assert_eq!(out.source.unwrap().to_string(), line, "{text}");
            }
        }
    }

    #[test]
    fn a_command_does_not_grow_without_end() {
        let variables = variables(&[("A", &"x".repeat(1 << 20))]);
        assert_eq!(
            expand(&[word(&"${A}".repeat(100))], &variables),
            Err(TooLong)
        );
        assert_eq!(expand(&vec![word("$A"); 100], &variables), Err(TooLong));
    }

    #[test]
    fn assignments_are_recognized() {
        type Expected = Result<(&'static str, &'static str), &'static str>;
        let cases: &[(&[u8], Expected)] = &[
            (b"A=b", Ok(("A", "b"))),
            (b"_a1=", Ok(("_a1", ""))),
            (b"A=b=c", Ok(("A", "b=c"))),
            (b"A=a\tb\nc", Ok(("A", "a\tb\nc"))),
            (b"secret", Err("<redacted>")),
            (b"=b", Err("")),
            (b"1A=b", Err("1A")),
            (b"A-B=secret", Err("A-B")),
            (b"A=\x01", Ok(("A", "\u{1}"))),
            (b"A=\xff", Err("A")),
        ];
        for (text, expected) in cases {
            let read = assignment(text);
            let read = read.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
            assert_eq!(read.map_err(String::as_str), *expected);
        }
    }

    #[test]
    fn the_names_that_systemd_sets_are_sorted() {
        assert!(SET_BY_SYSTEMD.is_sorted());
        for name in SET_BY_SYSTEMD.into_iter().chain(["LC_ALL"]) {
            assert!(is_set_by_systemd(name), "{name}");
        }
        assert!(!is_set_by_systemd("RKE2_TOKEN"));
    }

    #[test]
    fn references_are_those_that_are_expanded() {
        for (word, names) in [
            ("$A", &["A"][..]),
            ("${A}", &["A"]),
            ("x${A}y${B}", &["A", "B"]),
            ("x$A", &[]),
            ("$$A", &[]),
            ("$${A}", &[]),
            ("$$${A}", &["A"]),
            ("${A", &[]),
            ("", &[]),
        ] {
            assert_eq!(references(word), names, "{word}");
        }
    }

    #[test]
    fn unsets_by_name_or_by_whole_assignment() {
        let all = variables(&[("A", "1"), ("B", "2"), ("C", "3")]);
        let unset = ["A", "B=2", "C=4"].map(str::to_owned);
        let left: Vec<_> = all.without(&unset).into_vec();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].name, "C");
    }
}
