//! The plan, and what was refused, for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use preflight_rke2::shared::{count, printable};

use super::{Ingress, Outcome, Plan, Step};
use crate::answer::NAMED;

/// The plan; every name of it where `is_whole`.
pub(crate) fn render(plan: &Plan, is_whole: bool) -> String {
    let mut out = String::new();
    let mut part = |heading: &str, names: &[String]| {
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
    };
    let of = |wanted: fn(&Step) -> Option<String>| -> Vec<String> {
        plan.steps.iter().filter_map(wanted).collect()
    };
    let accounts = of(|step| match step {
        Step::Account { namespace } => Some(namespace.clone()),
        _ => None,
    });
    part(
        &format!(
            "set automountServiceAccountToken: false on {} called default, of the namespaces",
            count(accounts.len(), "service account")
        ),
        &accounts,
    );
    let tokens: Vec<String> = plan
        .lose_token
        .iter()
        .map(|(owner, pods)| {
            let pods = usize::try_from(*pods).unwrap_or(usize::MAX);
            match owner.kind.as_str() {
                "Pod" => owner.to_string(),
                _ => format!("{owner} ({})", count(pods, "pod")),
            }
        })
        .collect();
    part(
        "these pods lose their token when they are made anew; give what needs the API an account of its own first",
        &tokens,
    );
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
        part(
            &format!(
                "add a network policy to {}, so that {what}",
                count(policies.len(), "namespace")
            ),
            &policies,
        );
    }
    let marks = of(|step| match step {
        Step::Unmark {
            namespace,
            mark,
            policy,
        } => Some(format!("{namespace}: {mark}, of {policy}")),
        _ => None,
    });
    let when = if plan.has_profile {
        "a server makes the policy at its next start"
    } else {
        "no server has a profile that makes the policy: set profile: cis, and restart a server"
    };
    part(
        &format!(
            "remove {} of RKE2's for network policies that are gone; {when}",
            count(marks.len(), "mark")
        ),
        &marks,
    );
    part("not changed", &plan.left);
    out
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
