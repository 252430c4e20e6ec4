//! Reads what a plan needs beside the facts of the checks.

use std::path::Path;

use super::program::Programs;
use crate::facts::Table;
use crate::fix::accounts::{Elsewhere, Maker, SYSUSERS_FILE};
use crate::fix::{Host, Unit};
use crate::host::root::FileKind;
use crate::host::{HostRoot, sysctl_d};
use crate::sysctl_d::Dialect;

/// What `units`' host has.
pub(crate) fn survey(root: &HostRoot, units: &[Unit<'_>], programs: &Programs) -> Host {
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
        dialect: dialect(units),
        passwd: accounts(root, Table::Passwd),
        group: accounts(root, Table::Group),
        elsewhere: elsewhere(root, units),
        // What cannot be read is there all the same, and is none of ours.
        declared: match root.read(SYSUSERS_FILE) {
            Ok(content) => Some(content),
            Err(error) if error.is_absent() => None,
            Err(_) => Some(Vec::new()),
        },
        login_defs: root.read("/etc/login.defs").unwrap_or_default(),
        links: if root.is_live() {
            Vec::new()
        } else {
            links(root)
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

/// The dialect of the host's systemd, as the units were evaluated by; else of the newest.
fn dialect(units: &[Unit<'_>]) -> Dialect {
    let systemd = units.iter().find_map(|unit| unit.facts.systemd);
    systemd.map_or(Dialect::NEWEST, |systemd| Dialect::of(systemd.version))
}

/// An account file. One that cannot be read is a read error of the root, because no account can be looked up.
fn accounts(root: &HostRoot, table: Table) -> Vec<u8> {
    root.read_large(Path::new(table.path())).unwrap_or_default()
}

/// What [`Host::links`] is about, of all that any plan writes.
fn links(root: &HostRoot) -> Vec<String> {
    const WRITTEN: [&str; 7] = [
        "/etc",
        "/etc/sysctl.d",
        "/etc/passwd",
        "/etc/group",
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/.pwd.lock",
    ];
    let is_link = |path: &&str| {
        root.lstat(path)
            .is_ok_and(|there| there.kind == FileKind::Link)
    };
    let links = WRITTEN.into_iter().filter(is_link);
    links.map(str::to_owned).collect()
}

fn elsewhere(root: &HostRoot, units: &[Unit<'_>]) -> Vec<Elsewhere> {
    let mut rows: Vec<Elsewhere> = Vec::new();
    for (table, source) in units.iter().flat_map(|unit| &unit.facts.account_elsewhere) {
        let line = source.line.and_then(|line| usize::try_from(line).ok());
        let content = root.read_large(Path::new(&source.path)).unwrap_or_default();
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
