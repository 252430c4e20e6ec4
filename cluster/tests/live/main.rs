//! The real API server of the newest minor, with etcd and the controller manager, which `tests/kubernetes/build` builds: a
//! cluster as it is without a profile, the same hardened, each control broken one at a time, and dumps of it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::needless_pass_by_value,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::semicolon_if_nothing_returned,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "a test runs programs, and fails by panicking"
)]

mod fix;
#[path = "../common/measured.rs"]
mod measured;
mod objects;
#[path = "../common/recording.rs"]
mod recording;
mod server;

use std::collections::BTreeMap;
use std::path::Path;

use recording::{MINORS, Objects, Recording, outcomes};
use serde_json::{Value, json};
use server::Server;

/// Controls that are not met or could not be judged, with their outcome.
type Unmet = BTreeMap<String, String>;

fn unmet(report: &Value) -> Unmet {
    let controls = report["controls"].as_array().unwrap();
    controls
        .iter()
        .filter(|control| ["fail", "warn", "error"].contains(&control["outcome"].as_str().unwrap()))
        .map(|control| {
            let text = |key: &str| control[key].as_str().unwrap().to_owned();
            (text("key"), text("outcome"))
        })
        .collect()
}

fn of(pairs: &[(&str, &str)]) -> Unmet {
    pairs
        .iter()
        .map(|(key, outcome)| ((*key).to_owned(), (*outcome).to_owned()))
        .collect()
}

/// What the server has, in files as kubectl and as the API itself writes them.
fn dump(server: &Server, directory: &Path) {
    std::fs::write(
        directory.join("version.json"),
        server.get("/version").unwrap().to_string(),
    )
    .unwrap();
    let mut all = Vec::new();
    for (api_version, kind, list) in lists(server) {
        let mut items = list["items"].as_array().unwrap().clone();
        // Where nothing is, only the API's own list says what it is a list of.
        if items.is_empty() || api_version.contains("rbac") {
            std::fs::write(
                directory.join(format!("{kind}-dump.json")),
                list.to_string(),
            )
            .unwrap();
            continue;
        }
        for item in &mut items {
            item["apiVersion"] = json!(api_version);
            item["kind"] = json!(kind);
        }
        all.append(&mut items);
    }
    let list = json!({ "apiVersion": "v1", "items": all, "kind": "List", "metadata": {} });
    std::fs::write(directory.join("everything.json"), list.to_string()).unwrap();
}

/// The report live, which must be that of a dump.
fn audited(server: &Server) -> Value {
    let directory = tempfile::tempdir().unwrap();
    dump(server, directory.path());
    let dumped = server.run(&[
        "audit",
        "--format",
        "json",
        "--from",
        directory.path().to_str().unwrap(),
    ]);
    let live = server.run(&["audit", "--format", "json"]);
    let parsed = |output: &std::process::Output| -> Value {
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let (live, dumped) = (parsed(&live), parsed(&dumped));
    assert_eq!(live["controls"], dumped["controls"]);
    assert_eq!(live["summary"], dumped["summary"]);
    live
}

/// Every list of a server, as the API answers.
fn lists(server: &Server) -> Vec<(&'static str, &'static str, Value)> {
    let all = objects::LISTS.iter();
    // Of a release that has no such kind there is none.
    all.filter_map(|(path, api_version, kind)| Some((*api_version, *kind, server.get(path)?)))
        .collect()
}

/// What a recording keeps of a server's objects: not what changes from one recording to the next, and no name of a secret.
fn recorded(server: &Server) -> Objects {
    let mut all = Objects::new();
    for (api_version, kind, list) in lists(server) {
        for item in list["items"].as_array().unwrap() {
            let mut object = json!({ "apiVersion": api_version, "kind": kind });
            for (key, value) in item.as_object().unwrap() {
                if !["apiVersion", "kind", "status", "secrets"].contains(&key.as_str()) {
                    object[key] = value.clone();
                }
            }
            let metadata = object["metadata"].as_object_mut().unwrap();
            for key in [
                "uid",
                "resourceVersion",
                "creationTimestamp",
                "managedFields",
                "generation",
            ] {
                metadata.remove(key);
            }
            for owner in metadata
                .get_mut("ownerReferences")
                .into_iter()
                .flat_map(|all| all.as_array_mut().unwrap())
            {
                owner.as_object_mut().unwrap().remove("uid");
            }
            if let Some(annotations) = metadata.get_mut("annotations") {
                annotations
                    .as_object_mut()
                    .unwrap()
                    .remove("rbac.authorization.kubernetes.io/autoupdate");
            }
            if let Some(labels) = metadata.get_mut("labels") {
                labels
                    .as_object_mut()
                    .unwrap()
                    .remove("kubernetes.io/bootstrapping");
            }
            metadata.retain(|_, value| *value != json!({}));
            name_tokens(&mut object["spec"]);
            // The API server's own port is a free one here.
            if recording::id(&object) == "Service default/kubernetes" {
                object["spec"]["ports"][0]["targetPort"] = json!(6443);
            }
            all.insert(recording::id(&object), object);
        }
    }
    all
}

/// The volume of a token has a name of its own in each pod.
fn name_tokens(spec: &mut Value) {
    let rename = |entries: &mut Value| {
        for entry in entries.as_array_mut().into_iter().flatten() {
            if entry["name"]
                .as_str()
                .is_some_and(|name| name.starts_with("kube-api-access-"))
            {
                entry["name"] = json!("kube-api-access");
            }
        }
    };
    if spec["containers"].is_array() {
        rename(&mut spec["volumes"]);
        for container in spec["containers"].as_array_mut().unwrap() {
            rename(&mut container["volumeMounts"]);
        }
        spec.as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        for container in spec["containers"].as_array_mut().unwrap() {
            container
                .as_object_mut()
                .unwrap()
                .retain(|_, value| !value.is_null());
        }
    }
}

/// Controls that a benchmark scores; others are answered all the same, and warn. From the scanners' profiles for RKE2.
const SCORED: &[(&[&str], &[&str])] = &[
    (
        &["1.6", "1.23", "1.24"],
        &[
            "accounts.default",
            "network.plugin",
            "network.policies",
            "pods.host-ipc",
            "pods.host-pid",
            "pods.net-raw",
            "pods.privilege-escalation",
            "pods.root",
        ],
    ),
    (&["1.6", "1.24"], &["pods.privileged"]),
    (&["1.23", "1.24"], &["pods.host-network"]),
    (
        &["1.9", "1.10"],
        &[
            "accounts.default",
            "accounts.tokens",
            "rbac.cluster-admin",
            "rbac.wildcards",
        ],
    ),
];

fn is_scored(benchmark: &str, key: &str) -> bool {
    SCORED
        .iter()
        .any(|(benchmarks, keys)| benchmarks.contains(&benchmark) && keys.contains(&key))
}

/// Judges a server in the benchmarks that have its minor, each state of its cluster as it comes.
struct Judge<'a> {
    server: &'a Server,
    benchmarks: &'static [&'static str],
    recording: Recording,
}

impl<'a> Judge<'a> {
    fn new(server: &'a Server) -> Self {
        let minor = format!("1.{}", server.minor());
        let (_, benchmarks) = MINORS.iter().find(|(of, _)| *of == minor).unwrap();
        let version = server.get("/version").unwrap();
        Self {
            server,
            benchmarks,
            recording: Recording {
                version: version["gitVersion"].as_str().unwrap().to_owned(),
                lists: lists(server)
                    .into_iter()
                    .map(|(api_version, kind, _)| (api_version.to_owned(), kind.to_owned()))
                    .collect(),
                states: Vec::new(),
            },
        }
    }

    /// Exactly `broken` are not met, or could not be judged, in each benchmark that has them. What the API says and what
    /// dumps of it say is the same.
    fn state(&mut self, name: &str, broken: &[&str], is_error: bool) {
        let live = audited(self.server);
        let directory = tempfile::tempdir().unwrap();
        dump(self.server, directory.path());
        let mut all = BTreeMap::new();
        for benchmark in self.benchmarks {
            let from = [
                "audit",
                "--format",
                "json",
                "--from",
                directory.path().to_str().unwrap(),
            ];
            let output = self
                .server
                .run(&[from.as_slice(), &["--benchmark", benchmark]].concat());
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            if live["benchmark"] == *benchmark {
                assert_eq!(report["controls"], live["controls"], "{name}");
            }
            let outcomes = outcomes(&report);
            let expected: Unmet = broken
                .iter()
                .filter(|key| outcomes.contains_key(**key))
                .map(|key| {
                    let outcome = match (is_error, is_scored(benchmark, key)) {
                        (true, _) => "error",
                        (false, true) => "fail",
                        (false, false) => "warn",
                    };
                    ((*key).to_owned(), outcome.to_owned())
                })
                .collect();
            assert_eq!(unmet(&report), expected, "{name} in {benchmark}");
            all.insert((*benchmark).to_owned(), outcomes);
        }
        self.recording.add(name, &recorded(self.server), &all);
    }

    /// Every state of a cluster of RKE2: without a profile, with one, hardened, and broken in one thing at a time.
    fn all(mut self) -> Recording {
        let has_policies = self.server.minor() < 25;
        let policies = if has_policies {
            objects::OPEN_POLICIES
        } else {
            &["pods.admission"]
        };
        let open = [
            "accounts.default",
            "network.policies",
            "guide.etcd-pod.user",
        ];
        objects::rke2(self.server);
        // The first that is recorded is the hardened one, from which others differ.
        let mut first = Judge::new(self.server);
        first.state("without a profile", &[&open, policies].concat(), false);
        let without = first.recording.objects(&first.recording.states[0]);
        let outcomes_without = first.recording.states[0].outcomes.clone();

        objects::harden(self.server);
        let mut switched_on = None;
        if has_policies {
            let mut second = Judge::new(self.server);
            second.state("with a profile from now on", policies, false);
            let objects = second.recording.objects(&second.recording.states[0]);
            switched_on = Some((objects, second.recording.states[0].outcomes.clone()));
            objects::remove_open_policy(self.server);
        }
        self.state("hardened", &[], false);
        self.recording
            .add("without a profile", &without, &outcomes_without);
        if let Some((objects, outcomes)) = switched_on {
            self.recording
                .add("with a profile from now on", &objects, &outcomes);
        }

        let hardened = recorded(self.server);
        for broken in objects::broken(self.server) {
            broken.make(self.server);
            let keys = [&[broken.control], broken.with].concat();
            self.state(&broken.name(), &keys, broken.is_error);
            broken.repair(self.server);
            let now = recorded(self.server);
            let differing: Vec<_> = now
                .iter()
                .map(|(id, object)| (id, Some(object)))
                .chain(
                    hardened
                        .keys()
                        .filter(|id| !now.contains_key(*id))
                        .map(|id| (id, None)),
                )
                .filter(|(id, object)| hardened.get(*id) != *object)
                .collect();
            assert!(
                differing.is_empty(),
                "{} is not repaired: {differing:#?}",
                broken.name()
            );
        }
        let report = audited(self.server);
        assert_eq!(unmet(&report), of(&[]));
        self.recording
    }
}

#[test]
fn a_real_cluster_is_judged() {
    let server = Server::start();
    Judge::new(&server).all();
    let good = server.run(&["audit"]);
    assert_eq!(good.status.code(), Some(0));
    let text = String::from_utf8(good.stdout).unwrap();
    assert!(text.contains("section 5: no control is unmet"), "{text}");
    rights(&server);
    certificates(&server);
    in_a_pod(&server);
}

/// A pod is whom its account is, where no kubeconfig is given.
fn in_a_pod(server: &Server) {
    let account = "/api/v1/namespaces/web/serviceaccounts";
    server.create(account, &json!({ "metadata": { "name": "auditor" } }));
    let request = server.create(&format!("{account}/auditor/token"), &json!({ "spec": {} }));
    let token = request["status"]["token"].as_str().unwrap();
    let who = server.run_in_pod(token, &["check"]);
    let text = String::from_utf8(who.stdout).unwrap();
    let err = String::from_utf8(who.stderr).unwrap();
    assert_eq!(who.status.code(), Some(3), "{text}{err}");
    assert!(
        text.contains("you are      system:serviceaccount:web:auditor, of "),
        "{text}"
    );

    let binding = json!({
        "metadata": { "name": "auditor" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "web", "name": "auditor" }],
    });
    server.create(
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        &binding,
    );
    server.until("the pod's account may list pods", || {
        let output = server.run_in_pod(token, &["audit", "--control", "pods.privileged"]);
        output.status.code() == Some(0)
    });

    // What is given counts before it, and a context is one of a kubeconfig.
    let admin = server.kubeconfig("admin");
    let given = server.run_in_pod(token, &["check", "--kubeconfig", admin.to_str().unwrap()]);
    let text = String::from_utf8(given.stdout).unwrap();
    assert!(text.contains("you are      admin"), "{text}");
    let context = server.run_in_pod(token, &["check", "--context", "a"]);
    let err = String::from_utf8(context.stderr).unwrap();
    assert!(err.contains("no kubeconfig: "), "{err}");
    // A token that is not valid there.
    let stranger = server.run_in_pod("x", &["check"]);
    let err = String::from_utf8(stranger.stderr).unwrap();
    assert!(err.contains("does not know this user (401)"), "{err}");
}

/// Kubernetes 1.24 has pod security policies, and the benchmarks of its time score most controls.
#[test]
#[ignore = "needs tests/kubernetes/build 1.24 kube-apiserver kube-controller-manager, which takes minutes"]
fn pod_security_policies_are_judged() {
    let server = Server::start_of("1.24");
    Judge::new(&server).all();
    assert_eq!(server.run(&["audit"]).status.code(), Some(0));
    assert_eq!(server.run(&["check"]).status.code(), Some(0));
    fix::old(&server);
    objects::leave_open_policy(&server);
    assert_eq!(server.run(&["audit"]).status.code(), Some(3));
    let roles = server.run(&["rbac", "--kubernetes-version", "v1.24.17+rke2r1"]);
    assert!(
        String::from_utf8(roles.stdout)
            .unwrap()
            .contains("podsecuritypolicies")
    );
}

/// Writes what the API servers of the minors in `RECORD` answer.
#[test]
#[ignore = "writes tests/recorded; cluster/tests/record runs it"]
fn record() {
    for minor in std::env::var("RECORD")
        .unwrap_or_default()
        .split_whitespace()
    {
        let begun = std::time::Instant::now();
        let server = Server::start_of(minor);
        let recording = Judge::new(&server).all();
        let path = Recording::path(minor);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, recording.text()).unwrap();
        eprintln!(
            "{minor}: {} states in {:?}",
            recording.states.len(),
            begun.elapsed()
        );
    }
}

/// With the roles that `rbac` prints nothing is missing; without one of them its name is said.
fn rights(server: &Server) {
    let reader = server.kubeconfig("reader");
    let none = server.run_as(&reader, &["check"]);
    assert_eq!(none.status.code(), Some(3));
    let text = String::from_utf8(none.stdout).unwrap();
    assert!(text.contains("you are      reader\n"), "{text}");
    assert!(text.contains("certificate  until "), "{text}");
    assert!(
        text.contains("rights       may not list namespaces, nodes, serviceaccounts"),
        "{text}"
    );

    let printed = server.run(&["rbac"]);
    let roles = String::from_utf8(printed.stdout).unwrap();
    let [cluster_role, role] = roles.split("---\n").collect::<Vec<_>>()[..] else {
        panic!("{roles}");
    };
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    server.create_yaml(&format!("{rbac}/clusterroles"), cluster_role);
    server.create_yaml(&format!("{rbac}/namespaces/default/roles"), role);
    let binding = |kind: &str| {
        json!({
            "metadata": { "name": "preflight" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": "preflight-rke2-cluster" },
            "subjects": [{ "kind": "User", "name": "reader" }],
        })
    };
    server.create(
        &format!("{rbac}/clusterrolebindings"),
        &binding("ClusterRole"),
    );
    server.create(
        &format!("{rbac}/namespaces/default/rolebindings"),
        &binding("Role"),
    );
    server.until("the rights are there", || {
        server.run_as(&reader, &["check"]).status.code() == Some(0)
    });
    let all = server.run_as(&reader, &["audit", "--format", "json"]);
    assert_eq!(
        unmet(&serde_json::from_slice(&all.stdout).unwrap()),
        of(&[])
    );

    server.delete(&format!("{rbac}/namespaces/default/rolebindings/preflight"));
    server.until("the rights are gone", || {
        server.run_as(&reader, &["check"]).status.code() == Some(3)
    });
    let fewer = server.run_as(&reader, &["audit", "--format", "json"]);
    assert_eq!(fewer.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&fewer.stdout).unwrap();
    assert_eq!(unmet(&report), of(&[("namespaces.default", "error")]));
    let stderr = String::from_utf8(fewer.stderr).unwrap();
    assert!(
        stderr
            .contains("this user needs the right to list services in the namespace default (403)"),
        "{stderr}"
    );
    server.delete(&format!("{rbac}/clusterrolebindings/preflight"));
    server.delete(&format!("{rbac}/clusterroles/preflight-rke2-cluster"));
}

/// Certificates of another authority, and one that is over.
fn certificates(server: &Server) {
    for (kubeconfig, message) in [
        (
            server.kubeconfig_with_authority("admin", "other"),
            "cannot be trusted: its certificate is not signed by the authority of the kubeconfig",
        ),
        (
            server.kubeconfig("stranger"),
            "does not know this user (401)",
        ),
    ] {
        let output = server.run_as(&kubeconfig, &["check"]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(message), "{message}: {stderr}");
    }
    // Before anything is asked: no server listens there.
    let expired = server.kubeconfig_at("expired", "https://127.0.0.1:1");
    let output = server.run_as(&expired, &["check"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("the client certificate of "), "{stderr}");
    assert!(stderr.contains(" ended on 20"), "{stderr}");
}

/// 10,000 namespaces and 20,000 pods, each with an owner of its own and a finding.
#[test]
#[ignore = "makes 30,000 objects, which takes minutes"]
fn a_large_cluster_takes_little_memory() {
    let server = Server::start();
    objects::rke2(&server);
    objects::harden(&server);
    let (namespaces, pods) = objects::many(10_000, 20_000);
    server.create_all(namespaces);
    server.create_all(pods);
    server.until_account("tenant-00000");
    server.until("every namespace has its account", || {
        let list = server.get("/api/v1/serviceaccounts?limit=1").unwrap();
        list["metadata"]["remainingItemCount"].as_u64() >= Some(10_004)
    });
    let before = server.requests();
    let begun = std::time::Instant::now();
    let (report, peak) = server.measured(&["audit", "--format", "json"]);
    let taken = begun.elapsed();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let count = |key: &str| {
        let controls = report["controls"].as_array().unwrap();
        let control = controls.iter().find(|control| control["key"] == key);
        control.unwrap()["object_count"].as_u64().unwrap()
    };
    assert_eq!(count("pods.host-pid"), 20_000);
    assert_eq!(count("network.policies"), 10_000);
    assert_eq!(count("accounts.default"), 10_000);
    let requests = server.requests() - before;
    eprintln!("audit: {taken:?}, {peak} kB, {requests} requests");
    for kind in ["namespaces", "serviceaccounts", "pods"] {
        let begun = std::time::Instant::now();
        if server.kubectl(&["get", kind, "-A", "-o", "json"]) {
            eprintln!("kubectl get {kind}: {:?}", begun.elapsed());
        }
    }
    assert!(peak <= 32 * 1024, "{peak} kB");
}
