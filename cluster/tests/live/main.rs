//! The real API server of the newest minor, with etcd and the controller manager, which `tests/kubernetes/build` builds: a
//! cluster as it is without a profile, the same hardened, each control broken one at a time, and dumps of it.
#![allow(
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
mod objects;
mod server;

use std::collections::BTreeMap;
use std::path::Path;

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
    for (path, api_version, kind) in objects::LISTS {
        // Of a release that has no such kind.
        let Some(list) = server.get(path) else {
            continue;
        };
        let mut items = list["items"].as_array().unwrap().clone();
        // Where nothing is, only the API's own list says what it is a list of.
        if items.is_empty() || path.contains("rbac") {
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

#[test]
fn a_real_cluster_is_judged() {
    let server = Server::start();
    objects::rke2(&server);

    // Without a profile.
    let open = unmet(&audited(&server));
    assert_eq!(
        open,
        of(&[
            ("accounts.default", "warn"),
            ("network.policies", "warn"),
            ("pods.admission", "warn"),
            ("guide.etcd-pod.user", "warn"),
        ])
    );

    // With one.
    objects::harden(&server);
    assert_eq!(unmet(&audited(&server)), of(&[]));
    let good = server.run(&["audit"]);
    assert_eq!(good.status.code(), Some(0));
    let text = String::from_utf8(good.stdout).unwrap();
    assert!(text.contains("section 5: no control is unmet"), "{text}");

    // Each control broken alone.
    for (key, broken) in objects::broken() {
        broken.make(&server);
        let found = unmet(&audited(&server));
        let mut expected = vec![(key, broken.outcome)];
        expected.extend(broken.with.iter().map(|other| (*other, broken.outcome)));
        assert_eq!(found, of(&expected));
        broken.mend(&server);
    }
    assert_eq!(unmet(&audited(&server)), of(&[]));

    rights(&server);
    certificates(&server);
}

/// Kubernetes 1.24 has pod security policies, and CIS 1.24 scores them.
#[test]
#[ignore = "needs tests/kubernetes/build 1.24 kube-apiserver kube-controller-manager, which takes minutes"]
fn pod_security_policies_are_judged() {
    let server = Server::start_of("1.24");
    objects::rke2(&server);
    objects::harden(&server);
    let none = unmet(&audited(&server));
    assert_eq!(none, of(&[("pods.admission", "warn")]));
    objects::pod_security_policies(&server);
    assert_eq!(unmet(&audited(&server)), of(&[]));
    assert_eq!(server.run(&["check"]).status.code(), Some(0));
    fix::old(&server);

    // What RKE2 leaves behind of the time before the profile.
    objects::leave_open_policy(&server);
    let scored = [
        "pods.privileged",
        "pods.host-pid",
        "pods.host-ipc",
        "pods.host-network",
        "pods.privilege-escalation",
        "pods.root",
        "pods.net-raw",
    ];
    let manual = [
        "pods.admission",
        "pods.added-capabilities",
        "pods.capabilities",
        "pods.host-path",
        "pods.host-ports",
    ];
    let mut expected: Vec<(&str, &str)> = scored.map(|key| (key, "fail")).to_vec();
    expected.extend(manual.map(|key| (key, "warn")));
    assert_eq!(unmet(&audited(&server)), of(&expected));
    assert_eq!(server.run(&["audit"]).status.code(), Some(3));
    let roles = server.run(&["rbac", "--kubernetes-version", "v1.24.17+rke2r1"]);
    assert!(
        String::from_utf8(roles.stdout)
            .unwrap()
            .contains("podsecuritypolicies")
    );
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
    // Before anything is asked: nobody listens there.
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
