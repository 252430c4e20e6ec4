//! JUnit's XML as CI servers read it: a suite for each part of the benchmark, a case for each control.

use std::fmt::Write as _;

use super::row::{Row, Subject, rows};
use super::xml::escape;
use super::{by_section, profile};
use crate::audit::benchmark::Benchmark;
use crate::audit::{Audit, Audited, ControlOutcome};

/// The document of a node.
pub fn render(audit: &Audit, shown: &[&Audited]) -> String {
    let subject = Subject::Unit(audit.unit);
    document(subject, audit.benchmark(), &rows(shown))
}

/// The document, one line feed at its end.
pub fn document(subject: Subject<'_>, benchmark: Benchmark, shown: &[Row]) -> String {
    let shown: Vec<&Row> = shown.iter().collect();
    let all = tally(&shown);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{} {}\" {all}>",
        escape(subject.name()),
        profile(benchmark)
    );
    for ((number, title), members) in by_section(&shown, |row| row.section) {
        let _ = writeln!(
            out,
            "  <testsuite name=\"{number} {}\" {}>",
            escape(title),
            tally(&members)
        );
        for row in members {
            case(&mut out, benchmark, row);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The numbers of a suite, as attributes.
fn tally(members: &[&Row]) -> String {
    let count = |test: &dyn Fn(&Row) -> bool| members.iter().filter(|row| test(row)).count();
    let failures = count(&Row::fails);
    let errors = count(&|row| row.outcome == ControlOutcome::Error);
    let passed = count(&|row| row.outcome == ControlOutcome::Pass);
    let skipped = members
        .len()
        .saturating_sub(failures)
        .saturating_sub(errors)
        .saturating_sub(passed);
    format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\"",
        members.len()
    )
}

fn case(out: &mut String, benchmark: Benchmark, row: &Row) {
    let _ = write!(
        out,
        "    <testcase classname=\"{}.{}\" name=\"{} {}\" time=\"0\"",
        profile(benchmark),
        row.node_type,
        row.id,
        escape(row.title)
    );
    let message = row.waived.as_ref().unwrap_or(&row.summary);
    let element = match row.outcome {
        _ if row.waived.is_some() => "skipped",
        ControlOutcome::Pass => {
            out.push_str("/>\n");
            return;
        }
        ControlOutcome::Fail => "failure",
        ControlOutcome::Error => "error",
        ControlOutcome::Warn | ControlOutcome::Manual | ControlOutcome::NotApplicable => "skipped",
    };
    let word = row.outcome.as_str();
    let _ = write!(
        out,
        ">\n      <{element} message=\"{}\"",
        escape(&format!("{word}: {message}"))
    );
    if element == "skipped" {
        out.push_str("/>\n");
    } else {
        let files = row.sources.iter().map(ToString::to_string);
        let places: Vec<String> = files.chain(row.objects.iter().cloned()).collect();
        let body = format!("{}\n{}", places.join("\n"), row.remedy);
        let _ = writeln!(out, " type=\"{}\">{}</{element}>", row.key, escape(&body));
    }
    out.push_str("    </testcase>\n");
}
