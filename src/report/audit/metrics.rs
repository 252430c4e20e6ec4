//! The audit as gauges, for a textfile collector: Prometheus' text format, which with
//! its last line is OpenMetrics as well. No timestamps: collectors refuse them.

use std::fmt::Write as _;

use super::row::{Row, Subject, rows};
use crate::audit::benchmark::Benchmark;
use crate::audit::{Audit, Audited, Counts, counts};
use crate::text::visible;

/// A label's value.
fn escape(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// What a control is shown as; a waiver is a result of its own here.
fn result(row: &Row) -> &'static str {
    if row.waived.is_some() {
        "waived"
    } else {
        row.outcome.as_str()
    }
}

/// The file of a node. `all` are counted, `shown` listed.
pub fn render(audit: &Audit, all: &[&Audited], shown: &[&Audited]) -> String {
    let subject = Subject::Unit(audit.unit);
    let counts = counts(all.iter().copied());
    document(subject, audit.benchmark(), &counts, &rows(shown))
}

/// The file: the numbers of results, and the result of each control that is shown.
pub fn document(
    subject: Subject<'_>,
    benchmark: Benchmark,
    counts: &Counts,
    shown: &[Row],
) -> String {
    // Two names, so that the files of a node and of a cluster may be in one directory, and that neither counts as the other.
    let (name, label, of) = match subject {
        Subject::Unit(_) => ("preflight_rke2_audit", "unit", "this node"),
        Subject::Cluster(_) => ("preflight_rke2_cluster_audit", "cluster", "the cluster"),
    };
    let (control, controls) = (format!("{name}_control"), format!("{name}_controls"));
    let labels = format!(
        "{label}=\"{}\",benchmark=\"{benchmark}\"",
        escape(subject.name())
    );
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# HELP {control} A CIS control of {of}: 1 with the result it has."
    );
    let _ = writeln!(out, "# TYPE {control} gauge");
    for row in shown {
        let _ = writeln!(
            out,
            "{control}{{{labels},control=\"{}\",id=\"{}\",result=\"{}\"}} 1",
            escape(row.key),
            escape(row.id),
            result(row)
        );
    }
    let _ = writeln!(
        out,
        "# HELP {controls} How many CIS controls of {of} have a result."
    );
    let _ = writeln!(out, "# TYPE {controls} gauge");
    for (result, count) in [
        ("fail", counts.fail),
        ("warn", counts.warn),
        ("error", counts.error),
        ("manual", counts.manual),
        ("pass", counts.pass),
        ("not-applicable", counts.not_applicable),
        ("waived", counts.waived),
    ] {
        let _ = writeln!(out, "{controls}{{{labels},result=\"{result}\"}} {count}");
    }
    out.push_str("# EOF\n");
    out
}
