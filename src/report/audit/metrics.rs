//! The audit as gauges, for a textfile collector: Prometheus' text format, which with
//! its last line is OpenMetrics as well. No timestamps: collectors refuse them.

use std::fmt::Write as _;

use crate::audit::{Audit, Audited, counts};
use crate::text::visible;

const CONTROL: &str = "preflight_rke2_audit_control";
const CONTROLS: &str = "preflight_rke2_audit_controls";

/// A label's value.
fn escape(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// What a control is shown as; a waiver is a result of its own here.
fn result(audited: &Audited) -> &'static str {
    if audited.is_waived() {
        "waived"
    } else {
        audited.outcome.as_str()
    }
}

/// The file. `all` are counted, `shown` listed.
pub fn render(audit: &Audit, all: &[&Audited], shown: &[&Audited]) -> String {
    let node = format!(
        "unit=\"{}\",benchmark=\"{}\"",
        escape(audit.unit),
        audit.benchmark()
    );
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# HELP {CONTROL} A CIS control of this node: 1 with the result it has."
    );
    let _ = writeln!(out, "# TYPE {CONTROL} gauge");
    for audited in shown {
        let _ = writeln!(
            out,
            "{CONTROL}{{{node},control=\"{}\",id=\"{}\",result=\"{}\"}} 1",
            escape(audited.control.key),
            escape(audited.edition.id),
            result(audited)
        );
    }
    let counts = counts(all.iter().copied());
    let _ = writeln!(
        out,
        "# HELP {CONTROLS} How many CIS controls of this node have a result."
    );
    let _ = writeln!(out, "# TYPE {CONTROLS} gauge");
    for (result, count) in [
        ("fail", counts.fail),
        ("warn", counts.warn),
        ("error", counts.error),
        ("manual", counts.manual),
        ("pass", counts.pass),
        ("not-applicable", counts.not_applicable),
        ("waived", counts.waived),
    ] {
        let _ = writeln!(out, "{CONTROLS}{{{node},result=\"{result}\"}} {count}");
    }
    out.push_str("# EOF\n");
    out
}
