//! What the configuration itself decides: the profile's name, contradictions, refusals, advice.

use super::{met, start, start_as};
use crate::facts::{Cgroup, Evidence, HostFacts, Part, Reading, Source, Table};
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Component, Finding, Outcome, Prediction, Remedy, Stage};
use crate::requirements::{Requirement, RequirementKind};
use crate::rke2::config::Ground;
use crate::rke2::profile::{ProfileRules, ProfileStatus};
use crate::rke2::releases;
use crate::rke2::start::{Advice, Provenance, Sourced, StartFailure, Unknown};

/// A finding that is violated, now and after the next boot, for which the component prints `line`.
fn violated(
    requirement: &Requirement,
    subject: &str,
    component: Component,
    stage: Stage,
    line: &str,
) -> Finding {
    let outcome = Outcome::Violated;
    start(requirement, subject, vec![component], outcome, outcome).with_predictions([Prediction {
        stage,
        line: line.to_owned(),
        hides_others: false,
    }])
}

/// A finding of what is met, or does not apply.
fn fine(requirement: &Requirement, subject: &str, component: Component) -> Finding {
    let outcome = met(requirement);
    start(requirement, subject, vec![component], outcome, outcome)
}

fn manual(summary: String) -> [Remedy; 1] {
    [Remedy::manual(summary)]
}

/// Whether the newest known release refuses this profile: an administrator should know before an upgrade.
fn is_refused_later(profile: &str) -> bool {
    let newest = ProfileRules::of(&releases::newest()).status(profile);
    matches!(newest, ProfileStatus::Refused(_) | ProfileStatus::Invalid)
}

fn profile(name: &str) -> Change {
    Change::Set(name.to_owned())
}

pub(super) fn profile_name(
    requirement: &Requirement,
    value: &str,
    status: ProfileStatus,
    accepted: &str,
    origin: &Provenance,
) -> Finding {
    const SUBJECT: &str = "profile";
    let shown = value.escape_debug();
    let finding = match status {
        ProfileStatus::Off => {
            fine(requirement, SUBJECT, Component::Rke2).with_summary("no profile is set")
        }
        ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_) if is_refused_later(value) => {
            let here = accepted.split(' ').any(|name| name == "cis");
            let check = CheckId::ProfileDeprecated;
            let (by, outcome) = (vec![Component::Rke2], Outcome::Violated);
            start_as(check, requirement, SUBJECT, by, outcome, outcome)
                .with_summary(format!(
                    "profile {shown} is accepted by this release, but newer releases refuse it"
                ))
                .with_remedies(origin.remedies(SUBJECT, &profile("cis")).into_iter().map(
                    |remedy| {
                        if here {
                            return remedy;
                        }
                        Remedy::manual(format!(
                            "when upgrading to 1.25.15 or newer, {}",
                            remedy.summary()
                        ))
                    },
                ))
        }
        ProfileStatus::Accepted(_) | ProfileStatus::Deprecated(_) => {
            fine(requirement, SUBJECT, Component::Rke2)
                .with_summary(format!("profile {shown} is accepted"))
        }
        ProfileStatus::Refused(_) | ProfileStatus::Invalid => {
            let finding = match RequirementKind::profile_refusal(status) {
                Some((stage, line)) => violated(requirement, SUBJECT, Component::Rke2, stage, line),
                None => fine(requirement, SUBJECT, Component::Rke2),
            };
            finding
                .with_summary(format!(
                    "profile \"{shown}\" is not accepted, must be {accepted}"
                ))
                .with_remedies(origin.remedies(
                    SUBJECT,
                    &profile(accepted.split(' ').next().unwrap_or("cis")),
                ))
        }
    };
    finding
        .with_required(accepted)
        .with_actual(Some(shown.to_string()))
}

pub(super) fn protect_kernel_defaults(
    requirement: &Requirement,
    profile: &str,
    flag: Option<&Sourced<bool>>,
    stage: Stage,
) -> Finding {
    const SUBJECT: &str = "protect-kernel-defaults";
    let contradicting = flag.filter(|flag| requirement.applies && !flag.value);
    let finding = match contradicting {
        None => fine(requirement, SUBJECT, Component::Rke2)
            .with_summary("protect-kernel-defaults does not contradict the profile"),
        Some(flag) => {
            let line =
                format!("--protect-kernel-defaults must be true when using --profile={profile}");
            let source = flag.origin.source.iter();
            violated(requirement, SUBJECT, Component::Rke2, stage, &line)
                .with_summary(format!(
                    "protect-kernel-defaults is false, must be true with profile {profile}"
                ))
                .with_notes([format!("set by {}", flag.origin)])
                .with_evidence(source.map(|source| Evidence::place(source.clone(), Part::Sets)))
                .with_remedies(flag.origin.remedies(SUBJECT, &Change::Remove))
        }
    };
    finding
        .with_required("true")
        .with_actual(flag.map(|flag| flag.value.to_string()))
}

pub(super) fn cgroup(
    requirement: &Requirement,
    words: &str,
    otherwise: &[Remedy],
    facts: &HostFacts,
) -> Finding {
    const SUBJECT: &str = "cgroup";
    let by = || vec![Component::Kubelet];
    let finding = match &facts.cgroup {
        _ if !requirement.applies => fine(requirement, SUBJECT, Component::Kubelet)
            .with_summary("the kubelet runs on cgroup v1 and v2"),
        Reading::Known(Cgroup::V2) => fine(requirement, SUBJECT, Component::Kubelet)
            .with_actual(Some("v2".to_owned()))
            .with_summary("the host uses cgroup v2"),
        Reading::Known(Cgroup::V1) => {
            let stage = Stage::KubeletConfiguration;
            violated(requirement, SUBJECT, Component::Kubelet, stage, words)
                .with_actual(Some("v1".to_owned()))
                .with_summary("the host uses cgroup v1, the kubelet requires cgroup v2")
                .with_notes([format!("required by {}", requirement.because.words)])
                .with_remedies([Remedy::Edits {
                    when: "boot the host with cgroup v2:".to_owned(),
                    edits: vec![Edit::entry(
                        Source::file("/proc/cmdline"),
                        Syntax::KernelCommandLine,
                        "systemd.unified_cgroup_hierarchy",
                        Change::Set("1".to_owned()),
                    )],
                    then: ", and reboot".to_owned(),
                }])
                .with_remedies(otherwise.to_vec())
        }
        // The kernel command line decides that an image is booted with: the image does not show it.
        Reading::Unknown { .. } if facts.image => {
            let (now, next_boot) = (Outcome::Indeterminate, Outcome::NotApplicable);
            start(requirement, SUBJECT, by(), now, next_boot)
                .of_image(true)
                .with_summary("the cgroup version that the image boots with cannot be determined")
        }
        Reading::Unknown { why } => {
            let outcome = Outcome::Indeterminate;
            start(requirement, SUBJECT, by(), outcome, outcome).with_summary(format!(
                "the cgroup version of the host cannot be determined ({why})"
            ))
        }
    };
    finding.with_required("v2")
}

pub(super) fn subordinate_ids(requirement: &Requirement, facts: &HostFacts) -> Finding {
    const SUBJECT: &str = "subordinate ids";
    let line = facts
        .subordinate_ids
        .as_ref()
        .filter(|_| requirement.applies);
    // Most hosts have no such user, and what cannot be read is no refusal.
    let Some(line) = line else {
        let (by, outcome) = (vec![Component::Kubelet], Outcome::NotApplicable);
        return start(requirement, SUBJECT, by, outcome, outcome)
            .with_summary("no user kubelet has subordinate ids that the kubelet refuses");
    };
    let reason = line
        .rsplit_once("mappings: ")
        .map_or("", |(_, reason)| reason);
    let stage = Stage::KubeletCreation;
    violated(requirement, SUBJECT, Component::Kubelet, stage, line)
        .with_summary(format!(
            "the user kubelet has no subordinate ids that the kubelet can use: {reason}"
        ))
        .with_notes([format!("required by {}", requirement.because.words)])
        .with_remedies([
            Remedy::Edit(Edit::entry(
                Source::file(Table::Passwd.path()),
                Syntax::Account,
                crate::rke2::subordinate_ids::USER,
                Change::Remove,
            )),
            Remedy::manual(
                "or install getsubids (package uidmap or shadow-utils-subid), and give the user one range, the same in \
                 /etc/subuid and /etc/subgid",
            ),
        ])
}

pub(super) fn fatal(requirement: &Requirement, fatal: &StartFailure) -> Finding {
    let stage = fatal.stage;
    match fatal.component {
        Component::Rke2 | Component::Kubelet => {}
        component => return component_failure(requirement, component, fatal),
    }
    let summary = match &fatal.source {
        Some(source) => format!("{source}: {}", fatal.message),
        None => fatal.message.clone(),
    };
    if !fatal.remedies.is_empty() {
        return violated(
            requirement,
            &fatal.subject,
            fatal.component,
            stage,
            &fatal.message,
        )
        .with_summary(summary)
        .with_remedies(fatal.remedies.clone());
    }
    let what = match fatal.check {
        CheckId::ConfigParse => {
            ": it must be YAML, indented with spaces, with `key: value` at the top level"
        }
        CheckId::ConfigFlag if fatal.ground == Ground::Names => {
            ": this release does not have that flag"
        }
        CheckId::ConfigFlag => {
            ": the value must be of the flag's type; for a boolean flag, true or false without quotes"
        }
        _ => "",
    };
    let remedy = match &fatal.source {
        Some(source) => format!("fix {source}{what}"),
        None => format!("fix {}{what}", fatal.subject),
    };
    violated(
        requirement,
        &fatal.subject,
        fatal.component,
        stage,
        &fatal.message,
    )
    .with_summary(summary)
    .with_remedies(manual(remedy))
}

/// A static pod exits again and again. RKE2 itself prints nothing of it.
fn component_failure(
    requirement: &Requirement,
    component: Component,
    fatal: &StartFailure,
) -> Finding {
    let outcome = Outcome::Violated;
    let place = match &fatal.source {
        Some(source) => format!("{source}: "),
        None => String::new(),
    };
    let mut remedies = fatal.remedies.clone();
    if remedies.is_empty() {
        remedies.push(Remedy::manual(match &fatal.source {
            Some(source) => format!("fix {source}"),
            None => format!("fix {}", fatal.subject),
        }));
    }
    start(
        requirement,
        &fatal.subject,
        vec![component],
        outcome,
        outcome,
    )
    .with_summary(format!(
        "{place}{} exits with: {}",
        component.name(),
        fatal.message
    ))
    .with_notes([
        "RKE2 starts its static pod again and again, and the node does not become ready".to_owned(),
    ])
    .with_remedies(remedies)
}

pub(super) fn unknown(requirement: &Requirement, unknown: &Unknown) -> Finding {
    let (subject, outcome) = (&requirement.because.words, Outcome::Indeterminate);
    start(requirement, subject, Vec::new(), outcome, outcome).with_summary(&unknown.summary)
}

pub(super) fn advice(requirement: &Requirement, advice: &Advice) -> Finding {
    let outcome = Outcome::Violated;
    start(requirement, &advice.subject, Vec::new(), outcome, outcome)
        .with_summary(&advice.summary)
        .with_remedies(advice.remedies.clone())
}
