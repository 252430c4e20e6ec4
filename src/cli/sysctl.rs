//! `sysctl`: the watched kernel parameters: now, after the next boot, and required.

use super::arguments::{Common, Sysctl};
use super::{Status, print, select};
use crate::examine;
use crate::report::sysctl;

pub(super) fn run(common: &Common, asked: &Sysctl) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    // Without RKE2 the parameters are shown without required values.
    let which = &asked.which;
    let is_absent =
        which.unit.is_none() && which.role.is_none() && examine::installed(&root).is_empty();
    let examination = if is_absent {
        None
    } else {
        let Some(target) = select::target(&root, common, which) else {
            return Status::Failed;
        };
        Some(examine::assess(&root, &target.without_node()))
    };
    let definition = examination.as_ref().and_then(|e| e.definition.as_ref());
    let requirements = examination.as_ref().map_or(&[][..], |e| &e.requirements);
    let parameters = examine::parameters(&root, definition, requirements);
    let findings = examination.as_ref().map_or(&[][..], |e| &e.report.findings);
    print(&sysctl::render(asked.format, &parameters, findings));
    Status::Good
}
