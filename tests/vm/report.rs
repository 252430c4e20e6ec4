//! Reads the recorded `check --format json`, and compares it with the kernel's values.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::outcome::Outcome;

/// The report about rke2-server that was recorded under `name`.
pub(crate) fn server(outcome: &Outcome, name: &str) -> Value {
    let text = outcome.text(name);
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{name} is not a report: {error}\n{text}"));
    report["units"]
        .as_array()
        .expect("units")
        .iter()
        .find(|unit| unit["unit"] == "rke2-server.service")
        .unwrap_or_else(|| panic!("{name} lacks rke2-server.service:\n{text}"))
        .clone()
}

/// Fails unless the report recorded under `name` has this verdict now and for the next boot.
pub(crate) fn verdicts(outcome: &Outcome, name: &str, now: &str, next_boot: &str) {
    let unit = server(outcome, name);
    assert_eq!(
        (&unit["verdict"], &unit["next_boot_verdict"]),
        (&Value::from(now), &Value::from(next_boot)),
        "{name}: {unit:#}"
    );
}

/// The findings of a report.
pub(crate) fn findings(unit: &Value) -> &[Value] {
    unit["findings"].as_array().expect("findings")
}

/// The ids of the findings with this effect, sorted.
pub(crate) fn ids(unit: &Value, effect: &str) -> Vec<String> {
    let mut ids: Vec<String> = findings(unit)
        .iter()
        .filter(|finding| finding["effect"] == effect)
        .map(|finding| finding["id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort_unstable();
    ids
}

/// Every command that fixes a finding of the report, in order, each once.
pub(crate) fn commands(unit: &Value) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for finding in findings(unit) {
        for remedy in finding["remedies"].as_array().expect("remedies") {
            for command in remedy["commands"].as_array().expect("commands") {
                let command = command.as_str().expect("a command").to_owned();
                if !commands.contains(&command) {
                    commands.push(command);
                }
            }
        }
    }
    commands
}

/// What `sysctl` printed for the six parameters at the end of the boot.
pub(crate) fn live(outcome: &Outcome) -> BTreeMap<String, String> {
    let text = outcome.text("sysctls");
    let live: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(live.len(), 6, "{text}");
    live
}

/// The finding about a kernel parameter.
pub(crate) fn finding<'a>(unit: &'a Value, key: &str) -> &'a Value {
    let id = format!("sysctl.{key}");
    findings(unit)
        .iter()
        .find(|finding| finding["id"] == id.as_str())
        .unwrap_or_else(|| panic!("no {id}: {unit:#}"))
}

/// Fails unless the report made at the end has the kernel's own values of all six parameters.
/// Returns the value of each at the next boot according to the report.
pub(crate) fn reads_what_is(outcome: &Outcome) -> BTreeMap<String, Option<String>> {
    let unit = server(outcome, "report");
    live(outcome)
        .into_iter()
        .map(|(key, value)| {
            let finding = finding(&unit, &key);
            assert_eq!(finding["actual"], value.as_str(), "{finding:#}");
            let predicted = finding["next_boot"].as_str().map(str::to_owned);
            (key, predicted)
        })
        .collect()
}

/// Fails unless the report of a host that was only booted predicts for each parameter what that
/// boot made of it. No file sets those in `unset`.
pub(crate) fn predicts_this_boot(outcome: &Outcome, unset: &[&str]) {
    let live = live(outcome);
    for (key, predicted) in reads_what_is(outcome) {
        let predicted = predicted.map(|text| number(&text));
        let expected = (!unset.contains(&key.as_str())).then(|| number(&live[&key]));
        assert_eq!(predicted, expected, "{key} at the next boot");
    }
}

/// A number as the kernel reads it.
fn number(text: &str) -> i64 {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .expect("a number")
}
