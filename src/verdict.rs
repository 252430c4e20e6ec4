//! The verdict of a unit: would it start, now and after the next boot, and who would refuse.

use std::collections::HashSet;

use serde::Serialize;

use crate::finding::{Component, Effect, Finding, Outcome, Prediction};

/// Would the unit start?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing we know of would refuse.
    WouldStart,
    /// RKE2 or its kubelet would refuse.
    WouldRefuse,
    /// Something that decides could not be found out, and nothing that could be refuses.
    Undetermined,
}

impl Verdict {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::WouldStart, Self::WouldRefuse, Self::Undetermined];

    /// The word for it, as in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::WouldStart => "would-start",
            Self::WouldRefuse => "would-refuse",
            Self::Undetermined => "undetermined",
        }
    }
}

/// The verdict of one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitVerdict {
    /// If it were started now.
    pub now: Verdict,
    /// If the host were booted now.
    pub next_boot: Verdict,
    /// The first component that would refuse now.
    pub refused_by: Option<Component>,
    /// The lines it would end with. Upstream orders them at random; here, as the findings are.
    pub predicted: Vec<String>,
}

/// Folds findings into a verdict.
pub fn fold(findings: &[Finding]) -> UnitVerdict {
    let deciding = || findings.iter().filter(|f| decides(f.effect));
    let predictions: Vec<&Prediction> = findings.iter().flat_map(|f| &f.predictions).collect();
    let first = predictions.iter().map(|p| p.stage).min();
    let stage = || predictions.iter().filter(|p| Some(p.stage) == first);
    let hidden = stage().any(|p| p.hides_others);
    let mut seen = HashSet::new();
    let predicted = stage()
        .filter(|p| p.hides_others == hidden && seen.insert(&p.line))
        .map(|p| p.line.clone())
        .collect();
    UnitVerdict {
        now: judge(deciding().map(|f| f.now)),
        next_boot: judge(deciding().map(|f| f.then)),
        refused_by: first.map(crate::finding::Stage::component),
        predicted,
    }
}

/// Whether a finding of this effect can decide over a start.
const fn decides(effect: Effect) -> bool {
    matches!(effect, Effect::BlocksStart | Effect::BlocksNextBoot)
}

fn judge(outcomes: impl Iterator<Item = Outcome>) -> Verdict {
    outcomes.fold(Verdict::WouldStart, |verdict, outcome| {
        match (verdict, outcome) {
            (_, Outcome::Violated) => Verdict::WouldRefuse,
            (Verdict::WouldStart, Outcome::Indeterminate) => Verdict::Undetermined,
            (verdict, _) => verdict,
        }
    })
}
