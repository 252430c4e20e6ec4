//! The rights that an audit needs, as objects for kubectl.

use std::fmt::Write as _;

use preflight_rke2::shared::Version;

use crate::kind::{Kind, Scope};

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
        assert_eq!(roles.matches("verbs: [list]").count(), 7, "{roles}");
        assert!(super::roles(&Version::new(24, 17, 1)).contains("podsecuritypolicies"));
    }
}
