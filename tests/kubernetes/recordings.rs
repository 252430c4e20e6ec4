//! Files of recorded cases, each case on one line.

use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file below `tests/cases/kubernetes`.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/kubernetes")
        .join(name)
}

/// The recorded cases; none where nothing is recorded yet.
pub(crate) fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = std::fs::read_to_string(path(name)).unwrap_or_else(|_| "[]".to_owned());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Writes them.
pub(crate) fn write<T: Serialize>(name: &str, cases: impl IntoIterator<Item = T>) {
    let lines: Vec<String> = cases
        .into_iter()
        .map(|case| serde_json::to_string(&case).unwrap())
        .collect();
    std::fs::write(path(name), format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}

/// Each case has a name of its own, and there are so many at least.
pub(crate) fn assert_names(names: impl IntoIterator<Item = String>, least: usize) {
    let mut names: Vec<String> = names.into_iter().collect();
    let count = names.len();
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1], "two cases have this name");
    }
    assert!(count >= least, "{count} cases");
}
