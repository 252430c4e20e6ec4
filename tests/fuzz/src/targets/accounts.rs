//! `/etc/passwd` and `/etc/group`: our reader against a plain one.

use std::io::BufReader;

use preflight_rke2::testing::facts::{Lookup, Table};
use preflight_rke2::testing::go;
use preflight_rke2::testing::rke2::accounts::lookup;

const NAME: &str = "etcd";

/// What Go's `os/user` does, word for word: the row's numbers, or `None`; `Err` for a line that is
/// too long.
fn plain(content: &[u8], table: Table, limit: Option<usize>) -> Result<Option<(i64, i64)>, u32> {
    let colons = if table == Table::Passwd { 6 } else { 3 };
    let mut lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    for (line, number) in lines.into_iter().zip(1..) {
        if limit.is_some_and(|limit| line.len() >= limit) {
            return Err(number);
        }
        let trimmed = match std::str::from_utf8(line) {
            Ok(text) => text.trim().as_bytes(),
            Err(_) => go::trim_space(line),
        };
        let fields: Vec<&[u8]> = trimmed.split(|byte| *byte == b':').collect();
        if fields.len() <= colons || fields.first() != Some(&NAME.as_bytes()) {
            continue;
        }
        let number = |at: usize| -> Option<i64> {
            let text = std::str::from_utf8(fields.get(at)?).ok()?;
            text.parse().ok()
        };
        let found = match table {
            Table::Passwd => number(2).zip(number(3)),
            Table::Group => number(2).map(|id| (id, id)),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub(super) fn run(data: &[u8]) {
    let content = data.get(1..).unwrap_or_default();
    let buffer = match data.first() {
        Some(size) => usize::from(*size).max(1),
        None => 1,
    };
    for table in [Table::Passwd, Table::Group] {
        for limit in [None, Some(64), Some(64 << 10)] {
            let mut reader = BufReader::with_capacity(buffer, content);
            let ours = lookup(&mut reader, table, NAME, limit);
            let again = lookup(&mut &content[..], table, NAME, limit);
            match (ours, plain(content, table, limit)) {
                (Ok(Lookup::Found { id, gid, line }), Ok(Some(numbers))) => {
                    assert_eq!((id, gid), numbers);
                    assert_eq!(again.ok(), Some(Lookup::Found { line, id, gid }));
                }
                (Ok(Lookup::Unknown { rejected }), Ok(None)) => {
                    assert!(rejected.len() <= 8);
                }
                (Ok(Lookup::TooLong { line }), Err(number)) => assert_eq!(line, number),
                (ours, plain) => panic!("{table:?} {limit:?}: {ours:?}, not {plain:?}"),
            }
        }
    }
}
