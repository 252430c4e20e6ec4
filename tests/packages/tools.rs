//! Where the packages are, and how a tool is asked.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The packages.
pub(crate) const PACKAGES: [&str; 2] = ["preflight-rke2", "preflight-rke2-cluster"];

/// One of the packages that `tests/lab/package` built: `preflight-rke2.deb`, `older.rpm`, ….
pub(crate) fn built(name: &str) -> PathBuf {
    let path = repository().join("target/debian").join(name);
    assert!(
        path.is_file(),
        "{} is missing: run tests/lab/package",
        path.display()
    );
    path
}

/// A command in the repository, with nothing of the caller's language.
pub(crate) fn command(script: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .env("LC_ALL", "C.UTF-8")
        .current_dir(repository());
    command
}

/// What a line of shell answered, `$1` and on being `arguments`.
pub(crate) fn answer(script: &str, arguments: &[&Path]) -> Output {
    command(script)
        .arg("bash")
        .args(arguments)
        .output()
        .expect("run bash")
}

/// The standard output of a line of shell that must succeed.
pub(crate) fn out(script: &str, arguments: &[&Path]) -> String {
    let output = answer(script, arguments);
    assert!(
        output.status.success(),
        "{script}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
