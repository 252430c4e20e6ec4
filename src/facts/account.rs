//! The look-up of one name in `/etc/passwd` or `/etc/group`, and what decides how a missing account is
//! created.

use super::Source;

/// One of the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// `/etc/passwd`.
    Passwd,
    /// `/etc/group`.
    Group,
}

impl Table {
    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Passwd => "/etc/passwd",
            Self::Group => "/etc/group",
        }
    }

    /// `user` or `group`, as in RKE2's message.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passwd => "user",
            Self::Group => "group",
        }
    }

    /// How many colons a row must have.
    pub(crate) const fn colons(self) -> usize {
        match self {
            Self::Passwd => 6,
            Self::Group => 3,
        }
    }
}

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The first row that qualifies.
    Found {
        /// Line, from 1.
        line: u32,
        /// Third field: uid in passwd, gid in group.
        id: i64,
        /// Fourth field in passwd, the primary group; the same as `id` in group.
        gid: i64,
    },
    /// None qualifies; rows of that name that do not are named.
    Unknown {
        /// The rows that RKE2 skips, in the order of the file.
        rejected: Vec<Rejected>,
    },
    /// A line is longer than the `bufio.Scanner` of Go 1.16 and older reads, before any match.
    TooLong {
        /// Line, from 1.
        line: u32,
    },
}

/// A row with the right name that Go skips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line, from 1.
    pub line: u32,
    /// Why it is skipped.
    pub why: RejectReason,
}

/// Why Go skips a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectReason {
    /// Too few colons.
    Fields {
        /// How many fields it has.
        found: usize,
        /// How many it needs.
        needed: usize,
    },
    /// An id that is not a decimal number.
    Number {
        /// The field, quoted as Go would.
        text: String,
    },
    /// A byte order mark before the name.
    ByteOrderMark,
}

/// A row of the account in a file that RKE2 does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The file that it should be in.
    pub table: Table,
    /// Where it is.
    pub source: Source,
    /// The row.
    pub row: String,
}

/// A program that creates accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AccountTool {
    /// `systemd-sysusers`.
    Sysusers,
    /// `groupadd` and `useradd`.
    Shadow,
    /// The host has none.
    #[default]
    Missing,
}

/// What decides how a missing account is created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountSources {
    /// The program that the running host has.
    pub tool: AccountTool,
    /// The content of `/etc/passwd`; of a file over 4 MiB on the running host, only its last byte.
    pub passwd: Vec<u8>,
    /// The same of `/etc/group`.
    pub group: Vec<u8>,
    /// The content of the `sysusers.d` file that declares the account, where there is one.
    pub declared: Option<Vec<u8>>,
    /// The content of an image's `/etc/login.defs`; `None` on the running host.
    pub login_defs: Option<Vec<u8>>,
}

/// Where the files are that remedies change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetRoot {
    /// The directory of an image, without a slash at its end; empty on the running host.
    pub directory: String,
    /// Files and directories of the image that remedies write to and that are links: a shell would follow
    /// them out of the image.
    pub links: Vec<String>,
}

impl TargetRoot {
    /// The path of one of the host's files as a command needs it.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.directory)
    }

    /// The link on the path to a file.
    pub(crate) fn link(&self, path: &str) -> Option<&str> {
        let leads = |link: &&String| {
            let rest = path.strip_prefix(link.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.links.iter().find(leads).map(String::as_str)
    }
}

/// What decides how a problem is fixed. Read only where there is one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemedyFacts {
    /// Where files are changed.
    pub root: TargetRoot,
    /// How a missing account is created.
    pub accounts: AccountSources,
}
