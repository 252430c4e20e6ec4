//! packaging/release: everything a release has, the same bytes at any time and for any user who
//! packs, with sums that hold and a bill of materials that names what the program is made of.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::tools::{PACKAGES, out, repository};

#[test]
fn a_release_is_whole_and_the_same_each_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = "export PREFLIGHT_PROGRAM=$2/preflight-rke2 PREFLIGHT_CLUSTER_PROGRAM=$2/preflight-rke2-cluster
        for package in preflight-rke2 preflight-rke2-cluster; do
            dpkg-deb --fsys-tarfile \"$1/$package.deb\" | tar --extract --to-stdout ./usr/bin/$package >\"$2/$package\"
        done
        export CARGO_TARGET_DIR=$2 TZ=$3
        umask \"$4\"
        cd \"$(packaging/release)\"
        sha256sum --quiet --check SHA256SUMS
        cat SHA256SUMS";
    let debs = repository().join("target/debian");
    let turn = |zone: &str, mask: &str| {
        out(
            script,
            &[&debs, dir.path(), Path::new(zone), Path::new(mask)],
        )
    };
    let sums = turn("UTC", "022");
    let version = env!("CARGO_PKG_VERSION");
    let target = "x86_64-unknown-linux-gnu";
    let names: BTreeSet<&str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("a sum and a name").1)
        .collect();
    let expected: BTreeSet<String> = PACKAGES
        .iter()
        .flat_map(|package| {
            [
                format!("{package}-{version}-1.x86_64.rpm"),
                format!("{package}_{version}_amd64.deb"),
                format!("{package}-{version}-{target}.cdx.json"),
                format!("{package}-{version}-{target}.tar.xz"),
            ]
        })
        .collect();
    assert_eq!(names, expected.iter().map(String::as_str).collect());
    assert_eq!(turn("Asia/Tokyo", "077"), sums);

    let release = dir.path().join(format!("release-{target}"));
    for package in PACKAGES {
        let file = |end: &str| release.join(format!("{package}-{version}-{target}.{end}"));
        let listing = out("tar --list --file \"$1\"", &[&file("tar.xz")]);
        let program = format!("/usr/bin/{package}\n");
        assert!(listing.contains(&program), "{listing}");
        names_every_crate(package, &file("cdx.json"));
    }
}

fn names_every_crate(package: &str, bill: &Path) {
    let text = std::fs::read_to_string(bill).expect("the bill of materials");
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")),
        "it contains the build directory"
    );
    let bill: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["name"], package);
    let listed: BTreeSet<&str> = bill["components"]
        .as_array()
        .expect("components")
        .iter()
        .map(|component| component["name"].as_str().expect("a name"))
        .collect();
    let tree = out(
        &format!(
            "cargo tree --locked --package {package} --edges normal,no-proc-macro --prefix none --target x86_64-unknown-linux-gnu"
        ),
        &[],
    );
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.split(' ').next().expect("a name"))
        .filter(|name| *name != package)
        .collect();
    assert!(crates.len() > 30, "{crates:?}");
    let missing: Vec<_> = crates.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
