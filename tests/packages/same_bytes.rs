//! The same program packed twice gives the same bytes, whatever the clock says and whoever packs.

use std::fs;

use crate::tools::{built, out};

#[test]
fn packing_twice_gives_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    out(
        "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout ./usr/bin/preflight-rke2 >\"$2/program\"
        chmod 700 \"$2/program\"
        export PREFLIGHT_PROGRAM=$2/program SOURCE_DATE_EPOCH=1700000000
        umask 077
        for turn in one two; do
            export CARGO_TARGET_DIR=$2/$turn TZ=Asia/Tokyo$turn
            packaging/deb/build && packaging/rpm/build
            sleep 1.1
        done",
        &[&built("preflight-rke2.deb"), dir.path()],
    );
    let packages = |turn: &str| {
        let mut all: Vec<_> = fs::read_dir(dir.path().join(turn).join("packages"))
            .expect("packages")
            .map(|entry| entry.expect("an entry").path())
            .map(|path| {
                (
                    path.file_name().expect("a name").to_owned(),
                    fs::read(&path).expect("it"),
                )
            })
            .collect();
        all.sort();
        all
    };
    let (one, two) = (packages("one"), packages("two"));
    assert_eq!(one.len(), 2);
    for ((name, a), (_, b)) in one.iter().zip(&two) {
        assert!(a == b, "{} differs", name.display());
    }
}
