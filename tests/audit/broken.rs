//! From a node on which everything passes, each control broken by itself gives that failure and no
//! other: in every benchmark, on servers and agents, with RKE2 running and stopped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::control::{Criterion, Rule, Scoring};
use preflight_rke2::testing::audit::{ControlOutcome, controls};
use preflight_rke2::testing::rke2::role::Role;

use crate::breaking;
use crate::node::{Care, Node, outcomes};

/// Controls that require the same: breaking the one breaks the other.
fn also(key: &str, benchmark: Benchmark) -> Option<&'static str> {
    match (key, benchmark) {
        ("apiserver.SecurityContextDeny", Benchmark::V1_6) => Some("apiserver.PodSecurityPolicy"),
        ("apiserver.PodSecurityPolicy", Benchmark::V1_6) => Some("apiserver.SecurityContextDeny"),
        _ => None,
    }
}

fn broken_one_at_a_time(role: Role, running: bool) -> usize {
    let mut count = 0;
    for benchmark in Benchmark::ALL {
        let mut whole = Node::new(benchmark, role, Care::Full);
        whole.running = running;
        let before = whole.outcomes();
        for (control, edition) in controls::of(benchmark) {
            if before[control.key] == ControlOutcome::NotApplicable {
                continue;
            }
            // The manual arguments of a stopped kubelet cannot be found; its entries can.
            let mut node = whole.clone();
            if !breaking::one(&mut node, control, benchmark) {
                assert!(
                    matches!(
                        control.criterion,
                        Criterion::ByHand(_) | Criterion::Absent(_)
                    ),
                    "{}",
                    control.key
                );
                continue;
            }
            if !running && matches!(control.criterion, Criterion::Kubelet(_)) {
                let new: Vec<String> = node
                    .kubelet
                    .iter()
                    .skip(whole.kubelet.len())
                    .cloned()
                    .collect();
                if !new.is_empty() && !node.config.contains("kubelet-arg:") {
                    node.config += "kubelet-arg:\n";
                }
                for flag in new {
                    let _ = writeln!(node.config, "  - {}", flag.trim_start_matches("--"));
                }
            }
            count += 1;
            let expected = match edition.scoring {
                Scoring::Scored => ControlOutcome::Fail,
                Scoring::Unscored | Scoring::Manual => ControlOutcome::Warn,
                Scoring::NotApplicable => unreachable(control.key),
            };
            let mut after = before.clone();
            after.insert(control.key, expected);
            if let Some(other) = also(control.key, benchmark) {
                after.insert(other, ControlOutcome::Fail);
            }
            let audit = node.audit();
            let found = outcomes(&audit);
            let differs: BTreeMap<_, _> = found
                .iter()
                .filter(|(key, outcome)| after[*key] != **outcome)
                .collect();
            let audited = audit
                .controls
                .iter()
                .find(|a| a.control.key == control.key)
                .unwrap();
            assert!(
                differs.is_empty(),
                "{benchmark} {role} running={running} {} broken: {differs:?}\n{}",
                control.key,
                audited.result.summary
            );
            // The result says what to do, and where.
            let result = &audited.result;
            assert!(!result.remedies.is_empty(), "{benchmark} {}", control.key);
            assert!(!result.expected.is_empty(), "{benchmark} {}", control.key);
            assert!(result.actual.is_some(), "{benchmark} {}", control.key);
            let absent_by_file = matches!(control.criterion, Criterion::Flag(_, Rule::Set(_)));
            assert!(
                !result.sources.is_empty()
                    || absent_by_file
                    || matches!(control.criterion, Criterion::Kubelet(_)),
                "{benchmark} {}: {}",
                control.key,
                result.summary
            );
        }
    }
    count
}

fn unreachable(key: &str) -> ControlOutcome {
    panic!("{key} is not applicable and was not left out")
}

#[test]
fn servers_that_run() {
    assert!(broken_one_at_a_time(Role::Server, true) > 800);
}

#[test]
fn servers_that_are_stopped() {
    assert!(broken_one_at_a_time(Role::Server, false) > 800);
}

#[test]
fn agents_that_run() {
    assert!(broken_one_at_a_time(Role::Agent, true) > 150);
}

#[test]
fn agents_that_are_stopped() {
    assert!(broken_one_at_a_time(Role::Agent, false) > 150);
}
