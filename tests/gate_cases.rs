//! RKE2's own validation, recorded from six releases, against ours: whether it refuses, and with
//! which lines.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test builds hosts, and fails by panicking"
)]

use std::io::Write as _;
use std::path::Path;

use preflight_rke2::evaluate::evaluate;
use preflight_rke2::finding::Component;
use preflight_rke2::host::{HostRoot, facts};
use preflight_rke2::requirements;
use preflight_rke2::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::rke2::profile::ProfileRules;
use preflight_rke2::rke2::start::{Sourced, StartSettings};
use preflight_rke2::verdict::{self, Verdict};
use serde_json::Value as Json;

fn write(root: &Path, path: &str, content: &str) {
    let path = root.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path)
        .unwrap()
        .write_all(content.as_bytes())
        .unwrap();
}

#[test]
fn recorded_refusals() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("cases/gate.json")).unwrap();
    assert_eq!(cases.len(), 120);
    for case in &cases {
        let dir = tempfile::tempdir().unwrap();
        for parameter in KERNEL_PARAMETERS {
            let right = format!("{}\n", parameter.required);
            match case["sysctl"].get(parameter.key) {
                None => write(dir.path(), &parameter.path(), &right),
                Some(Json::Null) => {}
                Some(content) => write(dir.path(), &parameter.path(), content.as_str().unwrap()),
            }
        }
        for file in ["passwd", "group"] {
            if let Some(content) = case[file].as_str() {
                write(dir.path(), &format!("/etc/{file}"), content);
            }
        }
        write(dir.path(), "/sys/fs/cgroup/cgroup.controllers", "cpu\n");

        let version = case["tag"].as_str().unwrap().parse().unwrap();
        let role = case["role"].as_str().unwrap().parse().unwrap();
        let mut settings = StartSettings::unconfigured(version, role);
        settings.profile = Sourced::default_value(case["profile"].as_str().unwrap().to_owned());
        settings.protect_kernel_defaults = case["pkd"].as_bool().map(Sourced::default_value);

        let requirements = requirements::of(&settings);
        let limit = ProfileRules::of(&settings.version).account_line_limit;
        let root = HostRoot::open(dir.path()).unwrap();
        let facts = facts::collect(&root, &requirements, Vec::new(), limit);
        let findings = evaluate(&requirements, &facts);
        let verdict = verdict::fold(&findings);

        if case["expect"]["refused"].as_bool().unwrap() {
            assert_eq!(verdict.now, Verdict::WouldRefuse, "{case}");
            assert_eq!(verdict.refused_by, Some(Component::Rke2), "{case}");
            let mut predicted = verdict.predicted.clone();
            predicted.sort();
            let mut lines: Vec<&str> = case["expect"]["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| line.as_str().unwrap())
                .collect();
            lines.sort_unstable();
            assert_eq!(predicted, lines, "{case}");
        } else {
            // RKE2 lets it go; the kubelet, which was not recorded, may yet refuse.
            assert_ne!(verdict.refused_by, Some(Component::Rke2), "{case}");
            let protects = requirements.iter().any(|r| {
                matches!(&r.demand, requirements::Demand::Kernel { kubelet, .. }
                    if *kubelet == requirements::KubeletDemand::Value)
            });
            assert_eq!(
                protects,
                case["expect"]["pkd"].as_bool().unwrap_or(protects),
                "{case}"
            );
        }
    }
}
