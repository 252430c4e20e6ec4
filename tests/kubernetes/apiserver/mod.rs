//! The API server: recorded cases, replayed, and asked anew.

mod arguments;
mod case;
mod files;
mod record;

use std::collections::BTreeMap;

use case::Case;
use preflight_rke2::testing::kubernetes::control_plane::judge;
use preflight_rke2::testing::kubernetes::{Minor, Program};

use crate::recordings::{self, files_of, words};

/// All cases, with what is recorded of them.
fn cases() -> Vec<Case> {
    let recorded = case::recorded();
    let mut cases = arguments::cases();
    cases.extend(files::cases());
    for case in &mut cases {
        if let Some(known) = recorded.iter().find(|known| {
            known.name == case.name
                && known.base == case.base
                && known.args == case.args
                && known.files == case.files
        }) {
            case.expect.clone_from(&known.expect);
        }
    }
    cases
}

#[test]
fn cases_have_names_of_their_own() {
    recordings::assert_names(cases().into_iter().map(|case| case.name), 260);
}

/// Asks the API servers of the minors in `RECORD`, separated by blanks, and writes what they do. With `ONLY=new`
/// the cases that a minor was not asked yet, with `SHARE=3` every third case.
#[test]
#[ignore = "writes the recordings: tests/kubernetes/record runs it"]
fn record() {
    let minors = std::env::var("RECORD").expect("RECORD=\"1.37 …\"");
    let new = std::env::var("ONLY").is_ok_and(|only| only == "new");
    let share: usize = std::env::var("SHARE").map_or(1, |share| share.parse().unwrap());
    let lab = record::Lab::start();
    let mut cases = cases();
    for minor in minors.split_whitespace() {
        let asked: Vec<usize> = (0..cases.len())
            .filter(|index| index % share == 0)
            .filter(|index| !new || !cases[*index].expect.contains_key(minor))
            .collect();
        let subset: Vec<Case> = asked.iter().map(|index| cases[*index].clone()).collect();
        for (index, answer) in asked.into_iter().zip(lab.ask(minor, &subset)) {
            match answer {
                Some(answer) => {
                    cases[index].expect.insert(minor.to_owned(), answer);
                }
                None => {
                    cases[index].expect.remove(minor);
                }
            }
        }
        case::write(&cases);
    }
}

/// Cases whose end is not known here: a CEL expression that does not compile, an etcd that never answers, a
/// version that is parsed by none of our rules.
const NOT_KNOWN: &[&str] = &[
    "authentication-config: a wrong expression (v1beta1)",
    "authorization-config: webhook: a wrong condition (v1beta1)",
    "plain: --etcd-servers-overrides=/events#",
    "plain: --emulated-version=x",
];

/// What is foreseen of a case.
fn foreseen(case: &Case, minor: u32) -> Option<String> {
    let contents = case.contents();
    let files = files_of(&contents);
    let arguments = case.arguments();
    judge(Program::ApiServer, Minor(minor), &arguments, &files).map(|failure| failure.message)
}

/// Up to the order of Go's maps. `…` stands for a value that is never printed here.
fn says_the_same(ours: &str, theirs: &str) -> bool {
    // Which of several gates comes first is the order of a map.
    let gate = "unrecognized feature gate: ";
    if let (Some((ours, _)), Some((theirs, _))) = (ours.split_once(gate), theirs.split_once(gate)) {
        return ours == theirs;
    }
    if let Some((before, after)) = ours.split_once('…') {
        return theirs.starts_with(before) && theirs.ends_with(after);
    }
    words(ours) == words(theirs)
}

#[test]
fn foresees_what_is_recorded() {
    let mut minors: BTreeMap<u32, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in case::recorded() {
        for (name, theirs) in &case.expect {
            let minor: u32 = name.trim_start_matches("1.").parse().unwrap();
            let ours = foreseen(&case, minor);
            if ours.is_none() && NOT_KNOWN.contains(&case.name.as_str()) {
                continue;
            }
            let counts = minors.entry(minor).or_default();
            counts[0] += 1;
            let same_outcome = ours.is_some() == theirs.is_some();
            let same_words = match (&ours, theirs) {
                (Some(ours), Some(theirs)) => says_the_same(ours, theirs),
                _ => same_outcome,
            };
            counts[1] += usize::from(same_outcome);
            counts[2] += usize::from(same_words);
            if !same_words {
                wrong.push(format!(
                    "{name} {}\n  ours:   {ours:?}\n  theirs: {theirs:?}",
                    case.name
                ));
            }
        }
    }
    for (minor, [all, outcomes, words]) in &minors {
        println!(
            "1.{minor}: {all} cases, {outcomes} with the same outcome, {words} with the same words"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
