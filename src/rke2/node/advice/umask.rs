//! A umask of the unit that keeps the user `etcd` out of the directories that root makes.
//!
//! Source: rancher/rke2#4313, rancher/rke2-docs#80 (release 1.27.2 with `profile: cis-1.23`). RKE2 gives etcd's own
//! directory to the user, not the directories above it.

use super::super::{Node, NodeProblem, Start};
use crate::facts::{Evidence, Part};
use crate::finding::{CheckId, Remedy};

/// Without this bit of a directory, others cannot enter it.
const ENTER: u32 = 0o001;

pub(super) fn problem(start: &Start<'_>, node: &dyn Node) -> Option<NodeProblem> {
    if !start.has_etcd() || start.settings.profile().is_empty() {
        return None;
    }
    let umask = node.umask().filter(|umask| umask.mask & ENTER != 0)?;
    let mut problem = NodeProblem::advice(
        CheckId::HostUmask,
        "UMask",
        format!(
            "the unit's umask {:04o} can keep the user etcd out of etcd's data, and then etcd does not start",
            umask.mask
        ),
    );
    problem.required = Some("UMask=0022".to_owned());
    problem.actual = Some(format!("UMask={:04o}", umask.mask));
    problem.notes = vec![
        "with a profile etcd runs as the user etcd; RKE2 makes the directories above its data as root, with this umask"
            .to_owned(),
    ];
    problem.evidence = vec![Evidence::place(umask.source.clone(), Part::Sets)];
    problem.remedies = vec![Remedy::Manual {
        summary: format!(
            "set UMask=0022 in {}, and have systemd read it",
            umask.source
        ),
        commands: vec!["systemctl daemon-reload".to_owned()],
    }];
    Some(problem)
}

#[cfg(test)]
mod tests {
    use super::super::fake::{Facts, found, settings};
    use super::*;
    use crate::rke2::role::Role;

    #[test]
    fn it_matters_where_etcd_has_its_own_user() {
        let cis: &[(&'static str, &str)] = &[("profile", "cis")];
        let without_etcd: &[(&'static str, &str)] = &[("profile", "cis"), ("disable-etcd", "true")];
        for (role, set, umask, is_found) in [
            (Role::Server, cis, Some(0o077), true),
            (Role::Server, cis, Some(0o027), true),
            (Role::Server, cis, Some(0o022), false),
            (Role::Server, cis, Some(0o026), false),
            (Role::Server, cis, None, false),
            (Role::Server, &[][..], Some(0o077), false),
            (Role::Server, without_etcd, Some(0o077), false),
            (Role::Agent, cis, Some(0o077), false),
        ] {
            let node = Facts {
                umask,
                ..Facts::default()
            };
            let found = found(problem, &settings(role, set), &node);
            assert_eq!(!found.is_empty(), is_found, "{role:?} {set:?} {umask:?}");
        }
    }
}
