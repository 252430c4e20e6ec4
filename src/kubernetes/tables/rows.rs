//! Sorted text: a row a line, columns separated by one space, the first of them the key. Nothing of it is parsed
//! before it is asked for, and it needs no relocation when the program starts.

use std::cmp::Ordering;

use crate::kubernetes::Minor;

/// A table of sorted rows.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) text: &'static str,
    /// Where each row begins.
    pub(super) starts: &'static [u16],
}

/// The table of a text file beside this one. Where its rows begin is worked out at compile time.
macro_rules! table {
    ($file:literal) => {{
        const TEXT: &str = include_str!($file);
        const ROWS: usize = $crate::kubernetes::tables::rows::count(TEXT);
        const STARTS: [u16; ROWS] = $crate::kubernetes::tables::rows::starts(TEXT);
        $crate::kubernetes::tables::rows::Table {
            text: TEXT,
            starts: &STARTS,
        }
    }};
}
pub(super) use table;

/// How many lines a text has.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "at compile time"
)]
pub(super) const fn count(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut lines) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'\n' || at + 1 == bytes.len() {
            lines += 1;
        }
        at += 1;
    }
    lines
}

/// Where each line of a text begins.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "at compile time"
)]
pub(super) const fn starts<const ROWS: usize>(text: &str) -> [u16; ROWS] {
    let bytes = text.as_bytes();
    assert!(bytes.len() < u16::MAX as usize, "too long for its index");
    let mut starts = [0; ROWS];
    let (mut at, mut row) = (0, 1);
    while at < bytes.len() && row < ROWS {
        if bytes[at] == b'\n' {
            starts[row] = (at + 1) as u16;
            row += 1;
        }
        at += 1;
    }
    starts
}

impl Table {
    /// All rows.
    pub(super) fn all(self) -> impl Iterator<Item = &'static str> {
        self.text.lines()
    }

    /// The rows whose first column is `key`.
    pub(super) fn rows(self, key: &str) -> impl Iterator<Item = &'static str> {
        self.from(move |row| compare(row, key).0)
    }

    /// The rows whose first two columns are `first` and `second`.
    pub(super) fn rows_of_two(
        self,
        first: &str,
        second: &str,
    ) -> impl Iterator<Item = &'static str> {
        self.from(move |row| match compare(row, first) {
            (Ordering::Equal, rest) => compare(rest, second).0,
            (other, _) => other,
        })
    }

    /// The rows that are equal to what is looked for.
    fn from(self, order: impl Fn(&str) -> Ordering) -> impl Iterator<Item = &'static str> {
        let row = move |start: u16| self.text.get(usize::from(start)..).unwrap_or_default();
        let first = self
            .starts
            .partition_point(|start| order(row(*start)) == Ordering::Less);
        let rows = self.starts.get(first..).unwrap_or_default();
        rows.iter()
            .map(move |start| row(*start))
            .take_while(move |row| order(row) == Ordering::Equal)
            .map(|row| row.lines().next().unwrap_or_default())
    }
}

/// The order of the first column of a text and a key, and the columns behind it where they are equal. A space, and
/// the end of a row, come before what keys consist of.
fn compare<'a>(text: &'a str, key: &str) -> (Ordering, &'a str) {
    let (bytes, key) = (text.as_bytes(), key.as_bytes());
    let column = bytes.get(..key.len()).unwrap_or(bytes);
    match column.cmp(key) {
        Ordering::Equal => match bytes.get(key.len()) {
            Some(b' ') => {
                let rest = text.get(key.len().saturating_add(1)..);
                (Ordering::Equal, rest.unwrap_or_default())
            }
            None | Some(b'\n') => (Ordering::Equal, ""),
            Some(_) => (Ordering::Greater, ""),
        },
        order => (order, ""),
    }
}

/// The columns of a row, one by one. A plain loop over bytes: columns are short, and this runs for each row that is
/// looked at.
pub(super) struct Columns {
    rest: Option<&'static str>,
}

impl Columns {
    pub(super) const fn of(row: &'static str) -> Self {
        Self { rest: Some(row) }
    }

    /// What has not been taken.
    pub(super) fn rest(self) -> &'static str {
        self.rest.unwrap_or_default()
    }
}

impl Iterator for Columns {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        let rest = self.rest?;
        let Some(end) = rest.bytes().position(|byte| byte == b' ') else {
            self.rest = None;
            return Some(rest);
        };
        self.rest = rest.get(end.saturating_add(1)..);
        rest.get(..end)
    }
}

/// Whether a column of minors, `24-29,31`, holds one.
pub(super) fn has(minors: &str, minor: Minor) -> bool {
    // A plain loop: this runs for each row that is looked at.
    let (mut first, mut number) = (None, None);
    for byte in minors.bytes().chain([b',']) {
        match byte {
            b'0'..=b'9' => {
                let digit = u32::from(byte.saturating_sub(b'0'));
                let before: u32 = number.unwrap_or(0);
                number = Some(before.saturating_mul(10).saturating_add(digit));
            }
            b'-' => first = number.take(),
            _ => {
                let last = number.take();
                let first = first.take().or(last);
                if first.is_some_and(|first| first <= minor.0)
                    && last.is_some_and(|last| minor.0 <= last)
                {
                    return true;
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "a 1\nab 2\nab 3\nb 4\nba 5\n";

    fn table(text: &'static str) -> Table {
        let lines = text.lines();
        let mut start = 0;
        let starts = lines.map(|line| {
            let at = start;
            start += line.len() + 1;
            u16::try_from(at).unwrap()
        });
        Table {
            text,
            starts: starts.collect::<Vec<_>>().leak(),
        }
    }

    fn found(text: &'static str, key: &str) -> Vec<&'static str> {
        table(text).rows(key).collect()
    }

    #[test]
    fn all_rows_of_a_key_are_found() {
        assert_eq!(found(TEXT, "a"), ["a 1"]);
        assert_eq!(found(TEXT, "ab"), ["ab 2", "ab 3"]);
        assert_eq!(found(TEXT, "b"), ["b 4"]);
        assert_eq!(found(TEXT, "ba"), ["ba 5"]);
        for key in ["", "0", "aa", "abc", "c"] {
            assert_eq!(found(TEXT, key), [""; 0], "{key:?}");
        }
    }

    #[test]
    fn a_table_may_be_empty_or_have_no_last_newline() {
        assert_eq!(found("", ""), [""; 0]);
        assert_eq!(found("", "a"), [""; 0]);
        assert_eq!(found("a 1\nb 2", "b"), ["b 2"]);
    }

    #[test]
    fn rows_of_two_columns_are_found() {
        const TEXT: &str = "a b 1\na c 2\na c 3\nab c 4\n";
        let found = |first, second| table(TEXT).rows_of_two(first, second).collect::<Vec<_>>();
        assert_eq!(found("a", "b"), ["a b 1"]);
        assert_eq!(found("a", "c"), ["a c 2", "a c 3"]);
        assert_eq!(found("ab", "c"), ["ab c 4"]);
        assert_eq!(found("ab", "b"), [""; 0]);
        assert_eq!(found("a", ""), [""; 0]);
    }

    #[test]
    fn where_rows_begin_is_known_at_compile_time() {
        for text in ["", "a", "a\n", "a 1\nb 2", TEXT] {
            let lines = table(text).starts;
            assert_eq!(count(text), lines.len(), "{text:?}");
        }
        assert_eq!(starts::<5>(TEXT), [0, 4, 9, 14, 18]);
        assert_eq!(starts::<2>("a 1\nb 2"), [0, 4]);
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
        assert!(of("-,").is_empty());
    }

    proptest! {
        #[test]
        fn a_key_is_found_where_a_scan_finds_it(
            keys in proptest::collection::btree_set("[a-c]{1,3}", 0..20),
            copies in 1..4_usize,
            key in "[a-c]{1,3}",
        ) {
            let mut text = String::new();
            for key in &keys {
                for copy in 0..copies {
                    let _ = writeln!(text, "{key} {copy}");
                }
            }
            let text: &'static str = text.leak();
            let is_of_key = |row: &&str| row.split(' ').next() == Some(&*key);
            let scan: Vec<_> = text.lines().filter(is_of_key).collect();
            prop_assert_eq!(found(text, &key), scan);
        }
    }
}
