//! Trees that are large, deep, circular, changing, or lead outside the root: bounded time and memory, the
//! right result, nothing written, and nothing read outside the root.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use preflight_rke2::testing::audit::ControlOutcome;
use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;
use serde_json::Value as Json;

use crate::command::run;
use crate::node::{Built, Care, DATA, Node, outcomes};

fn server() -> Node {
    Node::new(Benchmark::V1_12, Role::Server, Care::Full)
}

/// Makes `count` names for few files: file systems limit the links of an inode to some thousands.
fn links(dir: &Path, name: &str, ending: &str, count: usize) {
    std::fs::create_dir_all(dir).unwrap();
    for start in (0..count).step_by(20_000) {
        let first = dir.join(format!("{name}-{start:06}{ending}"));
        std::fs::write(&first, "x").unwrap();
        std::fs::set_permissions(&first, PermissionsExt::from_mode(0o600)).unwrap();
        for number in start + 1..count.min(start + 20_000) {
            std::fs::hard_link(&first, dir.join(format!("{name}-{number:06}{ending}"))).unwrap();
        }
    }
}

/// Everything in a tree except access times.
fn state(top: &Path) -> BTreeMap<String, (u32, u32, u64, i64, i64)> {
    let mut state = BTreeMap::new();
    let mut dirs = vec![top.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let facts = (
                meta.mode(),
                meta.uid(),
                meta.size(),
                meta.mtime_nsec(),
                meta.ctime_nsec(),
            );
            state.insert(path.to_str().unwrap().to_owned(), facts);
            if meta.is_dir() {
                dirs.push(path);
            }
        }
    }
    state
}

fn control(document: &Json, key: &str) -> Json {
    let controls = document["controls"].as_array().unwrap();
    controls
        .iter()
        .find(|control| control["key"] == key)
        .unwrap()
        .clone()
}

#[test]
fn a_hundred_thousand_files_below_tls_and_manifests() {
    let node = server();
    let built = node.build();
    let tls = built.at(&format!("{DATA}/server/tls"));
    links(&tls, "many", ".crt", 40_000);
    links(&tls, "many", ".key", 40_000);
    links(&tls.join("a/b/c"), "deep", ".key", 20_000);
    links(
        &built.at(&format!("{DATA}/server/manifests")),
        "many",
        ".yaml",
        100_000,
    );
    links(
        &built.at(&format!("{DATA}/agent/pod-manifests")),
        "many",
        ".yaml",
        100_000,
    );
    for number in 0..20 {
        let path = format!("{DATA}/server/tls/open-{number:02}.key");
        built.file(&path, "x");
        built.mode(&path, 0o640);
    }
    built.file(&format!("{DATA}/server/tls/a/b/c/foreign"), "x");
    chown(
        built.at(&format!("{DATA}/server/tls/a/b/c/foreign")),
        Some(7),
        Some(7),
    )
    .unwrap();

    let started = Instant::now();
    let ran = run(&built, &node, &["--format", "json"]);
    let took = started.elapsed();
    // Kilobytes, of the largest child; there was only one.
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(memory < 64 << 10, "{memory} kB");

    let document: Json = serde_json::from_str(&ran.out).unwrap();
    let keys = control(&document, "pki.key.mode");
    assert_eq!(keys["outcome"], "fail");
    let summary = keys["summary"].as_str().unwrap();
    let first = format!("{DATA}/server/tls/open-00.key has mode 640");
    assert!(summary.starts_with(&first), "{summary}");
    // Those made here, and those that were there.
    assert!(summary.ends_with("and 19 more of 40024"), "{summary}");
    let named = keys["sources"].as_array().unwrap();
    assert_eq!(named.len(), 8);
    assert_eq!(named[7]["path"], format!("{DATA}/server/tls/open-07.key"));
    let owners = control(&document, "pki.owner");
    assert_eq!(owners["outcome"], "fail");
    let summary = owners["summary"].as_str().unwrap();
    assert!(
        summary.starts_with(&format!("{DATA}/server/tls/a/b/c/foreign belongs to 7:7")),
        "{summary}"
    );
    assert_eq!(control(&document, "pki.cert.mode")["outcome"], "pass");
    assert_eq!(document["summary"]["fail"], 2);
    assert_eq!(document["summary"]["error"], 0);
}

#[test]
fn links_in_circles_and_out_of_the_root() {
    let node = server();
    let built = node.build();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.key");
    std::fs::write(&secret, "x").unwrap();
    std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o666)).unwrap();
    chown(outside.path(), Some(7), Some(7)).unwrap();
    let tls = built.at(&format!("{DATA}/server/tls"));
    let up = "../".repeat(40);
    let plain = secret.to_str().unwrap().trim_start_matches('/').to_owned();
    for (name, to) in [
        ("out.key", secret.to_str().unwrap().to_owned()),
        ("up.key", format!("{up}{plain}")),
        ("proc.key", "/proc/self/root/etc/passwd".to_owned()),
        ("directory", outside.path().to_str().unwrap().to_owned()),
        ("here", ".".to_owned()),
        ("above", "..".to_owned()),
        ("circle.key", "circle.key".to_owned()),
        ("a.key", "b.key".to_owned()),
        ("b.key", "a.key".to_owned()),
        ("nowhere.key", "/no/such/file".to_owned()),
    ] {
        symlink(to, tls.join(name)).unwrap();
    }
    // A chain that the kernel follows, and one that it does not.
    for number in 0..60 {
        let to = if number == 0 {
            "server-ca.key".to_owned()
        } else {
            format!("chain-{:02}.key", number - 1)
        };
        symlink(to, tls.join(format!("chain-{number:02}.key"))).unwrap();
    }
    let before = state(built.path());
    let audit = built.audit(&node, None, &[]);
    for (key, outcome) in outcomes(&audit) {
        assert!(
            !matches!(
                outcome,
                ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
            ),
            "{key}: {:?}",
            audit
                .controls
                .iter()
                .find(|a| a.control.key == key)
                .unwrap()
                .result
        );
    }
    for format in ["text", "json", "kube-bench", "junit", "sarif", "metrics"] {
        assert_eq!(
            run(&built, &node, &["--format", format]).status,
            0,
            "{format}"
        );
    }
    assert_eq!(state(built.path()), before, "something was written");

    // A link inside the root counts for what it leads to.
    built.file("/srv/open.key", "x");
    built.mode("/srv/open.key", 0o644);
    symlink("/srv/open.key", tls.join("inside.key")).unwrap();
    assert_eq!(
        outcomes(&built.audit(&node, None, &[]))["pki.key.mode"],
        ControlOutcome::Fail
    );

    // So does one in place of a file, and one that leads out leads nowhere.
    let admin = built.at(&format!("{DATA}/server/cred/admin.kubeconfig"));
    for (to, outcome) in [
        ("/srv/open.key", ControlOutcome::Fail),
        (secret.to_str().unwrap(), ControlOutcome::NotApplicable),
        ("admin.kubeconfig", ControlOutcome::Error),
    ] {
        std::fs::remove_file(&admin).unwrap();
        symlink(to, &admin).unwrap();
        assert_eq!(
            outcomes(&built.audit(&node, None, &[]))["cred.admin.mode"],
            outcome,
            "{to}"
        );
    }
}

#[test]
fn directories_below_directories() {
    let node = server();
    let built = node.build();
    let mut deep = format!("{DATA}/server/tls");
    for _ in 0..50 {
        deep += "/d";
    }
    built.file(&format!("{deep}/x"), "x");
    let owner = |built: &Built| outcomes(&built.audit(&node, None, &[]))["pki.owner"];
    assert_eq!(owner(&built), ControlOutcome::Pass);
    for _ in 0..150 {
        deep += "/d";
    }
    built.file(&format!("{deep}/x"), "x");
    // A control that was not evaluated does not pass.
    assert_eq!(owner(&built), ControlOutcome::Error);
    let ran = run(&built, &node, &[]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.err.contains("more than 64 directories deep"),
        "{}",
        ran.err
    );
}

/// Files and processes appear and vanish while they are read.
#[test]
fn what_vanishes_is_no_failure() {
    let node = server();
    let built = node.build();
    let stop = Arc::new(AtomicBool::new(false));
    let top = built.path().to_owned();
    let signal = Arc::clone(&stop);
    let turns = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&turns);
    let restless = std::thread::spawn(move || {
        let tls = top.join(DATA.trim_start_matches('/')).join("server/tls");
        let mut turns = 0_u32;
        while !signal.load(Ordering::Relaxed) {
            let dir = tls.join(format!("new-{}", turns % 3));
            std::fs::create_dir(&dir).unwrap();
            for number in 0..20 {
                std::fs::write(dir.join(format!("{number}.key")), "x").unwrap();
                std::fs::write(tls.join(format!("new-{number}.key")), "x").unwrap();
                let mode = PermissionsExt::from_mode(0o600);
                // Made under another name and closed, it was never open under this one.
                std::fs::set_permissions(tls.join(format!("new-{number}.key")), mode).unwrap();
            }
            let process = top.join(format!("proc/{}", 5000 + turns % 7));
            std::fs::create_dir_all(&process).unwrap();
            std::fs::write(
                process.join("cmdline"),
                "kube-apiserver\0--anonymous-auth=true\0",
            )
            .unwrap();
            std::fs::remove_dir_all(process).unwrap();
            std::fs::remove_dir_all(&dir).unwrap();
            for number in 0..20 {
                std::fs::remove_file(tls.join(format!("new-{number}.key"))).unwrap();
            }
            turns += 1;
            counter.store(turns, Ordering::Relaxed);
        }
    });
    let mut audits = 0;
    while audits <= 5 || turns.load(Ordering::Relaxed) <= 20 {
        let audit = built.audit(&node, None, &[]);
        audits += 1;
        for audited in &audit.controls {
            // A key that was just made is open for a moment: that is seen rightly.
            let new = audited.control.key == "pki.key.mode";
            assert!(
                new || !matches!(audited.outcome, ControlOutcome::Fail | ControlOutcome::Warn),
                "{}: {}",
                audited.control.key,
                audited.result.summary
            );
            assert_ne!(
                audited.outcome,
                ControlOutcome::Error,
                "{}: {}",
                audited.control.key,
                audited.result.summary
            );
        }
    }
    stop.store(true, Ordering::Relaxed);
    restless.join().unwrap();
}

/// A user who may not read every file gets errors, not passes.
#[test]
fn what_may_not_be_read_is_no_pass() {
    use std::os::unix::process::CommandExt as _;
    let node = server();
    let built = node.build();
    built.mode("/", 0o755);
    for dir in [
        "/etc",
        "/etc/rancher",
        "/etc/rancher/rke2",
        "/var",
        "/var/lib",
        "/var/lib/rancher",
    ] {
        built.mode(dir, 0o755);
    }
    built.mode("/etc/rancher/rke2/config.yaml", 0o644);
    built.mode(DATA, 0o700);
    let tools = tempfile::tempdir().unwrap();
    std::fs::set_permissions(tools.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = tools.path().join("preflight-rke2");
    std::fs::copy(env!("CARGO_BIN_EXE_preflight-rke2"), &program).unwrap();
    let version = node.version.to_string();
    let output = std::process::Command::new(&program)
        .arg("--root")
        .arg(built.path())
        .args([
            "audit",
            "--role",
            "server",
            "--rke2-version",
            &version,
            "--format",
            "json",
        ])
        .uid(65534)
        .gid(65534)
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let document: Json = serde_json::from_slice(&output.stdout).unwrap();
    for key in [
        "pki.key.mode",
        "etcd.cert",
        "apiserver.profiling",
        "cred.admin.owner",
        "kubelet.ca.mode",
    ] {
        let control = control(&document, key);
        assert_eq!(control["outcome"], "error", "{control}");
        assert!(
            control["summary"]
                .as_str()
                .unwrap()
                .contains("permission denied"),
            "{control}"
        );
    }
}
