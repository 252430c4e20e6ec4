//! What holding a node against one criterion gives, before it is known how the criterion counts.

use crate::facts::Source;
use crate::finding::Remedy;

/// Whether what is asked is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// It could not be found out.
    Unknown,
    /// There is nothing to ask it of.
    Nothing,
}

/// The answer to one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlResult {
    /// Whether it is so.
    pub holds: Holds,
    /// What is asked, in a few words.
    pub expected: String,
    /// What was found.
    pub actual: Option<String>,
    /// One sentence for a person.
    pub summary: String,
    /// Where it was found.
    pub sources: Vec<Source>,
    /// How to put it right.
    pub remedies: Vec<Remedy>,
}

impl ControlResult {
    /// Nothing found yet.
    pub fn new(holds: Holds, expected: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            holds,
            expected: expected.into(),
            actual: None,
            summary: summary.into(),
            sources: Vec::new(),
            remedies: Vec::new(),
        }
    }

    /// With what was found.
    #[must_use]
    pub fn found(mut self, actual: impl Into<String>) -> Self {
        self.actual = Some(actual.into());
        self
    }

    /// With where it was found; what is no file of the host's is left out.
    #[must_use]
    pub fn at(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        for source in sources {
            if source.path.starts_with('/') && !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self
    }

    /// With a way to put it right; nothing to type where only a person can.
    #[must_use]
    pub fn cure(mut self, summary: impl Into<String>, commands: Vec<String>) -> Self {
        self.remedies.push(Remedy {
            summary: summary.into(),
            commands,
        });
        self
    }
}
