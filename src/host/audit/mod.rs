//! Reads what the audit of a node needs: files, static pods, processes, configurations. Reads only, below
//! the root, in bounded memory. What follows from it is worked out in [`crate::audit::node`].

mod processes;
mod survey;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{HostRoot, rke2_config};
use crate::audit::benchmark::Benchmark;
use crate::audit::control::{Criterion, FileSet, KubeComponent};
use crate::audit::evaluate::files;
use crate::audit::facts::{
    ConfigDocument, EtcdAccount, InspectedFile, KubeletFacts, NodeFacts, Survey,
};
use crate::audit::flags::{self, ComponentCommand, When};
use crate::audit::restart::RestartFacts;
use crate::audit::{controls, node};
use crate::facts::{Lookup, ReadError, Source, Table};
use crate::rke2::changes::AUDIT_POLICY;
use crate::rke2::config::document::Node;
use crate::rke2::config::{self, ParserRules, Settings};
use crate::rke2::config_advice;
use crate::rke2::profile::{ProfileRules, Scope};
use crate::rke2::version::Version;
use crate::rke2::{accounts, changes, layout};

use processes::{Found, Wanted};
use survey::About;

/// No more of a manifest or of a configuration is read; they have a few thousand bytes.
const MAX_DOCUMENT: u64 = 4 << 20;

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The node's name: RKE2's setting, or the host name of the kernel, or of an image.
pub(crate) fn node_name(root: &HostRoot, settings: &Settings) -> String {
    let set = settings.text("node-name");
    if !set.is_empty() {
        return set.to_owned();
    }
    let read = |path: &str| {
        let text = String::from_utf8(content(root, path).ok()?).ok()?;
        let name = text.lines().next()?.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    let name = read("/proc/sys/kernel/hostname").or_else(|| read("/etc/hostname"));
    name.unwrap_or_default()
}

/// The content of a report of another audit, which the user names.
pub(crate) fn report(path: &Path) -> Result<Vec<u8>, ReadError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    HostRoot::live().read(absolute)
}

/// Reads everything that the controls of `benchmark` need of a node with these settings.
pub(crate) fn read(
    root: &HostRoot,
    version: &Version,
    settings: &Settings,
    benchmark: Benchmark,
) -> NodeFacts {
    let data_dir = layout::data_dir(settings.data_dir());
    let manifests: BTreeMap<KubeComponent, ConfigDocument> = KubeComponent::ALL
        .into_iter()
        .map(|component| (component, manifest(root, &data_dir, component.program())))
        .collect();
    let found = processes::find(root, &data_dir, &wanted(&manifests));
    let mut components = BTreeMap::new();
    let mut problems = BTreeMap::new();
    for (component, document) in &manifests {
        let (lines, problem) = command_lines(*component, document, &found);
        components.insert(*component, lines);
        problems.extend(problem.map(|problem| (*component, problem)));
    }
    let api_server = components.get(&KubeComponent::ApiServer);
    let named = |flag: &str, otherwise: String| named_file(api_server, flag).unwrap_or(otherwise);
    let set = |name: &str, otherwise: &str| {
        node::text(settings, name).unwrap_or_else(|| otherwise.to_owned())
    };
    let encryption = named(
        "encryption-provider-config",
        layout::encryption_config(&data_dir),
    );
    let audit_policy = named(
        "audit-policy-file",
        set("audit-policy-file", layout::AUDIT_POLICY),
    );
    let pod_security = named(
        "admission-control-config-file",
        set("pod-security-admission-config-file", layout::POD_SECURITY),
    );
    let document = |path: String| ConfigDocument::new(&path, content(root, &path));
    let moved = config_advice::moved_etcd_data(settings).map(|(path, ..)| path);
    let mut facts = NodeFacts {
        role: settings.role,
        version: version.clone(),
        profile: ProfileRules::of(version).status(settings.profile()).scope(),
        settings: settings.clone(),
        etcd_data_is_moved: moved.is_some(),
        parts: node::parts(settings),
        account: account(root),
        kubelet: kubelet(root, version, settings, &data_dir, &found),
        etcd: document(layout::etcd_config(&data_dir)),
        etcd_pod: manifest(root, &data_dir, "etcd"),
        encryption: ConfigDocument::of_secrets(&encryption, content(root, &encryption)),
        audit_policy: document(audit_policy),
        pod_security: document(pod_security),
        components,
        entries: node::all_entries(settings),
        problems,
        surveys: BTreeMap::new(),
        data_dir,
    };
    let etcd_data = etcd_directories(&facts, moved);
    facts.surveys = surveys(root, &facts, benchmark, &etcd_data);
    facts
}

/// Where etcd has its data: where `etcd-arg` will have it from RKE2's next start on, and where the configuration that RKE2
/// wrote at its last one has it.
fn etcd_directories(facts: &NodeFacts, moved: Option<String>) -> Vec<String> {
    let clean = |path: &str| path.trim_end_matches('/').to_owned();
    let own = || format!("{}/{}", clean(&facts.data_dir), layout::ETCD_DATA[0]);
    let mut all = vec![clean(&moved.unwrap_or_else(own))];
    let written = match &facts.etcd {
        ConfigDocument::Read(document) => document.at(&["data-dir"]).and_then(Node::text),
        ConfigDocument::Absent { .. } | ConfigDocument::Broken(..) => None,
    };
    if let Some(path) = written
        .filter(|path| path.starts_with('/'))
        .map(|path| clean(&path))
        && !all.contains(&path)
    {
        all.push(path);
    }
    all
}

/// The file that the newest of these command lines names with `flag`.
fn named_file(lines: Option<&Vec<ComponentCommand>>, flag: &str) -> Option<String> {
    let line = lines?.iter().max_by_key(|line| line.when)?;
    let given = flags::given(&line.words);
    let path = flags::of(&given, flag).text()?.to_owned();
    path.starts_with('/').then_some(path)
}

/// Reads what the next start of RKE2 depends on: a few files, because every check does this.
pub(crate) fn restart(
    root: &HostRoot,
    version: &Version,
    settings: &Settings,
    scope: Scope,
) -> RestartFacts {
    let data_dir = layout::data_dir(settings.data_dir());
    let parts = node::parts(settings);
    let inspect = |path: String| {
        let status = root.stat(&path).ok()?;
        Some(InspectedFile {
            path,
            mode: status.mode,
            uid: status.uid,
            gid: status.gid,
        })
    };
    let manifests = layout::STATIC_PODS
        .iter()
        .filter_map(|program| inspect(layout::static_pod(&data_dir, program)))
        .collect();
    let mut etcd: Vec<InspectedFile> = Vec::new();
    if parts.etcd {
        let moved = config_advice::moved_etcd_data(settings);
        let own = || format!("{data_dir}/{}", layout::ETCD_DATA[0]);
        let top = moved.map_or_else(own, |(path, ..)| path);
        let mut paths = layout::ETCD_DATA
            .iter()
            .filter_map(|path| path.strip_prefix(layout::ETCD_DATA[0]))
            .map(|inner| format!("{top}{inner}"));
        // Before the first start there is no data, and no account that could own it.
        etcd.extend(paths.next().and_then(inspect));
        if !etcd.is_empty() {
            etcd.extend(paths.filter_map(inspect));
        }
    }
    let account = if etcd.is_empty() {
        EtcdAccount::default()
    } else {
        account(root)
    };
    let configured = node::text(settings, "audit-policy-file");
    let policy = match scope {
        Scope::Cis if AUDIT_POLICY.includes(version) => {
            Some(configured.unwrap_or_else(|| layout::AUDIT_POLICY.to_owned()))
        }
        Scope::Cis | Scope::Etcd => configured,
    };
    RestartFacts {
        manifests,
        etcd,
        account,
        audit_policy: policy
            .filter(|_| parts.api_server)
            .map(|path| ConfigDocument::new(&path, content(root, &path))),
        entries: node::all_entries(settings),
    }
}

/// The admission configuration that RKE2 writes itself, where it does.
pub(crate) fn own_pod_security(
    root: &HostRoot,
    settings: &Settings,
    version: &Version,
) -> Option<ConfigDocument> {
    let is_own = node::parts(settings).api_server
        && changes::POD_SECURITY.includes(version)
        && node::text(settings, "pod-security-admission-config-file").is_none();
    let path = layout::POD_SECURITY;
    is_own.then(|| ConfigDocument::new(path, content(root, path)))
}

/// Inspects the files of every control of `benchmark` that is about files.
fn surveys(
    root: &HostRoot,
    facts: &NodeFacts,
    benchmark: Benchmark,
    etcd_data: &[String],
) -> BTreeMap<&'static str, Survey> {
    let data_dir = facts.data_dir.as_str();
    // Arguments of etcd can move its data away from RKE2's directory.
    let survey = |place: FileSet, about: About, is_right: &dyn Fn(&InspectedFile) -> bool| {
        let is_etcd = matches!(place, FileSet::Directory("server/db/etcd"));
        if is_etcd {
            survey::each(root, etcd_data, is_right)
        } else {
            survey::survey(root, data_dir, place, about, is_right)
        }
    };
    let inspect = |criterion: Criterion| match criterion {
        Criterion::Mode(place, limit) => {
            let limit = limit.of(benchmark);
            let is_right = |seen: &InspectedFile| files::is_closed(seen.mode, limit);
            Some(survey(place, About::Mode, &is_right))
        }
        Criterion::Owner(place, who) => {
            let is_right =
                |seen: &InspectedFile| files::belongs(seen, who, facts.account, data_dir);
            Some(survey(place, About::Owner, &is_right))
        }
        _ => None,
    };
    controls::of(benchmark)
        .into_iter()
        .filter_map(|(control, _)| Some((control.key, inspect(control.criterion)?)))
        .collect()
}

fn manifest(root: &HostRoot, data_dir: &str, program: &str) -> ConfigDocument {
    let path = layout::static_pod(data_dir, program);
    ConfigDocument::new(&path, content(root, &path))
}

/// The content of a file that is no larger than any configuration is.
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
        .map(|(component, document)| Wanted {
            program: component.program(),
            pod: node::pod_uid(document),
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

/// What a component runs with and what its static pod has, and why one of them is not known.
fn command_lines(
    component: KubeComponent,
    document: &ConfigDocument,
    found: &Found,
) -> (Vec<ComponentCommand>, Option<String>) {
    let program = component.program();
    let mut lines: Vec<ComponentCommand> = found
        .processes
        .get(program)
        .map(running)
        .into_iter()
        .collect();
    let mut problem = found.problems.get(program).cloned();
    match node::manifest_command(program, document) {
        Ok(line) => lines.extend(line),
        Err(why) => problem = Some(why),
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

fn kubelet(
    root: &HostRoot,
    version: &Version,
    settings: &Settings,
    data_dir: &str,
    found: &Found,
) -> KubeletFacts {
    let rules = ParserRules::of(version);
    let files = rke2_config::read_kubelet(root, &config::kubelet_paths(settings, &rules));
    let process = found.processes.get("kubelet").map(running);
    let problem = found.problems.get("kubelet").cloned();
    node::kubelet(settings, &rules, data_dir, &files, process, problem)
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
