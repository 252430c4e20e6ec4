//! Rebuilds as distributions make them: Debian's tools with packaging/debian give the same package as
//! ours. The spec is one and the same for both.

use std::path::Path;

use crate::tools::{PACKAGES, built, out, repository};

/// Modes, owners and names in a deb, its scripts and its conffiles.
fn facts(deb: &Path) -> String {
    out(
        "dpkg-deb --contents \"$1\" | awk '{print $1, $2, $6}' | sort -k 3
        dpkg-deb --ctrl-tarfile \"$1\" | tar --list | sed -E '\\#/(|control|md5sums)$#d' | sort |
            while read -r part; do dpkg-deb --info \"$1\" \"${part#./}\"; done",
        &[deb],
    )
}

#[test]
fn debians_own_tools_make_the_same_package() {
    let dir = tempfile::tempdir().expect("a directory");
    out(
        "mkdir \"$2/source\"
        git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t \"$2/source\"
        export PREFLIGHT_PROGRAM=$2/preflight-rke2 PREFLIGHT_CLUSTER_PROGRAM=$2/preflight-rke2-cluster
        for package in preflight-rke2 preflight-rke2-cluster; do
            dpkg-deb --fsys-tarfile \"$1/$package.deb\" | tar --extract --to-stdout ./usr/bin/$package >\"$2/$package\"
        done
        cd \"$2/source\"
        cp -r packaging/debian debian
        dpkg-buildpackage --build=binary --no-check-builddeps --no-sign 2>&1",
        &[&repository().join("target/debian"), dir.path()],
    );
    let version = env!("CARGO_PKG_VERSION");
    for package in PACKAGES {
        let native = dir.path().join(format!("{package}_{version}_amd64.deb"));
        assert_eq!(facts(&native), facts(&built(&format!("{package}.deb"))));
    }
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
            "packaging/rpm/preflight-rke2-cluster.spec",
            format!("%{{!?package_version: %global package_version {version}}}\n"),
        ),
        (
            "cluster/Cargo.toml",
            format!("name = \"preflight-rke2-cluster\"\nversion = \"{version}\"\n"),
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
