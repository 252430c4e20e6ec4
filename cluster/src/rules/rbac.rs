//! Who may do what.

use std::collections::BTreeMap;

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found, Holds};
use crate::facts::{BindingFacts, Facts, Name};
use crate::objects::Subject;
use crate::powers::{Power, Powers};
use crate::rke2;

/// The role that a binding gives, where there is one of that name.
pub(super) fn role<'a>(facts: &'a Facts, binding: &BindingFacts) -> Option<&'a Powers> {
    let namespace = match binding.role.kind.as_str() {
        "Role" => binding.name.namespace.clone(),
        _ => String::new(),
    };
    facts.roles.get(&Name {
        namespace,
        name: binding.role.name.clone(),
    })
}

/// `(ClusterRoleBinding x)`, `(RoleBinding web/x)`.
fn by(binding: &BindingFacts) -> String {
    let kind = if binding.name.namespace.is_empty() {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    format!("{kind} {}", binding.name)
}

/// Subjects that are given what `wanted` says, without those to whom Kubernetes and RKE2 give it; each once, with the first
/// binding.
pub(super) fn subjects(
    facts: &Facts,
    wanted: impl Fn(&BindingFacts) -> bool,
) -> BTreeMap<&Subject, &BindingFacts> {
    let mut all = BTreeMap::new();
    for binding in facts.bindings.iter().filter(|binding| wanted(binding)) {
        for subject in &binding.subjects {
            if !rke2::is_own_grant(binding, subject) {
                all.entry(subject).or_insert(binding);
            }
        }
    }
    all
}

/// Groups that hold everybody, before others.
fn rank(subject: &Subject) -> u8 {
    let everybody = [
        "system:anonymous",
        "system:unauthenticated",
        "system:authenticated",
        "system:serviceaccounts",
    ];
    u8::from(!everybody.contains(&subject.name.as_str()))
}

fn answer(holders: BTreeMap<&Subject, &BindingFacts>, what: &str) -> Answer {
    let mut holders: Vec<_> = holders.into_iter().collect();
    holders.sort_by_key(|(subject, _)| rank(subject));
    let found: Found = holders
        .into_iter()
        .map(|(subject, binding)| format!("{subject} ({})", by(binding)))
        .collect();
    Answer::unless(found, |number| {
        format!("{} beside those of RKE2 {what}", count(number, "subject"))
    })
    .remedy(
        "remove the bindings that are not needed; waive the control where all of them are",
        Vec::new(),
    )
}

/// 5.1.1: by the role that a binding gives, whatever the binding is called.
pub(super) fn cluster_admin(facts: &Facts) -> Answer {
    let holders = subjects(facts, gives_cluster_admin);
    answer(holders, "have the role cluster-admin")
}

fn gives_cluster_admin(binding: &BindingFacts) -> bool {
    binding.role.kind == "ClusterRole" && binding.role.name == "cluster-admin"
}

/// 5.1.3.
pub(super) fn wildcards(facts: &Facts) -> Answer {
    let found: Found = facts
        .roles
        .iter()
        .filter(|(_, powers)| powers.has(Power::Wildcard))
        .filter(|(name, powers)| {
            !(name.namespace.is_empty() && rke2::is_own_wildcard(&name.name, powers))
        })
        .map(|(name, _)| {
            let kind = if name.namespace.is_empty() {
                "ClusterRole"
            } else {
                "Role"
            };
            format!("{kind} {name}")
        })
        .collect();
    Answer::unless(found, |number| {
        format!("{} with * in a rule", count(number, "role"))
    })
    .remedy("name the resources and verbs that are needed", Vec::new())
}

/// Who may do one thing, of the whole cluster or in a namespace.
pub(super) fn holders(facts: &Facts, power: Power) -> Answer {
    let what = match power {
        Power::Wildcard => "may do everything",
        Power::ReadSecrets => "may read secrets",
        Power::CreatePods => "may create pods",
        Power::Escalate => "may bind or escalate roles, or impersonate others",
        Power::CreateVolumes => "may create persistent volumes",
        Power::NodesProxy => "may use nodes/proxy",
        Power::ApproveCertificates => "may approve certificates",
        Power::ChangeWebhooks => "may change admission webhooks",
        Power::CreateTokens => "may create tokens of service accounts",
    };
    // A binding in a namespace gives nothing of the whole cluster.
    let of_cluster = matches!(
        power,
        Power::CreateVolumes
            | Power::NodesProxy
            | Power::ApproveCertificates
            | Power::ChangeWebhooks
    );
    // Who has cluster-admin may do everything, and is named once, by 5.1.1.
    let holders = subjects(facts, |binding| {
        let reaches = !of_cluster || binding.name.namespace.is_empty();
        reaches
            && !gives_cluster_admin(binding)
            && role(facts, binding).is_some_and(|powers| powers.has(power))
    });
    answer(holders, what)
}

/// 5.1.7: the API server never asks who is in the group, which certificates say; only its bindings can be seen.
pub(super) fn masters(facts: &Facts) -> Answer {
    let holders = subjects(facts, |_| true);
    let found: Found = holders
        .into_iter()
        .filter(|(subject, _)| subject.kind == "Group" && subject.name == "system:masters")
        .map(|(_, binding)| by(binding))
        .collect();
    let answer = Answer::unless(found, |number| {
        format!(
            "{} for the group system:masters",
            count(number, "more binding")
        )
    })
    .remedy(
        "remove them: the group may do everything already",
        Vec::new(),
    );
    if answer.holds == Holds::No {
        return answer;
    }
    Answer::new(
        Holds::ByHand,
        "certificates of the group system:masters cannot be listed: check who has a copy of rke2.yaml",
    )
}
