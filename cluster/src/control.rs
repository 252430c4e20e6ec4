//! The controls of section 5 as data: what each asks, and its number in each benchmark.
//!
//! Numbers and how each counts are facts about the published benchmarks and the scanners' profiles for RKE2
//! (rancher/security-scan 38bebe7, d761037d); words are our own.

use preflight_rke2::shared::{self, Benchmark, Edition, Scoring};

use crate::powers::Power;
use crate::traits::Trait;

/// One control of section 5, or one question of the hardening guide that no benchmark has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// Its name here: stable across benchmarks, dotted.
    pub(crate) key: &'static str,
    /// Its number in each benchmark of [`Benchmark::ALL`], `-` where that has none. A letter behind: `u` unscored, `m`
    /// manual there.
    ids: &'static str,
    /// What is true where it is met.
    pub(crate) title: &'static str,
    /// What is asked.
    pub(crate) rule: Rule,
}

/// What a control asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Who has the role `cluster-admin`.
    ClusterAdmin,
    /// Which roles have `*`.
    Wildcards,
    /// Who may do this.
    Holders(Power),
    /// Whether the group `system:masters` is given more.
    Masters,
    /// The accounts `default` mount no token and have no role.
    DefaultAccounts,
    /// Tokens are mounted only where they are of use.
    TokenMounts,
    /// Something judges pods before they are made.
    PodAdmission,
    /// No pod has this, and up to 1.24 no policy lets pods have it.
    Pods(Trait),
    /// The network plugin enforces policies.
    Plugin,
    /// Each namespace has policies.
    NetworkPolicies,
    /// Something judges images.
    Images,
    /// Nothing runs in the namespace `default`.
    DefaultNamespace,
    /// All servers have one profile.
    Profiles,
    /// etcd runs as an account of its own on every server.
    EtcdUser,
    /// Nothing that the API could answer: what to look at.
    ByHand(&'static str),
}

const fn control(key: &'static str, ids: &'static str, title: &'static str, rule: Rule) -> Control {
    Control {
        key,
        ids,
        title,
        rule,
    }
}

/// In every benchmark, as an unscored question of the guide.
const GUIDE: &str = "guideu guideu guideu guideu guideu guideu guideu guideu guideu guideu";

/// In the order of the newest benchmark, the guide's questions last.
pub(crate) const CONTROLS: &[Control] = &[
    control(
        "rbac.cluster-admin",
        "5.1.1m 5.1.1m 5.1.1m 5.1.1m 5.1.1m 5.1.1 5.1.1 5.1.1u 5.1.1u 5.1.1u",
        "the role cluster-admin is given only where it is needed",
        Rule::ClusterAdmin,
    ),
    control(
        "rbac.secrets",
        "5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m 5.1.2m",
        "few may read secrets",
        Rule::Holders(Power::ReadSecrets),
    ),
    control(
        "rbac.wildcards",
        "5.1.3m 5.1.3m 5.1.3m 5.1.3m 5.1.3m 5.1.3 5.1.3 5.1.3u 5.1.3u 5.1.3u",
        "roles name what they allow, without *",
        Rule::Wildcards,
    ),
    control(
        "rbac.pods",
        "5.1.4m 5.1.4m 5.1.4m 5.1.4m 5.1.4m 5.1.4m 5.1.4m 5.1.4u 5.1.4u 5.1.4u",
        "few may create pods",
        Rule::Holders(Power::CreatePods),
    ),
    control(
        "accounts.default",
        "5.1.5 5.1.5 5.1.5 5.1.5m 5.1.5m 5.1.5 5.1.5 5.1.5u 5.1.5u 5.1.5u",
        "the service accounts called default mount no token and have no role",
        Rule::DefaultAccounts,
    ),
    control(
        "accounts.tokens",
        "5.1.6m 5.1.6m 5.1.6m 5.1.6m 5.1.6m 5.1.6 5.1.6 5.1.6u 5.1.6u 5.1.6u",
        "tokens of service accounts are mounted only where they are of use",
        Rule::TokenMounts,
    ),
    control(
        "rbac.masters",
        "- 5.1.7m 5.1.7m 5.1.7m 5.1.7m 5.1.7m 5.1.7m 5.1.7m 5.1.7m 5.1.7m",
        "nobody works as a member of the group system:masters",
        Rule::Masters,
    ),
    control(
        "rbac.escalation",
        "- 5.1.8m 5.1.8m 5.1.8m 5.1.8m 5.1.8m 5.1.8m 5.1.8m 5.1.8m 5.1.8m",
        "few may bind or escalate roles, or impersonate others",
        Rule::Holders(Power::Escalate),
    ),
    control(
        "rbac.volumes",
        "- - - 5.1.9m 5.1.9m 5.1.9m 5.1.9m 5.1.9m 5.1.9m 5.1.9m",
        "few may create persistent volumes",
        Rule::Holders(Power::CreateVolumes),
    ),
    control(
        "rbac.nodes-proxy",
        "- - - 5.1.10m 5.1.10m 5.1.10m 5.1.10m 5.1.10m 5.1.10m 5.1.10m",
        "few may reach kubelets through nodes/proxy",
        Rule::Holders(Power::NodesProxy),
    ),
    control(
        "rbac.certificates",
        "- - - 5.1.11m 5.1.11m 5.1.11m 5.1.11m 5.1.11m 5.1.11m 5.1.11m",
        "few may approve certificates",
        Rule::Holders(Power::ApproveCertificates),
    ),
    control(
        "rbac.webhooks",
        "- - - 5.1.12m 5.1.12m 5.1.12m 5.1.12m 5.1.12m 5.1.12m 5.1.12m",
        "few may change admission webhooks",
        Rule::Holders(Power::ChangeWebhooks),
    ),
    control(
        "rbac.tokens",
        "- - - 5.1.13m 5.1.13m 5.1.13m 5.1.13m 5.1.13m 5.1.13m 5.1.13m",
        "few may create tokens of service accounts",
        Rule::Holders(Power::CreateTokens),
    ),
    control(
        "pods.admission",
        "- 5.2.1m 5.2.1m 5.2.1m 5.2.1m 5.2.1m 5.2.1m 5.2.1m 5.2.1m 5.2.1m",
        "every namespace has a standard that its pods must meet",
        Rule::PodAdmission,
    ),
    control(
        "pods.privileged",
        "5.2.1 5.2.2u 5.2.2 5.2.2m 5.2.2m 5.2.2m 5.2.2u 5.2.2u 5.2.2u 5.2.2u",
        "no container is privileged",
        Rule::Pods(Trait::Privileged),
    ),
    control(
        "pods.host-pid",
        "5.2.2 5.2.3 5.2.3 5.2.3m 5.2.3m 5.2.3m 5.2.3u 5.2.3u 5.2.3u 5.2.3u",
        "no pod shares the node's process identifiers",
        Rule::Pods(Trait::HostPid),
    ),
    control(
        "pods.host-ipc",
        "5.2.3 5.2.4 5.2.4 5.2.4m 5.2.4m 5.2.4m 5.2.4u 5.2.4u 5.2.4u 5.2.4u",
        "no pod shares the node's interprocess communication",
        Rule::Pods(Trait::HostIpc),
    ),
    control(
        "pods.host-network",
        "5.2.4u 5.2.5 5.2.5 5.2.5m 5.2.5m 5.2.5m 5.2.5u 5.2.5u 5.2.5u 5.2.5u",
        "no pod shares the node's network",
        Rule::Pods(Trait::HostNetwork),
    ),
    control(
        "pods.privilege-escalation",
        "5.2.5 5.2.6 5.2.6 5.2.6m 5.2.6m 5.2.6m 5.2.6u 5.2.6u 5.2.6u 5.2.6u",
        "no container may gain rights",
        Rule::Pods(Trait::Escalation),
    ),
    control(
        "pods.root",
        "5.2.6 5.2.7 5.2.7 5.2.7m 5.2.7m 5.2.7m 5.2.7m 5.2.7m 5.2.7m 5.2.7m",
        "no container may run as root",
        Rule::Pods(Trait::Root),
    ),
    control(
        "pods.net-raw",
        "5.2.7 5.2.8 5.2.8 5.2.8m 5.2.8m 5.2.8m 5.2.8m 5.2.8m 5.2.8m 5.2.8m",
        "every container drops NET_RAW",
        Rule::Pods(Trait::NetRaw),
    ),
    control(
        "pods.added-capabilities",
        "5.2.8m 5.2.9m 5.2.9m 5.2.9m 5.2.9m 5.2.9m 5.2.9u 5.2.9u - -",
        "no container adds capabilities",
        Rule::Pods(Trait::AddedCapabilities),
    ),
    control(
        "pods.capabilities",
        "5.2.9m 5.2.10m 5.2.10m 5.2.10m 5.2.10m 5.2.10m 5.2.10m 5.2.10m 5.2.9m 5.2.9m",
        "every container drops all capabilities",
        Rule::Pods(Trait::KeptCapabilities),
    ),
    control(
        "pods.host-process",
        "- 5.2.11m 5.2.11m 5.2.11m 5.2.11m 5.2.11m 5.2.11m 5.2.11m 5.2.10m 5.2.10m",
        "no container of Windows is a HostProcess",
        Rule::Pods(Trait::HostProcess),
    ),
    control(
        "pods.host-path",
        "- 5.2.12m 5.2.12m 5.2.12m 5.2.12m 5.2.12m 5.2.12m 5.2.12m 5.2.11m 5.2.11m",
        "no pod mounts a directory of the node",
        Rule::Pods(Trait::HostPath),
    ),
    control(
        "pods.host-ports",
        "- 5.2.13m 5.2.13m 5.2.13m 5.2.13m 5.2.13m 5.2.13m 5.2.13m 5.2.12m 5.2.12m",
        "no container takes a port of the node",
        Rule::Pods(Trait::HostPort),
    ),
    control(
        "network.plugin",
        "5.3.1 5.3.1 5.3.1 5.3.1m 5.3.1m 5.3.1m 5.3.1m 5.3.1m 5.3.1m 5.3.1m",
        "the network plugin enforces network policies",
        Rule::Plugin,
    ),
    control(
        "network.policies",
        "5.3.2 5.3.2 5.3.2 5.3.2m 5.3.2m 5.3.2m 5.3.2m 5.3.2m 5.3.2m 5.3.2m",
        "network policies restrict what reaches the pods of each namespace",
        Rule::NetworkPolicies,
    ),
    control(
        "secrets.environment",
        "5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m 5.4.1m",
        "containers get secrets as files, not in their environment",
        Rule::Pods(Trait::SecretInEnvironment),
    ),
    control(
        "secrets.external",
        "5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m 5.4.2m",
        "a store of secrets outside of the cluster was considered",
        Rule::ByHand(
            "decide whether secrets belong in a store with its own authentication, audit and rotation",
        ),
    ),
    control(
        "images.admission",
        "5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m 5.5.1m",
        "admission checks where images come from",
        Rule::Images,
    ),
    control(
        "namespaces.boundaries",
        "5.7.1m 5.7.1m 5.7.1m 5.7.1m 5.7.1m 5.7.1m 5.7.1m 5.6.1m 5.6.1m 5.6.1m",
        "namespaces separate what is administered separately",
        Rule::ByHand("check that each team and application has namespaces of its own"),
    ),
    control(
        "pods.seccomp",
        "5.7.2m 5.7.2m 5.7.2m 5.7.2m 5.7.2m 5.7.2m 5.7.2m 5.6.2m 5.6.2m 5.6.2m",
        "every container has a seccomp profile",
        Rule::Pods(Trait::NoSeccomp),
    ),
    control(
        "pods.security-context",
        "5.7.3m 5.7.3m 5.7.3m 5.7.3m 5.7.3m 5.7.3m 5.7.3m 5.6.3m 5.6.3m 5.6.3m",
        "every container has a security context, of its own or of its pod",
        Rule::Pods(Trait::NoSecurityContext),
    ),
    control(
        "namespaces.default",
        "5.7.4u 5.7.4m 5.7.4m 5.7.4m 5.7.4m 5.7.4m 5.7.4m 5.6.4m 5.6.4m 5.6.4m",
        "nothing runs in the namespace default",
        Rule::DefaultNamespace,
    ),
    control(
        "guide.nodes.profile",
        GUIDE,
        "every server has the same profile",
        Rule::Profiles,
    ),
    control(
        "guide.etcd-pod.user",
        GUIDE,
        "etcd runs as an account of its own on every server",
        Rule::EtcdUser,
    ),
];

impl Control {
    /// The control in `benchmark`, if that has it.
    pub(crate) fn edition(&self, benchmark: Benchmark) -> Option<Edition> {
        let cell = self.ids.split(' ').nth(benchmark.column())?;
        let (id, scoring) = match (cell.strip_suffix('u'), cell.strip_suffix('m')) {
            (Some(id), _) => (id, Scoring::Unscored),
            (_, Some(id)) => (id, Scoring::Manual),
            _ => (cell, Scoring::Scored),
        };
        match id {
            "-" => None,
            "guide" => Some(Edition {
                id: self.key,
                scoring,
            }),
            id => Some(Edition { id, scoring }),
        }
    }

    /// Whether it comes from the hardening guide, not from a benchmark.
    pub(crate) fn is_beyond(&self) -> bool {
        self.key.starts_with("guide.")
    }
}

/// The controls of `benchmark` by number, the guide's questions last.
pub(crate) fn of(benchmark: Benchmark) -> Vec<(&'static Control, Edition)> {
    let mut controls: Vec<(&Control, Edition)> = CONTROLS
        .iter()
        .filter_map(|control| Some((control, control.edition(benchmark)?)))
        .collect();
    controls.sort_by_cached_key(|(control, edition)| {
        let numbers: Vec<u32> = edition
            .id
            .split('.')
            .filter_map(|n| n.parse().ok())
            .collect();
        (control.is_beyond(), numbers)
    });
    controls
}

/// Whether it is the key of a control, or its number in any benchmark.
pub(crate) fn is_known(name: &str) -> bool {
    CONTROLS.iter().any(|control| {
        let mut editions = Benchmark::ALL
            .into_iter()
            .filter_map(|b| control.edition(b));
        control.key == name || editions.any(|edition| edition.id == name)
    })
}

/// `; did you mean "rbac.secrets"?`, of a name that no control has; empty where none is near.
pub(crate) fn suggestion(name: &str) -> String {
    let keys: Vec<&str> = CONTROLS.iter().map(|control| control.key).collect();
    shared::suggestion(name, &keys)
}

/// The parts of section 5: number and title. Two numbers are the same part in different benchmarks.
const SECTIONS: &[(&str, &str)] = &[
    ("5.1", "Roles and service accounts"),
    ("5.2", "Pods"),
    ("5.3", "Network"),
    ("5.4", "Secrets"),
    ("5.5", "Images"),
    ("5.6", "Namespaces and pods in general"),
    ("5.7", "Namespaces and pods in general"),
];

/// The part of the benchmark that a control is in: number and title.
pub(crate) fn section(control: &Control, edition: Edition) -> (&'static str, &'static str) {
    if control.is_beyond() {
        return ("guide", "Further requirements of the hardening guide");
    }
    let known = SECTIONS.iter().find(|(number, _)| {
        let rest = edition.id.strip_prefix(number);
        rest.is_some_and(|rest| rest.starts_with('.'))
    });
    known.copied().unwrap_or(("", "Others"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The numbers of controls and how many are scored, of the scanners' profiles for RKE2.
    #[test]
    fn each_benchmark_has_its_controls() {
        for (name, all, scored) in [
            ("1.6", 24, 9),
            ("1.23", 30, 9),
            ("1.24", 30, 10),
            ("1.7", 35, 0),
            ("1.8", 35, 0),
            ("1.9", 35, 4),
            ("1.10", 35, 4),
            ("1.11", 35, 0),
            ("1.12", 34, 0),
            ("2.0", 34, 0),
        ] {
            let benchmark: Benchmark = name.parse().unwrap();
            let controls: Vec<_> = of(benchmark)
                .into_iter()
                .filter(|(control, _)| !control.is_beyond())
                .collect();
            let ids: BTreeSet<&str> = controls.iter().map(|(_, edition)| edition.id).collect();
            let counted = controls
                .iter()
                .filter(|(_, edition)| edition.scoring == Scoring::Scored)
                .count();
            assert_eq!(
                (ids.len(), controls.len(), counted),
                (all, all, scored),
                "{name}"
            );
            for (control, edition) in controls {
                assert_ne!(section(control, edition).0, "", "{}", edition.id);
                assert!(is_known(edition.id) && is_known(control.key));
            }
        }
        assert!(!is_known("5.9.1"));
        let keys: BTreeSet<&str> = CONTROLS.iter().map(|control| control.key).collect();
        assert_eq!(keys.len(), CONTROLS.len());
    }

    /// A group of numbers without a gap: a row that is missing, or stands in the wrong column, shows.
    #[test]
    fn numbers_have_no_gaps() {
        for benchmark in Benchmark::ALL {
            let mut last: Option<Vec<u32>> = None;
            for (control, edition) in of(benchmark) {
                if control.is_beyond() {
                    continue;
                }
                let now: Vec<u32> = edition.id.split('.').map(|n| n.parse().unwrap()).collect();
                if let Some(last) = last.replace(now.clone()) {
                    let next_in_group = now[1] == last[1] && now[2] == last[2] + 1;
                    let next_group = now[1] > last[1] && now[2] == 1;
                    assert!(
                        next_in_group || next_group,
                        "{benchmark}: {last:?}, {now:?}"
                    );
                }
            }
        }
    }
}
