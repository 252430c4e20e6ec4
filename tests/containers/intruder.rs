//! An unprivileged user on a booted host: no bus message, request to systemd or file of theirs starts, stops
//! or holds RKE2, ends the monitor, or forges a log line of RKE2's unit.

use std::fmt::Write as _;

use crate::lab::{Lab, Outcome, field};
use crate::on;

const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";

/// What the scripts of this file share. `open_bus` takes out what the policy of the bus refuses, so that
/// only the monitor's own defence is left.
const INTRUDER: &str = r#"
bus=org.rke2.Preflight1
object=/org/rke2/Preflight1
manager="$bus $object $bus.Manager"
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
intrude() { nobody perl /lab/intruder.pl "$@"; }
owner() { busctl --no-pager call org.freedesktop.DBus / org.freedesktop.DBus GetNameOwner s $bus | tr -d 's "'; }
pid() { show preflight-rke2 MainPID; }
server() { show rke2-server ActiveState; show rke2-server MainPID; show rke2-server NRestarts; }
open_bus() {
    sed -i '/<deny/d' /usr/share/dbus-1/system.d/$bus.conf
    busctl call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig
}
status() { preflight-rke2 status; }
blocked() { status | grep -q '^rke2-server.service is blocked since'; }
started() { show preflight-rke2 NRestarts; pid; }
cpu() { echo $(($(cut -d' ' -f14 "/proc/$1/stat") + $(cut -d' ' -f15 "/proc/$1/stat"))); }
"#;

fn lab(suite: &str) -> Lab {
    Lab::new(suite)
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .enable("rke2-server.service")
        .file("/lab/intruder.pl", include_str!("../lab/intruder.pl"))
}

/// Boots with `script`, preceded by the shared part.
fn boot(lab: Lab, script: &str) -> Outcome {
    let outcome = lab.script(&[INTRUDER, script].concat()).boot();
    outcome.lacks("log", &["never: "]);
    outcome
}

on!(forged_signals_are_not_believed: bullseye bookworm trixie);
fn forged_signals_are_not_believed(suite: &str) {
    let outcome = boot(
        lab(suite),
        r"up preflight-rke2; eventually blocked
        started >/out/before
        for policy in closed open; do
            [ $policy = open ] && open_bus
            for to in $bus $(owner); do
                rec sent intrude signals $to 280 0
                rec replied intrude reply $to 512
            done
            journalctl --sync
            journalctl --no-pager -o cat | grep -c 'Rejected send message.*type=.signal' >/out/rejected-$policy
            # A question that is answered after them has seen what they did.
            rec check busctl call $manager Check
            rec memory cat /run/preflight-rke2/monitor/rke2-server.service.json
            cp /out/memory /out/memory-$policy
            started >/out/after-$policy
            set_sysctl kernel.panic 10
            up rke2-server
            rec $policy show rke2-server ActiveState
            set_sysctl kernel.panic 0
            systemctl restart rke2-server
            eventually blocked
        done",
    );
    for policy in ["closed", "open"] {
        assert_eq!(outcome.line(policy), "active", "{policy}");
        let memory = format!("memory-{policy}");
        outcome.has(&memory, &["\"stopped\": null", "\"stopped_at\": null"]);
        assert_eq!(
            outcome.text("before"),
            outcome.text(&format!("after-{policy}")),
            "the monitor runs on"
        );
    }
    outcome.has("sent", &["280 in "]);
    // The bus refuses them, or passes them on.
    let rejected = |policy| outcome.line(&format!("rejected-{policy}"));
    assert_ne!(rejected("closed"), "0");
    assert_eq!(rejected("closed"), rejected("open"));
    let ours = outcome.ours("rke2-server.service");
    assert!(ours.iter().all(|entry| field(entry, "MESSAGE_ID") != HELD));
}

on!(a_user_without_rights_changes_nothing: bullseye bookworm trixie);
fn a_user_without_rights_changes_nothing(suite: &str) {
    let outcome = boot(
        lab(suite),
        r#"up preflight-rke2; eventually blocked
        started >/out/before
        systemd1="org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"
        unit="$bus $object/unit/rke2_2dserver_2eservice $bus.Unit"
        tried=0
        # What is tried must fail, and is noted where it does not.
        try() { tried=$((tried + 1)); nobody timeout 10 "$@" >/out/tried 2>&1 </dev/null && echo "$*" >>/out/worked; }
        : >/out/worked
        # Twice: while RKE2 is blocked, and while it runs.
        for round in blocked runs; do
            server >/out/server-$round
            for name in rke2-server.service preflight-rke2.service preflight-rke2-gate@rke2-server.service; do
                for verb in start stop restart try-restart reload kill reset-failed; do
                    try systemctl --no-ask-password $verb $name
                done
                for verb in StartUnit StopUnit RestartUnit TryRestartUnit ReloadUnit; do
                    try busctl call $systemd1 $verb ss $name replace
                done
                try busctl call $systemd1 KillUnit ssi $name all 9
                try busctl call $systemd1 ResetFailedUnit s $name
                try busctl call $systemd1 SetUnitProperties 'sba(sv)' $name true 0
                try systemctl --no-ask-password disable $name
                try systemctl --no-ask-password mask $name
                try systemctl --no-ask-password set-property $name CPUWeight=1
            done
            try systemctl --no-ask-password daemon-reload
            try systemctl --no-ask-password daemon-reexec
            try systemctl --no-ask-password isolate rescue.target
            try busctl call $systemd1 CancelJob u 1
            try busctl call $systemd1 ClearJobs
            try busctl call $unit Resume
            try dbus-send --system --print-reply --dest=$bus $object/unit/rke2_2dserver_2eservice $bus.Unit.Resume
            try busctl set-property $unit Blocked b false
            try sh -c '[ "$(perl /lab/intruder.pl own org.rke2.Preflight1)" = owned ]'
            try sh -c '[ "$(perl /lab/intruder.pl own org.freedesktop.systemd1)" = owned ]'
            for signal in TERM KILL STOP HUP; do try kill -$signal $(pid); done
            try sh -c 'echo 10 >/proc/sys/kernel/panic'
            for file in /run/preflight-rke2/x /run/preflight-rke2/gate/rke2-server.service.json \
                /run/preflight-rke2/monitor/rke2-server.service.json /etc/preflight-rke2/config.toml \
                /etc/preflight-rke2/config.toml.d/x.toml /etc/systemd/system/rke2-server.service.d/x.conf \
                /run/systemd/system/rke2-server.service /etc/rancher/rke2/config.yaml; do
                try sh -c "echo x >>$file"
                try rm $file
                try ln -sf /dev/null $file
            done
            try rm -r /run/preflight-rke2
            try mv /run/preflight-rke2 /run/other
            # A line under the name of RKE2's unit.
            nobody logger --journald <<END
MESSAGE=forged by nobody
OBJECT_SYSTEMD_UNIT=rke2-server.service
UNIT=rke2-server.service
_SYSTEMD_UNIT=rke2-server.service
SYSLOG_IDENTIFIER=preflight-rke2
END
            nobody logger -t preflight-rke2 'forged by nobody'
            intrude signals $bus 280 0
            intrude signals $(owner) 280 0
            busctl call $manager Check >/dev/null
            server >/out/server-$round-after
            started >/out/after-$round
            journalctl --sync
            rec under-$round journalctl --no-pager -u rke2-server
            [ $round = runs ] || { set_sysctl kernel.panic 10; up rke2-server; }
        done
        echo $tried >/out/count
        journalctl --no-pager -o cat _UID=65534 >/out/forged"#,
    );
    assert_eq!(outcome.text("worked"), "", "what a user could do");
    let tried: u32 = outcome.line("count").parse().expect("a number");
    assert!(tried >= 190, "{tried} attempts");
    for round in ["blocked", "runs"] {
        assert_eq!(
            outcome.text(&format!("server-{round}")),
            outcome.text(&format!("server-{round}-after")),
            "RKE2 is as before"
        );
        assert_eq!(
            outcome.text("before"),
            outcome.text(&format!("after-{round}")),
            "the monitor runs on"
        );
        outcome.lacks(&format!("under-{round}"), &["forged by nobody"]);
    }
    outcome.has("server-blocked", &["inactive\n0\n"]);
    outcome.has("server-runs", &["active\n"]);
    // The lines are there, under the sender's own name.
    outcome.has("forged", &["forged by nobody"]);
}

on!(a_disabled_monitor_is_not_activated: bullseye bookworm trixie);
fn a_disabled_monitor_is_not_activated(suite: &str) {
    let outcome = boot(
        lab(suite),
        r"up preflight-rke2; eventually blocked
        wake() {
            for who in nobody ''; do
                rec $1-ping $who busctl call $bus $object org.freedesktop.DBus.Peer Ping
                rec $1-ask $who busctl call $manager GetStatus
                rec $1-start $who busctl call org.freedesktop.DBus / org.freedesktop.DBus StartServiceByName su $bus 0
                rec $1-send $who dbus-send --system --print-reply --dest=$bus $object org.freedesktop.DBus.Introspectable.Introspect
                rec $1-status $who preflight-rke2 status
            done
            rec $1-monitor systemctl is-active preflight-rke2
            rec $1-server show rke2-server ActiveState
        }
        systemctl stop preflight-rke2
        # A user who activates it would have it start RKE2.
        set_sysctl kernel.panic 10
        wake stopped
        systemctl disable preflight-rke2
        wake disabled
        systemctl mask preflight-rke2
        wake masked
        systemctl unmask preflight-rke2
        systemctl enable --now preflight-rke2
        up rke2-server
        rec enabled systemctl is-enabled preflight-rke2
        rec end show rke2-server ActiveState",
    );
    for state in ["stopped", "disabled", "masked"] {
        for call in ["ping", "ask", "start", "send"] {
            let name = format!("{state}-{call}");
            assert_ne!(outcome.status(&name), 0, "{name}: {}", outcome.text(&name));
        }
        assert_eq!(outcome.line(&format!("{state}-monitor")), "inactive");
        assert_eq!(outcome.line(&format!("{state}-server")), "inactive");
        outcome.has(
            &format!("{state}-status"),
            &["rke2-server.service is blocked since"],
        );
    }
    assert_eq!(outcome.line("enabled"), "enabled");
    assert_eq!(outcome.line("end"), "active");
}

/// What is sent, to whom, with the policy of the bus as it is or without it; and for how many seconds.
const FLOODS: [(&str, &str); 7] = [
    ("refused", "signals $bus 28000 3"),
    ("signals", "signals $(owner) 28000 3"),
    ("check", "calls $bus 3000 3 $object $bus.Manager Check"),
    ("status", "calls $bus 3000 3 $object $bus.Manager GetStatus"),
    (
        "properties",
        "calls $bus 3000 3 $object/unit/rke2_2dserver_2eservice org.freedesktop.DBus.Properties GetAll $bus.Unit",
    ),
    (
        "introspection",
        "calls $bus 3000 3 $object org.freedesktop.DBus.Introspectable Introspect",
    ),
    (
        "nothing",
        "calls $bus 3000 3 $object $bus.Manager NoSuchMethod",
    ),
];

on!(a_flood_holds_up_nothing: bookworm trixie);
fn a_flood_holds_up_nothing(suite: &str) {
    let mut script = String::from(
        r#"
        mkdir -p /run/systemd/system/preflight-rke2.service.d
        # A loop that is held up is killed for it.
        printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/preflight-rke2.service.d/watchdog.conf
        systemctl daemon-reload; systemctl restart preflight-rke2
        up preflight-rke2; eventually blocked
        started >/out/before
        size() { grep VmRSS "/proc/$(pid)/status" | tr -dc 0-9; }
        # Answers while the flood lasts, each with how long it took in milliseconds.
        flood() {
            name=$1; shift
            process=$(pid)
            before=$(cpu $process)
            intrude "$@" >/out/sent-$name 2>&1 & intruder=$!
            : >/out/took-$name
            while kill -0 $intruder 2>/dev/null; do
                since=${EPOCHREALTIME/./}
                if timeout 20 busctl call $manager GetUnit s rke2-server.service >/dev/null 2>&1; then
                    echo $(((${EPOCHREALTIME/./} - since) / 1000)) >>/out/took-$name
                else
                    echo unanswered >>/out/took-$name
                fi
                sleep 0.1
            done
            wait $intruder
            echo $(($(cpu $process) - before)) $(size) >/out/cost-$name
        }
        rec ticks getconf CLK_TCK
        size >/out/size
        "#,
    );
    for (name, flood) in FLOODS {
        if name == "signals" {
            script.push_str("open_bus\n");
        }
        script.extend(["flood ", name, " ", flood, "\n"]);
    }
    script.push_str(
        "started >/out/after
        # It works as before.
        set_sysctl kernel.panic 10
        up rke2-server
        rec end show rke2-server ActiveState",
    );
    let outcome = boot(lab(suite).longer(60), &script);
    assert_eq!(
        outcome.text("before"),
        outcome.text("after"),
        "the watchdog had nothing to end"
    );
    assert_eq!(outcome.line("end"), "active");
    let number = |text: &str| -> u32 { text.trim().parse().expect("a number") };
    let per_second = number(&outcome.line("ticks"));
    let size = number(&outcome.line("size"));
    let mut table = String::from(
        "| flood, 3 s | processor | slowest answer | median | memory |\n|---|---:|---:|---:|---:|\n",
    );
    for (name, _) in FLOODS {
        let sent = outcome.line(&format!("sent-{name}"));
        assert!(sent.contains(" in "), "{name}: {sent}");
        let cost = outcome.line(&format!("cost-{name}"));
        let (ticks, resident) = cost.split_once(' ').expect("two numbers");
        let milliseconds = number(ticks) * 1000 / per_second;
        let resident = number(resident);
        let answers = outcome.text(&format!("took-{name}"));
        assert!(!answers.contains("unanswered"), "{name}: {answers}");
        let mut took: Vec<u32> = answers.lines().map(number).collect();
        took.sort_unstable();
        assert!(!took.is_empty(), "{name}: no answers");
        let _ = writeln!(
            table,
            "| {name} ({sent}) | {milliseconds} ms | {} ms | {} ms | {resident} KiB |",
            took[took.len() - 1],
            took[took.len() / 2],
        );
        assert!(resident < size + 4096, "{name}: {size} to {resident} KiB");
        // Processor time, which does not depend on what else the machine does.
        assert!(milliseconds < 600, "{name}: {milliseconds} ms of 3 s");
    }
    std::io::Write::write_all(&mut std::io::stdout(), table.as_bytes()).expect("print the table");
}
