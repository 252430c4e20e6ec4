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
            "rec security systemd-analyze security --no-pager --offline=true --threshold=15 \
                /usr/lib/systemd/system/preflight-rke2-gate@.service /usr/lib/systemd/system/preflight-rke2.service",
        )
        .boot();
    assert_eq!(
        outcome.status("security"),
        0,
        "{}",
        outcome.text("security")
    );
}
