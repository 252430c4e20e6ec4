//! One page for people: of one node, or of many, whose equal results are one row. It holds its own style and script, asks
//! for nothing, and needs no script to be read and filtered.
//!
//! It is made of the documents of [`super::json`], so that reports of other nodes can be merged.

use std::collections::{BTreeMap, BTreeSet};
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
    fn fails(&self) -> bool {
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

/// A remedy of several controls: what it says, whether it lasts, how it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cure {
    summary: String,
    lasts: bool,
    remedies: Vec<Help>,
}

/// What a remedy cures.
#[derive(Debug, Default)]
struct Cured {
    /// Its place on the page.
    order: usize,
    /// Positions of nodes.
    nodes: Vec<u32>,
    /// Numbers of controls.
    ids: Vec<String>,
}

/// A page in the making: of each report it keeps what no other has said. Nodes are known by their position, so that a
/// fleet needs little more memory than its page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The names of the nodes.
    nodes: Vec<String>,
    rows: BTreeMap<Row, Vec<u32>>,
    counts: [usize; OUTCOMES.len()],
    cures: BTreeMap<Cure, Cured>,
    benchmarks: BTreeSet<String>,
    versions: BTreeSet<String>,
    profiles: BTreeSet<String>,
    units: BTreeSet<String>,
    /// The first and the last time of an audit.
    times: Option<(String, String)>,
    /// Nodes, and what is not known of their configuration.
    unknown: Vec<(u32, String)>,
    fails: bool,
}

impl Page {
    /// Adds the report of a node.
    pub(crate) fn add(&mut self, report: &Report) {
        let node = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.push(name(report).to_owned());
        for entry in &report.controls {
            let row = row(entry);
            if let Some(count) = self.counts.get_mut(row.rank) {
                *count = count.saturating_add(1);
            }
            self.rows.entry(row).or_default().push(node);
        }
        for group in &report.groups {
            self.cure(node, group, report);
        }
        let profile = match report.profile.as_str() {
            "" => "none",
            profile => profile,
        };
        once(&mut self.benchmarks, &report.benchmark);
        once(&mut self.versions, &report.rke2_version);
        once(&mut self.profiles, profile);
        once(&mut self.units, &report.unit);
        let time = &report.time;
        match &mut self.times {
            None => self.times = Some((time.clone(), time.clone())),
            Some((first, last)) => {
                if time < first {
                    first.clone_from(time);
                }
                if time > last {
                    last.clone_from(time);
                }
            }
        }
        if !report.unknown.is_empty() {
            self.unknown.push((node, report.unknown.join("; ")));
        }
        self.fails |= report.fails();
    }

    /// Adds what cures controls of a node.
    fn cure(&mut self, node: u32, group: &Group, report: &Report) {
        let cure = Cure {
            summary: group.summary.clone(),
            lasts: group.lasts,
            remedies: group.remedies.clone(),
        };
        let order = self.cures.len();
        let cured = self.cures.entry(cure).or_insert_with(|| Cured {
            order,
            ..Cured::default()
        });
        cured.nodes.push(node);
        for key in &group.controls {
            let entry = report.controls.iter().find(|entry| entry.key == *key);
            let id = entry.map_or(key, |entry| &entry.id);
            if !cured.ids.contains(id) {
                cured.ids.push(id.clone());
            }
        }
    }

    /// Whether a control fails on one of the nodes that no waiver accepts.
    pub(crate) const fn fails(&self) -> bool {
        self.fails
    }

    /// The page, one line feed at its end.
    pub(crate) fn render(&self) -> String {
        let mut out = String::with_capacity(1 << 16);
        head(&mut out, self);
        cures(&mut out, self);
        let rows: Vec<(&Row, &Vec<u32>)> = self.rows.iter().collect();
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
            item(&mut out, variants, &self.nodes);
        }
        if section.is_some() {
            out.push_str("</ul>\n");
        }
        let _ = writeln!(out, "</main>\n<script>{SCRIPT}</script>\n</body>\n</html>");
        out
    }

    /// The name of a node.
    fn node(&self, node: u32) -> &str {
        named(&self.nodes, node)
    }
}

/// The page of these reports.
pub fn render(reports: &[Report]) -> String {
    let mut page = Page::default();
    for report in reports {
        page.add(report);
    }
    page.render()
}

/// Adds a text to those that are there.
fn once(all: &mut BTreeSet<String>, text: &str) {
    if !all.contains(text) {
        all.insert(text.to_owned());
    }
}

/// All of them, sorted.
fn joined(all: &BTreeSet<String>) -> String {
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.join(", ")
}

/// The name of the node at a position.
fn named(nodes: &[String], node: u32) -> &str {
    let at = usize::try_from(node).unwrap_or(usize::MAX);
    nodes.get(at).map_or("", String::as_str)
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

fn head(out: &mut String, page: &Page) {
    let benchmarks = joined(&page.benchmarks);
    let title = match page.nodes.as_slice() {
        [one] => format!("CIS {benchmarks}: {one}"),
        nodes => {
            let nodes = crate::text::count(nodes.len(), "node");
            format!("CIS {benchmarks}: {nodes}")
        }
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
    let time = match &page.times {
        Some((first, last)) if first != last => format!("{first} to {last}"),
        Some((first, _)) => first.clone(),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "<p>RKE2 {}; profile {}; {}; {}</p>",
        escape(&joined(&page.versions)),
        escape(&joined(&page.profiles)),
        escape(&joined(&page.units)),
        escape(&time)
    );
    for (node, unknown) in &page.unknown {
        let _ = writeln!(
            out,
            "<p>{}: not known of RKE2's configuration: {}</p>",
            escape(page.node(*node)),
            escape(unknown)
        );
    }
    out.push_str("</header>\n");
    for (outcome, shown) in OUTCOMES {
        let checked = if shown { " checked" } else { "" };
        let _ = writeln!(out, "<input type=\"checkbox\" id=\"o-{outcome}\"{checked}>");
    }
    out.push_str("<div class=\"filters\">\n");
    for ((outcome, _), count) in OUTCOMES.iter().zip(&page.counts) {
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
fn cures(out: &mut String, page: &Page) {
    let mut all: Vec<(&Cure, &Cured)> = page.cures.iter().collect();
    all.sort_unstable_by_key(|(_, cured)| cured.order);
    if all.is_empty() {
        return;
    }
    out.push_str("<h2>What to do</h2>\n<ul class=\"cures\">\n");
    for (cure, cured) in all {
        let _ = write!(
            out,
            "<li><details><summary><span class=\"title\">{}</span>",
            escape(&cure.summary)
        );
        if page.nodes.len() > 1 {
            let nodes = crate::text::count(cured.nodes.len(), "node");
            let _ = write!(out, "<span class=\"nodes\">{nodes}</span>");
        }
        let _ = writeln!(
            out,
            "</summary><div class=\"body\"><p>cures {}</p>",
            escape(&cured.ids.join(", "))
        );
        if !cure.lasts {
            out.push_str("<p>This does not last.</p>\n");
        }
        for remedy in &cure.remedies {
            help(out, remedy, &cure.summary);
        }
        names(out, &cured.nodes, &page.nodes);
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
fn names(out: &mut String, nodes: &[u32], all: &[String]) {
    if all.len() < 2 {
        return;
    }
    if nodes.len() >= all.len() {
        out.push_str("<p class=\"dim\">on all nodes</p>\n");
        return;
    }
    let listed = nodes.iter().take(NAMES);
    let listed: Vec<&str> = listed.map(|node| named(all, *node)).collect();
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
fn item(out: &mut String, variants: &[(&Row, &Vec<u32>)], all: &[String]) {
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
    if all.len() > 1 {
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
        variant(out, row, outcome, nodes, all);
    }
    out.push_str("</div></details></li>\n");
}

/// What was found on some of the nodes, and what to do about it there.
fn variant(out: &mut String, row: &Row, outcome: &str, nodes: &[u32], all: &[String]) {
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
    names(out, nodes, all);
    out.push_str("</div>\n");
}
