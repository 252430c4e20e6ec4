//! Evaluates controls on a node. Pure.

mod admission;
pub(in crate::audit) mod documents;
mod etcd;
pub(crate) mod files;
pub(in crate::audit) mod flags;
mod kubelet;

use super::benchmark::Benchmark;
use super::control::{Control, Criterion, Edition, NodeType, Scoring};
use super::cure::Cure;
use super::facts::NodeFacts;
use super::result::{ControlResult, Holds};
use super::{Audited, ControlOutcome, controls};
use crate::rke2::profile::Scope;

/// Evaluates every control of `benchmark` on the node, by number.
pub fn audit(facts: &NodeFacts, benchmark: Benchmark) -> Vec<Audited> {
    controls::of(benchmark)
        .into_iter()
        .map(|(control, edition)| one(control, edition, facts, benchmark))
        .collect()
}

fn one(
    control: &'static Control,
    edition: Edition,
    facts: &NodeFacts,
    benchmark: Benchmark,
) -> Audited {
    let result = match missing_part(control, facts) {
        Some(why) => ControlResult::new(Holds::Nothing, "", why),
        None => result(control, edition, facts, benchmark),
    };
    let by_hand = matches!(control.criterion, Criterion::ByHand(_));
    let outcome = match (result.holds, edition.scoring) {
        (Holds::Nothing, _) | (_, Scoring::NotApplicable) => ControlOutcome::NotApplicable,
        (Holds::Unknown, _) => ControlOutcome::Error,
        _ if by_hand => ControlOutcome::Manual,
        (Holds::No, Scoring::Scored) => ControlOutcome::Fail,
        (Holds::No, Scoring::Unscored | Scoring::Manual) => ControlOutcome::Warn,
        (Holds::Yes, Scoring::Manual) => ControlOutcome::Manual,
        (Holds::Yes, _) => ControlOutcome::Pass,
    };
    Audited {
        control,
        edition,
        outcome,
        result,
        waiver: None,
        group: None,
    }
}

/// The part of RKE2 that a control is about, if the node does not run it.
fn missing_part(control: &Control, facts: &NodeFacts) -> Option<String> {
    let parts = facts.parts;
    let role = match control.node {
        NodeType::Master | NodeType::ControlPlane if !parts.control_plane => Some("control plane"),
        NodeType::Etcd if !parts.etcd => Some("etcd"),
        NodeType::Node if !parts.kubelet => Some("kubelet"),
        _ => None,
    };
    let etcd = control.key.starts_with("etcd.") || control.key.starts_with("podmanifest.etcd.");
    let needed = match control.criterion {
        Criterion::Flag(component, _) if !parts.has(component) => Some(component.program()),
        Criterion::Encryption | Criterion::AuditPolicy if !parts.api_server => {
            Some("kube-apiserver")
        }
        _ if etcd && !parts.etcd => Some("etcd"),
        _ => None,
    };
    role.or(needed)
        .map(|part| format!("this node has no {part}"))
}

fn result(
    control: &'static Control,
    edition: Edition,
    facts: &NodeFacts,
    benchmark: Benchmark,
) -> ControlResult {
    if edition.scoring == Scoring::NotApplicable {
        let why = match control.criterion {
            Criterion::Absent(why) => why,
            _ => "the benchmark does not apply it to RKE2",
        };
        return ControlResult::new(Holds::Nothing, "", why);
    }
    match control.criterion {
        Criterion::Mode(_, limit) => {
            files::mode(facts, control.key, limit.of(benchmark)).of_files()
        }
        Criterion::Owner(_, who) => files::owner(facts, control.key, who).of_files(),
        Criterion::Flag(component, rule) => flags::result(facts, component, rule, benchmark),
        Criterion::Etcd(rule) => etcd::result(facts, rule).of_files(),
        Criterion::EtcdPodUser => etcd::pod_user(facts).of_files(),
        Criterion::Kubelet(rule) => kubelet::result(facts, rule, benchmark),
        Criterion::Encryption => documents::encryption(facts).of_files(),
        Criterion::AuditPolicy => documents::audit_policy(facts).of_files(),
        Criterion::PodSecurity => documents::pod_security(facts).of_files(),
        Criterion::PodSecurityExemptions => documents::exemptions(facts).of_files(),
        Criterion::ByHand(what) => ControlResult::new(Holds::Yes, "", what),
        Criterion::Absent(why) => ControlResult::new(Holds::Nothing, "", why),
    }
}

/// The result where RKE2 has not created the file of a control yet.
fn not_there(path: &str) -> ControlResult {
    ControlResult::new(Holds::Nothing, "", format!("{path} does not exist"))
}

/// The result where a file cannot be read.
fn unreadable(place: &crate::facts::Source, why: &str) -> ControlResult {
    ControlResult::new(Holds::Unknown, "", format!("cannot be checked: {why}"))
        .at([place.clone()])
        .needs(format!("run as root; fix {}", place.path))
}

/// Whether the profile that is set is one of CIS.
fn is_hardened(facts: &NodeFacts) -> bool {
    facts.profile == Some(Scope::Cis)
}

/// What cures a control whose requirement RKE2 meets by itself with a CIS profile: the profile, or where it is set the
/// restart that puts it in force.
fn by_profile(facts: &NodeFacts) -> Cure {
    if is_hardened(facts) {
        Cure::restart()
    } else {
        Cure::profile()
    }
}

/// The cure where the release has nothing that would meet the control.
fn not_in_release(facts: &NodeFacts, why: &str) -> Cure {
    let own = Benchmark::of(&facts.version).benchmark;
    Cure::other(
        "benchmark",
        format!(
            "Kubernetes 1.{} cannot meet it: {why}; audit with --benchmark {own}, or waive it",
            facts.version.minor
        ),
    )
}
