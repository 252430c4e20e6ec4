//! `explain`: what a control is, where it is counted, and what it is judged by.

use std::fmt::Write as _;

use preflight_rke2::shared::{Benchmark, Scoring, Version};

use super::{Status, complain, print};
use crate::control::{self, CONTROLS, Control, Rule};
use crate::rules;

/// The controls that `fix` can have met.
const FIXED: &[(&str, &str)] = &[
    ("accounts.default", "fix"),
    (
        "network.policies",
        "fix --network-policies deny or same-namespace",
    ),
];

pub(super) fn run(name: Option<&str>) -> Status {
    let Some(name) = name else {
        print(&all());
        return Status::Good;
    };
    let found: Vec<&Control> = CONTROLS
        .iter()
        .filter(|control| {
            let numbers = Benchmark::ALL.iter().filter_map(|b| control.edition(*b));
            control.key == name || numbers.map(|edition| edition.id).any(|id| id == name)
        })
        .collect();
    if found.is_empty() {
        let near = control::suggestion(name);
        complain(&format!("section 5 has no control \"{name}\"{near}"));
        return Status::Usage;
    }
    let texts: Vec<String> = found.into_iter().map(one).collect();
    print(&texts.join("\n"));
    Status::Good
}

/// Every control, a line each.
fn all() -> String {
    let mut out = String::new();
    let width = CONTROLS.iter().map(|control| control.key.len()).max();
    for control in CONTROLS {
        let width = width.unwrap_or(0);
        let _ = writeln!(out, "{:width$}  {}", control.key, control.title);
    }
    out
}

/// One control. A number may be of another one in another benchmark: then both are printed.
fn one(control: &Control) -> String {
    let mut out = format!("{}: {}\n", control.key, control.title);
    let mut rows: Vec<(String, Benchmark, Benchmark)> = Vec::new();
    for benchmark in Benchmark::ALL {
        let Some(edition) = control.edition(benchmark) else {
            continue;
        };
        let kind = match edition.scoring {
            Scoring::Scored => "scored",
            Scoring::Unscored => "not scored",
            Scoring::Manual => "manual",
            Scoring::NotApplicable => "not applicable",
        };
        let text = if control.is_beyond() {
            format!("asked by the hardening guide, {kind}")
        } else {
            format!("{}, {kind}", edition.id)
        };
        match rows.last_mut() {
            Some((last, _, to)) if *last == text => *to = benchmark,
            _ => rows.push((text, benchmark, benchmark)),
        }
    }
    for (text, from, to) in rows {
        let range = if from == to {
            from.to_string()
        } else {
            format!("{from} to {to}")
        };
        let _ = writeln!(out, "  CIS {range}: {text}");
    }
    if let Rule::ByHand(what) = control.rule {
        let _ = writeln!(out, "  the API cannot tell: {what}");
        return out;
    }
    // 1.24 has every kind that newer releases have.
    let kinds = rules::needs(control.rule, &Version::new(24, 17, 1));
    let kinds: Vec<String> = kinds.into_iter().map(crate::kind::Kind::resource).collect();
    let _ = writeln!(out, "  judged by {}", kinds.join(", "));
    if let Some((_, command)) = FIXED.iter().find(|(key, _)| *key == control.key) {
        let _ = writeln!(out, "  fixed by preflight-rke2-cluster {command}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_by_benchmark() {
        let text = |key: &str| one(CONTROLS.iter().find(|control| control.key == key).unwrap());
        assert_eq!(
            text("rbac.cluster-admin"),
            "rbac.cluster-admin: the role cluster-admin is given only where it is needed\n  \
               CIS 1.6 to 1.8: 5.1.1, manual\n  \
               CIS 1.9 to 1.10: 5.1.1, scored\n  \
               CIS 1.11 to 2.0: 5.1.1, not scored\n  \
               judged by rolebindings.rbac.authorization.k8s.io, clusterrolebindings.rbac.authorization.k8s.io\n"
        );
        assert!(text("secrets.external").contains("the API cannot tell: "));
        assert!(
            text("guide.nodes.profile")
                .contains("CIS 1.6 to 2.0: asked by the hardening guide, not scored")
        );
        assert_eq!(all().lines().count(), CONTROLS.len());
        assert!(text("accounts.default").ends_with("\n  fixed by preflight-rke2-cluster fix\n"));
        for (key, _) in FIXED {
            assert!(text(key).contains("  fixed by "), "{key}");
        }
    }
}
