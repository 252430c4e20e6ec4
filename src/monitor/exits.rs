//! Exits of the kubelet and of static pods: each reason is logged once in a start, although RKE2 repeats it
//! every five seconds.

use super::input::StepInput;
use super::persisted::{LoggedExits, PersistedState};
use crate::facts::ComponentExit;

/// Reasons that are logged in one start.
const MOST: usize = 16;
/// The shortest time between two readings of logs while the unit is started, in microseconds.
const SOON: u64 = 20_000_000;
/// The time between two while a component exits again and again: it may run after any attempt.
const REPEATED: u64 = 30_000_000;

/// Returns the exits to log, which were not logged in this start, and records them.
pub(super) fn detect(persisted: &mut PersistedState, input: &StepInput<'_>) -> Vec<ComponentExit> {
    if input.started != persisted.exits.started && input.started != 0 {
        persisted.exits = LoggedExits {
            started: input.started,
            reasons: Vec::new(),
        };
    }
    let mut new = Vec::new();
    for exit in input.report.exits.iter().filter(|exit| exit.is_retried) {
        let reason = repeated(exit);
        let reasons = &mut persisted.exits.reasons;
        if reasons.len() < MOST && !reasons.contains(&reason) {
            reasons.push(reason);
            new.push(exit.clone());
        }
    }
    new
}

/// How long until logs are to be read again, in microseconds; `None` where the usual evaluations suffice. Logs are
/// not watched: a kubelet that runs writes all the time. A start that fails does so early, so they are read
/// again after half of the time since the start, until an exit was logged.
pub(crate) fn recheck(persisted: &PersistedState, input: &StepInput<'_>) -> Option<u64> {
    if input.started == 0 || input.phase.is_ending() {
        return None;
    }
    if input.report.exits.iter().any(|exit| exit.is_retried) {
        return Some(REPEATED);
    }
    let is_logged = !persisted.exits.reasons.is_empty();
    (!is_logged).then(|| (input.now.saturating_sub(input.started) / 2).max(SOON))
}

/// An exit in a form that is the same for each repetition: the words in order, because Go prints maps in a
/// random order, without numbers, which may be ports, times or processes.
fn repeated(exit: &ComponentExit) -> String {
    let without_numbers = |word: &str| {
        let mut out = String::with_capacity(word.len());
        for c in word.chars() {
            let c = if c.is_ascii_digit() { '0' } else { c };
            if !(c == '0' && out.ends_with('0')) {
                out.push(c);
            }
        }
        out
    };
    let words = exit.reason.split([' ', ',', '[', ']']);
    let mut words: Vec<String> = words.map(without_numbers).collect();
    words.retain(|word| !word.is_empty());
    words.sort_unstable();
    format!("{}: {}", exit.component, words.join(" "))
}
