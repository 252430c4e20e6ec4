//! What is not known of a unit, tried out: a finding blocks only where it holds whatever the unknown is.
//!
//! Two inputs can be unknown and still be tried: which release would start, and what a file that the kubelet
//! merges holds. Each finding that blocks is looked for under every release that is possible, and with each value
//! that the kubelet's two switches may have. Nothing is tried where nothing blocks.

use std::collections::HashSet;
use std::rc::Rc;

use crate::evaluate::{Doubt, blocks, doubt, evaluate};
use crate::facts::{HostFacts, NextBoot, Reading};
use crate::finding::Finding;
use crate::host::{HostRoot, facts, rke2_config};
use crate::requirements::{self, Requirement, RequirementKind};
use crate::rke2::config::{
    self, ConfigFiles, Ground, Invocation, KubeletFiles, KubeletPaths, ParserRules,
};
use crate::rke2::installed::{Detection, InstalledVersion, Note, VersionSource};
use crate::rke2::profile::{self, ProfileRules};
use crate::rke2::releases::{self, Coverage};
use crate::rke2::role::Role;
use crate::rke2::start::{Sourced, StartSettings};
use crate::rke2::version::Version;

/// More bytes of configuration than this are not read once for each release.
const MOST: usize = 64 * 1024;

/// What a unit was judged by.
pub(super) struct Judged<'a> {
    pub(super) root: &'a HostRoot,
    pub(super) role: Role,
    pub(super) invocation: &'a Invocation,
    pub(super) files: &'a ConfigFiles,
    pub(super) settings: &'a config::Settings,
    pub(super) kubelet: &'a config::Kubelet,
    pub(super) kubelet_files: &'a KubeletFiles,
    pub(super) requirements: &'a [Requirement],
    pub(super) facts: &'a HostFacts,
    pub(super) installed: &'a InstalledVersion,
    pub(super) detection: &'a Detection,
}

/// Which findings block in one of the worlds that are possible.
struct World {
    blocking: HashSet<Name>,
    /// RKE2 refuses the configuration itself, so that it asks nothing of the host.
    is_refused: bool,
    /// Something that blocks rests on which names the release knows.
    by_names: bool,
}

/// The finding of one world and that of another are the same.
type Name = (String, String);

fn name(finding: &Finding) -> Name {
    (finding.id.clone(), finding.subject.clone())
}

/// Makes every finding that blocks indeterminate, unless it holds whatever is not known.
pub(super) fn weaken(findings: &mut [Finding], judged: &Judged<'_>) {
    if !findings.iter().any(blocks) {
        return;
    }
    if let Some(gap) = judged.settings.gaps.first() {
        let doubtful = Doubt {
            because: gap.to_string(),
            notes: Vec::new(),
            remedy: None,
        };
        doubt_all(findings, &doubtful);
        return;
    }
    let reach = match judged.installed.source {
        VersionSource::Assumed | VersionSource::DataDir => Coverage::Any,
        _ => releases::coverage(&judged.installed.version),
    };
    match &reach {
        Coverage::LaterMinor => {
            let doubtful = newer(judged);
            doubt_all(findings, &doubtful);
            return;
        }
        Coverage::LaterPatch if rests_on_names(judged.requirements) => {
            let doubtful = newer(judged);
            doubt_all(findings, &doubtful);
        }
        Coverage::Exact | Coverage::LaterPatch | Coverage::OneOf(_) | Coverage::Any => {}
    }
    let is_one = matches!(reach, Coverage::Exact | Coverage::LaterPatch);
    if is_one && judged.kubelet.gaps.is_empty() {
        return;
    }
    if is_too_large(judged) {
        let doubtful = too_large(judged);
        doubt_all(findings, &doubtful);
        return;
    }
    let mut host = Host::new(judged);
    let mut open: Vec<Name> = findings.iter().filter(|f| blocks(f)).map(name).collect();
    let mut lost: Vec<(Name, Doubt)> = Vec::new();
    for version in different(judged, possible(&reach, &judged.installed.version)) {
        if open.is_empty() {
            break;
        }
        for kubelet in kubelets(judged.kubelet) {
            let world = host.judge(&version, kubelet);
            // A release that came later may know more names.
            let may_change = reach == Coverage::Any && version == profile::newest();
            open.retain(|name| {
                let holds = world.blocking.contains(name) || world.is_refused;
                let holds = holds && !(may_change && world.by_names);
                if !holds {
                    let why = if kubelet.is_some() && !judged.kubelet.gaps.is_empty() {
                        unread(judged)
                    } else {
                        unknown_release(judged, &reach, &version, may_change && world.by_names)
                    };
                    lost.push((name.clone(), why));
                }
                holds
            });
        }
    }
    for finding in findings {
        let name = name(finding);
        if let Some((_, why)) = lost.iter().find(|(lost, _)| *lost == name) {
            doubt(finding, why);
        }
    }
}

/// Whether the configuration takes too long to be read again and again: by its length, or because a few lines
/// with anchors and aliases can unfold to millions of values.
fn is_too_large(judged: &Judged<'_>) -> bool {
    let (files, kubelet) = (judged.files, judged.kubelet_files);
    let drop_ins = files.drop_ins.iter().flatten();
    let of_rke2 = std::iter::once(&files.main).chain(drop_ins.map(|file| &file.content));
    let merged = kubelet.conf_d.iter().chain(&kubelet.config);
    let merged = merged.chain(&kubelet.config_dir).map(|file| &file.content);
    let contents = of_rke2.chain(merged).flatten();
    let unfolds = |content: &Vec<u8>| content.contains(&b'&') && content.contains(&b'*');
    contents.clone().map(Vec::len).sum::<usize>() > MOST || contents.clone().any(unfolds)
}

fn too_large(judged: &Judged<'_>) -> Doubt {
    Doubt {
        because: format!(
            "which release of RKE2 would start, and its configuration is too large to be tried with each: {}",
            judged.files.path
        ),
        notes: judged
            .detection
            .notes
            .iter()
            .map(ToString::to_string)
            .collect(),
        remedy: Some(remedy(judged.detection)),
    }
}

fn doubt_all(findings: &mut [Finding], doubtful: &Doubt) {
    for finding in findings {
        doubt(finding, doubtful);
    }
}

/// Whether something refuses the configuration because of the names that a release knows: a profile, a flag.
fn rests_on_names(requirements: &[Requirement]) -> bool {
    requirements
        .iter()
        .any(|requirement| match &requirement.kind {
            RequirementKind::ProfileName { status, .. } => {
                RequirementKind::profile_refusal(*status).is_some()
            }
            RequirementKind::Configuration(fatal) => fatal.ground == Ground::Names,
            _ => false,
        })
}

/// Which releases may start.
fn possible(reach: &Coverage, version: &Version) -> Vec<Version> {
    match reach {
        Coverage::OneOf(range) => range.clone().rev().filter_map(releases::release).collect(),
        // The newest one stands for those to come as well, which know more names: better a release that is there
        // to be named than those.
        Coverage::Any => {
            let newest = releases::count().saturating_sub(1);
            let order = (0..newest).rev().chain([newest]);
            order.filter_map(releases::release).collect()
        }
        Coverage::Exact | Coverage::LaterPatch | Coverage::LaterMinor => vec![version.clone()],
    }
}

/// One release of each that this host cannot tell apart, the newest.
fn different(judged: &Judged<'_>, versions: Vec<Version>) -> Vec<Version> {
    if versions.len() < 2 {
        return versions;
    }
    let reading = config::Interpretation::of(judged.invocation, judged.files, judged.role);
    let mut kinds: Vec<(ProfileRules, config::Likeness)> = Vec::new();
    let mut is_new = |version: &Version| {
        let profile = ProfileRules::of(version);
        let likeness = reading.by(&ParserRules::of(version));
        let known =
            |(other, like): &(ProfileRules, _)| *like == likeness && other.is_like(&profile);
        let new = !kinds.iter().any(known);
        if new {
            kinds.push((profile, likeness));
        }
        new
    };
    versions
        .into_iter()
        .filter(|version| is_new(version))
        .collect()
}

/// What the kubelet's switches may be: `protect-kernel-defaults` and `fail-cgroupv1`; once, and not touched, where
/// all its files were read.
fn kubelets(kubelet: &config::Kubelet) -> Vec<Option<(bool, bool)>> {
    if kubelet.gaps.is_empty() {
        return vec![None];
    }
    let both = [false, true];
    let pairs = both.into_iter().flat_map(|a| both.map(|b| Some((a, b))));
    pairs.collect()
}

fn newer(judged: &Judged<'_>) -> Doubt {
    let version = &judged.installed.version;
    let newest = releases::newest_of(version.minor);
    Doubt {
        because: format!("{version} is newer than the rules of this preflight-rke2"),
        notes: vec![format!("judged by the rules of {newest}")],
        remedy: Some(format!(
            "install a preflight-rke2 that knows {version}, or see in its release notes whether it takes this"
        )),
    }
}

fn unread(judged: &Judged<'_>) -> Doubt {
    Doubt {
        because: "not all is known of what the kubelet merges".to_owned(),
        notes: judged
            .kubelet
            .gaps
            .iter()
            .map(ToString::to_string)
            .collect(),
        remedy: None,
    }
}

/// Why the release is not known, and what makes it known.
fn unknown_release(judged: &Judged<'_>, reach: &Coverage, witness: &Version, newer: bool) -> Doubt {
    let version = &judged.installed.version;
    let is_any = *reach == Coverage::Any;
    let because = if is_any {
        "the release that would start is not known".to_owned()
    } else {
        format!("{version} is none of the releases whose rules are known")
    };
    let mut notes: Vec<String> = Vec::new();
    if is_any {
        notes.extend(judged.detection.notes.iter().map(ToString::to_string));
    }
    notes.push(if newer {
        format!("judged by the rules of {version}; a release newer than {witness} may take it")
    } else {
        format!("judged by the rules of {version}; {witness} would not refuse this")
    });
    Doubt {
        because,
        notes,
        remedy: is_any.then(|| remedy(judged.detection)),
    }
}

/// How to make the release known.
pub(super) fn remedy(detection: &Detection) -> String {
    let of = |note: &Note| match note {
        Note::NotElf { path } => Some(format!(
            "let ExecStart= of the unit name RKE2's own program instead of {path}"
        )),
        Note::NotAbsolute { path } => Some(format!(
            "let ExecStart= of the unit name {path} by its absolute path"
        )),
        Note::NotTrusted { path, .. } => Some(format!(
            "make {path} root's own, so that it can be asked: `chown root:root {0} && chmod 755 {0}`",
            crate::text::shell_word(path)
        )),
        Note::CommandFailed { path, .. } => Some(format!(
            "see why `{} --version` does not answer",
            crate::text::shell_word(path)
        )),
        Note::NoProgram { .. }
        | Note::Unreadable(_)
        | Note::NoVersion { .. }
        | Note::NotAVersion { .. } => None,
    };
    let way = detection.notes.iter().find_map(of);
    way.unwrap_or_else(|| "name the release with --rke2-version".to_owned())
}

/// The host, looked at once for each question that a world may put to it.
struct Host<'a> {
    judged: &'a Judged<'a>,
    kubelet: Vec<(KubeletPaths, Rc<KubeletFiles>)>,
    /// All that any release may ask, by the longest line that it reads of the account files.
    facts: Vec<(Option<usize>, Rc<HostFacts>)>,
    next_boot: Option<Vec<Reading<NextBoot>>>,
}

impl<'a> Host<'a> {
    const fn new(judged: &'a Judged<'a>) -> Self {
        Self {
            judged,
            kubelet: Vec::new(),
            facts: Vec::new(),
            next_boot: None,
        }
    }

    /// What blocks where `version` starts, with the kubelet's switches as they are or as given.
    fn judge(&mut self, version: &Version, switches: Option<(bool, bool)>) -> World {
        let judged = self.judged;
        let parser = ParserRules::of(version);
        let settings = config::resolve(judged.invocation, judged.files, judged.role, &parser);
        let profile = ProfileRules::of(version);
        // Nothing is asked of the host then.
        let fatal = settings.fatal.as_ref().map(|fatal| fatal.ground);
        let refusal = RequirementKind::profile_refusal(profile.status(settings.profile()));
        if let Some(ground) = fatal.or(refusal.map(|_| Ground::Names)) {
            return World {
                blocking: HashSet::new(),
                is_refused: true,
                by_names: ground == Ground::Names,
            };
        }
        let paths = config::kubelet_paths(&settings, &parser);
        let kubelet = config::kubelet(&settings, &parser, &self.files(paths));
        let mut start = StartSettings::new(version.clone(), &settings, &kubelet);
        if let Some((protects, fails)) = switches {
            start.kubelet_protect = Some(Sourced::default_value(protects));
            start.kubelet_fail_cgroup_v1 = Some(Sourced::default_value(fails));
        }
        let requirements = requirements::of(&start);
        let by_names = rests_on_names(&requirements);
        let findings = evaluate(&requirements, &self.facts(profile.account_line_limit));
        World {
            is_refused: false,
            blocking: findings.iter().filter(|f| blocks(f)).map(name).collect(),
            by_names,
        }
    }

    fn files(&mut self, paths: KubeletPaths) -> Rc<KubeletFiles> {
        if let Some((_, files)) = self.kubelet.iter().find(|(known, _)| *known == paths) {
            return Rc::clone(files);
        }
        let files = Rc::new(rke2_config::read_kubelet(self.judged.root, &paths));
        self.kubelet.push((paths, Rc::clone(&files)));
        files
    }

    fn facts(&mut self, limit: Option<usize>) -> Rc<HostFacts> {
        if let Some((_, facts)) = self.facts.iter().find(|(known, _)| *known == limit) {
            return Rc::clone(facts);
        }
        let root = self.judged.root;
        let most = most_demanded();
        // What was read for the verdict, where it was for all of them.
        let known = &self.judged.facts.kernel;
        let asked = |requirement: &&Requirement| {
            requirement.applies && matches!(requirement.kind, RequirementKind::Kernel { .. })
        };
        let next_boot = if self.judged.requirements.iter().filter(asked).count() == known.len() {
            known.iter().map(|fact| fact.next_boot.clone()).collect()
        } else {
            let read = self.next_boot.take();
            read.unwrap_or_else(|| super::next_boot(root, &most))
        };
        self.next_boot = Some(next_boot.clone());
        let facts = Rc::new(facts::collect(root, &most, next_boot, limit));
        self.facts.push((limit, Rc::clone(&facts)));
        facts
    }
}

/// The requirements of a node that is held to all of them.
fn most_demanded() -> Vec<Requirement> {
    let mut start = StartSettings::unconfigured(profile::newest(), Role::Server);
    start.profile = Sourced::default_value("cis".to_owned());
    requirements::of(&start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_asked_that_a_release_may_ask() {
        let all = most_demanded();
        let asked = |demand: fn(&RequirementKind) -> bool| {
            let of_host = all.iter().filter(|r| r.applies && demand(&r.kind));
            of_host.count()
        };
        assert_eq!(asked(|d| matches!(d, RequirementKind::Kernel { .. })), 6);
        assert_eq!(asked(|d| matches!(d, RequirementKind::Account { .. })), 2);
        assert_eq!(asked(|d| matches!(d, RequirementKind::CgroupV2 { .. })), 1);
    }

    #[test]
    fn each_reason_has_its_own_way_out() {
        use crate::facts::ReadError;
        use crate::rke2::installed::CommandFailure;

        let path = || "/usr/local/bin/rke2".to_owned();
        for (note, way) in [
            (
                Note::NotElf { path: path() },
                "let ExecStart= of the unit name RKE2's own program instead of /usr/local/bin/rke2",
            ),
            (
                Note::NotAbsolute {
                    path: "rke2".to_owned(),
                },
                "let ExecStart= of the unit name rke2 by its absolute path",
            ),
            (
                Note::NotTrusted {
                    path: path(),
                    reason: "others than root may write to it",
                },
                "make /usr/local/bin/rke2 root's own, so that it can be asked: \
                 `chown root:root /usr/local/bin/rke2 && chmod 755 /usr/local/bin/rke2`",
            ),
            (
                Note::CommandFailed {
                    path: path(),
                    failure: CommandFailure::Deadline(2000),
                },
                "see why `/usr/local/bin/rke2 --version` does not answer",
            ),
            (
                Note::Unreadable(ReadError::NotRegular {
                    path: path(),
                    kind: "FIFO",
                }),
                "name the release with --rke2-version",
            ),
        ] {
            let detection = Detection {
                installed: None,
                notes: vec![note],
            };
            assert_eq!(remedy(&detection), way);
        }
    }
}
