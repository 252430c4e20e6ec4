//! The Grafana dashboard: it can be imported, and queries only existing metrics.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::expressions::{families, wrong_names};
use super::yaml::text;

const DASHBOARD: &str = "packaging/monitoring/grafana-dashboard.json";

fn dashboard() -> Json {
    serde_json::from_str(&text(DASHBOARD)).unwrap()
}

/// Panels, those in rows too.
fn panels(document: &Json) -> Vec<Json> {
    let mut all = Vec::new();
    for panel in document["panels"].as_array().unwrap() {
        all.push(panel.clone());
        all.extend(panel["panels"].as_array().into_iter().flatten().cloned());
    }
    all
}

/// Every query, the panel's title with it.
pub(crate) fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for panel in panels(&dashboard()) {
        let title = panel["title"].as_str().unwrap().to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            all.push((title.clone(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    all
}

/// With what Grafana puts in place of its variables.
#[cfg(feature = "lab")]
pub(crate) fn filled_in(expression: &str) -> String {
    let mut text = expression.to_owned();
    for (variable, value) in [
        ("$__rate_interval", "5m"),
        ("$__range", "6h"),
        ("$__interval", "1m"),
        ("$job", "node"),
        ("$instance", ".*"),
        ("$role", "server|agent"),
    ] {
        text = text.replace(variable, value);
    }
    assert!(!text.contains('$'), "{text}");
    text
}

#[test]
fn each_query_names_what_there_is() {
    let all = expressions();
    assert!(all.len() >= 10);
    let mut used = BTreeSet::new();
    for (title, expression) in &all {
        assert_eq!(
            wrong_names(expression),
            Vec::<String>::new(),
            "{title}: {expression}"
        );
        used.extend(families(expression));
    }
    for needed in [
        "unit_blocked",
        "unit_drifted",
        "unit_verdict",
        "finding",
        "unit_info",
        "info",
    ] {
        assert!(
            used.contains(&format!("preflight_rke2_{needed}")),
            "{needed}"
        );
    }
}

#[test]
fn it_can_be_imported_anywhere() {
    let document = dashboard();
    assert_eq!(document["id"], Json::Null, "an id is the server's to give");
    assert!(document["uid"].as_str().is_some_and(|uid| uid.len() <= 40));
    assert!(document["schemaVersion"].as_u64().unwrap() >= 36);
    let variables = document["templating"]["list"].as_array().unwrap();
    assert_eq!(variables[0]["type"], "datasource");
    assert_eq!(variables[0]["query"], "prometheus");
    let names: BTreeSet<&str> = variables
        .iter()
        .map(|v| v["name"].as_str().unwrap())
        .collect();
    for variable in &variables[1..] {
        let query = &variable["query"];
        let query = query.as_str().or(query["query"].as_str()).unwrap();
        if variable["type"] == "query" {
            assert_eq!(variable["datasource"]["uid"], "${datasource}");
            let (metric, label) = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", "))
                .unwrap();
            assert_eq!(
                wrong_names(&format!("sum by ({label}) ({metric})")),
                Vec::<String>::new()
            );
        }
    }
    let mut ids = BTreeSet::new();
    let mut places: Vec<[u64; 4]> = Vec::new();
    for panel in panels(&document) {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24 && w > 0 && h > 0, "{title}");
        for [ox, oy, ow, oh] in &places {
            let apart = x + w <= *ox || ox + ow <= x || y + h <= *oy || oy + oh <= y;
            assert!(apart, "{title} lies over another panel");
        }
        places.push([x, y, w, h]);
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(
            !panel["description"].as_str().unwrap().is_empty(),
            "{title}"
        );
        let mut letters = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            assert!(letters.insert(target["refId"].as_str().unwrap()), "{title}");
        }
    }
    // A variable that is used is defined.
    for part in text(DASHBOARD).split('$').skip(1) {
        let name: String = part
            .trim_start_matches('{')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        let own = ["__rate_interval", "__range", "__interval", "__all"];
        assert!(
            names.contains(name.as_str()) || own.contains(&name.as_str()),
            "${name}"
        );
    }
}
