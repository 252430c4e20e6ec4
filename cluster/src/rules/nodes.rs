//! What nodes say of themselves through the API.

use std::collections::BTreeSet;

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found, Holds};
use crate::facts::Facts;

/// All servers have one profile: a server without it writes its own pod security at each start.
pub(super) fn profiles(facts: &Facts) -> Answer {
    let servers: Vec<_> = facts.servers().collect();
    if servers.is_empty() {
        return no_servers();
    }
    let profiles: BTreeSet<&str> = servers
        .iter()
        .map(|(_, rke2)| rke2.profile.as_str())
        .collect();
    if profiles.len() == 1 {
        return Answer::yes();
    }
    let found: Found = servers
        .iter()
        .map(|(node, rke2)| match rke2.profile.as_str() {
            "" => format!("{} (no profile)", node.name),
            profile => format!("{} ({profile})", node.name),
        })
        .collect();
    Answer::unless(found, |number| {
        format!("{} with different profiles", count(number, "server"))
    })
    .remedy(
        "set the same profile in /etc/rancher/rke2/config.yaml of each, and restart rke2-server",
        Vec::new(),
    )
}

fn no_servers() -> Answer {
    Answer::new(
        Holds::Unknown,
        "cannot be checked: no node has the annotation rke2.io/node-args of a server",
    )
}

/// etcd's pod runs as a user other than root, by the pod of each server that has one.
pub(super) fn etcd_user(facts: &Facts) -> Answer {
    let etcd = facts.workloads.iter().find(|(owner, _)| {
        (
            owner.namespace.as_str(),
            owner.kind.as_str(),
            owner.name.as_str(),
        ) == ("kube-system", "static pod", "etcd")
    });
    let Some((_, etcd)) = etcd else {
        return Answer::new(Holds::Nothing, "no server runs etcd");
    };
    let found: Found = etcd
        .users
        .iter()
        .filter(|(_, user)| user.is_none_or(|user| user == 0))
        .map(|(node, _)| node.as_str())
        .collect();
    Answer::unless(found, |number| {
        format!("{} on which etcd runs as root", count(number, "server"))
    })
    .remedy(
        "set the profile cis there: RKE2 then runs etcd as the account etcd",
        Vec::new(),
    )
}
