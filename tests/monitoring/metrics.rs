//! Metrics: of real hosts, and of any host.

use std::collections::BTreeSet;

use preflight_rke2::testing::assessment::UnitReport;
use preflight_rke2::testing::examine::{self, Target};
use preflight_rke2::testing::facts::{
    Certificate, CertificateKind, EtcdDatabase, Measurements, Room,
};
use preflight_rke2::testing::finding::{CheckId, Finding, Outcome};
use preflight_rke2::testing::host::HostRoot;
use preflight_rke2::testing::monitor::{Phase, UnitStatus};
use preflight_rke2::testing::report::metrics::{FAMILIES, Family, Snapshot, render};
use preflight_rke2::testing::rke2::installed::VersionSource;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::start::Sourced;
use preflight_rke2::testing::rke2::version::Version;
use preflight_rke2::testing::verdict::{UnitVerdict, Verdict};
use proptest::prelude::*;

use super::host::Host;
use super::openmetrics::{Sample, parse};

/// Of all hosts in tests/hosts, those that differ in their metrics.
pub(crate) const HOSTS: [&str; 7] = [
    "healthy-server",
    "healthy-agent",
    "rhel-minimal-cis",
    "stig-not-persisted",
    "misspelled-profile",
    "tarball-both-units",
    "image-without-proc",
];

/// What is found out about the units of a host, as if this release were installed there.
pub(crate) fn reports(host: &Host) -> Vec<UnitReport> {
    let root = HostRoot::open(host.path()).unwrap();
    let target = |(role, definition)| Target {
        definition: Some(definition),
        version: Some(Version::new(34, 1, 1)),
        ..Target::of(role)
    };
    examine::installed(&root)
        .into_iter()
        .map(|unit| UnitReport {
            version_source: VersionSource::Binary,
            ..examine::assess(&root, &target(unit)).report
        })
        .collect()
}

/// What a monitor measures of a server.
pub(crate) fn measurements() -> Measurements {
    let certificate = |file: &str, kind, not_after| Certificate {
        path: format!("/var/lib/rancher/rke2/{file}"),
        file: file.to_owned(),
        kind,
        not_after,
        renewal: None,
    };
    Measurements {
        certificates: vec![
            certificate(
                "server/tls/server-ca.crt",
                CertificateKind::Authority,
                2_079_360_000,
            ),
            certificate(
                "server/tls/client-admin.crt",
                CertificateKind::Leaf,
                1_795_536_000,
            ),
        ],
        file_systems: vec![
            Room {
                directory: "data-dir",
                bytes: 107_374_182_400,
                available: 64_424_509_440,
                inodes: 6_553_600,
                free_inodes: 6_000_000,
            },
            Room {
                directory: "kubelet",
                bytes: 107_374_182_400,
                available: 64_424_509_440,
                inodes: 0,
                free_inodes: 0,
            },
        ],
        etcd: Some(EtcdDatabase {
            path: "/var/lib/rancher/rke2/server/db/etcd/member/snap/db".to_owned(),
            bytes: 104_857_600,
            quota: Some(2_147_483_648),
        }),
        has_time_sync: Some(true),
    }
}

/// The units of a monitor with these reports, every sample of it there.
pub(crate) fn statuses(reports: &[UnitReport]) -> Vec<UnitStatus> {
    let status = |report: &UnitReport| UnitStatus {
        phase: Phase::Running,
        blocked_since: Some(1_763_999_999_000_000),
        drift: report
            .problems()
            .filter(|_| report.verdict.next_boot == Verdict::WouldRefuse)
            .map(|problem| problem.id().to_string())
            .collect(),
        resumes: 2,
        drift_transitions: 7,
        measured: measurements(),
        ..UnitStatus::new(report)
    };
    reports.iter().map(status).collect()
}

pub(crate) fn snapshot(units: &[UnitStatus]) -> Snapshot<'_> {
    Snapshot {
        version: "0.1.0",
        rules: "v1.37.1+rke2r1".to_owned(),
        evaluated: 1_764_000_000_000_001,
        units,
    }
}

fn of<'a>(samples: &'a [Sample], family: &str) -> Vec<&'a Sample> {
    samples.iter().filter(|s| s.name == family).collect()
}

fn value(samples: &[Sample], family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let fits = |sample: &&Sample| {
        let label = |(name, value): &(&str, &str)| sample.label(name) == Some(value);
        sample.name == family && labels.iter().all(label)
    };
    samples.iter().find(fits).map(|sample| sample.value)
}

#[test]
fn a_host_that_is_right() {
    let reports = reports(&Host::like("healthy-server"));
    let mut units = statuses(&reports);
    units[0].blocked_since = None;
    insta::assert_snapshot!(render(&snapshot(&units)));
}

#[test]
fn a_host_that_is_blocked() {
    let reports = reports(&Host::like("rhel-minimal-cis"));
    let mut units = statuses(&reports);
    units[0].phase = Phase::Down;
    units[0].drift = Vec::new();
    insta::assert_snapshot!(render(&snapshot(&units)));
}

#[test]
fn metrics_agree_with_the_report() {
    for name in HOSTS {
        let reports = reports(&Host::like(name));
        let samples = parse(&render(&snapshot(&statuses(&reports)))).unwrap();
        assert!(!reports.is_empty(), "{name}");
        for report in &reports {
            let unit = ("unit", report.unit.as_str());
            for (when, holds) in [
                ("now", report.verdict.now),
                ("next-boot", report.verdict.next_boot),
            ] {
                for verdict in Verdict::ALL {
                    let labels = [unit, ("when", when), ("verdict", verdict.as_str())];
                    let expected = if verdict == holds { 1.0 } else { 0.0 };
                    let sample = value(&samples, "preflight_rke2_unit_verdict", &labels);
                    assert_eq!(sample, Some(expected), "{name} {labels:?}");
                }
            }
            let problems = of(&samples, "preflight_rke2_finding");
            let of_unit = problems.iter().filter(|s| s.label("unit") == Some(unit.1));
            let counted: f64 = of_unit.map(|sample| sample.value).sum();
            let found = report.problems().fold(0.0, |sum, _| sum + 1.0);
            assert!((counted - found).abs() < 0.1, "{name}: {counted} {found}");
            for problem in report.problems() {
                let labels = [
                    unit,
                    ("check", problem.id().as_str()),
                    ("outcome", problem.outcome().as_str()),
                ];
                assert!(value(&samples, "preflight_rke2_finding", &labels).is_some());
            }
        }
    }
}

/// Samples of a family have its labels and no others, and every family is there.
#[test]
fn every_family_is_as_it_says() {
    let reports = reports(&Host::like("rhel-minimal-cis"));
    let samples = parse(&render(&snapshot(&statuses(&reports)))).unwrap();
    for Family { name, labels, .. } in FAMILIES {
        let samples = of(&samples, name);
        assert!(!samples.is_empty(), "{name}");
        for sample in samples {
            let names: Vec<&str> = sample.labels.iter().map(|(l, _)| l.as_str()).collect();
            assert_eq!(names, labels, "{name}");
        }
    }
    let known: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
    assert_eq!(known.len(), FAMILIES.len());
    assert!(
        samples
            .iter()
            .all(|sample| known.contains(sample.name.as_str()))
    );
}

#[test]
fn a_node_without_rke2_still_says_that_it_is_watched() {
    let samples = parse(&render(&snapshot(&[]))).unwrap();
    let names: Vec<&str> = samples.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "preflight_rke2_info",
            "preflight_rke2_evaluation_timestamp_seconds"
        ]
    );
}

/// A finding in the same state now and after the next boot.
fn finding(id: CheckId, outcome: Outcome) -> Finding {
    Finding::new(id, "", Vec::new(), outcome, outcome)
}

/// Text with more than its share of what is special in a label.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\\\\"\n\r{},=# \u{0}a]{0,20}",
        "\\PC{60,70}",
        Just("# EOF\n".to_owned()),
        Just("x\",role=\"y".to_owned()),
    ]
}

fn report() -> impl Strategy<Value = UnitReport> {
    let check = prop::sample::select(CheckId::ALL.to_vec());
    let outcome = prop_oneof![
        Just(Outcome::Violated),
        Just(Outcome::Indeterminate),
        Just(Outcome::Satisfied)
    ];
    let verdict = || prop::sample::select(Verdict::ALL.to_vec());
    let findings = prop::collection::vec((check, outcome), 0..6);
    (
        text(),
        any::<bool>(),
        text(),
        text(),
        verdict(),
        verdict(),
        findings,
    )
        .prop_map(
            |(unit, server, profile, pre_release, now, next_boot, findings)| UnitReport {
                unit,
                role: if server { Role::Server } else { Role::Agent },
                version: Version {
                    pre_release,
                    ..Version::new(34, 1, 1)
                },
                version_source: VersionSource::Binary,
                profile: Sourced::default_value(profile),
                verdict: UnitVerdict {
                    now,
                    next_boot,
                    refused_by: None,
                    predicted: Vec::new(),
                },
                findings: findings
                    .into_iter()
                    .map(|(id, outcome)| finding(id, outcome))
                    .collect(),
                exits: Vec::new(),
                idle: false,
                image: false,
            },
        )
}

type Rest = (bool, Option<u64>, bool, u64, u64);

fn rest() -> impl Strategy<Value = Rest> {
    any::<Rest>()
}

proptest! {
    #[test]
    fn whatever_a_host_contains_is_one_well_formed_text(
        units in prop::collection::vec((report(), rest()), 0..4),
        version in text(),
        rules in text(),
        evaluated: u64,
    ) {
        let units: Vec<UnitStatus> = units
            .iter()
            .map(|(report, (is_running, blocked_since, is_drifted, resumes, drift_transitions))| UnitStatus {
                phase: if *is_running { Phase::Running } else { Phase::Down },
                blocked_since: *blocked_since,
                drift: if *is_drifted { vec!["a.b".to_owned()] } else { Vec::new() },
                resumes: *resumes,
                drift_transitions: *drift_transitions,
                ..UnitStatus::new(report)
            })
            .collect();
        let snapshot = Snapshot {
            version: &version,
            rules,
            evaluated,
            units: &units,
        };
        let text = render(&snapshot);
        prop_assert_eq!(&text, &render(&snapshot));
        let samples = parse(&text).map_err(TestCaseError::fail)?;
        for sample in samples {
            for (_, value) in sample.labels {
                prop_assert!(value.chars().count() <= 65, "{}", value);
            }
        }
    }
}
