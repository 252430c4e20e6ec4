//! The result of checking one criterion on a node, before it is known how the control counts.

use crate::facts::Source;
use crate::finding::Remedy;

/// Whether the node meets a criterion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It could not be determined.
    Unknown,
    /// The node has nothing that the criterion is about.
    Nothing,
}

/// The result of checking one criterion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlResult {
    /// Whether it is met.
    pub holds: Holds,
    /// What is required, in a few words.
    pub expected: String,
    /// What was found.
    pub actual: Option<String>,
    /// One sentence for the administrator.
    pub summary: String,
    /// Where it was found.
    pub sources: Vec<Source>,
    /// How to fix it.
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

    /// With the place where it was found, if that is a file of the host.
    #[must_use]
    pub fn at(mut self, sources: impl IntoIterator<Item = Source>) -> Self {
        for source in sources {
            if source.path.starts_with('/') && !self.sources.contains(&source) {
                self.sources.push(source);
            }
        }
        self
    }

    /// With a way to fix it; without commands where it has to be fixed manually.
    #[must_use]
    pub fn remedy(mut self, summary: impl Into<String>, commands: Vec<String>) -> Self {
        self.remedies.push(Remedy::Manual {
            summary: summary.into(),
            commands,
        });
        self
    }
}
