//! A look-up of one name in `/etc/passwd` or `/etc/group`.

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

    /// `user` or `group`, the word in RKE2's message.
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
        /// What stands in the way, first row first.
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
