//! The table of directives against the list of a running systemd, and each directive that is not followed
//! against systemd's answer over D-Bus and against the unit's files.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use preflight_rke2::testing::unit::directive::{TABLE, handling, untracked};
use serde_json::Value;

use crate::lab::Lab;
use crate::on;

on!(the_table_has_every_directive_of_systemd: bullseye bookworm trixie sid);
fn the_table_has_every_directive_of_systemd(suite: &str) {
    let outcome = Lab::new(suite)
        .script("rec items /lib/systemd/systemd --dump-configuration-items")
        .boot();
    let text = outcome.text("items");
    let mut section = "";
    let mut seen = 0;
    let mut missing = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once('=')
            && TABLE.iter().any(|(known, _)| *known == section)
        {
            seen += 1;
            if handling(section, key).is_none() {
                missing.push(format!("[{section}] {key}="));
            }
        }
    }
    println!("{suite}: {seen} directives");
    assert!(seen > 300, "{seen} directives in\n{text}");
    assert!(missing.is_empty(), "{suite}: not in the table: {missing:?}");
}

/// Every directive that is not followed, with a value that changes what RKE2 sees of its configuration or
/// of the kernel parameters, and what the configuration file is a link to, if it is one.
const CASES: [(&str, &str, &str); 35] = [
    ("BindPaths", "/srv:/etc/rancher", ""),
    ("BindReadOnlyPaths", "/srv:/etc/rancher/rke2", ""),
    ("DynamicUser", "yes", ""),
    ("ExtensionDirectories", "/srv/extension", ""),
    ("ExtensionImages", "/srv/extension.raw", ""),
    ("Group", "nogroup", ""),
    ("ImportCredential", "rke2.*", CREDENTIAL),
    ("InaccessibleDirectories", "/etc/rancher", ""),
    ("InaccessiblePaths", "/etc/rancher/rke2/config.yaml", ""),
    ("LoadCredential", "rke2.c:/etc/hosts", CREDENTIAL),
    ("LoadCredentialEncrypted", "rke2.c:/etc/hosts", CREDENTIAL),
    ("MountAPIVFS", "yes", ""),
    ("MountImages", "/srv/i.raw:/etc/rancher", ""),
    ("PAMName", "login", ""),
    ("PrivatePIDs", "yes", ""),
    ("PrivateTmp", "yes", "/tmp/rke2.yaml"),
    ("PrivateUsers", "yes", ""),
    ("ProcSubset", "pid", ""),
    ("ProtectHome", "yes", "/root/rke2.yaml"),
    ("ProtectKernelTunables", "yes", ""),
    ("ProtectProc", "invisible", ""),
    ("ReadOnlyDirectories", "/proc/sys", ""),
    ("ReadOnlyPaths", "/proc/sys", ""),
    ("ReadWriteDirectories", "/proc/sys", ""),
    ("ReadWritePaths", "/proc/sys", ""),
    ("RootDirectory", "/srv/root", ""),
    ("RootImage", "/srv/root.raw", ""),
    ("RootMStack", "/srv/root.mstack", ""),
    ("SetCredential", "rke2.c:x", CREDENTIAL),
    ("SetCredentialEncrypted", "rke2.c:eA==", CREDENTIAL),
    ("TemporaryFileSystem", "/etc/rancher", ""),
    ("User", "nobody", ""),
    ("UserNamespacePath", "/proc/1/ns/user", ""),
    // Two that are followed only in part.
    ("ExecStartPre", "/usr/local/sbin/node-prep", ""),
    ("ExecCondition", "/usr/local/sbin/node-prep", ""),
];
const CREDENTIAL: &str = "/run/credentials/rke2-server.service/rke2.c";

#[test]
fn each_directive_that_is_not_followed_has_a_case() {
    let cases: BTreeSet<&str> = CASES.iter().map(|(key, ..)| *key).collect();
    let mut wanted: BTreeSet<&str> = untracked().map(|(key, ..)| key).collect();
    wanted.extend(["ExecStartPre", "ExecCondition"]);
    assert_eq!(cases, wanted);
}

on!(what_is_not_followed_is_found_in_files_and_in_systemds_answer: bullseye bookworm trixie sid);
fn what_is_not_followed_is_found_in_files_and_in_systemds_answer(suite: &str) {
    // systemd unloads a unit that nothing refers to, and then reads its files again.
    let mut script = r#"
        d=/etc/systemd/system/rke2-server.service.d
        mkdir -p $d
        systemctl enable rke2-server
        rec items /lib/systemd/systemd --dump-configuration-items
        check() {
            preflight-rke2 check --unit rke2-server.service --rke2-version v1.34.1+rke2r1 --format json 2>/dev/null
        }
        # An old systemd may not have a property for a directive.
        told() {
            busctl get-property org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/rke2_2dserver_2eservice \
                org.freedesktop.systemd1.Service $1
        }
        ask() { rec $1 check; }
        files() {
            DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent ask $1
        }
        ask none-bus
        files none-files
        case_() {
            grep -q "^$1=" /out/items || return 0
            rm -f /etc/rancher/rke2/config.yaml
            if [ -n "$3" ]; then
                ln -s "$3" /etc/rancher/rke2/config.yaml
                echo 'profile: cis' >"$3" || true
            else
                echo 'profile: cis' >/etc/rancher/rke2/config.yaml
            fi 2>/dev/null
            printf '[Service]\n%s=%s\n' "$1" "$2" >$d/10-case.conf
            systemctl daemon-reload
            files $1-files
            ask $1-bus
            # What systemd has loaded is no longer in the files.
            rm $d/10-case.conf
            ! told $1 || ask $1-loaded
        }
        "#
    .to_owned();
    for (key, value, link) in CASES {
        let _ = writeln!(script, "case_ {key} '{value}' '{link}'");
    }
    script += "rec failed systemctl --failed --no-legend --plain\n";
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .sysctl("kernel.panic", "0")
        .longer(120)
        .script(&script)
        .boot();
    let unit = |name: &str| -> Value {
        let text = outcome.text(name);
        let mut document: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        document["units"][0].take()
    };
    for how in ["bus", "files"] {
        let plain = unit(&format!("none-{how}"));
        assert_eq!(plain["verdict"], "would-refuse", "{how}: {plain}");
    }
    let (mut tried, mut loaded) = (0, 0);
    let recorded = |name: &str| outcome.work.path().join("out").join(name).exists();
    for (key, ..) in CASES {
        if !recorded(&format!("{key}-bus")) {
            continue;
        }
        tried += 1;
        // D-Bus uses the new name.
        let stem = key.strip_suffix("Directories").unwrap_or(key);
        let was_told = recorded(&format!("{key}-loaded"));
        loaded += i32::from(was_told);
        let how = ["bus", "files"].into_iter();
        for how in how.chain(was_told.then_some("loaded")) {
            // systemd 247 reports it as off without RootDirectory=.
            if key == "MountAPIVFS" && suite == "bullseye" && how != "files" {
                continue;
            }
            let found = unit(&format!("{key}-{how}"));
            assert_eq!(found["verdict"], "undetermined", "{key} {how}: {found}");
            assert!(found.to_string().contains(stem), "{key} {how}: {found}");
        }
    }
    println!(
        "{suite}: {tried} of {} directives, {loaded} as loaded",
        CASES.len()
    );
    assert!(tried >= 22 && loaded >= 20, "{tried}, {loaded}");
}
