//! The structure of `src`: imports point one way, and no files import each other in a circle.
//!
//! Reads `use` declarations and paths that begin with `crate`, `self` or `super`, except in tests. A parent
//! module and its children count as one unit: the tests enforce the order of the top-level modules, and
//! that no two files import each other.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test reads files, and fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules of the crate. One may import those before it.
const LAYERS: &[&str] = &[
    // Helpers that know nothing of RKE2.
    "text",
    "go",
    "glob",
    // Facts, and rules of systemd.
    "facts",
    "unit",
    "yaml",
    // What Kubernetes' components accept.
    "kubernetes",
    // What RKE2 requires, and whether the host has it.
    "finding",
    "rke2",
    "sysctl_d",
    "requirements",
    "evaluate",
    "verdict",
    "assessment",
    "document",
    "audit",
    // What to do about it.
    "configuration",
    "gate",
    "monitor",
    "fix",
    "journal",
    // How it is shown.
    "report",
    // The machine.
    "host",
    "examine",
    "daemon",
    "cli",
];

/// Layers that are beside each other: neither may import the other.
const APART: &[(&str, &str)] = &[("host", "report"), ("examine", "report")];

/// A module of the crate, such as `host::state`, with its file's text.
type Modules = BTreeMap<String, String>;

fn modules() -> Modules {
    fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path);
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&source, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let relative = path.strip_prefix(&source).unwrap().with_extension("");
            let mut parts: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
            if parts.last() == Some(&"mod") {
                parts.pop();
            }
            let is_test = parts.iter().any(|part| part.ends_with("tests"));
            let is_root = matches!(parts.as_slice(), ["lib" | "main" | "shared" | "testing"]);
            let text = fs::read_to_string(&path).unwrap();
            (!is_test && !is_root).then(|| (parts.join("::"), production(&text)))
        })
        .collect()
}

/// `text` without comments and without what follows `#[cfg(test)]`, which stands last in a file.
fn production(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line == "#[cfg(test)]" {
            break;
        }
        out.push_str(line.split("//").next().unwrap());
        out.push('\n');
    }
    out
}

/// The paths of a `use` tree: `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap().trim();
        out.push(format!("{prefix}{path}"));
        return;
    };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = &inner[start..at];
                if !part.trim().is_empty() {
                    expand(&format!("{prefix}{head}"), part, out);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Every path within the crate that `text` names.
fn paths(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for statement in one_line.split(';') {
        if let Some((_, tree)) = statement.rsplit_once("use ")
            && ["crate::", "self::", "super::"]
                .iter()
                .any(|root| tree.trim().starts_with(root))
        {
            expand("", tree, &mut out);
        }
    }
    for root in ["crate::", "super::"] {
        for (at, _) in one_line.match_indices(root) {
            let name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let rest = &one_line[at..];
            let end = rest.find(|c| !name(c)).unwrap_or(rest.len());
            out.push(rest[..end].trim_end_matches(':').to_owned());
        }
    }
    out
}

/// The module of the crate that `path`, named in the module `me`, is in.
fn target(modules: &Modules, me: &str, path: &str) -> Option<String> {
    let mut base: Vec<&str> = Vec::new();
    for (at, part) in path.split("::").enumerate() {
        match part {
            "crate" => {}
            "self" if at == 0 => base = me.split("::").collect(),
            "super" => {
                if at == 0 {
                    base = me.split("::").collect();
                }
                base.pop();
            }
            part => base.push(part),
        }
    }
    while !base.is_empty() {
        let name = base.join("::");
        if modules.contains_key(&name) {
            return (name != me).then_some(name);
        }
        base.pop();
    }
    None
}

fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    modules
        .iter()
        .map(|(me, text)| {
            let targets = paths(text);
            let targets = targets.iter().filter_map(|path| target(&modules, me, path));
            (me.clone(), targets.collect())
        })
        .collect()
}

fn top(module: &str) -> &str {
    module.split("::").next().unwrap()
}

#[test]
fn imports_point_one_way() {
    let layer = |module: &str| {
        let found = LAYERS.iter().position(|layer| *layer == top(module));
        found.unwrap_or_else(|| panic!("{module} is not in LAYERS"))
    };
    let mut wrong = Vec::new();
    for (from, targets) in imports() {
        for to in targets {
            let apart = APART.iter().any(|(a, b)| {
                (*a, *b) == (top(&from), top(&to)) || (*b, *a) == (top(&from), top(&to))
            });
            if apart || layer(&to) > layer(&from) {
                wrong.push(format!("{from} imports {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_import_each_other() {
    let imports = imports();
    let reach = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(module) = next.pop() {
            for to in &imports[&module] {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> = imports
        .keys()
        .map(|module| (module.as_str(), reach(module)))
        .collect();
    let circles: Vec<String> = reached
        .iter()
        .filter(|(module, seen)| seen.contains(**module))
        .map(|(module, seen)| {
            let with = seen
                .iter()
                .filter(|other| reached[other.as_str()].contains(*module));
            let with: Vec<&str> = with
                .map(String::as_str)
                .filter(|other| other != module)
                .collect();
            format!("{module} is in a circle with {}", with.join(", "))
        })
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

/// The reader of imports itself: what it must find, and what it must not.
#[test]
fn paths_are_read_as_rust_does() {
    let text = production(
        "use super::a::{self, b::{C, d}, e as f};\nfn g() { crate::h::i::<u8>(); }\n// use crate::no;\n\
         #[cfg(test)]\nmod tests { use crate::never; }\n",
    );
    let found = paths(&text);
    for path in [
        "super::a::self",
        "super::a::b::C",
        "super::a::b::d",
        "super::a::e",
        "crate::h::i",
    ] {
        assert!(
            found.iter().any(|one| one == path),
            "{path} is not in {found:?}"
        );
    }
    assert!(
        !found
            .iter()
            .any(|path| path.contains("no") || path.contains("never")),
        "{found:?}"
    );
    let modules: Modules = ["a", "a::b", "x::y"]
        .map(|m| (m.to_owned(), String::new()))
        .into();
    assert_eq!(
        target(&modules, "x::y", "super::super::a::b::C"),
        Some("a::b".to_owned())
    );
    assert_eq!(
        target(&modules, "x::y", "crate::a::C"),
        Some("a".to_owned())
    );
    assert_eq!(target(&modules, "a", "self::b::C"), Some("a::b".to_owned()));
    assert_eq!(target(&modules, "a", "crate::std"), None);
}
