//! The network plugin, and network policies.

use std::fmt;

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found, Holds};
use crate::facts::Facts;
use crate::rke2::{self, COVERED, FLANNEL_POLICY, PLUGINS};

/// 5.3.1.
pub(super) fn plugin(facts: &Facts) -> Answer {
    let runs = |namespace: &str, name: &str| {
        facts.workloads.keys().any(|owner| {
            (
                owner.namespace.as_str(),
                owner.kind.as_str(),
                owner.name.as_str(),
            ) == (namespace, "DaemonSet", name)
        })
    };
    let mut running = PLUGINS
        .iter()
        .filter(|(namespace, name, ..)| runs(namespace, name));
    match running.clone().find(|(.., enforces)| *enforces) {
        Some(_) => Answer::yes(),
        None if running.next().is_some() => {
            Answer::new(Holds::No, "flannel alone does not enforce network policies")
                .remedy("use canal, calico or cilium", Vec::new())
        }
        None => Answer::new(
            Holds::Unknown,
            "cannot be checked: no pod of a network plugin that RKE2 installs runs; check the one in use",
        ),
    }
}

/// 5.3.2: each namespace has a policy about all of its pods that does not let in everything. Nothing runs in
/// kube-node-lease, and RKE2 makes none there.
pub(super) fn policies(facts: &Facts) -> Answer {
    let mut found = Found::default();
    let mut unmark = Vec::new();
    let mut is_cured_by_fix = false;
    for (name, namespace) in &facts.namespaces {
        for policy in rke2::lost_policies(facts, name, namespace) {
            found.add(|| {
                format!(
                    "{name} ({} is gone, and {} says that RKE2 made it: it is never restored)",
                    policy.name, policy.mark
                )
            });
            unmark.push(format!(
                "kubectl annotate namespace {name} {}-",
                policy.mark
            ));
            is_cured_by_fix = true;
        }
        let is_covered = COVERED.contains(&name.as_str());
        if rke2::is_own_namespace(name) && !is_covered {
            continue;
        }
        if let Some(why) = open(facts, name) {
            is_cured_by_fix |= matches!(why, Open::NoPolicy) && !is_covered && !namespace.is_ending;
            found.add(|| format!("{name} ({why})"));
        }
    }
    let answer = Answer::unless(found, |number| {
        format!("{} in what network policies restrict", count(number, "gap"))
    })
    .remedy(
        "give each namespace a policy that selects all pods and lets in what they need",
        Vec::new(),
    );
    let answer = if unmark.is_empty() {
        answer
    } else {
        answer.remedy(
            "remove the marks of the policies that are gone: a server with a profile makes them at its next start, and \
             replaces a policy of that name, whoever has edited or made it",
            unmark,
        )
    };
    if is_cured_by_fix {
        answer.remedy(
            "or see what fix would do: policies for namespaces that have none, and the marks; --apply carries it out",
            vec!["preflight-rke2-cluster fix --network-policies same-namespace".to_owned()],
        )
    } else {
        answer
    }
}

/// Why what reaches a namespace is not restricted.
enum Open<'a> {
    /// A policy of this name lets in everything.
    LetsInAll(&'a str),
    NoPolicy,
    NoneForAll,
}

impl fmt::Display for Open<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LetsInAll(FLANNEL_POLICY) => write!(
                f,
                "{FLANNEL_POLICY} lets in everything: no node had flannel's address when it was written"
            ),
            Self::LetsInAll(name) => write!(f, "{name} lets in everything"),
            Self::NoPolicy => f.write_str("no policy"),
            Self::NoneForAll => f.write_str("no policy selects all pods"),
        }
    }
}

fn open<'a>(facts: &'a Facts, namespace: &str) -> Option<Open<'a>> {
    let policies: Vec<_> = facts
        .policies
        .get(namespace)
        .into_iter()
        .flatten()
        .filter(|policy| policy.is_ingress)
        .collect();
    let for_all = || policies.iter().filter(|policy| policy.selects_all);
    // What one policy lets in, no other keeps out.
    if let Some(open) = for_all().find(|policy| policy.allows_all) {
        return Some(Open::LetsInAll(&open.name));
    }
    match (policies.len(), for_all().next()) {
        (0, _) => Some(Open::NoPolicy),
        (_, None) => Some(Open::NoneForAll),
        (_, Some(_)) => None,
    }
}
