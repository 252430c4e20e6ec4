//! RKE2's version numbers, and changes by the version that first had them.

use std::fmt;
use std::str::FromStr;

/// An RKE2 release, `v1.34.1+rke2r1`. The major number has always been 1.
///
/// Ordered as released within a minor; a pre-release (`-rc1`) counts as the release it precedes,
/// because that is the code it was cut from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// Kubernetes minor: 34.
    pub minor: u32,
    /// Kubernetes patch: 1.
    pub patch: u32,
    /// RKE2's own revision of it: 1; 0 where none was given.
    pub revision: u32,
    /// The suffix of a pre-release after the patch, such as `rc1`; otherwise empty.
    pub pre_release: String,
}

impl Version {
    /// A release by its numbers.
    pub const fn new(minor: u32, patch: u32, revision: u32) -> Self {
        Self {
            minor,
            patch,
            revision,
            pre_release: String::new(),
        }
    }

    /// Minor, patch and revision.
    const fn numbers(&self) -> (u32, u32, u32) {
        (self.minor, self.patch, self.revision)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}.{}", self.minor, self.patch)?;
        if !self.pre_release.is_empty() {
            write!(f, "-{}", self.pre_release)?;
        }
        if self.revision > 0 {
            write!(f, "+rke2r{}", self.revision)?;
        }
        Ok(())
    }
}

/// A text that is not an RKE2 version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an RKE2 version; write it like v1.34.1+rke2r1")]
pub struct NotAVersion {
    text: String,
}

impl FromStr for Version {
    type Err = NotAVersion;

    /// Takes `v1.34.1+rke2r1`, without `v`, without revision, with a pre-release, and the spellings
    /// that package managers and directory names put in place of the `+`: `~` and `-`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| NotAVersion {
            text: text.escape_debug().to_string(),
        })
    }
}

fn parse(text: &str) -> Option<Version> {
    let rest = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.")?;
    let (core, revision) = match rest.find("rke2r") {
        Some(at) => {
            let (core, revision) = (rest.get(..at)?, rest.get(at..)?);
            let core = core
                .strip_suffix(['+', '~', '-'])
                .filter(|core| !core.is_empty())?;
            (core, number(revision.strip_prefix("rke2r")?)?)
        }
        None => (rest, 0),
    };
    let (numbers, pre_release) = match core.split_once(['-', '~']) {
        Some((numbers, pre)) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            (!pre.is_empty() && pre.chars().all(plain)).then_some(())?;
            (numbers, pre)
        }
        None => (core, ""),
    };
    let (minor, patch) = numbers.split_once('.')?;
    Some(Version {
        minor: number(minor)?,
        patch: number(patch)?,
        revision,
        pre_release: pre_release.to_owned(),
    })
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    text.parse().ok()
}

/// Since which releases a change applies: the first one of each minor, in rising order.
///
/// Changes reach RKE2's maintained minors together, so one change has a first release in each. A
/// minor above the last one named has it from its start; one below the first never got it; and one
/// in between that is not named was never released with it absent, so it has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Since(pub &'static [(u32, u32, u32)]);

/// The first releases, for a sentence: `1.25.15, 1.26.10 and 1.27.7`.
impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (minor, patch, revision)) in self.0.iter().enumerate() {
            match at {
                0 => {}
                at if at.saturating_add(1) == self.0.len() => f.write_str(" and ")?,
                _ => f.write_str(", ")?,
            }
            write!(f, "1.{minor}")?;
            if *patch > 0 {
                write!(f, ".{patch}")?;
            }
            if *revision > 1 {
                write!(f, "+rke2r{revision}")?;
            }
        }
        Ok(())
    }
}

impl Since {
    /// In every release.
    pub const ALWAYS: Self = Self(&[(0, 0, 0)]);
    /// In none (yet).
    pub const NEVER: Self = Self(&[]);

    /// Whether no release has it.
    pub const fn is_never(self) -> bool {
        self.0.is_empty()
    }

    /// Whether the change applies to `version`.
    pub fn includes(self, version: &Version) -> bool {
        let numbers = version.numbers();
        match self.0.iter().find(|first| first.0 == version.minor) {
            // A version without revision stands for the newest revision of its patch.
            Some(first) if version.revision == 0 => (numbers.0, numbers.1) >= (first.0, first.1),
            Some(first) => numbers >= *first,
            None => self.0.first().is_some_and(|first| first.0 < version.minor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling() {
        for (text, shown) in [
            ("v1.34.1+rke2r1", "v1.34.1+rke2r1"),
            ("1.36.3~rke2r1", "v1.36.3+rke2r1"),
            ("v1.36.3-rke2r2", "v1.36.3+rke2r2"),
            ("v1.31.2-rc3+rke2r1", "v1.31.2-rc3+rke2r1"),
            ("v1.34.3-rc1-rke2r1", "v1.34.3-rc1+rke2r1"),
            ("v1.30.0", "v1.30.0"),
            ("v1.18.9-beta21+rke2r1", "v1.18.9-beta21+rke2r1"),
        ] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "v",
            "v2.1.0",
            "1.x.0",
            "v1.34",
            "v1.34.1+k3s1",
            "v1.34.1+rke2r",
            "v1.34.1rke2r1",
            "v1.34.1+rke2r1 (abc)",
            "v1.99999999999.0",
            "v1.-1.0",
            "v1.1.+1",
            "v1.34.1-",
            "v1.34.1-rc_1+rke2r1",
            "v1.34.1-rc 1",
            "v1.+rke2r1",
        ] {
            let error = text.parse::<Version>().unwrap_err().to_string();
            assert!(error.contains("v1.34.1+rke2r1"), "{error}");
        }
    }

    #[test]
    fn a_change_reaches_each_minor_at_its_own_release() {
        let change = Since(&[(20, 14, 1), (21, 8, 1), (23, 1, 2)]);
        for (version, has) in [
            ((19, 99, 1), false),
            ((20, 13, 9), false),
            ((20, 14, 1), true),
            ((21, 7, 2), false),
            ((21, 9, 1), true),
            ((22, 0, 1), true),
            ((23, 1, 1), false),
            ((23, 1, 0), true),
            ((23, 1, 2), true),
            ((24, 0, 1), true),
        ] {
            let (minor, patch, revision) = version;
            assert_eq!(
                change.includes(&Version::new(minor, patch, revision)),
                has,
                "{version:?}"
            );
        }
        assert_eq!(change.to_string(), "1.20.14, 1.21.8 and 1.23.1+rke2r2");
        assert_eq!(Since(&[(31, 0, 1)]).to_string(), "1.31");
        assert!(Since::ALWAYS.includes(&Version::new(18, 9, 1)));
        assert!(!Since::NEVER.includes(&Version::new(36, 3, 1)));
    }
}
