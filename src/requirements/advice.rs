//! Texts of advice on the unit and the release: what is wrong, and the remedy, for each check id of the
//! [catalogue](super::catalogue) that [`crate::examine`] finds to apply.

use crate::facts::Source;
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Remedy};
use crate::rke2::installed::{Detection, InstalledVersion, Note};
use crate::rke2::kernel::KernelParameter;
use crate::rke2::releases;
use crate::rke2::role::Role;
use crate::rke2::start::Advice;
use crate::sysctl_d::Assignment;
use crate::text::shell_word;
use crate::unit::{UnitProblem, UnitProblemKind};

/// `version.newer`: the installed release is newer than the newest one whose rules are built in.
pub(crate) fn newer_version(installed: &InstalledVersion) -> Advice {
    let version = &installed.version;
    let known = releases::newest_of(version.minor);
    Advice {
        check: CheckId::VersionNewer,
        subject: version.to_string(),
        summary: format!(
            "RKE2 {version} is newer than the rules of this preflight-rke2; the rules of {known} are \
             used, and what may have changed since does not block the start"
        ),
        remedies: vec![Remedy::manual("install a newer preflight-rke2")],
        source: installed.evidence.clone(),
    }
}

/// `version.unknown`: the release that would start is not certain, for `reason`.
pub(crate) fn unknown_version(
    installed: &InstalledVersion,
    reason: &Note,
    detection: &Detection,
) -> Advice {
    Advice {
        check: CheckId::VersionUnknown,
        subject: "RKE2's version".to_owned(),
        summary: format!("cannot determine which RKE2 release would start: {reason}"),
        remedies: vec![Remedy::manual(version_remedy(detection))],
        source: installed.evidence.clone(),
    }
}

/// How to make the release known.
pub(crate) fn version_remedy(detection: &Detection) -> String {
    let of = |note: &Note| match note {
        Note::NotElf { path } => Some(format!(
            "set ExecStart= of the unit to RKE2's own program instead of {path}"
        )),
        Note::NotAbsolute { path } => Some(format!(
            "set ExecStart= of the unit to the absolute path of {path}"
        )),
        Note::NotTrusted { path, .. } => Some(format!(
            "let only root write {path}, so that it can be run for its version: \
             `chown root:root {0} && chmod 755 {0}`",
            shell_word(path)
        )),
        Note::CommandFailed { path, .. } => Some(format!(
            "find out why `{} --version` does not answer",
            shell_word(path)
        )),
        Note::NoProgram { .. }
        | Note::Unreadable(_)
        | Note::NoVersion { .. }
        | Note::NotAVersion { .. } => None,
    };
    let remedy = detection.notes.iter().find_map(of);
    remedy.unwrap_or_else(|| "pass the release with --rke2-version".to_owned())
}

/// `kubelet.overwrites-sysctl`: a line of `sysctl.d` that a kubelet without `protect-kernel-defaults` undoes at each
/// start: kubernetes pkg/kubelet/cm/`container_manager_linux.go`, `setupKernelTunables`.
pub(crate) fn overwritten(parameter: &KernelParameter, set: &Assignment) -> Advice {
    let place = &set.line.source;
    Advice {
        check: CheckId::KubeletOverwritesSysctl,
        subject: parameter.key.to_owned(),
        summary: format!(
            "{place} sets {} to {}, and the kubelet sets it to {} whenever it starts",
            parameter.key, set.value, parameter.required
        ),
        remedies: vec![Remedy::Edits {
            when: String::new(),
            edits: vec![Edit::entry(
                place.clone(),
                Syntax::SysctlD,
                parameter.key,
                Change::Remove,
            )],
            then: ": without protect-kernel-defaults the kubelet's value applies, and with it the kubelet requires \
                   that value"
                .to_owned(),
        }],
        source: Some(place.clone()),
    }
}

/// `unit.problem`: a line of a unit file that systemd ignores or reads otherwise than written.
pub(crate) fn unit_problem(unit: &str, problem: &UnitProblem) -> Advice {
    let place = problem
        .source
        .as_ref()
        .map_or_else(|| unit.to_owned(), Source::to_string);
    Advice {
        check: CheckId::UnitProblem,
        subject: unit.to_owned(),
        summary: problem.to_string(),
        remedies: vec![match &problem.source {
            Some(line) if problem.is_ignored_line() => {
                let (syntax, name) = match &problem.kind {
                    UnitProblemKind::NotAnAssignment { name } => {
                        (Syntax::EnvironmentFile, name.as_str())
                    }
                    _ => (Syntax::UnitFile, ""),
                };
                Remedy::Edit(Edit::entry(line.clone(), syntax, name, Change::Correct))
            }
            _ => Remedy::manual(format!("fix {place}, then run `systemctl daemon-reload`")),
        }],
        source: problem.source.clone(),
    }
}

/// `unit.both-enabled`: both units start at boot. Since 1.32.13 and its backports the unit that is up first
/// keeps the other down; before, each stops the other.
pub(crate) fn both_enabled(role: Role) -> Advice {
    let (unit, other) = (role.unit(), role.other().unit());
    Advice {
        check: CheckId::UnitBothEnabled,
        subject: unit.to_owned(),
        summary: format!("{unit} and {other} are both enabled; a node runs only one of them"),
        remedies: [(role, other), (role.other(), unit)]
            .map(|(role, unneeded)| Remedy::Edits {
                when: format!("if the node is {}", role.with_article()),
                edits: vec![Edit::unit(unneeded, Change::Disable)],
                then: String::new(),
            })
            .to_vec(),
        source: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::ReadError;
    use crate::rke2::installed::CommandFailure;

    #[test]
    fn each_reason_for_an_unknown_version_has_its_own_remedy() {
        let path = || "/usr/local/bin/rke2".to_owned();
        for (note, remedy) in [
            (
                Note::NotElf { path: path() },
                "set ExecStart= of the unit to RKE2's own program instead of /usr/local/bin/rke2",
            ),
            (
                Note::NotAbsolute {
                    path: "rke2".to_owned(),
                },
                "set ExecStart= of the unit to the absolute path of rke2",
            ),
            (
                Note::NotTrusted {
                    path: path(),
                    reason: "others than root may write to it",
                },
                "let only root write /usr/local/bin/rke2, so that it can be run for its version: \
                 `chown root:root /usr/local/bin/rke2 && chmod 755 /usr/local/bin/rke2`",
            ),
            (
                Note::CommandFailed {
                    path: path(),
                    failure: CommandFailure::Deadline(2000),
                },
                "find out why `/usr/local/bin/rke2 --version` does not answer",
            ),
            (
                Note::Unreadable(ReadError::NotRegular {
                    path: path(),
                    kind: "FIFO",
                }),
                "pass the release with --rke2-version",
            ),
        ] {
            let detection = Detection {
                installed: None,
                notes: vec![note],
            };
            assert_eq!(version_remedy(&detection), remedy);
        }
    }
}
