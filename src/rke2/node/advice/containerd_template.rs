//! The administrator's template of containerd's configuration.
//!
//! Source: k3s-io/k3s `pkg/agent/containerd/config.go`. The parser of containerd 1.6 takes some of what TOML does not allow,
//! a value on the line after its key among it, so that no error is certain to end it.

use super::super::{Node, NodeProblem, Start};
use crate::facts::node::FileText;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::rke2::changes::CONTAINERD_2;
use crate::rke2::layout;

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let settings = start.settings;
    if settings.is_on("disable-agent") || !settings.text("container-runtime-endpoint").is_empty() {
        return None;
    }
    let [of_2, of_1] = layout::containerd_templates(&start.data_dir());
    let is_2 = CONTAINERD_2.includes(start.version);
    let mut paths = [of_2, of_1].into_iter().skip(usize::from(!is_2));
    // The first that is there is used.
    let (path, text) = paths.find_map(|path| match node.advice_file(&path) {
        FileText::Text(text) => Some((path, text)),
        FileText::Missing | FileText::Unknown => None,
    })?;
    // What a template becomes is not known.
    if text.contains("{{") {
        return None;
    }
    let error = text.parse::<toml::Table>().err()?;
    let before = text.get(..error.span()?.start)?;
    let line = u32::try_from(before.matches('\n').count().saturating_add(1)).ok()?;
    let place = Source::line(&path, line);
    let what = error.message().replace('\n', ", ");
    let mut problem = NodeProblem::advice(
        CheckId::HostContainerdTemplate,
        &path,
        format!("the template of containerd's configuration is not TOML: {place}: {what}"),
    );
    problem.evidence = vec![Evidence::place(place, Part::Read)];
    problem.notes =
        vec!["if containerd refuses it, RKE2 ends: containerd exited: exit status 1".to_owned()];
    problem.remedies = vec![Remedy::manual(format!(
        "correct {path}, or remove it: RKE2 then writes its own configuration"
    ))];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, summaries};
    use super::*;

    const DIR: &str = "/var/lib/rancher/rke2/agent/etc/containerd";

    #[test]
    fn a_template_without_actions_is_toml() {
        for (text, at) in [
            ("", None),
            ("version = 2\n[grpc]\naddress = \"/run/x\"\n", None),
            ("{{ template \"base\" . }}\n[broken\n", None),
            ("version = 2\n[grpc\naddress = \"/run/x\"\n", Some(2)),
            ("version = 2\n\nversion = 2\n", Some(3)),
            ("a", Some(1)),
            ("\0", Some(1)),
        ] {
            let path: &str = format!("{DIR}/config-v3.toml.tmpl").leak();
            let node = Facts::with(&[(path, text)]);
            let found = summaries(problem, &node);
            let expected = at.map(|line| format!("{path}:{line}: "));
            assert_eq!(found.len(), usize::from(at.is_some()), "{text:?}");
            if let Some(expected) = expected {
                assert!(found[0].contains(&expected), "{found:?}");
            }
        }
    }
}
