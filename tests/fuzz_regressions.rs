//! Runs the inputs with which fuzzing once found a defect again: each file of
//! `tests/fuzz/regressions/TARGET` through that target. `docs/fuzzing.md` describes how to add one.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that reads its inputs, and the fuzz targets that it shares"
)]

#[path = "fuzz/src/targets/mod.rs"]
mod targets;

use std::path::Path;

#[test]
fn earlier_findings_stay_fixed() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions");
    let mut inputs = 0;
    for target in std::fs::read_dir(dir).unwrap() {
        let target = target.unwrap();
        let name = target.file_name().into_string().unwrap();
        let run = targets::find(&name).unwrap_or_else(|| panic!("no target is named {name}"));
        for input in std::fs::read_dir(target.path()).unwrap() {
            let path = input.unwrap().path();
            eprintln!("{}", path.display());
            run(&std::fs::read(path).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs > 0);
}

#[test]
fn targets_take_anything() {
    for (name, run) in targets::TARGETS {
        eprintln!("{name}");
        for input in [
            &b""[..],
            b"\x1e",
            b"000\x1em\x1ed!\x1eu\x1e1a.conf\x1el?",
            b"\xff\xfe\x00",
        ] {
            run(input);
        }
    }
}
