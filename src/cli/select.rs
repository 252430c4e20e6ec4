//! Which root, and which unit, a command is about.

use super::arguments::{Common, Which};
use super::stderr;
use crate::examine::{self, OtherUnit, Target};
use crate::host::HostRoot;
use crate::rke2::role::Role;

/// The root; `None` if there is none, which has been said then.
pub(super) fn root(common: &Common) -> Option<HostRoot> {
    said(open(common))
}

/// The root, or why there is none.
pub(super) fn open(common: &Common) -> Result<HostRoot, String> {
    HostRoot::open(&common.root)
        .map_err(|error| format!("--root {}: {error}", common.root.display()))
}

/// What there is; `None` if there is nothing, after having said why.
fn said<T>(result: Result<T, String>) -> Option<T> {
    result.map_err(|error| stderr::line(&error)).ok()
}

/// All units that are meant; `None` if there is none, which has been said then.
pub(super) fn targets(root: &HostRoot, common: &Common, which: &Which) -> Option<Vec<Target>> {
    said(meant(root, common, which))
}

/// All units that are meant, or why there is none.
pub(super) fn meant(
    root: &HostRoot,
    common: &Common,
    which: &Which,
) -> Result<Vec<Target>, String> {
    if let Some(role) = which.role {
        return Ok(vec![Target {
            role,
            definition: None,
            version: common.rke2_version.clone(),
            other: OtherUnit::Irrelevant,
            advise: true,
        }]);
    }
    let asked: Vec<Target> = examine::targets(root)
        .into_iter()
        .filter(|asked| which.unit.is_none_or(|unit| unit == asked.role))
        .map(|asked| Target {
            version: common.rke2_version.clone(),
            ..asked
        })
        .collect();
    if asked.is_empty() {
        let what = which.unit.map_or("no RKE2 unit", Role::unit);
        let not = if which.unit.is_some() { "not " } else { "" };
        return Err(format!(
            "{what} is {not}installed below {}; `--role server` or `--role agent` judges the host \
             as if it were",
            root.path().display()
        ));
    }
    Ok(asked)
}

/// The one unit that is meant: the one asked for, else the one that is enabled, else the first.
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
