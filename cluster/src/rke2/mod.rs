//! RKE2's own objects in a cluster, recognised by their whole names: what a server and its charts make.
//!
//! Sources, all of RKE2 1.36.3 where nothing else is said: `pkg/rke2/np.go`, `pkg/rke2/psp.go`, `pkg/rke2/psa.go`,
//! `pkg/rke2/bootstrap` (roles), `charts/chart_versions.yaml`, and the helm controller's names of what it makes for a chart.

mod charts;

use preflight_rke2::shared::{Since, Version};

use self::charts::{CHARTS, WORKLOADS};
use crate::facts::{BindingFacts, Facts, Namespace, Owner};
use crate::objects::Subject;
use crate::powers::Powers;

/// The namespaces that a profile covers with network policies.
pub(crate) const COVERED: &[&str] = &["kube-system", "default", "kube-public"];

/// Namespaces that belong to RKE2, to Kubernetes, or to a network plugin that RKE2 installs.
const OWN_NAMESPACES: &[&str] = &[
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "tigera-operator",
    "calico-system",
    "calico-apiserver",
    "cis-operator-system",
    "compliance-operator-system",
];

/// Whether a namespace is RKE2's own. `default` is not: it is the operator's.
pub(crate) fn is_own_namespace(name: &str) -> bool {
    OWN_NAMESPACES.contains(&name)
}

/// Whether RKE2 runs it: a static pod of a server, a workload of a chart, or the job that installs a chart.
pub(crate) fn is_own_workload(owner: &Owner) -> bool {
    let (namespace, kind, name) = (
        owner.namespace.as_str(),
        owner.kind.as_str(),
        owner.name.as_str(),
    );
    let job = kind == "Job" && namespace == "kube-system";
    WORKLOADS.contains(&(namespace, kind, name))
        || job
            && name
                .strip_prefix("helm-install-")
                .is_some_and(|chart| CHARTS.contains(&chart))
}

/// The network plugins that RKE2 can install: namespace and name of the daemon set, and whether it enforces policies.
pub(crate) const PLUGINS: &[(&str, &str, &str, bool)] = &[
    ("kube-system", "rke2-canal", "canal", true),
    ("calico-system", "calico-node", "calico", true),
    ("kube-system", "cilium", "cilium", true),
    ("kube-system", "kube-flannel-ds", "flannel", false),
];

/// Grants to users and groups that Kubernetes' API server and RKE2's server make at each start: binding, role, kind, name.
const GRANTS: &[(&str, &str, &str, &str)] = &[
    ("cluster-admin", "cluster-admin", "Group", "system:masters"),
    (
        "system:kube-controller-manager",
        "system:kube-controller-manager",
        "User",
        "system:kube-controller-manager",
    ),
    (
        "system:kube-scheduler",
        "system:kube-scheduler",
        "User",
        "system:kube-scheduler",
    ),
    (
        "system:volume-scheduler",
        "system:volume-scheduler",
        "User",
        "system:kube-scheduler",
    ),
    (
        "kube-apiserver-kubelet-admin",
        "system:kubelet-api-admin",
        "User",
        "kube-apiserver",
    ),
    (
        "rke2-cloud-controller-manager",
        "rke2-cloud-controller-manager",
        "User",
        "rke2-cloud-controller-manager",
    ),
    (
        "system:rke2-controller",
        "system:rke2-controller",
        "User",
        "system:rke2-controller",
    ),
    // rancher-vsphere-cpi 1.15.300 names a user beside its account.
    (
        "system:rancher-vsphere-cpi-cloud-controller-manager",
        "system:rancher-vsphere-cpi-cloud-controller-manager",
        "User",
        "rancher-vsphere-cpi-cloud-controller-manager",
    ),
    (
        "kube-system/servicecatalog.k8s.io:apiserver-authentication-reader",
        "extension-apiserver-authentication-reader",
        "User",
        "rancher-vsphere-cpi-cloud-controller-manager",
    ),
    // Pod security policies, up to 1.24.
    (
        "system-unrestricted-node-psp-rolebinding",
        "system-unrestricted-psp-role",
        "Group",
        "system:nodes",
    ),
    (
        "kube-system/system-unrestricted-svc-acct-psp-rolebinding",
        "system-unrestricted-psp-role",
        "Group",
        "system:serviceaccounts",
    ),
    (
        "system-node-default-psp-rolebinding",
        "global-restricted-psp-clusterrole",
        "Group",
        "system:nodes",
    ),
    (
        "system-node-default-psp-rolebinding",
        "global-unrestricted-psp-clusterrole",
        "Group",
        "system:nodes",
    ),
];

/// Whether Kubernetes or RKE2 makes this grant itself: binding, role and subject together, so that a subject that was
/// added to such a binding is none of theirs.
pub(crate) fn is_own_grant(binding: &BindingFacts, subject: &Subject) -> bool {
    let name = binding.name.to_string();
    let grant = (
        name.as_str(),
        binding.role.name.as_str(),
        subject.kind.as_str(),
        subject.name.as_str(),
    );
    if GRANTS.contains(&grant) {
        return true;
    }
    if subject.kind != "ServiceAccount" {
        return false;
    }
    let (name, role, _, account) = grant;
    if charts::gives(name, role, &subject.namespace, account) {
        return true;
    }
    if subject.namespace != "kube-system" {
        return false;
    }
    // The account with which the helm controller installs a chart.
    let of_install = name
        .strip_prefix("helm-kube-system-")
        .is_some_and(|chart| CHARTS.contains(&chart) && account == format!("helm-{chart}"));
    if of_install {
        return role == "cluster-admin";
    }
    // Kubernetes gives some controllers rights in a namespace as well.
    ["", "kube-system", "kube-public"].contains(&binding.name.namespace.as_str())
        && binding.name.name.strip_prefix("system:controller:") == Some(account)
        && role == binding.name.name
}

/// Cluster roles of Kubernetes and RKE2 with `*` in a rule. `admin`, `edit` and `view` are the sum of others, which are
/// judged themselves.
const WILDCARD_ROLES: &[&str] = &[
    "admin",
    "cluster-admin",
    "edit",
    "rke2-cloud-controller-manager",
    "system:controller:disruption-controller",
    "system:controller:generic-garbage-collector",
    "system:controller:horizontal-pod-autoscaler",
    "system:controller:namespace-controller",
    "system:controller:resource-claim-controller",
    "system:controller:resourcequota-controller",
    "system:controller:storage-version-migrator-controller",
    "system:kube-controller-manager",
    "system:kubelet-api-admin",
    "view",
];

/// Whether a cluster role is one of those that have `*` by themselves: of Kubernetes and RKE2, which restore their roles at
/// each start; or of a chart, with the rules that the chart gives it and no other.
pub(crate) fn is_own_wildcard(role: &str, powers: &Powers) -> bool {
    WILDCARD_ROLES.contains(&role)
        || powers
            .wildcards
            .iter()
            .all(|rule| charts::has_wildcard(role, rule))
}

/// A network policy that a profile makes: once, then its namespace is marked and it is never made again.
pub(crate) struct OwnPolicy {
    pub(crate) name: &'static str,
    pub(crate) namespaces: &'static [&'static str],
    /// The annotation of the namespace that says that it was made.
    pub(crate) mark: &'static str,
    /// The first releases that make it.
    pub(crate) since: Since,
}

impl OwnPolicy {
    /// Whether a server of this release makes it.
    pub(crate) fn is_made_by(&self, version: &Version) -> bool {
        self.since.includes(version)
    }
}

const KUBE_SYSTEM: &[&str] = &["kube-system"];

/// `pkg/rke2/np.go`, e406d6ed6 and #3220.
pub(crate) const POLICIES: &[OwnPolicy] = &[
    OwnPolicy {
        name: "default-network-policy",
        namespaces: COVERED,
        mark: "np.rke2.io",
        since: Since::ALWAYS,
    },
    OwnPolicy {
        name: "default-network-dns-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/dns",
        since: Since::ALWAYS,
    },
    OwnPolicy {
        name: "default-network-ingress-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/ingress",
        since: Since(&[(22, 13, 1), (23, 10, 1), (24, 4, 1)]),
    },
    OwnPolicy {
        name: "default-network-ingress-webhook-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/ingress-webhook",
        since: NAMED_PORTS,
    },
    OwnPolicy {
        name: "default-network-snapshot-validation-webhook-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/snapshot-validation-webhook",
        since: NAMED_PORTS,
    },
    OwnPolicy {
        name: "default-network-metrics-server-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/metrics-server",
        since: NAMED_PORTS,
    },
    OwnPolicy {
        name: "default-network-traefik-policy",
        namespaces: KUBE_SYSTEM,
        mark: "np.rke2.io/traefik",
        since: Since(&[(30, 4, 1)]),
    },
];

/// Policies of RKE2's that are gone from a namespace for good: it is marked, so that RKE2 never makes them again.
pub(crate) fn lost_policies<'a>(
    facts: &'a Facts,
    name: &'a str,
    namespace: &'a Namespace,
) -> impl Iterator<Item = &'static OwnPolicy> + 'a {
    let present = facts.policies.get(name).map_or(&[][..], Vec::as_slice);
    POLICIES.iter().filter(move |policy| {
        policy.is_made_by(&facts.version)
            && policy.namespaces.contains(&name)
            && namespace.marks.contains(policy.mark)
            && !present.iter().any(|one| one.name == policy.name)
    })
}

const NAMED_PORTS: Since = Since(&[(26, 14, 1), (27, 11, 1), (28, 7, 1), (29, 2, 1)]);

/// The policy that lets in the nodes of flannel; without such nodes it lets in everything.
pub(crate) const FLANNEL_POLICY: &str = "rke2-flannel-host-networking";

/// Namespaces that pod security of older releases left out by default, and the first releases that do not
/// (`pkg/rke2/psa.go`).
const LOST_EXEMPTIONS: &[(&str, Since)] = &[(
    "cis-operator-system",
    Since(&[(33, 10, 1), (34, 6, 1), (35, 3, 1)]),
)];

/// Whether an older release left it out and this one does not, where RKE2's own file is in force.
pub(crate) fn lost_exemption(namespace: &str, version: &Version) -> bool {
    LOST_EXEMPTIONS
        .iter()
        .any(|(name, since)| *name == namespace && since.includes(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_make_what_they_make() {
        let made = |minor, patch| {
            let version = Version::new(minor, patch, 1);
            POLICIES
                .iter()
                .filter(|policy| policy.is_made_by(&version))
                .count()
        };
        for (minor, patch, count) in [
            (21, 14, 2),
            (22, 12, 2),
            (22, 13, 3),
            (25, 16, 3),
            (26, 13, 3),
            (26, 14, 6),
            (29, 15, 6),
            (30, 3, 6),
            (30, 4, 7),
            (31, 0, 7),
            (36, 3, 7),
        ] {
            assert_eq!(made(minor, patch), count, "1.{minor}.{patch}");
        }
    }

    #[test]
    fn exemptions_end() {
        for (namespace, minor, patch, lost) in [
            ("cis-operator-system", 25, 0, false),
            ("cis-operator-system", 32, 13, false),
            ("cis-operator-system", 33, 9, false),
            ("cis-operator-system", 33, 10, true),
            ("cis-operator-system", 34, 5, false),
            ("cis-operator-system", 36, 0, true),
            ("kube-system", 37, 1, false),
            ("compliance-operator-system", 37, 1, false),
        ] {
            let version = Version::new(minor, patch, 1);
            let of = lost_exemption(namespace, &version);
            assert_eq!(of, lost, "{namespace} {version}");
        }
    }
}
