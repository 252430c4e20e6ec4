//! What RKE2 makes in a cluster, and what breaks each control.

use serde_json::{Value, json};

use crate::server::Server;

/// Every list that an audit reads: path, version and kind of its objects.
pub(crate) const LISTS: &[(&str, &str, &str)] = &[
    ("/api/v1/namespaces", "v1", "Namespace"),
    ("/api/v1/nodes", "v1", "Node"),
    ("/api/v1/serviceaccounts", "v1", "ServiceAccount"),
    ("/api/v1/pods", "v1", "Pod"),
    ("/api/v1/services", "v1", "Service"),
    ("/apis/apps/v1/deployments", "apps/v1", "Deployment"),
    ("/apis/apps/v1/daemonsets", "apps/v1", "DaemonSet"),
    ("/apis/apps/v1/statefulsets", "apps/v1", "StatefulSet"),
    ("/apis/batch/v1/jobs", "batch/v1", "Job"),
    ("/apis/batch/v1/cronjobs", "batch/v1", "CronJob"),
    (
        "/apis/networking.k8s.io/v1/networkpolicies",
        "networking.k8s.io/v1",
        "NetworkPolicy",
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/roles",
        "rbac.authorization.k8s.io/v1",
        "Role",
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        "rbac.authorization.k8s.io/v1",
        "ClusterRole",
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/rolebindings",
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
    ),
    (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "rbac.authorization.k8s.io/v1",
        "ClusterRoleBinding",
    ),
    (
        "/apis/policy/v1beta1/podsecuritypolicies",
        "policy/v1beta1",
        "PodSecurityPolicy",
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
    ),
    (
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
    ),
];

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn node(server: &Server, name: &str, arguments: &str) -> Value {
    let node =
        json!({ "metadata": { "name": name, "annotations": { "rke2.io/node-args": arguments } } });
    server.create("/api/v1/nodes", &node)
}

/// A pod that RKE2 runs in kube-system.
fn own_pod(server: &Server, name: &str, owner: &Value, spec: Value) {
    let pod = json!({ "metadata": { "name": name, "ownerReferences": [owner] }, "spec": spec });
    server.create("/api/v1/namespaces/kube-system/pods", &pod);
}

fn etcd(server: &Server, node: &Value, context: &Value) {
    let name = node["metadata"]["name"].as_str().unwrap();
    let owner = json!({
        "apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"], "controller": true,
    });
    own_pod(
        server,
        &format!("etcd-{name}"),
        &owner,
        json!({
            "nodeName": name, "hostNetwork": true, "automountServiceAccountToken": false,
            "securityContext": context, "containers": [{ "name": "etcd", "image": "etcd" }],
        }),
    );
}

/// The plugin, as RKE2's chart runs it.
fn canal(server: &Server) {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "rke2-canal",
        "uid": "00000000-0000-0000-0000-000000000001", "controller": true,
    });
    own_pod(
        server,
        "rke2-canal-x",
        &owner,
        json!({
            "nodeName": "s1", "hostNetwork": true,
            "containers": [{ "name": "calico-node", "image": "canal", "securityContext": { "privileged": true } }],
        }),
    );
}

/// A server without a profile, with the grants that RKE2 and its chart controller make.
pub(crate) fn rke2(server: &Server) {
    let node = node(server, "s1", r#"["server","--token","********"]"#);
    etcd(server, &node, &json!({}));
    canal(server);
    for (binding, role, subject) in [
        (
            "kube-apiserver-kubelet-admin",
            "system:kubelet-api-admin",
            json!({ "kind": "User", "name": "kube-apiserver" }),
        ),
        (
            "helm-kube-system-rke2-canal",
            "cluster-admin",
            json!({ "kind": "ServiceAccount", "namespace": "kube-system", "name": "helm-rke2-canal" }),
        ),
    ] {
        bind(server, binding, role, &subject);
    }
    server.create(
        "/api/v1/namespaces",
        &json!({ "metadata": { "name": "web" } }),
    );
    server.until_account("web");
}

fn bind(server: &Server, binding: &str, role: &str, subject: &Value) {
    let object = json!({
        "metadata": { "name": binding },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [subject],
    });
    server.create(&format!("{RBAC}/clusterrolebindings"), &object);
}

fn policies(namespace: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
}

/// What RKE2 makes with the profile, and what the guide asks for the operator's own namespace.
pub(crate) fn harden(server: &Server) {
    for namespace in [
        "default",
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "web",
    ] {
        server.patch(
            &format!("/api/v1/namespaces/{namespace}/serviceaccounts/default"),
            &json!({ "automountServiceAccountToken": false }),
        );
    }
    let same_namespace = json!({
        "metadata": { "name": "default-network-policy" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "podSelector": {} }] }] },
    });
    for namespace in ["default", "kube-system", "kube-public", "web"] {
        server.create(&policies(namespace), &same_namespace);
    }
    let marks = [
        ("dns", json!({ "matchLabels": { "k8s-app": "kube-dns" } })),
        (
            "ingress",
            json!({ "matchLabels": { "app.kubernetes.io/name": "rke2-ingress-nginx" } }),
        ),
        (
            "ingress-webhook",
            json!({ "matchLabels": { "app.kubernetes.io/name": "rke2-ingress-nginx" } }),
        ),
        (
            "snapshot-validation-webhook",
            json!({ "matchLabels": { "app.kubernetes.io/name": "rke2-snapshot-validation-webhook" } }),
        ),
        (
            "metrics-server",
            json!({ "matchLabels": { "app": "rke2-metrics-server" } }),
        ),
        (
            "traefik",
            json!({ "matchLabels": { "app.kubernetes.io/name": "rke2-traefik" } }),
        ),
    ];
    for namespace in ["default", "kube-system", "kube-public"] {
        let mark = json!({ "metadata": { "annotations": { "np.rke2.io": "resolved" } } });
        server.patch(&format!("/api/v1/namespaces/{namespace}"), &mark);
    }
    for (name, selector) in marks {
        let policy = json!({
            "metadata": { "name": format!("default-network-{name}-policy") },
            "spec": { "podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{ "ports": [{ "port": 443 }] }] },
        });
        server.create(&policies("kube-system"), &policy);
        let mark =
            json!({ "metadata": { "annotations": { format!("np.rke2.io/{name}"): "resolved" } } });
        server.patch("/api/v1/namespaces/kube-system", &mark);
    }
    let profile = json!({ "metadata": { "annotations": {
        "rke2.io/node-args": r#"["server","--profile","cis","--token","********"]"#,
    } } });
    let node = server.patch("/api/v1/nodes/s1", &profile);
    server.delete("/api/v1/namespaces/kube-system/pods/etcd-s1");
    etcd(
        server,
        &node,
        &json!({ "runAsUser": 52034, "runAsGroup": 52034 }),
    );
    server.create("/api/v1/namespaces/web/pods", &pod(&json!({}), &json!({})));
}

/// A pod to which nothing objects, with more or other fields in it and its container.
fn pod(more: &Value, container: &Value) -> Value {
    let mut pod = json!({
        "metadata": { "name": "api" },
        "spec": {
            "containers": [{ "name": "a", "image": "a", "securityContext": {
                "allowPrivilegeEscalation": false,
                "runAsNonRoot": true,
                "capabilities": { "drop": ["ALL"] },
                "seccompProfile": { "type": "RuntimeDefault" },
            } }],
        },
    });
    merge(&mut pod["spec"], more);
    merge(&mut pod["spec"]["containers"][0], container);
    pod
}

/// Namespaces, and pods that a Job each owns, so that no two share an owner.
pub(crate) fn many(namespaces: usize, pods: usize) -> (Vec<(String, Value)>, Vec<(String, Value)>) {
    let namespaces = (0..namespaces).map(|at| {
        let object = json!({ "metadata": { "name": format!("tenant-{at:05}") } });
        ("/api/v1/namespaces".to_owned(), object)
    });
    let pods = (0..pods).map(|at| {
        let mut pod = pod(&json!({ "hostPID": true }), &json!({}));
        pod["metadata"] = json!({
            "name": format!("nightly-{at:05}-abcde"),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": format!("nightly-{at:05}"),
                "uid": format!("00000000-0000-0000-0000-{at:012}"), "controller": true,
            }],
        });
        ("/api/v1/namespaces/web/pods".to_owned(), pod)
    });
    (namespaces.collect(), pods.collect())
}

fn pod_security_policy(server: &Server, name: &str, role: &str, spec: &Value) {
    let policy = json!({ "metadata": { "name": name }, "spec": spec });
    server.create("/apis/policy/v1beta1/podsecuritypolicies", &policy);
    let rule = json!({
        "apiGroups": ["policy"], "resources": ["podsecuritypolicies"], "resourceNames": [name], "verbs": ["use"],
    });
    let role = json!({ "metadata": { "name": role }, "rules": [rule] });
    server.create(&format!("{RBAC}/clusterroles"), &role);
}

/// What a policy says that allows everything.
fn open_policy() -> Value {
    let any = json!({ "rule": "RunAsAny" });
    json!({
        "privileged": true, "allowPrivilegeEscalation": true, "allowedCapabilities": ["*"], "volumes": ["*"],
        "hostNetwork": true, "hostPID": true, "hostIPC": true, "hostPorts": [{ "min": 0, "max": 65535 }],
        "runAsUser": any, "seLinux": any, "supplementalGroups": any, "fsGroup": any,
    })
}

/// The policies of RKE2 up to 1.24 with a profile, and who may use them.
pub(crate) fn pod_security_policies(server: &Server) {
    let group = |name: &str| json!({ "kind": "Group", "name": name });
    let ranges = json!({ "rule": "MustRunAs", "ranges": [{ "min": 1, "max": 65535 }] });
    pod_security_policy(
        server,
        "global-restricted-psp",
        "global-restricted-psp-clusterrole",
        &json!({
            "privileged": false, "allowPrivilegeEscalation": false, "requiredDropCapabilities": ["ALL"],
            "volumes": ["configMap", "emptyDir", "projected", "secret", "downwardAPI", "persistentVolumeClaim"],
            "runAsUser": { "rule": "MustRunAsNonRoot" }, "seLinux": { "rule": "RunAsAny" },
            "supplementalGroups": ranges, "fsGroup": ranges,
        }),
    );
    pod_security_policy(
        server,
        "system-unrestricted-psp",
        "system-unrestricted-psp-role",
        &open_policy(),
    );
    bind(
        server,
        "global-restricted-psp-rolebinding",
        "global-restricted-psp-clusterrole",
        &group("system:authenticated"),
    );
    bind(
        server,
        "system-unrestricted-node-psp-rolebinding",
        "system-unrestricted-psp-role",
        &group("system:nodes"),
    );
    bind(
        server,
        "system-node-default-psp-rolebinding",
        "global-restricted-psp-clusterrole",
        &group("system:nodes"),
    );
    let of_accounts = json!({
        "metadata": { "name": "system-unrestricted-svc-acct-psp-rolebinding" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system-unrestricted-psp-role" },
        "subjects": [group("system:serviceaccounts")],
    });
    server.create(
        &format!("{RBAC}/namespaces/kube-system/rolebindings"),
        &of_accounts,
    );
}

/// The policy of a start without a profile, still bound to everybody.
pub(crate) fn leave_open_policy(server: &Server) {
    let role = "global-unrestricted-psp-clusterrole";
    pod_security_policy(server, "global-unrestricted-psp", role, &open_policy());
    let everybody = json!({ "kind": "Group", "name": "system:authenticated" });
    bind(
        server,
        "global-unrestricted-psp-rolebinding",
        role,
        &everybody,
    );
}

/// `null` removes a field.
fn merge(into: &mut Value, more: &Value) {
    for (key, value) in more.as_object().unwrap() {
        if value.is_object() && into[key].is_object() {
            merge(&mut into[key], value);
        } else if value.is_null() {
            into.as_object_mut().unwrap().remove(key);
        } else {
            into[key] = value.clone();
        }
    }
}

type Step = Box<dyn Fn(&Server)>;

/// How a control is broken, and mended again.
pub(crate) struct Broken {
    /// What it is then.
    pub(crate) outcome: &'static str,
    /// Other controls that cannot hold either then.
    pub(crate) with: &'static [&'static str],
    make: Step,
    mend: Step,
}

impl Broken {
    pub(crate) fn make(&self, server: &Server) {
        (self.make)(server);
    }

    pub(crate) fn mend(&self, server: &Server) {
        (self.mend)(server);
    }
}

fn warns(make: impl Fn(&Server) + 'static, mend: impl Fn(&Server) + 'static) -> Broken {
    Broken {
        outcome: "warn",
        with: &[],
        make: Box::new(make),
        mend: Box::new(mend),
    }
}

/// Another pod of the namespace web.
fn bad_pod(more: Value, container: Value) -> Broken {
    warns(
        move |server| {
            let mut pod = pod(&more, &container);
            pod["metadata"]["name"] = json!("bad");
            server.create("/api/v1/namespaces/web/pods", &pod);
        },
        |server| server.delete("/api/v1/namespaces/web/pods/bad"),
    )
}

/// A role that allows one thing, for a user.
fn grant(verb: &'static str, group: &'static str, resource: &'static str) -> Broken {
    warns(
        move |server| {
            let rule = json!({ "verbs": [verb], "apiGroups": [group], "resources": [resource] });
            let role = json!({ "metadata": { "name": "bad" }, "rules": [rule] });
            server.create(&format!("{RBAC}/clusterroles"), &role);
            bind(
                server,
                "bad",
                "bad",
                &json!({ "kind": "User", "name": "jane" }),
            );
        },
        |server| {
            server.delete(&format!("{RBAC}/clusterrolebindings/bad"));
            server.delete(&format!("{RBAC}/clusterroles/bad"));
        },
    )
}

/// Every control that can be broken alone.
pub(crate) fn broken() -> Vec<(&'static str, Broken)> {
    let none = || json!({});
    let context = |field: &str, value: Value| json!({ "securityContext": { field: value } });
    vec![
        (
            "rbac.cluster-admin",
            warns(
                |server| {
                    bind(
                        server,
                        "bad",
                        "cluster-admin",
                        &json!({ "kind": "User", "name": "jane" }),
                    )
                },
                |server| server.delete(&format!("{RBAC}/clusterrolebindings/bad")),
            ),
        ),
        ("rbac.secrets", grant("get", "", "secrets")),
        ("rbac.pods", grant("create", "", "pods")),
        (
            "rbac.escalation",
            grant("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ),
        ("rbac.volumes", grant("create", "", "persistentvolumes")),
        ("rbac.nodes-proxy", grant("get", "", "nodes/proxy")),
        (
            "rbac.certificates",
            grant("approve", "certificates.k8s.io", "signers"),
        ),
        (
            "rbac.webhooks",
            grant(
                "create",
                "admissionregistration.k8s.io",
                "validatingwebhookconfigurations",
            ),
        ),
        ("rbac.tokens", grant("create", "", "serviceaccounts/token")),
        (
            "rbac.wildcards",
            warns(
                |server| {
                    let rule =
                        json!({ "verbs": ["*"], "apiGroups": [""], "resources": ["configmaps"] });
                    let role = json!({ "metadata": { "name": "bad" }, "rules": [rule] });
                    server.create(&format!("{RBAC}/clusterroles"), &role);
                },
                |server| server.delete(&format!("{RBAC}/clusterroles/bad")),
            ),
        ),
        (
            "rbac.masters",
            warns(
                |server| {
                    bind(
                        server,
                        "bad",
                        "view",
                        &json!({ "kind": "Group", "name": "system:masters" }),
                    )
                },
                |server| server.delete(&format!("{RBAC}/clusterrolebindings/bad")),
            ),
        ),
        (
            "accounts.default",
            warns(
                |server| {
                    let on = json!({ "automountServiceAccountToken": true });
                    server.patch(
                        "/api/v1/namespaces/kube-public/serviceaccounts/default",
                        &on,
                    );
                },
                |server| {
                    let off = json!({ "automountServiceAccountToken": false });
                    server.patch(
                        "/api/v1/namespaces/kube-public/serviceaccounts/default",
                        &off,
                    );
                },
            ),
        ),
        (
            "accounts.tokens",
            bad_pod(json!({ "automountServiceAccountToken": true }), none()),
        ),
        (
            "pods.admission",
            warns(
                |server| {
                    let label = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } });
                    server.patch("/api/v1/namespaces/web", &label);
                },
                |server| {
                    let none = json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": null } } });
                    server.patch("/api/v1/namespaces/web", &none);
                },
            ),
        ),
        (
            "pods.privileged",
            // The API server refuses a privileged container that may not gain rights.
            Broken {
                with: &["pods.privilege-escalation"],
                ..bad_pod(
                    none(),
                    json!({ "securityContext": { "privileged": true, "allowPrivilegeEscalation": null } }),
                )
            },
        ),
        ("pods.host-pid", bad_pod(json!({ "hostPID": true }), none())),
        ("pods.host-ipc", bad_pod(json!({ "hostIPC": true }), none())),
        (
            "pods.host-network",
            bad_pod(json!({ "hostNetwork": true }), none()),
        ),
        (
            "pods.privilege-escalation",
            bad_pod(none(), context("allowPrivilegeEscalation", json!(null))),
        ),
        (
            "pods.root",
            bad_pod(none(), context("runAsNonRoot", json!(null))),
        ),
        (
            "pods.capabilities",
            bad_pod(
                none(),
                context("capabilities", json!({ "drop": ["NET_RAW"] })),
            ),
        ),
        (
            "pods.net-raw",
            Broken {
                with: &["pods.capabilities"],
                ..bad_pod(none(), context("capabilities", json!(null)))
            },
        ),
        (
            "pods.security-context",
            Broken {
                with: &[
                    "pods.privilege-escalation",
                    "pods.root",
                    "pods.net-raw",
                    "pods.capabilities",
                    "pods.seccomp",
                ],
                ..bad_pod(none(), json!({ "securityContext": null }))
            },
        ),
        (
            "pods.host-path",
            bad_pod(
                json!({ "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] }),
                none(),
            ),
        ),
        (
            "pods.host-ports",
            bad_pod(
                none(),
                json!({ "ports": [{ "containerPort": 80, "hostPort": 80 }] }),
            ),
        ),
        (
            "pods.seccomp",
            bad_pod(none(), context("seccompProfile", json!(null))),
        ),
        (
            "secrets.environment",
            bad_pod(
                none(),
                json!({ "envFrom": [{ "secretRef": { "name": "s", "optional": true } }] }),
            ),
        ),
        (
            "network.policies",
            warns(
                |server| {
                    server.delete(&format!(
                        "{}/default-network-dns-policy",
                        policies("kube-system")
                    ))
                },
                |server| {
                    let policy = json!({
                        "metadata": { "name": "default-network-dns-policy" },
                        "spec": { "podSelector": { "matchLabels": { "k8s-app": "kube-dns" } }, "ingress": [{ "ports": [{ "port": 53 }] }] },
                    });
                    server.create(&policies("kube-system"), &policy);
                },
            ),
        ),
        (
            "network.plugin",
            Broken {
                outcome: "error",
                with: &[],
                make: Box::new(|server| {
                    server.delete("/api/v1/namespaces/kube-system/pods/rke2-canal-x");
                }),
                mend: Box::new(canal),
            },
        ),
        (
            "namespaces.default",
            warns(
                |server| {
                    let service = json!({ "metadata": { "name": "bad" }, "spec": { "ports": [{ "port": 80 }] } });
                    server.create("/api/v1/namespaces/default/services", &service);
                },
                |server| server.delete("/api/v1/namespaces/default/services/bad"),
            ),
        ),
        (
            "guide.nodes.profile",
            warns(
                |server| {
                    node(server, "s2", r#"["server","--profile","cis-1.23"]"#);
                },
                |server| server.delete("/api/v1/nodes/s2"),
            ),
        ),
        (
            "guide.etcd-pod.user",
            warns(
                |server| {
                    let node = server.get("/api/v1/nodes/s1").unwrap();
                    let mut second = node.clone();
                    second["metadata"]["name"] = json!("s3");
                    etcd(server, &second, &json!({ "runAsUser": 0 }));
                },
                |server| server.delete("/api/v1/namespaces/kube-system/pods/etcd-s3"),
            ),
        ),
    ]
}
