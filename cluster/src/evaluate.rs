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
        let waiver = self.waiver.as_ref();
        waiver.is_some_and(|waiver| waiver.accepts(self.outcome))
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

/// Notes on each control the waiver for it.
pub(crate) fn waive(judged: &mut [Judged], waivers: &[Waiver], today: Day) {
    for one in judged {
        one.waiver = Applied::find(waivers, one.control.key, one.edition.id, today);
    }
}

/// How many controls have each outcome.
pub(crate) fn counts<'a>(judged: impl IntoIterator<Item = &'a Judged>) -> Counts {
    let judged = judged.into_iter();
    Counts::of(judged.map(|one| (one.outcome, one.is_waived())))
}
