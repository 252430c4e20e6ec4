//! The monitor's status as text, for `preflight-rke2 status`.

use std::fmt::Write as _;
use std::time::Duration;

use super::journal::subjects;
use super::monitor::{phase_text, reason_text};
use crate::document::{ExitDocument, RemedyDocument};
use crate::gate::block::Block;
use crate::monitor::{MonitorStatus, NodeStatus, UnitStatus};
use crate::text::{count, printable, time};
use crate::verdict::Verdict;

/// The text, at the time `now`.
pub(crate) fn text(status: &NodeStatus, now: u64) -> String {
    let mut out = String::new();
    if status.units.is_empty() {
        out.push_str("no RKE2 unit is installed\n");
    }
    for unit in &status.units {
        if unit.idle && unit.phase.is_down() && !unit.is_blocked() {
            line(&mut out, &format!("{} is not enabled", unit.unit));
        } else {
            print_unit(&mut out, unit, now);
        }
    }
    for trouble in &status.monitor.troubles {
        line(&mut out, &format!("monitor: {}", printable(trouble)));
    }
    line(&mut out, &monitor_line(&status.monitor, now));
    out
}

fn monitor_line(monitor: &MonitorStatus, now: u64) -> String {
    let resume = if monitor.resume { "" } else { ", resume off" };
    format!(
        "monitor {} runs since {}, last evaluation {}; mode {}{resume}",
        monitor.version,
        time(monitor.since),
        ago(monitor.evaluated, now),
        monitor.mode,
    )
}

/// A unit that the gate blocks, where the monitor does not run.
pub(crate) fn blocked(block: &Block, now: u64) -> String {
    format!(
        "{} is blocked since {} ({}): {} ({})\n",
        block.unit,
        time(block.since),
        ago(block.since, now),
        count(block.reasons.len(), "reason"),
        subjects(block.reasons.iter().map(|reason| reason.subject.as_str()))
    )
}

fn print_unit(out: &mut String, unit: &UnitStatus, now: u64) {
    line(out, &headline(unit, now));
    for exit in &unit.report.exits {
        line(out, &format!("  {}", exited(exit, now)));
    }
    for finding in unit.report.deciding() {
        line(out, &format!("  {}", printable(&finding.summary)));
        for remedy in &finding.remedies {
            line(out, &format!("    fix: {}", printable(&fix(remedy))));
        }
    }
    if let Some(hold) = unit.held {
        line(
            out,
            &format!("  not started automatically: {}", reason_text(hold)),
        );
    } else if unit.is_blocked() && unit.report.verdict == Verdict::WouldRefuse {
        line(out, "  starts automatically once this is fixed");
    }
    if unit.resumes > 0 {
        let times = count(usize::try_from(unit.resumes).unwrap_or(usize::MAX), "time");
        let last = unit.resumed_at.map(time).unwrap_or_default();
        line(
            out,
            &format!("  started by the monitor {times} since boot, last at {last}"),
        );
    }
}

/// What became of a component that RKE2 runs.
fn exited(exit: &ExitDocument, now: u64) -> String {
    format!(
        "{}: exited at {} ({}): {} ({})",
        printable(&exit.component),
        time(exit.at),
        ago(exit.at, now),
        printable(&exit.reason),
        printable(&exit.path)
    )
}

/// What the unit does, and whether it would start.
fn headline(unit: &UnitStatus, now: u64) -> String {
    let name = &unit.unit;
    let reasons = count(unit.report.deciding().count(), "reason");
    let phase = phase_text(unit.phase);
    let is_running = unit.is_running();
    match (unit.blocked_since, unit.report.verdict) {
        (Some(since), Verdict::WouldRefuse) => format!(
            "{name} is blocked since {} ({}): {reasons}",
            time(since),
            ago(since, now)
        ),
        (Some(since), _) => format!("{name} was blocked at {}, and would start now", time(since)),
        (None, Verdict::WouldRefuse) if is_running => {
            format!("{name} runs, and would not start again: {reasons}")
        }
        (None, Verdict::WouldRefuse) => {
            format!("{name} is {phase}, and would not start: {reasons}")
        }
        (None, Verdict::Undetermined) => {
            format!("{name} is {phase}; cannot determine whether it would start")
        }
        (None, Verdict::WouldStart) if unit.report.next_boot_verdict == Verdict::WouldRefuse => {
            let does = if is_running {
                "runs"
            } else {
                "would start now"
            };
            format!("{name} {does}, but would not start after the next boot: {reasons}")
        }
        (None, Verdict::WouldStart) if is_running => format!("{name} runs, and would start again"),
        (None, Verdict::WouldStart) => format!("{name} is {phase}, and would start"),
    }
}

/// The commands of a remedy, or its summary where it has none.
fn fix(remedy: &RemedyDocument) -> String {
    if remedy.commands.is_empty() {
        remedy.summary.clone()
    } else {
        remedy.commands.join(" && ")
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{text}");
}

/// The time from `then` to `now` in its two largest units.
fn ago(then: u64, now: u64) -> String {
    let seconds = now.saturating_sub(then) / 1_000_000;
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let parts: Vec<&str> = text.split(' ').take(2).collect();
    format!("{} ago", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{FindingDocument, UnitDocument};
    use crate::finding::Effect;
    use crate::monitor::{Hold, Phase};

    fn status(phase: Phase, blocked_since: Option<u64>, report: UnitDocument) -> NodeStatus {
        NodeStatus {
            monitor: MonitorStatus {
                version: "1.2.3".to_owned(),
                evaluated: 60_000_000,
                mode: "enforce".to_owned(),
                resume: true,
                ..MonitorStatus::default()
            },
            units: vec![UnitStatus {
                unit: "rke2-server.service".to_owned(),
                phase,
                enabled: true,
                blocked_since,
                report,
                ..UnitStatus::default()
            }],
            ..NodeStatus::default()
        }
    }

    fn finding(effect: Effect, summary: &str, commands: &[&str]) -> FindingDocument {
        FindingDocument {
            effect,
            summary: summary.to_owned(),
            remedies: vec![RemedyDocument {
                summary: "set it".to_owned(),
                commands: commands.iter().map(|&command| command.to_owned()).collect(),
                ..RemedyDocument::default()
            }],
            ..FindingDocument::default()
        }
    }

    fn report(verdict: Verdict, next_boot_verdict: Verdict) -> UnitDocument {
        let would_start = [verdict, next_boot_verdict] == [Verdict::WouldStart; 2];
        let findings = if would_start {
            Vec::new()
        } else {
            let command = ["sysctl -w vm.overcommit_memory=1"];
            let summary = "vm.overcommit_memory is 0, must be 1";
            vec![
                finding(Effect::BlocksStart, summary, &command),
                finding(Effect::Advice, "something else", &[]),
            ]
        };
        UnitDocument {
            verdict,
            next_boot_verdict,
            findings,
            ..UnitDocument::default()
        }
    }

    #[test]
    fn a_blocked_unit_has_its_reasons_and_fixes() {
        let status = status(
            Phase::Down,
            Some(30_000_000),
            report(Verdict::WouldRefuse, Verdict::WouldRefuse),
        );
        assert_eq!(
            text(&status, 64_000_000),
            "rke2-server.service is blocked since 1970-01-01T00:00:30Z (34s ago): 1 reason\n\
             \x20 vm.overcommit_memory is 0, must be 1\n\
             \x20   fix: sysctl -w vm.overcommit_memory=1\n\
             \x20 starts automatically once this is fixed\n\
             monitor 1.2.3 runs since 1970-01-01T00:00:00Z, last evaluation 4s ago; mode enforce\n"
        );
        assert!(status.is_refused() && !status.is_undetermined());
    }

    #[test]
    fn an_exit_is_shown_below_its_unit() {
        let mut report = report(Verdict::WouldStart, Verdict::WouldStart);
        report.exits = vec![ExitDocument {
            component: "kubelet".to_owned(),
            reason: "unknown flag: --x\u{1b}".to_owned(),
            at: 61_000_000,
            path: "/k.log".to_owned(),
            ..ExitDocument::default()
        }];
        let shown = text(&status(Phase::Starting, None, report), 64_000_000);
        let expected = "rke2-server.service is starting, and would start\n\
                        \x20 kubelet: exited at 1970-01-01T00:01:01Z (3s ago): unknown flag: --x\\u{1b} (/k.log)\n";
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn a_block_is_shown_without_a_monitor() {
        let mut block = Block::new("rke2-server.service", 30_000_000, true, &[]);
        block.reasons.push(crate::gate::block::Reason {
            check: "sysctl.kernel.panic".to_owned(),
            subject: "kernel.panic".to_owned(),
            summary: "kernel.panic is 0, must be 10".to_owned(),
        });
        assert_eq!(
            blocked(&block, 64_000_000),
            "rke2-server.service is blocked since 1970-01-01T00:00:30Z (34s ago): 1 reason (kernel.panic)\n"
        );
    }

    #[test]
    fn each_phase_and_verdict_has_a_headline() {
        let first = |phase, blocked, now, then| {
            let status = status(phase, blocked, report(now, then));
            text(&status, 0).lines().next().unwrap().to_owned()
        };
        let (start, refuse) = (Verdict::WouldStart, Verdict::WouldRefuse);
        for (phase, blocked, now, then, words) in [
            (
                Phase::Running,
                None,
                start,
                start,
                "runs, and would start again",
            ),
            (
                Phase::Running,
                None,
                refuse,
                refuse,
                "runs, and would not start again: 1 reason",
            ),
            (
                Phase::Running,
                None,
                start,
                refuse,
                "runs, but would not start after the next boot: 1 reason",
            ),
            (
                Phase::Down,
                None,
                start,
                refuse,
                "would start now, but would not start after the next boot: 1 reason",
            ),
            (Phase::Down, None, start, start, "is down, and would start"),
            (
                Phase::Down,
                Some(0),
                start,
                start,
                "was blocked at 1970-01-01T00:00:00Z, and would start now",
            ),
            (
                Phase::Unknown,
                None,
                Verdict::Undetermined,
                start,
                "is in an unknown state; cannot determine whether it would start",
            ),
        ] {
            assert_eq!(
                first(phase, blocked, now, then),
                format!("rke2-server.service {words}")
            );
        }
    }

    #[test]
    fn any_number_is_a_time() {
        assert_eq!(time(1_764_000_000_000_000), "2025-11-24T16:00:00Z");
        assert_eq!(time(u64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(ago(u64::MAX, 0), "0s ago");
    }

    #[test]
    fn a_fix_without_commands_and_a_hold_are_shown() {
        let mut report = report(Verdict::WouldStart, Verdict::WouldStart);
        report.findings = vec![finding(Effect::BlocksNextBoot, "a", &[])];
        let mut status = status(Phase::Down, Some(0), report);
        status.units[0].held = Some(Hold::ResumeOff);
        let shown = text(&status, 0);
        assert!(shown.contains("  a\n    fix: set it\n"), "{shown}");
        let hold = "  not started automatically: the configuration sets resume = false\n";
        assert!(shown.contains(hold), "{shown}");
    }
}
