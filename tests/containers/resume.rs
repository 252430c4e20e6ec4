//! The monitor starts a blocked unit once it would run. It does not start a unit that the administrator
//! stopped, that fails for other reasons, or that the configuration excludes.

use crate::lab::{Lab, field};
use crate::on;

const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
const HELD: &str = "4a4fc480e04b4178acafec446d2b169d";
const LOOP: &str = "efdb6b87a45147a8b5530feed1f7d038";

/// A server with profile cis on a host that is wrong in every way.
fn blocked(suite: &str) -> Lab {
    Lab::new(suite)
        .config("profile: cis\n")
        .kernel_defaults()
        .no_etcd()
        .enable("rke2-server.service")
}

on!(a_blocked_unit_starts_once_the_host_is_right: bullseye bookworm trixie);
fn a_blocked_unit_starts_once_the_host_is_right(suite: &str) {
    let outcome = blocked(suite)
        .script(
            "up preflight-rke2
            rec before show rke2-server ActiveState
            rec monitor systemctl is-active preflight-rke2
            rec status preflight-rke2 status
            # It notifies systemd once it has evaluated again.
            tells() { show preflight-rke2 StatusText | grep -q 'rke2-server is blocked'; }
            eventually tells
            rec text show preflight-rke2 StatusText
            cat /run/preflight-rke2/gate/rke2-server.service.json >/out/block
            make_right
            start=$(date +%s%3N)
            up rke2-server
            echo $(($(date +%s%3N) - start)) >/out/took
            journalctl --sync
            rec explained journalctl --no-pager -xu rke2-server
            rec left ls /run/preflight-rke2/gate
            rec after preflight-rke2 status
            # It notifies systemd once it has evaluated again.
            eventually sh -c \"systemctl status preflight-rke2 | grep 'rke2-server runs'\"
            rec unit systemctl status preflight-rke2 --no-pager
            rec loud journalctl --no-pager --priority=4 -u preflight-rke2
            for unit in preflight-rke2 preflight-rke2-gate@rke2-server; do
                # As it is packaged, without what the lab takes away.
                systemd-analyze security --no-pager $unit
            done >/out/security",
        )
        .boot();
    assert_eq!(outcome.line("before"), "inactive");
    assert_eq!(outcome.line("monitor"), "active");
    outcome.has(
        "status",
        &[
            "rke2-server.service is blocked since",
            "): 7 reasons",
            "  kernel.panic is 0, must be 10\n",
            "    fix: sysctl -w kernel.panic=10\n",
            "starts automatically once this is fixed",
            "rke2-agent.service is not enabled",
        ],
    );
    assert_eq!(outcome.status("status"), 3);
    outcome.has(
        "text",
        &["rke2-server is blocked: 7 reasons (vm.overcommit_memory, "],
    );
    outcome.has(
        "block",
        &["org.rke2.preflight.block/1", "account.etcd.group"],
    );

    let took: u32 = outcome.line("took").parse().expect("milliseconds");
    assert!(took <= 1000, "it took {took} ms");
    let ours = outcome.ours("rke2-server.service");
    let resumed = ours.iter().filter(|e| field(e, "MESSAGE_ID") == RESUMED);
    assert_eq!(resumed.count(), 1);
    outcome.has(
        "explained",
        &[
            "is being started: what blocked it is fixed (vm.overcommit_memory, ",
            "Subject: rke2-server.service is being started: the host is fixed",
        ],
    );
    outcome.lacks("explained", &["@PREFLIGHT_", "@OBJECT_"]);
    assert_eq!(outcome.line("left"), "", "the gate has forgotten it");
    for exposure in outcome
        .text("security")
        .lines()
        .filter(|line| line.contains("Overall exposure level"))
    {
        let level = exposure
            .split_whitespace()
            .find_map(|word| word.parse::<f32>().ok());
        // The lab removes two settings, which count 0.2 each.
        assert!(level.is_some_and(|level| level <= 1.9), "{exposure}");
    }
    outcome.has("after", &["started by the monitor 1 time since boot"]);
    outcome.has("unit", &["rke2-server runs, would"]);
    // In a container a private network namespace cannot have its loopback set up.
    let loud = outcome.text("loud");
    // What was set manually is lost with the next boot: that is reported.
    let known = |line: &&str| {
        ["loopback", "would not start again after a reboot", "-- "]
            .iter()
            .any(|part| line.contains(part))
    };
    assert!(loud.lines().all(|line| known(&line)), "{loud}");
}

on!(what_the_administrator_stopped_stays_stopped: bullseye bookworm trixie);
fn what_the_administrator_stopped_stays_stopped(suite: &str) {
    let outcome = blocked(suite)
        .script(
            "up preflight-rke2
            look() { busctl call org.rke2.Preflight1 /org/rke2/Preflight1 org.rke2.Preflight1.Manager Check >/dev/null; }
            eventually look
            systemctl stop rke2-server
            look
            # The next monitor process must know as well.
            systemctl restart preflight-rke2
            make_right
            eventually look
            is_held() { entries 4a4fc480e04b4178acafec446d2b169d | grep -q .; }
            eventually is_held
            rec state show rke2-server ActiveState
            rec held entries 4a4fc480e04b4178acafec446d2b169d
            rec status preflight-rke2 status
            rec start systemctl start rke2-server
            rec after show rke2-server ActiveState
            # The next block is another matter.
            set_sysctl kernel.panic 0
            systemctl restart rke2-server
            rec again show rke2-server ActiveState
            set_sysctl kernel.panic 10
            up rke2-server
            rec end show rke2-server ActiveState",
        )
        .boot();
    assert_eq!(outcome.line("state"), "inactive");
    outcome.has("held", &["it was stopped manually while it was blocked"]);
    assert_eq!(outcome.text("held").lines().count(), 1, "reported once");
    outcome.has(
        "status",
        &["not started automatically: it was stopped manually"],
    );
    assert_eq!(outcome.status("start"), 0, "{}", outcome.text("start"));
    assert_eq!(outcome.line("after"), "active");
    assert_eq!(outcome.line("again"), "inactive");
    assert_eq!(outcome.line("end"), "active");
}

on!(one_that_fails_by_itself_is_started_once: bullseye bookworm trixie);
fn one_that_fails_by_itself_is_started_once(suite: &str) {
    let outcome = blocked(suite)
        .script(
            "printf '#!/bin/sh\\n[ \"$1\" = --version ] && echo rke2 version v1.34.1+rke2r1 && exit\\necho starts >>/run/starts; exit 1\\n' >/usr/local/lib/rke2-stand-in
            up preflight-rke2
            make_right
            # systemd tries again and again.
            twice() { [ $(wc -l </run/starts) -ge 3 ]; }
            eventually twice
            waits() { [ \"$(show rke2-server SubState)\" = auto-restart ]; }
            eventually waits
            rec status preflight-rke2 status --format json
            rec state show rke2-server ActiveState
            rec resumed entries 177d9cd6ba0e419a8b804158a0e4aff6
            rec loop entries efdb6b87a45147a8b5530feed1f7d038
            rec starts cat /run/starts",
        )
        .boot();
    outcome.has("status", &["\"resumes\": 1,"]);
    assert_eq!(outcome.text("resumed").lines().count(), 1);
    assert_eq!(
        outcome.line("state"),
        "activating",
        "systemd goes on trying"
    );
    assert_eq!(outcome.line("loop"), "", "it is not ours to end");
    assert!(outcome.text("starts").lines().count() >= 2);
}

on!(a_crash_on_a_drifted_host_ends_when_that_is_right: bullseye bookworm trixie sid);
fn a_crash_on_a_drifted_host_ends_when_that_is_right(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "up rke2-server; up preflight-rke2
            set_sysctl vm.overcommit_memory 0
            drifts() { entries 6a0aafc776df442b90b1be0f1b0ce2fd | grep -q .; }
            eventually drifts
            kill -KILL $(show rke2-server MainPID)
            is_blocked() { preflight-rke2 status | grep -q 'rke2-server.service is blocked since'; }
            eventually is_blocked
            rec blocked show rke2-server ActiveState,SubState
            rec status preflight-rke2 status
            set_sysctl vm.overcommit_memory 1
            start=$(date +%s%3N)
            up rke2-server
            echo $(($(date +%s%3N) - start)) >/out/took
            rec after show rke2-server ActiveState
            rec drifted entries 6a0aafc776df442b90b1be0f1b0ce2fd",
        )
        .boot();
    outcome.has("blocked", &["inactive", "dead"]);
    outcome.has("status", &["is blocked since", ": 1 reason"]);
    let took: u32 = outcome.line("took").parse().expect("milliseconds");
    assert!(took <= 1000, "it took {took} ms");
    assert_eq!(outcome.line("after"), "active");
    assert_eq!(
        outcome.line("drifted"),
        "rke2-server.service runs, and would not start again: vm.overcommit_memory is 0, must be 1 \
         (no file sets 0: written manually or by a program on this host)"
    );
}

on!(resuming_can_be_switched_off: bookworm);
fn resuming_can_be_switched_off(suite: &str) {
    let outcome = blocked(suite)
        .file("/etc/preflight-rke2/config.toml.d/lab.toml", "[monitor]\nresume = false\n")
        .script(
            "up preflight-rke2
            make_right
            is_held() { entries 4a4fc480e04b4178acafec446d2b169d | grep -q .; }
            eventually is_held
            rec off show rke2-server ActiveState
            rec held entries 4a4fc480e04b4178acafec446d2b169d
            echo 'nonsense' >>/etc/preflight-rke2/config.toml.d/lab.toml
            rec reload systemctl reload preflight-rke2
            is_told() { preflight-rke2 status | grep -q 'monitor: configuration'; }
            eventually is_told
            rec broken show rke2-server ActiveState
            rec trouble preflight-rke2 status
            : >/etc/preflight-rke2/config.toml.d/lab.toml
            systemctl reload preflight-rke2
            up rke2-server
            rec on show rke2-server ActiveState
            rec own journalctl --no-pager --output=cat -u preflight-rke2 MESSAGE_ID=c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31",
        )
        .boot();
    assert_eq!(outcome.line("off"), "inactive");
    outcome.has("held", &["the configuration sets resume = false"]);
    assert_eq!(outcome.status("reload"), 0, "{}", outcome.text("reload"));
    assert_eq!(
        outcome.line("broken"),
        "inactive",
        "the settings before stay"
    );
    outcome.has(
        "trouble",
        &["monitor: configuration: /etc/preflight-rke2/config.toml.d/lab.toml:3: "],
    );
    assert_eq!(outcome.line("on"), "active");
    outcome.has(
        "own",
        &[
            "configuration: /etc/preflight-rke2/config.toml.d/lab.toml:3: ",
            "configuration: works again",
        ],
    );
}

on!(an_ungated_loop_is_ended_or_reported: bullseye bookworm trixie);
fn an_ungated_loop_is_ended_or_reported(suite: &str) {
    let outcome = blocked(suite)
        .file("/etc/preflight-rke2/config.toml.d/lab.toml", "[gate]\nmode = \"report\"\n")
        .script(
            "mask=/etc/systemd/system/rke2-server.service.d/50-preflight.conf
            mkdir -p ${mask%/*}; ln -s /dev/null $mask; systemctl daemon-reload
            systemctl start preflight-rke2
            systemctl start rke2-server
            sleep 18
            rec report show rke2-server ActiveState
            rec told entries efdb6b87a45147a8b5530feed1f7d038
            : >/etc/preflight-rke2/config.toml.d/lab.toml
            for _ in $(seq 200); do [ \"$(show rke2-server ActiveState)\" = inactive ] && break; sleep 0.1; done
            rec stopped show rke2-server ActiveState
            sleep 6
            rec stays show rke2-server ActiveState
            rec status preflight-rke2 status
            rec both entries efdb6b87a45147a8b5530feed1f7d038
            make_right
            up rke2-server
            rec right show rke2-server ActiveState",
        )
        .boot();
    assert_eq!(
        outcome.line("report"),
        "activating",
        "{}",
        outcome.text("told")
    );
    outcome.has(
        "told",
        &["rke2-server.service fails repeatedly: it was restarted "],
    );
    assert_eq!(outcome.text("told").lines().count(), 1);
    assert_eq!(outcome.line("stopped"), "inactive");
    assert_eq!(outcome.line("stays"), "inactive");
    outcome.has(
        "both",
        &["rke2-server.service is stopped: it was restarted "],
    );
    assert_eq!(outcome.text("both").lines().count(), 2);
    outcome.has("status", &["rke2-server.service is blocked since"]);
    assert_eq!(outcome.line("right"), "active");
    let ours = outcome.ours("rke2-server.service");
    for id in [LOOP, RESUMED] {
        assert!(ours.iter().any(|e| field(e, "MESSAGE_ID") == id), "{id}");
    }
    assert!(ours.iter().all(|e| field(e, "MESSAGE_ID") != HELD));
}
