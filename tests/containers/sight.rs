//! Hosts where RKE2 starts, although the evaluation without its unit says otherwise: each is
//! started by the real systemd, and the gate lets it start and logs what it cannot determine.

use std::fmt::Write as _;

use crate::lab::Lab;
use crate::on;

/// The gate's entry for a start that was not checked.
const UNCHECKED: &str = "rke2-server.service starts unchecked: ";

/// A drop-in by name, and what the gate logs about it: part of the reason for which the start is unchecked,
/// `""` where it is checked and right, or `None` where it is blocked.
const CASES: [(&str, &str, Option<&str>); 14] = [
    ("none", "", None),
    (
        "prepared",
        "ExecStartPre=/srv/prep --secret CANARY",
        Some("10-case.conf:2: ExecStartPre= runs /srv/prep, which may change the host"),
    ),
    (
        "condition",
        "ExecCondition=/srv/prep",
        Some("10-case.conf:2: ExecCondition= runs /srv/prep"),
    ),
    (
        "wrapper",
        "ExecStart=\nExecStart=/usr/local/bin/rke2-wrapper.sh server",
        Some("the unit runs /usr/local/bin/rke2-wrapper.sh, which is not RKE2's own program"),
    ),
    (
        "script",
        "ExecStart=\nExecStart=/opt/site/rke2 server",
        Some("the unit runs /opt/site/rke2, which is not RKE2's own program"),
    ),
    // RKE2's own program, found where systemd finds it.
    ("relative", "ExecStart=\nExecStart=rke2 server", None),
    (
        "credential",
        "LoadCredential=c:/srv/node/rke2/config.yaml\n\
         Environment=RKE2_CONFIG_FILE=/run/credentials/rke2-server.service/c",
        Some("RKE2 reads /run/credentials/rke2-server.service/c"),
    ),
    (
        "own-variable",
        "ConfigurationDirectory=site\nExecStart=\n\
         ExecStart=/usr/local/bin/rke2 server --config ${CONFIGURATION_DIRECTORY}/rke2.yaml",
        Some("10-case.conf:4: ExecStart= uses $CONFIGURATION_DIRECTORY"),
    ),
    (
        "working-directory",
        "WorkingDirectory=/srv/node/rke2\nExecStart=\n\
         ExecStart=/usr/local/bin/rke2 server --config config.yaml",
        Some(""),
    ),
    (
        "bound",
        "BindReadOnlyPaths=/srv/node:/etc/rancher",
        Some("10-case.conf:2: BindReadOnlyPaths="),
    ),
    (
        "inaccessible",
        "InaccessiblePaths=/etc/rancher/rke2/config.yaml",
        Some("10-case.conf:2: InaccessiblePaths="),
    ),
    (
        "temporary",
        "TemporaryFileSystem=/etc/rancher",
        Some("10-case.conf:2: TemporaryFileSystem="),
    ),
    // Nothing that RKE2 reads is there.
    (
        "elsewhere",
        "TemporaryFileSystem=/mnt\nPrivateTmp=yes",
        None,
    ),
    (
        "second-command",
        "Type=oneshot\nRestart=no\nExecStart=\nExecStart=/srv/prep\nExecStart=/bin/true",
        Some("which is not RKE2's own program"),
    ),
];

on!(what_rke2_sees_and_the_gate_does_not_never_keeps_it_down: bullseye bookworm trixie sid);
fn what_rke2_sees_and_the_gate_does_not_never_keeps_it_down(suite: &str) {
    let mut script = r#"
        systemctl mask --now preflight-rke2.service
        mkdir -p /srv/node/rke2 /etc/site /opt/site
        echo 'node-name: one' | tee /srv/node/rke2/config.yaml >/etc/site/rke2.yaml
        printf '#!/bin/sh\ncat /srv/row.passwd >>/etc/passwd\ncat /srv/row.group >>/etc/group\n' >/srv/prep
        echo 'etcd:x:980:980::/:/usr/sbin/nologin' >/srv/row.passwd
        echo 'etcd:x:980:' >/srv/row.group
        printf '#!/bin/sh\n/srv/prep\nexec /usr/local/bin/rke2 "$@"\n' \
            | tee /usr/local/bin/rke2-wrapper.sh >/opt/site/rke2
        chmod 755 /srv/prep /usr/local/bin/rke2-wrapper.sh /opt/site/rke2
        # The stand-in takes the place of its configuration as RKE2 does.
        sed -i -e 's|^role=\$1$|role=$1; [ "$2" != --config ] \|\| RKE2_CONFIG_FILE=$3|' \
            -e 's|/etc/rancher/rke2/config.yaml|"${RKE2_CONFIG_FILE:-/etc/rancher/rke2/config.yaml}"|' \
            /usr/local/lib/rke2-stand-in
        cp /etc/passwd /etc/group /srv
        d=/etc/systemd/system/rke2-server.service.d
        mkdir -p $d
        journalctl --sync
        journalctl --quiet --cursor-file=/srv/cursor --unit=rke2-server >/dev/null
        case_() {
            { echo '[Service]'; cat; } >$d/10-case.conf
            systemctl daemon-reload
            systemctl reset-failed rke2-server
            rec $1-start systemctl start rke2-server
            rec $1-state systemctl show rke2-server --property=Result,ActiveState,SubState
            systemctl stop rke2-server
            cp /srv/passwd /srv/group /etc
            journalctl --sync
            rec $1-log journalctl --cursor-file=/srv/cursor --unit=rke2-server --no-pager --output=cat
        }
        "#
    .to_owned();
    for (name, lines, _) in CASES {
        let _ = writeln!(script, "case_ {name} <<'EOF'\n{lines}\nEOF");
    }
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .no_etcd()
        .longer(60)
        .script(&script)
        .boot();
    for (name, _, expected) in CASES {
        let (state, log) = (
            outcome.text(&format!("{name}-state")),
            outcome.text(&format!("{name}-log")),
        );
        let started = outcome.status(&format!("{name}-start")) == 0;
        let shown = || format!("{suite}, {name}: {state}\n{log}");
        assert_eq!(started, expected.is_some(), "{}", shown());
        assert!(!log.contains("CANARY"), "{}", shown());
        assert!(!log.contains("level=fatal"), "{}", shown());
        // The end of an earlier gate, which blocked, is not taken for a failure of this one.
        assert!(!log.contains("did not finish"), "{}", shown());
        let unchecked: Vec<&str> = log
            .lines()
            .filter_map(|line| line.strip_prefix(UNCHECKED))
            .collect();
        match (expected, unchecked.as_slice()) {
            (None | Some(""), []) => {}
            (Some(reason), [logged]) if !reason.is_empty() => {
                assert!(logged.contains(reason), "{}", shown());
            }
            _ => panic!("{}", shown()),
        }
    }
}
