//! Types of the [table](super::table) of flags: which flag RKE2's parser defines in which releases, and as what.

/// The type of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rke2) enum FlagKind {
    /// Any text; the last one wins.
    Text,
    /// True or false; the last one wins.
    Bool,
    /// Any number of texts, in order.
    List,
    /// A whole number.
    Number,
    /// A Go duration, `5m0s`.
    Duration,
}

/// How a flag came to RKE2's parser, or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rke2) enum Form {
    /// K3s' flag, passed on.
    Passed,
    /// K3s' flag, which RKE2's parser does not define.
    Dropped,
    /// RKE2's own flag, with the environment variables that stand in for it.
    Own(FlagKind, &'static [&'static str]),
}

/// A form of a flag through successive releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rke2) struct Run {
    /// Position of the first release.
    pub(in crate::rke2) first: u16,
    /// Position of the last release.
    pub(in crate::rke2) last: u16,
    /// What it is there.
    pub(in crate::rke2) form: Form,
}

/// A flag through all releases.
#[derive(Debug, Clone, Copy)]
pub(in crate::rke2) struct Row {
    /// Its name.
    pub(in crate::rke2) name: &'static str,
    /// RKE2's own forms first, then those of K3s.
    pub(in crate::rke2) runs: &'static [Run],
}

/// The runs of the flag of that name; none where no release had it. For tables that are made at compile time.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated at compile time, where a mistake does not compile"
)]
pub(in crate::rke2) const fn runs(rows: &'static [Row], name: &str) -> &'static [Run] {
    let mut low = 0;
    let mut high = rows.len();
    let wanted = name.as_bytes();
    while low < high {
        let middle = low + (high - low) / 2;
        let found = rows[middle].name.as_bytes();
        let mut at = 0;
        while at < found.len() && at < wanted.len() && found[at] == wanted[at] {
            at += 1;
        }
        if at == found.len() && at == wanted.len() {
            return rows[middle].runs;
        }
        let before = at == found.len() || (at < wanted.len() && found[at] < wanted[at]);
        if before {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    &[]
}
