//! Helpers for text that several modules print.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

/// `; did you mean "mode"?`, for the end of a message about an unknown word; empty where no candidate is near.
pub fn suggestion(word: &str, candidates: &[&str]) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

/// The candidate of which `word` is most likely a misspelling: equal except for case and `_`, or few
/// letters different.
pub(crate) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Longer words are not misspellings, and the distance takes quadratic time.
    const MAX_LENGTH: usize = 64;
    let folded = |text: &str| text.to_lowercase().replace('_', "-");
    if !(3..=MAX_LENGTH).contains(&word.len()) {
        return None;
    }
    let wanted = folded(word);
    let allowed = (wanted.chars().count() / 4).clamp(1, 3);
    candidates
        .iter()
        .filter(|candidate| (3..=MAX_LENGTH).contains(&candidate.len()))
        .map(|candidate| {
            (
                strsim::osa_distance(&wanted, &folded(candidate)),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// [`String::from_utf8_lossy`], faster for the texts of a host, which are nearly all UTF-8.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The most characters shown of one text of a host, so that a file cannot flood a terminal or the journal.
const MAX_SHOWN: usize = 500;

/// Replaces a password.
const REDACTED: &str = "<redacted>";

/// `text` without the user information of addresses, between `://` and `@`: a name and often a password.
pub(crate) fn without_userinfo(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, path) = after.split_at_checked(end).unwrap_or((after, ""));
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str(REDACTED);
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = path;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// `text` with every [unprintable](is_unprintable) character escaped, passwords in addresses removed, and
/// truncated if it is very long.
///
/// Every text from a host's files passes through here before it reaches a terminal or the journal.
pub fn printable(text: &str) -> String {
    let text = without_userinfo(text);
    let mut out = String::with_capacity(text.len().min(MAX_SHOWN));
    for (index, c) in text.chars().enumerate() {
        if index == MAX_SHOWN {
            let _ = write!(out, "… ({} bytes in all)", text.len());
            break;
        }
        push_visible(&mut out, c);
    }
    out
}

/// `text` with every unprintable character escaped, and otherwise unchanged.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_visible(&mut out, c));
    out
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        c if is_unprintable(c) => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// Whether a character could move a cursor, forge a line, or hide or reorder its neighbours: control
/// characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, other format
/// characters (Unicode's category Cf), invisible characters (fillers, variation selectors, tags), and
/// noncharacters.
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// A whole output for a terminal or file: unprintable characters are escaped, except line feeds, tabs and
/// the colours (`ESC [ … m`) of this program.
///
/// Every value is made printable when it is put into an output; this is a second barrier.
pub(crate) fn output(text: &str) -> Cow<'_, str> {
    let is_fine = |c: char| c == '\n' || c == '\t' || !is_unprintable(c);
    if text.chars().all(is_fine) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after.get(end..)?.strip_prefix('m')
        });
        let after = colour.unwrap_or_else(|| rest.get(c.len_utf8()..).unwrap_or_default());
        let piece = rest.len().saturating_sub(after.len());
        if colour.is_some() || is_fine(c) {
            out.push_str(rest.get(..piece).unwrap_or_default());
        } else {
            push_visible(&mut out, c);
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// `value` as indented JSON with a final line feed. Unprintable characters are written as `\uXXXX`, so
/// that the same value is read back.
pub fn json(value: &impl serde::Serialize) -> String {
    // It contains strings, numbers and lists only, so this cannot fail.
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut out = String::with_capacity(text.len().saturating_add(1));
    for c in text.chars() {
        // Outside of strings, line feed is the only unprintable character; inside, it is escaped already.
        if c == '\n' || !is_unprintable(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out.push('\n');
    out
}

/// `text` as one word of a POSIX shell, in printable characters only: others are written as octal escapes
/// for `printf`.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.chars().any(is_unprintable) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    // Command substitution strips line feeds at the end.
    let inner = text.trim_end_matches('\n');
    let mut format = String::new();
    for c in inner.chars() {
        match c {
            '\'' => format.push_str("'\\''"),
            '\\' => format.push_str("\\\\"),
            '%' => format.push_str("%%"),
            c if is_unprintable(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(format, "\\{byte:03o}");
                }
            }
            c => format.push(c),
        }
    }
    let ends = text.len().saturating_sub(inner.len());
    let ends = if ends > 0 {
        format!("'{}'", "\n".repeat(ends))
    } else {
        String::new()
    };
    format!("\"$(printf -- '{format}')\"{ends}")
}

/// `text` in lines of at most `width` characters. Each line after the first begins with `indent` spaces.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0_usize;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column.saturating_add(length).saturating_add(1) > width {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > 0 {
            out.push(' ');
            column = column.saturating_add(1);
        }
        out.push_str(word);
        column = column.saturating_add(length);
    }
    out
}

/// A point in time, in microseconds since 1970, as RFC 3339 in UTC.
pub(crate) fn time(microseconds: u64) -> String {
    // The end of the year 9999: no more has four digits.
    const LAST: u64 = 253_402_300_799;
    let seconds = (microseconds / 1_000_000).min(LAST);
    let at = UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// A number with its noun: `1 reason`, `3 reasons`.
pub fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_close() {
        let keys = ["profile", "protect-kernel-defaults", "kubelet-arg"];
        assert_eq!(nearest("Profile", &keys), Some("profile"));
        assert_eq!(
            nearest("protect_kernel_defaults", &keys),
            Some("protect-kernel-defaults")
        );
        assert_eq!(nearest("kubelet-args", &keys), Some("kubelet-arg"));
        assert_eq!(nearest("node-ip", &keys), None);
        assert_eq!(nearest("", &keys), None);
        assert_eq!(nearest(&"x".repeat(100_000), &keys), None);
    }

    #[test]
    #[expect(clippy::disallowed_types, reason = "the shell decides")]
    fn a_shell_reads_back_what_was_quoted() {
        assert_eq!(
            shell_word("/etc/sysctl.d/60-rke2-cis.conf"),
            "/etc/sysctl.d/60-rke2-cis.conf"
        );
        assert_eq!(shell_word("vm.panic_on_oom = 0"), "'vm.panic_on_oom = 0'");
        assert_eq!(shell_word("it's $(x)"), "'it'\\''s $(x)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(
            shell_word("a\u{1b}[31m%d\\n'\u{202e}é"),
            "\"$(printf -- 'a\\033[31m%%d\\\\n'\\''\\342\\200\\256é')\""
        );
        for text in [
            "a\u{1b}[31m%d\\n'\u{202e}é \"$(x)\" `x` $x",
            "\n\nx\n\n",
            "\u{9b}\n",
            "-\u{7f}",
            "etcd:x:5:5:\u{1b}]0;x\u{7}\u{e0041}\t\r:/:/x",
        ] {
            let word = shell_word(text);
            assert!(
                !word.chars().any(|c| c != '\n' && is_unprintable(c)),
                "{word}"
            );
            let ran = std::process::Command::new("/bin/sh")
                .args(["-c", &format!("printf '%s' {word}")])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), text, "{word}");
        }
    }

    #[test]
    fn lines_are_no_longer_than_asked() {
        assert_eq!(wrap("a bb ccc dddd", 6, 2), "a bb\n  ccc\n  dddd");
        assert_eq!(wrap("  a  b ", 80, 0), "a b");
        assert_eq!(wrap("", 80, 4), "");
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        for (text, shown) in [
            ("https://u:p@h:9345/x", "https://<redacted>@h:9345/x"),
            (
                "a postgres://u:p@h, b http://t@k",
                "a postgres://<redacted>@h, b http://<redacted>@k",
            ),
            (
                "mysql://u:p@tcp(h:3306)/db?x=@",
                "mysql://<redacted>@tcp(h:3306)/db?x=@",
            ),
            ("https://h/a@b", "https://h/a@b"),
            ("user@host", "user@host"),
        ] {
            assert_eq!(without_userinfo(text), shown);
        }
        assert_eq!(printable(&"x".repeat(10_000)).chars().count(), 500 + 22);
    }

    #[test]
    fn json_is_printable_and_reads_back_the_same() {
        let all: String = (0..=0x0010_ffff_u32).filter_map(char::from_u32).collect();
        let value = serde_json::json!({ all.clone(): [all, "\"\\\u{1b}"] });
        let text = json(&value);
        assert!(!text.chars().any(|c| c != '\n' && is_unprintable(c)));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
        assert!(text.ends_with("\n}\n"));
    }

    #[test]
    fn an_output_has_line_feeds_tabs_and_colours_alone() {
        assert_eq!(
            output("\u{1b}[1;31ma\u{1b}[0m\tb\n\u{1b}[2J\u{1b}\u{9b}0m\u{1b}[\u{202e}\r"),
            "\u{1b}[1;31ma\u{1b}[0m\tb\n\\u{1b}[2J\\u{1b}\\u{9b}0m\\u{1b}[\\u{202e}\\r"
        );
        assert!(matches!(output("é\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn deceptive_characters_are_escaped() {
        assert_eq!(
            printable("a\x1b[31mb\nc\u{202e}d é"),
            "a\\u{1b}[31mb\\nc\\u{202e}d é"
        );
    }
}
