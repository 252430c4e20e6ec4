//! The manuals and completions in the repository are up to date: generated here from the definition of
//! the command line, the table of checks and the packaged configuration, and compared with the files.
//! `PREFLIGHT_BLESS=1` regenerates the files.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test reads the repository, and fails by panicking"
)]

#[path = "common/manual.rs"]
mod manual;

use manual::{page, prose, repository};
use preflight_rke2::testing::requirements::catalogue::{CHECKS, Check};
use roff::{Roff, bold, italic};

#[test]
fn the_manual_of_the_program() {
    manual::of_program(&preflight_rke2::testing::cli::command());
}

fn effect(check: &Check) -> &'static str {
    check.id.effect().as_str()
}

/// The first letter as at the start of a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().unwrap();
    let end = if text.ends_with('.') { "" } else { "." };
    // A key of the kernel's or of RKE2's is written as it is.
    let word = text.split(' ').next().unwrap();
    if word.contains(['.', '-', '`', '_']) {
        return format!("{text}{end}");
    }
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

#[test]
fn the_manual_of_the_checks() {
    let mut roff = Roff::new();
    for check in CHECKS {
        roff.control("SS", []).text([bold(check.id.as_str())]);
        roff.text(prose(&sentence(check.title)));
        roff.control("PP", []);
        roff.text(prose(&sentence(&check.about.to_string())));
        let by: Vec<&str> = check.required_by.iter().map(|c| c.name()).collect();
        let by = if by.is_empty() {
            "no component: advice, or a control of the CIS benchmark".to_owned()
        } else {
            by.join(" and ")
        };
        for (name, text) in [
            ("Required by", by),
            ("Applies to", check.applies.to_string()),
            ("Effect", effect(check).to_owned()),
            ("Fix", check.fix.to_string()),
            ("Source", check.source.to_string()),
        ] {
            roff.control("TP", ["16"]).text([italic(name)]);
            roff.text(prose(&text));
        }
    }
    page("preflight-rke2-checks", 7, &[("@checks@", roff.to_roff())]);
}

/// What stands above a setting: prose, and items, indented, as `value  meaning`.
fn explanation(roff: &mut Roff, lines: &[&str]) {
    let mut in_items = false;
    for line in lines {
        let item = line.strip_prefix("   ");
        if item.is_some() && !in_items {
            roff.control("RS", []);
        }
        if item.is_none() && in_items {
            roff.control("RE", []).control("IP", []);
        }
        in_items = item.is_some();
        if let Some(item) = item {
            let (value, meaning) = item.split_once("  ").unwrap();
            roff.control("TP", []).text([bold(value)]);
            roff.text(prose(meaning.trim_start()));
        } else {
            roff.text(prose(line.trim_start()));
        }
    }
    if in_items {
        roff.control("RE", []);
    }
}

/// The packaged configuration: sections, and above each `#key = value` its explanation, in which
/// an indented line is an item.
#[test]
fn the_manual_of_the_settings() {
    let text = std::fs::read_to_string(repository().join("packaging/config.toml")).unwrap();
    let mut roff = Roff::new();
    let mut about: Vec<&str> = Vec::new();
    let mut keys = 0;
    for line in text.lines() {
        let is_key = |line: &str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        };
        if line.starts_with('[') {
            // What stands above the first section is for the reader of that file.
            about.clear();
            roff.control("SS", []).text([bold(line)]);
        } else if let Some(setting) = line.strip_prefix('#').filter(|line| is_key(line)) {
            keys += 1;
            roff.control("TP", []).text([bold(setting)]);
            explanation(&mut roff, &about);
            about.clear();
        } else if let Some(comment) = line.strip_prefix('#') {
            about.push(comment);
        } else {
            about.clear();
        }
    }
    assert!(keys >= 4, "{keys} settings");
    page("preflight-rke2.toml", 5, &[("@settings@", roff.to_roff())]);
}

#[test]
fn completions_know_every_command() {
    manual::completions(&mut preflight_rke2::testing::cli::command());
}
