//! Which releases of RKE2 have rules, and how far the rules reach to a release that is not one of them.
//!
//! The rules of most releases were read from their sources. Those of the newest, whose sources were not read, are
//! extrapolated from the last release before them that was: release notes name no change of them.

use std::ops::RangeInclusive;

use super::table::{EXTRAPOLATED, RELEASES};
use super::version::Version;

/// What is known of the rules of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// It is one that the rules were read from.
    Exact,
    /// It is in the table, and its rules are extrapolated: it may know more profiles and flags.
    Extrapolated,
    /// It is not in the table, but between these two, or one of these: the rules of each are possible.
    OneOf(RangeInclusive<usize>),
    /// It is a later patch of a minor that the table has.
    LaterPatch,
    /// It is of a minor that came after all of the table.
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

/// How many releases have rules, those that are extrapolated included.
pub const fn count() -> usize {
    RELEASES.len()
}

/// How many releases have extrapolated rules.
pub const fn count_extrapolated() -> usize {
    EXTRAPOLATED.len()
}

/// The release at a position, the oldest first.
pub fn release(position: usize) -> Option<Version> {
    let (minor, patch, revision) = RELEASES.get(position)?;
    Some(Version::new(*minor, *patch, *revision))
}

/// The oldest release that has rules.
pub const fn oldest() -> Version {
    numbered(RELEASES.first())
}

/// The newest release that has rules: the one to assume where no version is known.
pub const fn newest() -> Version {
    numbered(RELEASES.last())
}

/// The newest release that the rules were read from.
pub fn newest_read() -> Version {
    read_before(RELEASES.len())
}

/// The release whose rules `version` has, if they are extrapolated.
pub(crate) fn extrapolated_from(version: &Version) -> Option<Version> {
    if coverage(version) != Coverage::Extrapolated {
        return None;
    }
    Some(read_before(usize::from(position(version))))
}

/// The last release before a position that the rules were read from.
fn read_before(position: usize) -> Version {
    let before = RELEASES.get(..position).unwrap_or_default();
    let is_read = |release: &&(u32, u32, u32)| !EXTRAPOLATED.contains(release);
    numbered(before.iter().rfind(is_read))
}

const fn numbered(release: Option<&(u32, u32, u32)>) -> Version {
    match release {
        Some((minor, patch, revision)) => Version::new(*minor, *patch, *revision),
        None => Version::new(0, 0, 0),
    }
}

/// The newest release that has rules; of `minor`, where it has one.
pub fn newest_of(minor: u32) -> Version {
    let at = at_or_before((minor, u32::MAX, u32::MAX));
    release(at).unwrap_or(Version::new(minor, 0, 0))
}

/// How far the rules reach to `version`.
pub(crate) fn coverage(version: &Version) -> Coverage {
    let key = key(version);
    let (minor, patch, _) = key;
    let is_final = version.pre_release.is_empty();
    if is_final && let Ok(found) = RELEASES.binary_search(&key) {
        return of_position(found);
    }
    let first = RELEASES.partition_point(|release| *release < (minor, patch, 0));
    let end = RELEASES.partition_point(|release| *release <= (minor, patch, u32::MAX));
    let last = end.saturating_sub(1);
    match (is_final, version.revision, first < end) {
        // Without revision: any of that patch.
        (true, 0, true) if first == last => return of_position(first),
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

fn of_position(position: usize) -> Coverage {
    let is_extrapolated = RELEASES
        .get(position)
        .is_some_and(|release| EXTRAPOLATED.contains(release));
    if is_extrapolated {
        Coverage::Extrapolated
    } else {
        Coverage::Exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn releases_are_in_order() {
        assert!(RELEASES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn every_release_of_the_table_is_known_exactly() {
        let mut extrapolated = 0;
        for at in 0..count() {
            let version = release(at).unwrap();
            let expected = match extrapolated_from(&version) {
                None => Coverage::Exact,
                Some(read) => {
                    extrapolated += 1;
                    assert_eq!(coverage(&read), Coverage::Exact, "{version}");
                    Coverage::Extrapolated
                }
            };
            assert_eq!(coverage(&version), expected, "{version}");
            assert_eq!(usize::from(position(&version)), at, "{version}");
        }
        assert_eq!(extrapolated, count_extrapolated());
        assert_eq!(release(count()), None);
        assert_eq!(newest_read(), Version::new(36, 3, 1));
    }

    #[test]
    fn extrapolated_rules_are_those_of_the_last_release_that_was_read() {
        for (text, from) in [
            ("v1.34.11+rke2r1", Some("v1.34.10+rke2r1")),
            ("v1.34.12", Some("v1.34.10+rke2r1")),
            ("v1.35.9+rke2r1", Some("v1.35.7+rke2r1")),
            ("v1.36.5+rke2r1", Some("v1.36.3+rke2r1")),
            ("v1.37.0+rke2r1", Some("v1.36.3+rke2r1")),
            ("v1.37.1+rke2r1", Some("v1.36.3+rke2r1")),
            ("v1.36.3+rke2r1", None),
            ("v1.37.2+rke2r1", None),
        ] {
            let found = extrapolated_from(&text.parse().unwrap());
            let found = found.map(|version| version.to_string());
            assert_eq!(found.as_deref(), from, "{text}");
        }
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
    fn a_release_beyond_the_table_is_covered_by_its_minor() {
        for (text, expected) in [
            ("v1.36.6+rke2r1", Coverage::LaterPatch),
            ("v1.37.1+rke2r2", Coverage::LaterPatch),
            ("v1.37.2+rke2r1", Coverage::LaterPatch),
            ("v1.37.2-rc1+rke2r1", Coverage::LaterPatch),
            ("v1.30.15", Coverage::LaterPatch),
            ("v1.18.21+rke2r1", Coverage::LaterPatch),
            ("v1.38.0+rke2r1", Coverage::LaterMinor),
            ("v1.38.1-rc2+rke2r1", Coverage::LaterMinor),
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
        assert_eq!(newest_of(36), Version::new(36, 5, 1));
        assert_eq!(newest_of(40), Version::new(37, 1, 1));
        assert_eq!(newest_of(34), Version::new(34, 12, 1));
        assert_eq!(position(&Version::new(0, 0, 0)), 0);
    }
}
