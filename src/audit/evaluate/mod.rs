//! Controls held against a node. Pure.

mod documents;
mod etcd;
pub(crate) mod files;
pub(in crate::audit) mod flags;
mod kubelet;

use super::answer::{Answer, Holds};
use super::benchmark::Benchmark;
use super::control::{Control, Edition, Kind, NodeType, Question};
use super::facts::NodeFacts;
use super::{Audited, Outcome, controls};

/// Every control of `benchmark` held against the node, by number.
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
    let answer = match missing_part(control, facts) {
        Some(why) => Answer::new(Holds::Nothing, "", why),
        None => answer(control, edition, facts, benchmark),
    };
    let by_hand = matches!(control.question, Question::ByHand(_));
    let outcome = match (answer.holds, edition.kind) {
        (Holds::Nothing, _) | (_, Kind::NotApplicable) => Outcome::NotApplicable,
        (Holds::Unknown, _) => Outcome::Error,
        _ if by_hand => Outcome::Manual,
        (Holds::No, Kind::Scored) => Outcome::Fail,
        (Holds::No, Kind::Unscored | Kind::Manual) => Outcome::Warn,
        (Holds::Yes, Kind::Manual) => Outcome::Manual,
        (Holds::Yes, _) => Outcome::Pass,
    };
    Audited {
        control,
        edition,
        outcome,
        answer,
        waiver: None,
    }
}

/// Why nobody asks this of a node without the part it is about.
fn missing_part(control: &Control, facts: &NodeFacts) -> Option<String> {
    let parts = facts.parts;
    let role = match control.node {
        NodeType::Master | NodeType::ControlPlane if !parts.control_plane => Some("control plane"),
        NodeType::Etcd if !parts.etcd => Some("etcd"),
        NodeType::Node if !parts.kubelet => Some("kubelet"),
        _ => None,
    };
    let etcd = control.key.starts_with("etcd.") || control.key.starts_with("podmanifest.etcd.");
    let needed = match control.question {
        Question::Flag(component, _) if !parts.has(component) => Some(component.program()),
        Question::Encryption | Question::AuditPolicy if !parts.api_server => Some("kube-apiserver"),
        _ if etcd && !parts.etcd => Some("etcd"),
        _ => None,
    };
    role.or(needed)
        .map(|part| format!("this node has no {part}"))
}

fn answer(
    control: &'static Control,
    edition: Edition,
    facts: &NodeFacts,
    benchmark: Benchmark,
) -> Answer {
    if edition.kind == Kind::NotApplicable {
        let why = match control.question {
            Question::Absent(why) => why,
            _ => "the benchmark does not hold RKE2 to it",
        };
        return Answer::new(Holds::Nothing, "", why);
    }
    match control.question {
        Question::Mode(_, limit) => files::mode(facts, control.key, limit.of(benchmark)),
        Question::Owner(_, who) => files::owner(facts, control.key, who),
        Question::Flag(component, rule) => flags::answer(facts, component, rule, benchmark),
        Question::Etcd(rule) => etcd::answer(facts, rule),
        Question::EtcdPodUser => etcd::pod_user(facts),
        Question::Kubelet(rule) => kubelet::answer(facts, rule, benchmark),
        Question::Encryption => documents::encryption(facts),
        Question::AuditPolicy => documents::audit_policy(facts),
        Question::PodSecurity => documents::pod_security(facts),
        Question::PodSecurityExemptions => documents::exemptions(facts),
        Question::ByHand(what) => Answer::new(Holds::Yes, "", what),
        Question::Absent(why) => Answer::new(Holds::Nothing, "", why),
    }
}

/// What is said where RKE2 has not made yet what a control looks at.
fn not_there(path: &str) -> Answer {
    Answer::new(Holds::Nothing, "", format!("{path} does not exist"))
}

/// What is said of a file that cannot be read.
fn unreadable(place: &crate::facts::Source, why: &str) -> Answer {
    Answer::new(Holds::Unknown, "", format!("it cannot be told: {why}"))
        .at([place.clone()])
        .cure(format!("run as root; mend {}", place.path), Vec::new())
}

/// The command that makes RKE2 take its configuration anew.
fn restart(facts: &NodeFacts) -> String {
    format!("systemctl restart {}", facts.role.unit())
}
