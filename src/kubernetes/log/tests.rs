//! Logs of real components, and what logs can contain besides.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use proptest::prelude::*;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kubernetes/logs")
}

#[expect(clippy::disallowed_methods, reason = "the recorded logs")]
fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(directory().join(name)).unwrap()
}

/// The lines of a log as a container runtime writes them, each a second after the one before.
fn in_container(log: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for (second, line) in String::from_utf8_lossy(log).lines().enumerate() {
        // A long line is written in parts.
        let middle = (1..=line.len() / 2)
            .rev()
            .find(|at| line.is_char_boundary(*at));
        let (start, end) = line.split_at(middle.unwrap_or(0));
        let time = format!(
            "2026-11-28T10:{:02}:{:02}.000000001Z",
            second / 60,
            second % 60
        );
        if !start.is_empty() {
            let _ = writeln!(out, "{time} stderr P {start}");
        }
        let _ = writeln!(out, "{time} stderr F {end}");
    }
    out.into_bytes()
}

/// Each recorded log, and the reason at its end.
#[test]
#[expect(clippy::disallowed_methods, reason = "the recorded logs")]
fn the_reasons_of_real_components_are_found() {
    let table = String::from_utf8(recorded("reasons.tsv")).unwrap();
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for row in table.lines() {
        let (name, reason) = row.split_once('\t').unwrap();
        let content = recorded(name);
        let end = read(&content);
        let found = end.exit.as_ref().map(|exit| exit.reason.as_str());
        assert_eq!(found.unwrap_or("-"), reason, "{name}");
        assert_eq!(end.is_running, reason == "-", "{name}");
        assert_eq!(
            read_container(&in_container(&content))
                .exit
                .map(|exit| exit.reason),
            end.exit.map(|exit| exit.reason),
            "{name}"
        );
        rows.push((name, reason));
    }
    let logs = std::fs::read_dir(directory()).unwrap();
    assert_eq!(logs.count(), rows.len() + 1, "reasons.tsv has each log");
}

#[test]
fn the_last_exit_counts_and_what_follows_it() {
    let at = |minute: u32, text: &str| {
        format!("E1128 10:{minute:02}:00.000000    1 run.go:72] {text}\n")
    };
    let exit = |minute, reason: &str| at(minute, &format!("\"command failed\" err=\"{reason}\""));
    let runs =
        "I1128 10:09:00.000000    1 plugin_manager.go:121] \"Starting Kubelet Plugin Manager\"\n";
    let reason = |log: &str| {
        let end = read(log.as_bytes());
        (end.exit.unwrap().reason, end.is_running)
    };
    let two = format!("{}{}", exit(1, "first"), exit(2, "second"));
    assert_eq!(reason(&two), ("second".to_owned(), false));
    assert_eq!(reason(&format!("{two}{runs}")), ("second".to_owned(), true));
    assert_eq!(
        reason(&format!("{runs}{two}")),
        ("second".to_owned(), false)
    );
    // Errors after which it goes on.
    let more = at(3, "\"Failed to do something\" err=\"x\"");
    assert_eq!(
        reason(&format!("{two}{more}")),
        ("second".to_owned(), false)
    );
    assert_eq!(read(more.as_bytes()).exit, None);
    assert_eq!(read(b""), LogEnd::default());
}

#[test]
fn every_format_of_a_reason_is_read() {
    let klog = |severity: char, text: &str| {
        format!("{severity}1128 10:00:00.000000    1 run.go:72] {text}\n")
    };
    for (log, expected) in [
        (
            klog('F', "Failed to start: x=[1 2]"),
            "Failed to start: x=[1 2]",
        ),
        (klog('F', "\"Failed\" err=\"x\""), "Failed: x"),
        (klog('F', "\"Failed\" node=\"x\""), "Failed"),
        (
            klog(
                'E',
                "\"command failed\" err=<\n\t[a,\n\t  b]\n >\ngoroutine 1",
            ),
            "[a, b]",
        ),
        (
            klog('E', "\"command failed\" err=<\n\tcut here"),
            "cut here",
        ),
        (klog('E', "\"command failed\" err=\"no end"), "\"no"),
        (klog('E', "\"command failed\""), "command failed"),
        (
            "Usage:\n\nError: unknown flag: --x\n".to_owned(),
            "unknown flag: --x",
        ),
        (
            "panic: a [recovered]\n\tpanic: b\n\ngoroutine 1 [running]:\n".to_owned(),
            "panic: a",
        ),
        (
            "fatal error: concurrent map writes\n".to_owned(),
            "fatal error: concurrent map writes",
        ),
        (
            "invalid value \"x\" for flag -y: parse error\n".to_owned(),
            "invalid value \"x\" for flag -y: parse error",
        ),
        (
            "{\"level\":\"panic\",\"ts\":\"2026-11-28T10:00:00Z\",\"msg\":\"m\"}\n".to_owned(),
            "m",
        ),
        (
            "{\"ts\":1795866308299.9,\"msg\":\"command failed\",\"err\":\"a\\nb\"}\n".to_owned(),
            "a b",
        ),
    ] {
        let end = read(log.as_bytes());
        assert_eq!(end.exit.unwrap().reason, expected, "{log}");
    }
}

#[test]
fn a_reason_without_a_time_has_that_of_the_next_line() {
    let written = 1_795_862_000_000_000;
    let end = read(b"Error: x\n");
    assert_eq!(end.exited_at(written), Some(written));
    let before = "I1128 10:00:00.000000    1 a.go:1] x\n";
    let end = read(format!("{before}Error: x\n").as_bytes());
    assert_eq!(end.exited_at(written), Some(written));
    let after = "{\"ts\":1795861000000,\"msg\":\"x\"}\n{\"ts\":1795862000000,\"msg\":\"x\"}\n";
    let end = read(format!("Error: x\n{after}").as_bytes());
    assert_eq!(end.exited_at(written), Some(1_795_861_000_000_000));
    assert_eq!(read(after.as_bytes()).exited_at(written), None);
}

#[test]
fn a_reason_is_short() {
    let long = "x".repeat(100_000);
    for log in [
        format!("Error: {long}\n"),
        format!(
            "E1128 10:00:00.000000    1 run.go:72] \"command failed\" err=<\n\t{long}\n\t{long}\n"
        ),
        format!("{{\"ts\":1,\"msg\":\"command failed\",\"err\":\"{long}\"}}\n"),
    ] {
        assert_eq!(read(log.as_bytes()).exit.unwrap().reason.len(), LONGEST);
    }
}

proptest! {
    /// Whatever a log contains, it is read; and so is the reason after it.
    #[test]
    fn any_bytes_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let _ = read_container(&bytes);
        bytes.extend_from_slice(b"\nError: x\n");
        prop_assert_eq!(read(&bytes).exit.map(|exit| exit.reason), Some("x".to_owned()));
    }

    /// Pieces of real lines in any order.
    #[test]
    fn any_pieces_are_read(pieces in proptest::collection::vec(0..PIECES.len(), 0..30)) {
        let log: String = pieces.into_iter().filter_map(|at| PIECES.get(at).copied()).collect();
        for end in [read(log.as_bytes()), read_container(log.as_bytes())] {
            for written in [0, 1_795_861_000_000_000, u64::MAX] {
                let _ = end.exited_at(written);
            }
        }
    }
}

const PIECES: [&str; 16] = [
    "\n",
    "E1128 11:27:33.866679    3795 kubelet.go:1850] ",
    "F0230 24:60:61. 1 :] ",
    "\"command failed\"",
    " err=",
    "\"a \\\"b\\x\"",
    "<\n\t",
    "\t",
    " >",
    "2026-11-28T11:29:47.4Z stderr F ",
    "2026-11-28T11:29:47Z stdout P ",
    "{\"ts\":1e300,\"msg\":\"command failed\"",
    ",\"err\":\"\\u0000\"}",
    "panic: ",
    "Error: ",
    "\u{fffd}é\0",
];
