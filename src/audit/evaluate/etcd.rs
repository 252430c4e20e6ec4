//! etcd's own configuration, and who its static pod runs as.

use super::{not_there, unreadable};
use crate::audit::control::EtcdRule;
use crate::audit::cure::{Cure, Wanted};
use crate::audit::facts::{ConfigDocument, NodeFacts};
use crate::audit::result::{ControlResult, Holds};
use crate::go;
use crate::rke2::config::document::{Document, Node};
use crate::rke2::config::entry_flag;

/// `a//b/` is `a/b`.
fn clean(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}

pub(super) fn result(facts: &NodeFacts, rule: EtcdRule) -> ControlResult {
    let document = match &facts.etcd {
        ConfigDocument::Absent { path } => return not_there(path),
        ConfigDocument::Broken(place, why) => return unreadable(place, why),
        ConfigDocument::Read(document) => document,
    };
    match rule {
        EtcdRule::On(section, key) => boolean(facts, document, section, key, true),
        EtcdRule::OffOrUnset(section, key) => boolean(facts, document, section, key, false),
        EtcdRule::Files(section, keys) => {
            let wanted: Vec<String> = keys
                .iter()
                .map(|(key, file)| {
                    format!("{key}: {}", clean(&format!("{}/{file}", facts.data_dir)))
                })
                .collect();
            let expected = format!("{section}: {}", wanted.join(", "));
            let mut sources = Vec::new();
            for ((key, file), wanted) in keys.iter().zip(&wanted) {
                let node = document.at(&[section, key]);
                let text = node.and_then(Node::text).unwrap_or_default();
                let path = clean(&format!("{}/{file}", facts.data_dir));
                if clean(&text) != path {
                    let found = if text.is_empty() {
                        format!("no {section}.{key}")
                    } else {
                        format!("{section}.{key}: {text}")
                    };
                    let summary = format!("{} has {found}; must be: {wanted}", document.path());
                    return with_cure(
                        ControlResult::new(Holds::No, expected, summary).found(found),
                        facts,
                        section,
                        key,
                    )
                    .at(node.map(Node::source));
                }
                sources.extend(node.map(Node::source));
            }
            let summary = format!("{} has {}", document.path(), wanted.join(", "));
            ControlResult::new(Holds::Yes, expected.clone(), summary)
                .found(expected)
                .at(sources)
        }
    }
}

fn boolean(
    facts: &NodeFacts,
    document: &Document,
    section: &str,
    key: &str,
    wanted: bool,
) -> ControlResult {
    let node = document.at(&[section, key]);
    let text = node.and_then(Node::text);
    let value = text.as_ref().map(|text| go::parse_bool(text.as_bytes()));
    let holds = match value {
        Some(value) => value == Some(wanted),
        None => !wanted,
    };
    let or = if wanted { "" } else { ", or not set" };
    let expected = format!("{section}.{key}: {wanted}{or}");
    let found = match text {
        Some(text) => format!("{section}.{key}: {text}"),
        None => format!("no {section}.{key}"),
    };
    let sources = node.map(Node::source);
    if holds {
        let summary = format!("{} has {found}", document.path());
        return ControlResult::new(Holds::Yes, expected, summary)
            .found(found)
            .at(sources);
    }
    let summary = format!("{} has {found}; must be: {expected}", document.path());
    with_cure(
        ControlResult::new(Holds::No, expected, summary).found(found),
        facts,
        section,
        key,
    )
    .at(sources)
}

/// With what makes RKE2 write the key as it should be: it writes the file at each start, from its own settings and
/// `etcd-arg`.
fn with_cure(result: ControlResult, facts: &NodeFacts, section: &str, key: &str) -> ControlResult {
    let flag = match (section, key) {
        ("client-transport-security", "cert-file") => "cert-file",
        ("client-transport-security", "key-file") => "key-file",
        ("client-transport-security", "client-cert-auth") => "client-cert-auth",
        ("client-transport-security", "auto-tls") => "auto-tls",
        ("peer-transport-security", "cert-file") => "peer-cert-file",
        ("peer-transport-security", "key-file") => "peer-key-file",
        ("peer-transport-security", "client-cert-auth") => "peer-client-cert-auth",
        ("peer-transport-security", "auto-tls") => "peer-auto-tls",
        ("peer-transport-security", "trusted-ca-file") => "peer-trusted-ca-file",
        _ => "",
    };
    let entries = facts.settings.list("etcd-arg");
    let is_told = entries
        .iter()
        .any(|(text, _)| entry_flag(text).0.replace('_', "-") == flag);
    result.cured_by(if is_told {
        Cure::setting("etcd-arg", flag, Wanted::Value(None))
    } else {
        Cure::restart()
    })
}

pub(super) fn pod_user(facts: &NodeFacts) -> ControlResult {
    let expected = match (facts.account.uid, facts.account.gid) {
        (Some(uid), Some(gid)) => format!("runAsUser: {uid}, runAsGroup: {gid}"),
        _ => "runAsUser and runAsGroup of the account etcd".to_owned(),
    };
    let document = match &facts.etcd_pod {
        ConfigDocument::Absent { path } => return not_there(path),
        ConfigDocument::Broken(place, why) => return unreadable(place, why),
        ConfigDocument::Read(document) => document,
    };
    let context = document.at(&["spec", "securityContext"]);
    let id = |key: &str| {
        let text = context.and_then(|context| context.get(key)?.text())?;
        text.parse::<u32>().ok()
    };
    let (uid, gid) = (id("runAsUser"), id("runAsGroup"));
    let shown = |id: Option<u32>| id.map_or_else(|| "not set".to_owned(), |id| id.to_string());
    let found = format!("runAsUser: {}, runAsGroup: {}", shown(uid), shown(gid));
    let is_etcd =
        uid.is_some() && uid == facts.account.uid && gid.is_some() && gid == facts.account.gid;
    let sources = context.map(Node::source);
    if is_etcd {
        let summary = format!("the static pod of etcd has {found}");
        return ControlResult::new(Holds::Yes, expected, summary)
            .found(found)
            .at(sources);
    }
    let summary = format!("the static pod of etcd has {found}; must be: {expected}");
    ControlResult::new(Holds::No, expected, summary)
        .found(found)
        .at(sources)
        .cured_by(if facts.profile.is_none() {
            Cure::profile()
        } else {
            let account = facts.account;
            let other = account.uid.is_some() && account.primary != account.gid;
            Cure::restart().with(other.then(|| "usermod -g etcd etcd".to_owned()))
        })
}
