//! The machine-readable formats, compared with schemas of their required parts and with each other.

use std::collections::{BTreeMap, HashSet};

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::rke2::role::Role;
use serde_json::{Value as Json, json};

use crate::command::{Ran, run};
use crate::junit;
use crate::node::{Built, Care, DATA, Node};
use crate::validate::validate;

fn valid(schema: &str, document: &Json) {
    let schema: Json = serde_json::from_str(schema).unwrap();
    let mut wrong = Vec::new();
    validate(&schema, document, "$", &mut wrong);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Nodes with every outcome there is, and texts that must not leave their place.
fn nodes() -> Vec<(Node, Built)> {
    let mut nodes = Vec::new();
    for benchmark in Benchmark::ALL {
        for role in Role::ALL {
            for care in [Care::Guide, Care::Permissive] {
                let mut node = Node::new(benchmark, role, care);
                node.files.insert(
                    "/etc/preflight-rke2/config.toml".to_owned(),
                    "[[audit.waiver]]\ncontrol = \"etcd.datadir.owner\"\nreason = \"a < b & \\\"c\\\"\"\nexpires = \"9999-12-31\"\n\
                     [[audit.waiver]]\ncontrol = \"apiserver.profiling\"\nreason = \"for a while\"\nexpires = \"2000-01-01\"\n"
                        .to_owned(),
                );
                if care == Care::Permissive {
                    let odd = "/etc/cni/net.d/a b<&\">'\u{1b}[31m\u{e9}.conf";
                    node.files.insert(odd.to_owned(), "x".to_owned());
                    node.modes.insert(odd.to_owned(), 0o666);
                    node.files
                        .insert(format!("{DATA}/server/db/etcd/config"), "a: [\n".to_owned());
                }
                let built = node.build();
                nodes.push((node, built));
            }
        }
    }
    nodes
}

fn audit(node: &Node, built: &Built, args: &[&str]) -> Ran {
    let ran = run(built, node, args);
    assert!(
        (0..=4).contains(&ran.status) && !ran.out.is_empty(),
        "{args:?}: {}",
        ran.err
    );
    ran
}

fn json(node: &Node, built: &Built, args: &[&str]) -> Json {
    serde_json::from_str(&audit(node, built, args).out).unwrap()
}

#[test]
fn our_json_is_as_described() {
    let mut outcomes = HashSet::new();
    for (node, built) in nodes() {
        let document = json(&node, &built, &["--format", "json"]);
        valid(
            include_str!("../../docs/schema/audit.schema.json"),
            &document,
        );
        let summary: u64 = document["summary"]
            .as_object()
            .unwrap()
            .values()
            .map(|n| n.as_u64().unwrap())
            .sum();
        let controls = document["controls"].as_array().unwrap();
        assert_eq!(Ok(summary), u64::try_from(controls.len()));
        outcomes.extend(
            controls
                .iter()
                .map(|c| c["outcome"].as_str().unwrap().to_owned()),
        );
    }
    assert_eq!(outcomes.len(), 6, "{outcomes:?}");
}

#[test]
fn kube_benchs_json_is_as_its_readers_have_it() {
    const WORDS: [&str; 4] = ["PASS", "FAIL", "WARN", "INFO"];
    for (node, built) in nodes() {
        let document = json(&node, &built, &["--format", "kube-bench"]);
        let own = json(&node, &built, &["--format", "json"]);
        valid(include_str!("schema/kube-bench.schema.json"), &document);
        let outcomes: BTreeMap<&str, &Json> = own["controls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|control| (control["id"].as_str().unwrap(), control))
            .collect();
        let (mut seen, mut sums) = (0, [0; 4]);
        for controls in document["Controls"].as_array().unwrap() {
            let mut of_node = [0; 4];
            for group in controls["tests"].as_array().unwrap() {
                let mut of_group = [0; 4];
                for check in group["results"].as_array().unwrap() {
                    seen += 1;
                    let id = check["test_number"].as_str().unwrap();
                    let control = outcomes[id];
                    let section = group["section"].as_str().unwrap();
                    assert!(id.starts_with(&format!("{section}.")), "{id} {section}");
                    assert_eq!(control["node_type"], controls["node_type"], "{id}");
                    let waived = control["waiver"]["expired"] == false;
                    let status = match control["outcome"].as_str().unwrap() {
                        "fail" | "warn" if waived => "INFO",
                        "pass" => "PASS",
                        "fail" => "FAIL",
                        "not-applicable" => "INFO",
                        _ => "WARN",
                    };
                    assert_eq!(check["status"], status, "{id}");
                    assert_eq!(check["reason"].is_null(), status == "PASS", "{id}");
                    of_group[WORDS.iter().position(|word| *word == status).unwrap()] += 1;
                }
                for (word, count) in ["pass", "fail", "warn", "info"].iter().zip(of_group) {
                    assert_eq!(group[word], count, "{word}");
                }
                for (sum, count) in of_node.iter_mut().zip(of_group) {
                    *sum += count;
                }
            }
            totals(controls, of_node);
            for (sum, count) in sums.iter_mut().zip(of_node) {
                *sum += count;
            }
        }
        totals(&document["Totals"], sums);
        let numbered = outcomes.keys().filter(|id| !id.starts_with("guide."));
        assert_eq!(seen, numbered.count());
    }
}

fn totals(of: &Json, counts: [usize; 4]) {
    let words = ["total_pass", "total_fail", "total_warn", "total_info"];
    for (word, count) in words.iter().zip(counts) {
        assert_eq!(of[word], count, "{word}");
    }
}

/// Rancher's summarizer reads one file for each kind of node, and of that `Controls[0]`.
#[test]
fn kube_benchs_json_comes_by_kind_of_node() {
    let node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let built = node.build();
    for (kind, id) in [
        ("master", "1"),
        ("etcd", "2"),
        ("controlplane", "3"),
        ("node", "4"),
    ] {
        let document = json(
            &node,
            &built,
            &["--format", "kube-bench", "--node-type", kind],
        );
        valid(include_str!("schema/kube-bench.schema.json"), &document);
        let controls = document["Controls"].as_array().unwrap();
        assert_eq!(controls.len(), 1, "{kind}");
        assert_eq!(
            (&controls[0]["node_type"], &controls[0]["id"]),
            (&json!(kind), &json!(id))
        );
        assert_eq!(controls[0]["version"], "rke2-cis-1.12");
    }
}

#[test]
fn junit_is_as_ci_servers_have_it() {
    for (node, built) in nodes() {
        let text = audit(&node, &built, &["--format", "junit"]).out;
        valid(
            include_str!("schema/junit.schema.json"),
            &junit::read(&text),
        );
    }
}

#[test]
fn sarif_is_as_the_standard_has_it() {
    for (node, built) in nodes() {
        let document = json(&node, &built, &["--format", "sarif"]);
        valid(include_str!("schema/sarif.schema.json"), &document);
        let run = &document["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            // §3.27.10: only a failure has a level.
            assert_eq!(
                result["kind"] == "fail",
                result["level"] != "none",
                "{result}"
            );
            for location in result["locations"].as_array().unwrap() {
                let uri = location["physicalLocation"]["artifactLocation"]["uri"]
                    .as_str()
                    .unwrap();
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
                assert!(uri.chars().all(plain) && !uri.starts_with('/'), "{uri}");
            }
        }
        let failed = !run["invocations"][0]["executionSuccessful"]
            .as_bool()
            .unwrap();
        let notifications = run["invocations"][0]["toolExecutionNotifications"]
            .as_array()
            .unwrap();
        assert_eq!(failed, !notifications.is_empty());
    }
}

/// Prometheus' text format 0.0.4 and OpenMetrics 1.0, as far as both go.
#[test]
fn metrics_are_read_by_prometheus_and_as_open_metrics() {
    for (node, built) in nodes() {
        let text = audit(&node, &built, &["--format", "metrics"]).out;
        assert!(text.ends_with("\n# EOF\n") && !text.contains("\n\n"));
        let mut family = String::new();
        let (mut seen, mut families) = (HashSet::new(), HashSet::new());
        let mut described = 0;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                family = rest.split(' ').next().unwrap().to_owned();
                assert!(families.insert(family.clone()), "{family} comes twice");
                described = 1;
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                assert_eq!(rest, format!("{family} gauge"));
                assert_eq!(described, 1);
                described = 2;
            } else if line != "# EOF" {
                assert_eq!(described, 2, "{line}");
                let (series, value) = line.rsplit_once(' ').unwrap();
                value.parse::<u32>().unwrap();
                assert!(seen.insert(series.to_owned()), "{series} comes twice");
                let (name, labels) = series.split_once('{').unwrap();
                assert_eq!(name, family);
                for label in labels.strip_suffix('}').unwrap().split("\",") {
                    let (name, value) = label.split_once("=\"").unwrap();
                    assert!(
                        name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_'),
                        "{label}"
                    );
                    assert!(
                        !value.trim_end_matches('"').contains(['"', '\n']),
                        "{label}"
                    );
                }
            }
        }
        assert_eq!(families.len(), 2);
    }
}
