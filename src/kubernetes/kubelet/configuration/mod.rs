//! The kubelet's configuration as it loads it: the file behind `--config`, the drop-in files of `--config-dir`,
//! flags over both, and defaults.
//!
//! Upstream: `cmd/kubelet/app/server.go`, `pkg/kubelet/kubeletconfig/configfiles`,
//! `pkg/kubelet/kubeletconfig/util/codec` of 1.24.17 to 1.37.2.

pub(super) mod defaults;
mod merge;

use std::collections::BTreeMap;

use crate::kubernetes::codec::tree::{Node, Place, Value};
use crate::kubernetes::codec::{self, Flavour, Scheme, Strictness, typed};
use crate::kubernetes::tables::{self, Certainty, Schema};
use crate::kubernetes::{Cause, Failure, Minor};

use super::flags::KubeletFlags;
use super::parts::{OwnFields, Paths};

/// The version and kind of the kubelet's files.
const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
const KIND: &str = "KubeletConfiguration";

/// The kinds that the kubelet's codec knows.
const KINDS: [(&str, &str); 6] = [
    (API_VERSION, KIND),
    (API_VERSION, "SerializedNodeConfigSource"),
    (API_VERSION, "CredentialProviderConfig"),
    (API_VERSION, "ImagePullIntent"),
    (API_VERSION, "ImagePulledRecord"),
    ("kubelet.config.k8s.io/v1", "CredentialProviderConfig"),
];

/// Since which minor there is `--config-dir`, and since which it needs no environment variable.
const CONFIG_DIR: Minor = Minor(28);
const CONFIG_DIR_FREE: Minor = Minor(30);
/// Since which minor drop-in files are merged as JSON, and since which as that of their own format.
const MERGED_AS_JSON: Minor = Minor(29);
const MERGED_AS_FILES: Minor = Minor(32);
/// Since which minor the path stands before the error of the file behind `--config`.
const PATH_FIRST: Minor = Minor(28);
/// Since which minor setting defaults asks for feature gates, and panics for a bad one.
const GATED_DEFAULTS: Minor = Minor(32);

/// The fields that are paths (`KubeletConfigurationPathRefs`), and since which minor.
const PATHS: [(&str, u32); 7] = [
    ("staticPodPath", 0),
    ("authentication.x509.clientCAFile", 0),
    ("tlsCertFile", 0),
    ("tlsPrivateKeyFile", 0),
    ("resolvConf", 0),
    ("volumePluginDir", 0),
    ("podLogsDir", 30),
];

/// A file that the kubelet reads.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// Its absolute path.
    pub path: &'a str,
    /// Its content, or why it cannot be read, in Go's words: `open /x: no such file or directory`.
    pub content: Result<&'a [u8], &'a str>,
}

/// What is behind `--config-dir`.
#[derive(Debug, Clone, Copy)]
pub enum Directory<'a> {
    /// Every file below it that is no directory, by absolute path, in any order. Also those that do not end in
    /// `.conf`. The directory itself is no symbolic link: the kubelet reads nothing behind one.
    Files(&'a [File<'a>]),
    /// It cannot be read, in Go's words: `lstat /x: no such file or directory`.
    Unreadable(&'a str),
}

/// What the kubelet is started with.
pub struct Inputs<'a> {
    /// `--config`; `None` where it is not given or empty.
    pub config: Option<File<'a>>,
    /// `--config-dir`, the path as given, and what is there; `None` where it is not given or empty.
    pub config_dir: Option<(&'a str, Directory<'a>)>,
    /// Whether `KUBELET_CONFIG_DROPIN_DIR_ALPHA` is in its environment.
    pub has_drop_in_variable: bool,
    /// Sets the fields that its flags set, in a configuration of `kubelet.config.k8s.io/v1beta1`.
    pub set_flags: &'a dyn Fn(&mut serde_json::Value),
    /// The positions of the arguments that set a field.
    pub positions: &'a dyn Fn(&str) -> Vec<usize>,
    /// The feature gates that its flags set, and the rules for more.
    pub gates: &'a dyn Gates,
}

/// Feature gates, with those of flags set.
pub trait Gates {
    /// Why more gates cannot be set, if so.
    fn refusal(&self, more: &BTreeMap<String, bool>) -> Option<GateRefusal>;
    /// Whether a gate is on with more set.
    fn is_enabled(&self, more: &BTreeMap<String, bool>, name: &str) -> bool;
}

/// Why gates cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefusal {
    /// `unrecognized feature gate: X`.
    pub message: String,
    /// Whether it is that a gate is not known.
    pub rests_on_names: bool,
    /// The gates that it is about.
    pub gates: Vec<String>,
}

/// Why there is no configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The kubelet exits.
    Failure(Failure),
    /// It cannot be known what the kubelet does, and why.
    Unknown(String),
}

/// The kubelet's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The fields of `kubelet.config.k8s.io/v1beta1`, with defaults and flags.
    pub value: Node,
    /// The paths of the files, by [`Place::file`].
    pub files: Vec<String>,
    /// What the kubelet ignores in files, although it does not know it or has it twice: words and place.
    pub ignored: Vec<(String, Option<Place>)>,
}

impl Loaded {
    /// What has to change for a field to change: the file that sets it, or else the arguments that do.
    pub(crate) fn cause(&self, field: &str, inputs: &Inputs<'_>) -> Cause {
        let arguments = (inputs.positions)(field);
        let place = place_of(&self.value, field);
        match place.and_then(|place| Some((self.files.get(place.file)?, place.line))) {
            Some((path, line)) if arguments.is_empty() => Cause::File {
                path: path.clone(),
                line: Some(line),
            },
            _ => Cause::Arguments(arguments),
        }
    }

    /// The feature gates that files and flags set.
    pub fn feature_gates(&self) -> BTreeMap<String, bool> {
        gates_of(&self.value)
    }
}

/// Where a field is set: its own place, or that of the last part of its path that has one.
fn place_of(configuration: &Node, field: &str) -> Option<Place> {
    let mut node = configuration;
    let mut place = None;
    for name in field.split('.') {
        let Some(next) = node.get(name) else {
            break;
        };
        node = next;
        place = next.place.or(place);
    }
    place
}

fn gates_of(configuration: &Node) -> BTreeMap<String, bool> {
    match configuration.get("featureGates").map(|node| &node.value) {
        Some(Value::Map(entries)) => entries
            .iter()
            .map(|(name, node)| (name.clone(), node.value == Value::Bool(true)))
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// Loads the configuration.
pub fn load(minor: Minor, inputs: &Inputs<'_>) -> Result<Loaded, Error> {
    let unknown = || Error::Unknown(format!("the kubelet of 1.{} is not known", minor.0));
    let schema = tables::schema(minor, API_VERSION, KIND).ok_or_else(unknown)?;
    let mut loader = Loader {
        minor,
        schema,
        inputs,
        files: Vec::new(),
        ignored: Vec::new(),
    };
    let mut value = loader.initial();
    if let Some(file) = inputs.config {
        value = loader.config(file)?;
    }
    if let Some((path, directory)) = inputs.config_dir
        && minor >= CONFIG_DIR
    {
        value = loader.drop_ins(&value, path, directory)?;
    }
    if inputs.config.is_some() || inputs.config_dir.is_some() {
        value = loader.with_flags(&value);
    }
    Ok(Loaded {
        value,
        files: loader.files,
        ignored: loader.ignored,
    })
}

/// Some fields of the configuration, where there is no file but RKE2's own, whose fields `own` has: with places, and
/// as JSON. Nothing of it is refused.
pub(super) fn load_some(
    minor: Minor,
    fields: &Paths<'_>,
    own: &OwnFields<'_>,
    flags: &KubeletFlags,
) -> (Loaded, serde_json::Value) {
    let is_by_flag = |path: &str| flags.sets(path);
    let own = own(&|path| fields.meets(path) && !is_by_flag(path));
    // What has another value afterwards needs no default.
    let is_left = |path: &str| !is_by_flag(path) && !own.iter().any(|(other, _)| *other == path);
    let mut value = Node::default(Value::Map(Vec::new()));
    let is_enabled = |gate: &str| flags.gates().is_enabled(gate);
    defaults::set_some(&mut value, minor, fields, &is_left, &is_enabled);
    defaults::set_legacy(&mut value, &|path| fields.meets(path) && is_left(path));
    for (path, json) in own {
        defaults::put(&mut value, path, Node::of_json(&json, None));
    }
    let mut json = value.to_json();
    flags.apply_some(&mut json, |path| fields.meets(path));
    let loaded = Loaded {
        value: Node::of_json(&json, None),
        files: Vec::new(),
        ignored: Vec::new(),
    };
    (loaded, json)
}

struct Loader<'a> {
    minor: Minor,
    schema: Schema,
    inputs: &'a Inputs<'a>,
    files: Vec<String>,
    ignored: Vec<(String, Option<Place>)>,
}

impl Loader<'_> {
    /// What the kubelet has before it reads a file.
    fn initial(&self) -> Node {
        let mut value = Node::default(Value::Map(Vec::new()));
        let none = BTreeMap::new();
        // The type's defaults are set before flags are read: gates have their own defaults then, or nearly so.
        defaults::set(&mut value, self.minor, &|gate| {
            self.inputs.gates.is_enabled(&none, gate)
        });
        defaults::set_legacy(&mut value, &|_| true);
        self.with_flags(&value)
    }

    fn with_flags(&self, value: &Node) -> Node {
        let mut json = value.to_json();
        (self.inputs.set_flags)(&mut json);
        Node::of_json(&json, Some(value))
    }

    /// The number of a file for [`Place::file`].
    fn number(&mut self, path: &str) -> usize {
        self.files.push(path.to_owned());
        self.files.len().saturating_sub(1)
    }

    fn failure(
        &self,
        message: String,
        file: usize,
        place: Option<Place>,
        rests_on_names: bool,
    ) -> Error {
        let path = self.files.get(file).cloned().unwrap_or_default();
        Error::Failure(Failure {
            message,
            cause: Cause::File {
                path,
                line: place.map(|place| place.line),
            },
            rests_on_names,
        })
    }

    /// The file behind `--config`.
    fn config(&mut self, file: File<'_>) -> Result<Node, Error> {
        let number = self.number(file.path);
        let path = file.path;
        let wrap = |error: &str| {
            let error = format!("failed to load Kubelet config file {path}, error {error}");
            if self.minor >= PATH_FIRST {
                format!("failed to load kubelet config file, path: {path}, error: {error}")
            } else {
                format!("failed to load kubelet config file, error: {error}, path: {path}")
            }
        };
        let content = match file.content {
            Ok([]) => {
                let words = wrap(&format!("kubelet config file \"{path}\" was empty"));
                return Err(self.failure(words, number, None, false));
            }
            Ok(content) => content,
            Err(error) => {
                let words = wrap(&format!(
                    "failed to read kubelet config file \"{path}\", error: {error}"
                ));
                return Err(self.failure(words, number, None, false));
            }
        };
        let scheme_name = format!(
            "pkg/kubelet/apis/config/scheme/scheme.go:{}",
            if self.minor >= Minor(26) { 33 } else { 32 }
        );
        let scheme = Scheme {
            name: &scheme_name,
            kinds: &KINDS,
        };
        let decoded = codec::decode(self.minor, content, number, scheme, Strictness::Lenient);
        let decoded = decoded.map_err(|error| match error {
            codec::Error::Refused {
                message,
                place,
                rests_on_names,
            } => self.failure(
                wrap(&format!("failed to decode: {message}")),
                number,
                place,
                rests_on_names,
            ),
            codec::Error::Unknown(why) => Error::Unknown(why),
        })?;
        if decoded.kind != KIND {
            let words = wrap(&format!(
                "failed to cast object to KubeletConfiguration, unexpected type: {}, Kind={}",
                decoded.api_version, decoded.kind
            ));
            return Err(self.failure(words, number, None, false));
        }
        self.ignored.extend(decoded.ignored);
        let mut value = decoded.value;
        self.set_defaults(&mut value)?;
        self.resolve_paths(&mut value, path);
        if self.minor >= Minor(26) {
            defaults::eviction_hard(&mut value);
        }
        Ok(value)
    }

    /// `resolveRelativePaths`: paths in the file behind `--config` begin at its directory.
    fn resolve_paths(&self, value: &mut Node, file: &str) {
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        for (field, since) in PATHS {
            let Some(node) = value.at(field).filter(|_| self.minor.0 >= since) else {
                continue;
            };
            let place = node.place;
            let resolved = match &node.value {
                Value::Text(path) if !path.is_empty() && !path.starts_with('/') => {
                    crate::go::join(directory, path)
                }
                _ => continue,
            };
            let node = Node {
                value: Value::Text(resolved),
                place,
            };
            defaults::put(value, field, node);
        }
    }

    /// Sets the defaults. Since 1.32 that panics for feature gates that cannot be set.
    fn set_defaults(&self, value: &mut Node) -> Result<(), Error> {
        let gates = gates_of(value);
        if self.minor >= GATED_DEFAULTS
            && let Some(refusal) = self.inputs.gates.refusal(&gates)
        {
            let message = format!(
                "panic: failed to merge global and in-flight KubeletConfiguration while setting defaults, error: {}",
                refusal.message
            );
            let field = refusal.gates.first();
            let place = field.and_then(|gate| {
                let gates = value.get("featureGates")?;
                gates.get(gate)?.place.or(gates.place)
            });
            let file = place.map(|place| place.file);
            return Err(match file {
                Some(file) => self.failure(message, file, place, refusal.rests_on_names),
                None => Error::Failure(Failure {
                    message,
                    cause: Cause::Arguments((self.inputs.positions)("featureGates")),
                    rests_on_names: refusal.rests_on_names,
                }),
            });
        }
        defaults::set(value, self.minor, &|gate| {
            self.inputs.gates.is_enabled(&gates, gate)
        });
        Ok(())
    }

    /// The drop-in files over `base`.
    fn drop_ins(
        &mut self,
        base: &Node,
        directory: &str,
        content: Directory<'_>,
    ) -> Result<Node, Error> {
        let of_flag = |message: String| {
            Error::Failure(Failure {
                message,
                cause: Cause::File {
                    path: directory.to_owned(),
                    line: None,
                },
                rests_on_names: false,
            })
        };
        if self.minor < CONFIG_DIR_FREE {
            if !self.inputs.has_drop_in_variable {
                let message = format!(
                    "flag {directory} specified but environment variable KUBELET_CONFIG_DROPIN_DIR_ALPHA \
                     not set, cannot start kubelet"
                );
                return Err(of_flag(message));
            }
            if self.minor < MERGED_AS_JSON {
                return Err(Error::Unknown(
                    "how 1.28 merges drop-in files is not known".to_owned(),
                ));
            }
        }
        let walk = |error: &str| {
            format!(
                "failed to merge kubelet configs: failed to walk through kubelet dropin directory \
                 \"{directory}\": {error}"
            )
        };
        let files = match content {
            Directory::Files(files) => files,
            Directory::Unreadable(error) => return Err(of_flag(walk(error))),
        };
        // `filepath.WalkDir`: by name in each directory.
        let mut files: Vec<&File<'_>> = files
            .iter()
            .filter(|file| extension(file.path) == Some("conf"))
            .collect();
        files.sort_by(|one, other| one.path.split('/').cmp(other.path.split('/')));
        let mut patches = Vec::new();
        for file in files {
            patches.push(self.drop_in(file, &walk)?);
        }
        self.merged(base, &patches)
    }

    fn drop_in(&mut self, file: &File<'_>, walk: &dyn Fn(&str) -> String) -> Result<Node, Error> {
        let number = self.number(file.path);
        let path = file.path;
        let wrap = |error: &str| {
            walk(&format!(
                "failed to load kubelet dropin file, path: {path}, {error}"
            ))
        };
        let fail = |error: &str, place, rests_on_names| {
            Err(self.failure(wrap(error), number, place, rests_on_names))
        };
        let content = match file.content {
            Ok([]) => {
                let words = format!("error: kubelet config file \"{path}\" was empty");
                return fail(&words, None, false);
            }
            Ok(content) => content,
            Err(error) => {
                let words = format!(
                    "error: failed to read drop-in kubelet config file \"{path}\", error: {error}"
                );
                return fail(&words, None, false);
            }
        };
        let untyped = match codec::decode_untyped(content, number) {
            Ok(untyped) => untyped,
            Err(codec::Error::Unknown(why)) => return Err(Error::Unknown(why)),
            Err(codec::Error::Refused {
                message,
                place,
                rests_on_names,
            }) => return fail(&format!("error: {message}"), place, rests_on_names),
        };
        if self.minor >= MERGED_AS_FILES
            && (untyped.api_version.as_str(), untyped.kind.as_str()) != (API_VERSION, KIND)
        {
            // `GroupVersionKind.String` has its slash even without a group.
            let slash = if untyped.api_version.contains('/') {
                ""
            } else {
                "/"
            };
            let words = format!(
                "unknown apiVersion/kind: {slash}{}, Kind={}",
                untyped.api_version, untyped.kind
            );
            return fail(&words, None, true);
        }
        Ok(untyped.value)
    }

    fn merged(&mut self, base: &Node, patches: &[Node]) -> Result<Node, Error> {
        let as_files = self.minor >= MERGED_AS_FILES;
        let mut merged = if as_files {
            merge::written(base, self.schema)
        } else {
            Node::default(Value::Map(Vec::new()))
        };
        for patch in patches {
            merge::patch(&mut merged, patch);
        }
        let outcome = if as_files {
            typed::decode(
                self.minor,
                &merged,
                self.schema,
                "v1beta1",
                Flavour::Standard,
                None,
            )
        } else {
            let merged = merge::internal(&merged);
            typed::decode_internal(self.minor, &merged, self.schema, base)
        };
        if let Some((words, place)) = outcome.error {
            if outcome.is_inferred {
                return Err(Error::Unknown(words));
            }
            let message = format!(
                "failed to merge kubelet configs: failed to unmarshal merged JSON into kubelet \
                 configuration: {words}"
            );
            let file = place.map_or(0, |place| place.file);
            return Err(self.failure(message, file, place, false));
        }
        let mut value = outcome
            .value
            .unwrap_or(Node::default(Value::Map(Vec::new())));
        if as_files {
            self.set_defaults(&mut value)?;
        }
        self.ignored_in(&merged);
        Ok(value)
    }

    /// Notes the fields of drop-in files that the kubelet does not know and ignores.
    fn ignored_in(&mut self, merged: &Node) {
        if self.schema.certainty != Certainty::Read {
            return;
        }
        let Value::Map(entries) = &merged.value else {
            return;
        };
        for (name, node) in entries {
            let is_known = self
                .schema
                .fields()
                .any(|field| field.name.eq_ignore_ascii_case(name));
            if !is_known {
                let words = format!("unknown field {}", crate::go::quote(name.as_bytes()));
                self.ignored.push((words, node.place));
            }
        }
    }
}

/// `filepath.Ext` without its dot: of the last part of the path, which may begin with it.
fn extension(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map(|(_, extension)| extension)
}
