//! The plan, what follows from it, and what was refused, for a terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use preflight_rke2::shared::{count, printable};

use super::plan::CutOff;
use super::{Ingress, Outcome, Plan, Step};
use crate::answer::NAMED;
use crate::facts::Owner;

/// A heading and indented names: the first few, or every one where `is_whole`. Nothing without names.
fn part(out: &mut String, heading: &str, names: &[String], is_whole: bool) {
    if names.is_empty() {
        return;
    }
    let _ = writeln!(out, "{heading}");
    let shown = if is_whole { names.len() } else { NAMED };
    for name in names.iter().take(shown) {
        let _ = writeln!(out, "  {}", printable(name));
    }
    if names.len() > shown {
        let _ = writeln!(out, "  … {} in all", names.len());
    }
}

/// The plan; every name of it where `is_whole`.
pub(crate) fn render(plan: &Plan, is_whole: bool) -> String {
    let mut out = String::new();
    let accounts: Vec<String> = changed(&plan.steps)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let heading = format!(
        "set automountServiceAccountToken: false on {} called default, of the namespaces",
        count(accounts.len(), "service account")
    );
    part(&mut out, &heading, &accounts, is_whole);
    part(&mut out, TOKENS, &pods(plan.lose_token.iter()), is_whole);
    for (ingress, what) in [
        (Ingress::Deny, "nothing comes in"),
        (
            Ingress::SameNamespace,
            "only pods of the same namespace come in",
        ),
    ] {
        let policies: Vec<String> = plan
            .steps
            .iter()
            .filter(|step| matches!(step, Step::Policy { ingress: of, .. } if *of == ingress))
            .map(|step| step.namespace().to_owned())
            .collect();
        let heading = format!(
            "add a network policy to {}, so that {what}",
            count(policies.len(), "namespace")
        );
        part(&mut out, &heading, &policies, is_whole);
    }
    cut_off(&mut out, plan, &plan.steps, is_whole);
    let marks = marks(&plan.steps);
    let heading = format!(
        "remove {} of RKE2's for network policies that are gone; {}",
        count(marks.len(), "mark"),
        when(plan)
    );
    part(&mut out, &heading, &marks, is_whole);
    part(&mut out, "not changed", &plan.left, is_whole);
    out
}

/// What follows once `taken` of the plan's steps were carried out.
pub(crate) fn follows(plan: &Plan, taken: &[Step], is_whole: bool) -> String {
    let mut out = String::new();
    let changed = changed(taken);
    let pods = pods(
        plan.lose_token
            .iter()
            .filter(|(owner, _)| changed.contains(owner.namespace.as_str())),
    );
    part(&mut out, TOKENS, &pods, is_whole);
    cut_off(&mut out, plan, taken, is_whole);
    let marks = marks(taken);
    let heading = format!("{} removed; {}", count(marks.len(), "mark"), when(plan));
    part(&mut out, &heading, &marks, is_whole);
    part(&mut out, "not changed", &plan.left, is_whole);
    out
}

const TOKENS: &str = "these pods lose their token when they are made anew; what needs the API needs an account of its own";

/// What ends for running pods of the namespaces that get a policy by one of `steps`; `None` if no step adds one. One plan
/// adds one kind of policies.
pub(super) fn ends(steps: &[Step]) -> Option<&'static str> {
    steps.iter().find_map(|step| match step {
        Step::Policy {
            ingress: Ingress::Deny,
            ..
        } => Some("nothing reaches these running pods any more, not from their own namespace either"),
        Step::Policy {
            ingress: Ingress::SameNamespace,
            ..
        } => Some(
            "nothing from other namespaces or from outside of the cluster reaches these running pods any more",
        ),
        _ => None,
    })
}

fn cut_off(out: &mut String, plan: &Plan, steps: &[Step], is_whole: bool) {
    let Some(ends) = ends(steps) else {
        return;
    };
    let policies = steps
        .iter()
        .filter(|step| matches!(step, Step::Policy { .. }));
    let restricted: BTreeSet<&str> = policies.map(Step::namespace).collect();
    let cut_off = plan.cut_off.iter();
    let names: Vec<String> = cut_off
        .filter(|of| restricted.contains(of.namespace.as_str()))
        .map(CutOff::to_string)
        .collect();
    let heading = format!("{ends}; what should needs a policy that lets it in");
    part(out, &heading, &names, is_whole);
}

/// How many owners are named for each namespace.
const OWNERS: usize = 4;

impl fmt::Display for CutOff {
    /// `web: 13 pods: Deployment api (8), DaemonSet log (4), Pod x; 4 with a port of the node`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: u32 = self.pods.iter().map(|(_, pods)| *pods).sum();
        let number = |pods: u32| usize::try_from(pods).unwrap_or(usize::MAX);
        let owners: Vec<String> = self
            .pods
            .iter()
            .take(OWNERS)
            .map(|(owner, pods)| match owner.kind.as_str() {
                "Pod" => format!("Pod {}", owner.name),
                kind => format!("{kind} {} ({pods})", owner.name),
            })
            .collect();
        write!(
            f,
            "{}: {}: {}",
            self.namespace,
            count(number(all), "pod"),
            owners.join(", ")
        )?;
        if self.pods.len() > OWNERS {
            write!(f, ", … of {} owners", self.pods.len())?;
        }
        match self.with_port {
            0 => Ok(()),
            pods => write!(f, "; {pods} with a port of the node"),
        }
    }
}

/// The namespaces whose account is changed.
fn changed(steps: &[Step]) -> BTreeSet<&str> {
    steps
        .iter()
        .filter(|step| matches!(step, Step::Account { .. }))
        .map(Step::namespace)
        .collect()
}

fn pods<'a>(lose_token: impl Iterator<Item = &'a (Owner, u32)>) -> Vec<String> {
    lose_token
        .map(|(owner, pods)| {
            let pods = usize::try_from(*pods).unwrap_or(usize::MAX);
            match owner.kind.as_str() {
                "Pod" => owner.to_string(),
                _ => format!("{owner} ({})", count(pods, "pod")),
            }
        })
        .collect()
}

fn marks(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Unmark {
                namespace,
                mark,
                policy,
            } => Some(format!("{namespace}: {mark}, of {policy}")),
            _ => None,
        })
        .collect()
}

/// When RKE2 acts.
const fn when(plan: &Plan) -> &'static str {
    if plan.has_profile {
        "a server makes the policy at its next start"
    } else {
        "no server has a profile that makes the policy: set profile: cis, and restart a server"
    }
}

/// What was refused: a line for each reason, with the first namespaces.
pub(crate) fn refusals(steps: &[Step], outcomes: &[Outcome]) -> Vec<String> {
    let mut reasons: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (step, outcome) in steps.iter().zip(outcomes) {
        if let Outcome::Refused(why) = outcome {
            let what = match step {
                Step::Account { .. } => "account default",
                Step::Policy { .. } => "network policy",
                Step::Unmark { .. } => "mark of RKE2",
            };
            reasons
                .entry((what, why))
                .or_default()
                .push(step.namespace());
        }
    }
    reasons
        .into_iter()
        .map(|((what, why), namespaces)| {
            let first: Vec<&str> = namespaces.iter().take(NAMED).copied().collect();
            let all = match namespaces.len() {
                number if number > NAMED => format!(", … {number} in all"),
                _ => String::new(),
            };
            format!("{what} of {}{all}: {why}", first.join(", "))
        })
        .collect()
}
