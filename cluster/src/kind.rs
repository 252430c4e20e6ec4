//! The kinds of objects that rules need: how dumps name them, and where the API has them.

use preflight_rke2::shared::{Since, Version};

/// A kind of object that rules need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// Namespaces: labels of pod security, marks of RKE2.
    Namespace,
    /// Nodes: RKE2's arguments.
    Node,
    /// Service accounts.
    ServiceAccount,
    /// Roles of all namespaces.
    Role,
    /// Cluster roles.
    ClusterRole,
    /// Role bindings of all namespaces.
    RoleBinding,
    /// Cluster role bindings.
    ClusterRoleBinding,
    /// Pods.
    Pod,
    /// Network policies.
    NetworkPolicy,
    /// Pod security policies, which Kubernetes has up to 1.24.
    PodSecurityPolicy,
    /// Validating webhook configurations.
    ValidatingWebhook,
    /// Mutating webhook configurations.
    MutatingWebhook,
    /// Services in the namespace `default`.
    Service,
    /// Deployments there.
    Deployment,
    /// Daemon sets there.
    DaemonSet,
    /// Stateful sets there.
    StatefulSet,
    /// Jobs of all namespaces: which cron job made them.
    Job,
    /// Cron jobs in the namespace `default`.
    CronJob,
}

/// Facts about a kind.
struct Row {
    kind: Kind,
    /// As objects name themselves.
    name: &'static str,
    /// As the API names the list.
    plural: &'static str,
    /// The API's group; empty for the core.
    group: &'static str,
    /// The version of the group that is read.
    version: &'static str,
    /// Where they are read.
    scope: Scope,
}

/// Where the objects of a kind are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Of the whole cluster, not in namespaces.
    Cluster,
    /// In all namespaces.
    Namespaces,
    /// In the namespace `default` alone.
    Default,
}

const fn row(
    kind: Kind,
    name: &'static str,
    plural: &'static str,
    api: (&'static str, &'static str),
    scope: Scope,
) -> Row {
    Row {
        kind,
        name,
        plural,
        group: api.0,
        version: api.1,
        scope,
    }
}

const CORE: (&str, &str) = ("", "v1");
const RBAC: (&str, &str) = ("rbac.authorization.k8s.io", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");
const NETWORKING: (&str, &str) = ("networking.k8s.io", "v1");
const ADMISSION: (&str, &str) = ("admissionregistration.k8s.io", "v1");
const POLICY: (&str, &str) = ("policy", "v1beta1");

const ROWS: &[Row] = &[
    row(
        Kind::Namespace,
        "Namespace",
        "namespaces",
        CORE,
        Scope::Cluster,
    ),
    row(Kind::Node, "Node", "nodes", CORE, Scope::Cluster),
    row(
        Kind::ServiceAccount,
        "ServiceAccount",
        "serviceaccounts",
        CORE,
        Scope::Namespaces,
    ),
    row(Kind::Role, "Role", "roles", RBAC, Scope::Namespaces),
    row(
        Kind::ClusterRole,
        "ClusterRole",
        "clusterroles",
        RBAC,
        Scope::Cluster,
    ),
    row(
        Kind::RoleBinding,
        "RoleBinding",
        "rolebindings",
        RBAC,
        Scope::Namespaces,
    ),
    row(
        Kind::ClusterRoleBinding,
        "ClusterRoleBinding",
        "clusterrolebindings",
        RBAC,
        Scope::Cluster,
    ),
    row(Kind::Job, "Job", "jobs", BATCH, Scope::Namespaces),
    row(Kind::Pod, "Pod", "pods", CORE, Scope::Namespaces),
    row(
        Kind::NetworkPolicy,
        "NetworkPolicy",
        "networkpolicies",
        NETWORKING,
        Scope::Namespaces,
    ),
    row(
        Kind::PodSecurityPolicy,
        "PodSecurityPolicy",
        "podsecuritypolicies",
        POLICY,
        Scope::Cluster,
    ),
    row(
        Kind::ValidatingWebhook,
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        ADMISSION,
        Scope::Cluster,
    ),
    row(
        Kind::MutatingWebhook,
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        ADMISSION,
        Scope::Cluster,
    ),
    row(Kind::Service, "Service", "services", CORE, Scope::Default),
    row(
        Kind::Deployment,
        "Deployment",
        "deployments",
        APPS,
        Scope::Default,
    ),
    row(
        Kind::DaemonSet,
        "DaemonSet",
        "daemonsets",
        APPS,
        Scope::Default,
    ),
    row(
        Kind::StatefulSet,
        "StatefulSet",
        "statefulsets",
        APPS,
        Scope::Default,
    ),
    row(Kind::CronJob, "CronJob", "cronjobs", BATCH, Scope::Default),
];

/// Kubernetes 1.21 has cron jobs in `batch/v1`, older ones in `batch/v1beta1` alone.
const WITH_CRON_JOBS: Since = Since(&[(21, 0, 0)]);

/// Kubernetes 1.25 has no pod security policies any more.
const WITHOUT_POLICIES: Since = Since(&[(25, 0, 0)]);

impl Kind {
    /// Every kind that a cluster of this release has, in the order in which they are read: what says which objects are
    /// whose before the objects.
    pub(crate) fn all(version: &Version) -> Vec<Self> {
        ROWS.iter()
            .map(|row| row.kind)
            .filter(|kind| *kind != Self::PodSecurityPolicy || !WITHOUT_POLICIES.includes(version))
            .collect()
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.kind == self)
    }

    /// As objects name themselves: `NetworkPolicy`.
    pub(crate) fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// As the API names the list: `networkpolicies`.
    pub(crate) fn plural(self) -> &'static str {
        self.row().map_or("", |row| row.plural)
    }

    /// As the API's group is called; empty for the core.
    pub(crate) fn group(self) -> &'static str {
        self.row().map_or("", |row| row.group)
    }

    /// `networkpolicies.networking.k8s.io`, as `kubectl get` takes it.
    pub(crate) fn resource(self) -> String {
        match self.group() {
            "" => self.plural().to_owned(),
            group => format!("{}.{group}", self.plural()),
        }
    }

    /// Where they are read.
    pub(crate) fn scope(self) -> Scope {
        self.row().map_or(Scope::Cluster, |row| row.scope)
    }

    /// The path of the list, as a cluster of this release has it.
    pub(crate) fn path(self, release: &Version) -> String {
        let Some(row) = self.row() else {
            return String::new();
        };
        let is_older = self == Self::CronJob && !WITH_CRON_JOBS.includes(release);
        let version = if is_older { "v1beta1" } else { row.version };
        let api = match row.group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        match row.scope {
            Scope::Default => format!("{api}/namespaces/default/{}", row.plural),
            Scope::Cluster | Scope::Namespaces => format!("{api}/{}", row.plural),
        }
    }

    /// The kind of an object, by what it says of itself. Another version of a group holds the same fields.
    pub(crate) fn of(api_version: &str, kind: &str) -> Option<Self> {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        ROWS.iter()
            .find(|row| row.name == kind && row.group == group)
            .map(|row| row.kind)
    }

    /// The kind that a name of a file may mean: `networkpolicies`, `NetworkPolicy`, `networkpolicies.networking.k8s.io`.
    pub(crate) fn of_file(stem: &str) -> Option<Self> {
        let stem = stem.to_ascii_lowercase();
        ROWS.iter().map(|row| row.kind).find(|kind| {
            stem == kind.plural()
                || stem == kind.name().to_ascii_lowercase()
                || stem == kind.resource()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_known_by_its_names() {
        let all = Kind::all(&Version::new(24, 17, 1));
        let newest = Version::new(37, 1, 1);
        assert_eq!(all.len(), ROWS.len());
        for kind in all {
            for name in [kind.plural(), kind.name(), &kind.resource()] {
                assert_eq!(Kind::of_file(name), Some(kind));
            }
            assert!(kind.path(&newest).ends_with(kind.plural()));
        }
        assert_eq!(
            Kind::NetworkPolicy.path(&newest),
            "/apis/networking.k8s.io/v1/networkpolicies"
        );
        for (minor, version) in [(37, "v1"), (21, "v1"), (20, "v1beta1"), (18, "v1beta1")] {
            let release = Version::new(minor, 0, 1);
            assert_eq!(
                Kind::CronJob.path(&release),
                format!("/apis/batch/{version}/namespaces/default/cronjobs")
            );
            assert_eq!(Kind::Job.path(&release), "/apis/batch/v1/jobs");
        }
        // A kind of the same name in another group is another kind.
        assert_eq!(Kind::of("crd.projectcalico.org/v1", "NetworkPolicy"), None);
        assert_eq!(
            Kind::of("networking.k8s.io/v1", "NetworkPolicy"),
            Some(Kind::NetworkPolicy)
        );
        assert_eq!(Kind::of("v1", "Secret"), None);
        assert_eq!(Kind::of_file("all"), None);
    }

    /// The loop that writes dumps names every kind.
    #[test]
    fn the_documents_dump_every_kind() {
        let text = include_str!("../../docs/cluster.md");
        let (_, from) = text.split_once("    for kind in ").unwrap();
        let (kinds, _) = from.split_once("; do").unwrap();
        let dumped: Vec<&str> = kinds
            .split_whitespace()
            .filter(|word| *word != "\\")
            .collect();
        let all = Kind::all(&Version::new(37, 1, 1));
        assert_eq!(dumped.len(), all.len());
        for kind in all {
            assert!(dumped.contains(&kind.plural()), "{}", kind.plural());
        }
        assert!(text.contains("`podsecuritypolicies`"));
    }

    #[test]
    fn pod_security_policies_are_gone_since_1_25() {
        assert!(Kind::all(&Version::new(24, 17, 1)).contains(&Kind::PodSecurityPolicy));
        assert!(!Kind::all(&Version::new(25, 0, 0)).contains(&Kind::PodSecurityPolicy));
    }
}
