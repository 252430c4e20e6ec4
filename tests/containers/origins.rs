//! The origin of a setting: the answer of systemd over D-Bus and its files read directly agree.

use serde_json::Value;

use crate::lab::Lab;
use crate::on;

/// Evaluates twice: with systemd, and without a bus. Omits changes that systemd has not loaded.
const BOTH: &str = "
both() {
    systemctl daemon-reload
    ask $1
}
ask() {
    rec $1-bus preflight-rke2 config --unit rke2-server.service --format json
    rec $1-files env DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent \
        preflight-rke2 config --unit rke2-server.service --format json
}
";

on!(each_origin_is_the_true_one_over_the_bus_and_from_files: bullseye bookworm trixie);
fn each_origin_is_the_true_one_over_the_bus_and_from_files(suite: &str) {
    let outcome = Lab::new(suite)
        .config("node-name: one\n")
        .script(&format!(
            r#"{BOTH}
            both plain

            echo 'RKE2_CIS_PROFILE=etcd' >/etc/default/rke2-server
            both default
            mkdir -p /etc/sysconfig
            printf '# ours\nRKE2_CIS_PROFILE="cis"\n' >/etc/sysconfig/rke2-server
            both sysconfig
            rm /etc/default/rke2-server /etc/sysconfig/rke2-server

            d=/etc/systemd/system/rke2-server.service.d
            mkdir -p $d
            printf '[Service]\nEnvironment="RKE2_CIS_PROFILE=cis" A=b\n' >$d/10-a.conf
            both environment
            # systemd goes by what it has loaded, whatever the file says since; and keeps loaded what another
            # unit wants.
            systemctl enable rke2-server
            sed -i s/=cis/=etcd/ $d/10-a.conf
            ask unloaded
            systemctl daemon-reload
            sed -i s/=etcd/=cis/ $d/10-a.conf
            both environment
            printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/rke2 server \\\n  --profile etcd\n' >$d/20-b.conf
            both arguments
            rm $d/20-b.conf

            mkdir -p /etc/rancher/rke2/config.yaml.d
            printf '{{\n  "token": "s3cret",\n  "profile": "cis"\n}}\n' \
                >/etc/rancher/rke2/config.yaml.d/50-rancher.yaml
            both rancher"#
        ))
        .boot();

    let profile = |name: &str| -> (Value, Value) {
        let read = |how: &str| -> Value {
            let text = outcome.text(&format!("{name}-{how}"));
            assert!(!text.contains("s3cret"), "{text}");
            let mut document: Value = serde_json::from_str(&text).expect("JSON");
            document["settings"]["profile"].take()
        };
        (read("bus"), read("files"))
    };
    for (name, value, kind, path, line) in [
        ("plain", "", "default", Value::Null, Value::Null),
        (
            "default",
            "etcd",
            "env",
            "/etc/default/rke2-server".into(),
            1.into(),
        ),
        (
            "sysconfig",
            "cis",
            "env",
            "/etc/sysconfig/rke2-server".into(),
            2.into(),
        ),
        (
            "environment",
            "cis",
            "env",
            "/etc/systemd/system/rke2-server.service.d/10-a.conf".into(),
            2.into(),
        ),
        (
            "arguments",
            "etcd",
            "argument",
            "/etc/systemd/system/rke2-server.service.d/20-b.conf".into(),
            4.into(),
        ),
        (
            "rancher",
            "cis",
            "file",
            "/etc/rancher/rke2/config.yaml.d/50-rancher.yaml".into(),
            3.into(),
        ),
    ] {
        let (bus, files) = profile(name);
        assert_eq!(bus, files, "{name}");
        assert_eq!(bus["value"], value, "{name}: {bus}");
        let source = &bus["sources"][0];
        assert_eq!(source["kind"], kind, "{name}: {bus}");
        assert_eq!(source["path"], path, "{name}: {bus}");
        assert_eq!(source["line"], line, "{name}: {bus}");
    }
    let (bus, files) = profile("unloaded");
    assert_eq!(
        (&bus["value"], &files["value"]),
        (&"cis".into(), &"etcd".into())
    );
}
