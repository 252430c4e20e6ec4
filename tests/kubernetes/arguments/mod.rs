//! The command lines of Kubernetes' components, held against the components.
//!
//! `cases` generates them, `record` asks the real programs what they do, and the tests here compare the
//! recordings with ours. To ask anew: `PREFLIGHT_RECORD="1.37 1.24" cargo nextest run --test kubernetes
//! --run-ignored only arguments::record`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests, which run programs, read recordings and print how many agree"
)]

mod cases;
mod components;
mod record;
mod recording;

use std::collections::BTreeMap;

use preflight_rke2::testing::kubernetes::kubelet::flags::KubeletFlags;
use preflight_rke2::testing::kubernetes::kubelet::{
    Machine, Outcome, Presence, outcome, start, takes,
};
use preflight_rke2::testing::kubernetes::{Cause, Failure, Minor, tables};
use serde_json::{Value, json};

use recording::{Case, Recording};

/// What the kubelet says of its configuration begins so. It is not looked at here.
const CONFIGURATION: [&str; 5] = [
    // A directory of drop-in files, which 1.28 and 1.29 read only where a variable says so.
    "flag /case/none specified but environment variable",
    // A cloud provider that is built in asks the cloud.
    "failed to run Kubelet: could not init cloud provider",
    "failed to validate kubelet configuration",
    "failed to load kubelet config file",
    "failed to merge kubelet configs",
];

fn minor(text: &str) -> Minor {
    Minor(text.strip_prefix("1.").unwrap().parse().unwrap())
}

/// What is at a path while a case is recorded.
fn presence(path: &str) -> Presence {
    if path.starts_with("/nonexistent") || path.starts_with("/case/pki/") {
        Presence::Missing
    } else {
        Presence::Unknown
    }
}

/// What ends the kubelet, up to the call of the runtime. `validates`: whether it fails in the validation of the
/// configuration, as the recording has it.
fn kubelet(minor: Minor, case: &Case, validates: bool) -> Result<(), Failure> {
    let flags = KubeletFlags::parse(minor, &case.command_line())?;
    let mut configuration = if minor < Minor(31) {
        json!({})
    } else {
        json!({"failCgroupV1": false})
    };
    let has_config = flags.text("config") == Some("/case/kubelet.conf");
    if !has_config {
        configuration = json!({});
    }
    flags.apply_to(&mut configuration);
    let origin = |_: &str| Cause::File {
        path: "/case/kubelet.conf".to_owned(),
        line: None,
    };
    let gates = start::gates(&flags, &configuration, &origin)?;
    let machine = Machine {
        presence: &presence,
        ..Machine::unknown()
    };
    let start = start::Start {
        flags: &flags,
        configuration: &configuration,
        gates: &gates,
        machine: &machine,
        origin: &origin,
    };
    start::logging(&start)?;
    if validates {
        return Ok(());
    }
    if minor < Minor(25) {
        start::flush(&start)?;
    }
    start::before_runtime(&start)
}

/// Compares messages up to the order of a Go map: the parts of a list in any order.
fn is_same(ours: &str, theirs: &str) -> bool {
    let parts = |text: &str| {
        let mut parts: Vec<String> = text
            .split(['[', ']', ',', ';'])
            .map(|part| part.trim().to_owned())
            .collect();
        parts.sort_unstable();
        parts
    };
    ours == theirs || parts(ours) == parts(theirs)
}

/// Errors of a map of which the component reports one: both are about one of the gates of the case.
fn is_random(ours: &str, theirs: &str) -> bool {
    let gate = |text: &str| text.contains("feature gate");
    gate(ours) && gate(theirs)
}

#[test]
fn kubelet_arguments_are_judged_as_the_kubelet_does() {
    let cases = Recording::kubelet().read();
    assert!(cases.len() >= 300, "{}", cases.len());
    let mut agreed: BTreeMap<String, [usize; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        for (text, expected) in &case.expect {
            let at = minor(text);
            if !tables::knows(at) {
                continue;
            }
            let counts = agreed.entry(text.clone()).or_default();
            counts[0] += 1;
            let validates = expected
                .as_deref()
                .is_some_and(|error| CONFIGURATION.iter().any(|start| error.starts_with(start)));
            let ours = kubelet(at, case, validates)
                .err()
                .map(|failure| failure.message);
            let agrees = match (&ours, expected) {
                (None, None) => true,
                (None, Some(_)) => validates,
                (Some(_), None) => false,
                (Some(ours), Some(theirs)) => {
                    is_same(ours, theirs) || (case.is_random && is_random(ours, theirs))
                }
            };
            counts[1] += usize::from(agrees);
            counts[2] += usize::from(validates);
            if !agrees {
                wrong.push(format!(
                    "{text} {:?}\n  ours   {ours:?}\n  theirs {expected:?}",
                    case.args
                ));
            }
        }
    }
    for (minor, [all, agree, validated]) in &agreed {
        println!(
            "{minor}: {agree} of {all} agree, {validated} of them end in the configuration's validation"
        );
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Asks only the checks that read something of a case's arguments.
fn is_taken(minor: Minor, command_line: &[String], first_of_case: usize) -> bool {
    let is_users = |position| position >= first_of_case;
    // The defaults of a file behind `--config`, where they differ from those of the flags.
    let file = |is_wanted: &dyn Fn(&str) -> bool| {
        let all = [
            ("authentication.anonymous.enabled", json!(false)),
            ("authentication.webhook.enabled", json!(true)),
            ("authorization.mode", json!("Webhook")),
        ];
        all.into_iter()
            .filter(|(path, _)| is_wanted(path))
            .collect()
    };
    let machine = Machine {
        presence: &presence,
        ..Machine::unknown()
    };
    takes(minor, command_line, &is_users, &file, &machine).is_some()
}

#[test]
fn the_kubelet_takes_what_the_checks_of_it_pass() {
    let (mut right, mut taken) = (0, 0);
    for case in Recording::kubelet().read() {
        let line = case.command_line();
        for (text, expected) in &case.expect {
            let is_taken = is_taken(minor(text), &line, line.len() - case.args.len());
            // The machine that records has version 1, of which the product has a finding of its own, and is in no cloud.
            let is_of_machine = |error: &String| {
                error.contains("cgroup v1") || error.contains("could not init cloud provider")
            };
            let is_right = expected.as_ref().is_none_or(is_of_machine);
            assert!(!is_taken || is_right, "{text} {:?}", case.args);
            right += usize::from(expected.is_none() && text != "1.24");
            taken += usize::from(is_taken);
        }
    }
    println!("{taken} of {right} are taken without asking all checks");
    assert!(taken * 10 > right * 9, "{taken} of {right}");
}

#[test]
fn two_arguments_are_taken_where_all_checks_pass() {
    let cases = Recording::kubelet().read();
    // As the defaults of a file are.
    let base = [
        "--kubeconfig=/case/kubeconfig",
        "--hostname-override=node",
        "--anonymous-auth=false",
        "--authentication-token-webhook=true",
        "--authorization-mode=Webhook",
    ];
    let machine = Machine {
        presence: &presence,
        runtime_answers: true,
        ..Machine::unknown()
    };
    let mut compared = 0;
    for minor in [25, 29, 31, 33, 34, 37].map(Minor) {
        for (at, case) in cases.iter().enumerate().step_by(2) {
            let other = &cases[at * 7 % cases.len()];
            let own = base.iter().map(|&text| text.to_owned());
            let of_cases = case.args.iter().chain(&other.args).cloned();
            let line: Vec<String> = own.chain(of_cases).collect();
            if is_taken(minor, &line, base.len()) {
                let whole = outcome(minor, &line, &machine);
                let is_same = matches!(whole, Outcome::GoesOn(_));
                assert!(is_same, "{minor:?} {line:?}: {whole:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn recorded_cases_are_those_that_are_generated() {
    for (recording, generated) in [
        (Recording::kubelet(), cases::kubelet()),
        (Recording::components(), components::all()),
    ] {
        let recorded: Vec<Value> = recording.read().iter().map(Case::identity).collect();
        let generated: Vec<Value> = generated.iter().map(Case::identity).collect();
        assert!(recorded == generated, "record again");
    }
}
