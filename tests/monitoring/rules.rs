//! The alert rules: the metrics they name and the documents they link to exist.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::expressions::{families, wrong_names};
use super::yaml::{documents, text};

/// The rules, from the root of the repository.
pub(crate) const RULES: &str = "packaging/monitoring/preflight-rke2.rules.yml";
/// Their tests.
pub(crate) const TESTS: &str = "packaging/monitoring/preflight-rke2.rules.test.yml";
const DOCS: &str = "docs/fleet.md";

fn rules() -> Vec<Json> {
    let document = documents(RULES).remove(0);
    document["groups"][0]["rules"].as_array().unwrap().clone()
}

fn names() -> Vec<String> {
    let name = |rule: &Json| rule["alert"].as_str().unwrap().to_owned();
    rules().iter().map(name).collect()
}

/// GitHub's anchor of a heading of one word.
fn has_heading(document: &str, anchor: &str) -> bool {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("#### ").or(line.strip_prefix("### ")))
        .any(|heading| heading.to_lowercase() == anchor)
}

#[test]
fn each_rule_names_what_there_is() {
    let docs = text(DOCS);
    let rules = rules();
    assert!(rules.len() >= 6);
    for rule in &rules {
        let name = rule["alert"].as_str().unwrap();
        let expression = rule["expr"].as_str().unwrap();
        assert_eq!(wrong_names(expression), Vec::<String>::new(), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}"
        );
        let annotations = &rule["annotations"];
        for part in ["summary", "description"] {
            let text = annotations[part].as_str().unwrap();
            assert!(!text.trim().is_empty(), "{name}");
            // Queries within a template.
            for query in text.split("printf \"").skip(1) {
                let query = query.replace("\\\"", "'");
                let query = query.split('"').next().unwrap();
                if query.contains('{') {
                    assert_eq!(wrong_names(query), Vec::<String>::new(), "{name}");
                }
            }
        }
        let runbook = annotations["runbook"].as_str().unwrap();
        let (file, anchor) = runbook.split_once('#').unwrap();
        assert_eq!(file, format!("/usr/share/doc/preflight-rke2/{DOCS}"));
        assert_eq!(anchor, name.to_lowercase());
        assert!(has_heading(&docs, anchor), "{anchor} is not in {DOCS}");
    }
}

/// Each alert is tested: that it comes, and that it does not.
#[test]
fn each_rule_is_tested() {
    let tests = documents(TESTS).remove(0);
    let mut fires = BTreeSet::new();
    let mut rests = BTreeSet::new();
    for test in tests["tests"].as_array().unwrap() {
        for series in test["input_series"].as_array().unwrap() {
            let series = series["series"].as_str().unwrap();
            if !series.starts_with("up{") {
                assert_eq!(
                    wrong_names(&series.replace(":9100", ""))
                        .iter()
                        .filter(|w| !w.contains("is never"))
                        .count(),
                    0,
                    "{series}"
                );
                assert!(!families(series).is_empty(), "{series}");
            }
        }
        for case in test["alert_rule_test"].as_array().unwrap() {
            let name = case["alertname"].as_str().unwrap().to_owned();
            if case["exp_alerts"].as_array().unwrap().is_empty() {
                rests.insert(name);
            } else {
                fires.insert(name);
            }
        }
    }
    let all: BTreeSet<String> = names().into_iter().collect();
    assert_eq!(fires, all);
    assert_eq!(rests, all);
}

/// The document describes every alert and metric there is, and no other.
#[test]
fn the_document_is_complete() {
    let docs = text(DOCS);
    let described: BTreeSet<&str> = docs
        .lines()
        .filter_map(|line| line.strip_prefix("#### "))
        .collect();
    let names = names();
    assert_eq!(described, names.iter().map(String::as_str).collect());
    let expected: BTreeSet<String> = preflight_rke2::testing::report::metrics::FAMILIES
        .iter()
        .map(|family| family.name.to_owned())
        .collect();
    assert_eq!(families(&docs), expected);
    for family in preflight_rke2::testing::report::metrics::FAMILIES {
        let labels: Vec<String> = family.labels.iter().map(|l| format!("`{l}`")).collect();
        let row = format!("| `{}` | {} |", family.name, labels.join(" "));
        assert!(docs.contains(&row), "{row}");
    }
}
