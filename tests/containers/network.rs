//! Ports that something else holds, and a default route that is not there: `check` says that RKE2 would fail now, the
//! gate lets it go unless `block-on` has "transient", and the monitor starts it once that has passed.

use crate::lab::{Lab, field};
use crate::on;

const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";

/// Blocks what can pass too.
const STRICT: (&str, &str) = (
    "/etc/preflight-rke2/config.toml.d/strict.toml",
    "[gate]\nblock-on = [\"start\", \"transient\"]\n",
);

/// Listens: `listen ADDRESS PORT`, where `v6only` before the address of IPv6 means what it says.
const LISTEN: &str = r#"#!/usr/bin/perl
use strict;
use Socket qw(:all);
my $only = $ARGV[0] eq 'v6only' and shift;
my ($address, $port) = @ARGV;
my $v6 = $address =~ /:/;
socket(my $socket, $v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($socket, IPPROTO_IPV6, IPV6_V6ONLY, pack('l', 1)) or die "v6only: $!" if $only;
my $packed = inet_pton($v6 ? AF_INET6 : AF_INET, $address);
bind($socket, $v6 ? pack_sockaddr_in6($port, $packed) : pack_sockaddr_in($port, $packed)) or die "bind: $!";
listen($socket, 1) or die "listen: $!";
sleep 1 while 1;
"#;

/// Adds or removes the default route of the loopback interface, as `ip route` does: SIOCADDRT or SIOCDELRT with a
/// `struct rtentry`.
const ROUTE: &str = r#"#!/usr/bin/perl
use strict;
use Socket;
my $any = pack('S x14', AF_INET);
my $device = "lo";
my $entry = pack('x8 a16 a16 a16 S x2 x4 x8 x8 S x6 p x8 x8 x8', $any, $any, $any, 1, 0, $device);
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or die "socket: $!";
ioctl($socket, $ARGV[0] eq 'add' ? 0x890B : 0x890C, $entry) or die "$ARGV[0]: $!";
"#;

const FUNCTIONS: &str = r#"
# A service that listens, as another program of the host would.
listen() { systemd-run --quiet --unit="$1" /usr/local/bin/listen "${@:2}"; }
# Whether something listens on the port.
taken() { grep -qiE "^ *[0-9]+: [0-9a-f]+:$(printf %04X "$1") [0-9a-f:]+ 0A" /proc/net/tcp /proc/net/tcp6; }

"#;

fn with_functions(script: &str) -> String {
    [FUNCTIONS, script].concat()
}

fn lab(suite: &str) -> Lab {
    Lab::new(suite)
        .file("/usr/local/bin/listen", LISTEN)
        .file("/usr/local/bin/route", ROUTE)
}

on!(a_port_that_is_taken_is_reported_and_rke2_tries: bullseye sid);
fn a_port_that_is_taken_is_reported_and_rke2_tries(suite: &str) {
    let outcome = lab(suite)
        .script(&with_functions(
            r#"
            # RKE2 ends for it, as its programs would, and is started again.
            listen other.service 0.0.0.0 10250
            eventually taken 10250
            rec check preflight-rke2 check --role server
            systemctl start rke2-server
            systemctl kill --signal=KILL --kill-who=main rke2-server
            again() { [ "$(show rke2-server NRestarts)" -gt 0 ]; }
            eventually again
            up rke2-server
            journalctl --sync
            rec state systemctl is-active rke2-server
            rec unit journalctl --no-pager -u rke2-server
            rec status systemctl status --no-pager rke2-server
        "#,
        ))
        .boot();
    assert_eq!(outcome.status("check"), 3);
    outcome.has(
        "check",
        &[
            "rke2-server.service would fail now, and try again: 1 reason",
            "error[host.port]: port 10250, which the kubelet needs, is held by perl (process ",
            "other.service)",
            "systemctl disable --now other.service",
        ],
    );
    assert_eq!(outcome.line("state"), "active");
    // The gate does not see who holds it.
    let reason = "port 10250, which the kubelet needs, is held by a program of root";
    outcome.has("unit", &[reason]);
    // Older ones show the last start alone, without what its gate says.
    if suite != "bullseye" {
        outcome.has("status", &[reason]);
    }
}

on!(a_unit_that_is_blocked_for_a_port_starts_once_it_is_free: bullseye bookworm sid);
fn a_unit_that_is_blocked_for_a_port_starts_once_it_is_free(suite: &str) {
    let outcome = lab(suite)
        .file(STRICT.0, STRICT.1)
        .script(&with_functions(
            "
            up preflight-rke2
            listen other.service 127.0.0.2 10250
            eventually taken 10250
            rec start systemctl start rke2-server
            rec state systemctl is-active rke2-server
            rec unit journalctl --no-pager -u rke2-server
            systemctl stop other
            up rke2-server
            rec after systemctl is-active rke2-server
        ",
        ))
        .boot();
    assert_ne!(outcome.line("state"), "active", "{}", outcome.text("unit"));
    outcome.has("unit", &["port 10250, which the kubelet needs"]);
    assert_eq!(outcome.line("after"), "active");
    let ours = outcome.ours("rke2-server.service");
    let resumed = ours
        .iter()
        .filter(|entry| field(entry, "MESSAGE_ID") == RESUMED);
    assert_eq!(resumed.count(), 1);
}

on!(addresses_conflict_as_they_do_for_rke2: bookworm);
fn addresses_conflict_as_they_do_for_rke2(suite: &str) {
    let outcome = lab(suite)
        .script(&with_functions(
            r#"
            # NAME ADDRESS… PORT
            try() {
                listen "$1.service" "${@:2}"
                eventually taken "${@: -1}"
                rec "$1" preflight-rke2 check --role server
                rec "$1-agent" preflight-rke2 check --role agent
                systemctl stop "$1"
            }
            try any-v6 v6only ::1 10250
            try loopback-2 127.0.0.2 10010
            try loopback-1 127.0.0.1 10010
            try node 192.0.2.10 2380
            try v6only v6only ::1 2380
            try apiserver v6only ::1 6443
        "#,
        ))
        .boot();
    for (name, server, agent) in [
        ("any-v6", 3, 3),
        ("loopback-2", 0, 0),
        ("loopback-1", 3, 3),
        ("node", 3, 0),
        ("v6only", 0, 0),
        ("apiserver", 3, 0),
    ] {
        let said = outcome.text(name);
        assert_eq!(outcome.status(name), server, "{name}: {said}");
        assert_eq!(outcome.status(&format!("{name}-agent")), agent, "{name}");
    }
}

on!(containers_of_an_earlier_start_are_not_accused: bookworm sid);
fn containers_of_an_earlier_start_are_not_accused(suite: &str) {
    // Below a shim as containerd starts it, in the unit that has stopped.
    const BELOW: &str = "#!/bin/bash
        mkdir -p /sys/fs/cgroup/system.slice/rke2-server.service
        exec -a /var/lib/rancher/rke2/data/v1.34.1-rke2r1-0123456789ab/bin/containerd-shim-runc-v2 \
            /bin/bash -c '/usr/local/bin/listen 127.0.0.1 2379; :' -address /run/k3s/containerd/containerd.sock\n";
    let outcome = lab(suite)
        .file(STRICT.0, STRICT.1)
        .file("/usr/local/bin/container", BELOW)
        .script(&with_functions(
            r#"
            systemd-run --quiet --unit=container /usr/local/bin/container
            eventually taken 2379
            rec words sh -c "tr '\\0' ' ' </proc/$(show container MainPID)/cmdline"
            rec check preflight-rke2 check --role server
            rec start systemctl start rke2-server
            rec state systemctl is-active rke2-server
            systemctl stop rke2-server
            # A stranger beside it: `check` sees who it is, and the gate does not know.
            listen other.service 127.0.0.1 2380
            eventually taken 2380
            rec both preflight-rke2 check --role server
            rec restart systemctl start rke2-server
            rec unit journalctl --no-pager -u rke2-server
        "#,
        ))
        .boot();
    outcome.has("words", &["/bin/containerd-shim-runc-v2 "]);
    assert_eq!(outcome.status("check"), 0, "{}", outcome.text("check"));
    assert_eq!(outcome.line("state"), "active");
    assert_eq!(outcome.status("both"), 3);
    outcome.has("both", &["port 2380, which etcd needs, is held by perl"]);
    outcome.lacks("both", &["port 2379"]);
    assert_eq!(outcome.status("restart"), 0, "{}", outcome.text("restart"));
    outcome.lacks("unit", &["port 2379", "port 2380"]);
}

on!(a_living_rke2_is_not_accused: bookworm);
fn a_living_rke2_is_not_accused(suite: &str) {
    let outcome = lab(suite)
        .script(&with_functions(
            "
            systemctl start rke2-server
            up rke2-server
            /usr/local/bin/listen 0.0.0.0 10250 &
            echo $! >/sys/fs/cgroup/system.slice/rke2-server.service/cgroup.procs
            eventually taken 10250
            rec check preflight-rke2 check --role server
            rec monitor preflight-rke2 status
        ",
        ))
        .boot();
    assert_eq!(outcome.status("check"), 0, "{}", outcome.text("check"));
    outcome.lacks("monitor", &["10250"]);
}

on!(a_route_that_is_not_there_yet_is_reported: bullseye sid);
fn a_route_that_is_not_there_yet_is_reported(suite: &str) {
    let outcome = lab(suite)
        .script(&with_functions(
            "
            route del
            rec check preflight-rke2 check --role server
            rec start systemctl start rke2-server
            rec state systemctl is-active rke2-server
            rec unit journalctl --no-pager -u rke2-server
            route add
            rec after preflight-rke2 check --role server
        ",
        ))
        .boot();
    assert_eq!(outcome.status("check"), 3);
    outcome.has(
        "check",
        &["there is no default route, and node-ip is not set"],
    );
    assert_eq!(outcome.line("state"), "active");
    outcome.has("unit", &["there is no default route"]);
    assert_eq!(outcome.status("after"), 0, "{}", outcome.text("after"));
}

on!(a_unit_that_is_blocked_for_its_route_starts_once_it_is_there: bullseye sid);
fn a_unit_that_is_blocked_for_its_route_starts_once_it_is_there(suite: &str) {
    let outcome = lab(suite)
        .file(STRICT.0, STRICT.1)
        .script(&with_functions(
            "
            up preflight-rke2
            route del
            rec start systemctl start rke2-server
            rec state systemctl is-active rke2-server
            rec status systemctl status --no-pager rke2-server
            route add
            up rke2-server
            rec after systemctl is-active rke2-server
        ",
        ))
        .boot();
    assert_ne!(outcome.line("state"), "active");
    outcome.has(
        "status",
        &["there is no default route, and node-ip is not set"],
    );
    assert_eq!(outcome.line("after"), "active");
}
