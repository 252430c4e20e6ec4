//! Reads what the audit of a node asks: files, static pods, processes, configurations. Reads only,
//! below the root, in bounded memory.

mod processes;
mod survey;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{HostRoot, rke2_config};
use crate::audit::benchmark::Benchmark;
use crate::audit::control::{Criterion, KubeComponent};
use crate::audit::controls;
use crate::audit::evaluate::files;
use crate::audit::facts::{
    ConfigDocument, EtcdAccount, InspectedFile, KubeletFacts, NodeFacts, Parts, Survey,
};
use crate::audit::flags::{self, ComponentArg, ComponentCommand, When};
use crate::audit::restart::RestartFacts;
use crate::audit::waiver::Day;
use crate::facts::{Lookup, ReadError, Source, Table};
use crate::rke2::accounts;
use crate::rke2::config::{self, ParserRules, SettingOrigin, SettingValue, Settings};
use crate::rke2::profile::Scope;
use crate::rke2::role::Role;
use crate::rke2::version::Version;

use processes::{Found, Wanted};
use survey::About;

/// Where RKE2 keeps its data unless told otherwise, or where it cannot be told.
const DATA_DIR: &str = "/var/lib/rancher/rke2";
/// More of a manifest or of a configuration is not read; they are some thousand bytes.
const MAX_DOCUMENT: u64 = 4 << 20;
/// Where it keeps the audit policy.
const AUDIT_POLICY: &str = "/etc/rancher/rke2/audit-policy.yaml";
/// Where it writes pod security's configuration.
const POD_SECURITY: &str = "/etc/rancher/rke2/rke2-pss.yaml";

/// Today, in UTC.
pub(crate) fn today() -> Day {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Day::of_epoch(since.map_or(0, |since| since.as_secs()))
}

/// Reads all that the controls of `benchmark` ask of a node with these settings.
pub(crate) fn read(
    root: &HostRoot,
    version: &Version,
    settings: &Settings,
    benchmark: Benchmark,
) -> NodeFacts {
    let data_dir = data_dir(settings);
    let parts = parts(settings);
    let manifests: BTreeMap<KubeComponent, ConfigDocument> = KubeComponent::ALL
        .into_iter()
        .map(|component| (component, manifest(root, &data_dir, component.program())))
        .collect();
    let found = processes::find(root, &data_dir, &wanted(&manifests));
    let mut components = BTreeMap::new();
    let mut problems = BTreeMap::new();
    for (component, paper) in &manifests {
        let (lines, problem) = command_lines(*component, paper, &found);
        components.insert(*component, lines);
        problems.extend(problem.map(|problem| (*component, problem)));
    }
    let pointed = |flag: &str, otherwise: String| {
        let lines: &[ComponentCommand] = components
            .get(&KubeComponent::ApiServer)
            .map_or(&[], Vec::as_slice);
        let words = lines.iter().max_by_key(|line| line.when);
        let given = words.map(|line| flags::given(&line.words));
        let value = given.and_then(|given| flags::of(&given, flag).text().map(str::to_owned));
        value
            .filter(|path| path.starts_with('/'))
            .unwrap_or(otherwise)
    };
    let set =
        |name: &str, otherwise: &str| text(settings, name).unwrap_or_else(|| otherwise.to_owned());
    let encryption = pointed(
        "encryption-provider-config",
        format!("{data_dir}/server/cred/encryption-config.json"),
    );
    let audit_policy = pointed("audit-policy-file", set("audit-policy-file", AUDIT_POLICY));
    let pod_security = pointed(
        "admission-control-config-file",
        set("pod-security-admission-config-file", POD_SECURITY),
    );
    let paper = |path: String| ConfigDocument::new(&path, content(root, &path));
    let mut facts = NodeFacts {
        role: settings.role,
        version: version.clone(),
        parts,
        account: account(root),
        kubelet: kubelet(root, version, settings, &data_dir, &found),
        etcd: paper(format!("{data_dir}/server/db/etcd/config")),
        etcd_pod: manifest(root, &data_dir, "etcd"),
        encryption: ConfigDocument::of_secrets(&encryption, content(root, &encryption)),
        audit_policy: paper(audit_policy),
        pod_security: paper(pod_security),
        components,
        entries: all_entries(settings),
        problems,
        surveys: BTreeMap::new(),
        data_dir,
    };
    facts.surveys = surveys(root, &facts, benchmark);
    facts
}

/// Reads what of the guide can bite at the next start: a few files, on the way of every check.
pub(crate) fn restart(root: &HostRoot, settings: &Settings, scope: Scope) -> RestartFacts {
    let data_dir = data_dir(settings);
    let parts = parts(settings);
    let look = |path: String| {
        let status = root.stat(&path).ok()?;
        Some(InspectedFile {
            path,
            mode: status.mode,
            uid: status.uid,
            gid: status.gid,
        })
    };
    let mut programs: Vec<&str> = KubeComponent::ALL
        .into_iter()
        .map(KubeComponent::program)
        .collect();
    programs.extend(["etcd", "cloud-controller-manager"]);
    let manifests = programs
        .iter()
        .filter_map(|program| look(format!("{data_dir}/agent/pod-manifests/{program}.yaml")))
        .collect();
    // Before the first start there is nothing of it, and nobody to whom it could belong.
    let mut etcd: Vec<InspectedFile> = Vec::new();
    if parts.etcd {
        let folder = format!("{data_dir}/server/db/etcd");
        etcd.extend(look(folder.clone()));
        if !etcd.is_empty() {
            let inner = ["member", "member/snap", "member/snap/db", "member/wal"];
            etcd.extend(
                inner
                    .iter()
                    .filter_map(|inner| look(format!("{folder}/{inner}"))),
            );
        }
    }
    let account = if etcd.is_empty() {
        EtcdAccount::default()
    } else {
        account(root)
    };
    let asked = text(settings, "audit-policy-file");
    let policy = match scope {
        Scope::Cis => Some(asked.unwrap_or_else(|| AUDIT_POLICY.to_owned())),
        Scope::Etcd => asked,
    };
    RestartFacts {
        manifests,
        etcd,
        account,
        audit_policy: policy
            .filter(|_| parts.api_server)
            .map(|path| ConfigDocument::new(&path, content(root, &path))),
        entries: all_entries(settings),
    }
}

fn all_entries(settings: &Settings) -> BTreeMap<KubeComponent, Vec<ComponentArg>> {
    KubeComponent::ALL
        .into_iter()
        .map(|component| (component, entries(settings, component.setting())))
        .collect()
}

/// Looks at the files of every control of `benchmark` that asks for any.
fn surveys(
    root: &HostRoot,
    facts: &NodeFacts,
    benchmark: Benchmark,
) -> BTreeMap<&'static str, Survey> {
    let data_dir = facts.data_dir.as_str();
    let look = |criterion: Criterion| match criterion {
        Criterion::Mode(place, limit) => {
            let limit = limit.of(benchmark);
            Some(survey::survey(
                root,
                data_dir,
                place,
                About::Mode,
                &|seen| files::is_closed(seen.mode, limit),
            ))
        }
        Criterion::Owner(place, who) => Some(survey::survey(
            root,
            data_dir,
            place,
            About::Owner,
            &|seen| files::belongs(seen, who, facts.account, data_dir),
        )),
        _ => None,
    };
    controls::of(benchmark)
        .into_iter()
        .filter_map(|(control, _)| Some((control.key, look(control.criterion)?)))
        .collect()
}

/// RKE2's data folder; relative paths begin at the root, where a service starts.
pub(crate) fn data_dir(settings: &Settings) -> String {
    match settings.data_dir().trim_end_matches('/') {
        "" => DATA_DIR.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    }
}

fn text(settings: &Settings, name: &str) -> Option<String> {
    match settings.get(name).map(|setting| &setting.value) {
        Some(SettingValue::Text(text)) if !text.is_empty() => Some(text.clone()),
        _ => None,
    }
}

fn parts(settings: &Settings) -> Parts {
    let on = |name: &str| {
        settings.get(name).map(|setting| &setting.value) == Some(&SettingValue::Bool(true))
    };
    let server = settings.role == Role::Server;
    Parts {
        control_plane: server,
        api_server: server && !on("disable-apiserver"),
        controller_manager: server && !on("disable-controller-manager"),
        scheduler: server && !on("disable-scheduler"),
        etcd: server && !on("disable-etcd") && text(settings, "datastore-endpoint").is_none(),
        kubelet: !on("disable-agent"),
        kube_proxy: !on("disable-kube-proxy") && !on("disable-agent"),
    }
}

fn manifest(root: &HostRoot, data_dir: &str, program: &str) -> ConfigDocument {
    let path = format!("{data_dir}/agent/pod-manifests/{program}.yaml");
    ConfigDocument::new(&path, content(root, &path))
}

/// The content of a file that is not larger than any configuration is.
fn content(root: &HostRoot, path: &str) -> Result<Vec<u8>, ReadError> {
    let status = root.stat(path)?;
    if status.size > MAX_DOCUMENT {
        return Err(ReadError::TooLarge {
            path: path.to_owned(),
            limit: MAX_DOCUMENT,
            unit: "bytes",
        });
    }
    root.read(path)
}

fn wanted(manifests: &BTreeMap<KubeComponent, ConfigDocument>) -> Vec<Wanted> {
    let mut wanted: Vec<Wanted> = manifests
        .iter()
        .map(|(component, paper)| Wanted {
            program: component.program(),
            pod: match paper {
                ConfigDocument::Read(document) => document
                    .at(&["metadata", "uid"])
                    .and_then(config::document::Node::text),
                ConfigDocument::Absent { .. } | ConfigDocument::Broken(..) => None,
            },
            in_pod: true,
        })
        .collect();
    wanted.push(Wanted {
        program: "kubelet",
        pod: None,
        in_pod: false,
    });
    wanted
}

/// What a component runs with and what its static pod has, and what stands in the way of knowing.
fn command_lines(
    component: KubeComponent,
    paper: &ConfigDocument,
    found: &Found,
) -> (Vec<ComponentCommand>, Option<String>) {
    let program = component.program();
    let mut lines = Vec::new();
    if let Some(process) = found.processes.get(program) {
        lines.push(running(process));
    }
    let mut problem = found.problems.get(program).cloned();
    match paper {
        ConfigDocument::Absent { .. } => {}
        ConfigDocument::Broken(place, why) => problem = Some(format!("{place}: {why}")),
        ConfigDocument::Read(document) => {
            let containers: Vec<_> = document
                .at(&["spec", "containers"])
                .into_iter()
                .flat_map(config::document::Node::items)
                .collect();
            let named = containers.iter().find(|container| {
                container
                    .get("name")
                    .and_then(config::document::Node::text)
                    .as_deref()
                    == Some(program)
            });
            let words = |key: &str| -> Vec<ComponentArg> {
                let container = named.or(containers.first());
                container
                    .and_then(|container| container.get(key))
                    .into_iter()
                    .flat_map(config::document::Node::items)
                    .filter_map(|item| {
                        Some(ComponentArg {
                            text: item.text()?,
                            source: item.source(),
                        })
                    })
                    .collect()
            };
            let mut all: Vec<ComponentArg> = words("command").into_iter().skip(1).collect();
            all.extend(words("args"));
            lines.push(ComponentCommand {
                when: When::Manifest,
                source: Source::file(document.path()),
                words: all,
            });
        }
    }
    (lines, problem)
}

fn running(process: &processes::Process) -> ComponentCommand {
    ComponentCommand {
        when: When::Running,
        source: Source::file(format!("/proc/{}/cmdline", process.pid)),
        words: process.words.clone(),
    }
}

/// The entries of a `*-arg` setting.
fn entries(settings: &Settings, name: &str) -> Vec<ComponentArg> {
    let Some(setting) = settings.get(name) else {
        return Vec::new();
    };
    let SettingValue::List(items) = &setting.value else {
        return Vec::new();
    };
    let place = |origin: &SettingOrigin| {
        origin
            .source()
            .unwrap_or_else(|| Source::file(settings.role.unit()))
    };
    items
        .iter()
        .zip(&setting.sources)
        .map(|(text, origin)| ComponentArg {
            text: text.clone(),
            source: place(origin),
        })
        .collect()
}

/// What RKE2 gives the kubelet unless told otherwise, flag, field and value, as far as controls ask.
/// Upstream: k3s pkg/daemons/agent/`agent.go` and `agent_linux.go` as RKE2 v1.18 to v1.36 pin them.
fn standard(data_dir: &str, version: &Version) -> Vec<(&'static str, String)> {
    let agent = |file: &str| format!("{data_dir}/agent/{file}");
    let mut all = vec![
        ("anonymous-auth", "false".to_owned()),
        ("authorization-mode", "Webhook".to_owned()),
        ("client-ca-file", agent("client-ca.crt")),
        ("tls-cert-file", agent("serving-kubelet.crt")),
        ("tls-private-key-file", agent("serving-kubelet.key")),
    ];
    if version.minor < 32 {
        all.push(("read-only-port", "0".to_owned()));
    }
    all
}

/// The same as the file that releases from 1.32 on write.
fn generated(data_dir: &str, protects: bool) -> String {
    format!(
        "authentication:\n  anonymous:\n    enabled: false\n  x509:\n    clientCAFile: {data_dir}/agent/client-ca.crt\n\
         authorization:\n  mode: Webhook\nprotectKernelDefaults: {protects}\n\
         streamingConnectionIdleTimeout: 4h0m0s\ntlsCertFile: {data_dir}/agent/serving-kubelet.crt\n\
         tlsPrivateKeyFile: {data_dir}/agent/serving-kubelet.key\n"
    )
}

fn kubelet(
    root: &HostRoot,
    version: &Version,
    settings: &Settings,
    data_dir: &str,
    found: &Found,
) -> KubeletFacts {
    let rules = ParserRules::of(version);
    let files = rke2_config::read_kubelet(root, &config::kubelet_paths(settings, &rules));
    let merged = config::kubelet_merge_order(&rules, &files);
    let protects = config::kubelet(settings, &rules, &config::KubeletFiles::default())
        .protect_kernel_defaults
        .value;
    let mut papers: Vec<ConfigDocument> = files
        .unlisted
        .iter()
        .map(|error| ConfigDocument::Broken(Source::file(error.path()), error.to_string()))
        .collect();
    let is_written = merged.iter().any(|file| config::is_generated(file));
    if rules.kubelet_conf_d && !is_written {
        // RKE2 has not started here: this is what it will write.
        let path = format!("{data_dir}/agent/etc/kubelet.conf.d/00-rke2-defaults.conf");
        papers.push(ConfigDocument::new(
            &path,
            Ok(generated(data_dir, protects).into_bytes()),
        ));
    }
    papers.extend(
        merged
            .iter()
            .map(|file| ConfigDocument::new(&file.path, file.content.clone())),
    );
    let process = found.processes.get("kubelet").map(running);
    let own = Source::file(settings.role.unit());
    let word = |name: &str, value: &str| ComponentArg {
        text: format!("--{name}={value}"),
        source: own.clone(),
    };
    let mut standard: Vec<ComponentArg> = if rules.kubelet_conf_d {
        vec![word("read-only-port", "0")]
    } else {
        standard(data_dir, version)
            .iter()
            .map(|(name, value)| word(name, value))
            .collect()
    };
    if protects && !rules.kubelet_conf_d {
        standard.push(word("protect-kernel-defaults", "true"));
    }
    let is_file = |entry: &ComponentArg| {
        let body = entry.text.trim_start_matches("--");
        ["config=", "config-dir="]
            .iter()
            .any(|name| body.starts_with(name))
    };
    let mut entries = entries(settings, "kubelet-arg");
    entries.retain(|entry| !is_file(entry));
    let base = process
        .as_ref()
        .map_or(standard.as_slice(), |line| line.words.as_slice());
    let next = ComponentCommand {
        when: When::Configured,
        source: entries.first().map_or(own, |entry| entry.source.clone()),
        words: flags::overridden(base, &entries),
    };
    let mut lines: Vec<ComponentCommand> = Vec::new();
    let is_new = process
        .as_ref()
        .is_none_or(|line| line.words.len() != next.words.len() || !entries.is_empty());
    lines.extend(process);
    if is_new {
        lines.push(next);
    }
    KubeletFacts {
        problem: found.problems.get("kubelet").cloned(),
        lines,
        files: papers,
    }
}

fn account(root: &HostRoot) -> EtcdAccount {
    let look_up = |table: Table| {
        let file = root.open_file(table.path()).ok()?;
        match accounts::lookup(&mut BufReader::new(file), table, "etcd", None).ok()? {
            Lookup::Found { id, gid, .. } => {
                Some((u32::try_from(id).ok(), u32::try_from(gid).ok()))
            }
            Lookup::Unknown { .. } | Lookup::TooLong { .. } => None,
        }
    };
    let (uid, primary) = look_up(Table::Passwd).unwrap_or_default();
    EtcdAccount {
        uid,
        gid: look_up(Table::Group).and_then(|(gid, _)| gid),
        primary,
    }
}
