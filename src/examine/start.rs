//! Stage 2b: the settings that decide a start, and which advice applies to them.

use super::next_boot;
use super::node::HostNode;
use super::settings::Resolved;
use super::target::{OtherUnit, Target};
use crate::audit::restart;
use crate::finding::{CheckId, Stage};
use crate::host::{HostRoot, audit as host_audit, rke2_config};
use crate::requirements::{self, advice};
use crate::rke2::config::ParserRules;
use crate::rke2::installed::{Note, VersionSource};
use crate::rke2::node::{self, Node, NodeProblem};
use crate::rke2::profile::{self, ProfileRules};
use crate::rke2::start::{Advice, StartSettings};
use crate::rke2::{config_advice, layout};
use crate::unit::UnitDefinition;

/// The settings that decide the start, with the advice that applies.
pub(super) fn settings(
    root: &HostRoot,
    target: &Target,
    definition: Option<&UnitDefinition>,
    resolved: &Resolved,
) -> StartSettings {
    let version = resolved.version().clone();
    let mut start = StartSettings::new(
        version,
        &resolved.settings,
        &resolved.kubelet,
        resolved.failures.clone(),
    );
    if !joins(root, target, definition) {
        start
            .fatal
            .retain(|failure| failure.stage != Stage::Joining);
    }
    if target.other == OtherUnit::OnlyOtherEnabled {
        start.advice.clear();
        return start;
    }
    // Where something is not known, these may not be RKE2's settings.
    if resolved.settings.gaps.is_empty() {
        let lost = config_advice::advice(&resolved.settings, resolved.version());
        start.advice.extend(lost);
    }
    let node = HostNode::new(root, target.advise_on_node, target.sockets)
        .started_by(definition, &resolved.program.invocation.env);
    start.node = on_node(&node, resolved);
    start.advice.extend(on_version(resolved));
    if let Some(unit) = definition {
        let problems = unit.problems.iter();
        start
            .advice
            .extend(problems.map(|problem| advice::unit_problem(&unit.name, problem)));
    }
    if target.advise {
        let guide = on_hardening(root, resolved, &start);
        start.advice.extend(guide);
        let overwritten = on_overwritten(root, definition, &start);
        start.advice.extend(overwritten);
        start.advice.extend(on_files(root, resolved));
    }
    if target.other == OtherUnit::BothEnabled {
        start.advice.push(advice::both_enabled(target.role));
    }
    start
}

/// Whether the unit has the configuration with which it joins a cluster: not before it is installed, not in an image,
/// which gets it with its first boot, and not beside the unit of the other role, whose configuration that is or may be.
fn joins(root: &HostRoot, target: &Target, definition: Option<&UnitDefinition>) -> bool {
    definition.is_some()
        && !matches!(
            target.other,
            OtherUnit::OnlyOtherEnabled | OtherUnit::NeitherEnabled
        )
        && root.lstat("/proc/sys").is_ok()
}

/// Files that RKE2 does not read, or writes again, and a data directory of the other role.
fn on_files(root: &HostRoot, resolved: &Resolved) -> Vec<Advice> {
    // RKE2 may read other files than these.
    if !resolved.settings.gaps.is_empty() {
        return Vec::new();
    }
    let (settings, version) = (&resolved.settings, resolved.version());
    let rules = ParserRules::of(version);
    let unread = rke2_config::unread(root, &resolved.files, &rules).into_iter();
    let mut all: Vec<Advice> = unread
        .map(|file| config_advice::unread(&file, version))
        .collect();
    let data_dir = layout::data_dir(settings.data_dir());
    if let Some(evidence) = rke2_config::of_other_role(root, settings.role, &data_dir) {
        all.push(config_advice::other_role(
            settings.role,
            &evidence,
            &data_dir,
        ));
    }
    let pod_security = host_audit::own_pod_security(root, settings, version);
    all.extend(pod_security.and_then(|document| restart::edited_pod_security(settings, &document)));
    all
}

/// What of the node keeps RKE2 from running, where its settings are known and it gets that far.
fn on_node(node: &dyn Node, resolved: &Resolved) -> Vec<NodeProblem> {
    let settings = &resolved.settings;
    if settings.fatal.is_some() || !settings.gaps.is_empty() {
        return Vec::new();
    }
    let start = node::Start {
        settings,
        version: resolved.version(),
    };
    node::problems(&start, node)
}

fn on_version(resolved: &Resolved) -> Vec<Advice> {
    let installed = &resolved.program.installed;
    let mut all = Vec::new();
    if profile::is_newer_than_known(&installed.version) {
        all.push(advice::newer_version(installed));
    }
    let is_uncertain = matches!(
        installed.source,
        VersionSource::Assumed | VersionSource::DataDir
    );
    // A host without any program has no RKE2 yet, which is no problem.
    let notes = &resolved.program.detection.notes;
    let reason = notes
        .iter()
        .find(|note| !matches!(note, Note::NoProgram { .. }));
    if let (true, Some(reason)) = (is_uncertain, reason) {
        let detection = &resolved.program.detection;
        all.push(advice::unknown_version(installed, reason, detection));
    }
    all
}

/// Lines of sysctl.d that have no effect, because a kubelet that does not protect kernel defaults sets them.
fn on_overwritten(
    root: &HostRoot,
    definition: Option<&UnitDefinition>,
    start: &StartSettings,
) -> Vec<Advice> {
    if !start.fatal.is_empty() || !requirements::kubelet_sets(&requirements::of(start)) {
        return Vec::new();
    }
    next_boot::other_values(root, definition)
        .iter()
        .map(|(parameter, set)| advice::overwritten(parameter, set))
        .collect()
}

/// What the hardening guide requires at the next start. Without a profile the guide does not apply.
fn on_hardening(root: &HostRoot, resolved: &Resolved, start: &StartSettings) -> Vec<Advice> {
    let rules = ProfileRules::of(&start.version);
    let scope = rules.status(&start.profile.value).scope();
    let Some(scope) = scope else {
        return Vec::new();
    };
    // RKE2 exits before it reads the host.
    if !start.fatal.is_empty() {
        return Vec::new();
    }
    let facts = host_audit::restart(root, &start.version, &resolved.settings, scope);
    let (settings, kubelet) = (&resolved.settings, &resolved.kubelet);
    let mut all = restart::advice(&start.version, scope, &facts, settings, kubelet);
    // The API server of a release that is known says it in its own words.
    let policy = CheckId::ControlAuditPolicy;
    if start
        .static_pods
        .iter()
        .any(|failure| failure.check == policy)
    {
        all.retain(|advice| advice.check != policy);
    }
    all
}
