//! Findings that rest on something unknown: they do not block.

use crate::finding::{Finding, Remedy};

/// Why it is not known whether RKE2 refuses what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// A clause that follows the finding's summary.
    pub because: String,
    /// Further sentences.
    pub notes: Vec<String>,
    /// How an administrator makes it known.
    pub remedy: Option<String>,
}

/// Makes a finding that blocks indeterminate; leaves all others as they are.
pub(crate) fn doubt(finding: &mut Finding, doubt: &Doubt) {
    if !finding.blocks() {
        return;
    }
    let remedy = doubt.remedy.as_ref().map(|summary| Remedy::manual(summary));
    finding.weaken(&doubt.because, &doubt.notes, remedy);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{CheckId, Outcome, Prediction, Stage};

    fn doubted(check: CheckId, now: Outcome, next_boot: Outcome) -> Finding {
        let mut finding = Finding::new(check, "k", Vec::new(), now, next_boot)
            .with_summary("k is 0, must be 1")
            .with_remedies([Remedy::SetLive { key: "k", value: 1 }])
            .with_predictions([Prediction {
                stage: Stage::KernelParameters,
                line: "l".to_owned(),
                hides_others: false,
            }]);
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
        for (now, next_boot, expected) in [
            (Violated, Violated, (Indeterminate, Indeterminate)),
            (Violated, Satisfied, (Indeterminate, Satisfied)),
            (Satisfied, Violated, (Satisfied, Indeterminate)),
            (Indeterminate, Violated, (Indeterminate, Indeterminate)),
        ] {
            let found = doubted(CheckId::SysctlPanic, now, next_boot);
            assert_eq!((found.now(), found.next_boot_outcome()), expected);
            assert_eq!(found.outcome(), Indeterminate);
            assert!(!found.blocks() && found.predictions().is_empty());
            assert_eq!(
                found.summary(),
                "k is 0, must be 1; cannot determine whether RKE2 refuses that: the release is not known"
            );
            assert_eq!(found.notes(), ["n"]);
            let remedies = found.remedies().iter();
            let remedies: Vec<String> = remedies.map(Remedy::summary).collect();
            assert_eq!(remedies, ["name it", "set it now"]);
        }
    }

    #[test]
    fn what_does_not_block_stays() {
        for (check, now) in [
            (CheckId::UnitProblem, Outcome::Violated),
            (CheckId::ControlArgument, Outcome::Violated),
            (CheckId::SysctlPanic, Outcome::Satisfied),
            (CheckId::SysctlPanic, Outcome::Indeterminate),
        ] {
            let found = doubted(check, now, now);
            assert_eq!(found.summary(), "k is 0, must be 1");
            assert_eq!(found.predictions().len(), 1);
        }
    }
}
