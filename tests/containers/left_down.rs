//! A unit that is down although no gate blocked it is started. A unit that the administrator stopped, that
//! was not requested, or that belongs to another userspace is not. The gate's own stop is not taken for
//! the administrator's.

use crate::lab::{Lab, field};
use crate::on;

const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";

/// What the scripts of this file share.
const SHARED: &str = r#"
bus=org.rke2.Preflight1
look() { busctl call $bus /org/rke2/Preflight1 $bus.Manager Check >/dev/null; }
is() { [ "$(show rke2-server ActiveState)" = "$1" ]; }
blocked() { preflight-rke2 status | grep -q '^rke2-server.service is blocked since'; }
ready() { eventually look; }
state() { show rke2-server ActiveState; show rke2-server SubState; show rke2-server Result; }
drop_in() { mkdir -p /run/systemd/system/$1.d; printf '%b\n' "$2" >/run/systemd/system/$1.d/test.conf; systemctl daemon-reload; }
no_drop_in() { rm -rf /run/systemd/system/$1.d; systemctl daemon-reload; }
"#;

/// Joins RKE2 to the gate by `Requires=`, as packages up to 0.1 did: a gate that fails in any way keeps
/// RKE2 down.
fn required(lab: Lab) -> Lab {
    lab.file(
        "/etc/systemd/system/rke2-server.service.d/required.conf",
        "[Unit]\nRequires=preflight-rke2-gate@rke2-server.service\n\
         After=preflight-rke2-gate@rke2-server.service\n",
    )
}

on!(one_that_is_down_for_no_decision_is_started: bullseye bookworm trixie);
fn one_that_is_down_for_no_decision_is_started(suite: &str) {
    let broken =
        r"[Service]\nSuccessExitStatus=\nExecStart=\nExecStart=/bin/sh -c 'exit 7'\nExecStopPost=";
    let script = format!(
        r#"gate=preflight-rke2-gate@rke2-server.service
        up rke2-server; up preflight-rke2; ready
        # RKE2 wants the monitor, too, which must not act before the gate is fixed.
        broken() {{ systemctl mask --runtime --now preflight-rke2; drop_in $gate "{broken}"; }}
        monitored() {{ systemctl unmask --runtime preflight-rke2; systemctl start preflight-rke2; ready; }}
        mended() {{ no_drop_in $gate; monitored; }}
        # A gate that fails in a way of its own, where RKE2 requires it.
        broken
        systemctl stop rke2-server; systemctl start rke2-server
        state >/out/failed
        mended; up rke2-server
        rec failed-end state

        # The same at an automatic restart.
        drop_in rke2-server.service '[Service]\nRestartSec=200ms'
        broken
        kill -KILL $(show rke2-server MainPID)
        waits() {{ [ "$(show $gate ActiveState)" = failed ]; }}
        eventually waits
        state >/out/restarted
        mended; up rke2-server
        rec restarted-end state

        # A gate that blocks, and cannot leave word of it.
        rm -rf /run/preflight-rke2/gate; : >/run/preflight-rke2/gate
        set_sysctl kernel.panic 0
        systemctl restart rke2-server
        look
        rec unsaid state
        set_sysctl kernel.panic 10
        up rke2-server
        rec unsaid-end state
        rm -f /run/preflight-rke2/gate

        # What the administrator stopped, or what was not requested, stays down.
        drop_in $gate "{broken}"
        systemctl stop rke2-server
        look
        systemctl start $gate
        no_drop_in $gate
        look
        rec memory cat /run/preflight-rke2/monitor/rke2-server.service.json
        rec stopped state
        systemctl start rke2-server; up rke2-server
        systemctl disable rke2-server
        broken
        systemctl stop rke2-server; systemctl start rke2-server
        mended; look
        rec disabled state
        systemctl reset-failed $gate
        systemctl enable rke2-server
        systemctl start rke2-server; up rke2-server
        systemctl mask --runtime --now preflight-rke2
        systemctl stop rke2-server
        monitored; look
        rec unrequested state
        rec all journalctl --no-pager -o short-precise -u rke2-server -u preflight-rke2"#
    );
    let outcome = required(Lab::new(suite))
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .longer(60)
        .script(&[SHARED, &script].concat())
        .boot();
    outcome.lacks("log", &["never: "]);
    outcome.has("failed", &["inactive\n"]);
    let restarted = outcome.text("restarted");
    assert!(
        restarted.contains("inactive\n") || restarted.contains("auto-restart-queued\n"),
        "{restarted}"
    );
    outcome.has("unsaid", &["inactive\n"]);
    for name in ["failed-end", "restarted-end", "unsaid-end"] {
        outcome.has(name, &["active\n", "running\n"]);
    }
    for name in ["stopped", "disabled", "unrequested"] {
        let state = outcome.text(name);
        let all = outcome.text("all");
        assert!(state.contains("inactive\ndead\n"), "{name}: {state}\n{all}");
    }
    let ours = outcome.ours("rke2-server.service");
    let resumed: Vec<_> = ours
        .iter()
        .filter(|entry| field(entry, "MESSAGE_ID") == RESUMED)
        .map(|entry| field(entry, "MESSAGE"))
        .collect();
    assert_eq!(resumed.len(), 3, "{}", outcome.text("all"));
    assert!(
        resumed
            .iter()
            .all(|text| text.contains("a requested start of it was not carried out")),
        "{resumed:?}"
    );
}

/// The gate while it blocks: it cancels RKE2's start job over D-Bus, and ends an automatic restart by a
/// stop. `/lab/as` names what else happens to it.
const GATE: &str = r#"#!/bin/bash
unit=rke2-server.service
systemd1="org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
object=/org/freedesktop/systemd1/unit/rke2_2dserver_2eservice
file=/run/preflight-rke2/gate/$unit.json
show() { systemctl show --property="$2" --value "$1"; }
mkdir -p /run/preflight-rke2/gate
as=$(cat /lab/as)
if [ "$as" = waits ]; then : >/run/waiting; while [ -e /run/waiting ]; do sleep 0.02; done; fi
[ "$(cat /proc/sys/kernel/panic)" = 10 ] && { rm -f $file; exit 0; }
now=$(date +%s%6N)
block() {
    printf '{"schema": "org.rke2.preflight.block/1", "unit": "%s", "since": %s, "enabled": true,%s "reasons": [
        {"check": "sysctl.kernel.panic", "subject": "kernel.panic", "summary": "kernel.panic is 0, must be 10"}],
        "boot": "%s", "monotonic": %s}' $unit $now "$1" "$(cat /proc/sys/kernel/random/boot_id)" \
        $(($(cut -d' ' -f1 /proc/uptime | tr -d .) * 10000)) >$file.part
    mv $file.part $file
}
state=$(show $unit SubState)
# Up to systemd 252 the unit is inactive by now. The state after a stop there is recorded, too.
case $as in late | killed*) state=auto-restart ;; esac
case $state in
auto-restart*)
    block '"stop_job": "",'
    [ "$as" = killed-before ] && { : >/run/late; while [ -e /run/late ]; do sleep 0.02; done; kill -KILL $$; }
    job=$(busctl call $systemd1 StopUnit ss $unit replace | cut -d'"' -f2)
    [ "$as" = killed-after ] && kill -KILL $$
    [ "$as" = late ] && { : >/run/late; while [ -e /run/late ]; do sleep 0.02; done; }
    block "\"stop_job\": \"$job\","
    ;;
*)
    block
    job=$(busctl get-property org.freedesktop.systemd1 $object org.freedesktop.systemd1.Unit Job | cut -d' ' -f2)
    [ "$job" = 0 ] || busctl call $systemd1 CancelJob u $job
    ;;
esac
exit 3
"#;

/// Who stops what, in which order.
const STOPS: &str = r#"
        gate=preflight-rke2-gate@rke2-server.service
        drop_in rke2-server.service '[Service]\nRestartSec=200ms\n[Unit]\nStartLimitIntervalSec=0'
        up rke2-server; up preflight-rke2; ready
        gone() { [ "$(show $gate ActiveState)" = failed ]; }
        # A running RKE2 crashes on a host that has gone wrong, and its gate ends the restart.
        crash() {
            echo "$1" >/lab/as
            set_sysctl kernel.panic 0
            systemctl reset-failed $gate 2>/dev/null
            kill -KILL $(show rke2-server MainPID)
        }
        ended() { eventually gone; eventually is inactive; eventually blocked; rec "$1" state; }
        right() { set_sysctl kernel.panic 10; look; }

        crash as-it-is; ended restart
        right; up rke2-server; rec restart-end state

        crash as-it-is; ended stopped
        systemctl stop rke2-server
        right; rec stopped-end state
        systemctl start rke2-server; up rke2-server

        # systemd signals the stop long before the gate has written which it was.
        crash late
        late() { [ -e /run/late ]; }
        eventually late; eventually is inactive; look
        set_sysctl kernel.panic 10; look
        rec early state
        rm /run/late
        up rke2-server; rec late-end state

        # The administrator stops it at that moment.
        crash late
        eventually late; eventually is inactive; look
        systemctl stop rke2-server; look
        rm /run/late; eventually gone
        right; rec both-end state
        systemctl start rke2-server; up rke2-server

        # The gate is killed once it has asked systemd, before it could write.
        crash killed-after; ended killed
        right; up rke2-server; rec killed-end state

        # And before it has asked: RKE2 is let go.
        crash killed-before
        eventually late
        set_sysctl kernel.panic 10; look
        rm /run/late
        up rke2-server; rec let-go state
        systemctl stop rke2-server
        look; rec let-go-end state
        systemctl start rke2-server; up rke2-server

        # The administrator requests a start: its job is canceled.
        echo as-it-is >/lab/as; set_sysctl kernel.panic 0
        rec canceled systemctl restart rke2-server
        eventually blocked
        right; up rke2-server; rec canceled-end state

        # The administrator stops it while the gate runs, which blocks nevertheless.
        echo waits >/lab/as; set_sysctl kernel.panic 0
        systemctl restart --no-block rke2-server
        waiting() { [ -e /run/waiting ]; }
        eventually waiting
        systemctl stop rke2-server
        rm /run/waiting; eventually gone
        echo as-it-is >/lab/as
        right; rec meanwhile-end state
        rec resumed entries 177d9cd6ba0e419a8b804158a0e4aff6
        rec held entries 4a4fc480e04b4178acafec446d2b169d
        rec all journalctl --no-pager -o short-precise -u rke2-server -u preflight-rke2"#;

on!(the_gates_stop_differs_from_the_administrators: bullseye bookworm trixie);
fn the_gates_stop_differs_from_the_administrators(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        // The drop-in of the package is replaced: the gate is wanted, not required.
        .file(
            "/etc/systemd/system/rke2-server.service.d/50-preflight.conf",
            "[Unit]\nWants=preflight-rke2-gate@rke2-server.service preflight-rke2.service\n\
             After=preflight-rke2-gate@rke2-server.service\n",
        )
        .file(
            "/etc/systemd/system/preflight-rke2-gate@.service.d/zz-lab.conf",
            "[Service]\nExecStart=\nExecStart=/lab/gate\nExecStopPost=\nSuccessExitStatus=\n\
             ProtectSystem=no\nSystemCallFilter=\nCapabilityBoundingSet=~\n",
        )
        .file("/lab/gate", GATE)
        .file("/lab/as", "as-it-is\n")
        .longer(60)
        .script(&[SHARED, STOPS].concat())
        .boot();
    outcome.lacks("log", &["never: "]);
    for name in ["restart", "stopped", "killed"] {
        outcome.has(name, &["inactive\n", "dead\n"]);
    }
    outcome.has("early", &["inactive\n"]);
    assert_ne!(outcome.status("canceled"), 0);
    for name in [
        "restart-end",
        "late-end",
        "killed-end",
        "let-go",
        "canceled-end",
    ] {
        outcome.has(name, &["active\n", "running\n"]);
    }
    for name in ["stopped-end", "both-end", "let-go-end", "meanwhile-end"] {
        outcome.has(name, &["inactive\n", "dead\n"]);
    }
    assert_eq!(
        outcome.text("resumed").lines().count(),
        4,
        "{}",
        outcome.text("resumed")
    );
    for line in outcome.text("held").lines() {
        assert!(line.contains("it was stopped manually"), "{line}");
    }
    let ours = outcome.ours("rke2-server.service");
    let held = ours.iter().filter(|e| field(e, "MESSAGE_ID") == HELD);
    // For the unit that was let start it depends on whether it was observed running before the stop.
    assert!((3..=4).contains(&held.count()));
}

on!(status_says_at_once_that_a_unit_is_blocked: bullseye bookworm trixie);
fn status_says_at_once_that_a_unit_is_blocked(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            &[
                SHARED,
                r#"up rke2-server; up preflight-rke2; ready
        drop_in rke2-server.service '[Unit]\nStartLimitIntervalSec=0'
        for monitor in runs runs runs runs runs runs runs runs stopped; do
            [ $monitor = runs ] || systemctl stop preflight-rke2
            echo 0 >/proc/sys/kernel/panic
            systemctl restart rke2-server 2>/dev/null
            preflight-rke2 status >/out/said 2>&1
            echo "$? $monitor $(grep -v 'cannot be asked' /out/said | head -n 1)" >>/out/all
            [ $monitor = runs ] || systemctl start preflight-rke2
            set_sysctl kernel.panic 10
            up rke2-server
        done
        preflight-rke2 status | head -n 1 >/out/end"#,
            ]
            .concat(),
        )
        .boot();
    outcome.lacks("log", &["never: "]);
    let all = outcome.text("all");
    assert_eq!(all.lines().count(), 9, "{all}");
    for line in all.lines() {
        assert!(line.starts_with("3 "), "{all}");
        assert!(
            line.contains("rke2-server.service is blocked since"),
            "{all}"
        );
    }
    outcome.has("end", &["rke2-server.service runs"]);
}

/// The script runs again in the second userspace; `/out` is not unmounted in between.
fn soft_rebooted(suite: &str) -> Lab {
    Lab::new(suite)
        // A soft reboot leaves RKE2's directory on the root alone, an overlay.
        .config("profile: cis\nsnapshotter: native\n")
        .file(
            "/etc/systemd/system/out.mount.d/keep.conf",
            "[Unit]\nDefaultDependencies=no\n",
        )
        .file(
            "/etc/systemd/system/lab.service.d/again.conf",
            "[Service]\nStandardOutput=append:/out/log\nStandardError=append:/out/log\nExecStopPost=\n\
             ExecStopPost=/bin/sh -c '[ -e /run/soft ] || systemctl poweroff --no-block'\n",
        )
}

// systemctl soft-reboot exists since systemd 254.
on!(what_another_userspace_left_is_ignored: trixie);
fn what_another_userspace_left_is_ignored(suite: &str) {
    let outcome = soft_rebooted(suite)
        .sysctl("kernel.panic", "0")
        .script(
            &[
                SHARED,
                r"up preflight-rke2; ready
        if [ ! -e /run/soft ]; then
            # Not enabled: the administrator starts it, and it is blocked.
            systemctl start rke2-server
            eventually blocked
            cp /run/preflight-rke2/gate/rke2-server.service.json /out/block
            # A PID 1 that is only reexecuted is the same userspace.
            systemctl daemon-reexec
            systemctl restart preflight-rke2; up preflight-rke2; ready
            rec reexecuted preflight-rke2 status
            touch /run/soft
            systemctl soft-reboot
            sleep 60
        fi
        rm /run/soft
        cmp /out/block /run/preflight-rke2/gate/rke2-server.service.json && echo survived >/out/survived
        set_sysctl kernel.panic 10
        look
        rec status preflight-rke2 status
        rec state state
        # With a start in this userspace it is as ever.
        set_sysctl kernel.panic 0
        systemctl start rke2-server
        eventually blocked
        set_sysctl kernel.panic 10
        up rke2-server
        rec end state",
            ]
            .concat(),
        )
        .boot();
    outcome.lacks("log", &["never: "]);
    outcome.has("reexecuted", &["rke2-server.service is blocked since"]);
    assert_eq!(outcome.line("survived"), "survived", "/run is kept");
    outcome.lacks("status", &["rke2-server.service is blocked"]);
    outcome.has("state", &["inactive\n"]);
    outcome.has("end", &["active\n", "running\n"]);
}
