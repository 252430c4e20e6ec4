//! The `audit` command: exit statuses, what it shows, waivers.

use std::process::Command;
use std::time::Duration;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;

use crate::node::{Built, Care, DATA, ETCD, Node};

/// The result of the command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `audit` on a node.
pub(crate) fn run(built: &Built, node: &Node, args: &[&str]) -> Ran {
    command("audit", built, node, args)
}

/// Runs `check` on a node, for programs.
pub(crate) fn check(built: &Built, node: &Node) -> Ran {
    command("check", built, node, &["--format", "json"])
}

pub(crate) fn command(name: &str, built: &Built, node: &Node, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2"));
    for name in ["NO_COLOR", "COLUMNS", "TERM", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command.arg("--root").arg(built.path()).arg(name);
    command.args([
        "--role",
        node.role.as_str(),
        "--rke2-version",
        &node.version.to_string(),
    ]);
    command.args(args);
    let output = assert_cmd::Command::from_std(command)
        .timeout(Duration::from_secs(20))
        .output()
        .unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn statuses() {
    let full = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
    let guide = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let open = Node::new(Benchmark::V1_12, Role::Server, Care::Permissive);
    let mut broken = full.clone();
    broken
        .files
        .insert(format!("{DATA}/server/db/etcd/config"), "a: [\n".to_owned());
    for (node, args, status) in [
        (&full, &[][..], 0),
        (&full, &["--fail-on", "warn"], 0),
        (&full, &["--fail-on", "manual"], 4),
        (&full, &["--control", "1.1.12"], 0),
        (&full, &["--control", "1.1.12", "--fail-on", "manual"], 0),
        (&full, &["--benchmark", "1.12"], 0),
        (&full, &["--benchmark", "cis-1.12"], 0),
        (&full, &["--benchmark", "1.5"], 2),
        (&full, &["--control", "9.9.9"], 2),
        (&full, &["--control", "1.2.35"], 2),
        (&full, &["--show", "good"], 2),
        (&full, &["--format", "xml"], 2),
        (&full, &["--node-type", "worker"], 2),
        (&guide, &[], 0),
        (&guide, &["--fail-on", "warn"], 4),
        (&guide, &["--control", "cni.mode", "--fail-on", "warn"], 4),
        (&open, &[], 3),
        (&open, &["--fail-on", "warn"], 3),
        (&open, &["--control", "cred.admin.mode"], 0),
        (&broken, &[], 1),
        (&broken, &["--control", "cred.admin.mode"], 0),
        (&broken, &["--fail-on", "manual"], 4),
    ] {
        let ran = run(&node.build(), node, args);
        assert_eq!(ran.status, status, "{args:?}\n{}{}", ran.out, ran.err);
        if status == 2 {
            assert!(ran.out.is_empty() && !ran.err.is_empty(), "{args:?}");
        }
    }
}

#[test]
fn every_control_is_explained() {
    for control in preflight_rke2::testing::audit::controls::all() {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_preflight-rke2"));
        let output = command.args(["explain", control.key]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.starts_with(control.key),
            "{text}"
        );
        let id = control.edition(Benchmark::V1_12).map(|edition| edition.id);
        assert!(text.contains(id.unwrap_or("not included")), "{text}");
    }
}

/// Waivers by key and by number, that hold and that do not, each shown in every format.
#[test]
fn waivers_are_shown_in_every_report() {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
    for name in ["admin", "scheduler", "controller"] {
        node.modes
            .insert(format!("{DATA}/server/cred/{name}.kubeconfig"), 0o644);
    }
    let waiver = |control: &str, reason: &str, expires: &str| {
        format!(
            "[[audit.waiver]]\ncontrol = \"{control}\"\nreason = \"{reason}\"\nexpires = \"{expires}\"\n"
        )
    };
    let mut with = |waivers: &[String]| {
        node.files.insert(
            "/etc/preflight-rke2/config.toml".to_owned(),
            waivers.concat(),
        );
        (node.clone(), node.build())
    };
    let holding = [
        waiver("cred.admin.mode", "backup reads it", "9999-12-31"),
        waiver("1.1.15", "ticket 7", "9999-12-31"),
    ];
    let last = waiver("cred.controller.mode", "until the move", "2000-01-01");

    let (full, built) = with(&[holding.concat(), last.clone()]);
    let text = run(&built, &full, &[]);
    assert_eq!(text.status, 3, "{}", text.out);
    for part in [
        "1 control fails",
        "2 waived",
        "WAIVED files   1.1.13",
        "waived until 9999-12-31: backup reads it",
        "WAIVED files   1.1.15",
        "waived until 9999-12-31: ticket 7",
        "FAIL   files   1.1.17",
        "its waiver expired after 2000-01-01: until the move",
    ] {
        assert!(text.out.contains(part), "{part}\n{}", text.out);
    }
    for (format, parts) in [
        (
            "json",
            &[
                "\"reason\": \"backup reads it\"",
                "\"expired\": true",
                "\"waived\": 2",
            ][..],
        ),
        (
            "kube-bench",
            &[
                "waived until 9999-12-31: backup reads it",
                "\"type\": \"skip\"",
            ],
        ),
        (
            "junit",
            &["<skipped message=\"fail: waived until 9999-12-31: ticket 7\"/>"],
        ),
        (
            "sarif",
            &["\"justification\": \"waived until 9999-12-31: ticket 7\""],
        ),
        (
            "metrics",
            &["id=\"1.1.13\",result=\"waived\"} 1", "result=\"waived\"} 2"],
        ),
    ] {
        let ran = run(&built, &full, &["--format", format]);
        assert_eq!(ran.status, 3);
        for part in parts {
            assert!(ran.out.contains(part), "{format}: {part}\n{}", ran.out);
        }
    }

    // Every failure is waived.
    let (full, built) = with(&[holding.concat(), last.replace("2000", "9999")]);
    let ran = run(&built, &full, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    // A waiver of what another benchmark has.
    let (full, built) = with(&[
        holding.concat(),
        last,
        waiver("kubelet.protectKernelDefaults", "x", "9999-12-31"),
    ]);
    let ran = run(&built, &full, &[]);
    assert!(
        ran.err
            .contains("CIS 1.12 has no control kubelet.protectKernelDefaults"),
        "{}",
        ran.err
    );
    // A control that does not exist.
    let (full, built) = with(&[waiver("cred.admin.modes", "x", "9999-12-31")]);
    let ran = run(&built, &full, &[]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err
            .contains("/etc/preflight-rke2/config.toml:1: no benchmark has a control")
            && ran.err.contains("cred.admin.mode"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_shown_can_be_chosen() {
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Permissive);
    let built = node.build();
    let lines = |args: &[&str], word: &str| {
        let out = run(&built, &node, args).out;
        out.lines()
            .filter(|line| line.starts_with(&format!("  {word}")))
            .count()
    };
    assert!(lines(&[], "FAIL") > 5 && lines(&[], "PASS") == 0 && lines(&[], "N/A") == 0);
    assert!(lines(&["--show", "pass"], "PASS") > 50);
    assert_eq!(lines(&["--show", "pass"], "FAIL"), 0);
    assert!(lines(&["--show", "all"], "N/A") > 3);
    assert_eq!(lines(&["--control", "1.2.6"], "PASS"), 1);
    assert_eq!(lines(&["--show", "fail,warn"], "FAIL"), lines(&[], "FAIL"));
    let json = run(&built, &node, &["--format", "json", "--show", "fail"]).out;
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let controls = document["controls"].as_array().unwrap();
    assert!(controls.iter().all(|control| control["outcome"] == "fail"));
    assert_eq!(document["summary"]["fail"], controls.len());
    assert!(document["summary"]["pass"].as_u64().unwrap() > 50);
}

/// The text as the documents show it.
#[test]
fn the_text_of_a_server() {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    node.owners
        .insert(format!("{DATA}/server/db/etcd"), (ETCD, 100));
    node.modes.insert(
        format!("{DATA}/agent/pod-manifests/kube-scheduler.yaml"),
        0o644,
    );
    node.conf_d.insert(
        "99-site.conf".to_owned(),
        "protectKernelDefaults: false\nauthentication:\n  anonymous:\n    enabled: true\n"
            .to_owned(),
    );
    node.files.insert(
        "/etc/preflight-rke2/config.toml".to_owned(),
        "[[audit.waiver]]\ncontrol = \"cni.mode\"\nreason = \"the network plugin writes them so\"\nexpires = \"2099-06-30\"\n".to_owned(),
    );
    let built = node.build();
    let ran = run(&built, &node, &["--show", "fail,warn,waived"]);
    assert_eq!(ran.status, 3);
    let fails = run(&built, &node, &["--show", "fail,waived"]);
    assert_eq!(fails.status, 3);
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/audit/expected"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("server.txt", ran.out);
        insta::assert_snapshot!("fails.txt", fails.out);
    });
}
