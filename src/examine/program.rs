//! Stage 2a: the program that the unit starts, its release, and how it is invoked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::target::Target;
use super::visibility;
use crate::host::{HostRoot, rke2_binary};
use crate::rke2::build_info::{self, BinaryKind, BuildInfo};
use crate::rke2::config::{Argument, Gap, Invocation, Variable};
use crate::rke2::installed::{Detection, InstalledVersion, Note, VersionSource};
use crate::rke2::releases;
use crate::unit::{Start, UnitDefinition};

/// RKE2's default data directory.
const DATA_DIR: &str = "/var/lib/rancher/rke2";
/// How long `rke2 --version` may run.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);
/// Where the answer of `rke2 --version` is kept until the next boot.
const CACHE: &str = crate::host::state::DIRECTORY;

/// The program that the unit starts.
pub(super) struct StartedProgram {
    /// Its path; `None` without an installed unit.
    pub(super) path: Option<PathBuf>,
    /// Whether that program is RKE2, as far as is known.
    pub(super) is_rke2: bool,
    /// The release to assess by.
    pub(super) installed: InstalledVersion,
    /// What was found out while looking for it.
    pub(super) detection: Detection,
    /// Arguments and environment. Only RKE2's own role where another program is started.
    pub(super) invocation: Invocation,
}

/// Finds the program of `definition` and its release.
pub(super) fn identify(
    root: &HostRoot,
    target: &Target,
    definition: Option<&UnitDefinition>,
) -> StartedProgram {
    let started = definition.and_then(UnitDefinition::command);
    let path = definition
        .zip(started.as_ref())
        .map(|(unit, start)| visibility::program(root, unit, start));
    let (mut installed, mut detection) = version(root, target, path.as_deref());
    let is_rke2 = path
        .as_deref()
        .is_none_or(|path| is_rke2(root, path, target, &installed, &detection));
    if !is_rke2 {
        // A wrapper may run RKE2 in the end: one of those where installers put it.
        (installed, detection) = version(root, target, None);
    }
    let invocation = match &started {
        Some(start) if is_rke2 => invocation(start),
        _ => Invocation::of(target.role),
    };
    StartedProgram {
        path,
        is_rke2,
        installed,
        detection,
        invocation,
    }
}

impl StartedProgram {
    /// Why the settings of what runs cannot be determined: another program runs, or it cannot be read.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let Some(path) = self.path.as_deref() else {
            return Vec::new();
        };
        let mut gaps = Vec::new();
        if !self.is_rke2 {
            gaps.push(Gap::OtherProgram(path.to_string_lossy().into_owned()));
        }
        let unreadable = self.detection.notes.iter().find_map(|note| match note {
            Note::Unreadable(error) if Path::new(error.path()) == path && error.is_ours() => {
                Some(Gap::Unreadable(error.clone()))
            }
            _ => None,
        });
        gaps.extend(unreadable);
        gaps
    }
}

/// The release to assess by, and what was found out while looking for it.
fn version(
    root: &HostRoot,
    target: &Target,
    program: Option<&Path>,
) -> (InstalledVersion, Detection) {
    let without_evidence = |version, source| InstalledVersion {
        version,
        source,
        evidence: None,
        go: None,
    };
    if let Some(version) = &target.version {
        let installed = without_evidence(version.clone(), VersionSource::Option);
        return (installed, Detection::default());
    }
    // Running a program of another name with `--version` could start RKE2.
    let ask = if program.is_none_or(is_named_rke2) {
        Some(rke2_binary::VersionCommand {
            deadline: VERSION_TIMEOUT,
            cache: CACHE.into(),
        })
    } else {
        None
    };
    let mut detection = rke2_binary::detect(root, program, Path::new(DATA_DIR), ask.as_ref());
    let installed = detection
        .installed
        .take()
        .unwrap_or_else(|| without_evidence(releases::newest(), VersionSource::Assumed));
    (installed, detection)
}

/// Whether the program is RKE2: by the build information in it, whatever its name, else by its name.
/// A script of that name may start RKE2 with other arguments, so that it does not count.
fn is_rke2(
    root: &HostRoot,
    program: &Path,
    target: &Target,
    installed: &InstalledVersion,
    detection: &Detection,
) -> bool {
    let named = is_named_rke2(program);
    if target.version.is_some() {
        // The release is given, so that the program has not been read yet.
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

fn is_named_rke2(program: &Path) -> bool {
    program.file_name().is_some_and(|name| name == "rke2")
}

/// Arguments and environment of a command, as bytes, each with the line that sets it.
pub(super) fn invocation(start: &Start) -> Invocation {
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
                set_by: variable.origin,
            })
            .collect(),
    }
}
