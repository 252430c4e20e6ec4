//! Hosts made after public reports, each with what keeps RKE2 from running beside arguments and kernel parameters, laid
//! over a host that is right.

use std::fmt::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::Value as Json;

use super::host::Host;

/// Cases whose output is not yet what it should be. One that is right must leave the list.
const OPEN: &[&str] = &[];

fn cases() -> Vec<Json> {
    let cases: Vec<Json> = serde_json::from_str(include_str!("../cases/host.json")).unwrap();
    assert!(cases.len() >= 27);
    cases
}

fn texts(list: &Json) -> impl Iterator<Item = &str> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.as_str().unwrap())
}

fn host(case: &Json) -> Host {
    let config = case["files"]["/etc/rancher/rke2/config.yaml"].as_str();
    // A profile asks more of a host.
    let base = if config.is_some_and(|text| text.contains("profile:")) {
        "healthy-server"
    } else {
        "plain-server"
    };
    let host = Host::like(base);
    for (path, content) in case["files"].as_object().unwrap() {
        let at = host.clear(path);
        match content {
            Json::String(text) => std::fs::write(at, text).unwrap(),
            Json::Null => std::fs::create_dir_all(at).unwrap(),
            link => symlink(link["symlink"].as_str().unwrap(), at).unwrap(),
        }
    }
    for (path, mode) in case["modes"].as_object().into_iter().flatten() {
        let mode = u32::from_str_radix(mode.as_str().unwrap(), 8).unwrap();
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(host.at(path), permissions).unwrap();
    }
    host
}

/// What of the output is not as it should be.
fn differences(case: &Json) -> Vec<String> {
    let ran = host(case).run(texts(&case["args"]));
    let report: Json = serde_json::from_str(&ran.out).unwrap_or_default();
    let findings = report["units"][0]["findings"].as_array().unwrap();
    let expect = &case["expect"];
    let refused = [&"blocks-start", &"transient"];
    let (status, effects) = match &expect["blocks"] {
        Json::Bool(true) => (3, &refused[..]),
        Json::Bool(false) => (0, &[][..]),
        _ => (0, &[&"advice"][..]),
    };
    let mut differences = Vec::new();
    if ran.status != status {
        differences.push(format!("status {}, not {status}", ran.status));
    }
    let all: String = findings
        .iter()
        .filter(|finding| effects.iter().any(|effect| finding["effect"] == **effect))
        .map(Json::to_string)
        .collect();
    for text in texts(&expect["says"]) {
        if !all.contains(text) {
            differences.push(format!("lacks {text:?}"));
        }
    }
    if expect["blocks"] == false {
        let accused = findings
            .iter()
            .filter(|finding| finding["id"].as_str().unwrap().starts_with("host."));
        differences.extend(accused.map(Json::to_string));
    }
    differences
}

#[test]
fn what_keeps_a_node_down_is_shown() {
    let mut wrong = String::new();
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let differences = differences(&case);
        if differences.is_empty() == OPEN.contains(&name) {
            let what = &case["what"];
            let _ = writeln!(wrong, "{name}: {differences:?} ({what})");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A database and a log that etcd 3.6.16 wrote: with the bootstrap data of the token `realsecret`, defragmented, and
/// other keys.
#[test]
fn the_token_is_searched_in_etcds_own_files() {
    let data = "/var/lib/rancher/rke2/server";
    let host = Host::like("plain-server");
    let member = format!("{data}/db/etcd/member");
    host.file(
        &format!("{member}/wal/0000000000000000-0000000000000000.wal"),
        include_bytes!("../cases/etcd/wal"),
    );
    let database = format!("{member}/snap/db");
    host.file(&database, include_bytes!("../cases/etcd/db"));
    host.file(&format!("{data}/token"), "K10ab::server:writtensecret\n");
    let args = ["--rke2-version", "v1.34.1+rke2r1"];
    let check = |token: &str| {
        host.file("/etc/rancher/rke2/config.yaml", format!("token: {token}\n"));
        host.run(["check"].iter().chain(&args))
    };
    for token in ["realsecret", "K10cd::server:realsecret", "writtensecret"] {
        let ran = check(token);
        assert_eq!(ran.status, 0, "{}", ran.out);
    }
    let refused = check("wrongsecret");
    assert_eq!(refused.status, 3, "{}", refused.out);
    assert!(refused.out.contains("host.token"), "{}", refused.out);
    for secret in ["wrongsecret", "writtensecret"] {
        assert!(!refused.out.contains(secret), "{}", refused.out);
    }
    // The log has the key too: the first one is not yet in the database.
    host.file(&database, "");
    assert_eq!(check("realsecret").status, 0);
    // Without the database nothing is known.
    std::fs::remove_file(host.at(&database)).unwrap();
    assert_eq!(check("wrongsecret").status, 0);
}
