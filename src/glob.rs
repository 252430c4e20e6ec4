//! Patterns of glob(7) on paths: `/` separates, and no wildcard matches it.
//!
//! Two callers: the keys of sysctl.d, which systemd expands with `GLOB_BRACE`, and
//! `EnvironmentFile=` of units, which it expands without.

/// Whether `text` is a pattern, not a plain name. Braces alone do not make a pattern.
pub(crate) fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The most alternatives that are tried. Each pair of braces multiplies their number, and a pattern with
/// more matches nothing: systemd would not finish to expand it either.
const MAX_ALTERNATIVES: usize = 128;

/// Whether `pattern` matches `path`, where `{a,b}` stands for alternatives (`GLOB_BRACE`).
pub(crate) fn matches_with_braces(pattern: &[u8], path: &[u8]) -> bool {
    alternatives(pattern, path, &mut MAX_ALTERNATIVES.clone())
}

fn alternatives(pattern: &[u8], path: &[u8], left: &mut usize) -> bool {
    let Some(less) = left.checked_sub(1) else {
        return false;
    };
    *left = less;
    let Some((before, inner, after)) = braces(pattern) else {
        return matches(pattern, path);
    };
    let mut rest = inner;
    loop {
        let end = alternative(rest).unwrap_or(rest.len());
        let Some((one, more)) = rest.split_at_checked(end) else {
            return false;
        };
        if alternatives(&[before, one, after].concat(), path, left) {
            return true;
        }
        match more.split_first() {
            Some((_, more)) => rest = more,
            None => return false,
        }
    }
}

/// What is before, within and after the first pair of braces. `None` if there is none, or one that is not
/// closed: then all braces are plain characters.
fn braces(pattern: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut open: usize = 0;
    loop {
        match pattern.get(open..)? {
            [] => return None,
            [b'\\', _, ..] => open = open.checked_add(2)?,
            [b'{', ..] => break,
            _ => open = open.checked_add(1)?,
        }
    }
    let (before, inner) = pattern.split_at_checked(open)?;
    let inner = inner.strip_prefix(b"{")?;
    let mut close: usize = 0;
    loop {
        close = close.checked_add(alternative(inner.get(close..)?)?)?;
        let (within, after) = inner.split_at_checked(close)?;
        if let Some(after) = after.strip_prefix(b"}") {
            return Some((before, within, after));
        }
        close = close.checked_add(1)?;
    }
}

/// Where the first alternative ends: at a `,` or `}` outside nested braces.
fn alternative(text: &[u8]) -> Option<usize> {
    let mut depth: usize = 0;
    let mut at: usize = 0;
    loop {
        match text.get(at..)? {
            [] | [b'\\'] => return None,
            [b'\\', _, ..] => at = at.checked_add(1)?,
            [b'}' | b',', ..] if depth == 0 => return Some(at),
            [b'}', ..] => depth = depth.saturating_sub(1),
            [b'{', ..] => depth = depth.saturating_add(1),
            _ => {}
        }
        at = at.checked_add(1)?;
    }
}

/// Whether `pattern` matches `path`; braces are plain characters.
pub fn matches(pattern: &[u8], path: &[u8]) -> bool {
    let mut names = path.split(|&byte| byte == b'/');
    for pattern in pattern.split(|&byte| byte == b'/') {
        match names.next() {
            Some(name) if component(pattern, name) => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

/// Whether `pattern` matches one component of a path.
fn component(pattern: &[u8], name: &[u8]) -> bool {
    // Only a literal dot matches a leading one.
    let is_hidden = name.first() == Some(&b'.');
    (!is_hidden || matches!(pattern, [b'.', ..] | [b'\\', b'.', ..])) && any_name(pattern, name)
}

/// Matches without the rule for a leading dot. It backtracks to the last `*` only, so that the time is
/// bounded by the product of the lengths.
fn any_name(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (pattern, name);
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let advanced = match (p.split_first(), n.split_first()) {
            (None, None) => return true,
            (Some((b'*', after)), _) => {
                retry = Some((after, n));
                p = after;
                continue;
            }
            (Some(_), Some((&byte, left))) => one(p, byte).map(|after| (after, left)),
            _ => None,
        };
        if let Some((after, left)) = advanced {
            (p, n) = (after, left);
        } else {
            let Some((after, [_, left @ ..])) = retry else {
                return false;
            };
            retry = Some((after, left));
            (p, n) = (after, left);
        }
    }
}

/// The rest of the pattern if its first element matches this byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'[', rest @ ..] => match bracket(rest, byte) {
            Some((true, after)) => Some(after),
            Some((false, _)) => None,
            // Not closed: the bracket is a plain character.
            None => (byte == b'[').then_some(rest),
        },
        [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// Whether a bracket expression (after its `[`) contains the byte, and what follows it. `None` if it is
/// not closed.
fn bracket(rest: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match rest {
        [b'!' | b'^', after @ ..] => (true, after),
        _ => (false, rest),
    };
    let mut found = false;
    let mut first = true;
    loop {
        let (low, after) = match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [b'[', b':', after @ ..] => {
                let end = after.windows(2).position(|pair| pair == b":]")?;
                let (name, tail) = after.split_at_checked(end)?;
                found |= in_class(name, byte)?;
                rest = tail.get(2..)?;
                first = false;
                continue;
            }
            [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal, after),
            [] => return None,
        };
        first = false;
        let (high, after) = match after {
            [b'-', b'\\', high, after @ ..] => (*high, after),
            [b'-', high, after @ ..] if *high != b']' => (*high, after),
            _ => (low, after),
        };
        found |= (low..=high).contains(&byte);
        rest = after;
    }
}

fn in_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alpha" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"upper" => byte.is_ascii_uppercase(),
        b"lower" => byte.is_ascii_lowercase(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"punct" => byte.is_ascii_punctuation(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"graph" => byte.is_ascii_graphic(),
        b"cntrl" => byte.is_ascii_control(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("kernel/pan*", "kernel/panic", true),
            ("kernel/*", "kernel/panic", true),
            ("*/panic", "kernel/panic", true),
            ("*", "kernel/panic", false),
            ("kernel*panic", "kernel/panic", false),
            ("kernel/*", "kernel/keys/root_maxkeys", false),
            ("kernel/*/root_*keys", "kernel/keys/root_maxkeys", true),
            ("kernel/pani?", "kernel/panic", true),
            ("kernel/panic?", "kernel/panic", false),
            ("kernel/pan[i]c", "kernel/panic", true),
            ("kernel/pan[!i]c", "kernel/panic", false),
            ("kernel/pan[^x]c", "kernel/panic", true),
            ("kernel/pan[a-z]c", "kernel/panic", true),
            ("kernel/pan[]i]c", "kernel/panic", true),
            ("kernel/pan[[:alpha:]]c", "kernel/panic", true),
            ("kernel/pan[[:digit:]]c", "kernel/panic", false),
            ("kernel/pan[i", "kernel/panic", false),
            ("kernel/pan[i", "kernel/pan[i", true),
            ("kernel/{panic,x}*", "kernel/panic", true),
            ("kernel/{x,panic}*", "kernel/panic", true),
            ("kernel/{x,pan{x,i}}*", "kernel/panic", true),
            ("{kernel,vm}/{x,pan}*", "kernel/panic", true),
            ("kernel/pan{x,i*", "kernel/panic", false),
            ("kernel/pan{x,i*", "kernel/pan{x,iz", true),
            ("kernel/pan{}ic*", "kernel/panic", true),
            ("kernel/pan\\{i}c*", "kernel/panic", false),
            ("kernel/{a,b,}panic*", "kernel/panic", true),
            ("kernel/p\\anic*", "kernel/panic", true),
            ("kernel/*hidden", "kernel/.hidden", false),
            ("kernel/.hid*", "kernel/.hidden", true),
            ("kernel/**c", "kernel/panic", true),
            ("*.env", "a.env", true),
            ("*.env", ".env", false),
            (".*", ".env", true),
            ("\\.*", ".env", true),
            ("*.env", "a.envx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbYbZc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[\\]]", "]", true),
            ("[a", "[a", true),
            ("[a-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("*", "", true),
        ] {
            let got = matches_with_braces(pattern.as_bytes(), path.as_bytes());
            assert_eq!(got, expected, "{pattern} {path}");
            if !pattern.contains('{') {
                let got = matches(pattern.as_bytes(), path.as_bytes());
                assert_eq!(got, expected, "{pattern} {path}");
            }
        }
    }

    #[test]
    fn braces_are_plain_characters_without_the_flag() {
        assert!(!matches(b"{a,b}*", b"ab"));
        assert!(matches(b"{a,b}*", b"{a,b}c"));
    }

    #[test]
    fn braces_alone_make_no_pattern() {
        assert!(!is_pattern(b"kernel/{panic,x}"));
        assert!(is_pattern(b"kernel/{panic,x}*"));
    }

    #[test]
    fn the_number_of_alternatives_is_limited() {
        let pattern = "{a,b}".repeat(64) + "*";
        assert!(!matches_with_braces(pattern.as_bytes(), b"kernel/panic"));
        let nested = "{".repeat(2000) + "a" + &"}".repeat(2000) + "*";
        matches_with_braces(nested.as_bytes(), b"kernel/panic");
    }

    #[test]
    fn time_is_not_exponential() {
        let pattern = "*a".repeat(100) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 255]));
    }

    proptest! {
        #[test]
        fn any_pattern_ends(
            pattern in prop::collection::vec(any::<u8>(), 0..60),
            path in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            matches(&pattern, &path);
            matches_with_braces(&pattern, b"kernel/keys/root_maxkeys");
        }

        #[test]
        fn a_star_matches_every_plain_name(name in "[a-z_]{1,20}", at in 0_usize..20) {
            let at = at.min(name.len());
            let pattern = format!("{}*", &name[..at]);
            prop_assert!(matches(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn a_star_matches_any_piece(name in "[a-z]{1,20}", from in 0_usize..20, to in 0_usize..20) {
            let (from, to) = (from.min(to).min(name.len()), from.max(to).min(name.len()));
            let pattern = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
