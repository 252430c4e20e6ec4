//! Quantities of resources: `500Mi`, `200m`, `1e3`.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/resource/{quantity,suffix}.go`, the same from 1.24 to 1.37.

use super::number;

/// The texts of `ErrFormatWrong` and `ErrSuffix`.
const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX: &str = "unable to parse quantity's suffix";

/// The suffixes that are no exponents.
const SUFFIXES: [&str; 16] = [
    "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
];

/// A quantity by its parts. Its numerator may be empty: `-` is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity<'a> {
    /// `-1Gi`.
    pub(crate) is_negative: bool,
    /// Whether all digits are zeros.
    pub(crate) is_zero: bool,
    /// `Gi`, `m`, `e3`, or nothing.
    pub(crate) suffix: &'a str,
}

/// `resource.ParseQuantity`.
pub(crate) fn parse(text: &str) -> Result<Quantity<'_>, String> {
    if text.is_empty() {
        return Err(FORMAT.to_owned());
    }
    let is_negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits(unsigned);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(after) => digits(after),
        None => ("", rest),
    };
    let letters =
        suffix.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    if !exponent.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(FORMAT.to_owned());
    }
    if !is_suffix(suffix) {
        return Err(SUFFIX.to_owned());
    }
    Ok(Quantity {
        is_negative,
        is_zero: whole.bytes().chain(fraction.bytes()).all(|b| b == b'0'),
        suffix,
    })
}

fn digits(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// `suffixHandler.interpret`.
fn is_suffix(suffix: &str) -> bool {
    SUFFIXES.contains(&suffix)
        || suffix
            .strip_prefix(['e', 'E'])
            .is_some_and(|exponent| number::parse_int(exponent, 10, 64).is_ok())
}

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `1500M`.
    Decimal,
    /// `1Gi`.
    Binary,
    /// `1e9`.
    Exponent,
}

/// The value of a quantity, which can be added and compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    /// In units of 10^-9.
    nanos: i128,
    format: Format,
    /// Whether upstream keeps it in a way that `AsInt64` can give back: `1Gi`, not `1.5Gi`.
    is_integer: bool,
}

const NANO: i128 = 1_000_000_000;
/// The greatest quantity; a greater one becomes this one, which is not done here.
const MOST: i128 = 9_223_372_036_854_775_807 * NANO;

impl Amount {
    /// Nothing.
    pub(crate) const ZERO: Self = Self {
        nanos: 0,
        format: Format::Decimal,
        is_integer: true,
    };

    /// An integer.
    pub(crate) fn integer(value: u64, format: Format) -> Self {
        Self {
            nanos: i128::from(value).saturating_mul(NANO),
            format,
            is_integer: true,
        }
    }

    /// Reads a quantity. `None`: it is none, or is beyond what is handled here.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let quantity = parse(text).ok()?;
        let number = text
            .trim_start_matches(['-', '+'])
            .strip_suffix(quantity.suffix)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = whole.trim_start_matches('0');
        let digits = format!("0{whole}{fraction}");
        let count = i64::try_from(whole.len().checked_add(fraction.len())?).ok()?;
        let decimals = i64::try_from(fraction.len()).ok()?;
        let (base, exponent, format) = scale(quantity.suffix)?;
        let unit = match format {
            Format::Binary => base
                .checked_pow(exponent.unsigned_abs())?
                .checked_mul(NANO)?,
            _ => base.checked_pow(exponent.checked_add(9)?.try_into().ok()?)?,
        };
        let divisor = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let scaled = digits.parse::<i128>().ok()?.checked_mul(unit)?;
        // What is smaller than the smallest unit is rounded up.
        let rest = i128::from(scaled.checked_rem(divisor)? != 0);
        let nanos = scaled.checked_div(divisor)?.checked_add(rest)?;
        if nanos > MOST {
            return None;
        }
        let exponent = i64::from(exponent);
        let is_integer = match format {
            Format::Binary => {
                let precision = exponent.checked_mul(10)?.checked_mul(3)?.checked_div(10)?;
                fraction.is_empty() && 14_i64.checked_sub(count)?.checked_sub(precision)? >= 0
            }
            _ => count <= 18 && exponent >= decimals,
        };
        Some(Self {
            nanos: if quantity.is_negative { -nanos } else { nanos },
            format,
            is_integer,
        })
    }

    /// The sum, in the format of the first that is not zero.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let nanos = self.nanos.checked_add(other.nanos)?;
        let format = if self.is_zero() {
            other.format
        } else {
            self.format
        };
        (nanos <= MOST).then_some(Self {
            nanos,
            format,
            is_integer: self.is_integer && other.is_integer,
        })
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.nanos == 0
    }

    /// Whether `AsInt64` gives its value.
    pub(crate) const fn is_integer(self) -> bool {
        self.is_integer
    }

    /// Whether it is greater.
    pub(crate) const fn exceeds(self, other: Self) -> bool {
        self.nanos > other.nanos
    }

    /// Whether both have the same value.
    pub(crate) const fn is_same(self, other: Self) -> bool {
        self.nanos == other.nanos
    }

    /// Its value, rounded up to an integer.
    pub(crate) fn ceiling(self) -> i128 {
        let whole = self.nanos.checked_div(NANO).unwrap_or(0);
        let rest = self.nanos.checked_rem(NANO).unwrap_or(0);
        whole.saturating_add(i128::from(rest > 0))
    }
}

/// The base and exponent of a suffix, and the format that it stands for. Binary exponents count factors of 1024.
fn scale(suffix: &str) -> Option<(i128, i32, Format)> {
    let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
    let binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    if let Some(at) = decimal.iter().position(|known| *known == suffix) {
        let exponent = i32::try_from(at).ok()?.checked_mul(3)?.checked_sub(9)?;
        return Some((10, exponent, Format::Decimal));
    }
    if let Some(at) = binary.iter().position(|known| *known == suffix) {
        return Some((1024, i32::try_from(at).ok()?, Format::Binary));
    }
    let exponent = number::parse_int(suffix.get(1..)?, 10, 64).ok()?;
    let exponent = i32::try_from(exponent).ok()?;
    (-9..=18)
        .contains(&exponent)
        .then_some((10, exponent, Format::Exponent))
}

impl std::fmt::Display for Amount {
    /// As `Quantity.String` writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kibi: i128 = 1024;
        let is_small = self.nanos.unsigned_abs() < 1024_u128.saturating_mul(NANO.unsigned_abs());
        if self.format == Format::Binary && !is_small {
            let mut value = self.ceiling();
            let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].into_iter();
            let mut suffix = suffixes.next().unwrap_or_default();
            while value.checked_rem(kibi) == Some(0)
                && let Some(next) = suffixes.next()
            {
                value = value.checked_div(kibi).unwrap_or(value);
                suffix = next;
            }
            return write!(f, "{value}{suffix}");
        }
        let (mut value, mut exponent) = (self.nanos, -9_i32);
        while value != 0 && exponent < 18 && value.checked_rem(1000) == Some(0) {
            value = value.checked_div(1000).unwrap_or(value);
            exponent = exponent.saturating_add(3);
        }
        if value == 0 {
            return f.write_str("0");
        }
        if self.format == Format::Exponent && exponent != 0 {
            return write!(f, "{value}e{exponent}");
        }
        let suffix = match exponent {
            -9 => "n",
            -6 => "u",
            -3 => "m",
            0 => "",
            3 => "k",
            6 => "M",
            9 => "G",
            12 => "T",
            15 => "P",
            _ => "E",
        };
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_a_number_and_a_suffix() {
        for text in [
            "0", "1", "-1", "+1", "1.5Gi", ".5", "1.", "200m", "1e3", "1E-3", "1e+03", "5E",
            "100Mi", "-", ".", "007",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["", "1 Gi", "1Gi ", "a", "1,5", "1.2.3", "5%", "1Gb", "{"] {
            assert_eq!(parse(text), Err(FORMAT.to_owned()), "{text}");
        }
        for text in ["1K", "1mi", "1e", "1Mii", "1ki", "1i", "1eE3", "1k3", "--1"] {
            assert_eq!(parse(text), Err(SUFFIX.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_sign_and_zero_are_known() {
        assert!(parse("-1Gi").unwrap().is_negative);
        assert!(parse("-0.00").unwrap().is_zero);
        assert_eq!(parse("1.5Gi").unwrap().suffix, "Gi");
    }

    #[test]
    fn amounts_are_added_in_the_format_of_the_first() {
        let sum = |texts: &[&str]| {
            let mut sum = Amount::ZERO;
            for text in texts {
                sum = sum.plus(Amount::read(text).unwrap()).unwrap();
            }
            sum.to_string()
        };
        for (texts, expected) in [
            (&["1Gi", "100Mi"][..], "1124Mi"),
            (&["500M", "500Mi"], "1024288k"),
            (&["500Mi", "0.5G"], "1024288000"),
            (&["24", "1e9", "100Mi"], "1104857624"),
            (&["1e9"], "1e9"),
            (&["0", "1Gi"], "1Gi"),
            (&["1.5Gi"], "1536Mi"),
            (&["500Ti", "600Ti"], "1100Ti"),
            (&["512"], "512"),
            (&["0.5Ki"], "512"),
            (&["2.5", "500m"], "3"),
            (&["99500m", "1"], "100500m"),
            (&["-"], "0"),
        ] {
            assert_eq!(sum(texts), expected, "{texts:?}");
        }
        assert!(Amount::read("1Ei").is_some());
        assert!(Amount::read("9Ei").is_none());
        assert!(Amount::read("1e99").is_none());
        assert!(Amount::read("x").is_none());
    }

    #[test]
    fn some_amounts_are_no_integers_upstream() {
        for (text, expected) in [
            ("1Gi", true),
            ("1124Mi", true),
            ("1.5Gi", false),
            ("1Pi", false),
            ("1500m", false),
            ("1500M", true),
            ("0.5G", true),
            ("10", true),
        ] {
            assert_eq!(Amount::read(text).unwrap().is_integer(), expected, "{text}");
        }
    }
}
