//! The plan: steps, what they take from running pods, and what is left as it is.

use std::collections::BTreeSet;

use clap::ValueEnum;
use preflight_rke2::shared::Version;
use serde_json::{Value, json};

use super::FIELD_MANAGER;
use crate::client::Patch;
use crate::facts::{Facts, Name, Namespace, Owner, Rke2Arguments};
use crate::kind::Kind;
use crate::rke2::{self, COVERED};
use crate::traits::Trait;

/// The name of a network policy that is added: that of RKE2's own in the namespaces of its own.
pub(super) const POLICY: &str = "default-network-policy";

/// What a network policy that is added lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ingress {
    /// Nothing comes in
    Deny,
    /// What comes from pods of the same namespace comes in
    SameNamespace,
}

/// What a user wants to be changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Only these namespaces; all where there are none.
    pub(crate) namespaces: Vec<String>,
    /// Whether network policies are added, and which.
    pub(crate) policies: Option<Ingress>,
}

/// One change of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The account `default` of a namespace gets `automountServiceAccountToken: false`.
    Account {
        namespace: String,
        /// Whether it says `true`, which somebody has set, and may own.
        says_true: bool,
    },
    /// A namespace gets a network policy for all of its pods.
    Policy { namespace: String, ingress: Ingress },
    /// A namespace loses RKE2's mark that it made a policy, so that RKE2 makes it again.
    Unmark {
        namespace: String,
        mark: &'static str,
        policy: &'static str,
    },
}

impl Step {
    /// Where it happens.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Account { namespace, .. }
            | Self::Policy { namespace, .. }
            | Self::Unmark { namespace, .. } => namespace,
        }
    }

    /// The resource that is patched, as rights name it.
    pub(super) const fn resource(&self) -> &'static str {
        match self {
            Self::Account { .. } => "serviceaccounts",
            Self::Policy { .. } => "networkpolicies.networking.k8s.io",
            Self::Unmark { .. } => "namespaces",
        }
    }

    /// The path of the request; `is_trial` asks the API server to store nothing.
    pub(super) fn path(&self, is_trial: bool) -> String {
        let object = match self {
            Self::Account { namespace, .. } => {
                format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")
            }
            Self::Policy { namespace, .. } => format!(
                "/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies/{POLICY}"
            ),
            Self::Unmark { namespace, .. } => format!("/api/v1/namespaces/{namespace}"),
        };
        let trial = if is_trial { "&dryRun=All" } else { "" };
        format!("{object}?fieldManager={FIELD_MANAGER}{trial}")
    }

    /// The type and the body of the request. Server-side apply cannot remove a field of another manager, so that a mark is
    /// removed by a merge patch.
    pub(super) fn patch(&self) -> (Patch, Value) {
        match self {
            Self::Account { namespace, .. } => (
                Patch::Apply,
                json!({
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "metadata": { "name": "default", "namespace": namespace },
                    "automountServiceAccountToken": false,
                }),
            ),
            Self::Policy { namespace, ingress } => {
                let ingress = match ingress {
                    Ingress::Deny => json!([]),
                    Ingress::SameNamespace => json!([{ "from": [{ "podSelector": {} }] }]),
                };
                (
                    Patch::Apply,
                    json!({
                        "apiVersion": "networking.k8s.io/v1",
                        "kind": "NetworkPolicy",
                        "metadata": { "name": POLICY, "namespace": namespace },
                        "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": ingress },
                    }),
                )
            }
            Self::Unmark { mark, .. } => {
                let mut annotations = serde_json::Map::new();
                annotations.insert((*mark).to_owned(), Value::Null);
                (
                    Patch::Merge,
                    json!({ "metadata": { "annotations": annotations } }),
                )
            }
        }
    }
}

/// Running pods of one namespace that a network policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CutOff {
    pub(crate) namespace: String,
    /// What makes them, and how many there are.
    pub(crate) pods: Vec<(Owner, u32)>,
    /// How many of them take a port of the node, so that something comes in from outside.
    pub(crate) with_port: u32,
}

/// What to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Accounts, then policies, then marks; each by namespace.
    pub(crate) steps: Vec<Step>,
    /// What makes running pods that mount the token of an account that is changed, without having asked for it themselves,
    /// and how many there are. They keep the token until they are made anew.
    pub(crate) lose_token: Vec<(Owner, u32)>,
    /// The pods to which less comes in, by the namespaces that get a network policy and in which any run. Pods in the
    /// node's network are none of them: network plugins leave those alone.
    pub(crate) cut_off: Vec<CutOff>,
    /// What is not changed, and why: a clause for each namespace.
    pub(crate) left: Vec<String>,
    /// Whether RKE2 acts on a mark that is removed: a server with the profile does.
    pub(crate) has_profile: bool,
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// Lists that were not read to their end: a plan of half of them could break what works.
    #[error("{}", .0.join("; "))]
    Unread(Vec<String>),
    /// A namespace that was asked for.
    #[error("the cluster has no namespace \"{}\"", .0.escape_debug())]
    NoNamespace(String),
}

/// The lists that a plan needs.
pub(crate) fn kinds(_: &Version) -> Vec<Kind> {
    vec![
        Kind::Namespace,
        Kind::Node,
        Kind::ServiceAccount,
        Kind::Job,
        Kind::Pod,
        Kind::NetworkPolicy,
    ]
}

/// Plans what is asked.
pub(crate) fn plan(facts: &Facts, asked: &Asked) -> Result<Plan, PlanError> {
    let unread = facts.missing(&kinds(&facts.version));
    if !unread.is_empty() {
        return Err(PlanError::Unread(unread));
    }
    let mut known = asked.namespaces.iter();
    if let Some(unknown) = known.find(|name| !facts.namespaces.contains_key(*name)) {
        return Err(PlanError::NoNamespace(unknown.clone()));
    }
    let mut plan = Plan {
        has_profile: facts
            .servers()
            .any(|(_, of)| Rke2Arguments::is_hardened(of)),
        ..Plan::default()
    };
    let wanted: Vec<(&String, &Namespace)> = facts
        .namespaces
        .iter()
        .filter(|(name, _)| asked.namespaces.is_empty() || asked.namespaces.contains(name))
        .collect();
    let (ending, staying): (Vec<_>, Vec<_>) = wanted
        .into_iter()
        .partition(|(_, namespace)| namespace.is_ending);
    for (name, _) in ending {
        plan.left.push(format!("{name} is being deleted"));
    }
    accounts(facts, &staying, &mut plan);
    if let Some(ingress) = asked.policies {
        policies(facts, &staying, ingress, &mut plan);
        for (name, namespace) in &staying {
            let lost = rke2::lost_policies(facts, name, namespace);
            plan.steps.extend(lost.map(|policy| Step::Unmark {
                namespace: (*name).clone(),
                mark: policy.mark,
                policy: policy.name,
            }));
        }
    }
    Ok(plan)
}

fn accounts(facts: &Facts, namespaces: &[(&String, &Namespace)], plan: &mut Plan) {
    let mut changed: BTreeSet<&str> = BTreeSet::new();
    for (namespace, _) in namespaces {
        let account = Name {
            namespace: (*namespace).clone(),
            name: "default".to_owned(),
        };
        // Without an account there is none to change: the controller makes it.
        let Some(automount) = facts.accounts.get(&account) else {
            continue;
        };
        if *automount != Some(false) {
            changed.insert(namespace);
            plan.steps.push(Step::Account {
                namespace: account.namespace,
                says_true: *automount == Some(true),
            });
        }
    }
    plan.lose_token = facts
        .workloads
        .iter()
        .filter(|(owner, workload)| {
            // A static pod mounts no token.
            changed.contains(owner.namespace.as_str())
                && owner.kind != "static pod"
                && workload.account == "default"
                && workload.automount.is_none()
        })
        .map(|(owner, workload)| (owner.clone(), workload.pods))
        .collect();
}

/// Namespaces of the operator without a policy about what comes in.
fn policies(
    facts: &Facts,
    namespaces: &[(&String, &Namespace)],
    ingress: Ingress,
    plan: &mut Plan,
) {
    for (name, namespace) in namespaces {
        let mut present = facts.policies.get(*name).into_iter().flatten();
        let has_any = present.clone().any(|policy| policy.is_ingress);
        let has_default = present.any(|policy| policy.is_ingress && policy.selects_all);
        if COVERED.contains(&name.as_str()) {
            if !has_any && !namespace.marks.contains("np.rke2.io") {
                plan.left.push(format!(
                    "{name} has no network policy: a server makes it at its next start with profile: cis"
                ));
            }
        } else if rke2::is_own_namespace(name) {
            // What runs there belongs to a chart, or nothing does.
        } else if !has_any {
            plan.cut_off.extend(cut_off(facts, name));
            plan.steps.push(Step::Policy {
                namespace: (*name).clone(),
                ingress,
            });
        } else if !has_default {
            plan.left.push(format!(
                "{name} has network policies, none of which is for all pods: one more would cut off the others"
            ));
        }
    }
}

/// The running pods of a namespace that a policy for all pods is about; none where there are none.
fn cut_off(facts: &Facts, namespace: &str) -> Option<CutOff> {
    let first = Owner {
        namespace: namespace.to_owned(),
        kind: String::new(),
        name: String::new(),
    };
    let mut found = CutOff {
        namespace: namespace.to_owned(),
        pods: Vec::new(),
        with_port: 0,
    };
    for (owner, workload) in facts.workloads.range(first..) {
        if owner.namespace != namespace {
            break;
        }
        if workload.traits.has(Trait::HostNetwork) {
            continue;
        }
        if workload.traits.has(Trait::HostPort) {
            found.with_port = found.with_port.saturating_add(workload.pods);
        }
        found.pods.push((owner.clone(), workload.pods));
    }
    (!found.pods.is_empty()).then_some(found)
}
