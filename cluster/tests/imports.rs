//! The structure of `src`: imports point one way.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test reads files, and fails by panicking"
)]

use std::path::Path;

/// The modules of the program: what is read of objects, what is known of a cluster, the controls, where facts are from. One
/// may import those before it.
const LAYERS: &[&str] = &[
    "objects", "kind", "traits", "powers", "answer", "facts", "rke2", "control", "rules",
    "evaluate", "report", "dump", "client", "fix", "rights", "cli",
];

/// What `text` imports, up to its tests.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
    {
        let code = line.split("//").next().unwrap();
        for (at, root) in code.match_indices("crate::") {
            let name = code[at + root.len()..]
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap();
            found.push(name.to_owned());
        }
    }
    found
}

fn files(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            let relative = path.strip_prefix(source).unwrap().with_extension("");
            let parts: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
            let is_test = ["tests", "scanner_defects"].contains(parts.last().unwrap());
            if !is_test && parts != ["main"] {
                found.push((parts[0].to_owned(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
}

#[test]
fn imports_point_one_way() {
    let layer = |module: &str| {
        let found = LAYERS.iter().position(|layer| *layer == module);
        found.unwrap_or_else(|| panic!("{module} is not in LAYERS"))
    };
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let mut read = 0;
    let mut wrong = Vec::new();
    for (from, text) in all {
        for to in imports(&text) {
            read += 1;
            if layer(&to) > layer(&from) {
                wrong.push(format!("{from} imports {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(read > 40, "{read}");
}
