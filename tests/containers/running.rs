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

on!(the_package_comes_and_goes_beside_a_running_unit: bullseye bookworm trixie);
fn the_package_comes_and_goes_beside_a_running_unit(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .not_installed()
        .enable("rke2-server.service")
        .script(
            "gate=preflight-rke2-gate@rke2-server.service
            pid() { show rke2-server MainPID; }
            rec pid pid
            rec install dpkg --install /install.deb
            rec pid_install pid
            rec stop systemctl stop $gate
            rec restart systemctl restart $gate
            rec try systemctl try-restart 'preflight-rke2*'
            rec pid_gate pid
            rec again dpkg --install /install.deb
            rec pid_again pid

            set_sysctl kernel.panic 0
            rec blocked systemctl restart rke2-server
            set_sysctl kernel.panic 10
            rec fixed systemctl start rke2-server

            rec pid_fixed pid
            rec remove dpkg --remove preflight-rke2
            rec pid_remove pid
            rec bounce systemctl restart rke2-server
            rec pid_bounce pid
            rec purge dpkg --purge preflight-rke2
            rec pid_purge pid
            rec active systemctl is-active rke2-server
            rec needs show rke2-server Requires
            rec catalog journalctl --list-catalog
            rec rest find / -xdev -path '*preflight*' -not -path '/proc/*' -not -path '/install.deb' -not -path '*/lab-host.conf' -not -path '/etc/systemd/system/preflight-rke2*.d'",
        )
        .boot();
    for step in ["install", "again", "remove", "purge"] {
        assert_eq!(outcome.status(step), 0, "{step}: {}", outcome.text(step));
    }
    let pid = outcome.line("pid");
    assert_ne!(pid, "0");
    for step in ["pid_install", "pid_gate", "pid_again"] {
        assert_eq!(outcome.line(step), pid, "{step}");
    }
    for step in ["stop", "restart"] {
        assert_ne!(outcome.status(step), 0);
        outcome.has(step, &["Operation refused"]);
    }
    assert_eq!(
        outcome.status("blocked"),
        1,
        "a fresh installation gates the next start"
    );
    assert_eq!(outcome.status("fixed"), 0, "{}", outcome.text("fixed"));
    assert_eq!(outcome.line("pid_remove"), outcome.line("pid_fixed"));
    assert_eq!(outcome.status("bounce"), 0, "{}", outcome.text("bounce"));
    assert_eq!(outcome.line("pid_purge"), outcome.line("pid_bounce"));
    assert_eq!(outcome.line("active"), "active");
    outcome.lacks("needs", &["preflight"]);
    outcome.lacks("catalog", &["preflight"]);
    assert_eq!(outcome.line("rest"), "", "a purge leaves nothing");
}
