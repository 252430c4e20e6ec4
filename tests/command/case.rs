//! A host kept as a directory below `tests/hosts`: `case.toml`, and the host's files below `root`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::host::{Host, hosts_dir};

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    #[serde(skip)]
    pub(crate) dir: String,
    /// A description of the case, for readers of the directory.
    #[serde(rename = "about")]
    _about: String,
    /// The host on which this one is based.
    over: Option<String>,
    /// Files of that host which this one does not have.
    #[serde(default)]
    without: Vec<String>,
    /// Symbolic links, by path: not every checkout keeps them.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// When files were last written, by path: no checkout keeps that.
    #[serde(default)]
    modified: BTreeMap<String, String>,
    /// Options of every command.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// The exit status of `check`.
    #[serde(default)]
    pub(crate) status: i32,
    /// Commands whose text is expected too.
    #[serde(default)]
    pub(crate) also: Vec<String>,
}

impl Case {
    /// Reads the case of that directory.
    pub(crate) fn read(dir: &str) -> Self {
        let path = hosts_dir().join(dir).join("case.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let case: Self = toml::from_str(&text).unwrap_or_else(|e| panic!("{dir}: {e}"));
        Self {
            dir: dir.to_owned(),
            ..case
        }
    }

    /// Creates the host's files.
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
        for (path, at) in &self.modified {
            host.set_modified(path, at);
        }
    }

    /// The directory.
    pub(crate) fn path(&self) -> PathBuf {
        hosts_dir().join(&self.dir)
    }
}
