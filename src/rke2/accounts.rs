//! `/etc/passwd` and `/etc/group` as Go's pure `os/user` reads them, which is how RKE2 does.
//!
//! RKE2 is built with `netgo osusergo`, so it uses neither NSS nor userdb, SSSD or LDAP. Written
//! after the behaviour of `os/user/lookup_unix.go` (Go 1.13 to 1.26) and recorded results.

use std::io::{self, BufRead, Read};

use crate::facts::{Lookup, RejectReason, Rejected, Table};
use crate::go;

/// Of one line, as much is kept as any row could need; the rest of it is skipped, not stored.
const MAX_LINE: u64 = 1 << 20;
/// At most so many rejected rows are remembered.
const MAX_REJECTED: usize = 8;

/// Looks `name` up in a table read from `reader`. `line_limit` is the longest line the reader of
/// this RKE2's Go takes.
pub fn lookup(
    reader: &mut impl BufRead,
    table: Table,
    name: &str,
    line_limit: Option<usize>,
) -> io::Result<Lookup> {
    let mut rejected = Vec::new();
    let mut line = Vec::new();
    let mut number: u32 = 0;
    while next_line(reader, &mut line)? {
        number = number.saturating_add(1);
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if line_limit.is_some_and(|limit| text.len() >= limit) {
            return Ok(Lookup::TooLong { line: number });
        }
        match row(text, table, name) {
            Some(Ok((id, gid))) => {
                return Ok(Lookup::Found {
                    line: number,
                    id,
                    gid,
                });
            }
            Some(Err(why)) if rejected.len() < MAX_REJECTED => {
                rejected.push(Rejected { line: number, why });
            }
            Some(Err(_)) | None => {}
        }
    }
    Ok(Lookup::Unknown { rejected })
}

/// The next line, its start if it is longer than [`MAX_LINE`]; false at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', line)?;
    if u64::try_from(read).is_ok_and(|read| read == MAX_LINE) && line.last() != Some(&b'\n') {
        reader.skip_until(b'\n')?;
    }
    Ok(!line.is_empty())
}

/// `None`: not a row of that name. Otherwise its numbers, or why Go skips it.
fn row(line: &[u8], table: Table, name: &str) -> Option<Result<(i64, i64), RejectReason>> {
    let line = go::trim_space(line);
    let (marked, line) = match line.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
    if marked {
        return Some(Err(RejectReason::ByteOrderMark));
    }
    let needed = table.colons();
    let colons = line.iter().filter(|b| **b == b':').count();
    if colons < needed {
        return Some(Err(RejectReason::Fields {
            found: colons.saturating_add(1),
            needed: needed.saturating_add(1),
        }));
    }
    let mut fields = line.split(|b| *b == b':').skip(2);
    let mut number = || {
        let text = fields.next().unwrap_or_default();
        go::atoi(text).map_err(|_| RejectReason::Number {
            text: go::quote(text.get(..64.min(text.len())).unwrap_or_default()),
        })
    };
    let id = match number() {
        Ok(id) => id,
        Err(why) => return Some(Err(why)),
    };
    Some(match table {
        Table::Group => Ok((id, id)),
        Table::Passwd => number().map(|gid| (id, gid)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value as Json;

    fn find(table: Table, text: &[u8]) -> Lookup {
        lookup(&mut &text[..], table, "etcd", None).unwrap()
    }

    /// The bytes of a recorded text, in which a lone `\udcXX` stands for the byte XX; JSON readers
    /// refuse those, so they come as the private-use characters `\ueeXX`.
    fn recorded(text: &Json) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for c in text.as_str()?.chars() {
            match u32::from(c) {
                code @ 0xee80..=0xeeff => bytes.push(code.to_le_bytes()[0]),
                _ => bytes.extend_from_slice(c.to_string().as_bytes()),
            }
        }
        Some(bytes)
    }

    #[test]
    fn recorded_answers_of_go() {
        let text = include_str!("../../tests/cases/accounts.json").replace("\\udc", "\\uee");
        let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
        assert!(cases.len() > 50);
        let mut compared = 0;
        for case in &cases {
            for (table, key) in [(Table::Passwd, "passwd"), (Table::Group, "group")] {
                // Absent files and directories are tried through the command, in tests/.
                let Some(text) = recorded(&case[key]).filter(|text| text != b"<dir>") else {
                    continue;
                };
                compared += 1;
                let expect = &case["expect"][table.as_str()];
                match find(table, &text) {
                    Lookup::Found { id, gid, .. } => {
                        // Go keeps the digits as written: 052 and 52 are one number.
                        let number = |key: &str| expect[key].as_str().unwrap().parse::<i64>();
                        if table == Table::Passwd {
                            assert_eq!(number("uid"), Ok(id), "{case}");
                        }
                        assert_eq!(number("gid"), Ok(gid), "{case}");
                    }
                    Lookup::Unknown { .. } => {
                        let message = case["expect"][format!("{}_error", table.as_str())].as_str();
                        let word = table.as_str();
                        assert_eq!(
                            message.unwrap(),
                            format!("missing required: {word}: unknown {word} etcd"),
                            "{case}"
                        );
                    }
                    Lookup::TooLong { .. } => panic!("{case}"),
                }
            }
        }
        assert!(compared > 90);
    }

    #[test]
    fn rows_that_go_skips_are_named() {
        let text = b"etcd:x:5\netcd:x:a:5::/:/x\n\xef\xbb\xbfetcd:x:5:5::/:/x\netcd2:x:5:5::/:\n";
        assert_eq!(
            find(Table::Passwd, text),
            Lookup::Unknown {
                rejected: vec![
                    Rejected {
                        line: 1,
                        why: RejectReason::Fields {
                            found: 3,
                            needed: 7
                        }
                    },
                    Rejected {
                        line: 2,
                        why: RejectReason::Number {
                            text: "\"a\"".into()
                        }
                    },
                    Rejected {
                        line: 3,
                        why: RejectReason::ByteOrderMark
                    },
                ]
            }
        );
    }

    #[test]
    fn no_more_rejected_rows_are_kept_than_anybody_reads() {
        let text = b"etcd:x:5\n".repeat(MAX_REJECTED + 5);
        let Lookup::Unknown { rejected } = find(Table::Passwd, &text) else {
            panic!("found");
        };
        assert_eq!(rejected.len(), MAX_REJECTED);
        assert_eq!(rejected.last().map(|row| row.line), Some(8));
    }

    #[test]
    fn long_lines_end_the_look_up_of_old_go_and_no_other() {
        let mut text = vec![b'x'; 70_000];
        text.extend_from_slice(
            b"
etcd:x:5:6::/:/x
",
        );
        assert_eq!(
            find(Table::Passwd, &text),
            Lookup::Found {
                line: 2,
                id: 5,
                gid: 6
            }
        );
        let limited = |text: &[u8]| lookup(&mut &text[..], Table::Passwd, "etcd", Some(65_536));
        assert_eq!(limited(&text).unwrap(), Lookup::TooLong { line: 1 });
        let text: Vec<u8> = text.split_off(70_000 - 65_535);
        assert!(matches!(limited(&text).unwrap(), Lookup::Found { .. }));
        // Longer than what is kept of a line: the rest is skipped, not read as another row.
        let mut text = vec![b'x'; 3 << 20];
        text.extend_from_slice(
            b"
etcd:x:5:6::/:/x",
        );
        assert!(matches!(
            find(Table::Passwd, &text),
            Lookup::Found { line: 2, .. }
        ));
    }

    #[test]
    fn the_row_behind_a_line_as_long_as_what_is_kept_is_read() {
        let kept = usize::try_from(MAX_LINE).unwrap();
        for length in [kept - 1, kept, kept + 1] {
            let mut text = vec![b'x'; length];
            text.extend_from_slice(b"\netcd:x:5:6::/:/x\n");
            assert!(
                matches!(find(Table::Passwd, &text), Lookup::Found { line: 2, .. }),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(text: Vec<u8>) {
            find(Table::Passwd, &text);
            find(Table::Group, &text);
        }

        #[test]
        fn the_first_good_row_wins_whatever_surrounds_it(
            before in "([a-df-z:#0-9]{0,9}\n){0,4}", after in "[a-z:0-9\n]{0,40}",
            uid in 0i64..70_000, gid in 0i64..70_000,
        ) {
            let line = u32::try_from(before.matches('\n').count()).unwrap() + 1;
            let text = format!("{before}etcd:x:{uid}:{gid}::/:\n{after}");
            prop_assert_eq!(
                find(Table::Passwd, text.as_bytes()),
                Lookup::Found { line, id: uid, gid }
            );
        }
    }
}
