//! The watched kernel parameters: what each holds now, and what files set at the next boot.

use crate::assessment::Parameters;
use crate::evaluate::next_boot;
use crate::facts::{NextBoot, Reading};
use crate::host::kernel_build::KernelBuild;
use crate::host::{HostRoot, facts, sysctl_d as sysctl_files};
use crate::requirements::{Requirement, RequirementKind};
use crate::rke2::kernel::KERNEL_PARAMETERS;
use crate::sysctl_d::{self, Dialect, NextBoot as KeyAtNextBoot, Resolution, Tree};

/// Reads all watched parameters, whether required or not.
pub(crate) fn parameters(root: &HostRoot) -> Parameters {
    Parameters {
        live: facts::live(root),
        resolution: resolve(&sysctl_files::collect(root)),
    }
}

fn resolve(tree: &Tree) -> Resolution {
    let keys: Vec<&str> = KERNEL_PARAMETERS.iter().map(|p| p.key).collect();
    sysctl_d::resolve(tree, &keys, Dialect::default())
}

/// What files set at the next boot, by position in [`KERNEL_PARAMETERS`]; empty where `requirements` has no
/// kernel parameter.
pub(super) fn read(root: &HostRoot, requirements: &[Requirement]) -> Vec<Reading<NextBoot>> {
    let is_required = |index: usize| {
        requirements.iter().any(|requirement| {
            let of_kernel = &requirement.kind;
            requirement.applies
                && matches!(of_kernel, RequirementKind::Kernel { index: at, .. } if *at == index)
        })
    };
    if !(0..KERNEL_PARAMETERS.len()).any(is_required) {
        return Vec::new();
    }
    let tree = sysctl_files::collect(root);
    let resolution = resolve(&tree);
    let is_unset = |key: &KeyAtNextBoot| key.set.is_none() && key.command_line.is_none();
    // The kernel's configuration is long: it is read only where its defaults decide.
    let build = if resolution.keys.iter().any(is_unset) {
        KernelBuild::read(root)
    } else {
        KernelBuild::default()
    };
    let mut facts = next_boot::facts(&resolution, &KERNEL_PARAMETERS, |key| build.value(key));
    let dialect = Dialect::default();
    next_boot::cure(&mut facts, &KERNEL_PARAMETERS, is_required, &tree, dialect);
    facts
}
