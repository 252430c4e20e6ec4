//! What became of asking a rule.

/// How many of the objects that a rule objects to are named.
pub(crate) const NAMED: usize = 8;

/// Whether a cluster meets a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It could not be determined.
    Unknown,
    /// This cluster has nothing that it could be about.
    Nothing,
    /// The API cannot tell.
    ByHand,
}

/// A way to fix it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Remedy {
    /// One clause.
    pub(crate) summary: String,
    /// Commands for a shell; none where it needs thought.
    pub(crate) commands: Vec<String>,
}

/// What became of asking a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) holds: Holds,
    /// One sentence; empty where the control is met.
    pub(crate) summary: String,
    /// The first of what is objected to.
    pub(crate) objects: Vec<String>,
    /// How many there are.
    pub(crate) count: usize,
    pub(crate) remedies: Vec<Remedy>,
}

impl Answer {
    /// With nothing found.
    pub(crate) fn new(holds: Holds, summary: impl Into<String>) -> Self {
        Self {
            holds,
            summary: summary.into(),
            objects: Vec::new(),
            count: 0,
            remedies: Vec::new(),
        }
    }

    /// Met.
    pub(crate) fn yes() -> Self {
        Self::new(Holds::Yes, "")
    }

    /// Met where nothing was found.
    pub(crate) fn unless(found: Found, summary: impl FnOnce(usize) -> String) -> Self {
        if found.count == 0 {
            return Self::yes();
        }
        Self {
            objects: found.first,
            count: found.count,
            ..Self::new(Holds::No, summary(found.count))
        }
    }

    /// With a way to fix it, where it is not met.
    #[must_use]
    pub(crate) fn remedy(mut self, summary: impl Into<String>, commands: Vec<String>) -> Self {
        if self.holds == Holds::No {
            self.remedies.push(Remedy {
                summary: summary.into(),
                commands,
            });
        }
        self
    }
}

/// What a rule objects to: the first few and their number.
#[derive(Debug, Default)]
pub(crate) struct Found {
    first: Vec<String>,
    count: usize,
}

impl Found {
    /// One more.
    pub(crate) fn add(&mut self, name: impl FnOnce() -> String) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < NAMED {
            self.first.push(name());
        }
    }
}

impl<T: ToString> FromIterator<T> for Found {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut found = Self::default();
        for item in items {
            found.add(|| item.to_string());
        }
        found
    }
}
