//! fapolicyd, which keeps programs from running that no package installed.
//!
//! Source: rancher/rke2#3454, #2848, k3s-io/k3s#9008; rancher/rke2 `install.sh` writes `80-rke2.rules`.

use super::super::{Node, NodeProblem, Start};
use super::is_kind;
use crate::facts::{Evidence, Part};
use crate::finding::{CheckId, Remedy};
use crate::text::shell_word;

const UNIT: &str = "fapolicyd.service";
const RULES_D: &str = "/etc/fapolicyd/rules.d";
const FILE: &str = "/etc/fapolicyd/rules.d/80-rke2.rules";
/// What one rule allows, beside the data directory.
const DIRECTORIES: [&str; 3] = ["/opt/cni/", "/run/k3s/", "/var/lib/kubelet/"];

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    let unit = node.enabled(&[UNIT]).pop()?;
    let conf = node.advice_file("/etc/fapolicyd/fapolicyd.conf").text();
    let is_permissive = |line: &str| line.replace(' ', "") == "permissive=1";
    if conf.is_some_and(|conf| conf.lines().any(is_permissive)) {
        return None;
    }
    let data_dir = start.data_dir();
    let files = node.advice_names(RULES_D).into_iter();
    let files = files
        .filter(|name| is_kind(name, ".rules"))
        .map(|name| format!("{RULES_D}/{name}"))
        .chain(["/etc/fapolicyd/fapolicyd.rules".to_owned()]);
    for path in files {
        let text = node.advice_file(&path).text().unwrap_or_default();
        if text.lines().any(|line| allows(line, &data_dir)) {
            return None;
        }
    }
    let allowed = if data_dir.starts_with("/var/lib/rancher/") {
        "/var/lib/rancher/".to_owned()
    } else {
        format!("{data_dir}/")
    };
    let rules = std::iter::once(allowed.as_str()).chain(DIRECTORIES);
    let rules: Vec<String> = rules
        .map(|directory| shell_word(&format!("allow perm=any all : dir={directory}")))
        .collect();
    let mut problem = NodeProblem::advice(
        CheckId::HostFapolicyd,
        "fapolicyd",
        format!(
            "fapolicyd is enabled and no rule of it allows programs below {data_dir}: containerd and the kubelet fail \
             with \"operation not permitted\""
        ),
    );
    problem.evidence = vec![Evidence::place(unit.file, Part::Read)];
    problem.remedies = vec![Remedy::Manual {
        summary: format!("write {FILE} and load it"),
        commands: vec![
            format!("printf '%s\\n' {} > {FILE}", rules.join(" ")),
            "fagenrules --load && systemctl restart fapolicyd".to_owned(),
        ],
    }];
    Some(problem)
}

/// Whether a rule allows what is below the data directory.
fn allows(line: &str, data_dir: &str) -> bool {
    let line = line.trim();
    if !line.starts_with("allow") {
        return false;
    }
    let Some((_, object)) = line.split_once(':') else {
        return false;
    };
    let inside = format!("{data_dir}/");
    object
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix("dir="))
        .flat_map(|list| list.split(','))
        .any(|directory| {
            let directory = directory.trim_end_matches('/');
            !directory.is_empty() && inside.starts_with(&format!("{directory}/"))
        })
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn the_data_directory_needs_a_rule() {
        let rules = "allow perm=any all : dir=/var/lib/rancher/\n";
        for (enabled, files, data_dir, is_found) in [
            (false, &[][..], "", false),
            (true, &[], "", true),
            (true, &[(FILE, rules)], "", false),
            (true, &[(FILE, rules)], "/srv/rke2", true),
            (true, &[("/etc/fapolicyd/rules.d/80.txt", rules)], "", true),
            (
                true,
                &[("/etc/fapolicyd/fapolicyd.rules", rules)],
                "",
                false,
            ),
            (
                true,
                &[(
                    FILE,
                    "# allow all : dir=/var/lib/rancher/\ndeny all : dir=/var/lib/rancher/\n",
                )],
                "",
                true,
            ),
            (
                true,
                &[("/etc/fapolicyd/fapolicyd.conf", "permissive = 1\n")],
                "",
                false,
            ),
        ] {
            let mut node = Facts::with(files);
            node.units.extend(enabled.then_some(UNIT));
            let settings = settings(Role::Agent, &[("data-dir", data_dir)]);
            let found = found(problem, &settings, &node);
            assert_eq!(!found.is_empty(), is_found, "{files:?}");
        }
    }

    #[test]
    fn odd_rules_allow_nothing() {
        for rule in [
            "",
            "allow",
            "allow :",
            "allow : dir=",
            "allow : dir=/,",
            "allow all : dir=/var/lib/ranch",
        ] {
            assert!(!allows(rule, "/var/lib/rancher/rke2"), "{rule}");
        }
        assert!(allows(
            "allow all : ftype=x dir=/a,/var/lib/",
            "/var/lib/rancher/rke2"
        ));
    }
}
