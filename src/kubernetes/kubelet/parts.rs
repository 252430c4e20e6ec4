//! What checks read, so that those can be left out that read nothing of what a user set.
//!
//! A check and a user's argument meet in paths: a field of the configuration (`evictionHard`; `logging` for all below
//! it), a feature gate (`featureGates.NodeSwap`), or a flag that sets no field (`--node-ip`). A debug build asserts
//! that a check reads what its list has.

use std::borrow::Cow;

/// A check, and the paths of what it reads.
pub(super) struct Part<C> {
    pub(super) run: C,
    pub(super) reads: &'static [&'static str],
}

impl<C> Part<C> {
    /// Whether it reads something of what was set.
    pub(super) fn reads_one_of(&self, set: &Paths<'_>) -> bool {
        self.reads.iter().any(|read| set.meets(read))
    }
}

/// Gives those fields of the configuration that are wanted, by their paths, of those that are set besides files and flags.
pub(crate) type OwnFields<'a> =
    dyn Fn(&dyn Fn(&str) -> bool) -> Vec<(&'static str, serde_json::Value)> + 'a;

/// Paths that others are compared with, many times at each start.
#[derive(Default)]
pub(super) struct Paths<'a> {
    all: Vec<Cow<'a, str>>,
    /// A bit for each first letter.
    letters: u64,
}

impl<'a> Paths<'a> {
    pub(super) fn add(&mut self, path: impl Into<Cow<'a, str>>) {
        let path = path.into();
        if !self.all.contains(&path) {
            self.letters |= letter(&path);
            self.all.push(path);
        }
    }

    /// Adds those of a check's paths that are fields.
    pub(super) fn add_fields(&mut self, reads: &[&'static str]) {
        let is_field =
            |path: &&&'static str| !path.starts_with("--") && !path.starts_with("featureGates.");
        for path in reads.iter().filter(is_field) {
            self.add(*path);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(Cow::as_ref)
    }

    /// Whether one of them is this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.may_have(path) && self.all().any(|other| other == path)
    }

    /// Whether one of them is this path, above it, or below it.
    pub(super) fn meets(&self, path: &str) -> bool {
        self.may_have(path) && self.all().any(|other| overlap(other, path))
    }

    fn may_have(&self, path: &str) -> bool {
        self.letters & letter(path) != 0
    }
}

#[inline]
fn letter(path: &str) -> u64 {
    let first = path.as_bytes().first().copied().unwrap_or_default();
    1 << (first & 63)
}

/// The path of a feature gate.
pub(super) fn gate(name: &str) -> String {
    format!("featureGates.{name}")
}

/// Whether one of two paths is the other, or above it.
#[inline]
pub(super) fn overlap(one: &str, other: &str) -> bool {
    // Most paths differ in their first letter.
    if one.as_bytes().first() != other.as_bytes().first() {
        return false;
    }
    let (long, short) = if one.len() < other.len() {
        (other, one)
    } else {
        (one, other)
    };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(debug_assertions)]
mod reading {
    use std::cell::Cell;

    thread_local! {
        /// What the check that runs may read; `None` outside of checks.
        static READS: Cell<Option<&'static [&'static str]>> = const { Cell::new(None) };
    }

    /// Runs a check that reads these paths.
    pub(in super::super) fn checking<T>(
        reads: &'static [&'static str],
        run: impl FnOnce() -> T,
    ) -> T {
        let before = READS.replace(Some(reads));
        let found = run();
        READS.set(before);
        found
    }

    /// Notes that a path is read.
    pub(in super::super) fn note(path: &str) {
        if let Some(reads) = READS.get() {
            debug_assert!(
                reads.iter().any(|read| super::overlap(read, path)),
                "a check reads {path}, which is not in its list: {reads:?}"
            );
        }
    }
}

#[cfg(not(debug_assertions))]
mod reading {
    pub(in super::super) fn checking<T>(_: &'static [&'static str], run: impl FnOnce() -> T) -> T {
        run()
    }

    pub(in super::super) const fn note(_: &str) {}
}

pub(super) use reading::{checking, note};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_overlap_by_their_names() {
        assert!(overlap("logging", "logging.format"));
        assert!(overlap("logging.format", "logging"));
        assert!(overlap("maxPods", "maxPods"));
        assert!(!overlap("logging", "loggings"));
        assert!(!overlap("tlsCertFile", "tlsPrivateKeyFile"));
    }
}
