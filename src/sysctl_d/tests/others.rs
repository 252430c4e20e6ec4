//! Those who have a word beside `systemd-sysctl`: `sysctl --system`, the kernel command line and
//! `TuneD`.

use super::*;

/// What is so, files that show it, and what `sysctl --system` leaves where it differs (`-`: nothing).
const DISAGREEMENTS: &[(&str, Files, &str)] = &[
    ("same", &[("/etc/sysctl.d/a.conf", "kernel.panic=1")], ""),
    (
        "/etc/sysctl.conf is last there",
        &[
            ("/etc/sysctl.d/a.conf", "kernel.panic=1"),
            ("/etc/sysctl.conf", "kernel.panic=2"),
        ],
        "2",
    ),
    (
        "and no matter where it says the same",
        &[
            ("/etc/sysctl.d/a.conf", "kernel.panic=2"),
            ("/etc/sysctl.conf", "kernel.panic=2"),
        ],
        "",
    ),
    (
        "hidden files are read there",
        &[("/etc/sysctl.d/.a.conf", "kernel.panic=1")],
        "1",
    ),
    (
        "an exclusion takes no named key back there",
        &[("/etc/sysctl.d/a.conf", "kernel.panic=1\n-kernel.panic\n")],
        "1",
    ),
    (
        "no credential there",
        &[(
            "/run/credentials/systemd-sysctl.service/sysctl.extra",
            "kernel.panic=1",
        )],
        "-",
    ),
];

#[test]
fn sysctl_system_disagrees_where_it_reads_otherwise() {
    for (name, files, expected) in DISAGREEMENTS {
        let theirs = ask(files)
            .0
            .sysctl_system
            .map_or_else(String::new, |other| {
                let value = other.set.and_then(|set| set.outcome.value());
                value.map_or_else(|| "-".to_owned(), |value| value.to_string())
            });
        assert_eq!(theirs, *expected, "{name}");
    }
}

#[test]
fn the_command_line_counts_where_no_file_does() {
    let mut tree = tree(&[]);
    tree.command_line = Some(b"quiet panic=30\n".to_vec());
    let next = resolve(&tree, &[PANIC], Dialect::NEWEST).keys.remove(0);
    assert_eq!((next.value(), next.expected()), (None, Some(30)));
    tree.add(
        SearchDirectory::Etc,
        File::new("/etc/sysctl.d/a.conf", "kernel.panic=10"),
    );
    let next = resolve(&tree, &[PANIC], Dialect::NEWEST).keys.remove(0);
    assert_eq!((next.value(), next.expected()), (Some(10), Some(10)));
    assert_eq!(next.command_line.unwrap().text, "panic=30");
}

pub(super) fn tuned(reapply: bool) -> Tuned {
    let profile = "[sysctl]\nkernel.panic=7\n";
    Tuned {
        profiles: vec![File::new("/etc/tuned/mine/tuned.conf", profile)],
        reapply,
    }
}

#[test]
fn tuned_has_the_last_word_but_for_what_it_applies_again() {
    for (files, reapply, expected, via) in [
        (
            ("/etc/sysctl.d/a.conf", "kernel.panic=10"),
            false,
            7,
            Via::Tuned,
        ),
        (
            ("/etc/sysctl.d/a.conf", "kernel.panic=10"),
            true,
            10,
            Via::Explicit,
        ),
        (
            ("/usr/lib/sysctl.d/a.conf", "kernel.panic=10"),
            true,
            7,
            Via::Tuned,
        ),
        (
            ("/etc/sysctl.conf", "kernel.panic=10"),
            true,
            10,
            Via::Reapplied,
        ),
        (
            ("/etc/sysctl.d/a.conf", "kernel.pan*=10"),
            true,
            7,
            Via::Tuned,
        ),
        (
            ("/etc/sysctl.d/a.conf", "-kernel.panic=10"),
            true,
            7,
            Via::Tuned,
        ),
    ] {
        let mut tree = tree(&[files]);
        tree.tuned = Some(tuned(reapply));
        let next = resolve(&tree, &[PANIC], Dialect::NEWEST).keys.remove(0);
        let set = next.set.unwrap();
        assert_eq!(
            (set.outcome.value(), set.via),
            (Some(expected), via),
            "{files:?}"
        );
        let last = &next.overrides.last();
        assert!(last.is_some(), "the other word is told: {files:?}");
    }
}
