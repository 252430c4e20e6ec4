//! What the kernel command line and competing files leave in the kernel, and what is predicted.

use crate::machine::Machine;
use crate::outcome::field;
use crate::report::{finding, ids, live, predicts_this_boot, server, verdicts};

/// Each parameter that a word of the command line sets, the word, and the resulting value.
const WORDS: [(&str, &str, &str); 4] = [
    ("vm.overcommit_memory", "sysctl.vm.overcommit_memory=1", "1"),
    // A `sysctl.` word applies after the kernel's own words, regardless of its position.
    ("kernel.panic", "sysctl.kernel.panic=10", "10"),
    ("kernel.panic_on_oops", "oops=panic", "1"),
    (
        "kernel.keys.root_maxkeys",
        "sysctl.kernel.keys.root_maxkeys=200",
        "200",
    ),
];

#[test]
fn values_of_the_command_line_are_predicted_and_off_starts() {
    let words: Vec<_> = WORDS.iter().map(|(_, word, _)| *word).collect();
    let outcome = Machine::new("profile: cis\n")
        .etcd()
        .kernel_arguments(&format!("{} panic=3 preflight_rke2=off", words.join(" ")))
        .script(
            "rec state systemctl is-active rke2-server
            rec before preflight-rke2 check --format json
            sysctl -w kernel.keys.root_maxkeys=1000000 vm.overcommit_memory=1 kernel.panic=10
            rec by_hand preflight-rke2 check --format json
            sysctl -w kernel.keys.root_maxkeys=200",
        )
        .boot();
    // The kubelet would exit; the stand-in replaces RKE2 itself.
    assert_eq!(outcome.line("state"), "active");
    assert!(outcome.ours("rke2-server.service").is_empty());

    let live = live(&outcome);
    let named: Vec<_> = WORDS.iter().map(|(key, _, _)| *key).collect();
    let unset: Vec<_> = named
        .iter()
        .copied()
        .chain(["vm.panic_on_oom", "kernel.keys.root_maxbytes"])
        .collect();
    predicts_this_boot(&outcome, &unset);
    let report = server(&outcome, "report");
    for (key, word, value) in WORDS {
        assert_eq!(live[key], value, "{key}");
        let finding = finding(&report, key);
        assert!(finding["notes"].to_string().contains(word), "{finding:#}");
    }

    verdicts(&outcome, "before", "would-refuse", "would-refuse");
    assert_eq!(
        ids(&server(&outcome, "before"), "blocks-start"),
        ["sysctl.kernel.keys.root_maxkeys"]
    );
    // The other words are right for every boot: only this one is to blame for the next.
    verdicts(&outcome, "by_hand", "would-start", "would-refuse");
    assert_eq!(
        ids(&server(&outcome, "by_hand"), "blocks-next-boot"),
        ["sysctl.kernel.keys.root_maxkeys"]
    );
}

#[test]
fn competing_files_set_the_predicted_values_and_report_mode_starts() {
    let outcome = Machine::new("protect-kernel-defaults: true\n")
        .kernel_arguments("sysctl.kernel.panic=30 panic=3 preflight_rke2=report")
        .file(
            "/etc/sysctl.d/60-rke2-cis.conf",
            "vm.overcommit_memory=1\nkernel.panic=10\nkernel.panic_on_oops=1\n",
        )
        // Later by name, whatever the directory.
        .file(
            "/usr/lib/sysctl.d/90-vendor.conf",
            "vm.overcommit_memory = 2\nkernel/panic_on_oops=0\n",
        )
        // Masked by a file with the same name.
        .file("/usr/lib/sysctl.d/99-hidden.conf", "vm.overcommit_memory=0\n")
        .file("/etc/sysctl.d/99-hidden.conf", "# nothing\n")
        // The last line for a key counts, and the kernel parses hexadecimal numbers.
        .file(
            "/usr/local/lib/sysctl.d/95-local.conf",
            "-kernel.panic_on_oops = 1\nkernel.keys.root_maxkeys=200\nkernel.keys.root_maxkeys = 0x1f4\n",
        )
        // A pattern does not apply to a key that a line names.
        .file(
            "/etc/sysctl.d/97-pattern.conf",
            "kernel.keys.root_max* = 20000\nvm.panic_on_oo? = 1\n",
        )
        .script("rec state systemctl is-active rke2-server")
        .boot();
    assert_eq!(outcome.line("state"), "active");
    let ours = outcome.ours("rke2-server.service");
    let entry = ours
        .iter()
        .find(|entry| field(entry, "PREFLIGHT_CHECK") == "sysctl.vm.overcommit_memory")
        .expect("an entry about what is wrong");
    assert_eq!(
        field(entry, "PREFLIGHT_FILE"),
        "/usr/lib/sysctl.d/90-vendor.conf"
    );

    predicts_this_boot(&outcome, &[]);
    let live = live(&outcome);
    let left: Vec<_> = live
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        left,
        [
            ("kernel.keys.root_maxbytes", "20000"),
            ("kernel.keys.root_maxkeys", "500"),
            ("kernel.panic", "10"),
            ("kernel.panic_on_oops", "1"),
            ("vm.overcommit_memory", "2"),
            ("vm.panic_on_oom", "1"),
        ]
    );
    verdicts(&outcome, "report", "would-refuse", "would-refuse");
    let unit = server(&outcome, "report");
    for (key, path) in [
        ("vm.overcommit_memory", "/usr/lib/sysctl.d/90-vendor.conf"),
        ("vm.panic_on_oom", "/etc/sysctl.d/97-pattern.conf"),
        (
            "kernel.keys.root_maxkeys",
            "/usr/local/lib/sysctl.d/95-local.conf",
        ),
        ("kernel.keys.root_maxbytes", "/etc/sysctl.d/97-pattern.conf"),
    ] {
        let finding = finding(&unit, key);
        assert_eq!(finding["outcome"], "violated", "{finding:#}");
        let blamed = finding["sources"]
            .as_array()
            .expect("sources")
            .iter()
            .find(|source| source["role"] == "sets")
            .unwrap_or_else(|| panic!("nothing is blamed: {finding:#}"));
        assert_eq!(blamed["path"], path, "{finding:#}");
    }
}
