//! What each control asks of the facts. Pure.

mod accounts;
mod namespaces;
mod network;
mod nodes;
mod pods;
mod rbac;

use crate::answer::{Answer, Holds};
use crate::control::Rule;
use crate::facts::Facts;
use crate::kind::Kind;
use preflight_rke2::shared::{Since, Version};

/// Pod security policies are no more.
const SINCE_1_25: Since = Since(&[(25, 0, 0)]);

/// Whether pod security policies judge pods, as up to 1.24.
fn has_policies(version: &Version) -> bool {
    !SINCE_1_25.includes(version)
}

/// The lists that a rule needs.
pub(crate) fn needs(rule: Rule, version: &Version) -> Vec<Kind> {
    const ROLES: [Kind; 4] = [
        Kind::Role,
        Kind::ClusterRole,
        Kind::RoleBinding,
        Kind::ClusterRoleBinding,
    ];
    let bindings = [Kind::RoleBinding, Kind::ClusterRoleBinding];
    let policies = || [vec![Kind::PodSecurityPolicy], ROLES.to_vec()].concat();
    match rule {
        Rule::ClusterAdmin | Rule::Masters => bindings.to_vec(),
        Rule::Wildcards => vec![Kind::Role, Kind::ClusterRole],
        Rule::Holders(_) => ROLES.to_vec(),
        Rule::DefaultAccounts => [vec![Kind::ServiceAccount], bindings.to_vec()].concat(),
        Rule::TokenMounts => [vec![Kind::Pod, Kind::ServiceAccount], bindings.to_vec()].concat(),
        Rule::PodAdmission if has_policies(version) => policies(),
        Rule::PodAdmission => vec![Kind::Namespace, Kind::Node],
        Rule::Pods(one) if has_policies(version) && pods::is_ruled_by_policies(one) => {
            [vec![Kind::Pod], policies()].concat()
        }
        Rule::Pods(_) | Rule::Plugin => vec![Kind::Pod],
        Rule::NetworkPolicies => vec![Kind::Namespace, Kind::NetworkPolicy],
        Rule::Images => vec![Kind::ValidatingWebhook, Kind::MutatingWebhook],
        Rule::DefaultNamespace => vec![
            Kind::Pod,
            Kind::Service,
            Kind::Deployment,
            Kind::DaemonSet,
            Kind::StatefulSet,
            Kind::Job,
            Kind::CronJob,
        ],
        Rule::Profiles => vec![Kind::Node],
        Rule::EtcdUser => vec![Kind::Node, Kind::Pod],
        Rule::ByHand(_) => Vec::new(),
    }
}

/// Asks one rule. A rule whose lists are not complete has no answer: neither met nor not.
pub(crate) fn ask(rule: Rule, facts: &Facts) -> Answer {
    let missing = facts.missing(&needs(rule, &facts.version));
    if !missing.is_empty() {
        return Answer::new(
            Holds::Unknown,
            format!("cannot be checked: {}", missing.join("; ")),
        );
    }
    match rule {
        Rule::ClusterAdmin => rbac::cluster_admin(facts),
        Rule::Wildcards => rbac::wildcards(facts),
        Rule::Holders(power) => rbac::holders(facts, power),
        Rule::Masters => rbac::masters(facts),
        Rule::DefaultAccounts => accounts::default_accounts(facts),
        Rule::TokenMounts => accounts::token_mounts(facts),
        Rule::PodAdmission => pods::admission(facts),
        Rule::Pods(one) => pods::with(facts, one),
        Rule::Plugin => network::plugin(facts),
        Rule::NetworkPolicies => network::policies(facts),
        Rule::Images => pods::images(facts),
        Rule::DefaultNamespace => namespaces::default(facts),
        Rule::Profiles => nodes::profiles(facts),
        Rule::EtcdUser => nodes::etcd_user(facts),
        Rule::ByHand(what) => Answer::new(Holds::ByHand, what),
    }
}

#[cfg(test)]
mod scanner_defects;
#[cfg(test)]
mod tests;
