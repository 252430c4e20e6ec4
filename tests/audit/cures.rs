//! What the audit says cures a node, carried out as it is printed: its edits and its commands, in a namespace that has the
//! node's `/etc` and `/var`. Then RKE2 starts again. Every control that was not met is, and `check` says that the node
//! would start, with the arguments and files of its components.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Command;

use preflight_rke2::testing::audit::benchmark::Benchmark;
use preflight_rke2::testing::audit::cure::Group;
use preflight_rke2::testing::audit::{Audit, ControlOutcome};
use preflight_rke2::testing::rke2::role::Role;
use preflight_rke2::testing::rke2::version::Version;
use serde_json::Value as Json;

use crate::change::{apply, edits};
use crate::command::{check, run};
use crate::node::{Built, Care, DATA, ETCD, Node, has};

/// Groups that an administrator has to decide on: their remedy has no commands.
pub(crate) const UNDECIDED: [&str; 2] = ["benchmark", "access"];

/// Programs that the remedies run and that are not the host's own.
const STUBS: [(&str, &str); 3] = [
    (
        "systemctl",
        "[ \"$1\" = restart ] && echo \"$2\" >> /etc/.restarted",
    ),
    ("preflight-rke2", "exit 0"),
    (
        "rke2",
        "[ \"$1 $2\" = 'secrets-encrypt enable' ] || exit 0\n\
         printf '%s' '{\"resources\":[{\"resources\":[\"secrets\"],\"providers\":[{\"aescbc\":{}},{\"identity\":{}}]}]}' \
         > /var/lib/rancher/rke2/server/cred/encryption-config.json",
    ),
];

/// Runs commands as they are printed, on the node's files; whether RKE2 was restarted.
fn execute(built: &Built, commands: &[String]) -> bool {
    let stubs = tempfile::tempdir().unwrap();
    for (name, text) in STUBS {
        let path = stubs.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
    }
    let mut script = String::from("set -e\numask 022\n");
    for directory in ["etc", "var"] {
        let _ = writeln!(
            script,
            "mount --bind {} /{directory}",
            built.at(directory).display()
        );
    }
    for command in commands {
        let _ = writeln!(script, "{command}");
    }
    let output = Command::new("unshare")
        .args(["--mount", "--", "/bin/sh", "-c", &script])
        .env(
            "PATH",
            format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", stubs.path().display()),
        )
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mark = built.at("/etc/.restarted");
    let restarted = mark.exists();
    let _ = std::fs::remove_file(mark);
    restarted
}

/// RKE2's settings as `config` prints them.
fn settings(built: &Built, node: &Node) -> Json {
    let ran = crate::command::command("config", built, node, &["--format", "json"]);
    let document: Json = serde_json::from_str(&ran.out).unwrap();
    document["settings"].clone()
}

fn text(settings: &Json, name: &str) -> String {
    settings[name]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn list(settings: &Json, name: &str) -> Vec<String> {
    let items = settings[name]["value"].as_array();
    items
        .into_iter()
        .flatten()
        .map(|item| item.as_str().unwrap().to_owned())
        .collect()
}

/// The arguments of a component after RKE2 has put its entries into them (k3s-io/k3s pkg/util/args.go).
fn merged(own: &[String], entries: &[String], repeats: bool) -> Vec<String> {
    let mut flags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for word in own {
        let (name, value) = word
            .trim_start_matches("--")
            .split_once('=')
            .unwrap_or((word, "true"));
        flags
            .entry(name.to_owned())
            .or_default()
            .push(value.to_owned());
    }
    let mut is_set: Vec<String> = Vec::new();
    for entry in entries {
        let (written, value) = entry.trim_start_matches("--").split_once('=').unwrap();
        let name = if repeats {
            written.trim_end_matches(['+', '-'])
        } else {
            written
        };
        let values = flags.entry(name.to_owned()).or_default();
        let adds = name != written;
        if !adds && (!repeats || !is_set.iter().any(|known| known == name)) {
            values.clear();
        }
        is_set.push(name.to_owned());
        if written.ends_with('-') && adds {
            values.insert(0, value.to_owned());
        } else {
            values.push(value.to_owned());
        }
    }
    let words = flags.into_iter().flat_map(|(name, values)| {
        values
            .into_iter()
            .map(move |value| format!("--{name}={value}"))
    });
    words.collect()
}

/// Starts RKE2 again: it writes its files and starts its components as its configuration has it.
fn restart(built: &Built, node: &Node) {
    let settings = settings(built, node);
    let profile = text(&settings, "profile");
    let cis = profile.starts_with("cis");
    let version = &node.version;
    let mut next = Node::of(version, node.role, Care::Guide, &node.data);
    let repeats = has(version, "KUBELET_REPEATS");
    let policy = text(&settings, "audit-policy-file");
    let audits = cis || (!policy.is_empty() && has(version, "AUDIT_BY_FILE"));
    let closes = closes(&profile, version);
    for pod in &mut next.pods {
        pod.args.retain(|word| {
            (audits || !word.starts_with("--audit-"))
                && (cis || !word.starts_with("--service-account-extend-token-expiration"))
        });
        let admission = text(&settings, "pod-security-admission-config-file");
        for word in &mut pod.args {
            if word.starts_with("--audit-policy-file=") && !policy.is_empty() {
                *word = format!("--audit-policy-file={policy}");
            }
            if word.starts_with("--admission-control-config-file=") && !admission.is_empty() {
                *word = format!("--admission-control-config-file={admission}");
            }
        }
        let entries = list(&settings, &format!("{}-arg", pod.program));
        pod.args = merged(&pod.args, &entries, repeats);
        let path = format!("{}/agent/pod-manifests/{}.yaml", node.data, pod.program);
        // The file is written anew where its content changes, and those of two components always.
        let content = pod.manifest();
        let is_renewed = has(version, "MANIFESTS_REMOVED")
            && ["kube-apiserver", "kube-proxy"].contains(&pod.program);
        let before = std::fs::read_to_string(built.at(&path)).unwrap_or_default();
        if is_renewed || before != content {
            built.file(&path, &content);
            built.mode(&path, if closes { 0o600 } else { 0o644 });
        }
    }
    if let Some(pod) = next
        .files
        .get(&format!("{DATA}/agent/pod-manifests/etcd.yaml"))
    {
        etcd(built, &profile, pod, version);
    }
    let entries = list(&settings, "kubelet-arg");
    next.kubelet
        .retain(|word| cis || !word.starts_with("--protect-kernel-defaults"));
    next.kubelet = merged(&next.kubelet, &entries, repeats);
    for (name, content) in &next.conf_d {
        let content = if cis {
            content.clone()
        } else {
            content.replace("protectKernelDefaults: true\n", "")
        };
        keep(
            built,
            &format!("{}/agent/etc/kubelet.conf.d/{name}", node.data),
            &content,
        );
    }
    let policy = "/etc/rancher/rke2/audit-policy.yaml";
    if node.role == Role::Server && cis && !built.at(policy).exists() {
        built.file(policy, &next.files[policy]);
    }
    let security = "/etc/rancher/rke2/rke2-pss.yaml";
    if let Some(content) = next.files.get(security).filter(|_| cis) {
        built.file(security, content);
    }
    next.processes(built);
}

/// Whether RKE2 writes static pods with mode 600.
fn closes(profile: &str, version: &Version) -> bool {
    match profile {
        "" => false,
        "etcd" => has(version, "MANIFESTS_CLOSED_ETCD"),
        _ => has(version, "MANIFESTS_CLOSED"),
    }
}

/// Writes content into a file and keeps its mode and owner.
fn keep(built: &Built, path: &str, content: &str) {
    let at = built.at(path);
    if at.exists() {
        std::fs::write(at, content).unwrap();
    } else {
        built.file(path, content);
    }
}

/// What RKE2 does for etcd at its start.
fn etcd(built: &Built, profile: &str, pod: &str, version: &Version) {
    let passwd = std::fs::read_to_string(built.at("/etc/passwd")).unwrap();
    let row = passwd.lines().find(|row| row.starts_with("etcd:"));
    let group: u32 = row.unwrap().split(':').nth(3).unwrap().parse().unwrap();
    let config = format!("{DATA}/server/db/etcd/config");
    let whole = Node::of(version, Role::Server, Care::Guide, DATA);
    keep(built, &config, &whole.files[&config]);
    let path = format!("{DATA}/agent/pod-manifests/etcd.yaml");
    let content = if profile.is_empty() {
        pod.replace("    runAsUser: ", "    fsUser: ")
            .replace("    runAsGroup: ", "    fsGroup: ")
    } else {
        pod.replace(
            &format!("runAsGroup: {ETCD}"),
            &format!("runAsGroup: {group}"),
        )
    };
    if std::fs::read_to_string(built.at(&path)).unwrap_or_default() != content {
        built.file(&path, &content);
        let mode = if closes(profile, version) {
            0o600
        } else {
            0o644
        };
        built.mode(&path, mode);
    }
    if !profile.is_empty() {
        let at = built.at(&format!("{DATA}/server/db/etcd"));
        std::os::unix::fs::chown(at, Some(ETCD), Some(group)).unwrap();
    }
}

/// What a node needs besides RKE2's own files: kernel parameters, and the unit.
fn furnish(built: &Built) {
    let status = Command::new("cp")
        .args(["-r", "--parents"])
        .args([
            "proc/sys",
            "etc/sysctl.d",
            "etc/os-release",
            "proc/cmdline",
            "proc/meminfo",
            "sys",
        ])
        .arg(built.path())
        .current_dir(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/hosts/healthy-server/root"
        ))
        .status()
        .unwrap();
    assert!(status.success());
}

/// Whether a control is not met.
pub(crate) const fn is_open(outcome: ControlOutcome) -> bool {
    matches!(
        outcome,
        ControlOutcome::Fail | ControlOutcome::Warn | ControlOutcome::Error
    )
}

/// Carries out every group that a program can, one after the other; the names of those carried out, and the last audit.
fn cure(built: &Built, node: &Node, asked: Option<Benchmark>) -> (Vec<String>, Audit) {
    let mut done: Vec<String> = Vec::new();
    let mut audit = built.audit(node, asked, &[]);
    loop {
        let next = audit
            .groups
            .iter()
            .find(|group| !UNDECIDED.contains(&group.name.as_str()));
        let Some(group) = next.cloned() else {
            return (done, audit);
        };
        assert!(done.len() < 20, "it does not end: {done:?} {group:?}");
        carry_out(built, node, &group);
        audit = built.audit(node, asked, &[]);
        for key in &group.controls {
            let mut controls = audit.controls.iter();
            let audited = controls.find(|one| one.control.key == *key).unwrap();
            assert!(
                !is_open(audited.outcome) || audited.group != Some(group.name.clone()),
                "{} {key} is not cured by {group:#?}\n{:#?}",
                node.version,
                audited.result
            );
        }
        done.push(group.name);
    }
}

/// Carries out one group.
pub(crate) fn carry_out(built: &Built, node: &Node, group: &Group) {
    let mut restarted = false;
    let mut count = 0;
    for remedy in &group.remedies {
        let document = serde_json::to_value(remedy).unwrap();
        let edits = edits(&document);
        count += edits.len();
        for edit in &edits {
            apply(built, edit);
        }
        let commands: Vec<String> = document["commands"]
            .as_array()
            .unwrap()
            .iter()
            .map(|command| command.as_str().unwrap().to_owned())
            .collect();
        if edits.is_empty() {
            count += commands.len();
            restarted |= execute(built, &commands);
        }
    }
    assert!(count > 0, "{group:#?}");
    if restarted {
        restart(built, node);
    }
}

/// `check` says that the node would start, and nothing of the components.
fn starts(built: &Built, node: &Node) {
    let why = refused(built, node);
    assert!(why.is_none(), "{}: {}", node.version, why.unwrap());
}

/// What `check` says of the components, or of a node that would not start.
pub(crate) fn refused(built: &Built, node: &Node) -> Option<String> {
    furnish(built);
    let ran = check(built, node);
    let document: Json = serde_json::from_str(&ran.out).unwrap();
    let unit = &document["units"][0];
    let findings = unit["findings"].as_array().unwrap();
    let wrong: Vec<&Json> = findings
        .iter()
        .filter(|finding| {
            let id = finding["id"].as_str().unwrap();
            let is_ours = ["config.", "control.", "kubelet.", "profile."];
            // These nodes know no token, agents have a setting of servers, and old releases name the profile after a
            // benchmark.
            let is_of_the_node =
                ["config.join", "config.ignored", "profile.deprecated"].contains(&id);
            !is_of_the_node && is_ours.iter().any(|prefix| id.starts_with(prefix))
        })
        .collect();
    if wrong.is_empty() && unit["verdict"] == "would-start" {
        return None;
    }
    Some(format!("{} {findings:#?}", unit["verdict"]))
}

fn groups(audit: &Audit) -> Vec<(&str, Vec<&'static str>)> {
    audit
        .groups
        .iter()
        .map(|group| (group.name.as_str(), group.controls.clone()))
        .collect()
}

/// A node that ran without a profile, and whose RKE2 was not restarted since one was set.
fn not_restarted(benchmark: Benchmark) -> Node {
    let mut node = Node::new(benchmark, Role::Server, Care::Guide);
    for pod in &mut node.pods {
        pod.args.retain(|word| {
            !word.starts_with("--audit-")
                && !word.starts_with("--service-account-extend-token-expiration")
        });
    }
    for pod in [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        node.modes
            .insert(format!("{DATA}/agent/pod-manifests/{pod}.yaml"), 0o644);
    }
    node
}

#[test]
fn a_profile_that_is_not_in_force_takes_one_restart() {
    let node = not_restarted(Benchmark::V1_12);
    let audit = node.audit();
    let fails = audit.controls.iter().filter(|audited| audited.fails());
    assert_eq!(fails.count(), 9);
    let (name, cured) = groups(&audit).remove(0);
    assert_eq!(name, "restart");
    assert_eq!(
        cured,
        [
            "podmanifest.kube-apiserver.mode",
            "podmanifest.kube-controller-manager.mode",
            "podmanifest.kube-scheduler.mode",
            "podmanifest.etcd.mode",
            "apiserver.audit-log-path",
            "apiserver.audit-log-maxage",
            "apiserver.audit-log-maxbackup",
            "apiserver.audit-log-maxsize",
            "apiserver.sa-extend-token-expiration",
            "cp.audit-policy",
        ]
    );
    let failing = audit.groups.iter().filter(|group| {
        let mut members = audit.controls.iter();
        members.any(|audited| audited.fails() && group.controls.contains(&audited.control.key))
    });
    assert_eq!(failing.count(), 1);
    let ran = run(&node.build(), &node, &[]);
    assert_eq!(ran.out.matches("restart RKE2: ").count(), 1, "{}", ran.out);
}

/// What no process runs with yet, what a file says, and what is missing: one group each.
#[test]
fn each_cause_has_one_group() {
    // An argument that is right in the file and not yet in force.
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
    let args = node.args("kube-apiserver");
    args.retain(|word| !word.starts_with("--enable-admission-plugins="));
    args.push("--enable-admission-plugins=NodeRestriction".to_owned());
    node.config += "kube-apiserver-arg:\n- enable-admission-plugins+=EventRateLimit,AlwaysPullImages\n\
                    - enable-admission-plugins+=DenyServiceExternalIPs\n";
    assert_eq!(
        groups(&node.audit()),
        [(
            "restart",
            vec![
                "apiserver.DenyServiceExternalIPs",
                "apiserver.EventRateLimit",
                "apiserver.AlwaysPullImages"
            ]
        )]
    );
    // No profile.
    let mut node = not_restarted(Benchmark::V1_12);
    node.config = "write-kubeconfig-mode: \"0600\"\n".to_owned();
    let audit = node.audit();
    let profile = &audit.groups[0];
    assert_eq!(
        (profile.name.as_str(), profile.controls.len()),
        ("profile", 11),
        "{profile:#?}"
    );
    assert!(
        profile
            .summary
            .starts_with("set `profile: cis`, then restart RKE2 ("),
        "{}",
        profile.summary
    );
    for part in ["`audit-policy-file`", "`profile: etcd` is enough"] {
        assert!(profile.summary.contains(part), "{}", profile.summary);
    }
    // The profile `etcd` closes no static pod before these releases.
    for (version, closes) in [
        (Version::new(31, 11, 1), false),
        (Version::new(31, 12, 1), true),
        (Version::new(32, 7, 1), false),
        (Version::new(32, 8, 1), true),
        (Version::new(33, 3, 1), false),
        (Version::new(33, 4, 1), true),
    ] {
        node.version = version;
        let audit = node.audit();
        let profile = audit
            .groups
            .iter()
            .find(|group| group.name == "profile")
            .unwrap();
        let says = profile
            .summary
            .contains("for the modes of static pods alone, `profile: etcd` is enough");
        assert_eq!(says, closes, "{}: {}", node.version, profile.summary);
    }
    // One setting, several flags, wrong and missing.
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    node.config += "kube-apiserver-arg:\n- profiling=true\n";
    node.args("kube-apiserver")
        .push("--profiling=true".to_owned());
    let audit = node.audit();
    assert_eq!(
        groups(&audit)[0],
        (
            "kube-apiserver-arg",
            vec![
                "apiserver.DenyServiceExternalIPs",
                "apiserver.EventRateLimit",
                "apiserver.AlwaysPullImages",
                "apiserver.profiling"
            ]
        )
    );
    // A waived control is in no group.
    node.files.insert(
        "/etc/preflight-rke2/config.toml".to_owned(),
        "[[audit.waiver]]\ncontrol = \"apiserver.profiling\"\nreason = \"x\"\nexpires = \"9999-12-31\"\n".to_owned(),
    );
    let ran = run(&node.build(), &node, &["--format", "json"]);
    let document: Json = serde_json::from_str(&ran.out).unwrap();
    let all: Vec<&Json> = document["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["controls"].as_array().unwrap())
        .collect();
    assert!(
        !all.contains(&&Json::from("apiserver.profiling")),
        "{all:?}"
    );
    for control in document["controls"].as_array().unwrap() {
        let is_open = ["fail", "warn", "error"].contains(&control["outcome"].as_str().unwrap());
        let is_waived = control["waiver"]["expired"] == false;
        assert_eq!(
            control["group"].is_null(),
            !is_open || is_waived,
            "{control}"
        );
    }
}

/// A mode that RKE2 or a network plugin undoes is said to be one.
#[test]
fn a_mode_that_does_not_last_is_said_to_be_one() {
    // 1.24 writes static pods with mode 644 whatever the profile.
    let node = Node::new(Benchmark::V1_24, Role::Server, Care::Guide);
    let audit = node.audit();
    let pods = audit
        .groups
        .iter()
        .find(|group| group.name == "static-pods")
        .unwrap();
    assert!(!pods.lasts);
    assert!(
        pods.summary.contains("writes the file anew at each start"),
        "{}",
        pods.summary
    );
    assert!(pods.summary.contains("1.25.15"), "{}", pods.summary);
    let plugins = audit
        .groups
        .iter()
        .find(|group| group.name == "network-plugins")
        .unwrap();
    assert!(
        !plugins.lasts && plugins.summary.contains("until"),
        "{}",
        plugins.summary
    );
    // From 1.25.15 on with a profile the restart closes those that RKE2 writes anew; the others need it once.
    let node = not_restarted(Benchmark::V1_12);
    let audit = node.audit();
    let commands = audit.groups[0].remedies.iter().flat_map(|remedy| {
        let document = serde_json::to_value(remedy).unwrap();
        document["commands"].as_array().unwrap().clone()
    });
    let commands: Vec<String> = commands.map(|c| c.as_str().unwrap().to_owned()).collect();
    let pod = |name: &str| format!("chmod 600 {DATA}/agent/pod-manifests/{name}.yaml");
    assert_eq!(
        commands,
        [
            pod("kube-controller-manager"),
            pod("kube-scheduler"),
            pod("etcd"),
            "preflight-rke2 check && systemctl restart rke2-server.service".to_owned()
        ]
    );
}

/// Every group of a node that was set up without care, and of one that the guide left.
#[test]
fn all_remedies_of_a_node_cure_it() {
    let mut carried = BTreeMap::new();
    for benchmark in [
        Benchmark::V1_6,
        Benchmark::V1_24,
        Benchmark::V1_7,
        Benchmark::V1_12,
        Benchmark::V2_0,
    ] {
        for role in Role::ALL {
            for (what, node) in [
                ("guide", Node::new(benchmark, role, Care::Guide)),
                ("permissive", Node::new(benchmark, role, Care::Permissive)),
                ("not restarted", not_restarted(benchmark)),
            ] {
                if what == "not restarted" && role == Role::Agent {
                    continue;
                }
                let built = node.build();
                let (done, audit) = cure(&built, &node, None);
                let left: Vec<_> = audit
                    .controls
                    .iter()
                    .filter(|one| is_open(one.outcome))
                    .map(|one| (one.control.key, &one.group, &one.result.summary))
                    .collect();
                assert!(
                    left.is_empty(),
                    "{benchmark} {role} {what} {done:?}: {left:#?}"
                );
                starts(&built, &node);
                for name in done {
                    *carried.entry(name).or_insert(0) += 1;
                }
            }
        }
    }
    for name in [
        "restart",
        "profile",
        "kube-apiserver-arg",
        "kubelet-arg",
        "modes",
        "static-pods",
        "network-plugins",
        "audit-policy",
    ] {
        assert!(carried.contains_key(name), "{name}: {carried:?}");
    }
}

/// Releases that know no `+=` get the whole list; a benchmark that asks for what a release does not have is not followed.
#[test]
fn plugins_follow_the_release() {
    let commands = |audit: &Audit| {
        let remedies = audit.groups.iter().flat_map(|group| &group.remedies);
        remedies
            .map(|remedy| serde_json::to_string(remedy).unwrap())
            .collect::<String>()
    };
    for (version, appends) in [
        (Version::new(20, 12, 1), false),
        (Version::new(20, 13, 1), true),
        (Version::new(21, 6, 1), false),
        (Version::new(21, 7, 1), true),
        (Version::new(22, 3, 1), false),
        (Version::new(22, 4, 1), true),
    ] {
        let mut node = Node::new(Benchmark::V1_6, Role::Server, Care::Guide);
        node.version = version;
        let audit = node.audit();
        let text = commands(&audit);
        assert_eq!(
            text.contains("enable-admission-plugins+="),
            appends,
            "{}: {text}",
            node.version
        );
        let whole = "enable-admission-plugins=NodeRestriction,PodSecurityPolicy,EventRateLimit,AlwaysPullImages";
        assert_eq!(text.contains(whole), !appends, "{}: {text}", node.version);
    }
    let node = Node::new(Benchmark::V1_10, Role::Server, Care::Guide);
    let audit = node.build().audit(&node, Some(Benchmark::V1_6), &[]);
    let text = commands(&audit);
    assert!(
        !text.contains("PodSecurityPolicy\\\"") && !text.contains("PodSecurityPolicy,"),
        "{text}"
    );
    let group = audit
        .groups
        .iter()
        .find(|group| group.controls.contains(&"apiserver.PodSecurityPolicy"))
        .unwrap();
    assert_eq!(group.name, "benchmark", "{group:#?}");
    assert!(
        group.summary.contains("--benchmark 1.10"),
        "{}",
        group.summary
    );
    let built = node.build();
    cure(&built, &node, Some(Benchmark::V1_6));
    starts(&built, &node);
}

/// The plugin alone ends the API server: `check` says so, and the remedy brings its limits, beside pod security.
#[test]
fn the_plugin_for_events_needs_its_limits() {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let built = node.build();
    cure(&built, &node, None);
    let file = std::fs::read_to_string(built.at("/etc/rancher/rke2/admission-cis.yaml")).unwrap();
    for part in [
        "name: PodSecurity\n",
        "enforce: restricted\n",
        "- tigera-operator\n",
        "name: EventRateLimit\n",
        "qps: 5000\n",
    ] {
        assert!(file.contains(part), "{part}\n{file}");
    }
    node.config += "kube-apiserver-arg: [enable-admission-plugins+=EventRateLimit]\n";
    let ran = check(&node.build(), &node);
    assert!(ran.out.contains("limits: Invalid value"), "{}", ran.out);
}

/// A file of the administrator's is not replaced: the plugin is added to it, where a command can.
#[test]
fn a_file_of_the_administrators_gets_the_limits() {
    const OWN: &str = "/etc/rancher/rke2/own.yaml";
    let whole = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    let text = &whole.files["/etc/rancher/rke2/rke2-pss.yaml"];
    let deep: String = text
        .split_inclusive('\n')
        .map(|line| match line.chars().next() {
            Some(' ' | '-') => format!("  {line}"),
            _ => line.to_owned(),
        })
        .collect();
    let flow = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: [\n  {name: PodSecurity}\n]\n";
    for setting in [
        format!("pod-security-admission-config-file: {OWN}\n"),
        format!("kube-apiserver-arg:\n- admission-control-config-file={OWN}\n"),
    ] {
        for (text, is_block) in [(text.as_str(), true), (&deep, true), (flow, false)] {
            let mut node = whole.clone();
            node.config += &setting;
            node.files.insert(OWN.to_owned(), text.to_owned());
            for word in node.args("kube-apiserver") {
                if word.starts_with("--admission-control-config-file=") {
                    *word = format!("--admission-control-config-file={OWN}");
                }
            }
            let built = node.build();
            // As tools that manage configuration write it.
            let own = built.at(OWN);
            std::fs::rename(&own, own.with_file_name("managed.yaml")).unwrap();
            std::os::unix::fs::symlink("managed.yaml", &own).unwrap();
            let audit = built.audit(&node, None, &[]);
            let mut groups = audit.groups.iter();
            let group = groups
                .find(|group| group.controls.contains(&"apiserver.EventRateLimit"))
                .unwrap();
            if !is_block {
                assert_eq!(group.name, "admission");
                assert!(group.summary.contains(OWN), "{}", group.summary);
                continue;
            }
            assert_eq!(group.name, "kube-apiserver-arg");
            carry_out(&built, &node, group);
            assert!(own.is_symlink());
            let written = std::fs::read_to_string(own).unwrap();
            for part in [
                "- name: EventRateLimit\n",
                "qps: 5000\n",
                "- name: PodSecurity\n",
            ] {
                assert!(written.contains(part), "{part}\n{written}");
            }
            let audit = built.audit(&node, None, &[]);
            let mut controls = audit.controls.iter();
            let after = controls
                .find(|one| one.control.key == "apiserver.EventRateLimit")
                .unwrap();
            assert!(!is_open(after.outcome), "{written}\n{:#?}", after.result);
            starts(&built, &node);
        }
    }
}

/// What a process runs with, what the files have that the next start uses, and both where they differ.
#[test]
fn evidence_has_its_age() {
    let node = not_restarted(Benchmark::V1_12);
    let built = node.build();
    let document: Json =
        serde_json::from_str(&run(&built, &node, &["--format", "json"]).out).unwrap();
    let of = |key: &str| {
        let mut controls = document["controls"].as_array().unwrap().iter();
        controls.find(|control| control["key"] == key).unwrap()
    };
    let differs = of("apiserver.audit-log-path");
    assert_eq!(differs["evidence"], "differs");
    assert_eq!(differs["running"]["value"], "no --audit-log-path");
    assert_eq!(differs["running"]["met"], false);
    assert_eq!(differs["next_start"]["met"], true);
    assert_eq!(of("apiserver.profiling")["evidence"], "process");
    assert_eq!(of("podmanifest.kube-scheduler.mode")["evidence"], "files");
    assert_eq!(of("podmanifest.kube-scheduler.mode")["running"], Json::Null);
    assert_eq!(of("cp.client-cert-users")["evidence"], Json::Null);
    let text = run(&built, &node, &[]).out;
    for part in [
        "  FAIL   differs 1.2.16 ",
        "  FAIL   files   1.1.1 ",
        "running: no --audit-log-path (not met); from RKE2's next start: ",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The kubelet runs with what a drop-in says no longer.
    let mut node = Node::new(Benchmark::V1_12, Role::Agent, Care::Guide);
    node.kubelet.push("--read-only-port=10255".to_owned());
    let audit = node.audit();
    let mut controls = audit.controls.iter();
    let port = controls
        .find(|one| one.control.key == "kubelet.readOnlyPort")
        .unwrap();
    assert_eq!(port.group.as_deref(), Some("restart"));
    assert!(port.result.running.as_ref().is_some_and(|seen| !seen.met));
    assert!(port.result.next_start.as_ref().is_some_and(|seen| seen.met));
}

/// What RKE2 leaves to a file of the administrator's, the API server refuses as a flag beside it.
#[test]
fn a_file_of_the_administrators_is_corrected_itself() {
    for (entry, control, words) in [
        (
            "authorization-config=/etc/authz.yaml",
            "apiserver.authz.Node",
            "Node and RBAC",
        ),
        (
            "authentication-config=/etc/authn.yaml",
            "apiserver.anonymous-auth",
            "anonymous: {enabled: false}",
        ),
    ] {
        let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Full);
        node.config += "kube-apiserver-arg+:\n- ";
        node.config += entry;
        node.config += "\n";
        let flag = if control.contains("anonymous") {
            "--anonymous-auth"
        } else {
            "--authorization-mode"
        };
        for pod in &mut node.pods {
            pod.args.retain(|arg| !arg.starts_with(flag));
        }
        let audit = node.audit();
        let group = audit
            .groups
            .iter()
            .find(|group| group.controls.contains(&control))
            .unwrap_or_else(|| panic!("{control}: {:#?}", audit.groups));
        assert!(group.name.starts_with("file:/etc/auth"), "{group:#?}");
        let remedies = serde_json::to_string(&group.remedies).unwrap();
        assert!(remedies.contains(words), "{remedies}");
    }
}

/// The API server refuses a plugin that is in both lists.
#[test]
fn a_plugin_that_was_off_is_taken_from_that_list() {
    let mut node = Node::new(Benchmark::V1_12, Role::Server, Care::Guide);
    node.config += "kube-apiserver-arg+:\n- disable-admission-plugins=DenyServiceExternalIPs,PodNodeSelector\n";
    let built = node.build();
    cure(&built, &node, None);
    let config = std::fs::read_to_string(built.at("/etc/rancher/rke2/config.yaml")).unwrap();
    assert!(
        config.contains("- disable-admission-plugins=PodNodeSelector\n"),
        "{config}"
    );
    starts(&built, &node);
}
