//! `config`: the effective settings of RKE2, and where each is set.

use super::arguments::{Common, Config};
use super::{Status, print, select};
use crate::examine;
use crate::report::settings;

pub(super) fn run(common: &Common, config: &Config) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Usage;
    };
    let Some(target) = select::target(&root, common, &config.which) else {
        return Status::Failed;
    };
    let examination = examine::assess(&root, &target.without_node());
    print(&settings::render(config.format, &examination, config.all));
    Status::Good
}
