//! Sorted text: a row a line, columns separated by one space, the first of them the key. Nothing of it is parsed
//! before it is asked for, and it needs no relocation when the program starts.

use crate::kubernetes::Minor;

/// The rows whose first column is `key`.
pub(super) fn rows(table: &'static str, key: &str) -> impl Iterator<Item = &'static str> {
    from(table, key)
        .lines()
        .take_while(move |row| first_column(row) == key)
}

/// The rest of the table, from the first row whose key is not less than `key`.
fn from(table: &'static str, key: &str) -> &'static str {
    let (mut low, mut high) = (0, table.len());
    // Both are where a row begins, or the end.
    while low < high {
        let middle = low.midpoint(high);
        let start = table
            .get(..middle)
            .and_then(|before| before.rfind('\n'))
            .map_or(0, |newline| newline.saturating_add(1));
        let row = table.get(start..).unwrap_or_default();
        let length = row.find('\n').unwrap_or(row.len());
        let row = row.get(..length).unwrap_or_default();
        if first_column(row) < key {
            low = start.saturating_add(length).saturating_add(1);
        } else {
            high = start;
        }
    }
    table.get(low..).unwrap_or_default()
}

fn first_column(row: &str) -> &str {
    row.split(' ').next().unwrap_or_default()
}

/// Whether a column of minors, `24-29,31`, holds one.
pub(super) fn has(minors: &str, minor: Minor) -> bool {
    minors.split(',').any(|run| {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let number = |text: &str| text.parse::<u32>().ok();
        number(first).is_some_and(|first| first <= minor.0)
            && number(last).is_some_and(|last| minor.0 <= last)
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const TABLE: &str = "a 1\nab 2\nab 3\nb 4\nba 5\n";

    fn found(table: &'static str, key: &str) -> Vec<&'static str> {
        rows(table, key).collect()
    }

    #[test]
    fn all_rows_of_a_key_are_found() {
        assert_eq!(found(TABLE, "a"), ["a 1"]);
        assert_eq!(found(TABLE, "ab"), ["ab 2", "ab 3"]);
        assert_eq!(found(TABLE, "b"), ["b 4"]);
        assert_eq!(found(TABLE, "ba"), ["ba 5"]);
        for key in ["", " ", "0", "aa", "abc", "c", "a 1", "ab 2\nab 3"] {
            assert_eq!(found(TABLE, key), [""; 0], "{key:?}");
        }
    }

    #[test]
    fn a_table_may_be_empty_or_have_no_last_newline() {
        assert_eq!(found("", ""), [""; 0]);
        assert_eq!(found("", "a"), [""; 0]);
        assert_eq!(found("a 1\nb 2", "b"), ["b 2"]);
    }

    #[test]
    fn minors_are_runs() {
        let of = |minors: &str| {
            (0..50)
                .filter(|minor| has(minors, Minor(*minor)))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("24-26,29,31-32"), [24, 25, 26, 29, 31, 32]);
        assert_eq!(of("37"), [37]);
        assert!(of("").is_empty());
        assert!(of("x-y,-").is_empty());
    }

    proptest! {
        #[test]
        fn a_key_is_found_where_a_scan_finds_it(
            keys in proptest::collection::btree_set("[a-c]{1,3}", 0..20),
            copies in 1..4_usize,
            key in "[a-c]{0,3}",
        ) {
            let mut text = String::new();
            for key in &keys {
                for copy in 0..copies {
                    let _ = writeln!(text, "{key} {copy}");
                }
            }
            let table: &'static str = text.leak();
            let scan: Vec<_> = table.lines().filter(|row| first_column(row) == key).collect();
            prop_assert_eq!(found(table, &key), scan);
        }
    }
}
