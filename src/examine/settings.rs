//! Stage 2: what RKE2 and its kubelet would run with: program, release, and effective configuration.

use std::path::Path;

use super::kubelet_machine;
use super::program::{self, StartedProgram};
use super::target::Target;
use super::visibility;
use crate::host::{HostRoot, rke2_config};
use crate::kubernetes::control_plane::FileState;
use crate::rke2::config::{self, Gap, Ground, ParserRules};
use crate::rke2::installed::InstalledVersion;
use crate::rke2::own_refusals::{self, Joined};
use crate::rke2::refusals::{self, KubeletStart};
use crate::rke2::releases::Coverage;
use crate::rke2::role::Role;
use crate::rke2::start::{ComponentFailures, StartFailure};
use crate::rke2::version::Version;
use crate::unit::UnitDefinition;

/// What RKE2 would run with. What cannot be determined is in [`config::Settings::gaps`].
pub(super) struct Resolved {
    pub(super) program: StartedProgram,
    pub(super) files: config::ConfigFiles,
    pub(super) settings: config::Settings,
    pub(super) kubelet_files: config::KubeletFiles,
    pub(super) kubelet: config::Kubelet,
    /// For which of that the components exit.
    pub(super) failures: ComponentFailures,
    /// Why kernel parameters cannot be determined, if they cannot.
    pub(super) unknown_kernel: Option<String>,
}

impl Resolved {
    /// The release whose rules apply.
    pub(super) const fn version(&self) -> &Version {
        &self.program.installed.version
    }
}

/// Reads the configuration of RKE2 and its kubelet, and resolves it by the rules of the release.
pub(super) fn resolve(
    root: &HostRoot,
    target: &Target,
    definition: Option<&UnitDefinition>,
) -> Resolved {
    let program = program::identify(root, target, definition);
    let parser = ParserRules::of(&program.installed.version);

    let written = config::config_path(&program.invocation).path;
    let directory = definition.map_or("", |unit| &unit.working_directory);
    let path = visibility::absolute(directory, &written);
    let files = rke2_config::read(root, &path);
    let mut settings = config::resolve(&program.invocation, &files, target.role, &parser);
    settings.gaps.extend(program.gaps());

    let kubelet_paths = config::kubelet_paths(&settings, &parser);
    let kubelet_files = rke2_config::read_kubelet(root, &kubelet_paths);
    let kubelet = config::kubelet(&settings, &parser, &kubelet_files);

    let version = &program.installed.version;
    let mut named = Vec::new();
    let of_kubelet = kubelet_machine::with(root, &mut named, |host| {
        refusals::kubelet(&KubeletStart {
            settings: &settings,
            version,
            rules: &parser,
            files: &kubelet_files,
            kubelet: &kubelet,
            environment: &program.invocation.env,
            host,
        })
    });
    let failures = ComponentFailures {
        kubelet: of_kubelet.failures,
        gates: of_kubelet.gates,
        static_pods: static_pods(root, &settings, &program.installed),
        rke2: own_failures(root, &settings, version),
    };

    let mut unknown_kernel = None;
    if let Some(unit) = definition {
        let inputs = visibility::Inputs {
            program: program.path.as_deref(),
            config: &files,
            is_relative: !written.as_os_str().is_empty() && written.is_relative(),
            kubelet: &kubelet_files,
            paths: &kubelet_paths,
            named: &named,
            data_dir: settings.data_dir(),
        };
        let undetermined = visibility::undetermined(root, unit, &inputs);
        settings.gaps.extend(undetermined.gaps);
        unknown_kernel = undetermined.kernel;
    }
    add_read_failures(root, &mut settings, &kubelet);
    Resolved {
        program,
        files,
        settings,
        kubelet_files,
        kubelet,
        failures,
        unknown_kernel,
    }
}

/// What RKE2 itself exits for after it has parsed its flags.
pub(super) fn own_failures(
    root: &HostRoot,
    settings: &config::Settings,
    version: &Version,
) -> Vec<StartFailure> {
    // Only an agent is asked: the gate of a server looks for no file more.
    let joined = match settings.role {
        Role::Agent => rke2_config::joined(root, settings.data_dir()),
        Role::Server => Joined::Perhaps,
    };
    own_refusals::failures(settings, version, joined)
}

/// What ends static pods, of a release whose rules are known. None keeps the unit from starting, so that none is
/// held against other releases that are possible.
fn static_pods(
    root: &HostRoot,
    settings: &config::Settings,
    installed: &InstalledVersion,
) -> Vec<StartFailure> {
    let coverage = installed.coverage();
    if matches!(coverage, Coverage::Any | Coverage::LaterMinor) {
        return Vec::new();
    }
    let read = |path: &str| match root.read(Path::new(path)) {
        Ok(content) => FileState::Content(content),
        Err(error) if error.is_absent() => FileState::Missing,
        Err(_) => FileState::Unknown,
    };
    let mut failures = refusals::static_pods(settings, &installed.version, &read);
    if coverage == Coverage::LaterPatch {
        failures.retain(|failure| failure.ground == Ground::Settled);
    }
    failures
}

/// A read that failed for want of memory or descriptors may have passed for a missing file.
fn add_read_failures(root: &HostRoot, settings: &mut config::Settings, kubelet: &config::Kubelet) {
    for error in root.read_errors() {
        let gap = Gap::Unreadable(error);
        if !settings.gaps.contains(&gap) && !kubelet.gaps.contains(&gap) {
            settings.gaps.push(gap);
        }
    }
}
