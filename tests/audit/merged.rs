//! Reports of a fleet on one page: `--from` with five thousand files needs little more memory than the page.

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;
use serde_json::Value as Json;

use crate::command::run;
use crate::node::{Care, Node};

/// Reports to merge.
const NODES: usize = 5000;

/// How much memory the command may have, in kilobytes. All reports together have 333 MB.
const ALLOWED: i64 = 128 << 10;

#[test]
fn a_fleet_takes_little_memory() {
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let built = node.build();
    let mut json: Json =
        serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
    // Each node has a name, processes and two results of its own.
    let controls = json["controls"].as_array().unwrap();
    let own: Vec<usize> = (0..controls.len())
        .filter(|at| controls[*at]["outcome"] == "warn")
        .take(2)
        .collect();
    json["node"] = "node-NUMBER.example.org".into();
    for at in own {
        json["controls"][at]["summary"] = "/var/lib/x/NUMBER is wrong".into();
    }
    let text = json.to_string().replace("/proc/", "/proc/NUMBER");
    let mut bytes = 0;
    let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2"));
    command.args(["audit", "--format", "html", "--from"]);
    for number in 0..NODES {
        let text = text.replace("NUMBER", &format!("{number:04}"));
        bytes += text.len();
        let path = built.path().join(format!("{number}.json"));
        std::fs::write(&path, text).unwrap();
        command.arg(path);
    }
    let output = command.output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{:?}",
        output.stderr
    );
    // Of the largest child; the other one read a single node.
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    println!(
        "{NODES} reports of {} kB: a page of {} kB, {memory} kB of memory at the most",
        bytes >> 10,
        page.len() >> 10
    );
    assert!(memory < ALLOWED, "{memory} kB");
    assert!(page.contains("CIS 1.12: 5000 nodes"));
    for part in [
        "on all nodes",
        "node-0000.example.org",
        "/var/lib/x/4999 is wrong",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("node-0000.example.org, node-0001"));
}
