//! XCCDF 1.2 (NIST IR 7275 revision 4): the controls as a benchmark, and their results on this node, for tools that
//! import results of scanners.
//!
//! A waiver is an override: the result is `informational`, and the one before it is kept.

use std::fmt::Write as _;

use super::xml::escape;
use super::{profile, remedy, sections};
use crate::audit::control::Scoring;
use crate::audit::{Audit, Audited, ControlOutcome};
use crate::text::time;

/// Before the name of each id.
const PREFIX: &str = "xccdf_org.rke2.preflight";

/// The result of a control in the standard's words.
const fn result(outcome: ControlOutcome) -> &'static str {
    match outcome {
        ControlOutcome::Pass => "pass",
        ControlOutcome::Fail | ControlOutcome::Warn => "fail",
        ControlOutcome::Error => "error",
        ControlOutcome::Manual => "notchecked",
        ControlOutcome::NotApplicable => "notapplicable",
    }
}

/// Whether a result counts for the score.
const fn role(audited: &Audited) -> &'static str {
    match audited.edition.scoring {
        Scoring::Scored => "full",
        Scoring::Unscored => "unscored",
        // What a manual control was found to violate has a result, which "unchecked" excludes.
        Scoring::Manual | Scoring::NotApplicable => match audited.outcome {
            ControlOutcome::Manual | ControlOutcome::NotApplicable => "unchecked",
            _ => "unscored",
        },
    }
}

/// The document, one line feed at its end.
pub fn render(audit: &Audit, shown: &[&Audited]) -> String {
    let name = profile(audit.benchmark());
    let time = time(audit.at.saturating_mul(1_000_000));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<Benchmark xmlns=\"http://checklists.nist.gov/xccdf/1.2\" id=\"{PREFIX}_benchmark_{name}\" xml:lang=\"en\">\n  \
         <status date=\"{}\">accepted</status>\n  \
         <title>CIS {} for RKE2, node-local controls</title>\n  \
         <version>{}</version>",
        time.get(..10).unwrap_or_default(),
        audit.benchmark(),
        audit.benchmark(),
    );
    for ((number, title), members) in sections(shown) {
        let _ = writeln!(
            out,
            "  <Group id=\"{PREFIX}_group_{number}\">\n    <title>{number} {}</title>",
            escape(title)
        );
        for audited in members {
            rule(&mut out, audited);
        }
        out.push_str("  </Group>\n");
    }
    // A test result has a result of one rule at least.
    if shown.is_empty() {
        out.push_str("</Benchmark>\n");
        return out;
    }
    let _ = writeln!(
        out,
        "  <TestResult id=\"{PREFIX}_testresult_{name}\" start-time=\"{time}\" end-time=\"{time}\" \
         test-system=\"cpe:/a:preflight-rke2:preflight-rke2:{}\">\n    \
         <benchmark href=\"#{PREFIX}_benchmark_{name}\" id=\"{PREFIX}_benchmark_{name}\"/>\n    \
         <title>{} of RKE2 {}</title>\n    \
         <target>{}</target>\n    \
         <target-facts>\n      \
         <fact name=\"urn:xccdf:fact:asset:identifier:host_name\" type=\"string\">{}</fact>\n    \
         </target-facts>",
        env!("CARGO_PKG_VERSION"),
        escape(audit.unit),
        escape(&audit.version.to_string()),
        escape(target(audit)),
        escape(target(audit)),
    );
    for audited in shown {
        rule_result(&mut out, audited, &time);
    }
    let scored: Vec<&&Audited> = shown
        .iter()
        .filter(|audited| {
            role(audited) == "full"
                && !audited.is_waived()
                && audited.outcome != ControlOutcome::NotApplicable
        })
        .collect();
    let passed = scored
        .iter()
        .filter(|audited| audited.outcome == ControlOutcome::Pass);
    let _ = writeln!(
        out,
        "    <score system=\"urn:xccdf:scoring:flat-unweighted\" maximum=\"{}\">{}</score>\n  \
         </TestResult>\n</Benchmark>",
        scored.len(),
        passed.count()
    );
    out
}

/// The node's name; its unit where that is not known, because a target has one.
fn target(audit: &Audit) -> &str {
    if audit.node.is_empty() {
        audit.unit
    } else {
        &audit.node
    }
}

fn rule(out: &mut String, audited: &Audited) {
    let control = audited.control;
    let _ = writeln!(
        out,
        "    <Rule id=\"{PREFIX}_rule_{}\" selected=\"true\" role=\"{}\" severity=\"{}\">\n      \
         <title>{} {}</title>\n      \
         <ident system=\"https://www.cisecurity.org/benchmark/kubernetes\">{}</ident>\n    \
         </Rule>",
        control.key,
        role(audited),
        severity(audited),
        escape(audited.edition.id),
        escape(control.title),
        escape(audited.edition.id),
    );
}

/// Scored controls are taken to matter more than others; the benchmark has no severities.
const fn severity(audited: &Audited) -> &'static str {
    match audited.edition.scoring {
        Scoring::Scored => "medium",
        Scoring::Unscored => "low",
        Scoring::Manual | Scoring::NotApplicable => "info",
    }
}

fn rule_result(out: &mut String, audited: &Audited, time: &str) {
    let (control, result_of) = (audited.control, result(audited.outcome));
    let found = &audited.result;
    let waiver = audited.waiver.as_ref().filter(|_| audited.is_waived());
    let now = if waiver.is_some() {
        "informational"
    } else {
        result_of
    };
    let _ = writeln!(
        out,
        "    <rule-result idref=\"{PREFIX}_rule_{}\" role=\"{}\" severity=\"{}\" time=\"{time}\">\n      \
         <result>{now}</result>",
        control.key,
        role(audited),
        severity(audited),
    );
    if let Some(applied) = waiver {
        let _ = writeln!(
            out,
            "      <override time=\"{time}\" authority=\"/etc/preflight-rke2/config.toml\">\n        \
             <old-result>{result_of}</old-result>\n        \
             <new-result>{now}</new-result>\n        \
             <remark>waived until {}: {}</remark>\n      \
             </override>",
            applied.waiver.expires,
            escape(&applied.waiver.reason)
        );
    }
    let _ = writeln!(
        out,
        "      <ident system=\"https://www.cisecurity.org/benchmark/kubernetes\">{}</ident>",
        escape(audited.edition.id)
    );
    if !found.summary.is_empty() {
        let severity = match audited.outcome {
            ControlOutcome::Error => "error",
            ControlOutcome::Fail | ControlOutcome::Warn => "warning",
            _ => "info",
        };
        let _ = writeln!(
            out,
            "      <message severity=\"{severity}\">{}</message>",
            escape(&found.summary)
        );
    }
    let help = remedy(audited);
    let is_unmet = ["fail", "error"].contains(&result_of);
    if is_unmet && !help.is_empty() {
        let _ = writeln!(out, "      <fix>{}</fix>", escape(&help));
    }
    out.push_str("    </rule-result>\n");
}
