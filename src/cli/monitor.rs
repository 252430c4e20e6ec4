//! `monitor`: the daemon.

use super::arguments::Common;
use super::{Status, select, stderr};
use crate::daemon;

pub(super) fn run(common: &Common) -> Status {
    let Some(root) = select::root(common) else {
        return Status::Failed;
    };
    if !root.is_live() {
        stderr::line("`monitor` takes no --root: an image does not change while it is not running");
        return Status::Usage;
    }
    match daemon::run() {
        Ok(()) => Status::Good,
        Err(error) => {
            stderr::line(&format!("the monitor cannot start: {error}"));
            Status::Failed
        }
    }
}
