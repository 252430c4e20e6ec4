//! A PID 1 that answers late, or not in time: it is stopped from outside its container while the gate or the
//! monitor queries it.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};

use crate::lab::Lab;
use crate::on;
use crate::outside::{self, process, receive, send};
use crate::rows;

/// Stops PID 1 for as many milliseconds as the script requests, each time.
fn stop(out: &Path) {
    loop {
        let text = receive(out, "stop");
        let Ok(milliseconds) = text.parse() else {
            return;
        };
        let init = process(out, "1");
        kill(init, Signal::SIGSTOP).expect("stop PID 1");
        send(out, "stopped", "");
        sleep(Duration::from_millis(milliseconds));
        kill(init, Signal::SIGCONT).expect("continue PID 1");
        send(out, "continued", "");
    }
}

/// A gate that has PID 1 stopped, and then executes the real gate.
const GATE: &str = r#"#!/bin/bash
. /lab/outside
read -r name milliseconds </lab/asked
tell stop $milliseconds
heard stopped
since=$(date +%s%3N)
/usr/bin/preflight-rke2 gate rke2-server.service
status=$?
echo "$status $(($(date +%s%3N) - since))" >/out/$name
exit $status
"#;

const SCRIPT: &str = r"
starts() { journalctl --sync; journalctl --no-pager -o cat \
    MESSAGE_ID=39f53479d3a045ac8e11786248231fbf UNIT=rke2-server.service | wc -l; }
watched() { preflight-rke2 status | grep -q 'is blocked since'; }
drifted() { entries 6a0aafc776df442b90b1be0f1b0ce2fd | grep -q .; }
ended() { case $(show preflight-rke2-gate@rke2-server ActiveState) in inactive | failed) ;; *) return 1 ;; esac; }
ask() {
    systemctl stop rke2-server; systemctl reset-failed
    set_sysctl kernel.panic $3
    echo $1 $2 >/lab/asked
    timeout 40 systemctl start rke2-server
    started=$?
    # RKE2's job goes before the gate has ended.
    eventually ended
    echo $started >>/out/$1
    heard continued
}
# It would start what is to be seen blocked.
systemctl mask --runtime --now preflight-rke2
ask late-right 1000 10
ask late-wrong 1000 0
ask silent-right 3500 10
ask silent-wrong 3500 0
rm /etc/systemd/system/preflight-rke2-gate@.service.d/late.conf
systemctl unmask --runtime preflight-rke2
systemctl daemon-reload
systemctl start preflight-rke2
eventually watched
monitor=$(show preflight-rke2 MainPID)
before=$(starts)
tell stop 2700
heard stopped
echo 10 >/proc/sys/kernel/panic
heard continued
up rke2-server
server=$(show rke2-server MainPID)
tell stop 2700
heard stopped
echo 60 >/proc/sys/kernel/panic
heard continued
eventually drifted
tell stop no-more
echo $(($(starts) - before)) $(show rke2-server NRestarts) $(($(show rke2-server MainPID) - server)) \
    $(($(show preflight-rke2 MainPID) - monitor)) >/out/monitor
rec drifted entries 6a0aafc776df442b90b1be0f1b0ce2fd
rec own journalctl --no-pager --output=cat -u preflight-rke2 MESSAGE_ID=c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31
rec log journalctl --no-pager -o short-precise -u rke2-server -u preflight-rke2
";

on!(a_systemd_that_answers_late: bookworm);
fn a_systemd_that_answers_late(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .file("/lab/outside", outside::SCRIPT)
        .file("/lab/late", GATE)
        .file(
            "/etc/systemd/system/preflight-rke2-gate@.service.d/late.conf",
            "[Service]\nExecStart=\nExecStart=/lab/late\nReadWritePaths=/out\n",
        )
        .longer(30)
        .script(&[outside::SCRIPT, SCRIPT].concat())
        .boot_beside(stop);
    // The gate's exit status, its duration, and the result of the start job.
    let numbers = |name: &str| -> Vec<i64> {
        let text = outcome.text(name);
        text.split_whitespace()
            .map(|n| n.parse().expect("a number"))
            .collect()
    };
    // On a host that is right the gate ends without systemd's answer. To block it needs PID 1, which goes
    // on after 3.5 s.
    for (row, name, right, wrong) in [
        ("systemd answers late", "late", 500..2500, 500..2500),
        ("systemd does not answer", "silent", 1900..3400, 3400..8000),
    ] {
        assert_eq!(rows::outcome(row), "evaluated");
        for (host, status, started, took) in [("right", 0, 0, right), ("wrong", 3, 1, wrong)] {
            let asked = numbers(&format!("{name}-{host}"));
            assert_eq!(
                [asked[0], asked[2]],
                [status, started],
                "{row}, {host}: {asked:?}"
            );
            assert!(took.contains(&asked[1]), "{row}, {host}: {asked:?}");
        }
    }
    assert_eq!(
        rows::outcome("systemd does not answer the monitor"),
        "resumed once"
    );
    assert_eq!(numbers("monitor"), [1, 0, 0, 0], "{}", outcome.text("log"));
    assert_eq!(outcome.text("drifted").lines().count(), 1);
    outcome.has("own", &["D-Bus: ", "D-Bus: works again"]);
}
