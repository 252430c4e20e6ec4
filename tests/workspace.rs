//! The program that runs at boot has the same dependencies, in the same versions with the same features, as if the
//! cluster's program were not in the workspace. `tests/lab/reproducible` compares the bytes of both.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test lays out a copy of the sources, asks cargo, and fails by panicking"
)]

use std::path::Path;
use std::process::Command;

const MEMBERS: &str = "[workspace]\nmembers = [\"cluster\"]\n";

/// The crates of the program with their features, as `cargo tree` has them for the sources in `directory`.
fn tree(directory: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "preflight-rke2"])
        .args(["--edges", "normal,build,features", "--prefix", "depth"])
        .args(["--target", "x86_64-unknown-linux-gnu"])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.replace(&directory.display().to_string(), "/source")
}

#[test]
fn the_member_adds_nothing_to_the_program() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = tempfile::tempdir().unwrap();
    let manifest = std::fs::read_to_string(here.join("Cargo.toml")).unwrap();
    assert!(manifest.contains(MEMBERS));
    std::fs::write(
        copy.path().join("Cargo.toml"),
        manifest.replace(MEMBERS, "[workspace]\n"),
    )
    .unwrap();
    // Cargo takes out of the copy what only the member needs, and keeps the versions of the rest.
    std::fs::copy(here.join("Cargo.lock"), copy.path().join("Cargo.lock")).unwrap();
    for directory in ["src", "benches", "tests"] {
        std::os::unix::fs::symlink(here.join(directory), copy.path().join(directory)).unwrap();
    }
    let alone = tree(&copy.path().canonicalize().unwrap());
    assert!(alone.lines().count() > 70, "{alone}");
    assert_eq!(tree(here), alone);
    let lock = std::fs::read_to_string(copy.path().join("Cargo.lock")).unwrap();
    assert!(!lock.contains("name = \"kube\""), "the copy has the member");
}
