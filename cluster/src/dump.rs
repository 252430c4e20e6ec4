//! Facts from files that `kubectl get -o json` wrote, so that a cluster can be audited without reaching it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Read};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use preflight_rke2::shared::Version;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::facts::{Facts, Reading, kind_of};
use crate::kind::Kind;
use crate::objects::{Outline, ServerVersion};

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
    let mut single = BTreeMap::new();
    for path in files {
        if let Some(kind) = add(&mut facts, &path)? {
            single.entry(kind).or_insert(path);
        }
    }
    for (kind, path) in single {
        if !facts.is_noted(kind) {
            let why = format!("{} holds one object, not a list", path.display());
            facts.note(kind, Reading::Missing(why));
        }
    }
    facts.settle();
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

/// Adds the objects of one file: a list, or one object, the kind of which is returned: it says nothing of others.
///
/// A list is read twice, an item at a time, so that it is never held: kubectl writes what it is a list of, and whether it
/// goes on, behind the items.
fn add(facts: &mut Facts, path: &Path) -> Result<Option<Kind>, DumpError> {
    let outline: Outline = parse(path, PhantomData::<Outline>)?;
    let Some(number) = outline.items else {
        let text = text(path)?;
        let object: &RawValue =
            serde_json::from_slice(&text).map_err(|error| json_error(path, error))?;
        let kind = kind_of(object);
        if let Some(kind) = kind {
            put(facts, kind, object, path);
        }
        return Ok(kind);
    };
    // The API's own lists say what they hold; kubectl's only by their objects, and by nothing where there are none.
    let of_list = || {
        let name = outline.kind.as_deref()?.strip_suffix("List")?;
        Kind::of(outline.api_version.as_deref()?, name)
    };
    let of_file = || Kind::of_file(path.file_stem()?.to_str()?);
    let of_list = of_list().or_else(|| (number == 0).then(of_file).flatten());
    if let Some(kind) = of_list {
        facts.note(kind, Reading::Whole);
    }
    let is_cut = outline.metadata.next.is_some_and(|next| !next.is_empty());
    let each = |item: &RawValue| {
        let Some(kind) = of_list.or_else(|| kind_of(item)) else {
            return;
        };
        put(facts, kind, item, path);
        facts.note(kind, Reading::Whole);
        if is_cut {
            let why = format!("{} ends before the list does", path.display());
            facts.note(kind, Reading::Missing(why));
        }
    };
    parse(path, Items(each))?;
    Ok(None)
}

/// Parses a file as it is read.
#[expect(
    clippy::disallowed_types,
    reason = "the user names the directory: these are no files of the host that is judged"
)]
fn parse<S: for<'de> DeserializeSeed<'de, Value = T>, T>(
    path: &Path,
    seed: S,
) -> Result<T, DumpError> {
    let file = fs::File::open(path).map_err(|error| DumpError::Read {
        path: path.to_owned(),
        error,
    })?;
    parse_from(BufReader::with_capacity(BUFFER, file), seed)
        .map_err(|error| json_error(path, error))
}

/// How much of a file is read at once, in bytes.
const BUFFER: usize = 1 << 16;

fn parse_from<S: for<'de> DeserializeSeed<'de, Value = T>, T>(
    reader: impl Read,
    seed: S,
) -> Result<T, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let value = seed.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

fn json_error(path: &Path, error: serde_json::Error) -> DumpError {
    let path = path.to_owned();
    if error.is_io() {
        DumpError::Read {
            path,
            error: error.into(),
        }
    } else {
        DumpError::Json { path, error }
    }
}

/// Calls a function with each of a list's `items`, and skips everything else.
struct Items<F>(F);

impl<'de, F: FnMut(&RawValue)> DeserializeSeed<'de> for Items<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&RawValue)> Visitor<'de> for Items<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "items" {
                map.next_value_seed(Each(&mut self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Calls a function with each element.
struct Each<'a, F>(&'a mut F);

impl<'de, F: FnMut(&RawValue)> DeserializeSeed<'de> for Each<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&RawValue)> Visitor<'de> for Each<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the items of a list")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Box<RawValue>>()? {
            (self.0)(&item);
        }
        Ok(())
    }
}

/// Adds an object, or notes that it is missing.
fn put(facts: &mut Facts, kind: Kind, object: &RawValue, path: &Path) {
    if let Err(error) = facts.add(kind, object) {
        let why = format!("{}: {error}", path.display());
        facts.note(kind, Reading::Missing(why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a test writes its dumps")]
    fn missing(files: &[(&str, &str)], kind: Kind) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let facts = read(directory.path(), Some(Version::new(37, 1, 1))).unwrap();
        let of = format!("{}/", directory.path().display());
        let missing = facts.missing(&[kind]).into_iter();
        missing.map(|why| why.replace(&of, "")).collect()
    }

    #[test]
    fn one_object_is_not_a_list() {
        let one = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"s1"}}"#;
        let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{one}]}}"#);
        for (files, expected) in [
            (
                vec![("a.json", one)],
                vec!["nodes: a.json holds one object, not a list"],
            ),
            (
                vec![("a.json", one), ("b.json", one)],
                vec!["nodes: a.json holds one object, not a list"],
            ),
            (vec![("a.json", list.as_str())], vec![]),
            // The list says how many there are, whichever is read first.
            (vec![("a.json", one), ("b.json", &list)], vec![]),
            (vec![("a.json", &list), ("b.json", one)], vec![]),
        ] {
            assert_eq!(missing(&files, Kind::Node), expected, "{files:?}");
        }
        let broken = r#"{"apiVersion":"v1","kind":"Pod","spec":7}"#;
        let why = missing(&[("a.json", broken)], Kind::Pod);
        assert!(why[0].contains("is not understood"), "{why:?}");
    }
    /// Whichever file is read first.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test writes its dumps")]
    fn pods_of_a_cron_job_are_named_by_it() {
        let object = |kind: &str, name: &str, owner: &str, more: &str| {
            let owner = match owner.split_once('/') {
                Some((kind, name)) => {
                    format!(r#"[{{"kind":"{kind}","name":"{name}","controller":true}}]"#)
                }
                None => "[]".to_owned(),
            };
            format!(
                r#"{{"kind":"{kind}","metadata":{{"name":"{name}","namespace":"web","ownerReferences":{owner}}}{more}}}"#
            )
        };
        let list = |api: &str, kind: &str, items: &[String]| {
            let items = items.join(",");
            format!(r#"{{"apiVersion":"{api}","kind":"{kind}List","items":[{items}]}}"#)
        };
        let jobs = list(
            "batch/v1",
            "Job",
            &[
                object("Job", "report-1", "CronJob/report", ""),
                object("Job", "report-2", "CronJob/report", ""),
                object("Job", "once", "", ""),
                // Not a cron job's: the helm controller's.
                object("Job", "helm", "HelmChart/x", ""),
            ],
        );
        let pods = list(
            "v1",
            "Pod",
            &[
                object("Pod", "a", "Job/report-1", r#","spec":{"hostPID":true}"#),
                object("Pod", "b", "Job/report-1", ""),
                object("Pod", "c", "Job/report-2", ""),
                object("Pod", "d", "Job/once", ""),
                object("Pod", "e", "Job/helm", ""),
                // Its job is gone already.
                object("Pod", "f", "Job/report-0", ""),
            ],
        );
        for names in [["1.json", "2.json"], ["2.json", "1.json"]] {
            let directory = tempfile::tempdir().unwrap();
            for (name, text) in names.into_iter().zip([&jobs, &pods]) {
                std::fs::write(directory.path().join(name), text).unwrap();
            }
            let facts = read(directory.path(), Some(Version::new(37, 1, 1))).unwrap();
            let found: Vec<String> = facts
                .workloads
                .iter()
                .map(|(owner, workload)| format!("{owner} {}", workload.pods))
                .collect();
            assert_eq!(
                found,
                [
                    "CronJob web/report 3",
                    "Job web/helm 1",
                    "Job web/once 1",
                    "Job web/report-0 1"
                ]
            );
            let (_, report) = facts.workloads.iter().next().unwrap();
            assert!(report.traits.has(crate::traits::Trait::HostPid));
        }
    }
}
