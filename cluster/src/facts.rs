//! What is known of a cluster: each object reduced to what rules ask, as it is read. Plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use preflight_rke2::shared::Version;
use serde_json::value::RawValue;

use crate::kind::{Kind, Scope};
use crate::objects::{
    self, Binding, Head, Meta, Named, NetworkPolicy, Node, Pod, PodSecurityPolicy, RoleRef,
    ServiceAccount, Subject, WebhookConfiguration,
};
use crate::powers::Powers;
use crate::traits::Traits;

/// How far a list was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// To its end.
    Whole,
    /// Not, or not to its end: why.
    Missing(String),
}

/// A namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Namespace {
    /// `pod-security.kubernetes.io/enforce`.
    pub(crate) enforce: Option<String>,
    /// RKE2's marks that it made an object, by annotation.
    pub(crate) marks: BTreeSet<String>,
    /// Whether it is being deleted: nothing can be made in it any more.
    pub(crate) is_ending: bool,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NodeFacts {
    /// Its name.
    pub(crate) name: String,
    /// What RKE2 was started as, with which profile; `None` where the node has no such annotation.
    pub(crate) rke2: Option<Rke2Arguments>,
}

/// RKE2's arguments on a node, of `rke2.io/node-args`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rke2Arguments {
    /// `server`, not `agent`.
    pub(crate) is_server: bool,
    /// `--profile`; empty without one.
    pub(crate) profile: String,
    /// Whether pod security has a file of its own: then RKE2's defaults are not in force.
    pub(crate) own_pod_security: bool,
}

impl Rke2Arguments {
    /// Reads the annotation: a list of words in JSON, where values follow their flags.
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<String> = serde_json::from_str(text).ok()?;
        let mut arguments = Self {
            is_server: words.first()? == "server",
            ..Self::default()
        };
        let mut words = words.iter().skip(1);
        while let Some(word) = words.next() {
            let word = word.trim_start_matches('-');
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word, None),
            };
            match flag {
                "profile" => {
                    let next = || words.next().map(String::as_str);
                    arguments.profile = value.or_else(next).unwrap_or_default().to_owned();
                }
                "pod-security-admission-config-file" => arguments.own_pod_security = true,
                _ => {}
            }
        }
        Some(arguments)
    }

    /// Whether the profile is one of CIS.
    pub(crate) fn is_hardened(&self) -> bool {
        self.profile == "cis" || self.profile.starts_with("cis-")
    }
}

/// The name of an object in a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    /// Empty for objects of the whole cluster.
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl Name {
    fn of(meta: &Meta) -> Self {
        Self {
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// A role binding, or a cluster role binding where it has no namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindingFacts {
    pub(crate) name: Name,
    pub(crate) role: RoleRef,
    pub(crate) subjects: Vec<Subject>,
}

/// What makes pods: their controller, or a pod that has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) namespace: String,
    /// `Deployment`, `DaemonSet`, `Pod`; `static pod` for those of a node's own files.
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Owner {
    /// The owner of a pod. A replica set is named after its deployment and the hash of the template, which the pod has as
    /// a label; a static pod after its file and the node.
    fn of(pod: &Pod) -> Self {
        let meta = &pod.metadata;
        let owner = meta.owner_references.iter().find(|owner| owner.controller);
        let (kind, name) = match owner {
            None => ("Pod", meta.name.as_str()),
            Some(owner) if owner.kind == "Node" => {
                let node = format!("-{}", pod.spec.node_name);
                let name = meta.name.strip_suffix(&node);
                ("static pod", name.unwrap_or(&meta.name))
            }
            Some(owner) if owner.kind == "ReplicaSet" => {
                let hash = meta.labels.get("pod-template-hash");
                let deployment = hash.and_then(|hash| {
                    let name = owner.name.strip_suffix(hash.as_str())?;
                    name.strip_suffix('-')
                });
                match deployment {
                    Some(deployment) => ("Deployment", deployment),
                    None => ("ReplicaSet", owner.name.as_str()),
                }
            }
            Some(owner) => (owner.kind.as_str(), owner.name.as_str()),
        };
        Self {
            namespace: meta.namespace.clone(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// The pods of one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Workload {
    /// How many there are.
    pub(crate) pods: u32,
    /// What any of them has.
    pub(crate) traits: Traits,
    /// Their service account.
    pub(crate) account: String,
    /// Their own word on tokens; of several, the one that mounts more.
    pub(crate) automount: Option<bool>,
    /// Whom a pod runs as, by its node, where that pod is a static pod.
    pub(crate) users: BTreeMap<String, Option<i64>>,
}

impl Workload {
    /// Of one pod.
    fn of(pod: &Pod, is_static: bool) -> Self {
        let spec = &pod.spec;
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        let mut users = BTreeMap::new();
        if is_static {
            let context = spec.security_context.as_ref();
            let user = context.and_then(|context| context.run_as_user);
            users.insert(spec.node_name.clone(), user);
        }
        Self {
            pods: 1,
            traits: Traits::of(spec),
            account: account.to_owned(),
            automount: spec.automount_service_account_token,
            users,
        }
    }

    /// Adds pods of the same owner.
    fn add(&mut self, other: Self) {
        if self.pods == 0 {
            *self = other;
            return;
        }
        self.automount = match (self.automount, other.automount) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        self.pods = self.pods.saturating_add(other.pods);
        self.traits = self.traits.and(other.traits);
        self.account = other.account;
        self.users.extend(other.users);
    }
}

/// A network policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyFacts {
    pub(crate) name: String,
    /// Whether it is about every pod of the namespace.
    pub(crate) selects_all: bool,
    /// Whether it restricts what comes in.
    pub(crate) is_ingress: bool,
    /// Whether one of its rules lets in everything.
    pub(crate) allows_all: bool,
}

/// Everything that is known of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The release of its API server.
    pub(crate) version: Version,
    lists: BTreeMap<Kind, Reading>,
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) nodes: Vec<NodeFacts>,
    /// Service accounts and their own word on tokens.
    pub(crate) accounts: BTreeMap<Name, Option<bool>>,
    /// Roles, and cluster roles without a namespace.
    pub(crate) roles: BTreeMap<Name, Powers>,
    pub(crate) bindings: Vec<BindingFacts>,
    pub(crate) workloads: BTreeMap<Owner, Workload>,
    /// Jobs that a cron job made, and its name.
    cron_jobs: BTreeMap<Name, String>,
    /// Network policies by namespace.
    pub(crate) policies: BTreeMap<String, Vec<PolicyFacts>>,
    /// Pod security policies: what each lets pods have.
    pub(crate) pod_security_policies: BTreeMap<String, Traits>,
    /// Webhook configurations that are asked about pods.
    pub(crate) pod_webhooks: BTreeSet<String>,
    /// Objects in the namespace `default`, but for pods.
    pub(crate) in_default: BTreeSet<(Kind, String)>,
}

/// An object that is not as Kubernetes' API has it.
#[derive(Debug, thiserror::Error)]
#[error("an object is not understood: {0}")]
pub(crate) struct NotUnderstood(serde_json::Error);

/// What a list cannot lack on any cluster that serves, by which a list that was narrowed is recognised.
const ALWAYS_THERE: &[(Kind, &str)] = &[
    (Kind::Namespace, "kube-system"),
    (Kind::Namespace, "default"),
    (Kind::Service, "default/kubernetes"),
    (Kind::ServiceAccount, "kube-system/default"),
    (Kind::ClusterRole, "cluster-admin"),
    (Kind::ClusterRoleBinding, "cluster-admin"),
    (
        Kind::Role,
        "kube-system/extension-apiserver-authentication-reader",
    ),
];

impl Facts {
    /// Nothing read yet.
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            lists: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            nodes: Vec::new(),
            accounts: BTreeMap::new(),
            roles: BTreeMap::new(),
            bindings: Vec::new(),
            workloads: BTreeMap::new(),
            cron_jobs: BTreeMap::new(),
            policies: BTreeMap::new(),
            pod_security_policies: BTreeMap::new(),
            pod_webhooks: BTreeSet::new(),
            in_default: BTreeSet::new(),
        }
    }

    /// Notes how far a list was read. What is missing stays missing.
    pub(crate) fn note(&mut self, kind: Kind, reading: Reading) {
        match self.lists.get(&kind) {
            Some(Reading::Missing(_)) => {}
            _ => {
                self.lists.insert(kind, reading);
            }
        }
    }

    /// Whether anything says how far a list was read.
    pub(crate) fn is_noted(&self, kind: Kind) -> bool {
        self.lists.contains_key(&kind)
    }

    /// Adds the text of one object.
    pub(crate) fn add(&mut self, kind: Kind, object: &RawValue) -> Result<(), NotUnderstood> {
        self.add_parsed(kind, object.get()).map_err(NotUnderstood)
    }

    fn add_parsed(&mut self, kind: Kind, text: &str) -> Result<(), serde_json::Error> {
        match kind {
            Kind::Namespace => self.namespace(serde_json::from_str(text)?),
            Kind::Node => self.node(serde_json::from_str(text)?),
            Kind::ServiceAccount => {
                let account: ServiceAccount = serde_json::from_str(text)?;
                self.accounts.insert(
                    Name::of(&account.metadata),
                    account.automount_service_account_token,
                );
            }
            Kind::Role | Kind::ClusterRole => {
                let role: objects::Role = serde_json::from_str(text)?;
                let powers = Powers::of(&role.rules.unwrap_or_default());
                self.roles.insert(Name::of(&role.metadata), powers);
            }
            Kind::RoleBinding | Kind::ClusterRoleBinding => {
                let binding: Binding = serde_json::from_str(text)?;
                self.bindings.push(BindingFacts {
                    name: Name::of(&binding.metadata),
                    role: binding.role_ref,
                    subjects: binding.subjects.unwrap_or_default(),
                });
            }
            Kind::Pod => self.pod(&serde_json::from_str(text)?),
            Kind::NetworkPolicy => self.network_policy(serde_json::from_str(text)?),
            Kind::PodSecurityPolicy => {
                let policy: PodSecurityPolicy = serde_json::from_str(text)?;
                self.pod_security_policies
                    .insert(policy.metadata.name, Traits::allowed_by(&policy.spec));
            }
            Kind::ValidatingWebhook | Kind::MutatingWebhook => {
                let configuration: WebhookConfiguration = serde_json::from_str(text)?;
                let mut resources = configuration
                    .webhooks
                    .iter()
                    .flatten()
                    .flat_map(|webhook| webhook.rules.iter().flatten())
                    .flat_map(|rule| &rule.resources);
                if resources.any(|resource| ["pods", "*", "*/*"].contains(&resource.as_str())) {
                    self.pod_webhooks.insert(configuration.metadata.name);
                }
            }
            Kind::Job => self.job(serde_json::from_str(text)?),
            Kind::Service
            | Kind::Deployment
            | Kind::DaemonSet
            | Kind::StatefulSet
            | Kind::CronJob => {
                let object: Named = serde_json::from_str(text)?;
                if object.metadata.namespace == "default" {
                    self.in_default.insert((kind, object.metadata.name));
                }
            }
        }
        Ok(())
    }

    fn namespace(&mut self, object: Named) {
        let enforce = object
            .metadata
            .labels
            .get("pod-security.kubernetes.io/enforce");
        let facts = Namespace {
            enforce: enforce.cloned(),
            marks: object.metadata.annotations.0.into_keys().collect(),
            is_ending: object.metadata.deletion_timestamp.is_some(),
        };
        self.namespaces.insert(object.metadata.name, facts);
    }

    fn node(&mut self, node: Node) {
        let arguments = node.metadata.annotations.0.get("rke2.io/node-args");
        self.nodes.push(NodeFacts {
            rke2: arguments.and_then(|text| Rke2Arguments::parse(text)),
            name: node.metadata.name,
        });
    }

    /// A job of a cron job is named by that, and its pods are.
    fn job(&mut self, job: Named) {
        let meta = job.metadata;
        let mut owners = meta.owner_references.iter();
        let cron_job = owners.find(|owner| owner.controller && owner.kind == "CronJob");
        match cron_job {
            Some(owner) => {
                self.cron_jobs.insert(Name::of(&meta), owner.name.clone());
            }
            None if meta.namespace == "default" => {
                self.in_default.insert((Kind::Job, meta.name));
            }
            None => {}
        }
    }

    /// The owner itself, or the cron job that made it, where that is known.
    fn above(&self, owner: Owner) -> Owner {
        if owner.kind != "Job" {
            return owner;
        }
        let job = Name {
            namespace: owner.namespace,
            name: owner.name,
        };
        match self.cron_jobs.get(&job) {
            Some(cron_job) => Owner {
                namespace: job.namespace,
                kind: "CronJob".to_owned(),
                name: cron_job.clone(),
            },
            None => Owner {
                namespace: job.namespace,
                kind: owner.kind,
                name: job.name,
            },
        }
    }

    /// Names pods that were read before their jobs by the cron jobs of these. To be called once everything was read.
    pub(crate) fn settle(&mut self) {
        let early: Vec<Owner> = self
            .workloads
            .keys()
            .filter(|owner| owner.kind == "Job")
            .cloned()
            .collect();
        for owner in early {
            let above = self.above(owner.clone());
            if above != owner
                && let Some(workload) = self.workloads.remove(&owner)
            {
                self.workloads.entry(above).or_default().add(workload);
            }
        }
        self.cron_jobs.clear();
    }

    /// Pods that have ended hold nothing any more.
    fn pod(&mut self, pod: &Pod) {
        if ["Succeeded", "Failed"].contains(&pod.status.phase.as_str()) {
            return;
        }
        let owner = self.above(Owner::of(pod));
        let workload = Workload::of(pod, owner.kind == "static pod");
        self.workloads.entry(owner).or_default().add(workload);
    }

    fn network_policy(&mut self, policy: NetworkPolicy) {
        let spec = &policy.spec;
        // Without types a policy is about ingress, and about egress where it has such rules.
        let is_ingress = spec
            .policy_types
            .as_ref()
            .is_none_or(|types| types.iter().any(|one| one == "Ingress"));
        let allows_all = spec
            .ingress
            .iter()
            .flatten()
            .any(objects::IngressRule::allows_all);
        self.policies
            .entry(policy.metadata.namespace)
            .or_default()
            .push(PolicyFacts {
                name: policy.metadata.name,
                selects_all: spec.pod_selector.is_empty(),
                is_ingress,
                allows_all,
            });
    }

    /// Why a rule that needs these lists cannot be applied: one reason for each list that is missing.
    pub(crate) fn missing(&self, kinds: &[Kind]) -> Vec<String> {
        kinds
            .iter()
            .filter_map(|kind| match self.lists.get(kind) {
                None => Some(format!("{} were not read", kind.resource())),
                Some(Reading::Missing(why)) => Some(format!("{}: {why}", kind.resource())),
                Some(Reading::Whole) => self.narrowed(*kind),
            })
            .collect()
    }

    /// How a list that was read to its end is seen not to be of the whole cluster.
    fn narrowed(&self, kind: Kind) -> Option<String> {
        let names: BTreeSet<String> = match kind {
            Kind::Namespace => self.namespaces.keys().cloned().collect(),
            Kind::ServiceAccount => self.accounts.keys().map(Name::to_string).collect(),
            Kind::Role | Kind::ClusterRole => self.roles.keys().map(Name::to_string).collect(),
            Kind::ClusterRoleBinding => self.bindings.iter().map(|b| b.name.to_string()).collect(),
            Kind::RoleBinding => {
                let mut all = self.bindings.iter();
                let any = all.any(|binding| binding.name.namespace == "kube-system");
                return (!any).then(|| narrowed(kind, "one in the namespace kube-system"));
            }
            Kind::Pod => {
                let any = self
                    .workloads
                    .keys()
                    .any(|owner| owner.namespace == "kube-system");
                return (!any).then(|| narrowed(kind, "one in the namespace kube-system"));
            }
            Kind::Service => self
                .in_default
                .iter()
                .filter(|(of, _)| *of == kind)
                .map(|(_, name)| format!("default/{name}"))
                .collect(),
            Kind::Node => return self.nodes.is_empty().then(|| narrowed(kind, "one")),
            _ => return None,
        };
        ALWAYS_THERE
            .iter()
            .find(|(of, name)| *of == kind && !names.contains(*name))
            .map(|(_, name)| narrowed(kind, name))
    }

    /// Whether every RKE2 server has a CIS profile, and there is one.
    pub(crate) fn has_profile_everywhere(&self) -> bool {
        self.servers().next().is_some() && self.servers().all(|(_, rke2)| rke2.is_hardened())
    }

    /// The RKE2 servers among the nodes, with their arguments.
    pub(crate) fn servers(&self) -> impl Iterator<Item = (&NodeFacts, &Rke2Arguments)> {
        self.nodes
            .iter()
            .filter_map(|node| Some((node, node.rke2.as_ref()?)))
            .filter(|(_, arguments)| arguments.is_server)
    }
}

fn narrowed(kind: Kind, what: &str) -> String {
    let of_all = match kind.scope() {
        Scope::Cluster => "",
        Scope::Namespaces => " of all namespaces",
        Scope::Default => " of the namespace default",
    };
    format!(
        "{}: the list has not {what}, which every RKE2 cluster has: it is not the list{of_all}",
        kind.resource()
    )
}

/// The kind of an object by its text.
pub(crate) fn kind_of(object: &RawValue) -> Option<Kind> {
    let head: Head = serde_json::from_str(object.get()).ok()?;
    Kind::of(&head.api_version?, &head.kind?)
}
