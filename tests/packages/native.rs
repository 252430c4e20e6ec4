//! Rebuilds as distributions make them: Debian's tools with packaging/debian give the same package as
//! ours. The spec is one and the same for both.

use std::path::Path;

use crate::tools::{built, out, repository};

/// Modes, owners and names in a deb, its scripts and its conffiles.
fn facts(deb: &Path) -> String {
    out(
        "dpkg-deb --contents \"$1\" | awk '{print $1, $2, $6}' | sort -k 3
        for part in postinst prerm postrm conffiles; do dpkg-deb --info \"$1\" $part; done",
        &[deb],
    )
}

#[test]
fn debians_own_tools_make_the_same_package() {
    let dir = tempfile::tempdir().expect("a directory");
    out(
        "mkdir \"$2/source\"
        git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t \"$2/source\"
        dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout ./usr/bin/preflight-rke2 >\"$2/program\"
        export PREFLIGHT_PROGRAM=$2/program
        cd \"$2/source\"
        cp -r packaging/debian debian
        dpkg-buildpackage --build=binary --no-check-builddeps --no-sign 2>&1",
        &[&built("preflight-rke2.deb"), dir.path()],
    );
    let version = env!("CARGO_PKG_VERSION");
    let native = dir
        .path()
        .join(format!("preflight-rke2_{version}_amd64.deb"));
    assert_eq!(facts(&native), facts(&built("preflight-rke2.deb")));
}

#[test]
fn every_version_is_the_crates() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).expect("a file");
    let version = env!("CARGO_PKG_VERSION");
    for (path, line) in [
        (
            "packaging/rpm/preflight-rke2.spec",
            format!("%{{!?package_version: %global package_version {version}}}\n"),
        ),
        (
            "packaging/debian/changelog",
            format!("preflight-rke2 ({version}) "),
        ),
    ] {
        assert!(read(path).contains(&line), "{path} lacks {line}");
    }
    let changelog = read("CHANGELOG.md");
    let top = changelog
        .lines()
        .find_map(|line| line.strip_prefix("## ["))
        .and_then(|line| line.split(']').next());
    assert!(top == Some(version) || top == Some("Unreleased"), "{top:?}");
}
