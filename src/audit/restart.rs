//! What of the hardening guide will bite at RKE2's next start, for `check`: a profile that something
//! undoes, and what a profile that was switched on does not reach.

use std::collections::BTreeMap;

use super::benchmark::Benchmark;
use super::control::{Criterion, KubeComponent, Rule, Scoring};
use super::controls;
use super::evaluate::{documents, files, flags as rules};
use super::facts::{ConfigDocument, EtcdAccount, InspectedFile};
use super::flags::ComponentArg;
use crate::facts::Source;
use crate::finding::edit::{Change, Edit, Syntax};
use crate::finding::{CheckId, Remedy};
use crate::rke2::changes::{MANIFESTS_CLOSED, MANIFESTS_REMOVED};
use crate::rke2::config::{Kubelet, SettingOrigin, Settings, entry_flag};
use crate::rke2::profile::Scope;
use crate::rke2::refusals::renewed_policy;
use crate::rke2::role::Role;
use crate::rke2::start::Advice;
use crate::rke2::version::Version;
use crate::text::count;

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
    version: &Version,
    scope: Scope,
    facts: &RestartFacts,
    settings: &Settings,
    kubelet: &Kubelet,
) -> Vec<Advice> {
    let server = settings.role == Role::Server;
    let mut all = Vec::new();
    if scope == Scope::Cis {
        all.extend(manifests(version, facts));
        all.extend(undone(settings, kubelet));
        all.extend(arguments(version, settings, facts));
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
    Some(Advice {
        check: CheckId::ControlManifestMode,
        subject: "static pods".to_owned(),
        summary: format!(
            "{} with mode {:o}, from before the profile: RKE2 does not write a file anew whose content \
             is the same, and CIS asks for {MANIFEST:o}",
            count(open.len(), "static pod"),
            first.mode
        ),
        remedies: vec![Remedy::Edits {
            when: String::new(),
            edits: open
                .iter()
                .map(|seen| Edit::file(&seen.path, Change::Mode(MANIFEST)))
                .collect(),
            then: String::new(),
        }],
        source: Some(Source::file(first.path.clone())),
    })
}

fn undone(settings: &Settings, kubelet: &Kubelet) -> Option<Advice> {
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
            remedies: protect.remedies(
                settings,
                ("protect-kernel-defaults", "protectKernelDefaults"),
                None,
            ),
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
fn arguments(version: &Version, settings: &Settings, facts: &RestartFacts) -> Vec<Advice> {
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
            let flag = rules::names(rule).first().copied().unwrap_or_default();
            Some(Advice {
                check: CheckId::ControlArgument,
                subject: format!("{setting} {flag}"),
                summary: format!(
                    "{setting} brings {}: CIS {benchmark} control {} asks for {}",
                    found.actual,
                    edition.id,
                    rules::expected(rule, benchmark)
                ),
                remedies: vec![without_entries(settings, setting, rule)],
                source,
            })
        })
        .collect()
}

/// Without the entries that a rule is about, the component has what RKE2 gives it.
fn without_entries(settings: &Settings, setting: &str, rule: Rule) -> Remedy {
    let names = rules::names(rule);
    let is_about = |(text, _): &&(String, SettingOrigin)| names.contains(&entry_flag(text).0);
    let entries = settings.list(setting);
    // From the end, so that the lines of the others stay.
    let ways = entries
        .iter()
        .rev()
        .filter(is_about)
        .flat_map(|(text, origin)| origin.remedies(setting, Some(text), &Change::Remove));
    let ways: Vec<Remedy> = ways.collect();
    let edits: Vec<Edit> = ways.iter().flat_map(Remedy::edits).collect();
    match ways.as_slice() {
        [way] => way.clone(),
        _ => Remedy::Edits {
            when: String::new(),
            edits,
            then: String::new(),
        },
    }
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
        remedies: vec![Remedy::Edits {
            when: "with RKE2 stopped".to_owned(),
            edits: vec![Edit::file(directory, Change::Owner(uid, gid))],
            then: String::new(),
        }],
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
        remedies: vec![renewed_policy(&source.path)],
        source: Some(source),
    })
}

/// What of RKE2's own configuration of pod security was edited, which RKE2 writes anew at each start.
pub(crate) fn edited_pod_security(
    settings: &Settings,
    document: &ConfigDocument,
) -> Option<Advice> {
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
        remedies: vec![Remedy::Edits {
            when: "keep it in a file of your own:".to_owned(),
            edits: vec![
                Edit::file(path, Change::Copy(copy.to_owned())),
                Edit::entry(
                    Source::file(settings.config_file()),
                    Syntax::Yaml,
                    "pod-security-admission-config-file",
                    Change::Set(copy.to_owned()),
                ),
            ],
            then: String::new(),
        }],
        source: Some(source),
    })
}
