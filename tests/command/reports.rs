//! Hosts made after public reports, each with what really happened to people.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::host::Host;

/// Reports whose output is not what they expect, with the reason. One that is right must leave the list.
const OPEN: &[&str] = &[];

fn cases() -> Vec<Json> {
    let cases: Vec<Json> = serde_json::from_str(include_str!("../cases/reports.json")).unwrap();
    assert!(cases.len() >= 25);
    cases
}

fn texts(list: &Json) -> impl Iterator<Item = &str> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.as_str().unwrap())
}

/// What of the output is not as it should be.
fn differences(case: &Json) -> Vec<String> {
    let host = Host::new();
    for (path, content) in case["files"].as_object().unwrap() {
        host.file(path, content.as_str().unwrap());
    }
    for (path, mode) in case["modes"].as_object().into_iter().flatten() {
        let mode = u32::from_str_radix(mode.as_str().unwrap(), 8).unwrap();
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(host.at(path), permissions).unwrap();
    }
    for (path, owner) in case["owners"].as_object().into_iter().flatten() {
        let id = |at: usize| u32::try_from(owner[at].as_u64().unwrap()).unwrap();
        std::os::unix::fs::chown(host.at(path), Some(id(0)), Some(id(1))).unwrap();
    }
    let ran = host.run(texts(&case["args"]));
    let expect = &case["expect"];
    let mut differences = Vec::new();
    if let Some(status) = expect["exit"].as_i64()
        && status != i64::from(ran.status)
    {
        differences.push(format!("status {}, not {status}", ran.status));
    }
    for text in texts(&expect["stdout_has"]) {
        if !ran.out.contains(text) {
            differences.push(format!("lacks {text:?}"));
        }
    }
    for text in texts(&expect["stdout_lacks"]) {
        if ran.out.contains(text) {
            differences.push(format!("has {text:?}"));
        }
    }
    let report: Json = serde_json::from_str(&ran.out).unwrap_or_default();
    let unit = &report["units"][0];
    if !expect["refused_by"].is_null() && unit["refused_by"] != expect["refused_by"] {
        differences.push(format!("refused by {}", unit["refused_by"]));
    }
    let predicted: String = texts(&unit["predicted"]).collect::<Vec<_>>().join("\n");
    for text in texts(&expect["predicted_has"]) {
        if !predicted.contains(text) {
            differences.push(format!("{predicted:?} lacks {text:?}"));
        }
    }
    differences
}

#[test]
fn what_happened_to_people_is_shown() {
    let mut wrong = String::new();
    // Only root can give files to another user.
    let is_root = nix::unistd::geteuid().is_root();
    for case in cases() {
        if !is_root && case["owners"].is_object() {
            continue;
        }
        let name = case["name"].as_str().unwrap();
        let differences = differences(&case);
        if differences.is_empty() == OPEN.contains(&name) {
            let happened = &case["happened"];
            let _ = writeln!(wrong, "{name}: {differences:?} ({happened})");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
