//! Small things about text that several modules say.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The one of `candidates` that `word` is most likely a misspelling of: the same but for case and
/// `_`, else few letters away.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // Nobody misspells a word at such a length; the distance is not worth its price.
    const LONGEST: usize = 64;
    let folded = |text: &str| text.to_lowercase().replace('_', "-");
    if !(3..=LONGEST).contains(&word.len()) {
        return None;
    }
    let wanted = folded(word);
    let allowed = (wanted.chars().count() / 4).clamp(1, 3);
    candidates
        .iter()
        .filter(|candidate| (3..=LONGEST).contains(&candidate.len()))
        .map(|candidate| (distance(&wanted, &folded(candidate)), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, swapped neighbours counting once.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (at, c) in left.chars().enumerate() {
        let mut next = vec![at.saturating_add(1)];
        for (column, d) in right.iter().enumerate() {
            let cost = |from: Option<&usize>, plus: usize| {
                from.map_or(usize::MAX, |cost| cost.saturating_add(plus))
            };
            let replaced = cost(row.get(column), usize::from(c != *d));
            let dropped = cost(row.get(column.saturating_add(1)), 1);
            let added = cost(next.last(), 1);
            let earlier = column.checked_sub(1);
            let swapped = match earlier {
                Some(earlier) if last == Some(*d) && right.get(earlier) == Some(&c) => {
                    cost(before.get(earlier), 1)
                }
                _ => usize::MAX,
            };
            next.push(replaced.min(dropped).min(added).min(swapped));
        }
        before = std::mem::replace(&mut row, next);
        last = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

/// More of one text of a host is not shown: nobody reads on, and a journal is not the place for it.
const SHOWN: usize = 500;

/// What stands in place of a password.
const REDACTED: &str = "<redacted>";

/// `text` with what stands between `://` and `@` taken out: a name and, mostly, a password.
pub fn without_userinfo(text: &str) -> Cow<'_, str> {
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

/// `text` with whatever could move a cursor, forge a line or hide words made visible, passwords in
/// addresses taken out, and cut where it is very long.
///
/// What a host's files contain reaches terminals and journals through this alone.
pub fn printable(text: &str) -> String {
    let text = without_userinfo(text);
    let mut out = String::with_capacity(text.len().min(SHOWN));
    for (index, c) in text.chars().enumerate() {
        if index == SHOWN {
            let _ = write!(out, "… ({} bytes in all)", text.len());
            break;
        }
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_format(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters that change how others are shown: bidirectional controls, zero widths.
const fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `text` as one word of a shell's command line.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=+,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// `text` in lines of at most `width` characters, each after the first begun with `indent` spaces.
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

/// `1 reason`, `3 reasons`.
pub fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("ab", "ba", 1),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected);
            assert_eq!(distance(right, left), expected);
        }
    }

    #[test]
    fn the_nearest_word_is_near() {
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
    fn a_shell_reads_back_what_was_quoted() {
        assert_eq!(
            shell_word("/etc/sysctl.d/60-rke2-cis.conf"),
            "/etc/sysctl.d/60-rke2-cis.conf"
        );
        assert_eq!(shell_word("vm.panic_on_oom = 0"), "'vm.panic_on_oom = 0'");
        assert_eq!(shell_word("it's $(x)"), "'it'\\''s $(x)'");
        assert_eq!(shell_word(""), "''");
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
    fn what_could_deceive_is_made_visible() {
        assert_eq!(
            printable("a\x1b[31mb\nc\u{202e}d é"),
            "a\\u{1b}[31mb\\nc\\u{202e}d é"
        );
    }
}
