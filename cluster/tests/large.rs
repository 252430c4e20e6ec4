//! Dumps of a large cluster are read an item at a time: memory is bounded, however long the lists are.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    reason = "a test writes files and runs a program, and fails by panicking"
)]

#[path = "common/measured.rs"]
mod measured;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use measured::measured;
use serde_json::{Value, json};

/// Writes a list as `kubectl get -A -o json` does: what it is, and whether it goes on, behind the items.
fn list(path: &Path, number: usize, item: impl Fn(usize) -> Value) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    write!(file, "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [").unwrap();
    for at in 0..number {
        let comma = if at == 0 { "" } else { "," };
        write!(file, "{comma}\n{:#}", item(at)).unwrap();
    }
    write!(
        file,
        "\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {{ \"resourceVersion\": \"\" }}\n}}\n"
    )
    .unwrap();
    file.into_inner().unwrap().metadata().unwrap().len()
}

/// A pod with much of what a server says of one.
fn pod(at: usize) -> Value {
    let managed = json!({ "f:spec": { "f:containers": { "k:{\"name\":\"a\"}": { "f:image": {}, "f:name": {}, "f:resources": {} } } } });
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("nightly-{at:05}-abcde"), "namespace": format!("tenant-{:05}", at % 10_000),
            "uid": format!("00000000-0000-0000-0000-{at:012}"), "resourceVersion": "1", "managedFields": [managed],
            "annotations": { "note": "x".repeat(600) },
            "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": format!("nightly-{at:05}"), "controller": true }],
        },
        "spec": {
            "hostPID": true, "nodeName": "s1", "serviceAccountName": "default",
            "containers": [{ "name": "a", "image": "a", "env": [{ "name": "A", "value": "y".repeat(400) }] }],
        },
        "status": { "phase": "Running" },
    })
}

/// 10,000 namespaces with their accounts, and 20,000 pods, each of an owner of its own.
#[test]
fn dumps_of_a_large_cluster_take_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let own = ["default", "kube-system"];
    let name = |at: usize| match own.get(at) {
        Some(name) => (*name).to_owned(),
        None => format!("tenant-{:05}", at - own.len()),
    };
    list(
        &path("namespaces.json"),
        10_002,
        |at| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name(at) } }),
    );
    list(
        &path("accounts.json"),
        10_002,
        |at| json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name(at) } }),
    );
    let size = list(&path("pods.json"), 20_001, |at| match at {
        0 => json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x", "namespace": "kube-system" },
        }),
        at => pod(at - 1),
    });
    list(&path("policies.json"), 1, |_| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "a", "namespace": "default" },
        })
    });
    let begun = Instant::now();
    let (out, peak) = measured(
        Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"))
            .args(["audit", "--format", "json", "--from"])
            .arg(directory.path())
            .args(["--kubernetes-version", "v1.37.1+rke2r1"])
            .env_clear()
            .stderr(Stdio::null()),
        &path("out"),
    );
    let report: Value = serde_json::from_slice(&out).unwrap();
    eprintln!("pods of {size} bytes: {peak} kB, {:?}", begun.elapsed());
    let count = |key: &str| {
        let controls = report["controls"].as_array().unwrap();
        let control = controls.iter().find(|control| control["key"] == key);
        control.unwrap()["object_count"].as_u64().unwrap()
    };
    assert_eq!(count("pods.host-pid"), 20_000);
    assert_eq!(count("network.policies"), 10_001);
    // The file of the pods alone would not fit.
    assert!(size > 32 << 20, "{size}");
    assert!(peak <= 32 * 1024, "{peak} kB");
}
