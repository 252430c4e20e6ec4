//! What `check` reports about controls of the guide that RKE2's next start would fail.

use std::collections::BTreeSet;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use serde_json::Value as Json;

use crate::command::check;
use crate::node::{Care, DATA, ETCD, Node};

/// The findings of `check` about controls.
fn advice(node: &Node) -> Vec<Json> {
    let ran = check(&node.build(), node);
    let document: Json = serde_json::from_str(&ran.out).unwrap();
    let findings = document["units"][0]["findings"].as_array().unwrap();
    let of_control = |finding: &&Json| finding["id"].as_str().unwrap().starts_with("control.");
    findings.iter().filter(of_control).cloned().collect()
}

fn ids(node: &Node) -> Vec<String> {
    let findings = advice(node);
    findings
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

fn server() -> Node {
    Node::new(Benchmark::V1_12, Role::Server, Care::Guide)
}

#[test]
fn a_node_as_the_guide_has_it_gets_none() {
    for benchmark in Benchmark::ALL {
        for role in Role::ALL {
            for care in [Care::Guide, Care::Full, Care::Permissive] {
                let node = Node::new(benchmark, role, care);
                assert_eq!(ids(&node), [""; 0], "{benchmark} {role} {care:?}");
            }
        }
    }
}

#[test]
fn static_pods_from_before_the_profile_keep_their_mode() {
    let mut node = server();
    let path = format!("{DATA}/agent/pod-manifests/kube-scheduler.yaml");
    node.modes.insert(path.clone(), 0o644);
    let manager = path.replace("scheduler", "controller-manager");
    node.modes.insert(manager, 0o644);
    // These are written anew at each start.
    for program in ["proxy", "apiserver"] {
        node.modes.insert(path.replace("scheduler", program), 0o644);
    }
    let found = advice(&node);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], "control.manifest-mode");
    assert_eq!(found[0]["effect"], "fails-control");
    assert!(
        found[0]["summary"]
            .as_str()
            .unwrap()
            .starts_with("2 static pods with mode 644")
    );
    let remedy = found[0]["remedies"][0]["summary"].as_str().unwrap();
    assert!(
        remedy.starts_with("run `chmod 600 ") && remedy.contains(&path),
        "{remedy}"
    );
    // Releases that write 644 themselves.
    node.version = Version::new(28, 2, 1);
    assert_eq!(ids(&node), [""; 0]);
    node.version = Version::new(28, 3, 1);
    assert_eq!(ids(&node), ["control.manifest-mode"]);
}

#[test]
fn a_drop_in_or_an_argument_that_undoes_the_profile() {
    let mut node = server();
    node.conf_d.insert(
        "99-site.conf".to_owned(),
        "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nprotectKernelDefaults: false\n"
            .to_owned(),
    );
    let found = advice(&node);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], "control.kubelet");
    assert_eq!(found[0]["effect"], "advice");
    let place = &found[0]["sources"][0];
    assert_eq!(
        place["path"],
        format!("{DATA}/agent/etc/kubelet.conf.d/99-site.conf")
    );
    assert_eq!(place["line"], 3);

    let mut agent = Node::new(Benchmark::V1_9, Role::Agent, Care::Guide);
    agent.config += "kubelet-arg: [protect-kernel-defaults=false]\n";
    assert_eq!(ids(&agent), ["control.kubelet"]);

    let mut node = server();
    node.config += "kube-apiserver-arg:\n  - profiling=true\n  - audit-log-maxage=7\n  - enable-admission-plugins+=EventRateLimit\n\
        kube-scheduler-arg: [bind-address=0.0.0.0]\nkube-proxy-arg: [metrics-bind-address=127.0.0.1:1]\n";
    let found = advice(&node);
    let summaries: BTreeSet<String> = found
        .iter()
        .map(|finding| finding["summary"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        summaries.into_iter().collect::<Vec<_>>(),
        [
            "kube-apiserver-arg brings --audit-log-maxage=7: CIS 1.12 control 1.2.17 asks for --audit-log-maxage of 30 or more",
            "kube-apiserver-arg brings --profiling=true: CIS 1.12 control 1.2.15 asks for --profiling=false",
            "kube-scheduler-arg brings --bind-address=0.0.0.0: CIS 1.12 control 1.4.2 asks for --bind-address=127.0.0.1, or not set",
        ]
    );
    for finding in &found {
        assert_eq!(finding["effect"], "fails-control");
        assert_eq!(
            finding["sources"][0]["path"],
            "/etc/rancher/rke2/config.yaml"
        );
        assert!(finding["sources"][0]["line"].as_u64().unwrap() > 1);
    }
    // A list that replaces RKE2's.
    let mut node = server();
    node.config += "kube-apiserver-arg: [enable-admission-plugins=EventRateLimit]\n";
    assert!(
        advice(&node)[0]["summary"]
            .as_str()
            .unwrap()
            .contains("NodeRestriction")
    );
    // Hardening was not requested.
    let mut open = Node::new(Benchmark::V1_12, Role::Server, Care::Permissive);
    open.config +=
        "kube-apiserver-arg: [profiling=true]\nkubelet-arg: [protect-kernel-defaults=false]\n";
    assert_eq!(ids(&open), [""; 0]);
}

/// rke2#7815: a profile enabled for a server that ran without.
#[test]
fn etcds_data_from_before_the_profile() {
    let mut node = server();
    for inner in ["member/snap/db", "member/wal/0.wal"] {
        node.files
            .insert(format!("{DATA}/server/db/etcd/{inner}"), "x".to_owned());
    }
    for inner in ["member", "member/snap", "member/wal"] {
        node.owners
            .insert(format!("{DATA}/server/db/etcd/{inner}"), (ETCD, ETCD));
    }
    let found = advice(&node);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], "control.etcd-data");
    assert_eq!(
        found[0]["sources"][0]["path"],
        format!("{DATA}/server/db/etcd/member/snap/db")
    );
    let remedy = found[0]["remedies"][0]["summary"].as_str().unwrap();
    assert!(
        remedy.contains(&format!("chown -R {ETCD}:{ETCD} {DATA}/server/db/etcd")),
        "{remedy}"
    );
    node.owners.insert(
        format!("{DATA}/server/db/etcd/member/snap/db"),
        (ETCD, ETCD),
    );
    assert_eq!(ids(&node), [""; 0]);
    // Without a profile etcd runs as root; without etcd no component opens it.
    node.owners
        .insert(format!("{DATA}/server/db/etcd/member/snap/db"), (0, 0));
    node.config += "disable-etcd: true\n";
    assert_eq!(ids(&node), [""; 0]);
}

#[test]
fn a_policy_that_ends_the_api_server() {
    for (text, is_bad) in [
        ("rules: []\n", true),
        ("kind: Policy\n", true),
        ("rules: [\n", true),
        ("rules: [{level: None}]\n", true),
        (
            "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: None}]\n",
            true,
        ),
        (
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n",
            false,
        ),
    ] {
        let mut node = server();
        node.files.insert(
            "/etc/rancher/rke2/audit-policy.yaml".to_owned(),
            text.to_owned(),
        );
        let found = ids(&node);
        assert_eq!(
            found.contains(&"control.audit-policy".to_owned()),
            is_bad,
            "{text:?} {found:?}"
        );
    }
}
