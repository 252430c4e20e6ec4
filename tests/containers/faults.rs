//! Faults around the gate and the monitor, on a booted host. The expected outcome for RKE2 is read from
//! `docs/faults.md`.

use crate::lab::Lab;
use crate::on;
use crate::rows;

/// What the gate reports of the wrong host.
const REASON: &str = "kernel.panic is 0, must be 10";

/// What the journal contains of the wrong host once the fault is undone.
enum Logged {
    /// Every reason of the block.
    Reasons,
    /// No reason.
    Nothing,
    /// Any text: it depends on socket buffers or on which process was first.
    Something,
    /// This text.
    Says(&'static str),
}
use Logged::{Nothing, Reasons, Says, Something};

/// The fault as the table names it, the commands that cause and undo it, and what the journal then contains of
/// the wrong host.
const FAULTS: [(&str, &str, &str, Logged); 15] = [
    (
        "no D-Bus",
        "systemctl stop dbus.socket dbus.service; rm -f /run/dbus/system_bus_socket",
        "systemctl start dbus.socket dbus.service",
        Reasons,
    ),
    (
        "D-Bus hangs",
        "kill -STOP $(show dbus MainPID)",
        "kill -CONT $(show dbus MainPID)",
        Reasons,
    ),
    (
        "journald stopped",
        "systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service",
        "systemctl start systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service",
        Nothing,
    ),
    (
        "journald stalled",
        "kill -STOP $(show systemd-journald MainPID)",
        "kill -CONT $(show systemd-journald MainPID)",
        Something,
    ),
    (
        "`/run` full",
        "mount -o remount,size=$(($(df --output=used -k /run | tail -n 1) + 256))k /run; dd if=/dev/zero of=/run/fill bs=1k",
        "rm -f /run/fill; mount -o remount,size=64m /run",
        Reasons,
    ),
    (
        "`/run` read-only",
        "mount -o remount,ro /run",
        "mount -o remount,rw /run",
        Reasons,
    ),
    (
        "`/run/preflight-rke2` read-only",
        "mount --bind /run/preflight-rke2 /run/preflight-rke2; mount -o remount,bind,ro /run/preflight-rke2",
        "umount /run/preflight-rke2",
        Reasons,
    ),
    (
        "our configuration broken",
        "echo nonsense >/etc/preflight-rke2/config.toml.d/lab.toml",
        "rm /etc/preflight-rke2/config.toml.d/lab.toml",
        Says("/etc/preflight-rke2/config.toml.d/lab.toml:1"),
    ),
    (
        "`LimitNOFILE=3`",
        "drop_in LimitNOFILE=3",
        "drop_in",
        Says("did not finish (exited, status 225)"),
    ),
    (
        "`LimitNOFILE=4`",
        "drop_in LimitNOFILE=4",
        "drop_in",
        Says("did not finish (exited, status 226)"),
    ),
    (
        "`LimitNOFILE=6`",
        "drop_in LimitNOFILE=6",
        "drop_in",
        Something,
    ),
    (
        "`LimitNOFILE=8`",
        "drop_in LimitNOFILE=8",
        "drop_in",
        Something,
    ),
    (
        "`LimitAS=1M`",
        "drop_in LimitAS=1M",
        "drop_in",
        Says("did not finish ("),
    ),
    ("`LimitAS=14M`", "drop_in LimitAS=14M", "drop_in", Reasons),
    (
        "1 GiB `/etc/passwd`",
        "cp /etc/passwd /etc/was; sed -i /^etcd:/d /etc/passwd; truncate -s 1G /etc/passwd; printf '\\netcd:x:980:980::/:/x\\n' >>/etc/passwd",
        "cp /etc/was /etc/passwd",
        Reasons,
    ),
];

on!(a_fault_decides_nothing: bookworm);
fn a_fault_decides_nothing(suite: &str) {
    let mut script = String::from(
        "drop_in() {
            mkdir -p /run/systemd/system/preflight-rke2-gate@.service.d
            printf '%s\\n' '[Service]' \"$@\" >/run/systemd/system/preflight-rke2-gate@.service.d/lab.conf
            systemctl daemon-reload
        }
        gate=preflight-rke2-gate@rke2-server
        ended() { case $(show $gate ActiveState) in inactive | failed) ;; *) return 1 ;; esac; }
        # What the gate ended with, and whether RKE2 was started for it.
        ask() {
            systemctl stop rke2-server; systemctl reset-failed
            set_sysctl kernel.panic $2
            since=$(date +%s%3N)
            timeout 40 systemctl start rke2-server
            started=$?
            # RKE2's job goes before the gate has ended.
            eventually ended
            echo \"$started $(show $gate ExecMainCode) $(show $gate ExecMainStatus) $(($(date +%s%3N) - since))\" >/out/$1
        }
        mark() { cursor=$(journalctl --lines=0 --show-cursor | sed -n 's/^-- cursor: //p'); }
        told() {
            eventually logged
            journalctl --sync
            journalctl --after-cursor=\"$cursor\" --no-pager --output=cat -u rke2-server -u $gate >/out/told$1
        }
        # It would start what is to be seen blocked.
        systemctl stop preflight-rke2
        mkdir -p /run/systemd/system/preflight-rke2.service.d
        printf '[Unit]\\nConditionPathExists=/nowhere\\n' >/run/systemd/system/preflight-rke2.service.d/lab.conf
        mkdir -p /etc/preflight-rke2/config.toml.d
        systemctl daemon-reload
        ",
    );
    for (n, (_, fault, undo, _)) in FAULTS.iter().enumerate() {
        for part in [
            &format!("{fault}\nask right{n} 10; mark; ask wrong{n} 0\n{undo}\ntold {n}\n"),
            "systemctl stop rke2-server\n",
        ] {
            script.push_str(part);
        }
    }
    script += "set_sysctl kernel.panic 10\nask end 10\nsystemctl restart systemd-logind";
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .longer(60)
        .script(&script)
        .boot();
    let mut wrongs = Vec::new();
    for (n, (row, _, _, words)) in FAULTS.iter().enumerate() {
        let numbers = |name: &str| -> Vec<u32> {
            let line = outcome.line(&format!("{name}{n}"));
            line.split(' ')
                .map(|n| n.parse().expect("a number"))
                .collect()
        };
        let (right, wrong) = (numbers("right"), numbers("wrong"));
        // As systemd counts: 1 for an exit, and its status. What `start` prints on the wrong host
        // is RKE2's own answer where the gate has let it through.
        let blocked = |end: &[u32]| end[0] == 1 && end[1..3] == [1, 3];
        let passed = |end: &[u32]| end[1..3] == [1, 0];
        let evaluated = (right[0] == 0 && passed(&right), blocked(&wrong));
        let unchecked = |end: &[u32]| !passed(end) && end[1..3] != [1, 3];
        let unchecked = (right[0] == 0 && unchecked(&right), unchecked(&wrong));
        let good = match rows::outcome(row) {
            "evaluated" => evaluated.0 && evaluated.1,
            "starts unchecked" => unchecked.0 && unchecked.1,
            "evaluated, or starts unchecked" => {
                (evaluated.0 || unchecked.0) && (evaluated.1 || unchecked.1)
            }
            _ => false,
        };
        // The gate's own deadline is 20 s.
        let bounded = right[3] < 22_000 && wrong[3] < 22_000;
        let journal = outcome.text(&format!("told{n}"));
        let logged = match words {
            Reasons => journal.contains(REASON),
            Nothing => !journal.contains(REASON),
            Something => true,
            Says(words) => journal.contains(words),
        };
        if !good || !bounded || !logged {
            wrongs.push(format!(
                "{row}: right {right:?}, wrong {wrong:?}, journal {journal}"
            ));
        }
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    assert!(outcome.line("end").starts_with("0 1 0 "), "all is undone");
}
