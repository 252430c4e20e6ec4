//! What the kernel command line makes of a parameter, before the first process starts.
//!
//! Whatever a `sysctl.d` file says comes later and wins.

use super::kernel::{self, WriteResult};
use super::syntax;

/// A word of the command line that sets a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootParameter {
    /// The word, `panic=30` or `sysctl.vm.panic_on_oom=1`.
    pub text: String,
    /// What it leaves.
    pub outcome: WriteResult,
}

/// The words of the kernel command line that can set a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine<'a>(Vec<(&'a [u8], Option<&'a [u8]>)>);

impl<'a> CommandLine<'a> {
    /// Takes the line apart.
    pub fn parse(line: &'a [u8]) -> Self {
        let sets = |name: &[u8]| matches!(name, b"panic" | b"oops") || sysctl_key(name).is_some();
        Self(words(line).filter(|(name, _)| sets(name)).collect())
    }

    /// What stays of them for the parameter at `path` below `/proc/sys`.
    ///
    /// A `sysctl.` word is written when all of the kernel is up, so it wins over `panic=` and `oops=`
    /// wherever it stands; among equals the last that is taken wins.
    pub fn last_assignment(&self, path: &[u8]) -> Option<BootParameter> {
        let mut early = None;
        let mut late = None;
        let mut normal = Vec::new();
        for &(name, value) in &self.0 {
            let word = || match value {
                Some(value) => format!(
                    "{}={}",
                    String::from_utf8_lossy(name),
                    String::from_utf8_lossy(value)
                ),
                None => String::from_utf8_lossy(name).into_owned(),
            };
            let (place, outcome) = if let Some(key) = sysctl_key(name) {
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
            if !outcome.is_refused() || place.is_none() {
                *place = Some(BootParameter {
                    text: word(),
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

/// A boot parameter that is an integer takes a sign, and nothing after the number.
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

/// The kernel's own words: name and value, quotes gone, up to `--`.
fn words(command_line: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
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
        let (word, after) = rest.split_at_checked(end)?;
        rest = after;
        if word == b"--" {
            rest = &[];
            return None;
        }
        let (word, whole) = match word {
            [b'"', inner @ ..] => (inner.strip_suffix(b"\"").unwrap_or(inner), true),
            _ => (word, false),
        };
        let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
            return Some((word, None));
        };
        let (name, value) = word.split_at_checked(equals)?;
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
    fn the_last_word_that_is_taken_stays() {
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
            let value = got.and_then(|word| word.outcome.value());
            assert_eq!(value, expected, "{line}");
        }
    }

    #[test]
    fn a_word_the_kernel_refuses_is_still_told() {
        let word = CommandLine::parse(b"sysctl.vm.overcommit_memory=9")
            .last_assignment(b"vm/overcommit_memory")
            .unwrap();
        assert!(word.outcome.is_refused());
        assert_eq!(word.text, "sysctl.vm.overcommit_memory=9");
    }

    proptest! {
        #[test]
        fn never_panics(line in prop::collection::vec(any::<u8>(), 0..80)) {
            CommandLine::parse(&line).last_assignment(b"kernel/panic");
        }
    }
}
