//! The `profile` flag: which values a release accepts, what it then checks, and in which order.
//!
//! Sources: rancher/rke2 `pkg/cli/cmds/profile_linux.go` and `pkg/cli/cmds/root.go` at all stable tags
//! of the [table](super::releases); `tests/cases/profiles.json` holds what each of them does, and a test
//! compares. The changes stand in [`super::changes`].

use super::changes::{
    AGENT_FIXED, AGENT_REGRESSION, CIS_1_6, CIS_1_23_REFUSED, ETCD_PROFILE, GENERIC_CIS,
    GROUP_CHECK, ONLY_CIS_1_23, UNLIMITED_LINES,
};
use super::releases::{self, Coverage};
use super::version::{Since, Version};

/// What RKE2 does with a value of `profile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProfileStatus {
    /// Not set, or empty: RKE2 warns that it does not run in CIS mode, and checks nothing.
    Off,
    /// Accepted.
    Accepted(Scope),
    /// Accepted with a warning that a newer release will refuse it.
    Deprecated(Scope),
    /// Passes the host checks, then RKE2 exits ([`DEPRECATED_FATAL`]).
    Refused(Scope),
    /// Ends RKE2 before any host check ([`INVALID`]).
    Invalid,
}

/// What of the host an accepted profile is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Kernel parameters, `protect-kernel-defaults` and, on servers, the etcd account.
    Cis,
    /// The etcd account alone, on servers.
    Etcd,
}

impl ProfileStatus {
    /// What of the host is checked, if anything.
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::Accepted(scope) | Self::Deprecated(scope) | Self::Refused(scope) => Some(scope),
            Self::Off | Self::Invalid => None,
        }
    }
}

/// RKE2's words for a value it does not know; the same in every release.
pub(crate) const INVALID: &str = "invalid value provided for --profile flag";
/// RKE2's words where `cis-1.23` ends it after the host checks.
pub(crate) const DEPRECATED_FATAL: &str =
    "cis-1.23 profile is deprecated. Please use 'cis' instead.";

/// In which order, and how joined, the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Account and kernel parameters in one message, then `protect-kernel-defaults`.
    Together,
    /// Kernel parameters, then `protect-kernel-defaults`, then the account: RKE2 exits at the first that fails.
    Split,
}

/// The rules of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRules {
    version: Version,
    /// Order of the checks.
    pub order: Order,
    /// Whether the group `etcd` must exist as well as the user.
    pub group_required: bool,
    /// Whether agents need the etcd account of servers (a regression).
    pub agent_as_server: bool,
    /// The text between `missing required` and the reason.
    pub missing_separator: &'static str,
    /// Go's `bufio.Scanner` read the account files: a line of this many bytes ends the lookup.
    pub account_line_limit: Option<usize>,
}

/// One value of `profile` through the releases: the last change that a version includes counts.
struct Value {
    name: &'static str,
    history: &'static [(Since, ProfileStatus)],
}

const VALUES: &[Value] = &[
    Value {
        name: "cis",
        history: &[(GENERIC_CIS, ProfileStatus::Accepted(Scope::Cis))],
    },
    Value {
        name: "etcd",
        history: &[(ETCD_PROFILE, ProfileStatus::Accepted(Scope::Etcd))],
    },
    Value {
        name: "cis-1.23",
        history: &[
            (ONLY_CIS_1_23, ProfileStatus::Accepted(Scope::Cis)),
            (GENERIC_CIS, ProfileStatus::Deprecated(Scope::Cis)),
            (CIS_1_23_REFUSED, ProfileStatus::Refused(Scope::Cis)),
            (ETCD_PROFILE, ProfileStatus::Invalid),
        ],
    },
    Value {
        name: "cis-1.6",
        history: &[
            (CIS_1_6, ProfileStatus::Accepted(Scope::Cis)),
            (ONLY_CIS_1_23, ProfileStatus::Invalid),
        ],
    },
    Value {
        name: "cis-1.5",
        history: &[
            (Since::ALWAYS, ProfileStatus::Accepted(Scope::Cis)),
            (ONLY_CIS_1_23, ProfileStatus::Invalid),
        ],
    },
];

/// Whether any release accepts a value. One that was removed does not come back.
pub(crate) fn is_name(value: &str) -> bool {
    VALUES.iter().any(|known| known.name == value)
}

/// Whether `version` came after the newest release of its minor that has rules.
pub(crate) fn is_newer_than_known(version: &Version) -> bool {
    matches!(
        releases::coverage(version),
        Coverage::LaterPatch | Coverage::LaterMinor
    )
}

impl ProfileRules {
    /// The rules of `version`; of one that is not in the table, those of its neighbours.
    pub fn of(version: &Version) -> Self {
        let group_required = GROUP_CHECK.includes(version);
        Self {
            order: if ETCD_PROFILE.includes(version) {
                Order::Split
            } else {
                Order::Together
            },
            group_required,
            agent_as_server: AGENT_REGRESSION.includes(version) && !AGENT_FIXED.includes(version),
            missing_separator: if group_required { ": " } else { " " },
            account_line_limit: (!UNLIMITED_LINES.includes(version)).then_some(64 * 1024),
            version: version.clone(),
        }
    }

    /// Whether both refuse the same hosts, whatever the profile; in which words and order does not count.
    pub fn is_like(&self, other: &Self) -> bool {
        let accepts = |rules: &Self, value: &Value| match rules.status(value.name) {
            ProfileStatus::Accepted(scope) | ProfileStatus::Deprecated(scope) => Some(scope),
            ProfileStatus::Off | ProfileStatus::Refused(_) | ProfileStatus::Invalid => None,
        };
        self.group_required == other.group_required
            && self.agent_as_server == other.agent_as_server
            && self.account_line_limit == other.account_line_limit
            && VALUES
                .iter()
                .all(|value| accepts(self, value) == accepts(other, value))
    }

    /// What this release does with `value`; compared byte by byte, as RKE2 does.
    pub fn status(&self, value: &str) -> ProfileStatus {
        if value.is_empty() {
            return ProfileStatus::Off;
        }
        VALUES
            .iter()
            .find(|known| known.name == value)
            .and_then(|known| {
                known
                    .history
                    .iter()
                    .rfind(|(since, _)| since.includes(&self.version))
            })
            .map_or(ProfileStatus::Invalid, |(_, status)| *status)
    }

    /// The values this release starts with, the one to use first.
    pub fn accepted(&self) -> impl Iterator<Item = &'static str> {
        VALUES.iter().map(|value| value.name).filter(|name| {
            matches!(
                self.status(name),
                ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_)
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn recorded() -> Vec<Json> {
        serde_json::from_str(include_str!("../../tests/cases/profiles.json")).unwrap()
    }

    #[test]
    fn every_release_does_what_was_recorded() {
        let recorded = recorded();
        assert_eq!(recorded.len(), releases::count());
        for release in &recorded {
            let tag = release["tag"].as_str().unwrap();
            let version: Version = tag.parse().unwrap();
            assert_eq!(version.to_string(), tag);
            let rules = ProfileRules::of(&version);
            assert!(!is_newer_than_known(&version), "{tag}");
            assert_eq!(
                releases::coverage(&version) == Coverage::Extrapolated,
                release["extrapolated"].as_bool().unwrap_or(false),
                "{tag}"
            );

            let recorded: Vec<_> = release["accepted"].as_array().unwrap().iter().collect();
            for name in ["cis", "etcd", "cis-1.23", "cis-1.6", "cis-1.5"] {
                let accepted = rules.accepted().any(|value| value == name);
                assert_eq!(
                    accepted,
                    recorded.iter().any(|r| *r == name),
                    "{tag} {name}"
                );
            }
            let expected = match release["cis123"].as_str().unwrap() {
                "ok" => ProfileStatus::Accepted(Scope::Cis),
                "deprecated-warn" => ProfileStatus::Deprecated(Scope::Cis),
                "deprecated-fatal" => ProfileStatus::Refused(Scope::Cis),
                _ => ProfileStatus::Invalid,
            };
            assert_eq!(rules.status("cis-1.23"), expected, "{tag}");
            let order = match release["order"].as_str().unwrap() {
                "etcd+kernel>pkd" => Order::Together,
                "kernel>pkd>etcd" => Order::Split,
                other => panic!("{other}"),
            };
            assert_eq!(rules.order, order, "{tag}");
            assert_eq!(
                rules.group_required,
                release["group_check"].as_bool().unwrap(),
                "{tag}"
            );
            assert_eq!(
                rules.agent_as_server,
                release["agent_treated_as_server"].as_bool().unwrap(),
                "{tag}"
            );
            assert_eq!(
                rules.missing_separator,
                release["missing_sep"].as_str().unwrap(),
                "{tag}"
            );
            for value in ["CIS", "cis ", " cis", "cis-1.7", "false", "true"] {
                assert_eq!(rules.status(value), ProfileStatus::Invalid, "{tag} {value}");
            }
            assert_eq!(rules.status(""), ProfileStatus::Off);
        }
    }

    #[test]
    fn the_newest_release_of_each_minor_is_the_recorded_one() {
        for minor in releases::oldest().minor..=releases::newest().minor {
            let last = recorded()
                .iter()
                .map(|r| r["tag"].as_str().unwrap().parse::<Version>().unwrap())
                .filter(|v| v.minor == minor)
                .max()
                .unwrap();
            assert_eq!(last, releases::newest_of(minor));
        }
        assert!(is_newer_than_known(&Version::new(36, 5, 2)));
        assert!(is_newer_than_known(&Version::new(36, 6, 0)));
        assert!(is_newer_than_known(&Version::new(38, 0, 1)));
        assert!(is_newer_than_known(&Version::new(34, 13, 1)));
        assert!(!is_newer_than_known(&Version::new(34, 12, 1)));
    }

    #[test]
    fn go_1_16_reads_no_account_lines_of_64_kibibytes() {
        for (minor, limit) in [
            (18, Some(65_536)),
            (22, Some(65_536)),
            (23, None),
            (36, None),
        ] {
            let rules = ProfileRules::of(&Version::new(minor, 9, 1));
            assert_eq!(rules.account_line_limit, limit, "1.{minor}");
        }
    }
}
