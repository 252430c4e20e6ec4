//! Which releases of RKE2 the rules were read from, and how far they reach to a release that is not one of them.

use std::ops::RangeInclusive;

use super::config::FlagKind;
use super::table::RELEASES;
use super::version::Version;

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

/// What is known of the rules of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// It is one that the rules were read from.
    Exact,
    /// It is not, but stands between these two, or is one of these: each of their rules is possible.
    OneOf(RangeInclusive<usize>),
    /// It is a later patch of a minor that the rules were read from.
    LaterPatch,
    /// It is of a minor that came after all that the rules were read from.
    LaterMinor,
    /// It is older than all of them, or not known at all.
    Any,
}

const fn key(version: &Version) -> (u32, u32, u32) {
    (version.minor, version.patch, version.revision)
}

/// The last release that is not above `key`, as a position; the first where all are.
fn at_or_before(key: (u32, u32, u32)) -> usize {
    let above = RELEASES.partition_point(|release| *release <= key);
    above.saturating_sub(1)
}

/// The position of the release whose flags `version` has: its own, or the last before it.
pub(in crate::rke2) fn position(version: &Version) -> u16 {
    // A version without revision stands for the newest revision of its patch.
    let revision = match version.revision {
        0 => u32::MAX,
        revision => revision,
    };
    let at = at_or_before((version.minor, version.patch, revision));
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// How many releases the rules were read from.
pub const fn count() -> usize {
    RELEASES.len()
}

/// The release at a position, the oldest first.
pub fn release(position: usize) -> Option<Version> {
    let (minor, patch, revision) = RELEASES.get(position)?;
    Some(Version::new(*minor, *patch, *revision))
}

/// The newest release that the rules were read from; of `minor`, where it has one.
pub fn newest_of(minor: u32) -> Version {
    let at = at_or_before((minor, u32::MAX, u32::MAX));
    release(at).unwrap_or(Version::new(minor, 0, 0))
}

/// How far the rules reach to `version`.
pub(crate) fn coverage(version: &Version) -> Coverage {
    let key = key(version);
    let (minor, patch, _) = key;
    let is_final = version.pre_release.is_empty();
    if is_final && RELEASES.binary_search(&key).is_ok() {
        return Coverage::Exact;
    }
    let first = RELEASES.partition_point(|release| *release < (minor, patch, 0));
    let end = RELEASES.partition_point(|release| *release <= (minor, patch, u32::MAX));
    let last = end.saturating_sub(1);
    match (is_final, version.revision, first < end) {
        // Without revision: any of that patch.
        (true, 0, true) if first == last => return Coverage::Exact,
        (true, 0, true) => return Coverage::OneOf(first..=last),
        // Cut between the release before and the one that it precedes.
        (false, _, true) => {
            let precedes = usize::from(position(version)).clamp(first, last);
            return Coverage::OneOf(first.saturating_sub(1)..=precedes);
        }
        _ => {}
    }
    let after = RELEASES.partition_point(|release| *release <= key);
    let of_minor = |at: usize| RELEASES.get(at).is_some_and(|found| found.0 == minor);
    let before = after.checked_sub(1).filter(|at| of_minor(*at));
    match before {
        Some(before) if of_minor(after) => Coverage::OneOf(before..=after),
        Some(_) => Coverage::LaterPatch,
        None if after == RELEASES.len() => Coverage::LaterMinor,
        None => Coverage::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::table::{AGENT, SERVER};

    fn coverage_of(text: &str) -> Coverage {
        coverage(&text.parse().unwrap())
    }

    fn shown(reach: Coverage) -> Vec<String> {
        let Coverage::OneOf(range) = reach else {
            panic!("{reach:?}");
        };
        range.map(|at| release(at).unwrap().to_string()).collect()
    }

    #[test]
    fn releases_are_in_order_and_flags_are_found_by_name() {
        assert!(RELEASES.windows(2).all(|pair| pair[0] < pair[1]));
        for rows in [SERVER, AGENT] {
            assert!(rows.windows(2).all(|pair| pair[0].name < pair[1].name));
            for row in rows {
                assert_eq!(runs(rows, row.name), row.runs);
            }
            for name in ["", "a", "profil", "profile-", "zz"] {
                assert_eq!(runs(rows, name), &[], "{name}");
            }
        }
    }

    #[test]
    fn every_release_of_the_table_is_known_exactly() {
        for at in 0..count() {
            let version = release(at).unwrap();
            assert_eq!(coverage(&version), Coverage::Exact, "{version}");
            assert_eq!(usize::from(position(&version)), at, "{version}");
        }
        assert_eq!(release(count()), None);
    }

    #[test]
    fn a_release_between_two_is_one_of_them() {
        assert_eq!(
            shown(coverage_of("v1.33.3+rke2r7")),
            ["v1.33.3+rke2r1", "v1.33.4+rke2r1"]
        );
        // It was never made.
        assert_eq!(
            shown(coverage_of("v1.30.14+rke2r3")),
            ["v1.30.14+rke2r2", "v1.30.14+rke2r4"]
        );
        assert_eq!(
            shown(coverage_of("v1.27.16")),
            ["v1.27.16+rke2r1", "v1.27.16+rke2r2"]
        );
        assert_eq!(
            shown(coverage_of("v1.34.3-rc1+rke2r1")),
            ["v1.34.2+rke2r1", "v1.34.3+rke2r1"]
        );
        assert_eq!(
            shown(coverage_of("v1.34.1-rc1+rke2r1"))[1],
            "v1.34.1+rke2r1"
        );
        assert_eq!(coverage_of("v1.34.2"), Coverage::Exact);
    }

    #[test]
    fn a_release_beyond_the_table_is_told_by_its_minor() {
        for (text, expected) in [
            ("v1.36.3+rke2r2", Coverage::LaterPatch),
            ("v1.36.4+rke2r1", Coverage::LaterPatch),
            ("v1.36.4-rc1+rke2r1", Coverage::LaterPatch),
            ("v1.30.15", Coverage::LaterPatch),
            ("v1.18.21+rke2r1", Coverage::LaterPatch),
            ("v1.37.0+rke2r1", Coverage::LaterMinor),
            ("v1.37.1-rc2+rke2r1", Coverage::LaterMinor),
            ("v1.400.0", Coverage::LaterMinor),
            ("v1.17.9+rke2r1", Coverage::Any),
            ("v1.18.4-alpha1+rke2", Coverage::Any),
            // Before the first of its minor, whose rules are not those of the minor before.
            ("v1.21.1+rke2r1", Coverage::Any),
        ] {
            let Ok(version) = text.parse::<Version>() else {
                continue;
            };
            assert_eq!(coverage(&version), expected, "{text}");
        }
        assert_eq!(newest_of(36), Version::new(36, 3, 1));
        assert_eq!(newest_of(40), Version::new(36, 3, 1));
        assert_eq!(newest_of(34), Version::new(34, 10, 1));
        assert_eq!(position(&Version::new(0, 0, 0)), 0);
    }
}
