//! `monitor`: the daemon.

use super::arguments::Common;
use super::{Status, select, stderr};
use crate::daemon;

pub(super) fn run(common: &Common) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Failed;
    };
    if !root.is_live() {
        stderr::line("an image does not change by itself: `monitor` takes no --root");
        return Status::Usage;
    }
    match daemon::run() {
        Ok(()) => Status::Good,
        Err(error) => {
            stderr::line(&format!("the monitor cannot run: {error}"));
            Status::Failed
        }
    }
}
