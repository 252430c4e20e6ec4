//! `check --upgrade-to`: hosts that start on the newest release of a minor version and not on the next.
//!
//! That the next one refuses them is recorded: by RKE2's own validation (`profiles.json`), by the real kubelet
//! (`kubelet-arguments.json`), or in the feature gates that the kubelet registers (`gates.json`).

use preflight_rke2::testing::kubernetes::{Minor, tables};
use preflight_rke2::testing::rke2::releases;
use preflight_rke2::testing::rke2::version::Version;
use serde_json::Value as Json;

use super::host::Host;

/// Why the next minor refuses the host.
enum Recorded {
    /// RKE2's validation of the profile of this name.
    Profile(&'static str),
    /// The kubelet with this argument.
    Argument(&'static str),
    /// The feature gate of this name, with this value.
    Gate(&'static str, bool),
    /// The kubelet on cgroup v1, whatever its arguments.
    CgroupV1,
}

struct Case {
    /// The minor on which the host starts; it does not on the next.
    from: u32,
    /// The base of the host.
    over: &'static str,
    /// Its `config.yaml`, if it differs.
    config: Option<&'static str>,
    /// A file that the configuration names.
    file: Option<(&'static str, &'static str)>,
    /// The check that finds it.
    id: &'static str,
    recorded: Recorded,
}

const CASES: [Case; 8] = [
    Case {
        from: 29,
        over: "healthy-server",
        config: Some("profile: cis-1.23\n"),
        file: None,
        id: "profile.value",
        recorded: Recorded::Profile("cis-1.23"),
    },
    Case {
        from: 30,
        over: "healthy-server",
        config: Some("profile: cis\nkubelet-arg: [\"feature-gates=AppArmor=false\"]\n"),
        file: None,
        id: "config.kubelet-arg",
        recorded: Recorded::Gate("AppArmor", false),
    },
    Case {
        from: 31,
        over: "healthy-agent",
        config: Some(
            "server: https://192.0.2.1:9345\ntoken: x\nkubelet-arg: [\"feature-gates=CloudDualStackNodeIPs=true\"]\n",
        ),
        file: None,
        id: "config.kubelet-arg",
        recorded: Recorded::Gate("CloudDualStackNodeIPs", true),
    },
    Case {
        from: 32,
        over: "healthy-server",
        config: Some("profile: cis\nkubelet-arg: [\"feature-gates=CPUManager=true\"]\n"),
        file: None,
        id: "config.kubelet-arg",
        recorded: Recorded::Argument("--feature-gates=CPUManager=true"),
    },
    Case {
        from: 33,
        over: "healthy-server",
        config: Some("profile: cis\nkubelet-arg: [\"config=/etc/rancher/rke2/kubelet.yaml\"]\n"),
        file: Some((
            "/etc/rancher/rke2/kubelet.yaml",
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n\
             featureGates:\n  DevicePluginCDIDevices: true\n",
        )),
        id: "config.kubelet-file",
        recorded: Recorded::Gate("DevicePluginCDIDevices", true),
    },
    Case {
        from: 34,
        over: "cgroup-v1-on-1.36",
        config: None,
        file: None,
        id: "cgroup.v1",
        recorded: Recorded::CgroupV1,
    },
    Case {
        from: 35,
        over: "healthy-server",
        config: Some("profile: cis\nkubelet-arg: [\"feature-gates=MemoryManager=true\"]\n"),
        file: None,
        id: "config.kubelet-arg",
        recorded: Recorded::Argument("--feature-gates=MemoryManager=true"),
    },
    Case {
        from: 36,
        over: "healthy-server",
        config: Some("profile: cis\nkubelet-arg: [\"containerd=/x\"]\n"),
        file: None,
        id: "config.kubelet-arg",
        recorded: Recorded::Argument("--containerd=/x"),
    },
];

impl Case {
    fn host(&self) -> Host {
        let host = Host::like(self.over);
        if let Some(config) = self.config {
            host.file("/etc/rancher/rke2/config.yaml", config);
        }
        if let Some((path, content)) = self.file {
            host.file(path, content);
        }
        host
    }

    /// The newest release of the minor on which the host starts.
    fn release(&self) -> String {
        releases::newest_of(self.from).to_string()
    }

    fn next(&self) -> String {
        format!("1.{}", self.from + 1)
    }
}

fn rows(text: &str) -> Vec<Json> {
    serde_json::from_str(text).unwrap()
}

/// What the kubelet of the minor after `from` says of that one argument. The newest recorded minor that is not newer
/// than `from` accepts it; the next one is recorded itself.
fn kubelet_says(argument: &str, from: u32) -> Option<String> {
    let rows = rows(include_str!("../cases/kubernetes/kubelet-arguments.json"));
    let is_case = |row: &&Json| row["args"] == serde_json::json!([argument]);
    let expect = &rows.iter().find(is_case).unwrap()["expect"];
    let of = |minor: u32| expect.get(format!("1.{minor}"));
    let before = (24..=from).rev().find_map(of).unwrap();
    assert!(before.is_null(), "{argument}: {expect}");
    of(from + 1).unwrap().as_str().map(str::to_owned)
}

/// What the recording has of the next minor: part of the message, or nothing where it does not refuse.
fn recorded(case: &Case) -> Option<String> {
    match case.recorded {
        Recorded::Profile(name) => {
            let rows = rows(include_str!("../cases/profiles.json"));
            let tag = releases::newest_of(case.from + 1).to_string();
            let row = rows.into_iter().find(|row| row["tag"] == tag.as_str());
            let accepted = row.unwrap()["accepted"].clone();
            let is_accepted = accepted
                .as_array()
                .unwrap()
                .iter()
                .any(|known| known == name);
            (!is_accepted).then(|| "--profile flag".to_owned())
        }
        Recorded::Argument(argument) => kubelet_says(argument, case.from),
        Recorded::Gate(name, on) => {
            let rows = rows(include_str!("../cases/kubernetes/tables/gates.json"));
            let of = |minor: u32| {
                let has = |row: &&Json| {
                    row["name"] == name
                        && row["minors"].as_str().unwrap().split(',').any(|run| {
                            let (first, last) = run.split_once('-').unwrap_or((run, run));
                            (first.parse().unwrap()..=last.parse().unwrap()).contains(&minor)
                        })
                        && row["programs"]
                            .as_array()
                            .unwrap()
                            .iter()
                            .any(|p| p == "kubelet")
                };
                rows.iter().find(has)
            };
            let refuses = |minor: u32| match of(minor) {
                None => Some(format!("unrecognized feature gate: {name}")),
                Some(gate) if gate["locked"] == true && gate["default"] != on => Some(format!(
                    "cannot set feature gate {name} to {on}, feature is locked to {}",
                    !on
                )),
                Some(_) => None,
            };
            assert_eq!(refuses(case.from), None, "{name}");
            refuses(case.from + 1)
        }
        // The recordings were made on cgroup v1.
        Recorded::CgroupV1 => {
            let message = kubelet_says("--config=", case.from)?;
            let (_, reason) = message.split_once("error: ").unwrap();
            let (reason, _) = reason.split_once(", path: ").unwrap();
            Some(reason.to_owned())
        }
    }
}

/// The one unit of the report.
fn unit(report: &Json) -> &Json {
    assert_eq!(report["units"].as_array().unwrap().len(), 1, "{report}");
    &report["units"][0]
}

#[test]
fn each_of_the_last_eight_minors_has_a_host_that_does_not_survive_the_next() {
    let first = releases::newest().minor - 8;
    let minors: Vec<u32> = CASES.iter().map(|case| case.from).collect();
    assert_eq!(minors, (first..first + 8).collect::<Vec<_>>());
    for case in &CASES {
        let (host, release, next) = (case.host(), case.release(), case.next());
        let check =
            |to: &str| host.json(&["check", "--rke2-version", &release, "--upgrade-to", to]);
        let (report, status) = check(&format!("1.{}", case.from));
        assert_eq!(status, 0, "{release}: {report}");
        assert_eq!(unit(&report)["verdict"], "would-start", "{release}");

        let message = recorded(case).unwrap_or_else(|| panic!("{next} refuses nothing"));
        assert!(tables::knows(Minor(case.from + 1)), "{next}");
        let (report, status) = check(&next);
        assert_eq!(status, 3, "{next}: {report}");
        let unit = unit(&report);
        assert_eq!(unit["verdict"], "would-refuse", "{next}");
        let predicted = unit["predicted"].to_string();
        assert!(
            predicted.contains(&message),
            "{next}: {predicted}, {message}"
        );
        let from = &unit["upgrade_from"];
        assert_eq!(from["rke2_version"], release.as_str(), "{next}");
        assert_eq!(from["verdict"], "would-start", "{next}");
        let findings = unit["findings"].as_array().unwrap();
        let new: Vec<&Json> = findings.iter().filter(|f| f["new"] == true).collect();
        assert!(new.iter().any(|f| f["id"] == case.id), "{next}: {report}");

        let args = ["check", "--rke2-version", &release, "--upgrade-to", &next];
        let ran = host.run(args);
        assert_eq!((ran.status, ran.err.as_str()), (3, ""), "{next}");
        for part in [
            format!("after an upgrade to {}", releases::newest_of(case.from + 1)),
            format!("today, on {release}: would start; new then: {}", case.id),
            "would not start: 1 reason".to_owned(),
        ] {
            assert!(ran.out.contains(&part), "{next}: {part}\n{}", ran.out);
        }
    }
}

/// The upgrade is judged as an installed release is.
#[test]
fn the_verdict_is_that_of_the_release() {
    for name in [
        "healthy-server",
        "healthy-agent",
        "rhel-minimal-cis",
        "stig-not-persisted",
        "cis-1.23-on-1.28",
        "cgroup-v1-on-1.36",
        "flag-without-profile-agent",
        "tarball-both-units",
        "bound-elsewhere",
        "kubelet-exited",
    ] {
        let host = Host::like(name);
        for version in ["v1.28.15+rke2r1", "v1.30.5+rke2r1", "v1.37.1+rke2r1"] {
            let (then, after) = host.json(&["check", "--all", "--upgrade-to", version]);
            let (alone, status) = host.json(&["check", "--all", "--rke2-version", version]);
            assert_eq!(after, status, "{name} {version}");
            let units = |report: &Json| {
                let mut units = report["units"].as_array().unwrap().clone();
                for unit in &mut units {
                    let unit = unit.as_object_mut().unwrap();
                    unit.remove("upgrade_from");
                    // What happened in the last start is not about the release that comes.
                    unit.remove("exits");
                    let findings = unit["findings"].as_array_mut().unwrap();
                    // Nor is the upgrade itself.
                    findings.retain(|f| {
                        let id = f["id"].as_str().unwrap();
                        !id.ends_with(".exited") && !id.starts_with("upgrade.")
                    });
                    for finding in findings {
                        finding.as_object_mut().unwrap().remove("new");
                    }
                }
                units
            };
            assert_eq!(units(&then), units(&alone), "{name} {version}");
        }
    }
}

#[test]
fn what_is_wrong_today_is_not_new() {
    let host = Host::like("rhel-minimal-cis");
    let args = [
        "check",
        "--rke2-version",
        "v1.34.1+rke2r1",
        "--upgrade-to",
        "1.35",
    ];
    let (report, status) = host.json(&args);
    assert_eq!(status, 3);
    assert_eq!(unit(&report)["upgrade_from"]["verdict"], "would-refuse");
    let findings = unit(&report)["findings"].as_array().unwrap();
    assert!(findings.len() >= 5);
    assert!(findings.iter().all(|finding| finding["new"] == false));
    let ran = host.run(args);
    let line = "  today, on v1.34.1+rke2r1: would not start\n";
    assert!(ran.out.contains(line), "{}", ran.out);
}

#[test]
fn a_host_that_starts_takes_one_line() {
    let args = [
        "check",
        "--rke2-version",
        "v1.34.1+rke2r1",
        "--upgrade-to",
        "1.35",
    ];
    let ran = Host::like("healthy-server").run(args);
    let newest = releases::newest_of(35);
    let line = format!("rke2-server.service after an upgrade to {newest} would start\n");
    assert_eq!((ran.out, ran.err, ran.status), (line, String::new(), 0));
}

#[test]
fn what_the_upgrade_itself_brings_is_advice() {
    let host = Host::like("healthy-server");
    let data = "/var/lib/rancher/rke2";
    host.file(&format!("{data}/server/db/etcd/member/wal/0.wal"), "x");
    host.file(
        &format!("{data}/agent/etc/containerd/config.toml.tmpl"),
        "x",
    );
    for (from, to, expected) in [
        (
            "v1.30.5+rke2r1",
            "1.31",
            &["upgrade.containerd-template"][..],
        ),
        (
            "v1.32.1+rke2r1",
            "1.34",
            &["upgrade.skipped-minor", "upgrade.containerd-template"],
        ),
        (
            "v1.34.1+rke2r1",
            "1.33",
            &["upgrade.etcd-downgrade", "upgrade.containerd-template"],
        ),
        ("v1.30.5+rke2r1", "1.30", &[]),
    ] {
        let args = ["check", "--rke2-version", from, "--upgrade-to", to];
        let (report, status) = host.json(&args);
        assert_eq!(status, 0, "{from} {to}: {report}");
        let findings = unit(&report)["findings"].as_array().unwrap().iter();
        let ids: Vec<&str> = findings
            .filter(|finding| finding["effect"] == "advice" && finding["new"] == true)
            .filter_map(|finding| finding["id"].as_str())
            .filter(|id| id.starts_with("upgrade."))
            .collect();
        assert_eq!(ids, expected, "{from} {to}");
    }
    host.file(
        &format!("{data}/agent/etc/containerd/config-v3.toml.tmpl"),
        "x",
    );
    let args = [
        "check",
        "--rke2-version",
        "v1.33.1+rke2r1",
        "--upgrade-to",
        "1.34",
    ];
    let ran = host.run(args);
    assert!(!ran.out.contains("upgrade."), "{}", ran.out);
}

#[test]
fn static_pods_are_judged_for_the_release_that_comes() {
    let host = Host::like("healthy-server");
    host.file(
        "/etc/rancher/rke2/config.yaml",
        "profile: cis\nkube-apiserver-arg: [\"cloud-provider=external\"]\n",
    );
    let check = |to: &str, more: &[&str]| {
        let args = [
            "check",
            "--rke2-version",
            "v1.30.14+rke2r1",
            "--upgrade-to",
            to,
        ];
        host.run(args.iter().chain(more))
    };
    assert_eq!(check("1.30", &["--fail-on", "control-plane"]).status, 0);
    let ran = check("1.33", &[]);
    assert_eq!(ran.status, 0, "{}", ran.out);
    assert!(
        ran.out
            .contains("would start, but kube-apiserver would not"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("unknown flag: --cloud-provider"),
        "{}",
        ran.out
    );
    assert_eq!(check("1.33", &["--fail-on", "control-plane"]).status, 4);
}

#[test]
fn a_release_is_written_in_several_ways() {
    let host = Host::like("healthy-server");
    let newest = releases::newest_of(35).to_string();
    for (text, expected) in [
        ("1.35", newest.as_str()),
        ("v1.35", &newest),
        ("v1.35.3+rke2r1", "v1.35.3+rke2r1"),
        ("1.35.3+rke2r1", "v1.35.3+rke2r1"),
        // As system-upgrade-controller passes it.
        ("v1.35.3-rke2r1", "v1.35.3+rke2r1"),
        ("v1.35.3", "v1.35.3"),
    ] {
        let (report, status) = host.json(&["check", "--upgrade-to", text]);
        assert_eq!(status, 0, "{text}: {report}");
        let version = unit(&report)["rke2_version"].as_str().unwrap();
        assert_eq!(version, expected, "{text}");
        assert!(version.parse::<Version>().is_ok());
    }
    for (text, status) in [
        // Newer than all rules: no verdict.
        ("1.99", 1),
        ("v1.99.0+rke2r1", 1),
        ("1.17", 2),
        ("1.", 2),
        ("1", 2),
        ("35", 2),
        ("v1.x", 2),
        ("1.35.", 2),
        ("latest", 2),
        ("", 2),
        ("1.99999999999", 2),
    ] {
        let ran = host.run(["check", "--upgrade-to", text]);
        assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{text}");
        assert_ne!(ran.err, "", "{text}");
    }
    let npd = host.run(["check", "--format", "npd", "--upgrade-to", "1.35"]);
    assert_eq!((npd.status, npd.out.as_str()), (2, ""));
}
