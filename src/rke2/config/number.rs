//! Numbers and durations as Go's `flag` and `time` take them.

use std::cmp::Ordering;

use crate::yaml::scalar;

/// Why a text is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotANumber {
    Syntax,
    Range,
}

impl NotANumber {
    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Syntax => "parse error",
            Self::Range => "value out of range",
        }
    }

    pub(super) const fn long(self) -> &'static str {
        match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        }
    }
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(super) fn number(text: &[u8]) -> Result<i64, NotANumber> {
    let text = std::str::from_utf8(text).map_err(|_| NotANumber::Syntax)?;
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let plain = digits.replace('_', "");
    let joined = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__");
    let magnitude = scalar::magnitude(&plain).filter(|_| !joined);
    let value = match magnitude {
        Some(magnitude) if negative => 0i64.checked_sub_unsigned(magnitude),
        Some(magnitude) => i64::try_from(magnitude).ok(),
        None if decimal && !digits.starts_with('0') => None,
        None => return Err(NotANumber::Syntax),
    };
    value.ok_or(NotANumber::Range)
}

/// Whether `time.ParseDuration` takes it.
pub(super) fn is_duration(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let Some((count, tail)) = digits.and_then(|at| rest.split_at_checked(at)) else {
            return false;
        };
        let dots = count.bytes().filter(|b| *b == b'.').count();
        if count.len() <= dots || dots > 1 {
            return false;
        }
        let end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let Some((unit, tail)) = tail.split_at_checked(end) else {
            return false;
        };
        if !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit) {
            return false;
        }
        rest = tail;
    }
    true
}

/// The number that Go's flags make of a text (`0x1e` and `036` are thirty); `None` where they end
/// the program.
pub(crate) fn integer(text: &str) -> Option<i64> {
    number(text.as_bytes()).ok()
}

/// Whether a duration is below, at or above zero; `None` where it is none.
pub(crate) fn duration_sign(text: &str) -> Option<Ordering> {
    is_duration(text.as_bytes()).then_some(())?;
    let counts = |c: char| c.is_ascii_digit() && c != '0';
    Some(match (text.contains(counts), text.starts_with('-')) {
        (false, _) => Ordering::Equal,
        (true, true) => Ordering::Less,
        (true, false) => Ordering::Greater,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_as_go_reads_them() {
        assert_eq!(integer("0x1e"), Some(30));
        assert_eq!(integer("036"), Some(30));
        assert_eq!(integer("-1"), Some(-1));
        assert_eq!(integer("30d"), None);
        for (text, sign) in [
            ("0", Some(Ordering::Equal)),
            ("0s", Some(Ordering::Equal)),
            ("0h0m0.0s", Some(Ordering::Equal)),
            ("4h0m0s", Some(Ordering::Greater)),
            ("-1s", Some(Ordering::Less)),
            ("5", None),
            ("", None),
        ] {
            assert_eq!(duration_sign(text), sign, "{text}");
        }
    }

    #[test]
    fn numbers_keep_gos_rules_for_underscores_signs_and_range() {
        for (text, value) in [
            ("1_000", Ok(1000)),
            ("1_0_0", Ok(100)),
            ("0x_1", Ok(1)),
            ("0_7", Ok(7)),
            ("0b101", Ok(5)),
            ("+1", Ok(1)),
            ("_1", Err(NotANumber::Syntax)),
            ("1_", Err(NotANumber::Syntax)),
            ("1__0", Err(NotANumber::Syntax)),
            ("-_1", Err(NotANumber::Syntax)),
            ("08", Err(NotANumber::Syntax)),
            ("", Err(NotANumber::Syntax)),
            ("-", Err(NotANumber::Syntax)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("-9223372036854775808", Ok(i64::MIN)),
            ("9223372036854775808", Err(NotANumber::Range)),
            ("-9223372036854775809", Err(NotANumber::Range)),
            ("0x8000000000000000", Err(NotANumber::Range)),
            ("99999999999999999999", Err(NotANumber::Range)),
        ] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
        assert_eq!(number(b"\xff"), Err(NotANumber::Syntax));
    }

    #[test]
    fn durations_are_numbers_with_units() {
        for text in [
            "1.5h", ".5s", "1.s", "+1s", "-1h5m", "1µs", "1μs", "1us", "1ns1ms", "+0", "-0", "-.5s",
        ] {
            assert!(is_duration(text.as_bytes()), "{text}");
        }
        for text in [
            "1.2.3s", ".s", "1s.", "s", "1", "1 s", "1d", "--1s", "1h 5m", "00", "1e3s", "-", "1h5",
        ] {
            assert!(!is_duration(text.as_bytes()), "{text}");
        }
    }
}
