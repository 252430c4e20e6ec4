//! `sysctl`: each watched kernel parameter now, after the next boot, and as it must be, with the
//! lines that decide.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::assessment::Parameters;
use crate::evaluate::next_boot::loser;
use crate::facts::{ReadError, Reading};
use crate::finding::{Finding, Outcome};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::sysctl_d::{self, SourceLine};
use crate::text::printable;

fn rows(
    parameters: &Parameters,
) -> impl Iterator<
    Item = (
        &KernelParameter,
        &Reading<Result<Vec<u8>, ReadError>>,
        &sysctl_d::KeyResolution,
    ),
> {
    KERNEL_PARAMETERS
        .iter()
        .zip(&parameters.live)
        .zip(&parameters.resolution.keys)
        .map(|((parameter, live), next)| (parameter, live, next))
}

/// The finding about a parameter, if anybody demands it.
fn demand<'a>(parameter: &KernelParameter, findings: &'a [Finding]) -> Option<&'a Finding> {
    findings.iter().find(|finding| {
        finding.id() == parameter.check && finding.outcome() != Outcome::NotApplicable
    })
}

fn live_text(live: &Reading<Result<Vec<u8>, ReadError>>) -> Result<String, String> {
    match live {
        Reading::Known(Ok(content)) => Ok(String::from_utf8_lossy(content)
            .trim_end_matches('\n')
            .to_owned()),
        Reading::Known(Err(error)) => Err(error.to_string()),
        Reading::Unknown { why } => Err(why.clone()),
    }
}

fn place(line: &SourceLine) -> Value {
    json!({"path": line.source.path, "line": line.source.line})
}

/// The document, one line feed at its end.
pub fn json(parameters: &Parameters, findings: &[Finding]) -> String {
    let keys: Vec<Value> = rows(parameters)
        .map(|(parameter, live, next)| {
            let demand = demand(parameter, findings);
            let overrides: Vec<Value> = next
                .overrides
                .iter()
                .map(|lost| {
                    json!({
                        "path": lost.assignment.line.source.path,
                        "line": lost.assignment.line.source.line,
                        "value": lost.assignment.value,
                    })
                })
                .collect();
            json!({
                "key": parameter.key,
                "live": live_text(live).ok(),
                "required": demand.map(|_| parameter.required.to_string()),
                "required_by": demand.map(|f| f.required_by().to_vec()).unwrap_or_default(),
                "next_boot": {
                    "value": next.set.as_ref().map(|set| &set.value),
                    "number": next.expected(),
                    "set_by": next.set.as_ref().map(|set| place(&set.line)),
                    "overrides": overrides,
                    "kernel_command_line": next.command_line.as_ref().map(|word| &word.text),
                },
            })
        })
        .collect();
    let problems: Vec<Value> = parameters
        .resolution
        .problems
        .iter()
        .map(|problem| {
            json!({
                "path": problem.source.path,
                "line": problem.source.line,
                "summary": problem.summary,
            })
        })
        .collect();
    let document = json!({
        "schema": "org.rke2.preflight.sysctl/1",
        "keys": keys,
        "problems": problems,
        "systemd_sysctl_status": parameters.resolution.rc,
    });
    crate::text::json(&document)
}

/// A paragraph a parameter: one line that says it all, then the chain of lines behind it.
pub fn text(parameters: &Parameters, findings: &[Finding]) -> String {
    let mut out = String::new();
    for (parameter, live, next) in rows(parameters) {
        let now = match live_text(live) {
            Ok(value) => format!("now {}", printable(&value)),
            Err(why) => format!("now unknown ({})", printable(&why)),
        };
        let then = match (&next.set, &next.command_line) {
            (Some(set), _) => printable(&set.value),
            (None, Some(word)) => format!("as {} has it", printable(&word.text)),
            (None, None) => "as the kernel has it".to_owned(),
        };
        let must = demand(parameter, findings).map_or_else(String::new, |finding| {
            format!(
                ", must be {} ({})",
                parameter.required,
                crate::evaluate::names(finding.required_by())
            )
        });
        let _ = writeln!(out, "{}: {now}, next boot {then}{must}", parameter.key);
        if let Some(set) = &next.set {
            line(&mut out, &set.line, "sets it");
        }
        for lost in next.overrides.iter().rev() {
            line(&mut out, &lost.assignment.line, &loser(&lost.reason));
        }
        for skipped in &next.skipped {
            line(&mut out, &skipped.line, &skipped.reason.to_string());
        }
        if next.set.is_none() {
            out.push_str("    no file sets it\n");
        }
        if let Some(other) = &next.sysctl_system {
            let what = other.set.as_ref().map_or_else(
                || "would not set it".to_owned(),
                |set| {
                    format!(
                        "would leave {} ({})",
                        printable(&set.value),
                        printable(&set.line.source.to_string())
                    )
                },
            );
            let _ = writeln!(out, "    `sysctl --system` {what}");
        }
    }
    for (at, problem) in parameters.resolution.problems.iter().enumerate() {
        if at == 0 {
            out.push_str("\nLines that do not do what they say:\n");
        }
        let _ = writeln!(
            out,
            "  {}: {}",
            printable(&problem.source.to_string()),
            printable(&problem.summary)
        );
    }
    out
}

fn line(out: &mut String, line: &SourceLine, what: &str) {
    let target = line
        .target
        .as_ref()
        .map(|target| format!(" -> {}", printable(target)))
        .unwrap_or_default();
    let _ = writeln!(
        out,
        "    {}{target}: {}  ({})",
        printable(&line.source.to_string()),
        printable(line.text.trim()),
        printable(what)
    );
}
