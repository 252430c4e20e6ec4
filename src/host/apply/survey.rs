//! Reads what a plan needs beside the facts of the checks.

use super::program::Programs;
use crate::fix::accounts::{Elsewhere, Maker, SYSUSERS_FILE};
use crate::fix::{Host, Unit};
use crate::host::{HostRoot, sysctl_d};
use crate::rke2::accounts::Table;

/// What `units`' host has.
pub fn survey(root: &HostRoot, units: &[Unit<'_>], programs: &Programs) -> Host {
    let has = |name| programs.find(name).is_some();
    Host {
        live: root.is_live(),
        prefix: if root.is_live() {
            String::new()
        } else {
            let path = root.path().to_string_lossy();
            path.trim_end_matches('/').to_owned()
        },
        tree: sysctl_d::collect(root),
        passwd: root.read(Table::Passwd.path()).unwrap_or_default(),
        group: root.read(Table::Group.path()).unwrap_or_default(),
        elsewhere: elsewhere(root, units),
        // What cannot be read is there all the same, and is none of ours.
        declared: match root.read(SYSUSERS_FILE) {
            Ok(content) => Some(content),
            Err(error) if error.is_absent() => None,
            Err(_) => Some(Vec::new()),
        },
        maker: if has("systemd-sysusers") {
            Maker::Sysusers
        } else if has("useradd") && has("groupadd") {
            Maker::Shadow
        } else {
            Maker::Nothing
        },
    }
}

fn elsewhere(root: &HostRoot, units: &[Unit<'_>]) -> Vec<Elsewhere> {
    let mut rows: Vec<Elsewhere> = Vec::new();
    for (table, source) in units.iter().flat_map(|unit| &unit.facts.account_elsewhere) {
        let line = source.line.and_then(|line| usize::try_from(line).ok());
        let content = root.read(&source.path).unwrap_or_default();
        let row = line
            .and_then(|line| {
                content
                    .split(|byte| *byte == b'\n')
                    .nth(line.saturating_sub(1))
            })
            .and_then(|row| std::str::from_utf8(row).ok());
        if let Some(row) = row
            && rows.iter().all(|there| there.table != *table)
        {
            rows.push(Elsewhere {
                table: *table,
                source: source.clone(),
                row: row.trim().to_owned(),
            });
        }
    }
    rows
}
