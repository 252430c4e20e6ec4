//! What the controller manager, the scheduler and kube-proxy check together, and their files: recorded cases,
//! replayed, and asked anew.

mod cases;
mod record;

use std::collections::BTreeMap;

use preflight_rke2::testing::kubernetes::control_plane::judge;
use preflight_rke2::testing::kubernetes::{Minor, Program, tables};
use serde::{Deserialize, Serialize};

use crate::recordings::{self, files_of, without_scheme, words};

/// The recording.
const FILE: &str = "components.json";

/// A command line with files, and what the component does with them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Case {
    program: String,
    name: String,
    /// Behind those that every case of the program has.
    args: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, String>,
    /// By minor: the error that it exits with, or nothing if it serves or asks the cluster.
    expect: BTreeMap<String, Option<String>>,
}

impl Case {
    fn program(&self) -> Program {
        Program::ALL
            .into_iter()
            .find(|program| program.as_str() == self.program)
            .unwrap()
    }

    /// The whole command line.
    fn command_line(&self) -> Vec<String> {
        let base: &[&str] = match self.program() {
            Program::Proxy => &[
                "--hostname-override=node",
                "--kubeconfig=/case/pki/kubeconfig",
            ],
            _ => &[
                "--kubeconfig=/case/pki/kubeconfig",
                "--bind-address=127.0.0.1",
                "--tls-cert-file=/case/pki/server.crt",
                "--tls-private-key-file=/case/pki/server.key",
            ],
        };
        let base = base.iter().map(|&argument| argument.to_owned());
        base.chain(self.args.iter().cloned()).collect()
    }
}

/// All cases, with what is recorded of them.
fn cases() -> Vec<Case> {
    let recorded: Vec<Case> = recordings::read(FILE);
    let mut cases = cases::all();
    for case in &mut cases {
        let known = recorded.iter().find(|known| {
            (&known.program, &known.name, &known.args, &known.files)
                == (&case.program, &case.name, &case.args, &case.files)
        });
        if let Some(known) = known {
            case.expect.clone_from(&known.expect);
        }
    }
    cases
}

#[test]
fn cases_have_names_of_their_own() {
    for program in [
        Program::ControllerManager,
        Program::Scheduler,
        Program::Proxy,
    ] {
        let cases = cases().into_iter();
        let own = cases.filter(|case| case.program() == program);
        recordings::assert_names(own.map(|case| case.name), 80);
    }
}

/// Asks the components of the minors in `RECORD`, separated by blanks, and writes what they do. With `ONLY=new` the
/// cases that a minor was not asked yet.
#[test]
#[ignore = "writes the recordings: tests/kubernetes/record runs it"]
fn record() {
    let minors = std::env::var("RECORD").expect("RECORD=\"1.37 …\"");
    let new = std::env::var("ONLY").is_ok_and(|only| only == "new");
    let lab = record::Lab::start();
    let mut cases = cases();
    for minor in minors.split_whitespace() {
        let asked: Vec<usize> = (0..cases.len())
            .filter(|index| !new || !cases[*index].expect.contains_key(minor))
            .collect();
        let subset: Vec<&Case> = asked.iter().map(|index| &cases[*index]).collect();
        let answers = lab.ask(minor, &subset);
        for (index, answer) in asked.into_iter().zip(answers) {
            cases[index].expect.insert(minor.to_owned(), answer);
        }
        recordings::write(FILE, &cases);
    }
}

/// Cases whose end is not known here, by a part of their name: a server that is no URL, plugins that the scheduler
/// does not have, or that do not fit where they are enabled, and what is in a file of leader migration.
const NOT_KNOWN: &[&str] = &[
    "--master=://",
    "leader migration: no name",
    "{enabled: [{name: Nope}]}",
    "{enabled: [{name: SelectorSpread}",
    "{queueSort: {disabled: [{name: '*'}]}}",
    "{multiPoint: {disabled: ",
    "weight: -1}]}}}]",
    "{score: {enabled: [{name: NodeName}]}}",
];

fn foreseen(case: &Case, minor: Minor) -> Option<String> {
    let files = files_of(&case.files);
    judge(case.program(), minor, &case.command_line(), &files).map(|failure| failure.message)
}

/// Up to the order of Go's maps, addresses of memory, and the name of a scheme.
fn says_the_same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (without_scheme(ours), without_scheme(theirs));
    if theirs == "it exits" {
        return ours.ends_with(" and exits");
    }
    // What stands for a value that is never printed here.
    let mut rest = theirs.as_str();
    if ours.contains('…') {
        return ours.split('…').all(|part| match rest.split_once(part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        });
    }
    words(&ours) == words(&theirs)
}

#[test]
fn components_do_what_is_foreseen() {
    let mut counts: BTreeMap<(u32, String), [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in cases() {
        for (name, theirs) in &case.expect {
            let minor = Minor(name.trim_start_matches("1.").parse().unwrap());
            if !tables::knows(minor) {
                continue;
            }
            let ours = foreseen(&case, minor);
            if ours.is_none() && NOT_KNOWN.iter().any(|known| case.name.contains(known)) {
                continue;
            }
            // Without a cluster, whose state it waits for, the scheduler does not come to its election.
            let waits = |error: &String| error.contains("couldn't create leader elector");
            if theirs.is_none() && ours.as_ref().is_some_and(waits) {
                continue;
            }
            let is_same = match (&ours, theirs) {
                (Some(ours), Some(theirs)) => says_the_same(ours, theirs),
                _ => ours.is_some() == theirs.is_some(),
            };
            let counts = counts.entry((minor.0, case.program.clone())).or_default();
            counts[0] += 1;
            counts[1] += usize::from(ours.is_some() == theirs.is_some());
            counts[2] += usize::from(is_same);
            if !is_same {
                wrong.push(format!(
                    "{name} {} {}\n  ours:   {ours:?}\n  theirs: {theirs:?}",
                    case.program, case.name
                ));
            }
        }
    }
    for ((minor, program), [all, outcomes, words]) in &counts {
        println!(
            "1.{minor} {program}: {all} cases, {outcomes} with the same outcome, {words} with the same words"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn recorded_cases_are_those_that_are_generated() {
    let without = |case: Case| (case.program, case.name, case.args, case.files);
    let recorded: Vec<_> = recordings::read::<Case>(FILE)
        .into_iter()
        .map(without)
        .collect();
    let generated: Vec<_> = cases::all().into_iter().map(without).collect();
    assert!(recorded == generated, "record again");
}
