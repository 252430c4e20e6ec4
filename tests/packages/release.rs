//! packaging/release: everything a release has, the same bytes at any time and for any user who
//! packs, with sums that hold and a bill of materials that names what the program is made of.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::tools::{built, out};

#[test]
fn a_release_is_whole_and_the_same_each_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout ./usr/bin/preflight-rke2 >\"$2/program\"
        export PREFLIGHT_PROGRAM=$2/program CARGO_TARGET_DIR=$2 TZ=$3
        umask \"$4\"
        cd \"$(packaging/release)\"
        sha256sum --quiet --check SHA256SUMS
        cat SHA256SUMS";
    let deb = built("preflight-rke2.deb");
    let turn = |zone: &str, mask: &str| {
        out(
            script,
            &[&deb, dir.path(), Path::new(zone), Path::new(mask)],
        )
    };
    let sums = turn("UTC", "022");
    let version = env!("CARGO_PKG_VERSION");
    let target = "x86_64-unknown-linux-gnu";
    let bill = format!("preflight-rke2-{version}-{target}.cdx.json");
    let tarball = format!("preflight-rke2-{version}-{target}.tar.xz");
    let names: BTreeSet<&str> = sums
        .lines()
        .map(|line| line.split_once("  ").expect("a sum and a name").1)
        .collect();
    assert_eq!(
        names,
        BTreeSet::from([
            format!("preflight-rke2-{version}-1.x86_64.rpm").as_str(),
            format!("preflight-rke2_{version}_amd64.deb").as_str(),
            bill.as_str(),
            tarball.as_str(),
        ])
    );
    assert_eq!(turn("Asia/Tokyo", "077"), sums);

    let release = dir.path().join(format!("release-{target}"));
    let listing = out("tar --list --file \"$1\"", &[&release.join(&tarball)]);
    assert!(listing.contains("/usr/bin/preflight-rke2\n"), "{listing}");
    names_every_crate(&release.join(&bill));
}

fn names_every_crate(bill: &Path) {
    let text = std::fs::read_to_string(bill).expect("the bill of materials");
    assert!(
        !text.contains(env!("CARGO_MANIFEST_DIR")),
        "it contains the build directory"
    );
    let bill: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["name"], "preflight-rke2");
    let listed: BTreeSet<&str> = bill["components"]
        .as_array()
        .expect("components")
        .iter()
        .map(|component| component["name"].as_str().expect("a name"))
        .collect();
    let tree = out(
        "cargo tree --locked --edges normal,no-proc-macro --prefix none --target x86_64-unknown-linux-gnu",
        &[],
    );
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.split(' ').next().expect("a name"))
        .filter(|name| *name != env!("CARGO_PKG_NAME"))
        .collect();
    assert!(crates.len() > 30, "{crates:?}");
    let missing: Vec<_> = crates.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
