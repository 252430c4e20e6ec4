//! The corners of Go's standard library that RKE2's and the kubelet's answers hang on.
//!
//! Written after the documented behaviour of `strconv`, `strings`, `syscall` and observed
//! results; upstream is Go 1.13 (RKE2 1.18) to Go 1.26 (RKE2 1.36), which agree here.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Why `strconv.Atoi` refused a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum AtoiError {
    /// Not a decimal integer.
    Syntax,
    /// Does not fit in 64 bits.
    Range,
}

/// `strconv.Atoi` on a 64-bit machine: an optional sign and decimal digits, nothing else.
pub(crate) fn atoi(text: &[u8]) -> Result<i64, AtoiError> {
    let digits = match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(AtoiError::Syntax);
    }
    // Signs, leading zeros and digits are what `i64::from_str` takes as well.
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(AtoiError::Range)
}

/// The words of the `*NumError` that `strconv.Atoi` returns for `text`.
pub(crate) fn atoi_message(text: &[u8], error: AtoiError) -> String {
    let reason = match error {
        AtoiError::Syntax => "invalid syntax",
        AtoiError::Range => "value out of range",
    };
    format!("strconv.Atoi: parsing {}: {reason}", quote(text))
}

/// `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &[u8]) -> Option<bool> {
    match text {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Some(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Some(false),
        _ => None,
    }
}

/// `strconv.Quote`: a double-quoted Go string literal, printable as plain ASCII or letters.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{b}' => out.push_str("\\v"),
                c if c == '\u{7f}' || c < ' ' => {
                    let _ = write!(out, "\\x{:02x}", u32::from(c));
                }
                c if is_print(c) => out.push(c),
                c if u32::from(c) < 0x1_0000 => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => {
                    let _ = write!(out, "\\U{:08x}", u32::from(c));
                }
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Close to `strconv.IsPrint`: control, format, private-use and non-ASCII space characters are
/// not. (Go also asks whether a code point is assigned; a host's file hardly turns on that.)
fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    !c.is_control()
        && !c.is_whitespace()
        && !matches!(u32::from(c),
            0xad | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x180e | 0x200b..=0x200f
            | 0x202a..=0x202e | 0x2060..=0x206f | 0xe000..=0xf8ff | 0xfeff | 0xfff9..=0xfffb
            | 0xfffe | 0xffff | 0xe0000..=0x10_ffff)
}

/// `bytes.TrimSpace` / `strings.TrimSpace`: Unicode white space, as Go defines it, at both ends.
pub fn trim_space(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((c, len)) = first_char(rest) {
        if !is_space(c) {
            break;
        }
        rest = rest.get(len..).unwrap_or_default();
    }
    while let Some((c, len)) = last_char(rest) {
        if !is_space(c) {
            break;
        }
        rest = rest
            .get(..rest.len().saturating_sub(len))
            .unwrap_or_default();
    }
    rest
}

/// `unicode.IsSpace`.
fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    ) || matches!(
        c,
        '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// The first character and its length, `None` at the end or at a byte that is not UTF-8.
fn first_char(text: &[u8]) -> Option<(char, usize)> {
    (1..=4.min(text.len())).find_map(|len| {
        let c = std::str::from_utf8(text.get(..len)?).ok()?.chars().next()?;
        Some((c, len))
    })
}

/// The last character and its length, `None` at the start or at a byte that is not UTF-8.
fn last_char(text: &[u8]) -> Option<(char, usize)> {
    (1..=4.min(text.len())).find_map(|len| {
        let c = std::str::from_utf8(text.get(text.len().checked_sub(len)?..)?)
            .ok()?
            .chars()
            .next()?;
        Some((c, len))
    })
}

/// Appends what an escape of a Go string stands for, and returns the text after it. `escape` begins after the
/// backslash; `None` where it is no escape.
pub(crate) fn unescape<'a>(escape: &'a str, out: &mut Vec<u8>) -> Option<&'a str> {
    let letter = escape.chars().next()?;
    let rest = escape.get(letter.len_utf8()..)?;
    let byte = match letter {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' | '"' | '\'' => u8::try_from(letter).ok()?,
        '0'..='7' => {
            let (digits, rest) = escape.split_at_checked(3)?;
            out.push(u8::from_str_radix(digits, 8).ok()?);
            return Some(rest);
        }
        'x' => {
            let (digits, rest) = rest.split_at_checked(2)?;
            out.push(u8::from_str_radix(digits, 16).ok()?);
            return Some(rest);
        }
        'u' | 'U' => {
            let (digits, rest) = rest.split_at_checked(if letter == 'u' { 4 } else { 8 })?;
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        _ => return None,
    };
    out.push(byte);
    Some(rest)
}

/// `filepath.Join` of an absolute directory and a relative path: without `.`, `..` and repeated slashes.
pub(crate) fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The words Go has for an error number (`syscall.Errno.Error` on Linux).
pub(crate) fn errno(number: i32) -> Cow<'static, str> {
    use nix::libc;
    let words = match number {
        libc::EPERM => "operation not permitted",
        libc::ENOENT => "no such file or directory",
        libc::EINTR => "interrupted system call",
        libc::EIO => "input/output error",
        libc::ENXIO => "no such device or address",
        libc::EAGAIN => "resource temporarily unavailable",
        libc::ENOMEM => "cannot allocate memory",
        libc::EACCES => "permission denied",
        libc::EBUSY => "device or resource busy",
        libc::EEXIST => "file exists",
        libc::ENODEV => "no such device",
        libc::ENOTDIR => "not a directory",
        libc::EISDIR => "is a directory",
        libc::EINVAL => "invalid argument",
        libc::ENFILE => "too many open files in system",
        libc::EMFILE => "too many open files",
        libc::ETXTBSY => "text file busy",
        libc::EFBIG => "file too large",
        libc::ENOSPC => "no space left on device",
        libc::EROFS => "read-only file system",
        libc::ENAMETOOLONG => "file name too long",
        libc::ELOOP => "too many levels of symbolic links",
        libc::EOVERFLOW => "value too large for defined data type",
        libc::ESTALE => "stale file handle",
        libc::EXDEV => "invalid cross-device link",
        other => return Cow::Owned(format!("errno {other}")),
    };
    Cow::Borrowed(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atoi_takes_what_go_takes() {
        for (text, value) in [("0", 0), ("+5", 5), ("-1", -1), ("0010", 10), ("-0", 0)] {
            assert_eq!(atoi(text.as_bytes()), Ok(value), "{text}");
        }
        for text in ["", "+", "-", "0x1", "1_0", " 1", "1 ", "1\t", "+-1", "١"] {
            assert_eq!(atoi(text.as_bytes()), Err(AtoiError::Syntax), "{text}");
        }
        assert_eq!(atoi(b"9223372036854775807"), Ok(i64::MAX));
        assert_eq!(atoi(b"9223372036854775808"), Err(AtoiError::Range));
        assert_eq!(atoi(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(atoi(b"\xff"), Err(AtoiError::Syntax));
    }

    #[test]
    fn quote_escapes_as_go_does() {
        for (text, quoted) in [
            (&b"x"[..], "\"x\""),
            (b"1\t", r#""1\t""#),
            (b"a\"\\", r#""a\"\\""#),
            (b"\x00\x1b\x7f", r#""\x00\x1b\x7f""#),
            (b"\xff", r#""\xff""#),
            ("é\u{a0}\u{feff}".as_bytes(), "\"é\\u00a0\\ufeff\""),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }

    #[test]
    fn trim_space_stops_at_bytes_that_are_not_text() {
        assert_eq!(trim_space(b" \t a \r\n"), b"a");
        assert_eq!(trim_space("\u{3000}a\u{85}".as_bytes()), b"a");
        assert_eq!(trim_space(b"\xa0 a \xa0"), b"\xa0 a \xa0");
        assert_eq!(trim_space(b"   "), b"");
    }
}
