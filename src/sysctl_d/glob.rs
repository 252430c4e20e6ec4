//! Patterns as keys: `glob(3)` on the path below `/proc/sys`, component by component.

/// Whether a key is a pattern at all.
pub(crate) fn is_pattern(key: &[u8]) -> bool {
    key.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// A pattern whose braces stand for more alternatives than this matches nothing further; each
/// pair of braces multiplies them, and a boot with such a line would not end either.
const ALTERNATIVES: usize = 128;

/// Whether a pattern stands for this path. `/` separates, and no wildcard crosses it.
///
/// Braces are alternatives, but only within what is a pattern already: `kernel.{panic,x}` is a
/// plain key, `kernel.{panic,x}*` is not.
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    alternatives(pattern, path, &mut ALTERNATIVES.clone())
}

fn alternatives(pattern: &[u8], path: &[u8], left: &mut usize) -> bool {
    let Some(less) = left.checked_sub(1) else {
        return false;
    };
    *left = less;
    let Some((before, inner, after)) = braces(pattern) else {
        return plain(pattern, path);
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

/// What is before, within and after the first pair of braces. One that is never closed makes all
/// braces plain.
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

/// Where the first alternative ends: at a `,` or `}` that is not within further braces.
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

/// Like [`matches()`], with braces as plain bytes.
pub(crate) fn plain(pattern: &[u8], path: &[u8]) -> bool {
    let mut names = path.split(|&byte| byte == b'/');
    for pattern in pattern.split(|&byte| byte == b'/') {
        match names.next() {
            Some(name) if component(pattern, name) => {}
            _ => return false,
        }
    }
    names.next().is_none()
}

/// One component.
fn component(pattern: &[u8], name: &[u8]) -> bool {
    // A leading dot wants to be written out.
    let is_hidden = name.first() == Some(&b'.');
    (!is_hidden || matches!(pattern, [b'.', ..] | [b'\\', b'.', ..])) && any_name(pattern, name)
}

/// Backtracks to the last `*` only, so time is bounded by the product of the
/// lengths.
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

/// What is left of the pattern where its first element stands for this byte.
fn one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    match pattern {
        [b'?', after @ ..] => Some(after),
        [b'[', rest @ ..] => match bracket(rest, byte) {
            Some((true, after)) => Some(after),
            Some((false, _)) => None,
            // Never closed: a bracket like any other byte.
            None => (byte == b'[').then_some(rest),
        },
        [b'\\', literal, after @ ..] | [literal, after @ ..] => (*literal == byte).then_some(after),
        [] => None,
    }
}

/// Whether a bracket expression (after its `[`) holds the byte, and what follows it.
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
        ] {
            let got = matches(pattern.as_bytes(), path.as_bytes());
            assert_eq!(got, expected, "{pattern} {path}");
        }
    }

    #[test]
    fn braces_alone_make_no_pattern() {
        assert!(!is_pattern(b"kernel/{panic,x}"));
        assert!(is_pattern(b"kernel/{panic,x}*"));
    }

    #[test]
    fn braces_that_multiply_come_to_an_end() {
        let pattern = "{a,b}".repeat(64) + "*";
        assert!(!matches(pattern.as_bytes(), b"kernel/panic"));
        let nested = "{".repeat(2000) + "a" + &"}".repeat(2000) + "*";
        matches(nested.as_bytes(), b"kernel/panic");
    }

    proptest! {
        #[test]
        fn any_bytes_end(pattern in prop::collection::vec(any::<u8>(), 0..60)) {
            matches(&pattern, b"kernel/keys/root_maxkeys");
        }

        #[test]
        fn a_star_matches_every_plain_name(name in "[a-z_]{1,20}", at in 0_usize..20) {
            let at = at.min(name.len());
            let pattern = format!("{}*", &name[..at]);
            prop_assert!(matches(pattern.as_bytes(), name.as_bytes()));
        }
    }
}
