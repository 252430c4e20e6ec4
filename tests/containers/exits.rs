//! A kubelet that RKE2 starts again and again: its reason is in RKE2's journal once, and in `status` and `check`
//! until it runs.

use crate::lab::Lab;
use crate::on;

const EXITED: &str = "5b2d7e90c4a14f6d8e13a97f20b6c8d5";

on!(the_kubelets_reason_is_where_people_look: bullseye bookworm trixie sid);
fn the_kubelets_reason_is_where_people_look(suite: &str) {
    let script = "
        logs=/var/lib/rancher/rke2/agent/logs
        mkdir -p $logs
        line() { printf '%s%s      77 run.go:72] %s\\n' \"$1\" \"$(date +'%m%d %H:%M:%S.%6N')\" \"$2\" >>$logs/kubelet.log; }
        loop() { while sleep 1; do line E '\"command failed\" err=\"failed to parse kubelet flag: unknown flag: --x\"'; done; }
        exited() { entries EXITED | grep -q 'unknown flag: --x'; }
        gone() { ! preflight-rke2 status | grep -q exited; }
        # Of an earlier start.
        line E '\"command failed\" err=\"an earlier start\"'
        systemctl restart rke2-server
        up rke2-server; up preflight-rke2
        loop & loop=$!
        eventually exited
        rec status preflight-rke2 status
        rec check preflight-rke2 check
        # It is read every half minute meanwhile.
        sleep 35
        kill $loop
        rec entries entries EXITED
        rec unit journalctl --no-pager --unit=rke2-server --output=cat
        rec explained journalctl --no-pager -x --unit=rke2-server MESSAGE_ID=EXITED
        line I '\"Starting Kubelet Plugin Manager\"'
        eventually gone
        rec runs preflight-rke2 check
        rec state systemctl is-active rke2-server";
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .longer(60)
        .script(&script.replace("EXITED", EXITED))
        .boot();
    let reason = "failed to parse kubelet flag: unknown flag: --x";
    let log = "/var/lib/rancher/rke2/agent/logs/kubelet.log";
    outcome.has("status", &["  kubelet: exited at ", reason, log]);
    outcome.has("check", &["warning[kubelet.exited]", reason, log]);
    assert_eq!(outcome.status("check"), 0);
    let entries = outcome.text("entries");
    assert_eq!(entries.lines().count(), 1, "{entries}");
    outcome.has("unit", &[reason]);
    outcome.has("explained", &["Check:", "kubelet.exited"]);
    outcome.lacks("unit", &["an earlier start"]);
    outcome.lacks("runs", &["exited"]);
    assert_eq!(outcome.line("state"), "active");
    outcome.lacks("log", &["never: "]);
}
