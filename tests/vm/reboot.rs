//! From a wrong host to one on which RKE2 starts by itself, and back.

use crate::machine::{Machine, Outcome};
use crate::outcome::field;
use crate::report::{
    commands, finding, findings, ids, predicts_this_boot, reads_what_is, server, verdicts,
};

/// What a kernel without any settings, and a host without etcd's account, get wrong.
const WRONG: [&str; 5] = [
    "account.etcd.group",
    "account.etcd.user",
    "sysctl.kernel.panic",
    "sysctl.kernel.panic_on_oops",
    "sysctl.vm.overcommit_memory",
];

/// Parameters that are right with this kernel's defaults.
const UNSET: [&str; 3] = [
    "vm.panic_on_oom",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
];

/// A file of another package, whose name sorts last.
const COMPETING: &str = "/etc/sysctl.d/99-zz.conf";

const LOOK: &str = "
rec state systemctl show rke2-server --property=ActiveState,SubState,NRestarts
rec log journalctl --no-pager --unit=rke2-server
rec before preflight-rke2 check --format json
";

/// Starts the server, and records its state and the report.
const START: &str = "
rec start systemctl start rke2-server
rec active systemctl is-active rke2-server
rec after preflight-rke2 check --format json
";

/// Fails unless the server was blocked at power-on for each of these checks, and logged them.
fn was_blocked(outcome: &Outcome, checks: &[&str]) {
    outcome.has(
        "state",
        &["ActiveState=inactive", "SubState=dead", "NRestarts=0"],
    );
    outcome.lacks("log", &["level=fatal"]);
    let mut logged: Vec<_> = outcome
        .ours("rke2-server.service")
        .iter()
        .map(|entry| field(entry, "PREFLIGHT_CHECK").to_owned())
        .filter(|check| !check.is_empty())
        .collect();
    logged.sort_unstable();
    logged.dedup();
    assert_eq!(logged, checks);
    let unit = server(outcome, "before");
    assert_eq!(outcome.status("before"), 3, "{unit:#}");
    assert_eq!(ids(&unit, "blocks-start"), checks, "{unit:#}");
    for finding in findings(&unit) {
        if finding["effect"] == "blocks-start" {
            let subject = finding["subject"].as_str().expect("a subject");
            outcome.has("log", &[subject]);
        }
    }
}

/// Fails unless `start` worked and the report is right, now and for the next boot.
fn was_fixed(outcome: &Outcome) {
    assert_eq!(
        outcome.status("start"),
        0,
        "{}\n{}",
        outcome.text("start"),
        outcome.text("after")
    );
    assert_eq!(outcome.line("active"), "active");
    assert_eq!(outcome.status("after"), 0, "{}", outcome.text("after"));
    verdicts(outcome, "after", "would-start", "would-start");
}

/// Fails unless the server is up without intervention, and no problem is reported.
fn started_by_itself(outcome: &Outcome) {
    outcome.has("state", &["ActiveState=active", "NRestarts=0"]);
    assert_eq!(outcome.status("before"), 0, "{}", outcome.text("before"));
    verdicts(outcome, "before", "would-start", "would-start");
    outcome.lacks("log", &["preflight"]);
    predicts_this_boot(outcome, &UNSET);
}

#[test]
fn the_commands_of_the_remedies_fix_it_persistently() {
    let first = Machine::new("profile: cis\n")
        .file(COMPETING, "vm.overcommit_memory = 2\n")
        .script(&format!(
            r#"{LOOK}
            sed -n '/"commands": \[$/,/\]/ s/^ *"\(.*\)",\{{0,1\}}$/\1/p' /out/before |
                sed 's/\\\(.\)/\1/g' | awk '!seen[$0]++' >/out/commands
            while IFS= read -r command; do
                echo "+ $command"
                sh -c "$command" </dev/null || echo "failed: $command"
            done </out/commands >/out/applied 2>&1
            {START}
            carry"#
        ))
        .boot();
    was_blocked(&first, &WRONG);
    let printed = commands(&server(&first, "before"));
    let carried_out: Vec<_> = first.text("commands").lines().map(str::to_owned).collect();
    assert!(!printed.is_empty());
    assert_eq!(carried_out, printed);
    first.lacks("applied", &["failed:"]);
    was_fixed(&first);

    let second = Machine::new("profile: cis\n")
        .after(&first)
        .script(LOOK)
        .boot();
    started_by_itself(&second);
}

#[test]
fn fix_is_persistent_whatever_competes() {
    const TEXT: &str = "# of the database\nvm.overcommit_memory = 2\n";
    let first = Machine::new("profile: cis\n")
        .file(COMPETING, TEXT)
        .script(&format!(
            "{LOOK}
            rec fix preflight-rke2 fix --apply
            {START}
            rec competing cat {COMPETING}
            rec again preflight-rke2 fix --apply
            carry"
        ))
        .boot();
    was_blocked(&first, &WRONG);
    let unit = server(&first, "before");
    let blamed = finding(&unit, "vm.overcommit_memory")["sources"].to_string();
    assert!(blamed.contains(COMPETING), "{blamed}");
    assert_eq!(first.status("fix"), 0, "{}", first.text("fix"));
    was_fixed(&first);
    assert_eq!(first.text("competing"), TEXT, "others' files are not ours");
    assert_eq!(first.status("again"), 0, "{}", first.text("again"));

    let second = Machine::new("profile: cis\n")
        .after(&first)
        .script(LOOK)
        .boot();
    started_by_itself(&second);
}

#[test]
fn values_written_by_hand_are_gone_at_the_next_boot() {
    const LOST: [&str; 3] = [
        "sysctl.kernel.panic",
        "sysctl.kernel.panic_on_oops",
        "sysctl.vm.overcommit_memory",
    ];
    let first = Machine::new("profile: cis\n")
        .etcd()
        .script(&format!(
            "{LOOK}
            sysctl -w vm.overcommit_memory=1 kernel.panic=10 kernel.panic_on_oops=1
            {START}
            rec failing preflight-rke2 check --fail-on next-boot
            carry"
        ))
        .boot();
    was_blocked(&first, &LOST);
    assert_eq!(first.status("start"), 0, "{}", first.text("start"));
    assert_eq!(first.line("active"), "active");
    assert_eq!(first.status("after"), 0, "{}", first.text("after"));
    verdicts(&first, "after", "would-start", "would-refuse");
    let unit = server(&first, "after");
    assert_eq!(ids(&unit, "blocks-next-boot"), LOST, "{unit:#}");
    assert_eq!(first.status("failing"), 4, "{}", first.text("failing"));
    assert!(reads_what_is(&first).values().all(Option::is_none));

    let second = Machine::new("profile: cis\n")
        .after(&first)
        .script(LOOK)
        .boot();
    was_blocked(&second, &LOST);
    verdicts(&second, "before", "would-refuse", "would-refuse");
}
