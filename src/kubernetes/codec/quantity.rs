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
}
