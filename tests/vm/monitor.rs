//! The monitor on a separate kernel, in its full sandbox: it detects writes to the real `/proc/sys` at
//! once, and a node that was fixed starts without intervention.

use crate::faults;
use crate::machine::Machine;

/// One command for each action that the sandboxes forbid. All of them work as root
/// without a sandbox, which is tested first.
const FORBIDDEN: [(&str, &str); 16] = [
    ("a file in /etc", ": >/etc/probe"),
    ("a file in /usr", ": >/usr/probe"),
    ("a file in /var/lib", ": >/var/lib/probe"),
    ("a file in /root", ": >/root/probe"),
    ("a kernel parameter", "echo 10 >/proc/sys/kernel/panic"),
    ("a control group", "mkdir /sys/fs/cgroup/$1"),
    ("a mount", "mount -t tmpfs probe /mnt"),
    ("a name space", "unshare --mount true"),
    ("the kernel's log", "dmesg"),
    ("a network socket", "exec 3<>/dev/udp/127.0.0.1/9"),
    ("the host's name", "hostname machine"),
    ("the clock", "date -s @$(date +%s)"),
    ("another personality", "setarch i686 true"),
    ("real-time scheduling", "chrt -f 1 true"),
    ("another user", "setpriv --reuid=1 --clear-groups true"),
    (
        "a set-user-id file",
        "touch /run/preflight-rke2/$1.x && chmod u+s /run/preflight-rke2/$1.x",
    ),
];

/// Tries all of them in a separate service, in the gate's sandbox and in the monitor's. What worked is
/// recorded in a file that all three may write.
const PROBE: &str = "
            for unit in preflight-rke2-gate@probe preflight-rke2; do
                mkdir -p /run/systemd/system/$unit.service.d
                printf '%s\\n' '[Service]' Type=oneshot Restart=no WatchdogSec=0 ExecStopPost= ExecStart= \
                    \"ExecStart=/bin/bash /forbidden $unit\" >/run/systemd/system/$unit.service.d/probe.conf
            done
            systemctl stop preflight-rke2
            systemctl daemon-reload
            systemd-run --quiet --wait --unit=probe bash /forbidden nothing
            systemctl start preflight-rke2-gate@probe preflight-rke2
            rec nothing cat /run/preflight-rke2/nothing.worked
            rec gated cat /run/preflight-rke2/preflight-rke2-gate@probe.worked
            rec monitored cat /run/preflight-rke2/preflight-rke2.worked";

/// The probe script. It ends with a marker line, so that a truncated probe does not count
/// as a tight sandbox.
fn forbidden() -> String {
    let mut script = String::from("exec 4>\"/run/preflight-rke2/$1.worked\" 2>/dev/null\n");
    for (what, command) in FORBIDDEN {
        script.push_str("( ");
        script.push_str(command);
        script.push_str(" ) >/dev/null && echo \"");
        script.push_str(what);
        script.push_str("\" >&4\n");
    }
    script + "echo tried >&4\n"
}

#[test]
fn a_blocked_machine_starts_as_soon_as_it_is_right() {
    let machine = Machine::new("profile: cis\n").file("/forbidden", &forbidden());
    let (clock, clock_end, memory) = (faults::CLOCK, faults::CLOCK_END, faults::MEMORY);
    let outcome = faults::FILES
        .iter()
        .fold(machine, |machine, (path, text)| machine.file(path, text))
        .script(&format!(
            "eventually() {{ for _ in $(seq 300); do \"$@\" >/dev/null 2>&1 && return; sleep 0.1; done; echo \"never: $*\"; }}
            told() {{ journalctl --sync; journalctl --no-pager --output=cat MESSAGE_ID=$1 | grep -q \"$2\"; }}
            drifted() {{ told 6a0aafc776df442b90b1be0f1b0ce2fd \"$1\"; }}
            rec before systemctl show rke2-server --property=ActiveState --value
            rec monitor systemctl is-active preflight-rke2
            for unit in preflight-rke2 preflight-rke2-gate@rke2-server; do
                systemd-analyze security --no-pager $unit
            done >/out/security
            {clock}
            groupadd -r etcd
            useradd -r -M -s /sbin/nologin -g etcd etcd
            cat >/etc/sysctl.d/60-rke2-cis.conf <<END
vm.overcommit_memory = 1
kernel.panic = 10
kernel.panic_on_oops = 1
kernel.keys.root_maxkeys = 1000000
kernel.keys.root_maxbytes = 25000000
END
            rec early systemctl show rke2-server --property=ActiveState --value
            sysctl -q -p /etc/sysctl.d/60-rke2-cis.conf
            eventually systemctl is-active rke2-server
            rec after systemctl show rke2-server --property=ActiveState --value
            rec resumed journalctl --no-pager --output=cat MESSAGE_ID=177d9cd6ba0e419a8b804158a0e4aff6
            sleep 2
            rec quiet journalctl --no-pager --output=cat MESSAGE_ID=6a0aafc776df442b90b1be0f1b0ce2fd
            sysctl -q -w kernel.panic=30
            eventually drifted 'kernel.panic is 30'
            sysctl -q -w kernel.panic=10
            eventually told 14ee33e3e81446d886c197919c6c7f95 'would start again'
            # The kernel sends no event for a write through another procfs: the next evaluation finds it.
            unshare --pid --fork --mount-proc sysctl -q -w vm.overcommit_memory=2
            sleep 3
            rec untold journalctl --no-pager --output=cat MESSAGE_ID=6a0aafc776df442b90b1be0f1b0ce2fd
            busctl call org.rke2.Preflight1 /org/rke2/Preflight1 org.rke2.Preflight1.Manager Check >/out/asked
            eventually drifted 'vm.overcommit_memory is 2'
            rec drifts journalctl --no-pager --output=cat MESSAGE_ID=6a0aafc776df442b90b1be0f1b0ce2fd
            rec cured journalctl --no-pager --output=cat MESSAGE_ID=14ee33e3e81446d886c197919c6c7f95
            rec loud journalctl --no-pager --priority=3 -u preflight-rke2 -u 'preflight-rke2-gate@*'
            rec never grep never: /out/log
            {clock_end}
            {memory}
            {PROBE}"
        ))
        .boot();
    assert_eq!(outcome.line("before"), "inactive");
    assert_eq!(outcome.line("monitor"), "active");
    let levels: Vec<f32> = outcome
        .text("security")
        .lines()
        .filter(|line| line.contains("Overall exposure level"))
        .filter_map(|line| line.split_whitespace().find_map(|word| word.parse().ok()))
        .collect();
    assert_eq!(levels.len(), 2);
    assert!(levels.iter().all(|level| *level <= 1.5), "{levels:?}");
    assert_eq!(outcome.line("early"), "inactive", "not before all is right");
    assert_eq!(outcome.line("after"), "active");
    outcome.has(
        "resumed",
        &["what blocked it is fixed (vm.overcommit_memory, "],
    );
    assert_eq!(outcome.line("quiet"), "", "now and for the next boot");
    outcome.has("untold", &["kernel.panic is 30"]);
    outcome.lacks("untold", &["vm.overcommit_memory is 2"]);
    outcome.has(
        "drifts",
        &[
            "rke2-server.service runs, and would not start again: kernel.panic is 30, must be 10 (no \
             file sets 30: written manually or by a program on this host)",
            "rke2-server.service runs, and would not start again: vm.overcommit_memory is 2, must be 1 \
             (no file sets 2: written manually or by a program, possibly through another mount of /proc, \
             such as a container's)",
        ],
    );
    let all: Vec<&str> = FORBIDDEN
        .iter()
        .map(|(what, _)| *what)
        .chain(["tried"])
        .collect();
    let worked = |name: &str| {
        outcome
            .text(name)
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(worked("nothing"), all, "without a sandbox");
    assert_eq!(worked("gated"), ["tried"], "in the gate's sandbox");
    assert_eq!(worked("monitored"), ["tried"], "in the monitor's sandbox");
    assert_eq!(outcome.text("drifts").lines().count(), 2);
    assert_eq!(outcome.text("cured").lines().count(), 1);
    // What systemd logs while it sets up the sandbox.
    outcome.lacks("loud", &["(ght-rke2)", "(preflight"]);
    assert_eq!(outcome.line("never"), "");
    faults::the_clock_is_set(&outcome);
    faults::memory_is_limited(&outcome);
}
