//! `PromQL` expressions name only metrics that `metrics.rs` writes. promtool checks that they are valid
//! `PromQL`.

use std::collections::BTreeSet;

use preflight_rke2::testing::facts::CertificateKind;
use preflight_rke2::testing::finding::Outcome;
use preflight_rke2::testing::report::metrics::FAMILIES;
use preflight_rke2::testing::requirements::catalogue;
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::verdict::Verdict;

/// Labels that Prometheus gives every sample of a target.
const TARGET: [&str; 2] = ["job", "instance"];

/// Everything wrong with the names in an expression.
pub(crate) fn wrong_names(expression: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let families = families(expression);
    let mut known: BTreeSet<&str> = TARGET.into();
    for name in &families {
        match FAMILIES.iter().find(|family| family.name == name) {
            Some(family) => known.extend(family.labels),
            None => wrong.push(format!("{name} is no metric")),
        }
    }
    if families.is_empty() {
        wrong.push("names no metric".to_owned());
    }
    // The matchers of a selector, with the metric before it.
    for (index, _) in expression.match_indices('{') {
        let name = words(&expression[..index]).last().copied().unwrap_or("");
        let inside = &expression[index + 1..];
        let inside = &inside[..inside.find('}').unwrap_or(inside.len())];
        let family = FAMILIES.iter().find(|family| family.name == name);
        for matcher in inside
            .split(',')
            .filter(|matcher| !matcher.trim().is_empty())
        {
            let Some((label, value)) = matcher.split_once('=') else {
                wrong.push(format!("{matcher} is no matcher"));
                continue;
            };
            let label = label.trim_end_matches('!').trim();
            let of_family = family.is_some_and(|f| f.labels.contains(&label));
            if !of_family && !TARGET.contains(&label) {
                wrong.push(format!("{name} has no label {label}"));
            }
            let quotes = |c: char| matches!(c, '"' | '\'' | '~' | '\\');
            let value = value.trim_matches(quotes);
            // Variables of a dashboard, and places of a template, stand for any value.
            let fixed = !value.starts_with('$') && !value.contains('%');
            for value in value.split('|').filter(|_| fixed) {
                if !values(label).contains(value) {
                    wrong.push(format!("{label} is never {value}"));
                }
            }
        }
    }
    // Lists of labels.
    for keyword in [
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
    ] {
        for (index, _) in expression.match_indices(keyword) {
            let starts = expression[..index].ends_with([' ', ')', '\n']) || index == 0;
            let rest = expression[index + keyword.len()..].trim_start();
            let Some(list) = rest.strip_prefix('(').filter(|_| starts) else {
                continue;
            };
            let list = &list[..list.find(')').unwrap_or(list.len())];
            for label in list.split(',').map(str::trim).filter(|l| !l.is_empty()) {
                if !known.contains(label) {
                    wrong.push(format!("no metric here has a label {label}"));
                }
            }
        }
    }
    wrong
}

/// Words that could be names.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| !word.is_empty())
        .collect()
}

/// Metrics of ours that an expression names.
pub(crate) fn families(expression: &str) -> BTreeSet<String> {
    words(expression)
        .into_iter()
        .filter(|word| word.starts_with("preflight_rke2_"))
        .map(str::to_owned)
        .collect()
}

/// All values of a label that a query may fix.
fn values(label: &str) -> BTreeSet<&'static str> {
    match label {
        "verdict" => Verdict::ALL.into_iter().map(Verdict::as_str).collect(),
        "when" => ["now", "next-boot"].into(),
        "role" => Role::ALL.into_iter().map(Role::as_str).collect(),
        "unit" => Role::ALL.into_iter().map(Role::unit).collect(),
        "effect" => [
            "blocks-start",
            "transient",
            "blocks-next-boot",
            "fails-control",
            "advice",
        ]
        .into(),
        "outcome" => [Outcome::Violated.as_str(), Outcome::Indeterminate.as_str()].into(),
        "kind" => [CertificateKind::Authority, CertificateKind::Leaf]
            .map(CertificateKind::as_str)
            .into(),
        // Those of `measurements::measure`.
        "directory" => ["data-dir", "kubelet"].into(),
        "check" => catalogue::ids().into_iter().collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn wrong_names_are_found() {
    let right = "sum by (check) (preflight_rke2_finding{effect=~\"advice|blocks-start\",job=~\"$job\"}) > 0";
    assert_eq!(wrong_names(right), Vec::<String>::new());
    for (old, new) in [
        ("preflight_rke2_finding", "preflight_rke2_findings"),
        ("preflight_rke2_finding", "node_load1"),
        ("by (check)", "by (chk)"),
        ("by (check)", "without (verdict)"),
        ("effect", "effects"),
        ("advice", "advise"),
        ("job=~", "verdict=~"),
    ] {
        assert!(!wrong_names(&right.replace(old, new)).is_empty(), "{new}");
    }
}
