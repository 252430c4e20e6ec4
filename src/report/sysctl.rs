//! `sysctl`: each watched kernel parameter: its value now, its value after the next boot, the required value,
//! and the lines of files that set it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Format;
use crate::assessment::Parameters;
use crate::evaluate::next_boot::loser;
use crate::facts::{ReadError, Reading};
use crate::finding::{Finding, Outcome};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::sysctl_d::{KeyResolution, Resolution, SourceLine};
use crate::text::printable;

fn rows(
    parameters: &Parameters,
) -> impl Iterator<
    Item = (
        &KernelParameter,
        &Reading<Result<Vec<u8>, ReadError>>,
        &KeyResolution,
    ),
> {
    KERNEL_PARAMETERS
        .iter()
        .zip(&parameters.live)
        .zip(&parameters.resolution.keys)
        .map(|((parameter, live), next)| (parameter, live, next))
}

/// The finding about a parameter, if RKE2 or the kubelet requires it.
fn finding_of<'a>(parameter: &KernelParameter, findings: &'a [Finding]) -> Option<&'a Finding> {
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

/// What older versions of systemd leave instead, where the host's version is not known and they differ: the last
/// version of each group that reads files alike, and the number.
fn older(parameters: &Parameters, key: &str) -> Vec<(u16, Option<i32>)> {
    let number = |resolution: &Resolution| {
        let of_key = resolution.keys.iter().find(|next| next.key == key);
        of_key.and_then(KeyResolution::expected)
    };
    let newest = number(&parameters.resolution);
    let all = parameters.older.iter();
    all.map(|(version, resolution)| (*version, number(resolution)))
        .filter(|(_, number)| *number != newest)
        .collect()
}

/// Whether the kubelet overwrites, as it starts, what files set.
fn is_overwritten(
    parameters: &Parameters,
    parameter: &KernelParameter,
    next: &KeyResolution,
) -> bool {
    let number = next.set.as_ref().and(next.expected()).map(i64::from);
    parameters.kubelet_sets && number.is_some_and(|number| number != parameter.required)
}

/// What `sysctl` prints.
pub(crate) fn render(format: Format, parameters: &Parameters, findings: &[Finding]) -> String {
    match format {
        Format::Text => text(parameters, findings),
        Format::Json => json(parameters, findings),
    }
}

/// The document, one line feed at its end.
pub fn json(parameters: &Parameters, findings: &[Finding]) -> String {
    let keys: Vec<Value> = rows(parameters)
        .map(|(parameter, live, next)| {
            let finding = finding_of(parameter, findings);
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
            let older: Vec<Value> = older(parameters, parameter.key)
                .into_iter()
                .map(|(version, number)| json!({"version": version, "number": number}))
                .collect();
            json!({
                "key": parameter.key,
                "live": live_text(live).ok(),
                "required": finding.map(|_| parameter.required.to_string()),
                "required_by": finding.map(|f| f.required_by().to_vec()).unwrap_or_default(),
                "next_boot": {
                    "value": next.set.as_ref().map(|set| &set.value),
                    "number": next.expected(),
                    "set_by": next.set.as_ref().map(|set| &set.line.source),
                    "overrides": overrides,
                    "kernel_command_line": next.command_line.as_ref().map(|word| &word.text),
                    "older_systemd": older,
                },
                "kubelet_overwrites": is_overwritten(parameters, parameter, next),
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
        "systemd_version": parameters.systemd.map(|systemd| systemd.version),
        "systemd_version_source": systemd_source(parameters),
    });
    crate::text::json(&document)
}

/// `files`, `bus`, or `assumed` for the newest version.
fn systemd_source(parameters: &Parameters) -> &'static str {
    parameters
        .systemd
        .map_or("assumed", |systemd| systemd.source.as_str())
}

/// One paragraph per parameter: its values in one line, then each line of a file that sets it.
pub fn text(parameters: &Parameters, findings: &[Finding]) -> String {
    let mut out = String::new();
    for (parameter, live, next) in rows(parameters) {
        let now = match live_text(live) {
            Ok(value) => format!("now {}", printable(&value)),
            Err(why) => format!("now unknown ({})", printable(&why)),
        };
        let then = match (&next.set, &next.command_line) {
            (Some(set), _) => printable(&set.value),
            (None, Some(word)) => format!("as {} sets it", printable(&word.text)),
            (None, None) => "the kernel's default".to_owned(),
        };
        let must = finding_of(parameter, findings).map_or_else(String::new, |finding| {
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
        if is_overwritten(parameters, parameter, next) {
            let _ = writeln!(
                out,
                "    the kubelet sets {} whenever it starts: protect-kernel-defaults is not set",
                parameter.required
            );
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
        for (version, number) in older(parameters, parameter.key) {
            let left = number.map_or_else(
                || "the kernel's value".to_owned(),
                |number| number.to_string(),
            );
            let _ = writeln!(out, "    systemd {version} would leave {left}");
        }
    }
    let _ = match parameters.systemd {
        Some(systemd) => writeln!(out, "\nNext boot predicted for systemd {}", systemd.version),
        None => writeln!(
            out,
            "\nNext boot predicted for the newest systemd: the version of this host is not known"
        ),
    };
    for (at, problem) in parameters.resolution.problems.iter().enumerate() {
        if at == 0 {
            out.push_str("\nLines without the effect they are meant to have:\n");
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
