//! Other programs that set parameters: `sysctl --system`, the kernel command line and `TuneD`.

use super::*;

/// Name of the case, files, and the value that `sysctl --system` sets if it differs (`-` for none).
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
        "no difference if it sets the same value",
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
        "an exclusion removes no named key there",
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
fn sysctl_system_can_differ() {
    for (name, files, expected) in DISAGREEMENTS {
        let theirs = resolve_files(files)
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
fn the_command_line_counts_if_no_file_sets_the_key() {
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
fn tuned_wins_except_over_files_it_applies_again() {
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
        assert!(
            last.is_some(),
            "the other assignment is reported: {files:?}"
        );
    }
}
