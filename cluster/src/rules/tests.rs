//! Each rule on small clusters.

use preflight_rke2::shared::Version;
use serde_json::value::RawValue;

use super::ask;
use crate::answer::{Answer, Holds};
use crate::control::CONTROLS;
use crate::facts::{Facts, Reading, kind_of};
use crate::kind::Kind;

/// What every RKE2 cluster has, hardened: without it, lists are taken to be narrowed.
const BASE: &[&str] = &[
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"kube-system","annotations":{"np.rke2.io":"resolved","other.example":"secret"}}}"#,
    r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"kubernetes","namespace":"default"}}"#,
    r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"s1","annotations":{"rke2.io/node-args":"[\"server\",\"--profile\",\"cis\",\"--token\",\"********\"]"}}}"#,
    r#"{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default","namespace":"kube-system"},"automountServiceAccountToken":false}"#,
    r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"cluster-admin"},"rules":[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"nonResourceURLs":["*"],"verbs":["*"]}]}"#,
    r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"cluster-admin"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"Group","name":"system:masters"}]}"#,
    r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"helm-kube-system-rke2-canal"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"ServiceAccount","name":"helm-rke2-canal","namespace":"kube-system"}]}"#,
    r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"Role","metadata":{"name":"extension-apiserver-authentication-reader","namespace":"kube-system"},"rules":[]}"#,
    r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"RoleBinding","metadata":{"name":"system::extension-apiserver-authentication-reader","namespace":"kube-system"},"roleRef":{"kind":"Role","name":"extension-apiserver-authentication-reader"},"subjects":[{"kind":"User","name":"system:kube-controller-manager"}]}"#,
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"etcd-s1","namespace":"kube-system","ownerReferences":[{"kind":"Node","name":"s1","controller":true}]},"spec":{"nodeName":"s1","hostNetwork":true,"priorityClassName":"x","securityContext":{"runAsUser":52034},"containers":[{"name":"etcd"}]}}"#,
    r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"rke2-canal-x","namespace":"kube-system","ownerReferences":[{"kind":"DaemonSet","name":"rke2-canal","controller":true}]},"spec":{"nodeName":"s1","hostNetwork":true,"containers":[{"name":"kube-flannel","securityContext":{"privileged":true}}]}}"#,
    r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"default-network-policy","namespace":"kube-system"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}]}]}}"#,
];

/// The namespace `default`, unless a test has its own.
const DEFAULT: &[&str] = &[
    r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"default","annotations":{"np.rke2.io":"resolved"},"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}"#,
    r#"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"default-network-policy","namespace":"default"},"spec":{"podSelector":{},"policyTypes":["Ingress"],"ingress":[{"from":[{"podSelector":{}}]}]}}"#,
];

/// The newest release.
pub(super) const NEWEST: (u32, u32) = (37, 1);
/// One with pod security policies.
pub(super) const OLD: (u32, u32) = (24, 17);

/// A cluster of the base and these objects, all lists read.
pub(super) fn cluster(release: (u32, u32), more: &[&str]) -> Facts {
    let version = Version::new(release.0, release.1, 1);
    let mut facts = Facts::new(version.clone());
    for kind in Kind::all(&version) {
        facts.note(kind, Reading::Whole);
    }
    let own_default = r#""kind":"Namespace","metadata":{"name":"default""#;
    let default = if more.iter().any(|text| text.contains(own_default)) {
        &[]
    } else {
        DEFAULT
    };
    for text in BASE.iter().chain(default).chain(more) {
        let object: &RawValue = serde_json::from_str(text).unwrap();
        let kind = kind_of(object).unwrap_or_else(|| panic!("{text}"));
        facts.add(kind, object).unwrap();
    }
    facts
}

/// What a control says of a cluster.
pub(super) fn of(key: &str, facts: &Facts) -> Answer {
    let control = CONTROLS.iter().find(|control| control.key == key);
    ask(control.unwrap_or_else(|| panic!("{key}")).rule, facts)
}

/// A control on the base with these objects: what it objects to.
fn objects(key: &str, release: (u32, u32), more: &[&str]) -> Vec<String> {
    let answer = of(key, &cluster(release, more));
    assert_eq!(
        answer.objects.is_empty(),
        answer.holds != Holds::No,
        "{key}: {answer:?}"
    );
    answer.objects
}

pub(super) fn namespace(name: &str, more: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{name}"{more}}}}}"#)
}

pub(super) fn account(name: &str, more: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap();
    format!(
        r#"{{"apiVersion":"v1","kind":"ServiceAccount","metadata":{{"name":"{name}","namespace":"{namespace}"}}{more}}}"#
    )
}

pub(super) fn cluster_role(name: &str, verbs: &str, group: &str, resource: &str) -> String {
    format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{{"name":"{name}"}},
           "rules":[{{"apiGroups":["{group}"],"resources":["{resource}"],"verbs":["{verbs}"]}}]}}"#
    )
}

/// A binding: `name` of the whole cluster, `namespace/name` in a namespace.
pub(super) fn binding(name: &str, role: &str, kind: &str, subject: &str) -> String {
    let (what, namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (
            "RoleBinding",
            format!(r#","namespace":"{namespace}""#),
            name,
        ),
        None => ("ClusterRoleBinding", String::new(), name),
    };
    let subject = match subject.split_once('/') {
        Some((namespace, name)) => format!(r#""namespace":"{namespace}","name":"{name}""#),
        None => format!(r#""name":"{subject}""#),
    };
    format!(
        r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"{what}","metadata":{{"name":"{name}"{namespace}}},
           "roleRef":{{"kind":"ClusterRole","name":"{role}"}},"subjects":[{{"kind":"{kind}",{subject}}}]}}"#
    )
}

/// A pod of the namespace web, of a deployment unless its owner is given.
pub(super) fn pod(name: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"{name}-5d4f-{}","namespace":"web","labels":{{"pod-template-hash":"5d4f"}},
           "ownerReferences":[{{"kind":"ReplicaSet","name":"{name}-5d4f","controller":true}}]}},
           "spec":{{"nodeName":"s1",{spec}}},"status":{{"phase":"Running"}}}}"#,
        spec.len()
    )
}

pub(super) fn policy(name: &str, spec: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap();
    format!(
        r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"{name}","namespace":"{namespace}"}},"spec":{{{spec}}}}}"#
    )
}

const SAME_NAMESPACE: &str = r#""podSelector":{},"ingress":[{"from":[{"podSelector":{}}]}]"#;

/// Nothing of RKE2's own is objected to, in any release.
#[test]
fn a_hardened_cluster_has_nothing_unmet() {
    for release in [NEWEST, (25, 16)] {
        let facts = cluster(release, &[]);
        for control in CONTROLS {
            let answer = ask(control.rule, &facts);
            assert!(
                matches!(answer.holds, Holds::Yes | Holds::ByHand),
                "{}: {answer:?}",
                control.key
            );
        }
    }
}

#[test]
fn roles_are_judged_by_who_has_them() {
    for (key, verb, group, resource) in [
        ("rbac.secrets", "list", "", "secrets"),
        ("rbac.pods", "create", "", "pods"),
        (
            "rbac.escalation",
            "bind",
            "rbac.authorization.k8s.io",
            "clusterroles",
        ),
        ("rbac.volumes", "create", "", "persistentvolumes"),
        ("rbac.nodes-proxy", "get", "", "nodes/proxy"),
        (
            "rbac.certificates",
            "approve",
            "certificates.k8s.io",
            "signers",
        ),
        (
            "rbac.webhooks",
            "patch",
            "admissionregistration.k8s.io",
            "mutatingwebhookconfigurations",
        ),
        ("rbac.tokens", "create", "", "serviceaccounts/token"),
    ] {
        let role = cluster_role("x", verb, group, resource);
        // A role that nobody has gives nothing.
        assert!(objects(key, NEWEST, &[&role]).is_empty(), "{key}");
        let given = binding("give", "x", "User", "jane");
        assert_eq!(
            objects(key, NEWEST, &[&role, &given]),
            ["user jane (ClusterRoleBinding give)"],
            "{key}"
        );
        let elsewhere = binding("web/give", "x", "ServiceAccount", "web/app");
        let found = objects(key, NEWEST, &[&role, &elsewhere]);
        // What is of the whole cluster is not given by a binding in a namespace.
        let of_cluster = [
            "rbac.volumes",
            "rbac.nodes-proxy",
            "rbac.certificates",
            "rbac.webhooks",
        ];
        if of_cluster.contains(&key) {
            assert!(found.is_empty(), "{key}: {found:?}");
        } else {
            assert_eq!(
                found,
                ["service account web/app (RoleBinding web/give)"],
                "{key}"
            );
        }
        // A role of a namespace is another one than the cluster role of that name.
        let role_of_namespace = role
            .replace("\"ClusterRole\"", "\"Role\"")
            .replace(r#""name":"x""#, r#""name":"x","namespace":"web""#);
        assert!(
            objects(key, NEWEST, &[&role_of_namespace, &given]).is_empty(),
            "{key}"
        );
    }
}

#[test]
fn everybody_is_named_first() {
    let role = cluster_role("x", "get", "", "secrets");
    let many: Vec<String> = (0..20)
        .map(|at| binding(&format!("give-{at:02}"), "x", "User", &format!("a{at:02}")))
        .collect();
    let all = binding("open", "x", "Group", "system:unauthenticated");
    let mut more: Vec<&str> = many.iter().map(String::as_str).collect();
    more.extend([role.as_str(), all.as_str()]);
    let answer = of("rbac.secrets", &cluster(NEWEST, &more));
    assert_eq!(answer.count, 21);
    assert_eq!(answer.objects.len(), crate::answer::NAMED);
    assert_eq!(
        answer.objects[0],
        "group system:unauthenticated (ClusterRoleBinding open)"
    );
}

/// Binding, role and subject are RKE2's together: any of them changed is none of theirs.
#[test]
fn a_subject_added_to_a_binding_of_kubernetes_is_seen() {
    for (name, kind, subject, own) in [
        ("cluster-admin", "Group", "system:masters", true),
        ("cluster-admin", "Group", "developers", false),
        (
            "helm-kube-system-rke2-canal",
            "ServiceAccount",
            "kube-system/helm-rke2-canal",
            true,
        ),
        (
            "helm-kube-system-rke2-canal",
            "ServiceAccount",
            "web/helm-rke2-canal",
            false,
        ),
        (
            "helm-kube-system-rke2-canal",
            "ServiceAccount",
            "kube-system/default",
            false,
        ),
        (
            "helm-kube-system-own",
            "ServiceAccount",
            "kube-system/helm-own",
            false,
        ),
        (
            "helm-kube-system-rke2-ovirt-csi-driver",
            "ServiceAccount",
            "kube-system/helm-rke2-ovirt-csi-driver",
            true,
        ),
        (
            "web/helm-kube-system-rke2-canal",
            "ServiceAccount",
            "kube-system/helm-rke2-canal",
            false,
        ),
        ("x", "Group", "system:masters", false),
    ] {
        let more = binding(name, "cluster-admin", kind, subject);
        let found = objects("rbac.cluster-admin", NEWEST, &[&more]);
        assert_eq!(found.is_empty(), own, "{name} {subject}: {found:?}");
    }
    let again = binding("again", "view", "Group", "system:masters");
    assert_eq!(
        objects("rbac.masters", NEWEST, &[&again]),
        ["ClusterRoleBinding again"]
    );
}

/// What a chart's account is given by another binding, or with another role, is none of the chart's.
#[test]
fn another_grant_to_an_account_of_a_chart_is_seen() {
    let role = |name: &str| cluster_role(name, "get", "", "secrets");
    for (name, of_role, account, own) in [
        (
            "rke2-traefik-kube-system",
            "rke2-traefik-kube-system",
            "rke2-traefik",
            true,
        ),
        (
            "rke2-ingress-nginx",
            "rke2-ingress-nginx",
            "rke2-ingress-nginx",
            true,
        ),
        (
            "system:controller:node-controller",
            "system:controller:node-controller",
            "node-controller",
            true,
        ),
        // Another binding, another role, another account, another namespace.
        ("x", "rke2-traefik-kube-system", "rke2-traefik", false),
        ("rke2-traefik-kube-system", "x", "rke2-traefik", false),
        (
            "rke2-traefik-kube-system",
            "rke2-traefik-kube-system",
            "canal",
            false,
        ),
        (
            "web/rke2-traefik-kube-system",
            "rke2-traefik-kube-system",
            "rke2-traefik",
            false,
        ),
        ("helm-kube-system-rke2-canal", "x", "helm-rke2-canal", false),
        (
            "system:controller:node-controller",
            "x",
            "node-controller",
            false,
        ),
        ("multus", "multus", "multus", false),
        ("rke2-multus", "rke2-multus", "multus", true),
        ("rke2-multus", "rke2-multus", "rke2-multus", false),
        ("kube-vip", "kube-vip", "kube-vip", true),
        (
            "vsphere-csi-controller-binding",
            "vsphere-csi-controller-role",
            "vsphere-csi-controller",
            true,
        ),
        ("calico-node", "calico-node", "calico-node", false),
        (
            "calico-node",
            "calico-node",
            "calico-system/calico-node",
            true,
        ),
        (
            "tigera-operator",
            "tigera-operator",
            "tigera-operator/tigera-operator",
            true,
        ),
        // What no chart gives it.
        (
            "tigera-operator",
            "tigera-operator",
            "calico-system/tigera-operator",
            false,
        ),
    ] {
        let account = match account.split_once('/') {
            Some(_) => account.to_owned(),
            None => format!("kube-system/{account}"),
        };
        let role = role(of_role);
        let given = binding(name, of_role, "ServiceAccount", &account);
        let found = objects("rbac.secrets", NEWEST, &[&role, &given]);
        assert_eq!(
            found.is_empty(),
            own,
            "{name} {of_role} {account}: {found:?}"
        );
    }
    // The same account in another namespace is somebody's own.
    let given = binding(
        "rke2-traefik-kube-system",
        "rke2-traefik-kube-system",
        "ServiceAccount",
        "web/rke2-traefik",
    );
    let role = role("rke2-traefik-kube-system");
    assert_eq!(objects("rbac.secrets", NEWEST, &[&role, &given]).len(), 1);
}

#[test]
fn default_accounts_mount_nothing_and_have_no_role() {
    let off = r#","automountServiceAccountToken":false"#;
    for (account, expected) in [
        (account("web/default", off), vec![]),
        (
            account("web/default", ""),
            vec!["web/default (mounts its token)"],
        ),
        (
            account("web/default", r#","automountServiceAccountToken":true"#),
            vec!["web/default (mounts its token)"],
        ),
        (account("web/app", ""), vec![]),
    ] {
        assert_eq!(objects("accounts.default", NEWEST, &[&account]), expected);
    }
    let bound = binding("web/b", "view", "ServiceAccount", "web/default");
    assert_eq!(
        objects(
            "accounts.default",
            NEWEST,
            &[&account("web/default", off), &bound]
        ),
        ["web/default (has a role)"]
    );
    let answer = of(
        "accounts.default",
        &cluster(NEWEST, &[&account("web/default", "")]),
    );
    assert_eq!(
        answer.remedies[0].commands,
        [
            "kubectl patch serviceaccount default -n web -p '{\"automountServiceAccountToken\": false}'"
        ]
    );
    assert_eq!(answer.remedies[1].commands, ["preflight-rke2-cluster fix"]);
}

#[test]
fn tokens_are_of_use_where_a_binding_names_their_account() {
    let on = r#""automountServiceAccountToken":true,"#;
    let off = r#""automountServiceAccountToken":false,"#;
    let spec = |word: &str| format!(r#"{word}"serviceAccountName":"app","containers":[]"#);
    let bound = binding("web/b", "view", "ServiceAccount", "web/app");
    let of_account = |word: &str| account("web/app", word);
    for (of_pod, of_account, is_bound, mounted) in [
        ("", of_account(""), false, true),
        ("", of_account(""), true, false),
        (off, of_account(""), false, false),
        (
            on,
            of_account(r#","automountServiceAccountToken":false"#),
            false,
            true,
        ),
        (
            "",
            of_account(r#","automountServiceAccountToken":false"#),
            false,
            false,
        ),
        (
            "",
            of_account(r#","automountServiceAccountToken":true"#),
            false,
            true,
        ),
    ] {
        let pod = pod("api", &spec(of_pod));
        let mut more = vec![pod.as_str(), of_account.as_str()];
        if is_bound {
            more.push(&bound);
        }
        let found = objects("accounts.tokens", NEWEST, &more);
        let expected: &[&str] = if mounted {
            &["Deployment web/api (account app)"]
        } else {
            &[]
        };
        assert_eq!(found, expected, "{of_pod} {of_account} {is_bound}");
    }
}

#[test]
fn findings_name_owners_not_pods() {
    let privileged = r#""containers":[{"name":"a","securityContext":{"privileged":true}}]"#;
    let pods: Vec<String> = (0..400)
        .map(|at| pod("api", privileged).replace("api-5d4f-", &format!("api-5d4f-{at}-")))
        .collect();
    let more: Vec<&str> = pods.iter().map(String::as_str).collect();
    assert_eq!(
        objects("pods.privileged", NEWEST, &more),
        ["Deployment web/api (400 pods)"]
    );
    // Ended pods hold nothing; a pod without a controller stands for itself.
    let ended = pod("job", privileged).replace("Running", "Succeeded");
    let alone = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"alone","namespace":"web"},"spec":{"containers":[{"name":"a","securityContext":{"privileged":true}}]}}"#;
    assert_eq!(
        objects("pods.privileged", NEWEST, &[&ended, alone]),
        ["Pod web/alone"]
    );
}

/// A chart's role is its own as long as it has the chart's rules.
#[test]
fn roles_of_charts_have_their_own_wildcards() {
    for (name, group, resource, own) in [
        ("rke2-multus", "k8s.cni.cncf.io", "*", true),
        (
            "rke2-multus-rke2-whereabouts",
            "coordination.k8s.io",
            "leases",
            true,
        ),
        (
            "system:rancher-vsphere-cpi-cloud-controller-manager",
            "",
            "nodes",
            true,
        ),
        // The chart's role has another rule, or the role is of another name.
        ("rke2-multus", "", "*", false),
        ("rke2-multus", "*", "*", false),
        ("multus", "k8s.cni.cncf.io", "*", false),
    ] {
        let role = cluster_role(name, "*", group, resource);
        let found = objects("rbac.wildcards", NEWEST, &[&role]);
        assert_eq!(
            found.is_empty(),
            own,
            "{name} {group}/{resource}: {found:?}"
        );
    }
    // One rule of the chart beside another.
    let both = r#"{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"rke2-multus"},"rules":[
        {"verbs":["*"],"apiGroups":["k8s.cni.cncf.io"],"resources":["*"]},
        {"verbs":["*"],"apiGroups":[""],"resources":["pods"]}]}"#;
    assert_eq!(
        objects("rbac.wildcards", NEWEST, &[both]),
        ["ClusterRole rke2-multus"]
    );
}

/// A pod of someone else that is called like one of RKE2's.
#[test]
fn names_like_those_of_rke2_do_not_excuse() {
    for (namespace, kind, name) in [
        ("web", "DaemonSet", "rke2-canal"),
        ("kube-system", "DaemonSet", "rke2-canal-2"),
        ("kube-system", "Deployment", "rke2-canal"),
        ("kube-system", "Job", "helm-install-own"),
    ] {
        let pod = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"{namespace}","ownerReferences":[{{"kind":"{kind}","name":"{name}","controller":true}}]}},"spec":{{"hostNetwork":true,"containers":[]}}}}"#
        );
        assert_eq!(
            objects("pods.host-network", NEWEST, &[&pod]),
            [format!("{kind} {namespace}/{name}")]
        );
    }
}

#[test]
fn pod_security_has_a_standard_in_every_namespace() {
    let label = |level: &str| {
        namespace(
            "web",
            &format!(r#","labels":{{"pod-security.kubernetes.io/enforce":"{level}"}}"#),
        )
    };
    let of_calico = |level: &str| label(level).replace("\"web\"", "\"calico-system\"");
    let plain = namespace("web", "");
    let agent_only = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"s1","annotations":{"rke2.io/node-args":"[\"agent\"]"}}}"#;
    let open_server = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"s2","annotations":{"rke2.io/node-args":"[\"server\"]"}}}"#;
    for (more, expected) in [
        // With the profile on every server, restricted is the default.
        (vec![plain.as_str()], vec![]),
        (vec![plain.as_str(), agent_only], vec![]),
        (vec![&label("privileged")], vec!["web (enforce=privileged)"]),
        (vec![&label("baseline")], vec![]),
        // One server without it is enough.
        (vec![plain.as_str(), open_server], vec!["web (no label)"]),
        (vec![&label("restricted"), open_server], vec![]),
        // RKE2's own, whoever labels them: tigera-operator does.
        (vec![&of_calico("privileged")], vec![]),
        (vec![&of_calico("privileged"), open_server], vec![]),
        (vec![&namespace("calico-system", ""), open_server], vec![]),
    ] {
        assert_eq!(
            objects("pods.admission", NEWEST, &more),
            expected,
            "{more:?}"
        );
    }
    let own_file = open_server.replace(
        "server\\\"",
        "server\\\",\\\"--pod-security-admission-config-file\\\",\\\"/x\\\"",
    );
    let answer = of("pods.admission", &cluster(NEWEST, &[&plain, &own_file]));
    assert_eq!(answer.holds, Holds::ByHand, "{answer:?}");
    // The trial comes before the change.
    let answer = of("pods.admission", &cluster(NEWEST, &[&label("privileged")]));
    assert_eq!(
        answer.remedies[0].commands,
        [
            "kubectl label --dry-run=server --overwrite namespace NAME pod-security.kubernetes.io/enforce=restricted",
            "kubectl label --overwrite namespace NAME pod-security.kubernetes.io/enforce=restricted",
        ]
    );
}

#[test]
fn an_exemption_that_an_upgrade_took_is_said() {
    let operator = namespace("cis-operator-system", "");
    assert!(objects("pods.admission", (33, 9), &[&operator]).is_empty());
    assert_eq!(
        objects("pods.admission", (33, 10), &[&operator]),
        [
            "cis-operator-system (RKE2 v1.33.10+rke2r1 does not exempt it any more: new pods there must be restricted)"
        ]
    );
    // Its label decides, not the default.
    let labelled = namespace(
        "cis-operator-system",
        r#","labels":{"pod-security.kubernetes.io/enforce":"privileged"}"#,
    );
    assert!(objects("pods.admission", (33, 10), &[&labelled]).is_empty());
}

#[test]
fn network_policies_restrict_each_namespace() {
    let web = namespace("web", "");
    for (policies, expected) in [
        (vec![], vec!["web (no policy)"]),
        (vec![policy("web/a", SAME_NAMESPACE)], vec![]),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"policyTypes":["Ingress"]"#,
            )],
            vec![],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{"matchLabels":{"a":"b"}}"#,
            )],
            vec!["web (no policy selects all pods)"],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"policyTypes":["Egress"]"#,
            )],
            vec!["web (no policy)"],
        ),
        (
            vec![policy("web/a", r#""podSelector":{},"ingress":[{}]"#)],
            vec!["web (a lets in everything)"],
        ),
        (
            vec![
                policy("web/a", SAME_NAMESPACE),
                policy("web/b", r#""podSelector":{},"ingress":[{"from":[]}]"#),
            ],
            vec!["web (b lets in everything)"],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"ingress":[{"from":[{"podSelector":{}},{"ipBlock":{"cidr":"0.0.0.0/0"}}]}]"#,
            )],
            vec!["web (a lets in everything)"],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"::/0","except":[]}}]}]"#,
            )],
            vec!["web (a lets in everything)"],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["10.0.0.0/8"]}}]}]"#,
            )],
            vec![],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"0.0.0.0/0"}}],"ports":[{"port":80}]}]"#,
            )],
            vec![],
        ),
        (
            vec![policy(
                "web/a",
                r#""podSelector":{},"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}]"#,
            )],
            vec![],
        ),
    ] {
        let mut more = vec![web.as_str()];
        more.extend(policies.iter().map(String::as_str));
        assert_eq!(
            objects("network.policies", NEWEST, &more),
            expected,
            "{policies:?}"
        );
    }
    // RKE2 makes none in kube-node-lease, whatever the guide says, and nothing runs there.
    assert!(
        objects(
            "network.policies",
            NEWEST,
            &[&namespace("kube-node-lease", "")]
        )
        .is_empty()
    );
}

#[test]
fn a_policy_of_rke2_that_is_gone_never_comes_back() {
    let marked = namespace("default", r#","annotations":{"np.rke2.io":"resolved"}"#);
    assert_eq!(
        objects("network.policies", NEWEST, &[&marked]),
        [
            "default (default-network-policy is gone, and np.rke2.io says that RKE2 made it: it is never restored)",
            "default (no policy)"
        ]
    );
    let own = policy("default/own", SAME_NAMESPACE);
    assert_eq!(
        objects("network.policies", NEWEST, &[&marked, &own]).len(),
        1
    );
    // Without the mark a server makes it at its next start.
    assert_eq!(
        objects("network.policies", NEWEST, &[&namespace("default", "")]),
        ["default (no policy)"]
    );
    let flannel = policy(
        "default/rke2-flannel-host-networking",
        r#""podSelector":{},"ingress":[{}]"#,
    );
    assert_eq!(
        objects(
            "network.policies",
            NEWEST,
            &[&namespace("default", ""), &flannel]
        ),
        [
            "default (rke2-flannel-host-networking lets in everything: no node had flannel's address when it was written)"
        ]
    );
}

/// A command for each policy that is gone, with its own mark; `fix` where it plans something.
#[test]
fn the_help_names_what_is_gone() {
    let commands = |more: &[&str]| -> Vec<String> {
        let answer = of("network.policies", &cluster(NEWEST, more));
        assert_eq!(answer.holds, Holds::No);
        let remedies = answer.remedies.into_iter();
        remedies.flat_map(|remedy| remedy.commands).collect()
    };
    let fix = "preflight-rke2-cluster fix --network-policies same-namespace";
    // The policy of all pods is there, and the one for DNS is not.
    let marked = namespace(
        "kube-system",
        r#","annotations":{"np.rke2.io":"resolved","np.rke2.io/dns":"resolved"}"#,
    );
    let unmark = "kubectl annotate namespace kube-system np.rke2.io/dns-";
    assert_eq!(commands(&[&marked]), [unmark, fix]);
    let and_default = namespace("default", r#","annotations":{"np.rke2.io":"resolved"}"#);
    assert_eq!(
        commands(&[&marked, &and_default]),
        [
            "kubectl annotate namespace default np.rke2.io-",
            unmark,
            fix
        ]
    );
    assert_eq!(commands(&[&namespace("web", "")]), [fix]);
    // What fix leaves alone.
    let open = policy("web/a", r#""podSelector":{},"ingress":[{}]"#);
    assert!(commands(&[&namespace("web", ""), &open]).is_empty());
    assert!(commands(&[&namespace("default", "")]).is_empty());
    let ending = namespace("web", r#","deletionTimestamp":"2026-11-01T00:00:00Z""#);
    assert!(commands(&[&ending]).is_empty());
}

#[test]
fn the_network_plugin_is_the_one_that_runs() {
    let of = |kind: &str, namespace: &str, name: &str| {
        let mut facts = cluster(NEWEST, &[]);
        facts.workloads.retain(|owner, _| owner.kind != "DaemonSet");
        let pod = format!(
            r#"{{"metadata":{{"name":"p","namespace":"{namespace}","ownerReferences":[{{"kind":"{kind}","name":"{name}","controller":true}}]}},"spec":{{"containers":[]}}}}"#
        );
        facts
            .add(Kind::Pod, serde_json::from_str(&pod).unwrap())
            .unwrap();
        super::tests::of("network.plugin", &facts).holds
    };
    for (namespace, name, holds) in [
        ("kube-system", "rke2-canal", Holds::Yes),
        ("calico-system", "calico-node", Holds::Yes),
        ("kube-system", "cilium", Holds::Yes),
        ("kube-system", "kube-flannel-ds", Holds::No),
        ("kube-system", "weave", Holds::Unknown),
        ("web", "cilium", Holds::Unknown),
    ] {
        assert_eq!(of("DaemonSet", namespace, name), holds, "{name}");
    }
    assert_eq!(of("Deployment", "kube-system", "cilium"), Holds::Unknown);
}

#[test]
fn nothing_runs_in_the_namespace_default() {
    let of = |kind: &str, api: &str, name: &str| {
        format!(
            r#"{{"apiVersion":"{api}","kind":"{kind}","metadata":{{"name":"{name}","namespace":"default"}}}}"#
        )
    };
    let own = of("Service", "v1", "kubernetes");
    assert!(objects("namespaces.default", NEWEST, &[&own]).is_empty());
    let pod = pod("api", r#""containers":[]"#)
        .replace(r#""namespace":"web""#, r#""namespace":"default""#);
    assert_eq!(
        objects(
            "namespaces.default",
            NEWEST,
            &[
                &of("Service", "v1", "web"),
                &of("Deployment", "apps/v1", "api"),
                &of("CronJob", "batch/v1", "nightly"),
                &pod
            ]
        ),
        ["Deployment api", "Service web", "CronJob nightly"]
    );
    let elsewhere = of("Service", "v1", "web").replace("\"default\"", "\"web\"");
    assert!(objects("namespaces.default", NEWEST, &[&elsewhere]).is_empty());
}

#[test]
fn servers_have_one_profile_and_etcd_its_account() {
    let server = |name: &str, args: &str| {
        format!(
            r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}","annotations":{{"rke2.io/node-args":"[{args}]"}}}}}}"#
        )
    };
    let same = server("s2", r#"\"server\",\"--profile=cis\""#);
    assert!(objects("guide.nodes.profile", NEWEST, &[&same]).is_empty());
    let other = server("s2", r#"\"server\",\"--cni\",\"canal\""#);
    assert_eq!(
        objects("guide.nodes.profile", NEWEST, &[&other]),
        ["s1 (cis)", "s2 (no profile)"]
    );
    let agent = server("a1", r#"\"agent\""#);
    assert!(objects("guide.nodes.profile", NEWEST, &[&agent]).is_empty());
    for (user, is_root) in [
        ("", true),
        (r#""securityContext":{"runAsUser":0},"#, true),
        (r#""securityContext":{"runAsUser":9},"#, false),
    ] {
        let etcd = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"etcd-s2","namespace":"kube-system","ownerReferences":[{{"kind":"Node","name":"s2","controller":true}}]}},"spec":{{"nodeName":"s2",{user}"containers":[]}}}}"#
        );
        let expected: &[&str] = if is_root { &["s2"] } else { &[] };
        assert_eq!(objects("guide.etcd-pod.user", NEWEST, &[&etcd]), expected);
    }
}

/// Pods in every respect at once: each control sees its own trait and no other's.
#[test]
fn each_control_of_pods_sees_its_trait() {
    let good = r#""securityContext":{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}"#;
    let clean =
        format!(r#""automountServiceAccountToken":false,"containers":[{{"name":"a",{good}}}]"#);
    let keys: Vec<&str> = CONTROLS
        .iter()
        .map(|control| control.key)
        .filter(|key| {
            key.starts_with("pods.") && *key != "pods.admission" || *key == "secrets.environment"
        })
        .collect();
    assert_eq!(keys.len(), 15);
    for key in &keys {
        assert!(
            objects(key, NEWEST, &[&pod("api", &clean)]).is_empty(),
            "{key}"
        );
    }
    for (broken, spec) in [
        ("pods.host-pid", format!(r#""hostPID":true,{clean}"#)),
        ("pods.host-ipc", format!(r#""hostIPC":true,{clean}"#)),
        (
            "pods.host-network",
            format!(r#""hostNetwork":true,{clean}"#),
        ),
        (
            "pods.host-path",
            format!(r#""volumes":[{{"name":"v","hostPath":{{"path":"/"}}}}],{clean}"#),
        ),
        (
            "pods.privileged",
            clean.replace("\"runAsNonRoot\"", "\"privileged\":true,\"runAsNonRoot\""),
        ),
        (
            "pods.privilege-escalation",
            clean.replace("\"allowPrivilegeEscalation\":false,", ""),
        ),
        (
            "pods.root",
            clean.replace("\"runAsNonRoot\":true", "\"runAsNonRoot\":false"),
        ),
        ("pods.capabilities", clean.replace("ALL", "NET_RAW")),
        (
            "pods.added-capabilities",
            clean.replace("\"drop\"", "\"add\":[\"SYS_TIME\"],\"drop\""),
        ),
        (
            "pods.host-ports",
            clean.replace(
                "\"name\":\"a\"",
                "\"name\":\"a\",\"ports\":[{\"hostPort\":80}]",
            ),
        ),
        (
            "pods.seccomp",
            clean.replace("RuntimeDefault", "Unconfined"),
        ),
        (
            "secrets.environment",
            clean.replace(
                "\"name\":\"a\"",
                "\"name\":\"a\",\"envFrom\":[{\"secretRef\":{\"name\":\"s\"}}]",
            ),
        ),
    ] {
        let pod = pod("api", &spec);
        for key in &keys {
            let found = objects(key, NEWEST, &[&pod]);
            let expected: &[&str] = if *key == broken {
                &["Deployment web/api"]
            } else {
                &[]
            };
            assert_eq!(found, expected, "{key} with {spec}");
        }
    }
}

/// Up to 1.24 RKE2 leaves its open policy bound to everybody after a profile is turned on.
#[test]
fn a_policy_that_every_user_may_use_is_seen() {
    let open = r#"{"apiVersion":"policy/v1beta1","kind":"PodSecurityPolicy","metadata":{"name":"global-unrestricted-psp"},"spec":{"privileged":true,"hostNetwork":true,"hostPID":true,"hostIPC":true,"volumes":["*"],"allowedCapabilities":["*"],"hostPorts":[{"min":0,"max":65535}],"runAsUser":{"rule":"RunAsAny"}}}"#;
    let restricted = r#"{"apiVersion":"policy/v1beta1","kind":"PodSecurityPolicy","metadata":{"name":"global-restricted-psp"},"spec":{"allowPrivilegeEscalation":false,"requiredDropCapabilities":["ALL"],"volumes":["secret"],"runAsUser":{"rule":"MustRunAsNonRoot"}}}"#;
    let use_of = |policy: &str| {
        format!(
            r#"{{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{{"name":"{policy}-clusterrole"}},"rules":[{{"apiGroups":["policy"],"resources":["podsecuritypolicies"],"resourceNames":["{policy}"],"verbs":["use"]}}]}}"#
        )
    };
    let (use_open, use_restricted) = (
        use_of("global-unrestricted-psp"),
        use_of("global-restricted-psp"),
    );
    let everybody = |policy: &str| {
        binding(
            &format!("{policy}-rolebinding"),
            &format!("{policy}-clusterrole"),
            "Group",
            "system:authenticated",
        )
    };
    let nodes = binding(
        "system-node-default-psp-rolebinding",
        "global-unrestricted-psp-clusterrole",
        "Group",
        "system:nodes",
    );
    let good = everybody("global-restricted-psp");
    let hardened = vec![open, restricted, &use_open, &use_restricted, &good, &nodes];
    let left = everybody("global-unrestricted-psp");
    let mut broken = hardened.clone();
    broken.push(&left);
    let expected =
        ["PodSecurityPolicy global-unrestricted-psp, which group system:authenticated may use"];
    for key in [
        "pods.admission",
        "pods.privileged",
        "pods.host-pid",
        "pods.host-path",
        "pods.root",
        "pods.net-raw",
    ] {
        assert!(objects(key, OLD, &hardened).is_empty(), "{key}");
        assert_eq!(objects(key, OLD, &broken), expected, "{key}");
        // A newer release has none of them.
        if key != "pods.admission" {
            assert!(
                objects(key, NEWEST, &[&use_open, &left]).is_empty(),
                "{key}"
            );
        }
    }
    assert!(objects("pods.seccomp", OLD, &broken).is_empty());
    // The command removes what was found, once no server needs it any more.
    let commands = |more: &[&str]| {
        let answer = of("pods.admission", &cluster(OLD, more));
        assert_eq!(answer.holds, Holds::No);
        answer.remedies[0].commands.clone()
    };
    let delete = "kubectl delete clusterrolebinding global-unrestricted-psp-rolebinding";
    assert_eq!(commands(&broken), [delete]);
    let open_server = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"s2","annotations":{"rke2.io/node-args":"[\"server\"]"}}}"#;
    let mut without_profile = broken.clone();
    without_profile.push(open_server);
    assert!(commands(&without_profile).is_empty());
    let renamed = left.replace("global-unrestricted-psp-rolebinding", "another");
    let mut by_another = hardened.clone();
    by_another.push(&renamed);
    assert!(commands(&by_another).is_empty());
    let mut facts = cluster(OLD, &broken);
    facts.note(Kind::Node, Reading::Missing("403".to_owned()));
    assert!(of("pods.admission", &facts).remedies[0].commands.is_empty());
    assert_eq!(of("pods.admission", &cluster(OLD, &[])).holds, Holds::No);
}

/// What the API server makes of itself is in every list that is whole.
#[test]
fn a_list_without_what_is_always_there_is_narrowed() {
    let mut facts = cluster(NEWEST, &[]);
    facts.namespaces.remove("default");
    facts.in_default.clear();
    for (key, expected) in [
        (
            "network.policies",
            "namespaces: the list has not default, which every RKE2 cluster has: it is not the list",
        ),
        (
            "namespaces.default",
            "services: the list has not default/kubernetes, which every RKE2 cluster has: it is not the list of the \
             namespace default",
        ),
    ] {
        let answer = of(key, &facts);
        assert_eq!(answer.holds, Holds::Unknown, "{key}");
        assert_eq!(answer.summary, format!("cannot be checked: {expected}"));
    }
}

/// No control passes on a list that is not there, that ends early, or that is of one namespace.
#[test]
fn what_was_not_read_is_an_error() {
    let whole = cluster(NEWEST, &[]);
    for kind in Kind::all(&whole.version) {
        let mut facts = whole.clone();
        facts.note(kind, Reading::Missing("403".to_owned()));
        let mut asked = 0;
        for control in CONTROLS {
            let answer = ask(control.rule, &facts);
            if super::needs(control.rule, &facts.version).contains(&kind) {
                asked += 1;
                assert_eq!(answer.holds, Holds::Unknown, "{} {kind:?}", control.key);
                let named = format!("{}: 403", kind.resource());
                assert!(answer.summary.contains(&named), "{}", answer.summary);
            } else {
                assert_ne!(answer.holds, Holds::Unknown, "{} {kind:?}", control.key);
            }
        }
        assert!(asked > 0, "no control needs {kind:?}");
    }
    // Lists of one namespace, or of a label.
    let mut facts = Facts::new(whole.version.clone());
    for kind in Kind::all(&whole.version) {
        facts.note(kind, Reading::Whole);
    }
    for control in CONTROLS {
        let answer = ask(control.rule, &facts);
        let needs = super::needs(control.rule, &facts.version);
        let can_be_empty = [Kind::ValidatingWebhook, Kind::MutatingWebhook];
        if needs.iter().any(|kind| !can_be_empty.contains(kind)) {
            assert_eq!(answer.holds, Holds::Unknown, "{}: {answer:?}", control.key);
        }
    }
}
