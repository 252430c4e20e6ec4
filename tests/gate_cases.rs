//! Compares RKE2's own validation, recorded from six releases, with ours: whether it refuses, and the
//! lines it prints.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test builds hosts, and fails by panicking"
)]

use std::io::Write as _;
use std::path::Path;

use preflight_rke2::testing::evaluate::evaluate;
use preflight_rke2::testing::facts::{
    Cgroup, HostFacts, KernelFact, Lookup, Reading, RemedyFacts, WriteAccess,
};
use preflight_rke2::testing::finding::Component;
use preflight_rke2::testing::host::{HostRoot, facts};
use preflight_rke2::testing::requirements;
use preflight_rke2::testing::rke2::kernel::KERNEL_PARAMETERS;
use preflight_rke2::testing::rke2::profile::ProfileRules;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::start::{Sourced, StartSettings};
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::{self, Verdict};
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
                matches!(&r.kind, requirements::RequirementKind::Kernel { kubelet, .. }
                    if *kubelet == requirements::KubeletCheck::Value)
            });
            assert_eq!(
                protects,
                case["expect"]["pkd"].as_bool().unwrap_or(protects),
                "{case}"
            );
        }
    }
}

/// What a release would fail with on a host where all is wrong, from the recorded table alone.
fn expected(release: &Json, server: bool, profile: &str) -> Vec<String> {
    let accepted = release["accepted"].as_array().unwrap();
    let known = accepted.iter().any(|name| name == profile)
        || (profile == "cis-1.23" && release["cis123"] == "deprecated-fatal");
    if profile.is_empty() {
        return Vec::new();
    }
    if !known {
        return vec!["invalid value provided for --profile flag".to_owned()];
    }
    let separator = release["missing_sep"].as_str().unwrap();
    let mut account = Vec::new();
    if server || release["agent_treated_as_server"] == true {
        account.push(format!(
            "missing required{separator}user: unknown user etcd"
        ));
        if release["group_check"] == true {
            account.push(format!(
                "missing required{separator}group: unknown group etcd"
            ));
        }
    }
    if profile == "etcd" {
        return account;
    }
    let kernel: Vec<String> = [
        ("vm.overcommit_memory", 1),
        ("vm.panic_on_oom", 0),
        ("kernel.panic", 10),
        ("kernel.panic_on_oops", 1),
    ]
    .map(|(key, value)| format!("invalid kernel parameter value {key}=7 - expected {value}"))
    .to_vec();
    match release["order"].as_str().unwrap() {
        "etcd+kernel>pkd" => [account, kernel].concat(),
        _ => kernel,
    }
}

/// The same with the kernel right: what is printed next.
fn expected_next(release: &Json, server: bool, profile: &str, flag: Option<bool>) -> Vec<String> {
    let all = expected(release, server, profile);
    let ends_here = |line: &String| line.starts_with("invalid value") || profile == "etcd";
    if all.first().is_none_or(ends_here) {
        return all;
    }
    let account: Vec<String> = all
        .into_iter()
        .filter(|line| line.starts_with("missing"))
        .collect();
    let split = release["order"] != "etcd+kernel>pkd";
    if !account.is_empty() && !split {
        return account;
    }
    if flag == Some(false) {
        return vec![format!(
            "--protect-kernel-defaults must be true when using --profile={profile}"
        )];
    }
    if split && server {
        return ["user", "group"]
            .map(|word| format!("missing required: {word}: unknown {word} etcd"))
            .to_vec();
    }
    if profile == "cis-1.23" && release["cis123"] == "deprecated-fatal" {
        return vec!["cis-1.23 profile is deprecated. Please use 'cis' instead.".to_owned()];
    }
    Vec::new()
}

#[test]
fn every_release_refuses_in_its_own_words() {
    let releases: Vec<Json> = serde_json::from_str(include_str!("cases/profiles.json")).unwrap();
    let mut compared = 0;
    for release in &releases {
        let version: Version = release["tag"].as_str().unwrap().parse().unwrap();
        for role in Role::ALL {
            for profile in ["", "cis", "etcd", "cis-1.23", "cis-1.6", "cis-1.5", "CIS"] {
                for flag in [None, Some(true), Some(false)] {
                    let server = role == Role::Server;
                    let wrong = refusal(&version, role, profile, flag, false);
                    assert_eq!(
                        wrong,
                        sorted(expected(release, server, profile)),
                        "{release} {role} {profile} {flag:?}"
                    );
                    let right = refusal(&version, role, profile, flag, true);
                    assert_eq!(
                        right,
                        sorted(expected_next(release, server, profile, flag)),
                        "{release} {role} {profile} {flag:?}, kernel right"
                    );
                    compared += 2;
                }
            }
        }
    }
    assert_eq!(compared, 319 * 2 * 7 * 3 * 2);
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// RKE2's own error on a host without the account, whose parameters are right or all 7.
fn refusal(
    version: &Version,
    role: Role,
    profile: &str,
    flag: Option<bool>,
    kernel_is_right: bool,
) -> Vec<String> {
    let mut settings = StartSettings::unconfigured(version.clone(), role);
    settings.profile = Sourced::default_value(profile.to_owned());
    settings.protect_kernel_defaults = flag.map(Sourced::default_value);
    let requirements = requirements::of(&settings);
    let none = || {
        Some(Ok(Lookup::Unknown {
            rejected: Vec::new(),
        }))
    };
    let facts = HostFacts {
        subordinate_ids: None,
        systemd: None,
        kernel: KERNEL_PARAMETERS
            .iter()
            .map(|parameter| KernelFact {
                live: Reading::Known(Ok(if kernel_is_right {
                    format!("{}\n", parameter.required).into_bytes()
                } else {
                    b"7\n".to_vec()
                })),
                write: WriteAccess::Allowed,
                next_boot: Reading::Unknown {
                    why: "not asked".to_owned(),
                },
            })
            .collect(),
        user: none(),
        group: none(),
        account_elsewhere: Vec::new(),
        remedy: RemedyFacts::default(),
        cgroup: Reading::Known(Cgroup::V2),
        image: false,
    };
    let verdict = verdict::fold(&evaluate(&requirements, &facts));
    match verdict.refused_by {
        Some(Component::Rke2) => sorted(verdict.predicted),
        _ => Vec::new(),
    }
}
