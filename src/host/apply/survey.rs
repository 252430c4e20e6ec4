//! Reads what a plan needs beside the facts of the checks.

use crate::fix::{Host, Unit};
use crate::host::{HostRoot, sysctl_d};
use crate::sysctl_d::Dialect;

/// The host of `units`.
pub(crate) fn survey(root: &HostRoot, units: &[Unit<'_>]) -> Host {
    let prefix = if root.is_live() {
        String::new()
    } else {
        let path = root.path().to_string_lossy();
        path.trim_end_matches('/').to_owned()
    };
    Host {
        live: root.is_live(),
        prefix,
        tree: sysctl_d::collect(root),
        dialect: dialect(units),
    }
}

/// The dialect of the host's systemd, by which the units were evaluated; else of the newest.
fn dialect(units: &[Unit<'_>]) -> Dialect {
    let systemd = units.iter().find_map(|unit| unit.facts.systemd);
    systemd.map_or(Dialect::NEWEST, |systemd| Dialect::of(systemd.version))
}
