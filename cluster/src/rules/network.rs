//! The network plugin, and network policies.

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found, Holds};
use crate::facts::{Facts, Namespace};
use crate::rke2::{self, COVERED, FLANNEL_POLICY, PLUGINS, POLICIES};

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
    for (name, namespace) in &facts.namespaces {
        if COVERED.contains(&name.as_str()) {
            missing(facts, name, namespace, &mut found);
        }
        if rke2::is_own_namespace(name) && !COVERED.contains(&name.as_str()) {
            continue;
        }
        if let Some(why) = open(facts, name) {
            found.add(|| format!("{name} ({why})"));
        }
    }
    Answer::unless(found, |number| {
        format!("{} in what network policies restrict", count(number, "gap"))
    })
    .remedy(
        "give each namespace a policy that selects all pods and lets in what they need; for a policy of RKE2's, \
         remove its mark: a server with a profile makes it anew at its next start",
        vec!["kubectl annotate namespace NAME np.rke2.io-".to_owned()],
    )
}

/// Policies of RKE2's that are gone for good: their namespace is marked, and nothing is ever looked at again.
fn missing(facts: &Facts, name: &str, namespace: &Namespace, found: &mut Found) {
    let present = facts.policies.get(name).map_or(&[][..], Vec::as_slice);
    for policy in POLICIES {
        let is_there = present.iter().any(|one| one.name == policy.name);
        let is_marked = namespace.marks.contains(policy.mark);
        if policy.is_made_by(&facts.version)
            && policy.namespaces.contains(&name)
            && is_marked
            && !is_there
        {
            found.add(|| {
                format!(
                    "{name} ({} is gone, and {} says that RKE2 made it: it is never restored)",
                    policy.name, policy.mark
                )
            });
        }
    }
}

/// Why what reaches a namespace is not restricted.
fn open(facts: &Facts, namespace: &str) -> Option<String> {
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
        return Some(if open.name == FLANNEL_POLICY {
            format!(
                "{FLANNEL_POLICY} lets in everything: no node had flannel's address when it was written"
            )
        } else {
            format!("{} lets in everything", open.name)
        });
    }
    match (policies.len(), for_all().next()) {
        (0, _) => Some("no policy".to_owned()),
        (_, None) => Some("no policy selects all pods".to_owned()),
        (_, Some(_)) => None,
    }
}
