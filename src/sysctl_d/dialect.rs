//! What differs by systemd version, as data.

/// The version of systemd whose `systemd-sysctl` reads the files at boot.
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
    /// Trouble within the credential counts in the exit status.
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
    /// The dialect of the newest systemd there is.
    pub const NEWEST: Self = Self { systemd: u16::MAX };

    /// The dialect of a version of systemd (`252`).
    pub const fn of(systemd: u16) -> Self {
        Self { systemd }
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
}
