//! A node as the guide leaves it has the results that the guide's self-assessment reports.

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::Scoring;
use preflight_rke2::testing::audit::{ControlOutcome, controls};
use preflight_rke2::testing::rke2::role::Role;

use crate::node::{Care, Node};

/// The recorded table of controls, with the guide's result in each cell.
const RECORDED: &str = include_str!("../cases/cis-node-controls.csv");

/// Where our result differs from the guide's, and why.
const OTHERWISE: &[(&str, &[Benchmark], &str)] = &[(
    "kubelet.eventQPS",
    &[Benchmark::V1_24],
    "not set will do by the recorded expectation; the guide of 1.24 alone warns",
)];

fn fits(result: char, outcome: ControlOutcome) -> bool {
    match result {
        'P' => outcome == ControlOutcome::Pass,
        'N' => outcome == ControlOutcome::NotApplicable,
        // The guide warns of what is not met and of what it cannot test.
        'W' => matches!(outcome, ControlOutcome::Warn | ControlOutcome::Manual),
        // The guide tests these manually; `audit` may have a result for them.
        'M' => matches!(
            outcome,
            ControlOutcome::Pass | ControlOutcome::Warn | ControlOutcome::Manual
        ),
        other => panic!("{other}"),
    }
}

#[test]
fn a_hardened_server_has_the_results_of_the_guide() {
    let mut wrong = Vec::new();
    for (column, benchmark) in Benchmark::ALL.into_iter().enumerate() {
        let node = Node::new(benchmark, Role::Server, Care::Guide);
        assert_eq!(node.benchmark(), benchmark);
        let audit = node.audit();
        for row in RECORDED.lines().skip(1) {
            let key = row.split(',').next().unwrap();
            let cell = row
                .rsplit(',')
                .nth(Benchmark::ALL.len() - 1 - column)
                .unwrap();
            let Some((id, result)) = cell.split_once(' ') else {
                continue;
            };
            let audited = audit
                .controls
                .iter()
                .find(|a| a.control.key == key)
                .unwrap();
            assert_eq!(audited.edition.id, id, "{key}");
            let otherwise = OTHERWISE
                .iter()
                .any(|(name, benchmarks, _)| *name == key && benchmarks.contains(&benchmark));
            let fits = fits(result.chars().next().unwrap(), audited.outcome);
            // An unused exception is an error, too.
            if fits == otherwise {
                wrong.push(format!(
                    "{benchmark} {key} {cell}: {:?} {}",
                    audited.outcome, audited.result.summary
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_agent_is_asked_its_own_controls_alone() {
    for benchmark in Benchmark::ALL {
        for care in [Care::Guide, Care::Full] {
            let node = Node::new(benchmark, Role::Agent, care);
            for audited in node.audit().controls {
                let (key, outcome) = (audited.control.key, audited.outcome);
                let what = format!("{benchmark} {key}: {}", audited.result.summary);
                let own = key.starts_with("kube")
                    || key.starts_with("guide.kubelet")
                    || key == "guide.protect-kernel-defaults";
                if !own {
                    assert_eq!(outcome, ControlOutcome::NotApplicable, "{what}");
                } else if care == Care::Full
                    && audited.edition.scoring != Scoring::NotApplicable
                    && node.version.minor >= 32
                {
                    assert_eq!(outcome, ControlOutcome::Pass, "{what}");
                } else {
                    assert!(
                        !matches!(outcome, ControlOutcome::Fail | ControlOutcome::Error),
                        "{what}"
                    );
                }
            }
        }
    }
}

#[test]
fn everything_passes_where_everything_is_done() {
    for benchmark in Benchmark::ALL {
        for running in [true, false] {
            let mut node = Node::new(benchmark, Role::Server, Care::Full);
            node.running = running;
            for audited in node.audit().controls {
                let expected = match audited.edition.scoring {
                    Scoring::Manual => ControlOutcome::Manual,
                    Scoring::NotApplicable => ControlOutcome::NotApplicable,
                    // There are no such files before 1.32.
                    _ if audited.control.key.starts_with("guide.kubelet-config")
                        && node.version.minor < 32 =>
                    {
                        ControlOutcome::NotApplicable
                    }
                    _ => ControlOutcome::Pass,
                };
                assert_eq!(
                    audited.outcome, expected,
                    "{benchmark} {}: {}",
                    audited.control.key, audited.result.summary
                );
            }
        }
    }
}

/// The controls that a node without hardening fails, in every benchmark that has them.
#[test]
fn a_permissive_server_fails_the_open_controls() {
    const OPEN: &[&str] = &[
        "apiserver.anonymous-auth",
        "apiserver.profiling",
        "apiserver.audit-log-path",
        "apiserver.audit-log-maxage",
        "apiserver.audit-log-maxbackup",
        "apiserver.audit-log-maxsize",
        "cp.audit-policy",
        "etcd.datadir.owner",
        "guide.etcd-pod.user",
        "guide.pod-security.enforce",
        "guide.protect-kernel-defaults",
        "kubelet.anonymous",
        "kubelet.authz",
        "kubelet.readOnlyPort",
        "kubelet.protectKernelDefaults",
        "kubelet.kubeconfig.mode",
        "kubelet.ca.mode",
        "kubeproxy.kubeconfig.mode",
    ];
    for benchmark in Benchmark::ALL {
        for running in [true, false] {
            let mut node = Node::new(benchmark, Role::Server, Care::Permissive);
            node.running = running;
            if !running {
                // The arguments of a stopped kubelet are gone; its configuration has them.
                node.config += "kubelet-arg: [anonymous-auth=true, authorization-mode=AlwaysAllow, read-only-port=10255]\n";
            }
            let audit = node.audit();
            for key in OPEN {
                let control = controls::all().find(|control| control.key == *key).unwrap();
                let Some(edition) = control.edition(benchmark) else {
                    continue;
                };
                let expected = match edition.scoring {
                    Scoring::Scored => ControlOutcome::Fail,
                    Scoring::Unscored | Scoring::Manual => ControlOutcome::Warn,
                    Scoring::NotApplicable => ControlOutcome::NotApplicable,
                };
                let audited = audit
                    .controls
                    .iter()
                    .find(|a| a.control.key == *key)
                    .unwrap();
                assert_eq!(
                    audited.outcome, expected,
                    "{benchmark} {key}: {}",
                    audited.result.summary
                );
                if expected != ControlOutcome::NotApplicable {
                    assert!(!audited.result.remedies.is_empty(), "{benchmark} {key}");
                }
            }
        }
    }
}
