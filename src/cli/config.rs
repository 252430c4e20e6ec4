//! `config`: what RKE2 will run with, and where each of it comes from.

use super::arguments::{Common, Config, Format};
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
    let examination = examine::assess(&root, &target);
    print(&match config.format {
        Format::Json => settings::json(&examination, config.all),
        Format::Text => settings::text(&examination, config.all),
    });
    Status::Good
}
