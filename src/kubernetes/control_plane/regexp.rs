//! The most frequent errors of Go's `regexp.Compile`.

/// Why an expression does not compile. `None`: it does, or that is not known.
pub(super) fn error(expression: &str) -> Option<String> {
    let failed =
        |reason: &str, part: &str| Some(format!("error parsing regexp: {reason}: `{part}`"));
    let mut depth = 0_u32;
    let mut can_repeat = false;
    let mut class = None;
    let mut letters = expression.char_indices();
    while let Some((at, letter)) = letters.next() {
        if let Some(start) = class {
            match letter {
                '\\' if letters.next().is_none() => {
                    return failed("trailing backslash at end of expression", "");
                }
                // A bracket that is the first of its class is one of its letters.
                ']' if at > start => class = None,
                _ => {}
            }
            continue;
        }
        match letter {
            '\\' => {
                // Quoted text may contain anything.
                match letters.next() {
                    None => return failed("trailing backslash at end of expression", ""),
                    Some((_, 'Q')) => return None,
                    Some(_) => can_repeat = true,
                }
            }
            '[' => {
                let rest = expression.get(at..).unwrap_or_default();
                let negated = rest.starts_with("[^");
                class = Some(at.saturating_add(if negated { 2 } else { 1 }));
                can_repeat = true;
            }
            '(' => {
                // Flags change the meaning of what follows.
                if expression
                    .get(at..)
                    .is_some_and(|rest| rest.starts_with("(?"))
                {
                    return None;
                }
                depth = depth.saturating_add(1);
                can_repeat = false;
            }
            ')' if depth == 0 => return failed("unexpected )", expression),
            ')' => {
                depth = depth.saturating_sub(1);
                can_repeat = true;
            }
            '|' => can_repeat = false,
            '*' | '+' | '?' if !can_repeat => {
                return failed(
                    "missing argument to repetition operator",
                    &letter.to_string(),
                );
            }
            '*' | '+' | '?' | '{' => return rest_is_balanced(expression, at, depth),
            _ => can_repeat = true,
        }
    }
    if class.is_some() {
        return None;
    }
    (depth > 0).then(|| format!("error parsing regexp: missing closing ): `{expression}`"))
}

/// After a repetition only parentheses are looked for.
fn rest_is_balanced(expression: &str, at: usize, depth: u32) -> Option<String> {
    let rest = expression.get(at..).unwrap_or_default();
    if rest.contains(['\\', '[', '?']) {
        return None;
    }
    let mut depth = i64::from(depth);
    for letter in rest.chars() {
        match letter {
            '(' => depth = depth.saturating_add(1),
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth < 0 {
            return Some(format!(
                "error parsing regexp: unexpected ): `{expression}`"
            ));
        }
    }
    (depth > 0).then(|| format!("error parsing regexp: missing closing ): `{expression}`"))
}

#[cfg(test)]
mod tests {
    use super::error;

    #[test]
    fn expressions() {
        for right in [
            "",
            "^a$",
            "//a(:|$)",
            "[]a]b",
            "a*b",
            "^https://.*[.]example$",
            r"a\.b\(",
            "(?i)a(",
        ] {
            assert_eq!(error(right), None, "{right}");
        }
        for (wrong, message) in [
            ("//(", "missing closing ): `//(`"),
            ("a)", "unexpected ): `a)`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a|+", "missing argument to repetition operator: `+`"),
            ("a\\", "trailing backslash at end of expression: ``"),
            (".*(", "missing closing ): `.*(`"),
        ] {
            assert_eq!(
                error(wrong),
                Some(format!("error parsing regexp: {message}"))
            );
        }
    }
}
