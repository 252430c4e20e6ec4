//! What two of the kubelet's own settings end up as, after RKE2's flags, `kubelet-arg` and the
//! files the kubelet is pointed at.
//!
//! Up to 1.31 RKE2 passes the kubelet flags alone. Since 1.32 it writes
//! `<data-dir>/agent/etc/kubelet.conf.d/00-rke2-defaults.conf` at each start, copies what
//! `kubelet-arg` names as `config` and `config-dir` next to it, and the kubelet merges the directory
//! in order of the names. Flags beat files.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use crate::facts::{ReadError, Source};
use crate::finding::Remedy;
use crate::finding::edit::Change;
use crate::go;
use crate::rke2::layout::{self, KUBELET_DEFAULTS};

use super::rules::ParserRules;
use super::settings::{Gap, Refusal, SettingOrigin, SettingValue, Settings};
use crate::yaml;

/// The files that the kubelet of these settings is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeletPaths {
    /// The directory of drop-ins, where this release has one.
    pub conf_d: Option<String>,
    /// `kubelet-arg: config=…`.
    pub config: Option<String>,
    /// `kubelet-arg: config-dir=…`.
    pub config_dir: Option<String>,
}

/// One file of the kubelet's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfFile {
    /// The path below its directory; the file's name where it has none.
    pub name: String,
    /// As the host names it.
    pub path: String,
    /// Its content, or why there is none.
    pub content: Result<Vec<u8>, ReadError>,
}

impl std::fmt::Debug for ConfFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfFile")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("content", &self.content.as_ref().map(Vec::len))
            .finish()
    }
}

/// The contents of [`KubeletPaths`], directories with everything below them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeletFiles {
    /// The content of the directory of drop-ins.
    pub conf_d: Vec<ConfFile>,
    /// The file that `config` names.
    pub config: Option<ConfFile>,
    /// The content of the directory that `config-dir` names.
    pub config_dir: Vec<ConfFile>,
    /// Directories that could not be listed.
    pub unlisted: Vec<ReadError>,
}

/// A boolean setting of the kubelet and what decided it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// What it is.
    pub value: bool,
    /// What made it so.
    pub origin: SettingOrigin,
}

impl Effective {
    /// The ways to change it where it stands: as an entry of `kubelet-arg` with the name `flag`, or as the field `field`
    /// of a file. It gets the value `to`; without one, the entry is removed.
    pub(crate) fn remedies(
        &self,
        settings: &Settings,
        (flag, field): (&str, &str),
        to: Option<bool>,
    ) -> Vec<Remedy> {
        let change = |before: &str| match to {
            Some(value) => Change::Set(format!("{before}{value}")),
            None => Change::Remove,
        };
        let is_it = |(text, origin): &&(String, SettingOrigin)| {
            *origin == self.origin && is_flag(entry_flag(text).0, flag)
        };
        let entries = settings.kubelet_args();
        match entries.iter().rev().find(is_it) {
            Some((entry, origin)) => {
                origin.remedies("kubelet-arg", Some(entry), &change(&format!("{flag}=")))
            }
            None => self.origin.remedies(field, None, &change("")),
        }
    }
}

/// What the kubelet will run with, as far as a start can hang on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubelet {
    /// Whether there is one: a server with `disable-agent` has none.
    pub runs: bool,
    /// `protectKernelDefaults`.
    pub protect_kernel_defaults: Effective,
    /// `failCgroupV1`; false where the kubelet has no such setting.
    pub fail_cgroup_v1: Effective,
    /// Whether an argument or a file may set feature gates.
    pub sets_gates: bool,
    /// The errors with which the kubelet fails while it reads its flags, in its words.
    pub refusals: Vec<Refusal>,
    /// What is not known.
    pub gaps: Vec<Gap>,
}

const CONFIG_COPY: &str = "10-cli-config.conf";
const CONFIG_DIR_COPY: &str = "20-cli-config-dir";

/// The flag that an entry of a `*-arg` setting names, without dashes, and the value, `None` for a bare name. `+` and `-` at
/// the end of a name add to other values.
pub(crate) fn entry_flag(entry: &str) -> (&str, Option<&str>) {
    let body = entry.strip_prefix("--").unwrap_or(entry);
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    (name.trim_end_matches(['+', '-']), value)
}

/// An entry of `kubelet-arg`, taken apart.
struct Arg<'a> {
    key: &'a str,
    /// `None`: the bare name, which is true.
    value: Option<&'a str>,
    origin: &'a SettingOrigin,
}

/// The entries that reach the kubelet as flags, and the files among them.
fn arguments<'a>(settings: &'a Settings, rules: &ParserRules) -> (Vec<Arg<'a>>, KubeletPaths) {
    let mut paths = KubeletPaths::default();
    let mut entries = settings.items("kubelet-arg");
    let mut flags = Vec::with_capacity(entries.size_hint().0);
    while let Some((text, origin)) = entries.next() {
        let body = match text.strip_prefix("--") {
            Some(body) if rules.kubelet_dashes => body,
            _ => text,
        };
        let (key, mut value) = match body.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (body, None),
        };
        if rules.kubelet_conf_d && value.is_none() {
            // Looking for the two files, k3s takes the entry after a bare name for its value, and
            // for any other name drops it.
            let next = entries.next().map(|(text, _)| text);
            if key == "config" || key == "config-dir" {
                value = next;
            }
        }
        match key {
            "config" => paths.config = value.map(str::to_owned),
            "config-dir" => paths.config_dir = value.map(str::to_owned),
            _ => {}
        }
        if !rules.kubelet_conf_d || !matches!(key, "config" | "config-dir") {
            flags.push(Arg { key, value, origin });
        }
    }
    if rules.kubelet_conf_d {
        let conf_d = layout::kubelet_conf_d(settings.data_dir());
        // What is in the directory already is not copied there.
        let outside = |path: &String| !path.is_empty() && !path.starts_with(&conf_d);
        paths.config = paths.config.filter(outside);
        paths.config_dir = paths.config_dir.filter(outside);
        paths.conf_d = Some(conf_d);
    }
    (flags, paths)
}

/// The entries of `kubelet-arg` that reach the kubelet as arguments.
pub(crate) fn kubelet_entries(
    settings: &Settings,
    rules: &ParserRules,
) -> Vec<(String, SettingOrigin)> {
    let (arguments, _) = arguments(settings, rules);
    arguments
        .into_iter()
        .map(|arg| {
            let text = match arg.value {
                Some(value) => [arg.key, "=", value].concat(),
                None => arg.key.to_owned(),
            };
            (text, arg.origin.clone())
        })
        .collect()
}

/// Which files to read for [`kubelet`].
pub fn kubelet_paths(settings: &Settings, rules: &ParserRules) -> KubeletPaths {
    arguments(settings, rules).1
}

/// What the kubelet ends up with.
pub fn kubelet(settings: &Settings, rules: &ParserRules, files: &KubeletFiles) -> Kubelet {
    let (arguments, _) = arguments(settings, rules);
    let mut gaps: Vec<Gap> = files
        .unlisted
        .iter()
        .cloned()
        .map(Gap::Unreadable)
        .collect();
    let documents = documents(rules, files, &mut gaps);
    let inputs = Inputs {
        rules,
        arguments: &arguments,
        wanted: wanted(settings),
    };
    let mut refusals = Vec::new();
    let all: Vec<&Document<'_>> = documents.iter().collect();
    let [protect, fail] = booleans(&inputs, &all, &mut gaps, &mut refusals);
    // What an earlier argument left counts only where the settings would be the same without it.
    if let Some((left, argument)) = documents.iter().find_map(|d| Some((d, d.left_by?))) {
        let kept: Vec<&Document<'_>> = documents.iter().filter(|d| d.left_by.is_none()).collect();
        let [protect_else, fail_else] = booleans(&inputs, &kept, &mut Vec::new(), &mut Vec::new());
        if (protect.value, fail.value) != (protect_else.value, fail_else.value) {
            gaps.push(Gap::LeftOver {
                source: Source::file(left.path),
                argument,
            });
        }
    }
    if !rules.fail_cgroup_v1
        && let Some(arg) = arguments
            .iter()
            .find(|arg| is_flag(arg.key, "fail-cgroupv1"))
    {
        let message = format!("unknown flag: --{}", arg.key);
        refusals.push(Refusal::undefined(message, arg.origin));
    }
    for arg in arguments.iter().filter(|arg| arg.key.starts_with('-')) {
        let value = arg.value.unwrap_or("true");
        let message = format!("bad flag syntax: --{}={value}", arg.key);
        refusals.push(Refusal::by(message, arg.origin));
    }
    let sets_gates = sets_gates(&arguments, rules, files);
    let disabled = settings.get("disable-agent").map(|setting| &setting.value);
    Kubelet {
        runs: disabled != Some(&SettingValue::Bool(true)),
        protect_kernel_defaults: protect,
        fail_cgroup_v1: fail,
        sets_gates,
        refusals,
        gaps,
    }
}

/// Whether an argument or a merged file sets feature gates, or cannot be read.
fn sets_gates(arguments: &[Arg<'_>], rules: &ParserRules, files: &KubeletFiles) -> bool {
    let sets = |arg: &Arg<'_>| {
        let name = arg.key.trim_start_matches('-').trim_end_matches(['-', '+']);
        is_flag(name, "feature-gates")
    };
    let has_field = |file: &&ConfFile| match file.content.as_deref().map(yaml::decode) {
        Ok(Ok(entries)) => entries
            .iter()
            .any(|entry| entry.key.eq_ignore_ascii_case("featureGates")),
        Ok(Err(_)) => true,
        Err(error) => !error.is_absent(),
    };
    let is_own = rules.kubelet_conf_d || files.config_dir.is_empty();
    arguments.iter().any(sets)
        || !is_own
        || !files.unlisted.is_empty()
        || kubelet_merge_order(rules, files).iter().any(has_field)
}

/// A file or directory that RKE2 copies to where the kubelet reads its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copied {
    /// `config` or `config-dir`.
    pub(crate) argument: &'static str,
    /// Its path; empty if the argument has no value.
    pub(crate) from: String,
    /// Where RKE2 copies it to.
    pub(crate) to: String,
    /// The argument.
    pub(crate) origin: SettingOrigin,
}

/// What RKE2 copies before it starts the kubelet, in its order. The first argument without a value comes first: RKE2
/// exits.
pub(crate) fn copied(settings: &Settings, rules: &ParserRules) -> Vec<Copied> {
    if !rules.kubelet_conf_d {
        return Vec::new();
    }
    let conf_d = layout::kubelet_conf_d(settings.data_dir());
    let mut found: [Option<(String, SettingOrigin)>; 2] = [None, None];
    let names = [("config", CONFIG_COPY), ("config-dir", CONFIG_DIR_COPY)];
    let copied = |at: usize, from: String, origin: SettingOrigin| {
        let (argument, name) = names.get(at).copied()?;
        let to = format!("{conf_d}/{name}");
        Some(Copied {
            argument,
            from,
            to,
            origin,
        })
    };
    let mut entries = settings.kubelet_args().into_iter();
    while let Some((text, origin)) = entries.next() {
        let body = text.strip_prefix("--").unwrap_or(&text);
        let (key, value) = match body.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            // The next entry is the value of a bare name.
            None => (
                body,
                entries.next().map(|(text, _)| text).unwrap_or_default(),
            ),
        };
        let Some(at) = names.iter().position(|(name, _)| *name == key) else {
            continue;
        };
        if value.is_empty() {
            return copied(at, value, origin).into_iter().collect();
        }
        if let Some(slot) = found.get_mut(at) {
            *slot = Some((value, origin));
        }
    }
    found
        .into_iter()
        .enumerate()
        .filter_map(|(at, found)| {
            let (from, origin) = found?;
            // What is in the directory already is not copied there.
            if from.starts_with(&conf_d) {
                return None;
            }
            copied(at, from, origin)
        })
        .collect()
}

/// The inputs of the kubelet's boolean settings, beside its files.
struct Inputs<'a> {
    rules: &'a ParserRules,
    arguments: &'a [Arg<'a>],
    /// What makes RKE2 protect kernel defaults.
    wanted: Option<SettingOrigin>,
}

/// `protectKernelDefaults` and `failCgroupV1`, of these files and the flags.
fn booleans(
    inputs: &Inputs<'_>,
    documents: &[&Document<'_>],
    gaps: &mut Vec<Gap>,
    refusals: &mut Vec<Refusal>,
) -> [Effective; 2] {
    let Inputs {
        rules, arguments, ..
    } = inputs;
    let wanted = inputs.wanted.clone();
    let (generated, passed) = if rules.kubelet_conf_d {
        (wanted, None)
    } else {
        (None, wanted)
    };
    let mut protect = Effective {
        value: generated.is_some(),
        origin: generated.unwrap_or(SettingOrigin::Default),
    };
    from_files(
        &mut protect,
        "protectKernelDefaults",
        false,
        documents,
        gaps,
    );
    from_flags(
        &mut protect,
        "protect-kernel-defaults",
        passed,
        arguments,
        rules,
        refusals,
    );
    let unset = rules.fail_cgroup_v1_default;
    let mut fail = Effective {
        value: unset,
        origin: SettingOrigin::Default,
    };
    if rules.fail_cgroup_v1 {
        from_files(&mut fail, "failCgroupV1", unset, documents, gaps);
        from_flags(&mut fail, "fail-cgroupv1", None, arguments, rules, refusals);
    }
    [protect, fail]
}

/// What makes RKE2 itself want kernel defaults protected: a CIS profile, or its flag.
fn wanted(settings: &Settings) -> Option<SettingOrigin> {
    let (value, set, sources) = settings.protect_kernel_defaults();
    if value && set {
        return sources.last().cloned();
    }
    settings
        .profile()
        .starts_with("cis")
        .then(|| settings.profile_source().clone())
}

/// A file with its place in the merge.
struct Document<'a> {
    path: &'a str,
    /// The argument that once named its original and names it no longer: `config` or `config-dir`.
    left_by: Option<&'static str>,
    entries: Vec<yaml::KeyValue>,
}

/// The files the kubelet merges at its next start, in order. The one that RKE2 generates is as it
/// stands; it comes first.
pub(crate) fn kubelet_merge_order<'a>(
    rules: &ParserRules,
    files: &'a KubeletFiles,
) -> Vec<&'a ConfFile> {
    let mut ordered: BTreeMap<PathBuf, &ConfFile> = BTreeMap::new();
    if rules.kubelet_conf_d {
        for file in &files.conf_d {
            ordered.insert(PathBuf::from(&file.name), file);
        }
        for file in &files.config_dir {
            ordered.insert(PathBuf::from(CONFIG_DIR_COPY).join(&file.name), file);
        }
        if let Some(file) = &files.config {
            ordered.insert(PathBuf::from(CONFIG_COPY), file);
        }
        ordered.retain(|name, _| name.extension().is_some_and(|end| end == "conf"));
    } else if let Some(file) = &files.config {
        ordered.insert(PathBuf::from(CONFIG_COPY), file);
    }
    ordered.into_values().collect()
}

/// The name below the directory of drop-ins that a merged file has or is copied to.
pub(crate) fn merged_name(files: &KubeletFiles, file: &ConfFile) -> String {
    let is = |found: &ConfFile| std::ptr::eq(found, file);
    if files.config.as_ref().is_some_and(is) {
        return CONFIG_COPY.to_owned();
    }
    if files.config_dir.iter().any(is) {
        return format!("{CONFIG_DIR_COPY}/{}", file.name);
    }
    file.name.clone()
}

/// Whether a merged file is an old copy that RKE2 may or may not give to the kubelet again.
pub(crate) fn is_left_over(rules: &ParserRules, files: &KubeletFiles, file: &ConfFile) -> bool {
    left_by(rules, files, file).is_some()
}

/// Whether RKE2 generates this file at each start.
pub(crate) fn is_generated(file: &ConfFile) -> bool {
    file.name == KUBELET_DEFAULTS
}

/// The files the kubelet merges, in order, the generated one left out.
fn documents<'a>(
    rules: &ParserRules,
    files: &'a KubeletFiles,
    gaps: &mut Vec<Gap>,
) -> Vec<Document<'a>> {
    let ordered = kubelet_merge_order(rules, files);
    let mut documents = Vec::new();
    for file in ordered.into_iter().filter(|file| !is_generated(file)) {
        match file.content.as_deref().map(yaml::decode) {
            Ok(Ok(entries)) => documents.push(Document {
                path: &file.path,
                left_by: left_by(rules, files, file),
                entries,
            }),
            Ok(Err(error)) => gaps.push(Gap::Malformed {
                source: Source {
                    path: file.path.clone(),
                    line: error.line,
                },
                reason: error.message,
            }),
            Err(error) => gaps.push(Gap::Unreadable(error.clone())),
        }
    }
    documents
}

/// The argument of `kubelet-arg` that a file in the drop-in directory is an old copy of, if nothing writes it again.
/// RKE2 copies what the arguments name at each start; of the releases that were read none takes an older copy
/// away, and not all were.
fn left_by(rules: &ParserRules, files: &KubeletFiles, file: &ConfFile) -> Option<&'static str> {
    if !rules.kubelet_conf_d || !files.conf_d.iter().any(|found| std::ptr::eq(found, file)) {
        return None;
    }
    if file.name == CONFIG_COPY {
        return files.config.is_none().then_some("config");
    }
    // What the directory has now replaced its copy in the order already.
    let copied = file.name.strip_prefix(CONFIG_DIR_COPY);
    copied
        .is_some_and(|rest| rest.starts_with('/'))
        .then_some("config-dir")
}

/// Applies the files: a later one wins, `null` brings the default back.
fn from_files(
    effective: &mut Effective,
    key: &str,
    unset: bool,
    documents: &[&Document<'_>],
    gaps: &mut Vec<Gap>,
) {
    for document in documents {
        let Some(entry) = document.entries.iter().rev().find(|entry| entry.key == key) else {
            continue;
        };
        let origin = SettingOrigin::File {
            path: document.path.to_owned(),
            line: entry.line,
        };
        let value = &entry.item.value;
        match value.as_bool() {
            Some(value) => *effective = Effective { value, origin },
            None if value.is_null() => {
                *effective = Effective {
                    value: unset,
                    origin,
                }
            }
            None => gaps.push(Gap::Malformed {
                source: Source::line(document.path, entry.line),
                reason: format!("{key} is neither true nor false"),
            }),
        }
    }
}

/// The kubelet takes `_` for `-` in the names of its flags.
fn is_flag(key: &str, flag: &str) -> bool {
    let normal = key
        .bytes()
        .map(|byte| if byte == b'_' { b'-' } else { byte });
    normal.eq(flag.bytes())
}

/// Applies the flags: sorted by name as written, the last one wins, and each has to be boolean.
fn from_flags(
    effective: &mut Effective,
    flag: &str,
    passed: Option<SettingOrigin>,
    arguments: &[Arg<'_>],
    rules: &ParserRules,
    refusals: &mut Vec<Refusal>,
) {
    type Values = VecDeque<(String, SettingOrigin)>;
    let mut initial = passed.map(|origin| ("true".to_owned(), origin));
    let mut by_key: BTreeMap<&str, Values> = BTreeMap::new();
    for arg in arguments {
        let name = if rules.kubelet_repeats {
            arg.key.trim_end_matches(['-', '+'])
        } else {
            arg.key
        };
        if !is_flag(name, flag) {
            continue;
        }
        let value = (arg.value.unwrap_or("true").to_owned(), arg.origin.clone());
        let values = by_key.entry(name).or_default();
        // Only RKE2's own spelling meets RKE2's own value.
        let before = if name == flag { initial.take() } else { None };
        let last = arg.key.bytes().last();
        match last.filter(|_| rules.kubelet_repeats) {
            Some(sign @ (b'+' | b'-')) => {
                if let Some(before) = before {
                    values.push_front(before);
                }
                if sign == b'+' {
                    values.push_back(value);
                } else {
                    values.push_front(value);
                }
            }
            _ if rules.kubelet_repeats => values.push_back(value),
            _ => *values = VecDeque::from([value]),
        }
    }
    if let Some(initial) = initial {
        by_key.entry(flag).or_default().push_back(initial);
    }
    for (text, origin) in by_key.into_values().flatten() {
        if let Some(value) = go::parse_bool(text.as_bytes()) {
            *effective = Effective { value, origin };
            continue;
        }
        let quoted = go::quote(text.as_bytes());
        refusals.push(Refusal::by(
            format!(
                "invalid argument {quoted} for \"--{flag}\" flag: \
                 strconv.ParseBool: parsing {quoted}: invalid syntax"
            ),
            &origin,
        ));
    }
}

#[cfg(test)]
mod tests;
