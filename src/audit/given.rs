//! What RKE2 itself gives its components, as far as controls ask for it: whether its next start cures a control.

use super::control::{KubeComponent, Rule};
use super::facts::NodeFacts;
use super::flags::ComponentArg;
use crate::kubernetes::control_plane::is_admission_plugin;
use crate::kubernetes::{Minor, OLDEST, tables};
use crate::rke2::changes::{AUDIT_BY_FILE, POD_SECURITY, TOKENS_NOT_EXTENDED};
use crate::rke2::config::{SettingValue, entry_flag};
use crate::rke2::profile::Scope;

/// When RKE2 gives what a rule requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByRke2 {
    /// Unless an entry of a `*-arg` setting says otherwise.
    Always,
    /// With a CIS profile only.
    WithProfile,
    /// Never: it has to be configured.
    Never,
}

/// Admission plugins that RKE2 leaves off.
const PLUGINS_OFF: [&str; 3] = [
    "AlwaysPullImages",
    "DenyServiceExternalIPs",
    "EventRateLimit",
];

/// Source: k3s-io/k3s pkg/daemons/control/server.go, rancher/rke2 pkg/rke2/rke2.go and pkg/executor/staticpod;
/// a test compares it with the results of the hardening guides.
pub(super) fn by_rke2(rule: Rule, facts: &NodeFacts, entries: &[ComponentArg]) -> ByRke2 {
    let version = &facts.version;
    let has_entry = |flag: &str| {
        entries
            .iter()
            .any(|entry| entry_flag(&entry.text).0 == flag)
    };
    match rule {
        Rule::Has(_, item) if PLUGINS_OFF.contains(&item) => ByRke2::Never,
        Rule::Has(_, "PodSecurityPolicy") | Rule::HasOneOf(..) => {
            if POD_SECURITY.includes(version) {
                ByRke2::Never
            } else {
                ByRke2::WithProfile
            }
        }
        Rule::Off("service-account-extend-token-expiration") => {
            if TOKENS_NOT_EXTENDED.includes(version) {
                ByRke2::WithProfile
            } else {
                ByRke2::Never
            }
        }
        // RKE2 leaves these to the file that the entry names.
        Rule::Has("authorization-mode", _) if has_entry("authorization-config") => ByRke2::Never,
        Rule::Off("anonymous-auth") if has_entry("authentication-config") => ByRke2::Never,
        Rule::Set(["encryption-provider-config"])
            if facts
                .settings
                .get("secrets-encryption")
                .is_some_and(|setting| {
                    setting.set && setting.value == SettingValue::Bool(false)
                }) =>
        {
            ByRke2::Never
        }
        _ if is_about_audit(rule) => {
            let by_file = !facts.settings.text("audit-policy-file").is_empty()
                && AUDIT_BY_FILE.includes(version);
            if by_file {
                ByRke2::Always
            } else {
                ByRke2::WithProfile
            }
        }
        _ => ByRke2::Always,
    }
}

/// Whether a rule is about flags of the audit log.
pub(super) fn is_about_audit(rule: Rule) -> bool {
    match rule {
        Rule::Set(names) => names.iter().any(|name| name.starts_with("audit-")),
        Rule::AtLeast(name, _) => name.starts_with("audit-"),
        _ => false,
    }
}

/// Whether RKE2's next start gives what a rule requires, if no entry says otherwise.
pub(super) fn next_start_meets(
    component: KubeComponent,
    rule: Rule,
    facts: &NodeFacts,
    entries: &[ComponentArg],
) -> bool {
    // RKE2 gives no flag that the component does not have.
    let needed = match rule {
        Rule::Off(name) | Rule::On(name) | Rule::AtLeast(name, _) | Rule::Zero(name) => Some(name),
        _ => None,
    };
    if needed.is_some_and(|name| !has_flag(facts, component, name)) {
        return false;
    }
    match by_rke2(rule, facts, entries) {
        ByRke2::Always => true,
        ByRke2::WithProfile => facts.profile == Some(Scope::Cis),
        ByRke2::Never => false,
    }
}

/// Whether the component of this release has a flag; of releases whose flags are not known, it is taken to.
pub(super) fn has_flag(facts: &NodeFacts, component: KubeComponent, flag: &str) -> bool {
    let minor = Minor(facts.version.minor);
    minor < OLDEST || tables::flag(component.kubernetes(), minor, flag).is_some()
}

/// Whether the API server of this release has an admission plugin. Kubernetes has `DenyServiceExternalIPs` since 1.21.
pub(super) fn has_plugin(facts: &NodeFacts, name: &str) -> bool {
    let minor = Minor(facts.version.minor);
    if minor < OLDEST {
        return name != "DenyServiceExternalIPs" || minor >= Minor(21);
    }
    is_admission_plugin(minor, name)
}
