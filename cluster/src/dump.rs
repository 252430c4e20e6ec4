//! Facts from files that `kubectl get -o json` wrote, so that a cluster can be audited without reaching it.

use std::fs;
use std::path::{Path, PathBuf};

use preflight_rke2::shared::Version;
use serde_json::value::RawValue;

use crate::facts::{Facts, Reading, kind_of};
use crate::kind::Kind;
use crate::objects::{Page, ServerVersion};

/// Why dumps cannot be audited.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    /// A file or the directory cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    /// A file is not JSON, or not of an object.
    #[error("{}: {error}", path.display())]
    Json {
        path: PathBuf,
        error: serde_json::Error,
    },
    /// Nothing says which release the cluster has.
    #[error(
        "{} has no version.json of the cluster's release: write it with kubectl get --raw /version, or name the release \
         with --kubernetes-version",
        .0.display()
    )]
    NoVersion(PathBuf),
    /// The version is not understood.
    #[error("{}: {message}", path.display())]
    Version { path: PathBuf, message: String },
    /// There is nothing to audit.
    #[error("{} has no file that ends with .json", .0.display())]
    Empty(PathBuf),
}

const VERSION: &str = "version.json";

/// Reads every file of `directory` that ends with `.json`. A kind that none of them has stays unread.
pub(crate) fn read(directory: &Path, version: Option<Version>) -> Result<Facts, DumpError> {
    let version = match version {
        Some(version) => version,
        None => version_of(directory)?,
    };
    let mut facts = Facts::new(version);
    let files = files(directory)?;
    if files.is_empty() {
        return Err(DumpError::Empty(directory.to_owned()));
    }
    for path in files {
        let text = text(&path)?;
        add(&mut facts, &path, &text)?;
    }
    Ok(facts)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the user names the directory: these are no files of the host that is judged"
)]
fn text(path: &Path) -> Result<Vec<u8>, DumpError> {
    fs::read(path).map_err(|error| DumpError::Read {
        path: path.to_owned(),
        error,
    })
}

/// The dumps in the order of their names, which decides nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "the user names the directory: these are no files of the host that is judged"
)]
fn files(directory: &Path) -> Result<Vec<PathBuf>, DumpError> {
    let failed = |error| DumpError::Read {
        path: directory.to_owned(),
        error,
    };
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_json = path.extension().is_some_and(|end| end == "json");
        if is_json && path.file_name().is_none_or(|name| name != VERSION) {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

fn version_of(directory: &Path) -> Result<Version, DumpError> {
    let path = directory.join(VERSION);
    let content = match text(&path) {
        Ok(content) => content,
        Err(DumpError::Read { error, .. }) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DumpError::NoVersion(directory.to_owned()));
        }
        Err(error) => return Err(error),
    };
    let parsed: ServerVersion =
        serde_json::from_slice(&content).map_err(|error| DumpError::Json {
            path: path.clone(),
            error,
        })?;
    let of = parsed
        .server_version
        .map_or(parsed.git_version, |server| server.git_version);
    match of {
        None => Err(DumpError::Version {
            path,
            message: "no gitVersion of a server".to_owned(),
        }),
        Some(text) => {
            text.parse().map_err(
                |error: <Version as std::str::FromStr>::Err| DumpError::Version {
                    path,
                    message: error.to_string(),
                },
            )
        }
    }
}

/// Adds the objects of one file: a list, or one object.
fn add(facts: &mut Facts, path: &Path, text: &[u8]) -> Result<(), DumpError> {
    let json = |error| DumpError::Json {
        path: path.to_owned(),
        error,
    };
    let page: Page<'_> = serde_json::from_slice(text).map_err(json)?;
    let Some(items) = page.items else {
        let object: &RawValue = serde_json::from_slice(text).map_err(json)?;
        if let Some(kind) = kind_of(object) {
            put(facts, kind, object, path);
        }
        return Ok(());
    };
    // The API's own lists say what they hold; kubectl's only by their objects, and by nothing where there are none.
    let of_list = || {
        let name = page.kind.as_deref()?.strip_suffix("List")?;
        Kind::of(page.api_version.as_deref()?, name)
    };
    let of_file = || Kind::of_file(path.file_stem()?.to_str()?);
    let of_list = of_list().or_else(|| items.is_empty().then(of_file).flatten());
    if let Some(kind) = of_list {
        facts.note(kind, Reading::Whole);
    }
    let is_cut = page.metadata.next.is_some_and(|next| !next.is_empty());
    for item in items {
        let Some(kind) = of_list.or_else(|| kind_of(item)) else {
            continue;
        };
        put(facts, kind, item, path);
        if is_cut {
            let why = format!("{} ends before the list does", path.display());
            facts.note(kind, Reading::Missing(why));
        }
    }
    Ok(())
}

fn put(facts: &mut Facts, kind: Kind, object: &RawValue, path: &Path) {
    let reading = match facts.add(kind, object) {
        Ok(()) => Reading::Whole,
        Err(error) => Reading::Missing(format!("{}: {error}", path.display())),
    };
    facts.note(kind, reading);
}
