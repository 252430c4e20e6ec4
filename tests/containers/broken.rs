//! Whatever is wrong with the gate itself, RKE2 starts, and the journal tells.

use crate::lab::Lab;
use crate::on;

/// How the gate breaks, in shell, and how its end is then told. The deadline is an alarm the
/// program sets itself; what runs it out of memory is a limit where there is a controller for it.
const BROKEN: [(&str, &str); 17] = [
    ("rm /usr/bin/preflight-rke2", "status 203"),
    (
        "gate 'exit 0'; chmod 644 /usr/bin/preflight-rke2",
        "status 203",
    ),
    (
        "echo nonsense >/usr/bin/preflight-rke2; chmod 755 /usr/bin/preflight-rke2",
        "status 203",
    ),
    ("gate 'exit 1'", "status 1"),
    ("gate 'exit 2'", "status 2"),
    ("gate 'exit 4'", "status 4"),
    ("gate 'exit 101'", "status 101"),
    ("gate 'exit 203'", "status 203"),
    ("gate 'exit 255'", "status 255"),
    ("gate 'kill -KILL $$'", "status KILL"),
    ("gate 'kill -SEGV $$'", "status SEGV"),
    ("gate 'kill -ABRT $$'", "status ABRT"),
    ("gate 'kill -BUS $$'", "status BUS"),
    ("gate 'kill -SYS $$'", "status SYS"),
    // Leaves a child that would rather stay.
    (
        "gate '(trap \"\" TERM; exec sleep 1000) & sleep 0.2; kill -KILL $$'",
        "status KILL",
    ),
    (
        "gate '(sleep 1; kill -ALRM $$) & sleep 1000'",
        "status ALRM",
    ),
    (
        "gate 'tail /dev/zero; kill -KILL $$'; drop_in MemoryMax=8M MemorySwapMax=0 LimitAS=64M",
        "status KILL",
    ),
];

fn try_case(case: usize, setup: &str) -> String {
    format!(
        "rm -f /usr/bin/preflight-rke2; gate 'exit 0'; since=$(date +%s.%N)
        {setup}
        rec start{case} systemctl start rke2-server
        rec state{case} systemctl is-active rke2-server
        rec log{case} journalctl --no-pager --unit=rke2-server --identifier=preflight-rke2 --since=@$since
        systemctl stop rke2-server
        "
    )
}

on!(only_status_3_blocks: bullseye bookworm trixie);
fn only_status_3_blocks(suite: &str) {
    let mut script = String::from(
        "drop_in() {
            mkdir -p /run/systemd/system/preflight-rke2-gate@.service.d
            printf '%s\\n' '[Service]' \"$@\" >/run/systemd/system/preflight-rke2-gate@.service.d/lab.conf
            systemctl daemon-reload
        }
        ",
    );
    script.extend(
        BROKEN
            .iter()
            .enumerate()
            .map(|(case, (setup, _))| try_case(case, setup)),
    );
    script += "drop_in BindPaths=/nowhere:/mnt
        rec sandbox systemctl start rke2-server
        # Not by unit: journald may find the short-lived sender gone before it knows whose it was.
        journalctl --sync
        rec told journalctl --no-pager
        systemctl stop rke2-server
        drop_in
        gate 'exit 3'
        rec three systemctl start rke2-server
        rec state systemctl is-active rke2-server
        gate 'exit 0'
        rec zero systemctl start rke2-server";

    let outcome = Lab::new(suite).script(&script).boot();
    for (case, (setup, told)) in BROKEN.iter().enumerate() {
        assert_eq!(
            outcome.status(&format!("start{case}")),
            0,
            "{setup}: {}",
            outcome.text(&format!("start{case}"))
        );
        assert_eq!(outcome.line(&format!("state{case}")), "active", "{setup}");
        outcome.has(
            &format!("log{case}"),
            &[
                "preflight-rke2 did not finish",
                told,
                "rke2-server.service starts unchecked",
            ],
        );
    }
    // Without its mount name space not even ExecStopPost= runs: systemd itself has to tell.
    assert_eq!(outcome.status("sandbox"), 0);
    outcome.has("told", &["Failed at step NAMESPACE"]);
    assert_eq!(outcome.status("three"), 1);
    assert_eq!(outcome.line("state"), "inactive");
    assert_eq!(outcome.status("zero"), 0);
}
