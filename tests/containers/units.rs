//! The installed files as systemd's own tools see them.

use crate::lab::Lab;
use crate::on;

on!(systemd_finds_no_fault: bullseye bookworm trixie);
fn systemd_finds_no_fault(suite: &str) {
    let outcome = Lab::new(suite)
        .script(
            "rec verify systemd-analyze verify --man=no preflight-rke2.service preflight-rke2-gate@rke2-server.service rke2-server.service rke2-agent.service
            rec dropped systemctl show rke2-server rke2-agent --property=DropInPaths
            rec catalog journalctl --dump-catalog",
        )
        .boot();
    assert_eq!(outcome.status("verify"), 0, "{}", outcome.text("verify"));
    outcome.lacks("verify", &["preflight"]);
    for role in ["server", "agent"] {
        outcome.has(
            "dropped",
            &[&format!(
                "/usr/lib/systemd/system/rke2-{role}.service.d/50-preflight.conf"
            )],
        );
    }
    outcome.has("catalog", &["preflight_rke2=off"]);
}

on!(the_sandbox_is_as_tight_as_it_was: bookworm trixie);
fn the_sandbox_is_as_tight_as_it_was(suite: &str) {
    let outcome = Lab::new(suite)
        .script(
            "# What the lab had to take out is not ours.
            rm -r /etc/systemd/system/preflight-rke2*.d
            rec security systemd-analyze security --no-pager --offline=true --threshold=15 \
                /usr/lib/systemd/system/preflight-rke2-gate@.service \
                /usr/lib/systemd/system/preflight-rke2-gate-failed@.service \
                /usr/lib/systemd/system/preflight-rke2.service",
        )
        .boot();
    assert_eq!(
        outcome.status("security"),
        0,
        "{}",
        outcome.text("security")
    );
}

/// Directives that systemd 239, the oldest the units are for, would warn of and leave out;
/// `tests/unit_directives.rs` keeps the list.
const UNKNOWN_TO_239: [&str; 5] = [
    "OOMPolicy",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "RestrictSUIDSGID",
];

on!(without_what_an_old_systemd_does_not_know_it_gates_as_ever: bullseye);
fn without_what_an_old_systemd_does_not_know_it_gates_as_ever(suite: &str) {
    let take_away = UNKNOWN_TO_239
        .map(|name| {
            format!("sed -i '/^{name}=/d' /usr/lib/systemd/system/preflight-rke2*.service\n")
        })
        .concat();
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .script(&format!(
            "{take_away}
            systemctl daemon-reload
            rec cat systemctl cat preflight-rke2-gate@rke2-server preflight-rke2
            rec monitor systemctl restart preflight-rke2
            rec right systemctl start rke2-server
            systemctl stop rke2-server
            set_sysctl kernel.panic 0
            rec wrong systemctl start rke2-server
            rec state systemctl is-active rke2-server
            rec log journalctl --no-pager --unit=rke2-server
            # Its program is about to be written over.
            systemctl stop preflight-rke2
            rm /usr/bin/preflight-rke2
            gate 'kill -KILL $$'
            rec killed systemctl start rke2-server
            systemctl stop rke2-server
            gate 'sleep 1000'
            rec late systemctl start rke2-server"
        ))
        .boot();
    for line in outcome.text("cat").lines() {
        assert!(
            !UNKNOWN_TO_239.iter().any(|name| line.starts_with(name)),
            "{line}"
        );
    }
    assert_eq!(outcome.status("monitor"), 0, "{}", outcome.text("monitor"));
    assert_eq!(outcome.status("right"), 0, "{}", outcome.text("right"));
    assert_eq!(outcome.status("wrong"), 1, "{}", outcome.text("wrong"));
    assert_eq!(outcome.line("state"), "inactive");
    outcome.has("log", &["kernel.panic is 0, must be 10"]);
    // The stand-in, too, would refuse; but it was started.
    for step in ["killed", "late"] {
        outcome.lacks(step, &["canceled"]);
    }
}
