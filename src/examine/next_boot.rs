//! The watched kernel parameters: what each holds now, and what files set at the next boot.

use crate::assessment::Parameters;
use crate::evaluate::{next_boot, systemd_version};
use crate::facts::{NextBoot, Reading, SystemdSource, SystemdVersion};
use crate::host::kernel_build::KernelBuild;
use crate::host::{self, HostRoot, facts, selinux, sysctl_d as sysctl_files};
use crate::requirements::{self, Requirement, RequirementKind};
use crate::rke2::kernel::{KERNEL_PARAMETERS, KernelParameter};
use crate::sysctl_d::{
    self, Assignment, Dialect, KeyResolution, Resolution, SearchDirectory, Tree, Via, versions,
};
use crate::unit::UnitDefinition;

/// Reads all watched parameters, whether required or not by `requirements`.
pub(crate) fn parameters(
    root: &HostRoot,
    definition: Option<&UnitDefinition>,
    requirements: &[Requirement],
) -> Parameters {
    let tree = sysctl_files::collect(root);
    let systemd = systemd(root, definition);
    Parameters {
        live: facts::live(root),
        resolution: sysctl_d::resolve(&tree, &keys(), dialect(systemd)),
        systemd,
        older: older(&tree, systemd),
        kubelet_sets: requirements::kubelet_sets(requirements),
    }
}

/// The lines of the administrator's files that set another value at the next boot than the kubelet does.
pub(super) fn other_values(
    root: &HostRoot,
    definition: Option<&UnitDefinition>,
) -> Vec<(KernelParameter, Assignment)> {
    let tree = sysctl_files::collect(root);
    let dialect = dialect(systemd(root, definition));
    let resolution = sysctl_d::resolve(&tree, &keys(), dialect);
    let of_administrator = |set: &Assignment| {
        set.via == Via::Explicit
            && set
                .line
                .source
                .path
                .starts_with(SearchDirectory::Etc.path())
    };
    KERNEL_PARAMETERS
        .into_iter()
        .zip(resolution.keys)
        .filter_map(|(parameter, key)| {
            let number = key.value().map(i64::from)?;
            let set = key.set.filter(of_administrator)?;
            (number != parameter.required).then_some((parameter, set))
        })
        .collect()
}

/// What files set at the next boot.
#[derive(Debug, Clone)]
pub(super) struct AtNextBoot {
    /// By position in [`KERNEL_PARAMETERS`].
    pub(super) facts: Vec<Reading<NextBoot>>,
    /// The systemd whose rules that follows; `None` for the newest, where the host's is not known.
    pub(super) systemd: Option<SystemdVersion>,
}

/// Reads what files set at the next boot; nothing where `requirements` has no kernel parameter.
pub(super) fn read(
    root: &HostRoot,
    definition: Option<&UnitDefinition>,
    requirements: &[Requirement],
) -> AtNextBoot {
    let is_required = |index: usize| {
        requirements.iter().any(|requirement| {
            let of_kernel = &requirement.kind;
            requirement.applies
                && matches!(of_kernel, RequirementKind::Kernel { index: at, .. } if *at == index)
        })
    };
    if !(0..KERNEL_PARAMETERS.len()).any(is_required) {
        return AtNextBoot {
            facts: Vec::new(),
            systemd: None,
        };
    }
    let tree = sysctl_files::collect(root);
    let systemd = systemd(root, definition);
    let resolution = sysctl_d::resolve(&tree, &keys(), dialect(systemd));
    let older = older(&tree, systemd);
    let build = kernel_build(root, older.iter().map(|(_, old)| old).chain([&resolution]));
    let of = |resolution| next_boot::facts(resolution, &KERNEL_PARAMETERS, |key| build.value(key));
    let mut facts = of(&resolution);
    let older: Vec<_> = older.iter().map(|(at, old)| (*at, of(old))).collect();
    systemd_version::leave_open(&mut facts, &older, &KERNEL_PARAMETERS);
    next_boot::deny(&mut facts, |path| selinux::denied(root, path));
    let dialect = dialect(systemd);
    next_boot::persist(&mut facts, &KERNEL_PARAMETERS, is_required, &tree, dialect);
    AtNextBoot { facts, systemd }
}

fn keys() -> [&'static str; KERNEL_PARAMETERS.len()] {
    KERNEL_PARAMETERS.map(|parameter| parameter.key)
}

/// The version of systemd: the installed one, which boots next; where its files do not name it, the running one.
fn systemd(root: &HostRoot, definition: Option<&UnitDefinition>) -> Option<SystemdVersion> {
    if let Some(version) = host::systemd_version::read(root) {
        let source = SystemdSource::Files;
        return Some(SystemdVersion { version, source });
    }
    let version = u16::try_from(definition?.systemd?).ok()?;
    let source = SystemdSource::Bus;
    Some(SystemdVersion { version, source })
}

fn dialect(systemd: Option<SystemdVersion>) -> Dialect {
    systemd.map_or(Dialect::NEWEST, |systemd| Dialect::of(systemd.version))
}

/// What older versions of systemd would leave, where the host's is not known.
fn older(tree: &Tree, systemd: Option<SystemdVersion>) -> Vec<(u16, Resolution)> {
    if systemd.is_some() {
        return Vec::new();
    }
    let all = versions::older(tree, &keys()).into_iter();
    all.filter_map(|(dialect, resolution)| Some((dialect.version()?, resolution)))
        .collect()
}

/// The kernel's configuration. It is long, and read only where defaults of the kernel decide.
fn kernel_build<'a>(
    root: &HostRoot,
    mut resolutions: impl Iterator<Item = &'a Resolution>,
) -> KernelBuild {
    let is_unset = |key: &KeyResolution| key.set.is_none() && key.command_line.is_none();
    if resolutions.any(|resolution| resolution.keys.iter().any(is_unset)) {
        KernelBuild::read(root)
    } else {
        KernelBuild::default()
    }
}
