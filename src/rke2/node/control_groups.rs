//! Controllers of control groups that the kernel has turned off.
//!
//! Source: k3s-io/k3s `pkg/cgroups/cgroups_linux.go`: it looks at the root group, so that a group below it with fewer
//! controllers does not matter.

use crate::facts::node::File;
use crate::facts::{Evidence, Part, Source};
use crate::finding::{CheckId, Component, Remedy, Stage};

use super::{Node, NodeProblem, Start};

const CONTROLLERS: &str = "/sys/fs/cgroup/cgroup.controllers";
/// The controllers of this kernel. It does not show those of hierarchies that it has no version 1 of.
const ALL: &str = "/proc/cgroups";

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if start.settings.is_on("disable-agent") {
        return None;
    }
    let File::Content(rows) = node.file(ALL)? else {
        return None;
    };
    let off = off(&String::from_utf8_lossy(&rows));
    if off.is_empty() {
        return None;
    }
    let unified = match node.file(CONTROLLERS)? {
        File::Content(content) => Some(String::from_utf8_lossy(&content).into_owned()),
        File::Missing | File::Unreadable(_) => None,
    };
    let required: &[&str] = match unified {
        Some(_) => &["cpu", "cpuset", "memory", "pids"],
        // Of version 1 RKE2 only warns of others.
        None => &["memory", "pids"],
    };
    let is_there = |name: &str| {
        let listed = unified.iter().flat_map(|text| text.split_whitespace());
        listed.into_iter().any(|listed| listed == name)
    };
    let lacking: Vec<&str> = required
        .iter()
        .copied()
        .filter(|name| off.iter().any(|off| off == name) && !is_there(name))
        .collect();
    let first = lacking.first()?;
    let predicted = match (unified.is_some(), *first) {
        (_, "pids") => Some("pids cgroup controller not found".to_owned()),
        (true, name) => Some(format!("failed to find {name} cgroup (v2)")),
        (false, _) => None,
    };
    Some(NodeProblem {
        predicted,
        evidence: vec![
            Evidence::place(Source::file(CONTROLLERS), Part::Read),
            Evidence::place(Source::file(ALL), Part::Read),
        ],
        required: Some(required.join(" ")),
        actual: unified.map(|text| text.trim().to_owned()),
        remedies: vec![Remedy::manual(format!(
            "enable {} on the kernel command line (`cgroup_enable={}`, on a Raspberry Pi in /boot/firmware/cmdline.txt), \
             remove any `cgroup_disable=` from it, and reboot",
            lacking.join(" and "),
            lacking.join(" cgroup_enable=")
        ))],
        ..NodeProblem::new(
            CheckId::HostCgroupControllers,
            "cgroup controllers",
            Component::Rke2,
            Stage::ControlGroups,
            format!(
                "the kernel has the cgroup controller {} turned off, which RKE2 requires",
                lacking.join(" and ")
            ),
        )
    })
}

/// The controllers that are turned off, of a `/proc/cgroups`.
fn off(rows: &str) -> Vec<String> {
    let row = |line: &str| {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        let enabled = fields.nth(2)?;
        (enabled == "0").then(|| name.to_owned())
    };
    let rows = rows.lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rke2::node::tests::{Files, with};

    fn found(controllers: Option<&str>, all: Option<&str>) -> Option<String> {
        let file = |text: &str| File::Content(text.as_bytes().to_vec());
        let mut files = Files::new();
        for (path, text) in [(CONTROLLERS, controllers), (ALL, all)] {
            files.insert(path.to_owned(), text.map_or(File::Missing, file));
        }
        let problem = with("", |start| problem(start, &files))?;
        Some(problem.predicted.unwrap_or_default())
    }

    #[test]
    fn a_controller_that_is_off_is_missing() {
        const HEAD: &str = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n";
        let off = format!("{HEAD}cpuset\t0\t40\t1\nmemory\t0\t40\t0\npids\t0\t40\t1\n");
        let on = off.replace("40\t0", "40\t1");
        let memory = Some("failed to find memory cgroup (v2)".to_owned());
        let few = Some("cpuset cpu io pids\n");
        assert_eq!(found(few, Some(&off)), memory);
        assert_eq!(found(few, Some(&on)), None);
        assert_eq!(found(Some("cpu memory pids"), Some(&off)), None);
        // Of version 1.
        assert_eq!(found(None, Some(&off)), Some(String::new()));
        assert_eq!(found(None, Some(&on)), None);
        // A controller can belong to a hierarchy elsewhere, and the kernel need not tell.
        for unknown in [
            None,
            Some(""),
            Some(HEAD),
            Some("memory\n"),
            Some("memory 0 40 x"),
        ] {
            assert_eq!(found(few, unknown), None, "{unknown:?}");
        }
        let pids = "pids 0 1 0\nmisc 0 1 0\n";
        let words = Some("pids cgroup controller not found".to_owned());
        assert_eq!(found(Some("cpu cpuset memory"), Some(pids)), words);
    }
}
