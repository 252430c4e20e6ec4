//! `fix` on the real API server: what it cures, what it leaves alone, and how many requests it takes.

use std::process::Output;
use std::time::Instant;

use serde_json::{Value, json};

use crate::server::Server;
use crate::{audited, dump, objects, of, unmet};

const POLICIES: &str = "--network-policies=same-namespace";

fn account(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/default")
}

fn automount(server: &Server, namespace: &str) -> Value {
    server.get(&account(namespace)).unwrap()["automountServiceAccountToken"].clone()
}

fn policies(namespace: &str) -> String {
    format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
}

fn namespace(server: &Server, name: &str) {
    server.create(
        "/api/v1/namespaces",
        &json!({ "metadata": { "name": name } }),
    );
    server.until_account(name);
}

/// Standard output of a run that ends with `status`, and its standard error.
fn ended(output: Output, status: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{out}{err}");
    (out, err)
}

/// A namespace of the operator with its token mounted, a pod that uses it, and no policy; and a new one.
fn break_web(server: &Server) {
    server.patch(
        &account("web"),
        &json!({ "automountServiceAccountToken": null }),
    );
    server.delete(&format!("{}/default-network-policy", policies("web")));
}

#[test]
fn fix_cures_and_forces_nothing() {
    let server = Server::start();
    objects::rke2(&server);
    objects::harden(&server);
    assert_eq!(unmet(&audited(&server)), of(&[]));
    break_web(&server);
    namespace(&server, "team");
    let open = of(&[
        ("accounts.default", "warn"),
        ("accounts.tokens", "warn"),
        ("network.policies", "warn"),
    ]);
    // Pod security is the profile's default in a namespace of the operator.
    assert_eq!(unmet(&audited(&server)), open);

    plan_changes_nothing(&server);
    assert_eq!(unmet(&audited(&server)), open);
    forms_are_taken(&server);
    conflicts(&server);

    let (out, _) = ended(server.run(&["fix", "--apply", POLICIES]), 0);
    assert!(
        out.contains("done: 1 service account, 1 network policy\n"),
        "{out}"
    );
    assert!(out.contains("  Pod web/api\n"), "{out}");
    let report = audited(&server);
    assert_eq!(unmet(&report), of(&[]));
    for key in ["accounts.default", "network.policies"] {
        let controls = report["controls"].as_array().unwrap();
        let control = controls.iter().find(|control| control["key"] == key);
        assert_eq!(control.unwrap()["outcome"], "pass");
    }
    let (out, err) = ended(server.run(&["fix", "--apply", POLICIES]), 0);
    assert_eq!((out.as_str(), err.as_str()), ("nothing to do\n", ""));

    marks(&server);
    rights(&server);
    requests(&server);
    namespaces_to_come(&server);
}

fn plan_changes_nothing(server: &Server) {
    let changes = || server.counted(&["verb=\"APPLY\""]) + server.counted(&["verb=\"PATCH\""]);
    let before = changes();
    let (out, _) = ended(server.run(&["fix", POLICIES]), 0);
    assert!(
        out.contains(
            "on 2 service accounts called default, of the namespaces\n  team\n  web\n\
             these pods lose their token when they are made anew; what needs the API needs an account of its own\n  \
             Pod web/api\n\
             add a network policy to 2 namespaces, so that only pods of the same namespace come in\n  team\n  web\n"
        ),
        "{out}"
    );
    assert_eq!(changes(), before);
    let directory = tempfile::tempdir().unwrap();
    dump(server, directory.path());
    let from = directory.path().to_str().unwrap();
    let dumped = ended(server.run(&["fix", POLICIES, "--from", from]), 0);
    assert_eq!(dumped, (out, String::new()));
    let (out, _) = ended(server.run(&["fix", POLICIES, "--dry-run"]), 0);
    assert!(
        out.contains("tried, nothing is stored: 2 service accounts, 2 network policies\n"),
        "{out}"
    );
    let (_, err) = ended(server.run(&["fix", "--namespace", "nowhere"]), 1);
    assert!(
        err.contains("the cluster has no namespace \"nowhere\""),
        "{err}"
    );
}

/// The server takes the manifests; kubectl runs the script, and then nothing is left to do.
fn forms_are_taken(server: &Server) {
    let (yaml, _) = ended(server.run(&["fix", POLICIES, "--output", "yaml"]), 0);
    let documents: Vec<&str> = yaml.split("---\n").skip(1).collect();
    assert_eq!(documents.len(), 4, "{yaml}");
    for document in documents {
        let namespace = if document.contains("\"team\"") {
            "team"
        } else {
            "web"
        };
        let path = if document.contains("kind: ServiceAccount") {
            account(namespace)
        } else {
            format!("{}/default-network-policy", policies(namespace))
        };
        server.apply(&path, "test", document, true);
    }
    let (script, _) = ended(server.run(&["fix", POLICIES, "--output", "script"]), 0);
    let Some(output) = server.script(&script) else {
        eprintln!("there is no kubectl: the script is not run");
        return;
    };
    ended(output, 0);
    assert_eq!(unmet(&audited(server)), of(&[]));
    let (out, _) = ended(server.run(&["fix", POLICIES]), 0);
    assert_eq!(out, "nothing to do\n");
    break_web(server);
}

/// What another manager has set stays as it is, and other namespaces are cured.
fn conflicts(server: &Server) {
    let other = |automount: &str| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: default\n  namespace: web\n{automount}"
        )
    };
    server.apply(
        &account("web"),
        "argocd",
        &other("automountServiceAccountToken: true\n"),
        false,
    );
    namespace(server, "beside");
    let (out, err) = ended(server.run(&["fix", "--apply"]), 1);
    assert!(
        out.starts_with("done: 1 service account\n") || out.starts_with("done: 2 "),
        "{out}"
    );
    assert_eq!(
        err,
        "preflight-rke2-cluster: account default of web: another field manager has set it otherwise, and nothing is \
         forced: conflict with \"argocd\": .automountServiceAccountToken\n"
    );
    assert_eq!(automount(server, "web"), true);
    assert_eq!(automount(server, "beside"), false);
    // It gives the field up.
    server.apply(&account("web"), "argocd", &other(""), false);
    assert_eq!(automount(server, "web"), Value::Null);
    let (out, _) = ended(
        server.run(&["fix", "--apply", "--namespace", "beside", POLICIES]),
        0,
    );
    assert!(out.contains("done: 1 network policy\n"), "{out}");
    assert_eq!(automount(server, "web"), Value::Null);
    // Where kubectl has not done it before.
    server.run(&["fix", "--apply", "--namespace", "team", POLICIES]);
}

/// The mark of a policy of RKE2's that is gone is removed, so that a server makes it again.
fn marks(server: &Server) {
    let path = format!("{}/default-network-dns-policy", policies("kube-system"));
    let mut policy = server.get(&path).unwrap();
    server.delete(&path);
    let mark = |server: &Server| {
        let namespace = server.get("/api/v1/namespaces/kube-system").unwrap();
        namespace["metadata"]["annotations"]["np.rke2.io/dns"].clone()
    };
    // Not without being asked.
    let (out, _) = ended(server.run(&["fix", "--apply"]), 0);
    assert_eq!(out, "nothing to do\n");
    assert_eq!(mark(server), "resolved");
    let (out, _) = ended(server.run(&["fix", "--apply", POLICIES]), 0);
    assert!(out.contains("done: 1 mark\n"), "{out}");
    assert!(
        out.contains("a server makes the policy at its next start\n  kube-system: np.rke2.io/dns, of default-network-dns-policy\n"),
        "{out}"
    );
    assert_eq!(mark(server), Value::Null);
    let namespace = server.get("/api/v1/namespaces/kube-system").unwrap();
    let others = namespace["metadata"]["annotations"].as_object().unwrap();
    assert!(others.contains_key("np.rke2.io/ingress"), "{others:?}");

    // As a server does.
    policy["metadata"] = json!({ "name": "default-network-dns-policy" });
    server.create(&policies("kube-system"), &policy);
    server.patch(
        "/api/v1/namespaces/kube-system",
        &json!({ "metadata": { "annotations": { "np.rke2.io/dns": "resolved" } } }),
    );
    assert_eq!(unmet(&audited(server)), of(&[]));
}

/// A right that is missing is named; with the role that `rbac --fix` prints, every kind of step is taken.
fn rights(server: &Server) {
    let reader = server.kubeconfig("reader");
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let (_, err) = ended(server.run_as(&reader, &["fix", "--apply", POLICIES]), 1);
    assert!(
        err.contains("this user needs the right to list namespaces (403)"),
        "{err}"
    );
    let (role, _) = ended(server.run(&["rbac", "--fix"]), 0);
    let (lists, _) = role.split_at(
        role.find("  - apiGroups: [\"\"]\n    resources: [serviceaccounts]\n    resourceNames")
            .unwrap(),
    );
    let roles = format!("{rbac}/clusterroles/preflight-rke2-cluster-fix");
    server.apply(&roles, "test", lists, false);
    server.create(
        &format!("{rbac}/clusterrolebindings"),
        &json!({
            "metadata": { "name": "fixer" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "preflight-rke2-cluster-fix" },
            "subjects": [{ "kind": "User", "name": "reader" }],
        }),
    );
    server.until("the rights are there", || {
        server.run_as(&reader, &["fix"]).status.code() == Some(0)
    });

    namespace(server, "later");
    server.delete(&format!(
        "{}/default-network-policy",
        policies("kube-public")
    ));
    let (out, err) = ended(server.run_as(&reader, &["fix", "--apply", POLICIES]), 1);
    assert!(out.starts_with("done: nothing\n"), "{out}");
    for missing in [
        "account default of later: this user needs the right to patch serviceaccounts (403)",
        "network policy of later: this user needs the right to patch networkpolicies.networking.k8s.io (403)",
        "mark of RKE2 of kube-public: this user needs the right to patch namespaces (403)",
    ] {
        assert!(err.contains(missing), "{missing}: {err}");
    }
    assert_eq!(automount(server, "later"), Value::Null);

    server.apply(&roles, "test", &role, false);
    server.until("the rights to change are there", || {
        server
            .run_as(&reader, &["fix", "--dry-run", POLICIES])
            .status
            .code()
            == Some(0)
    });
    let (out, _) = ended(server.run_as(&reader, &["fix", "--apply", POLICIES]), 0);
    assert!(
        out.contains("done: 1 service account, 1 network policy, 1 mark\n"),
        "{out}"
    );
    assert_eq!(automount(server, "later"), false);
}

fn many(server: &Server, number: u64) {
    let there = |server: &Server| {
        let list = server.get("/api/v1/serviceaccounts?limit=1").unwrap();
        list["metadata"]["remainingItemCount"].as_u64().unwrap_or(0)
    };
    let before = there(server);
    let (namespaces, _) = objects::many(usize::try_from(number).unwrap(), 0);
    server.create_all(namespaces);
    server.until("every namespace has its account", || {
        there(server) >= before + number
    });
}

/// How many accounts and policies were applied: as a trial, and to be stored.
fn applied(server: &Server) -> (u64, u64) {
    let of = |dry_run: &str| server.counted(&["verb=\"APPLY\"", dry_run]);
    (of("dry_run=\"All\""), of("dry_run=\"\""))
}

/// One trial and one change for each account.
fn requests(server: &Server) {
    many(server, 300);
    let before = applied(server);
    let begun = Instant::now();
    let (out, _) = ended(server.run(&["fix", "--apply"]), 0);
    eprintln!("300 accounts: {:?}", begun.elapsed());
    assert!(out.contains("done: 300 service accounts\n"), "{out}");
    let after = applied(server);
    assert_eq!((after.0 - before.0, after.1 - before.1), (300, 300));
    let (out, _) = ended(server.run(&["fix", "--apply"]), 0);
    assert_eq!(out, "nothing to do\n");
}

/// An account of a namespace that is made later has its token off, and one that says yes keeps it.
fn namespaces_to_come(server: &Server) {
    let (yaml, _) = ended(server.run(&["fix", "--output", "admission-policy"]), 0);
    let (policy, binding) = yaml.split_once("---\n").unwrap();
    let api = "/apis/admissionregistration.k8s.io/v1";
    server.create_yaml(&format!("{api}/mutatingadmissionpolicies"), policy);
    server.create_yaml(&format!("{api}/mutatingadmissionpolicybindings"), binding);
    let mut at = 0;
    server.until("the policy acts", || {
        at += 1;
        let name = format!("come-{at}");
        namespace(server, &name);
        automount(server, &name) == false
    });
    let other = json!({ "metadata": { "name": "api" } });
    let made = server.create("/api/v1/namespaces/web/serviceaccounts", &other);
    assert_eq!(made["automountServiceAccountToken"], Value::Null);
}

/// Of a release without mutating admission policies.
pub(crate) fn old(server: &Server) {
    break_web(server);
    let (out, _) = ended(server.run(&["fix", "--apply", POLICIES]), 0);
    assert!(
        out.contains("done: 1 service account, 1 network policy\n"),
        "{out}"
    );
    assert_eq!(unmet(&audited(server)), of(&[]));
    let (out, err) = ended(server.run(&["fix", "--output", "admission-policy"]), 1);
    assert_eq!(out, "");
    assert!(err.contains("served since Kubernetes 1.36"), "{err}");
}

/// 10,000 accounts beside what the guide does: a `kubectl patch` for each, of which 200 are run.
#[test]
#[ignore = "makes 10,000 namespaces, which takes minutes; benches/cluster runs it"]
fn ten_thousand_accounts_beside_kubectl() {
    const ALL: u32 = 10_000;
    const SOME: u32 = 200;
    let server = Server::start();
    objects::rke2(&server);
    objects::harden(&server);
    many(&server, u64::from(ALL));

    let script = format!(
        "for at in $(seq -f %05g 0 {}); do\n    \
         kubectl patch serviceaccount default -n tenant-$at -p '{{\"automountServiceAccountToken\": false}}'\ndone\n",
        SOME - 1
    );
    let begun = Instant::now();
    let output = server.script(&script).unwrap();
    let each = begun.elapsed() / SOME;
    ended(output, 0);
    for at in 0..SOME {
        server.patch(
            &account(&format!("tenant-{at:05}")),
            &json!({ "automountServiceAccountToken": null }),
        );
    }

    let before = applied(&server);
    let begun = Instant::now();
    let (out, peak) = server.measured(&["fix", "--apply"]);
    let taken = begun.elapsed();
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("done: 10000 service accounts\n"), "{out}");
    let after = applied(&server);
    let (tried, made) = (after.0 - before.0, after.1 - before.1);
    assert_eq!((tried, made), (1_000, u64::from(ALL)));
    let loop_ = each * ALL;
    let times = loop_.as_secs_f64() / taken.as_secs_f64();
    eprintln!(
        "fix --apply of {ALL} accounts: {taken:?}, {peak} kB, {tried} trials and {made} changes"
    );
    eprintln!(
        "kubectl patch: {each:?} each of {SOME}, {loop_:?} for {ALL}: {times:.0} times as long"
    );
}
