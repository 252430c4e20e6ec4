//! A host kept as a folder below `tests/hosts`: `case.toml`, and the host's files below `root`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::host::{Host, folders};

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) folder: String,
    /// What it is a case of, for who reads the folder.
    #[serde(rename = "about")]
    _about: String,
    /// The host that this one is but for its own files.
    over: Option<String>,
    /// What that host has and this one has not.
    #[serde(default)]
    without: Vec<String>,
    /// Symbolic links, by path: repositories keep them badly.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// Options of every command.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// What `check` ends with.
    #[serde(default)]
    pub(crate) status: i32,
    /// Commands whose text is expected too.
    #[serde(default)]
    pub(crate) also: Vec<String>,
}

impl Case {
    /// Reads the case of that folder.
    pub(crate) fn read(folder: &str) -> Self {
        let path = folders().join(folder).join("case.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let case: Self = toml::from_str(&text).unwrap_or_else(|e| panic!("{folder}: {e}"));
        Self {
            folder: folder.to_owned(),
            ..case
        }
    }

    /// Lays the host out.
    pub(crate) fn build(&self, host: &Host) {
        if let Some(over) = &self.over {
            Self::read(over).build(host);
        }
        for path in &self.without {
            assert!(host.at(path).symlink_metadata().is_ok(), "{path}");
            host.clear(path);
        }
        let root = self.path().join("root");
        if root.exists() {
            host.copy(&root, "");
        }
        for (path, to) in &self.links {
            host.link(path, to);
        }
    }

    /// The folder.
    pub(crate) fn path(&self) -> PathBuf {
        folders().join(&self.folder)
    }
}
