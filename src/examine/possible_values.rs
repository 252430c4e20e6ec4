//! Two inputs can be unknown and still be enumerated: which release would start, and what a file that the
//! kubelet merges sets. A finding blocks only where it holds for every possible value.
//!
//! The requirements are evaluated again for each release that is possible, and for each value that two flags of
//! the kubelet may have. Nothing is done where nothing blocks.

use std::collections::HashSet;
use std::rc::Rc;

use super::kubelet_machine;
use super::next_boot;
use super::node::HostNode;
use super::settings::Resolved;
use crate::evaluate::{Doubt, doubt, doubts, evaluate};
use crate::facts::{HostFacts, NextBoot, Reading};
use crate::finding::{CheckId, Component, Finding};
use crate::host::{HostRoot, facts, rke2_config};
use crate::requirements::{self, Requirement, RequirementKind};
use crate::rke2::config::{self, Ground, KubeletFiles, KubeletPaths, ParserRules};
use crate::rke2::node::{self, NodeProblem};
use crate::rke2::own_refusals;
use crate::rke2::profile::{self, ProfileRules};
use crate::rke2::refusals::{self, KubeletStart};
use crate::rke2::releases::{self, Coverage};
use crate::rke2::role::Role;
use crate::rke2::start::{ComponentFailures, Sourced, StartSettings};
use crate::rke2::version::Version;
use crate::unit::UnitDefinition;

/// A configuration of more bytes is not resolved again for each release.
const MAX_CONFIGURATION: usize = 64 * 1024;

/// What a unit was assessed by.
pub(super) struct Assessed<'a> {
    pub(super) root: &'a HostRoot,
    pub(super) role: Role,
    pub(super) definition: Option<&'a UnitDefinition>,
    pub(super) resolved: &'a Resolved,
    pub(super) requirements: &'a [Requirement],
    pub(super) facts: &'a HostFacts,
}

/// `protect-kernel-defaults` and `fail-cgroupv1` of the kubelet.
type KubeletFlags = (bool, bool);

/// Whose names a refusal rests on: profiles and flags of RKE2, or flags and gates of Kubernetes' components.
/// A release whose rules are not known for certain may know more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Names {
    None,
    Kubernetes,
    /// Of a profile that older releases accept.
    Removed,
    Rke2,
}

impl Names {
    fn of_profile(value: &str) -> Self {
        if profile::is_name(value) {
            Self::Removed
        } else {
            Self::Rke2
        }
    }
}

/// The result of one combination of possible values.
struct Variant {
    /// Which findings block.
    blocking: HashSet<FindingKey>,
    /// RKE2 refuses the configuration, so that it checks nothing of the host.
    is_refused: bool,
    /// Whether a finding that blocks depends on which names of profiles and flags the release knows.
    names: Names,
}

/// Identifies a finding across variants: check id and subject.
type FindingKey = (CheckId, String);

fn key(finding: &Finding) -> FindingKey {
    (finding.id(), finding.subject().to_owned())
}

/// Makes every blocking finding indeterminate, unless it holds for all possible values.
pub(super) fn doubt_uncertain(findings: &mut [Finding], assessed: &Assessed<'_>) {
    if !findings.iter().any(Finding::blocks) {
        return;
    }
    let resolved = assessed.resolved;
    if let Some(gap) = resolved.settings.gaps.first() {
        doubt_all(findings, &doubts::unknown_setting(gap));
        return;
    }
    let coverage = resolved.program.installed.coverage();
    match &coverage {
        Coverage::LaterMinor => {
            doubt_all(findings, &doubts::newer_release(resolved.version()));
            return;
        }
        Coverage::LaterPatch if names(assessed.requirements) != Names::None => {
            doubt_all(findings, &doubts::newer_release(resolved.version()));
        }
        // What its components accept was read from Kubernetes.
        Coverage::Extrapolated if names(assessed.requirements) == Names::Rke2 => {
            doubt_all(findings, &doubts::extrapolated_release(resolved.version()));
        }
        Coverage::Exact
        | Coverage::Extrapolated
        | Coverage::LaterPatch
        | Coverage::OneOf(_)
        | Coverage::Any => {}
    }
    let is_one_release = matches!(
        coverage,
        Coverage::Exact | Coverage::Extrapolated | Coverage::LaterPatch
    );
    if is_one_release && resolved.kubelet.gaps.is_empty() {
        return;
    }
    if is_too_large(resolved) {
        let detection = &resolved.program.detection;
        doubt_all(
            findings,
            &doubts::too_large(&resolved.files.path, detection),
        );
        return;
    }
    let refuted = refuted(findings, assessed, &coverage);
    for finding in findings {
        let key = key(finding);
        if let Some((_, why)) = refuted.iter().find(|(refuted, _)| *refuted == key) {
            doubt(finding, why);
        }
    }
}

/// The blocking findings that do not hold for all possible values, each with the values that refute it.
fn refuted(
    findings: &[Finding],
    assessed: &Assessed<'_>,
    coverage: &Coverage,
) -> Vec<(FindingKey, Doubt)> {
    let mut variants = Variants::new(assessed);
    let mut blocking: Vec<FindingKey> = findings.iter().filter(|f| f.blocks()).map(key).collect();
    let mut refuted = Vec::new();
    let releases = possible_releases(coverage, assessed.resolved.version());
    for version in distinct_releases(assessed, releases) {
        if blocking.is_empty() {
            break;
        }
        for flags in possible_kubelet_flags(&assessed.resolved.kubelet) {
            let variant = variants.evaluate(&version, flags);
            // The newest release stands for later ones too.
            let is_newest = *coverage == Coverage::Any && version == releases::newest();
            let or_newer = match variant.names {
                Names::None => false,
                // What its components accept was read of each release.
                Names::Kubernetes | Names::Removed => is_newest,
                Names::Rke2 => is_newest || releases::extrapolated_from(&version).is_some(),
            };
            blocking.retain(|key| {
                let holds = variant.is_refused || variant.blocking.contains(key);
                if holds && !or_newer {
                    return true;
                }
                let why = why_refuted(assessed.resolved, coverage, &version, flags, or_newer);
                refuted.push((key.clone(), why));
                false
            });
        }
    }
    refuted
}

fn why_refuted(
    resolved: &Resolved,
    coverage: &Coverage,
    witness: &Version,
    flags: Option<KubeletFlags>,
    or_newer: bool,
) -> Doubt {
    if flags.is_some() {
        doubts::unread_kubelet_files(&resolved.kubelet.gaps)
    } else if *coverage == Coverage::Any {
        let detection = &resolved.program.detection;
        doubts::unknown_release(resolved.version(), witness, or_newer, detection)
    } else {
        doubts::unlisted_release(resolved.version(), witness, or_newer)
    }
}

/// Whether resolving the configuration again for each release takes too long: because it is long, or because a
/// few lines with anchors and aliases can expand to millions of values.
fn is_too_large(resolved: &Resolved) -> bool {
    let (files, kubelet) = (&resolved.files, &resolved.kubelet_files);
    let drop_ins = files.drop_ins.iter().flatten();
    let of_rke2 = std::iter::once(&files.main).chain(drop_ins.map(|file| &file.content));
    let merged = kubelet.conf_d.iter().chain(&kubelet.config);
    let merged = merged.chain(&kubelet.config_dir).map(|file| &file.content);
    let contents = of_rke2.chain(merged).flatten();
    let may_expand = |content: &Vec<u8>| content.contains(&b'&') && content.contains(&b'*');
    contents.clone().map(Vec::len).sum::<usize>() > MAX_CONFIGURATION
        || contents.clone().any(may_expand)
}

fn doubt_all(findings: &mut [Finding], why: &Doubt) {
    for finding in findings {
        doubt(finding, why);
    }
}

/// Whether the configuration is refused because the release does not know a name in it: a profile or a flag.
fn names(requirements: &[Requirement]) -> Names {
    let names = |requirement: &Requirement| match &requirement.kind {
        RequirementKind::ProfileName { value, status, .. } => {
            match RequirementKind::profile_refusal(*status) {
                Some(_) => Names::of_profile(value),
                None => Names::None,
            }
        }
        RequirementKind::Configuration(fatal)
            if fatal.check.effect().blocks() && fatal.ground == Ground::Names =>
        {
            match fatal.component {
                Component::Rke2 => Names::Rke2,
                _ => Names::Kubernetes,
            }
        }
        _ => Names::None,
    };
    requirements.iter().map(names).max().unwrap_or(Names::None)
}

/// The releases that may start, the preferred witnesses first.
fn possible_releases(coverage: &Coverage, version: &Version) -> Vec<Version> {
    match coverage {
        Coverage::OneOf(range) => range.clone().rev().filter_map(releases::release).collect(),
        // The newest release stands for later ones too, and those whose rules are extrapolated may know more names: a
        // finding names one of them only if no other refutes it.
        Coverage::Any => {
            let all = (0..releases::count()).filter_map(releases::release);
            let is_read = |version: &Version| releases::extrapolated_from(version).is_none();
            let (read, extrapolated): (Vec<_>, Vec<_>) = all.partition(is_read);
            read.into_iter().rev().chain(extrapolated).collect()
        }
        Coverage::Exact | Coverage::Extrapolated | Coverage::LaterPatch | Coverage::LaterMinor => {
            vec![version.clone()]
        }
    }
}

/// What else of a release matters: as far as something is refused, its minor and RKE2's own checks; and whether it may
/// have flags and values that are not known.
type Differences = (Option<u32>, Option<[bool; 8]>, bool);

/// One release, the newest, of each group that this host's configuration does not distinguish.
fn distinct_releases(assessed: &Assessed<'_>, versions: Vec<Version>) -> Vec<Version> {
    if versions.len() < 2 {
        return versions;
    }
    let resolved = assessed.resolved;
    let invocation = &resolved.program.invocation;
    let reading = config::Interpretation::of(invocation, &resolved.files, assessed.role);
    // What the kubelet refuses differs by minor, not by release.
    let failures = resolved.failures.kubelet.as_deref().unwrap_or_default();
    let minor = |version: &Version| (!failures.is_empty()).then_some(version.minor);
    let refuses_itself = !resolved.failures.rke2.is_empty();
    let own = |version: &Version| refuses_itself.then(|| own_refusals::rules(version));
    let mut known: Vec<(ProfileRules, config::Likeness, Differences)> = Vec::new();
    let mut distinct = Vec::new();
    for version in versions {
        let profile = ProfileRules::of(&version);
        let likeness = reading.by(&ParserRules::of(&version));
        let differences = (minor(&version), own(&version), may_know_more(&version));
        let is_known = known.iter().any(|(other, like, of)| {
            *like == likeness && other.is_like(&profile) && *of == differences
        });
        if !is_known {
            known.push((profile, likeness, differences));
            distinct.push(version);
        }
    }
    distinct
}

/// Whether a release may stand for one that knows more profiles and flags: the newest for later ones, and one whose
/// rules are extrapolated for itself.
fn may_know_more(version: &Version) -> bool {
    *version == releases::newest() || releases::extrapolated_from(version).is_some()
}

/// The possible values of the kubelet's flags; `None` keeps the resolved ones, where all files were read.
fn possible_kubelet_flags(kubelet: &config::Kubelet) -> Vec<Option<KubeletFlags>> {
    if kubelet.gaps.is_empty() {
        return vec![None];
    }
    let both = [false, true];
    let pairs = both.into_iter().flat_map(|a| both.map(|b| Some((a, b))));
    pairs.collect()
}

/// Evaluates variants. What they need of the host is read once.
struct Variants<'a> {
    assessed: &'a Assessed<'a>,
    kubelet: Vec<(KubeletPaths, Rc<KubeletFiles>)>,
    /// Facts for the requirements of all releases, by the longest line of the account files that is read.
    facts: Vec<(Option<usize>, Rc<HostFacts>)>,
    next_boot: Option<Vec<Reading<NextBoot>>>,
    node: HostNode<'a>,
}

impl<'a> Variants<'a> {
    const fn new(assessed: &'a Assessed<'a>) -> Self {
        Self {
            assessed,
            node: HostNode::new(assessed.root, assessed.definition, false),
            kubelet: Vec::new(),
            facts: Vec::new(),
            next_boot: None,
        }
    }

    /// What blocks where `version` starts, with the kubelet's flags as resolved or as given.
    fn evaluate(&mut self, version: &Version, flags: Option<KubeletFlags>) -> Variant {
        let assessed = self.assessed;
        let resolved = assessed.resolved;
        let parser = ParserRules::of(version);
        let invocation = &resolved.program.invocation;
        let settings = config::resolve(invocation, &resolved.files, assessed.role, &parser);
        // RKE2 exits before it reads the host.
        let fatal = settings.fatal.as_ref().map(|fatal| match fatal.ground {
            Ground::Names => Names::Rke2,
            Ground::Settled => Names::None,
        });
        let rules = ProfileRules::of(version);
        let refusal = RequirementKind::profile_refusal(rules.status(settings.profile()));
        let refusal = refusal.map(|_| Names::of_profile(settings.profile()));
        if let Some(names) = fatal.or(refusal) {
            return Variant {
                blocking: HashSet::new(),
                is_refused: true,
                names,
            };
        }
        let paths = config::kubelet_paths(&settings, &parser);
        let files = self.kubelet_files(paths);
        let kubelet = config::kubelet(&settings, &parser, &files);
        let of_kubelet = kubelet_machine::with(assessed.root, &mut Vec::new(), |host| {
            refusals::kubelet(&KubeletStart {
                settings: &settings,
                version,
                rules: &parser,
                files: &files,
                kubelet: &kubelet,
                environment: &invocation.env,
                host,
            })
        });
        let failures = ComponentFailures {
            kubelet: of_kubelet.failures,
            gates: of_kubelet.gates,
            // They block no start by themselves, and are only reported of a release that is known.
            static_pods: Vec::new(),
            rke2: super::settings::own_failures(assessed.root, &settings, version),
        };
        let mut start = StartSettings::new(version.clone(), &settings, &kubelet, failures);
        start.node = self.node_problems(&settings, version);
        if let Some((protect_kernel_defaults, fail_cgroup_v1)) = flags {
            start.kubelet_protect = Some(Sourced::default_value(protect_kernel_defaults));
            start.kubelet_fail_cgroup_v1 = Some(Sourced::default_value(fail_cgroup_v1));
        }
        let requirements = requirements::of(&start);
        let findings = evaluate(&requirements, &self.facts(rules.account_line_limit));
        Variant {
            is_refused: false,
            blocking: findings.iter().filter(|f| f.blocks()).map(key).collect(),
            names: names(&requirements),
        }
    }

    /// Asked only where one is found.
    fn node_problems(&self, settings: &config::Settings, version: &Version) -> Vec<NodeProblem> {
        let is_node =
            |requirement: &Requirement| matches!(requirement.kind, RequirementKind::Node(_));
        if !self.assessed.requirements.iter().any(is_node) {
            return Vec::new();
        }
        node::problems(&node::Start { settings, version }, &self.node)
    }

    fn kubelet_files(&mut self, paths: KubeletPaths) -> Rc<KubeletFiles> {
        if let Some((_, files)) = self.kubelet.iter().find(|(known, _)| *known == paths) {
            return Rc::clone(files);
        }
        let files = Rc::new(rke2_config::read_kubelet(self.assessed.root, &paths));
        self.kubelet.push((paths, Rc::clone(&files)));
        files
    }

    fn facts(&mut self, line_limit: Option<usize>) -> Rc<HostFacts> {
        if let Some((_, facts)) = self.facts.iter().find(|(known, _)| *known == line_limit) {
            return Rc::clone(facts);
        }
        let all = all_requirements();
        let next_boot = self.next_boot(&all);
        let facts = facts::collect(self.assessed.root, &all, next_boot, line_limit);
        let facts = Rc::new(facts);
        self.facts.push((line_limit, Rc::clone(&facts)));
        facts
    }

    /// What was read for the report, if that was all parameters; else it is read once for all variants.
    fn next_boot(&mut self, all: &[Requirement]) -> Vec<Reading<NextBoot>> {
        let known = &self.assessed.facts.kernel;
        let is_kernel = |requirement: &&Requirement| {
            requirement.applies && matches!(requirement.kind, RequirementKind::Kernel { .. })
        };
        let required = self.assessed.requirements.iter().filter(is_kernel).count();
        let next_boot = if required == known.len() {
            known.iter().map(|fact| fact.next_boot.clone()).collect()
        } else {
            let read = self.next_boot.take();
            read.unwrap_or_else(|| {
                next_boot::read(self.assessed.root, self.assessed.definition, all).facts
            })
        };
        self.next_boot = Some(next_boot.clone());
        next_boot
    }
}

/// The requirements of a node to which all of them apply.
fn all_requirements() -> Vec<Requirement> {
    let mut start = StartSettings::unconfigured(releases::newest(), Role::Server);
    start.profile = Sourced::default_value("cis".to_owned());
    requirements::of(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_requirements_are_those_of_any_release() {
        let all = all_requirements();
        let count = |is_kind: fn(&RequirementKind) -> bool| {
            let applying = all.iter().filter(|r| r.applies && is_kind(&r.kind));
            applying.count()
        };
        assert_eq!(count(|k| matches!(k, RequirementKind::Kernel { .. })), 6);
        assert_eq!(count(|k| matches!(k, RequirementKind::Account { .. })), 2);
        assert_eq!(count(|k| matches!(k, RequirementKind::CgroupV2 { .. })), 1);
    }
}
