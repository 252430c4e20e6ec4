//! kube-bench's JSON, of its part `policies`.
//!
//! The guide's own questions have no number there and are left out.

use preflight_rke2::shared::kube_bench::{Part, document};

use super::{Audit, row};
use crate::evaluate::Judged;

/// The document, one line feed at its end.
pub(super) fn render(audit: &Audit, shown: &[&Judged]) -> String {
    let numbered = shown.iter().filter(|judged| !judged.control.is_beyond());
    let part = Part {
        id: "5".to_owned(),
        text: "Kubernetes policies",
        node_type: "policies",
        controls: numbered.map(|judged| row(judged)).collect(),
    };
    document(audit.choice.benchmark, audit.version.minor, vec![part])
}
