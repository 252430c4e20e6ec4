//! RKE2 starts after units of the operator that prepare the host: the gate evaluates the host after them, not
//! before.

use crate::lab::Lab;
use crate::on;

const BLOCKED: &str = "07455aa26e824d2c8191fbfd5f8b41ec";

/// Makes a host right that is wrong, unless /lab/idle is there. It takes longer than the gate may.
const PREPARE: &str = "#!/bin/sh
sleep 4
[ -e /lab/idle ] || echo 10 >/proc/sys/kernel/panic
";

const UNIT: &str = "[Unit]
Before=rke2-server.service
[Service]
Type=oneshot
ExecStart=/lab/prepare
[Install]
WantedBy=rke2-server.service
";

const SCRIPT: &str = r#"
gate=preflight-rke2-gate@rke2-server.service
blocks() { entries 07455aa26e824d2c8191fbfd5f8b41ec | wc -l; }
ended() { [ "$(show $gate ActiveState)" != activating ]; }
again() {
    systemctl stop rke2-server
    eventually ended
    set_sysctl kernel.panic 0
}
rec boot systemctl is-active rke2-server
rec boot-blocks blocks
rec waited journalctl --no-pager --output=cat -u $gate

again
touch /lab/idle
rec idle systemctl start rke2-server
rec idle-blocks blocks
rm /lab/idle

# Without a bus it asks through systemd's private socket.
again
systemctl stop preflight-rke2 dbus.socket dbus.service
rec no-bus systemctl start rke2-server
systemctl start dbus.socket dbus.service

# It runs after the gate, which cannot wait for it.
again
printf '[Unit]\nAfter=%s\n' $gate >/etc/systemd/system/prepare.service.d/late.conf
systemctl daemon-reload
rec late systemctl start rke2-server
rec late-state systemctl is-active rke2-server
rec late-log journalctl --no-pager --output=cat -u rke2-server
rec late-blocks blocks
"#;

on!(a_unit_that_runs_before_rke2_is_waited_for: bullseye bookworm trixie sid);
fn a_unit_that_runs_before_rke2_is_waited_for(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .enable("rke2-server.service")
        .file("/lab/prepare", PREPARE)
        .file("/etc/systemd/system/prepare.service", UNIT)
        .file("/etc/systemd/system/prepare.service.d/some.conf", "")
        .file(
            "/etc/systemd/system/rke2-server.service.d/prepare.conf",
            "[Unit]\nRequires=prepare.service\n",
        )
        // It asks for more time as long as it waits.
        .file(
            "/etc/systemd/system/preflight-rke2-gate@.service.d/short.conf",
            "[Service]\nTimeoutStartSec=2s\n",
        )
        .script(SCRIPT)
        .boot();
    assert_eq!(outcome.line("boot"), "active", "{}", outcome.text("waited"));
    assert_eq!(outcome.line("boot-blocks"), "0", "{BLOCKED}");
    outcome.has("waited", &["waiting for prepare.service"]);
    assert_eq!(outcome.status("idle"), 1, "{}", outcome.text("idle"));
    assert_eq!(outcome.line("idle-blocks"), "1");
    assert_eq!(outcome.status("no-bus"), 0, "{}", outcome.text("no-bus"));
    assert_eq!(outcome.status("late"), 0, "{}", outcome.text("late"));
    assert_eq!(outcome.line("late-state"), "active");
    outcome.has(
        "late-log",
        &["starts unchecked: prepare.service runs after this check and before rke2-server.service"],
    );
    assert_eq!(outcome.line("late-blocks"), "1");
}
