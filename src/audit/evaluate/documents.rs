//! Files that the API server is pointed at: encryption providers, audit policy, pod security.

use super::{by_profile, not_there, unreadable};
use crate::audit::cure::{Cure, restart, sed};
use crate::audit::facts::{ConfigDocument, NodeFacts};
use crate::audit::result::{ControlResult, Holds};
use crate::facts::Source;
use crate::rke2::changes;
use crate::rke2::config::document::{Document, Node};
use crate::rke2::layout;
use crate::rke2::version::{Since, Version};

/// Providers that encrypt, as the benchmark counts them.
const ENCRYPTING: [&str; 3] = ["aescbc", "kms", "secretbox"];

fn document(document: &ConfigDocument) -> Result<&Document, Box<ControlResult>> {
    match document {
        ConfigDocument::Absent { path } => Err(Box::new(not_there(path))),
        ConfigDocument::Broken(place, why) => Err(Box::new(unreadable(place, why))),
        ConfigDocument::Read(document) => Ok(document),
    }
}

pub(super) fn encryption(facts: &NodeFacts) -> ControlResult {
    let document = match document(&facts.encryption) {
        Ok(document) => document,
        Err(result) => return *result,
    };
    let expected = format!(
        "the first provider for secrets is {}",
        ENCRYPTING.join(", ")
    );
    let covers = |entry: &Node<'_>| {
        let mut resources = entry.get("resources").into_iter().flat_map(Node::items);
        resources.any(|name| matches!(name.text().as_deref(), Some("secrets" | "*." | "*.*")))
    };
    let entry = document
        .get("resources")
        .into_iter()
        .flat_map(Node::items)
        .find(covers);
    let provider = entry.and_then(|entry| entry.get("providers")?.items().next());
    let name = provider.and_then(|provider| provider.keys().next());
    let path = document.path();
    let (holds, found) = match name {
        Some(name) => (ENCRYPTING.contains(&name), format!("{name} first")),
        None => (false, "no provider for secrets".to_owned()),
    };
    let source = provider
        .or(entry)
        .map_or_else(|| Source::file(path), Node::source);
    if holds {
        return ControlResult::new(Holds::Yes, expected, format!("{path} has {found}"))
            .found(found)
            .at([source]);
    }
    let summary = format!("{path} has {found}; must be: {expected}");
    ControlResult::new(Holds::No, expected, summary)
        .found(found)
        .at([source])
        .cured_by(
            Cure::other(
                "secrets-encryption",
                "enable encryption of secrets, then encrypt the stored ones again",
            )
            .with([
                "rke2 secrets-encrypt enable".to_owned(),
                restart(facts),
                "rke2 secrets-encrypt reencrypt --force --skip".to_owned(),
            ])
            .note("on a cluster with several servers, restart each before the last command"),
        )
}

pub(super) fn audit_policy(facts: &NodeFacts) -> ControlResult {
    let expected = "rules that log something";
    let document = match document(&facts.audit_policy) {
        Ok(document) => document,
        Err(result) => return *result,
    };
    let path = document.path();
    let rules: Vec<Node<'_>> = document
        .get("rules")
        .into_iter()
        .flat_map(Node::items)
        .collect();
    let logs = |rule: &&Node<'_>| {
        let level = rule.get("level").and_then(Node::text);
        level.is_some_and(|level| level != "None")
    };
    if let Some(rule) = rules.iter().find(logs) {
        let count = crate::text::count(rules.iter().filter(logs).count(), "rule");
        let summary = format!("{path} has {count} that log; check that they log what matters");
        return ControlResult::new(Holds::Yes, expected, summary)
            .found(count)
            .at([rule.source()]);
    }
    let found = if rules.is_empty() {
        "no rule"
    } else {
        "level None in every rule"
    };
    let place = rules
        .first()
        .map_or_else(|| Source::file(path), |rule| rule.source());
    let cure = Cure::other(
        "audit-policy",
        format!("have {path} log something (RKE2 puts a policy there that logs nothing)"),
    )
    .then_restart();
    let cure = if rules.is_empty() {
        cure
    } else {
        let edit = "s/\\blevel: *\"\\{0,1\\}None\"\\{0,1\\}/level: Metadata/";
        cure.with([sed(edit, path)])
    };
    ControlResult::new(Holds::No, expected, format!("{path} logs nothing: {found}"))
        .found(found)
        .at([place])
        .cured_by(cure)
}

/// The configuration of a plugin.
pub(super) fn plugin<'a>(document: &'a Document, name: &str) -> Option<Node<'a>> {
    let named =
        |plugin: &Node<'_>| plugin.get("name").and_then(Node::text).as_deref() == Some(name);
    document
        .get("plugins")
        .into_iter()
        .flat_map(Node::items)
        .find(named)
}

/// The plugin for pod security.
const POD_SECURITY: &str = "PodSecurity";

pub(super) fn pod_security(facts: &NodeFacts) -> ControlResult {
    let expected = "defaults.enforce: restricted";
    let document = match document(&facts.pod_security) {
        Ok(document) => document,
        Err(result) => return *result,
    };
    let path = document.path();
    let plugin = plugin(document, POD_SECURITY);
    let level =
        plugin.and_then(|plugin| plugin.get("configuration")?.get("defaults")?.get("enforce"));
    let text = level.and_then(Node::text);
    let found = match &text {
        Some(text) => format!("defaults.enforce: {text}"),
        None => "no defaults.enforce for PodSecurity".to_owned(),
    };
    let place = level
        .or(plugin)
        .map_or_else(|| Source::file(path), Node::source);
    if text.as_deref() == Some("restricted") {
        return ControlResult::new(Holds::Yes, expected, format!("{path} has {found}"))
            .found(found)
            .at([place]);
    }
    ControlResult::new(
        Holds::No,
        expected,
        format!("{path} has {found}; must be: {expected}"),
    )
    .found(found)
    .at([place])
    .cured_by(if path == layout::POD_SECURITY {
        by_profile(facts)
    } else {
        let exempted = exempted(plugin);
        let missing: Vec<&str> = exempt(&facts.version)
            .filter(|name| !exempted.iter().any(|exempted| exempted == name))
            .collect();
        // RKE2's own pods would be refused there.
        let line = level.map(Node::source).filter(|_| missing.is_empty());
        let correct = match &line {
            None if !missing.is_empty() => format!(
                "write `enforce: restricted` below the defaults of PodSecurity in {path}, and add {} to its \
                 exemptions.namespaces",
                missing.join(", ")
            ),
            Some(line) => format!("write `enforce: restricted` at {line}"),
            None => {
                format!("write `enforce: restricted` below the defaults of PodSecurity in {path}")
            }
        };
        let command = line.and_then(|line| line.line).map(|number| {
            let edit = format!("{number}s/^\\( *enforce:\\).*/\\1 restricted/");
            sed(&edit, path)
        });
        Cure::file(path, correct).with(command)
    })
}

/// Namespaces that a CIS profile exempts from pod security, since and until which releases.
const EXEMPT: [(&str, Since, Since); 4] = [
    ("kube-system", changes::POD_SECURITY, Since::NEVER),
    (
        "cis-operator-system",
        changes::POD_SECURITY,
        changes::CIS_OPERATOR_NOT_EXEMPT,
    ),
    ("tigera-operator", changes::TIGERA_EXEMPT, Since::NEVER),
    (
        "compliance-operator-system",
        changes::COMPLIANCE_EXEMPT,
        Since::NEVER,
    ),
];

/// Those of one release.
pub(super) fn exempt(version: &Version) -> impl Iterator<Item = &'static str> {
    EXEMPT
        .iter()
        .filter(|(_, since, until)| since.includes(version) && !until.includes(version))
        .map(|(name, ..)| *name)
}

/// The namespaces that the plugin exempts, as they are written.
fn exempt_list(plugin: Option<Node<'_>>) -> Option<Node<'_>> {
    plugin?
        .get("configuration")?
        .get("exemptions")?
        .get("namespaces")
}

/// Their names.
fn exempted(plugin: Option<Node<'_>>) -> Vec<String> {
    let items = exempt_list(plugin).into_iter().flat_map(Node::items);
    items.filter_map(Node::text).collect()
}

pub(super) fn exemptions(facts: &NodeFacts) -> ControlResult {
    let allowed: Vec<&str> = exempt(&facts.version).collect();
    let expected = format!("no namespace but {}", allowed.join(", "));
    let document = match document(&facts.pod_security) {
        Ok(document) => document,
        Err(result) => return *result,
    };
    let path = document.path();
    let list = exempt_list(plugin(document, POD_SECURITY));
    let items: Vec<Node<'_>> = list.into_iter().flat_map(Node::items).collect();
    let others: Vec<(String, Source)> = items
        .iter()
        .filter_map(|item| Some((item.text()?, item.source())))
        .filter(|(name, _)| !allowed.contains(&name.as_str()))
        .collect();
    let names: Vec<String> = items.iter().filter_map(|item| item.text()).collect();
    let found = match names.len() {
        0 => "no exempt namespace".to_owned(),
        _ => names.join(", "),
    };
    if others.is_empty() {
        return ControlResult::new(Holds::Yes, expected, format!("{path} exempts {found}"))
            .found(found)
            .at(list.map(Node::source));
    }
    let more: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    let summary = format!("{path} exempts {} as well", more.join(", "));
    ControlResult::new(Holds::No, expected, summary)
        .found(found)
        .at(others.iter().map(|(_, source)| source.clone()))
        .cured_by(if path == layout::POD_SECURITY {
            // RKE2 writes its own file anew.
            by_profile(facts)
        } else {
            Cure::file(
                path,
                format!(
                    "remove {} from the exempt namespaces of {path}, or waive it; label a namespace instead where possible",
                    more.join(", ")
                ),
            )
        })
}

/// The first thing in RKE2's own admission configuration that no release of RKE2 writes, and where it stands.
pub(in crate::audit) fn edit_of_pod_security(document: &Document) -> Option<(String, Source)> {
    let plugins = document.get("plugins")?;
    for plugin in plugins.items() {
        let name = plugin.get("name").and_then(Node::text).unwrap_or_default();
        if name != POD_SECURITY {
            return Some((format!("plugin {name}"), plugin.source()));
        }
    }
    let configuration = plugin(document, POD_SECURITY)?.get("configuration")?;
    let defaults = configuration.get("defaults");
    let level = |name: &str| defaults.and_then(|defaults| defaults.get(name)?.text());
    let own = match level("enforce").as_deref() {
        Some("restricted") => "restricted",
        _ => "privileged",
    };
    for name in defaults.into_iter().flat_map(Node::keys) {
        let value = defaults.and_then(|defaults| defaults.get(name));
        let text = value.and_then(Node::text).unwrap_or_default();
        let is_own = if name.ends_with("-version") {
            text == "latest"
        } else {
            text == own
        };
        if let Some(value) = value.filter(|_| !is_own) {
            return Some((format!("{name}: {text}"), value.source()));
        }
    }
    let exemptions = configuration.get("exemptions")?;
    for name in exemptions.keys() {
        for item in exemptions.get(name).into_iter().flat_map(Node::items) {
            let text = item.text().unwrap_or_default();
            let is_own = name == "namespaces" && EXEMPT.iter().any(|(own, ..)| *own == text);
            if !is_own {
                return Some((format!("exemption {text}"), item.source()));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemptions_follow_the_release() {
        const OLD: &[&str] = &["kube-system", "cis-operator-system", "tigera-operator"];
        const NEW: &[&str] = &[
            "kube-system",
            "tigera-operator",
            "compliance-operator-system",
        ];
        for (version, names) in [
            ((25, 0, 1), &["kube-system", "cis-operator-system"][..]),
            ((25, 2, 1), OLD),
            ((31, 14, 1), OLD),
            ((32, 13, 1), OLD),
            (
                (32, 13, 2),
                &[
                    "kube-system",
                    "cis-operator-system",
                    "tigera-operator",
                    "compliance-operator-system",
                ],
            ),
            ((33, 9, 1), OLD),
            ((33, 10, 1), NEW),
            ((34, 5, 1), OLD),
            ((34, 6, 1), NEW),
            ((35, 2, 1), OLD),
            ((35, 3, 1), NEW),
            ((36, 0, 1), NEW),
        ] {
            let (minor, patch, revision) = version;
            let found: Vec<&str> = exempt(&Version::new(minor, patch, revision)).collect();
            assert_eq!(found, names, "{version:?}");
        }
    }
}
