//! A place in a host file that explains a value or a finding.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Source;

/// What a place named in a finding has to do with it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// It sets the value.
    Sets,
    /// It would set another one, and a later place overrides it.
    Overridden,
    /// It hides a file that would set it.
    Masks,
    /// It is what makes the requirement apply.
    Demands,
    /// It is what was looked at.
    #[default]
    #[serde(other)]
    Read,
}

/// A place that a finding names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where.
    pub source: Source,
    /// What it has to do with the finding.
    pub part: Part,
    /// The line itself, where it may be shown and says something.
    pub excerpt: Option<Excerpt>,
}

/// A line of a host's file, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// Its text, cut where it is very long.
    pub text: String,
    /// The bytes of it that matter.
    pub mark: Range<usize>,
    /// What there is to say of them.
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
