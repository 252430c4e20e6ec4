//! RKE2 is running: nothing of ours may touch it, and what comes after is judged again.

use crate::lab::Lab;
use crate::on;

on!(a_crash_on_a_drifted_host_ends_without_a_loop: bullseye bookworm trixie);
fn a_crash_on_a_drifted_host_ends_without_a_loop(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "rec before systemctl is-active rke2-server
            set_sysctl vm.overcommit_memory 0
            kill -KILL $(show rke2-server MainPID)
            sleep 7
            rec state systemctl show rke2-server --property=ActiveState,SubState
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
    // From systemd 254 on a restart that was refused leaves the unit waiting for one.
    let state = outcome.line("state");
    assert!(
        state.contains("ActiveState=inactive") || state.contains("SubState=auto-restart-queued"),
        "{state}"
    );
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
