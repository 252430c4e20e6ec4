//! What of the hardening guide will bite at RKE2's next start, for `check`: a profile that something
//! undoes, and what a profile that was switched on does not reach.

use std::collections::BTreeMap;

use super::benchmark::Benchmark;
use super::control::{Criterion, KubeComponent, Scoring};
use super::controls;
use super::evaluate::{documents, files, flags as rules};
use super::facts::{ConfigDocument, EtcdAccount, InspectedFile};
use super::flags::ComponentArg;
use crate::facts::Source;
use crate::finding::{CheckId, Remedy};
use crate::rke2::changes::{MANIFESTS_CLOSED, MANIFESTS_REMOVED};
use crate::rke2::config::Kubelet;
use crate::rke2::profile::Scope;
use crate::rke2::role::Role;
use crate::rke2::start::Advice;
use crate::rke2::version::Version;
use crate::text::{count, shell_word};

/// The mode that RKE2 gives static pods with a CIS profile, since [`MANIFESTS_CLOSED`].
const MANIFEST: u32 = 0o600;

/// What was read for it.
#[derive(Debug, Clone)]
pub(crate) struct RestartFacts {
    /// The static pods that are there.
    pub manifests: Vec<InspectedFile>,
    /// etcd's data directory and what of it etcd opens first, as far as they are there.
    pub etcd: Vec<InspectedFile>,
    /// The account etcd; asked for only where there is data that may not be its own.
    pub account: EtcdAccount,
    /// The audit policy, where the API server will have one.
    pub audit_policy: Option<ConfigDocument>,
    /// Entries of RKE2's `*-arg` settings.
    pub entries: BTreeMap<KubeComponent, Vec<ComponentArg>>,
}

/// The advice for a node with a profile of that scope.
pub(crate) fn advice(
    role: Role,
    version: &Version,
    scope: Scope,
    facts: &RestartFacts,
    kubelet: &Kubelet,
) -> Vec<Advice> {
    let server = role == Role::Server;
    let mut all = Vec::new();
    if scope == Scope::Cis {
        all.extend(manifests(version, facts));
        all.extend(undone(kubelet));
        all.extend(arguments(version, facts));
    }
    if server {
        all.extend(etcd(facts));
        all.extend(policy(facts));
    }
    all
}

fn manifests(version: &Version, facts: &RestartFacts) -> Option<Advice> {
    let stays = |path: &str| {
        let is_removed = ["kube-apiserver.yaml", "kube-proxy.yaml"]
            .iter()
            .any(|name| path.ends_with(name));
        !is_removed || !MANIFESTS_REMOVED.includes(version)
    };
    let open = |seen: &&InspectedFile| !files::is_closed(seen.mode, MANIFEST) && stays(&seen.path);
    let open: Vec<&InspectedFile> = facts.manifests.iter().filter(open).collect();
    let first = open
        .first()
        .filter(|_| MANIFESTS_CLOSED.includes(version))?;
    let paths: Vec<String> = open.iter().map(|seen| shell_word(&seen.path)).collect();
    Some(Advice {
        check: CheckId::ControlManifestMode,
        subject: "static pods".to_owned(),
        summary: format!(
            "{} with mode {:o}, from before the profile: RKE2 does not write a file anew whose content \
             is the same, and CIS asks for {MANIFEST:o}",
            count(open.len(), "static pod"),
            first.mode
        ),
        remedies: vec![Remedy::manual(format!(
            "chmod {MANIFEST:o} {}",
            paths.join(" ")
        ))],
        source: Some(Source::file(first.path.clone())),
    })
}

fn undone(kubelet: &Kubelet) -> Option<Advice> {
    let protect = &kubelet.protect_kernel_defaults;
    (kubelet.runs && !protect.value).then(|| {
        let source = protect.origin.source();
        let place = source.as_ref().map_or_else(|| protect.origin.to_string(), Source::to_string);
        Advice {
            check: CheckId::ControlKubelet,
            subject: "protectKernelDefaults".to_owned(),
            summary: format!(
                "{place} turns the kubelet's protectKernelDefaults off, which the profile turns on: the \
                 kubelet overwrites kernel parameters instead of insisting on them"
            ),
            remedies: vec![Remedy::manual(format!("take it out of {place}, then restart RKE2"))],
            source,
        }
    })
}

/// What is added to a component's flags, where anything is.
fn given(facts: &RestartFacts, component: KubeComponent) -> Option<&[ComponentArg]> {
    let entries = facts.entries.get(&component)?;
    (!entries.is_empty()).then_some(entries)
}

/// Entries of `kube-apiserver-arg` and its like by which a scored control fails.
fn arguments(version: &Version, facts: &RestartFacts) -> Vec<Advice> {
    let benchmark = Benchmark::of(version).benchmark;
    let of_given = |criterion: &Criterion| match criterion {
        Criterion::Flag(component, _) => given(facts, *component).is_some(),
        _ => false,
    };
    controls::asking(benchmark, of_given)
        .into_iter()
        .filter(|(_, edition)| edition.scoring == Scoring::Scored)
        .filter_map(|(control, edition)| {
            let Criterion::Flag(component, rule) = control.criterion else {
                return None;
            };
            let entries = given(facts, component)?;
            let found = rules::brought(rule, entries, benchmark).filter(|found| !found.holds)?;
            let source = found.sources.first().cloned();
            let setting = component.setting();
            let place = source
                .as_ref()
                .map_or_else(|| setting.to_owned(), Source::to_string);
            Some(Advice {
                check: CheckId::ControlArgument,
                subject: setting.to_owned(),
                summary: format!(
                    "{setting} brings {}: CIS {benchmark} control {} asks for {}",
                    found.actual,
                    edition.id,
                    rules::expected(rule, benchmark)
                ),
                remedies: vec![Remedy::manual(format!(
                    "correct the entry at {place}, then restart RKE2"
                ))],
                source,
            })
        })
        .collect()
}

fn etcd(facts: &RestartFacts) -> Option<Advice> {
    let (uid, gid) = (facts.account.uid?, facts.account.primary?);
    // Root may open everything; etcd will not run as root.
    let closed = |seen: &&InspectedFile| seen.uid != uid;
    let first = facts.etcd.iter().find(closed)?;
    let directory = facts
        .etcd
        .first()
        .map_or(first.path.as_str(), |seen| seen.path.as_str());
    Some(Advice {
        check: CheckId::ControlEtcdData,
        subject: "etcd's data".to_owned(),
        summary: format!(
            "with the profile etcd runs as the user etcd ({uid}), and {} belongs to user {}: etcd may \
             not be able to open it at the first start",
            first.path, first.uid
        ),
        remedies: vec![Remedy::manual(format!(
            "with RKE2 stopped, chown -R {uid}:{gid} {}",
            shell_word(directory)
        ))],
        source: Some(Source::file(first.path.clone())),
    })
}

fn policy(facts: &RestartFacts) -> Option<Advice> {
    let (source, why) = match facts.audit_policy.as_ref()? {
        ConfigDocument::Absent { .. } => return None,
        ConfigDocument::Broken(place, why) => (place.clone(), why.clone()),
        ConfigDocument::Read(document) => {
            let rules = document.get("rules");
            let is_empty = rules.is_none_or(|rules| rules.items().next().is_none());
            if !is_empty {
                return None;
            }
            (Source::file(document.path()), "it has no rules".to_owned())
        }
    };
    Some(Advice {
        check: CheckId::ControlAuditPolicy,
        subject: "audit policy".to_owned(),
        summary: format!("{source}: the API server ends on this audit policy: {why}"),
        remedies: vec![Remedy::manual(format!("fix {}", source.path))],
        source: Some(source),
    })
}

/// What of RKE2's own configuration of pod security was edited, which RKE2 writes anew at each start.
pub(crate) fn edited_pod_security(document: &ConfigDocument) -> Option<Advice> {
    let ConfigDocument::Read(document) = document else {
        return None;
    };
    let (what, source) = documents::edit_of_pod_security(document)?;
    let path = document.path();
    let copy = "/etc/rancher/rke2/pod-security.yaml";
    Some(Advice {
        check: CheckId::ConfigPodSecurity,
        subject: path.to_owned(),
        summary: format!(
            "{path} was edited ({what}): RKE2 writes it anew at each start, and the edit is lost"
        ),
        remedies: vec![Remedy::Manual {
            summary: format!(
                "keep it in a file of your own, and write `pod-security-admission-config-file: {copy}` in RKE2's \
                 configuration"
            ),
            commands: vec![format!("cp -p {path} {copy}")],
        }],
        source: Some(source),
    })
}
