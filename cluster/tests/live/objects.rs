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
    plugin(server, "rke2-canal", "rke2-canal-x");
}

/// A pod of a daemon set of a network plugin.
fn plugin(server: &Server, daemon_set: &str, name: &str) {
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": daemon_set,
        "uid": "00000000-0000-0000-0000-000000000001", "controller": true,
    });
    own_pod(
        server,
        name,
        &owner,
        json!({
            "nodeName": "s1", "hostNetwork": true, "automountServiceAccountToken": false,
            "containers": [{ "name": "plugin", "image": "plugin", "securityContext": { "privileged": true } }],
        }),
    );
}

/// What RKE2 of a minor makes.
fn is_since(server: &Server, minor: u32) -> bool {
    server.minor() >= minor
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
    if !is_since(server, 25) {
        pod_security_policies(server);
    }
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

fn same_namespace(name: &str) -> Value {
    json!({
        "metadata": { "name": name },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "podSelector": {} }] }] },
    })
}

/// What lets in the nodes, once one has flannel's address.
fn flannel_policy() -> Value {
    json!({
        "metadata": { "name": "rke2-flannel-host-networking" },
        "spec": { "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{ "from": [{ "ipBlock": { "cidr": "10.42.0.0/32" } }] }] },
    })
}

/// The policies of kube-system, by what their names and marks end with, as RKE2 of the minor makes them.
fn own_policies(server: &Server) -> Vec<(&'static str, Value)> {
    let label = |key: &str, value: &str| json!({ "matchLabels": { key: value } });
    let policy = |selector: Value, ports: Value| json!({ "podSelector": selector, "policyTypes": ["Ingress"], "ingress": [{ "ports": ports }] });
    let nginx = || label("app.kubernetes.io/name", "rke2-ingress-nginx");
    let ports = if is_since(server, 26) {
        json!([{ "port": "http" }, { "port": "https" }])
    } else {
        json!([{ "port": 80 }, { "port": 443 }])
    };
    let dns = json!([{ "port": 53, "protocol": "TCP" }, { "port": 53, "protocol": "UDP" }]);
    let mut all = vec![
        ("dns", policy(label("k8s-app", "kube-dns"), dns)),
        ("ingress", policy(nginx(), ports)),
    ];
    let https = || json!([{ "port": "https" }]);
    if is_since(server, 26) {
        let snapshot = label("app.kubernetes.io/name", "rke2-snapshot-validation-webhook");
        all.extend([
            (
                "ingress-webhook",
                policy(nginx(), json!([{ "port": "webhook" }])),
            ),
            ("snapshot-validation-webhook", policy(snapshot, https())),
            (
                "metrics-server",
                policy(label("app", "rke2-metrics-server"), https()),
            ),
        ]);
    }
    if is_since(server, 30) {
        let traefik = label("app.kubernetes.io/name", "rke2-traefik");
        let ports = json!([{ "port": "web" }, { "port": "websecure" }]);
        all.push(("traefik", policy(traefik, ports)));
    }
    all
}

/// Makes a policy and marks its namespace, as a server does at its start.
fn own_policy(server: &Server, namespace: &str, mark: &str, policy: &Value) {
    let marked = json!({ "metadata": { "annotations": { mark: "resolved" } } });
    let mut policy = policy.clone();
    if is_since(server, 26) {
        merge(&mut policy, &marked);
    }
    server.create(&policies(namespace), &policy);
    server.patch(&format!("/api/v1/namespaces/{namespace}"), &marked);
}

/// Makes a policy of kube-system that is not there, by what its name ends with.
fn restore(server: &Server, name: &str) {
    let all = own_policies(server);
    let (_, spec) = all.iter().find(|(of, _)| *of == name).unwrap();
    let policy =
        json!({ "metadata": { "name": format!("default-network-{name}-policy") }, "spec": spec });
    own_policy(
        server,
        "kube-system",
        &format!("np.rke2.io/{name}"),
        &policy,
    );
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
    server.create(&policies("web"), &same_namespace("default-network-policy"));
    for namespace in ["default", "kube-system", "kube-public"] {
        own_policy(
            server,
            namespace,
            "np.rke2.io",
            &same_namespace("default-network-policy"),
        );
        server.create(&policies(namespace), &flannel_policy());
    }
    for (name, _) in own_policies(server) {
        restore(server, name);
    }
    if !is_since(server, 25) {
        restricted_policy(server);
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

/// Lets a group use a pod security policy.
fn bind_group(server: &Server, binding: &str, role: &str, group: &str) {
    bind(
        server,
        binding,
        role,
        &json!({ "kind": "Group", "name": group }),
    );
}

const EVERYBODY: &str = "system:authenticated";

/// The policies of RKE2 up to 1.24 without a profile, and who may use them.
fn pod_security_policies(server: &Server) {
    let system = "system-unrestricted-psp-role";
    pod_security_policy(server, "system-unrestricted-psp", system, &open_policy());
    bind_group(
        server,
        "system-unrestricted-node-psp-rolebinding",
        system,
        "system:nodes",
    );
    let of_accounts = json!({
        "metadata": { "name": "system-unrestricted-svc-acct-psp-rolebinding" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": system },
        "subjects": [{ "kind": "Group", "name": "system:serviceaccounts" }],
    });
    server.create(
        &format!("{RBAC}/namespaces/kube-system/rolebindings"),
        &of_accounts,
    );
    let global = "global-unrestricted-psp-clusterrole";
    pod_security_policy(server, "global-unrestricted-psp", global, &open_policy());
    bind_group(server, OPEN, global, EVERYBODY);
    bind_group(
        server,
        "system-node-default-psp-rolebinding",
        global,
        "system:nodes",
    );
}

const OPEN: &str = "global-unrestricted-psp-rolebinding";

/// What RKE2 adds once there is a profile. It removes nothing.
fn restricted_policy(server: &Server) {
    let role = "global-restricted-psp-clusterrole";
    let ranges = json!({ "rule": "MustRunAs", "ranges": [{ "min": 1, "max": 65535 }] });
    let spec = json!({
        "privileged": false, "allowPrivilegeEscalation": false, "requiredDropCapabilities": ["ALL"],
        "volumes": ["configMap", "emptyDir", "projected", "secret", "downwardAPI", "persistentVolumeClaim"],
        "runAsUser": { "rule": "MustRunAsNonRoot" }, "seLinux": { "rule": "RunAsAny" },
        "supplementalGroups": ranges, "fsGroup": ranges,
    });
    pod_security_policy(server, "global-restricted-psp", role, &spec);
    bind_group(server, "global-restricted-psp-rolebinding", role, EVERYBODY);
}

/// Removes the policy of the time before the profile from everybody, as an administrator has to.
pub(crate) fn remove_open_policy(server: &Server) {
    server.delete(&format!("{RBAC}/clusterrolebindings/{OPEN}"));
}

/// The controls that a usable policy that allows everything breaks.
pub(crate) const OPEN_POLICIES: &[&str] = &[
    "pods.added-capabilities",
    "pods.admission",
    "pods.capabilities",
    "pods.host-ipc",
    "pods.host-network",
    "pods.host-path",
    "pods.host-pid",
    "pods.host-ports",
    "pods.net-raw",
    "pods.privilege-escalation",
    "pods.privileged",
    "pods.root",
];

/// Binds it to everybody again.
pub(crate) fn leave_open_policy(server: &Server) {
    bind_group(
        server,
        OPEN,
        "global-unrestricted-psp-clusterrole",
        EVERYBODY,
    );
}

/// A policy that lets a user make pods of one kind, and nothing else of what controls ask about.
fn user_policy(control: &'static str, with: &'static [&'static str], field: Value) -> Broken {
    let any = json!({ "rule": "RunAsAny" });
    let mut spec = json!({
        "privileged": false, "allowPrivilegeEscalation": false, "requiredDropCapabilities": ["ALL"],
        "volumes": ["secret"], "runAsUser": { "rule": "MustRunAsNonRoot" },
        "seLinux": any, "supplementalGroups": any, "fsGroup": any,
    });
    merge(&mut spec, &field);
    Broken {
        what: "by a policy",
        with,
        ..broken_by(
            control,
            move |server| {
                pod_security_policy(server, "bad", "bad", &spec);
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
                server.delete("/apis/policy/v1beta1/podsecuritypolicies/bad");
            },
        )
    }
}

/// What policies up to 1.24 break alone.
fn by_policies() -> Vec<Broken> {
    vec![
        Broken {
            what: "",
            ..user_policy(
                "pods.admission",
                &["pods.privileged"],
                json!({ "privileged": true }),
            )
        },
        user_policy("pods.host-pid", &[], json!({ "hostPID": true })),
        user_policy("pods.host-ipc", &[], json!({ "hostIPC": true })),
        user_policy("pods.host-network", &[], json!({ "hostNetwork": true })),
        user_policy(
            "pods.privilege-escalation",
            &[],
            json!({ "allowPrivilegeEscalation": true }),
        ),
        user_policy(
            "pods.root",
            &[],
            json!({ "runAsUser": { "rule": "RunAsAny" } }),
        ),
        user_policy(
            "pods.capabilities",
            &[],
            json!({ "requiredDropCapabilities": ["NET_RAW"] }),
        ),
        user_policy(
            "pods.net-raw",
            &["pods.capabilities"],
            json!({ "requiredDropCapabilities": null }),
        ),
        user_policy("pods.host-path", &[], json!({ "volumes": ["hostPath"] })),
        user_policy(
            "pods.host-ports",
            &[],
            json!({ "hostPorts": [{ "min": 80, "max": 80 }] }),
        ),
        user_policy(
            "pods.added-capabilities",
            &[],
            json!({ "allowedCapabilities": ["SYS_TIME"] }),
        ),
    ]
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

/// How a control is broken, and repaired.
pub(crate) struct Broken {
    pub(crate) control: &'static str,
    /// In which way, where there are several.
    pub(crate) what: &'static str,
    /// Whether it cannot be judged then, instead of not being met.
    pub(crate) is_error: bool,
    /// Other controls that cannot hold either then.
    pub(crate) with: &'static [&'static str],
    make: Step,
    repair: Step,
}

impl Broken {
    /// `network.policies (none)`.
    pub(crate) fn name(&self) -> String {
        match self.what {
            "" => self.control.to_owned(),
            what => format!("{} ({what})", self.control),
        }
    }

    pub(crate) fn make(&self, server: &Server) {
        (self.make)(server);
    }

    pub(crate) fn repair(&self, server: &Server) {
        (self.repair)(server);
    }
}

fn broken_by(
    control: &'static str,
    make: impl Fn(&Server) + 'static,
    repair: impl Fn(&Server) + 'static,
) -> Broken {
    Broken {
        control,
        what: "",
        is_error: false,
        with: &[],
        make: Box::new(make),
        repair: Box::new(repair),
    }
}

/// `fix --apply` does its part.
fn fix(server: &Server, arguments: &[&str]) {
    let output = server.run(&[&["fix", "--apply"], arguments].concat());
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
}

const POLICIES: &str = "--network-policies=same-namespace";

/// Another pod of the namespace web.
fn bad_pod(control: &'static str, more: Value, container: Value) -> Broken {
    broken_by(
        control,
        move |server| {
            let mut pod = pod(&more, &container);
            pod["metadata"]["name"] = json!("bad");
            server.create("/api/v1/namespaces/web/pods", &pod);
        },
        |server| server.delete("/api/v1/namespaces/web/pods/bad"),
    )
}

/// A role that allows one thing, for a user.
fn grant(
    control: &'static str,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
) -> Broken {
    broken_by(
        control,
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

/// A binding of a role of Kubernetes.
fn binding(control: &'static str, role: &'static str, subject: Value) -> Broken {
    broken_by(
        control,
        move |server| bind(server, "bad", role, &subject),
        |server| server.delete(&format!("{RBAC}/clusterrolebindings/bad")),
    )
}

/// Every control that can be broken, alone as far as the API server allows that.
pub(crate) fn broken(server: &Server) -> Vec<Broken> {
    let mut all = of_roles();
    all.extend(of_accounts());
    all.extend(of_pods());
    all.extend(of_network());
    all.extend(of_namespaces_and_nodes());
    if is_since(server, 25) {
        all.push(broken_by(
            "pods.admission",
            |server| enforce(server, json!("privileged")),
            |server| enforce(server, json!(null)),
        ));
    } else {
        // Who may do everything may use the policies as well.
        for broken in &mut all {
            if broken.control == "rbac.cluster-admin" {
                broken.with = OPEN_POLICIES;
            }
        }
        all.extend(by_policies());
    }
    all
}

fn enforce(server: &Server, level: Value) {
    let label =
        json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": level } } });
    server.patch("/api/v1/namespaces/web", &label);
}

fn of_roles() -> Vec<Broken> {
    const ADMISSION: &str = "admissionregistration.k8s.io";
    const ROLES: &str = "rbac.authorization.k8s.io";
    vec![
        binding(
            "rbac.cluster-admin",
            "cluster-admin",
            json!({ "kind": "User", "name": "jane" }),
        ),
        grant("rbac.secrets", "get", "", "secrets"),
        grant("rbac.pods", "create", "", "pods"),
        grant("rbac.escalation", "escalate", ROLES, "clusterroles"),
        grant("rbac.volumes", "create", "", "persistentvolumes"),
        grant("rbac.nodes-proxy", "get", "", "nodes/proxy"),
        grant(
            "rbac.certificates",
            "approve",
            "certificates.k8s.io",
            "signers",
        ),
        grant(
            "rbac.webhooks",
            "create",
            ADMISSION,
            "validatingwebhookconfigurations",
        ),
        grant("rbac.tokens", "create", "", "serviceaccounts/token"),
        grant("rbac.wildcards", "*", "", "configmaps"),
        binding(
            "rbac.masters",
            "view",
            json!({ "kind": "Group", "name": "system:masters" }),
        ),
    ]
}

fn of_accounts() -> Vec<Broken> {
    vec![
        broken_by(
            "accounts.default",
            |server| {
                let unset = json!({ "automountServiceAccountToken": null });
                server.patch(
                    "/api/v1/namespaces/kube-public/serviceaccounts/default",
                    &unset,
                );
            },
            |server| fix(server, &[]),
        ),
        bad_pod(
            "accounts.tokens",
            json!({ "automountServiceAccountToken": true }),
            json!({}),
        ),
    ]
}

fn of_pods() -> Vec<Broken> {
    let none = || json!({});
    let context = |field: &str, value: Value| json!({ "securityContext": { field: value } });
    let of_pod = |control, more| bad_pod(control, more, none());
    let of_container = |control, container| bad_pod(control, none(), container);
    vec![
        // The API server refuses a privileged container that may not gain rights.
        Broken {
            with: &["pods.privilege-escalation"],
            ..of_container(
                "pods.privileged",
                json!({ "securityContext": { "privileged": true, "allowPrivilegeEscalation": null } }),
            )
        },
        of_pod("pods.host-pid", json!({ "hostPID": true })),
        of_pod("pods.host-ipc", json!({ "hostIPC": true })),
        of_pod("pods.host-network", json!({ "hostNetwork": true })),
        of_container(
            "pods.privilege-escalation",
            context("allowPrivilegeEscalation", json!(null)),
        ),
        of_container("pods.root", context("runAsNonRoot", json!(null))),
        of_container(
            "pods.capabilities",
            context("capabilities", json!({ "drop": ["NET_RAW"] })),
        ),
        of_container(
            "pods.added-capabilities",
            context(
                "capabilities",
                json!({ "drop": ["ALL"], "add": ["SYS_TIME"] }),
            ),
        ),
        Broken {
            with: &["pods.capabilities"],
            ..of_container("pods.net-raw", context("capabilities", json!(null)))
        },
        Broken {
            with: &[
                "pods.privilege-escalation",
                "pods.root",
                "pods.net-raw",
                "pods.capabilities",
                "pods.seccomp",
            ],
            ..of_container("pods.security-context", json!({ "securityContext": null }))
        },
        // The API server takes such a container on the node's network alone, and without what Linux has.
        Broken {
            with: &["pods.host-network"],
            ..bad_pod(
                "pods.host-process",
                json!({
                    "os": { "name": "windows" }, "hostNetwork": true,
                    "securityContext": { "windowsOptions": { "hostProcess": true } },
                }),
                json!({ "securityContext": null }),
            )
        },
        of_pod(
            "pods.host-path",
            json!({ "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] }),
        ),
        of_container(
            "pods.host-ports",
            json!({ "ports": [{ "containerPort": 80, "hostPort": 80 }] }),
        ),
        of_container("pods.seccomp", context("seccompProfile", json!(null))),
        of_container(
            "secrets.environment",
            json!({ "envFrom": [{ "secretRef": { "name": "s", "optional": true } }] }),
        ),
    ]
}

fn of_network() -> Vec<Broken> {
    let policy = |namespace: &str, name: &str| format!("{}/{name}", policies(namespace));
    let ingress = move |server: &Server, rule: Value| {
        let open = json!({ "spec": { "ingress": [rule] } });
        server.patch(&policy("default", "rke2-flannel-host-networking"), &open);
    };
    vec![
        Broken {
            what: "none",
            ..broken_by(
                "network.policies",
                move |server| server.delete(&policy("web", "default-network-policy")),
                |server| fix(server, &[POLICIES]),
            )
        },
        Broken {
            what: "one of RKE2 is gone",
            ..broken_by(
                "network.policies",
                move |server| server.delete(&policy("kube-system", "default-network-dns-policy")),
                |server| {
                    fix(server, &[POLICIES]);
                    // A server starts.
                    restore(server, "dns");
                },
            )
        },
        Broken {
            what: "flannel's lets in everything",
            ..broken_by(
                "network.policies",
                move |server| ingress(server, json!({})),
                move |server| ingress(server, flannel_policy()["spec"]["ingress"][0].clone()),
            )
        },
        broken_by(
            "network.plugin",
            |server| {
                server.delete(CANAL);
                plugin(server, "kube-flannel-ds", "kube-flannel-ds-x");
            },
            |server| {
                server.delete("/api/v1/namespaces/kube-system/pods/kube-flannel-ds-x");
                canal(server);
            },
        ),
        Broken {
            what: "none known",
            is_error: true,
            ..broken_by("network.plugin", |server| server.delete(CANAL), canal)
        },
    ]
}

const CANAL: &str = "/api/v1/namespaces/kube-system/pods/rke2-canal-x";

fn of_namespaces_and_nodes() -> Vec<Broken> {
    vec![
        broken_by(
            "namespaces.default",
            |server| {
                let service = json!({ "metadata": { "name": "bad" }, "spec": { "clusterIP": "None", "ports": [{ "port": 80 }] } });
                server.create("/api/v1/namespaces/default/services", &service);
            },
            |server| server.delete("/api/v1/namespaces/default/services/bad"),
        ),
        broken_by(
            "guide.nodes.profile",
            |server| {
                node(server, "s2", r#"["server","--profile","cis-1.23"]"#);
            },
            |server| server.delete("/api/v1/nodes/s2"),
        ),
        broken_by(
            "guide.etcd-pod.user",
            |server| {
                let node = server.get("/api/v1/nodes/s1").unwrap();
                let mut second = node.clone();
                second["metadata"]["name"] = json!("s3");
                etcd(server, &second, &json!({ "runAsUser": 0 }));
            },
            |server| server.delete("/api/v1/namespaces/kube-system/pods/etcd-s3"),
        ),
    ]
}
