//! The effect of writing a text to a parameter: a value, or a refusal.

use std::fmt;

/// A parameter that is one integer, and its range.
struct Parameter {
    /// The path below `/proc/sys`.
    path: &'static str,
    least: i32,
    most: i32,
}

/// The watched parameters, and then others of every usual kernel that a pattern meant for a watched one is
/// likely to match, with values that they refuse.
const PARAMETERS: [Parameter; 10] = [
    parameter("vm/overcommit_memory", 0, 2),
    parameter("vm/panic_on_oom", 0, 2),
    parameter("kernel/panic", i32::MIN, i32::MAX),
    parameter("kernel/panic_on_oops", i32::MIN, i32::MAX),
    parameter("kernel/keys/root_maxkeys", 1, i32::MAX),
    parameter("kernel/keys/root_maxbytes", 1, i32::MAX),
    parameter("kernel/panic_on_warn", 0, 1),
    parameter("kernel/panic_on_rcu_stall", 0, 1),
    parameter("kernel/softlockup_panic", 0, 1),
    parameter("kernel/hardlockup_panic", 0, 1),
];

const fn parameter(path: &'static str, least: i32, most: i32) -> Parameter {
    Parameter { path, least, most }
}

/// One more than the length of the longest number that the kernel reads, sign included.
const LONGEST: usize = 21;

/// The kernel reads at most a page of what is written.
const PAGE: usize = 4095;

/// The result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteResult {
    /// The parameter is set to this number.
    Value(i32),
    /// The write fails, and the previous value stays.
    Refused(Refusal),
    /// The rules of the parameter are unknown, or the value is only known later.
    Unknown,
}

impl WriteResult {
    /// The number that the parameter is set to.
    pub const fn value(&self) -> Option<i32> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Refused(_) | Self::Unknown => None,
        }
    }

    /// Whether the write fails.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// Why the kernel refuses a value, in each case with `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The value is empty.
    Empty,
    /// It does not begin with a number, or the number is followed directly by another character.
    NotNumber,
    /// A number out of range.
    Range {
        /// The least valid number.
        least: i32,
        /// The greatest valid number.
        most: i32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the value is empty"),
            Self::NotNumber => f.write_str("the value is not a number"),
            Self::Range { least, most } => write!(f, "the value is not in {least}..{most}"),
        }
    }
}

/// The paths of all parameters whose rules are known.
pub(crate) fn known() -> impl Iterator<Item = &'static str> {
    PARAMETERS.iter().map(|parameter| parameter.path)
}

/// The result of writing `text` to the parameter at `path` below `/proc/sys`.
pub fn write(path: &[u8], text: &[u8]) -> WriteResult {
    let Some(parameter) = PARAMETERS
        .iter()
        .find(|parameter| parameter.path.as_bytes() == path)
    else {
        return WriteResult::Unknown;
    };
    let range = Refusal::Range {
        least: parameter.least,
        most: parameter.most,
    };
    match number(text) {
        Err(refusal) => WriteResult::Refused(refusal),
        Ok(value) => match i32::try_from(value) {
            Ok(value) if (parameter.least..=parameter.most).contains(&value) => {
                WriteResult::Value(value)
            }
            _ => WriteResult::Refused(range),
        },
    }
}

/// The first number of the text; the kernel ignores what follows it after white space.
fn number(text: &[u8]) -> Result<i128, Refusal> {
    let text = text.get(..PAGE).unwrap_or(text);
    let blank = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0);
    let start = text.iter().position(|byte| !blank(byte));
    let text = start.and_then(|start| text.get(start..));
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err(Refusal::Empty);
    };
    let seen = text.get(..LONGEST).unwrap_or(text);
    let (negative, digits) = match seen {
        [b'-', digits @ ..] => (true, digits),
        _ => (false, seen),
    };
    let (magnitude, rest) = integer(digits).ok_or(Refusal::NotNumber)?;
    let length = seen.len().saturating_sub(rest.len());
    if length == LONGEST {
        return Err(Refusal::NotNumber);
    }
    match text.get(length) {
        None | Some(b' ' | b'\t' | b'\n') => {}
        Some(_) => return Err(Refusal::NotNumber),
    }
    Ok(if negative { -magnitude } else { magnitude })
}

/// An unsigned number in C's notation (`0x` hexadecimal, `0` octal), and what follows it.
pub(crate) fn integer(digits: &[u8]) -> Option<(i128, &[u8])> {
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => (16, digits.get(2..)?),
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let mut value: i128 = 0;
    let mut rest = digits;
    while let Some((&byte, after)) = rest.split_first() {
        let Some(digit) = char::from(byte).to_digit(radix) else {
            break;
        };
        // Beyond any parameter's range; the limit avoids an overflow.
        value = value
            .saturating_mul(i128::from(radix))
            .saturating_add(i128::from(digit))
            .min(1 << 100);
        rest = after;
    }
    (rest.len() < digits.len()).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        use Refusal::{Empty, NotNumber};
        for (text, expected) in [
            ("10", Ok(10)),
            ("-1", Ok(-1)),
            ("-0", Ok(0)),
            ("010", Ok(8)),
            ("012", Ok(10)),
            ("02", Ok(2)),
            ("0x2", Ok(2)),
            ("0XA", Ok(10)),
            ("-0x1", Ok(-1)),
            ("0", Ok(0)),
            ("08", Err(NotNumber)),
            ("0x", Err(NotNumber)),
            ("0xg", Err(NotNumber)),
            ("2 3", Ok(2)),
            ("2\t3", Ok(2)),
            ("1 # inline", Ok(1)),
            ("1# inline", Err(NotNumber)),
            ("\x0b2", Ok(2)),
            ("2\x0b", Err(NotNumber)),
            ("+2", Err(NotNumber)),
            ("2junk", Err(NotNumber)),
            ("2.0", Err(NotNumber)),
            ("1,2", Err(NotNumber)),
            ("\"1\"", Err(NotNumber)),
            ("- 1", Err(NotNumber)),
            ("-", Err(NotNumber)),
            ("--1", Err(NotNumber)),
            ("# 1", Err(NotNumber)),
            ("true", Err(NotNumber)),
            ("", Err(Empty)),
            (" ", Err(Empty)),
            ("00000000000000000001", Ok(1)),
            ("000000000000000000001", Err(NotNumber)),
            ("99999999999999", Ok(99_999_999_999_999)),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn ranges() {
        for (path, text, taken) in [
            ("vm/overcommit_memory", "2", true),
            ("vm/overcommit_memory", "3", false),
            ("vm/overcommit_memory", "-1", false),
            ("vm/panic_on_oom", "2", true),
            ("vm/panic_on_oom", "3", false),
            ("kernel/panic", "-2147483648", true),
            ("kernel/panic", "2147483647", true),
            ("kernel/panic", "2147483648", false),
            ("kernel/panic", "99999999999999", false),
            ("kernel/panic_on_oops", "7", true),
            ("kernel/keys/root_maxkeys", "0", false),
            ("kernel/keys/root_maxbytes", "1", true),
        ] {
            let outcome = write(path.as_bytes(), text.as_bytes());
            assert_eq!(outcome.value().is_some(), taken, "{path} {text}");
            assert_eq!(outcome.is_refused(), !taken, "{path} {text}");
        }
        assert_eq!(write(b"kernel/hostname", b"a"), WriteResult::Unknown);
    }

    proptest! {
        #[test]
        fn every_integer_is_taken_as_it_is_shown(value: i32) {
            prop_assert_eq!(number(value.to_string().as_bytes()), Ok(i128::from(value)));
        }

        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..80)) {
            write(b"kernel/panic", &text);
        }
    }
}
