//! Nothing that happens to the monitor affects RKE2.

use crate::lab::Lab;
use crate::on;

on!(nothing_that_happens_to_the_monitor_touches_rke2: bullseye bookworm trixie);
fn nothing_that_happens_to_the_monitor_touches_rke2(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .not_installed()
        .script(
            "ten() { for _ in 1 2 3 4 5 6 7 8 9 10; do \"$@\"; done; }
            pid() { show rke2-server MainPID; }
            kill_it() { up preflight-rke2; kill -KILL $(show preflight-rke2 MainPID); sleep 0.2; }
            next() {
                version=$((version + 1))
                mkdir -p /tmp/next; rm -rf /tmp/next/*
                dpkg-deb --raw-extract /install.deb /tmp/next/tree
                sed -i \"s/^Version: .*/Version: 9.$version/\" /tmp/next/tree/DEBIAN/control
                dpkg-deb -Znone --build /tmp/next/tree /tmp/next/next.deb >/dev/null
                dpkg --install /tmp/next/next.deb
            }
            away() { dpkg --remove preflight-rke2; dpkg --install /install.deb; }
            version=0
            up rke2-server
            rec install dpkg --install /install.deb
            rec monitor systemctl is-active preflight-rke2
            rec enabled systemctl is-enabled preflight-rke2
            rec pid pid
            rec kill ten kill_it
            rec pid_kill pid
            up preflight-rke2
            rec restart ten systemctl restart preflight-rke2
            rec pid_restart pid
            # One that no longer answers is killed and started again.
            mkdir -p /run/systemd/system/preflight-rke2.service.d
            printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/preflight-rke2.service.d/watchdog.conf
            systemctl daemon-reload; systemctl restart preflight-rke2
            sleep 5
            rec patient show preflight-rke2 NRestarts
            kill -STOP $(show preflight-rke2 MainPID)
            again() { [ $(show preflight-rke2 NRestarts) -gt 0 ]; }
            eventually again
            rec watchdog show preflight-rke2 NRestarts
            rec pid_watchdog pid
            rm -r /run/systemd/system/preflight-rke2.service.d; systemctl daemon-reload
            up preflight-rke2
            systemctl stop preflight-rke2
            rec pid_stop pid
            systemctl start preflight-rke2
            rec upgrade ten next
            rec pid_upgrade pid
            rec version dpkg-query --show --showformat='${Version}' preflight-rke2
            rec running systemctl is-active preflight-rke2
            rec remove ten away
            rec pid_remove pid
            rec back systemctl is-active preflight-rke2
            systemctl disable --now preflight-rke2
            rec again dpkg --install /install.deb
            rec disabled systemctl is-enabled preflight-rke2
            rec idle systemctl is-active preflight-rke2
            dpkg --purge preflight-rke2
            rec pid_purge pid
            rec rke2 systemctl is-active rke2-server
            rec failed systemctl --failed --no-legend --plain
            rec rest find / -xdev -iname '*preflight*' -not -path '/proc/*' -not -path '/install.deb' -not -path '/etc/systemd/system/preflight-rke2*.d*' -not -path '/tmp/*'",
        )
        .boot();
    let pid = outcome.line("pid");
    assert_ne!(pid, "0");
    assert_eq!(outcome.line("patient"), "0", "it notifies the watchdog");
    assert_eq!(outcome.line("watchdog"), "1");
    for step in [
        "kill", "restart", "watchdog", "stop", "upgrade", "remove", "purge",
    ] {
        assert_eq!(outcome.line(&format!("pid_{step}")), pid, "{step}");
    }
    for step in ["install", "restart", "upgrade", "remove", "again"] {
        assert_eq!(outcome.status(step), 0, "{step}: {}", outcome.text(step));
    }
    for step in ["monitor", "running", "back"] {
        assert_eq!(outcome.line(step), "active", "{step}");
    }
    assert_eq!(outcome.line("enabled"), "enabled");
    assert_eq!(outcome.line("version"), "9.10");
    assert_eq!(
        outcome.line("disabled"),
        "disabled",
        "an upgrade enables nothing"
    );
    assert_eq!(
        outcome.line("idle"),
        "inactive",
        "nor does it start anything"
    );
    assert_eq!(outcome.line("rke2"), "active");
    assert_eq!(outcome.line("failed"), "");
    assert_eq!(outcome.line("rest"), "", "a purge leaves nothing");
}
