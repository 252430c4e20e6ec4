//! Durations as Go's `time` parses and prints them.
//!
//! Upstream: `time/format.go` (`ParseDuration`, `quote`) and `time/time.go` (`Duration.String`).

use std::fmt::Write as _;

/// The units that `time.ParseDuration` takes, in nanoseconds. Microseconds have three spellings.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The magnitude of the least duration.
const LIMIT: u64 = 1 << 63;

/// `time.ParseDuration`: nanoseconds.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..).unwrap_or_default()),
        [b'+', ..] => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number;
        (number, rest) = split(rest, |b| b.is_ascii_digit());
        let fraction;
        (fraction, rest) = match rest.strip_prefix('.') {
            Some(after) => split(after, |b| b.is_ascii_digit()),
            None => ("", rest),
        };
        if number.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let whole = leading_integer(number).ok_or_else(invalid)?;
        let unit;
        (unit, rest) = split(rest, |b| !b.is_ascii_digit() && b != b'.');
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let Some(&(_, nanoseconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!(
                "time: unknown unit {} in duration {}",
                quote(unit),
                quote(text)
            ));
        };
        total = whole
            .checked_mul(nanoseconds)
            .and_then(|value| value.checked_add(parts(fraction, nanoseconds)))
            .filter(|&value| value <= LIMIT)
            .and_then(|value| total.checked_add(value))
            .filter(|&value| value <= LIMIT)
            .ok_or_else(invalid)?;
    }
    if negative {
        return Ok(0_i64.checked_sub_unsigned(total).unwrap_or(i64::MIN));
    }
    i64::try_from(total).map_err(|_| invalid())
}

/// The longest prefix whose bytes are all `wanted`, and the rest.
fn split(text: &str, wanted: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !wanted(byte))
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// `time.leadingInt`.
fn leading_integer(digits: &str) -> Option<u64> {
    digits.bytes().try_fold(0_u64, |value, digit| {
        value
            .checked_mul(10)?
            .checked_add(u64::from(digit.wrapping_sub(b'0')))
            .filter(|&value| value <= LIMIT)
    })
}

/// The nanoseconds of the digits behind the point. More than 18 of them do not change the result.
fn parts(digits: &str, nanoseconds: u64) -> u64 {
    let (mut numerator, mut denominator) = (0_u128, 1_u128);
    for digit in digits.bytes().take(18) {
        numerator = numerator
            .saturating_mul(10)
            .saturating_add(u128::from(digit.wrapping_sub(b'0')));
        denominator = denominator.saturating_mul(10);
    }
    let product = numerator.saturating_mul(u128::from(nanoseconds));
    product
        .checked_div(denominator)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(0)
}

/// `time.quote`, which escapes bytes that are not ASCII, unlike `strconv.Quote`.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c.is_ascii() && c >= ' ' {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// `Duration.String`: `1h0m0s`, `1.5s`, `250ms`, `0s`.
pub(crate) fn format(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let part = |unit: u64, name: &str| {
        let whole = magnitude / unit;
        format!("{sign}{}{name}", decimal(whole, magnitude % unit, unit))
    };
    match magnitude {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{magnitude}ns"),
        1_000..1_000_000 => part(1_000, "\u{b5}s"),
        1_000_000..1_000_000_000 => part(1_000_000, "ms"),
        _ => {
            let seconds = magnitude / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = decimal(seconds % 60, magnitude % 1_000_000_000, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{rest}s"),
                (0, _) => format!("{sign}{minutes}m{rest}s"),
                _ => format!("{sign}{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// A number with its fraction, without trailing zeros.
fn decimal(whole: u64, fraction: u64, unit: u64) -> String {
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.checked_ilog10().unwrap_or(0);
    let digits = format!(
        "{fraction:0width$}",
        width = usize::try_from(width).unwrap_or(0)
    );
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_grammar_of_go() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("-0", 0),
            ("10s", 10_000_000_000),
            ("2h45m", 9_900_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-1.5s", -1_500_000_000),
            ("+5m", 300_000_000_000),
            ("1us1µs1μs", 3_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("0.3333333333333333333h", 1_200_000_000_000),
        ] {
            let parsed = parse(text).unwrap();
            assert!((parsed - nanoseconds).abs_diff(0) <= 1, "{text}: {parsed}");
        }
        for (text, message) in [
            ("", r#"time: invalid duration """#),
            ("-", r#"time: invalid duration "-""#),
            ("s", r#"time: invalid duration "s""#),
            (".", r#"time: invalid duration ".""#),
            (".s", r#"time: invalid duration ".s""#),
            ("10", r#"time: missing unit in duration "10""#),
            ("1s5", r#"time: missing unit in duration "1s5""#),
            ("5d", r#"time: unknown unit "d" in duration "5d""#),
            ("5 s", r#"time: unknown unit " s" in duration "5 s""#),
            ("5S", r#"time: unknown unit "S" in duration "5S""#),
            ("1h-5m", r#"time: unknown unit "h-" in duration "1h-5m""#),
            ("3000000h", r#"time: invalid duration "3000000h""#),
            (
                "9223372036854775808ns",
                r#"time: invalid duration "9223372036854775808ns""#,
            ),
            (
                "99999999999999999999s",
                r#"time: invalid duration "99999999999999999999s""#,
            ),
            (
                "1é",
                r#"time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9""#,
            ),
            ("\"", r#"time: invalid duration "\"""#),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn durations_are_printed_as_go_does() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (250_000_000, "250ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (3_600_000_000_000, "1h0m0s"),
            (-14_400_000_000_000, "-4h0m0s"),
            (1_000_000_001, "1.000000001s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(format(nanoseconds), text);
        }
    }
}
