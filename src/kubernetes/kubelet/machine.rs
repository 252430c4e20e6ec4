//! What the kubelet finds on its machine.

use std::fmt;

use crate::kubernetes::codec::number;

/// What the kubelet finds on its machine. What is not known decides nothing.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// The content of a file, or why it cannot be read, in Go's words: `open /x: no such file or directory`.
    pub read: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
    /// The paths of all files below a directory, or why it cannot be read: `lstat /x: no such file or directory`.
    pub walk: &'a dyn Fn(&str) -> Result<Vec<String>, String>,
    /// What is at a path.
    pub presence: &'a dyn Fn(&str) -> Presence,
    /// Whether it has control groups of version 1, if that is known.
    pub has_cgroup_v1: &'a dyn Fn() -> Option<bool>,
    /// Whether `KUBELET_CONFIG_DROPIN_DIR_ALPHA` is in the environment.
    pub has_drop_in_variable: bool,
    /// Whether the container runtime answers. Without an answer, the kubelet exits there.
    pub runtime_answers: bool,
    /// The content of `/proc/swaps`.
    pub swaps: &'a dyn Fn() -> Option<Vec<u8>>,
    /// Its memory in bytes, `MemTotal` of `/proc/meminfo`.
    pub memory: &'a dyn Fn() -> Option<u64>,
    /// The processors that are online.
    pub cpus: &'a dyn Fn() -> Option<Numbers>,
    /// Its NUMA nodes.
    pub numa_nodes: &'a dyn Fn() -> Option<Numbers>,
}

impl Machine<'_> {
    /// A machine of which nothing is known, without files.
    pub fn unknown() -> Machine<'static> {
        Machine {
            read: &|path| Err(format!("open {path}: no such file or directory")),
            walk: &|path| Err(format!("lstat {path}: no such file or directory")),
            presence: &|_| Presence::Unknown,
            has_cgroup_v1: &|| None,
            has_drop_in_variable: false,
            runtime_answers: false,
            swaps: &|| None,
            memory: &|| None,
            cpus: &|| None,
            numa_nodes: &|| None,
        }
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// Something that can be read.
    Present,
    /// It could not be found out.
    Unknown,
}

/// A set of small numbers as the kernel and the kubelet write it: `0-3,8`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// In order, apart from each other.
    ranges: Vec<(u64, u64)>,
}

impl Numbers {
    /// Reads a list. `None`: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut ranges = Vec::new();
        if text.is_empty() {
            return Some(Self::default());
        }
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let read = |text: &str| u64::try_from(number::atoi(text).ok()?).ok();
            let (first, last) = (read(first)?, read(last)?);
            if first > last {
                return None;
            }
            ranges.push((first, last));
        }
        ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Some(Self { ranges: merged })
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        let lengths = self
            .ranges
            .iter()
            .map(|(first, last)| last.saturating_sub(*first).saturating_add(1));
        lengths.fold(0, u64::saturating_add)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether `number` is one of them.
    pub fn has(&self, number: u64) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Whether `other` has all of them.
    pub fn is_within(&self, other: &Self) -> bool {
        let within = |(first, last): &(u64, u64)| {
            let mut ranges = other.ranges.iter();
            ranges.any(|range| range.0 <= *first && *last <= range.1)
        };
        self.ranges.iter().all(within)
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_sets() {
        let read = |text: &str| Numbers::parse(text).unwrap();
        for (text, shown, count) in [
            ("", "", 0),
            ("0", "0", 1),
            ("0-3", "0-3", 4),
            ("3,0-1,2", "0-3", 4),
            ("0,2,4-5", "0,2,4-5", 4),
            ("0-999999999999", "0-999999999999", 1_000_000_000_000),
        ] {
            assert_eq!(read(text).to_string(), shown);
            assert_eq!(read(text).len(), count);
            assert_eq!(read(text).is_empty(), count == 0);
        }
        for text in ["x", "1-", "-1", "2-1", "0,,1", "0-1-2"] {
            assert_eq!(Numbers::parse(text), None, "{text}");
        }
        assert!(read("1,3").is_within(&read("0-3")));
        assert!(!read("1,4").is_within(&read("0-3")));
        assert!(read("0-1,3").has(3));
        assert!(!read("0-1,3").has(2));
    }
}
