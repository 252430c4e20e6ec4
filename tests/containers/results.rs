//! However the gate ends, or if it does not start at all, RKE2 starts on a host that is right: every
//! `Result=` that a service can have, and every way a unit can fail to load or run. What needs a
//! separate kernel (core dumps through a pipe, no PID left, out of memory) is in the VM's tests.

use std::collections::BTreeSet;

use crate::lab::Lab;
use crate::on;

/// Every value of a service's `Result=` (systemd's `service_result_table`) but `oom-kill`, which needs a
/// memory controller, and `core-dump`, which needs a kernel that dumps.
const RESULTS: [&str; 9] = [
    "success",
    "exit-code",
    "signal",
    "timeout",
    "watchdog",
    "start-limit-hit",
    "resources",
    "protocol",
    "exec-condition",
];

/// A way in which the gate ends.
struct Case {
    /// In shell. `gate` replaces the program, `drop_in` adds lines to the unit.
    setup: &'static str,
    /// `Result=` of the gate, `-` where systemd does not run it, so that it keeps an older one.
    result: &'static str,
    /// What RKE2's journal contains about the end; `None` for nothing.
    logged: Option<&'static str>,
}

const fn case(setup: &'static str, result: &'static str, logged: Option<&'static str>) -> Case {
    Case {
        setup,
        result,
        logged,
    }
}

const CASES: [Case; 50] = [
    case("gate 'exit 0'", "success", None),
    // It logs by itself what it could not check.
    case("gate 'exit 1'", "success", None),
    case("gate 'exit 2'", "exit-code", Some("status 2")),
    // What blocks is the job that was canceled, not this status.
    case("gate 'exit 3'", "exit-code", None),
    case("gate 'exit 4'", "exit-code", Some("status 4")),
    case("gate 'exit 101'", "exit-code", Some("status 101")),
    case("gate 'exit 203'", "exit-code", Some("status 203")),
    case("gate 'exit 255'", "exit-code", Some("status 255")),
    case(
        "rm /usr/bin/preflight-rke2",
        "exit-code",
        Some("status 203"),
    ),
    case(
        "chmod 644 /usr/bin/preflight-rke2",
        "exit-code",
        Some("status 203"),
    ),
    case(
        "echo nonsense >/usr/bin/preflight-rke2",
        "exit-code",
        Some("status 203"),
    ),
    case("gate 'kill -KILL $$'", "signal", Some("status KILL")),
    case("gate 'kill -TERM $$'", "signal", Some("status TERM")),
    // Where the kernel dumps into a pipe, these are core dumps.
    case(
        "gate 'kill -SEGV $$'",
        "signal|core-dump",
        Some("status SEGV"),
    ),
    case(
        "gate 'kill -ABRT $$'",
        "signal|core-dump",
        Some("status ABRT"),
    ),
    case(
        "gate 'kill -BUS $$'",
        "signal|core-dump",
        Some("status BUS"),
    ),
    case(
        "gate 'kill -SYS $$'",
        "signal|core-dump",
        Some("status SYS"),
    ),
    // Leaves a child that ignores SIGTERM.
    case(
        "gate '(trap \"\" TERM; exec sleep 1000) & sleep 0.2; kill -KILL $$'",
        "signal",
        Some("status KILL"),
    ),
    case(
        "gate 'tail /dev/zero; kill -KILL $$'; drop_in LimitAS=64M",
        "signal",
        Some("status KILL"),
    ),
    case(
        "gate 'sleep 1000'; drop_in TimeoutStartSec=1",
        "timeout",
        Some("status KILL"),
    ),
    case(
        "drop_in TimeoutStopSec=1 'ExecStopPost=/bin/sleep 1000'",
        "timeout",
        Some("(timeout)"),
    ),
    case(
        "gate 'exit 2'; drop_in TimeoutStopSec=1 'ExecStopPost=/bin/sleep 1000'",
        "exit-code",
        Some("status 2"),
    ),
    case(
        "gate 'systemd-notify WATCHDOG=trigger; sleep 1000'; drop_in NotifyAccess=all WatchdogSec=1h TimeoutAbortSec=1",
        "watchdog",
        Some("(watchdog"),
    ),
    case(
        "drop_in EnvironmentFile=/nowhere",
        "resources",
        Some("(resources)"),
    ),
    case("drop_in Type=notify", "protocol", Some("(protocol)")),
    case(
        "drop_in 'ExecCondition=/bin/sh -c \"exit 7\"'",
        "exec-condition",
        None,
    ),
    case(
        "drop_in 'ExecCondition=/bin/sh -c \"exit 255\"'",
        "exit-code",
        None,
    ),
    case(
        "drop_in 'ExecStartPre=/bin/sh -c \"exit 7\"'",
        "exit-code",
        None,
    ),
    case(
        "drop_in 'ExecStartPost=/bin/sh -c \"exit 7\"'",
        "exit-code",
        None,
    ),
    case(
        // While a running unit wants the gate, systemd keeps its start counter.
        "drop_in '[Unit]' StartLimitIntervalSec=1h StartLimitBurst=1; systemctl start holder",
        "start-limit-hit",
        Some("(start-limit-hit)"),
    ),
    // What systemd cannot set up for the program: statuses 200 to 245.
    case(
        "drop_in WorkingDirectory=/nowhere",
        "exit-code",
        Some("status 200"),
    ),
    case(
        "drop_in StandardInput=file:/nowhere",
        "exit-code",
        Some("status 208"),
    ),
    case(
        "drop_in StandardOutput=file:/no/where",
        "exit-code",
        Some("status 209"),
    ),
    case("drop_in User=no-such-user", "exit-code", Some("status 217")),
    case(
        "drop_in Group=no-such-group",
        "exit-code",
        Some("status 216"),
    ),
    case(
        "drop_in NetworkNamespacePath=/nowhere",
        "exit-code",
        Some("status 225"),
    ),
    case(
        "drop_in BindPaths=/nowhere:/mnt",
        "exit-code",
        Some("status 226"),
    ),
    case(
        "drop_in RootDirectory=/nowhere",
        "exit-code|resources",
        None,
    ),
    case(
        "touch /run/file; drop_in RuntimeDirectory=file/below",
        "exit-code",
        None,
    ),
    case(
        "drop_in LoadCredential=x:/nowhere",
        "exit-code",
        Some("status 243"),
    ),
    // systemd never runs it.
    case(
        "systemctl mask --runtime preflight-rke2-gate@rke2-server 2>/dev/null",
        "-",
        None,
    ),
    case(
        "mv /usr/lib/systemd/system/preflight-rke2-gate@.service /saved; systemctl daemon-reload",
        "-",
        None,
    ),
    case("drop_in ExecStart= ExecStart=not/absolute", "-", None),
    case("drop_in '[Unit]' ConditionPathExists=/nowhere", "-", None),
    case("drop_in '[Unit]' AssertPathExists=/nowhere", "-", None),
    case(
        "drop_in '[Unit]' Requires=no-such.service After=no-such.service",
        "-",
        None,
    ),
    case(
        "drop_in '[Unit]' Requires=fails.service After=fails.service",
        "-",
        None,
    ),
    case(
        "gate 'sleep 1000'; drop_in '[Unit]' JobTimeoutSec=1 '[Service]' TimeoutStartSec=20",
        "-",
        None,
    ),
    case(
        "gate 'systemctl --no-block stop preflight-rke2-gate@rke2-server; sleep 1000'",
        "-",
        None,
    ),
    case(
        "gate 'systemctl cancel $(systemctl list-jobs --no-legend | sed -n \"s/^ *\\([0-9]*\\) preflight-rke2-gate.*/\\1/p\"); exit 0'",
        "-",
        None,
    ),
];

const PRELUDE: &str = "
unit=preflight-rke2-gate@rke2-server.service
drop_in() {
    mkdir -p /run/systemd/system/preflight-rke2-gate@.service.d
    printf '%s\\n' '[Service]' \"$@\" >/run/systemd/system/preflight-rke2-gate@.service.d/zz.conf
    systemctl daemon-reload
}
printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >/run/systemd/system/fails.service
printf '[Unit]\\nAfter=%s\\nWants=%s\\n[Service]\\nExecStart=/bin/sleep infinity\\n' $unit $unit >/run/systemd/system/holder.service
";

fn script(number: usize, setup: &str) -> String {
    format!(
        "
        [ ! -e /saved ] || mv /saved /usr/lib/systemd/system/preflight-rke2-gate@.service
        systemctl stop holder
        systemctl unmask --runtime $unit 2>/dev/null
        rm -f /usr/bin/preflight-rke2; gate 'exit 0'; drop_in
        systemctl reset-failed $unit 2>/dev/null
        since=$(date +%s.%N)
        {setup}
        rec start{number} timeout 60 systemctl start rke2-server
        rec state{number} systemctl is-active rke2-server
        rec result{number} show $unit Result
        eventually logged
        journalctl --sync
        rec log{number} journalctl --no-pager --unit=rke2-server --identifier=preflight-rke2 --since=@$since
        systemctl stop rke2-server
        "
    )
}

on!(however_the_gate_ends_rke2_starts: bullseye bookworm trixie sid);
fn however_the_gate_ends_rke2_starts(suite: &str) {
    let mut all = PRELUDE.to_owned();
    for (number, case) in CASES.iter().enumerate() {
        all += &script(number, case.setup);
    }
    all += "rec version systemctl --version";
    let outcome = Lab::new(suite).longer(240).script(&all).boot();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for (number, case) in CASES.iter().enumerate() {
        let Case {
            setup,
            result,
            logged,
        } = case;
        let (started, state) = (
            outcome.status(&format!("start{number}")),
            outcome.line(&format!("state{number}")),
        );
        if (started, state.as_str()) != (0, "active") {
            let said = outcome.text(&format!("start{number}"));
            wrong.push(format!("{setup}: RKE2 is {state}: {said}"));
        }
        let ended = outcome.line(&format!("result{number}"));
        if *result != "-" {
            if !result.split('|').any(|result| result == ended) {
                wrong.push(format!("{setup}: Result={ended}, not {result}"));
            }
            seen.insert(ended);
        }
        let log = outcome.text(&format!("log{number}"));
        if let Some(logged) = logged {
            let parts = ["preflight-rke2 did not finish", logged, "starts unchecked"];
            if !parts.iter().all(|part| log.contains(part)) {
                wrong.push(format!("{setup}: not logged: {log}"));
            }
        } else if matches!(*result, "success" | "exec-condition") && log.contains("did not finish")
        {
            wrong.push(format!("{setup}: logged: {log}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let version = outcome.text("version");
    println!(
        "{}: RKE2 started after each of {} ends of the gate, {} kinds of Result=: {}",
        version.lines().next().unwrap_or_default(),
        CASES.len(),
        seen.len(),
        seen.iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    );
    for result in RESULTS {
        assert!(seen.contains(result), "no case ends with Result={result}");
    }
}
