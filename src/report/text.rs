//! The report for a terminal: the verdict first, then each reason with its evidence and its remedies. A unit
//! that would start takes one line.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};
use anstyle::AnsiColor;

use crate::assessment::UnitReport;
use crate::facts::{Excerpt, Machine, Part};
use crate::finding::{CheckId, Effect, Finding, Outcome};
use crate::rke2::installed::VersionSource;
use crate::text::{count, printable, visible};
use crate::verdict::Verdict;

/// How to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// With colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// With the lines that the component would print as it exits, and satisfied findings.
    pub verbose: bool,
}

/// All units, one after the other. A unit whose reasons are all printed already gets one line. `machine` is
/// called only if there is a problem to print.
pub fn render(reports: &[UnitReport], style: Style, machine: impl FnOnce() -> Machine) -> String {
    let mut machine = Some(machine);
    let mut out = String::new();
    let mut apart = false;
    for (index, report) in reports.iter().enumerate() {
        let repeated = !style.verbose && is_repeated(report, &reports.iter().take(index));
        let troubled = style.verbose || !repeated && report.problems().next().is_some();
        // An empty line separates a paragraph; single lines follow each other.
        if index > 0 && (apart || troubled) {
            out.push('\n');
        }
        apart = troubled;
        out.push_str(&headline(report, style));
        out.push_str(if repeated { ", see above\n" } else { "\n" });
        if troubled {
            let machine = machine.take().map(|ask| ask());
            context(&mut out, report, machine.as_ref(), style);
            body(&mut out, report, report.problems(), style);
        }
    }
    out
}

/// Whether a unit has problems, and each is in one of the reports before with the same text and remedies.
pub(super) fn is_repeated<'a>(
    report: &UnitReport,
    before: &(impl Iterator<Item = &'a UnitReport> + Clone),
) -> bool {
    let same = |a: &Finding, b: &Finding| {
        (a.id(), a.summary(), a.remedies()) == (b.id(), b.summary(), b.remedies())
    };
    let printed = |finding| {
        let mut all = before.clone().flat_map(UnitReport::problems);
        all.any(|other| same(finding, other))
    };
    report.problems().next().is_some() && report.problems().all(printed)
}

/// `text` in `color`, if the output has colours.
pub fn paint(style: Style, color: anstyle::Style, text: &str) -> String {
    if style.color {
        format!("{color}{text}{color:#}")
    } else {
        text.to_owned()
    }
}

/// What failed.
pub const RED: anstyle::Style = AnsiColor::Red.on_default().bold();
/// What is doubtful.
pub const YELLOW: anstyle::Style = AnsiColor::Yellow.on_default().bold();
/// What is right.
pub const GREEN: anstyle::Style = AnsiColor::Green.on_default().bold();
/// What matters less.
pub const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// One line: whether the unit would start.
pub(crate) fn headline(report: &UnitReport, style: Style) -> String {
    headline_after(report, "", style)
}

/// The same, where the unit would start only after something: ` after an upgrade to v1.35.3+rke2r1`.
pub(super) fn headline_after(report: &UnitReport, after: &str, style: Style) -> String {
    let of = |effect| report.violated(effect).count();
    let (now, then) = (of(Effect::BlocksStart), of(Effect::BlocksNextBoot));
    let transient = of(Effect::Transient);
    let (code, words) = match (report.verdict.now, report.verdict.next_boot) {
        // An image has no present, only a boot to come.
        (Verdict::WouldRefuse, _) | (_, Verdict::WouldRefuse) if report.image => {
            let all = now.saturating_add(then);
            (RED, format!("would not start: {}", count(all, "reason")))
        }
        (Verdict::WouldRefuse, _) if now == 0 => (
            RED,
            format!(
                "would fail now, and try again: {}",
                count(transient, "reason")
            ),
        ),
        (Verdict::WouldRefuse, _) => {
            let all = now.saturating_add(transient);
            (RED, format!("would not start: {}", count(all, "reason")))
        }
        (Verdict::WouldStart | Verdict::Undetermined, Verdict::WouldStart)
            if stopped_pods(report).is_some()
                && (report.image || report.verdict.now == Verdict::WouldStart) =>
        {
            let pods = stopped_pods(report).unwrap_or_default();
            (RED, format!("would start, but {pods} would not"))
        }
        (_, Verdict::WouldStart) if report.image => (GREEN, "would start".to_owned()),
        (Verdict::WouldStart, Verdict::WouldRefuse) => (
            YELLOW,
            format!(
                "would start now, but not after the next boot: {}",
                count(then, "reason")
            ),
        ),
        (Verdict::WouldStart, Verdict::WouldStart) => (GREEN, "would start".to_owned()),
        (Verdict::WouldStart, Verdict::Undetermined) => (
            YELLOW,
            "would start now; cannot determine whether it would start after the next boot"
                .to_owned(),
        ),
        (Verdict::Undetermined, Verdict::WouldRefuse) => (
            YELLOW,
            format!(
                "would not start after the next boot: {}; cannot determine whether it would start now",
                count(then, "reason")
            ),
        ),
        (Verdict::Undetermined, Verdict::WouldStart) => (
            YELLOW,
            "would start after the next boot; cannot determine whether it would start now"
                .to_owned(),
        ),
        (Verdict::Undetermined, Verdict::Undetermined) => {
            (YELLOW, "cannot determine whether it would start".to_owned())
        }
    };
    let idle = if report.idle { " (not enabled)" } else { "" };
    let separator = if words.starts_with("cannot") { ":" } else { "" };
    format!(
        "{}{idle}{after}{separator} {}",
        report.unit,
        paint(style, code, &words)
    )
}

/// The static pods that would exit: `etcd, kube-apiserver and kube-proxy`.
fn stopped_pods(report: &UnitReport) -> Option<String> {
    let mut pods: Vec<&str> = report
        .violated(Effect::BlocksControlPlane)
        .flat_map(Finding::required_by)
        .map(|component| component.name())
        .collect();
    pods.sort_unstable();
    pods.dedup();
    match pods.as_slice() {
        [] => None,
        [pod] => Some((*pod).to_owned()),
        [pods @ .., last] => Some(format!("{} and {last}", pods.join(", "))),
    }
}

pub(super) fn context(
    out: &mut String,
    report: &UnitReport,
    machine: Option<&Machine>,
    style: Style,
) {
    let assumed = match (report.version_source, report.rules_of()) {
        (VersionSource::Assumed, _) => " (assumed: no installed version found)".to_owned(),
        (_, Some(read)) => format!(" (rules extrapolated from {read})"),
        _ => String::new(),
    };
    let refused = report
        .violated(Effect::BlocksStart)
        .any(|f| matches!(f.id(), CheckId::ConfigParse | CheckId::ConfigFlag));
    let unknown = report
        .findings
        .iter()
        .any(|f| f.id() == CheckId::ConfigUnreadable);
    let profile = if unknown {
        "its configuration is not known".to_owned()
    } else if refused {
        "its configuration is refused".to_owned()
    } else if report.profile.value.is_empty() {
        "no profile".to_owned()
    } else {
        format!(
            "profile {} ({})",
            printable(&report.profile.value),
            printable(&report.profile.origin.to_string())
        )
    };
    let line = format!(
        "  RKE2 {} {}{assumed}, {profile}",
        report.version, report.role
    );
    let _ = writeln!(out, "{}", paint(style, DIM, &line));
    let facts: Vec<String> = machine.map(describe).unwrap_or_default();
    if !facts.is_empty() {
        let line = format!("  {}", facts.join(", "));
        let _ = writeln!(out, "{}", paint(style, DIM, &line));
    }
}

fn describe(machine: &Machine) -> Vec<String> {
    let mut facts = Vec::new();
    facts.extend(machine.system.as_deref().map(printable));
    facts.extend(
        machine
            .kernel
            .as_deref()
            .map(|kernel| format!("kernel {}", printable(kernel))),
    );
    facts.extend(machine.systemd.map(|version| format!("systemd {version}")));
    facts.extend(machine.memory.map(memory));
    facts
}

/// `3.8 GiB`, rounded down.
fn memory(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB memory", tenths / 10, tenths % 10)
}

pub(super) fn body<'a>(
    out: &mut String,
    report: &UnitReport,
    problems: impl Iterator<Item = &'a Finding>,
    style: Style,
) {
    let renderer = if style.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(style.width);
    for finding in problems {
        out.push('\n');
        out.push_str(&block(finding, &renderer));
        out.push('\n');
    }
    if style.verbose {
        let satisfied = report
            .findings
            .iter()
            .filter(|f| f.outcome() == Outcome::Satisfied);
        for (index, finding) in satisfied.enumerate() {
            if index == 0 {
                out.push('\n');
            }
            let _ = writeln!(
                out,
                "{} {} [{}]",
                paint(style, GREEN, "ok:"),
                printable(finding.summary()),
                finding.id()
            );
        }
        if !report.verdict.predicted.is_empty() {
            let who = report.verdict.refused_by.map_or("RKE2", |c| c.name());
            let _ = writeln!(out, "\nIf it is started now, {who} exits with:");
            for line in &report.verdict.predicted {
                let _ = writeln!(out, "    {}", printable(line));
            }
        }
    }
}

fn block(finding: &Finding, renderer: &Renderer) -> String {
    let level = match (finding.effect(), finding.outcome()) {
        (
            Effect::BlocksStart | Effect::Transient | Effect::BlocksControlPlane,
            Outcome::Violated,
        ) => Level::ERROR,
        _ => Level::WARNING,
    };
    let title = level
        .primary_title(printable(finding.summary()))
        .id(finding.id().as_str());
    let mut elements: Vec<Element<'_>> = Vec::new();
    for evidence in finding.evidence() {
        let (Some(excerpt), Some(line)) = (&evidence.excerpt, evidence.source.line) else {
            continue;
        };
        let kind = match evidence.part {
            Part::Overridden | Part::Masks => AnnotationKind::Context,
            _ => AnnotationKind::Primary,
        };
        let (text, mark) = shown(excerpt);
        elements.push(
            Snippet::source(text)
                .path(printable(&evidence.source.path))
                .line_start(usize::try_from(line).unwrap_or(usize::MAX))
                .annotation(kind.span(mark).label(printable(&excerpt.label)))
                .into(),
        );
    }
    let notes = finding.notes().iter().map(|note| printable(note));
    elements.extend(notes.map(|note| Level::NOTE.message(note).into()));
    for remedy in finding.remedies() {
        let (summary, commands) = (printable(&remedy.summary()), remedy.commands());
        let text = if commands.is_empty() {
            summary
        } else {
            format!("{summary}: {}", visible(&commands.join(" && ")))
        };
        elements.push(Level::HELP.message(text).into());
    }
    let group = if elements.is_empty() {
        title.elements(Vec::<Element<'_>>::new())
    } else {
        title.elements(elements)
    };
    renderer.render(&[group])
}

/// The line with every character visible, and the marked part of it.
fn shown(excerpt: &Excerpt) -> (String, Range<usize>) {
    let part = |range| excerpt.text.get(range).map(printable).unwrap_or_default();
    let before = part(0..excerpt.mark.start);
    let marked = part(excerpt.mark.start..excerpt.mark.end);
    let after = part(excerpt.mark.end..excerpt.text.len());
    let start = before.len();
    let end = start.saturating_add(marked.len());
    (format!("{before}{marked}{after}"), start..end)
}
