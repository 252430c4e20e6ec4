//! The names of controllers, which `--controllers` takes.
//!
//! Upstream: `KnownControllers` and `ControllerAliases` of `cmd/kube-controller-manager/app/controllermanager.go`
//! (since 1.36 `controller_descriptor.go`), and `names` beside it. Up to 1.27 controllers have short names, which
//! are aliases since.

use super::super::errors::{Errors, quote};
use super::super::options::Options;
use crate::kubernetes::Minor;

/// Since which minor names are long, and short ones aliases.
const LONG: Minor = Minor(28);

/// Rows `NAME FIRST LAST OLDER-NAME`: the first and last minor that has it, `-` where there is none.
const CONTROLLERS: &str = include_str!("controllers.txt");

/// Whether the release has a controller of this name. Where a gate decides it, it has.
pub(in super::super) fn is_known(minor: Minor, name: &str) -> bool {
    CONTROLLERS.lines().any(|row| {
        let mut columns = row.split(' ');
        let mut next = || columns.next().unwrap_or_default();
        let (long, first, last, short) = (next(), next(), next(), next());
        let has = first.parse().is_ok_and(|first| minor.0 >= first)
            && last.parse().map_or(true, |last| minor.0 <= last);
        has && (short != "-" && short == name || long == name && minor >= LONG)
    })
}

/// The checks of `--controllers`.
pub(super) fn validate(options: &Options, errors: &mut Errors) {
    let flag = "controllers";
    for name in options.list(flag).unwrap_or_default() {
        if name == "*" {
            continue;
        }
        let name = name.strip_prefix('-').unwrap_or(name);
        if !is_known(options.minor(), name) {
            let message = format!("{} is not in the list of known controllers", quote(name));
            errors.push_unknown(message, options.at(&[flag]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_changed() {
        assert!(is_known(Minor(24), "ttl"));
        assert!(!is_known(Minor(24), "ttl-controller"));
        for name in ["ttl", "ttl-controller"] {
            assert!(is_known(Minor(37), name), "{name}");
        }
        assert!(is_known(Minor(36), "service"));
        for name in ["service", "-", "", "*", "99"] {
            assert!(!is_known(Minor(37), name), "{name}");
        }
    }
}
