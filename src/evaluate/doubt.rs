//! What becomes of a finding that rests on something unknown: it no longer blocks.

use crate::finding::{Effect, Finding, Outcome, Remedy};

/// Why it is not known whether RKE2 refuses what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Half a sentence, to stand behind the finding's own.
    pub because: String,
    /// Whole sentences.
    pub notes: Vec<String>,
    /// How to make it known.
    pub remedy: Option<String>,
}

/// Whether a finding keeps the unit down, now or after the next boot.
pub(crate) fn blocks(finding: &Finding) -> bool {
    let decides = matches!(finding.effect, Effect::BlocksStart | Effect::BlocksNextBoot);
    decides && (finding.now == Outcome::Violated || finding.then == Outcome::Violated)
}

/// Makes a finding that blocks indeterminate; leaves all others as they are.
pub(crate) fn doubt(finding: &mut Finding, doubt: &Doubt) {
    if !blocks(finding) {
        return;
    }
    for outcome in [&mut finding.now, &mut finding.then, &mut finding.outcome] {
        if *outcome == Outcome::Violated {
            *outcome = Outcome::Indeterminate;
        }
    }
    finding.predictions.clear();
    finding.summary = format!(
        "{}; it is not known whether RKE2 refuses that: {}",
        finding.summary, doubt.because
    );
    finding.notes.extend(doubt.notes.iter().cloned());
    let remedy = doubt.remedy.iter().map(|summary| Remedy {
        summary: summary.clone(),
        commands: Vec::new(),
    });
    finding.remedies.splice(0..0, remedy);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Prediction, Stage};

    fn doubted(effect: Effect, now: Outcome, then: Outcome) -> Finding {
        let mut finding = Finding::bare("x", effect, now, then);
        finding.summary = "k is 0, must be 1".to_owned();
        finding.remedies = vec![Remedy {
            summary: "now".to_owned(),
            commands: vec!["sysctl -w k=1".to_owned()],
        }];
        finding.predictions = vec![Prediction {
            stage: Stage::KernelParameters,
            line: "l".to_owned(),
            hides_others: false,
        }];
        doubt(
            &mut finding,
            &Doubt {
                because: "the release is not known".to_owned(),
                notes: vec!["n".to_owned()],
                remedy: Some("name it".to_owned()),
            },
        );
        finding
    }

    #[test]
    fn what_blocks_becomes_indeterminate_and_says_why() {
        use Outcome::{Indeterminate, Satisfied, Violated};
        for (now, then, expected) in [
            (Violated, Violated, (Indeterminate, Indeterminate)),
            (Violated, Satisfied, (Indeterminate, Satisfied)),
            (Satisfied, Violated, (Satisfied, Indeterminate)),
            (Indeterminate, Violated, (Indeterminate, Indeterminate)),
        ] {
            let found = doubted(Effect::BlocksStart, now, then);
            assert_eq!((found.now, found.then), expected);
            assert_eq!(found.outcome, Indeterminate);
            assert!(!blocks(&found) && found.predictions.is_empty());
            assert_eq!(
                found.summary,
                "k is 0, must be 1; it is not known whether RKE2 refuses that: the release is not known"
            );
            assert_eq!(found.notes, ["n"]);
            let remedies: Vec<&str> = found.remedies.iter().map(|r| r.summary.as_str()).collect();
            assert_eq!(remedies, ["name it", "now"]);
        }
    }

    #[test]
    fn what_does_not_block_stays() {
        for (effect, now) in [
            (Effect::Advice, Outcome::Violated),
            (Effect::FailsControl, Outcome::Violated),
            (Effect::BlocksStart, Outcome::Satisfied),
            (Effect::BlocksStart, Outcome::Indeterminate),
        ] {
            let found = doubted(effect, now, now);
            assert_eq!(found.summary, "k is 0, must be 1");
            assert_eq!(found.predictions.len(), 1);
        }
    }
}
