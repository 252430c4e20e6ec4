//! While RKE2 runs, no part of the package may touch it. Its next start is evaluated again.

use crate::lab::Lab;
use crate::on;

on!(a_crash_on_a_drifted_host_ends_without_a_loop: bullseye bookworm trixie sid);
fn a_crash_on_a_drifted_host_ends_without_a_loop(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "down() {
                [ \"$(show rke2-server ActiveState)\" = inactive ] && ! systemctl list-jobs | grep -q rke2-server
            }
            rec before systemctl is-active rke2-server
            set_sysctl vm.overcommit_memory 0
            kill -KILL $(show rke2-server MainPID)
            eventually down
            rec state systemctl show rke2-server --property=ActiveState,SubState
            rec jobs systemctl list-jobs --no-legend
            rec restarts show rke2-server NRestarts
            sleep 6
            rec later show rke2-server NRestarts
            rec log journalctl --no-pager --unit=rke2-server --output=cat
            set_sysctl vm.overcommit_memory 1
            rec start systemctl start rke2-server
            rec after systemctl is-active rke2-server",
        )
        .boot();
    assert_eq!(outcome.line("before"), "active");
    // Also on systemd 254 and newer, where a restart whose job is canceled stays queued.
    outcome.has("state", &["ActiveState=inactive", "SubState=dead"]);
    outcome.lacks("jobs", &["rke2-server"]);
    assert_eq!(
        outcome.line("restarts"),
        outcome.line("later"),
        "it is retried"
    );
    outcome.has("log", &["vm.overcommit_memory"]);
    outcome.lacks("log", &["level=fatal"]);
    assert_eq!(outcome.status("start"), 0, "{}", outcome.text("start"));
    assert_eq!(outcome.line("after"), "active");
}

on!(starts_at_once_leave_a_wrong_host_down: bullseye bookworm trixie sid);
fn starts_at_once_leave_a_wrong_host_down(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .file(
            "/etc/systemd/system/needs-rke2.service",
            "[Unit]\nRequires=rke2-server.service\nAfter=rke2-server.service\n\
             [Service]\nType=oneshot\nExecStart=/bin/true\n",
        )
        .script(
            "down() {
                [ \"$(show rke2-server ActiveState)\" = inactive ] && ! systemctl list-jobs | grep -q rke2-server
            }
            for _ in $(seq 20); do systemctl start rke2-server & done 2>/dev/null
            wait
            eventually down
            rec state systemctl show rke2-server --property=ActiveState,SubState
            rec needs systemctl start needs-rke2
            eventually down
            rec after systemctl show rke2-server --property=ActiveState,SubState",
        )
        .boot();
    // One that arrived as the gate ended was started unchecked, failed, and was blocked at its restart.
    for name in ["state", "after"] {
        outcome.has(name, &["ActiveState=inactive", "SubState=dead"]);
    }
    assert_ne!(outcome.status("needs"), 0, "{}", outcome.text("needs"));
}
