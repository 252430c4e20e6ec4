//! The monitor on the system bus: who may call what, what is signalled, and what works without a bus.

use crate::lab::{Lab, Outcome};
use crate::on;

on!(everybody_may_ask_and_only_root_may_start: bullseye bookworm trixie);
fn everybody_may_ask_and_only_root_may_start(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .enable("rke2-server.service")
        .script(
            r#"bus=org.rke2.Preflight1
            manager="$bus /org/rke2/Preflight1 $bus.Manager"
            unit="$bus /org/rke2/Preflight1/unit/rke2_2dserver_2eservice $bus.Unit"
            nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
            up preflight-rke2
            eventually busctl status $bus
            for who in '' nobody; do
                for method in GetReport GetStatus Check; do
                    rec "$who$method" $who busctl call $manager $method
                done
                rec "${who}GetUnit" $who busctl call $manager GetUnit s rke2-server.service
                rec "${who}GetNoUnit" $who busctl call $manager GetUnit s sshd.service
                rec "${who}UnitReport" $who busctl call $unit GetReport
                for property in Version Rules Units LastEvaluation; do
                    rec "$who$property" $who busctl get-property $manager $property
                done
                for property in Name Role Rke2Version Rke2VersionSource Phase Verdict NextBootVerdict RefusedBy \
                    Predicted Blocked BlockedSince Held Drifted Resumes DriftTransitions Findings; do
                    rec "$who$property" $who busctl get-property $unit $property
                done
                rec "${who}status" $who preflight-rke2 status
                rec "${who}set" $who busctl set-property $unit Blocked b false
            done
            rec introspection nobody busctl introspect $bus /org/rke2/Preflight1/unit/rke2_2dserver_2eservice
            rec nobodyResume nobody busctl call $unit Resume
            rec nobodyStart nobody busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager StartUnit ss rke2-server.service replace
            rec early busctl call $unit Resume
            systemctl stop rke2-server
            busctl monitor $bus >/out/signals 2>&1 & listener=$!
            listens() { grep -q Monitoring /out/signals; }
            eventually listens
            signalled() { grep -q "Member=$1" /out/signals; }
            set_sysctl kernel.panic 10
            busctl call $manager Check >/dev/null
            rec stays show rke2-server ActiveState
            rec Resume busctl call $unit Resume
            up rke2-server
            rec resumed show rke2-server ActiveState
            is() { [ "$(busctl get-property $unit $1)" = "b $2" ]; }
            eventually is Blocked false
            set_sysctl kernel.panic 0
            eventually is Drifted true
            set_sysctl kernel.panic 10
            eventually is Drifted false
            eventually signalled Drifted; eventually signalled Cleared
            kill $listener
            # Nothing that is asked of the bus starts a monitor that does not run.
            systemctl stop preflight-rke2
            rec fallback preflight-rke2 status
            rec wake nobody busctl call $manager GetStatus
            rec asleep systemctl is-active preflight-rke2"#,
        )
        .boot();
    for who in ["", "nobody"] {
        everything_is_answered(&outcome, who);
    }
    outcome.has(
        "introspection",
        &[
            "PropertiesChanged",
            ".Blocked ",
            ".Drifted ",
            ".Cleared ",
            ".Resume ",
        ],
    );
    for refused in ["nobodyResume", "nobodyStart"] {
        assert_ne!(outcome.status(refused), 0, "{}", outcome.text(refused));
        outcome.has(refused, &["denied"]);
    }
    assert_ne!(outcome.status("early"), 0);
    outcome.has(
        "early",
        &["rke2-server.service would refuse to run: kernel.panic is 0, must be 10"],
    );
    assert_eq!(outcome.line("stays"), "inactive", "stopped manually");
    assert_eq!(outcome.status("Resume"), 0, "{}", outcome.text("Resume"));
    assert_eq!(outcome.line("resumed"), "active");
    outcome.has(
        "signals",
        &[
            "Member=PropertiesChanged",
            "Member=Cleared",
            "Member=Drifted",
            "\"sysctl.kernel.panic\"",
        ],
    );
    outcome.has(
        "fallback",
        &["the monitor cannot be asked (it does not run); this is the result of `check`"],
    );
    assert_ne!(outcome.status("wake"), 0, "{}", outcome.text("wake"));
    assert_eq!(outcome.line("asleep"), "inactive");
}

/// Every method and property, each under its name.
const ASKED: [&str; 25] = [
    "GetReport",
    "GetStatus",
    "Check",
    "GetUnit",
    "UnitReport",
    "Version",
    "Rules",
    "Units",
    "LastEvaluation",
    "Name",
    "Role",
    "Rke2Version",
    "Rke2VersionSource",
    "Phase",
    "Verdict",
    "NextBootVerdict",
    "RefusedBy",
    "Predicted",
    "Blocked",
    "BlockedSince",
    "Held",
    "Drifted",
    "Resumes",
    "DriftTransitions",
    "Findings",
];

/// Every request of `who` was answered, and had no other effect.
fn everything_is_answered(outcome: &Outcome, who: &str) {
    for asked in ASKED {
        let name = format!("{who}{asked}");
        assert_eq!(outcome.status(&name), 0, "{name}: {}", outcome.text(&name));
    }
    for refused in ["GetNoUnit", "set"] {
        let name = format!("{who}{refused}");
        assert_ne!(outcome.status(&name), 0, "{name}: {}", outcome.text(&name));
    }
    assert_eq!(outcome.status(&format!("{who}status")), 3);
    outcome.has(
        &format!("{who}status"),
        &["rke2-server.service is blocked since"],
    );
    assert_eq!(outcome.line(&format!("{who}Verdict")), "s \"would-refuse\"");
    assert_eq!(outcome.line(&format!("{who}Blocked")), "b true");
    assert_eq!(outcome.line(&format!("{who}Phase")), "s \"down\"");
    outcome.has(
        &format!("{who}Findings"),
        &["a(sssss) 1 \"sysctl.kernel.panic\" \"violated\" \"blocks-start\" \"kernel.panic\""],
    );
    outcome.has(
        &format!("{who}Predicted"),
        &["invalid kernel parameter value kernel.panic=0 - expected 10"],
    );
    outcome.has(
        &format!("{who}GetNoUnit"),
        &["no RKE2 unit sshd.service is installed"],
    );
}

on!(without_a_bus_it_watches_logs_and_measures: bullseye bookworm trixie);
fn without_a_bus_it_watches_logs_and_measures(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .metrics()
        .enable("rke2-server.service")
        .script(
            "up rke2-server; up preflight-rke2
            eventually grep 'unit_active.*server\".* 1$' /var/lib/node_exporter/preflight-rke2.prom
            rec with cat /var/lib/node_exporter/preflight-rke2.prom
            ls -lA /var/lib/node_exporter >/out/files
            systemctl stop dbus.socket dbus.service
            lacks() { journalctl --sync; journalctl -u preflight-rke2 | grep -q 'D-Bus: '; }
            eventually lacks
            rec alive systemctl is-active preflight-rke2
            told() { entries $1 | grep -q .; }
            measured() { grep -q 'drift_transitions_total.*server\".* 1$' /var/lib/node_exporter/preflight-rke2.prom; }
            set_sysctl kernel.panic 0
            eventually told 6a0aafc776df442b90b1be0f1b0ce2fd
            eventually measured
            rec drifted entries 6a0aafc776df442b90b1be0f1b0ce2fd
            rec without cat /var/lib/node_exporter/preflight-rke2.prom
            rec restart systemctl restart preflight-rke2
            set_sysctl kernel.panic 10
            eventually told 14ee33e3e81446d886c197919c6c7f95
            rec cured entries 14ee33e3e81446d886c197919c6c7f95
            rec status preflight-rke2 status
            systemctl start dbus.socket
            # To ask for the name would have the bus start its owner.
            owned() { timeout 2 busctl list --acquired | grep -q org.rke2.Preflight1; }
            eventually owned
            eventually sh -c 'preflight-rke2 status | grep \"runs, and would start again\"'
            rec back preflight-rke2 status
            rec own journalctl --no-pager --output=cat -u preflight-rke2 MESSAGE_ID=c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31
            rec pid show rke2-server NRestarts
            # systemctl poweroff asks it first.
            systemctl restart systemd-logind",
        )
        .boot();
    outcome.has(
        "with",
        &[
            "preflight_rke2_unit_active{unit=\"rke2-server.service\",role=\"server\"} 1",
            "# EOF",
        ],
    );
    outcome.has("files", &["-rw-r--r-- 1 root root"]);
    assert_eq!(
        outcome.text("files").lines().count(),
        3,
        "nothing else is left"
    );
    assert_eq!(outcome.line("alive"), "active");
    outcome.has("drifted", &["kernel.panic is 0, must be 10"]);
    outcome.has("without", &["preflight_rke2_finding{", "check=\"sysctl.kernel.panic\"", "preflight_rke2_drift_transitions_total{unit=\"rke2-server.service\",role=\"server\"} 1"]);
    assert_eq!(outcome.status("restart"), 0, "{}", outcome.text("restart"));
    outcome.has("cured", &["would start"]);
    outcome.has("status", &["the monitor cannot be asked"]);
    outcome.has("own", &["D-Bus: ", "D-Bus: works again"]);
    outcome.has("back", &["rke2-server.service runs, and would start again"]);
    assert_eq!(outcome.line("pid"), "0");
}

on!(metrics_go_where_only_root_can_write: bookworm trixie);
fn metrics_go_where_only_root_can_write(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"; }
            says() { preflight-rke2 status | grep -q \"^monitor: metrics: .*$1\"; }
            place() {
                printf '[metrics]\\ntextfile = \"%s\"\\n' $1 >/etc/preflight-rke2/config.toml.d/lab.toml
                systemctl reload preflight-rke2
            }
            up rke2-server; up preflight-rke2
            mkdir -p /run/systemd/system/preflight-rke2.service.d
            printf '[Service]\\nReadWritePaths=/var/lib /etc\\n' >/run/systemd/system/preflight-rke2.service.d/wide.conf
            systemctl daemon-reload; systemctl restart preflight-rke2; up preflight-rke2

            # A directory whose parent belongs to the collector's user, who exchanges it for a link.
            install -d -m 755 -o 65534 -g 65534 /var/lib/prometheus /var/lib/prometheus/node-exporter
            place /var/lib/prometheus/node-exporter
            eventually says '/var/lib/prometheus is owned by uid 65534'
            rec owner preflight-rke2 status
            nobody mv /var/lib/prometheus/node-exporter /var/lib/prometheus/old
            nobody ln -s /etc/preflight-rke2 /var/lib/prometheus/node-exporter
            systemctl reload preflight-rke2
            chown 0:0 /var/lib/prometheus
            systemctl reload preflight-rke2
            eventually says 'node-exporter is a symbolic link to /etc/preflight-rke2'
            rec link preflight-rke2 status
            chmod 775 /var/lib/prometheus
            systemctl reload preflight-rke2
            eventually says 'is writable by other users than root'
            rec writable preflight-rke2 status
            find /etc /var/lib/prometheus -name '*.prom' >/out/strayed

            # What the sandbox does not let through is said with what to do.
            rm -r /run/systemd/system/preflight-rke2.service.d
            systemctl daemon-reload; systemctl restart preflight-rke2; up preflight-rke2
            place /var/lib/none
            eventually says 'does not exist'
            install -d -m 755 /var/lib/metrics
            place /var/lib/metrics
            eventually says ReadWritePaths=
            rec sandbox preflight-rke2 status
            mkdir -p /etc/systemd/system/preflight-rke2.service.d
            printf '[Service]\\nReadWritePaths=/var/lib/metrics\\n' >/etc/systemd/system/preflight-rke2.service.d/metrics.conf
            systemctl daemon-reload; systemctl restart preflight-rke2; up preflight-rke2
            eventually test -s /var/lib/metrics/preflight-rke2.prom
            rec right preflight-rke2 status
            rec metrics cat /var/lib/metrics/preflight-rke2.prom
            rec own journalctl --no-pager --output=cat -u preflight-rke2 MESSAGE_ID=c0a8f2c7d96b4e0f8f0d6a2b7f4b5d31",
        )
        .boot();
    outcome.lacks("log", &["never: "]);
    assert_eq!(outcome.line("strayed"), "");
    outcome.has(
        "owner",
        &["monitor: metrics: /var/lib/prometheus is owned by uid 65534"],
    );
    outcome.has("link", &["set textfile to the directory itself"]);
    outcome.has("writable", &["chmod go-w /var/lib/prometheus"]);
    outcome.has(
        "sandbox",
        &[
            "systemctl edit preflight-rke2",
            "ReadWritePaths=/var/lib/metrics",
        ],
    );
    outcome.lacks("right", &["monitor: metrics"]);
    outcome.has("metrics", &["# EOF"]);
    outcome.has(
        "own",
        &["metrics: /var/lib/prometheus is owned by uid 65534"],
    );
}
