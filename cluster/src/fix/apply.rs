//! Carrying out steps: several requests at once, nothing forced.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::Step;
use crate::client::{ClientError, Cluster};

/// How many requests are under way at once: as many as kubectl's own commands that work in parallel, and few enough that
/// the API server's flow control queues none of them.
const AT_ONCE: usize = 16;

/// Of accounts that say nothing, how many are tried before all are changed: none of them can conflict, and what the API
/// server refuses for another reason it refuses for many, or as it is changed.
const TRIED: usize = 1_000;

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The API server took it.
    Taken,
    /// It did not: a clause that is the same for steps that failed for the same reason.
    Refused(String),
}

/// Sends every step. With `is_trial` the API server does all but store it.
///
/// The outcomes are those of the steps, in their order. An error is of what ends all requests; steps may have been taken
/// before it. `progress` is told how many were answered.
pub(crate) async fn carry_out(
    cluster: &Arc<Cluster>,
    steps: &[Step],
    is_trial: bool,
    progress: impl Fn(usize),
) -> Result<Vec<Outcome>, ClientError> {
    let queue: VecDeque<(usize, Step)> = steps.iter().cloned().enumerate().collect();
    let queue = Arc::new(Mutex::new(queue));
    let (sender, mut answers) = tokio::sync::mpsc::channel(AT_ONCE);
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE.min(steps.len()) {
        let (cluster, queue, sender) = (Arc::clone(cluster), Arc::clone(&queue), sender.clone());
        workers.spawn(async move {
            loop {
                let next = queue
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .pop_front();
                let Some((at, step)) = next else { break };
                let answer = one(&cluster, &step, is_trial).await;
                // Nobody listens any more: an answer before this one ended all.
                if sender.send((at, answer)).await.is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let mut found: Vec<(usize, Outcome)> = Vec::with_capacity(steps.len());
    while let Some((at, answer)) = answers.recv().await {
        found.push((at, answer?));
        progress(found.len());
    }
    found.sort_by_key(|(at, _)| *at);
    Ok(found.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Lets the API server try steps before they are carried out: every step that can conflict, and up to 1,000 of the accounts
/// that say nothing; all of these where one of them is refused. A step that is not tried counts as taken.
pub(crate) async fn try_before(
    cluster: &Arc<Cluster>,
    steps: &[Step],
    progress: impl Fn(usize),
) -> Result<Vec<Outcome>, ClientError> {
    let mut outcomes = vec![Outcome::Taken; steps.len()];
    let (first, rest) = rounds(steps);
    for round in [first, rest] {
        let chosen: Vec<Step> = round
            .iter()
            .filter_map(|at| steps.get(*at).cloned())
            .collect();
        let found = carry_out(cluster, &chosen, true, &progress).await?;
        let is_refused = found.iter().any(|outcome| *outcome != Outcome::Taken);
        for (at, outcome) in round.into_iter().zip(found) {
            if let Some(slot) = outcomes.get_mut(at) {
                *slot = outcome;
            }
        }
        if !is_refused {
            break;
        }
    }
    Ok(outcomes)
}

/// The steps that are tried always, and those that are tried where one of the first is refused.
fn rounds(steps: &[Step]) -> (Vec<usize>, Vec<usize>) {
    let mut silent = 0_usize;
    (0..steps.len()).partition(|at| {
        let is_silent = matches!(
            steps.get(*at),
            Some(Step::Account {
                says_true: false,
                ..
            })
        );
        silent = silent.saturating_add(usize::from(is_silent));
        !is_silent || silent <= TRIED
    })
}

async fn one(cluster: &Cluster, step: &Step, is_trial: bool) -> Result<Outcome, ClientError> {
    let (kind, patch) = step.patch();
    match cluster.patch(&step.path(is_trial), kind, &patch).await {
        Ok(()) => Ok(Outcome::Taken),
        Err(error) if error.ends_all() => Err(error),
        Err(error) => Ok(Outcome::Refused(why(step, error))),
    }
}

/// Why a step was refused, without the names of its namespace where the reason is a common one.
fn why(step: &Step, error: ClientError) -> String {
    match error {
        // Also admission and a namespace that is being deleted answer with 403.
        ClientError::Forbidden(message) => match missing_verb(&message) {
            Some(verb) => format!(
                "this user needs the right to {verb} {} (403)",
                step.resource()
            ),
            None => format!("the API server forbids it: {message}"),
        },
        ClientError::Status {
            status: 409,
            message,
        } => format!(
            "another field manager has set it otherwise, and nothing is forced: {}",
            message.trim_start_matches("Apply failed with 1 conflict: ")
        ),
        ClientError::NotFound => "it is gone since the plan was made (404)".to_owned(),
        other => other.to_string(),
    }
}

/// The verb of `User "jane" cannot patch resource "serviceaccounts" in API group ""`.
fn missing_verb(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("\" cannot ")?;
    let (verb, _) = rest.split_once(" resource \"")?;
    Some(verb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_what_is_missing() {
        let step = Step::Account {
            namespace: "web".to_owned(),
            says_true: true,
        };
        for (error, expected) in [
            (
                ClientError::Forbidden(
                    "serviceaccounts \"default\" is forbidden: User \"jane\" cannot patch resource \"serviceaccounts\" \
                     in API group \"\" in the namespace \"web\""
                        .to_owned(),
                ),
                "this user needs the right to patch serviceaccounts (403)",
            ),
            (
                ClientError::Forbidden("admission webhook \"a\" denied the request".to_owned()),
                "the API server forbids it: admission webhook \"a\" denied the request",
            ),
            (
                ClientError::Status {
                    status: 409,
                    message: "Apply failed with 1 conflict: conflict with \"argocd\": .automountServiceAccountToken"
                        .to_owned(),
                },
                "another field manager has set it otherwise, and nothing is forced: conflict with \"argocd\": \
                 .automountServiceAccountToken",
            ),
            (
                ClientError::NotFound,
                "it is gone since the plan was made (404)",
            ),
        ] {
            assert_eq!(why(&step, error), expected);
        }
    }

    #[test]
    fn what_can_conflict_is_always_tried() {
        let mut steps = Vec::new();
        for at in 0..1_500 {
            steps.push(Step::Account {
                namespace: format!("n{at}"),
                says_true: at % 3 == 0,
            });
        }
        let (first, rest) = rounds(&steps);
        assert_eq!((first.len(), rest.len()), (1_500, 0));
        for at in 0..1_500 {
            steps.push(Step::Account {
                namespace: format!("m{at}"),
                says_true: at == 1_499,
            });
        }
        steps.push(Step::Policy {
            namespace: "web".to_owned(),
            ingress: super::super::Ingress::Deny,
        });
        let (first, rest) = rounds(&steps);
        assert_eq!((first.len(), rest.len()), (1_502, 1_499));
        assert_eq!(first.get(1_499..), Some(&[1_499, 2_999, 3_000][..]));
    }
}
