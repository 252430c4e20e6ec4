//! What pods have, and what is in the way of pods that have more.

use preflight_rke2::shared::count;

use super::{has_policies, rbac};
use crate::answer::{Answer, Found, Holds};
use crate::facts::Facts;
use crate::kind::Kind;
use crate::rke2;
use crate::traits::Trait;

/// Whether pod security policies say anything of it.
pub(super) fn is_ruled_by_policies(one: Trait) -> bool {
    !matches!(
        one,
        Trait::HostProcess
            | Trait::SecretInEnvironment
            | Trait::NoSeccomp
            | Trait::NoSecurityContext
    )
}

fn words(one: Trait) -> (&'static str, &'static str) {
    match one {
        Trait::Privileged => ("with a privileged container", "set privileged: false"),
        Trait::HostPid => ("with the node's process identifiers", "remove hostPID"),
        Trait::HostIpc => (
            "with the node's interprocess communication",
            "remove hostIPC",
        ),
        Trait::HostNetwork => ("with the node's network", "remove hostNetwork"),
        Trait::Escalation => (
            "with a container that may gain rights, as Kubernetes has it by default",
            "set allowPrivilegeEscalation: false in each container",
        ),
        Trait::Root => (
            "with a container that may run as root",
            "set runAsNonRoot: true, or runAsUser to another user than 0",
        ),
        Trait::NetRaw => (
            "with a container that keeps NET_RAW",
            "drop ALL or NET_RAW in each container's capabilities",
        ),
        Trait::AddedCapabilities => (
            "with a container that adds capabilities",
            "remove what capabilities.add lists",
        ),
        Trait::KeptCapabilities => (
            "with a container that does not drop all capabilities",
            "drop ALL in each container's capabilities, and add what it needs",
        ),
        Trait::HostProcess => ("with a HostProcess container", "remove hostProcess"),
        Trait::HostPath => (
            "with a directory of the node",
            "use volumes of another kind than hostPath",
        ),
        Trait::HostPort => (
            "with a port of the node",
            "use a service instead of hostPort",
        ),
        Trait::SecretInEnvironment => (
            "with a secret in an environment",
            "mount the secret as a volume",
        ),
        Trait::NoSeccomp => (
            "with a container without a seccomp profile",
            "set seccompProfile.type: RuntimeDefault",
        ),
        Trait::NoSecurityContext => (
            "without a security context",
            "set securityContext in the pod's template or in each container",
        ),
    }
}

/// Who but RKE2's own may use a pod security policy that lets pods have it.
fn by_policy(facts: &Facts, one: Trait) -> Vec<String> {
    let open: Vec<&String> = facts
        .pod_security_policies
        .iter()
        .filter(|(_, traits)| traits.has(one))
        .map(|(name, _)| name)
        .collect();
    let mut all = Vec::new();
    for policy in open {
        let users = rbac::subjects(facts, |binding| {
            rbac::role(facts, binding).is_some_and(|powers| powers.may_use(policy))
        });
        all.extend(
            users
                .keys()
                .map(|subject| format!("PodSecurityPolicy {policy}, which {subject} may use")),
        );
    }
    all
}

/// Pods that have it, by owner; up to 1.24 also policies that let pods have it.
pub(super) fn with(facts: &Facts, one: Trait) -> Answer {
    let own = |owner: &crate::facts::Owner| rke2::is_own_workload(owner);
    let pods = facts
        .workloads
        .iter()
        .filter(|(owner, workload)| workload.traits.has(one) && !own(owner))
        .map(|(owner, workload)| match workload.pods {
            1 => owner.to_string(),
            pods => format!("{owner} ({pods} pods)"),
        });
    let policies = if has_policies(&facts.version) && is_ruled_by_policies(one) {
        by_policy(facts, one)
    } else {
        Vec::new()
    };
    let of_policies = policies.len();
    let found: Found = policies.into_iter().chain(pods).collect();
    let (what, fix) = words(one);
    Answer::unless(found, |number| match number.saturating_sub(of_policies) {
        0 => format!(
            "no pod, but {} that would allow one {what}",
            grants(of_policies)
        ),
        workloads if of_policies == 0 => format!("{} {what}", count(workloads, "workload")),
        workloads => format!(
            "{} {what}, and {} that would allow more",
            count(workloads, "workload"),
            grants(of_policies)
        ),
    })
    .remedy(fix, Vec::new())
}

fn grants(number: usize) -> String {
    count(number, "grant of a pod security policy")
}

/// What `kubectl label` is given, for a namespace. Its trial on the server warns of the pods that would be refused.
const LABEL: &str = "namespace NAME pod-security.kubernetes.io/enforce=restricted";

/// 5.2.1: since 1.25 by the label of each namespace, or by what RKE2 makes the default with a profile.
pub(super) fn admission(facts: &Facts) -> Answer {
    if has_policies(&facts.version) {
        return by_policies(facts);
    }
    let own_file = facts.servers().any(|(_, rke2)| rke2.own_pod_security);
    let default_is_restricted = facts.has_profile_everywhere() && !own_file;
    let mut found = Found::default();
    for (name, namespace) in &facts.namespaces {
        match namespace.enforce.as_deref() {
            Some("restricted" | "baseline") => {}
            None if rke2::lost_exemption(name, &facts.version) && default_is_restricted => {
                found.add(|| {
                    format!(
                        "{name} (RKE2 {} does not exempt it any more: new pods there must be restricted)",
                        facts.version
                    )
                });
            }
            // Their pods need more, and operators set their labels: tigera-operator sets privileged on calico-system.
            _ if rke2::is_own_namespace(name) => {}
            Some(level) => found.add(|| format!("{name} (enforce={level})")),
            None if default_is_restricted => {}
            None => found.add(|| format!("{name} (no label)")),
        }
    }
    let answer = Answer::unless(found, |number| {
        format!("{} without a standard for pods", count(number, "namespace"))
    })
    .remedy(
        "label each, after the trial has named no pod that would be refused; use baseline where pods need it",
        vec![
            format!("kubectl label --dry-run=server --overwrite {LABEL}"),
            format!("kubectl label --overwrite {LABEL}"),
        ],
    );
    if answer.holds == Holds::No && own_file {
        return Answer {
            holds: Holds::ByHand,
            summary: format!(
                "{}, unless the servers' own file of pod-security-admission-config-file has one",
                answer.summary
            ),
            remedies: Vec::new(),
            ..answer
        };
    }
    answer
}

/// Up to 1.24: the policy that allows everything is bound to every user until an administrator removes that, also after a
/// profile was turned on.
fn by_policies(facts: &Facts) -> Answer {
    if facts.pod_security_policies.is_empty() {
        return Answer::new(Holds::No, "there is no pod security policy")
            .remedy("set a CIS profile on every server", Vec::new());
    }
    let found: Found = by_policy(facts, Trait::Privileged).into_iter().collect();
    let answer = Answer::unless(found, |number| {
        format!("{} that allow every pod", grants(number))
    });
    if !is_left_behind(facts) {
        return answer.remedy("remove the bindings that are not needed", Vec::new());
    }
    // Without a profile it is the binding by which pods of users are allowed at all.
    if !facts.missing(&[Kind::Node]).is_empty() || !facts.has_profile_everywhere() {
        return answer.remedy(
            format!("set a CIS profile on every server; {LEFT_BEHIND} can be removed after that"),
            Vec::new(),
        );
    }
    answer.remedy(
        "remove the binding that RKE2 made before the profile was set, and leaves behind",
        vec![format!("kubectl delete clusterrolebinding {LEFT_BEHIND}")],
    )
}

/// What lets every user use the policy that allows everything.
const LEFT_BEHIND: &str = "global-unrestricted-psp-rolebinding";

/// Whether [`LEFT_BEHIND`] is one of the bindings by which somebody may use a policy that allows privileged pods.
fn is_left_behind(facts: &Facts) -> bool {
    let open = || {
        let all = facts.pod_security_policies.iter();
        all.filter(|(_, traits)| traits.has(Trait::Privileged))
    };
    facts.bindings.iter().any(|binding| {
        let is_it = binding.name.namespace.is_empty() && binding.name.name == LEFT_BEHIND;
        let role = rbac::role(facts, binding);
        let gives = role.is_some_and(|powers| open().any(|(policy, _)| powers.may_use(policy)));
        let mut subjects = binding.subjects.iter();
        is_it && gives && subjects.any(|subject| !rke2::is_own_grant(binding, subject))
    })
}

/// 5.5.1: which webhooks are asked about pods can be seen, but not what they judge.
pub(super) fn images(facts: &Facts) -> Answer {
    if facts.pod_webhooks.is_empty() {
        return Answer::new(
            Holds::ByHand,
            "no webhook is asked about pods: check whether the API server has ImagePolicyWebhook",
        );
    }
    let names: Vec<&str> = facts.pod_webhooks.iter().map(String::as_str).collect();
    Answer::new(
        Holds::ByHand,
        format!(
            "check whether one of these judges images: {}",
            names.join(", ")
        ),
    )
}
