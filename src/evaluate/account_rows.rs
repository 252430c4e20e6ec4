//! The account's rows for an image, written without programs: those that create accounts below a root
//! (`useradd --root`, `groupadd --root`) load libraries of that root, and so run its code.
//!
//! The ids are chosen as `systemd-sysusers` and `useradd -r` do: from the image's own range of system
//! ids (`login.defs(5)`), the highest that is free, and the same for user and group where it can be.

use std::collections::BTreeSet;

use crate::finding::account::NewAccount;
use crate::finding::remedy::NewRow;

/// Ids that neither a user nor a group of the system may have: 0 is root's, the last two mean none.
const LAST_ID: u32 = 4_294_967_293;

/// What an image has that decides about ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Image<'a> {
    /// `/etc/passwd`.
    pub(super) passwd: &'a [u8],
    /// `/etc/group`.
    pub(super) group: &'a [u8],
    /// `/etc/login.defs`.
    pub(super) login_defs: &'a [u8],
}

/// The rows, in an order in which each can be the last that is written; `None` where no id is free.
/// `primary` is the id of the group, where it is there already.
pub(super) fn rows(
    account: &NewAccount,
    primary: Option<u32>,
    image: &Image<'_>,
) -> Option<Vec<NewRow>> {
    let users = ids(image.passwd, 2);
    let mut groups = ids(image.group, 2);
    // A user whose primary group has no row still is of that group.
    let primaries = ids(image.passwd, 3);
    groups.extend(&primaries);
    let free = |name: &str, taken: &dyn Fn(u32) -> bool| {
        let (first, last) = range(image.login_defs, name);
        (first..=last).rev().find(|id| !taken(*id))
    };
    let mut uid = account.uid;
    let mut gid = primary.or(account.gid);
    if account.user && account.group {
        if uid.is_none() && gid.is_none() {
            uid = free("UID", &|id| users.contains(&id) || groups.contains(&id));
        }
        gid = gid.or(uid.filter(|id| account.uid.is_some() || !groups.contains(id)));
    }
    if account.user && uid.is_none() {
        let (first, last) = range(image.login_defs, "UID");
        uid = gid.filter(|id| (first..=last).contains(id) && !users.contains(id));
        uid = uid.or_else(|| free("UID", &|id| users.contains(&id)));
    }
    if gid.is_none() {
        gid = free("GID", &|id| groups.contains(&id));
    }
    let gid = gid?;
    let new = |path, row, optional| NewRow {
        path,
        row,
        optional,
        unended: false,
    };
    let mut rows = Vec::new();
    if account.group {
        rows.push(new("/etc/gshadow", "etcd:!*::".to_owned(), true));
        rows.push(new("/etc/group", format!("etcd:x:{gid}:"), false));
    }
    if account.user {
        let uid = uid?;
        rows.push(new("/etc/shadow", "etcd:!*:::::::".to_owned(), true));
        let row = format!("etcd:x:{uid}:{gid}:etcd user:/:/sbin/nologin");
        rows.push(new("/etc/passwd", row, false));
    }
    Some(rows)
}

/// The ids in a field of an account file.
fn ids(content: &[u8], field: usize) -> BTreeSet<u32> {
    content
        .split(|byte| *byte == b'\n')
        .filter_map(|row| number(row.split(|byte| *byte == b':').nth(field)?))
        .collect()
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// First and last of the system's own ids, of `UID` or `GID`: `SYS_UID_MIN` and `SYS_UID_MAX`, by
/// default 101 and one less than `UID_MIN`.
fn range(login_defs: &[u8], name: &str) -> (u32, u32) {
    let value = |key: String| {
        let lines = login_defs.split(|byte| *byte == b'\n');
        // The last one counts.
        lines.rev().find_map(|line| {
            let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
            (words.next()? == key).then(|| words.next()?.parse::<u32>().ok())?
        })
    };
    let first = value(format!("SYS_{name}_MIN")).unwrap_or(101);
    let last = value(format!("SYS_{name}_MAX"))
        .or_else(|| Some(value(format!("{name}_MIN"))?.saturating_sub(1)))
        .unwrap_or(999);
    if first == 0 || first > last || last > LAST_ID {
        (101, 999)
    } else {
        (first, last)
    }
}

/// The ids that a `sysusers.d` file gives the user and the group; `None` where it has words that are
/// systemd's to understand.
pub(super) fn declared(content: &[u8]) -> Option<(Option<u32>, Option<u32>)> {
    let text = std::str::from_utf8(content).ok()?;
    let (mut user, mut group) = (None, None);
    let mut named = false;
    for line in text.lines().map(str::trim) {
        let mut words = line.split_ascii_whitespace();
        let (Some(kind), Some(name)) = (words.next(), words.next()) else {
            continue;
        };
        if kind.starts_with('#') || name != "etcd" {
            continue;
        }
        let id = words.next().unwrap_or("-");
        let one = |id: &str| match id {
            "-" => Some(None),
            id => id.parse().ok().map(Some),
        };
        match kind {
            "u" | "u!" => {
                let (uid, gid) = match id.split_once(':') {
                    Some((uid, gid)) => (one(uid)?, one(gid)?),
                    None => (one(id)?, None),
                };
                user = uid;
                group = gid.or(group);
            }
            "g" => group = one(id)?.or(group),
            _ => return None,
        }
        named = true;
    }
    named.then_some((user, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0::/:/x\nweb:x:999:998::/:/x\nnobody:x:65534:65534::/:/x\n";
    const GROUP: &[u8] = b"root:x:0:\nold:x:997:\n";

    fn made(
        (user, group): (bool, bool),
        (uid, gid): (Option<u32>, Option<u32>),
        primary: Option<u32>,
        login_defs: &str,
    ) -> Option<Vec<String>> {
        let account = NewAccount {
            group,
            user,
            uid,
            gid,
            declared: false,
        };
        let image = Image {
            passwd: PASSWD,
            group: GROUP,
            login_defs: login_defs.as_bytes(),
        };
        let rows = rows(&account, primary, &image)?;
        let needed = rows.into_iter().filter(|row| !row.optional);
        Some(needed.map(|row| row.row).collect())
    }

    #[test]
    fn ids_are_the_highest_that_are_free() {
        let user = |uid: u32, gid: u32| format!("etcd:x:{uid}:{gid}:etcd user:/:/sbin/nologin");
        let group = |gid: u32| format!("etcd:x:{gid}:");
        let both = (true, true);
        let small = "# SYS_UID_MIN 5\nSYS_UID_MIN 996\nSYS_UID_MAX\t 998\n";
        for (which, ids, primary, defs, expected) in [
            // 999 is web's, 998 web's group, 997 the group old.
            (
                both,
                (None, None),
                None,
                "",
                vec![group(996), user(996, 996)],
            ),
            (
                both,
                (None, None),
                None,
                small,
                vec![group(996), user(996, 996)],
            ),
            (
                both,
                (None, None),
                None,
                "UID_MIN 500\n",
                vec![group(499), user(499, 499)],
            ),
            (
                both,
                (None, None),
                None,
                "SYS_UID_MIN 9\nSYS_UID_MAX 5\n",
                vec![group(996), user(996, 996)],
            ),
            (
                both,
                (Some(52), None),
                None,
                "",
                vec![group(52), user(52, 52)],
            ),
            (
                both,
                (Some(52), Some(53)),
                None,
                "",
                vec![group(53), user(52, 53)],
            ),
            (
                both,
                (None, Some(53)),
                None,
                "",
                vec![group(53), user(998, 53)],
            ),
            (
                (true, false),
                (None, None),
                Some(997),
                "",
                vec![user(997, 997)],
            ),
            (
                (true, false),
                (None, None),
                Some(999),
                "",
                vec![user(998, 999)],
            ),
            (
                (true, false),
                (Some(7), None),
                Some(100),
                "",
                vec![user(7, 100)],
            ),
            ((false, true), (None, Some(9)), None, "", vec![group(9)]),
            ((false, true), (None, None), None, "", vec![group(999)]),
        ] {
            assert_eq!(made(which, ids, primary, defs), Some(expected), "{ids:?}");
        }
        let none = "SYS_UID_MIN 999\nSYS_UID_MAX 999\n";
        assert_eq!(made(both, (None, None), None, none), None);
    }

    #[test]
    fn a_declaration_gives_numbers_or_is_not_understood() {
        for (text, expected) in [
            ("u etcd 52\n", Some((Some(52), None))),
            (
                "# u etcd 1\nu! etcd 52:53 \"x\"\n",
                Some((Some(52), Some(53))),
            ),
            ("g etcd 53\nu etcd -\n", Some((None, Some(53)))),
            ("u etcd\n", Some((None, None))),
            ("u etcd /etc/shadow\n", None),
            ("u etcd 5:adm\n", None),
            ("m etcd adm\n", None),
            ("u web 5\n", None),
            ("", None),
        ] {
            assert_eq!(declared(text.as_bytes()), expected, "{text}");
        }
    }
}
