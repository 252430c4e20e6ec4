//! The name `localhost`, which the probes of RKE2's static pods use.
//!
//! Source: rancher/rke2 `pkg/staticpod` (probes of `localhost`), rancher/rke2#2957.

use super::super::{Node, NodeProblem, Start};
use crate::facts::node::FileText;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};

const FILE: &str = "/etc/hosts";
/// The first minor all of whose releases probe by that name.
const PROBES_BY_NAME: u32 = 24;

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if !start.is_server() || start.version.minor < PROBES_BY_NAME {
        return None;
    }
    let (is_missing, evidence) = match node.advice_file(FILE) {
        FileText::Text(text) if names_localhost(&text) => return None,
        FileText::Text(_) => (false, vec![Evidence::place(Source::file(FILE), Part::Read)]),
        FileText::Missing if node.is_running() => (true, Vec::new()),
        FileText::Missing | FileText::Unknown => return None,
    };
    let what = if is_missing {
        "is missing"
    } else {
        "has no line \"127.0.0.1 localhost\""
    };
    let mut problem = NodeProblem::advice(
        CheckId::HostHostsFile,
        "localhost",
        format!("{FILE} {what}, so the kubelet may end etcd and the API server again and again"),
    );
    problem.notes = vec![
        "the kubelet probes the static pods at `localhost`, and etcd answers on 127.0.0.1 only; some systems resolve \
         the name without this file"
            .to_owned(),
    ];
    problem.evidence = evidence;
    problem.remedies = vec![Remedy::Manual {
        summary: format!("add the line to {FILE}"),
        commands: vec![format!("echo '127.0.0.1 localhost' >> {FILE}")],
    }];
    Some(problem)
}

fn names_localhost(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        words.next() == Some("127.0.0.1")
            && words.any(|name| name.eq_ignore_ascii_case("localhost"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings, summaries};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn the_name_must_stand_beside_the_address() {
        for (text, is_right) in [
            ("127.0.0.1 localhost\n", true),
            ("::1 ip6-localhost\n127.0.0.1\tn1 LocalHost # x", true),
            ("::1 localhost\n", false),
            ("#127.0.0.1 localhost\n", false),
            ("127.0.1.1 localhost\n127.0.0.1 n1 #localhost\n", false),
            ("", false),
        ] {
            assert_eq!(names_localhost(text), is_right, "{text}");
            let node = Facts::with(&[(FILE, text)]);
            assert_eq!(summaries(problem, &node).is_empty(), is_right);
            let agent = settings(Role::Agent, &[]);
            assert!(found(problem, &agent, &node).is_empty());
        }
        let mut node = Facts::default();
        assert_eq!(summaries(problem, &node).len(), 1);
        node.is_image = true;
        assert!(summaries(problem, &node).is_empty());
    }
}
