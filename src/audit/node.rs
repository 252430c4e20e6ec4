//! What of a node's facts follows from RKE2's settings and from files that were read: which components it
//! runs, and with which arguments.

use std::collections::BTreeMap;

use super::control::KubeComponent;
use super::facts::{ConfigDocument, KubeletFacts, Parts};
use super::flags::{self, ComponentArg, ComponentCommand, When};
use crate::facts::Source;
use crate::kubernetes::Program;
use crate::rke2::config::document::Node;
use crate::rke2::config::{self, KubeletFiles, ParserRules, SettingValue, Settings};
use crate::rke2::role::Role;
use crate::rke2::{components, kubelet_defaults, layout};

/// The value of a setting that is a text; `None` where it is empty.
pub(crate) fn text(settings: &Settings, name: &str) -> Option<String> {
    match settings.get(name).map(|setting| &setting.value) {
        Some(SettingValue::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

/// Which parts of RKE2 run with these settings.
pub(crate) fn parts(settings: &Settings) -> Parts {
    let runs = |program| components::runs(program, settings);
    let server = settings.role == Role::Server;
    Parts {
        control_plane: server,
        api_server: runs(Program::ApiServer),
        controller_manager: runs(Program::ControllerManager),
        scheduler: runs(Program::Scheduler),
        etcd: components::runs_etcd(settings),
        kubelet: runs(Program::Kubelet),
        kube_proxy: runs(Program::Proxy),
    }
}

/// The entries of the `*-arg` setting of each component.
pub(crate) fn all_entries(settings: &Settings) -> BTreeMap<KubeComponent, Vec<ComponentArg>> {
    KubeComponent::ALL
        .into_iter()
        .map(|component| (component, entries(settings, component.setting())))
        .collect()
}

/// The entries of one `*-arg` setting.
fn entries(settings: &Settings, name: &str) -> Vec<ComponentArg> {
    settings
        .list(name)
        .into_iter()
        .map(|(text, origin)| ComponentArg {
            text,
            source: origin
                .source()
                .unwrap_or_else(|| Source::file(settings.role.unit())),
        })
        .collect()
}

/// The uid of the pod that a manifest describes.
pub(crate) fn pod_uid(manifest: &ConfigDocument) -> Option<String> {
    match manifest {
        ConfigDocument::Read(document) => document.at(&["metadata", "uid"]).and_then(Node::text),
        ConfigDocument::Absent { .. } | ConfigDocument::Broken(..) => None,
    }
}

/// The arguments of `program` in the manifest of its static pod; the error says why they are not known.
pub(crate) fn manifest_command(
    program: &str,
    manifest: &ConfigDocument,
) -> Result<Option<ComponentCommand>, String> {
    let document = match manifest {
        ConfigDocument::Absent { .. } => return Ok(None),
        ConfigDocument::Broken(place, why) => return Err(format!("{place}: {why}")),
        ConfigDocument::Read(document) => document,
    };
    let containers: Vec<Node<'_>> = document
        .at(&["spec", "containers"])
        .into_iter()
        .flat_map(Node::items)
        .collect();
    let named = containers
        .iter()
        .find(|container| container.get("name").and_then(Node::text).as_deref() == Some(program));
    let container = named.or(containers.first());
    let list = |key: &str| -> Vec<ComponentArg> {
        container
            .and_then(|container| container.get(key))
            .into_iter()
            .flat_map(Node::items)
            .filter_map(|item| {
                Some(ComponentArg {
                    text: item.text()?,
                    source: item.source(),
                })
            })
            .collect()
    };
    let mut words: Vec<ComponentArg> = list("command").into_iter().skip(1).collect();
    words.extend(list("args"));
    Ok(Some(ComponentCommand {
        when: When::Manifest,
        source: Source::file(document.path()),
        words,
    }))
}

/// What the kubelet runs with and what the next start of RKE2 gives it. `files` is what it merges, `process`
/// what runs now, `problem` why that is not known.
pub(crate) fn kubelet(
    settings: &Settings,
    rules: &ParserRules,
    data_dir: &str,
    files: &KubeletFiles,
    process: Option<ComponentCommand>,
    problem: Option<String>,
) -> KubeletFacts {
    let protects = config::kubelet(settings, rules, &KubeletFiles::default())
        .protect_kernel_defaults
        .value;
    let own = Source::file(settings.role.unit());
    let defaults: Vec<ComponentArg> = kubelet_defaults::arguments(data_dir, rules, protects)
        .iter()
        .map(|(name, value)| ComponentArg {
            text: format!("--{name}={value}"),
            source: own.clone(),
        })
        .collect();
    let mut entries = entries(settings, "kubelet-arg");
    entries.retain(|entry| !names_a_file(entry));
    let next = ComponentCommand {
        when: When::Configured,
        source: entries.first().map_or(own, |entry| entry.source.clone()),
        words: flags::overridden(&defaults, &entries),
    };
    let mut lines: Vec<ComponentCommand> = process.into_iter().collect();
    lines.push(next);
    KubeletFacts {
        problem,
        lines,
        files: kubelet_files(rules, data_dir, files, protects, false),
        next_files: kubelet_files(rules, data_dir, files, protects, true),
        defaults,
    }
}

/// Whether an entry of `kubelet-arg` names a file, which RKE2 copies.
fn names_a_file(entry: &ComponentArg) -> bool {
    let body = entry.text.trim_start_matches("--");
    body.starts_with("config=") || body.starts_with("config-dir=")
}

/// The configuration files of the kubelet in the order in which it merges them: those that are there, or with `next`
/// those that will be once RKE2 has written its own anew.
fn kubelet_files(
    rules: &ParserRules,
    data_dir: &str,
    files: &KubeletFiles,
    protects: bool,
    next: bool,
) -> Vec<ConfigDocument> {
    let merged = config::kubelet_merge_order(rules, files);
    let mut documents: Vec<ConfigDocument> = files
        .unlisted
        .iter()
        .map(|error| ConfigDocument::Broken(Source::file(error.path()), error.to_string()))
        .collect();
    let is_written = merged.iter().any(|file| config::is_generated(file));
    if rules.kubelet_conf_d && (next || !is_written) {
        // What RKE2 will write; it is the first by name.
        let directory = layout::kubelet_conf_d(data_dir);
        let path = format!("{directory}/{}", layout::KUBELET_DEFAULTS);
        let content = kubelet_defaults::file(data_dir, protects);
        documents.push(ConfigDocument::new(&path, Ok(content.into_bytes())));
    }
    documents.extend(
        merged
            .iter()
            .filter(|file| !next || !config::is_generated(file))
            .map(|file| ConfigDocument::new(&file.path, file.content.clone())),
    );
    documents
}
