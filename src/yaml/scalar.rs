//! What an untyped YAML scalar means to `gopkg.in/yaml.v2`, and how Go prints it.
//!
//! YAML 1.1 as that library has it: `yes` and `on` are booleans, `010` is eight, `1_000` a
//! thousand; a date stays a text.

/// A scalar after its type was found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// A date too, with the tag that it would have had.
    Text(String),
    Time(String),
}

impl Scalar {
    /// The library's tag for it.
    pub(crate) const fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Text(_) => "!!str",
            Self::Time(_) => "!!timestamp",
        }
    }
}

const LONG: &str = "tag:yaml.org,2002:";

/// The type and value of `text`, which carries `tag` (long form) or none; it is not quoted, or it
/// has a tag. The error is the library's message.
pub(crate) fn resolve(tag: Option<&str>, text: &str) -> Result<Scalar, String> {
    let Some(short) = tag.map(|tag| tag.strip_prefix(LONG)) else {
        return Ok(plain(text, true));
    };
    let wanted = match short {
        Some("binary") => {
            return base64(text)
                .map(|bytes| Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
                .ok_or_else(|| "!!binary value contains invalid base64 data".to_owned());
        }
        Some(name @ ("bool" | "int" | "float" | "null" | "timestamp")) => name,
        // `!!str`, and tags of the application, which do not matter.
        _ => return Ok(Scalar::Text(text.to_owned())),
    };
    let found = plain(text, wanted == "timestamp");
    match (found, wanted) {
        #[expect(
            clippy::cast_precision_loss,
            clippy::as_conversions,
            reason = "as Go does"
        )]
        (Scalar::Int(value), "float") => Ok(Scalar::Float(value as f64)),
        (found, wanted) if found.tag().strip_prefix("!!") == Some(wanted) => Ok(found),
        (found, wanted) => Err(format!(
            "cannot decode {} `{text}` as a !!{wanted}",
            found.tag()
        )),
    }
}

fn plain(text: &str, dates: bool) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Scalar::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => dotted(text),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            if dates && is_date(text) {
                return Scalar::Time(text.to_owned());
            }
            numeric(&text.replace('_', ""))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

/// `strconv.ParseFloat` of what begins with a dot; `_` may stand between digits.
fn dotted(text: &str) -> Option<Scalar> {
    let bytes = text.as_bytes();
    let between_digits = bytes.iter().enumerate().all(|(at, byte)| {
        let digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        *byte != b'_' || (digit(at.checked_sub(1)) && digit(at.checked_add(1)))
    });
    if !between_digits {
        return None;
    }
    float(&text.replace('_', ""))
}

fn numeric(text: &str) -> Option<Scalar> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let signed = text.starts_with(['+', '-']);
    integer(negative, signed, digits)
        .or_else(|| float(text))
        .or_else(|| {
            // The library's own try at binary, which lets a second sign pass.
            if let Some(rest) = text.strip_prefix("0b") {
                i64::from_str_radix(rest, 2).ok().map(Scalar::Int)
            } else {
                None
            }
        })
}

/// `strconv.ParseInt` and then `ParseUint`, base 0, underscores taken out.
fn integer(negative: bool, signed: bool, digits: &str) -> Option<Scalar> {
    let magnitude = magnitude(digits)?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    match i64::try_from(magnitude) {
        Ok(value) => Some(Scalar::Int(value)),
        Err(_) if signed => None,
        Err(_) => Some(Scalar::Uint(magnitude)),
    }
}

/// Digits with Go's prefixes: `0x`, `0b`, `0o`, `0`.
pub(crate) fn magnitude(digits: &str) -> Option<u64> {
    let (radix, rest) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, digits.get(2..)?),
        [b'0', b'b' | b'B', ..] => (2, digits.get(2..)?),
        [b'0', b'o' | b'O', ..] => (8, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    let plain = rest.bytes().next()?.is_ascii_hexdigit();
    plain.then_some(())?;
    u64::from_str_radix(rest, radix).ok()
}

/// Decimal, with at least one digit, as the library's pattern has it, and finite.
fn float(text: &str) -> Option<Scalar> {
    let body = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (body.get(..at)?, body.get(at.checked_add(1)?..)),
        None => (body, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if exponent.is_empty() || !digits(exponent) {
            return None;
        }
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(Scalar::Float(value))
}

/// The four shapes of a date that count: with `T` and zone, with a space, the day alone.
fn is_date(text: &str) -> bool {
    let mut rest = Reader(text.as_bytes());
    let day = (|| {
        rest.digits(4, 4)?;
        rest.one(b"-")?;
        let month = rest.digits(1, 2)?;
        rest.one(b"-")?;
        let day = rest.digits(1, 2)?;
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())
    })();
    if day.is_none() {
        return false;
    }
    if rest.0.is_empty() {
        return true;
    }
    (|| {
        let separator = rest.one(b"Tt ")?;
        (rest.digits(1, 2)? < 24).then_some(())?;
        rest.one(b":")?;
        (rest.digits(1, 2)? < 60).then_some(())?;
        rest.one(b":")?;
        (rest.digits(1, 2)? < 60).then_some(())?;
        if rest.one(b".,").is_some() {
            rest.digits(1, usize::MAX)?;
        }
        if separator != b' ' && rest.one(b"Z").is_none() {
            rest.one(b"+-")?;
            rest.digits(2, 2)?;
            rest.one(b":")?;
            rest.digits(2, 2)?;
        }
        rest.0.is_empty().then_some(())
    })()
    .is_some()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn one(&mut self, of: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        of.contains(first).then(|| self.0 = rest)?;
        Some(*first)
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self
            .0
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        (count >= least).then_some(())?;
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(digits.iter().take(9).fold(0, |n: u32, digit| {
            n.saturating_mul(10)
                .saturating_add(u32::from(digit.saturating_sub(b'0')))
        }))
    }
}

/// `base64.StdEncoding`: padded; line breaks do not count.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let digits: Vec<u8> = text
        .bytes()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    let groups = digits.len() / 4;
    digits.len().is_multiple_of(4).then_some(())?;
    for (at, group) in digits.chunks(4).enumerate() {
        let padding = group.iter().rev().take_while(|b| **b == b'=').count();
        (padding <= 2 && (padding == 0 || at.checked_add(1) == Some(groups))).then_some(())?;
        let mut bits: u32 = 0;
        for digit in group.iter().take(4usize.saturating_sub(padding)) {
            let value = match digit {
                b'A'..=b'Z' => digit.saturating_sub(b'A'),
                b'a'..=b'z' => digit.saturating_sub(b'a').saturating_add(26),
                b'0'..=b'9' => digit.saturating_sub(b'0').saturating_add(52),
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= padding.saturating_mul(6);
        let [_, bytes @ ..] = bits.to_be_bytes();
        out.extend(bytes.iter().take(3usize.saturating_sub(padding)));
    }
    Some(out)
}

/// `fmt.Sprint` of a `float64`: shortest digits, an exponent below 1e-4 and from 1e6 on.
pub(crate) fn show_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value == 0.0 || (1e-4..1e6).contains(&value.abs()) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_they_mean_to_go() {
        for (text, value) in [
            ("0b1", Scalar::Int(1)),
            ("0o17", Scalar::Int(15)),
            ("017", Scalar::Int(15)),
            ("08", Scalar::Float(8.0)),
            ("-0x1F", Scalar::Int(-31)),
            ("+5", Scalar::Int(5)),
            ("1_000", Scalar::Int(1000)),
            ("0x_1", Scalar::Int(1)),
            (
                "9223372036854775808",
                Scalar::Uint(9_223_372_036_854_775_808),
            ),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            (
                "18446744073709551616",
                Scalar::Float(18_446_744_073_709_551_616.0),
            ),
            ("1e400", Scalar::Text("1e400".into())),
            ("1.", Scalar::Float(1.0)),
            ("+.5", Scalar::Float(0.5)),
            (".5", Scalar::Float(0.5)),
            (".1_0", Scalar::Float(0.1)),
            ("._1", Scalar::Text("._1".into())),
            (".", Scalar::Text(".".into())),
            ("-", Scalar::Text("-".into())),
            ("1:30", Scalar::Text("1:30".into())),
            ("inf", Scalar::Text("inf".into())),
            ("0x", Scalar::Text("0x".into())),
            ("2001-01-02", Scalar::Time("2001-01-02".into())),
            ("2001-1-2T3:4:5Z", Scalar::Time("2001-1-2T3:4:5Z".into())),
            ("2001-13-02", Scalar::Text("2001-13-02".into())),
            ("yES", Scalar::Text("yES".into())),
        ] {
            assert_eq!(resolve(None, text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_finite_number_in_digits_has_a_name_of_its_own() {
        let float = |text| match resolve(None, text) {
            Ok(Scalar::Float(value)) => value,
            other => panic!("{text}: {other:?}"),
        };
        for name in [".nan", ".NaN", ".NAN"] {
            assert!(float(name).is_nan());
        }
        for name in [".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"] {
            assert_eq!(show_float(float(name)), "+Inf");
        }
        for name in ["-.inf", "-.Inf", "-.INF"] {
            assert_eq!(show_float(float(name)), "-Inf");
        }
        assert_eq!(
            show_float(float("+9223372036854775808")),
            "9.223372036854776e+18"
        );
        assert_eq!(
            show_float(float("-9223372036854775809")),
            "-9.223372036854776e+18"
        );
        assert_eq!(show_float(float("-1.5e3")), "-1500");
        for text in ["+inf", "1e", "1x.5", "1.5x", "-.", "0b", "0b2", "1e1.5"] {
            assert_eq!(resolve(None, text), Ok(Scalar::Text(text.to_owned())));
        }
    }

    #[test]
    fn dates_have_the_four_shapes() {
        for (text, is_date) in [
            ("2001-01-02", true),
            ("2001-1-31", true),
            ("2001-1-32", false),
            ("2001-1-0", false),
            ("2001-0-1", false),
            ("20011-1-1", false),
            ("2001-1-2T23:59:59Z", true),
            ("2001-1-2T24:00:00Z", false),
            ("2001-1-2T23:60:59Z", false),
            ("2001-1-2T23:59:60Z", false),
            ("2001-1-2t3:4:5.6+01:00", true),
            ("2001-1-2T3:4:5.6-01:00", true),
            ("2001-1-2T3:4:5", false),
            ("2001-1-2T3:4:5.Z", false),
            ("2001-1-2 3:4:5.6", true),
            ("2001-1-2 3:4:5Z", false),
        ] {
            assert_eq!(super::is_date(text), is_date, "{text}");
        }
    }

    #[test]
    fn base64_is_padded_at_its_end_alone() {
        for (text, bytes) in [
            ("", Some(&b""[..])),
            ("YQ==", Some(b"a")),
            ("YR==", Some(b"a")),
            ("YWI=", Some(b"ab")),
            ("YWJjYQ==", Some(b"abca")),
            ("Y2lz\r\nY2lz\n", Some(b"ciscis")),
            ("+/+/", Some(b"\xfb\xff\xbf")),
            ("09az", Some(b"\xd3\xd6\xb3")),
            ("YQ==YQ==", None),
            ("YQ==YWJj", None),
            ("Y===", None),
            ("====", None),
            ("YQ=", None),
            ("=", None),
            ("Y-lz", None),
            ("Y=lz", None),
        ] {
            assert_eq!(base64(text).as_deref(), bytes, "{text}");
        }
    }

    #[test]
    fn tags_are_checked() {
        let tag = |name| format!("{LONG}{name}");
        assert_eq!(resolve(Some(&tag("float")), "5"), Ok(Scalar::Float(5.0)));
        assert_eq!(
            resolve(Some(&tag("str")), "5"),
            Ok(Scalar::Text("5".into()))
        );
        assert_eq!(resolve(Some("!own"), "5"), Ok(Scalar::Text("5".into())));
        assert_eq!(
            resolve(Some(&tag("binary")), "Y2lz"),
            Ok(Scalar::Text("cis".into()))
        );
        assert_eq!(
            resolve(Some(&tag("int")), "x"),
            Err("cannot decode !!str `x` as a !!int".to_owned())
        );
        assert!(resolve(Some(&tag("binary")), "Y2l").is_err());
        for (name, text, found) in [
            ("int", "5", Scalar::Int(5)),
            ("bool", "no", Scalar::Bool(false)),
            ("null", "~", Scalar::Null),
            ("timestamp", "2001-01-02", Scalar::Time("2001-01-02".into())),
        ] {
            assert_eq!(resolve(Some(&tag(name)), text), Ok(found), "{name}");
        }
        for (name, text, found) in [
            ("int", "2001-01-02", "!!str"),
            ("timestamp", "x", "!!str"),
            ("null", "x", "!!str"),
            ("bool", "1", "!!int"),
            ("float", "9223372036854775808", "!!int"),
            ("int", "+9223372036854775808", "!!float"),
        ] {
            let words = format!("cannot decode {found} `{text}` as a !!{name}");
            assert_eq!(resolve(Some(&tag(name)), text), Err(words));
        }
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, text) in [
            (1.0, "1"),
            (1.3, "1.3"),
            (1000.0, "1000"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (123_456_789.125, "1.23456789125e+08"),
            (1e21, "1e+21"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(show_float(value), text);
        }
    }
}
