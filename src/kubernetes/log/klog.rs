//! Lines of klog's text format: a header, then plain text, or a quoted message and `key="value"` pairs.
//!
//! k8s.io/klog/v2 `internal/severity`, `internal/buffer/buffer.go` (header), `internal/serialize/keyvalues.go`
//! (pairs), as Kubernetes 1.24 to 1.37 pin it.

use super::time::{LogTime, clock, number};
use crate::go;

/// How severe a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// `I`, `W`.
    Other,
    /// `E`.
    Error,
    /// `F`: klog ends the process.
    Fatal,
}

/// A line after its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KlogLine<'a> {
    pub(super) severity: Severity,
    pub(super) time: LogTime,
    /// What follows the header.
    pub(super) text: &'a str,
}

/// Reads `E1128 11:27:33.866679    3795 kubelet.go:1850] TEXT`.
pub(super) fn line(text: &str) -> Option<KlogLine<'_>> {
    let severity = match text.as_bytes().first()? {
        b'I' | b'W' => Severity::Other,
        b'E' => Severity::Error,
        b'F' => Severity::Fatal,
        _ => return None,
    };
    let (month, rest) = number(text.get(1..)?, 2)?;
    let (day, rest) = number(rest, 2)?;
    let (time, rest) = clock(rest.strip_prefix(' ')?)?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (place, text) = rest.split_once("] ")?;
    // The thread, then file and line.
    let is_place = place
        .trim_start()
        .split_once(' ')
        .is_some_and(|(thread, file)| {
            thread.bytes().all(|byte| byte.is_ascii_digit()) && file.contains(':')
        });
    is_place.then_some(KlogLine {
        severity,
        time: LogTime::Local { month, day, time },
        text,
    })
}

/// What follows a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorValue {
    /// `err="TEXT"`.
    Text(String),
    /// `err=<`: the lines that follow, each indented by a tab, up to one that begins with ` >`.
    Lines,
    /// There is none.
    None,
}

/// The quoted message at the beginning of `text` and the error among its pairs; `None` for plain text.
pub(super) fn message(text: &str) -> Option<(String, ErrorValue)> {
    let (message, pairs) = unquote(text)?;
    Some((message, error(pairs)))
}

/// The value of `err` among pairs ` key="value"`.
fn error(mut pairs: &str) -> ErrorValue {
    while let Some((key, rest)) = pairs.split_once('=') {
        let is_error = key.trim_start() == "err";
        if rest == "<" {
            return if is_error {
                ErrorValue::Lines
            } else {
                ErrorValue::None
            };
        }
        let (value, after) = unquote(rest).unwrap_or_else(|| {
            let end = rest.find(' ').unwrap_or(rest.len());
            let (value, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            (value.to_owned(), after)
        });
        if is_error {
            return ErrorValue::Text(value);
        }
        pairs = after;
    }
    ErrorValue::None
}

/// A string in Go's quotes at the beginning of `text`, and the rest; `None` if it is not one, or has no end.
pub(super) fn unquote(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut out: Vec<u8> = Vec::new();
    loop {
        let at = rest.find(['"', '\\'])?;
        let (plain, from) = rest.split_at_checked(at)?;
        out.extend_from_slice(plain.as_bytes());
        if let Some(after) = from.strip_prefix('"') {
            return Some((String::from_utf8_lossy(&out).into_owned(), after));
        }
        rest = go::unescape(from.get(1..)?, &mut out)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read() {
        let read = line("E1128 11:27:33.866679    3795 kubelet.go:1850] \"m\" err=\"x\"").unwrap();
        assert_eq!(read.severity, Severity::Error);
        assert_eq!(read.text, "\"m\" err=\"x\"");
        let time = ((11 * 60 + 27) * 60 + 33) * 1_000_000 + 866_679;
        assert_eq!(
            read.time,
            LogTime::Local {
                month: 11,
                day: 28,
                time
            }
        );
        for text in [
            "",
            "E",
            "Error: unknown flag: --x",
            "E1328 11:27:33.866679    3795 kubelet.go:1850] x",
            "E1128 11:27:33.866679    3795 kubelet.go] x",
            "E1128 11:27:33.866679 x kubelet.go:1850] x",
            "E1128 11:27:33.866679    3795 kubelet.go:1850]",
            "E1128 11:27",
            "I12é",
        ] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn the_error_is_found_among_pairs() {
        let text = |text: &str| ErrorValue::Text(text.to_owned());
        for (line, expected) in [
            (
                r#""m" err="a \"b\"\t\\ \u00e9\x41\101 c" x="y""#,
                text("a \"b\"\t\\ éAA c"),
            ),
            (r#""m" logger="err=1" n=3 err="b""#, text("b")),
            (r#""m" list=["err=x"] err="b""#, text("b")),
            (r#""m" err="no end"#, text("\"no")),
            ("\"m\" err=<", ErrorValue::Lines),
            ("\"m\" config=<", ErrorValue::None),
            ("\"m\"", ErrorValue::None),
            (r#""m" error="x""#, ErrorValue::None),
        ] {
            assert_eq!(message(line), Some(("m".to_owned(), expected)), "{line}");
        }
        for line in [
            "plain text",
            "\"no end",
            "\"bad \\q escape\"",
            "\"\\x4",
            "\"\\",
        ] {
            assert_eq!(message(line), None, "{line}");
        }
    }
}
