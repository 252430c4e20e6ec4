//! File systems that RKE2 cannot work on, full ones, and certificate authorities outside their time: `check` says so, the
//! gate blocks what lasts, and lets go what passes.

use crate::lab::Lab;
use crate::on;

/// `try NAME` records what `check` says, and what a start comes to. The data directory is another one for each.
const FUNCTIONS: &str = r#"
systemctl mask --now preflight-rke2.service
data=/var/lib/rancher/rke2
try() {
    rec "$1" preflight-rke2 check --role server
    rec "$1-start" systemctl start rke2-server
    rec "$1-state" systemctl is-active rke2-server
    systemctl stop rke2-server
    eventually logged
}
# A file system of its own for a case: `on NAME OPTIONS COMMAND…` prepares it before it is looked at.
on() {
    local name=$1 options=$2
    shift 2
    mount -t tmpfs -o "$options" "$name" "$data"
    [ $# = 0 ] || "$@"
    try "$name"
    umount "$data"
}
fill() { head -c 1M /dev/zero >"$data/zeros"; }
take_inodes() { for number in $(seq 100); do : >"$data/$number"; done 2>/dev/null; }
read_only() { mount -o remount,ro "$data"; }
mkdir -p "$data"
"#;

const CASES: [(&str, i32, &[&str]); 12] = [
    ("right", 0, &[]),
    (
        "full",
        3,
        &[
            "error[host.space]: ",
            "/var/lib/rancher/rke2 (tmpfs, full), which holds /var/lib/rancher/rke2, has no free block",
        ],
    ),
    (
        "inodes",
        3,
        &[
            "error[host.space]: ",
            "has no free inode",
            "df -i /var/lib/rancher/rke2",
        ],
    ),
    (
        "noexec",
        3,
        &[
            "error[host.mount.exec]: ",
            "/var/lib/rancher/rke2 (tmpfs, noexec) is mounted noexec",
            "mount -o remount,exec /var/lib/rancher/rke2",
        ],
    ),
    (
        "read-only",
        3,
        &[
            "error[host.mount.read-only]: RKE2 cannot write to its data directory",
            "mount -o remount,rw /var/lib/rancher/rke2",
        ],
    ),
    (
        "overlay",
        3,
        &[
            "error[host.mount.snapshotter]: containerd cannot use overlayfs",
            "/var/lib/rancher/rke2 (overlay, ",
        ],
    ),
    // With a snapshotter that can.
    ("native", 0, &[]),
    (
        "file",
        3,
        &[
            "error[host.mount.read-only]: ",
            "/var/lib/rancher/rke2 is not a directory",
        ],
    ),
    (
        "kubelet",
        3,
        &[
            "error[host.mount.read-only]: the kubelet cannot write to /var/lib/kubelet",
            "mount -o remount,rw /var/lib/kubelet",
        ],
    ),
    // The kubelet's own directory is not where RKE2's programs are.
    ("kubelet-noexec", 0, &[]),
    // Nothing of RKE2 is there.
    ("elsewhere", 0, &[]),
    (
        "checkpoint",
        3,
        &[
            "error[host.state.checkpoint]: ",
            "/var/lib/kubelet/memory_manager_state, which is empty",
        ],
    ),
];

/// How the commands of remedies begin.
const COMMANDS: [&str; 2] = ["df ", "mount "];

on!(a_file_system_that_rke2_cannot_use_is_reported_and_blocked: bullseye bookworm sid);
fn a_file_system_that_rke2_cannot_use_is_reported_and_blocked(suite: &str) {
    let script = r#"
        on right size=256m
        on full size=64k fill
        on inodes nr_inodes=8 take_inodes
        on noexec noexec,size=256m
        on read-only size=256m read_only

        mkdir -p /run/layers
        mount -t tmpfs layers /run/layers
        mkdir /run/layers/lower /run/layers/upper /run/layers/work
        mount -t overlay overlay "$data" \
            -o lowerdir=/run/layers/lower,upperdir=/run/layers/upper,workdir=/run/layers/work
        try overlay
        echo 'snapshotter: native' >>/etc/rancher/rke2/config.yaml
        try native
        : >/etc/rancher/rke2/config.yaml
        umount "$data"

        rm -rf "$data"
        echo nothing >"$data"
        try file
        rm "$data"
        mkdir "$data"

        mkdir -p /var/lib/kubelet
        mount -t tmpfs -o ro kubelet /var/lib/kubelet
        try kubelet
        mount -o remount,rw,noexec /var/lib/kubelet
        try kubelet-noexec
        umount /var/lib/kubelet
        mount -t tmpfs -o ro,noexec elsewhere /srv
        try elsewhere
        : >/var/lib/kubelet/memory_manager_state
        try checkpoint
        journalctl --sync
        rec unit journalctl --no-pager -u rke2-server
    "#;
    let outcome = Lab::new(suite).script(&[FUNCTIONS, script].concat()).boot();
    for (name, status, says) in CASES {
        let said = outcome.text(name);
        assert_eq!(outcome.status(name), status, "{name}: {said}");
        outcome.has(name, says);
        let is_active = outcome.line(&format!("{name}-state")) == "active";
        assert_eq!(is_active, status == 0, "{name}: {said}");
        // The gate has the same reasons, without ids and remedies.
        for part in says {
            let reason = part.split_once("]: ").map_or(*part, |(_, reason)| reason);
            let is_command = COMMANDS.iter().any(|command| reason.starts_with(command));
            if !is_command {
                outcome.has("unit", &[reason]);
            }
        }
    }
}

/// An authority of 2021, one of 2020 to 2090, and one from 2090 on.
const PAST: &str = include_str!("../cases/certificates/2021.pem");
const RIGHT: &str = include_str!("../cases/certificates/2020-2090.pem");
const FUTURE: &str = include_str!("../cases/certificates/2090-2099.pem");

on!(an_authority_outside_its_time_is_reported_and_blocked_if_it_lasts: bookworm sid);
fn an_authority_outside_its_time_is_reported_and_blocked_if_it_lasts(suite: &str) {
    let tls = "/var/lib/rancher/rke2/server/tls";
    let mut lab = Lab::new(suite)
        .file("/srv/past", PAST)
        .file("/srv/right", RIGHT)
        .file("/srv/future", FUTURE);
    for name in ["server-ca.crt", "client-ca.crt", "etcd/peer-ca.crt"] {
        lab = lab.file(&format!("{tls}/{name}"), RIGHT);
    }
    let script = r#"
        tls=$data/server/tls
        try right
        for file in server-ca.crt etcd/peer-ca.crt; do
            for validity in past future; do
                cp /srv/$validity "$tls/$file"
                try "$validity-$(basename "$file")"
            done
            cp /srv/right "$tls/$file"
        done
        # One that signs, and one that was trusted before it.
        cat /srv/right /srv/past >"$tls/client-ca.crt"
        try both
        # Blocks what can pass too.
        cp /srv/future "$tls/client-ca.crt"
        mkdir -p /etc/preflight-rke2/config.toml.d
        printf '[gate]\nblock-on = ["start", "transient"]\n' >/etc/preflight-rke2/config.toml.d/strict.toml
        try strict
    "#;
    let outcome = lab.script(&[FUNCTIONS, script].concat()).boot();
    let expired = "error[host.certificate]: the cluster's certificate authority";
    let early = "error[host.clock]: the clock says ";
    for (name, status, says, starts) in [
        ("right", 0, "", true),
        ("past-server-ca.crt", 3, expired, false),
        ("past-peer-ca.crt", 3, expired, false),
        // The clock may be set yet.
        ("future-server-ca.crt", 3, early, true),
        ("future-peer-ca.crt", 3, early, true),
        ("both", 0, "", true),
        ("strict", 3, early, false),
    ] {
        let said = outcome.text(name);
        assert_eq!(outcome.status(name), status, "{name}: {said}");
        outcome.has(name, &[says]);
        let is_active = outcome.line(&format!("{name}-state")) == "active";
        assert_eq!(is_active, starts, "{name}: {said}");
    }
}
