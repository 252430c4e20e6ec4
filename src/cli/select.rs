//! Which root, and which unit, a command is about.

use super::arguments::{Common, Which};
use super::stderr;
use crate::examine::{self, Target};
use crate::host::HostRoot;
use crate::rke2::role::Role;

/// The root; `None` after the error was printed.
pub(super) fn root(common: &Common) -> Option<HostRoot> {
    reported(open(common))
}

/// The root, or why it cannot be opened.
pub(super) fn open(common: &Common) -> Result<HostRoot, String> {
    HostRoot::open(&common.root)
        .map_err(|error| format!("--root {}: {error}", common.root.display()))
}

/// The value; `None` after the error was printed.
fn reported<T>(result: Result<T, String>) -> Option<T> {
    result.map_err(|error| stderr::line(&error)).ok()
}

/// All units that the options select; `None` after the error was printed.
pub(super) fn targets(root: &HostRoot, common: &Common, which: &Which) -> Option<Vec<Target>> {
    reported(select(root, common, which))
}

/// All units that the options select, or why there is none.
pub(super) fn select(
    root: &HostRoot,
    common: &Common,
    which: &Which,
) -> Result<Vec<Target>, String> {
    if let Some(role) = which.role {
        return Ok(vec![Target {
            version: common.rke2_version.clone(),
            ..Target::of(role)
        }]);
    }
    let selected: Vec<Target> = examine::targets(root)
        .into_iter()
        .filter(|target| which.unit.is_none_or(|unit| unit == target.role))
        .map(|target| Target {
            version: common.rke2_version.clone(),
            ..target
        })
        .collect();
    if selected.is_empty() {
        let what = which.unit.map_or("no RKE2 unit", Role::unit);
        let not = if which.unit.is_some() { "not " } else { "" };
        return Err(format!(
            "{what} is {not}installed below {}; use `--role server` or `--role agent` to \
             check the host for that role",
            root.path().display()
        ));
    }
    Ok(selected)
}

/// The one unit of a command about one unit: the named one, else the enabled one, else the first.
pub(super) fn target(root: &HostRoot, common: &Common, which: &Which) -> Option<Target> {
    let mut all = targets(root, common, which)?;
    let enabled = |target: &Target| {
        target
            .definition
            .as_ref()
            .is_some_and(|unit| unit.enabled.at_boot())
    };
    let at = all.iter().position(enabled).unwrap_or(0);
    (at < all.len()).then(|| all.swap_remove(at))
}
