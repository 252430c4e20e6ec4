//! A place in a host file that explains a value or a finding.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Source;

/// How a place relates to the finding that names it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It sets the value.
    Sets,
    /// It sets another value, and a later place overrides it.
    Overridden,
    /// It hides a file that would set the value.
    Masks,
    /// It makes the requirement apply.
    #[serde(rename = "demands")]
    Requires,
    /// It was read for the check.
    #[default]
    #[serde(other)]
    Read,
}

/// A place that a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// File and line.
    pub source: Source,
    /// How it relates to the finding.
    pub part: Part,
    /// The line itself, where it is not secret and helps.
    pub excerpt: Option<Excerpt>,
}

/// A line of a host's file, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Its text, cut where it is very long.
    pub text: String,
    /// The bytes to mark.
    pub mark: Range<usize>,
    /// The label of the mark.
    pub label: String,
}

impl Evidence {
    /// A place, without its text.
    pub const fn place(source: Source, part: Part) -> Self {
        Self {
            source,
            part,
            excerpt: None,
        }
    }
}
