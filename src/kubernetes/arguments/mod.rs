//! A command line, as the flag parser of Kubernetes' components reads it.
//!
//! Upstream: `github.com/spf13/pflag` (1.0.5 up to 1.33, 1.0.6 in 1.34, 1.0.9 in 1.35 and 1.36, 1.0.10 in
//! 1.37), with `WordSepNormalizeFunc` of `k8s.io/component-base/cli/flag`; for all but the kubelet,
//! `github.com/spf13/cobra` around it.
//!
//! ```text
//! value     the value of one flag by its type
//! csv       lists
//! network   addresses, ports
//! names     keys and values of labels
//! gates     feature gates
//! ```

mod csv;
mod gates;
pub(crate) mod names;
pub(crate) mod network;
mod value;

pub use gates::{component_gates, gate_positions, requested_gates};
pub(crate) use value::taints_error;
pub use value::{Taint, Value};

use super::feature_gates::Gates;
use super::tables::{Certainty, Flag, Flags, ValueKind};
use super::{Cause, Failure, Minor, Program};
use crate::go;

/// A flag that was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The position of its argument on the command line, from 0.
    pub position: usize,
    /// The flag. `None` where the tables are not sure that the release has it.
    pub flag: Option<Flag>,
    /// Its name, with hyphens.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// Since which minor pflag prints an unknown shorthand that is not ASCII by the first byte of its code
/// point's encoding (1.0.7).
const SHORTHAND_ENCODED: Minor = Minor(35);

/// Since which minor the message of `--reserved-memory` without a target closes its parenthesis.
const MEMORY_TARGET: Minor = Minor(35);

/// Reads a command line without the program's name. An error is what the component exits with: that it
/// prints its help or its version, too, because it then does not run.
///
/// A flag that is certain to exist and lacks its value, or has a bad one, and a flag that is certain not to
/// exist, are errors. Where the tables are not certain, nothing is.
pub fn parse(program: Program, minor: Minor, arguments: &[String]) -> Result<Vec<Parsed>, Failure> {
    let mut line = CommandLine {
        program,
        minor,
        flags: Flags::of(program, minor),
        arguments,
        next: 0,
        parsed: Vec::new(),
        positional: Vec::new(),
        gates: Gates::default(program, minor),
    };
    line.read()?;
    line.finish()
}

/// A command line that is being read.
struct CommandLine<'a> {
    program: Program,
    minor: Minor,
    flags: Flags,
    arguments: &'a [String],
    next: usize,
    parsed: Vec<Parsed>,
    positional: Vec<usize>,
    /// Those of a flag whose type sets them at once.
    gates: Gates,
}

impl<'a> CommandLine<'a> {
    /// The next argument with its position.
    fn take(&mut self) -> Option<(usize, &'a str)> {
        let position = self.next;
        let argument = self.arguments.get(position)?;
        self.next = position.saturating_add(1);
        Some((position, argument))
    }

    /// The argument behind a flag, as its value.
    fn next_value(
        &mut self,
        position: usize,
        error: impl Fn() -> String,
    ) -> Result<&'a str, Failure> {
        match self.take() {
            Some((_, value)) => Ok(value),
            None => Err(self.failure(position, error(), false)),
        }
    }

    fn read(&mut self) -> Result<(), Failure> {
        while let Some((position, argument)) = self.take() {
            if argument == "--" {
                self.positional.extend(self.next..self.arguments.len());
                break;
            }
            if let Some(flag) = argument.strip_prefix("--") {
                self.long(position, flag)?;
            } else if let Some(letters) = argument.strip_prefix('-').filter(|rest| !rest.is_empty())
            {
                self.short(position, letters)?;
            } else {
                self.positional.push(position);
            }
        }
        Ok(())
    }

    /// `--name`, `--name=value` or `--name value`.
    fn long(&mut self, position: usize, argument: &str) -> Result<(), Failure> {
        if argument.starts_with(['-', '=']) {
            return Err(self.failure(position, format!("bad flag syntax: --{argument}"), false));
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
        let normalized = name.replace('_', "-");
        let Some(flag) = find(self.program, self.flags, &normalized) else {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
            let may_be_a_flag = normalized.chars().all(is_name);
            if self.is_certain() || !may_be_a_flag {
                let message = format!("unknown flag: --{name}");
                return Err(self.failure(position, message, may_be_a_flag));
            }
            let value = Value::Text(value.unwrap_or_default().to_owned());
            self.push(position, None, &normalized, value);
            return Ok(());
        };
        let value = match value {
            Some(value) => value,
            None if flag.optional_value => "true",
            None => self.next_value(position, || format!("flag needs an argument: --{name}"))?,
        };
        self.set(position, flag, &normalized, value)
    }

    /// `-v=2`, `-v2`, `-v 2`, `-h`, `-hv2`.
    fn short(&mut self, position: usize, letters: &str) -> Result<(), Failure> {
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            let after = rest.get(letter.len_utf8()..).unwrap_or_default();
            if rest.starts_with("test.") {
                return Ok(());
            }
            let Some(flag) = self.flags.shorthand(letter) else {
                if !self.is_certain() {
                    return Ok(());
                }
                let letter = self.quote_letter(letter);
                let message = format!("unknown shorthand flag: {letter} in -{rest}");
                return Err(self.failure(position, message, true));
            };
            let name = flag.name;
            let value = match after.strip_prefix('=').filter(|value| !value.is_empty()) {
                Some(value) => value,
                None if flag.optional_value => {
                    self.set(position, flag, name, "true")?;
                    rest = after;
                    continue;
                }
                None if !after.is_empty() => after,
                None => self.next_value(position, || {
                    format!("flag needs an argument: '{letter}' in -{rest}")
                })?,
            };
            return self.set(position, flag, name, value);
        }
        Ok(())
    }

    /// `%q` of the byte that pflag takes for the letter.
    fn quote_letter(&self, letter: char) -> String {
        let first = letter.encode_utf8(&mut [0; 4]).bytes().next().unwrap_or(0);
        let shown = if first.is_ascii() || self.minor < SHORTHAND_ENCODED {
            char::from(first)
        } else {
            let encoded = char::from(first).encode_utf8(&mut [0; 4]).bytes().next();
            char::from(encoded.unwrap_or(first))
        };
        match shown {
            '\'' => r"'\''".to_owned(),
            '"' => "'\"'".to_owned(),
            c => {
                let quoted = go::quote(c.encode_utf8(&mut [0; 4]).as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        }
    }

    fn set(&mut self, position: usize, flag: Flag, name: &str, text: &str) -> Result<(), Failure> {
        let value = match value::parse(&flag, self.minor, text) {
            Ok(value) => value,
            Err(_) if flag.certainty == Certainty::Inferred => Value::Text(text.to_owned()),
            Err(error) => return Err(self.refusal(position, &flag, text, &error, false)),
        };
        if flag.kind == ValueKind::ReservedMemory && self.lost_its_target(flag.name) {
            let end = if self.minor < MEMORY_TARGET { "" } else { ")" };
            let error = format!("no target (nil pointer to *[]MemoryReservation{end}");
            return Err(self.refusal(position, &flag, text, &error, false));
        }
        if let (ValueKind::FeatureGate, Value::Switches(switches)) = (flag.kind, &value) {
            let requested = switches.iter().cloned().collect();
            if let Err(refusal) = self.gates.set(&requested) {
                let error = refusal.message();
                return Err(self.refusal(position, &flag, text, &error, refusal.rests_on_names));
            }
        }
        self.push(position, Some(flag), name, value);
        Ok(())
    }

    /// Whether a flag was empty before: `ReservedMemoryVar` then has no target any more.
    fn lost_its_target(&self, name: &str) -> bool {
        let is_empty = |parsed: &Parsed| parsed.value == Value::Memory(Vec::new());
        self.parsed
            .iter()
            .any(|parsed| parsed.name == name && is_empty(parsed))
    }

    /// `InvalidValueError` of pflag.
    fn refusal(
        &self,
        position: usize,
        flag: &Flag,
        text: &str,
        error: &str,
        rests_on_names: bool,
    ) -> Failure {
        let shown = match flag.shorthand {
            Some(letter) => format!("-{letter}, --{}", flag.name),
            None => format!("--{}", flag.name),
        };
        let message = format!(
            "invalid argument {} for {} flag: {error}",
            go::quote(text.as_bytes()),
            go::quote(shown.as_bytes()),
        );
        self.failure(position, message, rests_on_names)
    }

    fn push(&mut self, position: usize, flag: Option<Flag>, name: &str, value: Value) {
        self.parsed.push(Parsed {
            position,
            flag,
            name: name.to_owned(),
            value,
        });
    }

    /// Whether the tables were read from this minor.
    fn is_certain(&self) -> bool {
        self.flags.certainty == Some(Certainty::Read)
    }

    /// The checks of the whole command line, in the order of the program.
    fn finish(self) -> Result<Vec<Parsed>, Failure> {
        let kubelet = self.program == Program::Kubelet;
        if kubelet && let Some(&position) = self.positional.first() {
            let command = self.argument(position);
            return Err(Failure {
                message: format!("unknown command {command}"),
                cause: Cause::Arguments(vec![position]),
                rests_on_names: false,
            });
        }
        if let Some(position) = self.last("help", &[Value::Bool(true)]) {
            return Err(exit(position, "it prints its help and exits"));
        }
        if self
            .positional
            .iter()
            .any(|&at| !self.argument(at).is_empty())
        {
            let given: Vec<_> = self
                .positional
                .iter()
                .map(|&at| go::quote(self.argument(at).as_bytes()))
                .collect();
            return Err(Failure {
                message: format!(
                    "\"{}\" does not take any arguments, got [{}]",
                    self.program.as_str(),
                    given.join(" ")
                ),
                cause: Cause::Arguments(self.positional),
                rests_on_names: false,
            });
        }
        let prints = [Value::Bool(true), Value::Text("raw".to_owned())];
        if let Some(position) = self.last("version", &prints) {
            return Err(exit(position, "it prints its version and exits"));
        }
        Ok(self.parsed)
    }

    fn argument(&self, position: usize) -> &str {
        self.arguments.get(position).map_or("", String::as_str)
    }

    /// Where a flag was set last, if to one of these values.
    fn last(&self, name: &str, values: &[Value]) -> Option<usize> {
        let parsed = self.parsed.iter().rfind(|parsed| parsed.name == name)?;
        values.contains(&parsed.value).then_some(parsed.position)
    }

    fn failure(&self, position: usize, error: String, rests_on_names: bool) -> Failure {
        let message = match self.program {
            Program::Kubelet => format!("failed to parse kubelet flag: {error}"),
            _ => error,
        };
        Failure {
            message,
            cause: Cause::Arguments(vec![position]),
            rests_on_names,
        }
    }
}

/// A flag by its name. The flags of the log format `json` are those of programs that register it, which all
/// mains do (`k8s.io/component-base/logs/json/register`).
fn find(program: Program, flags: Flags, name: &str) -> Option<Flag> {
    flags.get(name).or_else(|| {
        let (name, kind, field) = match name {
            "log-json-split-stream" => {
                let field = "logging.options.json.splitStream";
                ("log-json-split-stream", ValueKind::Bool, field)
            }
            "log-json-info-buffer-size" => {
                let field = "logging.options.json.infoBufferSize";
                ("log-json-info-buffer-size", ValueKind::Quantity, field)
            }
            _ => return None,
        };
        let formats = flags.get("logging-format")?;
        Some(Flag {
            name,
            kind,
            optional_value: kind == ValueKind::Bool,
            field: (program == Program::Kubelet).then_some(field),
            // RKE2's cloud controller manager has a main of its own.
            certainty: if program == Program::CloudControllerManager {
                Certainty::Inferred
            } else {
                formats.certainty
            },
            ..formats
        })
    })
}

fn exit(position: usize, message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        cause: Cause::Arguments(vec![position]),
        rests_on_names: false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: Minor = Minor(37);

    fn read(program: Program, arguments: &[&str]) -> Result<Vec<Parsed>, Failure> {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        parse(program, NEW, &arguments)
    }

    fn values(arguments: &[&str]) -> Vec<(usize, String, Value)> {
        let parsed = read(Program::Kubelet, arguments).unwrap();
        let plain = |parsed: Parsed| (parsed.position, parsed.name, parsed.value);
        parsed.into_iter().map(plain).collect()
    }

    fn message(program: Program, arguments: &[&str]) -> String {
        read(program, arguments).unwrap_err().message
    }

    #[test]
    fn a_value_follows_its_flag() {
        let pods = |position| (position, "max-pods".to_owned(), Value::Int(110));
        for arguments in [
            &["--max-pods=110"][..],
            &["--max_pods=0x6e"],
            &["--max-pods", "110"],
            &["--max-pods=110", "--"],
        ] {
            assert_eq!(values(arguments), [pods(0)], "{arguments:?}");
        }
        let verbosity = |position| (position, "v".to_owned(), Value::Uint(2));
        for arguments in [&["-v=2"][..], &["-v2"], &["-v", "2"], &["--v=2"]] {
            assert_eq!(values(arguments), [verbosity(0)], "{arguments:?}");
        }
        assert_eq!(
            values(&["--register-node", "--max-pods", "110"]),
            [(0, "register-node".to_owned(), Value::Bool(true)), pods(1)]
        );
    }

    #[test]
    fn the_kubelet_says_what_it_cannot_parse() {
        for (argument, error) in [
            ("--max-pod=1", "unknown flag: --max-pod"),
            (
                "--[{max-pods 110}]=true",
                "unknown flag: --[{max-pods 110}]",
            ),
            ("--max_pod=1", "unknown flag: --max_pod"),
            ("---x", "bad flag syntax: ---x"),
            ("--=x", "bad flag syntax: --=x"),
            ("--max-pods", "flag needs an argument: --max-pods"),
            ("-v", "flag needs an argument: 'v' in -v"),
            ("-x2", "unknown shorthand flag: 'x' in -x2"),
            ("-é", "unknown shorthand flag: 'Ã' in -é"),
            (
                "--max_pods=x",
                r#"invalid argument "x" for "--max-pods" flag: strconv.ParseInt: parsing "x": invalid syntax"#,
            ),
            (
                "-v=x",
                r#"invalid argument "x" for "-v, --v" flag: strconv.ParseUint: parsing "x": invalid syntax"#,
            ),
            (
                "--help=x",
                r#"invalid argument "x" for "-h, --help" flag: strconv.ParseBool: parsing "x": invalid syntax"#,
            ),
            (
                "--eviction-hard=a",
                r#"invalid argument "a" for "--eviction-hard" flag: malformed pair, expect string<string"#,
            ),
            (
                "--housekeeping-interval=5",
                r#"invalid argument "5" for "--housekeeping-interval" flag: parse error"#,
            ),
            (
                "--address=a",
                r#"invalid argument "a" for "--address" flag: "a" is not a valid IP address"#,
            ),
            (
                "--feature-gates=A",
                r#"invalid argument "A" for "--feature-gates" flag: malformed pair, expect string=bool"#,
            ),
            (
                "--vmodule=a",
                r#"invalid argument "a" for "--vmodule" flag: "a" does not have the pattern=N format"#,
            ),
            (
                "--register-with-taints=a=b:No",
                r#"invalid argument "a=b:No" for "--register-with-taints" flag: invalid taint effect: No, unsupported taint effect"#,
            ),
        ] {
            assert_eq!(
                message(Program::Kubelet, &[argument]),
                format!("failed to parse kubelet flag: {error}"),
                "{argument}"
            );
        }
    }

    #[test]
    fn the_whole_line_is_checked_last() {
        assert_eq!(
            message(Program::Kubelet, &["a", "--help"]),
            "unknown command a"
        );
        assert_eq!(
            message(Program::Scheduler, &["a", "b"]),
            r#""kube-scheduler" does not take any arguments, got ["a" "b"]"#
        );
        for arguments in [&["--help"][..], &["-h"], &["--version"], &["--version=raw"]] {
            let failure = read(Program::Kubelet, arguments).unwrap_err();
            assert_eq!(failure.cause, Cause::Arguments(vec![0]), "{arguments:?}");
        }
        assert!(read(Program::Kubelet, &["--help", "--help=false", "--version=0"]).is_ok());
        assert!(message(Program::Kubelet, &["--help", "--x"]).contains("unknown flag"));
    }

    #[test]
    fn only_names_may_be_added_by_a_patch() {
        let rests = |argument| {
            read(Program::Kubelet, &[argument])
                .unwrap_err()
                .rests_on_names
        };
        assert!(rests("--no-such-flag=1"));
        assert!(!rests("--max-pods=x"));
        let failure = read(Program::ApiServer, &["--v=1", "--no-such-flag"]).unwrap_err();
        assert_eq!(failure.message, "unknown flag: --no-such-flag");
        assert_eq!(failure.cause, Cause::Arguments(vec![1]));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(
            arguments in proptest::collection::vec("(-{0,3}[a-z_-]{0,12}=?)?.{0,12}", 0..4),
            minor in 20..40_u32,
        ) {
            for program in Program::ALL {
                let _ = parse(program, Minor(minor), &arguments);
            }
        }

        #[test]
        fn any_value_can_be_read(
            at in 0..1000_usize,
            value in "[-+0-9a-zA-Z_.,:;=<>%\"é \n]{0,20}",
            minor in 24..38_u32,
        ) {
            for program in Program::ALL {
                let flags: Vec<_> = Flags::of(program, NEW).all().collect();
                let Some(flag) = flags.get(at % flags.len().max(1)) else { continue };
                let _ = parse(program, Minor(minor), &[format!("--{}={value}", flag.name)]);
            }
        }
    }
}
