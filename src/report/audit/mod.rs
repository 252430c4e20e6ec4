//! The result of an audit: for an auditor at a terminal, for programs, and in the formats of other tools.

pub(crate) mod html;
pub(crate) mod json;
pub mod junit;
pub mod kube_bench;
pub mod metrics;
pub(crate) mod row;
pub mod sarif;
pub(crate) mod text;
pub(crate) mod xccdf;
mod xml;

use clap::ValueEnum;

use super::text::Style;
use crate::audit::benchmark::Benchmark;
use crate::audit::control::NodeType;
use crate::audit::cure::Group;
use crate::audit::result::Evidence;
use crate::audit::{Audit, Audited};

/// Formats of `audit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuditFormat {
    /// Plain text
    Text,
    /// One JSON object, for programs
    Json,
    /// The JSON of kube-bench
    KubeBench,
    /// JUnit XML
    Junit,
    /// SARIF 2.1.0
    Sarif,
    /// XCCDF 1.2
    Xccdf,
    /// One page for a browser
    Html,
    /// Metrics for a textfile collector
    Metrics,
}

/// The controls of an audit.
#[derive(Clone, Copy)]
pub(crate) struct Controls<'a> {
    /// Those that are counted.
    pub(crate) all: &'a [&'a Audited],
    /// Those that are listed.
    pub(crate) shown: &'a [&'a Audited],
    /// The only type of node whose controls are listed, if one was selected.
    pub(crate) node_type: Option<NodeType>,
}

/// What `audit` prints.
pub(crate) fn render(
    format: AuditFormat,
    audit: &Audit,
    controls: Controls<'_>,
    style: Style,
) -> String {
    let Controls {
        all,
        shown,
        node_type,
    } = controls;
    match format {
        AuditFormat::Text => text::render(audit, all, shown, style),
        AuditFormat::Json => json::render(audit, all, shown),
        AuditFormat::KubeBench => kube_bench::render(audit, shown, node_type),
        AuditFormat::Junit => junit::render(audit, shown),
        AuditFormat::Sarif => sarif::render(audit, shown),
        AuditFormat::Xccdf => xccdf::render(audit, shown),
        AuditFormat::Html => {
            let document = json::render(audit, all, shown);
            html::read(document.as_bytes()).map_or_else(
                // The document is our own, and one of its readers reads it.
                |error| {
                    format!(
                        "<!DOCTYPE html>\n<p>{}</p>\n",
                        xml::escape(&error.to_string())
                    )
                },
                |report| html::render(&[report]),
            )
        }
        AuditFormat::Metrics => metrics::render(audit, all, shown),
    }
}

/// The section of the benchmark that a control is in: number and title.
pub(crate) fn section(audited: &Audited) -> Section {
    if audited.control.is_beyond() {
        return ("guide", GUIDE);
    }
    let id = audited.edition.id;
    let known = SECTIONS.iter().find(|(number, _)| {
        let rest = id.strip_prefix(number);
        rest.is_some_and(|rest| rest.starts_with('.'))
    });
    known.copied().unwrap_or(("", "Others"))
}

/// The title of the section of that number.
fn section_title(number: &str) -> &'static str {
    if number == "guide" {
        return GUIDE;
    }
    let known = SECTIONS.iter().find(|(known, _)| *known == number);
    known.map_or("Others", |(_, title)| title)
}

/// What the hardening guide asks besides.
const GUIDE: &str = "Further requirements of the hardening guide";

/// The parts of the benchmark that can be checked on a node.
const SECTIONS: [(&str, &str); 10] = [
    ("1.1", "Files of the control plane"),
    ("1.2", "API server"),
    ("1.3", "Controller manager"),
    ("1.4", "Scheduler"),
    ("2", "etcd"),
    ("3.1", "Who may authenticate"),
    ("3.2", "Audit log"),
    ("4.1", "Files of the kubelet and of kube-proxy"),
    ("4.2", "Kubelet"),
    ("4.3", "kube-proxy"),
];

/// Controls by section of the benchmark, in its order.
pub(crate) fn sections<'a>(controls: &[&'a Audited]) -> Vec<(Section, Vec<&'a Audited>)> {
    by_section(controls, section)
}

/// Number and title of a section of the benchmark.
pub type Section = (&'static str, &'static str);

/// Controls by their section, in the order in which sections come first.
pub fn by_section<T: Copy>(
    controls: &[T],
    section: impl Fn(T) -> Section,
) -> Vec<(Section, Vec<T>)> {
    let mut sections: Vec<(Section, Vec<T>)> = Vec::new();
    for control in controls {
        let section = section(*control);
        match sections.iter_mut().find(|(known, _)| *known == section) {
            Some((_, members)) => members.push(*control),
            None => sections.push((section, vec![*control])),
        }
    }
    sections
}

/// Why a waived control does not count.
pub(crate) fn waived(audited: &Audited) -> Option<String> {
    audited.waiver.as_ref()?.accepted(audited.outcome)
}

/// The controls that a group cures.
fn cured<'a>(audit: &'a Audit, group: &'a Group) -> impl Iterator<Item = &'a Audited> {
    let is_member = |audited: &&Audited| group.controls.contains(&audited.control.key);
    audit.controls.iter().filter(is_member)
}

/// What a process runs with and what RKE2 starts next, where these differ.
fn differing(audited: &Audited) -> Option<String> {
    let result = &audited.result;
    (result.evidence() == Some(Evidence::Differs)).then_some(())?;
    let word = |met: bool| if met { "met" } else { "not met" };
    let (running, next) = (result.running.as_ref()?, result.next_start.as_ref()?);
    Some(format!(
        "running: {} ({}); from RKE2's next start: {} ({})",
        running.value,
        word(running.met),
        next.value,
        word(next.met)
    ))
}

/// Remedies, each what it is and its commands, in one line.
pub fn in_one_line(remedies: impl IntoIterator<Item = (String, Vec<String>)>) -> String {
    let line = |(summary, commands): (String, Vec<String>)| {
        if commands.is_empty() {
            summary
        } else {
            format!("{summary}: {}", commands.join(" && "))
        }
    };
    let lines: Vec<String> = remedies.into_iter().map(line).collect();
    lines.join("; ")
}

/// The remedies of a control in one line.
fn remedy(audited: &Audited) -> String {
    let remedies = audited.result.remedies.iter();
    in_one_line(remedies.map(|remedy| (remedy.summary(), remedy.commands())))
}

/// `rke2-cis-1.12`, as scanners call the benchmark.
fn profile(benchmark: Benchmark) -> String {
    format!("rke2-cis-{benchmark}")
}
