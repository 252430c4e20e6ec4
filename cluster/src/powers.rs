//! What a role allows, as far as a control asks.

use std::collections::BTreeSet;

use crate::objects::PolicyRule;

/// One thing that a role can allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Power {
    /// A rule names `*` as a verb, a resource or a group.
    Wildcard,
    /// Reads secrets.
    ReadSecrets,
    /// Creates pods, directly.
    CreatePods,
    /// Gives itself more than it has: `bind`, `escalate`, `impersonate`.
    Escalate,
    /// Creates persistent volumes, which may be directories of nodes.
    CreateVolumes,
    /// Reaches every kubelet, past the API server's admission and audit.
    NodesProxy,
    /// Approves certificates.
    ApproveCertificates,
    /// Changes what admission asks.
    ChangeWebhooks,
    /// Makes tokens of service accounts.
    CreateTokens,
}

impl Power {
    const ALL: [Self; 9] = [
        Self::Wildcard,
        Self::ReadSecrets,
        Self::CreatePods,
        Self::Escalate,
        Self::CreateVolumes,
        Self::NodesProxy,
        Self::ApproveCertificates,
        Self::ChangeWebhooks,
        Self::CreateTokens,
    ];

    /// Whether a rule allows it. Names of objects limit a rule only where the request names one: a list or a creation
    /// does not, so that such a rule allows neither.
    fn is_in(self, rule: &PolicyRule) -> bool {
        const RBAC: &str = "rbac.authorization.k8s.io";
        const CERTIFICATES: &str = "certificates.k8s.io";
        let asks =
            |verbs: &[&str], group: &str, resource: &str| allows(rule, verbs, group, resource);
        match self {
            Self::Wildcard => [&rule.verbs, &rule.resources, &rule.api_groups]
                .into_iter()
                .any(|words| words.iter().any(|word| word == "*") && !rule.resources.is_empty()),
            Self::ReadSecrets => asks(&["get", "list", "watch"], "", "secrets"),
            Self::CreatePods => is_unnamed(rule) && asks(&["create"], "", "pods"),
            Self::Escalate => {
                let roles = ["roles", "clusterroles"];
                let impersonated = ["users", "groups", "serviceaccounts"];
                roles
                    .iter()
                    .any(|role| asks(&["bind", "escalate"], RBAC, role))
                    || impersonated
                        .iter()
                        .any(|who| asks(&["impersonate"], "", who))
                    || asks(&["impersonate"], "authentication.k8s.io", "userextras")
            }
            Self::CreateVolumes => is_unnamed(rule) && asks(&["create"], "", "persistentvolumes"),
            Self::NodesProxy => asks(
                &["get", "create", "update", "patch", "delete"],
                "",
                "nodes/proxy",
            ),
            Self::ApproveCertificates => {
                asks(
                    &["update", "patch"],
                    CERTIFICATES,
                    "certificatesigningrequests/approval",
                ) || asks(&["approve"], CERTIFICATES, "signers")
            }
            Self::ChangeWebhooks => [
                "validatingwebhookconfigurations",
                "mutatingwebhookconfigurations",
            ]
            .iter()
            .any(|kind| {
                asks(
                    &["create", "update", "patch", "delete", "deletecollection"],
                    "admissionregistration.k8s.io",
                    kind,
                )
            }),
            Self::CreateTokens => asks(&["create"], "", "serviceaccounts/token"),
        }
    }
}

fn is_unnamed(rule: &PolicyRule) -> bool {
    rule.resource_names.is_empty()
}

fn has(words: &[String], wanted: &str) -> bool {
    words.iter().any(|word| word == "*" || word == wanted)
}

/// Whether a rule allows one of the verbs on a resource, as the API server's authorizer has it: `*` is everything,
/// `*/scale` that part of every resource. Upstream: `pkg/apis/rbac/v1/evaluation_helpers.go` (1.37).
fn allows(rule: &PolicyRule, verbs: &[&str], group: &str, resource: &str) -> bool {
    let part_of_any = resource
        .split_once('/')
        .map(|(_, part)| format!("*/{part}"));
    let resource = has(&rule.resources, resource)
        || part_of_any.is_some_and(|any| rule.resources.contains(&any));
    resource && has(&rule.api_groups, group) && verbs.iter().any(|verb| has(&rule.verbs, verb))
}

/// Everything that a role allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Powers {
    bits: u16,
    /// The rules with `*`: `GROUPS/RESOURCES: VERBS`, each in alphabetical order with commas.
    pub(crate) wildcards: BTreeSet<String>,
    /// The pod security policies that it lets use; `*` is any.
    pub(crate) policies: BTreeSet<String>,
}

impl Powers {
    /// Of a role's rules.
    pub(crate) fn of(rules: &[PolicyRule]) -> Self {
        let mut powers = Self::default();
        for rule in rules {
            for power in Power::ALL {
                if power.is_in(rule) {
                    powers.bits |= bit(power);
                }
            }
            if Power::Wildcard.is_in(rule) {
                powers.wildcards.insert(written(rule));
            }
            let psp = "podsecuritypolicies";
            if allows(rule, &["use"], "policy", psp) || allows(rule, &["use"], "extensions", psp) {
                if is_unnamed(rule) {
                    powers.policies.insert("*".to_owned());
                }
                powers.policies.extend(rule.resource_names.iter().cloned());
            }
        }
        powers
    }

    /// Whether the role allows it.
    pub(crate) fn has(&self, power: Power) -> bool {
        self.bits & bit(power) != 0
    }

    /// Whether the role lets use this pod security policy.
    pub(crate) fn may_use(&self, policy: &str) -> bool {
        self.policies.contains("*") || self.policies.contains(policy)
    }
}

/// A rule as [`Powers::wildcards`] has it. Names of objects only narrow it.
fn written(rule: &PolicyRule) -> String {
    let words = |words: &[String]| {
        let sorted: BTreeSet<&str> = words.iter().map(String::as_str).collect();
        sorted.into_iter().collect::<Vec<_>>().join(",")
    };
    format!(
        "{}/{}: {}",
        words(&rule.api_groups),
        words(&rule.resources),
        words(&rule.verbs)
    )
}

fn bit(power: Power) -> u16 {
    let at = Power::ALL.iter().position(|one| *one == power);
    at.and_then(|at| u32::try_from(at).ok())
        .and_then(|at| 1_u16.checked_shl(at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rule: &str) -> Vec<Power> {
        let rule: PolicyRule = serde_json::from_str(rule).unwrap();
        let powers = Powers::of(&[rule]);
        Power::ALL
            .into_iter()
            .filter(|power| powers.has(*power))
            .collect()
    }

    #[test]
    fn rules_are_read_as_the_authorizer_does() {
        use Power::*;
        for (verbs, groups, resources, names, expected) in [
            ("get", "", "secrets", "", vec![ReadSecrets]),
            ("watch", "", "secrets", "", vec![ReadSecrets]),
            ("get", "", "secrets", "one", vec![ReadSecrets]),
            ("create", "", "secrets", "", vec![]),
            ("get", "apps", "secrets", "", vec![]),
            ("create", "", "pods", "", vec![CreatePods]),
            ("create", "", "pods", "one", vec![]),
            ("create", "", "pods/exec", "", vec![]),
            ("get", "", "nodes/proxy", "", vec![NodesProxy]),
            ("get", "", "*/proxy", "", vec![NodesProxy]),
            ("get", "", "nodes/*", "", vec![]),
            ("impersonate", "", "groups", "", vec![Escalate]),
            (
                "bind",
                "rbac.authorization.k8s.io",
                "clusterroles",
                "x",
                vec![Escalate],
            ),
            (
                "bind",
                "rbac.authorization.k8s.io",
                "rolebindings",
                "",
                vec![],
            ),
            ("create", "", "persistentvolumes", "", vec![CreateVolumes]),
            ("create", "", "persistentvolumeclaims", "", vec![]),
            (
                "approve",
                "certificates.k8s.io",
                "signers",
                "",
                vec![ApproveCertificates],
            ),
            (
                "patch",
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations",
                "",
                vec![ChangeWebhooks],
            ),
            (
                "create",
                "",
                "serviceaccounts/token",
                "",
                vec![CreateTokens],
            ),
            ("*", "", "nodes", "", vec![Wildcard]),
            ("get", "*", "things", "", vec![Wildcard]),
        ] {
            let names = if names.is_empty() {
                String::new()
            } else {
                format!("\"{names}\"")
            };
            let rule = format!(
                r#"{{"verbs":["{verbs}"],"apiGroups":["{groups}"],"resources":["{resources}"],"resourceNames":[{names}]}}"#
            );
            assert_eq!(of(&rule), expected, "{rule}");
        }
        assert_eq!(
            of(r#"{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}"#),
            Power::ALL
        );
        // Addresses outside of resources are no wildcard of resources.
        assert_eq!(of(r#"{"verbs":["*"],"nonResourceURLs":["*"]}"#), vec![]);
    }
}
