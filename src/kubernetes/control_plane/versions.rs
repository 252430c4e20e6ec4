//! `--emulated-version` and `--min-compatibility-version`.
//!
//! Upstream: `k8s.io/component-base/compatibility/version.go`.

use super::errors::Errors;
use super::options::Options;

/// Since which minor it is known which versions can be emulated: its own and three before, from 1.31.
const FLOOR: u32 = 33;

/// `effectiveVersion.Validate`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    if !options.since(FLOOR) {
        return;
    }
    let (flag, other) = ("emulated-version", "min-compatibility-version");
    let own = options.minor().0;
    let floor = own.saturating_sub(3).max(31);
    let Some(emulated) = minor_of(options, flag, own) else {
        return;
    };
    let Some(least) = minor_of(
        options,
        other,
        floor.max(emulated.saturating_sub(1)).min(own),
    ) else {
        return;
    };
    if emulated > own || emulated < floor {
        errors.push(
            format!("emulation version 1.{emulated} is not between [1.{floor}, 1.{own}.0]"),
            options.at(&[flag]),
        );
    }
    if least > emulated || least < floor {
        errors.push(
            format!(
                "minCompatibilityVersion version 1.{least} is not between [1.{floor}, 1.{emulated}]"
            ),
            options.at(&[flag, other]),
        );
    }
}

/// The minor of a version that a flag gives, `1.30` or `kube=1.30`.
fn minor_of(options: &Options, flag: &str, default: u32) -> Option<u32> {
    let values = options.list(flag).unwrap_or_default();
    let Some(text) = values.last() else {
        return Some(default);
    };
    let text = text
        .strip_prefix("kube=")
        .unwrap_or(text)
        .trim_start_matches('v');
    text.strip_prefix("1.")?.parse().ok()
}
