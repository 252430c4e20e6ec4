//! `sysctl`: the watched kernel parameters, now, after the next boot, and as demanded.

use super::arguments::{Common, Format, Sysctl};
use super::{Status, print, select};
use crate::examine;
use crate::report::sysctl;

pub(super) fn run(common: &Common, asked: &Sysctl) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    // The parameters can be shown without RKE2; only then nobody demands anything of them.
    let which = &asked.which;
    let none = which.unit.is_none() && which.role.is_none() && examine::installed(&root).is_empty();
    let examination = if none {
        None
    } else {
        let Some(target) = select::target(&root, common, which) else {
            return Status::Failed;
        };
        Some(examine::assess(&root, &target))
    };
    let definition = examination.as_ref().and_then(|e| e.definition.as_ref());
    let parameters = examine::parameters(&root, definition);
    let findings = examination.as_ref().map_or(&[][..], |e| &e.report.findings);
    print(&match asked.format {
        Format::Json => sysctl::json(&parameters, findings),
        Format::Text => sysctl::text(&parameters, findings),
    });
    Status::Good
}
