//! JUnit's XML as CI servers read it: a suite for each part of the benchmark, a case for each control.

use std::fmt::Write as _;

use super::xml::escape;
use super::{profile, remedy, sections, waived};
use crate::audit::{Audit, Audited, ControlOutcome};

/// The document, one line feed at its end.
pub fn render(audit: &Audit, shown: &[&Audited]) -> String {
    let all = tally(shown);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{} {}\" {all}>",
        escape(audit.unit),
        profile(audit.benchmark())
    );
    for ((number, title), members) in sections(shown) {
        let _ = writeln!(
            out,
            "  <testsuite name=\"{number} {}\" {}>",
            escape(title),
            tally(&members)
        );
        for audited in members {
            case(&mut out, audit, audited);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

/// The numbers of a suite, as attributes.
fn tally(members: &[&Audited]) -> String {
    let count = |test: &dyn Fn(&Audited) -> bool| members.iter().filter(|a| test(a)).count();
    let failures = count(&Audited::fails);
    let errors = count(&|audited| audited.outcome == ControlOutcome::Error);
    let passed = count(&|audited| audited.outcome == ControlOutcome::Pass);
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

fn case(out: &mut String, audit: &Audit, audited: &Audited) {
    let (control, edition, result) = (audited.control, audited.edition, &audited.result);
    let _ = write!(
        out,
        "    <testcase classname=\"{}.{}\" name=\"{} {}\" time=\"0\"",
        profile(audit.benchmark()),
        control.node.as_str(),
        edition.id,
        escape(control.title)
    );
    let message = waived(audited).unwrap_or_else(|| result.summary.clone());
    let element = match audited.outcome {
        _ if audited.is_waived() => "skipped",
        ControlOutcome::Pass => {
            out.push_str("/>\n");
            return;
        }
        ControlOutcome::Fail => "failure",
        ControlOutcome::Error => "error",
        ControlOutcome::Warn | ControlOutcome::Manual | ControlOutcome::NotApplicable => "skipped",
    };
    let word = audited.outcome.as_str();
    let _ = write!(
        out,
        ">\n      <{element} message=\"{}\"",
        escape(&format!("{word}: {message}"))
    );
    if element == "skipped" {
        out.push_str("/>\n");
    } else {
        let places: Vec<String> = result.sources.iter().map(ToString::to_string).collect();
        let body = format!("{}\n{}", places.join("\n"), remedy(audited));
        let _ = writeln!(
            out,
            " type=\"{}\">{}</{element}>",
            control.key,
            escape(&body)
        );
    }
    out.push_str("    </testcase>\n");
}
