//! What differs by systemd version, as data.

/// How the `systemd-sysctl` of a version of systemd reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dialect {
    systemd: u16,
}

/// Something `systemd-sysctl` can do since, or could do until, a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// `-key = value`: a write that fails is no failure.
    IgnoreFailure,
    /// Patterns as keys, and `-key` alone to keep patterns off a key.
    Patterns,
    /// The credential `sysctl.extra`, read after every file.
    Credential,
    /// An error within the credential counts in the exit status.
    CredentialCounts,
    /// `/lib/sysctl.d`, on hosts where `/lib` is not `/usr/lib`.
    SplitUsr,
    /// A key with `..` in it is refused; before, it was followed.
    RefuseParent,
}

/// First and last version of each ability.
const ABILITIES: [(Ability, u16, u16); 6] = [
    (Ability::IgnoreFailure, 243, u16::MAX),
    (Ability::Patterns, 245, u16::MAX),
    (Ability::Credential, 252, u16::MAX),
    (Ability::CredentialCounts, 258, u16::MAX),
    (Ability::SplitUsr, 0, 254),
    (Ability::RefuseParent, 248, u16::MAX),
];

impl Dialect {
    /// The dialect of the newest systemd.
    pub const NEWEST: Self = Self { systemd: u16::MAX };

    /// The dialect of a version of systemd (`252`).
    pub const fn of(systemd: u16) -> Self {
        Self { systemd }
    }

    /// One dialect for each group of versions, older than the newest, that read files alike, oldest first:
    /// the last version of each.
    pub(crate) fn older() -> impl Iterator<Item = Self> {
        let mut last: Vec<u16> = ABILITIES
            .iter()
            .map(|&(_, since, until)| {
                if since == 0 {
                    until
                } else {
                    since.saturating_sub(1)
                }
            })
            .collect();
        last.sort_unstable();
        last.dedup();
        last.into_iter().map(Self::of)
    }

    /// The version of systemd; `None` for [`NEWEST`](Self::NEWEST).
    pub fn version(self) -> Option<u16> {
        if self == Self::NEWEST {
            None
        } else {
            Some(self.systemd)
        }
    }

    /// Whether this version can do that.
    pub fn can(self, ability: Ability) -> bool {
        ABILITIES
            .iter()
            .any(|&(what, since, until)| what == ability && (since..=until).contains(&self.systemd))
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::NEWEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_by_version() {
        for (systemd, ability, can) in [
            (239, Ability::IgnoreFailure, false),
            (243, Ability::IgnoreFailure, true),
            (244, Ability::Patterns, false),
            (245, Ability::Patterns, true),
            (251, Ability::Credential, false),
            (252, Ability::Credential, true),
            (254, Ability::SplitUsr, true),
            (255, Ability::SplitUsr, false),
        ] {
            assert_eq!(
                Dialect::of(systemd).can(ability),
                can,
                "{systemd} {ability:?}"
            );
        }
        assert!(Dialect::default().can(Ability::Patterns));
    }

    #[test]
    fn versions_between_two_dialects_read_alike() {
        let abilities = |dialect: Dialect| ABILITIES.map(|(ability, ..)| dialect.can(ability));
        let mut known: Vec<_> = Dialect::older().map(abilities).collect();
        known.push(abilities(Dialect::NEWEST));
        for version in 200..300 {
            let of = abilities(Dialect::of(version));
            let known = known.iter().filter(|other| **other == of).count();
            assert_eq!(known, 1, "{version}");
        }
        assert_eq!(
            Dialect::older().next().and_then(Dialect::version),
            Some(242)
        );
        assert_eq!(Dialect::NEWEST.version(), None);
    }
}
