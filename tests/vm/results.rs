//! Ends of the gate that need a separate kernel: RKE2 starts after each of them.

use crate::clock;
use crate::machine::Machine;

/// The values that the hardening guide asks for.
const SYSCTLS: &str = "vm.overcommit_memory = 1\nvm.panic_on_oom = 0\nkernel.panic = 10\n\
    kernel.panic_on_oops = 1\nkernel.keys.root_maxkeys = 1000000\nkernel.keys.root_maxbytes = 25000000\n";

const SCRIPT: &str = r#"
gate=preflight-rke2-gate@rke2-server.service
show() { systemctl show --property="$2" --value "$1"; }
program() { printf '#!/bin/sh\n%s\n' "$1" >/usr/bin/preflight-rke2; chmod 755 /usr/bin/preflight-rke2; }
eventually() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "never: $*"; }
try() {
    timeout 60 systemctl start rke2-server
    echo "$? $(systemctl is-active rke2-server) $(show $gate Result)" >/out/$1
    systemctl stop rke2-server
}
systemctl stop rke2-server preflight-rke2
systemctl mask --runtime preflight-rke2
# What the kernel says of it would all be written to a slow line.
echo 1 >/proc/sys/kernel/printk
rm /usr/bin/preflight-rke2

# The way of systemd-coredump, apport and ABRT: into a pipe, whatever LimitCORE= says.
echo '|/bin/true' >/proc/sys/kernel/core_pattern
program 'kill -SEGV $$'
try core-dump

program 'tail /dev/zero'
systemctl set-property --runtime $gate MemoryMax=8M
try oom-kill
systemctl revert $gate

# No process can be created, neither by PID 1 nor by any other process. RKE2's own processes fail for the same
# reason, and are started again by systemd.
program 'exit 0'
threads=$(cat /proc/sys/kernel/threads-max)
(
    read -r -t 2 _ <>/dev/ptmx
    exec systemctl --no-block --no-ask-password start rke2-server
) &
# Only what bash does by itself from here on.
echo 20 >/proc/sys/kernel/threads-max
read -r -t 6 _ <>/dev/ptmx
echo "$threads" >/proc/sys/kernel/threads-max
eventually systemctl is-active rke2-server
echo "0 $(systemctl is-active rke2-server) $(show $gate Result)" >/out/resources
rec forks journalctl --no-pager --output=cat -u $gate
"#;

#[test]
fn however_the_gate_ends_rke2_starts() {
    let outcome = Machine::new("profile: cis\n")
        .etcd()
        .file("/etc/sysctl.d/60-rke2-cis.conf", SYSCTLS)
        .file(clock::AUTHORITY.0, clock::AUTHORITY.1)
        .script(&[clock::SCRIPT, SCRIPT].concat())
        .boot();
    clock::a_clock_before_the_authorities_is_reported_until_it_is_set(&outcome);
    assert_eq!(outcome.line("core-dump"), "0 active core-dump");
    // The result is that of any signal where systemd reads the control group's count of kills too late.
    let killed = outcome.line("oom-kill");
    assert!(
        ["0 active oom-kill", "0 active signal"].contains(&killed.as_str()),
        "{killed}"
    );
    // By then the gate has run once more, before RKE2's restart.
    assert_eq!(outcome.line("resources"), "0 active success");
    outcome.has("forks", &["Failed with result 'resources'"]);
    println!("RKE2 started after 3 more ends of the gate: core-dump oom-kill resources");
}
