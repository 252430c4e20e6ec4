//! The verdict of a unit: whether it would start, now and after the next boot, and the component that would
//! refuse.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::finding::{Component, Finding, Outcome, Prediction};

/// Would the unit start?
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No known reason against it.
    WouldStart,
    /// RKE2 or its kubelet would refuse.
    WouldRefuse,
    /// Something that decides could not be determined, and nothing else refuses.
    #[default]
    #[serde(other)]
    Undetermined,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::WouldStart, Self::WouldRefuse, Self::Undetermined];

    /// Its name in JSON, on D-Bus and in metrics.
    pub const fn as_str(self) -> &'static str {
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
    /// The lines with which it would exit: one, or where RKE2 collects its reasons, all of them. Upstream orders those
    /// at random; here they follow the findings.
    pub predicted: Vec<String>,
}

/// Folds findings into a verdict.
pub fn fold(findings: &[Finding]) -> UnitVerdict {
    let deciding = || findings.iter().filter(|f| f.effect().blocks());
    let predictions: Vec<&Prediction> = findings.iter().flat_map(Finding::predictions).collect();
    let first = predictions.iter().map(|p| p.stage).min();
    let stage = || predictions.iter().filter(|p| Some(p.stage) == first);
    let hidden = stage().any(|p| p.hides_others);
    let most = match first {
        Some(stage) if stage.ends_at_first() => 1,
        _ => usize::MAX,
    };
    let mut seen = HashSet::new();
    let predicted = stage()
        .filter(|p| p.hides_others == hidden && seen.insert(&p.line))
        .map(|p| p.line.clone())
        .take(most)
        .collect();
    UnitVerdict {
        now: judge(deciding().map(Finding::now)),
        next_boot: judge(deciding().map(Finding::next_boot_outcome)),
        refused_by: first.map(crate::finding::Stage::component),
        predicted,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CheckId, Stage};

    fn finding(check: CheckId, now: Outcome, next_boot: Outcome) -> Finding {
        Finding::new(check, "", Vec::new(), now, next_boot)
    }

    #[test]
    fn one_that_refuses_outweighs_all_others() {
        use Outcome::{Indeterminate, NotApplicable, Satisfied, Violated};
        for (outcomes, verdict) in [
            (&[][..], Verdict::WouldStart),
            (&[Satisfied, NotApplicable], Verdict::WouldStart),
            (&[Satisfied, Indeterminate], Verdict::Undetermined),
            (&[Indeterminate, Satisfied], Verdict::Undetermined),
            (&[Indeterminate, Violated], Verdict::WouldRefuse),
            (&[Violated, Indeterminate], Verdict::WouldRefuse),
        ] {
            let all = |make: fn(Outcome) -> Finding| {
                let findings: Vec<Finding> = outcomes.iter().copied().map(make).collect();
                let folded = fold(&findings);
                (folded.now, folded.next_boot)
            };
            let start = Verdict::WouldStart;
            let now = all(|outcome| finding(CheckId::SysctlPanic, outcome, Satisfied));
            assert_eq!(now, (verdict, start));
            let then = all(|outcome| finding(CheckId::SysctlPanic, Satisfied, outcome));
            assert_eq!(then, (start, verdict));
            let advice = all(|outcome| finding(CheckId::UnitProblem, outcome, outcome));
            assert_eq!(advice, (start, start));
        }
    }

    #[test]
    fn the_first_stage_speaks_and_what_hides_others_alone() {
        let predicted = |said: &[(Stage, &str, bool)]| {
            let one = finding(CheckId::SysctlPanic, Outcome::Violated, Outcome::Violated);
            let predictions = said.iter().map(|(stage, line, hides_others)| Prediction {
                stage: *stage,
                line: (*line).to_owned(),
                hides_others: *hides_others,
            });
            let folded = fold(&[one.with_predictions(predictions)]);
            (folded.refused_by, folded.predicted)
        };
        let (first, later) = (Stage::KernelParameters, Stage::KubeletTunables);
        assert_eq!(predicted(&[]), (None, Vec::new()));
        for (said, by, lines) in [
            (
                &[
                    (later, "k", false),
                    (first, "a", false),
                    (first, "b", false),
                ][..],
                Component::Rke2,
                &["a", "b"][..],
            ),
            (
                &[(first, "a", false), (first, "h", true), (first, "b", false)],
                Component::Rke2,
                &["h"],
            ),
            (
                &[(first, "a", false), (first, "a", false), (later, "h", true)],
                Component::Rke2,
                &["a"],
            ),
            (&[(later, "k", false)], Component::Kubelet, &["k"]),
            (
                &[
                    (Stage::Selection, "cni", false),
                    (Stage::Selection, "ingress", false),
                ],
                Component::Rke2,
                &["cni"],
            ),
        ] {
            assert_eq!(
                predicted(said),
                (Some(by), lines.iter().map(|l| (*l).to_owned()).collect())
            );
        }
    }
}
