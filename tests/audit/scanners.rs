//! Known defects of scanners for RKE2, one test each: kube-bench (a73ce37) and Rancher's security-scan
//! (38bebe7), as their profiles and issues have them.

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::{Audit, Audited, ControlOutcome};
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;

use crate::node::{Care, DATA, ETCD, Node};

fn server(benchmark: Benchmark) -> Node {
    Node::new(benchmark, Role::Server, Care::Full)
}

fn by_id<'a>(audit: &'a Audit, id: &str) -> &'a Audited {
    audit.controls.iter().find(|a| a.edition.id == id).unwrap()
}

fn outcome(node: &Node, id: &str) -> ControlOutcome {
    by_id(&node.audit(), id).outcome
}

/// There, 1.1.12 stats etcd's static pod and requires root:root.
#[test]
fn etcds_data_is_searched_in_its_static_pod() {
    let mut node = server(Benchmark::V1_8);
    assert_eq!(outcome(&node, "1.1.12"), ControlOutcome::Pass);
    node.owners.insert(format!("{DATA}/server/db/etcd"), (0, 0));
    let audit = node.audit();
    let audited = by_id(&audit, "1.1.12");
    assert_eq!(audited.outcome, ControlOutcome::Warn);
    assert_eq!(audited.result.actual.as_deref(), Some("root:root"));
    assert_eq!(
        audited.result.sources[0].path,
        format!("{DATA}/server/db/etcd")
    );
}

/// There, 1.1.20 and 1.1.21 search `/etc/kubernetes/ssl`, which RKE1 had.
#[test]
fn certificates_are_searched_where_rke1_had_them() {
    let mut node = server(Benchmark::V1_8);
    node.modes
        .insert(format!("{DATA}/server/tls/server-ca.crt"), 0o666);
    node.modes
        .insert(format!("{DATA}/server/tls/client-ca.key"), 0o644);
    assert_eq!(outcome(&node, "1.1.20"), ControlOutcome::Warn);
    assert_eq!(outcome(&node, "1.1.21"), ControlOutcome::Fail);
}

/// There, 1.1.9 lost its default directory.
#[test]
fn the_directory_of_network_plugins_is_removed() {
    let mut node = server(Benchmark::V1_8);
    node.modes
        .insert("/etc/cni/net.d/10-canal.conflist".to_owned(), 0o666);
    let audit = node.audit();
    let audited = by_id(&audit, "1.1.9");
    assert_eq!(audited.outcome, ControlOutcome::Warn);
    assert_eq!(
        audited.result.sources[0].path,
        "/etc/cni/net.d/10-canal.conflist"
    );
}

/// There, 1.1.1 and 1.1.3 of 1.24 require exactly 644.
#[test]
fn a_stricter_mode_than_644_fails() {
    for (mode, expected) in [
        (0o600, ControlOutcome::Pass),
        (0o400, ControlOutcome::Pass),
        (0o644, ControlOutcome::Warn),
        (0o640, ControlOutcome::Warn),
    ] {
        let mut node = server(Benchmark::V1_24);
        for program in ["kube-apiserver", "kube-controller-manager"] {
            node.modes
                .insert(format!("{DATA}/agent/pod-manifests/{program}.yaml"), mode);
        }
        for id in ["1.1.1", "1.1.3"] {
            assert_eq!(outcome(&node, id), expected, "{id} {mode:o}");
        }
    }
}

/// There, 1.2.3 of 1.7 requires the plugin to be off.
#[test]
fn deny_service_external_ips_is_inverted() {
    let mut node = server(Benchmark::V1_7);
    assert_eq!(outcome(&node, "1.2.3"), ControlOutcome::Pass);
    let args = node.args("kube-apiserver");
    args.retain(|arg| !arg.starts_with("--enable-admission-plugins"));
    args.push("--enable-admission-plugins=NodeRestriction".to_owned());
    assert_eq!(outcome(&node, "1.2.3"), ControlOutcome::Warn);
    // Up to 1.24 it is the other way round.
    let mut node = server(Benchmark::V1_24);
    assert_eq!(outcome(&node, "1.2.3"), ControlOutcome::Pass);
    node.args("kube-apiserver")
        .push("--enable-admission-plugins=DenyServiceExternalIPs".to_owned());
    assert_eq!(outcome(&node, "1.2.3"), ControlOutcome::Fail);
}

/// There, every release from 1.26 on and up to 1.22 is scanned as 1.8.
#[test]
fn every_newer_release_is_taken_for_1_26() {
    let mut chosen = Vec::new();
    for minor in 26..=37 {
        let mut node = server(Benchmark::V1_12);
        node.version = Version::new(minor, 1, 1);
        chosen.push(node.audit().benchmark().name());
    }
    let expected = [
        "1.8", "1.9", "1.10", "1.11", "1.11", "1.11", "1.11", "1.12", "1.12", "2.0", "2.0", "2.0",
    ];
    assert_eq!(chosen, expected);
}

/// There, in 1.1.9 `||` binds looser than the pipe: its filter is applied to one branch alone, and what
/// lies deeper is missed.
#[test]
fn the_pipeline_of_network_plugins_loses_its_filter() {
    let mut node = server(Benchmark::V1_12);
    for path in [
        "/etc/cni/net.d/multus.d/deep/multus.kubeconfig",
        "/etc/cni/net.d/.hidden",
    ] {
        node.files.insert(path.to_owned(), "x".to_owned());
        node.modes.insert(path.to_owned(), 0o604);
        assert_eq!(outcome(&node, "1.1.9"), ControlOutcome::Warn, "{path}");
        node.modes.insert(path.to_owned(), 0o600);
        assert_eq!(outcome(&node, "1.1.9"), ControlOutcome::Pass, "{path}");
    }
}

/// There, 1.1.6 and 4.1.10 pass if there is any text.
#[test]
fn an_owner_is_tested_for_being_text() {
    let mut node = server(Benchmark::V1_12);
    node.owners.insert(
        format!("{DATA}/agent/pod-manifests/kube-scheduler.yaml"),
        (1000, 1000),
    );
    node.owners.insert(
        format!("{DATA}/agent/etc/kubelet.conf.d/00-rke2-defaults.conf"),
        (1000, 0),
    );
    let audit = node.audit();
    assert_eq!(by_id(&audit, "1.1.6").outcome, ControlOutcome::Fail);
    assert_eq!(
        by_id(&audit, "1.1.6").result.actual.as_deref(),
        Some("1000:1000")
    );
    // The benchmark itself takes it for not applicable still.
    assert_eq!(
        by_id(&audit, "4.1.10").outcome,
        ControlOutcome::NotApplicable
    );
    assert_eq!(
        by_id(&audit, "guide.kubelet-config.owner").outcome,
        ControlOutcome::Warn
    );
}

/// There, 4.3.1 passes with any setting.
#[test]
fn metrics_of_kube_proxy_pass_wherever_they_are() {
    for (address, expected) in [
        ("127.0.0.1:10249", ControlOutcome::Pass),
        ("[::1]:10249", ControlOutcome::Pass),
        ("0.0.0.0:10249", ControlOutcome::Fail),
        ("10.127.0.0:1", ControlOutcome::Fail),
    ] {
        let mut node = server(Benchmark::V1_12);
        node.args("kube-proxy")
            .push(format!("--metrics-bind-address={address}"));
        assert_eq!(outcome(&node, "4.3.1"), expected, "{address}");
    }
}

/// There, 1.1.19 checks only the directory itself.
#[test]
fn owners_below_the_certificates_directory_are_not_checked() {
    for (path, owner, expected) in [
        ("server-ca.key", (1000, 0), ControlOutcome::Fail),
        ("server-ca.key", (ETCD, ETCD), ControlOutcome::Fail),
        ("etcd/client.key", (ETCD, ETCD), ControlOutcome::Pass),
        ("etcd/client.key", (0, 0), ControlOutcome::Pass),
        ("etcd/client.key", (ETCD, 0), ControlOutcome::Fail),
        ("etcd/client.key", (1000, 1000), ControlOutcome::Fail),
    ] {
        let mut node = server(Benchmark::V1_12);
        node.owners
            .insert(format!("{DATA}/server/tls/{path}"), owner);
        assert_eq!(outcome(&node, "1.1.19"), expected, "{path} {owner:?}");
    }
}

/// There, 1.2.20 passes with any setting.
#[test]
fn any_request_timeout_passes() {
    for (value, expected) in [
        ("300s", ControlOutcome::Pass),
        ("0s", ControlOutcome::Fail),
        ("-1s", ControlOutcome::Fail),
        ("soon", ControlOutcome::Fail),
    ] {
        let mut node = server(Benchmark::V1_12);
        node.args("kube-apiserver")
            .push(format!("--request-timeout={value}"));
        assert_eq!(outcome(&node, "1.2.20"), expected, "{value}");
    }
}

/// There, 4.2.6 of the permissive profiles up to 1.24 passes where it is not set.
#[test]
fn protect_kernel_defaults_passes_where_it_is_not_set() {
    for (benchmark, id, expected) in [
        (Benchmark::V1_23, "4.2.6", ControlOutcome::Fail),
        (Benchmark::V1_24, "4.2.6", ControlOutcome::Fail),
        // Newer benchmarks dropped it; the kubelet did not.
        (
            Benchmark::V1_12,
            "guide.protect-kernel-defaults",
            ControlOutcome::Warn,
        ),
    ] {
        let node = Node::new(benchmark, Role::Server, Care::Permissive);
        assert_eq!(outcome(&node, id), expected, "{benchmark}");
    }
}

/// All of them require a running cluster, and take the version from its API.
#[test]
fn a_cluster_has_to_run() {
    let mut node = server(Benchmark::V1_12);
    node.running = false;
    let audit = node.audit();
    let passed = audit
        .controls
        .iter()
        .filter(|a| a.outcome == ControlOutcome::Pass);
    assert!(passed.count() > 90);
}

/// There, `has` and `nothave` search for a text anywhere in the list.
#[test]
fn lists_are_searched_for_a_text() {
    let mut node = server(Benchmark::V1_12);
    let args = node.args("kube-apiserver");
    args.retain(|arg| !arg.starts_with("--authorization-mode"));
    args.push("--authorization-mode=NodeX,RBACless,AlwaysAllowNothing".to_owned());
    let audit = node.audit();
    assert_eq!(by_id(&audit, "1.2.6").outcome, ControlOutcome::Pass);
    assert_eq!(by_id(&audit, "1.2.7").outcome, ControlOutcome::Fail);
    assert_eq!(by_id(&audit, "1.2.8").outcome, ControlOutcome::Fail);
}

/// There, `eq` compares text, so that the first of a repeated flag counts, and a bare one for nothing.
#[test]
fn flags_are_compared_as_text() {
    for (flags, expected) in [
        (
            &["--profiling=true", "--profiling=false"][..],
            ControlOutcome::Pass,
        ),
        (&["--profiling=false", "--profiling"], ControlOutcome::Fail),
        (&["--profiling=False"], ControlOutcome::Pass),
        (&["--profiling=0"], ControlOutcome::Pass),
        (&["--profiling"], ControlOutcome::Fail),
    ] {
        let mut node = server(Benchmark::V1_12);
        let args = node.args("kube-scheduler");
        args.retain(|arg| !arg.starts_with("--profiling"));
        args.extend(flags.iter().map(|flag| (*flag).to_owned()));
        assert_eq!(outcome(&node, "1.4.1"), expected, "{flags:?}");
    }
}

/// Set-id bits pass some of their tests.
#[test]
fn set_id_bits_are_lost() {
    let mut node = server(Benchmark::V1_12);
    node.modes
        .insert(format!("{DATA}/server/cred/admin.kubeconfig"), 0o4600);
    assert_eq!(outcome(&node, "1.1.13"), ControlOutcome::Fail);
}

/// kube-bench#1978: files of etcd fail on a control plane without it.
#[test]
fn etcds_files_fail_on_a_control_plane_without_etcd() {
    for setting in [
        "disable-etcd: true\n",
        "datastore-endpoint: postgres://u:p@h/d\n",
    ] {
        let mut node = server(Benchmark::V1_12);
        node.config += setting;
        node.files
            .retain(|path, _| !path.contains("/db/etcd") && !path.ends_with("etcd.yaml"));
        node.modes
            .retain(|path, _| !path.contains("/db/etcd") && !path.ends_with("etcd.yaml"));
        node.owners.retain(|path, _| !path.contains("/db/etcd"));
        let audit = node.audit();
        for id in ["1.1.7", "1.1.8", "1.1.11", "1.1.12", "2.1", "2.7"] {
            let audited = by_id(&audit, id);
            assert_eq!(audited.outcome, ControlOutcome::NotApplicable, "{id}");
            assert_eq!(audited.result.summary, "this node has no etcd", "{id}");
        }
        assert_eq!(by_id(&audit, "1.2.1").outcome, ControlOutcome::Pass);
    }
}

/// The same issue: 4.1.9 and 4.1.10 fail where there is no such file.
#[test]
fn a_file_that_is_not_there_fails() {
    let mut node = server(Benchmark::V1_12);
    node.files
        .remove(&format!("{DATA}/agent/kubeproxy.kubeconfig"));
    node.modes
        .remove(&format!("{DATA}/agent/kubeproxy.kubeconfig"));
    let audit = node.audit();
    for id in ["4.1.3", "4.1.4", "4.1.9", "4.1.10"] {
        assert_eq!(
            by_id(&audit, id).outcome,
            ControlOutcome::NotApplicable,
            "{id}"
        );
    }
}

/// Paths are fixed there; RKE2's data can be elsewhere.
#[test]
fn the_data_directory_is_assumed() {
    let mut node = Node::with_data(Benchmark::V1_12, Role::Server, Care::Full, "/srv/rke2");
    assert_eq!(node.audit().data_dir, "/srv/rke2");
    for (_, outcome) in node.outcomes() {
        assert!(!matches!(
            outcome,
            ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
        ));
    }
    node.modes
        .insert("/srv/rke2/server/cred/admin.kubeconfig".to_owned(), 0o644);
    assert_eq!(outcome(&node, "1.1.13"), ControlOutcome::Fail);
}

/// Data that `etcd-arg` moves is where its controls look, and until RKE2 is restarted where it was, too. RKE2 leaves it to
/// whom it belongs, so that the remedy is no restart.
#[test]
fn etcds_data_is_searched_where_etcd_arg_moves_it() {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    node.config += "etcd-arg: [\"data-dir=/data/etcd/\"]\n";
    let own = format!("{DATA}/server/db/etcd");
    let config = format!("{own}/config");
    let moved = node.files[&config].replace(&format!("data-dir: {own}"), "data-dir: /data/etcd");
    node.files.insert("/data/etcd/x".to_owned(), "x".to_owned());
    node.owners.insert("/data/etcd".to_owned(), (ETCD, ETCD));
    node.modes.insert("/data/etcd".to_owned(), 0o755);
    let audit = node.audit();
    let mode = by_id(&audit, "1.1.11");
    assert_eq!(mode.outcome, ControlOutcome::Warn);
    assert_eq!(mode.result.sources[0].path, "/data/etcd");
    assert_eq!(outcome(&node, "1.1.12"), ControlOutcome::Pass);
    node.owners.insert(own.clone(), (0, 0));
    assert_eq!(outcome(&node, "1.1.12"), ControlOutcome::Warn);
    node.files.insert(config, moved);
    assert_eq!(outcome(&node, "1.1.12"), ControlOutcome::Pass);
    node.owners.insert("/data/etcd".to_owned(), (0, 0));
    let audit = node.audit();
    let owner = by_id(&audit, "1.1.12");
    assert_eq!(owner.outcome, ControlOutcome::Warn);
    assert_eq!(owner.group.as_deref(), Some("owners"));
    let commands = serde_json::to_string(&owner.result.remedies).unwrap();
    assert!(
        commands.contains("chown -R etcd:etcd /data/etcd"),
        "{commands}"
    );
}

/// `eventRecordQPS: 0` removes the limit from 1.37 on alone.
#[test]
fn no_limit_of_events_follows_the_release() {
    for (minor, words) in [
        (36, "no limit from Kubernetes 1.37 on"),
        (37, "which sets no limit"),
    ] {
        let mut node = Node::new(Benchmark::V2_0, Role::Agent, Care::Guide);
        node.version = Version::new(minor, 0, 1);
        let drop_in = "eventRecordQPS: 0\n".to_owned();
        node.conf_d.insert("99-site.conf".to_owned(), drop_in);
        let audit = node.audit();
        let audited = by_id(&audit, "4.2.8");
        assert_eq!(audited.outcome, ControlOutcome::Pass);
        assert!(
            audited.result.summary.ends_with(words),
            "{}",
            audited.result.summary
        );
    }
}
