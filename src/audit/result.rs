//! The result of checking one criterion on a node, before it is known how the control counts.

use serde::Serialize;

use super::cure::Cure;
use crate::facts::Source;
use crate::finding::Remedy;

/// What was found at one of the two times that count: now, and from RKE2's next start on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What was found.
    pub value: String,
    /// Whether it meets the criterion.
    pub met: bool,
}

/// How old the evidence for a control is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// It was read from a process that runs; the next start of RKE2 changes nothing.
    Process,
    /// It was read from files, which the next start of RKE2 will use.
    Files,
    /// A process runs with one thing, and RKE2 will start it with another.
    Differs,
}

impl Evidence {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Files => "files",
            Self::Differs => "differs",
        }
    }
}

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
    /// What a process runs with, where one was found.
    pub running: Option<Seen>,
    /// What the files have that RKE2's next start uses.
    pub next_start: Option<Seen>,
    /// What cures it.
    pub cure: Option<Cure>,
    /// How to fix it, on this node.
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
            running: None,
            next_start: None,
            cure: None,
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

    /// With what was read from files alone.
    #[must_use]
    pub fn of_files(mut self) -> Self {
        self.next_start = self.actual.clone().map(|value| Seen {
            value,
            met: self.holds == Holds::Yes,
        });
        self
    }

    /// With what cures it.
    #[must_use]
    pub fn cured_by(mut self, cure: Cure) -> Self {
        self.cure = Some(cure);
        self
    }

    /// With what an administrator has to do before it can be evaluated.
    #[must_use]
    pub fn needs(self, what: impl Into<String>) -> Self {
        self.cured_by(Cure::other("access", what))
    }

    /// Where the evidence comes from, if there is any.
    pub fn evidence(&self) -> Option<Evidence> {
        match (&self.running, &self.next_start) {
            (Some(running), Some(next)) if running != next => Some(Evidence::Differs),
            (Some(_), _) => Some(Evidence::Process),
            (None, Some(_)) => Some(Evidence::Files),
            (None, None) => None,
        }
    }
}
