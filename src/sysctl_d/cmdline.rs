//! The effect of the kernel command line on a parameter, before the first process starts.
//!
//! `sysctl.d` files are applied later and win.

use super::kernel::{self, WriteResult};
use super::syntax;

/// An argument of the kernel command line that sets a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootParameter {
    /// The argument, `panic=30` or `sysctl.vm.panic_on_oom=1`.
    pub text: String,
    /// The result of the write.
    pub outcome: WriteResult,
}

/// The arguments of the kernel command line that can set a parameter, each with name and value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine<'a>(Vec<(&'a [u8], Option<&'a [u8]>)>);

impl<'a> CommandLine<'a> {
    /// Parses the command line.
    pub fn parse(line: &'a [u8]) -> Self {
        let sets = |name: &[u8]| matches!(name, b"panic" | b"oops") || sysctl_key(name).is_some();
        Self(arguments(line).filter(|(name, _)| sets(name)).collect())
    }

    /// The assignment to the parameter at `path` below `/proc/sys` that wins.
    ///
    /// The kernel applies `sysctl.` arguments after initialization, so they win over `panic=` and `oops=`
    /// in any position. Among arguments of the same kind the last valid one wins.
    pub fn last_assignment(&self, path: &[u8]) -> Option<BootParameter> {
        let mut early = None;
        let mut late = None;
        let mut normal = Vec::new();
        for &(name, value) in &self.0 {
            let text = || match value {
                Some(value) => format!(
                    "{}={}",
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value)
                ),
                None => String::from_utf8_lossy(name).into_owned(),
            };
            let (slot, outcome) = if let Some(key) = sysctl_key(name) {
                syntax::normalize_slashes(key, &mut normal);
                if normal != path {
                    continue;
                }
                (&mut late, kernel::write(path, value.unwrap_or_default()))
            } else {
                match (name, value, path) {
                    (b"panic", Some(value), b"kernel/panic") => (&mut early, boot_integer(value)),
                    (b"oops", Some(b"panic"), b"kernel/panic_on_oops") => {
                        (&mut early, WriteResult::Value(1))
                    }
                    _ => continue,
                }
            };
            if !outcome.is_refused() || slot.is_none() {
                *slot = Some(BootParameter {
                    text: text(),
                    outcome,
                });
            }
        }
        match (early, late) {
            (early, Some(late)) if early.is_none() || !late.outcome.is_refused() => Some(late),
            (early, _) => early,
        }
    }
}

/// The key of `sysctl.kernel.panic` or `sysctl/kernel/panic`.
fn sysctl_key(name: &[u8]) -> Option<&[u8]> {
    match name.strip_prefix(b"sysctl")? {
        [b'.' | b'/', key @ ..] => Some(key),
        _ => None,
    }
}

/// An integer argument of the kernel: a sign is allowed, and nothing may follow the number.
fn boot_integer(text: &[u8]) -> WriteResult {
    let refused = WriteResult::Refused(kernel::Refusal::NotNumber);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, text),
    };
    match kernel::integer(digits) {
        Some((magnitude, [] | [b'\n'])) => {
            let value = if negative { -magnitude } else { magnitude };
            i32::try_from(value).map_or(refused, WriteResult::Value)
        }
        _ => refused,
    }
}

/// The arguments for the kernel (those before `--`): name and value, without quotes.
fn arguments(command_line: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let mut rest = command_line;
    std::iter::from_fn(move || {
        let blank = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0);
        let start = rest.iter().position(|byte| !blank(byte))?;
        rest = rest.get(start..)?;
        let mut quoted = false;
        let end = rest
            .iter()
            .position(|byte| {
                quoted ^= *byte == b'"';
                blank(byte) && !quoted
            })
            .unwrap_or(rest.len());
        let (argument, after) = rest.split_at_checked(end)?;
        rest = after;
        if argument == b"--" {
            rest = &[];
            return None;
        }
        let (argument, whole) = match argument {
            [b'"', inner @ ..] => (inner.strip_suffix(b"\"").unwrap_or(inner), true),
            _ => (argument, false),
        };
        let Some(equals) = argument.iter().position(|&byte| byte == b'=') else {
            return Some((argument, None));
        };
        let (name, value) = argument.split_at_checked(equals)?;
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let value = match value {
            [b'"', inner @ ..] if !whole => inner.strip_suffix(b"\"").unwrap_or(inner),
            _ => value,
        };
        Some((name, Some(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_valid_argument_wins() {
        for (line, path, expected) in [
            ("quiet panic=10", "kernel/panic", Some(10)),
            ("panic=10 panic=-1", "kernel/panic", Some(-1)),
            ("panic=10 panic=x", "kernel/panic", Some(10)),
            ("panic=010", "kernel/panic", Some(8)),
            ("panic=+5", "kernel/panic", Some(5)),
            ("panic=\"5\"", "kernel/panic", Some(5)),
            ("\"panic=5\"", "kernel/panic", Some(5)),
            ("xpanic=5 panics=6", "kernel/panic", None),
            ("-- panic=5", "kernel/panic", None),
            ("a=\"b panic=5\"", "kernel/panic", None),
            ("oops=panic", "kernel/panic_on_oops", Some(1)),
            ("oops=panics", "kernel/panic_on_oops", None),
            ("oops=panic", "kernel/panic", None),
            (
                "sysctl.vm.overcommit_memory=1",
                "vm/overcommit_memory",
                Some(1),
            ),
            (
                "sysctl/vm/overcommit_memory=1",
                "vm/overcommit_memory",
                Some(1),
            ),
            (
                "sysctl.vm/overcommit_memory=1",
                "vm/overcommit_memory",
                Some(1),
            ),
            ("sysctl.kernel.panic=7 panic=5", "kernel/panic", Some(7)),
            ("sysctl.kernel.panic=x panic=5", "kernel/panic", Some(5)),
            ("sysctlx.kernel.panic=7", "kernel/panic", None),
            ("sysctl.kernel.panic=7\n", "kernel/panic", Some(7)),
            ("", "kernel/panic", None),
        ] {
            let got = CommandLine::parse(line.as_bytes()).last_assignment(path.as_bytes());
            let value = got.and_then(|argument| argument.outcome.value());
            assert_eq!(value, expected, "{line}");
        }
    }

    #[test]
    fn an_argument_that_the_kernel_refuses_is_reported() {
        let argument = CommandLine::parse(b"sysctl.vm.overcommit_memory=9")
            .last_assignment(b"vm/overcommit_memory")
            .unwrap();
        assert!(argument.outcome.is_refused());
        assert_eq!(argument.text, "sysctl.vm.overcommit_memory=9");
    }

    proptest! {
        #[test]
        fn never_panics(line in prop::collection::vec(any::<u8>(), 0..80)) {
            CommandLine::parse(&line).last_assignment(b"kernel/panic");
        }
    }
}
