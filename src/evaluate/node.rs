//! What else of the node keeps RKE2 from running.

use super::start;
use crate::finding::{Finding, Outcome, Prediction};
use crate::requirements::Requirement;
use crate::rke2::node::NodeProblem;

pub(super) fn finding(requirement: &Requirement, problem: &NodeProblem) -> Finding {
    // What can pass is not expected at the next boot.
    let next_boot = if problem.is_transient {
        Outcome::Satisfied
    } else {
        Outcome::Violated
    };
    let by = problem.component.into_iter().collect();
    let mut finding = start(
        requirement,
        &problem.subject,
        by,
        Outcome::Violated,
        next_boot,
    )
    .transient(problem.is_transient)
    .with_summary(&problem.summary)
    .with_actual(problem.actual.clone())
    .with_notes(problem.notes.iter().cloned())
    .with_evidence(problem.evidence.iter().cloned())
    .with_remedies(problem.remedies.iter().cloned())
    .with_predictions(problem.predicted.iter().map(|line| Prediction {
        stage: problem.stage,
        line: line.clone(),
        hides_others: true,
    }));
    if let Some(required) = &problem.required {
        finding = finding.with_required(required);
    }
    finding
}
