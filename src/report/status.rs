//! What the monitor knows, as it tells it over D-Bus: `org.rke2.preflight.status/1`; and as
//! `preflight-rke2 status` prints it. Fields are only ever added.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal::subjects;
use super::monitor::{why, word};
use crate::gate::block::Block;
use crate::monitor::{Hold, Phase};
use crate::text::{count, printable};

/// The format.
pub const SCHEMA: &str = "org.rke2.preflight.status/1";

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// [`SCHEMA`].
    pub schema: String,
    /// The monitor itself.
    pub monitor: Monitor,
    /// Every RKE2 unit that is installed.
    pub units: Vec<Unit>,
}

/// The monitor itself. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitor {
    /// Its version.
    pub version: String,
    /// Since when it runs.
    pub since: u64,
    /// When it last looked.
    pub evaluated: u64,
    /// `enforce` or `report`.
    pub mode: String,
    /// Whether it starts what was blocked.
    pub resume: bool,
    /// What it cannot do, a sentence each.
    pub troubles: Vec<String>,
}

/// One unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// `rke2-server.service`.
    pub unit: String,
    /// What it does.
    pub phase: Phase,
    /// Whether the next boot starts it.
    pub enabled: bool,
    /// Whether it is not enabled while the other RKE2 unit is.
    pub idle: bool,
    /// Since when it is kept from starting; `null` if it is not.
    pub blocked_since: Option<u64>,
    /// Why it is not started though it would run; `null` if it would be, or would not run.
    pub held: Option<Hold>,
    /// Checks for which it runs and would not start again.
    pub drift: Vec<String>,
    /// How often drift, or its end, was told since boot.
    pub drift_transitions: u64,
    /// How often it was started because the host had become right, since boot.
    pub resumes: u64,
    /// When it last was.
    pub resumed_at: Option<u64>,
    /// The unit in the report of `check`: `org.rke2.preflight.report/1`.
    pub report: Value,
}

impl Status {
    /// One JSON object, a line feed at its end.
    pub fn json(&self) -> String {
        crate::text::json(self)
    }

    /// Whether a unit that matters would be refused.
    pub fn refuses(&self) -> bool {
        self.any("would-refuse")
    }

    /// Whether of one cannot be told.
    pub fn is_undetermined(&self) -> bool {
        self.any("undetermined")
    }

    fn any(&self, verdict: &str) -> bool {
        let mut units = self.units.iter().filter(|unit| !unit.idle);
        units.any(|unit| unit.field("verdict") == verdict)
    }

    /// For a person, at the time `now`.
    pub fn text(&self, now: u64) -> String {
        let mut out = String::new();
        if self.units.is_empty() {
            out.push_str("no RKE2 unit is installed\n");
        }
        for unit in &self.units {
            if unit.idle && unit.phase.is_down() && unit.blocked_since.is_none() {
                line(&mut out, &format!("{} is not enabled", unit.unit));
            } else {
                unit.print(&mut out, now);
            }
        }
        for trouble in &self.monitor.troubles {
            line(&mut out, &format!("monitor: {}", printable(trouble)));
        }
        let monitor = &self.monitor;
        let resume = if monitor.resume { "" } else { ", resume off" };
        line(
            &mut out,
            &format!(
                "monitor {} runs since {}, last look {}; mode {}{resume}",
                monitor.version,
                time(monitor.since),
                ago(monitor.evaluated, now),
                monitor.mode,
            ),
        );
        out
    }
}

/// That the gate keeps a unit from starting, where no monitor tells more.
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

impl Unit {
    /// A text of its report.
    fn field(&self, name: &str) -> &str {
        self.report
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The findings that decide over a start.
    fn deciding(&self) -> impl Iterator<Item = &Value> {
        self.report
            .get("findings")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|finding| {
                let effect = text(finding, "effect");
                effect == "blocks-start" || effect == "blocks-next-boot"
            })
    }

    fn print(&self, out: &mut String, now: u64) {
        let unit = &self.unit;
        let reasons = count(self.deciding().count(), "reason");
        let state = word(self.phase);
        let headline = match (self.blocked_since, self.field("verdict")) {
            (Some(since), "would-refuse") => format!(
                "{unit} is blocked since {} ({}): {reasons}",
                time(since),
                ago(since, now)
            ),
            (Some(since), _) => {
                format!("{unit} was blocked at {}, and would start now", time(since))
            }
            (None, "would-refuse") if self.phase == Phase::Running => {
                format!("{unit} runs, and would not start again: {reasons}")
            }
            (None, "would-refuse") => format!("{unit} is {state}, and would not start: {reasons}"),
            (None, "undetermined") => format!("{unit} is {state}; what decides cannot be read"),
            _ if self.field("next_boot_verdict") == "would-refuse" => {
                let does = if self.phase == Phase::Running {
                    "runs"
                } else {
                    "would start now"
                };
                format!("{unit} {does}, but would not start after the next boot: {reasons}")
            }
            _ if self.phase == Phase::Running => format!("{unit} runs, and would start again"),
            _ => format!("{unit} is {state}, and would start"),
        };
        line(out, &headline);
        for finding in self.deciding() {
            line(out, &format!("  {}", printable(text(finding, "summary"))));
            let remedies = finding.get("remedies").and_then(Value::as_array);
            for remedy in remedies.into_iter().flatten() {
                let commands = remedy.get("commands").and_then(Value::as_array);
                let commands: Vec<&str> = commands
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let how = if commands.is_empty() {
                    text(remedy, "summary").to_owned()
                } else {
                    commands.join(" && ")
                };
                line(out, &format!("    fix: {}", printable(&how)));
            }
        }
        if let Some(hold) = self.held {
            line(out, &format!("  not started by itself: {}", why(hold)));
        } else if self.blocked_since.is_some() && self.field("verdict") == "would-refuse" {
            line(out, "  it is started once this is right");
        }
        if self.resumes > 0 {
            let times = count(usize::try_from(self.resumes).unwrap_or(usize::MAX), "time");
            let last = self.resumed_at.map(time).unwrap_or_default();
            line(
                out,
                &format!("  started by the monitor {times} since boot, last at {last}"),
            );
        }
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn line(out: &mut String, text: &str) {
    // A string takes everything.
    let _ = writeln!(out, "{text}");
}

/// A point in time as RFC 3339, in UTC.
pub(crate) fn time(microseconds: u64) -> String {
    // The end of the year 9999: no more has four digits.
    const LAST: u64 = 253_402_300_799;
    let seconds = (microseconds / 1_000_000).min(LAST);
    let at: SystemTime = UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(at).to_string()
}

/// How long ago that was, the two largest units of it.
fn ago(then: u64, now: u64) -> String {
    let seconds = now.saturating_sub(then) / 1_000_000;
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    let parts: Vec<&str> = text.split(' ').take(2).collect();
    format!("{} ago", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(phase: Phase, blocked_since: Option<u64>, report: Value) -> Status {
        Status {
            schema: SCHEMA.to_owned(),
            monitor: Monitor {
                version: "1.2.3".to_owned(),
                since: 0,
                evaluated: 60_000_000,
                mode: "enforce".to_owned(),
                resume: true,
                troubles: Vec::new(),
            },
            units: vec![Unit {
                unit: "rke2-server.service".to_owned(),
                phase,
                enabled: true,
                idle: false,
                blocked_since,
                held: None,
                drift: Vec::new(),
                drift_transitions: 0,
                resumes: 0,
                resumed_at: None,
                report,
            }],
        }
    }

    fn report(verdict: &str, next_boot: &str) -> Value {
        let findings = if verdict == "would-start" && next_boot == "would-start" {
            json!([])
        } else {
            json!([{
                "effect": "blocks-start", "summary": "vm.overcommit_memory is 0, must be 1",
                "remedies": [{"summary": "now", "commands": ["sysctl -w vm.overcommit_memory=1"]}],
            }, {"effect": "advice", "summary": "an aside", "remedies": []}])
        };
        json!({"verdict": verdict, "next_boot_verdict": next_boot, "findings": findings})
    }

    #[test]
    fn a_blocked_unit_says_why_and_what_to_do() {
        let status = status(
            Phase::Down,
            Some(30_000_000),
            report("would-refuse", "would-refuse"),
        );
        assert_eq!(
            status.text(64_000_000),
            "rke2-server.service is blocked since 1970-01-01T00:00:30Z (34s ago): 1 reason\n\
             \x20 vm.overcommit_memory is 0, must be 1\n\
             \x20   fix: sysctl -w vm.overcommit_memory=1\n\
             \x20 it is started once this is right\n\
             monitor 1.2.3 runs since 1970-01-01T00:00:00Z, last look 4s ago; mode enforce\n"
        );
        assert!(status.refuses() && !status.is_undetermined());
    }

    #[test]
    fn a_block_is_told_without_a_monitor() {
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
    fn each_state_has_its_words() {
        let first = |phase, blocked, now, then| {
            let status = status(phase, blocked, report(now, then));
            status.text(0).lines().next().unwrap().to_owned()
        };
        let (start, refuse) = ("would-start", "would-refuse");
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
                "undetermined",
                start,
                "is in a state that is not known; what decides cannot be read",
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
    fn the_document_comes_back_as_it_went() {
        let status = status(Phase::Stranded, None, report("would-start", "would-start"));
        let back: Status = serde_json::from_str(&status.json()).unwrap();
        assert_eq!(back, status);
    }
}
