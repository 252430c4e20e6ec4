//! How a missing account `etcd` is created: from what the host has, and from the ids that a caller requests.

use super::account_rows::{self, Image};
use crate::facts::{AccountFact, AccountRow, AccountTool, HostFacts, Lookup, Source, Table};
use crate::finding::account::{NewAccount, SYSUSERS_FILE, SYSUSERS_HEADER};
use crate::finding::remedy::Remedy;
use crate::rke2::accounts::lookup;

/// The ids that a caller requests; what is `None` is left to the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestedIds {
    /// The user's.
    pub uid: Option<u32>,
    /// The group's.
    pub gid: Option<u32>,
}

/// Why the account cannot be created as requested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Conflict {
    /// The account has another id.
    #[error(
        "the {} etcd exists with id {id}, not {requested}: existing accounts are not changed", .table.as_str()
    )]
    Exists {
        /// User or group.
        table: Table,
        /// Its id.
        id: i64,
        /// The requested id.
        requested: u32,
    },
    /// Another account has the id.
    #[error("{} has given id {id} to {name}: choose another with --uid and --gid", .table.path())]
    Taken {
        /// User or group.
        table: Table,
        /// The requested id.
        id: u32,
        /// The account that has it.
        name: String,
    },
    /// The account is declared in another author's words.
    #[error("{0} declares the account with other ids: change it there, or remove it")]
    Declared(&'static str),
    /// An image has no system id left.
    #[error(
        "/etc/passwd and /etc/group have given away every system id that /etc/login.defs allows: \
         choose one with --uid and --gid"
    )]
    NoId,
    /// The account is in a file that RKE2 does not read, and is copied from there.
    #[error("{} has the account already: leave out --uid and --gid to copy it", places(.0))]
    Elsewhere(Vec<Source>),
}

fn places(sources: &[Source]) -> String {
    let all: Vec<String> = sources.iter().map(ToString::to_string).collect();
    all.join(" and ")
}

/// What is missing of the account, and can be created.
struct Missing {
    user: bool,
    group: bool,
    /// The group's id, where the group exists.
    primary: Option<u32>,
}

/// The remedy of each half of the account that is missing. Empty where none is missing, and where a row
/// that RKE2 skips, or a file that it cannot read, has to be fixed first.
pub(crate) fn account_remedies(
    facts: &HostFacts,
    ids: RequestedIds,
) -> Result<Vec<(Table, Remedy)>, Conflict> {
    let Some(user) = &facts.user else {
        return Ok(Vec::new());
    };
    let sources = &facts.remedy.accounts;
    // Releases that do not require the group need it all the same for the user.
    let read = || lookup(&mut sources.group.as_slice(), Table::Group, "etcd", None).ok();
    let Some(group) = facts.group.clone().or_else(|| read().map(Ok)) else {
        return Ok(Vec::new());
    };
    let group = &group;
    check_requested(user, ids.uid, Table::Passwd)?;
    check_requested(group, ids.gid, Table::Group)?;
    let whole = |fact: &AccountFact| is_missing(fact) || found(fact).is_some();
    let missing = Missing {
        user: is_missing(user),
        group: is_missing(group),
        primary: found(group).and_then(|(gid, _)| u32::try_from(gid).ok()),
    };
    if !whole(user) || !whole(group) || !(missing.user || missing.group) {
        return Ok(Vec::new());
    }
    let copies: Vec<&AccountRow> = facts
        .account_elsewhere
        .iter()
        .filter(|there| match there.table {
            Table::Passwd => missing.user,
            Table::Group => missing.group,
        })
        .collect();
    if !copies.is_empty() {
        return copied(&copies, facts, ids);
    }
    let primary = found(user).and_then(|(_, gid)| u32::try_from(gid).ok());
    created(&missing, primary, facts, ids)
}

fn is_missing(fact: &AccountFact) -> bool {
    matches!(fact, Ok(Lookup::Unknown { rejected }) if rejected.is_empty())
}

/// Id and primary group.
const fn found(fact: &AccountFact) -> Option<(i64, i64)> {
    match fact {
        Ok(Lookup::Found { id, gid, .. }) => Some((*id, *gid)),
        _ => None,
    }
}

/// Copies rows: a program that created the account now could choose other ids than those in use.
fn copied(
    copies: &[&AccountRow],
    facts: &HostFacts,
    ids: RequestedIds,
) -> Result<Vec<(Table, Remedy)>, Conflict> {
    if ids != RequestedIds::default() {
        let sources = copies.iter().map(|copy| copy.source.clone());
        return Err(Conflict::Elsewhere(sources.collect()));
    }
    let copy = |row: &&AccountRow| {
        // No command line can hold such a row, and no author meant it.
        if row.row.contains('\0') {
            let summary = format!(
                "copy the row of the {} etcd from {} to {}, without its NUL characters",
                row.table.as_str(),
                row.source,
                row.table.path()
            );
            return (row.table, Remedy::manual(summary));
        }
        let remedy = Remedy::CopyRow {
            row: (*row).clone(),
            unended: is_unended(row.table, facts),
            root: facts.remedy.root.clone(),
        };
        (row.table, remedy)
    };
    Ok(copies.iter().map(copy).collect())
}

/// Whether the last line of an account file has no line feed.
fn is_unended(table: Table, facts: &HostFacts) -> bool {
    let sources = &facts.remedy.accounts;
    let content = match table {
        Table::Passwd => &sources.passwd,
        Table::Group => &sources.group,
    };
    !matches!(content.last(), None | Some(b'\n'))
}

fn created(
    missing: &Missing,
    primary: Option<u32>,
    facts: &HostFacts,
    ids: RequestedIds,
) -> Result<Vec<(Table, Remedy)>, Conflict> {
    let sources = &facts.remedy.accounts;
    let mut account = NewAccount {
        group: missing.group,
        user: missing.user,
        uid: ids.uid.filter(|_| missing.user),
        gid: ids.gid.filter(|_| missing.group),
        declared: false,
    };
    if !missing.user && ids.gid.is_none() {
        // A group with the id of the user's primary group becomes the user's own.
        account.gid = primary.filter(|gid| owner(&sources.group, *gid).is_none());
    }
    if sources.login_defs.is_some()
        && ids == RequestedIds::default()
        && let Some(content) = &sources.declared
    {
        // The ids that the image's next boot would choose.
        let Some((uid, gid)) = account_rows::declared(content) else {
            return Ok(by_declaration(missing));
        };
        account.uid = uid.filter(|_| missing.user);
        account.gid = gid.filter(|_| missing.group).or(account.gid);
    }
    check_free(&sources.passwd, Table::Passwd, account.uid)?;
    let gid = account.gid.or(account.uid.filter(|_| missing.group));
    check_free(&sources.group, Table::Group, gid)?;
    account.declared = sources
        .declared
        .as_ref()
        .is_some_and(|there| !there.starts_with(SYSUSERS_HEADER.as_bytes()));
    if account.declared && ids != RequestedIds::default() {
        return Err(Conflict::Declared(SYSUSERS_FILE));
    }
    let Some(login_defs) = &sources.login_defs else {
        let (tool, created) = (sources.tool, account.clone());
        let remedy = Remedy::CreateAccount {
            account: created,
            tool,
        };
        let program = match tool {
            AccountTool::Sysusers => "systemd-sysusers",
            AccountTool::Shadow | AccountTool::Missing => "groupadd",
        };
        return Ok(for_both(&account, remedy, program));
    };
    let image = Image {
        passwd: &sources.passwd,
        group: &sources.group,
        login_defs,
    };
    let Some(mut rows) = account_rows::rows(&account, missing.primary, &image) else {
        return Err(Conflict::NoId);
    };
    for row in &mut rows {
        row.unended = match row.path {
            "/etc/passwd" => is_unended(Table::Passwd, facts),
            "/etc/group" => is_unended(Table::Group, facts),
            _ => false,
        };
    }
    let remedy = Remedy::AddRows {
        account: account.clone(),
        rows,
        root: facts.remedy.root.clone(),
    };
    Ok(for_both(&account, remedy, "printf"))
}

/// The remedy of the half that is reported first; the other half is created with it.
fn for_both(account: &NewAccount, remedy: Remedy, program: &'static str) -> Vec<(Table, Remedy)> {
    match (account.user, account.group) {
        (true, true) => vec![
            (Table::Passwd, remedy),
            (Table::Group, Remedy::CreatedAbove { program }),
        ],
        (true, false) => vec![(Table::Passwd, remedy)],
        _ => vec![(Table::Group, remedy)],
    }
}

/// An image's declaration that only `systemd-sysusers` understands.
fn by_declaration(missing: &Missing) -> Vec<(Table, Remedy)> {
    let of = |table: Table| {
        let summary = format!(
            "add the {} etcd to {} as {SYSUSERS_FILE} declares it",
            table.as_str(),
            table.path()
        );
        (table, Remedy::manual(summary))
    };
    let tables = [(missing.user, Table::Passwd), (missing.group, Table::Group)];
    let missing = tables.into_iter().filter(|(is_missing, _)| *is_missing);
    missing.map(|(_, table)| of(table)).collect()
}

fn check_requested(fact: &AccountFact, id: Option<u32>, table: Table) -> Result<(), Conflict> {
    match (found(fact), id) {
        (Some((id, _)), Some(requested)) if id != i64::from(requested) => Err(Conflict::Exists {
            table,
            id,
            requested,
        }),
        _ => Ok(()),
    }
}

fn check_free(content: &[u8], table: Table, id: Option<u32>) -> Result<(), Conflict> {
    match id.and_then(|id| Some((id, owner(content, id)?))) {
        Some((id, name)) => Err(Conflict::Taken { table, id, name }),
        None => Ok(()),
    }
}

/// The name of the first row that has this id.
fn owner(content: &[u8], id: u32) -> Option<String> {
    let id = id.to_string();
    content.split(|byte| *byte == b'\n').find_map(|row| {
        let mut fields = row.split(|byte| *byte == b':');
        let name = fields.next()?;
        (fields.nth(1)? == id.as_bytes()).then(|| String::from_utf8_lossy(name).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{AccountSources, Reading, RejectReason, Rejected, RemedyFacts, TargetRoot};
    use crate::finding::account::sysusers_content;

    const GROUP: &[u8] = b"root:x:0:\nweb:x:100:\n";

    fn missing() -> Lookup {
        Lookup::Unknown {
            rejected: Vec::new(),
        }
    }

    fn found(id: i64, gid: i64) -> Lookup {
        Lookup::Found { line: 1, id, gid }
    }

    fn ask(
        user: Lookup,
        group: Lookup,
        declared: Option<&[u8]>,
        (uid, gid): (Option<u32>, Option<u32>),
    ) -> Result<Vec<(Table, Remedy)>, Conflict> {
        let facts = HostFacts {
            image: false,
            subordinate_ids: None,
            systemd: None,
            kernel: Vec::new(),
            user: Some(Ok(user)),
            group: Some(Ok(group)),
            account_elsewhere: Vec::new(),
            cgroup: Reading::Unknown { why: String::new() },
            remedy: RemedyFacts {
                root: TargetRoot::default(),
                accounts: AccountSources {
                    tool: AccountTool::Shadow,
                    passwd: b"root:x:0:0::/:/x\nweb:x:5:100::/:/x\n".to_vec(),
                    group: GROUP.to_vec(),
                    declared: declared.map(<[u8]>::to_vec),
                    login_defs: None,
                },
            },
        };
        account_remedies(&facts, RequestedIds { uid, gid })
    }

    /// The account that is created.
    fn account(remedies: Result<Vec<(Table, Remedy)>, Conflict>) -> Option<NewAccount> {
        match remedies.ok()?.into_iter().next()? {
            (_, Remedy::CreateAccount { account, .. }) => Some(account),
            _ => None,
        }
    }

    #[test]
    fn what_is_missing_is_declared_and_run() {
        let user = |id: &str| format!("u etcd {id} \"etcd user\"");
        let useradd =
            |id: &str| format!("useradd -r -M -s /sbin/nologin -c etcd user{id} -g etcd etcd");
        for (there, ids, sysusers, shadow) in [
            (
                (missing(), missing()),
                (None, None),
                vec![user("-")],
                vec!["groupadd -r etcd".to_owned(), useradd("")],
            ),
            (
                (missing(), missing()),
                (Some(52), None),
                vec![user("52")],
                vec!["groupadd -r -g 52 etcd".to_owned(), useradd(" -u 52")],
            ),
            (
                (missing(), missing()),
                (Some(52), Some(53)),
                vec!["g etcd 53".to_owned(), user("52:53")],
                vec!["groupadd -r -g 53 etcd".to_owned(), useradd(" -u 52")],
            ),
            (
                (missing(), missing()),
                (None, Some(53)),
                vec!["g etcd 53".to_owned(), user("-")],
                vec!["groupadd -r -g 53 etcd".to_owned(), useradd("")],
            ),
            (
                (missing(), found(7, 7)),
                (None, Some(7)),
                vec![user("-")],
                vec![useradd("")],
            ),
            // The group of the id that is the user's primary group already.
            (
                (found(9, 9), missing()),
                (None, None),
                vec!["g etcd 9".to_owned()],
                vec!["groupadd -r -g 9 etcd".to_owned()],
            ),
            // Another group has that id.
            (
                (found(9, 100), missing()),
                (None, None),
                vec!["g etcd -".to_owned()],
                vec!["groupadd -r etcd".to_owned()],
            ),
        ] {
            let account = account(ask(there.0, there.1, None, ids)).unwrap();
            assert_eq!(account.sysusers(), sysusers);
            let calls = account.shadow().into_iter();
            let calls: Vec<_> = calls
                .map(|p| format!("{} {}", p.name, p.args.join(" ")))
                .collect();
            assert_eq!(calls, shadow);
            assert!(sysusers.iter().all(|line| !line.contains('!')));
        }
    }

    #[test]
    fn what_an_administrator_must_decide_is_left() {
        let rejected = || Lookup::Unknown {
            rejected: vec![Rejected {
                line: 3,
                why: RejectReason::ByteOrderMark,
            }],
        };
        for (user, group) in [
            (found(9, 9), found(9, 9)),
            (found(9, 100), found(9, 9)),
            (rejected(), missing()),
            (missing(), rejected()),
            (missing(), Lookup::TooLong { line: 1 }),
        ] {
            assert_eq!(ask(user, group, None, (None, None)), Ok(Vec::new()));
        }
    }

    #[test]
    fn ids_in_use_are_not_given_away() {
        let make = |ids, declared| ask(missing(), missing(), declared, ids);
        assert!(matches!(
            make((Some(5), None), None),
            Err(Conflict::Taken {
                table: Table::Passwd,
                ..
            })
        ));
        // The group gets the user's id where it has none of its own.
        assert!(matches!(
            make((Some(100), None), None),
            Err(Conflict::Taken {
                table: Table::Group,
                ..
            })
        ));
        assert!(make((Some(100), Some(101)), None).is_ok());
        let theirs: &[u8] = b"u etcd 52034\n";
        assert_eq!(
            make((Some(7), None), Some(theirs)),
            Err(Conflict::Declared(SYSUSERS_FILE))
        );
        assert!(account(make((None, None), Some(theirs))).unwrap().declared);
        let ours = sysusers_content(&["u etcd 9".to_owned()]);
        assert!(
            !account(make((Some(7), None), Some(&ours)))
                .unwrap()
                .declared
        );
    }

    #[test]
    fn both_halves_are_created_by_one_remedy() {
        let remedies = ask(missing(), missing(), None, (None, None)).unwrap();
        let [(Table::Passwd, user), (Table::Group, group)] = &remedies[..] else {
            panic!("{remedies:?}");
        };
        assert_eq!(user.summary(), "create the user and the group etcd");
        assert_eq!(user.commands().len(), 2);
        assert_eq!(group.summary(), "created by the `groupadd` command above");
        assert_eq!(group.commands(), [""; 0]);
        let alone = ask(found(9, 100), missing(), None, (None, None)).unwrap();
        assert!(matches!(
            &alone[..],
            [(Table::Group, Remedy::CreateAccount { .. })]
        ));
    }
}
