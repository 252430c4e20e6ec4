//! The file name that makes lines win.

use super::others::tuned;
use super::*;

/// Files, and the name that wins (`+` if the file exists), or the end of the reason why none does.
const NAMES: &[(Files, &str)] = &[
    (&[], "60-rke2-cis.conf"),
    (
        &[(
            "/etc/sysctl.d/60-rke2-cis.conf",
            "kernel.panic=1\nvm.swappiness=1",
        )],
        "60-rke2-cis.conf+",
    ),
    (
        &[("/etc/sysctl.d/99-sysctl.conf", "kernel.panic=0")],
        "99-zz-rke2-cis.conf",
    ),
    (
        &[("/etc/sysctl.d/99-sysctl.conf", "kernel.panic=10")],
        "60-rke2-cis.conf",
    ),
    (
        &[("/etc/sysctl.d/99-zz-top.conf", "kernel.pan*=1")],
        "60-rke2-cis.conf",
    ),
    (
        &[("/etc/sysctl.d/local.conf", "-kernel.panic")],
        "zz-rke2-cis.conf",
    ),
    (
        &[("/usr/lib/sysctl.d/zzz.conf", "kernel.panic=0")],
        "zzz_rke2-cis.conf",
    ),
    (
        &[("/etc/sysctl.d/60-rke2-cis.conf", "-> /dev/null")],
        "99-rke2-cis.conf",
    ),
    (
        &[(
            "/run/credentials/systemd-sysctl.service/sysctl.extra",
            "kernel.panic=0",
        )],
        "the credential sysctl.extra is read after every file and sets kernel.panic",
    ),
];

#[test]
fn a_name_that_wins() {
    for (files, expected) in NAMES {
        let got = match winning_name(&tree(files), &[(PANIC, 10)], Dialect::NEWEST) {
            Ok(place) => place.name + if place.exists { "+" } else { "" },
            Err(prevented) => prevented.to_string(),
        };
        assert!(got.ends_with(expected), "{files:?}: {got}");
    }
    let mut tree = tree(&[]);
    tree.tuned = Some(tuned(true));
    assert!(winning_name(&tree, &[(PANIC, 10)], Dialect::NEWEST).is_ok());
    tree.tuned = Some(tuned(false));
    let prevented = winning_name(&tree, &[(PANIC, 10)], Dialect::NEWEST).unwrap_err();
    assert!(matches!(prevented, Prevented::Tuned(..)), "{prevented}");
}
