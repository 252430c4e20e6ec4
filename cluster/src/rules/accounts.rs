//! Service accounts and their tokens.

use std::collections::BTreeSet;

use preflight_rke2::shared::count;

use crate::answer::{Answer, Found};
use crate::facts::{Facts, Name};
use crate::rke2;

/// How many commands are printed.
const COMMANDS: usize = 3;

/// The accounts that a binding names.
fn bound(facts: &Facts) -> BTreeSet<Name> {
    facts
        .bindings
        .iter()
        .flat_map(|binding| &binding.subjects)
        .filter(|subject| subject.kind == "ServiceAccount")
        .map(|subject| Name {
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
        })
        .collect()
}

/// 5.1.5: in every namespace, kube-system among them.
pub(super) fn default_accounts(facts: &Facts) -> Answer {
    let bound = bound(facts);
    let mut found = Found::default();
    let mut commands = Vec::new();
    let defaults = facts
        .accounts
        .iter()
        .filter(|(name, _)| name.name == "default");
    for (name, automount) in defaults {
        let mounts = *automount != Some(false);
        let has_role = bound.contains(name);
        if mounts {
            commands.push(format!(
                "kubectl patch serviceaccount default -n {} -p '{{\"automountServiceAccountToken\": false}}'",
                name.namespace
            ));
        }
        match (mounts, has_role) {
            (true, true) => found.add(|| format!("{name} (mounts its token, has a role)")),
            (true, false) => found.add(|| format!("{name} (mounts its token)")),
            (false, true) => found.add(|| format!("{name} (has a role)")),
            (false, false) => {}
        }
    }
    let more = commands.len().saturating_sub(COMMANDS);
    commands.truncate(COMMANDS);
    let summary = match more {
        0 => {
            "turn their tokens off; give pods that need the API an account of their own".to_owned()
        }
        more => format!(
            "turn their tokens off, {more} more like these; give pods that need the API an account of their own"
        ),
    };
    let any_mounts = !commands.is_empty();
    let answer = Answer::unless(found, |number| {
        format!("{} called default in use", count(number, "service account"))
    })
    .remedy(summary, commands);
    if any_mounts {
        answer.remedy(
            "or see what fix would do, and which pods would lose their token; --apply carries it out",
            vec!["preflight-rke2-cluster fix".to_owned()],
        )
    } else {
        answer
    }
}

/// 5.1.6: a pod's `automountServiceAccountToken` overrides its account's. A token is of no use where no binding names the account: then it
/// opens nothing that the groups of all accounts may not do.
pub(super) fn token_mounts(facts: &Facts) -> Answer {
    let bound = bound(facts);
    let found: Found = facts
        .workloads
        .iter()
        .filter(|(owner, _)| !rke2::is_own_workload(owner) && owner.kind != "static pod")
        .filter(|(owner, workload)| {
            let account = Name {
                namespace: owner.namespace.clone(),
                name: workload.account.clone(),
            };
            let of_account = facts.accounts.get(&account).copied().flatten();
            let mounts = workload.automount.or(of_account).unwrap_or(true);
            mounts && !bound.contains(&account)
        })
        .map(|(owner, workload)| format!("{owner} (account {})", workload.account))
        .collect();
    Answer::unless(found, |number| {
        format!(
            "{} with the token of an account that no binding names",
            count(number, "workload")
        )
    })
    .remedy(
        "set automountServiceAccountToken: false in the pod's template, or on the account",
        Vec::new(),
    )
}
