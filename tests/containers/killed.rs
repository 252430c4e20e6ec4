//! The monitor is killed at each system call of an evaluation that changes anything: the next process
//! continues from there.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::libc;

use crate::lab::Lab;
use crate::on;
use crate::outside::{self, process, receive, send};
use crate::rows;
use crate::tracer::{self, Call, Fault};

/// What a call changes, if anything: files, units, messages that are sent. Two calls of one evaluation that
/// change the same have one name. A kill between two of these has no effect outside the process.
fn change(call: &Call) -> Option<String> {
    const SAID: [&str; 8] = [
        "StartUnit",
        "StopUnit",
        "PropertiesChanged",
        "Cleared",
        "Blocked",
        "Drifted",
        "MESSAGE_ID",
        "STATUS=",
    ];
    let path = &call.path;
    let what = match call.number {
        libc::SYS_sendmsg | libc::SYS_sendto | libc::SYS_write if !path.starts_with('/') => {
            return SAID
                .iter()
                .find(|word| call.path.contains(**word))
                .map(|word| (*word).to_owned());
        }
        libc::SYS_openat if call.writes => "open",
        libc::SYS_mkdir => "mkdir",
        libc::SYS_chmod | libc::SYS_fchmod => "chmod",
        libc::SYS_write => "write",
        libc::SYS_fsync => "fsync",
        libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => "rename",
        libc::SYS_unlink | libc::SYS_unlinkat => "unlink",
        _ => return None,
    };
    // A new file has the number of its process.
    let path = path.trim_end_matches(|c: char| c.is_ascii_digit());
    path.starts_with('/').then(|| format!("{what} {path}"))
}

/// How long the monitor may still send messages.
const REST: Duration = Duration::from_millis(500);

/// Traces the monitor whose PID the script sends, starting while it is idle. It is killed before the change for
/// which `is_last` is true of all changes so far, or once there are no more. Returns all changes.
fn follow(out: &Path, is_last: impl Fn(&[String]) -> bool) -> Vec<String> {
    let pid = process(out, &receive(out, "monitor"));
    let mut changes = Vec::new();
    let plan = |call: &Call| {
        changes.push(change(call)?);
        is_last(&changes).then_some(Fault::KilledBefore)
    };
    // Once the script has settled, only what the monitor still sends follows.
    let settled = out.join("settled");
    let _ = fs::remove_file(&settled);
    let rests = Cell::new(None);
    let over = || {
        if rests.get().is_none() && settled.exists() {
            rests.set(Some(Instant::now()));
        }
        rests.get().is_some_and(|since| since.elapsed() > REST)
    };
    tracer::attach(pid, plan, || send(out, "go", "on"), over);
    send(out, "killed", "");
    changes
}

/// Kills the monitor before each of its changes for which `counts` is true, in turn. Returns these
/// changes. For a file that is written again in a later evaluation, only the rename counts: what is left
/// of the new file is the same as before.
fn sweep(out: &Path, counts: impl Fn(&str) -> bool) -> Vec<String> {
    let changes = follow(out, |_| false);
    let mut killed = vec!["after all".to_owned()];
    for (n, change) in changes.iter().enumerate() {
        let is_first = !changes[..n].contains(change);
        if counts(change) && (is_first || change.starts_with("rename")) {
            killed.extend(follow(out, |seen| seen.len() == n + 1).pop());
        }
    }
    receive(out, "monitor");
    send(out, "go", "off");
    killed
}

/// Holds the monitor before it queries the agent's unit, while the script stops the server, which it has
/// queried already.
fn stop_between_two_questions(out: &Path) {
    let pid = process(out, &receive(out, "monitor"));
    let mut asked = false;
    let plan = |call: &Call| {
        if !asked && call.number == libc::SYS_sendmsg && call.path.contains("rke2_2dagent") {
            asked = true;
            send(out, "paused", "");
            receive(out, "stopped");
        }
        None
    };
    let over = || out.join("seen").exists();
    tracer::attach(pid, plan, || send(out, "go", "on"), over);
    send(out, "killed", "");
    assert!(asked, "the monitor queries the agent");
}

/// What the script notes after each kill: numbers, in the order of the asserts that read them.
const SCRIPT: &str = r#"
set_now() { printf '%s\n' $1 | dd of=/proc/sys/kernel/panic conv=notrunc status=none; }
metrics=/var/lib/node_exporter/preflight-rke2.prom
metric() { sed -n "s/^preflight_rke2_$1{unit=\"rke2-server.service\".*} //p" $metrics; }
becomes() { until [ "$(metric $1)" = "$2" ]; do sleep 0.02; done; }
look() { busctl call org.rke2.Preflight1 /org/rke2/Preflight1 org.rke2.Preflight1.Manager Check >/dev/null; }
traced() { sleep 0.1; tell monitor $(show preflight-rke2 MainPID); [ "$(heard go)" = on ]; }
count() { journalctl --sync; journalctl --no-pager -o cat "$@" | wc -l; }
left() { ls -A /run/preflight-rke2 /run/preflight-rke2/gate /run/preflight-rke2/monitor /var/lib/node_exporter | grep -c '^\.'; }
server() { show rke2-server MainPID; show rke2-server NRestarts; }
note() { echo "$@" $(left) $(grep -c '^# EOF' $metrics); }
up rke2-server; up preflight-rke2
blocked() { set_now 60; systemctl reset-failed rke2-server; systemctl restart rke2-server; becomes unit_active 0; }
while blocked; traced; do
    starts=$(count MESSAGE_ID=39f53479d3a045ac8e11786248231fbf UNIT=rke2-server.service)
    told=$(count MESSAGE_ID=177d9cd6ba0e419a8b804158a0e4aff6)
    set_now 10
    up rke2-server
    becomes unit_active 1
    tell settled
    heard killed
    look
    starts=$(($(count MESSAGE_ID=39f53479d3a045ac8e11786248231fbf UNIT=rke2-server.service) - starts))
    told=$(($(count MESSAGE_ID=177d9cd6ba0e419a8b804158a0e4aff6) - told))
    note $starts $(show rke2-server NRestarts) $(metric unit_active) $told $(metric resumes_total) >>/out/resumed
done
set_now 10
up rke2-server
before=$(server)
while becomes unit_drifted 0; traced; do
    told=$(count MESSAGE_ID=6a0aafc776df442b90b1be0f1b0ce2fd)
    counted=$(metric drift_transitions_total)
    set_now 60
    becomes unit_drifted 1
    tell settled
    heard killed
    look
    told=$(($(count MESSAGE_ID=6a0aafc776df442b90b1be0f1b0ce2fd) - told))
    [ "$(server)" = "$before" ]
    note $? $(metric unit_drifted) $told $(($(metric drift_transitions_total) - counted)) >>/out/drifted
    set_now 10
    look
done
becomes unit_drifted 0
traced
look &
heard paused
systemctl stop rke2-server
tell stopped
wait $!
for _ in $(seq 40); do [ $(metric unit_active) = 0 ] && break; sleep 0.05; done
metric unit_active >/out/active
tell seen
heard killed
systemctl start rke2-server
look
drop_ins=/etc/systemd/system/rke2-server.service.d
mkdir -p $drop_ins
ln -s /dev/null $drop_ins/50-preflight.conf
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=300ms\n' >$drop_ins/soon.conf
systemctl daemon-reload
inactive() { [ "$(show rke2-server ActiveState)" = inactive ]; }
for _ in before after; do
    becomes unit_drifted 0
    traced
    told=$(count MESSAGE_ID=efdb6b87a45147a8b5530feed1f7d038)
    resumed=$(count MESSAGE_ID=177d9cd6ba0e419a8b804158a0e4aff6)
    set_now 60
    systemctl restart rke2-server
    heard killed
    eventually inactive
    look
    set_now 10
    up rke2-server
    look
    told=$(($(count MESSAGE_ID=efdb6b87a45147a8b5530feed1f7d038) - told))
    resumed=$(($(count MESSAGE_ID=177d9cd6ba0e419a8b804158a0e4aff6) - resumed))
    note $resumed $told >>/out/halted
done
rec log journalctl --no-pager -o short-precise -u rke2-server -u preflight-rke2
systemctl restart systemd-logind
"#;

on!(killed_at_each_change: bookworm);
fn killed_at_each_change(suite: &str) {
    for (row, expected) in [
        ("monitor killed while it resumes", "resumed once"),
        ("monitor killed while it reports drift", "not touched"),
        ("monitor killed while it ends a loop", "resumed once"),
        (
            "a unit that changes while the monitor evaluates",
            "not touched",
        ),
    ] {
        assert_eq!(rows::outcome(row), expected);
    }
    let (to, killed) = mpsc::channel();
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .metrics()
        .file(
            "/etc/systemd/system/preflight-rke2.service.d/soon.conf",
            "[Service]\nRestartSec=50ms\n",
        )
        .enable("rke2-server.service")
        .longer(60)
        .script(&[outside::SCRIPT, SCRIPT].concat())
        .boot_beside(|out| {
            // All files are written in the same way: of metrics only the first and last steps are tested.
            let within = ["chmod", "write", "fsync"].map(|call| format!("{call} /var/"));
            let counts = |change: &str| !within.iter().any(|part| change.starts_with(part));
            to.send(sweep(out, counts)).expect("the receiver exists");
            let counts = |change: &str| change == "MESSAGE_ID" || change.starts_with("rename");
            to.send(sweep(out, counts)).expect("the receiver exists");
            stop_between_two_questions(out);
            let stops = |change: Option<&String>| change.is_some_and(|change| change == "StopUnit");
            let before = follow(out, |seen| stops(seen.last()));
            let after = follow(out, |seen| stops(seen.iter().rev().nth(1)));
            let last = [before, after].map(|changes| changes.join(", "));
            to.send(last.to_vec()).expect("the receiver exists");
        });
    let noted = |name: &str| {
        let killed = killed.recv().expect("the monitor was followed");
        let text = outcome.text(name);
        let numbers = |line: &str| -> Vec<i32> {
            line.split(' ')
                .map(|n| n.parse().expect("a number"))
                .collect()
        };
        assert_eq!(text.lines().count(), killed.len(), "{text}");
        let lines: Vec<_> = text.lines().map(numbers).collect();
        killed.into_iter().zip(lines).collect::<Vec<_>>()
    };
    let log = outcome.text("log");
    all_are_resumed(&noted("resumed"), &log);
    all_are_reported(&noted("drifted"), &log);
    assert_eq!(outcome.line("active"), "0", "{log}");
    all_are_halted(&noted("halted"), &log);
}

/// The change before which the monitor was killed, and the numbers noted then.
type Kill = (String, Vec<i32>);

fn all_are_resumed(kills: &[Kill], log: &str) {
    let at = |name: &str| {
        let named = kills.iter().filter(|(change, _)| change.starts_with(name));
        named.count()
    };
    let all = at("StartUnit") == 1 && at("MESSAGE_ID") == 1 && at("rename") > 3;
    assert!(all, "{kills:?}");
    for (n, (change, numbers)) in kills.iter().enumerate() {
        let shown = format!("killed before {change}: {numbers:?}\n{log}");
        let [starts, restarts, active, reported, counted, left, whole] = numbers[..] else {
            panic!("{shown}")
        };
        assert_eq!([starts, restarts, active], [1, 0, 1], "started: {shown}");
        assert!((1..=2).contains(&reported), "reported: {shown}");
        assert_eq!(
            counted,
            i32::try_from(n).expect("a number") + 1,
            "counted once: {shown}"
        );
        assert_eq!([left, whole], [0, 1], "files: {shown}");
    }
}

fn all_are_reported(kills: &[Kill], log: &str) {
    assert!(kills.len() > 3, "{kills:?}");
    for (change, numbers) in kills {
        let shown = format!("killed before {change}: {numbers:?}\n{log}");
        let [touched, active, reported, counted, left, whole] = numbers[..] else {
            panic!("{shown}")
        };
        assert_eq!([touched, active], [0, 1], "{shown}");
        assert!((1..=2).contains(&reported), "reported: {shown}");
        assert_eq!([counted, left, whole], [1, 0, 1], "{shown}");
    }
}

fn all_are_halted(kills: &[Kill], log: &str) {
    for (changes, numbers) in kills {
        let shown = format!("killed at the end of {changes}: {numbers:?}\n{log}");
        assert!(changes.contains("StopUnit"), "{shown}");
        let [resumed, reported, left, whole] = numbers[..] else {
            panic!("{shown}")
        };
        assert_eq!([resumed, left, whole], [1, 0, 1], "{shown}");
        assert!((1..=2).contains(&reported), "reported: {shown}");
    }
}
