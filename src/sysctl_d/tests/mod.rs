//! Rules across files.

mod laws;
mod others;
mod placement;

use super::*;

const PANIC: &str = "kernel.panic";
const KEYS: [&str; 6] = [
    "vm.overcommit_memory",
    "vm.panic_on_oom",
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.keys.root_maxkeys",
    "kernel.keys.root_maxbytes",
];

/// Builds a tree of files by path; `-> target` is a link whose target does not exist.
fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        let mut file = File::new(path, *text);
        if let Some(target) = text.strip_prefix("-> ") {
            file.target = Some(target.to_owned());
            file.content = Content::Dangling;
        }
        let place = SearchDirectory::ALL.into_iter().find(|place| {
            path.rsplit_once('/')
                .is_some_and(|(dir, _)| dir == place.path())
        });
        match place {
            Some(place) => tree.add(place, file),
            None if *path == "/etc/sysctl.conf" => tree.sysctl_conf = Some(file),
            None if path.starts_with("/run/credentials/") => tree.credential = Some(file),
            None => panic!("{path}"),
        }
    }
    tree
}

fn resolve_files(files: &[(&str, &str)]) -> (KeyResolution, Resolution) {
    let mut found = resolve(&tree(files), &[PANIC], Dialect::NEWEST);
    (found.keys.remove(0), found)
}

/// Files by path and content.
type Files = &'static [(&'static str, &'static str)];

/// Name of the case, files, and the value that results.
const WINNERS: &[(&str, Files, Option<i32>)] = &[
    (
        "no file",
        &[("/etc/sysctl.d/a.conf", "vm.swappiness=1\n")],
        None,
    ),
    (
        "the later name, in any directory",
        &[
            ("/etc/sysctl.d/10-a.conf", "kernel.panic=1"),
            ("/usr/lib/sysctl.d/50-b.conf", "kernel.panic=2"),
        ],
        Some(2),
    ),
    (
        "bytes, not numbers, order names",
        &[
            ("/etc/sysctl.d/60-a.conf", "kernel.panic=1"),
            ("/etc/sysctl.d/9-b.conf", "kernel.panic=2"),
            ("/etc/sysctl.d/100-c.conf", "kernel.panic=3"),
        ],
        Some(2),
    ),
    (
        "lower case after upper case",
        &[
            ("/etc/sysctl.d/a.conf", "kernel.panic=1"),
            ("/etc/sysctl.d/Z.conf", "kernel.panic=2"),
        ],
        Some(1),
    ),
    (
        "among files of one name, the directory of higher precedence",
        &[
            ("/usr/lib/sysctl.d/60-a.conf", "kernel.panic=1"),
            ("/run/sysctl.d/60-a.conf", "kernel.panic=2"),
            ("/usr/local/lib/sysctl.d/60-a.conf", "kernel.panic=3"),
        ],
        Some(2),
    ),
    (
        "an empty file is a mask",
        &[
            ("/usr/lib/sysctl.d/60-a.conf", "kernel.panic=1"),
            ("/etc/sysctl.d/60-a.conf", ""),
        ],
        None,
    ),
    (
        "a dangling link is a mask",
        &[
            ("/usr/lib/sysctl.d/60-a.conf", "kernel.panic=1"),
            ("/etc/sysctl.d/60-a.conf", "-> /nonexistent"),
        ],
        None,
    ),
    (
        "spellings are one key",
        &[(
            "/etc/sysctl.d/a.conf",
            "/kernel/panic=1\nkernel..panic=2\nkernel/panic=3\n",
        )],
        Some(3),
    ),
    (
        "a named key beats a later pattern",
        &[("/etc/sysctl.d/a.conf", "kernel.panic=1\nkernel.pan*=2\n")],
        Some(1),
    ),
    (
        "a later pattern",
        &[("/etc/sysctl.d/a.conf", "kernel.pan*=1\nkernel.pani?=2\n")],
        Some(2),
    ),
    (
        "the same pattern again moves to the end",
        &[(
            "/etc/sysctl.d/a.conf",
            "kernel.pan*=1\nkernel.pani?=2\nkernel.pan*=3\n",
        )],
        Some(3),
    ),
    (
        "the same pattern with the same value keeps its place",
        &[(
            "/etc/sysctl.d/a.conf",
            "kernel.pan*=1\nkernel.pani?=2\nkernel.pan*=1\n",
        )],
        Some(2),
    ),
    (
        "an exclusion applies to patterns before and after it",
        &[(
            "/etc/sysctl.d/a.conf",
            "kernel.pan*=1\n-kernel.panic\nkernel.pani?=2\n",
        )],
        None,
    ),
    (
        "an exclusion removes a named key",
        &[("/etc/sysctl.d/a.conf", "kernel.panic=1\n-kernel.panic\n")],
        None,
    ),
    (
        "a line after an exclusion sets the key again",
        &[(
            "/etc/sysctl.d/a.conf",
            "kernel.panic=1\n-kernel.panic\nkernel.panic=2\n",
        )],
        Some(2),
    ),
    (
        "a pattern excludes nothing but itself",
        &[("/etc/sysctl.d/a.conf", "kernel.pani?=1\n-kernel.pan*\n")],
        Some(1),
    ),
    (
        "an exclusion removes the same pattern",
        &[("/etc/sysctl.d/a.conf", "kernel.pan*=1\n-kernel.pan*\n")],
        None,
    ),
    (
        "a refused value leaves that of the previous pattern",
        &[("/etc/sysctl.d/a.conf", "kernel.pan*=1\nkernel.pani?=junk\n")],
        Some(1),
    ),
    (
        "a named key that is refused leaves nothing",
        &[("/etc/sysctl.d/a.conf", "kernel.pan*=1\nkernel.panic=junk\n")],
        None,
    ),
    (
        "a credential comes last",
        &[
            ("/etc/sysctl.d/zz.conf", "kernel.panic=1"),
            (
                "/run/credentials/systemd-sysctl.service/sysctl.extra",
                "kernel.panic=2",
            ),
        ],
        Some(2),
    ),
    (
        "/etc/sysctl.conf is not read",
        &[("/etc/sysctl.conf", "kernel.panic=1")],
        None,
    ),
];

#[test]
fn the_value_that_wins() {
    for (name, files, expected) in WINNERS {
        assert_eq!(resolve_files(files).0.value(), *expected, "{name}");
    }
}

#[test]
fn each_overridden_assignment_has_its_reason() {
    let (next, found) = resolve_files(&[
        (
            "/etc/sysctl.d/10-a.conf",
            "kernel.panic = 1\n\nkernel.pani? = 4\n",
        ),
        ("/etc/sysctl.d/20-b.conf", "# b\n -kernel/panic = 10  \n"),
        ("/etc/sysctl.d/30-c.conf", "kernel.panic = 10\n"),
    ]);
    let set = next.set.unwrap();
    assert_eq!(set.line.source.to_string(), "/etc/sysctl.d/30-c.conf:1");
    assert_eq!(set.via, Via::Explicit);
    let chain: Vec<_> = next
        .overrides
        .iter()
        .map(|over| {
            let assignment = &over.assignment;
            (
                assignment.line.source.to_string(),
                assignment.value.as_str(),
                over.reason.clone(),
            )
        })
        .collect();
    assert_eq!(
        chain,
        [
            (
                "/etc/sysctl.d/10-a.conf:1".to_owned(),
                "1",
                OverrideReason::Later
            ),
            (
                "/etc/sysctl.d/10-a.conf:3".to_owned(),
                "4",
                OverrideReason::Explicit
            ),
            (
                "/etc/sysctl.d/20-b.conf:2".to_owned(),
                "10",
                OverrideReason::Repeated
            ),
        ]
    );
    let line = &next.overrides[2].assignment.line;
    assert_eq!(line.text, " -kernel/panic = 10  ");
    assert_eq!(&line.text[line.key.clone()], "kernel/panic");
    assert_eq!(&line.text[line.value.clone()], "10");
    assert_eq!(found.rc, 0);
}

#[test]
fn a_line_in_run_is_volatile() {
    for (path, volatile) in [
        ("/run/sysctl.d/a.conf", true),
        ("/etc/sysctl.d/a.conf", false),
    ] {
        let files = [(path, "kernel.panic=1")];
        assert_eq!(
            resolve_files(&files).0.set.unwrap().is_volatile(),
            volatile,
            "{path}"
        );
    }
}

#[test]
fn an_exclusion_is_reported() {
    let (next, _) = resolve_files(&[("/etc/sysctl.d/a.conf", "kernel.panic=10\n-kernel.panic\n")]);
    let source = crate::facts::Source::line("/etc/sysctl.d/a.conf", 2);
    assert_eq!(next.overrides[0].reason, OverrideReason::Excluded(source));
    assert!(next.set.is_none());
}

#[test]
fn lines_in_files_that_are_not_read_are_reported() {
    let (next, _) = resolve_files(&[
        ("/etc/sysctl.d/60-rke2", "kernel.panic=10\n"),
        ("/etc/sysctl.d/.60-rke2.conf", "kernel.panic=10\n"),
        ("/etc/sysctl.d/50-a.conf", ""),
        ("/usr/lib/sysctl.d/50-a.conf", "#\nkernel.pan*=10\n"),
        ("/lib/sysctl.d/90-a.conf", "kernel.panic=10\n"),
        ("/etc/sysctl.conf", "kernel.panic=10\n"),
    ]);
    assert!(next.set.is_none());
    let mut lines: Vec<_> = next
        .skipped
        .iter()
        .map(|skipped| format!("{} {}", skipped.line.source, skipped.reason))
        .collect();
    lines.sort();
    let begins = [
        "/etc/sysctl.conf:1 not read at boot",
        "/etc/sysctl.d/.60-rke2.conf:1 not read: the file's name begins with a dot",
        "/etc/sysctl.d/60-rke2:1 not read: the file's name does not end in .conf",
        "/lib/sysctl.d/90-a.conf:1 not read: this release of systemd does not read the directory",
        "/usr/lib/sysctl.d/50-a.conf:2 not read: masked by /etc/sysctl.d/50-a.conf",
    ];
    assert_eq!(lines.len(), begins.len(), "{lines:?}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn a_link_makes_sysctl_conf_count() {
    let mut tree = tree(&[("/etc/sysctl.conf", "kernel.panic=10\n")]);
    let mut alias = File::new("/etc/sysctl.d/99-sysctl.conf", "kernel.panic=10\n");
    alias.target = Some("/etc/sysctl.conf".to_owned());
    tree.add(SearchDirectory::Etc, alias);
    let next = resolve(&tree, &[PANIC], Dialect::NEWEST).keys.remove(0);
    assert!(next.skipped.is_empty());
    let line = next.set.unwrap().line;
    assert_eq!(line.source.to_string(), "/etc/sysctl.d/99-sysctl.conf:1");
    assert_eq!(line.target.as_deref(), Some("/etc/sysctl.conf"));
}

#[test]
fn problems_and_the_exit_status() {
    for (text, rc, begins) in [
        ("kernel.panic\n", 1, "not an assignment"),
        (
            "kernel.panic = junk\n",
            1,
            "the kernel refuses \"junk\" for kernel.panic",
        ),
        ("-kernel.panic = junk\n", 0, "the kernel refuses"),
        ("kernel.panic = 1#\n", 1, "the kernel refuses"),
        (
            "kernel.panic =\n",
            1,
            "the kernel refuses \"\" for kernel.panic: the value is empty",
        ),
        ("kernel = 1\n", 1, "the key is a directory"),
        (
            "kernel.pani* = 1\nkern* = 1\n",
            1,
            "the pattern matches a directory",
        ),
        ("kernel.panic.x = 1\n", 1, "the key lies below"),
        ("= 1\n", 1, "the key is empty"),
        ("kernel/../kernel/panic = 1\n", 1, "the key holds .."),
        (
            "kernel.pan* = 10\n",
            1,
            "the kernel refuses \"10\" for kernel.panic_on_warn, which the pattern matches too",
        ),
        (
            "kernel.panic_on_warn = 2\n",
            1,
            "the kernel refuses \"2\" for kernel.panic_on_warn",
        ),
        (
            "KERNEL.PANIC = 1\n",
            0,
            "KERNEL.PANIC is not a kernel parameter",
        ),
        (
            "/proc/sys/kernel/panic = 1\n",
            0,
            "/proc/sys/kernel/panic is not a",
        ),
        (
            "\u{feff}kernel.panic = 1\n",
            0,
            "\u{feff}kernel.panic is not a",
        ),
    ] {
        let (_, found) = resolve_files(&[("/etc/sysctl.d/a.conf", text)]);
        assert_eq!(found.rc, rc, "{text}");
        assert_eq!(found.problems.len(), 1, "{text}");
        let problem = &found.problems[0];
        assert!(problem.summary.starts_with(begins), "{}", problem.summary);
        assert_eq!(problem.fails, rc == 1, "{text}");
    }
    let (_, found) = resolve_files(&[("/etc/sysctl.d/a.conf", "-kernel\nkern* = 1\nx = y\n# c\n")]);
    assert_eq!((found.rc, found.problems), (0, vec![]));
}

#[test]
fn a_file_that_only_root_can_read_makes_the_result_incomplete() {
    let mut tree = tree(&[]);
    let mut file = File::new("/etc/sysctl.d/a.conf", "");
    file.content = Content::Unreadable(crate::facts::ReadError::Os {
        operation: crate::facts::Operation::Open,
        path: file.path.clone(),
        errno: nix::libc::EACCES,
    });
    tree.add(SearchDirectory::Etc, file);
    let found = resolve(&tree, &[PANIC], Dialect::NEWEST);
    assert!(!found.complete);
    assert_eq!(found.rc, 0);
    assert_eq!(found.problems[0].kind, SysctlProblemKind::Unreadable);
}

#[test]
fn releases_of_systemd_differ() {
    let text = "kernel.pan*=1\n-kernel.panic=2\n";
    let tree = tree(&[
        ("/etc/sysctl.d/a.conf", text),
        ("/lib/sysctl.d/b.conf", "vm.panic_on_oom=1\n"),
        (
            "/run/credentials/systemd-sysctl.service/sysctl.extra",
            "kernel.panic=3\n",
        ),
    ]);
    for (systemd, panic, oom) in [
        (239, None, Some(1)),
        (243, Some(2), Some(1)),
        (247, Some(2), Some(1)),
        (252, Some(3), Some(1)),
        (255, Some(3), None),
    ] {
        let found = resolve(&tree, &[PANIC, "vm.panic_on_oom"], Dialect::of(systemd));
        assert_eq!(found.keys[0].value(), panic, "{systemd}");
        assert_eq!(found.keys[1].value(), oom, "{systemd}");
    }
}
