//! What the gate blocks, what it lets start, and what it prints.

use crate::lab::{Lab, field};
use crate::on;

const FINDING: &str = "130218ea33e04235a4cb6d3bc7aaa99e";
const BLOCKED: &str = "07455aa26e824d2c8191fbfd5f8b41ec";

/// Sysctls and accounts: RKE2 itself would report the accounts only once the sysctls are right.
const REASONS: [&str; 6] = [
    "overcommit_memory",
    "kernel.panic",
    "panic_on_oops",
    "root_maxkeys",
    "root_maxbytes",
    "etcd",
];

/// The checks behind them.
const CHECKS: [&str; 7] = [
    "account.etcd.group",
    "account.etcd.user",
    "sysctl.kernel.keys.root_maxbytes",
    "sysctl.kernel.keys.root_maxkeys",
    "sysctl.kernel.panic",
    "sysctl.kernel.panic_on_oops",
    "sysctl.vm.overcommit_memory",
];

on!(a_wrong_host_is_blocked_with_every_reason: bullseye trixie sid);
fn a_wrong_host_is_blocked_with_every_reason(suite: &str) {
    every_reason(suite, 12);
}

on!(a_blocked_unit_stays_down_without_a_loop: bookworm);
fn a_blocked_unit_stays_down_without_a_loop(suite: &str) {
    every_reason(suite, 60);
}

fn every_reason(suite: &str, seconds: u32) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .kernel_defaults()
        .no_etcd()
        .enable("rke2-server.service")
        .script(&format!(
            "rec target systemctl is-active multi-user.target
            rec agent systemctl show rke2-agent --property=ActiveState --value
            sleep {seconds}
            rec state systemctl show rke2-server --property=ActiveState,SubState,NRestarts
            rec failed systemctl --failed --no-legend --plain
            rec start systemctl start rke2-server
            rec status systemctl status rke2-server --no-pager --full
            rec log journalctl --no-pager --unit=rke2-server
            rec explained journalctl --no-pager -xeu rke2-server
            rec fatal journalctl --no-pager --unit=rke2-server --grep=level=fatal"
        ))
        .boot();

    assert_eq!(outcome.line("target"), "active");
    outcome.has(
        "state",
        &["ActiveState=inactive", "SubState=dead", "NRestarts=0"],
    );
    outcome.has("failed", &["preflight-rke2-gate@rke2-server.service"]);
    let failed = outcome.text("failed");
    assert!(
        !failed.lines().any(|unit| unit.starts_with("rke2")),
        "{failed}"
    );
    assert_eq!(outcome.status("start"), 1, "{}", outcome.text("start"));
    assert_ne!(
        outcome.status("fatal"),
        0,
        "RKE2 ran:\n{}",
        outcome.text("fatal")
    );

    outcome.has("log", &REASONS);
    outcome.has("status", &REASONS);
    outcome.has("explained", &REASONS);
    outcome.has(
        "explained",
        &[
            "preflight_rke2=off",
            "systemctl mask preflight-rke2-gate@rke2-server.service",
        ],
    );
    outcome.lacks("explained", &["@PREFLIGHT_", "@OBJECT_SYSTEMD_UNIT@"]);

    let ours = outcome.ours("rke2-server.service");
    let last = ours.last().expect("entries of ours");
    assert_eq!(
        field(last, "MESSAGE_ID"),
        BLOCKED,
        "the summary comes last: {last}"
    );
    for reason in REASONS {
        assert!(
            field(last, "PREFLIGHT_REASONS").contains(reason),
            "the summary lacks {reason}: {last}"
        );
    }
    let findings: Vec<_> = ours
        .iter()
        .filter(|entry| field(entry, "MESSAGE_ID") == FINDING)
        .collect();
    let mut checks: Vec<_> = findings
        .iter()
        .map(|finding| field(finding, "PREFLIGHT_CHECK"))
        .collect();
    checks.sort_unstable();
    let twice: Vec<_> = CHECKS.iter().flat_map(|check| [*check, *check]).collect();
    assert_eq!(checks, twice, "one entry for each reason, at both starts");
    for finding in findings {
        for name in [
            "CHECK",
            "EFFECT",
            "SUBJECT",
            "REQUIRED",
            "ACTUAL",
            "NEXT_BOOT",
            "REQUIRED_BY",
            "PREDICTED",
            "FILE",
            "LINE",
            "REMEDY",
        ] {
            assert!(
                !field(finding, &format!("PREFLIGHT_{name}")).is_empty(),
                "no PREFLIGHT_{name}: {finding}"
            );
        }
        assert_eq!(
            field(finding, "PREFLIGHT_EFFECT"),
            "blocks-start",
            "{finding}"
        );
        assert!(field(finding, "PRIORITY") <= "4", "{finding}");
    }

    // Only the server is enabled.
    assert_eq!(outcome.line("agent"), "inactive");
    assert!(outcome.ours("rke2-agent.service").is_empty());
}

on!(a_correct_host_starts_silently: bullseye bookworm trixie);
fn a_correct_host_starts_silently(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\n")
        .enable("rke2-server.service")
        .script(
            "rec state systemctl is-active rke2-server
            rec failed systemctl --failed --no-legend --plain
            rec agent systemctl is-active rke2-agent
            rec loud journalctl --no-pager --priority=4 --unit='preflight-rke2-gate@*' --unit=rke2-server
            rec ours journalctl --no-pager --priority=4 --identifier=preflight-rke2",
        )
        .boot();
    assert_eq!(outcome.line("state"), "active");
    assert_eq!(outcome.line("agent"), "inactive");
    outcome.lacks("failed", &["rke2"]);
    for name in ["loud", "ours"] {
        outcome.lacks(name, &["preflight"]);
    }
}

on!(requirements_depend_on_role_and_settings: bullseye bookworm trixie);
fn requirements_depend_on_role_and_settings(suite: &str) {
    let outcome = Lab::new(suite)
        .config("profile: cis\nserver: https://10.0.0.1:9345\ntoken: secret\n")
        .no_etcd()
        .script(
            "rec agent systemctl start rke2-agent
            systemctl stop rke2-agent

            echo 'etcd:x:980:980::/:/usr/sbin/nologin' >>/etc/passwd
            echo 'etcd:x:980:' >>/etc/group
            set_sysctl vm.overcommit_memory 0
            echo 'profile: etcd' >/etc/rancher/rke2/config.yaml
            rec etcd systemctl start rke2-server
            systemctl stop rke2-server

            echo 'protect-kernel-defaults: true' >/etc/rancher/rke2/config.yaml
            set_sysctl kernel.keys.root_maxkeys 200
            rec kubelet systemctl start rke2-server
            rec words preflight-rke2 check --unit rke2-server.service --format json

            echo 'node-name: a' >/etc/rancher/rke2/config.yaml
            rec neither systemctl start rke2-server",
        )
        .boot();
    assert_eq!(
        outcome.status("agent"),
        0,
        "an agent needs no account: {}",
        outcome.text("agent")
    );
    assert_eq!(
        outcome.status("etcd"),
        0,
        "profile etcd needs no sysctl: {}",
        outcome.text("etcd")
    );
    assert_eq!(outcome.status("kubelet"), 1);
    outcome.has(
        "words",
        &[
            "invalid kernel flag: vm/overcommit_memory, expected value: 1, actual value: 0",
            "invalid kernel flag: kernel/keys/root_maxkeys, expected value: 1000000, actual value: 200",
        ],
    );
    assert_eq!(
        outcome.status("neither"),
        0,
        "without either, nothing is required: {}",
        outcome.text("neither")
    );
}

/// What the administrator sees of a blocked unit, as the documents show it. Times, names and numbers that
/// differ from boot to boot are replaced. `PREFLIGHT_BLESS=1` regenerates the captures.
#[test]
fn the_documents_show_what_is_seen() {
    let outcome = Lab::new("bookworm")
        .config("profile: cis\n")
        .sysctl("vm.overcommit_memory", "0")
        .sysctl("kernel.panic", "0")
        .no_etcd()
        .enable("rke2-server.service")
        .script(
            "rec check preflight-rke2 check
            rec status systemctl status rke2-server --no-pager --full
            rec start systemctl start rke2-server
            journalctl --sync
            rec explained journalctl --no-pager -xu rke2-server PREFLIGHT_CHECK=sysctl.kernel.panic -n 1
            up preflight-rke2
            rec monitor preflight-rke2 status",
        )
        .boot();
    for (name, command) in [
        ("check", "preflight-rke2 check"),
        ("monitor", "preflight-rke2 status"),
        ("status", "systemctl status rke2-server --full"),
        ("start", "systemctl start rke2-server"),
        (
            "explained",
            "journalctl -xu rke2-server PREFLIGHT_CHECK=sysctl.kernel.panic -n 1",
        ),
    ] {
        let seen = format!("$ {command}\n{}", plain(&outcome.text(name)));
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("docs/captures/{name}.txt"));
        if std::env::var_os("PREFLIGHT_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("make docs/captures");
            std::fs::write(&path, &seen).expect("write a capture");
        }
        let shown = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(shown, seen, "{}", path.display());
    }
}

/// The text without what differs from boot to boot.
fn plain(text: &str) -> String {
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let line = |line: &str| -> String {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        // Times.
        for word in &mut words {
            let digits = word.trim_end_matches(',');
            if digits.len() == 20 && digits.ends_with('Z') && digits.contains('T') {
                *word = word.replace(digits, "2026-01-01T00:00:00Z");
            }
        }
        if let Some(at) = words
            .iter()
            .position(|word| word.trim_end_matches([')', ':', ';']) == "ago")
        {
            let before = words[..at].iter().rposition(|word| {
                !word.trim_start_matches('(').ends_with(['s', 'm', 'n']) || word == "evaluation"
            });
            let from = before.map_or(0, |before| before + 1);
            let open = if words[from].starts_with('(') {
                "("
            } else {
                ""
            };
            words.splice(from..at, [format!("{open}1s")]);
        }
        // The machine that the test runs on.
        if line.ends_with(" GiB memory") {
            for at in 1..words.len() {
                if words[at - 1] == "kernel" {
                    words[at] = "6.1.0-18-amd64,".to_owned();
                } else if words[at] == "GiB" {
                    words[at - 1] = "7.6".to_owned();
                }
            }
        }
        // `Nov 23 08:26:12 host program[123]: …`
        if words.len() > 4 && months.contains(&words[0].as_str()) {
            let program = words[4].split('[').next().unwrap_or_default().to_owned();
            let number = if words[4].contains('[') { "[…]:" } else { "" };
            words.splice(
                0..5,
                [
                    "Jan 01 00:00:00 node".to_owned(),
                    format!("{program}{number}"),
                ],
            );
        }
        words.join(" ").trim_end().to_owned()
    };
    let mut out: String = text.lines().map(|l| line(l) + "\n").collect();
    if out.ends_with("\n\n") {
        out.pop();
    }
    out
}
