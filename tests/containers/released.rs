//! What wakes the monitor: a blocked unit starts soon after its reason is gone, whatever the reason is. And what it logs of
//! what comes and goes.

use crate::lab::{Lab, Outcome, field};
use crate::on;

const RESUMED: &str = "177d9cd6ba0e419a8b804158a0e4aff6";
const CONDITION: &str = "8d1c5f0e6b7a4c2f9e03b1d4a6c7e812";
const OVER: &str = "2f6e9b13c8d04a57b1e0f7c93a5d6e24";
const EXPIRING: &str = "b7a30c5e94d14f86a2c8e51f0d3b9764";

const FUNCTIONS: &str = r#"
down() { preflight-rke2 status | grep -q "rke2-server.service is down"; }
blocked() { preflight-rke2 status | grep -q "rke2-server.service is blocked"; }
runs() { preflight-rke2 status | grep -q "rke2-server.service runs"; }
# NAME COMMAND…: starts RKE2, which is blocked, and then runs the command. Records what the gate said, and after how many
# seconds RKE2 ran.
release() {
    local case=$1; shift
    rec "$case-start" systemctl start rke2-server
    eventually blocked
    rec "$case-why" preflight-rke2 status
    SECONDS=0
    "$@"
    up rke2-server
    echo $SECONDS >"/out/$case-seconds"
    rec "$case-state" systemctl is-active rke2-server
    rec "$case-after" journalctl --no-pager --output=cat --unit=rke2-server
    # The monitor is to know that it ran, and of the stop, before the next start is requested.
    eventually runs
    systemctl stop rke2-server
    eventually down
}

"#;

fn with_functions(script: &str) -> String {
    [FUNCTIONS, script].concat()
}

/// A unit that `release` has started for `reason`, and that ran before the monitor would have looked by itself.
fn was_released(outcome: &Outcome, name: &str, reason: &str, within: u32) {
    assert_ne!(outcome.status(&format!("{name}-start")), 0, "{name}");
    outcome.has(&format!("{name}-why"), &[reason]);
    let after = outcome.text(&format!("{name}-after"));
    let state = outcome.line(&format!("{name}-state"));
    assert_eq!(state, "active", "{name}: {after}");
    let seconds = outcome.text(&format!("{name}-seconds"));
    let seconds: u32 = seconds.trim().parse().expect("a number of seconds");
    println!("{name}: {seconds} s");
    assert!(seconds < within, "{name}: {seconds} s");
}

on!(a_mount_that_is_changed_releases_the_unit: bullseye bookworm sid);
fn a_mount_that_is_changed_releases_the_unit(suite: &str) {
    let outcome = Lab::new(suite)
        .config("data-dir: /base/data\n")
        .script(&with_functions(
            "
            up preflight-rke2
            # The container's root is an overlay, on which containerd cannot work.
            mkdir /base
            mount -t tmpfs base /base
            mkdir /base/data
            mount -t tmpfs -o ro data /base/data
            release read-only mount -o remount,rw /base/data
            mount -o remount,noexec /base/data
            release noexec mount -o remount,exec /base/data
            umount /base/data
            mount -t tmpfs -o ro data /base/data
            release hidden umount /base/data
        ",
        ))
        .boot();
    // Without an event the monitor looks after 30 s.
    was_released(
        &outcome,
        "read-only",
        "/base/data is on a read-only file system",
        20,
    );
    was_released(&outcome, "noexec", "is mounted noexec", 20);
    was_released(
        &outcome,
        "hidden",
        "/base/data is on a read-only file system",
        20,
    );
    let ours = outcome.ours("rke2-server.service");
    let resumed = ours
        .iter()
        .filter(|entry| field(entry, "MESSAGE_ID") == RESUMED);
    assert_eq!(resumed.count(), 3);
    outcome.lacks("log", &["never: "]);
}

on!(space_that_becomes_free_releases_the_unit: bookworm sid);
fn space_that_becomes_free_releases_the_unit(suite: &str) {
    // Each in a container of its own: a unit that ran for a moment only is not started again for the same reason.
    for (name, fill, free, reason) in [
        (
            "blocks",
            "head -c 2M /dev/zero >/data/fill",
            "rm /data/fill",
            "has no free block",
        ),
        (
            "inodes",
            "for n in $(seq 20); do : >/data/$n; done",
            "rm /data/1 /data/2",
            "has no free inode",
        ),
    ] {
        let outcome = Lab::new(suite)
            .config("data-dir: /data\n")
            .script(&with_functions(&format!(
                "
                up preflight-rke2
                mkdir /data
                mount -t tmpfs -o size=1m,nr_inodes=10 data /data
                {fill}
                release {name} {free}
            "
            )))
            .boot();
        // The monitor looks every 5 s.
        was_released(&outcome, name, reason, 20);
        outcome.lacks("log", &["never: "]);
    }
}

on!(a_file_that_is_repaired_releases_the_unit: bookworm);
fn a_file_that_is_repaired_releases_the_unit(suite: &str) {
    let outcome = Lab::new(suite)
        .file("/etc/rancher/rke2/registries.yaml", "mirrors: [\n")
        .script(&with_functions(
            "
            up preflight-rke2
            repair() { echo 'mirrors: {}' >/etc/rancher/rke2/registries.yaml; }
            release repaired repair
            echo 'mirrors: [' >/etc/rancher/rke2/registries.yaml
            release removed rm /etc/rancher/rke2/registries.yaml
        ",
        ))
        .boot();
    was_released(&outcome, "repaired", "registries.yaml", 20);
    was_released(&outcome, "removed", "registries.yaml", 20);
    outcome.lacks("log", &["never: "]);
}

on!(what_comes_and_goes_is_logged_once_each: bookworm);
fn what_comes_and_goes_is_logged_once_each(suite: &str) {
    // Listens at the port in its place of the command line.
    const LISTEN: &str = "#!/usr/bin/perl\nuse Socket;\nsocket(my $s, AF_INET, SOCK_STREAM, 0) or die;\n\
        bind($s, pack_sockaddr_in($ARGV[0], INADDR_ANY)) or die;\nlisten($s, 1) or die;\nsleep 1 while 1;\n";
    let outcome = Lab::new(suite)
        .file("/usr/local/bin/listen", LISTEN)
        .file(
            "/etc/preflight-rke2/config.toml.d/often.toml",
            "[monitor]\nresync = \"1s\"\n",
        )
        .script(&format!(
            "
            up preflight-rke2
            # It is wanted, and the agent is not.
            systemctl enable --quiet rke2-server
            new() {{ [ \"$(entries {CONDITION} | wc -l)\" -ge \"$1\" ]; }}
            over() {{ [ \"$(entries {OVER} | wc -l)\" -ge \"$1\" ]; }}
            systemd-run --quiet --unit=other.service /usr/local/bin/listen 10250
            eventually new 1
            systemctl restart preflight-rke2
            up preflight-rke2
            systemctl stop other
            eventually over 1
            mkdir -p /var/lib/rancher/rke2
            mount -t tmpfs -o size=64m data /var/lib/rancher/rke2
            eventually new 2
            umount /var/lib/rancher/rke2
            rec new entries {CONDITION}
            rec over entries {OVER}
            rec explained journalctl --no-pager -xu rke2-server MESSAGE_ID={CONDITION}
        "
        ))
        .boot();
    outcome.lacks("log", &["never: "]);
    let new = outcome.text("new");
    let new: Vec<&str> = new.lines().collect();
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(new[0].starts_with("port 10250, which the kubelet needs, is held by"));
    assert!(
        new[1].contains("(tmpfs, data)") && new[1].contains("free: etcd may fail to write"),
        "{new:?}"
    );
    let over = outcome.text("over");
    let over: Vec<&str> = over.lines().collect();
    // That space is there again must last for ten minutes.
    assert_eq!(over.len(), 1, "{over:?}");
    assert!(
        over[0].starts_with("this no longer holds: port 10250"),
        "{over:?}"
    );
    outcome.has(
        "explained",
        &["Check:     host.port", "Check:     host.space-low"],
    );
    outcome.lacks("explained", &["@PREFLIGHT_", "@OBJECT_SYSTEMD_UNIT@"]);
}

on!(a_certificate_that_ends_is_logged_once: bookworm);
fn a_certificate_that_ends_is_logged_once(suite: &str) {
    // A certificate whose end is that many days away. Nobody verifies its signature here.
    const MAKE: &str = "#!/usr/bin/perl\nuse MIME::Base64;\nuse POSIX;\nundef $/;\n\
        my ($body) = <STDIN> =~ /BEGIN CERTIFICATE-----(.*?)-----END/s;\nmy $der = decode_base64($body);\n\
        my $end = strftime('%Y%m%d%H%M%SZ', gmtime(time + $ARGV[0] * 86400));\n\
        $der =~ s/20900101000000Z/$end/ or die 'no end';\n\
        print \"-----BEGIN CERTIFICATE-----\\n\", encode_base64($der), \"-----END CERTIFICATE-----\\n\";\n";
    let outcome = Lab::new(suite)
        .metrics()
        .file("/usr/local/bin/make-certificate", MAKE)
        .file(
            "/lab/long.pem",
            include_str!("../cases/certificates/2020-2090.pem"),
        )
        .file(
            "/etc/preflight-rke2/config.toml.d/often.toml",
            "[monitor]\nresync = \"1s\"\n",
        )
        .enable("rke2-server.service")
        .script(&format!(
            "
            tls=/var/lib/rancher/rke2/server/tls
            mkdir -p $tls
            cp /lab/long.pem $tls/server-ca.crt
            up rke2-server; up preflight-rke2
            logged() {{ [ \"$(entries {EXPIRING} | wc -l)\" -ge \"$1\" ]; }}
            make-certificate 20 </lab/long.pem >$tls/client-admin.crt
            make-certificate 21 </lab/long.pem >$tls/client-controller.crt
            eventually logged 1
            systemctl restart preflight-rke2
            up preflight-rke2
            make-certificate 4.5 </lab/long.pem >$tls/client-admin.crt
            eventually logged 2
            rec entries entries {EXPIRING}
            rec explained journalctl --no-pager -xu rke2-server MESSAGE_ID={EXPIRING}
            rec metrics cat /var/lib/node_exporter/preflight-rke2.prom
        "
        ))
        .boot();
    outcome.lacks("log", &["never: ", "no end"]);
    let entries = outcome.text("entries");
    let last = entries.lines().last().expect("an entry");
    assert!(last.contains("client-admin.crt ends on "), "{entries}");
    assert!(last.contains("in 4 days"), "{entries}");
    // The two may have been seen one after the other.
    assert!((2..=3).contains(&entries.lines().count()), "{entries}");
    outcome.has("explained", &["client-controller.crt ends on "]);
    outcome.lacks("explained", &["@PREFLIGHT_", "@OBJECT_SYSTEMD_UNIT@"]);
    let of = "preflight_rke2_certificate_expiry_timestamp_seconds{unit=\"rke2-server.service\",role=\"server\",";
    outcome.has(
        "metrics",
        &[
            &format!("{of}kind=\"ca\",file=\"server/tls/server-ca.crt\"}} 3786912000"),
            &format!("{of}kind=\"leaf\",file=\"server/tls/client-admin.crt\"}} "),
            "preflight_rke2_filesystem_avail_bytes{unit=\"rke2-server.service\",role=\"server\",directory=\"kubelet\"}",
        ],
    );
}
