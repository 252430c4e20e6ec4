//! Files of recorded cases, each case on one line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use preflight_rke2::testing::kubernetes::control_plane::FileState;
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

/// The files of a case, as a component finds them.
pub(crate) fn files_of(contents: &BTreeMap<String, String>) -> impl Fn(&str) -> FileState {
    |path| match contents.get(path) {
        Some(content) => FileState::Content(content.clone().into_bytes()),
        // Certificates and keys that the recorder makes.
        None if path.starts_with("/case/pki/") => FileState::Unknown,
        None => FileState::Missing,
    }
}

/// Words in any order, since Go's maps have none.
pub(crate) fn words(message: &str) -> Vec<&str> {
    let mut words: Vec<&str> = message
        .split(|c: char| c.is_whitespace() || "[],;\"{}()".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.sort_unstable();
    words
}

/// Without the name of a scheme, which is the place in a source that a build has: outside of Kubernetes' own tree
/// that of another file.
pub(crate) fn without_scheme(text: &str) -> String {
    match text.split_once(" in scheme ") {
        Some((before, _)) => before.to_owned(),
        None => text.to_owned(),
    }
}
