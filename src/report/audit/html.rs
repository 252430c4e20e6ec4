//! One page for people: of one node, or of many, whose equal results are one row. It holds its own style and script, asks
//! for nothing, and needs no script to be read and filtered.
//!
//! It is made of the documents of [`super::json`], so that reports of other nodes can be merged.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::xml::escape;
use crate::audit::controls::numbers;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The digest of the script, by which a browser lets it run and no other: `openssl dgst -sha256 -binary page.js | base64`.
const DIGEST: &str = "sha256-EcvSXXfHsNv/Ox7o3bSQZhiczpENOW63P37tZVCZDQI=";

/// Outcomes in the order of the page, and what becomes of a row before anything is filtered.
const OUTCOMES: [(&str, bool); 7] = [
    ("fail", true),
    ("warn", true),
    ("error", true),
    ("manual", true),
    ("waived", true),
    ("pass", false),
    ("not-applicable", false),
];

/// As many names of nodes are listed in a row; a fleet may have more.
const NAMES: usize = 10_000;

/// A document of `audit --format json`, as far as the page shows it.
#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    schema: String,
    #[serde(default)]
    node: String,
    #[serde(default)]
    time: String,
    unit: String,
    rke2_version: String,
    profile: String,
    benchmark: String,
    #[serde(default)]
    unknown: Vec<String>,
    #[serde(default)]
    groups: Vec<Group>,
    controls: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
struct Group {
    summary: String,
    lasts: bool,
    remedies: Vec<Help>,
    controls: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Help {
    summary: String,
    commands: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    id: String,
    key: String,
    title: String,
    section: String,
    outcome: String,
    expected: Option<String>,
    summary: String,
    #[serde(default)]
    evidence: Option<String>,
    #[serde(default)]
    running: Option<Seen>,
    #[serde(default)]
    next_start: Option<Seen>,
    sources: Vec<Place>,
    remedies: Vec<Help>,
    waiver: Option<Waiver>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Seen {
    value: String,
    met: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Place {
    path: String,
    line: Option<u32>,
}

#[derive(Debug, Clone, Deserialize)]
struct Waiver {
    reason: String,
    expires: String,
    expired: bool,
}

impl Report {
    /// Whether a control fails that no waiver accepts.
    pub fn fails(&self) -> bool {
        let is_waived = |entry: &Entry| entry.waiver.as_ref().is_some_and(|waiver| !waiver.expired);
        self.controls
            .iter()
            .any(|entry| entry.outcome == "fail" && !is_waived(entry))
    }
}

/// A text that is no report of an audit.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    /// It is no JSON, or lacks a field.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Its schema is another one.
    #[error("its schema is {0:?}, not \"org.rke2.preflight.audit/1\"")]
    Schema(String),
}

/// Reads a document of `audit --format json`.
///
/// # Errors
///
/// If it is none.
pub fn read(text: &[u8]) -> Result<Report, NotAReport> {
    let report: Report = serde_json::from_slice(text)?;
    if report.schema == "org.rke2.preflight.audit/1" {
        Ok(report)
    } else {
        Err(NotAReport::Schema(report.schema))
    }
}

/// What rows with the same of are one of. The order is that of the page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    beyond: bool,
    number: Vec<u32>,
    section: String,
    id: String,
    rank: usize,
    key: String,
    title: String,
    summary: String,
    expected: String,
    evidence: String,
    seen: Option<(Seen, Seen)>,
    places: Vec<String>,
    waiver: String,
    remedies: Vec<Help>,
}

/// The page, one line feed at its end.
pub fn render(reports: &[Report]) -> String {
    let mut rows: BTreeMap<Row, Vec<&str>> = BTreeMap::new();
    let mut counts = [0_usize; OUTCOMES.len()];
    for report in reports {
        let own = name(report);
        for entry in &report.controls {
            let row = row(entry);
            if let Some(count) = counts.get_mut(row.rank) {
                *count = count.saturating_add(1);
            }
            rows.entry(row).or_default().push(own);
        }
    }
    let mut out = String::with_capacity(1 << 16);
    head(&mut out, reports, &counts);
    cures(&mut out, reports);
    let rows: Vec<(&Row, &Vec<&str>)> = rows.iter().collect();
    let mut section = None;
    // What differs between nodes of one result of a control is inside its row.
    for variants in rows.chunk_by(|(a, _), (b, _)| (&a.key, a.rank) == (&b.key, b.rank)) {
        let Some((row, _)) = variants.first() else {
            continue;
        };
        if section != Some(&row.section) {
            if section.is_some() {
                out.push_str("</ul>\n");
            }
            section = Some(&row.section);
            let title = super::section_title(&row.section);
            let number = if row.beyond { "" } else { &row.section };
            let _ = writeln!(out, "<h2>{} {}</h2>\n<ul>", escape(number), escape(title));
        }
        item(&mut out, variants, reports.len());
    }
    if section.is_some() {
        out.push_str("</ul>\n");
    }
    let _ = writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>");
    out
}

/// The node's name, or its unit where that is not known.
fn name(report: &Report) -> &str {
    if report.node.is_empty() {
        &report.unit
    } else {
        &report.node
    }
}

fn row(entry: &Entry) -> Row {
    let waiver = entry.waiver.as_ref();
    let is_unmet = ["fail", "warn"].contains(&entry.outcome.as_str());
    let is_waived = is_unmet && waiver.is_some_and(|waiver| !waiver.expired);
    let outcome = if is_waived { "waived" } else { &entry.outcome };
    let known = OUTCOMES.iter().position(|(name, _)| *name == outcome);
    let places = entry.sources.iter();
    Row {
        beyond: entry.key.starts_with("guide."),
        number: numbers(&entry.id),
        section: entry.section.clone(),
        id: entry.id.clone(),
        // An outcome that is not known could not be evaluated, as far as this page knows.
        rank: known.unwrap_or(2),
        key: entry.key.clone(),
        title: entry.title.clone(),
        summary: entry.summary.clone(),
        expected: entry.expected.clone().unwrap_or_default(),
        evidence: entry.evidence.clone().unwrap_or_default(),
        seen: entry.running.clone().zip(entry.next_start.clone()),
        // The number of a process tells nothing on another node.
        places: places
            .filter(|place| !place.path.starts_with("/proc/"))
            .map(|place| match place.line {
                Some(line) => format!("{}:{line}", place.path),
                None => place.path.clone(),
            })
            .collect(),
        waiver: waiver.map_or_else(String::new, |waiver| {
            let word = if waiver.expired {
                "waiver expired after"
            } else {
                "waived until"
            };
            format!("{word} {}: {}", waiver.expires, waiver.reason)
        }),
        remedies: entry.remedies.clone(),
    }
}

fn head(out: &mut String, reports: &[Report], counts: &[usize]) {
    let nodes = crate::text::count(reports.len(), "node");
    let benchmarks = distinct(reports.iter().map(|report| report.benchmark.as_str()));
    let title = match reports {
        [one] => format!("CIS {}: {}", one.benchmark, name(one)),
        _ => format!("CIS {}: {nodes}", benchmarks.join(", ")),
    };
    let _ = writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src '{DIGEST}'\">\n\
         <title>{0}</title>\n<style>\n{STYLE}{1}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>",
        escape(&title),
        filters()
    );
    let of = |of: fn(&Report) -> &str| distinct(reports.iter().map(of)).join(", ");
    let profile = of(|report| match report.profile.as_str() {
        "" => "none",
        profile => profile,
    });
    let mut times: Vec<&str> = reports.iter().map(|report| report.time.as_str()).collect();
    times.sort_unstable();
    let time = match (times.first(), times.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (first, _) => first.copied().unwrap_or_default().to_owned(),
    };
    let _ = writeln!(
        out,
        "<p>RKE2 {}; profile {}; {}; {}</p>",
        escape(&of(|report| &report.rke2_version)),
        escape(&profile),
        escape(&of(|report| &report.unit)),
        escape(&time)
    );
    for report in reports.iter().filter(|report| !report.unknown.is_empty()) {
        let _ = writeln!(
            out,
            "<p>{}: not known of RKE2's configuration: {}</p>",
            escape(name(report)),
            escape(&report.unknown.join("; "))
        );
    }
    out.push_str("</header>\n");
    for (outcome, shown) in OUTCOMES {
        let checked = if shown { " checked" } else { "" };
        let _ = writeln!(out, "<input type=\"checkbox\" id=\"o-{outcome}\"{checked}>");
    }
    out.push_str("<div class=\"filters\">\n");
    for ((outcome, _), count) in OUTCOMES.iter().zip(counts) {
        let _ = writeln!(
            out,
            "<label for=\"o-{outcome}\" class=\"{outcome}\"><b>{count}</b> {}</label>",
            outcome.replace('-', " ")
        );
    }
    out.push_str(
        "<input type=\"search\" id=\"search\" placeholder=\"search\" aria-label=\"search\" hidden>\n</div>\n<main>\n",
    );
}

/// Rules by which rows of an outcome are not shown, and their filter looks so.
fn filters() -> String {
    let mut out = String::new();
    for (outcome, _) in OUTCOMES {
        let _ = writeln!(
            out,
            "#o-{outcome}:not(:checked) ~ main .{outcome} {{ display: none; }}\n\
             #o-{outcome}:checked ~ .filters .{outcome} {{ background: #8883; }}\n\
             #o-{outcome}:focus-visible ~ .filters .{outcome} {{ outline: 2px solid; }}"
        );
    }
    out
}

/// Each once, sorted.
fn distinct<'a>(all: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What to do: equal groups of several nodes are one.
fn cures(out: &mut String, reports: &[Report]) {
    type Cure<'a> = (&'a str, bool, &'a [Help]);
    let mut all: Vec<(Cure<'_>, Vec<&str>, Vec<&str>)> = Vec::new();
    let mut places: BTreeMap<Cure<'_>, usize> = BTreeMap::new();
    for report in reports {
        for group in &report.groups {
            let cure = (
                group.summary.as_str(),
                group.lasts,
                group.remedies.as_slice(),
            );
            let place = *places.entry(cure).or_insert_with(|| {
                all.push((cure, Vec::new(), Vec::new()));
                all.len().saturating_sub(1)
            });
            let Some((_, nodes, ids)) = all.get_mut(place) else {
                continue;
            };
            nodes.push(name(report));
            for key in &group.controls {
                let entry = report.controls.iter().find(|entry| entry.key == *key);
                let id = entry.map_or(key.as_str(), |entry| entry.id.as_str());
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    }
    if all.is_empty() {
        return;
    }
    out.push_str("<h2>What to do</h2>\n<ul class=\"cures\">\n");
    for ((summary, lasts, remedies), nodes, ids) in &all {
        let _ = write!(
            out,
            "<li><details><summary><span class=\"title\">{}</span>",
            escape(summary)
        );
        if reports.len() > 1 {
            let nodes = crate::text::count(nodes.len(), "node");
            let _ = write!(out, "<span class=\"nodes\">{nodes}</span>");
        }
        let _ = writeln!(
            out,
            "</summary><div class=\"body\"><p>cures {}</p>",
            escape(&ids.join(", "))
        );
        if !lasts {
            out.push_str("<p>This does not last.</p>\n");
        }
        for remedy in *remedies {
            help(out, remedy, summary);
        }
        names(out, nodes, reports.len());
        out.push_str("</div></details></li>\n");
    }
    out.push_str("</ul>\n");
}

/// A remedy; not its sentence, where that was said before.
fn help(out: &mut String, remedy: &Help, said: &str) {
    if remedy.summary != said {
        let _ = writeln!(out, "<p>{}</p>", escape(&remedy.summary));
    }
    if !remedy.commands.is_empty() {
        let lines: Vec<String> = remedy.commands.iter().map(|line| escape(line)).collect();
        let _ = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
    }
}

/// The nodes of a row, where there are several; of all of them only that they are all.
fn names(out: &mut String, nodes: &[&str], of: usize) {
    if of < 2 {
        return;
    }
    if nodes.len() >= of {
        out.push_str("<p class=\"dim\">on all nodes</p>\n");
        return;
    }
    let listed: Vec<&str> = nodes.iter().copied().take(NAMES).collect();
    let rest = nodes.len().saturating_sub(listed.len());
    let more = if rest == 0 {
        String::new()
    } else {
        format!(" and {rest} more")
    };
    let _ = writeln!(
        out,
        "<p class=\"names\">on {}{more}</p>",
        escape(&listed.join(", "))
    );
}

/// One result of a control, with what was found on nodes that have it.
fn item(out: &mut String, variants: &[(&Row, &Vec<&str>)], of: usize) {
    let Some((row, _)) = variants.first() else {
        return;
    };
    let (outcome, _) = OUTCOMES.get(row.rank).copied().unwrap_or_default();
    let id = if row.beyond { "" } else { &row.id };
    let evidence = distinct(variants.iter().map(|(row, _)| row.evidence.as_str()));
    let _ = write!(
        out,
        "<li class=\"{outcome}\"><details><summary><span class=\"outcome\">{}</span>\
         <span class=\"id\">{}</span><span class=\"title\">{}</span><span class=\"evidence\">{}</span>",
        outcome.replace('-', " "),
        escape(id),
        escape(&row.title),
        escape(&evidence.join(", "))
    );
    if of > 1 {
        let nodes = variants.iter().map(|(_, nodes)| nodes.len()).sum();
        let nodes = crate::text::count(nodes, "node");
        let _ = write!(out, "<span class=\"nodes\">{nodes}</span>");
    }
    let _ = writeln!(
        out,
        "</summary><div class=\"body\"><p class=\"dim\">{}</p>",
        escape(&row.key)
    );
    for (row, nodes) in variants {
        variant(out, row, outcome, nodes, of);
    }
    out.push_str("</div></details></li>\n");
}

/// What was found on some of the nodes, and what to do about it there.
fn variant(out: &mut String, row: &Row, outcome: &str, nodes: &[&str], of: usize) {
    let _ = writeln!(
        out,
        "<div class=\"variant\"><p>{}</p>",
        escape(&row.summary)
    );
    if let Some((running, next)) = &row.seen
        && running != next
    {
        let word = |seen: &Seen| if seen.met { "met" } else { "not met" };
        let _ = writeln!(
            out,
            "<p>running: {} ({}); from RKE2's next start: {} ({})</p>",
            escape(&running.value),
            word(running),
            escape(&next.value),
            word(next)
        );
    }
    if !row.expected.is_empty() {
        let _ = writeln!(out, "<p>required: {}</p>", escape(&row.expected));
    }
    if !row.places.is_empty() {
        let _ = writeln!(
            out,
            "<p>at <code>{}</code></p>",
            escape(&row.places.join(", "))
        );
    }
    if !row.waiver.is_empty() {
        let _ = writeln!(out, "<p>{}</p>", escape(&row.waiver));
    }
    if ["fail", "warn", "error"].contains(&outcome) {
        for remedy in &row.remedies {
            help(out, remedy, "");
        }
    }
    names(out, nodes, of);
    out.push_str("</div>\n");
}
