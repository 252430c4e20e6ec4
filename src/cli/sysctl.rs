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
    let findings = if none {
        Vec::new()
    } else {
        let Some(target) = select::target(&root, common, which) else {
            return Status::Failed;
        };
        examine::assess(&root, &target).report.findings
    };
    let parameters = examine::parameters(&root);
    print(&match asked.format {
        Format::Json => sysctl::json(&parameters, &findings),
        Format::Text => sysctl::text(&parameters, &findings),
    });
    Status::Good
}
