//! The CIS benchmarks for RKE2, and which of them applies to a release.

use std::fmt;
use std::str::FromStr;

use crate::rke2::version::Version;

/// A CIS benchmark that RKE2's hardening guide maps its controls to, in the order of publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Benchmark {
    /// 1.6: Kubernetes 1.19 to 1.22.
    V1_6,
    /// 1.23.
    V1_23,
    /// 1.24.
    V1_24,
    /// 1.7: Kubernetes 1.25.
    V1_7,
    /// 1.8: Kubernetes 1.26.
    V1_8,
    /// 1.9: Kubernetes 1.27.
    V1_9,
    /// 1.10: Kubernetes 1.28.
    V1_10,
    /// 1.11: Kubernetes 1.29 to 1.32.
    V1_11,
    /// 1.12: Kubernetes 1.33 and 1.34.
    V1_12,
    /// 2.0: Kubernetes 1.35 and newer. The scanners' profiles for RKE2 differ from those of 1.12 in nothing but the
    /// length of the version (index of rancher/security-scan, d761037d), so that its controls are taken to be those of
    /// 1.12.
    V2_0,
}

/// A benchmark and why it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub benchmark: Benchmark,
    /// Where the sources disagree: who says otherwise.
    pub note: Option<&'static str>,
}

/// The newest minor of Kubernetes for each benchmark, and what others say of it. Upstream: the table
/// of Rancher's compliance operator (980a908), but for 1.32, where RKE2's hardening guide (9477b7b)
/// is followed, as it is from 1.35 on (9780f57).
const BY_MINOR: [(u32, Benchmark, Option<&str>); 13] = [
    (
        18,
        Benchmark::V1_6,
        Some("no source maps RKE2 1.18; its profile is named after CIS 1.5"),
    ),
    (22, Benchmark::V1_6, None),
    (23, Benchmark::V1_23, None),
    (24, Benchmark::V1_24, None),
    (25, Benchmark::V1_7, None),
    (26, Benchmark::V1_8, None),
    (27, Benchmark::V1_9, None),
    (
        28,
        Benchmark::V1_10,
        Some(
            "for RKE2 1.28 the hardening guide names 1.9 and 1.10, Rancher's compliance operator 1.10",
        ),
    ),
    (31, Benchmark::V1_11, None),
    (
        32,
        Benchmark::V1_11,
        Some("for RKE2 1.32 the hardening guide names 1.11, Rancher's compliance operator 1.12"),
    ),
    (34, Benchmark::V1_12, None),
    (
        36,
        Benchmark::V2_0,
        Some(
            "for RKE2 1.35 and 1.36 the hardening guide names 1.12 and 2.0, Rancher's compliance operator 1.12",
        ),
    ),
    (u32::MAX, Benchmark::V2_0, None),
];

impl Benchmark {
    /// Every one, by publication.
    pub const ALL: [Self; 10] = [
        Self::V1_6,
        Self::V1_23,
        Self::V1_24,
        Self::V1_7,
        Self::V1_8,
        Self::V1_9,
        Self::V1_10,
        Self::V1_11,
        Self::V1_12,
        Self::V2_0,
    ];

    /// Its version: `1.12`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_23 => "1.23",
            Self::V1_24 => "1.24",
            Self::V1_7 => "1.7",
            Self::V1_8 => "1.8",
            Self::V1_9 => "1.9",
            Self::V1_10 => "1.10",
            Self::V1_11 => "1.11",
            Self::V1_12 => "1.12",
            Self::V2_0 => "2.0",
        }
    }

    /// Its place in [`Self::ALL`], which is its column in the table of controls.
    pub fn column(self) -> usize {
        Self::ALL.iter().position(|b| *b == self).unwrap_or(0)
    }

    /// The benchmark for a node of this release.
    pub fn of(version: &Version) -> Choice {
        let row = BY_MINOR.iter().find(|(last, ..)| version.minor <= *last);
        row.map_or(
            Choice {
                benchmark: Self::V2_0,
                note: None,
            },
            |(_, benchmark, note)| Choice {
                benchmark: *benchmark,
                note: *note,
            },
        )
    }
}

impl fmt::Display for Benchmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names none of the benchmarks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the benchmarks for RKE2 are {}", Benchmark::ALL.map(Benchmark::name).join(", "))]
pub struct NotABenchmark;

impl FromStr for Benchmark {
    type Err = NotABenchmark;

    /// Takes `1.12`, `cis-1.12` and `rke2-cis-1.12`, which scanners call them.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.strip_prefix("rke2-").unwrap_or(text);
        let text = text.strip_prefix("cis-").unwrap_or(text);
        let mut all = Self::ALL.into_iter();
        all.find(|benchmark| benchmark.name() == text)
            .ok_or(NotABenchmark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minor_has_its_benchmark() {
        for (minor, name, disputed) in [
            (18, "1.6", true),
            (19, "1.6", false),
            (22, "1.6", false),
            (23, "1.23", false),
            (24, "1.24", false),
            (25, "1.7", false),
            (26, "1.8", false),
            (27, "1.9", false),
            (28, "1.10", true),
            (29, "1.11", false),
            (31, "1.11", false),
            (32, "1.11", true),
            (33, "1.12", false),
            (34, "1.12", false),
            (35, "2.0", true),
            (36, "2.0", true),
            (37, "2.0", false),
            (40, "2.0", false),
        ] {
            let choice = Benchmark::of(&Version::new(minor, 1, 1));
            assert_eq!(choice.benchmark.name(), name, "{minor}");
            assert_eq!(choice.note.is_some(), disputed, "{minor}");
        }
    }

    #[test]
    fn names_are_read_as_scanners_write_them() {
        for benchmark in Benchmark::ALL {
            for text in ["", "cis-", "rke2-cis-"].map(|before| format!("{before}{benchmark}")) {
                assert_eq!(text.parse(), Ok(benchmark), "{text}");
            }
        }
        assert_eq!("1.5".parse::<Benchmark>(), Err(NotABenchmark));
    }
}
