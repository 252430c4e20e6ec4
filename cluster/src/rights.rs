//! The rights that an audit and a fix need, as objects for kubectl.

use std::fmt::Write as _;

use preflight_rke2::shared::Version;

use crate::fix;
use crate::kind::{Kind, Scope};
use crate::rke2::COVERED;

/// The smallest roles with which every control of this release can be judged: to list, and nothing else; never secrets,
/// never `nodes/proxy`.
pub(crate) fn roles(version: &Version) -> String {
    let name = "preflight-rke2-cluster";
    let kinds = Kind::all(version);
    let mut out = String::from("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n");
    let _ = writeln!(out, "metadata:\n  name: {name}");
    rules(&mut out, &kinds, |scope| scope != Scope::Default);
    out.push_str("---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n");
    let _ = writeln!(out, "metadata:\n  name: {name}\n  namespace: default");
    rules(&mut out, &kinds, |scope| scope == Scope::Default);
    out
}

/// The smallest role with which `fix --apply` can do all that it can plan: the lists of its plan; to change accounts called
/// `default`, but not to make any; to make network policies; to remove RKE2's marks from the namespaces that have them.
pub(crate) fn role_of_fix() -> String {
    let mut out = String::from(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\n\
         metadata:\n  name: preflight-rke2-cluster-fix\n",
    );
    // The kinds are the same in every release.
    rules(&mut out, &fix::kinds(&Version::new(37, 0, 1)), |_| true);
    let _ = write!(
        out,
        "  - apiGroups: [\"\"]\n    resources: [serviceaccounts]\n    resourceNames: [default]\n    verbs: [patch]\n  \
           - apiGroups: [networking.k8s.io]\n    resources: [networkpolicies]\n    verbs: [create, patch]\n  \
           - apiGroups: [\"\"]\n    resources: [namespaces]\n    resourceNames: [{}]\n    verbs: [patch]\n",
        COVERED.join(", ")
    );
    out
}

/// One rule for each group of the API.
fn rules(out: &mut String, kinds: &[Kind], wanted: impl Fn(Scope) -> bool) {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for kind in kinds.iter().filter(|kind| wanted(kind.scope())) {
        match groups.iter_mut().find(|(group, _)| *group == kind.group()) {
            Some((_, plurals)) => plurals.push(kind.plural()),
            None => groups.push((kind.group(), vec![kind.plural()])),
        }
    }
    out.push_str("rules:\n");
    for (group, plurals) in groups {
        let _ = writeln!(
            out,
            "  - apiGroups: [\"{group}\"]\n    resources: [{}]\n    verbs: [list]",
            plurals.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_lists_is_asked_for() {
        let roles = roles(&Version::new(37, 1, 1));
        for never in [
            "secrets",
            "nodes/",
            "*",
            "get",
            "watch",
            "podsecuritypolicies",
        ] {
            assert!(!roles.contains(never), "{never}:\n{roles}");
        }
        assert_eq!(roles.matches("verbs: [list]").count(), 8, "{roles}");
        assert!(super::roles(&Version::new(24, 17, 1)).contains("podsecuritypolicies"));
    }

    #[test]
    fn fix_may_change_what_it_plans_and_no_more() {
        let role = role_of_fix();
        for never in ["secrets", "*", "update", "delete", "bind", "escalate"] {
            assert!(!role.contains(never), "{never}:\n{role}");
        }
        assert!(
            role.contains(
                "resources: [namespaces, nodes, serviceaccounts, pods]\n    verbs: [list]"
            ),
            "{role}"
        );
        assert_eq!(role.matches("verbs: [create, patch]").count(), 1);
        assert_eq!(role.matches("verbs: [patch]").count(), 2);
        assert_eq!(role.matches("resourceNames: ").count(), 2);
    }
}
