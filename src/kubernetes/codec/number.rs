//! Numbers as Go's `strconv` parses them, with its error texts.
//!
//! Upstream: `strconv/atoi.go`, `strconv/atof.go`, `strconv/atob.go` of Go 1.18 to 1.26, which agree here.

use crate::go;

/// Why a number was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Syntax,
    Range,
}

/// The words of a `*strconv.NumError`.
fn message(function: &str, text: &str, reason: Reason) -> String {
    let reason = match reason {
        Reason::Syntax => "invalid syntax",
        Reason::Range => "value out of range",
    };
    format!(
        "strconv.{function}: parsing {}: {reason}",
        go::quote(text.as_bytes())
    )
}

/// `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    go::parse_bool(text.as_bytes()).ok_or_else(|| message("ParseBool", text, Reason::Syntax))
}

/// `strconv.ParseInt(text, base, bits)`; base 0 takes the base from the prefix and allows underscores.
pub(crate) fn parse_int(text: &str, base: u32, bits: u32) -> Result<i64, String> {
    int(text, base, bits).map_err(|reason| message("ParseInt", text, reason))
}

/// `strconv.ParseUint(text, base, bits)`.
pub(crate) fn parse_uint(text: &str, base: u32, bits: u32) -> Result<u64, String> {
    uint(text, base, bits).map_err(|reason| message("ParseUint", text, reason))
}

/// `strconv.Atoi`: decimal digits, without underscores.
pub(crate) fn atoi(text: &str) -> Result<i64, String> {
    int(text, 10, 64).map_err(|reason| message("Atoi", text, reason))
}

/// `strconv.ParseFloat(text, bits)`.
pub(crate) fn parse_float(text: &str, bits: u32) -> Result<f64, String> {
    float(text, bits).map_err(|reason| message("ParseFloat", text, reason))
}

fn int(text: &str, base: u32, bits: u32) -> Result<i64, Reason> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..).unwrap_or_default()),
        [b'+', ..] => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    let magnitude = i128::from(uint(digits, base, bits)?);
    let value = if negative { -magnitude } else { magnitude };
    let limit = 1_i128 << bits.saturating_sub(1).min(63);
    if value < -limit || value >= limit {
        return Err(Reason::Range);
    }
    i64::try_from(value).map_err(|_| Reason::Range)
}

fn uint(text: &str, base: u32, bits: u32) -> Result<u64, Reason> {
    if text.is_empty() {
        return Err(Reason::Syntax);
    }
    let (radix, digits) = if base == 0 {
        prefix(text.as_bytes())
    } else {
        (base, text.as_bytes())
    };
    let limit = 1_u128 << bits.min(64);
    let mut value: u128 = 0;
    let mut has_underscore = false;
    for &byte in digits {
        if byte == b'_' && base == 0 {
            has_underscore = true;
            continue;
        }
        let digit = char::from(byte).to_digit(radix).ok_or(Reason::Syntax)?;
        value = value
            .saturating_mul(radix.into())
            .saturating_add(digit.into());
        // Before the rest is read: Go does not see a bad digit that comes later.
        if value >= limit {
            return Err(Reason::Range);
        }
    }
    if has_underscore && !are_underscores_placed_well(text.as_bytes()) {
        return Err(Reason::Syntax);
    }
    u64::try_from(value).map_err(|_| Reason::Range)
}

/// The base that the prefix of a literal names, and what follows it.
fn prefix(text: &[u8]) -> (u32, &[u8]) {
    match text {
        [b'0', b'b' | b'B', rest @ ..] if !rest.is_empty() => (2, rest),
        [b'0', b'o' | b'O', rest @ ..] if !rest.is_empty() => (8, rest),
        [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (16, rest),
        [b'0', rest @ ..] => (8, rest),
        _ => (10, text),
    }
}

/// `strconv.underscoreOK`: an underscore is between digits, or between a base prefix and a digit.
fn are_underscores_placed_well(text: &[u8]) -> bool {
    let text = match text {
        [b'-' | b'+', rest @ ..] => rest,
        _ => text,
    };
    let (mut last, is_hexadecimal, rest) = match text {
        [
            b'0',
            letter @ (b'b' | b'B' | b'o' | b'O' | b'x' | b'X'),
            rest @ ..,
        ] => (b'0', letter.eq_ignore_ascii_case(&b'x'), rest),
        _ => (b'^', false, text),
    };
    for &byte in rest {
        let is_digit = byte.is_ascii_digit() || (is_hexadecimal && byte.is_ascii_hexdigit());
        last = match (byte, last) {
            _ if is_digit => b'0',
            (b'_', b'0') => b'_',
            (b'_', _) | (_, b'_') => return false,
            _ => b'!',
        };
    }
    last != b'_'
}

fn float(text: &str, bits: u32) -> Result<f64, Reason> {
    if let Some(value) = special(text) {
        return Ok(value);
    }
    let shape = Shape::of(text.as_bytes()).ok_or(Reason::Syntax)?;
    if shape.has_underscore && !are_underscores_placed_well(text.as_bytes()) {
        return Err(Reason::Syntax);
    }
    let plain: String = text.chars().filter(|&c| c != '_').collect();
    let value = if shape.is_hexadecimal {
        hexadecimal(&plain)
    } else {
        plain.parse::<f64>().map_err(|_| Reason::Syntax)?
    };
    let largest = if bits == 32 {
        f64::from(f32::MAX)
    } else {
        f64::MAX
    };
    if value.abs() > largest {
        return Err(Reason::Range);
    }
    Ok(value)
}

/// `inf`, `infinity` and `nan` in any case; the first two with a sign.
fn special(text: &str) -> Option<f64> {
    let (sign, name) = match text.as_bytes() {
        [b'-', ..] => (-1.0, text.get(1..)?),
        [b'+', ..] => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    if name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity") {
        return Some(sign * f64::INFINITY);
    }
    text.eq_ignore_ascii_case("nan").then_some(f64::NAN)
}

/// What `strconv.readFloat` finds in a well-formed literal.
struct Shape {
    is_hexadecimal: bool,
    has_underscore: bool,
}

impl Shape {
    fn of(text: &[u8]) -> Option<Self> {
        let text = match text {
            [b'-' | b'+', rest @ ..] => rest,
            _ => text,
        };
        let (is_hexadecimal, mut rest) = match text {
            [b'0', b'x' | b'X', rest @ ..] if !rest.is_empty() => (true, rest),
            _ => (false, text),
        };
        let mut has_underscore = false;
        let mut has_point = false;
        let mut has_digit = false;
        while let [byte, after @ ..] = rest {
            match byte {
                b'_' => has_underscore = true,
                b'.' if has_point => return None,
                b'.' => has_point = true,
                _ if byte.is_ascii_digit() || (is_hexadecimal && byte.is_ascii_hexdigit()) => {
                    has_digit = true;
                }
                _ => break,
            }
            rest = after;
        }
        if !has_digit {
            return None;
        }
        let exponent = if is_hexadecimal { b'p' } else { b'e' };
        match rest {
            [] if is_hexadecimal => return None,
            [] => {}
            [letter, after @ ..] if letter.eq_ignore_ascii_case(&exponent) => {
                let digits = match after {
                    [b'-' | b'+', digits @ ..] => digits,
                    _ => after,
                };
                if !digits.first().is_some_and(u8::is_ascii_digit)
                    || !digits.iter().all(|b| b.is_ascii_digit() || *b == b'_')
                {
                    return None;
                }
                has_underscore |= digits.contains(&b'_');
            }
            _ => return None,
        }
        Some(Self {
            is_hexadecimal,
            has_underscore,
        })
    }
}

/// The value of a well-formed hexadecimal literal without underscores. Rounds each digit instead of the
/// whole: enough to know whether it is in range.
fn hexadecimal(text: &str) -> f64 {
    let (sign, text) = match text.as_bytes() {
        [b'-', ..] => (-1.0, text.get(1..).unwrap_or_default()),
        [b'+', ..] => (1.0, text.get(1..).unwrap_or_default()),
        _ => (1.0, text),
    };
    let text = text.get(2..).unwrap_or_default();
    let (mantissa, exponent) = text.split_once(['p', 'P']).unwrap_or((text, "0"));
    let mut value = 0.0_f64;
    let mut scale = 0_i32;
    let mut is_fraction = false;
    for c in mantissa.chars() {
        if c == '.' {
            is_fraction = true;
        } else {
            value = value.mul_add(16.0, f64::from(c.to_digit(16).unwrap_or(0)));
            scale = scale.saturating_sub(if is_fraction { 4 } else { 0 });
        }
    }
    if value == 0.0 {
        return 0.0;
    }
    let exponent: i32 = exponent.parse().unwrap_or(if exponent.starts_with('-') {
        i32::MIN
    } else {
        i32::MAX
    });
    sign * value * 2.0_f64.powi(scale.saturating_add(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(function: &str, text: &str, reason: &str) -> String {
        format!("strconv.{function}: parsing {text:?}: {reason}")
    }

    #[test]
    fn integers_take_the_base_from_their_prefix() {
        for (text, value) in [
            ("0", 0),
            ("-0", 0),
            ("+12", 12),
            ("0x1F", 31),
            ("0X_1f", 31),
            ("0b101", 5),
            ("0o17", 15),
            ("017", 15),
            ("1_000", 1000),
            ("0_7", 7),
            ("-2147483648", -2_147_483_648),
        ] {
            assert_eq!(parse_int(text, 0, 32), Ok(value), "{text}");
        }
        for text in [
            "", "+", "-", "x", "1.5", "1 ", " 1", "08", "0x", "0b2", "_1", "1_", "1__0", "0x__1",
            "--1", "1e3", "٣", "110,",
        ] {
            let expected = refusal("ParseInt", text, "invalid syntax");
            assert_eq!(parse_int(text, 0, 32), Err(expected), "{text}");
        }
        for text in [
            "2147483648",
            "-2147483649",
            "0x80000000",
            "99999999999999999999x",
        ] {
            let expected = refusal("ParseInt", text, "value out of range");
            assert_eq!(parse_int(text, 0, 32), Err(expected), "{text}");
        }
        assert_eq!(parse_int("-9223372036854775808", 0, 64), Ok(i64::MIN));
        assert!(parse_int("9223372036854775808", 0, 64).is_err());
    }

    #[test]
    fn decimal_integers_have_no_prefix_and_no_underscores() {
        assert_eq!(parse_uint("2", 10, 31), Ok(2));
        assert_eq!(parse_uint("2147483647", 10, 31), Ok(2_147_483_647));
        for (text, reason) in [
            ("2147483648", "value out of range"),
            ("0x2", "invalid syntax"),
            ("1_0", "invalid syntax"),
            ("-1", "invalid syntax"),
            ("+1", "invalid syntax"),
            ("", "invalid syntax"),
        ] {
            assert_eq!(
                parse_uint(text, 10, 31),
                Err(refusal("ParseUint", text, reason)),
                "{text}"
            );
        }
        assert_eq!(atoi("+12"), Ok(12));
        assert_eq!(atoi("a"), Err(refusal("Atoi", "a", "invalid syntax")));
    }

    #[test]
    fn floats_are_those_of_go() {
        for text in [
            "0",
            "1.",
            ".5",
            "-1e3",
            "1E+3",
            "0x1p-2",
            "0X1.8P3",
            "1_0.5",
            "inf",
            "-Infinity",
            "NaN",
            "1e-999",
        ] {
            assert!(parse_float(text, 64).is_ok(), "{text}");
        }
        for text in [
            "", ".", "e1", "1e", "1e+", "0x1", "0x.p1", "1__0", "_1", "-nan", "1.2.3", "1f",
            "infin", "5%",
        ] {
            assert_eq!(
                parse_float(text, 64),
                Err(refusal("ParseFloat", text, "invalid syntax")),
                "{text}"
            );
        }
        for (text, bits) in [
            ("1e400", 64),
            ("1e39", 32),
            ("0x1p1024", 64),
            ("-1e400", 64),
        ] {
            assert_eq!(
                parse_float(text, bits),
                Err(refusal("ParseFloat", text, "value out of range")),
                "{text}"
            );
        }
    }

    #[test]
    fn booleans_have_twelve_spellings() {
        assert_eq!(parse_bool("True"), Ok(true));
        assert_eq!(parse_bool("f"), Ok(false));
        for text in ["", "yes", "tRUE", "on", " true"] {
            assert_eq!(
                parse_bool(text),
                Err(refusal("ParseBool", text, "invalid syntax"))
            );
        }
    }
}
