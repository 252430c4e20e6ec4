//! The admission configuration that the plugin `EventRateLimit` needs: it has no default that is valid, and the API
//! server ends without its limits. The same file has to hold the configuration of pod security.

use super::documents;
use crate::audit::cure::{Cure, Wanted, sed, write};
use crate::audit::facts::{ConfigDocument, NodeFacts};
use crate::rke2::changes::POD_SECURITY;
use crate::rke2::config::document::Node;
use crate::rke2::layout;
use crate::text::shell_word;

/// The file that the remedy writes.
const FILE: &str = "/etc/rancher/rke2/admission-cis.yaml";

/// RKE2's setting that names an admission configuration.
const SETTING: &str = "pod-security-admission-config-file";

/// The plugin with limits for the whole API server, as Kubernetes' documentation has them.
const LIMITS: [&str; 8] = [
    "- name: EventRateLimit",
    "  configuration:",
    "    apiVersion: eventratelimit.admission.k8s.io/v1alpha1",
    "    kind: Configuration",
    "    limits:",
    "    - type: Server",
    "      qps: 5000",
    "      burst: 20000",
];

/// The same cure, with what makes the plugin work.
pub(super) fn with_limits(cure: Cure, facts: &NodeFacts) -> Cure {
    if has_limits(&facts.pod_security) {
        return cure;
    }
    let note = "EventRateLimit ends the API server without limits in its admission configuration";
    let own = facts.settings.text(SETTING);
    if !own.is_empty() || is_named_by_entry(facts) {
        return match in_own(&facts.pod_security) {
            Ok(command) => cure.with([command]).note(note),
            Err(what) => Cure::other(
                "admission",
                format!("{what}, and then `enable-admission-plugins+=EventRateLimit` to kube-apiserver-arg"),
            )
            .then_restart(),
        };
    }
    let mut lines: Vec<String> = [
        "apiVersion: apiserver.config.k8s.io/v1",
        "kind: AdmissionConfiguration",
        "plugins:",
    ]
    .map(str::to_owned)
    .to_vec();
    let has_pod_security = POD_SECURITY.includes(&facts.version);
    if has_pod_security {
        lines.extend(pod_security(facts));
    }
    lines.extend(LIMITS.map(str::to_owned));
    // In parts, because reports cut long commands. A file that is there is kept as FILE~.
    let mut into = format!("| install --backup --mode=600 /dev/stdin {FILE}");
    let mut file = Vec::new();
    for part in lines.chunks(8) {
        let words: Vec<String> = part.iter().map(|line| shell_word(line)).collect();
        file.push(format!("printf '%s\\n' {} {into}", words.join(" ")));
        into = format!(">> {FILE}");
    }
    let cure = cure.with(file);
    if has_pod_security {
        let cure = cure.with(write(facts, SETTING, &[format!("{SETTING}: {FILE}")]));
        cure.note(format!(
            "{note}; {FILE} holds them, and pod security as a CIS profile has it, because it takes the place of {}",
            layout::POD_SECURITY
        ))
    } else {
        let mut cure = cure.note(note);
        cure.wanted.push((
            "admission-control-config-file",
            Wanted::Value(Some(format!("admission-control-config-file={FILE}"))),
        ));
        cure
    }
}

/// The command that adds the plugin to a file of the administrator's, before the first one that is there; where a command
/// cannot, what to add.
fn in_own(document: &ConfigDocument) -> Result<String, String> {
    let path = match document {
        ConfigDocument::Read(document) => document.path(),
        ConfigDocument::Absent { path } => path,
        ConfigDocument::Broken(place, _) => &place.path,
    };
    let by_hand = || {
        let plugin = LIMITS.map(str::trim_end).join("\\n");
        format!("add the plugin EventRateLimit with its limits to {path} (`{plugin}`)")
    };
    let ConfigDocument::Read(document) = document else {
        return Err(by_hand());
    };
    let first = document.get("plugins").and_then(|list| list.items().next());
    let line = first.and_then(|first| first.source().line);
    let line = line
        .filter(|line| document.is_item(*line))
        .ok_or_else(by_hand)?;
    if documents::plugin(document, "EventRateLimit").is_some() {
        return Err(by_hand());
    }
    let lines: Vec<String> = LIMITS.iter().map(|line| format!("\\1{line}\\n")).collect();
    let edit = format!("{line}s|^\\( *\\)- |{}&|", lines.concat());
    Ok(sed(&edit, path))
}

/// Whether an entry of `kube-apiserver-arg` names the file.
fn is_named_by_entry(facts: &NodeFacts) -> bool {
    let entries = facts.settings.list("kube-apiserver-arg");
    entries
        .iter()
        .any(|(text, _)| crate::rke2::config::entry_flag(text).0 == "admission-control-config-file")
}

/// Whether the configuration has limits for the plugin.
fn has_limits(document: &ConfigDocument) -> bool {
    let ConfigDocument::Read(document) = document else {
        return false;
    };
    let plugin = documents::plugin(document, "EventRateLimit");
    let limits = plugin.and_then(|plugin| plugin.get("configuration")?.get("limits"));
    let mut limits = limits.into_iter().flat_map(Node::items);
    limits.next().is_some()
}

/// Pod security as RKE2 writes it with a CIS profile.
fn pod_security(facts: &NodeFacts) -> Vec<String> {
    let mut lines: Vec<String> = [
        "- name: PodSecurity",
        "  configuration:",
        "    apiVersion: pod-security.admission.config.k8s.io/v1",
        "    kind: PodSecurityConfiguration",
        "    defaults:",
        "      enforce: restricted",
        "      enforce-version: latest",
        "      audit: restricted",
        "      audit-version: latest",
        "      warn: restricted",
        "      warn-version: latest",
        "    exemptions:",
        "      usernames: []",
        "      runtimeClasses: []",
        "      namespaces:",
    ]
    .map(str::to_owned)
    .to_vec();
    let exempt = documents::exempt(&facts.version);
    lines.extend(exempt.map(|name| format!("      - {name}")));
    lines
}
