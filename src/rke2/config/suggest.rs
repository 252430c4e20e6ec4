//! The flag that a misspelt key may have meant.

use crate::rke2::Role;

use super::flags;

/// The nearest flag `role` knows: the same but for case and `_`, else few letters away.
pub(super) fn nearest(role: Role, key: &str) -> Option<&'static str> {
    // Nobody misspells a flag at this length; the distance is not worth its price.
    if key.len() > 64 {
        return None;
    }
    let wanted = key
        .trim_start_matches('-')
        .to_ascii_lowercase()
        .replace('_', "-");
    let names = || {
        flags::of(role)
            .map(|flag| flag.name)
            .filter(|name| name.len() > 2)
    };
    if let Some(same) = names().find(|name| *name == wanted) {
        return Some(same);
    }
    let allowed = (wanted.chars().count() / 4).clamp(1, 3);
    names()
        .map(|name| (distance(&wanted, name), name))
        .filter(|(distance, _)| *distance <= allowed && wanted.len() > 2)
        .min()
        .map(|(_, name)| name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_was_meant_and_nothing_else() {
        for (key, meant) in [
            ("Profile", Some("profile")),
            ("protect_kernel_defaults", Some("protect-kernel-defaults")),
            ("porfile", Some("profile")),
            ("kublet-arg", Some("kubelet-arg")),
            ("kubelet-args", Some("kubelet-arg")),
            ("foo", None),
            ("", None),
            ("x", None),
            ("flannel-backend", None),
            ("disable-etcds", Some("disable-etcd")),
        ] {
            assert_eq!(nearest(Role::Server, key), meant, "{key}");
        }
        assert_eq!(nearest(Role::Server, &"p".repeat(1 << 20)), None);
    }

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
}
