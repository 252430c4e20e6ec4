//! The faults of `docs/faults.md` that need a machine with its own clock and memory controller: parts of
//! the script of another boot, and their expected results.

use crate::machine::Outcome;
use crate::rows;

/// Files that are needed from the start: metrics, a watchdog that does not wait a minute, and a limit to the
/// gate's memory that is enough.
pub(crate) const FILES: [(&str, &str); 5] = [
    (
        "/etc/preflight-rke2/config.toml.d/lab.toml",
        "[metrics]\ntextfile = \"/var/lib/node_exporter\"\n",
    ),
    ("/var/lib/node_exporter/other.prom", ""),
    (
        "/etc/systemd/system/preflight-rke2.service.d/metrics.conf",
        "[Service]\nReadWritePaths=/var/lib/node_exporter\n",
    ),
    (
        "/etc/systemd/system/preflight-rke2.service.d/watchdog.conf",
        "[Service]\nWatchdogSec=10\n",
    ),
    (
        "/etc/systemd/system/preflight-rke2-gate@.service.d/10-memory.conf",
        "[Service]\nMemoryMax=8M\n",
    ),
];

/// Sets the clock while the unit is blocked.
pub(crate) const CLOCK: &str = r#"
monitor() { systemctl show preflight-rke2 --property=MainPID,NRestarts,WatchdogUSec; }
clock_set=$(cut -d . -f 1 /proc/uptime)
monitor >/out/monitor_before
date -s '+1 year'
sleep 1
rec forward preflight-rke2 status
date -s '-10 years'
sleep 1
rec back preflight-rke2 status
busctl call org.rke2.Preflight1 /org/rke2/Preflight1 org.rke2.Preflight1.Manager Check
echo "$(date +%s) $(sed -n 's/^preflight_rke2_evaluation_timestamp_seconds \([0-9]*\).*/\1/p' /var/lib/node_exporter/preflight-rke2.prom)" >/out/evaluated
"#;

/// Runs after the other steps that observe the monitor.
pub(crate) const CLOCK_END: &str = "
monitor >/out/monitor_after
echo $(($(cut -d . -f 1 /proc/uptime) - clock_set)) >/out/watched
";

/// The unit was blocked until the host was fixed, and the monitor was not restarted.
pub(crate) fn the_clock_is_set(outcome: &Outcome) {
    assert_eq!(
        rows::outcome("the clock set forward by a year, then back by ten"),
        "resumed once"
    );
    for name in ["forward", "back"] {
        outcome.has(name, &["rke2-server.service is blocked since 20"]);
    }
    // A year of the calendar is a little less than 365.25 days, or more.
    let forward = outcome.text("forward");
    assert!(
        ["(11months ", "(1year "]
            .iter()
            .any(|ago| forward.contains(ago)),
        "{forward}"
    );
    outcome.has("back", &["(0s ago)"]);
    outcome.has("monitor_before", &["NRestarts=0", "WatchdogUSec=10s"]);
    assert_eq!(
        outcome.text("monitor_before"),
        outcome.text("monitor_after")
    );
    let watched: u32 = outcome.line("watched").parse().expect("seconds");
    assert!(watched > 10, "the watchdog had its time: {watched} s");
    let evaluated = outcome.line("evaluated");
    let times: Vec<i64> = evaluated
        .split(' ')
        .map(|n| n.parse().expect("a time"))
        .collect();
    assert!(
        (times[0] - times[1]).abs() < 60,
        "now and in the metrics: {evaluated}"
    );
    assert_eq!(outcome.text("resumed").lines().count(), 1);
}

/// Runs the gate with less memory, once the machine was blocked and started with what is enough.
pub(crate) const MEMORY: &str = r"
gate=preflight-rke2-gate@rke2-server.service
asked() { systemctl show $gate --property=ExecMainCode,ExecMainStatus,MemoryMax; systemctl is-active rke2-server; }
ask() {
    systemctl set-property --runtime $gate MemoryMax=$1
    systemctl stop rke2-server
    timeout 30 systemctl start rke2-server
    asked >/out/asked$1
}
asked >/out/asked8M
sysctl -q -w vm.overcommit_memory=1
# What the kernel says of it would all be written to a slow line.
echo 1 >/proc/sys/kernel/printk
ask 64K
# It is read whole.
yes '# nothing' 2>/dev/null | head -n 500000 >>/etc/rancher/rke2/config.yaml
ask 4M
for _ in $(seq 100); do
    case $(systemctl show --property=ActiveState --value preflight-rke2-gate-failed@rke2-server) in activating) sleep 0.1 ;; *) break ;; esac
done
journalctl --sync
rec unfinished journalctl --no-pager --output=cat MESSAGE_ID=a7e6cdb13b184695b6d208fc1bf0fd7d
systemctl revert $gate
";

/// With too little memory the kernel kills the gate, and RKE2 starts unchecked.
pub(crate) fn memory_is_limited(outcome: &Outcome) {
    assert_eq!(rows::outcome("`MemoryMax=8M`"), "evaluated");
    // As systemd counts: 1 for an end by itself, 2 for one by a signal. It was blocked before that.
    let asked = |limit: &str| outcome.text(&format!("asked{limit}")).replace('\n', " ");
    let passed = "ExecMainCode=1 ExecMainStatus=0 MemoryMax=8388608 active ";
    assert_eq!(asked("8M"), passed);
    for (row, limit, bytes) in [
        ("`MemoryMax=64K`", "64K", 64 << 10),
        ("`MemoryMax=4M` and 5 MB of configuration", "4M", 4 << 20),
    ] {
        assert_eq!(rows::outcome(row), "starts unchecked");
        let killed = format!("ExecMainCode=2 ExecMainStatus=9 MemoryMax={bytes} active ");
        assert_eq!(asked(limit), killed, "{row}");
    }
    // systemd reads the control group's count of kills after the process is reaped. Where it reads it too
    // late, the result is that of any signal, and its own line about the kill is missing.
    let unfinished = outcome.text("unfinished");
    let accepted = ["oom-kill", "killed"].map(|result| {
        format!(
            "preflight-rke2 did not finish ({result}, status KILL): rke2-server.service starts unchecked"
        )
    });
    let lines: Vec<String> = unfinished.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{unfinished}");
    assert!(
        lines.iter().all(|line| accepted.contains(line)),
        "{unfinished}"
    );
}
