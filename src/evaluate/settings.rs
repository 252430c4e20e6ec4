//! What the configuration itself decides: the profile's name, contradictions, refusals, advice.

use super::start;
use crate::facts::{Cgroup, Evidence, HostFacts, Part, Reading};
use crate::finding::{Component, Effect, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::{Requirement, RequirementKind, catalogue};
use crate::rke2::config::Ground;
use crate::rke2::profile::{self, ProfileRules, ProfileStatus};
use crate::rke2::start::{Advice, Sourced, StartFailure, Unknown};

fn violated(mut finding: Finding, stage: Stage, line: &str) -> Finding {
    finding.outcome = Outcome::Violated;
    finding.now = Outcome::Violated;
    finding.then = Outcome::Violated;
    finding.predictions.push(Prediction {
        stage,
        line: line.to_owned(),
        hides_others: false,
    });
    finding
}

fn by_hand(summary: String) -> Vec<Remedy> {
    vec![Remedy {
        summary,
        commands: Vec::new(),
    }]
}

/// `in FILE:LINE`, or who set it.
fn place(requirement: &Requirement) -> String {
    match &requirement.because.source {
        Some(source) => format!("in {source}"),
        None => "where it is set".to_owned(),
    }
}

/// Whether the newest release known ends on this profile: better said before an upgrade.
fn is_refused_later(profile: &str) -> bool {
    let newest = ProfileRules::of(&profile::newest()).status(profile);
    matches!(newest, ProfileStatus::Refused(_) | ProfileStatus::Invalid)
}

pub(super) fn profile_name(
    requirement: &Requirement,
    value: &str,
    status: ProfileStatus,
    accepted: &str,
) -> Finding {
    let mut finding = start(requirement, "profile", vec![Component::Rke2]);
    finding.required = Some(accepted.to_owned());
    finding.actual = Some(value.escape_debug().to_string());
    let shown = value.escape_debug();
    match status {
        ProfileStatus::Off => finding.summary = "no profile is set".to_owned(),
        ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_) if is_refused_later(value) => {
            finding.id = "profile.deprecated".to_owned();
            finding.effect = Effect::Advice;
            finding.outcome = Outcome::Violated;
            finding.now = Outcome::Violated;
            finding.then = Outcome::Violated;
            finding.summary =
                format!("profile {shown} is accepted by this release, newer ones refuse it");
            let here = accepted.split(' ').any(|name| name == "cis");
            let when = if here {
                ""
            } else {
                "with the upgrade to 1.25.15 or newer, "
            };
            finding.remedies =
                by_hand(format!("{when}write `profile: cis` {}", place(requirement)));
        }
        ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_) => {
            finding.summary = format!("profile {shown} is accepted");
        }
        ProfileStatus::Refused(_) | ProfileStatus::Invalid => {
            finding.summary = format!("profile \"{shown}\" is not accepted, only {accepted}");
            finding.remedies = by_hand(format!(
                "write `profile: {}` {}",
                accepted.split(' ').next().unwrap_or("cis"),
                place(requirement)
            ));
            if let Some((stage, line)) = RequirementKind::profile_refusal(status) {
                finding = violated(finding, stage, line);
            }
        }
    }
    finding
}

pub(super) fn protect_kernel_defaults(
    requirement: &Requirement,
    profile: &str,
    flag: Option<&Sourced<bool>>,
    stage: Stage,
) -> Finding {
    let mut finding = start(
        requirement,
        "protect-kernel-defaults",
        vec![Component::Rke2],
    );
    finding.required = Some("true".to_owned());
    finding.actual = flag.map(|flag| flag.value.to_string());
    let Some(flag) = flag.filter(|flag| requirement.applies && !flag.value) else {
        finding.summary = "protect-kernel-defaults does not contradict the profile".to_owned();
        return finding;
    };
    finding.summary =
        format!("protect-kernel-defaults is set to false, which profile {profile} does not allow");
    finding.notes.push(format!("set by {}", flag.origin));
    if let Some(source) = &flag.origin.source {
        finding
            .evidence
            .push(Evidence::place(source.clone(), Part::Sets));
    }
    finding.remedies = by_hand(format!(
        "remove `protect-kernel-defaults` from {}",
        flag.origin
    ));
    let line = format!("--protect-kernel-defaults must be true when using --profile={profile}");
    violated(finding, stage, &line)
}

pub(super) fn cgroup(requirement: &Requirement, words: &str, facts: &HostFacts) -> Finding {
    let mut finding = start(requirement, "cgroup", vec![Component::Kubelet]);
    finding.required = Some("v2".to_owned());
    if !requirement.applies {
        finding.summary = "the kubelet runs on either cgroup version".to_owned();
        return finding;
    }
    match &facts.cgroup {
        Reading::Known(Cgroup::V2) => {
            finding.actual = Some("v2".to_owned());
            finding.summary = "the host uses cgroup v2".to_owned();
            finding
        }
        Reading::Known(Cgroup::V1) => {
            finding.actual = Some("v1".to_owned());
            finding.summary =
                "the host uses cgroup v1, the kubelet runs on cgroup v2 only".to_owned();
            finding
                .notes
                .push(format!("demanded by {}", requirement.because.words));
            finding.remedies = by_hand(
                "boot with systemd.unified_cgroup_hierarchy=1 on the kernel command line, or set \
                 `kubelet-arg: fail-cgroupv1=false` in RKE2's configuration"
                    .to_owned(),
            );
            violated(finding, Stage::KubeletConfiguration, words)
        }
        // The kernel command line that an image is booted with decides; nobody asks it of the image.
        Reading::Unknown { .. } if facts.image => {
            finding.outcome = Outcome::NotApplicable;
            finding.now = Outcome::Indeterminate;
            finding.summary =
                "which cgroup version the image will be booted with is not known".to_owned();
            finding
        }
        Reading::Unknown { why } => {
            finding.outcome = Outcome::Indeterminate;
            finding.now = Outcome::Indeterminate;
            finding.then = Outcome::Indeterminate;
            finding.summary = format!("which cgroup version the host uses is not known ({why})");
            finding
        }
    }
}

pub(super) fn fatal(requirement: &Requirement, fatal: &StartFailure) -> Finding {
    let (component, stage) = if fatal.by_kubelet {
        (Component::Kubelet, Stage::KubeletConfiguration)
    } else {
        (Component::Rke2, Stage::Configuration)
    };
    let mut finding = start(requirement, &fatal.subject, vec![component]);
    finding.summary = match &fatal.source {
        Some(source) => format!("{source}: {}", fatal.message),
        None => fatal.message.clone(),
    };
    let what = match fatal.check {
        "config.parse" => ": YAML, indented with spaces, `key: value` at the top",
        "config.flag" if fatal.ground == Ground::Names => ": this release has no such flag",
        "config.flag" => ": a value of the flag's kind; for a switch, true or false without quotes",
        _ => "",
    };
    finding.remedies = by_hand(match &fatal.source {
        Some(source) => format!("mend {source}{what}"),
        None => format!("mend {}{what}", fatal.subject),
    });
    violated(finding, stage, &fatal.message)
}

pub(super) fn unknown(requirement: &Requirement, unknown: &Unknown) -> Finding {
    let mut finding = start(requirement, &requirement.because.words, Vec::new());
    for outcome in [&mut finding.now, &mut finding.then, &mut finding.outcome] {
        *outcome = Outcome::Indeterminate;
    }
    finding.summary.clone_from(&unknown.summary);
    finding
}

pub(super) fn advice(requirement: &Requirement, advice: &Advice) -> Finding {
    let mut finding = start(requirement, &advice.subject, Vec::new());
    finding.effect = catalogue::check(advice.check).map_or(Effect::Advice, |check| check.effect);
    finding.outcome = Outcome::Violated;
    finding.now = Outcome::Violated;
    finding.then = Outcome::Violated;
    finding.summary.clone_from(&advice.summary);
    finding.remedies = by_hand(advice.remedy.clone());
    finding
}
