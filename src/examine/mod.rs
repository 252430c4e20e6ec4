//! Examines one unit: reads the facts in the order they are needed, and hands them on.
//!
//! The only place where reading and reasoning meet. What it decides is which facts to read.

pub(crate) mod audit;
mod sight;
mod worlds;

use std::path::Path;
use std::time::Duration;

use crate::assessment::{Examination, Parameters, UnitReport};
use crate::audit::restart;
use crate::evaluate::{evaluate, next_boot};
use crate::facts::{NextBoot, Reading, Source};
use crate::host::kernel_build::KernelBuild;
use crate::host::systemd_bus::PendingQuery;
use crate::host::{
    HostRoot, audit as host_audit, facts, rke2_binary, rke2_config, sysctl_d as sysctl_files, units,
};
use crate::requirements::{self, Requirement, RequirementKind};
use crate::rke2::build_info::{self, BinaryKind, BuildInfo};
use crate::rke2::config::{self, Argument, Gap, Invocation, ParserRules, Variable};
use crate::rke2::installed::{Detection, InstalledVersion, Note, VersionSource};
use crate::rke2::kernel::KERNEL_PARAMETERS;
use crate::rke2::profile::{self, ProfileRules};
use crate::rke2::releases;
use crate::rke2::role::Role;
use crate::rke2::start::{Advice, StartSettings};
use crate::rke2::version::Version;
use crate::sysctl_d::{self, Dialect, KeyResolution, Resolution, Tree};
use crate::unit::{Load, Start, UnitDefinition};
use crate::verdict;

/// Where RKE2 keeps its data unless told otherwise.
const DATA_DIR: &str = "/var/lib/rancher/rke2";
/// How long the installed program may take to tell its version.
const VERSION_PATIENCE: Duration = Duration::from_secs(2);
/// How long systemd may take to answer over D-Bus.
const BUS_PATIENCE: Duration = Duration::from_secs(2);
/// Where what was found out is kept until the next boot.
const CACHE: &str = crate::host::state::DIRECTORY;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Which unit, by its role.
    pub role: Role,
    /// The unit, where it is installed; if not, it is judged as RKE2 would install it.
    pub definition: Option<UnitDefinition>,
    /// The release to judge by; if not given, the installed one.
    pub version: Option<Version>,
    /// The other RKE2 unit of this host.
    pub other: Other,
    /// Whether advice after the hardening guide is wanted: what decides over a start does not need it.
    pub advise: bool,
}

/// How a unit stands beside the one of the other role. RKE2's tarball installs both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Other {
    /// It does not matter.
    #[default]
    Irrelevant,
    /// Both are enabled.
    Rival,
    /// The other is enabled and this one is not: what it says of it is no advice to anybody.
    Chosen,
}

/// The RKE2 units that are installed below `root`, as their files have them.
pub fn installed(root: &HostRoot) -> Vec<(Role, UnitDefinition)> {
    Role::ALL
        .into_iter()
        .map(|role| (role, units::find(root, role.unit())))
        .filter(|(_, definition)| definition.load != Load::NotFound)
        .collect()
}

/// What is to be asked of each RKE2 unit that is installed below `root`, one beside the other.
pub fn questions(root: &HostRoot) -> Vec<Question> {
    let installed = installed(root);
    let enabled = installed.iter().filter(|(_, unit)| unit.enabled.at_boot());
    let enabled = enabled.count();
    installed
        .into_iter()
        .map(|(role, definition)| Question {
            role,
            other: match (enabled, definition.enabled.at_boot()) {
                (2.., _) => Other::Rival,
                (1, false) => Other::Chosen,
                _ => Other::Irrelevant,
            },
            definition: Some(definition),
            version: None,
            advise: true,
        })
        .collect()
}

/// The unit of `role`, as its files have it.
pub(crate) fn installed_unit(root: &HostRoot, role: Role) -> Option<UnitDefinition> {
    Some(units::find(root, role.unit())).filter(|unit| unit.load != Load::NotFound)
}

/// Begins to ask systemd of the running host how it would start the unit of `role`, for [`asked`].
pub(crate) fn ask(root: &HostRoot, role: Role) -> Option<PendingQuery> {
    root.is_live()
        .then(|| PendingQuery::begin(role.unit(), BUS_PATIENCE))
}

/// Examines one unit; where it is installed on the running host, as systemd would start it.
pub fn unit(root: &HostRoot, question: &Question) -> Examination {
    let installed = question.definition.is_some();
    let asking = installed.then(|| ask(root, question.role)).flatten();
    asked(root, question, asking)
}

/// The same, with the question already put to systemd. What files say is replaced by what systemd itself
/// says, where it answers; mostly that is the same, so that all is examined by the files while the answer is
/// waited for, and anew only where it differs.
pub(crate) fn asked(
    root: &HostRoot,
    question: &Question,
    asking: Option<PendingQuery>,
) -> Examination {
    let examined = defined(root, question, question.definition.clone());
    let (Some(offline), Some(asking)) = (&question.definition, asking) else {
        return examined;
    };
    let told = asking.answer().ok();
    let Some(live) = told.as_ref().and_then(|units| units.first()) else {
        return examined;
    };
    let told = units::complete(root, live, offline);
    if starts_alike(&told, offline) {
        Examination {
            definition: Some(told),
            ..examined
        }
    } else {
        defined(root, question, Some(told))
    }
}

/// Whether both would have RKE2 run in the same way, and give the same cause for advice.
fn starts_alike(a: &UnitDefinition, b: &UnitDefinition) -> bool {
    let alike = match (a.command(), b.command()) {
        (Some(a), Some(b)) => {
            a.program == b.program && invocation(&a).means_the_same_as(&invocation(&b))
        }
        (None, None) => true,
        _ => false,
    };
    alike && a.name == b.name && a.problems == b.problems && sight::is_alike(a, b)
}

/// What RKE2 would run with: the program, its release, and the configuration of RKE2 and its kubelet.
struct Resolved {
    installed: InstalledVersion,
    detection: Detection,
    invocation: Invocation,
    files: config::ConfigFiles,
    settings: config::Settings,
    kubelet_files: config::KubeletFiles,
    kubelet: config::Kubelet,
    unseen: sight::Unseen,
}

/// Reads and resolves what the unit runs. What cannot be known of it is among the settings' gaps.
fn resolve(root: &HostRoot, question: &Question, definition: Option<&UnitDefinition>) -> Resolved {
    let started = definition.and_then(UnitDefinition::command);
    let program = definition
        .zip(started.as_ref())
        .map(|(unit, start)| sight::program(root, unit, start));
    let (mut installed, mut detection) = version(root, question, program.as_deref());
    let is_rke2 = program
        .as_deref()
        .is_none_or(|program| is_rke2(root, program, question, &installed, &detection));
    if !is_rke2 {
        // What runs another program may run RKE2 in the end, one of those where installers put it.
        (installed, detection) = version(root, question, None);
    }
    let direct = started.as_ref().filter(|_| is_rke2);
    let invocation = direct.map_or_else(|| Invocation::of(question.role), invocation);
    let version = &installed.version;

    let parser = ParserRules::of(version);
    let written = config::config_path(&invocation).path;
    let directory = definition.map(|unit| &*unit.working_directory);
    let path = sight::below(directory.unwrap_or_default(), &written);
    let files = rke2_config::read(root, &path);
    let mut settings = config::resolve(&invocation, &files, question.role, &parser);
    if let Some(program) = program.as_deref().filter(|_| !is_rke2) {
        let program = program.to_string_lossy().into_owned();
        settings.gaps.push(Gap::OtherProgram(program));
    }
    settings.gaps.extend(unread(program.as_deref(), &detection));
    let kubelet_paths = config::kubelet_paths(&settings, &parser);
    let kubelet_files = rke2_config::read_kubelet(root, &kubelet_paths);
    let kubelet = config::kubelet(&settings, &parser, &kubelet_files);
    let seen = sight::Seen {
        program: program.as_deref(),
        config: &files,
        is_relative: !written.as_os_str().is_empty() && written.is_relative(),
        kubelet: &kubelet_files,
        paths: &kubelet_paths,
        data_dir: settings.data_dir(),
    };
    let mut unseen = definition
        .map(|unit| sight::unseen(root, unit, &seen))
        .unwrap_or_default();
    settings.gaps.append(&mut unseen.gaps);
    // Whoever read so far may have taken what could not be read for what is not there.
    for error in root.read_errors() {
        let gap = Gap::Unreadable(error);
        if !settings.gaps.contains(&gap) && !kubelet.gaps.contains(&gap) {
            settings.gaps.push(gap);
        }
    }
    Resolved {
        installed,
        detection,
        invocation,
        files,
        settings,
        kubelet_files,
        kubelet,
        unseen,
    }
}

/// Examines one unit as `definition` has it.
pub(crate) fn defined(
    root: &HostRoot,
    question: &Question,
    definition: Option<UnitDefinition>,
) -> Examination {
    let Resolved {
        installed,
        detection,
        invocation,
        files,
        settings,
        kubelet_files,
        kubelet,
        unseen,
    } = resolve(root, question, definition.as_ref());
    let version = &installed.version;
    let mut start = StartSettings::new(version.clone(), &settings, &kubelet);
    start.advice.extend(version_advice(&installed, &detection));
    start.advice.extend(definition.iter().flat_map(unit_advice));
    if question.advise {
        let advice = guide_advice(root, &settings, &kubelet, &start);
        start.advice.extend(advice);
    }
    let rivals = question.other == Other::Rival;
    start.advice.extend(rivals.then(|| rival(question.role)));
    let idle = question.other == Other::Chosen;
    if idle {
        start.advice.clear();
    }

    let requirements = requirements::of(&start);
    let rules = ProfileRules::of(version);
    let mut facts = facts::collect(
        root,
        &requirements,
        next_boot(root, &requirements),
        rules.account_line_limit,
    );
    if let Some(why) = &unseen.kernel {
        facts.forget_kernel(why);
    }
    let mut findings = evaluate(&requirements, &facts);
    worlds::weaken(
        &mut findings,
        &worlds::Judged {
            root,
            role: question.role,
            invocation: &invocation,
            files: &files,
            settings: &settings,
            kubelet: &kubelet,
            kubelet_files: &kubelet_files,
            requirements: &requirements,
            facts: &facts,
            installed: &installed,
            detection: &detection,
        },
    );
    let image = facts.image;
    Examination {
        definition,
        settings,
        requirements,
        facts,
        report: UnitReport {
            unit: question.role.unit().to_owned(),
            role: start.role,
            version: start.version,
            version_source: installed.source.as_str(),
            profile: start.profile,
            verdict: verdict::fold(&findings),
            findings,
            image,
            idle,
        },
    }
}

/// What of the hardening guide will bite at the next start; without a profile nobody asked for it.
fn guide_advice(
    root: &HostRoot,
    settings: &config::Settings,
    kubelet: &config::Kubelet,
    start: &StartSettings,
) -> Vec<Advice> {
    let rules = ProfileRules::of(&start.version);
    // A start that ends before the host is looked at is not to be advised on it.
    let scope = rules.status(&start.profile.value).scope();
    let Some(scope) = scope.filter(|_| start.fatal.is_empty()) else {
        return Vec::new();
    };
    let facts = host_audit::restart(root, settings, scope);
    restart::advice(start.role, &start.version, scope, &facts, kubelet)
}

/// Whether the program that the unit starts is RKE2: by the build information in it, whatever its name,
/// else by its name where it is a program. A script of that name may start RKE2 with other arguments.
fn is_rke2(
    root: &HostRoot,
    program: &Path,
    question: &Question,
    installed: &InstalledVersion,
    detection: &Detection,
) -> bool {
    let named = is_named_rke2(program);
    if question.version.is_some() {
        // The program was not looked at.
        return match rke2_binary::read_program(root, program) {
            Ok(BinaryKind::NotElf) => false,
            Ok(BinaryKind::Go(BuildInfo {
                rke2: Some(text), ..
            })) if build_info::release(&text).is_some() => true,
            _ => named,
        };
    }
    let is_script = |note: &Note| matches!(note, Note::NotElf { .. });
    installed.source == VersionSource::Binary || (named && !detection.notes.iter().any(is_script))
}

/// Why it is not known whether the program is RKE2: it cannot be read here.
fn unread(program: Option<&Path>, detection: &Detection) -> Option<Gap> {
    let program = program?;
    detection.notes.iter().find_map(|note| match note {
        Note::Unreadable(error) if Path::new(error.path()) == program && error.is_ours() => {
            Some(Gap::Unreadable(error.clone()))
        }
        _ => None,
    })
}

fn is_named_rke2(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name == "rke2")
}

/// How the unit starts RKE2.
fn invocation(start: &Start) -> Invocation {
    let bytes = |text: &str| text.as_bytes().to_vec();
    Invocation {
        args: start
            .args
            .iter()
            .map(|word| Argument {
                text: bytes(&word.text),
                source: word.source.clone(),
            })
            .collect(),
        env: start
            .environment
            .iter()
            .map(|variable| Variable {
                name: bytes(&variable.name),
                value: bytes(&variable.value),
                source: variable.source.clone(),
            })
            .collect(),
    }
}

/// The release to judge by, and what was found out on the way.
fn version(
    root: &HostRoot,
    question: &Question,
    program: Option<&Path>,
) -> (InstalledVersion, Detection) {
    let plain = |version, source| InstalledVersion {
        version,
        source,
        evidence: None,
        go: None,
    };
    if let Some(version) = &question.version {
        return (
            plain(version.clone(), VersionSource::Option),
            Detection::default(),
        );
    }
    // To ask another program for its version could start RKE2.
    let ask = program
        .is_none_or(is_named_rke2)
        .then(|| rke2_binary::VersionCommand {
            deadline: VERSION_PATIENCE,
            cache: CACHE.into(),
        });
    let mut detection = rke2_binary::detect(root, program, Path::new(DATA_DIR), ask.as_ref());
    let installed = detection
        .installed
        .take()
        .unwrap_or_else(|| plain(profile::newest(), VersionSource::Assumed));
    (installed, detection)
}

/// What deserves attention about the version.
fn version_advice(installed: &InstalledVersion, detection: &Detection) -> Vec<Advice> {
    let mut advice = Vec::new();
    if profile::is_newer_than_known(&installed.version) {
        advice.push(Advice {
            check: "version.newer",
            subject: installed.version.to_string(),
            summary: format!(
                "RKE2 {} is newer than the rules of this preflight-rke2; it is judged by those of {}, and \
                 not blocked for what may have changed since",
                installed.version,
                releases::newest_of(installed.version.minor)
            ),
            remedy: "install a newer preflight-rke2".to_owned(),
            source: installed.evidence.clone(),
        });
    }
    let uncertain = matches!(
        installed.source,
        VersionSource::Assumed | VersionSource::DataDir
    );
    // No program at all is a host without RKE2: nothing to worry about.
    let note = detection
        .notes
        .iter()
        .find(|note| !matches!(note, crate::rke2::installed::Note::NoProgram { .. }));
    if let (true, Some(note)) = (uncertain, note) {
        advice.push(Advice {
            check: "version.unknown",
            subject: "RKE2's version".to_owned(),
            summary: format!("which RKE2 would start is not certain: {note}"),
            remedy: worlds::remedy(detection),
            source: installed.evidence.clone(),
        });
    }
    advice
}

/// What deserves attention about the unit.
fn unit_advice(definition: &UnitDefinition) -> Vec<Advice> {
    definition
        .problems
        .iter()
        .map(|problem| Advice {
            check: "unit.problem",
            subject: definition.name.clone(),
            summary: problem.to_string(),
            remedy: format!(
                "mend {}, then run `systemctl daemon-reload`",
                problem
                    .source
                    .as_ref()
                    .map_or_else(|| definition.name.clone(), Source::to_string)
            ),
            source: problem.source.clone(),
        })
        .collect()
}

/// Both units start at boot: since 1.32.13 and its like the first one up keeps the other down, before
/// that each stops the other.
fn rival(role: Role) -> Advice {
    let other = match role {
        Role::Server => Role::Agent,
        Role::Agent => Role::Server,
    };
    Advice {
        check: "unit.both-enabled",
        subject: role.unit().to_owned(),
        summary: format!(
            "{} and {} are both enabled; one node runs one of them",
            role.unit(),
            other.unit()
        ),
        remedy: format!(
            "run `systemctl disable {}` or `systemctl disable {}`",
            role.unit(),
            other.unit()
        ),
        source: None,
    }
}

/// Reads them all, demanded or not.
pub(crate) fn parameters(root: &HostRoot) -> Parameters {
    Parameters {
        live: facts::live(root),
        resolution: resolution(&sysctl_files::collect(root)),
    }
}

fn resolution(tree: &Tree) -> Resolution {
    let keys: Vec<&str> = KERNEL_PARAMETERS.iter().map(|p| p.key).collect();
    sysctl_d::resolve(tree, &keys, Dialect::default())
}

/// What files make of the kernel parameters at the next boot, if anybody demands one.
fn next_boot(root: &HostRoot, requirements: &[Requirement]) -> Vec<Reading<NextBoot>> {
    let demanded = |index: usize| {
        requirements.iter().any(|r| {
            r.applies
                && matches!(r.kind, RequirementKind::Kernel { index: asked, .. } if asked == index)
        })
    };
    if !(0..KERNEL_PARAMETERS.len()).any(demanded) {
        return Vec::new();
    }
    let tree = sysctl_files::collect(root);
    let resolution = resolution(&tree);
    let unset = |key: &KeyResolution| key.set.is_none() && key.command_line.is_none();
    let build = if resolution.keys.iter().any(unset) {
        KernelBuild::read(root)
    } else {
        KernelBuild::default()
    };
    let mut facts = next_boot::facts(&resolution, &KERNEL_PARAMETERS, |key| build.value(key));
    let dialect = Dialect::default();
    next_boot::cure(&mut facts, &KERNEL_PARAMETERS, demanded, &tree, dialect);
    facts
}
