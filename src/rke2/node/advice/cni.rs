//! A configuration of another network plugin that containerd would take first.
//!
//! Source: containerd's go-cni loads the first file of its directory by name; RKE2's charts write `10-canal.conflist`,
//! `10-calico.conflist` and `10-flannel.conflist`. Cilium removes other files.

use super::super::{Node, NodeProblem, Start};
use super::is_kind;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};
use crate::text::{printable, shell_word};

const DIRECTORY: &str = "/etc/cni/net.d";

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let plugins = start.plugins()?;
    let [plugin] = plugins.as_slice() else {
        return None;
    };
    if !matches!(plugin.as_str(), "canal" | "calico" | "flannel") {
        return None;
    }
    let own = format!("10-{plugin}.conflist");
    let is_configuration = |name: &String| {
        let mut suffixes = [".conf", ".conflist", ".json"].iter();
        suffixes.any(|suffix| is_kind(name, suffix))
    };
    let mut names = node.advice_names(DIRECTORY);
    names.retain(is_configuration);
    names.sort();
    let first = names.into_iter().next().filter(|first| *first < own)?;
    let path = format!("{DIRECTORY}/{first}");
    let mut problem = NodeProblem::advice(
        CheckId::HostCni,
        "network plugin",
        format!(
            "containerd would use {}, which comes before {own} of {plugin}: pods get the network of another plugin",
            printable(&path)
        ),
    );
    problem.evidence = vec![Evidence::place(Source::file(&path), Part::Read)];
    problem.remedies = vec![Remedy::Manual {
        summary: "if no plugin of this cluster wrote it, remove it".to_owned(),
        commands: vec![format!("rm {}", shell_word(&path))],
    }];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn only_a_file_before_the_plugins_own_matters() {
        for (role, cni, names, is_found) in [
            (
                Role::Server,
                "canal,",
                &["/etc/cni/net.d/05-cilium.conflist"][..],
                true,
            ),
            (
                Role::Server,
                "canal,",
                &[
                    "/etc/cni/net.d/10-calico.conflist",
                    "/etc/cni/net.d/10-canal.conflist",
                ],
                true,
            ),
            (
                Role::Server,
                "calico,",
                &["/etc/cni/net.d/10-canal.conflist"],
                false,
            ),
            (
                Role::Server,
                "canal,",
                &[
                    "/etc/cni/net.d/10-canal.conflist",
                    "/etc/cni/net.d/87-podman.conflist",
                ],
                false,
            ),
            (
                Role::Server,
                "canal,",
                &["/etc/cni/net.d/00-x.cilium_bak"],
                false,
            ),
            (
                Role::Server,
                "multus,canal,",
                &["/etc/cni/net.d/00-multus.conf"],
                false,
            ),
            (
                Role::Server,
                "cilium,",
                &["/etc/cni/net.d/00-x.conf"],
                false,
            ),
            (Role::Agent, "canal,", &["/etc/cni/net.d/00-x.conf"], false),
        ] {
            let files: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
            let found = found(
                problem,
                &settings(role, &[("cni", cni)]),
                &Facts::with(&files),
            );
            assert_eq!(!found.is_empty(), is_found, "{cni} {names:?}");
        }
    }
}
