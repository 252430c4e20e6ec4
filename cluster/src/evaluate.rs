//! Asks every control of a benchmark.

use preflight_rke2::shared::{
    Applied, Benchmark, ControlOutcome, Counts, Day, Edition, Scoring, Waiver,
};

use crate::answer::{Answer, Holds};
use crate::control::{self, Control};
use crate::facts::Facts;
use crate::rules;

/// One control, asked of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) control: &'static Control,
    /// Its number and how it counts in the benchmark.
    pub(crate) edition: Edition,
    pub(crate) outcome: ControlOutcome,
    pub(crate) answer: Answer,
    /// The waiver for it.
    pub(crate) waiver: Option<Applied>,
}

impl Judged {
    /// Whether it is not met and a waiver that has not expired accepts that.
    pub(crate) fn is_waived(&self) -> bool {
        self.waiver.as_ref().is_some_and(|waiver| !waiver.expired)
            && matches!(self.outcome, ControlOutcome::Fail | ControlOutcome::Warn)
    }
}

/// Asks every control of `benchmark`, by number.
pub(crate) fn audit(facts: &Facts, benchmark: Benchmark) -> Vec<Judged> {
    control::of(benchmark)
        .into_iter()
        .map(|(control, edition)| {
            let answer = rules::ask(control.rule, facts);
            Judged {
                outcome: outcome(answer.holds, edition.scoring),
                control,
                edition,
                answer,
                waiver: None,
            }
        })
        .collect()
}

/// A control that the benchmark has checked manually is answered where the API can answer it, and warns.
const fn outcome(holds: Holds, scoring: Scoring) -> ControlOutcome {
    match (holds, scoring) {
        (Holds::Nothing, _) | (_, Scoring::NotApplicable) => ControlOutcome::NotApplicable,
        (Holds::Unknown, _) => ControlOutcome::Error,
        (Holds::ByHand, _) => ControlOutcome::Manual,
        (Holds::Yes, _) => ControlOutcome::Pass,
        (Holds::No, Scoring::Scored) => ControlOutcome::Fail,
        (Holds::No, Scoring::Unscored | Scoring::Manual) => ControlOutcome::Warn,
    }
}

/// Notes on each control the waiver for it, one by key before one by number.
pub(crate) fn waive(judged: &mut [Judged], waivers: &[Waiver], today: Day) {
    for one in judged {
        let by = |name: &str| waivers.iter().rev().find(|waiver| waiver.control == name);
        let waiver = by(one.control.key).or_else(|| by(one.edition.id));
        one.waiver = waiver.map(|waiver| Applied {
            waiver: waiver.clone(),
            expired: waiver.expires < today,
        });
    }
}

/// How many controls have each outcome.
pub(crate) fn counts<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Counts {
    let mut counts = Counts::default();
    for one in judged {
        let count = match one.outcome {
            _ if one.is_waived() => &mut counts.waived,
            ControlOutcome::Fail => &mut counts.fail,
            ControlOutcome::Warn => &mut counts.warn,
            ControlOutcome::Error => &mut counts.error,
            ControlOutcome::Manual => &mut counts.manual,
            ControlOutcome::Pass => &mut counts.pass,
            ControlOutcome::NotApplicable => &mut counts.not_applicable,
        };
        *count = count.saturating_add(1);
    }
    counts
}
