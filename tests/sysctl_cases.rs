//! Recorded runs of systemd-sysctl compared with the prediction that the host collector makes.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests build the host they read"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use preflight_rke2::testing::host::{HostRoot, sysctl_d};
use preflight_rke2::testing::sysctl_d::{Dialect, resolve};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    files: BTreeMap<String, Option<Node>>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Node {
    Text(String),
    Link { symlink: String },
}

#[derive(Deserialize)]
struct Expect {
    next_boot: BTreeMap<String, Option<String>>,
    rc: u8,
}

fn build(root: &Path, files: &BTreeMap<String, Option<Node>>) {
    for (path, node) in files {
        let path = root.join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match node {
            None => std::fs::create_dir(&path).unwrap(),
            Some(Node::Text(text)) => std::fs::write(&path, text).unwrap(),
            Some(Node::Link { symlink: to }) => symlink(to, &path).unwrap(),
        }
    }
    std::fs::create_dir_all(root.join("dev")).unwrap();
    // Stands for the null device.
    std::fs::write(root.join("dev/null"), "").unwrap();
}

#[test]
fn every_recorded_case() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("cases/sysctl.json")).unwrap();
    assert!(cases.len() >= 120);
    let mut wrong = Vec::new();
    for case in &cases {
        let dir = tempfile::tempdir().unwrap();
        build(dir.path(), &case.files);
        let tree = sysctl_d::collect(&HostRoot::open(dir.path()).unwrap());
        let keys: Vec<&str> = case.expect.next_boot.keys().map(String::as_str).collect();
        let found = resolve(&tree, &keys, Dialect::of(252));
        for next in &found.keys {
            let expected = &case.expect.next_boot[&next.key];
            let got = next.value().map(|value| value.to_string());
            if *expected != got {
                wrong.push(format!("{}: {}: {expected:?} {got:?}", case.name, next.key));
            }
        }
        if found.rc != case.expect.rc {
            wrong.push(format!("{}: rc {} {}", case.name, case.expect.rc, found.rc));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
