//! glob(7) patterns, one part of a path at a time.

/// Whether `part` is a pattern, not a plain name.
pub(crate) fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether `name` matches `pattern`. A leading dot is matched by a dot only.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut pattern, mut name) = (pattern, name);
    // Where to go on from if what follows the last `*` does not fit: it takes one byte more.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match step(pattern, name) {
            Step::Matched => return true,
            Step::Star(after) => {
                retry = Some((after, name));
                pattern = after;
            }
            Step::Next(after_pattern, after_name) => {
                pattern = after_pattern;
                name = after_name;
            }
            Step::Failed => {
                let Some((after, [_, rest @ ..])) = retry else {
                    return false;
                };
                retry = Some((after, rest));
                pattern = after;
                name = rest;
            }
        }
    }
}

enum Step<'p, 'n> {
    Matched,
    Failed,
    Star(&'p [u8]),
    Next(&'p [u8], &'n [u8]),
}

fn step<'p, 'n>(pattern: &'p [u8], name: &'n [u8]) -> Step<'p, 'n> {
    let Some((&p, after)) = pattern.split_first() else {
        return if name.is_empty() {
            Step::Matched
        } else {
            Step::Failed
        };
    };
    if p == b'*' {
        return Step::Star(after);
    }
    let Some((&c, rest)) = name.split_first() else {
        return Step::Failed;
    };
    let (fits, after) = match (p, after) {
        (b'?', _) => (true, after),
        (b'[', _) => set(after, c).unwrap_or((c == b'[', after)),
        (b'\\', [escaped, after @ ..]) => (*escaped == c, after),
        _ => (p == c, after),
    };
    if fits {
        Step::Next(after, rest)
    } else {
        Step::Failed
    }
}

/// Whether `c` is in the set that `text`, what follows `[`, begins with, and what follows the set.
/// `None` if it does not close.
fn set(text: &[u8], c: u8) -> Option<(bool, &[u8])> {
    let (negated, mut rest) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut found = false;
    let mut first = true;
    loop {
        rest = match rest {
            [b']', after @ ..] if !first => return Some((found != negated, after)),
            [low, b'-', high, after @ ..] if *high != b']' => {
                found |= (*low..=*high).contains(&c);
                after
            }
            [one, after @ ..] => {
                found |= *one == c;
                after
            }
            [] => return None,
        };
        first = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns() {
        let cases = [
            ("*.env", "a.env", true),
            ("*.env", ".env", false),
            (".*", ".env", true),
            ("*.env", "a.envx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*b*c", "aXbYbZc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("[a-]", "-", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("*", "", true),
        ];
        for (pattern, name, expected) in cases {
            let matched = matches(pattern.as_bytes(), name.as_bytes());
            assert_eq!(matched, expected, "{pattern} {name}");
        }
    }

    #[test]
    fn takes_no_exponential_time() {
        let pattern = "*a".repeat(100) + "b";
        assert!(!matches(pattern.as_bytes(), &[b'a'; 255]));
    }

    proptest! {
        #[test]
        fn a_star_for_any_piece(name in "[a-z]{1,20}", from in 0_usize..20, to in 0_usize..20) {
            let (from, to) = (from.min(to).min(name.len()), from.max(to).min(name.len()));
            let pattern = format!("{}*{}", &name[..from], &name[to..]);
            prop_assert!(matches(pattern.as_bytes(), name.as_bytes()));
        }

        #[test]
        fn any_pattern_ends(pattern: Vec<u8>, name: Vec<u8>) {
            matches(&pattern, &name);
        }
    }
}
