//! Carrying out steps: several requests at once, nothing forced.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::Step;
use crate::client::{ClientError, Cluster};

/// How many requests are under way at once: as many as kubectl's own commands that work in parallel, and few enough that
/// the API server's flow control queues none of them.
const AT_ONCE: usize = 16;

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
}
