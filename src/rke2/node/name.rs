//! The name of the node.
//!
//! Source: k3s-io/k3s `pkg/util/net.go` (the name is `node-name` or the host name, in lower case); kubernetes
//! `ValidatePodName` and `ValidateNodeName` (`IsDNS1123Subdomain`), 1.24 to 1.37: the kubelet refuses the static pods,
//! whose names end with the node's, and the API server refuses the node. RKE2 prints nothing of it (rancher/rke2#7978).

use crate::facts::{Evidence, Part, Source};
use crate::finding::edit::Change;
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::{Node, NodeProblem, Start};

/// The longest name of a node.
const MAX: usize = 253;
/// The file of the host name.
const FILE: &str = "/etc/hostname";

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    // Then the name is another one: that of the cloud's instance, or the argument's.
    if start
        .settings
        .is_on("node-name-from-cloud-provider-metadata")
        || start.sets_kubelet_arg("hostname-override")
    {
        return None;
    }
    let configured = start
        .settings
        .get("node-name")
        .filter(|setting| setting.set);
    let configured = configured.filter(|_| !start.settings.text("node-name").is_empty());
    let name = match configured {
        Some(_) => start.settings.text("node-name").to_owned(),
        None => node.hostname()?,
    };
    if name.is_empty() || is_valid(&name.to_lowercase()) {
        return None;
    }
    let shown = name.escape_debug();
    let mut problem = NodeProblem::new(
        CheckId::HostNodeName,
        "node name",
        Component::Kubelet,
        Stage::KubeletServing,
        format!("\"{shown}\" is not valid as a node name"),
    );
    problem.required = Some(
        "letters, digits, - and ., with a letter or digit at the ends of each part".to_owned(),
    );
    problem.actual = Some(shown.to_string());
    problem.notes = vec![
        "RKE2 runs and prints nothing of it: the kubelet refuses the static pods (\"Could not process manifest file\" in \
         agent/logs/kubelet.log), and the API server refuses the node"
            .to_owned(),
    ];
    let suggestion = suggested(&name);
    if let Some(origin) = configured.and_then(|setting| setting.sources.last()) {
        let source = origin.source().into_iter();
        problem.evidence = source
            .map(|source| Evidence::place(source, Part::Sets))
            .collect();
        let change = suggestion.map_or(Change::Remove, Change::Set);
        problem.remedies = origin.remedies("node-name", None, &change);
    } else {
        problem.evidence = vec![Evidence::place(Source::file(FILE), Part::Sets)];
        // An administrator changes both names: the file can be watched.
        let _ = node.exists(FILE);
        let commands = suggestion
            .iter()
            .map(|name| format!("hostnamectl set-hostname {name}"));
        problem.remedies = vec![Remedy::Manual {
            summary: "give the host a valid name, or set `node-name` in RKE2's configuration"
                .to_owned(),
            commands: commands.collect(),
        }];
    }
    Some(problem)
}

/// `IsDNS1123Subdomain`.
fn is_valid(name: &str) -> bool {
    let is_edge = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= MAX
        && name.split('.').all(|label| {
            let bytes = label.as_bytes();
            is_edge(bytes.first())
                && is_edge(bytes.last())
                && bytes
                    .iter()
                    .all(|byte| is_edge(Some(byte)) || *byte == b'-')
        })
}

/// A valid name that is like this one.
fn suggested(name: &str) -> Option<String> {
    let replaced: String = name
        .to_lowercase()
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let labels = replaced.split('.').map(|label| label.trim_matches('-'));
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    let suggestion = labels.join(".");
    is_valid(&suggestion).then_some(suggestion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::with;

    #[test]
    fn names_are_valid_as_kubernetes_says() {
        for name in ["a", "node-1", "node1.example.org", "1", "a--b"] {
            assert!(is_valid(name), "{name}");
        }
        let long = "a.".repeat(127) + "a";
        for name in ["", "-a", "a-", "a_b", "a..b", ".a", "a.", "ä", "a b", &long] {
            assert!(!is_valid(name), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_given_otherwise_is_not_judged() {
        struct Named;
        impl Node for Named {
            fn hostname(&self) -> Option<String> {
                Some("my_host".to_owned())
            }
        }
        for (config, is_found) in [
            ("", true),
            ("node-name: a_b", true),
            ("kubelet-arg: [v=2]", true),
            ("node-name-from-cloud-provider-metadata: false", true),
            ("node-name: a-b", false),
            ("node-name-from-cloud-provider-metadata: true", false),
            ("kubelet-arg: [hostname-override=a-b]", false),
        ] {
            let found = with(config, |start| problem(start, &Named));
            assert_eq!(found.is_some(), is_found, "{config}");
        }
    }

    #[test]
    fn a_suggestion_is_valid() {
        for (name, suggestion) in [
            ("Dev0_Server", Some("dev0-server")),
            ("-a-.b_", Some("a.b")),
            ("__", None),
        ] {
            assert_eq!(suggested(name).as_deref(), suggestion);
        }
    }
}
