//! What scanners get wrong, each as a test of what is right. The defects are of kube-bench's and Rancher's profiles for
//! RKE2 (aquasecurity/kube-bench ef1654db, rancher/security-scan d761037d).

use super::tests::{
    NEWEST, OLD, account, binding, cluster, cluster_role, namespace, of, pod, policy,
};
use crate::answer::Holds;

/// 5.1.1 of the RKE2 profiles: its pattern is looked for in lines that were chosen by it, so that it cannot fail.
#[test]
fn cluster_admin_5_1_1_that_cannot_fail() {
    let given = binding("any-name", "cluster-admin", "User", "jane");
    assert_eq!(
        of("rbac.cluster-admin", &cluster(NEWEST, &[&given])).holds,
        Holds::No
    );
}

/// 5.1.1 of the generic profile: every binding of another name fails, also those of RKE2's charts.
#[test]
fn cluster_admin_5_1_1_that_fails_on_every_rke2_cluster() {
    assert_eq!(
        of("rbac.cluster-admin", &cluster(NEWEST, &[])).holds,
        Holds::Yes
    );
}

/// 5.1.2 and 5.1.4 impersonate a user called `system:authenticated`, which says nothing of the group.
#[test]
fn secrets_5_1_2_and_pods_5_1_4_of_a_user_called_like_a_group() {
    for (key, verb, resource) in [
        ("rbac.secrets", "get", "secrets"),
        ("rbac.pods", "create", "pods"),
    ] {
        let role = cluster_role("x", verb, "", resource);
        let group = binding("b", "x", "Group", "system:authenticated");
        let answer = of(key, &cluster(NEWEST, &[&role, &group]));
        assert_eq!(
            answer.objects,
            ["group system:authenticated (ClusterRoleBinding b)"]
        );
    }
}

/// 5.1.3 excuses a role whose name is part of an excused one.
#[test]
fn wildcards_5_1_3_of_a_role_with_part_of_a_known_name() {
    for name in ["controller", "system", "kube", "cluster-admin-2"] {
        let role = cluster_role(name, "*", "*", "*");
        assert_eq!(
            of("rbac.wildcards", &cluster(NEWEST, &[&role])).holds,
            Holds::No,
            "{name}"
        );
    }
}

/// 5.1.3 sees only a list that is `["*"]` alone.
#[test]
fn wildcards_5_1_3_beside_other_words() {
    let role = cluster_role("x", "get\",\"*", "", "configmaps");
    assert_eq!(
        of("rbac.wildcards", &cluster(NEWEST, &[&role])).holds,
        Holds::No
    );
}

/// 5.1.5 leaves kube-system out.
#[test]
fn default_accounts_5_1_5_of_kube_system() {
    let open = account("kube-system/default", "");
    assert_eq!(
        of("accounts.default", &cluster(NEWEST, &[&open])).holds,
        Holds::No
    );
}

/// 5.1.6 objects to a pod that says false where its account says nothing.
#[test]
fn tokens_5_1_6_of_a_pod_that_says_false() {
    let pod = pod(
        "api",
        r#""automountServiceAccountToken":false,"serviceAccountName":"app","containers":[]"#,
    );
    let account = account("web/app", "");
    assert_eq!(
        of("accounts.tokens", &cluster(NEWEST, &[&pod, &account])).holds,
        Holds::Yes
    );
}

/// 5.2.2 excuses a container whose name holds a known one, and reads neither init nor ephemeral containers.
#[test]
fn privileged_5_2_2_by_name_and_by_kind_of_container() {
    for spec in [
        r#""containers":[{"name":"my-kube-proxy-2","securityContext":{"privileged":true}}]"#,
        r#""containers":[],"initContainers":[{"name":"a","securityContext":{"privileged":true}}]"#,
        r#""containers":[],"ephemeralContainers":[{"name":"a","securityContext":{"privileged":true}}]"#,
    ] {
        let answer = of("pods.privileged", &cluster(NEWEST, &[&pod("api", spec)]));
        assert_eq!(answer.objects, ["Deployment web/api"], "{spec}");
    }
}

/// 5.2.5 objects to RKE2's ingress controllers and to cilium and calico, which its list lacks.
#[test]
fn host_network_5_2_5_of_rke2s_own() {
    for (namespace, name) in [
        ("kube-system", "rke2-traefik"),
        ("kube-system", "rke2-ingress-nginx-controller"),
        ("kube-system", "cilium"),
        ("calico-system", "calico-node"),
    ] {
        let pod = format!(
            r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"p","namespace":"{namespace}","ownerReferences":[{{"kind":"DaemonSet","name":"{name}","controller":true}}]}},"spec":{{"hostNetwork":true,"containers":[]}}}}"#
        );
        assert_eq!(
            of("pods.host-network", &cluster(NEWEST, &[&pod])).holds,
            Holds::Yes,
            "{name}"
        );
    }
}

/// 5.2.6 takes a container that says nothing for a good one; Kubernetes' default is to allow.
#[test]
fn privilege_escalation_5_2_6_that_is_not_set() {
    let pod = pod(
        "api",
        r#""containers":[{"name":"a","securityContext":{"runAsNonRoot":true}}]"#,
    );
    assert_eq!(
        of("pods.privilege-escalation", &cluster(NEWEST, &[&pod])).holds,
        Holds::No
    );
}

/// 5.2.9 reads no init containers either.
#[test]
fn capabilities_5_2_9_of_an_init_container() {
    let pod = pod(
        "api",
        r#""containers":[],"initContainers":[{"name":"a","securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}}]"#,
    );
    assert_eq!(
        of("pods.added-capabilities", &cluster(NEWEST, &[&pod])).holds,
        Holds::No
    );
}

const RESTRICTED: &str = r#"{"apiVersion":"policy/v1beta1","kind":"PodSecurityPolicy","metadata":{"name":"restricted"},"spec":{"allowPrivilegeEscalation":false,"requiredDropCapabilities":["ALL"],"runAsUser":{"rule":"MustRunAsNonRoot"}}}"#;

/// Up to 1.24 one restrictive policy is enough for them, beside an open one that everybody may use.
#[test]
fn policies_5_2_that_count_the_restrictive_one() {
    let open = r#"{"apiVersion":"policy/v1beta1","kind":"PodSecurityPolicy","metadata":{"name":"open"},"spec":{"privileged":true,"hostPID":true}}"#;
    let role = cluster_role("x", "use", "policy", "podsecuritypolicies");
    let everybody = binding("b", "x", "Group", "system:authenticated");
    let facts = cluster(OLD, &[RESTRICTED, open, &role, &everybody]);
    assert_eq!(of("pods.host-pid", &facts).holds, Holds::No);
}

/// Up to 1.24 5.2.2 looks at whom containers run as, and 5.2.7 at escalation.
#[test]
fn policies_5_2_2_and_5_2_7_that_look_at_another_field() {
    let role = cluster_role("x", "use", "policy", "podsecuritypolicies");
    let everybody = binding("b", "x", "Group", "system:authenticated");
    let privileged = RESTRICTED.replace("\"spec\":{", "\"spec\":{\"privileged\":true,");
    let as_root = RESTRICTED.replace("MustRunAsNonRoot", "RunAsAny");
    for (policy, privileged, root) in [
        (RESTRICTED, Holds::Yes, Holds::Yes),
        (&privileged, Holds::No, Holds::Yes),
        (&as_root, Holds::Yes, Holds::No),
    ] {
        let facts = cluster(OLD, &[policy, &role, &everybody]);
        assert_eq!(of("pods.privileged", &facts).holds, privileged, "{policy}");
        assert_eq!(of("pods.root", &facts).holds, root, "{policy}");
    }
}

/// 5.3.1 counts pods by a label that anyone can set.
#[test]
fn network_plugin_5_3_1_by_a_label() {
    let mut facts = cluster(NEWEST, &[]);
    facts.workloads.retain(|owner, _| owner.kind != "DaemonSet");
    let pod = r#"{"metadata":{"name":"p","namespace":"web","labels":{"k8s-app":"canal"}},"spec":{"containers":[]}}"#;
    facts
        .add(crate::kind::Kind::Pod, serde_json::from_str(pod).unwrap())
        .unwrap();
    assert_eq!(of("network.plugin", &facts).holds, Holds::Unknown);
}

/// 5.3.2 looks at three namespaces, and only for any policy.
#[test]
fn network_policies_5_3_2_of_other_namespaces_and_without_effect() {
    let web = namespace("web", "");
    assert_eq!(
        of("network.policies", &cluster(NEWEST, &[&web])).holds,
        Holds::No
    );
    let open = policy("default/any", r#""podSelector":{},"ingress":[{}]"#);
    let facts = cluster(NEWEST, &[&namespace("default", ""), &open]);
    assert_eq!(of("network.policies", &facts).holds, Holds::No);
}
