//! The inotify instances that root may have.
//!
//! Source: rancher/rke2#2382; kubernetes `cadvisor` ends the kubelet with `inotify_init: too many open files`.

use super::super::{Node, NodeProblem};
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Remedy};

const FILE: &str = "/proc/sys/fs/inotify/max_user_instances";
/// What is recommended for nodes that run out.
const RECOMMENDED: u64 = 8192;

pub(super) fn problem(node: &dyn Node) -> Option<NodeProblem> {
    let inotify = node.inotify()?;
    // The kubelet and containerd take about ten; pods take more.
    let is_near = inotify.used.saturating_mul(4) >= inotify.limit.saturating_mul(3);
    if !is_near || inotify.limit >= RECOMMENDED {
        return None;
    }
    let mut problem = NodeProblem::advice(
        CheckId::HostInotify,
        "fs.inotify.max_user_instances",
        format!(
            "root's processes use {} of {} inotify instances; without a free one the kubelet exits",
            inotify.used, inotify.limit
        ),
    );
    problem.evidence = vec![Evidence::place(Source::file(FILE), Part::Read)];
    problem.remedies = vec![Remedy::Manual {
        summary: "raise the limit, now and at every boot".to_owned(),
        commands: vec![
            format!("sysctl -w fs.inotify.max_user_instances={RECOMMENDED}"),
            format!(
                "echo 'fs.inotify.max_user_instances = {RECOMMENDED}' > /etc/sysctl.d/60-inotify.conf"
            ),
        ],
    }];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, summaries};
    use super::*;
    use crate::facts::node::Inotify;

    #[test]
    fn the_limit_matters_when_it_is_near() {
        for (used, limit, is_found) in [
            (5, 128, false),
            (95, 128, false),
            (96, 128, true),
            (200, 128, true),
            (0, 0, true),
            (8000, 8192, false),
            (u64::MAX, u64::MAX, false),
        ] {
            let node = Facts {
                inotify: Some(Inotify { used, limit }),
                ..Facts::default()
            };
            let found = summaries(|_, node| problem(node), &node);
            assert_eq!(!found.is_empty(), is_found, "{used} of {limit}");
        }
    }
}
