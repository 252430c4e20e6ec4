//! The formats of other tools: JUnit, SARIF and metrics of an audit of dumps.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test runs the program, and fails by panicking"
)]

#[path = "../../tests/common/junit.rs"]
mod junit;
#[path = "../../tests/common/schema.rs"]
mod schema;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value as Json, json};

/// A name that must not leave its place.
const ODD: &str = "a<b>\"c'&\\\n\u{1b}[31m\u{e9}";

/// Dumps of some lists: of those that are missing, the controls are errors.
fn dumps() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let list = |kind: &str, items: Json| {
        let group = match kind {
            "Namespace" | "ServiceAccount" => "v1",
            _ => "rbac.authorization.k8s.io/v1",
        };
        json!({ "apiVersion": group, "kind": format!("{kind}List"), "items": items })
    };
    let account = |namespace: &str| {
        json!({ "metadata": { "name": "default", "namespace": namespace },
            "automountServiceAccountToken": namespace != "default" })
    };
    let binding = |name: &str, role: &str| {
        json!({ "metadata": { "name": name }, "subjects": [{ "kind": "User", "name": ODD }],
            "roleRef": { "kind": "ClusterRole", "name": role } })
    };
    let names = ["kube-system", "default", ODD];
    let rules = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    for (file, document) in [
        ("version", json!({ "gitVersion": "v1.24.17+rke2r1" })),
        (
            "namespaces",
            list(
                "Namespace",
                names
                    .map(|name| json!({ "metadata": { "name": name } }))
                    .into(),
            ),
        ),
        (
            "serviceaccounts",
            list("ServiceAccount", names.map(account).to_vec().into()),
        ),
        (
            "clusterroles",
            list(
                "ClusterRole",
                json!([{ "metadata": { "name": "cluster-admin" }, "rules": rules }]),
            ),
        ),
        (
            "clusterrolebindings",
            list(
                "ClusterRoleBinding",
                json!([
                    binding("cluster-admin", "cluster-admin"),
                    binding(ODD, "cluster-admin")
                ]),
            ),
        ),
        (
            "roles",
            list(
                "Role",
                json!([{ "metadata": {
                "name": "extension-apiserver-authentication-reader", "namespace": "kube-system" } }]),
            ),
        ),
        (
            "rolebindings",
            list(
                "RoleBinding",
                json!([{ "metadata": { "name": "a", "namespace": "kube-system" },
                "roleRef": { "kind": "Role", "name": "a" } }]),
            ),
        ),
    ] {
        let path = directory.path().join(format!("{file}.json"));
        std::fs::write(path, document.to_string()).unwrap();
    }
    directory
}

fn audit(from: &Path, format: &str) -> Output {
    let waivers = from.join("waivers.toml");
    std::fs::write(
        &waivers,
        "[[audit.waiver]]\ncontrol = \"rbac.cluster-admin\"\nreason = \"a < b & \\\"c\\\"\"\nexpires = \"9999-12-31\"\n",
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_preflight-rke2-cluster"));
    command.args(["audit", "--benchmark", "1.24", "--format", format, "--from"]);
    command.arg(from).arg("--waivers").arg(waivers);
    command.env_clear().output().unwrap()
}

/// The text in a format, and the controls of our own.
fn audited(format: &str) -> (String, Vec<Json>, String) {
    let from = dumps();
    let text = |format| {
        let output = audit(from.path(), format);
        let stderr = String::from_utf8(output.stderr).unwrap();
        // A control fails, whatever the format.
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    };
    let own: Json = serde_json::from_str(&text("json")).unwrap();
    let controls = own["controls"].as_array().unwrap().clone();
    (
        text(format),
        controls,
        own["cluster"].as_str().unwrap().to_owned(),
    )
}

/// What a control is called where a waiver is a result of its own.
fn result(control: &Json) -> &str {
    if control["waiver"].is_null() {
        control["outcome"].as_str().unwrap()
    } else {
        "waived"
    }
}

fn valid(schema: &str, document: &Json) {
    let mut wrong = Vec::new();
    let schema = serde_json::from_str(schema).unwrap();
    schema::validate(&schema, document, "$", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn junit_is_as_ci_servers_have_it() {
    let (text, controls, from) = audited("junit");
    let whole = junit::read(&text);
    valid(
        include_str!("../../tests/audit/schema/junit.schema.json"),
        &whole,
    );
    let suites = &whole["testsuites"][0];
    assert_eq!(suites["@name"], format!("{from} rke2-cis-1.24"));
    let suites = suites["testsuite"].as_array().unwrap();
    let cases: Vec<&Json> = suites
        .iter()
        .flat_map(|suite| suite["testcase"].as_array().unwrap())
        .collect();
    let mut outcomes = BTreeSet::new();
    assert_eq!(cases.len(), controls.len());
    for (case, control) in cases.into_iter().zip(&controls) {
        let (id, title) = (
            control["id"].as_str().unwrap(),
            control["title"].as_str().unwrap(),
        );
        assert_eq!(case["@name"], format!("{id} {title}"));
        assert_eq!(case["@classname"], "rke2-cis-1.24.policies");
        let outcome = result(control);
        outcomes.insert(outcome);
        let element = match outcome {
            "fail" => "failure",
            "error" => "error",
            "pass" => continue,
            _ => "skipped",
        };
        assert!(case[element].is_array(), "{case}");
    }
    assert_eq!(
        outcomes,
        BTreeSet::from(["error", "fail", "manual", "pass", "waived"])
    );
    // The name of a namespace is in the text of a failure.
    assert!(
        text.contains("a&lt;b&gt;") && !text.contains(['\u{1b}', '\u{7f}']),
        "{text}"
    );
}

#[test]
fn sarif_is_as_the_standard_has_it() {
    let (text, controls, from) = audited("sarif");
    let document: Json = serde_json::from_str(&text).unwrap();
    valid(
        include_str!("../../tests/audit/schema/sarif.schema.json"),
        &document,
    );
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "preflight-rke2-cluster");
    assert_eq!(
        run["automationDetails"]["id"],
        format!("{from}/rke2-cis-1.24")
    );
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let of = |wanted: &[&str]| -> Vec<&Json> {
        let is = |control: &&Json| wanted.contains(&control["outcome"].as_str().unwrap());
        controls.iter().filter(is).collect()
    };
    let results = run["results"].as_array().unwrap();
    let found = of(&["fail", "warn", "manual"]);
    assert_eq!(results.len(), found.len());
    for (result, control) in results.iter().zip(found) {
        assert_eq!(result["ruleId"], control["key"]);
        assert_eq!(
            result["suppressions"].is_array(),
            !control["waiver"].is_null()
        );
        let locations = result["locations"].as_array().unwrap();
        let names: Vec<&Json> = locations
            .iter()
            .map(|location| &location["logicalLocations"][0]["fullyQualifiedName"])
            .collect();
        let objects: Vec<&Json> = control["objects"].as_array().unwrap().iter().collect();
        assert_eq!(names, objects);
    }
    assert!(text.contains("fullyQualifiedName"));
    let errors = &run["invocations"][0]["toolExecutionNotifications"];
    assert_eq!(errors.as_array().unwrap().len(), of(&["error"]).len());
}

#[test]
fn metrics_are_the_nodes_under_names_of_their_own() {
    let (text, controls, from) = audited("metrics");
    let labels = format!("cluster=\"{from}\",benchmark=\"1.24\"");
    let mut expected = Vec::new();
    for control in &controls {
        let (key, id) = (
            control["key"].as_str().unwrap(),
            control["id"].as_str().unwrap(),
        );
        expected.push(format!(
            "preflight_rke2_cluster_audit_control{{{labels},control=\"{key}\",id=\"{id}\",result=\"{}\"}} 1",
            result(control)
        ));
    }
    for outcome in [
        "fail",
        "warn",
        "error",
        "manual",
        "pass",
        "not-applicable",
        "waived",
    ] {
        let count = controls
            .iter()
            .filter(|control| result(control) == outcome)
            .count();
        expected.push(format!(
            "preflight_rke2_cluster_audit_controls{{{labels},result=\"{outcome}\"}} {count}"
        ));
    }
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(samples, expected);
    assert!(text.ends_with("\n# EOF\n"));
}

/// Not a word: no lint either.
#[cfg(feature = "lab")]
#[test]
fn promtool_takes_the_metrics() {
    use std::io::Write as _;
    use std::process::Stdio;

    let (text, ..) = audited("metrics");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
