//! `fix`: prints the plan, as text or for another tool, or carries it out.

use std::fmt::Write as _;
use std::sync::Arc;

use preflight_rke2::shared::Version;

use super::arguments::{Common, Fix};
use super::{Status, complain, live, print};
use crate::client::{ClientError, Cluster};
use crate::dump;
use crate::facts::Facts;
use crate::fix::{self, ADMISSION_POLICIES, Asked, Outcome, Output, Plan, Step};

/// What became of a plan.
struct Done {
    plan: Plan,
    /// By the server's trial; empty where only a plan is asked for.
    tried: Vec<Outcome>,
    /// The steps that the trial let through, and what became of them.
    taken: Vec<(Step, Outcome)>,
}

pub(super) fn run(common: &Common, asked: &Fix) -> Status {
    let done = match asked.output {
        Some(Output::AdmissionPolicy) => admission_policy(common, asked),
        Some(output) => written(common, asked, output),
        None if asked.apply || asked.dry_run => carried_out(common, asked),
        None => planned(common, asked),
    };
    done.unwrap_or_else(|message| {
        complain(&message);
        Status::Failed
    })
}

fn facts(common: &Common, asked: &Fix) -> Result<Facts, String> {
    match &asked.from {
        Some(directory) => dump::read(directory, asked.kubernetes_version.clone())
            .map_err(|error| error.to_string()),
        None => Ok(live::facts(common, fix::kinds)?.0),
    }
}

fn plan(facts: &Facts, asked: &Fix) -> Result<Plan, String> {
    let asked = Asked {
        namespaces: asked.namespace.clone(),
        policies: asked.network_policies,
    };
    fix::plan(facts, &asked).map_err(|error| error.to_string())
}

fn planned(common: &Common, asked: &Fix) -> Result<Status, String> {
    let plan = plan(&facts(common, asked)?, asked)?;
    let mut out = fix::render(&plan, common.verbose);
    if plan.steps.is_empty() {
        out.push_str("nothing to do\n");
    } else {
        out.push_str(
            "\nRun the same command with --apply to apply this, or with --output yaml or script to print it for review.\n",
        );
    }
    print(&out);
    Ok(Status::Good)
}

fn written(common: &Common, asked: &Fix, output: Output) -> Result<Status, String> {
    let plan = plan(&facts(common, asked)?, asked)?;
    print(&if output == Output::Script {
        fix::script(&plan)
    } else {
        fix::manifests(&plan)
    });
    Ok(Status::Good)
}

fn admission_policy(common: &Common, asked: &Fix) -> Result<Status, String> {
    let version: Version = match &asked.from {
        Some(_) => facts(common, asked)?.version,
        None => live::with(common, async |cluster| cluster.version().await)?,
    };
    if !ADMISSION_POLICIES.includes(&version) {
        return Err(format!(
            "mutating admission policies are served since Kubernetes 1.36, and this cluster has {version}: run fix --apply \
             after namespaces were made"
        ));
    }
    print(fix::admission_policy());
    Ok(Status::Good)
}

fn carried_out(common: &Common, asked: &Fix) -> Result<Status, String> {
    let done = live::with(common, async |cluster| Ok(carry_out(cluster, asked).await))?;
    let done = done?;
    let (plan, tried) = (&done.plan, &done.tried);
    let mut out = String::new();
    if plan.steps.is_empty() {
        out.push_str(&fix::render(plan, common.verbose));
        out.push_str("nothing to do\n");
        print(&out);
        return Ok(Status::Good);
    }
    let (steps, outcomes): (Vec<Step>, Vec<Outcome>) = done.taken.iter().cloned().unzip();
    if asked.dry_run {
        out.push_str(&fix::render(plan, common.verbose));
        let _ = writeln!(
            out,
            "\ntried, nothing is stored: {}",
            tally(&plan.steps, tried)
        );
    } else {
        let _ = writeln!(out, "done: {}", tally(&steps, &outcomes));
        let taken: Vec<Step> = done
            .taken
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Taken)
            .map(|(step, _)| step.clone())
            .collect();
        out.push_str(&fix::follows(plan, &taken, common.verbose));
    }
    print(&out);
    let mut refused = fix::refusals(&plan.steps, tried);
    refused.extend(fix::refusals(&steps, &outcomes));
    for line in &refused {
        complain(line);
    }
    Ok(if refused.is_empty() {
        Status::Good
    } else {
        Status::Failed
    })
}

/// Plans, lets the server try every step, and sends those that it would take.
async fn carry_out(cluster: Cluster, asked: &Fix) -> Result<Done, String> {
    let text = |error: ClientError| error.to_string();
    let facts = live::read(&cluster, fix::kinds).await.map_err(text)?;
    let plan = plan(&facts, asked)?;
    drop(facts);
    let cluster = Arc::new(cluster);
    let shown = |verb: &'static str, number: usize| {
        move |answered: usize| live::progress(&format!("{verb}: {answered} of {number}"))
    };
    let number = plan.steps.len();
    let progress = shown("trying", number);
    let tried = if asked.dry_run {
        fix::carry_out(&cluster, &plan.steps, true, progress).await
    } else {
        fix::try_before(&cluster, &plan.steps, progress).await
    };
    live::progress("");
    let tried = tried.map_err(|error| format!("nothing is changed: {error}"))?;
    if asked.dry_run {
        return Ok(Done {
            plan,
            tried,
            taken: Vec::new(),
        });
    }
    let steps: Vec<Step> = plan
        .steps
        .iter()
        .zip(&tried)
        .filter(|(_, outcome)| **outcome == Outcome::Taken)
        .map(|(step, _)| step.clone())
        .collect();
    let sent = fix::carry_out(&cluster, &steps, false, shown("applying", steps.len())).await;
    live::progress("");
    let outcomes = sent.map_err(|error| {
        format!(
            "{error}; of {number} changes some may have been made: run it again, it does only what is left"
        )
    })?;
    Ok(Done {
        plan,
        tried,
        taken: steps.into_iter().zip(outcomes).collect(),
    })
}

/// `5 service accounts, 1 network policy`, of those that the server took.
fn tally(steps: &[Step], outcomes: &[Outcome]) -> String {
    let taken: Vec<&Step> = steps
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| **outcome == Outcome::Taken)
        .map(|(step, _)| step)
        .collect();
    let of = |wanted: fn(&Step) -> bool, one: &str, several: &str| match taken
        .iter()
        .filter(|step| wanted(step))
        .count()
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {several}")),
    };
    let parts: Vec<String> = [
        of(
            |step| matches!(step, Step::Account { .. }),
            "service account",
            "service accounts",
        ),
        of(
            |step| matches!(step, Step::Policy { .. }),
            "network policy",
            "network policies",
        ),
        of(|step| matches!(step, Step::Unmark { .. }), "mark", "marks"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}
