//! The units are for systemd 239 (EL 8) and newer. A release that does not know a directive warns
//! and ignores it: each newer directive is listed here, with what is missing on a host without it.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test reads the repository, and fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The oldest release that the units are for.
const OLDEST: u32 = 239;

/// Directives younger than that, and what is lost without them. None may change what the gate
/// decides, or what starts.
const DO_WITHOUT: [(&str, &str); 5] = [
    (
        "OOMPolicy",
        "a monitor that ran out of memory is stopped and started again, as it is where the program itself is killed",
    ),
    (
        "ProtectClock",
        "neither gate nor monitor has the capability to set the clock",
    ),
    (
        "ProtectHostname",
        "neither has the capability to set the name",
    ),
    (
        "ProtectKernelLogs",
        "the monitor has no capability to read or clear the kernel's log, and no system call for it",
    ),
    (
        "RestrictSUIDSGID",
        "neither writes programs, or anything outside its own directories",
    ),
];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every unit and drop-in below systemd/.
fn units() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![repository().join("systemd")];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let end = path.extension().and_then(|end| end.to_str());
            if path.is_dir() {
                left.push(path);
            } else if matches!(end, Some("service" | "conf" | "socket" | "timer" | "path")) {
                found.push(path);
            }
        }
    }
    assert!(found.len() >= 3, "{found:?}");
    found
}

/// The directives of a unit, sections and continued lines left out. Files of the bus have none.
fn directives(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut continued = false;
    for line in text.lines() {
        if !continued
            && !line.starts_with(['#', '[', ' ', '<'])
            && let Some((name, _)) = line.split_once('=')
        {
            found.insert(name.to_owned());
        }
        continued = line.ends_with('\\');
    }
    found
}

#[test]
fn every_directive_is_old_enough_or_can_be_done_without() {
    let table = std::fs::read_to_string(repository().join("tests/cases/systemd-directives.tsv"))
        .expect("the table");
    let since: BTreeMap<&str, u32> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').expect("two columns"))
        .map(|(name, since)| (name, since.parse().unwrap_or(0)))
        .collect();
    let mut younger = BTreeSet::new();
    for unit in units() {
        let text = std::fs::read_to_string(&unit).expect("a unit");
        if text.contains("[D-BUS Service]") || text.contains("<busconfig>") {
            continue;
        }
        for directive in directives(&text) {
            let release = since
                .get(directive.as_str())
                .unwrap_or_else(|| panic!("{}: no systemd knows {directive}=", unit.display()));
            if *release > OLDEST {
                younger.insert(directive);
            }
        }
    }
    let listed: BTreeSet<String> = DO_WITHOUT
        .iter()
        .map(|(name, lost)| {
            assert!(!lost.is_empty());
            (*name).to_owned()
        })
        .collect();
    assert_eq!(younger, listed, "younger than systemd {OLDEST}");
}

#[test]
fn the_lab_takes_away_what_an_old_systemd_would_not_know() {
    // tests/containers/units.rs boots the gate without them.
    let lab =
        std::fs::read_to_string(repository().join("tests/containers/units.rs")).expect("the test");
    for (name, _) in DO_WITHOUT {
        assert!(lab.contains(&format!("\"{name}\"")), "{name}");
    }
}
