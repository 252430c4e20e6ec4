//! kube-bench's JSON, of its part `policies`.
//!
//! The guide's own questions have no number there and are left out.

use preflight_rke2::shared::in_one_line;
use preflight_rke2::shared::kube_bench::{Control, Part, document};

use super::{Audit, objects, waived};
use crate::control::section;
use crate::evaluate::Judged;

fn control(judged: &Judged) -> Control {
    let (control, edition, answer) = (judged.control, judged.edition, &judged.answer);
    let remedies = answer.remedies.iter();
    let remedies = remedies.map(|remedy| (remedy.summary.clone(), remedy.commands.clone()));
    Control {
        id: edition.id,
        title: control.title,
        section: section(control, edition),
        scoring: edition.scoring,
        outcome: judged.outcome,
        waived: waived(judged),
        command: format!("preflight-rke2-cluster audit --control {}", control.key),
        actual: objects(judged).join("\n"),
        expected: control.title.to_owned(),
        summary: answer.summary.clone(),
        remedy: in_one_line(remedies),
    }
}

/// The document, one line feed at its end.
pub(super) fn render(audit: &Audit, shown: &[&Judged]) -> String {
    let numbered = shown.iter().filter(|judged| !judged.control.is_beyond());
    let part = Part {
        id: "5".to_owned(),
        text: "Kubernetes policies",
        node_type: "policies",
        controls: numbered.map(|judged| control(judged)).collect(),
    };
    document(audit.choice.benchmark, audit.version.minor, vec![part])
}
