//! The account `etcd`: what is to be made, how it is declared, and which programs make it.

use super::plan::Conflict;
use super::rows::{self, NewRow};
use crate::facts::{HostFacts, Lookup, Source, Table};

/// Where the account is declared.
pub(crate) const SYSUSERS_FILE: &str = "/etc/sysusers.d/rke2-etcd.conf";
/// What our declaration begins with; without it, it is somebody else's.
const HEADER: &str = "# The account that RKE2 runs etcd as. Written by preflight-rke2 fix.";
const COMMENT: &str = "etcd user";
const SHELL: &str = "/sbin/nologin";

/// Which programs there are to make accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// `systemd-sysusers`.
    Sysusers,
    /// `groupadd` and `useradd`.
    Shadow,
    /// Neither.
    Nothing,
}

/// The ids that the caller wants; what is not wanted is left to the host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The user's.
    pub uid: Option<u32>,
    /// The group's.
    pub gid: Option<u32>,
}

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accounts {
    /// The group.
    pub group: bool,
    /// The user.
    pub user: bool,
    /// The user's id, where it is not left to the host.
    pub uid: Option<u32>,
    /// The group's.
    pub gid: Option<u32>,
    /// Whether somebody has declared the account in [`SYSUSERS_FILE`] in another way; that stands.
    pub declared: bool,
}

/// A row that is only where RKE2 does not look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// Of which table.
    pub table: Table,
    /// Where it is.
    pub source: Source,
    /// The row.
    pub row: String,
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its name.
    pub name: &'static str,
    /// What it is called with.
    pub args: Vec<String>,
}

impl Accounts {
    /// `the user and the group etcd`.
    pub(crate) const fn words(&self) -> &'static str {
        match (self.user, self.group) {
            (true, false) => "the user etcd",
            (false, true) => "the group etcd",
            _ => "the user and the group etcd",
        }
    }

    /// The lines of a `sysusers.d` file. Never `u!`: systemd before 257 refuses it.
    pub(crate) fn sysusers(&self) -> Vec<String> {
        let id = |id: Option<u32>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
        let mut lines = Vec::new();
        if self.group && (self.gid.is_some() || !self.user) {
            lines.push(format!("g etcd {}", id(self.gid)));
        }
        if self.user {
            let ids = match (self.uid, self.gid) {
                (Some(uid), Some(gid)) if uid != gid => format!("{uid}:{gid}"),
                (uid, _) => id(uid),
            };
            lines.push(format!("u etcd {ids} \"{COMMENT}\""));
        }
        lines
    }

    /// The call of `systemd-sysusers`.
    pub(crate) fn run_sysusers() -> Program {
        Program {
            name: "systemd-sysusers",
            args: vec![SYSUSERS_FILE.to_owned()],
        }
    }

    /// The calls of `groupadd` and `useradd`.
    pub(crate) fn shadow(&self) -> Vec<Program> {
        let mut programs = Vec::new();
        let call = |name, options: &[&str], id: Option<u32>, flag: &str, rest: &[&str]| {
            let mut args: Vec<String> = options.iter().map(|&arg| arg.to_owned()).collect();
            args.extend(
                id.into_iter()
                    .flat_map(|id| [flag.to_owned(), id.to_string()]),
            );
            args.extend(rest.iter().map(|&arg| arg.to_owned()));
            Program { name, args }
        };
        if self.group {
            // Equal ids unless the caller says otherwise, as systemd-sysusers does.
            let gid = self.gid.or(self.uid);
            programs.push(call("groupadd", &["-r"], gid, "-g", &["etcd"]));
        }
        if self.user {
            let options = ["-r", "-M", "-s", SHELL, "-c", COMMENT];
            programs.push(call(
                "useradd",
                &options,
                self.uid,
                "-u",
                &["-g", "etcd", "etcd"],
            ));
        }
        programs
    }
}

/// What is to be done about one host's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Needed {
    /// Nothing, or nothing that a program should do.
    Nothing,
    /// Rows are to be copied to where RKE2 looks.
    Copy(Vec<Elsewhere>),
    /// The account is to be made.
    Make(Accounts),
    /// The same in an image: these rows are to be written.
    Write(Accounts, Vec<NewRow>),
}

/// What the host has of the account, and what is known beside it.
pub(super) struct Known<'a> {
    pub(super) facts: &'a HostFacts,
    pub(super) elsewhere: &'a [Elsewhere],
    pub(super) passwd: &'a [u8],
    pub(super) group: &'a [u8],
    /// The content of [`SYSUSERS_FILE`].
    pub(super) declared: Option<&'a [u8]>,
    /// `/etc/login.defs` of an image; `None` on the running host.
    pub(super) login_defs: Option<&'a [u8]>,
}

/// What is needed. A row that RKE2 skips, or a table it cannot read, is left to a person.
pub(super) fn needed(known: &Known<'_>, wish: Wish) -> Result<Needed, Conflict> {
    let facts = known.facts;
    let (Some(user), Some(group)) = (&facts.user, &facts.group) else {
        return Ok(Needed::Nothing);
    };
    let missing =
        |fact: &_| matches!(fact, Ok(Lookup::Unknown { rejected }) if rejected.is_empty());
    let id = |fact: &_| match fact {
        Ok(Lookup::Found { id, gid, .. }) => Some((*id, *gid)),
        _ => None,
    };
    let whole = |fact: &_| missing(fact) || id(fact).is_some();
    wished(id(user), wish.uid, Table::Passwd)?;
    wished(id(group), wish.gid, Table::Group)?;
    let (make_user, make_group) = (missing(user), missing(group));
    if !whole(user) || !whole(group) || !(make_user || make_group) {
        return Ok(Needed::Nothing);
    }
    let copies: Vec<Elsewhere> = known
        .elsewhere
        .iter()
        .filter(|there| match there.table {
            Table::Passwd => make_user,
            Table::Group => make_group,
        })
        .cloned()
        .collect();
    if copies.iter().any(|there| there.row.contains('\0')) {
        // No command line can hold it, and nobody meant it.
        return Ok(Needed::Nothing);
    }
    if !copies.is_empty() {
        // What a program would make now could differ from what is there already.
        return match wish {
            Wish {
                uid: None,
                gid: None,
            } => Ok(Needed::Copy(copies)),
            _ => Err(Conflict::Elsewhere(
                copies.into_iter().map(|c| c.source).collect(),
            )),
        };
    }
    let mut accounts = Accounts {
        group: make_group,
        user: make_user,
        uid: wish.uid.filter(|_| make_user),
        gid: wish.gid.filter(|_| make_group),
        declared: false,
    };
    if !make_user && wish.gid.is_none() {
        // A group of the id that is the user's primary group makes it the user's own.
        accounts.gid = id(user)
            .and_then(|(_, gid)| u32::try_from(gid).ok())
            .filter(|gid| owner(known.group, *gid).is_none());
    }
    if known.login_defs.is_some()
        && wish == Wish::default()
        && let Some(content) = known.declared
    {
        // What the image's next boot would have made of it.
        let Some((uid, gid)) = rows::declared(content) else {
            return Ok(Needed::Nothing);
        };
        accounts.uid = uid.filter(|_| make_user);
        accounts.gid = gid.filter(|_| make_group).or(accounts.gid);
    }
    taken(known.passwd, Table::Passwd, accounts.uid)?;
    let gid = accounts.gid.or(accounts.uid.filter(|_| make_group));
    taken(known.group, Table::Group, gid)?;
    accounts.declared = known
        .declared
        .is_some_and(|there| !there.starts_with(HEADER.as_bytes()));
    if accounts.declared && wish != Wish::default() {
        return Err(Conflict::Declared(SYSUSERS_FILE));
    }
    let Some(login_defs) = known.login_defs else {
        return Ok(Needed::Make(accounts));
    };
    let image = rows::Image {
        passwd: known.passwd,
        group: known.group,
        login_defs,
    };
    let primary = id(group).and_then(|(gid, _)| u32::try_from(gid).ok());
    match rows::rows(&accounts, primary, &image) {
        Some(rows) => Ok(Needed::Write(accounts, rows)),
        None => Err(Conflict::NoId),
    }
}

/// The declaration's file.
pub(crate) fn file_content(lines: &[String]) -> Vec<u8> {
    let mut content = format!("{HEADER}\n").into_bytes();
    for line in lines {
        content.extend_from_slice(line.as_bytes());
        content.push(b'\n');
    }
    content
}

fn wished(found: Option<(i64, i64)>, wish: Option<u32>, table: Table) -> Result<(), Conflict> {
    match (found, wish) {
        (Some((id, _)), Some(wish)) if id != i64::from(wish) => {
            Err(Conflict::Exists { table, id, wish })
        }
        _ => Ok(()),
    }
}

fn taken(content: &[u8], table: Table, id: Option<u32>) -> Result<(), Conflict> {
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
    use crate::facts::{Reading, RejectReason, Rejected};

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
    ) -> Result<Needed, Conflict> {
        let facts = HostFacts {
            image: false,
            systemd: None,
            kernel: Vec::new(),
            user: Some(Ok(user)),
            group: Some(Ok(group)),
            account_elsewhere: Vec::new(),
            cgroup: Reading::Unknown { why: String::new() },
        };
        let known = Known {
            facts: &facts,
            elsewhere: &[],
            passwd: b"root:x:0:0::/:/x\nweb:x:5:100::/:/x\n",
            group: GROUP,
            declared,
            login_defs: None,
        };
        needed(&known, Wish { uid, gid })
    }

    #[test]
    fn what_is_missing_is_declared_and_run() {
        let user = |id: &str| format!("u etcd {id} \"etcd user\"");
        let useradd =
            |id: &str| format!("useradd -r -M -s /sbin/nologin -c etcd user{id} -g etcd etcd");
        for (there, wish, sysusers, shadow) in [
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
            // Which is somebody else's.
            (
                (found(9, 100), missing()),
                (None, None),
                vec!["g etcd -".to_owned()],
                vec!["groupadd -r etcd".to_owned()],
            ),
        ] {
            let Ok(Needed::Make(accounts)) = ask(there.0, there.1, None, wish) else {
                panic!("{wish:?}");
            };
            assert_eq!(accounts.sysusers(), sysusers);
            let calls = accounts.shadow().into_iter();
            let calls: Vec<_> = calls
                .map(|p| format!("{} {}", p.name, p.args.join(" ")))
                .collect();
            assert_eq!(calls, shadow);
            assert!(sysusers.iter().all(|line| !line.contains('!')));
        }
    }

    #[test]
    fn what_a_person_must_decide_is_left() {
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
            assert_eq!(ask(user, group, None, (None, None)), Ok(Needed::Nothing));
        }
    }

    #[test]
    fn ids_are_taken_from_nobody() {
        let make = |wish, declared| ask(missing(), missing(), declared, wish);
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
        assert!(matches!(make((None, None), Some(theirs)), Ok(Needed::Make(a)) if a.declared));
        let ours = file_content(&["u etcd 9".to_owned()]);
        assert!(matches!(make((Some(7), None), Some(&ours)), Ok(Needed::Make(a)) if !a.declared));
    }
}
